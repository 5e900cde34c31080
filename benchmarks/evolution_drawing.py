"""Speed of drawing a movie of the latent space, beside matplotlib that draws every frame in full.

    taskset -c 0 python benchmarks/evolution_drawing.py [--points 32000] [--frames 200] [--pairs 5]

Invented points move from one place to a ring, with four examples, their trails and reconstructions, and curves. First
both draw some frames in alternation: `EvolutionFigure`, and one matplotlib figure of the same size whose points get new
places by `set_offsets`. Then the whole movie is written as `.mp4`. Prints frames per second, their ratio and seconds.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from arguments import parse

from autoencoder.plots.colors import color_by
from autoencoder.plots.drawing import draw_color_bar, draw_points, new_figure, place_axes
from autoencoder.plots.movies.figure import EvolutionFigure
from autoencoder.plots.movies.frames import Examples, choose_examples, robust_limits
from autoencoder.plots.movies.marked_curves import Curve
from autoencoder.plots.movies.panels import Shown
from autoencoder.plots.movies.tiles import Outputs
from autoencoder.plots.movies.writer import MovieWriter

SNAPSHOTS_PER_EPOCH, STEPS_PER_SNAPSHOT, TRAIL = 3, 70, 8
FRAMES_AT_A_TIME = 5

Draw = Callable[[int], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=32_000)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=5, help=f"of {FRAMES_AT_A_TIME} frames each")
    args = parse(parser, points=500, frames=4, pairs=1)
    angle, embeddings = ring(args.points, args.frames)
    start = time.perf_counter()
    draw, shape = ours(angle, embeddings)
    print(f"{args.points:,} points in frames of {shape[1]}x{shape[0]}; set up in {time.perf_counter() - start:.2f} s")
    theirs = matplotlibs(angle, embeddings, shape)
    speeds: dict[str, list[float]] = {"EvolutionFigure": [], "matplotlib": []}
    moments = itertools.cycle(range(args.frames))
    for _ in range(args.pairs):
        for name, function in (("EvolutionFigure", draw), ("matplotlib", theirs)):
            speeds[name].append(speed(function, [next(moments) for _ in range(FRAMES_AT_A_TIME)]))
    for name, values in speeds.items():
        print(f"{name}: median {statistics.median(values):.1f} frames/s, {min(values):.1f} to {max(values):.1f}")
    ratios = [a / b for a, b in zip(speeds["EvolutionFigure"], speeds["matplotlib"], strict=True)]
    print(f"ratio: median {statistics.median(ratios):.1f}, {min(ratios):.1f} to {max(ratios):.1f}")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with MovieWriter(Path(folder) / "movie.mp4", fps=12) as movie:
            for moment in range(args.frames):
                movie.append(draw(moment))
        print(f"a movie of {args.frames} frames, drawn and written: {time.perf_counter() - start:.1f} s")


def ring(n_points: int, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles (n,) in degrees, and places (frames, n, 2) that spread from the middle to a ring and jitter there."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 360, n_points)
    around = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], axis=1)
    wide = around * rng.normal(1, 0.12, (n_points, 1))
    spread = np.linspace(0.05, 1, n_frames)[:, None, None]
    return angle, (wide * spread + rng.normal(0, 0.01, (n_frames, n_points, 2))).astype(np.float32)


def ours(angle: np.ndarray, embeddings: np.ndarray) -> tuple[Draw, tuple[int, ...]]:
    """`EvolutionFigure` with all its parts, and the shape of its frames."""
    rng = np.random.default_rng(1)
    n_frames = len(embeddings)
    epochs = np.arange(n_frames) / SNAPSHOTS_PER_EPOCH
    chosen = choose_examples(embeddings[-1], 4)
    kept = np.arange(0, n_frames, 10)
    losses = [
        Curve(name, epochs, np.exp(-epochs / 10), "loss", logarithmic=True) for name in ("training", "validation")
    ]
    figure = EvolutionFigure(
        robust_limits(embeddings),
        [Shown(angle, "circular", "body angle (deg)")],
        examples=Examples(chosen, rng.random((4, 50, 50))),
        outputs=Outputs(kept * STEPS_PER_SNAPSHOT, epochs[kept], rng.random((len(kept), 4, 50, 50))),
        curves=[*losses, Curve("neighbours kept", epochs, np.linspace(0, 1, n_frames))],
    )

    def draw(moment: int) -> np.ndarray:
        trail = embeddings[max(0, moment - TRAIL) : moment + 1, chosen]
        return figure.draw(embeddings[moment], epochs[moment], moment * STEPS_PER_SNAPSHOT, trail)

    return draw, draw(0).shape


def matplotlibs(angle: np.ndarray, embeddings: np.ndarray, shape: tuple[int, ...]) -> Draw:
    """The points and their colour bar alone, in a figure of the same size."""
    fig = new_figure(shape[1] / 100, shape[0] / 100)
    coloring = color_by(angle, "circular")
    ax = place_axes(fig, 1.6, 0.9, 6.4, 6.4)
    (x_limits, y_limits) = robust_limits(embeddings)
    points = draw_points(ax, embeddings[0], coloring, 6.4)
    ax.set(xlim=x_limits, ylim=y_limits, xticks=[], yticks=[])
    draw_color_bar(place_axes(fig, 9.36, 0.9, 0.2, 3.0), coloring)
    header = fig.text(0.5, 0.95, "")

    def draw(moment: int) -> np.ndarray:
        points.set_offsets(embeddings[moment])
        header.set_text(f"epoch {moment / SNAPSHOTS_PER_EPOCH:.1f}")
        fig.canvas.draw()
        return np.asarray(fig.canvas.buffer_rgba())[..., :3].copy()

    return draw


def speed(draw: Draw, moments: list[int]) -> float:
    """Frames per second."""
    start = time.perf_counter()
    for moment in moments:
        draw(moment)
    return len(moments) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
