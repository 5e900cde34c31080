"""`encode`: codes of every image of data sets, and of videos that are made into images as the run's data were."""

from __future__ import annotations

import importlib
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoencoder.config.arguments import IMAGES, AnyPath, path_of, paths_of
from autoencoder.data.arrays import check_readable
from autoencoder.data.images import ImageSet
from autoencoder.data.joining.series import as_labels
from autoencoder.data.metadata import RECORDING
from autoencoder.data.sources.experiment.survey import in_pixels
from autoencoder.data.sources.video.options import options_of
from autoencoder.data.sources.video.prepare import made_again
from autoencoder.errors import UserError, first_few, problems_of, raise_if_any
from autoencoder.evaluation.encode import UNFAMILIAR, Encoded, find_familiar, what_is_missing
from autoencoder.evaluation.encode import encode as encode_images
from autoencoder.evaluation.evaluate import check_same_size, open_data
from autoencoder.evaluation.familiar import SHARE, Familiar
from autoencoder.machine.files import check_writable, write_error
from autoencoder.machine.progress import SILENT, Progress, Say
from autoencoder.plots.figures import Files
from autoencoder.registries import CODE_FILES
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import OpenedRun, RunLike, open_run
from autoencoder.runs.trained import Trained
from autoencoder.version import DISTRIBUTION, __version__
from autoencoder.workflows.encode.content import Column, Content, has_times, one_after_the_other
from autoencoder.workflows.held_out import split_column

DATA_SUFFIXES = (".npz", ".npy")
"""Of data sets; whatever else is named is a video."""

SPLIT = "split"
"""Column of what the run's own images were to it: trained on, held out, or left out."""

SHOWN = 5
"""How many recordings are named, before the rest is left out."""


class Table(NamedTuple):
    """Which metadata a data set has; see `evaluate` for all of it."""

    metadata: Path | None
    columns: Sequence[str] | None
    column_kinds: Sequence[str] | None


def encode(
    run: RunLike,
    data: AnyPath | Sequence[AnyPath] = (),
    *,
    out: str | Path,
    pose: AnyPath | Sequence[AnyPath] = (),
    crop: int | Sequence[int] = (),
    px_per_cm: float | Sequence[float] = (),
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
    checkpoint: str = "last",
    errors: bool = False,
    predictions: bool = False,
    session_start: str | None = None,
    overwrite: bool = False,
    device: str = "auto",
    quiet: bool = True,
    say: Say = SILENT,
) -> Files:
    """Write codes of every image, with the columns of the metadata and what the network says of the images.

    For the images of the run's own data set, the column `split` says which were trained on (`training`), held out
    (`held-out`), or neither (`left-out`).

    Args:
        run: a run folder, or what `open_run` gave.
        data: data sets (`.npz`, `.npy`) and videos, one after the other in the file; none for the run's own data.
            For images in memory, use `encode` of what `train` or `load_run` gave.
        out: the file, whose suffix says the format: `.csv`, `.npz`, `.parquet`, `.nwb` or `.nc`.
        pose: of the videos, in their order, where the run's images were cut out by a pose.
        crop: side of the crops in pixels of the videos, one for all or one for each, where it is another than the
            run's. Where the run's is in centimetres, either this or `px_per_cm` is needed.
        px_per_cm: pixels of the videos per centimetre, one for all or one for each; instead of `crop`.
        metadata, columns, column_kinds: of the one data set, see `evaluate`.
        checkpoint: `last`, `best`, the number of an epoch, or a path.
        errors: also how far off the network is for each image, as `test` measures that, without noise.
        predictions: also what it predicts: a column, or pictures. Angles are in degrees, from 0 to 360; those of
            `Trained.predict` are in radians.
        session_start: when the session of an NWB file began, ISO 8601 with the zone.
        overwrite: a file of this name may be replaced.
        device: `auto`, `cpu`, `cuda` or `mps`.
        quiet: show no progress.
        say: is told what was found.

    Returns:
        the files: one, but of several recordings one `.nwb` for each.

    Raises:
        UserError: a file is missing, damaged or in the way, images are of another size, a video cannot be made into
            images, a package is missing, or a format does not hold what was asked for.
    """
    opened, out = open_run(run), Path(out)
    kind = _format(out)
    kind.check()
    sources, poses = paths_of(data, IMAGES), paths_of(pose, "a pose")
    table = Table(None if metadata is None else path_of(metadata, "metadata"), columns, column_kinds)
    sides = [crop] if isinstance(crop, int) else list(crop)
    scales = [px_per_cm] if isinstance(px_per_cm, int | float) else list(px_per_cm)
    problems = _problems_of_scales(opened, sources, sides, scales)
    crops = _crops(opened, sides, scales)
    raise_if_any([*problems, *_problems(opened, sources, out, poses, crops, table, session_start, overwrite)])
    trained = opened.network(checkpoint, device)
    if predictions and trained.objective.makes_pictures and not kind.HOLDS_PICTURES:
        raise UserError(
            f"{opened.path} predicts images, but {out.suffix} holds columns: choose .npz, or leave out --predictions"
        )
    parts, familiar = list[_Part](), None
    if any(map(_is_video, sources)):
        say(f"images are made as those of {opened.path} were, with the options of 'prepare' in {opened.recipe_file}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.stem}.", suffix=".partial", dir=out.parent) as folder:
        making = _Making(opened, trained, kind, Path(folder), errors, predictions, session_start, quiet, say)
        for i, (source, its_pose, its_crop) in enumerate(_with_poses(sources, poses, crops)):
            with _images(making, source, its_pose, its_crop, table) as (owner, images, split):
                check_same_size(images, trained)
                if i == 0 and (missing := what_is_missing(owner)) is not None:
                    say(f"note: {missing}")
                elif i == 0:
                    familiar = find_familiar(owner, trained)
                parts.append(_encode_one(making, parts, source, images, split, familiar, is_one=len(sources) < 2))
        content = _content(making, parts, checkpoint, familiar)
        files = Files(kind.write(content, out))
    if familiar is not None:
        say(_said_of(parts, familiar))
    if kind.NEEDS_TIME and session_start is None:
        say("note: the start of the session is not known, so the file says 1970 (--session-start)")
    return files


