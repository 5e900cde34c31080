"""Make a data set, NAME.npz (images) and NAME.csv (one row per image), from what there is.

autoencoder prepare arena --out data/arena --images 8000
autoencoder prepare video mouse.mp4 --pose pose.csv --out data/mouse
autoencoder prepare video fly.mp4 --follow darkest --mask --out data/fly
autoencoder prepare experiment recordings.csv --out data/experiment --jobs 4
autoencoder prepare idx train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz --out data/mnist
autoencoder prepare images pictures/ --out data/pictures --resize 64
"""

from __future__ import annotations

import argparse
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoencoder.cli.flags.options import CommandParser, add_common, argument, count, names, number, point, positive_int
from autoencoder.cli.reporting import made, say
from autoencoder.errors import UserError, number_of
from autoencoder.flags import parse_number, shortened
from autoencoder.machine.plain_text import one_line

if TYPE_CHECKING:
    from autoencoder.data.dataset import Prepared
    from autoencoder.data.sources.video.options import VideoOptions
    from autoencoder.workflows.prepare import DataSet

MIN_RATE, MAX_RATE = 1e-6, 1e9
"""Frames per second of a video: one in twelve days, and more than any camera takes."""

MIN_CM, MAX_CM = 1e-4, 1e5
"""Side of a square around an animal, centimetres."""

MAX_PIXEL = 1_000_000
"""No video is wider or higher."""

DONE_IN_PART = 3
"""Exit status where the data set was written without some of the recordings, which are named."""

