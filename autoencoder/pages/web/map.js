"use strict";

const SVG = "http://www.w3.org/2000/svg";
const SIDE = 560; // of the map, in its own units
const MARGIN = 26;
const MAP_MOMENTS_PER_SECOND = 5;

/** A new element of a drawing. */
function drawn(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** An epoch as it is read by people. */
function epochText(epoch) {
  return `epoch ${Number(epoch.toPrecision(3))}`;
}

/** Runs as paths through the space of representations, up to a moment, beside what their codes look like then. */
class SpaceMap {
  constructor(content, place) {
    this.content = content;
    this.place = place;
    this.trails = content.trails;
    const epochs = new Set(this.trails.flatMap((trail) => trail.epochs ?? []));
    this.epochs = [...epochs].sort((one, other) => one - other);
    if (!this.epochs.length) this.epochs = [0];
    this.time = this.lastTime;
    this.pictures = content.sheets && new Pictures([{ name: "codes", ...content.sheets }], [content.side, content.side]);
  }

  get lastTime() {
    return this.epochs.length - 1;
  }

  start() {
    this.place.hidden = false;
    this.place.append(this.controls(), this.drawing());
    this.place.append(this.gallery());
    this.player = new Player(this, this.button, this.shape, MAP_MOMENTS_PER_SECOND);
    this.showTime(this.time);
  }

  // ------------------------------------------------------------------------------------------------------------ parts

  controls() {
    const row = element("div", "time");
    this.button = element("button", "play");
    this.button.type = "button";
    const icon = drawn("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" });
    this.shape = drawn("path", { d: "" });
    icon.append(this.shape);
    this.button.append(icon);
    this.slider = element("input");
    Object.assign(this.slider, { type: "range", min: 0, max: this.lastTime, step: 1 });
    this.slider.setAttribute("aria-label", "Moment of training");
    this.slider.addEventListener("input", () => this.showTime(Number(this.slider.value)));
    this.when = element("output");
    row.append(this.button, this.slider, this.when);
    row.hidden = this.lastTime === 0;
    return row;
  }

  /** The map: every run's whole path in pale, and what it has passed in full colour. */
  drawing() {
    const svg = drawn("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, class: "map", role: "group" });
    svg.setAttribute("aria-label", `Map of representations. ${this.content.note}`);
    this.toMap = this.scale();
    for (const trail of this.trails) {
      const places = trail.points.map(this.toMap);
      const whole = drawn("polyline", { points: places.join(" "), stroke: trail.color, class: "whole" });
      trail.passed = drawn("polyline", { points: "", stroke: trail.color, class: "passed" });
      trail.head = this.head(trail);
      trail.places = places;
      svg.append(whole, trail.passed);
    }
    for (const trail of this.trails) svg.append(trail.head);
    svg.append(...this.scaleBar());
    const figure = element("figure", "map-figure");
    figure.append(svg, this.legend());
    return figure;
  }

  head(trail) {
    const fixed = trail.epochs === null;
    const head = fixed
      ? drawn("rect", { x: -6, y: -6, width: 12, height: 12, class: "head", fill: trail.color })
      : drawn("circle", { r: 7, class: "head", fill: trail.color });
    head.setAttribute("tabindex", "0");
    head.setAttribute("role", "img");
    head.append(drawn("title", {}));
    for (const event of ["pointerenter", "focus"]) head.addEventListener(event, () => this.mark(trail));
    for (const event of ["pointerleave", "blur"]) head.addEventListener(event, () => this.mark(null));
    return head;
  }

  /** How points become places on the map: both axes alike, all of them inside. */
  scale() {
    const all = this.trails.flatMap((trail) => trail.points);
    const low = [0, 1].map((axis) => Math.min(...all.map((point) => point[axis])));
    const high = [0, 1].map((axis) => Math.max(...all.map((point) => point[axis])));
    const span = Math.max(high[0] - low[0], high[1] - low[1]) || 1;
    this.unitsPerDegree = (SIDE - 2 * MARGIN) / span;
    const middle = [0, 1].map((axis) => (low[axis] + high[axis]) / 2);
    return ([x, y]) => [
      SIDE / 2 + (x - middle[0]) * this.unitsPerDegree,
      SIDE / 2 - (y - middle[1]) * this.unitsPerDegree,
    ];
  }

  /** A line as long as a round number of degrees. */
  scaleBar() {
    const longest = (SIDE - 2 * MARGIN) / this.unitsPerDegree / 4;
    const degrees = [50, 20, 10, 5, 2, 1, 0.5, 0.1].find((length) => length <= longest) ?? longest;
    const [left, bottom, length] = [MARGIN, SIDE - 10, degrees * this.unitsPerDegree];
    const line = drawn("line", { x1: left, x2: left + length, y1: bottom, y2: bottom, class: "bar" });
    const text = drawn("text", { x: left + length + 8, y: bottom + 5 });
    text.textContent = `${Number(degrees.toPrecision(2))} degrees`;
    return [line, text];
  }

  legend() {
    const legend = element("figcaption", "legend");
    for (const [setting, color] of new Map(this.trails.map((trail) => [trail.setting, trail.color]))) {
      const entry = element("span", "entry");
      const swatch = element("span", "swatch");
      swatch.style.background = color;
      entry.append(swatch, element("span", "", setting));
      legend.append(entry);
    }
    return legend;
  }

  /** A picture of every run's codes at the moment: settings below each other, seeds beside each other. */
  gallery() {
    const gallery = element("div", "gallery");
    const pictured = this.trails.filter((trail) => trail.firstThumbnail !== null);
    const settings = groupBySetting(pictured);
    for (const [setting, trails] of settings) {
      const row = element("div", "runs");
      const name = element("span", "setting", setting);
      name.style.borderColor = trails[0].color;
      row.append(name);
      for (const trail of trails) row.append(this.thumbnail(trail));
      gallery.append(row);
    }
    if (this.content.picturesNote) gallery.append(element("p", "small", this.content.picturesNote));
    return gallery;
  }

  thumbnail(trail) {
    trail.canvas = element("canvas", "thumbnail");
    trail.canvas.width = trail.canvas.height = this.content.side;
    trail.canvas.style.borderColor = "transparent";
    trail.canvas.setAttribute("role", "img");
    trail.canvas.title = trail.run;
    trail.canvas.addEventListener("pointerenter", () => this.mark(trail));
    trail.canvas.addEventListener("pointerleave", () => this.mark(null));
    return trail.canvas;
  }

  // ---------------------------------------------------------------------------------------------------- what is shown

  /** Show the moment number `t`. */
  showTime(t) {
    this.time = Math.max(0, Math.min(this.lastTime, t));
    const epoch = this.epochs[this.time];
    this.slider.value = this.time;
    this.slider.setAttribute("aria-valuetext", epochText(epoch));
    this.when.textContent = epochText(epoch);
    for (const trail of this.trails) this.showTrail(trail, epoch);
  }

  showTrail(trail, epoch) {
    const last = trail.epochs === null ? 0 : lastUpTo(trail.epochs, epoch);
    trail.passed.setAttribute("points", trail.places.slice(0, last + 1).join(" "));
    const [x, y] = trail.places[last];
    trail.head.setAttribute("transform", `translate(${x} ${y})${trail.epochs === null ? " rotate(45)" : ""}`);
    const when = trail.epochs === null ? "does not change" : epochText(trail.epochs[last]);
    trail.head.setAttribute("aria-label", `${trail.run}, ${when}`);
    trail.head.querySelector("title").textContent = `${trail.run}, ${when}`;
    if (!trail.canvas) return;
    const number = lastUpTo(trail.thumbnailEpochs, epoch);
    trail.canvas.setAttribute("aria-label", `codes of ${trail.run}, ${when}`);
    this.pictures.draw(0, trail.firstThumbnail + number, trail.canvas);
  }

  /** Bring out one run on the map and among the pictures; null for none. */
  mark(marked) {
    for (const trail of this.trails) {
      const isOther = marked !== null && trail !== marked;
      for (const part of [trail.passed, trail.head]) part.classList.toggle("other", isOther);
      if (trail.canvas) trail.canvas.style.borderColor = trail === marked ? trail.color : "transparent";
    }
  }
}

/** The place of the last of increasing numbers that is not above a value; the first, where all are. */
function lastUpTo(numbers, value) {
  let last = 0;
  while (last + 1 < numbers.length && numbers[last + 1] <= value + 1e-9) last++;
  return last;
}

function groupBySetting(trails) {
  const groups = new Map();
  for (const trail of trails) groups.set(trail.setting, [...(groups.get(trail.setting) ?? []), trail]);
  return groups;
}
