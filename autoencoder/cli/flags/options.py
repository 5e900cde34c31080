"""Pieces that the commands' parsers share: types of arguments, and flags that mean the same everywhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, NoReturn

from autoencoder import config as c
from autoencoder.config import DEVICES, NoiseConfig
from autoencoder.config.movies import DPI, FIGURE_FORMATS, LEAST_DPI, MOST_DPI, MOVIE_FORMATS, FigureOptions
from autoencoder.config.objective import NOISE, OBJECTIVE
from autoencoder.config.training import KEPT, SNAPSHOT_SAMPLES
from autoencoder.errors import UserError, did_you_mean, meant_or_choices
from autoencoder.flags import Setting, Whole, parse_number, settings_of, shortened
from autoencoder.machine.plain_text import one_line

RUN_BY_PLACE = "run_by_place"
"""Where the parser keeps a run that is given without a flag."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors of the command line are, and whose flags are written in full:
    an abbreviation that works today is another flag's when there are more."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, but for `--FLAG=--`, of which Python makes an empty list whatever the flag takes."""
        for argument in sys.argv[1:] if args is None else args:
            if argument.startswith("-") and argument.endswith("=--"):
                self.error(f"argument {argument.removesuffix('=--')}: expected a value, not '--'")
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is not a choice: name the one that was probably meant, or else all of them."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError:
            choices = tuple(map(str, action.choices or ()))
            said = f"unknown value {shortened(str(value))!r}{meant_or_choices(str(value), choices)}"
            raise argparse.ArgumentError(action, said) from None

    def error(self, message: str) -> NoReturn:
        """Leave with status 2."""
        self.exit(2, f"error: {one_line(message)}; see '{self.prog} --help'\n")