HELP = "make a data set from videos, MNIST files, a folder of images, or the synthetic arena"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sources, each a subcommand."""
    parser.set_defaults(has_subcommands=True)
    sources = parser.add_subparsers(dest="source", metavar="SOURCE", required=True, parser_class=CommandParser)

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
    arena.add_argument(
        "--compress", action="store_true", help="compress: a third of the size, but ten times as long to write"
    )
    arena.set_defaults(prepare=_arena)

    video = sources.add_parser(
        "video",
        help="crops around the animal, by a pose file or by what moves; or whole frames",
        description="Make an image of each frame of a video: a square around the animal, which a pose file places "
        "(--pose) or which stands out from the median frame (--follow), a region (--region), or the whole frame.",
    )
    _add_video(video)
    video.set_defaults(prepare=_video)

    experiment = sources.add_parser(
        "experiment",
        help="many videos, listed in a table with what is known about each",
        description="Make one data set from many videos, using a table with a row for each: its columns 'video' and "
        "'pose' "
        "name files, relative to the table; 'recording' names it; 'px_per_cm', 'arena_center' and 'crop' say how it "
        "was filmed; all others, such as animal and condition, become columns of its images. Run the same command "
        "again to continue after a stop, to retry what failed, and to add new rows of the table.",
    )
    _add_experiment(experiment)
    experiment.set_defaults(prepare=_experiment)

    idx = sources.add_parser(
        "idx", help="MNIST's format, gzipped or not", description="Read images in MNIST's IDX format."
    )
    idx.add_argument("images", type=Path, metavar="IMAGES")
    idx.add_argument("--labels", type=Path, metavar="FILE", help="IDX file of labels, for the column 'label'")
    idx.add_argument(
        "--transpose", action="store_true", help="swap rows and columns: EMNIST's images are stored on their side"
    )
    _add_fitting(idx)
    idx.set_defaults(prepare=_idx)

    folder = sources.add_parser(
        "images",
        help="a folder of PNG, JPEG, TIFF or GIF; a subfolder per class gives labels",
        description="Read a folder of pictures, in the natural order of their names (2 before 10); a subfolder per "
        "class gives the column 'label'. Every page of a TIFF stack or an animation is an image; a single file may be "
        "named instead of a folder.",
    )
    folder.add_argument("pictures", type=Path, metavar="FOLDER|FILE")
    folder.add_argument("--color", action="store_true", help="keep three channels")
    _add_fitting(folder)
    folder.set_defaults(prepare=_folder)

    for source in (arena, video, experiment, idx, folder):
        source.add_argument("--out", type=Path, required=True, metavar="NAME", help="makes NAME.npz and NAME.csv")
        source.add_argument("--overwrite", action="store_true", help="replace existing files")
        add_common(source)


def _add_video(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "video",
        type=Path,
        nargs="*",
        metavar="VIDEO",
        help="several videos make one data set; see 'prepare experiment'",
    )
    with_pose = parser.add_argument_group("with a pose")
    with_pose.add_argument(
        "--pose",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the tracker's output, a file for each video; see docs/own-data.md",
    )
    _add_options(parser, with_pose)
    _add_many(parser.add_argument_group("several videos"))


def _add_experiment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", type=Path, metavar="TABLE", help="a CSV with a row for each recording")
    _add_many(parser.add_argument_group("recordings"))
    _add_options(parser, parser.add_argument_group("with a pose"))
    parser.add_argument(
        "--crop-cm",
        type=number(float, "a number of centimetres above 0", MIN_CM, MAX_CM),
        metavar="CM",
        help="side of the square around the animal in centimetres, where the table has px_per_cm (default: from the "
        "animals' size)",
    )


def _add_many(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--jobs", type=positive_int, default=1, metavar="N", help="recordings to prepare at the same time (default: 1)"
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="write no data set if a recording fails (default: the others make one, and the exit status is "
        f"{DONE_IN_PART})",
    )


def _add_options(parser: argparse.ArgumentParser, with_pose: argparse._ArgumentGroup) -> None:
    """What can be chosen about the images of a video."""
    _add_pose(with_pose)
    _add_without_pose(parser.add_argument_group("without a pose"))
    _add_images(parser.add_argument_group("images"))
    _add_places_and_times(parser.add_argument_group("places and times"))


def _add_pose(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--individual", metavar="NAME", help="follow this individual, if the file holds several")
    group.add_argument("--track", type=count, metavar="N", help="the same, by its number in the file, from 0")
    group.add_argument(
        "--all-individuals",
        action="store_true",
        help="follow all of them: an image each, and a column 'individual'",
    )
    group.add_argument("--front", metavar="PART", help="body part at the front (default: found by name, such as Nose)")
    group.add_argument(
        "--back",
        metavar="PART",
        help="body part at the back (default: found by name, such as Tailroot); without a front and a back there is "
        "no body angle",
    )
    group.add_argument(
        "--center",
        type=names,
        metavar="PART,...",
        help="centre of the crop, whose speed is measured: the mean of these parts, or, with 'seen', of all that are "
        "seen in a frame (default: front and back)",
    )
    group.add_argument(
        "--min-likelihood",
        type=number(float, "a likelihood from 0 to 1", 0, 1),
        metavar="P",
        help="parts that score below count as not seen (default: 0.6 for DeepLabCut's likelihood, 0.2 for SLEAP's "
        "score)",
    )
    group.add_argument(
        "--allow-short",
        action="store_true",
        help="allow a pose that ends before its video, and leave out the frames that it lacks",
    )
    group.add_argument(
        "--pose-offset",
        type=point,
        default=(0.0, 0.0),
        metavar="X,Y",
        help="top left corner of the window of the video in which the pose was tracked",
    )
    group.add_argument(
        "--pose-turned",
        action="store_true",
        help="the pose was tracked on the frames as stored in the file, which players turn",
    )


def _add_without_pose(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--follow",
        choices=("brightest", "darkest", "moving"),
        help="follow what is brighter or darker than the median of the frames, or what differs from it either way",
    )
    group.add_argument(
        "--region",
        type=_region,
        metavar="X,Y,W,H",
        help="take this part of each frame, of an animal that stays there: left, top, width and height in pixels "
        "(default: whole frames)",
    )
    group.add_argument(
        "--fit",
        choices=("pad", "crop", "stretch"),
        help="how frames or regions are made square: pad with black, crop to the middle, or stretch (default: pad)",
    )


def _add_images(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--crop",
        type=positive_int,
        metavar="PX",
        help="side of the square around the animal, in pixels of the video (default: from the animal's size)",
    )
    group.add_argument("--size", type=positive_int, default=50, metavar="PX", help="side of an image (default: 50)")
    group.add_argument(
        "--align",
        action="store_true",
        help="turn each image by the body angle, so that the animal faces right; needs --pose",
    )
    group.add_argument(
        "--normalise",
        choices=("none", "background", "intensity"),
        default="none",
        help="even out the recording's light, so that recordings under different lamps look alike: 'intensity' sets "
        "brightness and contrast; 'background' shows what differs from the median of the frames, also in light from "
        "one side (default: none)",
    )
    group.add_argument(
        "--fill",
        choices=("median", "edge", "mean"),
        default="median",
        help="what fills a crop beyond the edge of the picture: the picture's median or mean, or its edge repeated "
        "(default: median)",
    )
    group.add_argument(
        "--mask",
        action="store_true",
        help="store where the animal is, for the objective 'mask': what differs from the median of the frames",
    )
    group.add_argument("--every", type=positive_int, default=1, metavar="N", help="take every N-th frame (default: 1)")
    group.add_argument("--limit", type=positive_int, metavar="N", help="stop after N images")
    group.add_argument("--color", action="store_true", help="keep three channels")
    group.add_argument("--compress", action="store_true", help="compress: smaller files that take longer to write")


def _add_places_and_times(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--arena-center", type=point, metavar="X,Y", help="in the video (default: the middle of the track)"
    )
    group.add_argument(
        "--fps",
        type=_rate,
        metavar="N",
        help="frames per second, such as 30 or 30000/1001: for a file without times, or with wrong ones, as in slow "
        "motion (default: the times in the file)",
    )


def _add_fitting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pad", type=count, default=0, metavar="PX", help="pixels of background to add on every side (default: 0)"
    )
    parser.add_argument("--resize", type=positive_int, metavar="PX", help="side of the square to resize to")
    parser.add_argument(
        "--fit",
        choices=("pad", "crop", "stretch"),
        help="with --resize, how what is not square becomes so: pad with background, crop to the middle, or stretch "
        "(default: pad)",
    )
    parser.add_argument(
        "--background",
        type=_background,
        default=0,
        metavar="COLOR",
        help="what is added, and what lies behind transparent pixels: black, white, or 0-255 (default: black)",
    )
    parser.add_argument("--limit", type=positive_int, metavar="N", help="take N images only")


@argument
def _background(text: str) -> int:
    """0 to 255, of a number or a name."""
    from autoencoder.data.sources.resize import NAMED_BACKGROUNDS

    named = {name: value for value, name in NAMED_BACKGROUNDS.items()}
    what = "a background: black, white, or a number from 0 to 255"
    return named[text] if text in named else int(parse_number(text, int, what, 0, 255))


def run(args: argparse.Namespace) -> None:
    """Prepare, and say what was made, left out and assumed."""
    made_set: DataSet = args.prepare(args)
    if made_set.prepared is not None:
        _say_made(args, made_set.prepared, made_set.picture)
    if made_set.failed:
        for name, why in made_set.failed.items():
            print(one_line(f"error: recording '{name}' failed: {why}"), file=sys.stderr)
        raise SystemExit(DONE_IN_PART)


def _say_made(args: argparse.Namespace, prepared: Prepared, picture: Path) -> None:
    for warning in prepared.warnings:
        say(args, f"warning: {warning}")
    for note in prepared.notes:
        say(args, f"note: {note}")
    channels, height, width = prepared.image_shape
    kind = {1: "grayscale", 3: "colour"}.get(channels, f"{channels}-channel")
    images = number_of(prepared.n_images, f"{kind} image")
    say(args, f"{images} of {height}x{width}; columns: {', '.join(prepared.columns) or 'none'}")
    made(args, (prepared.npz, prepared.csv, picture))
    marks = prepared.sample.marks
    if marks is not None:
        question = "does the pose sit on the animal?" if marks.points else "is the animal in the middle?"
        say(args, f"look at {picture}: {question}")
    say(args, f"next: autoencoder train {prepared.npz}")


def _arena(args: argparse.Namespace) -> DataSet:
    from autoencoder.workflows.prepare import prepare_arena

    return prepare_arena(
        args.out,
        args.images,
        seed=args.seed,
        size=args.size,
        compress=args.compress,
        overwrite=args.overwrite,
        quiet=args.quiet,
    )


def _video(args: argparse.Namespace) -> DataSet:
    from autoencoder.workflows.prepare import prepare_video

    videos, poses = _files(args)
    made_set = prepare_video(
        videos,
        args.out,
        pose=poses,
        options=_video_options(args),
        jobs=args.jobs,
        strict=args.strict,
        compress=args.compress,
        overwrite=args.overwrite,
        quiet=args.quiet,
    )
    _say_taken(args, made_set)
    return made_set


def _files(args: argparse.Namespace) -> tuple[list[Path], list[Path] | None]:
    """Videos and poses. Where no video stands before `--pose`, as many follow the poses as there are of these."""
    if args.video or args.pose is None:
        return args.video, args.pose
    n = len(args.pose) // 2
    if len(args.pose) % 2:
        raise UserError("no video is named: give one for each pose (--pose)")
    return args.pose[n:], args.pose[:n]


def _experiment(args: argparse.Namespace) -> DataSet:
    from autoencoder.workflows.prepare import prepare_experiment

    made_set = prepare_experiment(
        args.table,
        args.out,
        options=_video_options(args),
        crop_cm=args.crop_cm,
        jobs=args.jobs,
        strict=args.strict,
        compress=args.compress,
        overwrite=args.overwrite,
        quiet=args.quiet,
    )
    _say_taken(args, made_set)
    return made_set


def _say_taken(args: argparse.Namespace, made_set: DataSet) -> None:
    """Say what of several recordings was there before."""
    if made_set.prepared is None:
        say(args, f"{args.out} already holds all recordings: nothing to do")
    elif made_set.n_taken:
        say(
            args,
            f"{made_set.n_taken} of {made_set.n_recordings} recordings were already prepared, and reused",
        )


def _video_options(args: argparse.Namespace) -> VideoOptions:
    from autoencoder.data.sources.video.options import VideoOptions

    return VideoOptions(
        front=args.front,
        back=args.back,
        center=args.center,
        individual=args.individual,
        track=args.track,
        all_individuals=args.all_individuals,
        allow_short=args.allow_short,
        follow=args.follow,
        region=args.region,
        mask=args.mask,
        fit=args.fit,
        crop=args.crop,
        align=args.align,
        normalise=args.normalise,
        size=args.size,
        fill=args.fill,
        min_likelihood=args.min_likelihood,
        arena_center=args.arena_center,
        fps=args.fps,
        pose_offset=args.pose_offset,
        pose_turned=args.pose_turned,
        limit=args.limit,
        every=args.every,
        color=args.color,
    )


@argument
def _region(text: str) -> tuple[int, int, int, int]:
    """Left, top, width and height of `"40,20,200,100"`."""
    what = "a region X,Y,W,H of four whole numbers, such as 40,20,200,100"
    parts = text.split(",")
    if len(parts) != 4:
        raise ValueError(f"{shortened(text)!r} is not {what}")
    left, top, width, height = (int(parse_number(part, int, what, 0, MAX_PIXEL)) for part in parts)
    return left, top, width, height


@argument
def _rate(text: str) -> Fraction:
    """Frames per second of `"30"`, `"29.97"` or `"30000/1001"`."""
    what = "a number of frames per second, such as 30 or 30000/1001"
    parts = [parse_number(part, float, what, MIN_RATE, MAX_RATE) for part in text.split("/", 1)]
    return Fraction(text) if len(parts) == 1 else Fraction(text.split("/")[0]) / Fraction(text.split("/")[1])


def _idx(args: argparse.Namespace) -> DataSet:
    from autoencoder.workflows.prepare import prepare_idx

    return prepare_idx(
        args.images, args.out, labels=args.labels, transpose=args.transpose, overwrite=args.overwrite, **_fitting(args)
    )


def _folder(args: argparse.Namespace) -> DataSet:
    from autoencoder.workflows.prepare import prepare_images

    return prepare_images(args.pictures, args.out, color=args.color, overwrite=args.overwrite, **_fitting(args))


def _fitting(args: argparse.Namespace) -> dict[str, Any]:
    """How images are made of one size, and how many."""
    return {
        "pad": args.pad,
        "resize": args.resize,
        "fit": args.fit,
        "background": args.background,
        "limit": args.limit,
        "quiet": args.quiet,
    }
