"""What a column is: an angle in a unit, a quantity or a category; by its name, its values, or the user's word."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind

PERIODS = {"deg": 360.0, "rad": 2 * math.pi}
"""How far it is once round, by the unit of an angle."""

UNIT_NAMES = {"deg": "degrees", "rad": "radians"}
"""Units as they are spelt in `--column-kind`."""

UNIT_IN_NAME = re.compile(
    r"""
    (?P<stem> .*? ) (?:
        [\s_.-]* [(\[] \s* (?P<bracketed> deg | degrees | \N{DEGREE SIGN} | rad | radians ) \s* [)\]]
      | [\s_.-] (?P<parted> deg | rad | \N{DEGREE SIGN} )
      | [\s_.-]* (?P<spelt> degrees | radians )
      | (?-i: (?<= [a-z0-9] ) (?P<camel> Deg | DEG | Rad | RAD ) )
    )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""A name that ends in a unit: heading_deg, Heading-Rad, heading (deg), heading[rad], headingDeg, heading_degrees.
Within a word, as in grade and comrad, `deg` and `rad` are no units."""

MAX_CATEGORIES = 20
"""A column of whole numbers with more different values than this is a quantity, not a category."""

COUNTING_COLUMNS = ("frame", "x", "y", "time_s", "inside")
"""Columns, as `prepare` writes them, that are quantities, however few values they have, and numbers, whatever zeros
these begin with."""

COUNT_ENDING = "_count"
"""Columns whose name ends so are quantities, however few values they have: `join` calls counts of events so."""

EDGE = 0.01
"""Radians by which values may reach over a turn and still be within it, such as 3.1416 for pi."""

NEAR_THE_END = 0.96
"""Share of pi, or of 2 pi, that radians of a whole turn reach. Of 60 angles that are spread evenly one does so in 91 of
100 data sets, of 100 in 98; degrees from -3 to 3 reach 0.955."""

ENDS, MANY_AT_THE_ENDS = 0.075, 0.01
"""Share of a turn at each of its ends, and the share of all values that lie there where they go round. Angles that
gather around 0 as a bell curve does, and only reach pi, have fewer there."""

SMOOTH, LEAP = 0.1, 0.8
"""Shares of a turn: the most by which neighbouring rows of a smooth course usually differ, and the least by which they
do where it passes from one end of the turn to the other."""

MOST_TURNS = 2
"""Radians of more turns than this, either way, are doubted: they are unwrapped, or they are degrees."""

MOST_JUMPS = 0.05
"""Share of neighbouring rows between which unwrapped radians may be more than half a turn apart: where recordings
meet."""

MOST_OF_A_TURN = 0.9
"""Share of a turn in degrees that values span where they go all the way round."""

_DEGREES = ((-180.0, 180.0), (0.0, 360.0))
_RADIANS = ((-math.pi, math.pi), (0.0, 2 * math.pi))
"""Where one turn can lie."""


@dataclass(frozen=True)
class Meaning:
    """What a column is.

    Attributes:
        kind: how it is compared, coloured and predicted.
        period: once round, of an angle; 1 of all others.
        told_by: its name and values, the user (`--column-kind`), or, of an angle whose unit nobody named, its values
            alone.
    """

    kind: ColumnKind
    period: float = 1.0
    told_by: Literal["name", "user", "values"] = "name"

    @property
    def unit(self) -> str:
        """The unit of an angle, deg or rad."""
        return next(unit for unit, period in PERIODS.items() if period == self.period)


@dataclass(frozen=True)
class Doubt:
    """What speaks against the unit of an angle.

    Attributes:
        said: for the user, with the ways out.
        is_plain: whether the values contradict the unit, so that nobody should predict them as they are.
    """

    said: str
    is_plain: bool


def split_unit(name: str) -> tuple[str, str | None]:
    """A column's name without the unit of an angle that it ends in, and that unit: deg, rad, or None."""
    found = UNIT_IN_NAME.fullmatch(name)
    if found is None:
        return name, None
    unit = next(text for key, text in found.groupdict().items() if key != "stem" and text is not None)
    return found["stem"], "rad" if unit.lower().startswith("rad") else "deg"


def is_of_numbers(name: str, asked: str | None) -> bool:
    """Whether a column can be of nothing but numbers, by its name or by what the user says that it is."""
    return asked != "category" and (asked is not None or name in COUNTING_COLUMNS or split_unit(name)[1] is not None)


def refuse_text(name: str, asked: str | None, holds: str) -> None:
    """Refuse a text in a column of angles or quantities.

    Args:
        name: of the column.
        asked: what the user says that it is, one of `COLUMN_KINDS`; None where nothing is said.
        holds: what was found, such as "holds text".

    Raises:
        UserError: the column is of numbers by its name or by what was asked.
    """
    if asked not in (None, "category"):
        what = "a quantity" if asked == "quantity" else "an angle"
        raise UserError(
            f"column '{name}' {holds}, and --column-kind {name}={asked} makes it {what}: correct the column, or leave "
            "that out"
        )
    if asked is None and split_unit(name)[1] is not None:
        raise UserError(
            f"column '{name}' is an angle by its name, but {holds}: correct it, rename the column, or say "
            "--column-kind "
            f"{name}=category"
        )


