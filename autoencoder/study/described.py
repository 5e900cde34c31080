"""What was done in a study, as plain values: its data, split, networks and versions, for a Methods section."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from autoencoder.config import GROUP_SPLIT
from autoencoder.config.flattened import Flat, flattened, in_common
from autoencoder.data.images import WHOLE_HASH_BYTES
from autoencoder.data.metadata import RECORDING
from autoencoder.data.timescales import timeline_of
from autoencoder.errors import UserError
from autoencoder.models.network import decoder_name
from autoencoder.registries import OBJECTIVES
from autoencoder.runs.opened import OpenedRun
from autoencoder.study.measured.controls import PIXELS
from autoencoder.study.measured.told import probing_of
from autoencoder.study.population import Population, Source
from autoencoder.version import DISTRIBUTION, __version__

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "umap-learn", "numba", "ripser")
"""What numbers of a study are computed with, by the names of the distributions; those that are installed are told."""

TRAINED_WITH = ("autoencoder", "python", "torch", "numpy")
"""Versions that a run notes when it begins."""


def describe(population: Population) -> dict[str, Any]:
    """What was done, as `statistics.json` has it; nothing is measured.

    Args:
        population: the opened runs of a study, with the controls and codes that were measured beside them.

    Returns:
        plain values: `data`, `split`, `probe_images`, `probing` (None where no column can be probed), `common`
        (settings of all runs by their dotted names), `settings` (a configuration each, with what differs),
        `controls`, `pixel_components`, `codes` (files), and `versions`.

    Raises:
        UserError: there is no run, or a file of one is damaged.
    """
    runs = [source for source in population.sources if source.run is not None and source.control is None]
    if not runs:
        raise UserError("a study is described by its runs, and there are none but controls")
    flat = {source.name: flattened(_run(source).config()) for source in runs}
    common = in_common(flat.values())
    fixed = [source for source in population.sources if source.fixed is not None]
    return {
        "data": _data(population, _run(runs[0])),
        "split": _split(population, _run(runs[0])),
        "probe_images": {
            "kept": len(population.rows),
            "trained_on": len(population.train),
            "held_out": len(population.held_out),
            "compared": len(population.compared),
        },
        "probing": _probing(population),
        "common": common,
        "settings": [_configuration(group, flat, common) for group in _alike(runs, flat)],
        "controls": list(dict.fromkeys(s.control for s in population.sources if s.control is not None)),
        "pixel_components": [
            source.fixed.shape[1] for source in fixed if source.fixed is not None and _is_of_pixels(source)
        ],
        "codes": [
            {"name": source.name, "setting": source.setting, "units": source.fixed.shape[1]}
            for source in fixed
            if source.fixed is not None and source.control is None
        ],
        "versions": {"measured_with": _installed(), "trained_with": _trained_with(runs)},
    }


def _run(source: Source) -> OpenedRun:
    assert source.run is not None, "files of codes have no settings"
    return source.run


def _is_of_pixels(source: Source) -> bool:
    return source.fixed is not None and source.control == PIXELS.format(source.fixed.shape[1])


# ------------------------------------------------------------------------------------------------------ data and split


def _data(population: Population, run: OpenedRun) -> dict[str, Any]:
    images = population.images
    metadata = images.metadata
    timeline = timeline_of(metadata, len(images))
    in_recordings = timeline.frames is not None or RECORDING in metadata.names
    return {
        "name": Path(run.config().data.images).name,
        "images": len(images),
        "shape": list(images.image_shape),
        "dtype": str(images.images.dtype),
        "max_pixel_value": float(images.max_pixel_value),
        "sha256": images.content_hash(),
        "sha256_of_all": images.images.nbytes <= WHOLE_HASH_BYTES,
        "columns": {name: metadata.kind(name).value for name in metadata.names},
        "recordings": timeline.n_recordings if in_recordings else None,
        "is_video": timeline.frames is not None,
        "has_clean": images.clean is not None,
    }


def _split(population: Population, run: OpenedRun) -> dict[str, Any]:
    split, data = run.split(), run.config().data
    rows, column = {"trained_on": split.train, "held_out": split.val}, data.group_column
    groups = None
    if column is not None:
        labels = population.images.metadata.labels(column)
        groups = {name: np.unique(labels[its]).tolist() for name, its in rows.items()}
    return {
        "kind": GROUP_SPLIT if column is not None else data.split,
        "seed": data.split_seed,
        **{name: len(its) for name, its in rows.items()},
        "neither": len(population.images) - len(split.train) - len(split.val),
        "val_fraction": data.val_fraction,
        "block_size": data.block_size,
        "gap": data.gap,
        "column": column,
        "groups": groups,
        "chosen_by_name": data.hold_out is not None,
    }


def _probing(population: Population) -> dict[str, Any] | None:
    """How columns are probed: rows near held-out ones that are left out, and how labels are taken from codes."""
    if not population.images.metadata.names:
        return None
    probing = probing_of(population)
    if not probing.columns:
        return None
    null = probing.null
    return {
        "gap_frames": float(probing.gap),
        "null": null.kind.value,
        "draws": len(null.sources) - 1,
        "rows": len(null.rows),
        "in_groups": population.split_kind.startswith(GROUP_SPLIT),
    }


# ------------------------------------------------------------------------------------------------------------ settings


def _alike(runs: Sequence[Source], flat: Mapping[str, Flat]) -> list[list[Source]]:
    """Runs of one setting and one configuration together, in the order of the settings."""
    found: dict[tuple[str, str], list[Source]] = {}
    for source in runs:
        found.setdefault((source.setting, repr(sorted(flat[source.name].items()))), []).append(source)
    return [group for setting in dict.fromkeys(s for s, _ in found) for (s, _), group in found.items() if s == setting]


def _configuration(group: Sequence[Source], flat: Mapping[str, Flat], common: Flat) -> dict[str, Any]:
    """Runs that differ in their seeds only."""
    runs = [_run(source) for source in group]
    states = [run.state_of(run.checkpoint_file("last")) for run in runs]
    environments = [run.environment() for run in runs]
    return {
        "setting": group[0].setting,
        "levels": dict(group[0].levels),
        "runs": [source.name for source in group],
        "seeds": [source.seed for source in group],
        "differing": {name: value for name, value in flat[group[0].name].items() if name not in common},
        "epochs": sorted({state.epoch for state in states}),
        "updates": sorted({state.step for state in states}),
        "snapshots": sorted({len(source.moments) for source in group}),
        "snapshots_in_first_epoch": sorted(
            {sum(0 < moment.epoch <= 1 for moment in source.moments) for source in group}
        ),
        "without_target": max(int(environment.get("n_without_target", 0)) for environment in environments),
        "device": sorted({_device(environment) for environment in environments}),
        "threads": sorted({int(environment["threads"]) for environment in environments if "threads" in environment}),
        **_network(runs[0]),
    }


def _device(environment: Mapping[str, Any]) -> str:
    """Such as "cuda (NVIDIA H100)"."""
    device, name = str(environment.get("device", "unknown")), environment.get("device_name")
    return f"{device} ({name})" if name else device


# ------------------------------------------------------------------------------------------------------------- network


def _network(run: OpenedRun) -> dict[str, Any]:
    """Layers of a run's encoder and head, and their numbers of trained parameters; or why they cannot be read."""
    config = run.config()
    has_decoder = OBJECTIVES[config.objective.name].has_decoder
    said: dict[str, Any] = {"decoder": decoder_name(config.model) if has_decoder else None}
    try:
        network = run.network("last", "cpu").network
    except UserError as error:
        return {**said, "network": {"why_not": str(error)}}
    parts = {"encoder": network.encoder, "head": network.head}
    return {
        **said,
        "network": {
            name: {
                "layers": layers_of(part),
                "n_parameters": sum(parameter.numel() for parameter in part.parameters() if parameter.requires_grad),
            }
            for name, part in parts.items()
        },
    }


