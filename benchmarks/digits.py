"""MNIST's files, or a few small digits in their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from autoencoder.data.sources.idx import prepare_idx


def small_digits(folder: Path) -> Path:
    """A few of scikit-learn's 8x8 digits as IDX files under MNIST's names."""
    images, labels = load_digits(return_X_y=True)
    pixels = (images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    folder.mkdir()
    for part, rows in (("train", slice(0, 300)), ("t10k", slice(300, 400))):
        for kind, values in (("images-idx3", pixels[rows]), ("labels-idx1", labels[rows].astype(np.uint8))):
            header = np.array([0x0800 + values.ndim, *values.shape], ">u4").tobytes()
            (folder / f"{part}-{kind}-ubyte").write_bytes(header + values.tobytes())
    return folder


def prepare_digits(folder: Path, part: str, work: Path) -> Path:
    """The data set in `work` of the digits for training (`train`) or for testing (`t10k`)."""
    images, labels = (next(folder.glob(f"{part}-{kind}*")) for kind in ("images", "labels"))
    return prepare_idx(images, work / part, labels, overwrite=True).npz