# ------------------------------------------------------------------------------------------------------ before the work


def _format(out: Path) -> Any:
    """The module of a format; beside `check` and `write(content, out)` it says whether it `HOLDS_PICTURES`, and
    `NEEDS_TIME`."""
    suffix = out.suffix.lower()
    if suffix not in CODE_FILES:
        raise UserError(f"{out} is not a file for codes: they are written to {', '.join(CODE_FILES)} (--out)")
    return importlib.import_module(CODE_FILES[suffix])


def _is_video(source: Path) -> bool:
    return source.suffix.lower() not in DATA_SUFFIXES


def _problems(
    run: Run,
    sources: Sequence[Path],
    out: Path,
    poses: Sequence[Path],
    crops: Sequence[int],
    table: Table,
    session_start: str | None,
    overwrite: bool,
) -> list[str]:
    """What is wrong with what was asked for, before anything is computed."""
    problems = problems_of(check_writable, out.parent)
    inputs = [*sources, *poses]
    problems += [problem for path in sources for problem in problems_of(check_readable, path, "images or video")]
    problems += [problem for path in poses for problem in problems_of(check_readable, path, "poses")]
    if out.is_dir():
        problems.append(f"{out} is a folder: choose another name (--out)")
    elif out.exists() and any(path.exists() and out.samefile(path) for path in inputs):
        problems.append(f"{out} is an input, and would be replaced: choose another name (--out)")
    elif out.exists() and not overwrite:
        problems.append(f"{out} already exists: choose another name (--out), or replace it (--overwrite)")
    if any(table) and (len(sources) > 1 or any(map(_is_video, sources))):
        problems.append("--metadata, --columns and --column-kind apply to a single data set: name only that one")
    videos = [source for source in sources if _is_video(source)]
    recipe = run.recipe() if videos else None
    if videos and recipe is not None:
        problems += problems_of(options_of, recipe, {"crop": crops[0]} if crops else None)
        if recipe.get("pose") and not poses:
            problems.append(f"the images of {run.path} were cut out by a pose: give one for each video (--pose)")
    if videos and recipe is None:
        problems.append(
            f"{run.path} does not know how its images were made from a video (runs of earlier versions and of other "
            f"images do not): prepare {videos[0]} the same way, and encode that data set"
        )
    if poses and len(poses) != len(videos):
        problems.append(f"--pose names {len(poses)} files for {len(videos)} videos: give one for each, in their order")
    if session_start is not None and not _format(out).NEEDS_TIME:
        problems.append(f"--session-start only applies to .nwb, and {out} is not one: leave it out")
    return problems


