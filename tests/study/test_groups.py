"""Two conditions of animals: how often an effect is found where there is none, and where there is one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.study.groups.cells import groups_of, held_out_units, says_the_condition
from autoencoder.study.groups.effects import Cells, Summary, effects_of, shift_interval, squared_distance
from autoencoder.study.groups.folds import told_of
from autoencoder.study.groups.summaries import SPEED, draw, summaries_of

SEEDS = 3


def unpaired(first: int, second: int, n_strata: int = 1) -> Cells:
    """Animals in one condition each, dealt out over strata."""
    n = first + second
    labels = np.repeat([0, 1], [first, second]).astype(np.int64)
    return Cells(np.array([f"a{i}" for i in range(n)]), labels, np.arange(n) % n_strata)


def paired(n: int) -> Cells:
    """Animals in both conditions."""
    names = np.array([f"a{i}" for i in range(n)])
    return Cells(np.tile(names, 2), np.repeat([0, 1], n).astype(np.int64), np.tile(np.arange(n), 2), is_paired=True)


def summaries(cells: Cells, rng: np.random.Generator, shift: float = 0.0, units: int = 6) -> list[Summary]:
    """A place and a size of each cell, as several networks see them: turned, stretched, and with noise of their own.

    Blocks differ far more than animals do, as sexes or animals in both conditions may.
    """
    n, n_blocks = len(cells), int(cells.blocks.max()) + 1
    place = rng.standard_normal((n, units)) + 3 * rng.standard_normal((n_blocks, units))[cells.blocks]
    size = 0.3 * rng.standard_normal(n) + rng.standard_normal(n_blocks)[cells.blocks] + 0.4 * shift * cells.labels
    place[:, 0] += shift * cells.labels
    places, sizes = [], []
    for _ in range(SEEDS):
        turned = np.linalg.qr(rng.standard_normal((units, units)))[0] * rng.uniform(0.3, 3)
        places.append((place + 0.2 * rng.standard_normal((n, units))) @ turned)
        sizes.append(np.exp(size + 0.05 * rng.standard_normal(n))[:, None] * rng.uniform(0.3, 3))
    return [Summary("mean_code", places), Summary("speed", sizes, is_size=True)]


DESIGNS = {
    "5 and 5": unpaired(5, 5),
    "4 and 6": unpaired(4, 6),
    "two strata": unpaired(6, 6, n_strata=2),
    "6 paired": paired(6),
}


@pytest.mark.parametrize(
    ("cells", "least"),
    [(unpaired(3, 3), 0.1), (unpaired(4, 4), 0.02857), (unpaired(5, 5), 0.00794), (paired(6), 0.03125)],
)
def test_the_smallest_p(cells: Cells, least: float) -> None:
    found = effects_of(cells, summaries(cells, np.random.default_rng(0)), 0)
    assert found.least_p == pytest.approx(least, rel=1e-3)
    assert found.is_tested is (least < 0.05)
    assert all((effect.p is None) is (least >= 0.05) for effect in found.effects)
    assert all(effect.low is not None and effect.low <= effect.effect <= effect.high for effect in found.effects)


def test_intervals_of_few_animals_are_as_wide_as_they_can_be() -> None:
    cells = unpaired(3, 3)
    place, size = effects_of(cells, summaries(cells, np.random.default_rng(1)), 0).effects
    assert size.level == pytest.approx(0.9)
    assert 0 < size.low < size.high < math.inf
    assert place.level == 0.95


def check_false_positives(cells: Cells, n_sets: int) -> None:
    relabelled, rng = cells.relabelled(0), np.random.default_rng(2)
    found = [effects_of(cells, summaries(cells, rng), 0, relabelled).effects for _ in range(n_sets)]
    ways = len(relabelled.labels)
    allowed = math.floor(0.05 * ways) / ways  # p is a multiple of 1 / ways
    for number in range(2):
        rate = np.mean([effects[number].p < 0.05 for effects in found])
        assert abs(rate - allowed) < 3 * math.sqrt(allowed * (1 - allowed) / n_sets)
    of_any = np.mean([min(effect.p_corrected for effect in effects) < 0.05 for effects in found])
    assert of_any < allowed + 3 * math.sqrt(allowed * (1 - allowed) / n_sets)


@pytest.mark.parametrize("name", DESIGNS)
def test_without_an_effect_p_is_below_5_percent_as_often_as_it_may(name: str) -> None:
    check_false_positives(DESIGNS[name], 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_the_same_of_1000_sets(name: str) -> None:
    check_false_positives(DESIGNS[name], 1000)


@pytest.mark.parametrize("name", DESIGNS)
def test_an_effect_is_found(name: str) -> None:
    cells = DESIGNS[name]
    for effect in effects_of(cells, summaries(cells, np.random.default_rng(3), shift=6.0), 0).effects:
        assert effect.p_corrected < 0.05
        assert effect.low > (1 if effect.is_size else 0)
        assert effect.p <= effect.p_corrected
        own = effect.scores[cells.labels == 1], effect.scores[cells.labels == 0]
        assert own[0].mean() > own[1].mean()


def test_frames_as_samples_find_effects_that_are_not_there() -> None:
    """Animals differ, so frames of two sets of animals do; a test of frames takes that for the condition."""
    rng, cells, n_frames, n_sets = np.random.default_rng(4), unpaired(5, 5), 200, 100
    relabelled = cells.relabelled(0)
    by_frames, by_animals = 0, 0
    for _ in range(n_sets):
        frames = np.exp(0.3 * rng.standard_normal(10)[:, None] + 0.5 * rng.standard_normal((10, n_frames)))
        by_frames += stats.ttest_ind(frames[:5].ravel(), frames[5:].ravel()).pvalue < 0.05
        size = Summary("speed", [frames.mean(axis=1, keepdims=True)], is_size=True)
        by_animals += effects_of(cells, [size], 0, relabelled).effects[0].p < 0.05
    assert by_frames > 0.5 * n_sets
    assert by_animals < 0.12 * n_sets


def test_networks_are_not_put_together() -> None:
    """Turning, stretching and moving the codes of one network changes nothing."""
    cells, rng = unpaired(5, 4), np.random.default_rng(5)
    place, size = summaries(cells, rng, shift=1.0)
    turned = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    other = [
        Summary("mean_code", [place.values[0] @ turned * 7 + 3, *place.values[1:]]),
        Summary("speed", [size.values[0] * 7, *size.values[1:]], is_size=True),
    ]
    for one, same in zip(effects_of(cells, [place, size], 0).effects, effects_of(cells, other, 0).effects, strict=True):
        assert same.effect == pytest.approx(one.effect)
        assert (same.low, same.high, same.p_corrected) == pytest.approx((one.low, one.high, one.p_corrected))
        np.testing.assert_allclose(same.scores, one.scores, rtol=1e-7)


@pytest.mark.parametrize("cells", [unpaired(4, 4), unpaired(3, 5), unpaired(5, 5, n_strata=2), paired(6)])
def test_intervals_are_those_of_tests_one_by_one(cells: Cells) -> None:
    """Shifts just within the interval are kept, and those just beyond ruled out, by tests of what is left of each."""
    values = np.random.default_rng(6).standard_normal(len(cells))
    relabelled = cells.relabelled(0)
    alpha = max(0.05, relabelled.least_p)
    estimate, low, high = shift_interval(values, cells, relabelled, alpha)
    assert low < estimate < high

    def p(shift: float) -> float:
        left = values - shift * cells.labels
        for block in np.unique(cells.blocks):
            left[cells.blocks == block] -= left[cells.blocks == block].mean()
        apart = np.abs([(left * (labels == 1)).sum() for labels in relabelled.labels])
        return float((apart >= apart[0] - 1e-9).mean())

    step = 1e-6 * (high - low)
    for inside, outside in ((low + step, low - step), (high - step, high + step)):
        assert p(inside) > alpha >= p(outside)


def test_intervals_hold_the_true_ratio() -> None:
    cells, rng, n_sets = unpaired(5, 5), np.random.default_rng(7), 200
    relabelled, held = cells.relabelled(0), 0
    for _ in range(n_sets):
        values = np.exp(0.3 * rng.standard_normal((10, 1)) + 0.5 * cells.labels[:, None])
        effect = effects_of(cells, [Summary("spread", [values], is_size=True)], 0, relabelled).effects[0]
        held += effect.low <= math.exp(0.5) <= effect.high
    assert 0.95 - 3 * math.sqrt(0.95 * 0.05 / n_sets) < held / n_sets


@pytest.mark.parametrize("cells", [unpaired(3, 3), unpaired(5, 5), paired(6)])
def test_intervals_hold_the_true_distance(cells: Cells) -> None:
    rng, n_sets, truth = np.random.default_rng(9), 40, 3 / math.sqrt(6 * (1 + 0.2**2))
    relabelled, held = cells.relabelled(0), 0
    for _ in range(n_sets):
        effect = effects_of(cells, summaries(cells, rng, shift=3.0)[:1], 0, relabelled).effects[0]
        held += effect.low <= truth <= effect.high
    assert 0.95 - 3 * math.sqrt(0.95 * 0.05 / n_sets) < held / n_sets


@pytest.mark.parametrize("cells", [unpaired(4, 6), unpaired(6, 6, n_strata=3), paired(5)])
def test_distances_have_no_bias(cells: Cells) -> None:
    """In units of the deviation of animals, which is sqrt(3) of three units of deviation 1."""
    rng = np.random.default_rng(8)
    for shift in (0.0, 2.0):
        found = []
        for _ in range(400):
            values = rng.standard_normal((len(cells), 3)) + 5 * rng.standard_normal((12, 3))[cells.blocks]
            values[:, 0] += shift * cells.labels
            found.append(squared_distance(cells, values))
        # 1 / error is 1 / 3 on average times m / (m - 2), error having m degrees of freedom of a chi squared
        free = 3 * (len(cells) - len(np.unique(cells.blocks)) - 1)
        expected = shift**2 / 3 * free / (free - 2)
        bias = (free / (free - 2) - 1) / (1 / 3 * len(cells))
        assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / 20 + 4 * bias)


# ------------------------------------------------------------------------------------------------------ who is compared


def table(**changed: list[str] | None) -> Metadata:
    """Six animals, three recorded under saline and three under a drug, two images each."""
    columns: dict[str, list[str] | None] = {
        "recording": [f"r{i}" for i in range(6)],
        "animal": [f"a{i}" for i in range(6)],
        "condition": ["saline"] * 3 + ["drug"] * 3,
        "sex": list("fmfmfm"),
        **changed,
    }
    return Metadata({name: np.repeat(values, 2) for name, values in columns.items() if values is not None})


def test_animals_are_in_one_condition_or_in_both() -> None:
    found = groups_of(table(), "condition", "animal", conditions=("saline", "drug"))
    assert (found.sizes, found.cells.is_paired) == ((3, 3), False)
    assert found.cells.units.tolist() == [f"a{i}" for i in range(6)]
    assert [rows.tolist() for rows in found.rows] == [[2 * i, 2 * i + 1] for i in range(6)]
    both = groups_of(table(animal=["a0", "a1", "a2"] * 2), "condition", "animal")
    assert (both.sizes, both.cells.is_paired, both.conditions) == ((3, 3), True, ("drug", "saline"))
    assert len(both.cells.relabelled(0).labels) == 4


def test_single_animals_beside_pairs_are_left_out_and_said() -> None:
    found = groups_of(table(animal=["a0", "a1", "a2", "a0", "a1", "a9"]), "condition", "animal")
    assert found.sizes == (2, 2)
    assert "a2, a9" in found.notes[0]


def test_labels_are_exchanged_within_strata() -> None:
    sexes = list("ffmffm")
    found = groups_of(table(sex=sexes), "condition", "animal", strata=["sex"])
    labels = found.cells.relabelled(0).labels
    for sex in "fm":
        assert (labels[:, found.strata_of == sex].sum(axis=1) == (2 if sex == "f" else 1)).all()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"batch": ["1", "2", "3", "4", "5", "6"]}, []),  # each animal its own
        ({"batch": ["x", "x", "x", "y", "y", "y"]}, ["batch"]),
        ({"batch": ["x", "x", "y", "y", "y", "y"]}, []),
        ({"batch": ["x", "x", "z", "p", "q", "r"]}, ["batch"]),
        ({"day": ["2026-11-01", "2026-11-02", "2026-11-03", "2026-12-01", "2026-12-02", "2026-12-03"]}, ["day"]),
        ({"day": ["2026-11-01", "2026-11-03", "2026-11-05", "2026-11-02", "2026-11-04", "2026-11-06"]}, []),
        ({"camera": ["c", "c", "c", "c", "c", "c"]}, []),
    ],
)
def test_what_goes_with_the_condition_is_known(columns: dict[str, list[str]], expected: list[str]) -> None:
    found = groups_of(table(**columns), "condition", "animal")
    assert [one.column for one in found.confounded] == expected


def test_a_number_of_recordings_is_in_order() -> None:
    metadata = table()
    for day, expected in ((np.arange(6.0), ["day"]), (np.array([0.5, 2, 4, 1, 3, 5]), [])):
        columns = {**metadata.columns, "day": np.repeat(day, 2)}
        found = groups_of(Metadata(columns), "condition", "animal")
        assert [one.column for one in found.confounded] == expected
    assert not groups_of(Metadata(columns), "condition", "animal", same_as=["day"]).confounded


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"condition": ["a", "b", "c", "a", "b", "c"]}, {}, "name two by --by condition=A,B"),
        ({}, {"conditions": ("saline", "cocaine")}, "no 'cocaine'"),
        ({"animal": ["a0"] * 3 + ["a1"] * 3}, {}, "1 with condition 'drug'"),
        ({"animal": ["a0", "a1", "a2", "a0", "a4", "a5"]}, {}, "all must be paired, or none"),
        ({"recording": ["r0"] * 6}, {}, "changes within a recording"),
        ({"sex": ["f", "f", "f", "m", "m", "m"]}, {"strata": ["sex"]}, "every stratum has a single condition"),
        ({"sex": ["f", "m", "", "f", "m", "f"]}, {"strata": ["sex"]}, "is empty for 'a2'"),
        ({}, {"strata": ["animal"]}, "named twice"),
        ({}, {"strata": ["age"]}, "no column 'age'"),
        ({"animal": None}, {}, "no column 'animal'"),
    ],
)
def test_what_cannot_be_compared_is_refused(columns: dict[str, list[str]], options: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        groups_of(table(**columns), "condition", "animal", **options)


def test_columns_that_are_the_condition_are_known() -> None:
    metadata = table(dose=["0", "0", "0", "5", "5", "5"], batch=list("xyxyxy"))
    groups = groups_of(metadata, "condition", "animal")
    assert [name for name in metadata.names if says_the_condition(metadata, name, groups)] == ["condition", "dose"]
    assert held_out_units(groups, np.array([0, 1, 2, 4, 7, 8, 11])) == []
    assert held_out_units(groups, np.array([0, 1, 2, 4, 7, 11])) == ["a4"]


# ------------------------------------------------------------------------------------------------------------ summaries


def recorded(n: int = 40) -> tuple[Metadata, np.ndarray]:
    """Four animals with two recordings each, whose codes go on by 1, 2, 3 and 4 a frame, with a gap in each."""
    columns: dict[str, list] = {"recording": [], "frame": [], "time_s": [], "animal": [], "condition": []}
    codes = []
    for animal in range(4):
        for recording in range(2):
            frames = [frame for frame in range(n) if not 10 <= frame < 15 + animal]
            columns["recording"] += [f"{animal}-{recording}"] * len(frames)
            columns["frame"] += frames
            columns["time_s"] += [frame / 10 for frame in frames]
            columns["animal"] += [f"a{animal}"] * len(frames)
            columns["condition"] += ["x" if animal < 2 else "y"] * len(frames)
            codes += [[(animal + 1) * frame + 1000 * recording, 0.0] for frame in frames]
    return Metadata({name: np.array(values) for name, values in columns.items()}), np.array(codes, np.float32)


def test_speed_is_that_between_consecutive_frames_of_a_recording() -> None:
    """Neither over gaps, nor from one recording to the next; per second."""
    metadata, codes = recorded()
    drawn = draw(metadata, groups_of(metadata, "condition", "animal"), 0)
    found, notes = summaries_of(drawn, [codes[drawn.rows]], 0, clusters=3)
    speed = next(summary for summary in found if summary.name == SPEED)
    np.testing.assert_allclose(speed.values[0][:, 0], [10, 20, 30, 40], rtol=1e-5)
    assert drawn.steps.unit == "s"
    assert not notes


def test_each_animal_has_as_many_frames() -> None:
    metadata, codes = recorded()
    groups = groups_of(metadata, "condition", "animal")
    for most, n in ((2000, min(map(len, groups.rows))), (20, 20)):
        drawn = draw(metadata, groups, 0, most)
        assert {len(rows) for rows in drawn.frames} == {n}
        assert len({len(rows) for rows in drawn.steps.rows}) == 1
        assert all(np.isin(own, rows).all() for own, rows in zip(drawn.frames, groups.rows, strict=True))
    again, other = draw(metadata, groups, 0, 20), draw(metadata, groups, 1, 20)
    np.testing.assert_array_equal(drawn.rows, again.rows)
    assert any((one != two).any() for one, two in zip(drawn.frames, other.frames, strict=True))
    found, _ = summaries_of(drawn, [codes[drawn.rows]], 0, clusters=4)
    means, occupancy = found[0].values[0], found[1].values[0]
    np.testing.assert_allclose(means, [codes[rows].mean(axis=0) for rows in drawn.frames], rtol=1e-5)
    np.testing.assert_allclose(np.square(occupancy).sum(axis=1), 1)


def test_speed_is_left_out_where_recordings_are_at_other_rates() -> None:
    metadata, codes = recorded()
    slow = metadata.column("recording") == "3-0"
    times = np.where(slow, 2.0, 1.0) * metadata.column("time_s")
    drawn = draw(Metadata({**metadata.columns, "time_s": times}), groups_of(metadata, "condition", "animal"), 0)
    found, notes = summaries_of(drawn, [codes[drawn.rows]], 0, clusters=3)
    assert SPEED not in [summary.name for summary in found]
    assert "prepare all at one rate" in notes[0]
    without = Metadata({name: values for name, values in metadata.columns.items() if name != "frame"})
    assert "no column 'frame'" in draw(without, groups_of(without, "condition", "animal"), 0).steps.why_not


# -------------------------------------------------------------------------------------------------------- left-out ones


def networks(cells: Cells, rng: np.random.Generator, shift: float, n_seeds: int = 2) -> list[list[np.ndarray]]:
    """Mean codes of all cells by a network for each seed and animal, each with axes of its own."""
    base = rng.standard_normal((len(cells), 4))
    base[:, 0] += shift * cells.labels
    if cells.is_paired:
        base += 3 * rng.standard_normal((len(cells) // 2, 4))[cells.blocks]
    folds = [np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(n_seeds * len(np.unique(cells.units)))]
    codes = [(base + 0.1 * rng.standard_normal(base.shape)) @ turned for turned in folds]
    return [codes[seed::n_seeds] for seed in range(n_seeds)]


@pytest.mark.parametrize("cells", [unpaired(5, 5), unpaired(4, 5), unpaired(6, 6, n_strata=2), paired(6)])
def test_left_out_animals_are_told_only_where_there_is_an_effect(cells: Cells) -> None:
    relabelled, rng, n_sets = cells.relabelled(0), np.random.default_rng(10), 40
    found = [told_of(cells, networks(cells, rng, 0.0), relabelled) for _ in range(n_sets)]
    assert np.mean([told.p < 0.05 for told in found]) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / n_sets)
    assert np.mean([told.p for told in found]) > 0.4
    told = told_of(cells, networks(cells, rng, 6.0), relabelled)
    assert told.accuracy > 0.9
    assert told.p < 0.05
    assert told.right.mean() > 0.9


def test_without_an_effect_less_than_half_are_told_right() -> None:
    """So half is no chance level: an animal that is left out moves its own condition's mean away from itself."""
    cells, rng = unpaired(5, 5), np.random.default_rng(11)
    relabelled = cells.relabelled(0)
    found = [told_of(cells, networks(cells, rng, 0.0), relabelled) for _ in range(60)]
    assert np.mean([told.accuracy for told in found]) < 0.48
    assert np.mean([told.by_chance for told in found]) < 0.48


def test_read_outs_of_left_out_animals_one_by_one() -> None:
    cells, rng = unpaired(3, 4), np.random.default_rng(12)
    codes = networks(cells, rng, 1.0, n_seeds=1)
    right = []
    for own, known in enumerate(codes[0]):
        others = np.arange(len(cells)) != own
        means = [known[others & (cells.labels == label)].mean(axis=0) for label in (0, 1)]
        nearer = int(np.argmin([np.linalg.norm(known[own] - mean) for mean in means]))
        right.append(nearer == cells.labels[own])
    told = told_of(cells, codes, cells.relabelled(0))
    np.testing.assert_array_equal(told.right, right)
    assert told.accuracy == pytest.approx((np.mean(right[:3]) + np.mean(right[3:])) / 2)
