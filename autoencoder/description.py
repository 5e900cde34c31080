"""What a file or folder is, in a few facts; for `autoencoder info`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.data.metadata import ColumnKind, Metadata
from autoencoder.errors import UserError
from autoencoder.presets import PRESETS

COUNTED_VALUES = 12


def describe(path: Path, max_pixel_value: float | None = None) -> dict[str, Any]:
    """Facts about a data file (`.npz`, `.npy`), a run folder, or a checkpoint (`.pt`).

    Raises:
        UserError: it is none of these, or damaged.
    """
    if path.is_dir():
        return describe_run(path)
    if path.suffix == ".pt":
        return describe_checkpoint(path)
    if path.suffix in (".npz", ".npy"):
        return describe_data(path, max_pixel_value)
    if not path.exists():
        raise UserError(f"there is no {path}: check the path; 'info presets' lists the presets")
    raise UserError(f"{path} is no data file (.npz, .npy), run folder or checkpoint (.pt)")


def describe_data(path: Path, max_pixel_value: float | None = None) -> dict[str, Any]:
    """Images, what goes with them, and the range of each metadata column."""
    from autoencoder.data.images import load_images

    images = load_images(path, max_pixel_value=max_pixel_value)
    channels, height, width = images.image_shape
    sample = images.scaled(np.linspace(0, len(images) - 1, min(len(images), 1000)).astype(np.int64))
    return {
        "file": str(path),
        "images": f"{len(images):,} of {channels}x{height}x{width} {images.images.dtype}",
        "pixels": f"{images.max_pixel_value:g} stands for 1; mean {sample.mean():.3f}, deviation {sample.std():.3f}",
        "clean images": "yes" if images.clean is not None else "no",
        "masks": "yes" if images.mask is not None else "no",
        "columns": {name: _describe_column(images.metadata, name) for name in images.metadata.names} or "none",
    }


def _describe_column(metadata: Metadata, name: str) -> str:
    values, kind = metadata.column(name), metadata.kind(name)
    if kind is ColumnKind.CATEGORY:
        found, counts = np.unique(values, return_counts=True)
        listed = ", ".join(f"{value} ({n:,})" for value, n in zip(found[:COUNTED_VALUES], counts, strict=False))
        return f"category: {listed}{', ...' if len(found) > COUNTED_VALUES else ''}"
    missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    known = values[~np.isnan(values)] if missing else values
    span = f"{known.min():g} to {known.max():g}" if len(known) else "no values"
    return f"{kind.value}: {span}{f', {missing:,} missing' if missing else ''}"


def describe_run(path: Path) -> dict[str, Any]:
    """Configuration, progress and what was kept."""
    from autoencoder.runs import Run

    run = Run(path)
    config, metrics, split = run.config(), run.metrics(), run.split()
    last = metrics[-1] if metrics else None
    validated = [row for row in metrics if row["val_loss"] is not None]
    best = min(validated, key=lambda row: row["val_loss"], default=None)
    index = run.snapshot_index()
    return {
        "run": str(path),
        "data": config.data.images,
        "model": f"{config.model.encoder}, {config.model.latent_dim} latent units",
        "objective": f"{config.objective.name} ({config.objective.loss}), noise {config.objective.noise}",
        "images": f"{len(split.train):,} for training, {len(split.val):,} held out ({config.data.split})",
        "progress": "no epoch finished"
        if last is None
        else f"{last['epoch']} of {config.training.epochs} epochs, {last['step']:,} steps, {last['seconds']:.0f} s",
        "training loss": "none yet" if last is None else f"{last['train_loss']:.6f}",
        "best validation loss": "none yet" if best is None else f"{best['val_loss']:.6f} after epoch {best['epoch']}",
        "checkpoints": ", ".join(file.stem for file in run.checkpoints()) or "none yet",
        "snapshots": f"{len(index)} of {len(split.snapshot):,} images" if index else "none",
        "configuration": dataclasses.asdict(config.training),
        "environment": run.environment(),
    }


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Network, and where training stood."""
    from autoencoder.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(path)
    state = checkpoint.state
    n_values = sum(value.numel() for value in checkpoint.model.values())
    return {
        "checkpoint": str(path),
        "model": f"{checkpoint.config.model.encoder}, {checkpoint.config.model.latent_dim} latent units",
        "stored values": f"{n_values:,}",
        "images": "x".join(map(str, checkpoint.image_shape)),
        "objective": f"{checkpoint.config.objective.name} ({checkpoint.config.objective.loss})",
        "data": checkpoint.config.data.images,
        "progress": f"epoch {state.epoch}, step {state.step:,}, {state.seconds:.0f} s",
        "best validation loss": "none yet" if state.best_loss is None else f"{state.best_loss:.6f}",
    }


def describe_presets() -> dict[str, Any]:
    """Every preset with the settings that it makes."""
    return {
        name: {"is": preset.description, **preset.model, **preset.objective, **preset.training}
        for name, preset in PRESETS.items()
    }
