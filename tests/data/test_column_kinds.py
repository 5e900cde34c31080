"""What a column is, by its name, its values and the user's word; and units that the values contradict."""

import numpy as np
import pytest

from autoencoder.data.column_kinds import Meaning, doubt_of, meaning_of, split_unit
from autoencoder.data.metadata import Metadata, metadata_of
from autoencoder.data.timescales import label_warnings
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind

TURN = 2 * np.pi
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(
            (name, "deg")
            for name in ("heading_deg", "Heading_Deg", "HEADING_DEG", "head angle deg", "head.deg", "h-deg")
        ),
        *((name, "deg") for name in ("heading_degrees", "headingDegrees", "headingdegrees", "Degrees", "headingDeg")),
        *((name, "deg") for name in ("heading (deg)", "heading[deg]", "heading (degrees)", "heading (°)", "h1Deg")),
        *((name, "rad") for name in ("heading_rad", "Heading_Rad", "theta [rad]", "thetaRad", "theta_RADIANS")),
        *((name, None) for name in ("grade", "rad", "deg", "comrad", "heading_grad", "conrad", "node_degree", "degas")),
        *((name, None) for name in ("turn_deg_per_s", "omega (deg/s)", "x", "", "radius", "nograd", "bodyGrad")),
    ],
)
def test_units_are_read_from_names_and_not_from_words(name, unit):
    assert split_unit(name)[1] == unit


def test_what_is_left_of_a_name_without_its_unit():
    names = ("body_angle_deg", "heading (deg)", "headingDegrees", "theta [rad]", "speed", "_deg")
    assert [split_unit(name)[0] for name in names] == ["body_angle", "heading", "heading", "theta", "speed", ""]


def kind_of(values, name="column", asked=None):
    return meaning_of(name, np.asarray(values), asked).kind.value


def test_whole_numbers_with_gaps_are_categories():
    gaps = np.where(np.arange(60) % 7 == 0, np.nan, np.arange(60) % 4)
    assert kind_of(gaps) == kind_of(np.arange(60) % 4.0) == kind_of(np.arange(60) % 4) == "category"
    assert Metadata({"behaviour": gaps}).labels("behaviour")[:5].tolist() == ["", "1", "2", "3", "0"]
    assert kind_of(np.where(gaps == 3, 2.5, gaps)) == "linear"
    assert kind_of(np.arange(20.0)) == "category"
    assert kind_of(np.arange(21.0)) == "linear"
    assert kind_of(np.full(5, np.nan)) == "linear"  # nothing says that it is one
    assert kind_of(gaps, "x") == kind_of(gaps, "frame") == "linear"


@pytest.mark.parametrize("form", ["float", "whole", "text"])
@pytest.mark.parametrize("asked", ["angle", "degrees", "radians", "quantity", "category"])
def test_the_user_has_the_last_word(form, asked):
    values = {"float": np.linspace(0, 5, 30), "whole": np.arange(30) % 3, "text": np.array(["a", "b"] * 15)}[form]
    if form == "text" and asked != "category":
        with pytest.raises(UserError, match=rf"holds text, and --column-kind column={asked} makes it an? "):
            meaning_of("column", values, asked)
        return
    expected = {"quantity": "linear", "category": "category"}.get(asked, "circular")
    assert kind_of(values, asked=asked) == expected


def test_the_period_is_that_of_the_kind_and_not_of_the_name():
    def period(name, asked, values):
        return metadata_of({name: values}, "m.csv", {} if asked is None else {name: asked}).period(name)

    wide, narrow = np.linspace(0, 359, 50), np.linspace(-3.1, 3.1, 50)
    assert period("heading_rad", None, narrow) == period("heading_deg", "radians", narrow) == TURN
    assert period("heading_rad", "degrees", wide) == period("Heading (deg)", None, wide) == 360
    # Without a unit in the name, the values tell it.
    assert period("heading", "angle", wide) == 360
    assert period("heading", "angle", narrow) == TURN
    assert period("heading_deg", "angle", narrow) == 360


def test_kind_and_period_stay_when_rows_are_taken_and_columns_added():
    metadata = metadata_of(
        {"heading": np.linspace(-3, 3, 40), "day": np.arange(40) % 2},
        "m.csv",
        {"heading": "radians", "day": "quantity"},
    )
    changed = metadata.take([3, 4]).with_column("predicted_angle_deg", np.array([1.0, 2.0]), ColumnKind.CIRCULAR)
    assert changed.period("heading") == TURN
    assert changed.period("predicted_angle_deg") == 360
    assert changed.kind("day") is ColumnKind.LINEAR


def test_numbers_that_are_not_whole_are_names_where_the_user_says_so():
    contrast = np.array([0.5, 1.0, np.nan, 0.25])
    with pytest.raises(UserError, match="--column-kind contrast=category"):
        Metadata({"contrast": contrast}).labels("contrast")
    named = metadata_of({"contrast": contrast}, "m.csv", {"contrast": "category"})
    assert named.labels("contrast").tolist() == ["0.5", "1.0", "", "0.25"]


