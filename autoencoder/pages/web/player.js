"use strict";

const FRAMES_PER_SECOND = 12; // snapshots that a second of playing shows, as in the movies
const SHAPES = { play: "M5 3 L17 10 L5 17 Z", pause: "M4 3 H8 V17 H4 Z M12 3 H16 V17 H12 Z" };

/** Plays the snapshots of an explorer, started and stopped by a button. */
class Player {
  constructor(explorer, button, shape) {
    this.explorer = explorer;
    this.button = button;
    this.shape = shape;
    button.addEventListener("click", () => this.toggle());
    this.stop();
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  /** Play on from here; from the start where the end was reached. */
  play() {
    this.show(true);
    if (this.isAtEnd()) this.explorer.showTime(0);
    let shown = performance.now();
    const advance = (now) => {
      if (!this.playing) return;
      if (now - shown >= 1000 / FRAMES_PER_SECOND) {
        shown = now;
        this.explorer.showTime(this.explorer.time + 1);
        if (this.isAtEnd()) this.stop();
      }
      requestAnimationFrame(advance);
    };
    requestAnimationFrame(advance);
  }

  stop() {
    this.show(false);
  }

  show(playing) {
    this.playing = playing;
    this.button.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.shape.setAttribute("d", playing ? SHAPES.pause : SHAPES.play);
  }

  isAtEnd() {
    return this.explorer.time >= this.explorer.view.steps.length - 1;
  }
}
