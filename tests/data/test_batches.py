from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autoencoder.data.batches import Pixels, at_once, balanced_order, epoch_order, split_into_batches

CPU = torch.device("cpu")


def stored(dtype: str, n: int = 7) -> np.ndarray:
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "u":
        top = np.iinfo(np.dtype(dtype)).max
        values = rng.integers(0, int(top) + 1, (n, 2, 5, 6)).astype(dtype)
        values[0, 0, 0, :2] = 0, top
        return values
    return rng.random((n, 2, 5, 6)).astype(dtype)


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 70))
def test_every_row_is_in_exactly_one_batch(n: int, batch_size: int) -> None:
    rows = np.random.default_rng(n).permutation(10 * n)[:n]
    batches = split_into_batches(rows, batch_size)
    np.testing.assert_array_equal(np.concatenate(batches), rows)
    assert all(len(batch) > 0 for batch in batches)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert len(batches[-1]) <= batch_size + 1
    if n > 1 and batch_size > 1:
        assert len(batches[-1]) > 1  # a batch norm cannot train on one


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=6))
def test_each_value_is_shown_equally_often(sizes: list[int]) -> None:
    """And of a value that repeats, or of which a part is shown, no row is shown twice oftener than another."""
    rows = np.random.default_rng(0).permutation(sum(sizes)) * 3
    values = np.repeat(np.arange(len(sizes)), sizes)
    order = balanced_order(rows, values, np.random.default_rng(1))
    share = len(rows) // len(sizes)
    for value in range(len(sizes)):
        own = rows[values == value]
        shown = order[np.isin(order, own)]
        assert len(shown) == share
        counts = [int((shown == row).sum()) for row in own]
        assert max(counts) - min(counts) <= 1
    np.testing.assert_array_equal(order, balanced_order(rows, values, np.random.default_rng(1)))


def test_a_single_row_left_over_joins_the_batch_before() -> None:
    assert [len(batch) for batch in split_into_batches(np.arange(9), 4)] == [4, 5]
    assert [len(batch) for batch in split_into_batches(np.arange(10), 4)] == [4, 4, 2]
    assert [len(batch) for batch in split_into_batches(np.arange(8), 4)] == [4, 4]
    assert [len(batch) for batch in split_into_batches(np.arange(3), 4)] == [3]


def test_an_epoch_is_a_permutation_that_depends_on_its_generator() -> None:
    rows = np.arange(100, 300)
    kept = rows.copy()
    first, same, other = (epoch_order(rows, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(np.sort(first), rows)
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    np.testing.assert_array_equal(rows, kept)


@pytest.mark.parametrize(
    ("dtype", "top"),
    [
        ("uint8", 255.0),
        ("uint8", 100.0),
        ("uint16", 65535.0),
        ("uint16", 4095.0),
        ("float16", 1.0),
        ("float32", 1.0),
        ("float32", 2.0),
        ("float64", 1.0),
        ("float64", 255.0),
        (">u2", 65535.0),
        (">f4", 1.0),
    ],
)
def test_batches_are_scaled_and_the_stored_images_are_left_alone(dtype: str, top: float) -> None:
    images = stored(dtype)
    before = images.copy()
    pixels = Pixels(images, top, CPU)
    rows = np.array([6, 0, 0, 3])
    for _ in range(2):  # a batch scaled in place would be scaled twice
        batch = pixels.batch(rows)
        assert batch.dtype == torch.float32
        assert batch.is_contiguous(memory_format=torch.channels_last)
        np.testing.assert_allclose(batch.numpy(), before[rows].astype(np.float64) / top, rtol=1e-6)
    batch.zero_()  # nor may what happens to a batch reach the store
    np.testing.assert_array_equal(images, before)
    assert len(pixels) == 7


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_extremes_become_zero_and_one(dtype: str) -> None:
    top = float(np.iinfo(dtype).max) if np.dtype(dtype).kind == "u" else 1.0
    images = np.array([0, top], dtype).reshape(2, 1, 1, 1)
    assert Pixels(images, top, CPU).batch(np.arange(2)).flatten().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_memory_map_gives_the_same_and_the_file_stays(tmp_path: Path, dtype: str) -> None:
    images = stored(dtype)
    np.save(tmp_path / "images.npy", images)
    content = (tmp_path / "images.npy").read_bytes()
    for mode in ("r", "r+"):
        mapped = np.load(tmp_path / "images.npy", mmap_mode=mode)
        batch = Pixels(mapped, 3.0, CPU).batch(np.array([5, 1]))
        np.testing.assert_allclose(batch.numpy(), images[[5, 1]].astype(np.float64) / 3.0, rtol=1e-6)
        mapped.flush()
    assert (tmp_path / "images.npy").read_bytes() == content


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_views_and_read_only_arrays(dtype: str) -> None:
    images = stored(dtype)
    views = {
        "channels last": np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
        "flipped": images[:, :, ::-1, ::-1],
        "strided": images[::2],
        "read-only": images.copy(),
        "added channel": images[:, 0][:, None],
    }
    views["read-only"].flags.writeable = False
    for name, view in views.items():
        before = view.copy()
        rows = np.array([3, 0, 2])
        batch = Pixels(view, 7.0, CPU).batch(rows)
        np.testing.assert_allclose(batch.numpy(), before[rows].astype(np.float64) / 7.0, rtol=1e-6, err_msg=name)
        np.testing.assert_array_equal(view, before, err_msg=name)


def test_batches_go_through_the_rows_in_their_order() -> None:
    images = stored("uint8", n=20)
    rows = np.random.default_rng(3).permutation(20)[:11]
    parts = list(Pixels(images, 255.0, CPU).batches(rows, 4))
    assert [len(part) for part, _ in parts] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), rows)
    together = torch.cat([batch for _, batch in parts]).numpy()
    np.testing.assert_allclose(together, images[rows] / 255.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_images_that_were_sent_to_the_device_make_the_same_batches(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a GPU whose memory holds the images, here with the CPU as the device."""
    pixels = stored(dtype)
    rows = np.array([5, 0, 0, 3])
    gathered = Pixels(pixels, 255.0, torch.device("cpu")).batch(rows)
    monkeypatch.setattr(Pixels, "_fits", lambda self: True)
    kept = pixels.copy()
    resident = Pixels(pixels, 255.0, torch.device("cpu"))
    assert torch.equal(resident.batch(rows), gathered)
    assert torch.equal(resident.batch(rows), gathered)  # the images on the device were not scaled in place
    np.testing.assert_array_equal(pixels, kept)


def test_images_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU several times what was asked for, as far as memory reaches, and never less; as asked for elsewhere."""

    def found(device: str, asked: int, memory: int, side: int = 50) -> int:
        properties = SimpleNamespace(total_memory=memory)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
        return at_once(asked, (1, side, side), torch.device(device))

    assert found("cpu", 512, 80 * 2**30) == 512
    assert found("cuda", 512, 80 * 2**30) == 2048
    assert found("cuda", 64, 80 * 2**30) == 256
    assert 512 < found("cuda", 512, 24 * 2**30) < 1024
    assert found("cuda", 512, 8 * 2**30) == 512
    assert found("cuda", 512, 80 * 2**30, side=512) == 512
