"use strict";

// Elements with attributes and children; texts never become markup.
function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

function dataOf(element) {
  return JSON.parse(element.querySelector('script[type="application/json"]').textContent);
}

// A name keeps its colour all over the page; names that meet in one place differ, by dashes where colours run out.
const COLOURS = 8;
const slots = new Map();

// The classes of each name.
function looksOf(names) {
  const taken = new Set();
  const kept = names.map((name) => {
    const slot = slots.get(name);
    if (slot === undefined || taken.has(slot)) return null;
    taken.add(slot);
    return slot;
  });
  const free = (used) => [...Array(names.length + COLOURS).keys()].find((slot) => !used.has(slot));
  return kept.map((slot, index) => {
    if (slot === null) {
      slot = free(new Set([...taken, ...slots.values()]));
      if (slot >= COLOURS) slot = free(taken);
      taken.add(slot);
      if (!slots.has(names[index])) slots.set(names[index], slot);
    }
    return `c${slot % COLOURS}${slot >= COLOURS ? " dashed" : ""}`;
  });
}

// The clipboard is closed to some pages that are opened from a disk: then the text is selected and copied the old way.
async function copyText(text, button) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", { class: "heard-only", "aria-hidden": "true", tabindex: "-1" });
    field.value = text;
    document.body.append(field);
    field.select();
    copied = document.execCommand("copy");
    field.remove();
    button.focus();
  }
  const before = button.dataset.name || button.textContent;
  button.dataset.name = before;
  button.textContent = copied ? "Copied" : "Can't copy";
  setTimeout(() => { button.textContent = before; }, 1500);
}
