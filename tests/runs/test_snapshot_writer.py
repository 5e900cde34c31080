from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autoencoder.data.batches import Pixels
from autoencoder.errors import UserError
from autoencoder.models.network import Network
from autoencoder.runs.folder import Run
from autoencoder.runs.snapshots import (
    SnapshotWriter,
    choose_samples,
    encode_rows,
    list_snapshots,
    steps_of_snapshots,
)

NONE = np.empty(0, np.int64)


@settings(deadline=None)
@given(st.integers(1, 2000), st.integers(0, 50))
def test_snapshots_are_evenly_spaced_up_to_the_epochs_end(batches: int, wanted: int) -> None:
    due = sorted(steps_of_snapshots(batches, 1, wanted, "even"))
    assert len(due) == min(wanted, batches)
    if due:
        assert due[-1] == batches
        gaps = np.diff([0, *due])
        assert gaps.min() >= 1
        assert gaps.max() - gaps.min() <= 1


def test_snapshots_at_known_batches() -> None:
    assert steps_of_snapshots(100, 2, 3, "even") == {34, 67, 100, 134, 167, 200}
    assert steps_of_snapshots(2, 1, 3, "even") == {1, 2}
    assert steps_of_snapshots(5, 4, 0, "even") == steps_of_snapshots(5, 4, 0, "log") == set()
    assert steps_of_snapshots(200, 20, 1, "log") == {1, 2, 4, 8, 16, 32, 64, 128, 200, 400, 800, 1600, 3200, 4000}


