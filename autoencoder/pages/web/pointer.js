"use strict";

const CLICK = 4; // pixels that the pointer may move in a click

/** What the pointer does on the plot: point at an image, draw a loop around points, click on one, zoom. */
class Pointer {
  constructor(explorer, plot) {
    this.explorer = explorer;
    this.plot = plot;
    this.loop = []; // [x, y] in CSS pixels from the plot's corner, while the button is down
    const hear = (name, action, options) => plot.addEventListener(name, action.bind(this), options);
    hear("pointerdown", this.onDown);
    hear("pointermove", this.onMove);
    hear("pointerup", this.onUp);
    hear("pointercancel", this.onCancel);
    hear("pointerleave", () => explorer.hover(null));
    hear("dblclick", () => explorer.resetView());
    hear("wheel", this.onWheel, { passive: false });
  }

  onDown(event) {
    if (event.button !== 0) return;
    this.plot.setPointerCapture(event.pointerId);
    this.loop = [[event.offsetX, event.offsetY]];
    this.explorer.hover(null);
  }

  onMove(event) {
    const place = [event.offsetX, event.offsetY];
    if (this.loop.length) {
      this.loop.push(place);
      this.explorer.paintOverlay();
    } else {
      const box = new DOMRect(event.clientX, event.clientY, 0, 0);
      this.explorer.hover(this.explorer.scatter.nearest(...place), box);
    }
  }

  /** A loop selects what is inside; one that never left its place is a click on a point, or on none. */
  onUp(event) {
    const { loop } = this;
    if (!loop.length) return;
    this.loop = [];
    const { scatter } = this.explorer;
    const [x, y] = loop[0];
    const moved = Math.max(...loop.map(([a, b]) => Math.hypot(a - x, b - y)));
    const clicked = scatter.nearest(x, y);
    const chosen = moved > CLICK ? scatter.inside(loop) : clicked === null ? [] : [clicked];
    this.explorer.select(chosen, event.shiftKey);
  }

  onCancel() {
    this.loop = [];
    this.explorer.paintOverlay();
  }

  onWheel(event) {
    event.preventDefault();
    this.explorer.scatter.zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY / 400));
    this.explorer.placePoints();
    this.explorer.hover(null);
  }
}
