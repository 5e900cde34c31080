"use strict";

const SHAPES = { play: "M5 3 L17 10 L5 17 Z", pause: "M4 3 H8 V17 H4 Z M12 3 H16 V17 H12 Z" };

/** Plays what has a `time`, a `lastTime` and `showTime`, so many moments a second, started and stopped by a button. */
class Player {
  constructor(shown, button, shape, momentsPerSecond) {
    this.shown = shown;
    this.momentsPerSecond = momentsPerSecond;
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
    if (this.isAtEnd()) this.shown.showTime(0);
    let shown = performance.now();
    const advance = (now) => {
      if (!this.playing) return;
      if (now - shown >= 1000 / this.momentsPerSecond) {
        shown = now;
        this.shown.showTime(this.shown.time + 1);
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
    return this.shown.time >= this.shown.lastTime;
  }
}
