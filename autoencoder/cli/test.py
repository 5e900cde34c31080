"""Test how well a run reconstructs: on its own held-out images, or on all images of another data file.

autoencoder test --run runs/arena
autoencoder test --run runs/mnist --data data/mnist-test.npz --noise gaussian:0.5
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoencoder.cli.options import add_device, add_run, noise, positive_int
from autoencoder.cli.reporting import made, say, table

HELP = "measure a run's denoising, with pictures and movies"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `test`."""
    add_run(parser)
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="other images to test on (default: the run's held-out ones)"
    )
    parser.add_argument(
        "--checkpoint", default="last", metavar="NAME", help="last, best, an epoch's number, or a file (default: last)"
    )
    parser.add_argument(
        "--noise", type=noise, metavar="KIND:AMOUNT", help="corruption of the input, or none (default: the run's own)"
    )
    parser.add_argument("--limit", type=positive_int, metavar="N", help="test at most N images, evenly spaced")
    parser.add_argument(
        "--examples", type=positive_int, default=8, metavar="N", help="columns of the grids (default: 8)"
    )
    parser.add_argument(
        "--movies",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write movies of input and output (default: yes)",
    )
    parser.add_argument(
        "--movie-frames", type=positive_int, default=120, metavar="N", help="images in a movie (default: 120)"
    )
    parser.add_argument("--format", choices=("mp4", "gif"), default="mp4", help="of the movies (default: mp4)")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: RUN/test, or RUN/test/NAME for other data)"
    )
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Measure, draw, print the table."""
    from autoencoder.evaluation import evaluate
    from autoencoder.runs import Run
    from autoencoder.workflows.testing import report

    evaluation = evaluate(
        args.run,
        data=args.data,
        checkpoint=args.checkpoint,
        noise=args.noise,
        limit=args.limit,
        device=args.device,
        quiet=args.quiet,
    )
    out = args.out or Run(args.run).output_folder("test", *([args.data.stem] if args.data else []))
    files = report(
        evaluation,
        out,
        examples=args.examples,
        movies=args.movies,
        movie_frames=args.movie_frames,
        movie_format=args.format,
        quiet=args.quiet,
    )
    rows = [
        ("input", evaluation.input_quality),
        (f"PCA, {evaluation.pca_components} components (control)", evaluation.pca_quality),
        ("output", evaluation.output_quality),
    ]
    n, noise_text = len(evaluation.rows), "" if evaluation.noise.kind == "none" else f", noise {evaluation.noise}"
    table(
        args,
        f"{n:,} images{noise_text}; compared with {evaluation.reference}",
        ("", "MSE", "PSNR (dB)", "SSIM"),
        [(name, f"{q.mse:.5f}", f"{q.psnr_db:.2f}", f"{q.ssim:.3f}") for name, q in rows if q is not None],
    )
    say(args, f"the output is {evaluation.summary()['output_closer_than_pca_db']:+.2f} dB closer than the PCA control")
    made(args, files, f"next: autoencoder visualize --run {args.run}")
