"""How far runs have converged: how far codes move and losses fall in the second half of training."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.measures.similarity import ProcrustesAngle
from autoencoder.runs.snapshots import Snapshot
from autoencoder.study.measured.convergence import LOSS_FALL, MOVED, fall_since_half, halfway, measure_convergence
from autoencoder.study.measured.likeness import Comparer
from autoencoder.study.population import Moment, Population, Source
from autoencoder.study.table import Table
from autoencoder.workflows.study.tables import quality
from autoencoder.workflows.study.unit_tables import convergence_table

N, UNITS = 60, 4
STEPS = (0, 1, 2, 4, 8)


def epochs_of(losses):
    return [{"epoch": i + 1, "train_loss": loss} for i, loss in enumerate(losses)]


def source_of(folder, name, setting, seed, codes, losses=(4.0, 2.0, 1.0), control=None, steps=STEPS):
    """A run whose snapshots are these codes."""
    snapshots = {}
    for step, its in zip(steps, codes, strict=True):
        np.save(folder / f"{name}-{step}.npy", its.astype(np.float32))
        snapshots[Moment(step, step / 2)] = Snapshot(step, step / 2, folder / f"{name}-{step}.npy")
    run = SimpleNamespace(metrics=lambda: epochs_of(losses))
    return Source(name, {"objective": setting}, seed, control, run, snapshots)


def population_of(sources):
    images = ImageSet(np.zeros((N, 1, 2, 2), np.uint8), 255, Metadata({"label": np.array(["a", "b"] * (N // 2))}))
    train, held_out = np.arange(20), np.arange(20, N)
    return Population(tuple(sources), {"objective": ("one", "two")}, images, np.arange(N), "random", 0, train, held_out)


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    """`still` turns and grows and keeps its shape from half of training on; `moving` becomes something else."""
    folder, rng, sources = tmp_path_factory.mktemp("codes"), np.random.default_rng(0), []
    shared = rng.normal(size=(N, UNITS))
    for seed in (3, 4):
        start, other = rng.normal(size=(2, N, UNITS))
        half = shared + 0.3 * rng.normal(size=shared.shape)
        turn = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]
        sources.append(source_of(folder, f"still-{seed}", "still", seed, [start, start, start, half, 2 * half @ turn]))
        sources.append(source_of(folder, f"moving-{seed}", "moving", seed, [start, start, start, half, other]))
    sources.append(source_of(folder, "fitted-3", "fitted", 3, [shared], steps=(8,)))
    return population_of(sources)


@pytest.fixture(scope="module")
def measured(population):
    table = Table(("objective",))
    return table, measure_convergence(Comparer(population), table)


def test_codes_that_keep_their_shape_do_not_move(measured):
    table, _ = measured
    values = {row["run"]: row["value"] for row in table.select(measure=MOVED)}
    assert values["still-3"] == pytest.approx(0, abs=0.05)
    assert values["moving-3"] > 30
    assert set(values) == {"still-3", "still-4", "moving-3", "moving-4"}


def test_what_moves_is_the_procrustes_angle_between_half_and_end(population, measured):
    table, found = measured
    for row in table.select(measure=MOVED, run=["moving-3", "moving-4"]):
        source = next(source for source in population.sources if source.name == row["run"])
        before, after = (source.snapshots[Moment(step, step / 2)].load()[20:] for step in (4, 8))
        assert row["value"] == pytest.approx(ProcrustesAngle().between(before, after))
        assert (row["step"], row["other_step"], row["n"]) == (8, 4, N - 20)
    effect = next(effect for effect in found["effects"] if effect["measure"] == MOVED)
    means = {entry["setting"]: entry["mean"] for entry in effect["settings"]}
    assert means["moving"] == pytest.approx(
        np.mean([row["value"] for row in table.select(measure=MOVED, objective="moving")])
    )
    (difference,) = effect["differences"]
    assert difference["n"] == 2


def test_halves_are_means_over_pairs_of_runs(population, measured):
    """Between settings, only pairs of other seeds count; what does not change in training is no part of it."""
    halves = measured[1]["halves"]
    codes = {source.name: source for source in population.sources}
    for name, step in (("half", 4), ("end", 8)):
        its = {run: codes[run].snapshots[Moment(step, step / 2)].load()[20:] for run in codes if run != "fitted-3"}

        def mean(*pairs, its=its):
            return np.mean([ProcrustesAngle().between(its[one], its[other]) for one, other in pairs])

        assert halves[name]["within"] == pytest.approx(mean(("still-3", "still-4"), ("moving-3", "moving-4")), rel=1e-6)
        between = mean(("still-3", "moving-4"), ("still-4", "moving-3"))
        assert halves[name]["between"] == pytest.approx(between, rel=1e-6)
        assert halves[name]["epoch"] == step / 2
    assert halves["end"]["between"] > halves["half"]["between"] + 20


def test_settings_say_how_long_they_were_trained(measured):
    table, found = measured
    assert found["settings"] == [
        {"setting": setting, "epochs": 4.0, "updates": 8, "fewest_updates": 8, "n": 2}
        for setting in ("still", "moving")
    ]
    assert found["notes"] == ["no convergence of fitted: their codes do not change"]
    assert [row["value"] for row in table.select(measure=LOSS_FALL)] == pytest.approx([1 / 3] * 4)
    (_, (header, body)), (_, (_, halves)) = convergence_table({"convergence": found})
    assert [row[0] for row in body] == ["still", "moving"]
    assert {len(row) for row in body} == {len(header)}
    assert len(halves) == 2
    assert convergence_table({}) == []


@pytest.mark.parametrize(
    ("losses", "share"),
    [
        ((10.0, 6.0, 4.0, 2.0), 0.5),
        ((10.0, 2.0, 4.0, 3.0), 0.0),  # the lowest came in the first half
        ((10.0, 10.0, 10.0, 2.0), 1.0),
        ((10.0, 6.0, 2.0), 0.5),  # the epoch in the middle belongs to the first half
        ((1.0, 2.0, 3.0, 4.0), None),
        ((2.0, 1.0), None),
        ((2.0,), None),
        ((), None),
    ],
)
def test_the_fall_of_the_loss_in_the_second_half(losses, share):
    assert fall_since_half(epochs_of(losses)) == share


def test_the_fall_does_not_depend_on_the_scale_of_the_loss():
    losses = 1 / np.arange(1, 12) ** 0.7
    shares = [fall_since_half(epochs_of(scale * losses + offset)) for scale, offset in ((1, 0), (40, 0), (1, -7))]
    assert 0 < shares[0] < 1
    assert shares[1:] == pytest.approx([shares[0]] * 2)


@pytest.mark.parametrize(
    ("steps", "half"), [((0, 1, 2, 4, 8), 4), ((0, 8), 0), ((0, 3, 5, 8), 3), ((0, 7, 8), 7), ((0, 40, 60, 100), 40)]
)
def test_half_is_the_nearest_snapshot_before_the_last(steps, half):
    source = Source("run", {}, 0, snapshots={Moment(step, step / 2): None for step in steps})
    assert halfway(source).step == half


def test_what_cannot_be_measured_is_named(tmp_path):
    """A run without a snapshot near its half, one whose codes were all the same then, and one that never learned."""
    rng = np.random.default_rng(0)
    codes = [rng.normal(size=(N, UNITS)) for _ in range(3)]
    sources = [
        source_of(tmp_path, "coarse", "one", 0, codes[:2], steps=(0, 8)),
        source_of(tmp_path, "constant", "one", 1, [codes[0], np.ones((N, UNITS)), codes[1]], steps=(0, 4, 8)),
        source_of(tmp_path, "stuck", "two", 0, codes, (1.0, 1.0, 2.0, 1.5), steps=(0, 4, 8)),
    ]
    table = Table(("objective",))
    found = measure_convergence(Comparer(population_of(sources)), table)
    assert {row["run"] for row in table.select(measure=MOVED)} == {"coarse", "stuck"}
    assert {row["run"] for row in table.select(measure=LOSS_FALL)} == {"coarse", "constant"}
    coarse, constant, stuck = found["notes"]
    assert "coarse has no snapshot near half of its training: step 0 of 8" in coarse
    assert "constant has no moved_since_half: its codes at step 4" in constant
    assert "stuck has no loss_fall_since_half" in stuck
    assert found["halves"]["half"] == {"epoch": None, "within": None, "between": None}


def test_codes_that_never_change_have_not_converged():
    sources = [Source(f"{i}", {}, None, fixed=np.random.default_rng(i).normal(size=(N, 3))) for i in range(2)]
    with pytest.raises(UserError, match="no run has snapshots of more than one moment"):
        measure_convergence(Comparer(population_of(sources)), Table(()))


def test_two_seeds_are_shown_and_more_have_an_interval() -> None:
    """The interval of two seeds is 13 times as wide as their standard error: an angle's error would reach 200 deg."""

    def cell(seeds):
        mean = sum(seeds) / len(seeds)
        entry = {"setting": "a", "mean": mean, "low": mean - 43.21, "high": mean + 43.21, "n": len(seeds)}
        entry["seeds"] = {str(i): value for i, value in enumerate(seeds)}
        ((_, (_, ((_, loss, *_),))),) = quality(
            {"quality": {"effects": [{"measure": "train_loss", "settings": [entry]}]}}
        )
        return loss

    assert cell([3.25, 9.5]) == "3.25, 9.5"
    assert cell([3.0, 9.0, 6.0]) == "6 ± 40"
