"""Codes moved along a quantity: known answers for codes that are made by hand, and what holds for any."""

import numpy as np
import pytest

from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.latent.quantity import Quantity, best_reader, decimals_for, quantity_of
from autoencoder.latent.traversal import Conditional, Shift, Straight, Transport, move_unit
from autoencoder.latent.traversal_check import Check
from autoencoder.measures.kinds import ColumnKind

N = 8000
RNG = np.random.default_rng
ANGLE = Quantity("angle_deg", ColumnKind.CIRCULAR, 360.0, np.empty(0))
NUMBER = Quantity("number", ColumnKind.LINEAR, 1.0, np.empty(0))
CLASS = Quantity("class", ColumnKind.CATEGORY, 1.0, np.array(["a", "b", "c"]))


@pytest.fixture(scope="module")
def known():
    """For each kind, codes (N, 4) whose mean and spread depend on the value, and the values."""
    rng = RNG(0)

    def codes(angles):
        """On a ring, with a spread that turns along it and is ten times as wide outwards."""
        out = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        noise = rng.normal(0, [0.3, 0.03], (N, 2))
        along = noise[:, :1] * out + noise[:, 1:] * out[:, ::-1] * [-1, 1]
        return np.column_stack([3 * out + along, rng.normal(0, 1, N), np.zeros(N)])

    turns, numbers, classes = rng.uniform(0, 360, N), rng.uniform(-5, 20, N), rng.integers(0, 3, N).astype(float)
    return {
        ANGLE: (codes(np.radians(turns)), turns),
        NUMBER: (codes((numbers + 5) / 10), numbers),
        CLASS: (codes(classes), classes),
    }


KINDS = pytest.mark.parametrize("quantity", [ANGLE, NUMBER, CLASS], ids=lambda quantity: quantity.kind.value)
WAYS = pytest.mark.parametrize("way", [Transport, Shift, Straight])


@KINDS
@WAYS
def test_codes_that_have_the_value_stay(known, quantity, way):
    codes, values = known[quantity]
    for value in quantity.targets(values)[:3]:
        moved = way(quantity, codes, values).move(codes[:5], np.full(5, value), np.array([value]))
        np.testing.assert_allclose(moved[:, 0], codes[:5], atol=1e-6)


@WAYS
def test_the_way_round_is_closed(known, way):
    codes, values = known[ANGLE]
    moved = way(ANGLE, codes, values).move(codes[:5], values[:5], np.array([0.0, 360.0, 77.0, 437.0]))
    np.testing.assert_allclose(moved[:, 0], moved[:, 1], atol=1e-9)
    np.testing.assert_allclose(moved[:, 2], moved[:, 3], atol=1e-9)


def test_the_way_is_continuous(known):
    """Steps of a tenth of the angle are about a tenth as long."""
    codes, values = known[ANGLE]
    transport = Transport(ANGLE, codes, values)
    longest = [
        np.linalg.norm(np.diff(transport.move(codes[:5], values[:5], targets), axis=1), axis=2).max()
        for targets in (np.arange(40, 60, 1.0), np.arange(40, 60, 0.1))
    ]
    assert longest[0] < 0.3
    assert longest[1] < 0.2 * longest[0]


@KINDS
def test_a_code_is_as_usual_among_those_of_the_target_as_it_was(known, quantity):
    """Its Mahalanobis distance to the mean stays; a shift takes what is usual at one value to where it is not."""
    codes, values = known[quantity]
    given = Conditional(quantity, codes, values)

    def distance(code, value):
        mean, covariance = given.moments(value)
        return np.sqrt((code - mean) @ np.linalg.solve(covariance, code - mean))

    targets = quantity.targets(values)[:3]
    starts = slice(0, 40)
    before = np.array([distance(*pair) for pair in zip(codes[starts], values[starts], strict=True)])
    after = {}
    for way in (Transport, Shift):
        moved = way(quantity, codes, values).move(codes[starts], values[starts], targets)
        after[way] = np.array(
            [[distance(code, value) for code, value in zip(row, targets, strict=True)] for row in moved]
        )
    inside = np.isclose(after[Transport], before[:, None], rtol=1e-3)
    assert inside.mean() > 0.9  # the others were kept in the range of the training images
    assert np.abs(after[Shift] - before[:, None]).mean() > 0.3


def test_a_line_is_found_by_each_way():
    rng = RNG(1)
    values = rng.normal(0, 1, N)
    codes = np.outer(values, [1, -2, 0]) + rng.normal(0, 0.1, (N, 3))
    targets = np.array([-1.0, 1.0])
    for way in (Transport, Shift, Straight):
        moved = way(NUMBER, codes, values).move(codes[:50], values[:50], targets)
        expected = codes[:50, None] + (targets - values[:50, None])[..., None] * [1, -2, 0]
        assert np.abs(moved - expected).mean() < 0.05


def test_units_stay_in_the_range_of_training_images():
    rng = RNG(2)
    values = rng.uniform(0, 1, N)
    codes = np.maximum(np.outer(values, [1, -1]) + rng.normal(0, 0.3, (N, 2)), 0)
    for way in (Transport, Shift, Straight):
        assert way(NUMBER, codes, values).move(codes[:20], values[:20], np.array([0.0, 1.0])).min() >= 0


