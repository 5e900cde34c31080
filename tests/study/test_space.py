"""The space of representations of a population made by hand: its points, its pairs, and what is left out."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.measures.similarity import ProcrustesAngle
from autoencoder.study.measured import space
from autoencoder.study.measured.controls import PIXELS, UNTRAINED
from autoencoder.study.measured.likeness import MAIN, Comparer, compare_codes
from autoencoder.study.measured.space import measure_space
from autoencoder.study.population import Moment, Population, Source
from autoencoder.study.table import Table

N = 60
MOMENTS = tuple(Moment(step, step / 10) for step in (0, 1, 4, 20))
KINDS = {
    "seeds before training": 4,
    "seeds of one setting, at the end": 2,
    "different settings, at the end": 4,
    "beginning and end of a run": 4,
}
"""Pairs of 2 settings x 2 seeds."""


def trained(setting, seed, control=None, moments=MOMENTS, broken=()):
    """A run from first weights of its seed to codes of its setting; at `broken` steps, a code is NaN or all are 1."""
    first = np.random.default_rng(seed).normal(size=(N, 4))
    last = np.random.default_rng(len(setting)).normal(size=(N, 4))
    last += 0.3 * np.random.default_rng([len(setting), seed]).normal(size=(N, 4))
    snapshots = {}
    for place, moment in enumerate(moments):
        share = place / max(len(moments) - 1, 1)
        codes = ((1 - share) * first + share * last).astype(np.float32)
        if moment.step in broken:
            codes[:] = np.nan if moment.step % 2 else 1.0
        snapshots[moment] = SimpleNamespace(load=lambda codes=codes: codes)
    name = "-".join([setting, *([control] if control else []), str(seed)])
    return Source(name, {"objective": setting}, seed, control, snapshots=snapshots)


def population(*sources):
    images = ImageSet(np.zeros((N, 1, 2, 2), np.uint8), 255, Metadata({}))
    every = np.arange(N)
    return Population(sources, {"objective": ("mask", "angle")}, images, every, "random", 0, every, every)


def design():
    return [trained(setting, seed) for setting in ("mask", "angle") for seed in (1, 2)]


def measured(*sources, counted=lambda: None):
    """Table and statistics of a population."""
    table = Table(("objective",))
    return table, measure_space(Comparer(population(*sources)), table, counted)


def fixed(seed=9):
    codes = np.random.default_rng(seed).normal(size=(N, 4)).astype(np.float32)
    return Source("pca", {}, None, PIXELS.format(4), fixed=codes)


@pytest.fixture(scope="module")
def controls():
    """A design of 4 runs with a run, networks and pixels beside it."""
    counts = list[int]()
    shuffled = trained("mask", 1, "shuffled")
    untrained = trained("untrained", 1, UNTRAINED, MOMENTS[:1])
    table, found = measured(*design(), shuffled, untrained, fixed(), counted=lambda: counts.append(1))
    return table, found, len(counts)


def test_every_source_is_there_at_every_moment_but_untrained_networks(controls):
    _, found, counted = controls
    assert counted == 6
    names = [point["run"] for point in found["points"]]
    assert list(dict.fromkeys(names)) == ["mask-1", "mask-2", "angle-1", "angle-2", "mask-shuffled-1", "pca"]
    assert len(names) == 5 * 4 + 1
    assert [point["step"] for point in found["points"][:4]] == [0, 1, 4, 20]
    assert found["points"][3] | {"x": 0, "y": 0} == {
        "run": "mask-1",
        "setting": "mask",
        "seed": 1,
        "control": None,
        "step": 20,
        "epoch": 2.0,
        "x": 0,
        "y": 0,
    }
    pixels = found["points"][-1]
    assert (pixels["step"], pixels["epoch"], pixels["control"]) == (None, None, PIXELS.format(4))


def test_the_table_holds_the_same_places(controls):
    table, found, _ = controls
    for name, axis in zip(space.SPACE, "xy", strict=True):
        rows = table.select(measure=name)
        assert [row["value"] for row in rows] == [point[axis] for point in found["points"]]
        assert [row["step"] for row in rows] == [point["step"] for point in found["points"]]
        assert {row["n"] for row in rows} == {found["n_images"]} == {N}


def test_statistics_are_plain_and_the_same_again(controls):
    found = controls[1]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    sources = [*design(), trained("mask", 1, "shuffled"), fixed()]
    assert measured(*sources)[1] == found


def test_runs_of_a_seed_begin_at_one_place_and_paths_are_paths(controls):
    places = {(p["run"], p["step"]): np.array([p["x"], p["y"]]) for p in controls[1]["points"]}
    np.testing.assert_allclose(places["mask-1", 0], places["angle-1", 0], atol=1e-2)
    assert np.linalg.norm(places["mask-1", 0] - places["mask-2", 0]) > 10
    assert np.linalg.norm(places["mask-1", 20] - places["mask-2", 20]) < 20


def test_distances_of_pairs_are_those_of_the_similarities(controls):
    """The same angles as in the rows of the similarities, over exactly the pairs that a kind names."""
    _, found, _ = controls
    comparer, table = Comparer(population(*design())), Table(("objective",))
    comparer.measures = tuple(measure for measure in comparer.measures if measure.name == MAIN)
    compare_codes(comparer, table)
    rows = {
        (row["run"], row["step"], row["other_run"], row["other_step"]): row["value"]
        for row in table.select(measure="procrustes")
    }
    begins = [("mask-1", "mask-2"), ("mask-1", "angle-2"), ("mask-2", "angle-1"), ("angle-1", "angle-2")]
    within = [("mask-1", "mask-2"), ("angle-1", "angle-2")]
    across = [("mask-1", "angle-1"), ("mask-1", "angle-2"), ("mask-2", "angle-1"), ("mask-2", "angle-2")]
    expected = [
        [rows[one, 0, other, 0] for one, other in begins],
        [rows[one, 20, other, 20] for one, other in within],
        [rows[one, 20, other, 20] for one, other in across],
        [rows[source.name, 0, source.name, 20] for source in comparer.sources],
    ]
    assert {pair["what"]: pair["n"] for pair in found["pairs"]} == KINDS
    assert [pair["distance"] for pair in found["pairs"]] == pytest.approx([np.mean(values) for values in expected])


def test_what_is_drawn_is_what_lies_on_the_plane(controls):
    found = controls[1]
    places = {(p["run"], p["epoch"]): (p["x"], p["y"]) for p in found["points"]}
    worst = found["worst"]
    ends = [places[worst[key]["run"], worst[key]["epoch"]] for key in ("one", "other")]
    assert worst["drawn"] == pytest.approx(math.dist(*ends))
    moved = [math.dist(places[run, 0.0], places[run, 2.0]) for run in ("mask-1", "mask-2", "angle-1", "angle-2")]
    assert found["pairs"][3]["drawn"] == pytest.approx(np.mean(moved))


def test_stress_and_worst_pair_are_of_the_angles():
    sources = design()
    _, found = measured(*sources)
    codes = [source.codes(moment, np.arange(N)) for source in sources for moment in source.moments]
    angles = ProcrustesAngle().pairwise(codes)
    places = np.array([[point["x"], point["y"]] for point in found["points"]])
    drawn = np.linalg.norm(places[:, None] - places[None], axis=-1)
    off = np.abs(drawn - angles)
    assert found["stress"] == pytest.approx(np.sqrt((off**2).sum() / (angles**2).sum()), rel=1e-6)
    assert abs(found["worst"]["drawn"] - found["worst"]["distance"]) == pytest.approx(off.max(), rel=1e-6)


def test_kinds_without_pairs_are_left_out():
    _, found = measured(trained("mask", 1))
    assert [pair["what"] for pair in found["pairs"]] == ["beginning and end of a run"]
    assert measured(fixed(1), fixed(2), fixed(3))[1]["pairs"] == []


def test_dead_moments_are_left_out_and_named():
    dead = trained("angle", 7, broken=(0, 1))  # the same for all images, and NaN
    table, found = measured(trained("mask", 1), dead)
    assert [point["step"] for point in found["points"]] == [0, 1, 4, 20, 4, 20]
    assert len(table.rows) == 12
    (note,) = found["notes"]
    assert note.startswith("angle-7 is not in the space of representations at step 0 and 1:")
    assert found["pairs"][-1] | {"distance": 0, "drawn": 0} == {
        "what": "beginning and end of a run",
        "n": 1,
        "distance": 0,
        "drawn": 0,
    }


def test_many_moments_are_thinned_evenly_with_the_first_and_the_last(monkeypatch):
    monkeypatch.setattr(space, "MOST_POINTS", 11)
    long = [Moment(step, step / 10) for step in range(9)]
    _, found = measured(trained("mask", 1, moments=long), trained("angle", 1, moments=long), fixed())
    steps = [point["step"] for point in found["points"]]
    assert steps == [0, 2, 4, 6, 8, 0, 2, 4, 6, 8, None]
    (note,) = found["notes"]
    assert "5 of up to 9 moments" in note
    monkeypatch.setattr(space, "MOST_POINTS", 1)  # a run keeps its first and its last
    _, found = measured(trained("mask", 1, moments=long), trained("angle", 1, moments=long))
    assert [point["step"] for point in found["points"]] == [0, 8, 0, 8]


def test_too_little_to_place_is_an_error():
    with pytest.raises(UserError, match="takes 3 representations that can be compared, not 2"):
        measured(fixed(1), fixed(2))
    comparer = Comparer(population(*design()))
    comparer.measures = ()
    with pytest.raises(UserError, match="too few held-out images"):
        measure_space(comparer, Table(("objective",)))
