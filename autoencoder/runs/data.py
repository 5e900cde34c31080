"""The images that a run learned from, found again and known to be the same."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

from autoencoder.config import ObjectiveConfig, RunConfig
from autoencoder.data.images import ImageSet, load_images
from autoencoder.data.split import make_split
from autoencoder.errors import UserError, raise_if_any
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.runs.snapshots import choose_samples
from autoencoder.seeding import stream_seed


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
    problems = []
    if not Path(config.data.images).exists():
        problems.append(
            f"{config.data.images}, which {run.path} learned from, is not there: put it back, or say where it is by "
            f"'autoencoder train FILE --resume {run.path}'"
        )
    if config.data.metadata is not None and not Path(config.data.metadata).exists():
        problems.append(
            f"there is no file {config.data.metadata} with the metadata of {run.path}: put it back, or say where it is "
            f"by --metadata FILE, for good by 'autoencoder train --resume {run.path} --metadata FILE'"
        )
    raise_if_any(problems)
    images = load_data(config)
    check_same_data(run, images)
    return images


def check_same_data(run: Run, images: ImageSet) -> None:
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
    columns = [objective.target] if objective.target is not None else list(objective.vector or ())
    stored = [images.metadata.column(name) for name in columns]
    if objective.name == "mask" and images.mask is not None:
        stored.append(images.mask)
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
        what = "masks" if config.objective.name == "mask" else "columns to predict"
        raise UserError(
            f"the {what} in {images.metadata.source or images.source} are not those that {run.path} was started with "
            "(their hash differs): restore that file, or start a new run"
        )


def with_metadata(config: RunConfig, metadata: Path | None, columns: Sequence[str] | None) -> RunConfig:
    """The configuration of a run with other metadata, where such are given; `columns` names those of an `.npy`."""
    if metadata is None and columns is None:
        return config
    data = dataclasses.replace(
        config.data,
        metadata=config.data.metadata if metadata is None else str(metadata),
        columns=None if columns is None else tuple(columns),
    )
    return dataclasses.replace(config, data=data)


def split_rows(config: RunConfig, n_images: int) -> RunSplit:
    """The split of `n_images` images that a new run of `config` makes, and the images whose codes it keeps."""
    data, seed = config.data, config.training.seed
    split = make_split(n_images, data.split, data.val_fraction, stream_seed(seed, "split"), data.block_size)
    samples = choose_samples(n_images, config.training.snapshot_samples, seed)
    return RunSplit(split.train, split.val, samples)
