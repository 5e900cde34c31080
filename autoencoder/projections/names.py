"""What the axes and folders of projections are called."""

from __future__ import annotations

from pathlib import Path

from autoencoder.machine.file_names import file_stem
from autoencoder.registries import REDUCERS


def axes_names(reducer: str) -> tuple[str, str]:
    """Names of the two axes of an embedding, such as `UMAP 1`; latent units are counted from 0."""
    axis, first = REDUCERS[reducer].axis, REDUCERS[reducer].first_axis
    return f"{axis} {first}", f"{axis} {first + 1}"


def output_name(reducer: str, fit: str, layer: str) -> str:
    """Name of the folder for one projection."""
    return "-".join([reducer, fit_name(fit), *([] if layer == "latent" else [layer])])


def fit_name(fit: str) -> str:
    """`last` and `first` as they are; of a snapshot's path its run and file, reduced to what any file system takes."""
    path = Path(fit)
    if path.suffix != ".npy":
        return fit
    run = path.absolute().parent.parent.name if path.absolute().parent.name == "latents" else ""
    return file_stem(f"{run}-{path.stem}" if run else path.stem)
