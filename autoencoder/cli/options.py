"""Pieces that the commands' parsers share: types of arguments, and flags that mean the same everywhere."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from autoencoder.config import DEVICES, MAX_COUNT, NoiseConfig
from autoencoder.errors import UserError
from autoencoder.machine.plain_text import one_line

MOST_SHOWN = 80
"""Characters of an argument that an error repeats."""


def shortened(text: str) -> str:
    """The beginning of an argument, for an error."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors of the command line are."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, but for `--FLAG=--`, of which Python makes an empty list whatever the flag takes."""
        for argument in sys.argv[1:] if args is None else args:
            if argument.startswith("-") and argument.endswith("=--"):
                self.error(f"argument {argument.removesuffix('=--')}: expected a value, not '--'")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Leave with status 2."""
        self.exit(2, f"error: {one_line(message)}; see '{self.prog} --help'\n")


def number_type(convert: Callable[[str], Any], what: str, accepts: Callable[[Any], bool]) -> Callable[[str], Any]:
    """An argparse type: `convert` the text and check the value; `what` is said when that fails."""

    def parse(text: str) -> Any:
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not accepts(value):
            raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not {what}")
        return value

    return parse


positive_int = number_type(
    int, f"a whole number of 1 or more, at most {MAX_COUNT:,}", lambda value: 1 <= value <= MAX_COUNT
)
count = number_type(int, "a whole number of 0 or more, of up to 18 digits", lambda value: 0 <= value < 10**18)
positive_float = number_type(float, "a positive number", lambda value: 0 < value < float("inf"))
fraction = number_type(float, "a fraction between 0 and 1", lambda value: 0 < value < 1)


def names(text: str) -> tuple[str, ...]:
    """An argparse type: `"a,b"` to `("a", "b")`."""
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not a list of names such as x,y")
    return parts


def point(text: str) -> tuple[float, float]:
    """An argparse type: `"532,535"` to `(532.0, 535.0)`."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not a place such as 532,535") from None
    return x, y


def noise(text: str) -> NoiseConfig:
    """An argparse type for KIND:AMOUNT."""
    try:
        return NoiseConfig.parse(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def samples(text: str) -> int | str:
    """An argparse type: a number of images, `auto` or `all`."""
    if text in ("auto", "all"):
        return text
    value: int = positive_int(text)
    return value


def add_field(group: Any, section: type, name: str, text: str, **options: Any) -> None:
    """A flag for the field `name` of a configuration's `section`; absent from the arguments unless it is given."""
    default = next(item.default for item in dataclasses.fields(section) if item.name == name)
    shown = "" if default is None or "default:" in text else f" (default: {default})"
    group.add_argument(
        f"--{name.replace('_', '-')}", dest=name, default=argparse.SUPPRESS, help=text + shown, **options
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """`--run`, the run folder that a later command works on."""
    parser.add_argument("--run", type=Path, required=True, metavar="RUN", help="the run's folder")


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument(
        "--device", choices=DEVICES, default="auto", help="where to compute; auto takes a GPU if there is one"
    )


def add_common(parser: argparse.ArgumentParser) -> None:
    """Flags that every command has."""
    group = parser.add_argument_group("output")
    group.add_argument("--quiet", action="store_true", help="show no progress and no summary, only errors")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")