def layers_of(module: nn.Module) -> list[dict[str, Any]]:
    """The layers of a network in their order, in plain values, with the sizes that they have.

    What has neither weights nor an effect on values, such as a change of shape, is left out. Steps that are no modules,
    such as a pixel shuffle, are not seen.

    Args:
        module: an encoder, or a head.

    Returns:
        for each layer its kind in `layer`, and `size`, `stride`, `padding`, `channels` or `units`, as far as it has
        these.
    """
    found = []
    for layer in module.modules():
        if not next(layer.children(), None) and (said := _layer(layer)) is not None:
            found.append(said)
    return found


def _layer(layer: nn.Module) -> dict[str, Any] | None:
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        return {
            "layer": "convolution" if isinstance(layer, nn.Conv2d) else "transposed convolution",
            "size": list(layer.kernel_size),
            "stride": int(layer.stride[0]),
            "padding": int(layer.padding[0]),
            "channels": layer.out_channels,
        }
    if isinstance(layer, nn.Linear):
        return {"layer": "linear layer", "units": layer.out_features}
    if isinstance(layer, nn.MaxPool2d):
        return {"layer": "max pooling", "size": layer.kernel_size}
    if isinstance(layer, nn.Upsample):
        return {"layer": "nearest-neighbour upsampling", "size": int(float(str(layer.scale_factor)))}
    if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return {"layer": "batch normalisation", "learns_scale": layer.affine}
    return None if isinstance(layer, (nn.Identity, nn.Flatten, nn.Unflatten)) else _other_layer(layer)


OTHER_LAYERS = {
    nn.GroupNorm: "layer normalisation",
    nn.LayerNorm: "layer normalisation",
    nn.LocalResponseNorm: "local response normalisation",
    nn.ReLU: "ReLU",
    nn.SiLU: "SiLU",
    nn.Sigmoid: "a sigmoid",
    nn.Tanh: "tanh",
}
"""Layers without a size, and what they are called."""


def _other_layer(layer: nn.Module) -> dict[str, Any] | None:
    return next(({"layer": name} for kind, name in OTHER_LAYERS.items() if isinstance(layer, kind)), None)


# ------------------------------------------------------------------------------------------------------------ versions


def _installed() -> dict[str, str]:
    """Versions that a study is measured with."""
    found = {DISTRIBUTION: __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed
    return found


def _trained_with(runs: Sequence[Source]) -> dict[str, list[str]]:
    """Versions that the runs began with, each once."""
    environments = [_run(source).environment() for source in runs]
    return {
        name: sorted({str(environment[name]) for environment in environments if name in environment})
        for name in TRAINED_WITH
    }
