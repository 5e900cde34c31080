"use strict";

const FRAMES_PER_SECOND = 12; // snapshots that a second of playing shows, as in the movies
const CLICK = 4; // pixels that the pointer may move in a click
const SHAPES = { play: "M5 3 L17 10 L5 17 Z", pause: "M4 3 H8 V17 H4 Z M12 3 H16 V17 H12 Z" };
const TILE = { few: 92, some: 62, many: 46 };

const find = (id) => document.getElementById(id);

/** The page: what is shown, and what changes it. Everything that is drawn follows from the fields set here. */
class Explorer {
  constructor(content) {
    this.content = content;
    this.count = content.count;
    this.pictures = new Pictures(content.pictures, content.pictureSize);
    this.scatter = new Scatter(find("points"), find("overlay"), content.radius);
    this.view = content.views[0];
    this.column = content.columns.find((column) => column.coloring);
    this.time = this.view.steps.length - 1; // what training has come to
    this.selected = new Uint8Array(this.count);
    this.hovered = null;
    this.kind = 0; // of the pictures in the selection
    this.playing = false;
    this.loop = [];
  }

  start() {
    const { content } = this;
    find("title").textContent = content.title;
    find("summary").textContent = this.summary();
    for (const [name, text] of content.facts) find("facts").append(element("dt", "", name), element("dd", "", text));
    for (const note of content.notes) find("notes").append(element("li", "", note));
    this.startCurves();
    this.startControls();
    this.startPlot();
    document.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.onResize()).observe(find("scatter"));
    this.onResize();
    this.showView();
    this.showColumn();
    this.showSelection();
  }

  summary() {
    const snapshots = new Set(this.content.views.map((view) => view.steps.length));
    return `${this.count.toLocaleString("en")} images, ${[...snapshots].join(" or ")} snapshots of training`;
  }

  // ---------------------------------------------------------------------------------------------------- what is shown

  /** Show the snapshot number `t`. */
  showTime(t) {
    this.time = Math.max(0, Math.min(this.view.steps.length - 1, t));
    const [epoch, step] = [this.view.epochs[this.time], this.view.steps[this.time]];
    const text = `epoch ${Number(epoch.toFixed(1))}, step ${step.toLocaleString("en")}`;
    find("time").value = this.time;
    find("time").setAttribute("aria-valuetext", text);
    find("when").textContent = text;
    if (this.curves) this.curves.show(epoch);
    this.placePoints();
  }

  /** Show the layer and the method of `this.view`, at the snapshot nearest to the one before. */
  showView() {
    const layers = [...new Set(this.content.views.map((view) => view.layer))];
    const methods = this.content.views.filter((view) => view.layer === this.view.layer).map((view) => view.method);
    fillSelect(find("layer"), layers, this.view.layer);
    fillSelect(find("method"), methods, this.view.method);
    find("time").max = this.view.steps.length - 1;
    find("x-axis").textContent = `${this.view.axes} 1`;
    find("y-axis").textContent = `${this.view.axes} 2`;
    this.showTime(this.time);
  }

  /** Show the colours of `this.column`. */
  showColumn() {
    const { column } = this;
    find("legend-title").textContent = column.label;
    drawLegend(find("legend"), column, (color, add) => this.select(this.pointsOfColor(color), add));
    this.orderPoints();
    this.paint();
    this.showTiles();
  }

  showSelection() {
    const chosen = this.chosen();
    const share = ((100 * chosen.length) / this.count).toPrecision(2);
    find("selection-title").textContent = chosen.length
      ? `${chosen.length.toLocaleString("en")} selected (${Number(share)} %)`
      : "Selection";
    find("clear").hidden = find("picture-kinds").hidden = !chosen.length;
    find("help").hidden = chosen.length > 0;
    const { content, pictures } = this;
    const single = chosen.length === 1;
    find("statistics").replaceChildren();
    if (single) find("statistics").append(detailsOf(content, pictures, chosen[0]));
    if (chosen.length > 1) find("statistics").append(statisticsOf(content, chosen));
    this.orderPoints();
    this.paint();
    this.showTiles();
  }

  /** The selection's pictures, framed in the colours of their points. */
  showTiles() {
    const chosen = this.chosen();
    const shown = chosen.length > 1 ? shownOf(chosen) : [];
    const size = shown.length <= 12 ? TILE.few : shown.length <= 24 ? TILE.some : TILE.many;
    find("tiles").replaceChildren(...shown.map((i) => this.tile(i, size)));
    if (shown.length < chosen.length && shown.length) {
      find("tiles").append(element("span", "small", `${shown.length} of them, evenly from the selection`));
    }
  }

  tile(i, size) {
    const button = element("button");
    button.type = "button";
    button.style.borderColor = cssColor(this.colorOf(i));
    button.setAttribute("aria-label", `image in row ${this.content.rows[i]}`);
    button.append(this.pictures.canvas(this.kind, i, size));
    const look = () => this.hover(i, button.getBoundingClientRect());
    button.addEventListener("pointerenter", look);
    button.addEventListener("focus", look);
    button.addEventListener("pointerleave", () => this.hover(null));
    button.addEventListener("blur", () => this.hover(null));
    button.addEventListener("click", () => this.select([i], false));
    return button;
  }

  /** Show image `i` beside `box`, a place on the page; null for none. */
  hover(i, box = null) {
    const card = find("hover");
    if (i !== this.hovered) {
      this.hovered = i;
      card.replaceChildren();
      if (i !== null) card.append(detailsOf(this.content, this.pictures, i));
      card.hidden = i === null;
      this.paintOverlay();
    }
    if (i === null) return;
    const [width, height] = [card.offsetWidth, card.offsetHeight];
    const right = box.right + 18;
    card.style.left = `${right + width < innerWidth ? right : Math.max(4, box.left - width - 18)}px`;
    card.style.top = `${Math.max(4, Math.min(innerHeight - height - 4, box.top - height / 2))}px`;
  }

  // ------------------------------------------------------------------------------------------------------- the points

  colorOf(i) {
    const { colors } = this.column.coloring;
    return [colors[3 * i], colors[3 * i + 1], colors[3 * i + 2]];
  }

  pointsOfColor(color) {
    return this.points().filter((i) => this.colorOf(i).every((part, k) => part === color[k]));
  }

  points() {
    return Array.from({ length: this.count }, (_, i) => i);
  }

  /** The selected images, in the order of the file. */
  chosen() {
    return this.points().filter((i) => this.selected[i]);
  }

  /** Select images, or with `add` more of them; a selection stays while time moves. */
  select(images, add) {
    if (!add) this.selected.fill(0);
    for (const i of images) this.selected[i] = 1;
    this.showSelection();
  }

  /** Points of unknown value first, under the others; selected ones last, over them. */
  orderPoints() {
    const rank = (i) => (valueOf(this.column, i) === null ? 0 : 1) + (this.selected[i] ? 2 : 0);
    const ranks = [[], [], [], []];
    for (const i of this.content.order) ranks[rank(i)].push(i);
    this.order = Uint32Array.from(ranks.flat());
    this.anySelected = this.selected.includes(1);
  }

  placePoints() {
    this.scatter.place(this.view, this.time, this.count);
    const outside = this.scatter.countOutside();
    find("outside").textContent = outside ? `${outside.toLocaleString("en")} outside` : "";
    find("reset").hidden = this.scatter.zoom === 1;
    this.paint();
  }

  paint() {
    if (!this.order) return;
    this.scatter.paint(this.order, this.column.coloring.colors, this.selected, this.anySelected);
    this.paintOverlay();
  }

  paintOverlay() {
    const chosen = this.anySelected ? this.chosen() : [];
    const ringed = chosen.length === 1 ? chosen : [];
    this.scatter.paintOverlay(this.hovered === null ? ringed : [...ringed, this.hovered], this.loop);
  }

  // ------------------------------------------------------------------------------------------------------ what is done

  onResize() {
    this.scatter.resize();
    this.placePoints();
  }

  startCurves() {
    const { curves, loss, views } = this.content;
    find("training").hidden = !curves.length;
    if (!curves.length) return;
    find("training-title").textContent = loss;
    const lastEpoch = Math.max(...views.map((view) => view.epochs[view.epochs.length - 1]));
    this.curves = new Curves(find("curves"), curves, loss, lastEpoch, (epoch) => {
      this.showTime(nearestIndex(this.view.epochs, epoch));
    });
  }

  startControls() {
    const { columns } = this.content;
    const colored = columns.filter((column) => column.coloring);
    fillSelect(find("column"), colored.map((column) => column.label), this.column.label);
    find("column").addEventListener("change", () => {
      this.column = colored[find("column").selectedIndex];
      this.showColumn();
    });
    find("layer").addEventListener("change", () => this.changeView());
    find("method").addEventListener("change", () => this.changeView());
    find("time").addEventListener("input", () => this.showTime(Number(find("time").value)));
    find("play").addEventListener("click", () => this.play(!this.playing));
    find("clear").addEventListener("click", () => this.select([], false));
    find("reset").addEventListener("click", () => this.resetView());
    this.startPictureKinds();
    this.play(false);
  }

  startPictureKinds() {
    if (this.pictures.kinds.length < 2) return;
    this.pictures.kinds.forEach(({ name }, number) => {
      const label = element("label");
      const radio = element("input");
      Object.assign(radio, { type: "radio", name: "picture-kind", checked: number === 0 });
      radio.addEventListener("change", () => {
        this.kind = number;
        this.showTiles();
      });
      label.append(radio, element("span", "", name));
      find("picture-kinds").append(label);
    });
  }

  changeView() {
    const step = this.view.steps[this.time];
    const ofLayer = this.content.views.filter((view) => view.layer === find("layer").value);
    this.view = ofLayer.find((view) => view.method === find("method").value) || ofLayer[0];
    this.time = nearestIndex(this.view.steps, step);
    this.scatter.resetView();
    this.showView();
  }

  /** Play on from here, from the start when it has come to the end; or stop. */
  play(on) {
    this.playing = on;
    find("play").setAttribute("aria-label", on ? "Pause" : "Play");
    find("play-shape").setAttribute("d", on ? SHAPES.pause : SHAPES.play);
    if (!on) return;
    const last = this.view.steps.length - 1;
    if (this.time === last) this.showTime(0);
    let shown = performance.now();
    const advance = (now) => {
      if (!this.playing) return;
      if (now - shown >= 1000 / FRAMES_PER_SECOND) {
        shown = now;
        this.showTime(this.time + 1);
        if (this.time >= this.view.steps.length - 1) this.play(false);
      }
      requestAnimationFrame(advance);
    };
    requestAnimationFrame(advance);
  }

  resetView() {
    this.scatter.resetView();
    this.placePoints();
  }

  onKey(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select")) return;
    const moves = { ArrowLeft: this.time - 1, ArrowRight: this.time + 1, Home: 0, End: Infinity };
    if (key === " " && !target.matches("button, summary, input[type=radio]")) this.play(!this.playing);
    else if (key in moves && !target.matches("input")) this.showTime(moves[key]);
    else if (key === "Escape") this.select([], false);
    else return;
    event.preventDefault();
  }

  startPlot() {
    const plot = find("overlay");
    const at = (event) => [event.offsetX, event.offsetY];
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      plot.setPointerCapture(event.pointerId);
      this.loop = [at(event)];
      this.hover(null);
    });
    plot.addEventListener("pointermove", (event) => {
      if (this.loop.length) {
        this.loop.push(at(event));
        this.paintOverlay();
      } else this.hover(this.scatter.nearest(...at(event)), new DOMRect(event.clientX, event.clientY, 0, 0));
    });
    plot.addEventListener("pointerup", (event) => this.endLoop(event.shiftKey));
    plot.addEventListener("pointercancel", () => this.endLoop(true, true));
    plot.addEventListener("pointerleave", () => this.hover(null));
    plot.addEventListener("dblclick", () => this.resetView());
    plot.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }

  /** A loop selects what is inside; one that never left its place is a click on a point. */
  endLoop(add, cancelled = false) {
    const loop = this.loop;
    this.loop = [];
    if (!loop.length || cancelled) return this.paintOverlay();
    const [[x, y]] = loop;
    const moved = Math.max(...loop.map(([a, b]) => Math.hypot(a - x, b - y)));
    const clicked = this.scatter.nearest(x, y);
    if (moved > CLICK) return this.select(this.scatter.inside(loop), add);
    return this.select(clicked === null ? [] : [clicked], add);
  }

  onWheel(event) {
    event.preventDefault();
    this.scatter.zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY / 400));
    this.placePoints();
    this.hover(null);
  }
}

/** Options of a select, one of them chosen. */
function fillSelect(select, texts, chosen) {
  select.replaceChildren(...texts.map((text) => new Option(text, text, false, text === chosen)));
  select.parentElement.hidden = texts.length < 2 && select.id !== "column";
}

/** The index of the value that is nearest. */
function nearestIndex(values, wanted) {
  let best = 0;
  values.forEach((value, i) => {
    if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i;
  });
  return best;
}

/**
 * For the console and for tests. `count` images; `time` of `view.steps`; `showTime(t)`; `select(images, add)` and
 * `chosen()`, by their place in the page; `colorOf(i)`; `scatter.placeOf(i)`, in CSS pixels from the plot's corner.
 */
window.explorer = new Explorer(readContent());
window.explorer.start();
