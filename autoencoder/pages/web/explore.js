"use strict";

const MOMENTS_PER_SECOND = 12; // as in the movies

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
    this.chosen = []; // the same as a list, in the order of the file
    this.hovered = null;
  }

  start() {
    const { content } = this;
    find("title").textContent = content.title;
    for (const [name, text] of content.facts) find("facts").append(element("dt", "", name), element("dd", "", text));
    for (const note of content.notes) find("notes").append(element("li", "", note));
    this.startCurves();
    this.startControls();
    this.player = new Player(this, find("play"), find("play-shape"), MOMENTS_PER_SECOND);
    this.pointer = new Pointer(this, find("overlay"));
    this.panel = new SelectionPanel(this);
    this.card = new Card(this, find("hover"));
    document.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.onResize()).observe(find("scatter"));
    this.onResize();
    this.showView();
    this.showColumn();
    this.panel.show();
  }

  // ---------------------------------------------------------------------------------------------------- what is shown

  /** The number of the last snapshot. */
  get lastTime() {
    return this.view.steps.length - 1;
  }

  /** Show the snapshot number `t`. */
  showTime(t) {
    this.time = Math.max(0, Math.min(this.lastTime, t));
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
    const moments = this.view.steps.length;
    find("summary").textContent = `${this.count.toLocaleString("en")} images at ${moments} moments of training`;
    find("time").max = moments - 1;
    [find("x-axis").textContent, find("y-axis").textContent] = this.view.axes;
    this.showTime(this.time);
  }

  /** Show the colours of `this.column`. */
  showColumn() {
    const { column } = this;
    drawLegend(find("legend"), column, (colors, add) => this.select(this.pointsOfColors(colors), add));
    this.orderPoints();
    this.paint();
    this.panel.showTiles();
  }

  /** Show image `i` beside `box`, a place on the page; null for none. */
  hover(i, box = null) {
    const isOther = i !== this.hovered;
    this.hovered = i;
    if (isOther) {
      this.card.show(i);
      this.paintOverlay();
    }
    if (i !== null) this.card.moveBeside(box);
  }

  // ------------------------------------------------------------------------------------------------------- the points

  colorOf(i) {
    const { colors } = this.column.coloring;
    return [colors[3 * i], colors[3 * i + 1], colors[3 * i + 2]];
  }

  pointsOfColors(colors) {
    const has = (i, color) => this.colorOf(i).every((part, k) => part === color[k]);
    return this.points().filter((i) => colors.some((color) => has(i, color)));
  }

  points() {
    return Array.from({ length: this.count }, (_, i) => i);
  }

  /** Select images, or with `add` more of them; a selection stays while time moves. */
  select(images, add) {
    if (!add) this.selected.fill(0);
    for (const i of images) this.selected[i] = 1;
    this.chosen = this.points().filter((i) => this.selected[i]);
    this.orderPoints();
    this.paint();
    this.panel.show();
  }

  /** Points of unknown value first, under the others; selected ones last, over them. */
  orderPoints() {
    const rank = (i) => (valueOf(this.column, i) === null ? 0 : 1) + (this.selected[i] ? 2 : 0);
    const ranks = [[], [], [], []];
    for (const i of this.content.order) ranks[rank(i)].push(i);
    this.order = Uint32Array.from(ranks.flat());
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
    this.scatter.paint(this.order, this.column.coloring.colors, this.selected, this.chosen.length > 0);
    this.paintOverlay();
  }

  paintOverlay() {
    const ringed = this.chosen.length === 1 ? [...this.chosen] : [];
    if (this.hovered !== null) ringed.push(this.hovered);
    this.scatter.paintOverlay(ringed, this.pointer.loop);
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
    find("reset").addEventListener("click", () => this.resetView());
  }

  changeView() {
    const step = this.view.steps[this.time];
    const ofLayer = this.content.views.filter((view) => view.layer === find("layer").value);
    this.view = ofLayer.find((view) => view.method === find("method").value) || ofLayer[0];
    this.time = nearestIndex(this.view.steps, step);
    this.scatter.resetView();
    this.showView();
  }

  resetView() {
    this.scatter.resetView();
    this.placePoints();
  }

  onKey(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select")) return;
    const moves = { ArrowLeft: this.time - 1, ArrowRight: this.time + 1, Home: 0, End: Infinity };
    if (key === " " && !target.matches("button, summary, input[type=radio]")) this.player.toggle();
    else if (key in moves && !target.matches("input")) this.showTime(moves[key]);
    else if (key === "Escape") this.select([], false);
    else return;
    event.preventDefault();
  }
}

/** Options of a select, one of them chosen. */
function fillSelect(select, texts, chosen) {
  select.replaceChildren(...texts.map((text) => new Option(text, text, false, text === chosen)));
  select.parentElement.hidden = texts.length < 2 && select.id === "layer";
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
 * `chosen`, by their place in the page; `colorOf(i)`; `scatter.placeOf(i)`, in CSS pixels from the plot's corner.
 */
window.explorer = new Explorer(readContent());
window.explorer.start();