def test_means_given_a_value_are_those_of_its_neighbours(known):
    codes, values = known[ANGLE]
    np.testing.assert_allclose(Conditional(ANGLE, codes, values).mean(180.0), [-3, 0, 0, 0], atol=0.3)
    codes, values = known[CLASS]
    np.testing.assert_allclose(Conditional(CLASS, codes, values).mean(1.0), codes[values == 1].mean(axis=0))


def test_many_images_of_one_value():
    """An integer column has no neighbourhood around each value."""
    codes, values = RNG(3).normal(size=(500, 2)), np.repeat(np.arange(25.0), 20)[RNG(4).permutation(500)]
    codes[:, 0] += values
    moved = Transport(NUMBER, codes, np.round(values / 12)).move(codes[:3], np.zeros(3), np.array([1.0]))
    assert np.isfinite(moved).all()


def test_one_unit_is_moved_alone():
    starts = RNG(0).normal(size=(3, 4))
    moved = move_unit(starts, 2, np.array([-1.0, 1.0]))
    assert moved.shape == (3, 2, 4)
    assert (moved[:, :, 2] == [-1, 1]).all()
    np.testing.assert_array_equal(np.delete(moved, 2, axis=2)[:, 1], np.delete(starts, 2, axis=1))


# -------------------------------------------------------------------------------------------------------------- numbers


def test_the_check_tells_good_ways_from_bad_ones(known):
    codes, values = known[ANGLE]
    training, starts = (codes[:1500], values[:1500]), (codes[1500:1560], values[1500:1560])
    reader, errors = best_reader(ANGLE, training, starts)
    assert errors[reader.name] == min(errors.values()) < 5
    check = Check(ANGLE, training, starts, ANGLE.targets(values), lambda codes: codes, reader, 0.1)
    found = check.outcomes(seed=0)
    assert found.keys() == {"transport", "shift", "straight", "stay", "shuffled"}
    assert found["transport"].error < 5
    assert found["stay"].error == pytest.approx(90, abs=10)
    assert found["shuffled"].error > 60
    assert found["transport"].spread == pytest.approx(1, abs=0.2)
    assert found["stay"].spread > 2
    assert check.own_error() < 5


def test_gaps_and_errors():
    np.testing.assert_allclose(ANGLE.gaps(np.array([350.0, 10.0]), np.array([20.0, 190.0])), [30, 180])
    assert NUMBER.error(np.array([1.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0])) == 3
    assert CLASS.error(np.array([0.0, 1.0, 2.0, 2.0]), np.array([0.0, 1.0, 2.0, 1.0])) == 0.25


@KINDS
def test_features_are_read_back(known, quantity):
    values = known[quantity][1][:30]
    np.testing.assert_allclose(quantity.from_features(quantity.features(values)), values)


def test_values_as_they_are_written():
    assert [ANGLE.text(value) for value in (0.2, 359.7, 45)] == ["0°", "0°", "45°"]
    assert NUMBER.text(-0.064) == "\N{MINUS SIGN}0.06"
    assert CLASS.text(2.0) == CLASS.plain(2.0) == "c"
    assert Quantity("class", ColumnKind.CATEGORY, 1.0, np.array(["two\twords"])).text(0.0) == "two words"
    assert [decimals_for(span) for span in (0.0, 0.5, 4, 180, 1e-9)] == [2, 3, 2, 0, 6]


# ------------------------------------------------------------------------------------------------------------- columns


def test_columns_become_quantities():
    columns = {
        "turn_rad": np.linspace(0, 9, 90),
        "mood": np.array(["calm", "wild", ""] * 28 + ["rare"] * 6),
        "weight": np.where(np.arange(90) % 3, np.arange(90.0), np.nan),
    }
    metadata, rows = Metadata(columns), np.arange(90)
    turn, mood, weight = (quantity_of(metadata, name, rows) for name in columns)
    assert turn.period == pytest.approx(2 * np.pi)
    assert mood.classes.tolist() == ["calm", "wild"]
    assert mood.numbers(np.array(["wild", "", "rare", "calm", "zebra"])).tolist()[::3] == [1.0, 0.0]
    assert np.isnan(mood.numbers(np.array(["", "rare", "zebra"]))).all()
    assert np.isnan(weight.numbers(columns["weight"])).sum() == 30
    np.testing.assert_allclose(turn.numbers(columns["turn_rad"]), columns["turn_rad"] % (2 * np.pi))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full(60, 3.0), "constant"),
        (np.where(np.arange(60) < 10, 1.0 * np.arange(60), np.nan), "10 training images"),
        (np.array([f"name {i}" for i in range(60)]), "0 classes"),
        (np.repeat([f"name {i}" for i in range(30)], 20), "30 classes"),
    ],
)
def test_columns_that_cannot_be_followed(values, words):
    with pytest.raises(UserError, match=words):
        quantity_of(Metadata({"it": values}), "it", np.arange(len(values)))
