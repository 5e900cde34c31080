"""The images that a run learned from, found again and known to be the same."""

from __future__ import annotations

from pathlib import Path

from autoencoder.config import RunConfig
from autoencoder.data.images import ImageSet, load_images
from autoencoder.errors import UserError
from autoencoder.runs import Run


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
    images = load_data(run.config() if config is None else config)
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