def _problems_of_scales(
    run: Run, sources: Sequence[Path], crops: Sequence[int], px_per_cm: Sequence[float]
) -> list[str]:
    """What is wrong with the scales of the videos, as crops or as pixels per centimetre."""
    n_videos, problems = sum(map(_is_video, sources)), []
    for flag, things, given in (("--crop", "sides", crops), ("--px-per-cm", "scales", px_per_cm)):
        if given and len(given) not in (1, n_videos):
            problems.append(
                f"{flag} gives {len(given)} {things} for {n_videos} videos: give one for all, or one for each"
            )
    if crops and px_per_cm:
        problems.append("--px-per-cm and --crop both give the scale: leave one of them out")
    elif px_per_cm and (run.recipe() or {}).get("crop_cm") is None:
        problems.append(
            f"the crop of {run.path} is in pixels: --crop PX is for videos of another scale, and not --px-per-cm"
        )
    return problems


def _crops(run: Run, crops: Sequence[int], px_per_cm: Sequence[float]) -> list[int]:
    """Sides of crops in pixels, as they were given or as they follow from scales."""
    crop_cm = (run.recipe() or {}).get("crop_cm")
    return list(crops) if crop_cm is None else [*crops, *(in_pixels(crop_cm, scale) for scale in px_per_cm)]


def _with_poses(
    sources: Sequence[Path], poses: Sequence[Path], crops: Sequence[int]
) -> Iterator[tuple[Path | None, Path | None, int | None]]:
    """Each source with its pose and the side of its crops; None for the run's own data."""
    remaining, sides = iter(poses), iter(crops if len(crops) != 1 else itertools.repeat(crops[0]))
    for source in sources or (None,):
        if source is not None and _is_video(source):
            yield source, next(remaining, None), next(sides, None)
        else:
            yield source, None, None


# ------------------------------------------------------------------------------------------------------------ the work


@dataclass(frozen=True, eq=False)
class _Making:
    """What stays the same from one source to the next."""

    run: OpenedRun
    trained: Trained
    kind: Any
    folder: Path
    errors: bool
    predictions: bool
    session_start: str | None
    quiet: bool
    say: Say


@dataclass(frozen=True, eq=False)
class _Part:
    """What came of one source: its metadata in `columns`, and what is `found` of its images."""

    encoded: Encoded
    columns: dict[str, Column]
    found: dict[str, Column]
    pictures: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.encoded.codes)

    @property
    def recordings(self) -> set[str]:
        """Names of the recordings, where it knows them."""
        return _recordings_of(self.columns)


def _recordings_of(columns: Mapping[str, Column]) -> set[str]:
    return set(as_labels(columns[RECORDING]).tolist()) if RECORDING in columns else set()


@contextmanager
def _images(
    making: _Making, source: Path | None, pose: Path | None, crop: int | None, table: Table
) -> Iterator[tuple[OpenedRun, ImageSet, Column | None]]:
    """The run opened so that its own images are found, the images of a source, and the split where they are its own."""
    if source is None or not _is_video(source):
        owner, other = open_data(making.run, source, *table)
        if other is not None:
            yield owner, other, None
        else:
            yield owner, owner.images, split_column(owner, len(owner.images))
        return
    recipe = making.run.recipe()
    assert recipe is not None
    with Progress(f"Preparing {source.name}", None, "frames", quiet=making.quiet) as progress:
        made = made_again(
            recipe,
            source,
            pose,
            changes=None if crop is None else {"crop": crop},
            folder=making.folder,
            on_progress=progress.advance,
            on_total=progress.expect,
        )
        with made as again:
            for said in again.warnings:
                making.say(f"warning: {said}")
            for said in again.notes:
                making.say(f"note: {said}")
            yield making.run, again.images, None


