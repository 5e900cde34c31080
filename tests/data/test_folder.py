import re
import struct
import zlib
from pathlib import Path
from typing import Any

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


def stack(path: Path, pages: np.ndarray, **options: Any) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(page) for page in pages)
    first.save(path, save_all=True, append_images=others, **options)
    return pages


def prepared_pixels(folder: Path, **options: Any) -> np.ndarray:
    """Images without their one channel, as numbers that can be subtracted."""
    npz = prepare_images(folder, folder.with_name("set"), overwrite=True, **options).npz
    return load_images(npz).images.squeeze(1).astype(int)


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
    flags = {"pad": 1, "resize": 5, "fit": "stretch"}
    halved = load_images(prepare_images(tmp_path / "in", tmp_path / "n", **flags).npz).images[0, 0]
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
    for name, shape in (("a", (6, 8)), ("b", (9, 9)), ("c", (6, 8)), ("d", (2, 3)), ("e", (9, 9))):
        picture(tmp_path / "in" / f"{name}.png", shape)
    with pytest.raises(UserError) as caught:
        prepare_images(tmp_path / "in", tmp_path / "m")
    (problem,) = caught.value.problems
    assert re.search(r"3 sizes, from 3 x 2 pixels \(.*d\.png\) to 9 x 9 pixels \(.*b\.png\): .*--resize N", problem)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    prepared = prepare_images(tmp_path / "in", tmp_path / "m", resize=4)
    assert prepared.image_shape == (1, 4, 4)
    assert "2 sizes that are not square, such as 8x6 (width x height), are padded" in prepared.notes[0]


def test_bits_must_agree(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.png", dtype="uint16")
    with pytest.raises(UserError, match=r"1 of 2 pictures are uint16, such as .*b\.png, and .*a\.png is uint8"):
        prepare_images(tmp_path / "in", tmp_path / "m", resize=4)


def test_all_unreadable_files_are_named_in_one_error(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "good.png", (40, 40))
    (tmp_path / "in" / "bad1.png").write_text("no picture")
    (tmp_path / "in" / "bad2.jpg").touch()
    (tmp_path / "in" / "bad3.png").write_bytes((tmp_path / "in" / "good.png").read_bytes()[:300])
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "in" / "bad4.tif")
    stack(tmp_path / "in" / "bad5.tif", RNG.integers(0, 256, (3, 40, 40), dtype=np.uint8))
    (tmp_path / "in" / "bad5.tif").write_bytes((tmp_path / "in" / "bad5.tif").read_bytes()[:3000])
    with pytest.raises(UserError) as caught:
        prepare_images(tmp_path / "in", tmp_path / "m")
    assert len(caught.value.problems) == 5
    for number, problem in enumerate(caught.value.problems, 1):
        assert f"bad{number}" in problem
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_folders_without_order(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file or folder .*in"):
        prepare_images(tmp_path / "in", tmp_path / "m")
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="in holds no picture"):
        prepare_images(tmp_path / "in", tmp_path / "m")
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "cat" / "a.png")
    with pytest.raises(UserError, match=r"1 pictures beside its subfolders, such as a\.png"):
        prepare_images(tmp_path / "in", tmp_path / "m")


