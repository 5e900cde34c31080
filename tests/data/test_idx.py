import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.images import load_images
from autoencoder.data.sources.idx import prepare_idx, read_idx
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind

CODES = {"u1": 0x08, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 6, 4), dtype=np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 3


def encode(array: np.ndarray) -> bytes:
    """The IDX file of `array`, written from the format's description and not from the reader."""
    code = CODES[array.dtype.str[1:]]
    header = bytes([0, 0, code, array.ndim]) + b"".join(struct.pack(">I", side) for side in array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dtype", CODES)
def test_reads_what_the_format_says(tmp_path: Path, dtype: str, suffix: str) -> None:
    array = (np.arange(24).reshape(2, 3, 4) * 5).astype(dtype)
    read = read_idx(write(tmp_path / f"a-idx3{suffix}", encode(array)))
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


def test_gzip_is_told_by_its_content(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_idx(write(tmp_path / "a", gzip.compress(encode(IMAGES)))), IMAGES)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encode(IMAGES)[:-1], "cut short"),
        (encode(IMAGES)[:100], "cut short"),
        (encode(IMAGES)[:9], "cut short within its header"),
        (encode(IMAGES)[:3], "not an IDX file"),
        (encode(IMAGES) + b"x", "there are more|damaged"),
        (b"\0\0\x09\x01\0\0\0\x01x", "IDX type 0x09; the types that can be read are 0x08"),
        (b"PK\x03\x04 something else", "not an IDX file"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + b"abc", "cannot hold them"),
    ],
)
def test_broken_files_are_refused_by_name(tmp_path: Path, content: bytes, message: str, suffix: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_idx(write(tmp_path / f"bad{suffix}", content))
    assert "bad" in str(caught.value)


def test_a_gzip_file_cut_short(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.gz", encode(IMAGES))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"bad\.gz is a damaged gzip file"):
        read_idx(path)


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """Behind a header of 288 values follow 200 MB of zeros: only one byte more than promised is unpacked."""
    path = write(tmp_path / "bomb.gz", encode(IMAGES) + bytes(200_000_000))
    with pytest.raises(UserError, match="there are more"):
        read_idx(path)


def test_missing_and_empty(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file .*absent"):
        read_idx(tmp_path / "absent")
    with pytest.raises(UserError, match="is empty"):
        read_idx(write(tmp_path / "empty", b""))


def test_prepared_images_and_labels(tmp_path: Path) -> None:
    images, labels = write(tmp_path / "i.gz", encode(IMAGES)), write(tmp_path / "l.gz", encode(LABELS))
    prepared = prepare_idx(images, tmp_path / "out" / "m", labels, pad=2, limit=8)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["m.csv", "m.npz"]
    assert (prepared.n_images, prepared.image_shape, prepared.columns) == (8, (1, 10, 8), ("label",))
    assert prepared.notes == ("took the first 8 of 12 images",)
    loaded = load_images(prepared.npz)
    np.testing.assert_array_equal(loaded.images[:, 0, 2:-2, 2:-2], IMAGES[:8])
    assert loaded.images.sum() == IMAGES[:8].sum()
    np.testing.assert_array_equal(loaded.metadata.column("label"), LABELS[:8])
    assert loaded.metadata.kind("label") is ColumnKind.CATEGORY


def test_without_labels(tmp_path: Path) -> None:
    prepared = prepare_idx(write(tmp_path / "i", encode(IMAGES)), tmp_path / "m")
    assert prepared.columns == ("index",)
    assert len(load_images(prepared.npz)) == 12


def test_resizing_halves_by_the_mean(tmp_path: Path) -> None:
    square = np.random.default_rng(1).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    prepared = prepare_idx(write(tmp_path / "i", encode(square)), tmp_path / "m", resize=4)
    means = square.reshape(3, 4, 2, 4, 2).mean(axis=(2, 4))
    assert np.abs(load_images(prepared.npz).images[:, 0] - means).max() <= 0.5


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (LABELS, LABELS, r"i holds uint8 of shape \(12,\): images must be uint8, \(N, H, W\)"),
        (IMAGES.astype("i4"), LABELS, "i holds int32"),
        (IMAGES, IMAGES, "l holds uint8 of shape .*: labels must be integers"),
        (IMAGES, LABELS[:5], "i has 12 images and .*l has 5 labels"),
    ],
)
def test_files_that_do_not_go_together(tmp_path: Path, images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepare_idx(write(tmp_path / "i", encode(images)), tmp_path / "m", write(tmp_path / "l", encode(labels)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["i", "l"]


def test_bad_options_in_one_error(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        prepare_idx(tmp_path / "i", tmp_path / "m", pad=-1, resize=0, limit=0)
    assert len(caught.value.problems) == 3


def test_mnist_itself(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip(f"the MNIST files are not at {folder}")
    prepared = prepare_idx(
        folder / "t10k-images-idx3-ubyte.gz", tmp_path / "m", folder / "t10k-labels-idx1-ubyte.gz", limit=100
    )
    loaded = load_images(prepared.npz)
    assert loaded.image_shape == (1, 28, 28)
    assert loaded.metadata.column("label")[:5].tolist() == [7, 2, 1, 0, 4]  # as everyone who has plotted them knows


def test_transposed(tmp_path: Path) -> None:
    path = write(tmp_path / "emnist-letters", encode(IMAGES))
    (hint,) = prepare_idx(path, tmp_path / "m").notes
    assert "--transpose" in hint
    prepared = prepare_idx(path, tmp_path / "n", transpose=True, limit=5)
    np.testing.assert_array_equal(load_images(prepared.npz).images[:, 0], IMAGES[:5].transpose(0, 2, 1))
    assert prepared.notes == ("took the first 5 of 12 images",)


def test_images_that_are_not_square_keep_their_shape(tmp_path: Path) -> None:
    path = write(tmp_path / "i", encode(IMAGES))  # 4 wide, 6 high
    totals: list[int] = []
    prepared = prepare_idx(path, tmp_path / "m", resize=6, background=255, on_total=totals.append)
    images = load_images(prepared.npz).images[:, 0]
    np.testing.assert_array_equal(images, np.pad(IMAGES, [(0, 0), (0, 0), (1, 1)], constant_values=255))
    assert "pictures of 4x6 (width x height) are padded to squares, in white" in prepared.notes[0]
    assert totals == [12]
    cut = load_images(prepare_idx(path, tmp_path / "n", resize=4, fit="crop").npz).images[:, 0]
    np.testing.assert_array_equal(cut, IMAGES[:, 1:-1])


def test_advice_on_binary_images(tmp_path: Path) -> None:
    (note,) = prepare_idx(write(tmp_path / "i", encode(IMAGES // 128)), tmp_path / "m").notes
    assert note.startswith("the largest pixel is 1 of 255: train with --max-pixel-value 1,")
