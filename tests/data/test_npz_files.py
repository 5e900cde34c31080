"""Writing `.npz` files of arrays that are larger than memory."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data import arrays as arrays_module
from autoencoder.data.arrays import read_npz
from autoencoder.data.npz_files import ALIGNMENT, Joined, write_npz

RNG = np.random.default_rng(0)
PARTS = [RNG.integers(0, 60_000, (n, 3, 5), dtype=np.uint16) for n in (4, 0, 7, 1)]
WHOLE = np.concatenate(PARTS)
ARRAYS = {
    "images": Joined(PARTS),
    "inside": np.broadcast_to(np.uint8(1), (12, 3, 5)),
    "turned": WHOLE.transpose(0, 2, 1),
    "fortran": np.asfortranarray(WHOLE),
    "names": np.array(["a", "b\u00e4"]),
    "recipe": np.array("text of no dimension"),
    "none": np.zeros((0, 2), np.float32),
}


@pytest.mark.parametrize("compress", [False, True])
def test_numpy_reads_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: bool) -> None:
    monkeypatch.setattr(arrays_module, "CHUNK_BYTES", 100)  # so that rows are written a few at a time
    write_npz(tmp_path / "a.npz", ARRAYS, compress=compress)
    expected = {**ARRAYS, "images": WHOLE}
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert stored.files == list(expected)
        for name, array in expected.items():
            np.testing.assert_array_equal(stored[name], array)
            assert stored[name].dtype == array.dtype
    write_npz(tmp_path / "b.npz", ARRAYS, compress=compress)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None


def test_every_array_can_be_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays_module, "MAPPED_BYTES", 1)
    for n in range(1, 70):
        path = tmp_path / f"{n}.npz"
        write_npz(path, {"x" * n: np.arange(n), "images": WHOLE, "floats": WHOLE.astype(np.float64)})
        for name, array in read_npz(path, ["x" * n, "images", "floats"]).items():
            assert isinstance(array, np.memmap), (n, name)
            assert array.offset % ALIGNMENT == 0
    np.testing.assert_array_equal(read_npz(path, ["images"])["images"], WHOLE)


def test_joined_arrays_are_one() -> None:
    joined = Joined(PARTS)
    assert (len(joined), joined.shape, joined.ndim, joined.dtype) == (12, WHOLE.shape, 3, WHOLE.dtype)
    for rows in ([0, 3, 4, 10, 11], [11, 0, 0], []):
        np.testing.assert_array_equal(joined[np.array(rows, np.int64)], WHOLE[np.array(rows, np.int64)])
    np.testing.assert_array_equal(np.concatenate(list(joined.chunks())), WHOLE)
