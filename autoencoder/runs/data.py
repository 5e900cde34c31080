"""The images that a run learned from, found again and known to be the same."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.config import DataConfig, ObjectiveConfig, RunConfig
from autoencoder.config.choices import AUTO_SPLIT, BLOCK_SPLIT, GROUP_SPLIT, RANDOM_SPLIT
from autoencoder.data.arrays import chunks
from autoencoder.data.images import ImageSet, load_images
from autoencoder.data.metadata import RECORDING
from autoencoder.data.split import DEFAULT_BLOCKS, Split, group_split, make_split
from autoencoder.data.tables import parse_column
from autoencoder.data.timescales import Timescale, rows_of_a_frame, slowest, timeline_of, timescales
from autoencoder.errors import UserError, first_few, raise_if_any
from autoencoder.objectives.base import make_objective
from autoencoder.runs.folder import Run, RunSplit, read_config
from autoencoder.runs.snapshots import choose_samples
from autoencoder.seeding import stream_seed

BLOCK_TAUS = 5
"""Correlation times in a block of neighbouring frames, where nothing else is asked for."""

SHORTEST_SHARE = 50
"""Where every column is too slow to be interpreted, a fiftieth of the frames stands for their correlation time."""

SLOW_SHOWN = 3
"""How many slow columns are named, before the rest is left out."""

SEVERAL_RECORDINGS = 3
"""From so many recordings on, whole ones are held out by `auto`."""


def load_data(config: RunConfig) -> ImageSet:
    """The images and metadata that a run's configuration names."""
    data = config.data
    metadata = None if data.metadata is None else Path(data.metadata)
    return load_images(
        data.images, metadata, data.columns, data.max_pixel_value, data.column_kinds, kinds_may_miss=True
    )


def load_run_data(run: Run, config: RunConfig | None = None) -> ImageSet:
    """The images of `run`.

    Args:
        run: a run folder.
        config: the run's configuration, where it is to be read with other metadata; None for its own.

    Raises:
        UserError: the file is missing or damaged, or is not the one that the run was started with.
    """
    config = run.config() if config is None else config
    check_there(run, config.data)
    images = load_data(config)
    refuse_other_data(run, images)
    return images


def check_there(run: Run, data: DataConfig) -> None:
    """Refuse to look for files that are not where `run` knows them to be.

    Raises:
        UserError: images or metadata are missing; the message says how to tell the run where they are.
    """
    problems = []
    if not Path(data.images).exists():
        problems.append(
            f"{data.images}, which {run.path} was trained on, is missing: put it back, or say where it is now with "
            f"'autoencoder train FILE --resume {run.path}'"
        )
    if data.metadata is not None and not Path(data.metadata).exists():
        problems.append(
            f"there is no file {data.metadata} with the metadata of {run.path}: put it back, or say where it is now "
            f"with --metadata FILE, or for good with 'autoencoder train --resume {run.path} --metadata FILE'"
        )
    raise_if_any(problems)


def refuse_other_data(run: Run, images: ImageSet) -> None:
    """Refuse images that are not those that `run` was started with.

    Raises:
        UserError: their hash differs.
    """
    if images.content_hash() != run.environment().get("data_sha256"):
        known = read_config(run.config_file).data.images
        if images.source is not None and not Path(known).exists():
            raise UserError(
                f"{known}, which {run.path} was trained on, is missing, and {images.source} holds other images (its "
                f"hash differs): put it back, or say where it is now with 'autoencoder train FILE --resume {run.path}'"
            )
        raise UserError(
            f"{images.source or 'the data'} is not the data set that {run.path} was started with (its hash differs): "
            "restore that file, or start a new run"
        )


def target_hash(objective: ObjectiveConfig, images: ImageSet) -> str | None:
    """SHA-256 of what is to be predicted of the images, as it is stored; None where that is the images themselves.

    Args:
        objective: with its columns filled in, as `Objective.resolved` gives it.
        images: with these columns, or with a mask.
    """
    stored = make_objective(objective).stored_targets(images)
    return _hash_of(stored) if stored else None