def test_a_single_file(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.png")
    loaded = load_images(prepare_images(tmp_path / "in" / "a.png", tmp_path / "m").npz)
    np.testing.assert_array_equal(loaded.images[:, 0], [pixels])
    assert loaded.metadata.column("file").tolist() == ["a.png"]
    (tmp_path / "a.mp4").touch()
    with pytest.raises(UserError, match=r"a\.mp4 is not a picture by its name.*'prepare video'"):
        prepare_images(tmp_path / "a.mp4", tmp_path / "n")
    with pytest.raises(UserError, match=r"no file or folder .*c\.png"):
        prepare_images(tmp_path / "in" / "c.png", tmp_path / "n")


# -------------------------------------------------------------------------------------------------------------- order


def test_natural_order(tmp_path: Path) -> None:
    ordered = ["a.png", "a1.png", "A2.png", "a10.png", "a010b.png", "a11.png", "b 9 c 10.png", "b 10 c 9.png"]
    for name in ordered:
        picture(tmp_path / "in" / name, (1, 1))
    prepared = prepare_images(tmp_path / "in", tmp_path / "m")
    assert load_images(prepared.npz).metadata.column("file").tolist() == ordered
    five = prepare_images(tmp_path / "in", tmp_path / "five", limit=5)
    assert load_images(five.npz).metadata.column("file").tolist() == ordered[:5]


def test_natural_order_of_classes(tmp_path: Path) -> None:
    for name in ("day 10/2.png", "day 10/10.png", "day 9/1.png"):
        picture(tmp_path / "in" / name, (1, 1))
    metadata = load_images(prepare_images(tmp_path / "in", tmp_path / "m").npz).metadata
    assert metadata.column("file").tolist() == ["day 9/1.png", "day 10/2.png", "day 10/10.png"]
    assert metadata.column("label").tolist() == ["day 9", "day 10", "day 10"]


# -------------------------------------------------------------------------------------------------------- orientation

SEEN = {  # where the first row and the first column of the stored pixels belong, by the EXIF standard
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored_as(seen: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels that a camera stores of what is `seen`: its rows run from one side, and along them from another."""
    first_row, first_column = SEEN[orientation]
    flipped = seen[:, ::-1] if "right" in (first_row, first_column) else seen
    flipped = flipped[::-1] if "bottom" in (first_row, first_column) else flipped
    return np.ascontiguousarray(flipped.T if first_row in ("left", "right") else flipped)


@pytest.mark.parametrize(
    ("suffix", "options", "dtype"),
    [
        (".jpg", {}, "uint8"),
        *((".png", {}, dtype) for dtype in ("uint8", "uint16")),
        *((".tif", {}, dtype) for dtype in ("uint8", "uint16")),
        *((".tif", {"compression": "tiff_lzw"}, dtype) for dtype in ("uint8", "uint16")),
    ],
)
def test_pictures_are_as_they_are_seen(tmp_path: Path, suffix: str, options: dict[str, str], dtype: str) -> None:
    seen = np.kron(RNG.integers(0, 256, (2, 3)), np.ones((8, 8))).astype(dtype)  # JPEG's own blocks
    seen = seen if dtype == "uint8" else seen * 257
    (tmp_path / "in").mkdir()
    for orientation in SEEN:
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = Image.fromarray(stored_as(seen, orientation))
        image.save(tmp_path / "in" / f"{orientation}{suffix}", exif=exif, **options)
    prepared = prepare_images(tmp_path / "in", tmp_path / "m")
    images = load_images(prepared.npz).images[:, 0].astype(int)
    assert np.abs(images - seen.astype(int)).max() <= (2 if suffix == ".jpg" else 0)
    assert [note for note in prepared.notes if "7 of 8 pictures were stored turned or mirrored" in note]


def test_pages_turn_by_themselves(tmp_path: Path) -> None:
    pages = RNG.integers(0, 256, (3, 2, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    stack(tmp_path / "in" / "a.tif", pages, exif=exif)
    np.testing.assert_array_equal(prepared_pixels(tmp_path / "in"), np.rot90(pages, -1, axes=(1, 2)))


def test_damaged_exif_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (8, 8), 90).save(tmp_path / "in" / "a.jpg", exif=b"Exif\0\0no EXIF at all")
    assert (prepared_pixels(tmp_path / "in") == 90).all()


# ------------------------------------------------------------------------------------------------------- transparency


def hidden(mode: str, hide: bool) -> Image.Image:
    """Gray 200, and on the left a hidden 77."""
    gray = Image.new("L", (4, 2), 200)
    gray.paste(77, (0, 0, 2, 2))
    alpha = Image.new("L", (4, 2), 255)
    alpha.paste(0 if hide else 255, (0, 0, 2, 2))
    with_alpha = Image.merge("LA", (gray, alpha))
    return with_alpha.convert("RGBA") if mode == "RGBA" else with_alpha


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize(("suffix", "mode"), [(".png", "RGBA"), (".png", "LA"), (".tif", "RGBA"), (".tif", "LA")])
def test_background_instead_of_what_is_hidden(tmp_path: Path, suffix: str, mode: str, color: bool) -> None:
    (tmp_path / "in").mkdir()
    hidden(mode, True).save(tmp_path / "in" / f"a{suffix}")
    hidden(mode, False).save(tmp_path / "in" / f"b{suffix}")
    for background, name in ((0, "black"), (255, "white"), (99, "gray 99")):
        prepared = prepare_images(
            tmp_path / "in", tmp_path / "m", color=color, background=background, pad=1, overwrite=True
        )
        images = load_images(prepared.npz).images
        assert (images[0][:, 1:-1, 1:3] == background).all()
        assert (images[1][:, 1:-1, 1:3] == 77).all()
        assert (images[:, :, 1:-1, 3:-1] == 200).all()
        assert (images[:, :, [0, -1]] == background).all()
        (note,) = prepared.notes
        assert f"1 of 2 pictures have transparent pixels, which are now {name} (--background" in note


def png(depth: int, kind: int, row: bytes, *chunks: tuple[bytes, bytes], width: int = 4) -> bytes:
    """A PNG of one row, written from the format's description."""
    header = struct.pack(">IIBBBBB", width, 1, depth, kind, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(8, 0, bytes([5, 9, 5, 7]), (b"tRNS", b"\0\5")), [51, 9, 51, 7]),
        (png(4, 0, bytes([0x59, 0x57]), (b"tRNS", b"\0\5")), [51, 9 * 17, 51, 7 * 17]),
        (png(2, 0, bytes([0b01100111]), (b"tRNS", b"\0\1")), [51, 2 * 85, 51, 3 * 85]),
        (png(1, 0, bytes([0b10100000]), (b"tRNS", b"\0\1")), [51, 0, 51, 0]),
        (
            png(8, 3, bytes([0, 1, 0, 2]), (b"PLTE", bytes([8] * 3 + [9] * 3 + [7] * 3)), (b"tRNS", b"\0")),
            [51, 9, 51, 7],
        ),
        (png(8, 2, bytes([5, 5, 5, 9, 9, 9, 5, 5, 5, 7, 7, 7]), (b"tRNS", b"\0\5" * 3)), [51, 9, 51, 7]),
        (png(8, 4, bytes([5, 0, 9, 255, 200, 128, 7, 255])), [51, 9, 126, 7]),  # half of 200 and half of 51
        (png(16, 0, b"\1\2\0\7\1\2\1\3", (b"tRNS", b"\1\2")), [51 * 257, 7, 51 * 257, 259]),
    ],
)
def test_every_way_to_hide_in_a_png(tmp_path: Path, content: bytes, expected: list[int]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(content)
    assert prepared_pixels(tmp_path / "in", background=51)[0, 0].tolist() == expected


@pytest.mark.parametrize(
    "content",
    [png(16, 4, bytes(16)), png(16, 2, bytes(24), (b"tRNS", bytes(6)))],
    ids=["alpha of 16 bits", "a hidden colour of 16 bits"],
)
def test_what_cannot_be_composited_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png has both 16 bits and transparent pixels.*save it with 8 bits"):
        prepare_images(tmp_path / "in", tmp_path / "m")


def tiff(*pages: tuple[np.ndarray, dict[int, int]]) -> bytes:
    """A TIFF of grayscale pages, each with tags of its own, written from the format's description."""
    content, link = bytearray(b"II*\0\0\0\0\0"), 4
    for pixels, own in pages:
        height, width = pixels.shape
        tags = {0x0100: width, 0x0101: height, 0x0102: 8 * pixels.itemsize, 0x0103: 1, 0x0106: 1}
        tags |= {0x0111: len(content), 0x0115: 1, 0x0116: height, 0x0117: pixels.nbytes, **own}
        content += pixels.tobytes()
        content[link : link + 4] = struct.pack("<I", len(content))
        content += struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
        link = len(content)
        content += bytes(4)
    return bytes(content)


def test_negatives(tmp_path: Path) -> None:
    for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
        pixels = RNG.integers(0, top + 1, (4, 6), dtype=dtype)
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / "a.tif").write_bytes(tiff((pixels, {0x0106: 0})))
        np.testing.assert_array_equal(prepared_pixels(tmp_path / "in")[0], top - pixels.astype(int))


# -------------------------------------------------------------------------------------------------------------- stacks


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png"])
def test_pages_of_one_file_are_frames(tmp_path: Path, suffix: str) -> None:
    pages = stack(tmp_path / "in" / f"film{suffix}", RNG.integers(0, 256, (12, 6, 8), dtype=np.uint8))
    totals, done = [], []
    prepared = prepare_images(
        tmp_path / "in", tmp_path / "m", on_progress=done.append, on_total=lambda n: totals.append((n, len(done)))
    )
    loaded = load_images(prepared.npz)
    np.testing.assert_array_equal(loaded.images[:, 0], pages)
    assert prepared.columns == ("file", "frame")
    assert loaded.metadata.column("frame").tolist() == list(range(12))
    assert (totals, sum(done)) == ([(12, 0)], 12)
    five = load_images(prepare_images(tmp_path / "in" / f"film{suffix}", tmp_path / "five", limit=5).npz)
    np.testing.assert_array_equal(five.images[:, 0], pages[:5])


def test_the_picture_instead_of_an_animation_is_no_frame(tmp_path: Path) -> None:
    """An animated PNG may hold one for programs that show no animations."""
    pages = stack(tmp_path / "in" / "a.png", RNG.integers(0, 256, (4, 6, 8), dtype=np.uint8), default_image=True)
    np.testing.assert_array_equal(prepared_pixels(tmp_path / "in"), pages[1:])
    assert load_images(tmp_path / "set.npz").metadata.column("frame").tolist() == [0, 1, 2]


def test_several_stacks_are_recordings(tmp_path: Path) -> None:
    for name in ("film 10.tif", "film 9.tif", "film 9.gif"):
        stack(tmp_path / "in" / name, RNG.integers(0, 256, (3, 6, 8), dtype=np.uint8))
    prepared = prepare_images(tmp_path / "in", tmp_path / "m")
    metadata = load_images(prepared.npz).metadata
    assert metadata.names == ("file", "frame", "recording")
    expected = ["film 9.gif"] * 3 + ["film 9.tif"] * 3 + ["film 10"] * 3
    assert metadata.column("recording").tolist() == expected
    assert metadata.column("frame").tolist() == [0, 1, 2] * 3


def test_stacks_in_classes(tmp_path: Path) -> None:
    for name in ("cat/a.tif", "dog/a.tif"):
        stack(tmp_path / "in" / name, RNG.integers(0, 256, (3, 6, 8), dtype=np.uint8))
    metadata = load_images(prepare_images(tmp_path / "in", tmp_path / "m", limit=4).npz).metadata
    assert metadata.column("label").tolist() == ["cat", "cat", "dog", "dog"]
    assert metadata.column("recording").tolist() == ["cat/a", "cat/a", "dog/a", "dog/a"]
    assert metadata.column("frame").tolist() == [0, 1, 0, 2]


def test_stacks_beside_single_pictures_are_no_frames(tmp_path: Path) -> None:
    stack(tmp_path / "in" / "a.tif", RNG.integers(0, 256, (3, 6, 8), dtype=np.uint8))
    picture(tmp_path / "in" / "b.png")
    metadata = load_images(prepare_images(tmp_path / "in", tmp_path / "m").npz).metadata
    assert metadata.names == ("file", "page")
    assert metadata.column("page").tolist() == [0, 1, 2, 0]


def test_previews_and_stereo_twins_are_no_pages(tmp_path: Path) -> None:
    """A page that says it is a smaller version of another one; the second picture of a JPEG by a stereo camera."""
    (tmp_path / "in").mkdir()
    pixels = np.full((6, 8), 100, np.uint8)
    content = tiff((pixels, {}), (pixels[::2, ::2] // 2, {0x00FE: 1}), (pixels // 100, {0x00FE: 4}))
    (tmp_path / "in" / "a.tif").write_bytes(content)
    Image.new("L", (8, 6), 100).save(
        tmp_path / "in" / "b.jpg", "MPO", save_all=True, append_images=[Image.new("L", (8, 6), 50)]
    )
    assert (prepared_pixels(tmp_path / "in") == 100).all()
    assert load_images(tmp_path / "set.npz").metadata.column("file").tolist() == ["a.tif", "b.jpg"]


def test_a_stack_that_lists_its_first_page_only(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (8, 6)).save(tmp_path / "in" / "a.tif", tiffinfo={0x010E: "ImageJ=1.54f\nimages=500\nframes=500\n"})
    with pytest.raises(UserError, match=r"a\.tif is a stack of 500 images in ImageJ's own way, and lists 1 of them"):
        prepare_images(tmp_path / "in", tmp_path / "m")


def test_pages_of_two_sizes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pages = [Image.new("L", size) for size in ((8, 6), (8, 6), (9, 9))]
    pages[0].save(tmp_path / "in" / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(UserError, match=r"2 sizes, from 8 x 6 pixels \(page 0 of .*a\.tif\) to 9 x 9 .*\(page 2 of"):
        prepare_images(tmp_path / "in", tmp_path / "m")


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png"])
def test_a_stack_cut_short_is_never_a_shorter_one(tmp_path: Path, suffix: str) -> None:
    stack(tmp_path / "in" / f"a{suffix}", RNG.integers(0, 256, (6, 20, 30), dtype=np.uint8))
    whole = (tmp_path / "in" / f"a{suffix}").read_bytes()
    for share in np.linspace(0.05, 0.97, 24):
        (tmp_path / "in" / f"a{suffix}").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError, match=r"a\.\w+ cannot be read"):
            prepare_images(tmp_path / "in", tmp_path / "m")


# -------------------------------------------------------------------------------------------------------------- depth


def test_advice_that_fits_the_depth(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(np.array([[0, 4080]], np.uint16)).save(tmp_path / "in" / "a.png")
    (note,) = prepare_images(tmp_path / "in", tmp_path / "m").notes
    assert note.startswith(
        "the largest pixel is 4,080 of 65,535, as from a 12-bit camera: train with --max-pixel-value 4095"
    )


# ------------------------------------------------------------------------------------------------------------ squares


def test_a_disc_stays_a_disc(tmp_path: Path) -> None:
    y, x = np.mgrid[:60, :100]
    disc = np.where((x - 49.5) ** 2 + (y - 29.5) ** 2 <= 25**2, 200, 10).astype(np.uint8)
    (tmp_path / "in").mkdir()
    Image.fromarray(disc).save(tmp_path / "in" / "a.png")

    def extent(**options: Any) -> tuple[int, int]:
        bright = prepared_pixels(tmp_path / "in", resize=50, **options)[0] > 105
        return int(bright.any(axis=0).sum()), int(bright.any(axis=1).sum())

    assert extent() == extent(fit="pad") == pytest.approx((25, 25), abs=1)
    assert extent(fit="crop") == pytest.approx((50 * 50 / 60,) * 2, abs=1)
    assert extent(fit="stretch") == pytest.approx((25, 50 * 50 / 60), abs=1)
    padded = prepared_pixels(tmp_path / "in", resize=50, background=255)[0]
    assert (padded[:10] == 255).all()
    assert (padded[-10:] == 255).all()
    np.testing.assert_array_equal(padded[10:40], np.rint(disc.reshape(30, 2, 50, 2).mean(axis=(1, 3))))


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (None, "padded to squares, in black; earlier versions stretched them: --fit stretch does that"),
        ("pad", "padded to squares, in black"),
        ("crop", "cut to the square in their middle"),
        ("stretch", "stretched to squares"),
    ],
)
def test_what_was_done_is_said(tmp_path: Path, fit: str | None, words: str) -> None:
    picture(tmp_path / "in" / "a.png", (30, 40))
    (note,) = prepare_images(tmp_path / "in", tmp_path / "m", resize=8, fit=fit).notes
    assert note.startswith("pictures of 40x30 (width x height) are ")
    assert words in note
    assert prepare_images(tmp_path / "in", tmp_path / "n").notes == ()


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    with pytest.raises(UserError, match=r"--fit crop says how pictures become square.*--resize N"):
        prepare_images(tmp_path / "in", tmp_path / "m", fit="crop")
    with pytest.raises(UserError) as caught:
        prepare_images(tmp_path / "in", tmp_path / "m", fit="fill", resize=3, background=256)
    assert len(caught.value.problems) == 2


def test_flags(tmp_path: Path, succeed: Any, call: Any) -> None:
    (tmp_path / "in").mkdir()
    hidden("LA", True).save(tmp_path / "in" / "a.png")
    flags = ("prepare", "images", tmp_path / "in", "--resize", 4, "--overwrite", "--out", tmp_path / "m")
    expected = {"black": 0, "white": 255, "51": 51}
    for name, value in expected.items():
        succeed(*flags, "--background", name)
        assert (np.load(tmp_path / "m.npz")["images"][0, [0, -1]] == value).all()
    said = succeed(*flags, "--fit", "crop").out
    assert "note: pictures of 4x2 (width x height) are cut to the square in their middle" in said
    call(*flags, "--background", "256").refused("'256' is not a background: black, white, or a number from 0 to 255")
    call("prepare", "images", tmp_path / "in", "--fit", "crop", "--out", tmp_path / "n").refused("--resize N")
