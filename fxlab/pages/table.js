"use strict";

// Columns sort by a click or a key on their names: first rising, then falling. What has no value stays last.
function sortable(table) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const numeric = head.classList.contains("number");
      const keyed = [...body.rows].map((row) => [keyOf(row.cells[column], numeric), row]);
      keyed.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        const order = numeric ? a - b : a.localeCompare(b, undefined, { numeric: true });
        return falling ? -order : order;
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

function keyOf(cell, numeric) {
  if (!numeric) return cell.textContent.trim() || null;
  return "value" in cell.dataset ? Number(cell.dataset.value) : null;
}
