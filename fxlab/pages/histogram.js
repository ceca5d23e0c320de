"use strict";

// How long blocks took, over a logarithmic axis of time. Its cursor is a time.
class HistogramChart extends Chart {
  constructor(element, data) {
    const names = data.distributions.map((one) => one.name);
    super(element, element.dataset.title, names, names.map((_, index) => index < 2));
    this.xLabel = data.xLabel;
    this.distributions = data.distributions.map((one) => {
      const total = one.counts.reduce((sum, count) => sum + count, 0);
      let left = total;
      return { ...one, total, above: one.counts.map((count) => (left -= count)) };
    });
    this.logarithmic = false;
    this.scale = make("button", { type: "button", class: "small", "aria-pressed": "false", onclick: () => this.rescale() }, "Log heights");
    this.scale.title = "Single late blocks can be seen then";
    this.legend.append(this.scale);
    this.begin();
  }

  rescale() {
    this.logarithmic = !this.logarithmic;
    press(this.scale, this.logarithmic);
    this.redraw();
  }

  paint() {
    const { top, right, bottom, left } = MARGIN;
    const chosen = this.visible().filter((index) => this.distributions[index].total > 0);
    this.x = null;
    if (!chosen.length) return this.empty("nothing to show");
    const times = chosen.flatMap((index) => this.span(this.distributions[index]));
    this.x = new Axis(Math.min(...times) / 1.1, Math.max(...times) * 1.1, true, left, this.width - right);
    const shares = chosen.flatMap((index) => this.shares(this.distributions[index]).filter((share) => share > 0));
    const highest = Math.max(...shares);
    const lowest = this.logarithmic ? Math.min(...shares) / 2 : 0;
    this.y = new Axis(lowest, highest * (this.logarithmic ? 1.6 : 1.08), this.logarithmic, this.height - bottom, top);
    this.axes(this.x, this.y, {
      x: this.xLabel, y: "share of blocks (%)", xTick: (value) => duration(value, 3), yTick: (value) => number(100 * value, 3),
    });
    for (const index of chosen) {
      this.svg.append(draw("path", { class: `bars ${this.looks[index]}`, d: this.outline(this.distributions[index]) }));
    }
    this.marks(chosen);
  }

  shares(one) {
    return one.counts.map((count) => count / one.total);
  }

  // From the first to the last bin that isn't empty, marks included.
  span(one) {
    const full = one.counts.map((count, k) => (count ? k : -1)).filter((k) => k >= 0);
    return [one.edges[full[0]], one.edges[full[full.length - 1] + 1], ...one.marks.map((mark) => mark.at)].filter((time) => time > 0);
  }

  outline(one) {
    const floor = this.height - MARGIN.bottom;
    let text = "", open = false;
    this.shares(one).forEach((share, k) => {
      if (!share) {
        if (open) text += `V${floor}`;
        open = false;
        return;
      }
      const from = this.x.at(Math.max(one.edges[k], this.x.low)).toFixed(1);
      text += `${open ? "" : `M${from} ${floor}`}V${this.y.at(share).toFixed(1)}H${this.x.at(one.edges[k + 1]).toFixed(1)}`;
      open = true;
    });
    return open ? `${text}V${floor}` : text;
  }

  // One that all share, such as a deadline, is drawn once and has no series' colour. Names keep out of each other's way.
  marks(chosen) {
    const found = new Map();
    for (const index of chosen) {
      for (const mark of this.distributions[index].marks) {
        const key = `${mark.name} ${mark.at}`;
        found.set(key, { ...mark, owners: [...(found.get(key)?.owners || []), index] });
      }
    }
    const ends = [];
    const wide = 7 * 1.05;
    for (const mark of [...found.values()].sort((a, b) => a.at - b.at)) {
      const shared = mark.owners.length > 1 || this.distributions.length === 1;
      const place = this.x.at(mark.at);
      const text = `${mark.name} ${duration(mark.at, 3)}`;
      const room = text.length * wide;
      const turned = place + room > this.width - MARGIN.right;
      const start = turned ? place - room : place;
      let row = ends.findIndex((end) => end < start);
      if (row < 0) row = ends.length;
      ends[row] = start + room;
      const colour = shared ? "" : ` ${this.looks[mark.owners[0]]}`;
      this.svg.append(
        draw("line", { class: `mark${colour}`, x1: place, x2: place, y1: MARGIN.top, y2: this.height - MARGIN.bottom }),
        draw("text", {
          class: `mark-name${colour}`, x: place + (turned ? -5 : 5), y: MARGIN.top + 14 + 15 * row, "text-anchor": turned ? "end" : "start",
        }, text),
      );
    }
  }

  guide() {
    const index = this.visible().find((index) => this.distributions[index].total > 0);
    return index === undefined || !this.x ? null : this.distributions[index];
  }

  nearest(place) {
    const one = this.guide();
    if (!one) return null;
    const time = this.x.value(place);
    return time < one.edges[0] || time > one.edges[one.edges.length - 1] ? null : middle(one, binOf(one, time));
  }

  stepped(cursor, step) {
    const one = this.guide();
    if (!one) return null;
    const full = one.counts.map((count, k) => (count ? k : -1)).filter((k) => k >= 0);
    const first = full[0], last = full[full.length - 1];
    const from = cursor === null ? (step > 0 ? first - 1 : last + 1) : binOf(one, cursor);
    return middle(one, Math.min(Math.max(from + step, first), last));
  }

  values(cursor) {
    const guide = this.guide();
    if (!guide) return null;
    this.cross(this.x.at(cursor));
    const bin = binOf(guide, cursor);
    if (bin < 0) return null;
    const texts = this.visible().filter((index) => this.distributions[index].total > 0).map((index) => {
      const one = this.distributions[index];
      const k = binOf(one, cursor);
      if (k < 0) return [index, "none"];
      const { total } = one;
      return [index, `${one.counts[k]} of ${total} (${percent(one.counts[k] / total)}), ${percent(one.above[k] / total)} above`];
    });
    return { where: `${duration(guide.edges[bin])} to ${duration(guide.edges[bin + 1])}`, texts };
  }
}

function binOf(one, time) {
  if (time < one.edges[0] || time > one.edges[one.edges.length - 1]) return -1;
  let low = 0, high = one.counts.length;
  while (high - low > 1) {
    const half = (low + high) >> 1;
    if (one.edges[half] <= time) low = half;
    else high = half;
  }
  return low;
}

function middle(one, bin) {
  return Math.sqrt(Math.max(one.edges[bin], one.edges[bin + 1] / 10) * one.edges[bin + 1]);
}
