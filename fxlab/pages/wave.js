"use strict";

const SHORTEST_S = 0.1;

// The waveform: a slider to seek with, on which a drag marks the region that is looped.
class Wave {
  constructor({ seconds, label, onseek, onregion }) {
    Object.assign(this, { seconds, onseek, onregion, region: null, drag: null });
    this.path = draw("path");
    this.svg = draw("svg", { "aria-hidden": "true", preserveAspectRatio: "none" }, this.path);
    this.mark = make("div", { class: "region", hidden: true });
    this.cursor = make("div", { class: "cursor" });
    this.element = make("div", {
      class: "wave", tabindex: "0", role: "slider", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": seconds.toFixed(1),
    }, this.svg, this.mark, this.cursor);
    this.element.addEventListener("pointerdown", (event) => this.down(event));
    this.element.addEventListener("pointermove", (event) => this.move(event));
    this.element.addEventListener("pointerup", (event) => this.up(event));
    this.element.addEventListener("pointercancel", () => { this.drag = null; this.show(this.region); });
    this.place(0);
  }

  // Peaks in percent of full scale, times a gain.
  picture(peaks, gain, colour) {
    const top = peaks.map((peak, k) => `${k} ${(100 - Math.max(Math.min(peak * gain, 100), 0.4)).toFixed(1)}`);
    const bottom = peaks.map((peak, k) => `${k} ${(100 + Math.max(Math.min(peak * gain, 100), 0.4)).toFixed(1)}`).reverse();
    this.svg.setAttribute("viewBox", `0 0 ${Math.max(peaks.length - 1, 1)} 200`);
    this.path.setAttribute("d", `M${top.join("L")}L${bottom.join("L")}Z`);
    this.svg.setAttribute("class", colour);
  }

  place(position) {
    this.cursor.style.left = `${100 * position / this.seconds}%`;
    const told = position.toFixed(1);
    if (told === this.told) return;
    this.told = told;
    this.element.setAttribute("aria-valuenow", told);
    this.element.setAttribute("aria-valuetext", `${told} of ${this.seconds.toFixed(1)} seconds`);
  }

  show(region) {
    this.mark.hidden = !region;
    if (!region) return;
    this.mark.style.left = `${100 * region.from / this.seconds}%`;
    this.mark.style.width = `${100 * (region.to - region.from) / this.seconds}%`;
  }

  set(region, looping) {
    this.region = region;
    this.mark.dataset.off = String(!looping);
    this.show(region);
  }

  timeOf(event) {
    const box = this.element.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.seconds;
  }

  dragged(event) {
    const time = this.timeOf(event);
    return { from: Math.min(this.drag, time), to: Math.max(this.drag, time) };
  }

  down(event) {
    if (event.button !== 0) return;
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    this.drag = this.timeOf(event);
    this.startX = event.clientX;
  }

  move(event) {
    if (this.drag !== null && Math.abs(event.clientX - this.startX) > 5) this.show(this.dragged(event));
  }

  up(event) {
    if (this.drag === null) return;
    const region = this.dragged(event);
    const far = Math.abs(event.clientX - this.startX) > 5;
    this.drag = null;
    if (far && region.to - region.from >= SHORTEST_S) {
      this.onregion(region);
    } else {
      this.show(this.region);
      this.onseek(this.timeOf(event));
    }
  }
}
