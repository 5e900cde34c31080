"""`prepare` from each source; what the crops and columns are is tested in tests/data."""

import gzip
import struct

import numpy as np
from PIL import Image

from autoencoder import load_images


def write_idx(path, array):
    content = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def test_arena(tmp_path, succeed):
    said = succeed(
        "prepare", "arena", "--out", tmp_path / "sub" / "arena", "--images", 30, "--size", 20, "--seed", 4
    ).out
    assert sorted(path.name for path in (tmp_path / "sub").iterdir()) == ["arena-check.png", "arena.csv", "arena.npz"]
    assert "30 grayscale images of 20x20" in said
    assert f"next: autoencoder train {tmp_path / 'sub' / 'arena.npz'}" in said
    data = load_images(tmp_path / "sub" / "arena.npz")
    assert data.images.shape == data.clean.shape == data.mask.shape == (30, 1, 20, 20)
    assert data.images.dtype == np.uint8
    assert len(data.metadata) == 30


def test_arena_is_determined_by_its_seed(tmp_path, succeed):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        succeed("prepare", "arena", "--out", tmp_path / name, "--images", 10, "--seed", seed, "--quiet")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes() != (tmp_path / "c.csv").read_bytes()
    a, b, c = (np.load(tmp_path / f"{name}.npz")["images"] for name in "abc")
    assert (a == b).all()
    assert (a != c).any()


def test_compressed_is_the_same(tmp_path, succeed):
    succeed("prepare", "arena", "--out", tmp_path / "a", "--images", 10)
    succeed("prepare", "arena", "--out", tmp_path / "b.npz", "--images", 10, "--compress")
    assert (tmp_path / "b.npz").stat().st_size < (tmp_path / "a.npz").stat().st_size
    a, b = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    assert set(a) == set(b)
    assert all((a[name] == b[name]).all() for name in a)


def test_idx(tmp_path, succeed):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
    labels = np.arange(12, dtype=np.uint8) % 3
    images, names = write_idx(tmp_path / "images.gz", pixels), write_idx(tmp_path / "labels-idx", labels)
    flags = ("--labels", names, "--out", tmp_path / "set", "--pad", 2, "--limit", 9)
    said = succeed("prepare", "idx", images, *flags).out
    assert "9 grayscale images of 32x32; columns: label" in said
    assert "note: took the first 9 of 12 images" in said
    data = load_images(tmp_path / "set.npz")
    np.testing.assert_array_equal(data.images[:, 0, 2:-2, 2:-2], pixels[:9])
    assert not data.images[:, 0, :2].any()
    assert data.metadata.column("label").tolist() == labels[:9].tolist()


def test_folder(tmp_path, succeed):
    for name in ("cat", "dog"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(np.full((20, 30, 3), 80 * i, np.uint8)).save(tmp_path / "pictures" / name / f"{i}.png")
    said = succeed("prepare", "images", tmp_path / "pictures", "--out", tmp_path / "set", "--resize", 16, "--color").out
    assert "6 colour images of 16x16" in said
    data = load_images(tmp_path / "set.npz")
    assert data.images.shape == (6, 3, 16, 16)
    assert data.metadata.column("label").tolist() == ["cat"] * 3 + ["dog"] * 3


def test_an_old_check_picture_is_replaced_only_where_that_is_allowed(tmp_path, call, succeed):
    old = tmp_path / "a-check.png"
    old.write_bytes(b"old")
    command = ("prepare", "arena", "--out", tmp_path / "a", "--images", 5)
    call(*command).refused("a-check.png already exists")
    assert old.read_bytes() == b"old"
    succeed(*command, "--overwrite")
    with Image.open(old) as picture:
        assert picture.width > 1000
