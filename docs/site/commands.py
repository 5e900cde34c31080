"""The parser of each command by its name, for the pages of the command line: `commands.train()`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from autoencoder.cli.main import build_parser


def __getattr__(name: str) -> Callable[[], argparse.ArgumentParser]:
    """What makes the parser of a command."""
    (commands,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    if name not in commands.choices:
        raise AttributeError(name)
    return lambda: commands.choices[name]
