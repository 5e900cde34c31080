"""`prepare`: a data set, NAME.npz and NAME.csv, with the picture that shows whether it is as it was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from autoencoder.config.arguments import IMAGES, PICTURES, AnyPath, path_of, paths_of
from autoencoder.data.dataset import Prepared, check_file, npz_file
from autoencoder.data.images import ImageSet, load_images
from autoencoder.data.sources.arena import prepare_arena as make_arena_files
from autoencoder.data.sources.experiment.prepare import prepare_experiment as make_experiment
from autoencoder.data.sources.experiment.recordings import Recording, read_recordings, recordings_of
from autoencoder.data.sources.folder import prepare_images as make_of_pictures
from autoencoder.data.sources.idx import prepare_idx as make_of_idx
from autoencoder.data.sources.resize import BLACK
from autoencoder.data.sources.video.options import DEFAULTS, VideoOptions
from autoencoder.data.sources.video.prepare import prepare_video as make_of_video
from autoencoder.display.summary import Summary
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.progress import Progress
from autoencoder.workflows.check import check_picture

TITLE = "Preparing"


@dataclass(frozen=True, eq=False, repr=False)
class DataSet:
    """A data set on disk that a `prepare_` function made.

    Attributes:
        npz: file of the images; the set itself can be given in its place.
        prepared: what was made; None where all of it was there already.
        failed: recordings that are not in it, by name, and why.
        n_recordings: that it was asked to hold, where there are several.
        n_taken: those that an earlier call made, and that were taken as they were.
    """

    npz: Path
    prepared: Prepared | None
    failed: Mapping[str, str] = field(default_factory=dict)
    n_recordings: int = 1
    n_taken: int = 0

    def __fspath__(self) -> str:
        return str(self.npz)

    def __repr__(self) -> str:
        return f"<DataSet {self.npz}>"

    @property
    def csv(self) -> Path:
        """File of the metadata."""
        return self.npz.with_suffix(".csv")

    @property
    def picture(self) -> Path:
        """A dozen of its images, with what is known of places in them."""
        return check_file(self.npz)

    @property
    def notes(self) -> list[str]:
        """What failed, what may be wrong and what was assumed, a sentence each."""
        made, said = self.prepared, [f"recording '{name}' failed: {why}" for name, why in self.failed.items()]
        return said if made is None else [*said, *(f"warning: {text}" for text in made.warnings), *made.notes]

    def _repr_html_(self) -> str:
        """What a notebook shows: what was made, what was assumed, and the check picture."""
        made = self.prepared
        facts: list[tuple[str, object]] = [("images", self.npz), ("metadata", self.csv)]
        if made is not None:
            shape = "x".join(map(str, made.image_shape))
            facts = [("images", f"{made.n_images:,} of {shape} in {self.npz}"), ("columns", ", ".join(made.columns))]
        pictures = [self.picture.read_bytes()] if self.picture.is_file() else []
        return Summary(f"data set {self.npz.stem}", facts, pictures=pictures, notes=self.notes).html()

    def load(self) -> ImageSet:
        """The images and their metadata.

        Raises:
            UserError: a file is missing or damaged.
        """
        return load_images(self.npz)


def prepare_arena(
    out: str | Path,
    images: int = 8000,
    *,
    seed: int = 0,
    size: int = 50,
    compress: bool = False,
    overwrite: bool = False,
    quiet: bool = True,
) -> DataSet:
    """Render a tailed animal that walks in a round arena with six ports.

    The set has noisy and clean images, masks, regions, and the truth about each image.

    Args:
        out: path with or without `.npz`.
        images: how many.
        seed: of the walk and the noise.
        size: side of an image in pixels.
        compress: write a third of the size in ten times the time.
        overwrite: files of these names may be replaced.
        quiet: show no progress.

    Raises:
        UserError: the files cannot be written.
    """
    with Progress(TITLE, images, quiet=quiet, estimate="about") as progress:
        prepared = make_arena_files(
            Path(out), images, seed, size, compress=compress, overwrite=overwrite, on_progress=progress.advance
        )
    return _shown(prepared)


def prepare_video(
    video: AnyPath | Sequence[AnyPath],
    out: str | Path,
    *,
    pose: AnyPath | Sequence[AnyPath] | None = None,
    options: VideoOptions = DEFAULTS,
    jobs: int = 1,
    strict: bool = False,
    compress: bool = False,
    overwrite: bool = False,
    quiet: bool = True,
) -> DataSet:
    """Make an image of each frame of a video: a square around the animal, a region, or the whole frame.

    Args:
        video: one, or several that make one data set; see `prepare_experiment` for these.
        out: path with or without `.npz`.
        pose: what a tracker wrote, a file for each video; None where there is no pose.
        options: how images are made.
        jobs, strict: of several videos; see `prepare_experiment`.
        compress: write smaller files in more time.
        overwrite: files of these names may be replaced.
        quiet: show no progress.

    Raises:
        UserError: a file is missing or damaged, the pose is of another video, options do not go together, no frame has
            an animal, or the files cannot be written.
    """
    videos, poses = paths_of(video, "a video"), None if pose is None else paths_of(pose, "a pose")
    if not videos:
        raise UserError("no video is named: give one or more")
    if len(videos) > 1:
        recordings = recordings_of(videos, poses)
        return _many(
            recordings, out, options, jobs=jobs, strict=strict, compress=compress, overwrite=overwrite, quiet=quiet
        )
    raise_if_any(
        f"{flag} only applies to several videos: leave it out"
        for flag, given in {"--strict": strict, "--jobs": jobs > 1}.items()
        if given
    )
    if poses is not None and len(poses) > 1:
        raise UserError(f"there is one video and {len(poses)} poses: give one for each video (--pose)")
    with Progress(TITLE, None, "frames", quiet=quiet, estimate=_estimate(options)) as progress:
        prepared = make_of_video(
            videos[0],
            poses[0] if poses else None,
            Path(out),
            options,
            compress=compress,
            overwrite=overwrite,
            on_progress=progress.advance,
            on_total=progress.expect,
        )
    return _shown(prepared)


def prepare_experiment(
    table: AnyPath,
    out: str | Path,
    *,
    options: VideoOptions = DEFAULTS,
    crop_cm: float | None = None,
    jobs: int = 1,
    strict: bool = False,
    compress: bool = False,
    overwrite: bool = False,
    quiet: bool = True,
) -> DataSet:
    """Make one data set of many videos, by a table with a row for each.

    The same call goes on after it was stopped, tries again what failed, and adds new rows of the table.

    Args:
        table: a CSV. Its columns `video` and `pose` name files, relative to the table; `recording` names it;
            `px_per_cm`, `arena_center` and `crop` say how it was filmed; all others become columns of its images.
        out: path with or without `.npz`.
        options: how images are made; `limit` is of each recording.
        crop_cm: side of the square around the animal in centimetres, where the table has `px_per_cm`; None to derive
            it from the animals' size.
        jobs: recordings that are made at a time.
        strict: write no data set where a recording fails; else the others make one, and `failed` says which did.
        compress: write smaller files in more time.
        overwrite: begin anew, and replace files of these names.
        quiet: show no progress.

    Raises:
        UserError: the table or a file that it names is missing or damaged, options do not go together, or are not those
            that the set was begun with, no recording has images, or the files cannot be written.
    """
    table = path_of(table, "the table")
    return _many(
        read_recordings(table),
        out,
        options,
        table=table,
        crop_cm=crop_cm,
        jobs=jobs,
        strict=strict,
        compress=compress,
        overwrite=overwrite,
        quiet=quiet,
    )


def prepare_idx(
    images: AnyPath,
    out: str | Path,
    *,
    labels: AnyPath | None = None,
    transpose: bool = False,
    pad: int = 0,
    resize: int | None = None,
    fit: str | None = None,
    background: int = BLACK,
    limit: int | None = None,
    overwrite: bool = False,
    quiet: bool = True,
) -> DataSet:
    """Read images in MNIST's IDX format, gzipped or not.

    Args:
        images: file of the images.
        out: path with or without `.npz`.
        labels: file of their labels, for the column `label`.
        transpose: swap rows and columns, as EMNIST's images need it.
        pad: pixels of background that are added on every side.
        resize: side of the square that images are resized to; None for the size that they have.
        fit: with `resize`, how what is not square becomes so: `pad`, `crop` or `stretch`; None for `pad`.
        background: grey level of what is added, 0 to 255.
        limit: take so many images only.
        overwrite: files of these names may be replaced.
        quiet: show no progress.

    Raises:
        UserError: a file is missing or damaged, images and labels differ in number, or the files cannot be written.
    """
    with Progress(TITLE, None, quiet=quiet, estimate="about") as progress:
        prepared = make_of_idx(
            path_of(images, IMAGES),
            Path(out),
            None if labels is None else path_of(labels, "labels"),
            pad,
            resize,
            limit,
            fit=fit,
            background=background,
            transpose=transpose,
            overwrite=overwrite,
            on_progress=progress.advance,
            on_total=progress.expect,
        )
    return _shown(prepared)


def prepare_images(
    pictures: AnyPath,
    out: str | Path,
    *,
    color: bool = False,
    pad: int = 0,
    resize: int | None = None,
    fit: str | None = None,
    background: int = BLACK,
    limit: int | None = None,
    overwrite: bool = False,
    quiet: bool = True,
) -> DataSet:
    """Read a folder of pictures, or a stack, in the natural order of their names.

    Args:
        pictures: a folder of PNG, JPEG, TIFF or GIF, where a subfolder per class gives the column `label`; or one file.
        out: path with or without `.npz`.
        color: keep three channels.
        pad, resize, fit, limit: see `prepare_idx`.
        background: grey level of what is added, and of what lies behind transparent pixels, 0 to 255.
        overwrite: files of these names may be replaced.
        quiet: show no progress.

    Raises:
        UserError: there are no pictures, one is damaged, they differ in size, or the files cannot be written.
    """
    with Progress(TITLE, None, quiet=quiet, estimate="about") as progress:
        prepared = make_of_pictures(
            path_of(pictures, PICTURES),
            Path(out),
            pad,
            resize,
            limit,
            color,
            fit=fit,
            background=background,
            overwrite=overwrite,
            on_progress=progress.advance,
            on_total=progress.expect,
        )
    return _shown(prepared)


def _many(
    recordings: Sequence[Recording],
    out: str | Path,
    options: VideoOptions,
    *,
    table: Path | None = None,
    crop_cm: float | None = None,
    jobs: int,
    strict: bool,
    compress: bool,
    overwrite: bool,
    quiet: bool,
) -> DataSet:
    with Progress(TITLE, None, "frames", quiet=quiet, estimate=_estimate(options)) as progress:
        outcome = make_experiment(
            recordings,
            Path(out),
            options,
            table=table,
            crop_cm=crop_cm,
            jobs=jobs,
            strict=strict,
            compress=compress,
            overwrite=overwrite,
            on_progress=progress.advance,
            on_total=progress.expect,
            on_made=check_picture,
        )
    npz = npz_file(Path(out)) if outcome.prepared is None else outcome.prepared.npz
    return DataSet(npz, outcome.prepared, outcome.failed, len(recordings), outcome.n_taken)


def _estimate(options: VideoOptions) -> Literal["about", "at least"]:
    """A video that is looked at before it is cut is decoded twice, the second time more slowly."""
    is_looked_at = options.mask or options.follow is not None or options.normalise != "none"
    return "at least" if is_looked_at else "about"


def _shown(prepared: Prepared) -> DataSet:
    """The set, with its picture drawn."""
    check_picture(prepared)
    return DataSet(prepared.npz, prepared)
