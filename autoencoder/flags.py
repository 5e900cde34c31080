"""How a setting is given in words: which values it takes, and what its flag says. Only `cli` knows argparse.

A field of a configuration carries its flag in its annotation, `epochs: Annotated[int, Flag(...)] = 30`; type, choices
and default are the field's own.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import os
import reprlib
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from autoencoder.errors import meant_or_choices

MAX_COUNT = 10**9
"""Largest number of epochs, images in a batch and the like: more is a slip, and overflows further on."""

MOST_SHOWN = 80
"""Characters of a text that an error repeats."""


_Number = TypeVar("_Number", int, float)
_Section = TypeVar("_Section")


class Kind(Protocol):
    """The values that a number may have."""

    def parse(self, text: str) -> Any:
        """The value that a text stands for.

        Raises:
            ValueError: none; the message says what it should have been.
        """
        ...

    def problem(self, name: str, value: Any) -> str | None:
        """What is wrong with the value of the setting `name`, in words; None where nothing is."""
        ...


FEW = 100
"""Bounds up to this one are both named where one of them is crossed."""


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds.

    What a text may hold does not depend on `most`, which the setting's own refusal names.
    """

    least: int = 1
    most: int = MAX_COUNT

    def parse(self, text: str) -> int:
        """See `Kind.parse`."""
        if self.least > 0:
            return parse_number(text, int, f"a whole number of 1 or more, at most {MAX_COUNT:,}", 1, MAX_COUNT)
        return parse_number(text, int, "a whole number of 0 or more, with at most 18 digits", 0, 10**18 - 1)

    def problem(self, name: str, value: int) -> str | None:
        """See `Kind.problem`."""
        if self.least <= value <= self.most:
            return None
        if self.most <= FEW:
            return f"{name} must be from {self.least} to {self.most}, not {reprlib.repr(value)}"
        bound = f"at least {self.least}" if value < self.least else f"at most {self.most:,}"
        return f"{name} must be {bound}, not {reprlib.repr(value)}"


@dataclass(frozen=True)
class Real:
    """A finite number: above 0, or of 0 and more."""

    with_zero: bool = False

    @property
    def _what(self) -> str:
        return "a number of 0 or more" if self.with_zero else "a positive number"

    def _holds(self, value: float) -> bool:
        return (value > 0 or (self.with_zero and value == 0)) and value < math.inf

    def parse(self, text: str) -> float:
        """See `Kind.parse`."""
        value = parse_number(text, float, self._what, -math.inf, math.inf)
        if not self._holds(value):
            raise ValueError(f"{shortened(text)!r} is not {self._what}")
        return value

    def problem(self, name: str, value: float) -> str | None:
        """See `Kind.problem`."""
        said = "0 or more" if self.with_zero else self._what
        return None if self._holds(value) else f"{name} must be {said}, not {value}"


@dataclass(frozen=True)
class Fraction:
    """A number between 0 and 1, neither of them included."""

    def parse(self, text: str) -> float:
        """See `Kind.parse`."""
        value = parse_number(text, float, "a fraction between 0 and 1", -math.inf, math.inf)
        if not 0 < value < 1:
            raise ValueError(f"{shortened(text)!r} is not a fraction between 0 and 1")
        return value

    def problem(self, name: str, value: float) -> str | None:
        """See `Kind.problem`."""
        return None if 0 < value < 1 else f"{name} must lie between 0 and 1, not {value}"


