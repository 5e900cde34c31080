import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autoencoder.data import arrays as arrays_module
from autoencoder.data import images as images_module
from autoencoder.data.arrays import read_npz
from autoencoder.data.batches import Pixels
from autoencoder.data.dataset import save_dataset
from autoencoder.data.images import all_alike, depth_advice, likely_max_pixel_value, load_images
from autoencoder.errors import UserError
from autoencoder.machine import memory

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 5, 7), dtype=np.uint8)


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def npy(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2", "f2", "f4", "f8"])
def test_stored_type_is_kept_and_scaled(tmp_path: Path, dtype: str) -> None:
    top = {"u1": 255, "u2": 65535}.get(dtype[-2:], 1.0)
    stored = (PIXELS / 255 * top).astype(dtype)
    loaded = load_images(npy(tmp_path / "a.npy", stored))
    assert loaded.images.dtype == np.dtype(dtype)
    assert loaded.max_pixel_value == top
    assert (len(loaded), loaded.image_shape) == (6, (1, 5, 7))
    rows = np.array([4, 0])
    batch = loaded.scaled(rows)
    assert batch.dtype == np.float32
    assert batch.shape == (2, 1, 5, 7)
    np.testing.assert_allclose(batch[:, 0], PIXELS[rows] / 255, atol=1e-3)


def test_npy_is_memory_mapped_and_a_small_npz_is_not(tmp_path: Path) -> None:
    assert isinstance(load_images(npy(tmp_path / "a.npy", PIXELS)).images, np.memmap)
    assert not isinstance(load_images(npz(tmp_path / "b.npz", images=PIXELS)).images, np.memmap)


@pytest.mark.parametrize("dtype", ["u1", "u2", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_npz_is_mapped_and_reads_the_same(tmp_path, monkeypatch, dtype: str, order: str) -> None:
    """Whatever lies before an array moves where it begins: in types of several bytes some can't be mapped."""
    pixels = np.asarray(PIXELS.astype(dtype), order=order)
    mapped = 0
    for n in range(8):
        stored = {"x" * (n + 1): np.arange(6), "images": pixels, "mask": (PIXELS > 99).astype(np.uint8)}
        path = npz(tmp_path / f"{n}.npz", **stored)
        monkeypatch.setattr(arrays_module, "MAPPED_BYTES", 2**60)
        whole = read_npz(path, stored)
        monkeypatch.setattr(arrays_module, "MAPPED_BYTES", PIXELS.size)
        arrays = read_npz(path, stored)
        mapped += isinstance(arrays["images"], np.memmap)
        assert isinstance(arrays["mask"], np.memmap)
        assert not isinstance(arrays["x" * (n + 1)], np.memmap)
        for name, array in whole.items():
            np.testing.assert_array_equal(arrays[name], array)
            assert (arrays[name].dtype, arrays[name].flags.aligned) == (array.dtype, True)
    assert mapped == 8 // pixels.dtype.alignment
    np.savez_compressed(tmp_path / "c.npz", images=pixels)
    assert not isinstance(read_npz(tmp_path / "c.npz", ["images"])["images"], np.memmap)


def test_faults_of_a_mapped_npz_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut short, a bit flipped; and a file that is replaced under its reader stays what it was."""
    monkeypatch.setattr(arrays_module, "MAPPED_BYTES", 1)
    path = npz(tmp_path / "a.npz", images=PIXELS)
    loaded, whole = load_images(path), path.read_bytes()
    assert isinstance(loaded.images, np.memmap)
    npz(tmp_path / "b.npz", images=PIXELS[::-1]).replace(path)
    np.testing.assert_array_equal(loaded.images[:, 0], PIXELS)
    flipped = bytearray(whole)
    flipped[whole.index(PIXELS.tobytes()) + 50] ^= 1
    for content in (flipped, whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"a\.npz is damaged"):
            load_images(path)


def test_colour_keeps_its_channels(tmp_path: Path) -> None:
    stored = RNG.random((4, 3, 6, 5), dtype=np.float32)
    loaded = load_images(npy(tmp_path / "a.npy", stored))
    assert loaded.image_shape == (3, 6, 5)
    np.testing.assert_array_equal(loaded.scaled(slice(1, 3)), stored[1:3])


@pytest.mark.parametrize("key", ["images", "arr_0", "frames"])
def test_key_of_the_images(tmp_path: Path, key: str) -> None:
    arrays = {key: PIXELS, "clean": PIXELS // 2, "label": np.arange(6)}
    loaded = load_images(npz(tmp_path / "a.npz", **arrays))
    np.testing.assert_array_equal(loaded.images[:, 0], PIXELS)
    np.testing.assert_allclose(loaded.scaled([1], of="clean")[0, 0], (PIXELS[1] // 2) / 255, atol=1e-6)
    assert loaded.metadata.names == ("label",)


def test_two_likely_arrays_are_not_guessed_between(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", left=PIXELS, right=PIXELS)
    with pytest.raises(UserError, match=r"which array of .*a\.npz .*Call it 'images'; its arrays are left .*, right"):
        load_images(path)


@pytest.mark.parametrize("inside", [1, 255, True, 1.0])
def test_masks_of_any_kind_become_zero_and_one(tmp_path: Path, inside: float) -> None:
    mask = np.where(PIXELS > 100, inside, 0).astype(np.asarray(inside).dtype)
    loaded = load_images(npz(tmp_path / "a.npz", images=PIXELS, mask=mask))
    assert loaded.mask is not None
    assert loaded.mask.dtype == np.uint8
    np.testing.assert_array_equal(loaded.scaled(slice(None), of="mask")[:, 0], PIXELS > 100)


def test_asking_for_what_is_not_there(tmp_path: Path) -> None:
    loaded = load_images(npz(tmp_path / "a.npz", images=PIXELS))
    with pytest.raises(UserError, match=r"a\.npz has no array 'mask'"):
        loaded.scaled([0], of="mask")


# ------------------------------------------------------------------------------------------------------------ metadata


def test_sibling_comes_before_arrays_within(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", images=PIXELS, inner=np.arange(6))
    assert load_images(path).metadata.names == ("inner",)
    (tmp_path / "a.csv").write_text("outer\n" + "1\n" * 6)
    assert load_images(path).metadata.names == ("outer",)
    np.save(tmp_path / "other.npy", np.arange(6))
    assert load_images(path, tmp_path / "other.npy", ["given"]).metadata.names == ("given",)


def test_npy_sibling_needs_names(tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", PIXELS)
    np.save(tmp_path / "a_metadata.npy", np.arange(6))
    assert load_images(path).metadata.names == ()
    assert load_images(path, columns=["label"]).metadata.names == ("label",)


def test_names_without_metadata_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--columns names columns, and .* has no metadata"):
        load_images(npy(tmp_path / "a.npy", PIXELS), columns=["label"])


def test_wrong_rows(tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", PIXELS)
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(UserError, match=r"a\.csv has 1 rows and .*a\.npy has 6 images"):
        load_images(path)
    with pytest.raises(UserError, match=r"'label' in .*b\.npz has 5 values for 6 images"):
        load_images(npz(tmp_path / "b.npz", images=PIXELS, label=np.arange(5)))


# ------------------------------------------------------------------------------------------------------------ refusals


def test_missing_empty_and_foreign_files(tmp_path: Path) -> None:
    for name in ("a.npy", "a.npz"):
        with pytest.raises(UserError, match=rf"no file .*{name}"):
            load_images(tmp_path / name)
        (tmp_path / name).touch()
        with pytest.raises(UserError, match=rf"{name} is empty \(0 bytes\)"):
            load_images(tmp_path / name)
        (tmp_path / name).write_text("this is no array at all")
        with pytest.raises(UserError, match=rf"{name} is damaged, or not a NumPy file"):
            load_images(tmp_path / name)
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(UserError, match=r"a\.png .*read from \.npz or \.npy"):
        load_images(tmp_path / "a.png")
    with pytest.raises(UserError, match="is a folder"):
        load_images(tmp_path)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_cut_short_anywhere(tmp_path: Path, suffix: str, compress: bool) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, PIXELS)
    else:
        (np.savez_compressed if compress else np.savez)(path, images=PIXELS, clean=PIXELS)
    whole = path.read_bytes()
    for length in {1, 5, 9, 60, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=f"a{suffix}"):
            load_images(path)


def test_a_flipped_bit_in_an_npz_is_seen(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", images=PIXELS)
    content = bytearray(path.read_bytes())
    content[content.index(PIXELS.tobytes()) + 50] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.npz is damaged"):
        load_images(path)


def test_a_header_that_promises_the_world_takes_no_memory(tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", PIXELS)
    path.write_bytes(path.read_bytes().replace(b"(6, 5, 7), }", b"(6, 5, 7000000000000), }")[: path.stat().st_size])
    with pytest.raises(UserError, match=r"a\.npy is (cut short|damaged)"):
        load_images(path)


def test_a_set_that_does_not_fit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = npz(tmp_path / "a.npz", images=PIXELS)
    monkeypatch.setattr(memory, "available_memory", lambda: PIXELS.nbytes - 1)
    with pytest.raises(UserError, match=r"a\.npz would take .* GB .* available: save it by np\.savez without"):
        load_images(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (PIXELS[0], r"shape \(5, 7\): images must be \(N, height, width\)"),
        (PIXELS[:0], "and so no pixels"),
        (PIXELS[:, :0], "and so no pixels"),
        (np.zeros((2, 50, 50, 3), np.uint8), r"channels last: save images\.transpose\(0, 3, 1, 2\)"),
        (PIXELS.astype(np.int64), r"type int64, .*astype\('float32'\)"),
        (PIXELS > 3, r"type bool, .*astype\('uint8'\)"),
        (PIXELS.astype(np.complex64), "type complex64"),
        (PIXELS.astype(np.float32), r"pixels up to 2\d\d, over the largest pixel value 1: give --max-pixel-value 255"),
        (PIXELS / 255 - 0.5, r"negative pixels \(down to -0\.5\)"),
    ],
)
def test_what_is_no_set_of_images(tmp_path: Path, array: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_images(npy(tmp_path / "a.npy", array))
    assert "a.npy" in str(caught.value)


def test_python_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([None, 1], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"a\.npy holds Python objects|a\.npy in .* holds Python objects"):
        load_images(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", images=np.array([None, 1], dtype=object))
    with pytest.raises(UserError, match=r"array 'images' in .*a\.npz holds Python objects"):
        load_images(tmp_path / "a.npz")


def test_broken_pixels_are_counted_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays_module, "CHUNK_BYTES", 2 * 35 * 4)
    pixels = (PIXELS / 255).astype(np.float32)
    pixels[3, 0, :2], pixels[5, 1, 1], pixels[4, 0, 0] = np.nan, np.inf, 7.0
    with pytest.raises(UserError) as caught:
        load_images(npy(tmp_path / "a.npy", pixels))
    broken, over = caught.value.problems
    assert "3 pixels that are NaN or infinite, the first in image 3" in broken
    assert "pixels up to 7" in over


def test_all_problems_come_in_one_error(tmp_path: Path) -> None:
    pixels = np.full((6, 5, 7), -1.0)
    pixels[2] = 9
    path = npz(tmp_path / "a.npz", images=pixels, clean=pixels[:3], mask=np.zeros((6, 2, 2)))
    with pytest.raises(UserError) as caught:
        load_images(path)
    text = " | ".join(caught.value.problems)
    for part in ("negative pixels", "pixels up to 9", "'clean'", "'mask'"):
        assert part in text


def test_clean_of_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'clean' .* is float64 and the images uint8"):
        load_images(npz(tmp_path / "a.npz", images=PIXELS, clean=PIXELS / 255))


def test_given_largest_value(tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", PIXELS.astype(np.float32))
    np.testing.assert_allclose(load_images(path, max_pixel_value=255).scaled([0])[0, 0], PIXELS[0] / 255, rtol=1e-6)
    with pytest.raises(UserError, match="over the largest pixel value 100"):
        load_images(path, max_pixel_value=100)


# --------------------------------------------------------------------------------------------------------------- depth


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (1, 1),
        (16, 16),
        (15.5, 16),
        (127, 127),
        (128, 255),
        (255, 255),
        (300, 300),
        (1000, 1023),
        (2047, 2047),
        (2048, 4095),
        (4080, 4095),
        (16000, 16383),
        (65535, 65535),
        (70000, 70000),
        (1.0000001, 1.01),
        (1.25, 1.25),
    ],
)
def test_what_probably_stands_for_one(tmp_path: Path, largest: float, expected: float) -> None:
    """And the largest pixel is never above it, so that who follows the advice is not refused."""
    assert likely_max_pixel_value(largest) == expected
    if largest > 1:
        path = npy(tmp_path / "a.npy", np.array([[[0, float(largest)]]]))
        with pytest.raises(UserError, match=f"give --max-pixel-value {expected:g}$"):
            load_images(path)
        assert load_images(path, max_pixel_value=expected).max_pixel_value == expected


@pytest.mark.parametrize(
    ("dtype", "largest", "words"),
    [
        ("uint16", 4080, "4,080 of 65,535, as from a 12-bit camera: train with --max-pixel-value 4095,"),
        ("uint16", 16383, "16,383 of 65,535, as from a 14-bit camera: train with --max-pixel-value 16383,"),
        ("uint16", 250, "250 of 65,535, as from an 8-bit image: train with --max-pixel-value 255,"),
        ("uint16", 16, "16 of 65,535: train with --max-pixel-value 16,"),
        ("uint8", 16, "16 of 255: train with --max-pixel-value 16,"),
        ("uint8", 1, "1 of 255: train with --max-pixel-value 1,"),
        ("uint8", 64, None),
        ("uint8", 0, None),
        ("uint16", 16384, None),
        ("float32", 0.1, None),
    ],
)
def test_advice_on_the_depth(dtype: str, largest: float, words: str | None) -> None:
    images = np.zeros((5, 1, 3, 4), dtype)
    images[3, 0, 2, 1] = largest
    said = depth_advice(images)
    assert said is None if words is None else said is not None and f"the largest pixel is {words}" in said
    assert depth_advice(images, 65535) is None  # who said what stands for 1 needs no advice


def test_advice_on_a_large_set_is_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "WHOLE_HASH_BYTES", 100)
    images = np.full((5000, 1, 2, 2), 9, np.uint8)
    said = depth_advice(images)
    assert said is not None
    assert "the largest pixel of 1,000 images is 9 of 255" in said
    images[-1] = 255
    assert depth_advice(images) is None


# --------------------------------------------------------------------------------------------------------------- alike


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_images_that_are_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setattr(arrays_module, "CHUNK_BYTES", 2 * 35)
    pixels = np.repeat(PIXELS[:1], 7, axis=0)
    save = npy if suffix == ".npy" else lambda path, array: npz(path, images=array)
    assert all_alike(load_images(save(tmp_path / f"a{suffix}", pixels))) == (
        f"all 7 images of {tmp_path / f'a{suffix}'} are the same"
    )
    for row in range(7):
        other = pixels.copy()
        other[row, 4, 6] ^= 1
        assert all_alike(load_images(save(tmp_path / f"b{suffix}", other))) is None
    assert all_alike(load_images(save(tmp_path / f"b{suffix}", pixels[:1]))) is None


def test_a_run_on_such_images_is_told_so(tmp_path: Path, succeed: Any, call: Any) -> None:
    """When training begins; and no learning rate is blamed for what comes of it."""
    path, run = npy(tmp_path / "a.npy", np.full((24, 8, 8), 9, np.uint8)), tmp_path / "run"
    flags = ("--encoder", "dense", "--epochs", 1, "--batch-size", 16, "--latent-dim", 2)
    said = succeed("train", path, "--run", run, *flags).out
    assert f"note: all 24 images of {path} are the same: there is nothing to learn" in said
    assert "note: the largest pixel is 9 of 255: train with --max-pixel-value 9," in said
    for how in ((), ("--snapshot", "last", "--show", "scatter")):
        refused = call("visualize", "--run", run, "--no-movies" if not how else "--quiet", *how, "--reduce", "pca")
        refused.refused("all 24 images of", "are the same, and so are their codes")
        assert "learning rate" not in refused.err
    assert "train with --max-pixel-value 9," in succeed("info", path).out


# ---------------------------------------------------------------------------------------------------------------- hash


def test_hash_depends_on_pixels_shape_and_type(tmp_path: Path) -> None:
    def digest(array: np.ndarray) -> str:
        return load_images(npy(tmp_path / "a.npy", array)).content_hash()

    changed = PIXELS.copy()
    changed[3, 2, 2] ^= 1
    hashes = {digest(PIXELS), digest(changed), digest(PIXELS.transpose(0, 2, 1)), digest(PIXELS.astype(np.uint16))}
    assert len(hashes) == 4
    assert digest(PIXELS) == load_images(npz(tmp_path / "b.npz", images=PIXELS)).content_hash()


def test_hash_of_a_large_set_reads_head_tail_and_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "WHOLE_HASH_BYTES", 100)
    monkeypatch.setattr(images_module, "HASH_ROWS", 2)
    pixels = RNG.integers(0, 256, (50, 4, 4), dtype=np.uint8)
    before = load_images(npy(tmp_path / "a.npy", pixels)).content_hash()
    for row, seen in ((0, True), (1, True), (20, False), (48, True), (49, True)):
        changed = pixels.copy()
        changed[row] ^= 1
        assert (load_images(npy(tmp_path / "b.npy", changed)).content_hash() != before) is seen


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory the Linux way")
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_large_memory_map_never_becomes_resident(tmp_path: Path, suffix: str) -> None:
    """400 MB of floats are checked with 250 MB of address space beyond what the interpreter and numpy take."""
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(40_000, 50, 50)).flush()
    else:
        save_dataset(path, np.broadcast_to(np.float32(0), (40_000, 50, 50)), {})
    code = f"""
import resource
from pathlib import Path
import numpy as np
from autoencoder.data.images import all_alike, depth_advice, likely_max_pixel_value, load_images
resource.setrlimit(resource.RLIMIT_DATA, (300 * 2**20,) * 2)
print(len(load_images(Path({str(path)!r}))))
"""
    root = Path(images_module.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "40000", done.stderr
    assert resource.RLIMIT_DATA  # the limit on anonymous memory, which a read-only map does not count against


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory the Linux way")
def test_a_memory_map_that_was_read_is_let_go(tmp_path: Path) -> None:
    """Pages of 64 MB are read whole and in batches, and hardly any of them are still this process's."""
    stored = np.full((1000, 256, 256), 7, np.uint8)
    save_dataset(tmp_path / "a", stored, {})
    images = load_images(tmp_path / "a.npz")
    assert isinstance(images.images.base, np.memmap)
    pixels = Pixels(images.images, 255.0, torch.device("cpu"))

    def mapped() -> int:
        lines = Path("/proc/self/smaps").read_text().partition(f"{tmp_path}/a.npz")[2].splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("Rss:")).split()[1])

    images.images.max()
    assert mapped() > stored.nbytes / 2
    assert images.content_hash()
    assert mapped() < stored.nbytes / 10
    for start in range(0, 1000, 10):
        assert float(pixels.batch(np.arange(start, start + 10)).max()) > 0
    assert mapped() < 0.7 * stored.nbytes


def test_pixels_that_were_filled_in_are_told(tmp_path: Path) -> None:
    inside = np.ones((6, 5, 7), np.uint8)
    inside[2, :, 3:] = 0
    loaded = load_images(npz(tmp_path / "a.npz", frames=PIXELS, inside=inside))
    counted = loaded.counted(np.array([2, 0]))
    assert counted is not None
    assert counted.dtype == np.float32
    np.testing.assert_array_equal(counted[:, 0], inside[[2, 0]])
    assert load_images(npz(tmp_path / "b.npz", images=PIXELS)).counted(slice(None)) is None


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        (np.ones((6, 5, 5), np.uint8), "must be"),
        (np.full((6, 5, 7), 255, np.uint8), "values other than 0 and 1"),
        (np.ones((6, 5, 7)), "values other than 0 and 1"),
        (
            np.arange(6)[:, None, None].astype(np.uint8).clip(0, 1) * np.ones((6, 5, 7), np.uint8),
            "the first of which is 0",
        ),
    ],
)
def test_what_is_no_map_of_filled_in_pixels_is_refused(tmp_path: Path, inside: np.ndarray, why: str) -> None:
    with pytest.raises(UserError, match=why):
        load_images(npz(tmp_path / "a.npz", images=PIXELS, inside=inside))