def doubt(name, values, asked=None):
    return doubt_of(name, values, meaning_of(name, values, asked))


def walk(step, n=1000, seed=1):
    return np.cumsum(np.random.default_rng(seed).normal(0, step, n))


PLAIN = {
    "radians from -pi to pi": ("heading_deg", RANDOM.uniform(-np.pi, np.pi, 300)),
    "radians from 0 to 2 pi": ("Heading_Deg", RANDOM.uniform(0, TURN, 300)),
    "radians of sixty images": ("heading_deg", np.random.default_rng(5).uniform(-np.pi, np.pi, 60)),
    "radians that mostly point one way": ("heading_deg", RANDOM.vonmises(0, 1, 500)),
    "radians rounded to two decimals": ("headingDegrees", RANDOM.uniform(-np.pi, np.pi, 300).round(2)),
    "radians that pass the seam once": ("heading_deg", (np.linspace(1, 5, 40) + np.pi) % TURN - np.pi),
    "radians in time": ("heading_deg", (walk(0.2) + np.pi) % TURN - np.pi),
    "radians with gaps": (
        "heading_deg",
        np.where(np.arange(400) % 9 == 0, np.nan, RANDOM.uniform(-3.1415, 3.1415, 400)),
    ),
    "degrees of a turn": ("heading_rad", RANDOM.uniform(0, 360, 60)),
    "degrees of a slow turn": ("heading_rad", walk(1.0, 20_000) % 360),
    "degrees from -180 to 180": ("theta [rad]", (walk(4.0) + 180) % 360 - 180),
    "degrees of half a turn, in no order": ("grating_rad", RANDOM.choice([0, 45, 90, 135], 80)),
}


@pytest.mark.parametrize("case", PLAIN)
def test_a_unit_that_values_contradict_is_plain(case):
    name, values = PLAIN[case]
    found = doubt(name, values)
    assert found is not None
    assert found.is_plain
    is_right = "radians" if split_unit(name)[1] == "deg" else "degrees"
    for way_out in ("rename it to ", "convert it", f"--column-kind {name}={is_right}"):
        assert way_out in found.said
    assert doubt(name, values, is_right) is None  # the user knows


RIGHT = {
    "degrees": ("heading_deg", RANDOM.uniform(0, 360, 300)),
    "radians": ("heading_rad", RANDOM.uniform(-np.pi, np.pi, 300)),
    "two turns of radians": ("heading_rad", np.linspace(-2 * TURN, 2 * TURN, 100)),
    "a narrow angle": ("tilt_deg", RANDOM.uniform(-3, 3, 1000)),
    "a narrow angle in whole degrees": ("tilt_deg", RANDOM.integers(-3, 4, 1000)),
    "a tilt of one degree": ("tilt_deg", RANDOM.normal(0, 0.8, 1000)),
    "a tilt that reaches pi": ("tilt_deg", np.append(RANDOM.normal(0, 0.9, 1000).clip(-3.1, 3.1), [-3.14, 3.14])),
    "up to six degrees": ("tilt_deg", RANDOM.uniform(0, 6, 60)),
    "a few degrees": ("tilt_deg", RANDOM.uniform(0, 6.9, 1000)),
    "unwrapped degrees": ("heading_deg", walk(10.0)),
    "nothing": ("heading_deg", np.full(5, np.nan)),
    "one value": ("heading_rad", np.array([1.0])),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_unit_that_values_fit_is_not_doubted(case):
    assert doubt(*RIGHT[case]) is None


def test_unwrapped_radians_are_asked_about_and_not_refused():
    turns = np.unwrap(walk(0.3, 4000)) * 3
    found = doubt("heading_rad", turns)
    assert np.abs(turns).max() > 2 * TURN
    assert not found.is_plain
    assert "more than 2 turns" in found.said


def test_a_unit_that_only_values_tell_is_said():
    metadata = metadata_of({"heading": RANDOM.uniform(-3, 3, 50)}, "m.csv", {"heading": "angle"})
    (said,) = label_warnings(metadata, 50)
    assert "'heading' is taken to be in radians" in said
    assert "--column-kind heading=degrees" in said


def test_doubts_of_all_columns_are_said_whichever_labels_are_looked_at():
    metadata = Metadata({"heading_deg": RANDOM.uniform(-np.pi, np.pi, 300), "port": np.arange(300) % 3})
    assert len(label_warnings(metadata, 300)) == len(label_warnings(metadata, 300, [])) == 1


def test_an_angle_knows_its_unit():
    assert Meaning(ColumnKind.CIRCULAR, 360.0).unit == "deg"
    assert Meaning(ColumnKind.CIRCULAR, TURN).unit == "rad"
