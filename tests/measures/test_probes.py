from __future__ import annotations

import itertools
import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.evaluation.columns import Probed, probe_columns
from autoencoder.measures.angles import circular_error_deg, circular_mean, constant_predictor
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.probes import ALPHAS, FOLDS, PROBES, ProbeScore, block_folds

N = 400


def random_codes(n: int = N, d: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def decode(codes: np.ndarray, seed: int = 0, **columns: np.ndarray) -> Probed:
    return probe_columns(codes, Metadata(columns), row_numbers=np.arange(len(codes)), seed=seed)


def by_decoder(decoding: Probed, column: str) -> tuple[ProbeScore, ProbeScore]:
    """The results of ridge and kNN for one column."""
    ridge, knn = (result for result in decoding.results if result.column == column)
    assert (ridge.probe, knn.probe) == PROBES
    return ridge, knn


def drifting(n: int, d: int, memory: float, seed: int) -> np.ndarray:
    """Noise (n, d) that forgets over `memory` rows."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-1 / memory)
    values = rng.normal(size=(n, d)) / np.sqrt(1 - keep**2)
    for i, step in enumerate(rng.normal(size=(n - 1, d)), start=1):
        values[i] = keep * values[i - 1] + step
    return values


# -------------------------------------------------------------------------------------------------------------- angles


@pytest.mark.parametrize(
    ("a_deg", "b_deg", "error"),
    [(0, 0, 0), (350, 10, 20), (10, 350, 20), (0, 180, 180), (-90, 90, 180), (725, 0, 5), (90, 135, 45), (1, -1, 2)],
)
def test_circular_errors_that_are_known(a_deg: float, b_deg: float, error: float) -> None:
    assert circular_error_deg(np.radians([a_deg]), np.radians([b_deg])) == pytest.approx(error, abs=1e-9)


def test_circular_error_is_the_arc_between_unit_vectors() -> None:
    a, b = np.random.default_rng(0).uniform(-20, 20, (2, 1000))
    reference = np.degrees(np.arccos(np.clip(np.cos(a) * np.cos(b) + np.sin(a) * np.sin(b), -1, 1)))
    np.testing.assert_allclose(circular_error_deg(a, b), reference, atol=1e-5)
    np.testing.assert_allclose(circular_error_deg(a, b), circular_error_deg(b, a + 2 * np.pi), atol=1e-9)
    assert np.isnan(circular_error_deg(np.array([np.nan]), np.array([0.0]))).all()


def test_circular_mean_that_is_known() -> None:
    assert circular_mean(np.radians([350.0, 10.0, 30.0])) == pytest.approx(np.radians(10))
    assert abs(circular_mean(np.radians([170.0, 190.0]))) == pytest.approx(np.pi)
    with pytest.raises(ValueError, match="no angle"):
        circular_mean(np.array([]))


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=30))
def test_no_angle_of_a_fine_grid_is_a_better_guess(values: list[float]) -> None:
    angles = np.array(values)
    grid = circular_error_deg(np.linspace(-np.pi, np.pi, 721)[:, None], angles)
    mean = circular_error_deg(np.array(constant_predictor(angles, "mean")), angles).mean()
    assert mean <= grid.mean(axis=1).min() + 1e-6
    upper_median = np.sort(circular_error_deg(np.array(constant_predictor(angles)), angles))[len(angles) // 2]
    assert upper_median <= np.sort(grid, axis=1)[:, len(angles) // 2].min() + 1e-6


def test_constant_predictors_that_are_known() -> None:
    angles = np.radians([350.0, 355.0, 0.0, 5.0, 100.0, 200.0, 220.0])
    assert constant_predictor(angles, "median") == pytest.approx(np.radians(-2.5))  # four of seven within 7.5 degrees
    assert constant_predictor(np.radians([350.0, 10.0, 80.0]), "mean") == pytest.approx(np.radians(10))
    ring = np.radians(np.arange(0.0, 360.0))
    assert circular_error_deg(np.array(constant_predictor(ring, "mean")), ring).mean() == pytest.approx(90)
    with pytest.raises(ValueError, match="'median' or 'mean', not 'mode'"):
        constant_predictor(angles, "mode")  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------------------- folds


@given(n=st.integers(1, 300), blocks=st.integers(1, 60), seed=st.integers(0, 99))
def test_folds_are_of_blocks_of_neighbours(n: int, blocks: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = np.cumsum(rng.integers(1, 50, n))
    folds = block_folds(numbers, blocks, seed)
    assert folds.shape == (n,)
    assert set(folds.tolist()) <= set(range(FOLDS))
    assert np.count_nonzero(np.diff(folds)) <= min(blocks, n) - 1  # a neighbour is in another fold at edges only
    np.testing.assert_array_equal(folds, block_folds(numbers, blocks, seed))
    order = rng.permutation(n)
    np.testing.assert_array_equal(folds[order], block_folds(numbers[order], blocks, seed))


def test_blocks_are_equal_and_each_fold_has_one_of_each_five() -> None:
    folds = block_folds(np.arange(1000), 50, seed=3)
    blocks = folds.reshape(50, 20)
    assert (blocks == blocks[:, :1]).all()
    assert (np.sort(blocks[:, 0].reshape(10, 5), axis=1) == np.arange(5)).all()
    assert not np.array_equal(folds, block_folds(np.arange(1000), 50, seed=4))


def test_rows_of_one_frame_are_held_out_together() -> None:
    numbers = np.repeat(np.arange(33), 7)
    folds = block_folds(numbers, 20, seed=0).reshape(33, 7)
    assert (folds == folds[:, :1]).all()


@pytest.mark.parametrize("memory", [20, 60])
def test_long_blocks_are_not_fooled_by_slow_noise(memory: float) -> None:
    """Frames that resemble their neighbours give away unrelated slow labels if single frames are held out."""
    n, flattered, honest = 1000, [], []
    for seed in range(4):
        codes, metadata = drifting(n, 6, memory, seed), Metadata({"slow": drifting(n, 1, memory, 100 + seed)[:, 0]})
        for scores, blocks in ((flattered, n), (honest, 10)):
            decoding = probe_columns(codes, metadata, row_numbers=np.arange(n), seed=seed, blocks=blocks)
            scores.append(by_decoder(decoding, "slow")[1].score)
    assert np.median(flattered) > 0.3
    assert np.median(honest) < 0.05


# -------------------------------------------------------------------------------------------------------------- scores


def test_a_linear_code_gives_its_number_back() -> None:
    codes = random_codes()
    decoding = decode(
        codes.astype(np.float32), x=codes @ [3.0, -1.0, 2.0, 0.5] + 1e6, unrelated=random_codes(seed=1)[:, 0]
    )
    ridge, knn = by_decoder(decoding, "x")
    assert ridge.kind is ColumnKind.LINEAR
    assert ridge.score == pytest.approx(1, abs=1e-4)
    assert ridge.shuffled == pytest.approx(0, abs=0.05)
    assert 0.7 < knn.score < 1
    assert knn.shuffled == pytest.approx(-0.1, abs=0.1)  # a mean of 10 is off by a tenth of the variance
    assert ridge.n == N
    assert ridge.mean_error_deg is None
    unrelated = by_decoder(decoding, "unrelated")
    assert [result.score for result in unrelated] == pytest.approx([0, -0.1], abs=0.1)


def test_a_ring_gives_its_angle_back_in_degrees_and_radians() -> None:
    angles = np.random.default_rng(0).uniform(-np.pi, 3 * np.pi, N)  # more than once round
    codes = np.stack([np.cos(angles), np.sin(angles), *random_codes(d=2).T * 1e-3], axis=1)
    decoding = decode(codes, body_rad=angles, body_deg=np.degrees(angles))
    for result in decoding.results:
        assert result.kind is ColumnKind.CIRCULAR
        assert result.score < (0.1 if result.probe == "ridge" else 2)
        assert result.score <= result.mean_error_deg < 3
        assert result.shuffled == pytest.approx(90, abs=12)
    for of_rad, of_deg in zip(by_decoder(decoding, "body_rad"), by_decoder(decoding, "body_deg"), strict=True):
        assert of_rad.score == pytest.approx(of_deg.score, abs=1e-6)
        assert of_rad.mean_error_deg == pytest.approx(of_deg.mean_error_deg, abs=1e-6)


def test_an_unrelated_code_is_90_degrees_off() -> None:
    decoding = decode(random_codes(2000), angle_deg=np.random.default_rng(1).uniform(0, 360, 2000))
    for result in decoding.results:
        assert result.score == pytest.approx(90, abs=6)
        assert result.mean_error_deg == pytest.approx(90, abs=4)
        assert result.shuffled == pytest.approx(90, abs=6)


def test_texts_and_integers_are_categories() -> None:
    place = np.random.default_rng(0).integers(0, 3, N)
    codes = np.eye(3)[place] + 0.1 * random_codes(d=3)
    decoding = decode(codes, place=np.array(["nest", "wall", "cup"])[place], number=place)
    assert len(decoding.results) == 4
    for result in decoding.results:
        assert result.kind is ColumnKind.CATEGORY
        assert result.score == 1
        assert result.shuffled == pytest.approx(1 / 3, abs=0.1)


def test_scores_are_those_of_sklearn() -> None:
    """R2 and accuracy of the pooled predictions of sklearn's own estimators, fold by fold."""
    rng = np.random.default_rng(5)
    codes = random_codes(200, 30, seed=5) * np.geomspace(1, 10, 30)
    angle = 0.3 * codes[:, 0] + rng.normal(size=200)
    columns = {
        "x": codes[:, 0] + codes[:, 1] ** 2 + rng.normal(size=200),
        "label": np.digitize(codes[:, 0] + rng.normal(size=200), [-1, 1.5]),
        "angle_rad": angle,
    }
    decoding = decode(codes, seed=9, **columns)

    def pooled(estimator: object, targets: np.ndarray, blocks: int) -> np.ndarray:
        folds, predicted = block_folds(np.arange(200), blocks, 9), np.empty_like(targets)
        for fold in range(FOLDS):
            predicted[folds == fold] = estimator.fit(codes[folds != fold], targets[folds != fold]).predict(
                codes[folds == fold]
            )
        return predicted

    def ridge(kind: type) -> object:
        return make_pipeline(StandardScaler(), kind(alphas=ALPHAS))

    regressors, classifiers = (
        (ridge(RidgeCV), KNeighborsRegressor(10)),
        (ridge(RidgeClassifierCV), KNeighborsClassifier(10)),
    )
    for result, estimator in zip(by_decoder(decoding, "x"), regressors, strict=True):
        assert result.score == pytest.approx(r2_score(columns["x"], pooled(estimator, columns["x"], 10)), abs=1e-9)
    for result, estimator in zip(by_decoder(decoding, "label"), classifiers, strict=True):
        expected = accuracy_score(columns["label"], pooled(estimator, columns["label"], 15))
        assert result.score == pytest.approx(expected, abs=1e-12)
    for result, estimator in zip(by_decoder(decoding, "angle_rad"), regressors, strict=True):
        cos, sin = pooled(estimator, np.stack([np.cos(angle), np.sin(angle)], axis=1), 10).T
        errors = circular_error_deg(np.arctan2(sin, cos), angle)
        assert result.score == pytest.approx(np.median(errors), abs=1e-6)
        assert result.mean_error_deg == pytest.approx(errors.mean(), abs=1e-6)


def test_images_sorted_by_label_are_decoded() -> None:
    """As those of a folder with a subfolder per label are: no label is held out as a whole."""
    label = np.repeat(np.arange(10), N // 10)
    codes = np.eye(10)[label] + 0.05 * random_codes(d=10)
    for result in decode(codes, label=label).results:
        assert result.score > 0.98


# --------------------------------------------------------------------------------------------- what is missing or flat


def test_a_label_with_one_example_is_only_missed() -> None:
    place = np.array(["left", "right"])[np.arange(N) % 2]
    codes = np.where(place == "left", -1.0, 1.0)[:, None] + 0.1 * random_codes()
    place[7], place[300] = "roof", "door"
    for result in decode(codes, place=place).results:
        assert result.score == pytest.approx(1 - 2 / N)


def test_rows_without_a_value_are_left_out() -> None:
    rng = np.random.default_rng(0)
    codes = random_codes()
    known = rng.random(N) < 0.6
    x, angle, side = codes[:, 0], np.arctan2(codes[:, 0], codes[:, 1]), np.where(codes[:, 0] > 0, "right", "left")
    decoding = decode(
        codes,
        x=np.where(known, x, np.nan),
        angle_rad=np.where(known, angle, np.nan),
        side=np.where(known, side, ""),
        all_of_x=x,
    )
    assert [result.n for result in decoding.results] == [np.count_nonzero(known)] * 6 + [N] * 2
    rows = np.flatnonzero(known)
    alone = probe_columns(
        codes[rows],
        Metadata({"x": x[rows], "angle_rad": angle[rows], "side": side[rows]}),
        row_numbers=rows,
        seed=0,
    )
    assert alone.results == decoding.results[:6]


def test_what_cannot_be_probed_is_named() -> None:
    numbers, few = np.arange(N, dtype=np.float64), np.full(N, np.nan)
    few[:19] = np.arange(19)
    turns_deg = np.where(numbers % 2, 0.0, 360.0)
    decoding = decode(
        random_codes(),
        flat=np.full(N, 0.1),
        still_deg=turns_deg,
        one=np.full(N, "a"),
        blank=np.full(N, ""),
        unknown=np.full(N, np.nan),
        few=few,
        file=np.array([f"{i}.png" for i in range(N)]),
        fine=numbers,
    )
    assert {result.column for result in decoding.results} == {"fine"}
    assert decoding.left_out == {
        "flat": "has the same value in every row",
        "still_deg": "has the same value in every row",
        "one": "has the same value in every row",
        "blank": "has no value in any row",
        "unknown": "has no value in any row",
        "few": "has a value in only 19 rows, and at least 20 are needed",
        "file": "has 400 labels in 400 rows: at most 100, and two rows for each, can be probed",
    }
    frames = probe_columns(random_codes(), Metadata({"x": numbers}), row_numbers=np.arange(N) % 4, seed=0)
    assert frames == Probed((), {"x": "has values of 4 frames only, and each of 5 folds needs one"})
    assert decode(random_codes()) == Probed((), {})


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_a_code_that_never_changes_tells_nothing(value: float) -> None:
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoding = decode(
            np.full((N, 3), value), x=rng.normal(size=N), a_deg=rng.uniform(0, 360, N), k=rng.integers(0, 4, N)
        )
    for result in decoding.results:
        close = {"x": 0.25, "a_deg": 15, "k": 0.1}[result.column]
        assert result.score == pytest.approx(result.shuffled, abs=close)
    assert by_decoder(decoding, "x")[0].score == pytest.approx(0, abs=0.03)


def test_constant_units_change_nothing() -> None:
    codes = random_codes()
    x = codes[:, 0] + random_codes(seed=1)[:, 0]
    padded = np.concatenate([codes, np.full((N, 2), 0.1), np.zeros((N, 1))], axis=1)
    for with_them, without in zip(decode(padded, x=x).results, decode(codes, x=x).results, strict=True):
        assert with_them.score == pytest.approx(without.score, abs=1e-9)


def test_few_rows_many_units_and_codes_that_repeat() -> None:
    rng = np.random.default_rng(0)
    columns = {"x": rng.normal(size=20), "a_rad": rng.uniform(0, 6, 20), "k": rng.integers(0, 2, 20)}
    for codes in (random_codes(20, 300), np.repeat(random_codes(4, 3), 5, axis=0), np.full((20, 2), 1e30)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            decoding = decode(codes, **columns)
        assert len(decoding.results) == 6
        assert all(np.isfinite([result.score, result.shuffled]).all() for result in decoding.results)


# ------------------------------------------------------------------------------------------------------- as a function


def test_the_same_inputs_give_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    codes, numbers = random_codes(), np.sort(rng.choice(5000, N, replace=False))
    metadata = Metadata(
        {"x": codes[:, 0] + rng.normal(size=N), "a_rad": rng.uniform(0, 6, N), "k": rng.integers(0, 3, N)}
    )
    first = probe_columns(codes, metadata, row_numbers=numbers, seed=1)
    assert probe_columns(codes, metadata, row_numbers=numbers, seed=1) == first
    order = rng.permutation(N)
    assert probe_columns(codes[order], metadata.take(order), row_numbers=numbers[order], seed=1) == first
    alone = probe_columns(codes, metadata, row_numbers=numbers, seed=1, columns=["k", "x", "k"])
    assert alone.results == first.results[4:] + first.results[:2]
    other = probe_columns(codes, metadata, row_numbers=numbers, seed=2)
    assert all(a.shuffled != b.shuffled for a, b in zip(first.results[:4], other.results, strict=False))


def test_the_scale_and_the_shift_of_a_number_do_not_matter() -> None:
    codes = random_codes()
    x = codes[:, 0] + random_codes(seed=1)[:, 0]
    scores = [[r.score for r in decode(codes, x=a * x + b).results] for a, b in ((1, 0), (-1e-9, 0), (1e9, 1e9))]
    for one, other in itertools.pairwise(scores):
        assert one == pytest.approx(other, abs=1e-6)


def test_more_rows_than_the_limit_are_thinned_evenly() -> None:
    codes = random_codes(1000)
    metadata = Metadata({"x": codes[:, 0] + random_codes(1000, seed=1)[:, 0]})
    thinned = probe_columns(codes, metadata, row_numbers=np.arange(1000), seed=0, max_rows=250)
    rows = np.arange(0, 1000, 4)
    taken = probe_columns(codes[rows], metadata.take(rows), row_numbers=rows, seed=0)
    assert thinned == taken
    assert thinned.results[0].n == 250


def test_inputs_are_left_as_they_are() -> None:
    codes = random_codes().astype(np.float32)
    before = codes.copy()
    codes.setflags(write=False)
    decode(codes, x=before[:, 0])
    np.testing.assert_array_equal(codes, before)


def test_what_is_refused() -> None:
    codes, metadata, numbers = random_codes(), Metadata({"x": np.arange(float(N))}), np.arange(N)
    with pytest.raises(UserError, match="there is no column 'y' in the metadata; its columns are x"):
        probe_columns(codes, metadata, row_numbers=numbers, seed=0, columns=["y"])
    with pytest.raises(UserError, match=r"codes have shape \(400,\)"):
        probe_columns(codes[:, 0], metadata, row_numbers=numbers, seed=0)
    bad = codes.copy()
    bad[3, 1], bad[9] = np.nan, np.inf
    with pytest.raises(UserError) as caught:
        probe_columns(bad, metadata.take(numbers[:-1]), row_numbers=numbers[1:], seed=0, blocks=4, max_rows=5)
    assert caught.value.problems == (
        "400 codes, 399 rows of metadata and 399 row numbers do not match",
        "2 of 400 codes are not finite (first: row 3): did the training diverge?",
        "of 5 rows in 4 blocks, at least 20 rows and 5 blocks are needed",
    )


def test_it_is_quick() -> None:
    """A second on one core; the bound is for a busy machine."""
    rng = np.random.default_rng(0)
    numbers = {f"x{i}": rng.normal(size=1600) for i in range(4)}
    angles = {f"a{i}_deg": rng.uniform(0, 360, 1600) for i in range(2)}
    labels = {f"k{i}": rng.integers(0, 10, 1600) for i in range(2)}
    started = time.process_time()
    assert len(decode(random_codes(1600, 16), **numbers, **angles, **labels).results) == 16
    assert time.process_time() - started < 10
