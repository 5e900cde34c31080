"""Columns read from codes: what is found, what is by chance, and what is refused; simulations whose truth is known."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.evaluation.probing import Probing, difference
from autoencoder.measures.nulls import NullKind

N = 3_000
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def simulation():
    """`benchmarks/nulls.py`."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("nulls_benchmark", BENCHMARKS / "nulls.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(BENCHMARKS))


def slow(columns: int, tau: float = 10, seed: int = 0, n: int = N) -> np.ndarray:
    rng, keep = np.random.default_rng(seed), math.exp(-1 / tau)
    values = rng.standard_normal((n, columns))
    for i in range(1, n):
        values[i] = keep * values[i - 1] + math.sqrt(1 - keep**2) * values[i]
    return values


def in_blocks(n: int = N, size: int = 100) -> tuple[np.ndarray, np.ndarray]:
    held_out = np.isin(np.arange(n) // size, np.arange(2, n // size, 5))
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def probing(columns, n: int = N, split: str = "blocks", **options) -> Probing:
    return Probing(Metadata({"frame": np.arange(n), **columns}), n, *in_blocks(n), split, 0, **options)


def test_what_codes_tell_is_found_and_what_they_do_not_is_not() -> None:
    codes, other = slow(6), slow(1, seed=5)[:, 0]
    linear = codes[:, 0] + 0.3 * codes[:, 1]
    folded = np.abs(codes[:, 2])
    angle = np.degrees(np.arctan2(codes[:, 4], codes[:, 3])) % 360
    label = np.where(codes[:, 0] > 0, "in", "out")
    asked = probing({"linear": linear, "folded": folded, "turn_deg": angle, "label": label, "other": other})
    found = asked.ask(codes)
    score = {(s.column, s.probe): s for s in found.scores}
    assert score["linear", "ridge"].score > 0.99
    assert score["folded", "ridge"].score < 0.05 < 0.4 < score["folded", "knn"].score  # folded, not lost
    assert score["turn_deg", "knn"].score < 20 < score["turn_deg", "ridge"].by_chance.median
    assert score["label", "ridge"].score > 0.9
    assert abs(score["other", "ridge"].score) < 0.05
    for name in ("linear", "turn_deg", "label"):
        chance = score[name, "ridge"].by_chance
        assert chance.kind is NullKind.SHIFT
        assert chance.p == chance.p_adjusted == pytest.approx(1 / 201)
        assert chance.p_guaranteed == pytest.approx(1 / 101)
    assert score["other", "ridge"].by_chance.p > 0.05
    assert score["linear", "ridge"].low <= score["linear", "ridge"].score <= score["linear", "ridge"].high
    assert found.code_tau == pytest.approx(10, rel=0.3)


def test_the_order_of_rows_changes_nothing() -> None:
    codes, y = slow(4), slow(2, seed=3)
    train, held_out = in_blocks()
    columns = {"frame": np.arange(N), "a": y[:, 0] + codes[:, 0], "b": y[:, 1]}
    order = np.random.default_rng(0).permutation(N)
    place = np.argsort(order)
    one = Probing(Metadata(columns), N, train, held_out, "blocks", 0).ask(codes)
    moved = Metadata({name: values[order] for name, values in columns.items()})
    other = Probing(moved, N, np.sort(place[train]), np.sort(place[held_out]), "blocks", 0).ask(codes[order])
    for a, b in zip(one.scores, other.scores, strict=True):
        assert a.score == pytest.approx(b.score, abs=1e-6)
        assert a.by_chance.p == pytest.approx(b.by_chance.p)


def test_single_frames_held_out_give_no_scores() -> None:
    asked = probing({"a": slow(1)[:, 0]}, split="random")
    assert "--split blocks" in asked.refusal
    assert asked.ask(slow(3)).scores == ()


def test_rows_without_time_are_permuted() -> None:
    rng = np.random.default_rng(0)
    codes, n = rng.standard_normal((600, 4)), 600
    labels = np.where(codes[:, 0] > 0, "a", "b")
    rows = rng.permutation(n)
    asked = Probing(Metadata({"label": labels}), n, np.sort(rows[:450]), np.sort(rows[450:]), "random", 0)
    assert asked.refusal is None
    ridge, _ = asked.ask(codes).scores
    assert ridge.by_chance.kind is NullKind.PERMUTATION
    assert ridge.by_chance.p == ridge.by_chance.p_guaranteed == pytest.approx(1 / 201)
    assert ridge.by_chance.median == pytest.approx(0.5, abs=0.05)
    assert ridge.score > 0.9


def test_labels_that_are_never_told_do_not_beat_chance_by_a_small_p() -> None:
    """A rare label that moves the codes a little: predictions follow it, and yet name the frequent one everywhere."""
    rng = np.random.default_rng(0)
    n = 2000
    rare = rng.random(n) < 0.1
    labels, rows = np.where(rare, "rare", "usual"), rng.permutation(n)
    for shift, told in ((0.8, False), (6.0, True)):
        codes = rng.standard_normal((n, 2)) + shift * rare[:, None] * np.array([1, 0])
        asked = Probing(Metadata({"label": labels}), n, np.sort(rows[:1500]), np.sort(rows[1500:]), "random", 0)
        ridge, _ = asked.ask(codes).scores
        assert ridge.by_chance.p < 0.05
        assert (ridge.score > 0.5) is told
        assert ridge.beats_chance() is told
        assert ridge.beats_chance(adjusted=True) is told


def test_rows_near_held_out_ones_are_not_fitted_to() -> None:
    """A run of an older version, whose blocks have no gaps."""
    found = probing({"a": slow(1, tau=15)[:, 0]}).ask(slow(3))
    train, held_out = in_blocks()
    assert found.scores[0].n == len(held_out)
    assert len(train) - 2 * 6 * 30 <= found.scores[0].n_fit < len(train) - 6 * 10


def test_too_short_a_recording_gets_no_p() -> None:
    found = probing({"trend": np.linspace(0, 1, N) + 0.01 * slow(1)[:, 0], "quick": slow(1, seed=2)[:, 0]}).ask(slow(3))
    assert {score.column: score.by_chance is None for score in found.scores} == {"trend": True, "quick": False}


def test_missing_values_are_left_out() -> None:
    codes = slow(4)
    values = codes[:, 0].copy()
    values[np.random.default_rng(0).random(N) < 0.3] = np.nan
    found = probing({"some": values, "all": codes[:, 0]}).ask(codes)
    some, whole = (score for score in found.scores if score.probe == "ridge")
    assert some.n == np.isfinite(values[in_blocks()[1]]).sum() < whole.n
    assert some.score > 0.99
    assert some.by_chance.p == pytest.approx(1 / 201)


def test_columns_that_cannot_be_probed_say_why() -> None:
    few = np.full(N, np.nan)
    few[:10] = 1.5
    few[10] = 3.0
    columns = {
        "same": np.ones(N),
        "few": few,
        "names": np.arange(N).astype(str),
        "time_s": np.arange(N) / 25,
        "none": np.full(N, np.nan),
        "fine": slow(1)[:, 0],
    }
    asked = probing(columns)
    assert list(asked.columns) == ["fine"]
    words = {
        "same": "the same value",
        "few": "at least 20",
        "names": "3,000 labels",
        "time_s": "counts time",
        "frame": "counts time",
        "none": "no value",
    }
    assert set(asked.left_out) == set(words)
    for name, word in words.items():
        assert word in asked.left_out[name]
    with pytest.raises(UserError, match="no column 'moon'"):
        Probing(Metadata(columns), N, *in_blocks(), "blocks", 0, ["moon"])


def test_the_column_of_the_groups_is_no_question() -> None:
    columns = {"animal": np.repeat(["a", "b", "c"], N // 3), "x": slow(1)[:, 0], "frame": np.tile(np.arange(N // 3), 3)}
    rows = np.arange(N)
    asked = Probing(Metadata(columns), N, rows[: 2 * N // 3], rows[2 * N // 3 :], "group:animal", 0)
    assert list(asked.columns) == ["x"]
    assert "decides which images are held out" in asked.left_out["animal"]


def test_codes_that_are_none() -> None:
    asked, codes = probing({"a": slow(1)[:, 0]}), slow(3)
    bad = codes.copy()
    bad[7, 1] = np.nan
    with pytest.raises(UserError, match=r"not finite \(first: row 7\)"):
        asked.ask(bad)
    with pytest.raises(UserError, match="do not match"):
        asked.ask(codes[1:])
    with pytest.raises(UserError, match="one row per image"):
        asked.ask(codes[:, 0])


# ------------------------------------------------------------------------------------------------- two codes, and given


def test_better_codes_have_less_error() -> None:
    hidden = slow(4)
    y = hidden[:, 0]
    better, worse = hidden + 0.3 * slow(4, seed=7), hidden + slow(4, seed=8)
    asked = probing({"y": y})
    one, other = (asked.ask(codes, nulls=False).scores for codes in (better, worse))
    for a, b in zip(one, other, strict=True):
        found = difference(a, b)
        assert found.ratio < found.high < 1
        assert found.p < 0.01
        back = difference(b, a)
        assert back.ratio == pytest.approx(1 / found.ratio)
        assert back.low == pytest.approx(1 / found.high)


def test_what_codes_add_to_given_columns() -> None:
    codes = slow(4)
    known, both = codes[:, 0], codes[:, 0] + codes[:, 1]
    gains = {(g.column, g.probe): g for g in probing({"known": known, "both": both}).gains(codes, ["known"])}
    assert set(gains) == {("both", "ridge"), ("both", "knn")}
    assert gains["both", "ridge"].high < 0.2
    assert math.isnan(gains["both", "ridge"].p)
    nothing = probing({"known": known, "double": 2 * known}).gains(slow(4, seed=9), ["known"])
    assert {g.ratio > 0.8 for g in nothing} == {True}
    with pytest.raises(UserError, match="no column 'moon'"):
        probing({"known": known}).gains(codes, ["moon"])


# --------------------------------------------------------------------------------------------------------- simulations


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frames", "tau", "more"),
    [
        pytest.param(1_000, 20, {}, marks=pytest.mark.slow),
        pytest.param(1_000, 20, {"kind": "label"}, marks=pytest.mark.slow),
        (1_600, 20, {"drift": 1.0, "recordings": 8}),
    ],
)
def test_false_positives_are_about_as_many_as_p_says(simulation, frames, tau, more) -> None:
    """100 draws: more than 12 of them by chance once in 1,500 times; `benchmarks/nulls.py` has ten times as many."""
    found = np.array(list(simulation.p_values(simulation.Case(frames, tau, **more), 100)))
    assert len(found) > 80
    assert ((found < 0.05).sum(axis=0) <= 12).all()
    assert ((found < 0.5).mean(axis=0) > 0.3).all()  # and not by never being small


@pytest.mark.slow
def test_shuffled_labels_would_find_what_is_not_there(simulation) -> None:
    """Why labels are moved, and not shuffled: the same draws, by the null for rows without time."""
    case, found = simulation.Case(1_000, 20), []
    for draw in range(40):
        rng = np.random.default_rng([0, draw])
        codes, labels = simulation.recorded(rng, case, 16), simulation.recorded(rng, case, 2)
        asked = simulation.probing_of(case, simulation.labels_of(case, labels), draw)
        asked.null = simulation_of_shuffles(asked)
        found.append([score.by_chance.p for score in asked.ask(codes).scores])
    assert (np.array(found)[:, 1] < 0.05).mean() > 0.2


def simulation_of_shuffles(asked: Probing):
    from autoencoder.measures.nulls import permutations

    return permutations(np.zeros(len(asked._timeline), np.int64), 0)


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say(simulation) -> None:
    found = np.array(list(simulation.intervals(simulation.Case(4_000, 20), 25)))
    assert len(found) > 15
    covered, apart = found[:, :2].mean(axis=0), found[:, 2:].mean(axis=0)
    assert (covered >= 0.78).all()
    assert (apart <= 0.21).all()


@pytest.mark.slow
@pytest.mark.parametrize("index", range(15))
def test_false_positives_in_full(simulation, index) -> None:
    case = simulation.NULL_CASES[index]
    draws = 1_000 if case.frames <= 4_000 else 200  # which take as long
    found = np.array(list(simulation.p_values(case, draws)))
    assert len(found) > draws / 2
    chance = 0.015 if draws == 1_000 else 0.035  # two standard errors
    assert ((found < 0.05).mean(axis=0) <= (0.10 if case.forced else 0.055) + chance).all()
