"""Sheets hold every picture where the page looks for it."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from autoencoder.pages import sheets


def pictures_of(encoded, n, height, width):
    """All pictures again, cut out as `pictures.js` does."""
    columns, rows = encoded["columns"], encoded["rows"]
    pages = [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in encoded["sheets"]]
    found = []
    for i in range(n):
        row, column = divmod(i % (columns * rows), columns)
        sheet = pages[i // (columns * rows)]
        found.append(sheet[row * height : (row + 1) * height, column * width : (column + 1) * width])
    return np.stack(found)


@pytest.mark.parametrize("shape", [(1, 8, 8), (7, 5, 9), (30, 256, 300), (9, 20, 30, 3), (2, 30, 1100)], ids=str)
def test_small_sets_are_kept_without_loss(shape):
    stack = np.random.default_rng(0).integers(0, 4, shape, np.uint8) * 60
    (encoded,), form = sheets.encode_sheets([stack])
    assert form == "PNG, without loss"
    assert encoded["type"] == "image/png"
    np.testing.assert_array_equal(pictures_of(encoded, *shape[:3]), stack)


def test_large_sets_lose_little(monkeypatch):
    monkeypatch.setattr(sheets, "LOSSLESS_BYTES", 1000)
    wave = np.sin(np.linspace(0, 6, 40))
    stack = np.stack([(127 + 100 * np.outer(wave, np.roll(wave, i))) for i in range(30)]).astype(np.uint8)
    (one, other), form = sheets.encode_sheets([stack, 255 - stack])
    assert form == f"WebP, quality {sheets.QUALITY}"
    assert one["type"] == other["type"] == "image/webp"
    for encoded, wanted in ((one, stack), (other, 255 - stack)):
        error = pictures_of(encoded, 30, 40, 40).astype(float)[..., 0] - wanted
        assert np.abs(error).mean() < 4