def _encode_one(
    making: _Making,
    before: Sequence[_Part],
    source: Path | None,
    images: ImageSet,
    split: Column | None,
    familiar: Familiar | None,
    *,
    is_one: bool,
) -> _Part:
    """Encode a source.

    Raises:
        UserError: it has a recording of the same name as one before, or the format needs what it does not know.
    """
    columns = dict(images.metadata.columns)
    if RECORDING not in columns and source is not None and (_is_video(source) or not is_one):
        columns = {RECORDING: np.full(len(images), source.stem), **columns}
    _refuse_columns(making, before, source or images.source, columns)
    pictures = None
    if making.predictions and making.trained.objective.makes_pictures:
        pictures = _room_for_pictures(making, images, len(before))
    with Progress("Encoding", len(images), quiet=making.quiet) as progress:
        encoded = encode_images(
            making.trained,
            images,
            familiar,
            errors=making.errors,
            predictions=making.predictions and pictures is None,
            pictures=pictures,
            on_progress=progress.advance,
        )
    found = dict(encoded.columns) if split is None else {SPLIT: split, **encoded.columns}
    return _Part(encoded, columns, found, pictures)


def _refuse_columns(
    making: _Making, before: Sequence[_Part], source: Path | None, columns: Mapping[str, Column]
) -> None:
    """Refuse recordings of one name, and what a format of series in time cannot hold."""
    own = _recordings_of(columns)
    known = {name for part in before for name in part.recordings}
    problems = []
    if twice := sorted(own & known):
        problems.append(
            f"{source} has a recording {first_few(twice, SHOWN)}, and so has an earlier input: give recordings "
            "different names (column 'recording'), or encode them into separate files"
        )
    if making.kind.NEEDS_TIME and not has_times(columns):
        problems.append(
            f"{source} does not know the time of each image (column 'time_s'), which this format needs: choose "
            "another one (--out)"
        )
    if making.session_start is not None and len(own | known) > 1:
        problems.append(
            f"--session-start applies to one session, and there are {len(own | known)} recordings: encode one at a time"
        )
    raise_if_any(problems)


def _room_for_pictures(making: _Making, images: ImageSet, number: int) -> NDArray[np.float32]:
    """An array on the disk for a picture of each image."""
    objective = making.trained.objective
    assert objective.pictures is not None
    channels, height, width = images.image_shape
    shape = (len(images), channels if objective.pictures.like == "images" else 1, height, width)
    path = making.folder / f"pictures-{number}.npy"
    try:
        return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    except OSError as error:
        raise write_error(path, error) from None


def _content(making: _Making, parts: Sequence[_Part], checkpoint: str, familiar: Familiar | None) -> Content:
    run, config = making.run, making.trained.config
    lengths = [len(part) for part in parts]
    about = {
        "run": run.path.resolve().name,
        "checkpoint": checkpoint,
        "encoder": f"{config.model.encoder}, {config.model.latent_dim} units",
        "objective": config.objective.name,
        "seed": str(config.training.seed),
        "made_by": f"{DISTRIBUTION} {__version__}",
    }
    if familiar is not None:
        about["unfamiliar"] = f"1 where {_beyond(familiar)}"
    return Content(
        about,
        one_after_the_other([part.columns for part in parts], lengths),
        np.concatenate([part.encoded.codes for part in parts]),
        one_after_the_other([part.found for part in parts], lengths),
        [part.pictures for part in parts if part.pictures is not None],
        making.session_start,
    )


def _beyond(familiar: Familiar) -> str:
    """When an image is unfamiliar, in words."""
    by_error = "" if familiar.most_error is None else f" or the reconstruction's MSE is over {familiar.most_error:.4g}"
    return (
        f"the code's distance from those of the training images is over {familiar.most_distance:.4g}{by_error}, "
        f"which it is for at most {1 - SHARE:.1%} of these"
    )


def _said_of(parts: Sequence[_Part], familiar: Familiar) -> str:
    """How many images are unfamiliar, in a sentence."""
    n = sum(map(len, parts))
    n_unfamiliar = sum(int(part.encoded.columns[UNFAMILIAR].sum()) for part in parts)
    reasons = [f"{sum(part.encoded.n_far or 0 for part in parts):,} by their code"]
    if familiar.most_error is not None:
        reasons.append(f"{sum(part.encoded.n_wrong or 0 for part in parts):,} by the error of their reconstruction")
    return (
        f"{n_unfamiliar:,} of {n:,} images are unfamiliar to the network, {' and '.join(reasons)}, which are beyond "
        f"those of {SHARE:.1%} of the training images (column '{UNFAMILIAR}')"
    )
