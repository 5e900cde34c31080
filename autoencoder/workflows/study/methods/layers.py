"""The layers of encoders and of what stands behind the code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from autoencoder.errors import listed
from autoencoder.models.network import architecture
from autoencoder.models.umap import NARROW_TO
from autoencoder.neighbors.umap import UMAP_NEIGHBORS
from autoencoder.registries import FITTED_ENCODERS
from autoencoder.study.wording import Found
from autoencoder.workflows.markdown import as_markdown
from autoencoder.workflows.study.methods.words import count

WEIGHTED = {"convolution": "channels", "transposed convolution": "channels", "linear layer": "units"}
"""Layers with weights, and what they have so many of."""

_SHUFFLED = (
    "; each convolution was followed by a pixel shuffle that doubled the resolution, cropped where the encoder had "
    "halved an odd side"
)

BETWEEN_LAYERS = {
    "strided": _SHUFFLED,
    "narrow": _SHUFFLED,
    "conv": "; the last row or column was repeated wherever pooling had dropped one of an odd side",
    "conv-small": "; pixels beyond the sizes of the encoder's maps were cropped",
}
"""What decoders do that is no layer."""


def encoder(settings: Found, entry: Found) -> str:
    """A clause about the encoder of a configuration."""
    name, units = settings["model.encoder"], settings["model.latent_dim"]
    if name not in FITTED_ENCODERS:
        layers = entry["network"].get("encoder", {}).get("layers")
        linear = layers and (layers[-1]["layer"] in WEIGHTED or "normalisation" in layers[-1]["layer"])
        return _part("encoder", entry, "encoder", units) + ("; units of the code were linear" if linear else "")
    most = architecture(name).Encoder.MAX_IMAGES
    noise = "" if settings["objective.noise.kind"] == "none" else " with their noise"
    fitted_to = f"the training images{noise}, at most {most:,} of them"
    if name == "pca":
        return (
            f"the encoder was a principal component analysis of {fitted_to}, whose leading components, as many as the "
            "code had units, were standardised by the training images"
        )
    if name == "umap":
        return (
            "the encoder was a UMAP [[McInnes et al., 2018]], in as many dimensions as the code had units, of the "
            f"first {NARROW_TO} principal components of {fitted_to}, with {UMAP_NEIGHBORS} neighbours; every image was "
            "placed at the mean of its nearest training images, weighted by their membership strengths, and units were "
            "standardised by the training images"
        )
    return f"the encoder '{as_markdown(name)}' was fitted to the training images"


def head(settings: Found, entry: Found) -> str:
    """A clause about the layers behind the code of a configuration."""
    return _part("head", entry, head_name(entry)) + BETWEEN_LAYERS.get(entry["decoder"], "")


def head_name(entry: Found) -> str:
    """What the layers behind the code are called."""
    return "read-out" if entry["decoder"] is None else "decoder"


def _part(name: str, entry: Found, called: str, code: int | None = None) -> str:
    part = entry["network"].get(name)
    if part is None:
        return f"the layers of the {called} could not be read ({as_markdown(entry['network']['why_not'])})"
    return f"the {called} consisted of {layers_text(part['layers'], code)}"


def layers_text(layers: Sequence[Found], code: int | None = None) -> str:
    """Such as "three 3 x 3 convolutions with stride 2 (32, 64 and 128 channels), each followed by SiLU; ...".

    Args:
        layers: see `autoencoder.study.described.layers_of`.
        code: units of the code, where the last linear layer leads to it.
    """
    blocks: list[list[Found]] = []
    for layer in layers:
        if layer["layer"] in WEIGHTED or not blocks:
            blocks.append([])
        blocks[-1].append(layer)
    to_code = []
    if code is not None and blocks and blocks[-1][0] == {"layer": "linear layer", "units": code}:
        to_code = [f"a linear layer to the code{_behind(blocks.pop()[1:])}"]
    *before, last = [*(_block(list(alike)) for _, alike in groupby(blocks, key=_form)), *to_code]
    return "; ".join([*before, f"and {last}"]) if before else last


def _form(block: Sequence[Found]) -> tuple[Any, ...]:
    """What blocks of layers that are told together have in common: all but their width."""
    width = WEIGHTED.get(block[0]["layer"])
    return tuple(sorted((name, str(value)) for name, value in block[0].items() if name != width)), str(block[1:])


def _block(alike: Sequence[Sequence[Found]]) -> str:
    first, *behind = alike[0]
    if first["layer"] not in WEIGHTED:
        return listed([_layer(layer) for layer in alike[0]])
    noun, several = WEIGHTED[first["layer"]], len(alike) > 1
    widths = [block[0][noun] for block in alike]
    said = f"{count(len(alike))} {_layer(first)}s" if several else f"a {_layer(first)}"
    said += f"{_steps(first)} ({listed([f'{width:,}' for width in widths])} {noun if widths != [1] else noun[:-1]})"
    return said + _behind(behind, each=several)


def _behind(layers: Sequence[Found], *, each: bool = False) -> str:
    """What follows a layer with weights, or each of several."""
    return f", {'each ' * each}followed by {listed([_layer(layer) for layer in layers])}" if layers else ""


def _layer(layer: Found) -> str:
    name, size = str(layer["layer"]), layer.get("size")
    if name == "batch normalisation" and not layer["learns_scale"]:
        return f"{name} without learned scale and shift"
    if isinstance(size, list):
        return f"{' x '.join(map(str, size))} {name}"
    if size is None:
        return name
    return f"{size} x {size} {name}" if name == "max pooling" else f"{name} by a factor of {size}"


def _steps(layer: Found) -> str:
    parts = [f"{name} {layer[name]}" for name, usual in (("stride", 1), ("padding", 0)) if layer.get(name, 0) > usual]
    return f" with {listed(parts)}" if parts else ""
