"""Many small pictures as a few large ones, which a browser decodes when they are looked at."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]

SHEET_SIDE = 1024
"""Sheets are about so many pixels wide and high: one is decoded in a few milliseconds."""

LOSSLESS_BYTES = 6_000_000
"""Pictures that take more than this without loss are stored with loss."""

QUALITY = 85
"""Of lossy WebP, 0 to 100. Noise is smoothed a little; edges and shapes stay."""


def encode_sheets(pictures: Sequence[Bytes]) -> tuple[list[dict[str, Any]], str]:
    """Encode stacks of pictures for a page, all in the same way.

    Args:
        pictures: stacks (n, H, W) or (n, H, W, 3), uint8.

    Returns:
        of each stack `type` (a MIME type), `columns` and `rows` of pictures in a sheet, and `sheets` (base64); then the
        name of the format, to be said on the page.
    """
    stacks = [_join(stack) for stack in pictures]
    form = "PNG, without loss"
    encoded = _without_loss([sheets for sheets, _, _ in stacks])
    if encoded is None:
        form = f"WebP, quality {QUALITY}"
        encoded = [[_encode(sheet, "WEBP", quality=QUALITY) for sheet in sheets] for sheets, _, _ in stacks]
    return [
        {
            "type": f"image/{form.partition(',')[0].lower()}",
            "columns": columns,
            "rows": rows,
            "sheets": [base64.b64encode(sheet).decode("ascii") for sheet in sheets],
        }
        for sheets, (_, columns, rows) in zip(encoded, stacks, strict=True)
    ], form


def _join(stack: Bytes) -> tuple[list[Bytes], int, int]:
    """Sheets of a stack, and how many pictures lie beside and below each other in one."""
    n, height, width = stack.shape[:3]
    columns, rows = max(1, SHEET_SIDE // width), max(1, SHEET_SIDE // height)
    columns = min(columns, max(1, math.ceil(math.sqrt(n))))
    rows = min(rows, max(1, math.ceil(n / columns)))
    sheets = []
    for start in range(0, n, columns * rows):
        part = stack[start : start + columns * rows]
        filled = math.ceil(len(part) / columns) * columns
        grid = np.zeros((filled, *stack.shape[1:]), np.uint8)
        grid[: len(part)] = part
        grid = grid.reshape(-1, columns, *stack.shape[1:]).swapaxes(1, 2)
        sheets.append(grid.reshape(-1, columns * width, *stack.shape[3:]))
    return sheets, columns, rows


def _without_loss(stacks: Sequence[Sequence[Bytes]]) -> list[list[bytes]] | None:
    """Sheets of each stack as PNG; None as soon as they are found to take more than `LOSSLESS_BYTES`."""
    left = LOSSLESS_BYTES
    encoded: list[list[bytes]] = []
    for sheets in stacks:
        encoded.append([])
        for sheet in sheets:
            encoded[-1].append(_encode(sheet, "PNG"))
            left -= len(encoded[-1][-1])
            if left < 0:
                return None
    return encoded


def _encode(sheet: Bytes, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, form, **options)
    return buffer.getvalue()
