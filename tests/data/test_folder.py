from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autoencoder.data.images import load_images
from autoencoder.data.sources.folder import prepare_images
from autoencoder.errors import UserError

RNG = np.random.default_rng(0)


def picture(path: Path, shape: tuple[int, ...] = (6, 8), dtype: str = "uint8") -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)
    Image.fromarray(pixels).save(path)
    return pixels


def test_sorted_by_name_with_others_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    second, first = picture(folder / "b.png"), picture(folder / "a.tif")
    (folder / "notes.txt").write_text("x")
    (folder / "._a.png").write_text("what macOS leaves behind")
    prepared = prepare_images(folder, tmp_path / "out" / "m.npz")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["m.csv", "m.npz"]
    assert (prepared.image_shape, prepared.columns) == ((1, 6, 8), ("file",))
    assert len(prepared.notes) == 1
    assert "left out 1 files" in prepared.notes[0]
    loaded = load_images(prepared.npz)
    np.testing.assert_array_equal(loaded.images[:, 0], [first, second])
    assert loaded.metadata.column("file").tolist() == ["a.tif", "b.png"]


def test_subfolders_are_labels_and_a_limit_takes_from_all(tmp_path: Path) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/1.PNG", "dog/2.png"):
        picture(tmp_path / "in" / name)
    prepared = prepare_images(tmp_path / "in", tmp_path / "m", limit=2)
    metadata = load_images(prepared.npz).metadata
    assert metadata.column("label").tolist() == ["cat", "dog"]
    assert metadata.column("file").tolist() == ["cat/1.png", "dog/2.png"]
    assert "evenly spaced 2 of 4" in prepared.notes[0]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_stay(tmp_path: Path, suffix: str) -> None:
    pixels = picture(tmp_path / "in" / f"a{suffix}", dtype="uint16")
    loaded = load_images(prepare_images(tmp_path / "in", tmp_path / "m").npz)
    assert loaded.images.dtype == np.uint16
    np.testing.assert_array_equal(loaded.images[0, 0], pixels)
    halved = load_images(prepare_images(tmp_path / "in", tmp_path / "n", pad=1, resize=5).npz).images[0, 0]
    assert halved.dtype == np.uint16
    padded = np.pad(pixels, 1).astype(float)  # 8 x 10 pixels to 5 x 5: no whole blocks, but the mean is kept
    assert halved.mean() == pytest.approx(padded.mean(), rel=1e-3)


def test_colour(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "in" / "a.png", (6, 8, 3))
    color = load_images(prepare_images(tmp_path / "in", tmp_path / "c", color=True).npz)
    np.testing.assert_array_equal(color.images[0], pixels.transpose(2, 0, 1))
    gray = load_images(prepare_images(tmp_path / "in", tmp_path / "g").npz)
    expected = pixels @ [0.299, 0.587, 0.114]  # ITU-R 601, which Pillow documents
    assert np.abs(gray.images[0, 0] - expected).max() <= 1


def test_jpeg_is_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (8, 6), 100).save(tmp_path / "in" / "a.jpeg")
    assert np.abs(load_images(prepare_images(tmp_path / "in", tmp_path / "m").npz).images.astype(int) - 100).max() <= 1


def test_sizes_must_agree_unless_resized(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.png", (9, 9))
    with pytest.raises(UserError, match=r"b\.png is 9 x 9 pixels and .*a\.png is 8 x 6: give a size \(--resize"):
        prepare_images(tmp_path / "in", tmp_path / "m")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert prepare_images(tmp_path / "in", tmp_path / "m", resize=4).image_shape == (1, 4, 4)


def test_bits_must_agree(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.png", dtype="uint16")
    with pytest.raises(UserError, match=r"b\.png is uint16 and .*a\.png is uint8"):
        prepare_images(tmp_path / "in", tmp_path / "m", resize=4)


def test_all_unreadable_files_are_named_in_one_error(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "good.png", (40, 40))
    (tmp_path / "in" / "bad1.png").write_text("no picture")
    (tmp_path / "in" / "bad2.jpg").touch()
    (tmp_path / "in" / "bad3.png").write_bytes((tmp_path / "in" / "good.png").read_bytes()[:300])
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "in" / "bad4.tif")
    pages = [Image.new("L", (4, 4)), Image.new("L", (4, 4), 9)]
    pages[0].save(tmp_path / "in" / "bad5.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(UserError) as caught:
        prepare_images(tmp_path / "in", tmp_path / "m")
    assert len(caught.value.problems) == 5
    for number, problem in enumerate(caught.value.problems, 1):
        assert f"bad{number}" in problem
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_folders_without_order(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no folder .*in"):
        prepare_images(tmp_path / "in", tmp_path / "m")
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="in holds no picture"):
        prepare_images(tmp_path / "in", tmp_path / "m")
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "cat" / "a.png")
    with pytest.raises(UserError, match=r"1 pictures beside its subfolders, such as a\.png"):
        prepare_images(tmp_path / "in", tmp_path / "m")
