"""Regions of a data set: what a file may bring, what is refused, and what stands for them where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.dataset import save_dataset
from autoencoder.data.images import load_images, with_metadata
from autoencoder.data.regions import MOST_REGIONS, Regions
from autoencoder.errors import UserError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 5, 7), dtype=np.uint8)
LABELS = RNG.integers(0, 3, (6, 5, 7), dtype=np.uint8)
NAMES = np.array(["background", "body", "tail"])


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint16])
@pytest.mark.parametrize("names", [NAMES, NAMES.astype("S")])
def test_they_come_back_with_their_names(tmp_path: Path, dtype: type, names: np.ndarray) -> None:
    loaded = load_images(npz(tmp_path / "a.npz", images=PIXELS, regions=LABELS.astype(dtype), region_names=names))
    assert loaded.regions is not None
    assert loaded.regions.names == ("background", "body", "tail")
    np.testing.assert_array_equal(loaded.regions.of(np.array([4, 0]))[:, 0], LABELS[[4, 0]])
    assert loaded.measured_regions() is loaded.regions
    assert loaded.metadata.names == ()


def test_a_saved_set_comes_back(tmp_path: Path) -> None:
    regions = Regions(LABELS[:, None], tuple(NAMES.tolist()))
    saved = save_dataset(tmp_path / "a", PIXELS, {}, mask=(LABELS > 0).astype(np.uint8), regions=regions)
    loaded = load_images(saved.npz).regions
    assert loaded is not None
    assert loaded.names == regions.names
    np.testing.assert_array_equal(loaded.labels, regions.labels)
    with pytest.raises(UserError, match="one row per image"):
        save_dataset(tmp_path / "b", PIXELS[:4], {}, regions=regions)


def test_a_mask_stands_for_them_where_there_are_none(tmp_path: Path) -> None:
    mask = (LABELS > 0).astype(np.uint8)
    found = load_images(npz(tmp_path / "a.npz", images=PIXELS, mask=255 * mask)).measured_regions()
    assert found is not None
    assert found.names == ("background", "animal")
    np.testing.assert_array_equal(found.labels[:, 0], mask)
    assert load_images(npz(tmp_path / "b.npz", images=PIXELS)).measured_regions() is None


def test_a_run_knows_its_images_with_and_without_them(tmp_path: Path) -> None:
    """What a run is told by is the pixels: a set that was prepared anew, with regions, is still its own."""
    without = load_images(npz(tmp_path / "a.npz", images=PIXELS))
    having = load_images(npz(tmp_path / "b.npz", images=PIXELS, regions=LABELS, region_names=NAMES))
    assert without.content_hash() == having.content_hash()


def test_a_column_of_this_name_stays_a_column(tmp_path: Path) -> None:
    """One value for each image is no map of pixels, and an array of two dimensions was passed over before."""
    path = npz(tmp_path / "a.npz", images=PIXELS, regions=np.array(list("aabbcc")), region_names=np.arange(6))
    loaded = load_images(path)
    assert loaded.regions is None
    assert loaded.metadata.names == ("regions", "region_names")
    assert load_images(npz(tmp_path / "b.npz", images=PIXELS, regions=np.zeros((6, 2)))).regions is None


def test_other_metadata_leave_them(tmp_path: Path) -> None:
    arrays = {"images": PIXELS, "regions": LABELS, "region_names": NAMES, "x": np.arange(6)}
    path = npz(tmp_path / "a.npz", **arrays)
    again = with_metadata(load_images(path), path)
    assert again.metadata.names == ("x",)
    assert again.regions is not None


@pytest.mark.parametrize(
    ("labels", "names", "why"),
    [
        (LABELS, None, "without 'region_names': save np.array"),
        (LABELS[:, 1:], NAMES, r"'regions' in .*a\.npz has shape \(6, 1, 4, 7\).*must be \(6, 1, 5, 7\)"),
        (LABELS[:5], NAMES, "'regions' .*must be"),
        (LABELS / 2, NAMES, "'regions' .*float64.*whole numbers"),
        (LABELS.astype(str), NAMES, "'regions' .*whole numbers"),
        (LABELS.astype(np.int8) - 1, NAMES, "from -1 to 1"),
        (LABELS, NAMES[:2], "from 0 to 2, and 'region_names' names 0 to 1"),
        (LABELS, NAMES[:1], "has 1 names"),
        (LABELS, np.arange(MOST_REGIONS + 1).astype(str), "has 17 names"),
        (LABELS, np.arange(3), "'region_names' .*int64"),
        (LABELS, np.array([NAMES]), "'region_names' .*shape"),
        (LABELS, np.array(["a", "b", "a"]), "the same name twice"),
        (LABELS, np.array(["a", "b", " "]), "an empty name"),
        (LABELS, np.array(["a", "b", 41 * "c"]), "more than 40 letters"),
        (LABELS, np.array(["a", "b", "\xe9"]).astype("U1").view(np.uint32) | 0x200000, "'region_names'"),
        (LABELS, np.array([0x61, 0x62, 0x110000], np.uint32).view("U1"), "not characters"),
        (LABELS, np.array([b"a", b"b", b"\xff"]), "not ASCII"),
    ],
)
def test_what_is_no_map_of_regions_is_refused(
    tmp_path: Path, labels: np.ndarray, names: np.ndarray | None, why: str
) -> None:
    arrays = {"images": PIXELS, "regions": labels} | ({} if names is None else {"region_names": names})
    with pytest.raises(UserError, match=why):
        load_images(npz(tmp_path / "a.npz", **arrays))