def meaning_of(name: str, values: NDArray[Any], asked: str | None = None) -> Meaning:
    """What a column is.

    Args:
        name: of the column.
        values: (n,) float64 with NaN for a missing value, int64 or text.
        asked: what the user says that it is, one of `COLUMN_KINDS`; None where nothing is said.

    Raises:
        UserError: it holds text and was to be a quantity or an angle.
    """
    is_text = values.dtype.kind == "U"
    if is_text:
        refuse_text(name, asked, "holds text")
    unit = split_unit(name)[1]
    if asked in ("degrees", "radians"):
        return Meaning(ColumnKind.CIRCULAR, PERIODS[asked[:3]], "user")
    if asked == "angle" and unit is None:
        return Meaning(ColumnKind.CIRCULAR, PERIODS[_likely_unit(values)], "values")
    if asked == "quantity":
        return Meaning(ColumnKind.LINEAR, told_by="user")
    if asked == "category":
        return Meaning(ColumnKind.CATEGORY, told_by="user")
    if unit is not None:
        return Meaning(ColumnKind.CIRCULAR, PERIODS[unit])
    counts = name in COUNTING_COLUMNS or name.endswith(COUNT_ENDING)
    if is_text or (not counts and _are_few_whole_numbers(values)):
        return Meaning(ColumnKind.CATEGORY)
    return Meaning(ColumnKind.LINEAR)


def doubt_of(name: str, values: NDArray[Any], meaning: Meaning) -> Doubt | None:
    """What speaks against the unit that an angle has by its name, or by its values alone; None where nothing does.

    Args:
        name: of the column.
        values: (n,), in the order of rows.
        meaning: of the column.
    """
    if meaning.kind is not ColumnKind.CIRCULAR or meaning.told_by == "user":
        return None
    known = _known(values)
    if not len(known):
        return None
    low, high = float(known.min()), float(known.max())
    span = f"from {low:.4g} to {high:.4g}"
    if meaning.told_by == "values":
        taken, other = (UNIT_NAMES[unit] for unit in (meaning.unit, _other(meaning.unit)))
        return Doubt(
            f"column '{name}' is taken to be in {taken}, because its values reach {span}: if they are {other}, say "
            "--column-kind "
            f"{name}={other}",
            is_plain=False,
        )
    if meaning.unit == "deg" and _are_radians(known):
        return _contradiction(name, meaning.unit, f"its values span one turn in radians ({span})")
    if meaning.unit == "rad" and max(-low, high) > MOST_TURNS * PERIODS["rad"]:
        if _are_degrees(known):
            return _contradiction(name, meaning.unit, f"its values reach {span}, as degrees do")
        return Doubt(
            f"column '{name}' is in radians by its name and reaches {span}, more than {MOST_TURNS} turns: this is "
            f"right if turns are counted; if these are degrees, say --column-kind {name}=degrees",
            is_plain=False,
        )
    return None


def _contradiction(name: str, unit: str, why: str) -> Doubt:
    named, other = UNIT_NAMES[unit], _other(unit)
    stem = split_unit(name)[0] or "angle"
    return Doubt(
        f"column '{name}' is in {named} by its name, but {why}: rename it to {stem}_{other}, convert it, or say what "
        f"it is: --column-kind {name}={UNIT_NAMES[other]}, or ={named} if its name is right",
        is_plain=True,
    )


def _other(unit: str) -> str:
    return "rad" if unit == "deg" else "deg"


def _known(values: NDArray[Any]) -> NDArray[np.float64]:
    numbers = values.astype(np.float64)
    return numbers[np.isfinite(numbers)]


def _are_few_whole_numbers(values: NDArray[Any]) -> bool:
    known = _known(values) if values.dtype.kind == "f" else values
    return bool(len(known)) and bool((known == np.round(known)).all()) and len(np.unique(known)) <= MAX_CATEGORIES


def _likely_unit(values: NDArray[Any]) -> str:
    """Radians where nothing is more than a turn away from 0, and something is no whole number; degrees otherwise."""
    known = _known(values)
    within = bool(len(known)) and float(np.abs(known).max()) <= PERIODS["rad"] + EDGE
    return "rad" if within and bool((known != known.round()).any()) else "deg"


def _are_radians(known: NDArray[np.float64]) -> bool:
    """Whether values go round one turn of radians, from -pi to pi or from 0 to 2 pi; whole numbers are none."""
    low, high = float(known.min()), float(known.max())
    width = ENDS * PERIODS["rad"]
    for start, end in _RADIANS:
        is_within = start - EDGE <= low and high <= end + EDGE
        if is_within and (known != known.round()).any():
            at_the_ends = min((known < start + width).mean(), (known > end - width).mean())
            goes_round = max(-low, high) >= NEAR_THE_END * end and at_the_ends >= MANY_AT_THE_ENDS
            return bool(goes_round) or _leaps(known, PERIODS["rad"])
    return False


def _leaps(known: NDArray[np.float64], period: float) -> bool:
    """Whether values in time are smooth, but for passing from one end of a turn to the other."""
    steps = np.abs(np.diff(known))
    return len(steps) > 0 and float(np.median(steps)) <= SMOOTH * period and float(steps.max()) >= LEAP * period


def _are_degrees(known: NDArray[np.float64]) -> bool:
    """Whether values beyond two turns of radians are no unwrapped ones: they jump, or they fill one turn of degrees.

    Neighbouring rows of unwrapped radians are half a turn apart at most, but for a few.
    """
    if len(known) > 1 and float((np.abs(np.diff(known)) > PERIODS["rad"] / 2).mean()) > MOST_JUMPS:
        return True
    low, high = float(known.min()), float(known.max())
    is_within = any(start - EDGE <= low and high <= end + EDGE for start, end in _DEGREES)
    return is_within and high - low >= MOST_OF_A_TURN * PERIODS["deg"]
