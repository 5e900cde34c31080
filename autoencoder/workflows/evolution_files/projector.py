"""A folder for TensorBoard's Embedding Projector: `tensorboard --logdir FOLDER` shows it.

The tensors are text: TensorBoard reads every file as text first, and takes it for bytes only where that fails.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autoencoder.data.batches import evenly
from autoencoder.machine.files import replacing
from autoencoder.plots.brightness import brightness_of
from autoencoder.plots.images import to_picture
from autoencoder.workflows.evolution_files.content import Content

MAX_SPRITE = 8192
"""Pixels of a side; browsers take no larger texture."""

BRIGHTNESS_FROM = 1000
"""Images, at most, by which it is decided how bright all of them are drawn."""


def check() -> None:
    """Nothing is needed that is not there."""


def write(content: Content, out: Path) -> Path:
    """Write the folder `projector` in `out`, of the first and the last moment.

    Its files: `projector_config.pbtxt`, `step_STEP_latent.tsv` and `step_STEP_embedding.tsv` (a line per image),
    `metadata.tsv` (where something is known of the images), and `sprite.png` with the images, made smaller where
    8192 pixels a side do not hold them, and brighter where they are dark.

    Raises:
        UserError: as `Content.latents` does, or a file cannot be written.
    """
    folder, evolution = out / "projector", content.evolution
    last = len(content.snapshots) - 1
    tensors: dict[str, NDArray[np.float32]] = {}
    for moment, codes in enumerate(content.latents()):
        if moment in (0, last):
            name = f"step_{evolution.steps[moment]:08d}"
            tensors |= {f"{name}_latent": codes, f"{name}_embedding": evolution.embeddings[moment]}
    for name, tensor in tensors.items():
        with replacing(folder / f"{name}.tsv") as temporary:
            np.savetxt(temporary, tensor, fmt="%.7g", delimiter="\t")
    size = _write_sprite(content, folder / "sprite.png")
    has_metadata = bool(content.columns)
    if has_metadata:
        _write_metadata(content, folder / "metadata.tsv")
    # The last moment first: it is what the projector opens with.
    entries = [_entry(name, tensors[name].shape, size, has_metadata) for name in reversed(tensors)]
    with replacing(folder / "projector_config.pbtxt") as temporary:
        temporary.write_text("".join(entries), encoding="utf-8")
    return folder


def _entry(name: str, shape: tuple[int, ...], size: tuple[int, int], has_metadata: bool) -> str:
    """An embedding in the text format of protocol buffers, whose strings are quoted as those of JSON are."""
    lines = [
        f"tensor_name: {json.dumps(name)}",
        f"tensor_path: {json.dumps(name + '.tsv')}",
        f"tensor_shape: {shape[0]}",
        f"tensor_shape: {shape[1]}",
        *(['metadata_path: "metadata.tsv"'] if has_metadata else []),
        f'sprite {{ image_path: "sprite.png" single_image_dim: {size[0]} single_image_dim: {size[1]} }}',
    ]
    return "embeddings {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def _write_metadata(content: Content, path: Path) -> None:
    """A line per image, below a header where there are two columns or more, as TensorBoard wants it."""
    columns = content.columns
    fields = [[_field(value) for value in values.tolist()] for values in columns.values()]
    lines = ["\t".join(line) for line in zip(*fields, strict=True)]
    header = ["\t".join(map(_field, columns))] if len(columns) > 1 else []
    with replacing(path) as temporary:
        temporary.write_text("\n".join([*header, *lines]) + "\n", encoding="utf-8", newline="\n")


def _field(value: object) -> str:
    """A value without what would end the field or the line; what is missing, which would be an empty line, is said."""
    if isinstance(value, float):
        return "unknown" if math.isnan(value) else f"{value:.7g}"
    return " ".join(re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", str(value)).split()) or "unknown"


def _write_sprite(content: Content, path: Path) -> tuple[int, int]:
    """All images in rows of a square grid; returns width and height of each in pixels."""
    images, rows = content.evolution.images, content.evolution.rows
    across = math.ceil(math.sqrt(len(rows)))
    _, height, width = images.image_shape
    scale = min(1.0, MAX_SPRITE / (across * max(height, width)))
    size = max(1, int(width * scale)), max(1, int(height * scale))
    sheet = Image.new("RGB" if images.image_shape[0] == 3 else "L", (across * size[0], across * size[1]))
    brightness = brightness_of(images.scaled(evenly(rows, BRIGHTNESS_FROM)))
    for place, row in enumerate(rows.tolist()):
        picture = brightness(to_picture(images.scaled(np.array([row])))[0])
        tile = Image.fromarray((picture.clip(0, 1) * 255 + 0.5).astype(np.uint8))
        if scale < 1:
            tile = tile.resize(size, Image.Resampling.BOX)
        sheet.paste(tile, (place % across * size[0], place // across * size[1]))
    with replacing(path) as temporary:
        sheet.save(temporary)
    return size