class CommandParser(Parser):
    """The parser of one command, which refuses itself what it does not know, so that its own help is named."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse what is left; the nearest flag is named if one is close."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown and self._subparsers is None:
            flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
            guesses = (self._meant(text.partition("=")[0], flags) for text in unknown)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{next(filter(None, guesses), '')}")
        if RUN_BY_PLACE in parsed:
            self._settle_run(parsed)
        return parsed, unknown

    def _settle_run(self, parsed: argparse.Namespace) -> None:
        """RUN and `--run RUN` are the same, and one of them, or what stands for a run, is needed."""
        by_place = parsed.__dict__.pop(RUN_BY_PLACE)
        others = {f"--{name.replace('_', '-')}": name for name in ("run", "latest_run_on") if name in parsed}
        given = [flag for flag, name in others.items() if getattr(parsed, name) is not None]
        if by_place is not None:
            given, parsed.run = ["RUN", *given], by_place
        if not given:
            self.error(f"no run is named: give one of RUN, {', '.join(others)}")
        if len(given) > 1:
            self.error(f"the run is named by {' and '.join(given)}: leave one out")

    def _meant(self, given: str, flags: list[str]) -> str:
        """What was probably meant by an argument that this command does not have."""
        places = [str(action.metavar or action.dest) for action in self._get_positional_actions()]
        if given == "--data" and "DATA" in places:
            return " (DATA has no flag before it)"
        if "--run" in flags and given in ("--out", "--name", "--output"):
            return " (did you mean '--run'?)"
        if given.startswith("--"):
            return did_you_mean(given, flags)
        return f" (did you mean '--run {given}'?)" if "--run" in flags and not given.startswith("-") else ""


def argument(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argparse type of a function that raises a ValueError with what is wrong."""

    def convert(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def number(convert: type[Any], what: str, least: float, most: float) -> Callable[[str], Any]:
    """An argparse type: a number between two bounds; `what` is said when it is none."""
    return argument(lambda text: parse_number(text, convert, what, least, most))


positive_int = argument(Whole().parse)
count = argument(Whole(0).parse)


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
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not a point such as 532,535") from None
    return x, y


def noise(text: str) -> NoiseConfig:
    """An argparse type for KIND:AMOUNT."""
    try:
        return NoiseConfig.parse(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def samples(text: str) -> int | str:
    """An argparse type: a number of images, or a name for one."""
    if text in c.SAMPLES:
        return text
    value: int = positive_int(text)
    return value


def add_settings(
    parser: argparse.ArgumentParser, section: type, heading: str, without: Collection[str] = ()
) -> dict[str, Any]:
    """Flags for the settings of a configuration's section, absent from the arguments unless they are given.

    Args:
        parser: of a command.
        section: a dataclass whose fields carry a `Flag`.
        heading: in the help, of those settings that name none themselves.
        without: names of settings that get none.

    Returns:
        the parser's new groups, by their headings.
    """
    groups: dict[str, Any] = {}
    for setting in settings_of(section):
        if setting.name in without:
            continue
        title = setting.flag.group or heading
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        add_setting(groups[title], setting)
    return groups


class _AddsUp(argparse.Action):
    """Keeps the values of a flag that is given more than once."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        setattr(namespace, self.dest, (*(getattr(namespace, self.dest, None) or ()), *values))


def add_setting(group: Any, setting: Setting, **options: Any) -> None:
    """The flag of one setting; see `add_settings`."""
    flag, default = setting.flag, setting.default
    shown = "" if default is None or "default:" in flag.help else f" (default: {default})"
    named: dict[str, Any] = {"dest": setting.name, "default": argparse.SUPPRESS, "help": flag.help + shown}
    if setting.values == "switch":
        named |= {"action": argparse.BooleanOptionalAction, "help": flag.help}
    elif setting.choices is not None:
        named["choices"] = setting.choices
    else:
        named["metavar"] = flag.metavar
        if setting.values == "many":
            named["type"] = names
        elif flag.kind is not None:
            named["type"] = argument(flag.kind.parse)
    if flag.adds_up:
        named["action"] = _AddsUp
    if flag.bare is not None:
        named |= {"nargs": "?", "const": flag.bare}
    spelt = [f"--{setting.name.replace('_', '-')}", *([flag.also] if flag.also is not None else [])]
    group.add_argument(*spelt, **(named | options))


def add_run_settings(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Flags of every setting of a run but those `without`; absent from the arguments unless they are given."""
    add_settings(parser, c.DataConfig, "data", without)
    group = add_settings(parser, c.ModelConfig, "model", without)["model"]
    for name, flag in c.own_settings().items():
        add_setting(group, Setting(name, flag))
    group = add_settings(parser, c.ObjectiveConfig, "objective", without)["objective"]
    add_setting(group, OBJECTIVE)
    add_setting(group, NOISE, type=noise)
    groups = add_settings(parser, c.TrainingConfig, "training", without)
    add_setting(groups[KEPT], SNAPSHOT_SAMPLES, type=samples)


def add_run(parser: argparse.ArgumentParser) -> None:
    """RUN or `--run RUN`, the run folder that a later command works on; `CommandParser` takes them for one."""
    parser.add_argument(RUN_BY_PLACE, nargs="?", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--run", type=Path, metavar="RUN", help="the same")


def add_column_kinds(parser: Any, **options: Any) -> None:
    """`--column-kind`, what columns of the metadata are."""
    setting = next(setting for setting in settings_of(c.DataConfig) if setting.name == "column_kinds")
    add_setting(parser, setting, **{"default": None, **options})


def add_table(parser: Any, metadata: str, **options: Any) -> None:
    """`--metadata`, `--columns` and `--column-kind`: which metadata, and what is in them.

    Args:
        parser: of a command.
        metadata: what the first of them is, for the help.
        options: of all three.
    """
    options = {"default": None, **options}
    parser.add_argument("--metadata", type=Path, metavar="FILE", help=metadata, **options)
    parser.add_argument(
        "--columns", type=names, metavar="A,B,...", help="names of the columns of .npy metadata", **options
    )
    add_column_kinds(parser, **options)


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument(
        "--device", choices=DEVICES, default="auto", help="where to compute; auto uses a GPU if there is one"
    )


def add_rows(parser: Any) -> None:
    """`--rows`, which images are shown."""
    parser.add_argument(
        "--rows",
        choices=("all", "held-out"),
        help="images to show: all, with those that were trained on in pale colours, or only the held-out ones "
        "(default: all)",
    )


def add_figure_flags(group: Any, *, default: str, movies: bool = True, action: Any = "store") -> None:
    """`--format` and `--dpi`, absent from the arguments (None) unless they are given.

    Args:
        group: of a parser, or the parser.
        default: in which formats the command writes, in words.
        movies: whether it makes movies, too.
        action: of `--format`.
    """
    group.add_argument(
        "--format",
        nargs="+",
        choices=(*MOVIE_FORMATS, *FIGURE_FORMATS) if movies else FIGURE_FORMATS,
        action=action,
        metavar="FORMAT",
        help=(f"movies as {' or '.join(MOVIE_FORMATS)}; " if movies else "")
        + f"formats of figures, one or more of {', '.join(FIGURE_FORMATS)}; svg and pdf stay sharp at any size "
        f"(default: {default})",
    )
    group.add_argument(
        "--dpi",
        type=number(int, f"a whole number of dots per inch from {LEAST_DPI} to {MOST_DPI}", LEAST_DPI, MOST_DPI),
        metavar="N",
        help=f"dots per inch of figures: 300 for print (default: {DPI})",
    )


def figure_options(args: argparse.Namespace, default: tuple[str, ...] = ("png",)) -> FigureOptions:
    """How figures are to be written: in the formats that are given, or the `default` where none of a figure is."""
    formats = tuple(dict.fromkeys(name for name in args.format or () if name in FIGURE_FORMATS))
    return FigureOptions(formats or default, DPI if args.dpi is None else args.dpi)


def movie_format(args: argparse.Namespace) -> Literal["mp4", "gif"]:
    """The format of movies: `mp4` unless another is given.

    Raises:
        UserError: two are.
    """
    given = [name for name in MOVIE_FORMATS if name in (args.format or ())]
    if len(given) > 1:
        raise UserError(f"--format {' '.join(given)}: a movie is written in only one of them: leave the other out")
    return "gif" if given == ["gif"] else "mp4"


def add_common(parser: argparse.ArgumentParser) -> None:
    """Flags that every command has."""
    group = parser.add_argument_group("output")
    group.add_argument("--quiet", action="store_true", help="show no progress and no summary, only errors")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")
