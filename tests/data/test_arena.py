from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_opening

from autoencoder.data.images import load_images
from autoencoder.data.sources import arena
from autoencoder.data.sources.arena import ArenaSet, make_arena, prepare_arena, simulate_walk
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind


@pytest.fixture(scope="module")
def made() -> ArenaSet:
    return make_arena(1500, seed=3)


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second, other = make_arena(70, seed=1), make_arena(70, seed=1), make_arena(70, seed=2)
    for name in ("images", "clean", "mask", "regions"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    for name, values in first.columns.items():
        np.testing.assert_array_equal(values, second.columns[name])
    assert not np.array_equal(first.images, other.images)


def test_shapes_and_types(made: ArenaSet) -> None:
    for pixels in (made.images, made.clean, made.mask, made.regions):
        assert pixels.shape == (1500, 50, 50)
        assert pixels.dtype == np.uint8
    assert set(np.unique(made.mask)) == {0, 1}
    assert make_arena(2, size=33).images.shape == (2, 33, 33)


def test_noise_is_the_sensors(made: ArenaSet) -> None:
    """Standard deviation of noisy minus clean at a given brightness, away from the clipped ends."""
    clean = made.clean / 255.0
    difference = made.images / 255.0 - clean
    for brightness in (0.34, 0.56):
        near = np.abs(clean - brightness) < 0.01
        assert near.sum() > 1000
        expected = arena.READ_NOISE + arena.SHOT_NOISE * np.sqrt(brightness)
        assert difference[near].std() == pytest.approx(expected, rel=0.03)
        assert abs(difference[near].mean()) < 0.003


def test_columns_agree_with_each_other(made: ArenaSet) -> None:
    columns = made.columns
    x, y = columns["x"], columns["y"]
    np.testing.assert_array_equal(columns["frame"], np.arange(1500))
    np.testing.assert_allclose(columns["distance_from_center"], np.hypot(x, y))
    np.testing.assert_allclose(np.exp(1j * np.radians(columns["polar_angle_deg"])), (x + 1j * y) / np.hypot(x, y))
    for name in ("body_angle_deg", "head_angle_deg", "polar_angle_deg"):
        assert (columns[name] >= 0).all()
        assert (columns[name] < 360).all()
    assert columns["distance_from_center"].max() < arena.RADIUS + arena.PORT_DEPTH
    off = np.abs((columns["polar_angle_deg"] - (30 + 60 * columns["nearest_port"]) + 180) % 360 - 180)
    assert off.max() <= 30 + 1e-9


def test_the_animal_is_in_the_mask_and_the_mask_on_the_animal(made: ArenaSet) -> None:
    clean = made.clean / 255.0
    area = made.mask.sum(axis=(1, 2))
    assert area.min() > 150
    assert area.max() < 500
    # The crop's centre is on the trunk, and fur is brighter than any floor.
    assert made.mask[:, 24:26, 24:26].all()
    assert clean[:, 24:26, 24:26].min() > arena.FLOOR_AT_WALL + 0.2
    assert clean[made.mask == 1].mean() > 3 * clean[made.mask == 0].mean()


def test_body_and_tail_make_the_mask_and_walls_are_bright(made: ArenaSet) -> None:
    np.testing.assert_array_equal(made.mask == 1, np.isin(made.regions, (arena.BODY_REGION, arena.TAIL_REGION)))
    shares = np.bincount(made.regions.ravel()) / made.regions.size
    assert len(shares) == len(arena.REGIONS)
    assert (shares > (0.7, 0.08, 0.004, 0.01)).all()
    clean = made.clean / 255.0
    # Walls cover more than half of their pixels, and the rim of the animal in front of them less than that.
    assert clean[made.regions == arena.WALLS_REGION].min() > (arena.WALL + arena.OUTSIDE) / 2 - 0.1
    assert made.regions[made.columns["distance_from_center"] < arena.RADIUS - 50].max() == arena.TAIL_REGION


def test_the_tail_is_thin_and_behind_the_body(made: ArenaSet) -> None:
    """An opening by 2, which knows nothing of the renderer, leaves nothing of it, and most of the body."""
    opened = np.stack([binary_opening(mask, iterations=2) for mask in made.mask])
    assert opened[made.regions == arena.TAIL_REGION].mean() < 0.06
    assert opened[made.regions == arena.BODY_REGION].mean() > 0.94
    angle = np.radians(made.columns["body_angle_deg"])[:, None, None]
    down, right = np.mgrid[:50, :50] - 24.5
    along = right * np.cos(angle) - down * np.sin(angle)
    assert along[made.regions == arena.TAIL_REGION].max() < 0 < along[made.regions == arena.BODY_REGION].mean() + 5


def test_the_masks_long_axis_is_the_body_angle(made: ArenaSet) -> None:
    """Second moments of the mask near the centre, where the trunk is and the tail is not."""
    down, right = np.mgrid[:50, :50] - 24.5
    up = -down
    weight = made.mask * (np.hypot(right, up) < 12)
    total = weight.sum(axis=(1, 2))
    dx = right - ((weight * right).sum(axis=(1, 2)) / total)[:, None, None]
    dy = up - ((weight * up).sum(axis=(1, 2)) / total)[:, None, None]
    xx, yy, xy = (np.sum(weight * product, axis=(1, 2)) for product in (dx * dx, dy * dy, dx * dy))
    axis = np.degrees(0.5 * np.arctan2(2 * xy, xx - yy))
    off = np.abs((axis - made.columns["body_angle_deg"] + 90) % 180 - 90)  # an axis has no direction
    assert np.median(off) < 5
    assert np.percentile(off, 95) < 20


def test_the_direction_is_from_tail_to_nose(made: ArenaSet) -> None:
    """The tail is thin: at a tail's distance there is less animal behind the trunk than in it, and none before it."""
    angle = np.radians(made.columns["body_angle_deg"])[:, None, None]
    down, right = np.mgrid[:50, :50] - 24.5
    along = right * np.cos(angle) - down * np.sin(angle)
    beyond = 20.0
    assert (made.mask * (along < -beyond)).sum() > 10 * (made.mask * (along > beyond)).sum()


def test_the_walk_visits_ports_wall_and_open_field() -> None:
    walk = simulate_walk(4000, np.random.default_rng(0))
    r = np.hypot(walk.x, walk.y)
    assert (r > arena.RADIUS - 5).mean() > 0.05
    assert ((r > arena.RADIUS - 40) & (r < arena.RADIUS - 10)).mean() > 0.1
    assert (r < arena.RADIUS / 2).mean() > 0.05
    assert len(np.unique(np.floor(np.degrees(walk.body) % 360 / 30))) == 12
    jump = np.hypot(np.diff(walk.x), np.diff(walk.y))
    # Sliding along a wall may add a little to the animal's own step; it never jumps.
    assert jump.max() < 1.01 * arena.SPEED * arena.STEPS_PER_FRAME


def test_all_bad_numbers_in_one_error() -> None:
    with pytest.raises(UserError) as caught:
        make_arena(0, seed=-1, size=3)
    assert len(caught.value.problems) == 3


def test_prepared_arena_loads_with_everything(tmp_path: Path) -> None:
    counts: list[int] = []
    prepared = prepare_arena(tmp_path / "arena", 40, seed=5, size=20, on_progress=counts.append)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arena.csv", "arena.npz"]
    assert (prepared.n_images, prepared.image_shape) == (40, (1, 20, 20))
    assert sum(counts) == 40
    loaded = load_images(prepared.npz)
    expected = make_arena(40, seed=5, size=20)
    np.testing.assert_array_equal(loaded.images[:, 0], expected.images)
    assert loaded.clean is not None
    assert loaded.mask is not None
    np.testing.assert_array_equal(loaded.clean[:, 0], expected.clean)
    np.testing.assert_array_equal(loaded.mask[:, 0], expected.mask)
    assert loaded.regions is not None
    assert loaded.regions.names == arena.REGIONS
    np.testing.assert_array_equal(loaded.regions.labels[:, 0], expected.regions)
    assert loaded.metadata.names == prepared.columns == tuple(expected.columns)
    assert loaded.metadata.kind("nearest_port") is ColumnKind.CATEGORY
    assert loaded.metadata.kind("head_angle_deg") is ColumnKind.CIRCULAR
    np.testing.assert_allclose(loaded.metadata.column("x"), expected.columns["x"], atol=1e-4)


def test_existing_files_are_kept_unless_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(UserError, match=r"a\.csv already exist.*--overwrite"):
        prepare_arena(tmp_path / "a.npz", 5, size=8, on_progress=lambda _: pytest.fail("worked before it checked"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "mine"
    prepare_arena(tmp_path / "a.npz", 5, size=8, overwrite=True)
    assert len(load_images(tmp_path / "a.npz").metadata) == 5


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autoencoder.data.dataset.write_npz", full)
    with pytest.raises(UserError, match=r"no space left to write .*a\.npz"):
        prepare_arena(tmp_path / "a", 5, size=8)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*file/a\.npz"):
        prepare_arena(tmp_path / "file" / "a", 5, size=8)
