"""Whether values have the types of the fields that they are for, what Python callers may give for them, and the words.

Every section of a configuration calls `check_types` before it compares anything.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
import os
import reprlib
import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from autoencoder.errors import UserError
from autoencoder.flags import Flag, Whole, problems_of_settings


def check_types(section: Any) -> None:
    """Have the fields of a dataclass hold values of their types, see `typed`; called while it is made.

    Raises:
        UserError: a value has another type; with everything else that is wrong with the section setting by setting.
    """
    kind: type = type(section)
    types = types_of(kind)
    values, wrong = typed({name: getattr(section, name) for name in types}, types)
    if wrong:
        raise UserError([*wrong.values(), *problems_of_settings(section, but=wrong)])
    for name, value in values.items():
        object.__setattr__(section, name, value)


@functools.cache
def types_of(section: type) -> Mapping[str, Any]:
    """Types of the fields of a dataclass; read once, since that takes most of checking it.

    Without the field `own` of a model, whose settings have types of their own.
    """
    return {name: hint for name, hint in get_type_hints(section).items() if name in _fields(section) - {"own"}}


def _fields(section: type) -> set[str]:
    return {item.name for item in dataclasses.fields(section) if item.init}


def type_of(flag: Flag) -> Any:
    """The type of a setting of an encoder's own, by its flag."""
    if isinstance(flag.kind, Whole):
        return int | None
    return str | None if flag.kind is None else float | None


def typed(given: Mapping[str, Any], types: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values as their fields hold them, and what is wrong with the types of others, by name.

    Numbers of NumPy become Python's, a list a tuple, one name that stands where several may a tuple of it, a path its
    text, and noise that is given as text what it stands for. Names without a type are passed over.
    """
    values, wrong = dict(given), {}
    for name in given.keys() & types.keys():
        try:
            values[name] = _converted(given[name], types[name])
        except UserError as error:
            wrong[name] = str(error)
            continue
        if not is_a(values[name], types[name]):
            wrong[name] = f"{name} must be {_expected(types[name])}, not {reprlib.repr(given[name])}"
    return values, {name: wrong[name] for name in given if name in wrong}


def is_a(value: object, hint: Any) -> bool:
    """Whether `value` has the type of a field; a whole number is a float too, and True is no number."""
    if get_origin(hint) in (Union, UnionType):
        return any(is_a(value, option) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return isinstance(value, str)  # which one, the class itself checks
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if not isinstance(value, tuple) or (kinds[-1] is not Ellipsis and len(value) != len(kinds)):
            return False
        return all(is_a(item, kinds[0]) for item in value)
    if isinstance(value, bool):
        return hint is bool
    if hint is float and isinstance(value, int):
        return abs(value) <= sys.float_info.max
    return isinstance(value, cast(type, hint))


def _options(hint: Any) -> Iterator[Any]:
    """The types that a hint allows, one by one."""
    if get_origin(hint) in (Union, UnionType):
        for option in get_args(hint):
            yield from _options(option)
    else:
        yield hint


def _converted(value: Any, hint: Any) -> Any:
    """See `typed`; what cannot be converted is returned as it is.

    Raises:
        UserError: a text stands for nothing.
    """
    if is_a(value, hint):
        return value
    for option in _options(hint):
        if option is bool and str(getattr(value, "dtype", "")) == "bool" and getattr(value, "ndim", None) == 0:
            return bool(value)
        if option is int and isinstance(value, numbers.Integral) and not isinstance(value, bool):
            return int(value)
        if option in (float, Fraction) and isinstance(value, numbers.Real) and not isinstance(value, bool):
            return _as_number(value, option)
        if option is str and isinstance(value, os.PathLike):
            return os.fspath(value)
        if get_origin(option) is tuple and (isinstance(value, list | tuple | range) or getattr(value, "ndim", 0) == 1):
            kind = get_args(option)[0]
            return tuple(_converted(item, kind) for item in value)
        if option == tuple[str, ...] and isinstance(value, str):
            return (value,)
        if dataclasses.is_dataclass(option) and isinstance(value, str):
            return option.parse(value)  # type: ignore[union-attr]
    return value


def _as_number(value: Any, kind: type) -> Any:
    """A number as the kind that a field has; a number that is beyond it, as it is."""
    if kind is Fraction:
        return Fraction(str(value)) if math.isfinite(value) else value
    try:
        return float(value)
    except OverflowError:
        return value


def _expected(hint: Any) -> str:
    """What a field takes, in words; None, which stands for its default, is left out of them."""
    options = [option for option in _options(hint) if option is not type(None)]
    return " or ".join(dict.fromkeys(map(_words, options)))


def _words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    if get_origin(hint) is tuple:
        kind, *others = get_args(hint)
        several = {int: "whole numbers", float: "numbers", str: "names"}[kind]
        return f"a list of {several}" if others == [Ellipsis] else f"{1 + len(others)} {several}"
    if dataclasses.is_dataclass(hint):
        words: str = hint.TEXT  # type: ignore[union-attr]
        return words
    return {bool: "True or False", int: "a whole number", float: "a number", Fraction: "a number", str: "a text"}[hint]