@settings(deadline=None)
@given(st.integers(1, 2000), st.integers(1, 60), st.integers(1, 5))
def test_with_log_spacing_the_first_epoch_has_eight_and_later_ones_grow_apart(
    batches: int, epochs: int, wanted: int
) -> None:
    due = sorted(steps_of_snapshots(batches, epochs, wanted, "log"))
    assert due[0] >= 1
    assert due[-1] == batches * epochs
    assert sum(step <= batches for step in due) >= min(8, batches)
    assert batches in due
    later = np.array([step for step in due if step >= batches])
    if len(later) > 2:
        np.testing.assert_allclose(later[1:-1] / later[:-2], 2 ** (1 / wanted), rtol=1 / batches)
    shorter = steps_of_snapshots(batches, max(1, epochs // 2), wanted, "log")
    assert shorter - {batches * max(1, epochs // 2)} <= set(due)  # with more epochs those of before stay


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3500) | st.sampled_from(["all", "auto"]), st.integers(0, 10))
def test_chosen_samples_are_distinct_sorted_rows(n_images: int, wanted: int | str, seed: int) -> None:
    rows = choose_samples(n_images, wanted, seed, NONE)
    assert rows.dtype == np.int64
    assert (np.diff(rows) > 0).all()
    assert rows[0] >= 0
    assert rows[-1] < n_images
    if isinstance(wanted, int):
        assert len(rows) == min(wanted, n_images)
    np.testing.assert_array_equal(rows, choose_samples(n_images, wanted, seed, NONE))


def test_probes_are_held_out_and_other_images_from_all_over_the_recording() -> None:
    held_out = np.arange(30_000) // 100 % 5 == 0
    rows = choose_samples(30_000, "probes", 0, np.flatnonzero(held_out))
    assert (held_out[rows].sum(), len(rows)) == (1600, 4000)
    assert (np.diff(rows) > 0).all()
    assert np.diff(rows).max() < 20  # no holes
    few = choose_samples(90, "probes", 0, np.arange(70, 90))
    np.testing.assert_array_equal(few, np.arange(90))


def test_how_many_samples_are_kept() -> None:
    np.testing.assert_array_equal(choose_samples(50, "all", 0, NONE), np.arange(50))
    np.testing.assert_array_equal(choose_samples(1999, "auto", 0, NONE), np.arange(1999))
    assert len(choose_samples(10_000, "auto", 0, NONE)) == 2000
    assert len(choose_samples(80_000, "auto", 0, NONE)) == 10_000
    assert (choose_samples(100, 10, 0, NONE) != choose_samples(100, 10, 1, NONE)).any()


# ----------------------------------------------------------------------------------------------------------- the folder


def codes(value: float) -> np.ndarray:
    return np.full((4, 2), value, np.float32)


def test_snapshots_come_back_in_the_order_of_steps(tmp_path: Path) -> None:
    run = Run(tmp_path)
    writer = SnapshotWriter(run)
    for step in (0, 9, 10, 100):
        writer.write(step, step / 10, codes(step))
    snapshots = list_snapshots(run)
    assert [s.step for s in snapshots] == [0, 9, 10, 100]
    assert [s.epoch for s in snapshots] == [0, 0.9, 1.0, 10.0]
    assert [array[0, 0] for array in (snapshot.load() for snapshot in snapshots)] == [0, 9, 10, 100]
    assert snapshots[0].load().dtype == np.float32
    # Names sort as time does, and nothing half-written lies beside them.
    files = sorted(path.name for path in (tmp_path / "latents").iterdir())
    assert files == ["index.csv", *(s.path.name for s in snapshots)]
    assert files[2] == "step_00000009.npy"


def test_a_step_written_again_is_one_snapshot(tmp_path: Path) -> None:
    writer = SnapshotWriter(Run(tmp_path))
    writer.write(5, 0.5, codes(1))
    writer.write(5, 0.5, codes(2))
    (only,) = list_snapshots(Run(tmp_path))
    assert only.load()[0, 0] == 2


def test_resuming_drops_later_steps(tmp_path: Path) -> None:
    run = Run(tmp_path)
    writer = SnapshotWriter(run)
    for step in (0, 10, 20, 30):
        writer.write(step, step / 10, codes(step))
    resumed = SnapshotWriter(run, resumed_at=15)
    resumed.write(25, 2.5, codes(25))
    assert [s.step for s in list_snapshots(run)] == [0, 10, 25]
    at_the_start = SnapshotWriter(run, resumed_at=0)
    at_the_start.write(10, 1.0, codes(-1))
    assert [(s.step, s.load()[0, 0]) for s in list_snapshots(run)] == [(0, 0), (10, -1)]
    afresh = SnapshotWriter(run)
    afresh.write(3, 0.3, codes(3))
    assert [s.step for s in list_snapshots(run)] == [3]


def test_missing_files_are_all_named(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(UserError, match="--snapshots-per-epoch"):
        list_snapshots(run)
    writer = SnapshotWriter(run)
    for step in (0, 1, 2):
        writer.write(step, float(step), codes(step))
    run.snapshot_file(0).unlink()
    run.snapshot_file(2).unlink()
    with pytest.raises(UserError) as caught:
        list_snapshots(run)
    assert "step_00000000.npy, step_00000002.npy" in str(caught.value)
    assert "step_00000001" not in str(caught.value)


def test_index_of_another_kind(tmp_path: Path) -> None:
    run = Run(tmp_path)
    SnapshotWriter(run).write(0, 0.0, codes(0))
    for text in ("a,b\n1,2\n", "step,epoch,file\nx,0,a.npy\n"):
        run.snapshot_index_file.write_text(text)
        with pytest.raises(UserError, match=r"index\.csv"):
            list_snapshots(run)


def test_damaged_snapshots(tmp_path: Path) -> None:
    run = Run(tmp_path)
    SnapshotWriter(run).write(0, 0.0, codes(0))
    (snapshot,) = list_snapshots(run)
    whole = snapshot.path.read_bytes()
    contents = {"empty": b"", "short": whole[:-3], "text": b"hello there", "header": whole[:20]}
    for content in contents.values():
        snapshot.path.write_bytes(content)
        with pytest.raises(UserError, match=r"step_00000000\.npy"):
            snapshot.load()
    with snapshot.path.open("wb") as file:
        np.savez(file, a=codes(0))
    with pytest.raises(UserError, match=r"step_00000000\.npy"):
        snapshot.load()
    np.save(snapshot.path, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(UserError, match=r"step_00000000\.npy"):
        snapshot.load()
    np.save(snapshot.path, np.zeros(3, np.float32))
    with pytest.raises(UserError, match=r"step_00000000\.npy"):
        snapshot.load()


# ------------------------------------------------------------------------------------------------------------- encoding


def network() -> Network:
    torch.manual_seed(0)
    encoder = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 3)
    )
    return Network(encoder, nn.Linear(3, 1))


def pixels() -> Pixels:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 8, 8)).astype(np.uint8)
    return Pixels(images, 255.0, torch.device("cpu"))


@pytest.mark.parametrize("training", [True, False])
def test_encoding_changes_nothing_in_the_network(training: bool) -> None:
    model = network().train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    encode_rows(model, pixels(), np.arange(30), 8)
    assert all(module.training == training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_codes_are_those_of_evaluation_in_the_order_of_rows() -> None:
    model = network().train()
    rows = np.random.default_rng(1).permutation(30)[:11]
    found = encode_rows(model, pixels(), rows, 4)
    assert (found.shape, found.dtype) == ((11, 3), np.float32)
    model.eval()
    with torch.no_grad():
        expected = [model.encode(pixels().batch(rows[i : i + 1]))[0].numpy() for i in range(11)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found, encode_rows(model, pixels(), rows, 100), atol=1e-6)
