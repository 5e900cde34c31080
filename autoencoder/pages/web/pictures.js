"use strict";

/** The pictures of all images, of one or two kinds (image, reconstruction), in sheets that are decoded when needed. */
class Pictures {
  constructor(kinds, [width, height]) {
    this.kinds = kinds;
    this.width = width;
    this.height = height;
    this.decoded = kinds.map(() => new Map());
    this.wanted = new WeakMap(); // of canvases, the last draw: sheets can be decoded in another order than asked for
  }

  /** The sheet number `k` of a kind, decoded once. */
  sheet(kind, k) {
    if (!this.decoded[kind].has(k)) {
      const image = new Image();
      image.src = `data:${this.kinds[kind].type};base64,${this.kinds[kind].sheets[k]}`;
      this.decoded[kind].set(k, image.decode().then(() => image));
    }
    return this.decoded[kind].get(k);
  }

  /** A canvas `size` CSS pixels on its longer side, on which picture `i` appears. */
  canvas(kind, i, size) {
    const longer = Math.max(this.width, this.height);
    const canvas = element("canvas", size >= longer ? "picture enlarged" : "picture");
    canvas.width = this.width;
    canvas.height = this.height;
    canvas.style.width = `${(size * this.width) / longer}px`;
    canvas.style.height = `${(size * this.height) / longer}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", this.kinds[kind].name);
    this.draw(kind, i, canvas);
    return canvas;
  }

  /** Draw picture `i` once its sheet is decoded, unless the canvas is to show another by then. */
  async draw(kind, i, canvas) {
    const { columns, rows } = this.kinds[kind];
    const wanted = { kind, i };
    this.wanted.set(canvas, wanted);
    const sheet = await this.sheet(kind, Math.floor(i / (columns * rows)));
    if (this.wanted.get(canvas) !== wanted) return;
    const place = i % (columns * rows);
    const left = (place % columns) * this.width;
    const top = Math.floor(place / columns) * this.height;
    const { width, height } = this;
    canvas.getContext("2d").drawImage(sheet, left, top, width, height, 0, 0, width, height);
  }
}