def _hash_of(stored: Sequence[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for values in stored:
        digest.update(f"{values.shape} {values.dtype.kind} ".encode())
        if values.dtype.kind == "U":
            digest.update("\n".join(values.tolist()).encode())
            continue
        for _, chunk in chunks(values):
            digest.update(chunk.tobytes())
    return digest.hexdigest()


def has_same_targets(run: Run, config: RunConfig, images: ImageSet) -> bool:
    """Whether the targets of images are those that `run` was started with; a run of an older version knows no hash.

    Numbers that are written in another way are the same: 1.0 for 1, or 007 for 7, which older versions read as 7.
    """
    environment = run.environment()
    stored = make_objective(config.objective).stored_targets(images)
    if not stored or "targets_sha256" not in environment:
        return True
    known = environment["targets_sha256"]
    return any(_hash_of(values) == known for values in itertools.product(*map(_ways_to_store, stored)))


def _ways_to_store(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The same values in all the types that a table can have brought them in."""
    yield values
    if values.ndim != 1:
        return
    numbers = parse_column(values.tolist(), "targets", with_codes=False) if values.dtype.kind == "U" else values
    if numbers.dtype.kind in "if":
        yield numbers.astype(np.float64)
        if np.isfinite(numbers).all() and (numbers == np.round(numbers)).all():
            yield numbers.astype(np.int64)


def check_same_targets(run: Run, config: RunConfig, images: ImageSet) -> None:
    """Refuse images whose targets are not those that `run` was started with; see `has_same_targets`.

    Raises:
        UserError: they are others.
    """
    if not has_same_targets(run, config, images):
        what = make_objective(config.objective).targets_are
        raise UserError(
            f"the {what} in {images.metadata.source or images.source} are not those that {run.path} was started with "
            "(their hash differs): restore that file, or start a new run"
        )


@dataclass(frozen=True)
class ResolvedSplit:
    """A split that leaves nothing open.

    Attributes:
        data: with the kind of split, and for blocks their size and gap.
        said: what was chosen and why, for the user; None where nothing was.
    """

    data: DataConfig
    said: str | None


def resolve_split(data: DataConfig, images: ImageSet) -> ResolvedSplit:
    """Choose what the configuration leaves to the data: the kind of split, and the size of blocks and gaps.

    `auto` holds out whole recordings where the column `recording` has three or more, blocks where images are frames of
    one or two (by the column `frame`), and random images otherwise. Blocks of frames are at least five correlation
    times long, and one is left out of training at their borders: those of the slowest column that has twenty in the
    recording. Slower columns can't be interpreted, whatever is held out.
    """
    if data.split not in (AUTO_SPLIT, BLOCK_SPLIT) or (data.block_size is not None and data.gap is not None):
        return ResolvedSplit(data, None)
    metadata, n = images.metadata, len(images)
    timeline = timeline_of(metadata, n)
    if data.split == AUTO_SPLIT:
        n_recordings = len(np.unique(metadata.known_values(RECORDING))) if RECORDING in metadata.names else 1
        if n_recordings >= SEVERAL_RECORDINGS:
            said = f"split: whole recordings are held out, of {n_recordings} in column '{RECORDING}'"
            return ResolvedSplit(dataclasses.replace(data, split=f"{GROUP_SPLIT}:{RECORDING}"), said)
        if timeline.frames is None:
            said = "split: random images are held out, since no column 'frame' says that images are neighbours in time"
            return ResolvedSplit(dataclasses.replace(data, split=RANDOM_SPLIT), said)
    if data.gap is not None or timeline.frames is None:
        gap = data.gap or 0
        size = data.block_size or BLOCK_TAUS * gap or max(1, n // DEFAULT_BLOCKS)
        return ResolvedSplit(dataclasses.replace(data, split=BLOCK_SPLIT, block_size=size, gap=gap), None)
    scales = timescales(metadata, timeline)
    frames = slowest(scales)
    name = next((f"'{name}'" for name, scale in scales.items() if scale.tau == frames), "")
    why = f"the correlation time of {name} is {frames:.1f} frames"
    # Images of several individuals in one frame follow each other, and are held out together.
    tau = frames / timeline.usual_step * rows_of_a_frame(metadata, timeline)
    if tau == 0:
        tau, why = n / SHORTEST_SHARE, "no column has twenty correlation times in it"
    size = data.block_size or max(1, math.ceil(BLOCK_TAUS * tau))
    # A gap that is wider than half of a small block would leave nothing between two of them.
    gap = min(math.ceil(tau), max(1, size // 2))
    said = f"split: blocks of {size} images are held out, and {gap} left out of training at their borders ({why})"
    said += _said_of_slower(scales)
    return ResolvedSplit(dataclasses.replace(data, split=BLOCK_SPLIT, block_size=size, gap=gap), said)


def _said_of_slower(scales: Mapping[str, Timescale]) -> str:
    """That held-out images resemble those beside them, as far as columns go that are too slow for any gap."""
    slow = [
        f"'{name}', {scale.tau:.0f} frames"
        for name, scale in scales.items()
        if scale.n_stretches is None and not scale.is_enough and math.isfinite(scale.tau)
    ]
    if not slow:
        return ""
    return (
        "; the recording is too short for gaps as long as the correlation time of slower columns "
        f"({first_few(slow, SLOW_SHOWN)}): in these, held-out images resemble the training images beside them"
    )


def split_rows(config: RunConfig, images: ImageSet) -> RunSplit:
    """The split of the images that a new run of `config` makes, and the images whose codes it keeps.

    Raises:
        UserError: there is too little to split, or no such column.
    """
    split = split_of(resolve_split(config.data, images).data, images)
    wanted, seed = config.training.snapshot_samples, config.data.split_seed
    samples = choose_samples(len(images), wanted, seed, split.val)
    return RunSplit(split.train, split.val, samples)


def split_of(data: DataConfig, images: ImageSet) -> Split:
    """The split that a configuration makes, which leaves nothing open; see `resolve_split`.

    Raises:
        UserError: there is too little to split, or no such column.
    """
    metadata = images.metadata
    seed = stream_seed(data.split_seed, "split")
    if data.group_column is not None:
        where = str(metadata.source or images.source or "the data")
        groups = metadata.labels(data.group_column)
        return group_split(groups, data.group_column, where, data.val_fraction, seed, data.held_out_values)
    known = data.split == BLOCK_SPLIT and RECORDING in metadata.names
    recordings = metadata.labels(RECORDING) if known else None
    return make_split(len(images), data.split, data.val_fraction, seed, data.block_size, recordings, data.gap or 0)