def parse_number(text: str, convert: type[_Number], what: str, least: float, most: float) -> _Number:
    """A number of a text.

    Args:
        text: of the command line.
        convert: `int` or `float`.
        what: it should be, for the message.
        least, most: bounds, both included.

    Raises:
        ValueError: it is none, or beyond the bounds.
    """
    value: _Number | None
    try:
        value = convert(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise ValueError(f"{shortened(text)!r} is not {what}")
    return value


def shortened(text: str) -> str:
    """The beginning of a text, for an error."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


@dataclass(frozen=True)
class Flag:
    """What the command line says of a setting.

    Attributes:
        help: what it is. A default that is not None is added, unless the text says one itself.
        metavar: what stands for its value.
        kind: of a number.
        choices: names that it takes, where the annotation does not list them.
        group: heading in the help, where it is not that of the whole section.
        bare: the value that it stands for where none is given.
        also: another name of the flag.
        adds_up: whether the flag can be given more than once, each time with further values of a setting of many.
    """

    help: str
    metavar: str | None = None
    kind: Kind | None = None
    choices: Collection[str] | None = None
    group: str | None = None
    bare: str | None = None
    also: str | None = None
    adds_up: bool = False


@dataclass(frozen=True)
class Between:
    """A number between two bounds, both included unless the lower one is said to be open."""

    what: str
    least: float
    most: float
    open_below: bool = False

    def parse(self, text: str) -> float:
        """See `Kind.parse`."""
        value = parse_number(text, float, self.what, self.least, self.most)
        if self.open_below and value == self.least:
            raise ValueError(f"{shortened(text)!r} is not {self.what}")
        return float(value)

    def problem(self, name: str, value: float) -> str | None:
        """See `Kind.problem`."""
        holds = self.least <= value <= self.most and not (self.open_below and value == self.least)
        return None if holds else f"{name} must be {self.what}, not {value}"


@dataclass(frozen=True)
class Setting:
    """A setting as its field says it.

    Attributes:
        name: of the field.
        flag: in its annotation.
        default: of the field; None also where it has none.
        choices: names that it takes; None for any.
        values: "one", "many" (a tuple of texts) or "switch" (True and False).
    """

    name: str
    flag: Flag
    default: Any = None
    choices: Collection[str] | None = None
    values: Literal["one", "many", "switch"] = "one"


@functools.cache
def hints_of(section: type) -> Mapping[str, Any]:
    """Types of a dataclass's fields with what is annotated; read once, since that takes most of making its settings."""
    return get_type_hints(section, include_extras=True)


def shown_plainly(section: type[_Section]) -> type[_Section]:
    """Leave the flags out of the signature of a dataclass, which `help` shows: types only."""
    types_of, signature = get_type_hints(section), inspect.signature(section)
    parameters = [
        item.replace(annotation=types_of.get(item.name, item.annotation)) for item in signature.parameters.values()
    ]
    plain = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    section.__signature__ = plain  # type: ignore[attr-defined]
    return section


def settings_of(section: type) -> Iterator[Setting]:
    """The settings of a dataclass whose fields carry a flag, in the order of the fields."""
    hints = hints_of(section)
    for item in dataclasses.fields(section):
        flag = next((extra for extra in get_args(hints[item.name])[1:] if isinstance(extra, Flag)), None)
        if flag is not None:
            options = list(_options(get_args(hints[item.name])[0]))
            texts = tuple(text for option in options if get_origin(option) is Literal for text in get_args(option))
            choices = tuple(flag.choices) if flag.choices is not None else texts or None
            many = any(get_origin(option) is tuple for option in options)
            values: Literal["one", "many", "switch"] = "switch" if bool in options else "many" if many else "one"
            default = None if item.default is dataclasses.MISSING else item.default
            yield Setting(item.name, flag, default, choices, values)


def _options(hint: Any) -> Iterator[Any]:
    """The types that a hint allows, one by one."""
    if get_origin(hint) in (Union, types.UnionType):
        for option in get_args(hint):
            yield from _options(option)
    else:
        yield hint


def values_of(section: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of all settings of a section, those of an encoder's own (`ModelConfig.own`) among them."""
    for item in dataclasses.fields(section):
        if item.name != "own":
            yield item.name, getattr(section, item.name)
    yield from getattr(section, "own", ())


def problems_of_settings(section: Any, *, but: Collection[str] = ()) -> list[str]:
    """What is wrong with the values of a section, by what its fields say; None is right where it is a default.

    Args:
        section: a dataclass whose fields carry flags.
        but: settings that are passed over, since they are refused already.
    """
    return [
        problem
        for setting in settings_of(type(section))
        if setting.name not in but
        for problem in problems_of_setting(setting, getattr(section, setting.name))
    ]


def problems_of_setting(setting: Setting, value: Any) -> list[str]:
    """What is wrong with the value of one setting, looked at by itself."""
    if value is None:
        return []
    if setting.choices is not None:
        return not_one_of(setting.name, value, setting.choices)
    problem = None if setting.flag.kind is None else setting.flag.kind.problem(setting.name, value)
    return [] if problem is None else [problem]


def not_one_of(name: str, value: object, allowed: Collection[str]) -> list[str]:
    """What to say where a value is not among those that are allowed."""
    if value in allowed:
        return []
    return [f"unknown {name} {value!r}{meant_or_choices(str(value), allowed)}"]


def path_problems(name: str, path: str | None) -> list[str]:
    """A text that no file can be called by; the system would say so with an error of its own, at any later time."""
    try:
        named = path is None or b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        named = False
    return [] if named else [f"{name} is not a valid file name: {reprlib.repr(path)}"]
