"use strict";

const players = [];

// A part that fails stays as it was without scripts; the others go on.
function each(selector, enhance) {
  for (const element of document.querySelectorAll(selector)) {
    try {
      enhance(element);
    } catch (error) {
      console.error(error);
    }
  }
}

each("table", sortable);
each(".player", (element) => players.push(new Player(element)));
each('.chart[data-kind="curves"]', (element) => new CurvesChart(element, dataOf(element)));
each('.chart[data-kind="histogram"]', (element) => new HistogramChart(element, dataOf(element)));
each(".command", (element) => {
  const button = make("button", { type: "button", class: "small" }, "Copy");
  button.addEventListener("click", () => copyText(element.querySelector("code").textContent, button));
  element.append(button);
});
