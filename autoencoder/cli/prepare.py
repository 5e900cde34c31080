"""Make a data set, NAME.npz (images) and NAME.csv (one row per image), from what there is.

autoencoder prepare arena --out data/arena --images 8000
autoencoder prepare video mouse.mp4 --pose pose.csv --out data/mouse
autoencoder prepare idx train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz --out data/mnist
autoencoder prepare images pictures/ --out data/pictures --resize 64
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from autoencoder.cli.options import Parser, add_common, count, number, point, positive_int
from autoencoder.cli.reporting import made, say

if TYPE_CHECKING:
    from autoencoder.data.dataset import Prepared

HELP = "make a data set from a video, MNIST files, a folder of images, or the synthetic arena"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The four sources, each a subcommand."""
    parser.set_defaults(has_subcommands=True)
    sources = parser.add_subparsers(dest="source", metavar="SOURCE", required=True, parser_class=Parser)

    arena = sources.add_parser(
        "arena",
        help="a synthetic animal in a round arena with six ports",
        description="Render a tailed animal that walks in a round arena with six ports; noisy and "
        "clean images, masks, and the truth about each image.",
    )
    arena.add_argument(
        "--images", type=positive_int, default=8000, metavar="N", help="number of images (default: 8000)"
    )
    arena.add_argument("--seed", type=count, default=0, metavar="N", help="of the walk and the noise (default: 0)")
    arena.add_argument("--size", type=positive_int, default=50, metavar="PX", help="side of an image (default: 50)")
    arena.add_argument("--compress", action="store_true", help="a third of the size, ten times the time to write")
    arena.set_defaults(prepare=_arena)

    video = sources.add_parser(
        "video",
        help="crops around the animal from a video with a pose file",
        description="Cut a square around the animal out of each frame of a video. The pose is a "
        "DeepLabCut CSV, or what sleap-io reads (extra 'pose').",
    )
    video.add_argument("video", type=Path, metavar="VIDEO")
    video.add_argument("--pose", type=Path, required=True, metavar="FILE", help="DeepLabCut CSV, .slp, .h5, .nwb")
    video.add_argument("--front", metavar="PART", help="body part at the front (default: found by name, such as Nose)")
    video.add_argument(
        "--back", metavar="PART", help="body part at the back (default: found by name, such as Tailroot)"
    )
    video.add_argument(
        "--crop", type=positive_int, metavar="PX", help="side of the crop in the video (default: from the pose)"
    )
    video.add_argument("--size", type=positive_int, default=50, metavar="PX", help="side of an image (default: 50)")
    video.add_argument(
        "--min-likelihood",
        type=number(float, "a likelihood from 0 to 1", 0, 1),
        default=0.6,
        metavar="P",
        help="parts below count as not seen (default: 0.6)",
    )
    video.add_argument(
        "--arena-center", type=point, metavar="X,Y", help="in the video (default: the middle of the track)"
    )
    video.add_argument("--every", type=positive_int, default=1, metavar="N", help="take every N-th frame (default: 1)")
    video.add_argument("--limit", type=positive_int, metavar="N", help="stop after N images")
    video.add_argument("--color", action="store_true", help="keep three channels")
    video.add_argument("--compress", action="store_true", help="smaller files, in more time")
    video.set_defaults(prepare=_video)

    idx = sources.add_parser(
        "idx", help="MNIST's format, gzipped or not", description="Read images in MNIST's IDX format."
    )
    idx.add_argument("images", type=Path, metavar="IMAGES")
    idx.add_argument("--labels", type=Path, metavar="FILE", help="IDX file of labels, for the column 'label'")
    _add_fitting(idx)
    idx.set_defaults(prepare=_idx)

    folder = sources.add_parser(
        "images",
        help="a folder of PNG, JPEG or TIFF; a subfolder per class gives labels",
        description="Read a folder of pictures; a subfolder per class gives the column 'label'.",
    )
    folder.add_argument("folder", type=Path, metavar="FOLDER")
    folder.add_argument("--color", action="store_true", help="keep three channels")
    _add_fitting(folder)
    folder.set_defaults(prepare=_folder)

    for source in (arena, video, idx, folder):
        source.add_argument("--out", type=Path, required=True, metavar="NAME", help="makes NAME.npz and NAME.csv")
        source.add_argument("--overwrite", action="store_true", help="replace files of that name")
        add_common(source)


def _add_fitting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pad", type=count, default=0, metavar="PX", help="black pixels to add on every side (default: 0)"
    )
    parser.add_argument("--resize", type=positive_int, metavar="PX", help="side of the square to resize to")
    parser.add_argument("--limit", type=positive_int, metavar="N", help="take N images only")


def run(args: argparse.Namespace) -> None:
    """Prepare, and say what was made, left out and assumed."""
    from autoencoder.machine.progress import Progress

    total = args.images if args.source == "arena" else None
    with Progress("Preparing", total, quiet=args.quiet) as progress:
        prepared: Prepared = args.prepare(args, progress.advance)
    for note in prepared.notes:
        say(args, f"note: {note}")
    channels, height, width = prepared.image_shape
    kind = {1: "grayscale", 3: "colour"}.get(channels, f"{channels}-channel")
    say(
        args,
        f"{prepared.n_images:,} {kind} images of {height}x{width}; columns: {', '.join(prepared.columns) or 'none'}",
    )
    made(args, (prepared.npz, prepared.csv), f"next: autoencoder train {prepared.npz}")


Advance = Callable[[int], None]


def _arena(args: argparse.Namespace, advance: Advance) -> Prepared:
    from autoencoder.data.sources.arena import prepare_arena

    return prepare_arena(
        args.out,
        args.images,
        args.seed,
        args.size,
        compress=args.compress,
        overwrite=args.overwrite,
        on_progress=advance,
    )


def _video(args: argparse.Namespace, advance: Advance) -> Prepared:
    from autoencoder.data.sources.video import prepare_video

    return prepare_video(
        args.video,
        args.pose,
        args.out,
        front=args.front,
        back=args.back,
        crop=args.crop,
        size=args.size,
        min_likelihood=args.min_likelihood,
        arena_center=args.arena_center,
        limit=args.limit,
        every=args.every,
        color=args.color,
        compress=args.compress,
        overwrite=args.overwrite,
        on_progress=advance,
    )


def _idx(args: argparse.Namespace, advance: Advance) -> Prepared:
    from autoencoder.data.sources.idx import prepare_idx

    return prepare_idx(
        args.images,
        args.out,
        args.labels,
        args.pad,
        args.resize,
        args.limit,
        overwrite=args.overwrite,
        on_progress=advance,
    )


def _folder(args: argparse.Namespace, advance: Advance) -> Prepared:
    from autoencoder.data.sources.folder import prepare_images

    return prepare_images(
        args.folder,
        args.out,
        args.pad,
        args.resize,
        args.limit,
        args.color,
        overwrite=args.overwrite,
        on_progress=advance,
    )
