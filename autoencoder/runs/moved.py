"""Where a run's data lie now, after the run and its data were moved together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from autoencoder.config import DataConfig


def found_again(data: DataConfig, run: Path) -> DataConfig:
    """The same data, with the places of its files where they lie now, as far as they can be found.

    A file that is not where the run knows it to be is looked for where it would be had its folder and the run's been
    moved together, such as to another machine. Whether images are the run's is told by their hash when they are read.

    Args:
        data: with absolute paths, as they were when the run was started.
        run: the run's folder, as it is now.
    """
    metadata = None if data.metadata is None else _now(data.metadata, run)
    return dataclasses.replace(data, images=_now(data.images, run), metadata=metadata)


def _now(file: str, run: Path) -> str:
    if Path(file).exists():
        return file
    return next((str(place) for place in _candidates(file, run) if place.is_file()), file)


def _candidates(file: str, run: Path) -> Iterator[Path]:
    """The end of the old path below each folder above the run; the most of it below the nearest folder comes first."""
    old = PureWindowsPath(file) if "\\" in file else PurePosixPath(file)
    parts = [part for part in old.parts if part != old.anchor]
    folders = run.resolve().parents
    for n_parts in range(len(parts), 0, -1):
        for folder in folders:
            yield folder.joinpath(*parts[-n_parts:])
