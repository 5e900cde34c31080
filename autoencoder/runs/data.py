"""The images that a run learned from, found again and known to be the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

from autoencoder.config import DataConfig, ObjectiveConfig, RunConfig
from autoencoder.data.images import ImageSet, load_images
from autoencoder.data.split import group_split, make_split
from autoencoder.errors import UserError, raise_if_any
from autoencoder.objectives.base import make_objective
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.runs.snapshots import choose_samples
from autoencoder.seeding import stream_seed

RECORDINGS = "recording"
"""The column that says which recording an image is of: blocks of neighbouring images lie within one."""


def load_data(config: RunConfig) -> ImageSet:
    """The images and metadata that a run's configuration names."""
    data = config.data
    metadata = None if data.metadata is None else Path(data.metadata)
    return load_images(data.images, metadata, data.columns, data.max_pixel_value)


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
            f"{data.images}, which {run.path} learned from, is not there: put it back, or say where it is by "
            f"'autoencoder train FILE --resume {run.path}'"
        )
    if data.metadata is not None and not Path(data.metadata).exists():
        problems.append(
            f"there is no file {data.metadata} with the metadata of {run.path}: put it back, or say where it is "
            f"by --metadata FILE, for good by 'autoencoder train --resume {run.path} --metadata FILE'"
        )
    raise_if_any(problems)


def refuse_other_data(run: Run, images: ImageSet) -> None:
    """Refuse images that are not those that `run` was started with.

    Raises:
        UserError: their hash differs.
    """
    if images.content_hash() != run.environment().get("data_sha256"):
        raise UserError(
            f"{images.source or 'the data'} is not the data that {run.path} was started with (its hash differs): "
            "restore that file, or start a new run"
        )


def target_hash(objective: ObjectiveConfig, images: ImageSet) -> str | None:
    """SHA-256 of what is to be predicted of the images, as it is stored; None where that is the images themselves.

    Args:
        objective: with its columns filled in, as `Objective.resolved` gives it.
        images: with these columns, or with a mask.
    """
    stored = make_objective(objective).stored_targets(images)
    if not stored:
        return None
    digest = hashlib.sha256()
    for values in stored:
        content = "\n".join(values.tolist()).encode() if values.dtype.kind == "U" else values.tobytes()
        digest.update(f"{values.shape} {values.dtype.kind} ".encode() + content)
    return digest.hexdigest()


def check_same_targets(run: Run, config: RunConfig, images: ImageSet) -> None:
    """Refuse images whose targets are not those that `run` was started with; a run of an older version knows no hash.

    Raises:
        UserError: their hash differs.
    """
    environment, found = run.environment(), target_hash(config.objective, images)
    if environment.get("targets_sha256", found) != found:
        what = make_objective(config.objective).targets_are
        raise UserError(
            f"the {what} in {images.metadata.source or images.source} are not those that {run.path} was started with "
            "(their hash differs): restore that file, or start a new run"
        )


def split_rows(config: RunConfig, images: ImageSet) -> RunSplit:
    """The split of the images that a new run of `config` makes, and the images whose codes it keeps.

    Raises:
        UserError: there is too little to split, or no such column.
    """
    data, metadata = config.data, images.metadata
    seed = stream_seed(data.split_seed, "split")
    if data.group_column is not None:
        where = str(metadata.source or images.source or "the data")
        groups = metadata.labels(data.group_column)
        split = group_split(groups, data.group_column, where, data.val_fraction, seed, data.held_out_values)
    else:
        known = data.split == "blocks" and RECORDINGS in metadata.names
        recordings = metadata.labels(RECORDINGS) if known else None
        split = make_split(len(images), data.split, data.val_fraction, seed, data.block_size, recordings)
    samples = choose_samples(len(images), config.training.snapshot_samples, data.split_seed)
    return RunSplit(split.train, split.val, samples)
