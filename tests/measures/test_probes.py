"""Probes: what they predict, against scikit-learn; what they choose; and which rows they are fitted to."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.probes import (
    NEIGHBORS,
    PROBES,
    STRENGTHS,
    Fold,
    NeighborsProbe,
    Probe,
    RidgeProbe,
    choose,
    inner_folds,
)
from autoencoder.measures.targets import as_target, told
from autoencoder.measures.timeline import Timeline

ALONE = Timeline(np.zeros(500, np.int64), None)
ROWS = Fold(np.arange(0, 350), np.arange(350, 500))
FOLDS = inner_folds(ALONE, ROWS.fit, 0.0, 0)


def codes(d: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((500, d)) @ np.diag(np.geomspace(1, 20, d)) + 7


def predicted(probe: Probe, labels: np.ndarray) -> np.ndarray:
    return probe.predict(labels[probe.used][:, None, None])[:, 0, 0]


def test_ridge_against_scikit_learn() -> None:
    """Each strength in each fold, the choice, and the predictions."""
    x = codes()
    y = x[:, 1] * 0.3 + np.random.default_rng(1).standard_normal(500)

    def fit(choice: int, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        scaler = StandardScaler().fit(x[train])
        model = Ridge(STRENGTHS[choice] * len(train)).fit(scaler.transform(x[train]), y[train])
        return model.predict(scaler.transform(x[test]))

    errors = np.array(
        [[np.square(fit(i, f.fit, f.score) - y[f.score]).sum() for i in range(len(STRENGTHS))] for f in FOLDS]
    )
    best = int(choose(errors[..., None])[0])
    assert 0 < best < len(STRENGTHS) - 1
    np.testing.assert_allclose(
        predicted(RidgeProbe(x, ROWS, FOLDS), y), fit(best, ROWS.fit, ROWS.score), rtol=1e-6, atol=1e-8
    )


def test_neighbours_against_scikit_learn() -> None:
    x = codes()
    y = np.sin(x[:, 4] / 5) + 0.2 * np.random.default_rng(1).standard_normal(500)

    def fit(k: int, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        return KNeighborsRegressor(k, algorithm="brute").fit(x[train], y[train]).predict(x[test])

    errors = np.array([[np.square(fit(k, f.fit, f.score) - y[f.score]).sum() for k in NEIGHBORS] for f in FOLDS])
    nearly = [np.square(y[f.score] - y[f.fit].mean()).sum() for f in FOLDS]
    best = int(choose(np.concatenate([errors, np.array(nearly)[:, None]], axis=1)[..., None])[0])
    assert best < len(NEIGHBORS)
    found = predicted(NeighborsProbe(x, ROWS, FOLDS), y)
    np.testing.assert_allclose(found, fit(NEIGHBORS[best], ROWS.fit, ROWS.score), rtol=1e-6)


@pytest.mark.parametrize("kind", PROBES)
def test_sets_of_labels_are_read_each_by_itself(kind: type[Probe]) -> None:
    x, rng = codes(), np.random.default_rng(2)
    sets = np.stack([x[:, 0], rng.standard_normal(500), x[:, 3] ** 2], axis=1)
    probe = kind(x, ROWS, FOLDS)
    together = probe.predict(sets[probe.used][:, :, None])
    for i in range(3):
        np.testing.assert_allclose(together[:, i, 0], predicted(probe, sets[:, i]), rtol=1e-9)


@pytest.mark.parametrize("kind", PROBES)
def test_labels_of_held_out_rows_are_not_looked_at(kind: type[Probe]) -> None:
    x, y = codes(), codes(1, 5)[:, 0]
    other = y.copy()
    other[ROWS.score] = 1e6
    np.testing.assert_array_equal(predicted(kind(x, ROWS, FOLDS), y), predicted(kind(x, ROWS, FOLDS), other))


@pytest.mark.parametrize("kind", PROBES)
def test_labels_that_have_nothing_to_do_with_codes_score_about_0(kind: type[Probe]) -> None:
    y = np.random.default_rng(9).standard_normal(500)
    found = predicted(kind(codes(), ROWS, FOLDS), y)
    score = 1 - np.square(found - y[ROWS.score]).sum() / np.square(y[ROWS.score] - y[ROWS.fit].mean()).sum()
    assert abs(score) < 0.02


@pytest.mark.parametrize("kind", PROBES)
def test_constant_and_many_units(kind: type[Probe]) -> None:
    """A constant unit says nothing; more units than rows are no error; rows at no distance are no exception."""
    x = np.concatenate([np.full((500, 3), 4.0), np.repeat(codes(600)[:250], 2, axis=0)], axis=1)
    found = predicted(kind(x, ROWS, FOLDS), x[:, 5])
    assert np.isfinite(found).all()
    assert np.isfinite(predicted(kind(np.ones((500, 2)), ROWS, FOLDS), x[:, 5])).all()


def test_the_choice_follows_the_labels_only_as_far_as_folds_can_tell() -> None:
    errors = np.array([[1.0, 1.1, 5.0], [1.0, 1.3, 4.0], [1.0, 0.7, 6.0]])[..., None]
    assert choose(errors)[0] == 1  # no worse than the best by more than chance
    clear = np.array([[1.0, 2.0, 5.0], [1.0, 2.1, 4.0], [1.0, 2.2, 6.0]])[..., None]
    assert choose(clear)[0] == 0


# --------------------------------------------------------------------------------------------------------------- folds


def test_folds_of_frames_are_whole_stretches_with_gaps() -> None:
    timeline, fit = Timeline(np.zeros(1_000, np.int64), np.arange(1_000)), np.arange(100, 900)
    for fold in inner_folds(timeline, fit, tau=8, seed=0):
        assert set(fold.fit) | set(fold.score) <= set(fit)
        assert np.abs(fold.fit[:, None] - fold.score).min() > 8
        ends = np.flatnonzero(np.diff(fold.score) > 1)
        lengths = np.diff(np.concatenate([[-1], ends, [len(fold.score) - 1]]))
        assert lengths.min() >= 39


def test_each_row_is_scored_on_once() -> None:
    groups = np.repeat(np.arange(10), 50)
    for folds in (FOLDS, inner_folds(ALONE, ROWS.fit, 0.0, 3, groups)):
        scored = np.concatenate([fold.score for fold in folds])
        assert sorted(scored) == ROWS.fit.tolist()
        for fold in folds:
            assert not set(fold.fit) & set(fold.score)


def test_folds_of_groups_are_whole_groups() -> None:
    groups = np.repeat(np.arange(10), 50)
    for fold in inner_folds(ALONE, ROWS.fit, 0.0, 3, groups):
        assert not set(groups[fold.fit]) & set(groups[fold.score])


# -------------------------------------------------------------------------------------------------------------- scores


def target(values: np.ndarray, kind: ColumnKind, period: float = 360.0):
    return as_target(values, kind, period, [np.arange(len(values))])


def test_r2_is_against_the_training_mean() -> None:
    rng = np.random.default_rng(0)
    y, made = rng.standard_normal(50) + 2, rng.standard_normal((50, 1, 1)) + 2
    found = target(y, ColumnKind.LINEAR)
    mean = np.array([[0.5]])
    score = found.scores(made, found.values[:, None], mean)[0]
    assert score == pytest.approx(1 - np.square(made[:, 0, 0] - y).sum() / np.square(y - 0.5).sum())
    own = found.scores(made, found.values[:, None], found.values.mean(axis=0)[None])[0]
    assert own == pytest.approx(r2_score(y, made[:, 0, 0]))
    assert found.scores(np.broadcast_to(mean, (50, 1, 1)), found.values[:, None], mean)[0] == 0


def test_balanced_accuracy_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array(["a", "b", "c"]), 200, p=[0.8, 0.15, 0.05])
    found = target(labels, ColumnKind.CATEGORY)
    made = rng.random((200, 1, 3)) + found.values[:, None] * 0.4
    said = np.array(["a", "b", "c"])[made[:, 0].argmax(axis=1)]
    score = found.scores(made, found.values[:, None], np.zeros((1, 3)))[0]
    assert score == pytest.approx(balanced_accuracy_score(labels, said))
    assert found.more(made[:, 0], found.values)["accuracy"] == pytest.approx((labels == said).mean())
    weights, errors = found.weights(found.values), found.errors(made[:, 0], found.values)
    assert (weights * errors).sum() / weights.sum() == pytest.approx(1 - score)


def test_angles_are_scored_around_the_circle() -> None:
    true = target(np.array([350.0, 10.0, 90.0, 180.0]), ColumnKind.CIRCULAR)
    made = target(np.array([10.0, 350.0, 100.0, 10.0]), ColumnKind.CIRCULAR)
    np.testing.assert_allclose(true.errors(made.values, true.values), [20, 20, 10, 170])
    more = true.more(made.values, true.values)
    assert more["mean_error_deg"] == pytest.approx(55)
    assert more["share_beyond_90_deg"] == 0.25
    assert true.scores(made.values[:, None], true.values[:, None], np.zeros((1, 2)))[0] == pytest.approx(20)


def test_unknown_values_are_those_of_their_nearest_frame() -> None:
    values = np.array([np.nan, 3.0, np.nan, np.nan, 8.0, np.nan])
    found = target(values, ColumnKind.LINEAR)
    assert found.values[:, 0].tolist() == [3, 3, 3, 8, 8, 8]
    assert found.known.tolist() == [False, True, False, False, True, False]


def test_what_is_told_is_more_where_errors_are_less() -> None:
    true, mean = np.arange(10.0)[:, None, None], np.array([[4.5]])
    assert told(true + 0.1, true, mean)[0] > told(true + 0.5, true, mean)[0] > 0
    assert told(np.full((10, 1, 1), 4.5), true, mean)[0] == pytest.approx(0)
    assert np.isfinite(told(true, true, mean)).all()
