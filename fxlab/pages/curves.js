"use strict";

// Lines over one axis. Its cursor is an x.
class CurvesChart extends Chart {
  constructor(element, data) {
    super(element, element.dataset.title, data.lines.map((line) => line.name), data.lines.map(() => true));
    this.data = data;
    this.begin();
  }

  paint() {
    const lines = this.visible().map((index) => this.data.lines[index]).filter((line) => line.y.some((y) => y !== null));
    this.x = this.y = null;
    if (!lines.length) return this.empty("nothing to show");
    const { top, right, bottom, left } = MARGIN;
    const { xLabel, yLabel, xLog, yRange } = this.data;
    this.x = new Axis(...range(lines.map((line) => line.x)), xLog, left, this.width - right);
    const [low, high] = yRange || padded(range(lines.map((line) => line.y)));
    this.y = new Axis(low, high, false, this.height - bottom, top);
    this.axes(this.x, this.y, {
      x: xLabel, y: yLabel, xTick: (value) => tickText(value, unitOf(xLabel)), yTick: (value) => tickText(value, unitOf(yLabel)),
    });
    const clip = `clip${CurvesChart.count++}`;
    this.svg.append(draw("clipPath", { id: clip },
      draw("rect", { x: left, y: top - 1, width: this.width - right - left, height: this.height - bottom - top + 2 })));
    for (const index of this.visible()) {
      this.svg.append(draw("path", { class: `curve ${this.looks[index]}`, d: this.path(this.data.lines[index]), "clip-path": `url(#${clip})` }));
    }
  }

  path(line) {
    let text = "", pen = "M";
    line.x.forEach((x, k) => {
      if (line.y[k] === null) {
        pen = "M";
        return;
      }
      text += `${pen}${this.x.at(x).toFixed(1)} ${this.y.at(line.y[k]).toFixed(1)}`;
      if (pen === "M") text += "h0"; // a point that stands alone is seen by its round cap
      pen = "L";
    });
    return text;
  }

  // The points that the arrow keys visit are those of the first line shown.
  guide() {
    const index = this.visible().find((index) => this.data.lines[index].x.length);
    return index === undefined ? null : this.data.lines[index].x;
  }

  nearest(place) {
    const points = this.x && this.guide();
    return points ? points[closest(points, this.x.value(place))] : null;
  }

  stepped(cursor, step) {
    const points = this.x && this.guide();
    if (!points) return null;
    const from = cursor === null ? (step > 0 ? -1 : points.length) : closest(points, cursor);
    return points[Math.min(Math.max(from + step, 0), points.length - 1)];
  }

  values(cursor) {
    if (!this.x) return null;
    this.cross(this.x.at(cursor));
    const texts = [];
    for (const index of this.visible()) {
      const line = this.data.lines[index];
      if (!line.x.length) continue;
      const k = closest(line.x, cursor);
      const y = line.y[k];
      texts.push([index, y === null ? "–" : withUnit(y, unitOf(this.data.yLabel))]);
      const place = y === null ? NaN : this.y.at(y);
      if (place >= MARGIN.top && place <= this.height - MARGIN.bottom) {
        this.over.append(draw("circle", { class: `dot ${this.looks[index]}`, cx: this.x.at(line.x[k]), cy: place, r: 4 }));
      }
    }
    const unit = unitOf(this.data.xLabel);
    return { where: unit ? withUnit(cursor, unit) : `${this.data.xLabel} ${number(cursor)}`, texts };
  }
}

CurvesChart.count = 0;

function range(lists) {
  let low = Infinity, high = -Infinity;
  for (const list of lists) {
    for (const value of list) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return [low, high];
}

function padded([low, high]) {
  const room = 0.05 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low - room, high + room];
}

// Index of the value nearest to `x` in a rising list.
function closest(list, x) {
  let low = 0, high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= x) low = middle;
    else high = middle;
  }
  return Math.abs(list[high] - x) < Math.abs(x - list[low]) ? high : low;
}
