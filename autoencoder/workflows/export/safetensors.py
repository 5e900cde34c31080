"""A `.safetensors` file: weights alone, which run nothing when they are read, with all that makes a network of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autoencoder.config import NETWORK_PARTS, RunConfig
from autoencoder.data.arrays import check_readable
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large
from autoencoder.models.fitted import FittedEncoder
from autoencoder.models.network import ImageShape, build_encoder, fitted_encoder, on_device
from autoencoder.objectives.base import make_objective
from autoencoder.version import DISTRIBUTION, __version__, installing
from autoencoder.workflows.export.content import Content, zeros_of
from autoencoder.workflows.export.module import CPU, PIXEL_TYPES, ExportedNetwork

NEEDS = f"Weights and metadata. Takes {DISTRIBUTION} with its extra safetensors, and gives a module of torch."

FORMAT = "autoencoder network 1"
"""Raised when an older reader could not make sense of a newer file."""

MADE_BY_OTHERS = "is no network that 'autoencoder export' wrote"


def check() -> Any:
    """The module `safetensors.torch`.

    Raises:
        UserError: the package is missing.
    """
    try:
        import safetensors.torch
    except ImportError:
        raise UserError(f"safetensors files need the extra: {installing('safetensors')}") from None
    return safetensors.torch


def write(content: Content, path: Path) -> None:
    """Write weights, and the arrays of a fitted encoder, by their names; what the network is stands in the metadata."""
    network = content.network
    tensors = dict(network.state_dict())
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, FittedEncoder):
        tensors |= {f"encoder.{name}": torch.from_numpy(values) for name, values in encoder.arrays().items()}
    whole = {name: values.contiguous() for name, values in tensors.items()}
    path.write_bytes(check().save(whole, {"format": FORMAT, **content.about}))  # `save_file` would make it private


def loading(content: Content, file: str) -> list[str]:
    """Lines of Python that load the file and use it."""
    shape, dtype = zeros_of(content)
    given = content.network.input_name
    return [
        "import torch",
        "from autoencoder import load_exported",
        "",
        f"network = load_exported({json.dumps(file)})",
        f"{given} = torch.zeros({shape}, dtype=torch.{dtype})  # yours",
        f"{', '.join(content.network.output_names)} = network({given})",
    ]


def load_exported(path: str | Path) -> ExportedNetwork:
    """The network in a file that `export` wrote as safetensors, on the CPU and in evaluation mode.

    Args:
        path: the file; nothing in it is run, and no code is loaded from it.

    Raises:
        UserError: the file is missing or damaged, or not one of these; the package `safetensors` is missing.
    """
    path = Path(path)
    check_readable(path, "a network")
    metadata, tensors = _read(path)
    if metadata.get("format") != FORMAT:
        found = metadata.get("format", "")
        newer = found.startswith(FORMAT.rpartition(" ")[0])
        raise UserError(
            f"{path} was written by a newer version than {__version__}: install that ({metadata.get('made_by')})"
            if newer
            else f"{path} {MADE_BY_OTHERS} as safetensors: load it with the library that wrote it"
        )
    try:
        config = RunConfig.from_json(json.loads(metadata["config"]))
        described = json.loads(metadata["images"])
        part, pixels = metadata["part"], described["pixels"]
        shape: ImageShape = tuple(described["image_shape"])
        top = float(described["max_pixel_value"])
        if part not in NETWORK_PARTS or pixels not in PIXEL_TYPES or not top > 0:
            raise ValueError("part or pixels")
        if len(shape) != 3 or any(type(side) is not int or side < 1 for side in shape):
            raise ValueError("image_shape")
        refuse_too_large(f"one image of {path}", 4 * shape[0] * shape[1] * shape[2], "export the network again")
        network = _built(config, part, shape, pixels, top, tensors)
    except UserError as error:
        raise UserError(f"{path} {MADE_BY_OTHERS}: {error}") from None
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} {MADE_BY_OTHERS} ({str(error).splitlines()[0]}): export it again") from None
    return network


def _read(path: Path) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    """Metadata and tensors."""
    check()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        said = (str(error).splitlines() or ["?"])[0]
        raise UserError(f"{path} cannot be read as safetensors ({said}): export it again") from None


def _built(
    config: RunConfig, part: str, shape: ImageShape, pixels: str, top: float, tensors: Mapping[str, Tensor]
) -> ExportedNetwork:
    """The network, whose weights are those of the file: none is drawn, and no memory is taken for others."""
    objective = make_objective(config.objective)
    of_encoder = {
        name.removeprefix("encoder."): values for name, values in tensors.items() if name.startswith("encoder.")
    }
    encoder: nn.Module | None = None
    head: nn.Module | None = None
    if part != "decoder" and config.model.is_fitted:
        fitted = fitted_encoder(config.model, {name: values.numpy() for name, values in of_encoder.items()})
        if fitted(torch.zeros(1, *shape)).shape != (1, config.model.latent_dim):
            raise ValueError(f"it makes codes of {fitted.latent_dim} units")
        encoder = fitted
        tensors = {name: values for name, values in tensors.items() if not name.startswith("encoder.")}
    with torch.device("meta"):
        if part != "decoder" and encoder is None:
            encoder = build_encoder(config.model, shape)
        if part != "encoder":
            head = objective.build_head(config.model, shape)
    network = ExportedNetwork(part, encoder, head, objective, shape, pixels, top)
    expected = network.state_dict()
    if wrong := [name for name in expected if name in tensors and tensors[name].dtype != expected[name].dtype]:
        raise ValueError(f"'{wrong[0]}' is {tensors[wrong[0]].dtype}")
    network.load_state_dict(dict(tensors), strict=True, assign=True)
    network.requires_grad_(False)
    return on_device(network, CPU)
