"use strict";

const CHART = { width: 380, height: 150, left: 52, right: 10, top: 8, bottom: 34 };
const DECADE = 10; // losses that span more than this are shown on a logarithmic axis

/** An SVG element with attributes. */
function svg(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** The losses over training, with a line at the moment that is shown. */
class Curves {
  constructor(place, curves, loss, lastEpoch, onChoose) {
    const values = curves.flatMap((curve) => curve.values);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    this.isLog = low > 0 && high / low > DECADE;
    this.lastEpoch = Math.max(lastEpoch, ...curves.flatMap((curve) => curve.epochs), 1);
    this.range = this.isLog ? [Math.log10(low), Math.log10(high)] : [Math.min(0, low), high];
    const { width, height } = CHART;
    this.chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${loss} over epochs` });
    this.drawAxes(low, high);
    for (const curve of curves) this.drawCurve(curve);
    this.now = svg("line", { class: "now", y1: CHART.top, y2: height - CHART.bottom });
    this.chart.append(this.now);
    this.chart.addEventListener("click", (event) => onChoose(this.epochAt(event.clientX)));
    place.append(this.chart, curveNames(curves));
  }

  x(epoch) {
    return CHART.left + ((CHART.width - CHART.left - CHART.right) * epoch) / this.lastEpoch;
  }

  y(value) {
    const [low, high] = this.range;
    const share = ((this.isLog ? Math.log10(value) : value) - low) / (high - low || 1);
    return CHART.height - CHART.bottom - (CHART.height - CHART.top - CHART.bottom) * share;
  }

  drawAxes(low, high) {
    const { width, height, left, right, bottom } = CHART;
    for (const value of this.isLog ? logTicks(low, high) : evenTicks(this.range[0], high, 3)) {
      this.chart.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: this.y(value), y2: this.y(value) }));
      this.chart.append(svg("text", { x: left - 6, y: this.y(value) + 4, "text-anchor": "end" }, shortNumber(value)));
    }
    for (const epoch of evenTicks(0, this.lastEpoch, 5)) {
      this.chart.append(svg("text", { x: this.x(epoch), y: height - bottom + 15, "text-anchor": "middle" }, String(epoch)));
    }
    this.chart.append(svg("text", { x: (left + width - right) / 2, y: height - 3, "text-anchor": "middle" }, "epoch"));
  }

  drawCurve({ color, epochs, values }) {
    const points = epochs.map((epoch, i) => `${this.x(epoch).toFixed(1)},${this.y(values[i]).toFixed(1)}`);
    this.chart.append(svg("polyline", { points: points.join(" "), stroke: color, class: "curve" }));
    if (points.length > 30) return;
    for (const point of points) {
      const [cx, cy] = point.split(",");
      this.chart.append(svg("circle", { cx, cy, r: 2.2, fill: color }));
    }
  }

  /** Move the line. */
  show(epoch) {
    const x = this.x(Math.min(epoch, this.lastEpoch));
    this.now.setAttribute("x1", x);
    this.now.setAttribute("x2", x);
  }

  /** The epoch under a place on the page. */
  epochAt(clientX) {
    const box = this.chart.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * CHART.width;
    return ((x - CHART.left) / (CHART.width - CHART.left - CHART.right)) * this.lastEpoch;
  }
}

function curveNames(curves) {
  const names = element("p", "curve-names");
  for (const { label, color } of curves) {
    const line = element("span", "line");
    line.style.background = color;
    names.append(line, element("span", "", label));
  }
  return names;
}

/** About `count` round numbers from `low` to `high`. */
function evenTicks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high * (1 + 1e-9); k++) {
    ticks.push(Number((k * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten between `low` and `high`, with their double and their fivefold while there are few. */
function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of [1, 2, 5]) ticks.push([factor, factor * 10 ** power]);
  }
  const within = ticks.filter(([, value]) => value >= low && value <= high);
  const shown = within.length > 5 ? within.filter(([factor]) => factor === 1) : within;
  return shown.map(([, value]) => value);
}

/** 0.002 as it is, 0.00002 as 2e-5. */
function shortNumber(value) {
  const rounded = Number(value.toPrecision(3));
  return rounded !== 0 && Math.abs(rounded) < 0.001 ? rounded.toExponential() : String(rounded);
}
