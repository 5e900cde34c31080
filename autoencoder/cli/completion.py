"""Scripts with which a shell completes commands, flags, choices and paths; made of the parsers by shtab."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

SHELLS = ("bash", "zsh", "fish")

OF_FILES = frozenset({"CHECKPOINT", "DATA", "FILE", "PATH"})
OF_FOLDERS = frozenset({"FOLDER", "RUN", "STUDY"})
"""Words in the metavar of an argument by which it is a path; one with words of folders alone takes no files."""


class PrintCompletion(argparse.Action):
    """The flag that prints the script for a shell, instead of running a command."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Print, and leave."""
        print(completion_script(parser, values))
        parser.exit()


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that makes a shell complete the command line of `parser`.

    Args:
        parser: of all commands; what its arguments take is noted in it, so it is not to parse anything afterwards.
        shell: one of `SHELLS`.
    """
    import shtab

    for one in _parsers(parser):
        for action in one._actions:
            kind = path_kind(action)
            if kind is not None:
                action.complete = shtab.DIRECTORY if kind == "folder" else shtab.FILE  # type: ignore[attr-defined]
                if action.option_strings:
                    action.nargs = None  # behind a flag of several paths, bash would complete no flags
            if isinstance(action.metavar, str) and ":" in action.metavar:
                action.metavar = None  # zsh divides what it is told at colons
    return AMENDED.get(shell, str)(shtab.complete(parser, shell))


def _for_bash(script: str) -> str:
    """With names of files treated as such: a slash goes behind a folder, and spaces are quoted."""
    return f"{script.rstrip()}\ncomplete -o bashdefault -o filenames -F _shtab_autoencoder autoencoder\n"


def _for_zsh(script: str) -> str:
    """With each of several arguments completed, and not the first alone."""
    return re.sub(r'^  "\(\*\)::?', '  "*:', script, flags=re.MULTILINE)


AMENDED = {"bash": _for_bash, "zsh": _for_zsh}
"""What shtab's scripts lack, by shell."""


def path_kind(action: argparse.Action) -> Literal["file", "folder"] | None:
    """Whether an argument takes the path of a file (or of either), or that of a folder; None where it takes no path."""
    words = set(re.findall("[A-Z]+", action.metavar)) if isinstance(action.metavar, str) else set()
    if action.choices is not None or (action.type is not Path and not words & (OF_FILES | OF_FOLDERS)):
        return None
    return "folder" if words and words <= OF_FOLDERS else "file"


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of all its commands. What these do is said in a line each, as shells show it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            said = {choice.dest: choice.help for choice in action._get_subactions()}
            for name, one in action.choices.items():
                one.description = said[name]
                yield from _parsers(one)
