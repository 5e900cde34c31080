"""What a file or folder is, in a few facts; for `autoencoder info`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.config import ModelConfig, ObjectiveConfig, RunConfig
from autoencoder.config.arguments import DESCRIBED, AnyPath, path_of
from autoencoder.config.presets import PRESETS
from autoencoder.data.column_kinds import UNIT_NAMES
from autoencoder.data.metadata import Metadata
from autoencoder.data.recipe import Recipe
from autoencoder.data.timescales import Timescale, label_warnings, timeline_of, timescales
from autoencoder.errors import UserError, number_of
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.timeline import Timeline
from autoencoder.registries import DEFAULT_DECODER, OBJECTIVES
from autoencoder.runs.folder import Run

COUNTED_VALUES = 12
"""Values of a category, or classes, that are listed."""

MAX_SAMPLE, SAMPLE_BYTES = 1000, 256 * 2**20
"""Images, and bytes of them as 32-bit numbers, that mean and deviation of the pixels are taken from."""

MOST_OF_THE_VARIANCE = 0.95


class Facts(dict[str, Any]):
    """Facts by name, some of them in groups, which are dictionaries themselves."""

    def _repr_html_(self) -> str:
        """What a notebook shows: all of them as a table, and each group under its name."""
        from autoencoder.display.summary import Summary  # and with it Pillow

        single = [(name, value) for name, value in self.items() if not isinstance(value, dict)]
        groups = [(name, list(value.items())) for name, value in self.items() if isinstance(value, dict)]
        (kind, path), *facts = single
        return Summary(f"{kind} {path}", facts, groups=groups).html()


def describe(path: AnyPath, max_pixel_value: float | None = None, column_kinds: Sequence[str] | None = None) -> Facts:
    """Facts about a data file (`.npz`, `.npy`), a run folder, or a checkpoint (`.pt`).

    Args:
        path: of one of them; what a `prepare_` function gave stands for its data file, and what `train` or `open_run`
            gave for the run's folder.
        max_pixel_value: of a data file, the pixel value that stands for 1; None for the largest of the dtype, and 1 for
            floats.
        column_kinds: of a data file, what columns are, such as `heading=radians`.

    Returns:
        a dictionary, which a notebook shows as a table.

    Raises:
        UserError: it is none of these, or damaged; or what columns are is said of something else than a data file.
    """
    path = path_of(path, DESCRIBED)
    if column_kinds and path.exists() and path.suffix.lower() not in (".npz", ".npy"):
        raise UserError(f"--column-kind only applies to a data file (.npz, .npy), and {path} is not one: leave it out")
    if path.is_dir():
        return Facts(describe_run(Run(path)))
    if path.suffix.lower() == ".pt":
        return Facts(describe_checkpoint(path))
    if path.suffix.lower() in (".npz", ".npy"):
        return Facts(describe_data(path, max_pixel_value, column_kinds))
    if not path.exists():
        raise UserError(f"there is no file or folder {path}: check the path; 'info presets' lists the presets")
    raise UserError(f"{path} is not a data file (.npz, .npy), a run folder or a checkpoint (.pt)")


def describe_data(
    path: Path, max_pixel_value: float | None = None, column_kinds: Sequence[str] | None = None
) -> dict[str, Any]:
    """Images, what goes with them, and the range of each metadata column."""
    from autoencoder.data.images import depth_advice, load_images

    images = load_images(path, max_pixel_value=max_pixel_value, column_kinds=column_kinds)
    channels, height, width = images.image_shape
    most = min(MAX_SAMPLE, SAMPLE_BYTES // (4 * channels * height * width))
    sample = images.scaled(np.linspace(0, len(images) - 1, max(1, min(len(images), most))).astype(np.int64))
    timeline = timeline_of(images.metadata, len(images))
    scales = timescales(images.metadata, timeline)
    columns = {
        name: _describe_column(images.metadata, name) + (f"; {scales[name]}" if name in scales else "")
        for name in images.metadata.names
    }
    notes = label_warnings(images.metadata, len(images))
    pixels = f"{images.max_pixel_value:g} stands for 1; mean {sample.mean():.3f}, deviation {sample.std():.3f}"
    advice = depth_advice(images.images, max_pixel_value)
    return {
        "file": str(path),
        "images": f"{len(images):,} of {channels}x{height}x{width} {images.images.dtype}",
        "pixels": pixels if advice is None else f"{pixels}; {advice}",
        "clean images": "yes" if images.clean is not None else "no",
        "masks": "yes" if images.mask is not None else "no",
        "regions": "no" if images.regions is None else ", ".join(images.regions.names),
        "columns": columns or "none",
        "time": _describe_timeline(timeline, scales),
        **_describe_recipe(images.recipe),
        **({"notes": {str(number): note for number, note in enumerate(notes, 1)}} if notes else {}),
    }


def _describe_recipe(recipe: Recipe | None) -> dict[str, dict[str, Any]]:
    """How the images were made; nothing where that is not known. Options that were left open are left out."""
    if recipe is None:
        return {}
    shown = {name: value for name, value in recipe.items() if value is not None and name not in ("begun", "columns")}
    if "recordings" in shown:
        shown["recordings"] = f"{len(shown['recordings'])} of them"
    return {"recipe": shown}


def _describe_timeline(timeline: Timeline, scales: Mapping[str, Timescale]) -> str:
    if timeline.frames is None:
        return "none: no column 'frame' says which images are neighbours in time"
    recordings = f"{timeline.n_recordings} recordings" if timeline.n_recordings > 1 else "one recording"
    short = [f"'{name}'" for name, scale in scales.items() if not scale.is_enough]
    said = f"{recordings} of {len(timeline):,} frames; tau: frames until a column's autocorrelation has fallen to 1/e"
    return (
        f"{said}; too slow to interpret in a recording of this length (T/tau below 20): {', '.join(short)}"
        if short
        else said
    )


def _describe_column(metadata: Metadata, name: str) -> str:
    values, kind = metadata.column(name), metadata.kind(name)
    known = metadata.known_values(name)
    missing = f", {len(values) - len(known):,} missing" if len(known) < len(values) else ""
    if kind is ColumnKind.CATEGORY:
        found, counts = np.unique(known, return_counts=True)
        texts = [value if isinstance(value, str) else f"{value:.15g}" for value in found[:COUNTED_VALUES].tolist()]
        listed = ", ".join(f"{text} ({n:,})" for text, n in zip(texts, counts, strict=False))
        return f"category: {listed or 'no values'}{', ...' if len(found) > COUNTED_VALUES else ''}{missing}"
    span = f"{known.min():g} to {known.max():g}" if len(known) else "no values"
    unit = f" {UNIT_NAMES[metadata.meanings[name].unit]}" if kind is ColumnKind.CIRCULAR else ""
    return f"{kind.value}: {span}{unit}{missing}"


def describe_run(run: Run) -> dict[str, Any]:
    """Configuration, progress and what was kept."""
    config, metrics, split = run.config(), run.metrics(), run.split()
    last = metrics[-1] if metrics else None
    validated = [row for row in metrics if row["val_loss"] is not None]
    best = min(validated, key=lambda row: row["val_loss"], default=None)
    index = run.snapshot_index()
    return {
        "run": str(run.path),
        "data": config.data.images,
        **({"columns are": ", ".join(config.data.column_kinds)} if config.data.column_kinds else {}),
        **_describe_network(config),
        **(_describe_components(run, config) if config.model.explains_variance else {}),
        **_describe_recipe(run.recipe()),
        "images": f"{len(split.train):,} for training, {len(split.val):,} held out ({config.data.split})",
        "progress": "no epoch finished yet" if last is None else _describe_progress(last, config.training.epochs),
        "training loss": "none yet" if last is None else _said(last["train_loss"], ".6f"),
        "best validation loss": "none yet" if best is None else f"{best['val_loss']:.6f} after epoch {best['epoch']}",
        "checkpoints": ", ".join(file.stem for file in run.checkpoints()) or "none yet",
        "snapshots": f"{len(index)} of {len(split.snapshot):,} images" if index else "none",
        "configuration": dataclasses.asdict(config.training),
        "environment": {name: value for name, value in run.environment().items() if name != "columns_sha256"},
    }


def _describe_progress(last: Mapping[str, Any], epochs: int) -> str:
    return f"epoch {last['epoch']} of {epochs}, {number_of(last['step'], 'step')}, {_said(last['seconds'], '.0f')} s"


def _said(value: float | None, form: str) -> str:
    """A number of the run's metrics, which a file may lack."""
    return "unknown" if value is None else f"{value:{form}}"


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Network, and where training stood."""
    from autoencoder.runs.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(path)
    state = checkpoint.state
    n_values = sum(value.numel() for value in checkpoint.model.values())
    return {
        "checkpoint": str(path),
        **_describe_network(checkpoint.config),
        "stored values": f"{n_values:,}",
        "images": "x".join(map(str, checkpoint.image_shape)),
        "data": checkpoint.config.data.images,
        "progress": f"epoch {state.epoch}, step {state.step:,}, {state.seconds:.0f} s",
        "best validation loss": "none yet" if state.best_loss is None else f"{state.best_loss:.6f}",
    }


def _describe_network(config: RunConfig) -> dict[str, str]:
    """The encoder with what is behind it, and what they are trained for."""
    model, objective = config.model, config.objective
    encoder = [
        _with_own_settings(model, model.encoder),
        "fitted to the training images" if model.is_fitted else f"learned, norm {model.norm}",
        f"{model.latent_dim} latent units{f' ({model.latent_activation})' if model.latent_activation else ''}",
    ]
    said = {"encoder": ", ".join(encoder)}
    if OBJECTIVES[objective.name].has_decoder:
        decoder = model.decoder or (DEFAULT_DECODER if model.is_fitted else model.encoder)
        said["decoder"] = _with_own_settings(model, decoder)
    return {**said, "objective": _describe_objective(objective)}


def _with_own_settings(model: ModelConfig, encoder: str) -> str:
    """Such as "deep of depth 2"."""
    return " ".join([encoder, *(f"of {name} {value}" for name, value in model.own_of(encoder).items())])


def _describe_objective(objective: ObjectiveConfig) -> str:
    what = [objective.name + (f" ({objective.loss})" if objective.loss else "")]
    if objective.target:
        what[0] += f" of column '{objective.target}'"
    if objective.vector:
        what[0] += f" from ({', '.join(objective.vector[:2])}) to ({', '.join(objective.vector[2:])})"
    if objective.classes:
        shown = ", ".join(objective.classes[:COUNTED_VALUES])
        more = ", ..." if len(objective.classes) > COUNTED_VALUES else ""
        what.append(f"{len(objective.classes)} classes: {shown}{more}")
    what.append(f"noise {objective.noise}")
    if objective.sparsity != "none":
        target = "" if objective.sparsity_target is None else f", target {objective.sparsity_target:g}"
        what.append(f"sparsity {objective.sparsity} (weight {objective.sparsity_weight:g}{target})")
    if objective.shuffle_targets:
        share = "" if objective.shuffle_share is None else f", {100 * objective.shuffle_share:g} % of them"
        what.append(f"trained on shuffled targets{share} (a control)")
    return "; ".join(what)


def _describe_components(run: Run, config: RunConfig) -> dict[str, str]:
    """What the principal components of a run explain, of the training images as the network sees them."""
    ratio = run.reducer().get("explained_variance_ratio", np.empty(0))
    if ratio.ndim != 1 or ratio.size == 0 or ratio.dtype.kind != "f" or not np.isfinite(ratio).all():
        raise UserError(
            f"{run.reducer_file} is not a fitted encoder '{config.model.encoder}': its 'explained_variance_ratio' is "
            "missing, or does not hold numbers"
        )
    explained = np.cumsum(ratio)
    used = min(config.model.latent_dim, len(explained))
    enough = int(np.searchsorted(explained, MOST_OF_THE_VARIANCE)) + 1
    return {
        "explained variance": f"{100 * explained[used - 1]:.1f} % by {used} components; "
        f"{100 * MOST_OF_THE_VARIANCE:.0f} % takes {min(enough, len(explained)):,} of {len(explained):,}"
    }


def _written(value: object) -> str:
    """A setting's value as its flag takes it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def describe_presets() -> dict[str, dict[str, Any]]:
    """Every preset: what it is, its settings as flags of `train`, and as values."""
    return {
        name: {
            "is": preset.description,
            "flags": " ".join(
                f"--{setting.replace('_', '-')} {_written(value)}" for setting, value in preset.settings()
            ),
            **dict(preset.settings()),
        }
        for name, preset in PRESETS.items()
    }
