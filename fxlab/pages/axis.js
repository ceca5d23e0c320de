"use strict";

// Where an axis has its lines, and how numbers are written.
class Axis {
  constructor(low, high, logarithmic, from, to) {
    this.logarithmic = logarithmic;
    this.low = low;
    this.high = high > low ? high : low + (Math.abs(low) || 1);
    this.from = from;
    this.to = to;
  }

  at(value) {
    return this.from + (this.to - this.from) * this.share(value);
  }

  share(value) {
    if (!this.logarithmic) return (value - this.low) / (this.high - this.low);
    return Math.log(value / this.low) / Math.log(this.high / this.low);
  }

  value(place) {
    const share = (place - this.from) / (this.to - this.from);
    return this.logarithmic ? this.low * (this.high / this.low) ** share : this.low + (this.high - this.low) * share;
  }

  ticks(most) {
    return this.logarithmic ? logTicks(this.low, this.high, most) : evenTicks(this.low, this.high, most);
  }
}

function evenTicks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(exact(k * step));
  return found;
}

// 1 2 5 in each decade, where they have room; even steps within less than a decade.
function logTicks(low, high, most) {
  const decades = Math.log10(high / low);
  if (decades < 1) return evenTicks(low, high, most);
  for (const digits of [[1, 2, 5], [1, 3], [1]]) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const digit of digits) {
        const value = exact(digit * 10 ** power);
        if (value >= low * 0.9999 && value <= high * 1.0001) found.push(value);
      }
    }
    if (found.length <= most + 1 || digits.length === 1) {
      const every = Math.ceil(found.length / (most + 1));
      return found.filter((_, index) => index % every === 0);
    }
  }
  return [];
}

function exact(value) {
  return Number(value.toPrecision(12));
}

function number(value, digits = 4) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(Math.min(digits - 1, 2)).replace("-", "−").replace("e+", "e");
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

function withUnit(value, unit, digits = 4) {
  if (unit === "Hz" && Math.abs(value) >= 1000) return `${number(value / 1000, digits)} kHz`;
  return unit ? `${number(value, digits)} ${unit}` : number(value, digits);
}

// Seconds with the prefix that suits them: 0.0012 is 1.2 ms.
function duration(seconds, digits = 4) {
  const [size, unit] = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]].find(([size]) => seconds >= 0.99995 * size) || [1e-9, "ns"];
  return `${number(seconds / size, digits)} ${unit}`;
}

// "Hz" of "Hz" and of "frequency (Hz)"; nothing of "iteration".
function unitOf(label) {
  const inside = label.match(/\(([^()]+)\)\s*$/);
  return inside ? inside[1] : /^\S{1,5}$/.test(label) ? label : "";
}

function tickText(value, unit) {
  if (unit === "Hz") return Math.abs(value) >= 1000 ? `${number(value / 1000)}k` : number(value);
  return number(value);
}

function percent(share) {
  return `${number(100 * share, 3)} %`;
}
