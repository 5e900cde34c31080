"use strict";

const LEVELS = 65535; // places are whole numbers from 0 to this, between the bounds of their view
const NEAR = 9; // pixels from the pointer within which a point is meant
const LARGEST_ZOOM = 60;
const FADED = 0.16; // strength of the colour of points that are not selected
const PHASES = 4; // places within a pixel, along each axis, for which a disc is drawn in advance

/**
 * Points on a canvas. Discs are painted into the pixels by hand: without a graphics card that is several times faster
 * than a path for each, and all frames look the same everywhere.
 */
class Scatter {
  constructor(points, overlay, radius) {
    this.points = points;
    this.overlay = overlay;
    this.radius = radius; // in a plot of 640 pixels
    this.zoom = 1;
    this.middle = [0.5, 0.5]; // of what is seen, as a share of the limits
  }

  /** Fit the canvases to their place on the page and to the pixels of the screen. */
  resize() {
    this.ratio = window.devicePixelRatio || 1;
    this.width = Math.max(1, Math.round(this.points.clientWidth * this.ratio));
    this.height = Math.max(1, Math.round(this.points.clientHeight * this.ratio));
    for (const canvas of [this.points, this.overlay]) {
      canvas.width = this.width;
      canvas.height = this.height;
    }
    this.image = this.points.getContext("2d").createImageData(this.width, this.height);
  }

  /** Work out where the points of `view` are at moment `t`, in pixels of the canvas. */
  place(view, t, count) {
    const side = Math.min(this.width, this.height) * this.zoom;
    this.pixels = this.pixels && this.pixels.length === 2 * count ? this.pixels : new Float32Array(2 * count);
    const [x, y] = [0, 1].map((axis) => this.scale(view, axis, side));
    const first = 2 * count * t;
    for (let i = 0; i < 2 * count; i += 2) {
      this.pixels[i] = x.offset + x.factor * view.places[first + i];
      this.pixels[i + 1] = y.offset + y.factor * view.places[first + i + 1];
    }
  }

  /** Pixels are `offset + factor * level` along an axis. */
  scale(view, axis, side) {
    const [low, high] = view.limits[axis];
    const [from, to] = view.bounds[axis];
    const half = (axis === 0 ? this.width : this.height) / 2;
    const shareOf = (value) => (value - low) / (high - low) - this.middle[axis];
    const up = axis === 0 ? 1 : -1; // rows of pixels are counted downwards
    return {
      offset: half + up * side * shareOf(from),
      factor: (up * side * (shareOf(to) - shareOf(from))) / LEVELS,
    };
  }

  /** Paint the points in `order`, later ones over earlier ones; while some are `selected`, the others are faded. */
  paint(order, colors, selected, anySelected) {
    const radius = Math.max(0.8, (this.radius * Math.min(this.width, this.height) * Math.sqrt(this.zoom)) / 640);
    const stamps = makeStamps(radius);
    this.image.data.fill(255);
    for (const i of order) {
      const strength = anySelected && !selected[i] ? FADED : 1;
      this.stamp(stamps, this.pixels[2 * i], this.pixels[2 * i + 1], colors, 3 * i, strength);
    }
    this.points.getContext("2d").putImageData(this.image, 0, 0);
  }

  /** Paint one disc; one that is not wholly inside is left out. */
  stamp({ size, masks }, centerX, centerY, colors, at, strength) {
    const left = centerX - size / 2;
    const top = centerY - size / 2;
    const column = Math.floor(left);
    const row = Math.floor(top);
    if (column < 0 || row < 0 || column + size > this.width || row + size > this.height) return;
    const mask = masks[Math.floor((top - row) * PHASES) * PHASES + Math.floor((left - column) * PHASES)];
    const data = this.image.data;
    const red = 255 - strength * (255 - colors[at]);
    const green = 255 - strength * (255 - colors[at + 1]);
    const blue = 255 - strength * (255 - colors[at + 2]);
    for (let j = 0, m = 0; j < size; j++) {
      let p = 4 * ((row + j) * this.width + column);
      for (let i = 0; i < size; i++, m++, p += 4) {
        const cover = mask[m];
        if (cover === 0) continue;
        data[p] += cover * (red - data[p]);
        data[p + 1] += cover * (green - data[p + 1]);
        data[p + 2] += cover * (blue - data[p + 2]);
      }
    }
  }

