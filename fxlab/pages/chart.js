"use strict";

const MARGIN = { top: 14, right: 14, bottom: 42, left: 64 };

// What all charts share: a legend that switches series, a drawing as wide as the page, and a cursor that reads values off.
class Chart {
  constructor(element, title, names, shown) {
    this.element = element;
    this.names = names;
    this.looks = looksOf(names);
    this.shown = shown;
    this.cursor = null;
    this.legend = make("div", { class: "legend", role: "group", "aria-label": `${title}: what is shown` });
    this.plot = make("div", {
      class: "plot", tabindex: "0", role: "group", "aria-roledescription": "chart",
      "aria-label": `${title}. Left and right arrow keys read values.`,
    });
    this.readout = make("p", { class: "readout", "aria-live": "polite" });
    element.append(this.legend, this.plot, this.readout);
    this.buttons = names.map((name, index) => make(
      "button",
      { type: "button", class: this.looks[index], "aria-pressed": String(shown[index]), onclick: () => this.toggle(index) },
      make("span", { class: "swatch" }), make("span", {}, name),
    ));
    this.legend.append(...this.buttons);
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerdown", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => this.read(null));
    this.plot.addEventListener("keydown", (event) => this.key(event));
  }

  // To be called when a chart can draw; draws again whenever its width changes.
  begin() {
    new ResizeObserver(() => {
      if (this.plot.clientWidth !== this.width) this.redraw();
    }).observe(this.plot);
    this.redraw();
  }

  toggle(index) {
    this.shown[index] = !this.shown[index];
    press(this.buttons[index], this.shown[index]);
    this.redraw();
  }

  visible() {
    return this.names.map((_, index) => index).filter((index) => this.shown[index]);
  }

  redraw() {
    this.width = this.plot.clientWidth;
    this.height = this.width < 500 ? 250 : 340;
    this.svg = draw("svg", { width: this.width, height: this.height, "aria-hidden": "true" });
    this.over = draw("g");
    this.paint();
    this.svg.append(this.over);
    this.plot.replaceChildren(this.svg);
    this.read(this.cursor);
  }

  axes(x, y, texts) {
    const { top, right, bottom, left } = MARGIN;
    const floor = this.height - bottom, end = this.width - right;
    for (const value of x.ticks(Math.max(2, Math.floor((end - left) / 62)))) {
      const place = x.at(value);
      this.svg.append(
        draw("line", { class: "grid", x1: place, x2: place, y1: top, y2: floor }),
        draw("text", { x: place, y: floor + 16, "text-anchor": "middle" }, texts.xTick(value)),
      );
    }
    for (const value of y.ticks(Math.max(2, Math.floor((floor - top) / 34)))) {
      const place = y.at(value);
      this.svg.append(
        draw("line", { class: "grid", x1: left, x2: end, y1: place, y2: place }),
        draw("text", { x: left - 7, y: place + 4, "text-anchor": "end" }, texts.yTick(value)),
      );
    }
    this.svg.append(
      draw("rect", { class: "frame", x: left, y: top, width: end - left, height: floor - top }),
      draw("text", { x: (left + end) / 2, y: this.height - 6, "text-anchor": "middle" }, texts.x),
      draw("text", { transform: `translate(13 ${(top + floor) / 2}) rotate(-90)`, "text-anchor": "middle" }, texts.y),
    );
  }

  // Nothing to draw is said, not drawn.
  empty(text) {
    this.svg.append(draw("text", { x: this.width / 2, y: this.height / 2, "text-anchor": "middle" }, text));
  }

  point(event) {
    this.read(this.nearest(event.clientX - this.plot.getBoundingClientRect().left));
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
    if (event.key === "Escape") this.read(null);
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.read(this.stepped(this.cursor, steps[event.key]));
  }

  read(cursor) {
    this.cursor = cursor;
    this.over.replaceChildren();
    const values = cursor === null ? null : this.values(cursor);
    if (!values) {
      this.readout.replaceChildren(make("span", { class: "hint" }, "Point, touch or use the arrow keys to read values."));
      return;
    }
    this.readout.replaceChildren(
      make("span", { class: "where" }, values.where),
      ...values.texts.map(([index, text]) => make("span", { class: `value ${this.looks[index]}` }, `${this.names[index]}: ${text}`)),
    );
  }

  cross(place) {
    this.over.append(draw("line", { class: "cross", x1: place, x2: place, y1: MARGIN.top, y2: this.height - MARGIN.bottom }));
  }
}