  /** Rings around the points `ringed`, and the loop that is being drawn, as [x, y] on the page. */
  paintOverlay(ringed, loop) {
    const context = this.overlay.getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    context.lineWidth = 1.75 * this.ratio;
    context.strokeStyle = "#111";
    for (const i of ringed) {
      context.beginPath();
      context.arc(this.pixels[2 * i], this.pixels[2 * i + 1], 6.5 * this.ratio, 0, 2 * Math.PI);
      context.stroke();
    }
    if (loop.length < 2) return;
    context.beginPath();
    for (const [x, y] of loop) context.lineTo(x * this.ratio, y * this.ratio);
    context.closePath();
    context.fillStyle = "rgba(30, 90, 200, 0.08)";
    context.fill();
    context.strokeStyle = "#1e5ac8";
    context.stroke();
  }

  /** The point nearest to (x, y), in CSS pixels from the plot's corner; null where none is near. */
  nearest(x, y) {
    let best = null;
    let shortest = (NEAR * this.ratio) ** 2;
    for (let i = 0; i < this.pixels.length / 2; i++) {
      const distance = (this.pixels[2 * i] - x * this.ratio) ** 2 + (this.pixels[2 * i + 1] - y * this.ratio) ** 2;
      if (distance < shortest) [best, shortest] = [i, distance];
    }
    return best;
  }

  /** The points inside a loop of [x, y], by counting how many of its sides lie to the right of each (even-odd). */
  inside(loop) {
    const found = [];
    for (let i = 0; i < this.pixels.length / 2; i++) {
      const [x, y] = this.placeOf(i);
      let within = false;
      for (let a = 0, b = loop.length - 1; a < loop.length; b = a++) {
        const [xa, ya] = loop[a];
        const [xb, yb] = loop[b];
        if (ya > y !== yb > y && x < xa + ((xb - xa) * (y - ya)) / (yb - ya)) within = !within;
      }
      if (within) found.push(i);
    }
    return found;
  }

  /** Where point `i` is, in CSS pixels from the plot's upper left corner. */
  placeOf(i) {
    return [this.pixels[2 * i] / this.ratio, this.pixels[2 * i + 1] / this.ratio];
  }

  /** How many points are not seen. */
  countOutside() {
    let outside = 0;
    for (let i = 0; i < this.pixels.length; i += 2) {
      const [x, y] = [this.pixels[i], this.pixels[i + 1]];
      if (x < 0 || y < 0 || x > this.width || y > this.height) outside++;
    }
    return outside;
  }

  /** Zoom by `factor`; what is at (x, y), in CSS pixels, stays there. */
  zoomAt(x, y, factor) {
    const before = this.zoom;
    this.zoom = Math.min(LARGEST_ZOOM, Math.max(1, before * factor));
    if (this.zoom === 1) this.middle = [0.5, 0.5];
    const side = Math.min(this.width, this.height);
    const away = [x * this.ratio - this.width / 2, this.height / 2 - y * this.ratio];
    if (this.zoom > 1) {
      this.middle = this.middle.map((at, axis) => at + (away[axis] / side) * (1 / before - 1 / this.zoom));
    }
  }

  /** Show the whole axes. */
  resetView() {
    this.zoom = 1;
    this.middle = [0.5, 0.5];
  }
}

/** How much of each pixel a disc covers, for the places within a pixel at which it can begin. */
function makeStamps(radius) {
  const size = 2 * Math.ceil(radius + 0.5) + 1;
  const masks = [];
  for (let down = 0; down < PHASES; down++) {
    for (let right = 0; right < PHASES; right++) {
      const mask = new Float32Array(size * size);
      for (let j = 0; j < size; j++) {
        for (let i = 0; i < size; i++) {
          const x = i + 0.5 - size / 2 - (right + 0.5) / PHASES;
          const y = j + 0.5 - size / 2 - (down + 0.5) / PHASES;
          mask[j * size + i] = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(x, y)));
        }
      }
      masks.push(mask);
    }
  }
  return { size, masks };
}
