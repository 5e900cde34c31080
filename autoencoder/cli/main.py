"""`autoencoder`: the command line. Parses, calls, prints; everything else is below it."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from autoencoder.cli.completion import SHELLS, PrintCompletion
from autoencoder.cli.flags import old_flags
from autoencoder.cli.flags.options import CommandParser, Parser, add_common
from autoencoder.errors import UserError
from autoencoder.machine.libraries import silence_libraries
from autoencoder.machine.plain_text import one_line
from autoencoder.version import DOCUMENTATION, __version__

COMMANDS = (
    "demo",
    "prepare",
    "join",
    "train",
    "test",
    "encode",
    "export",
    "visualize",
    "explore",
    "clips",
    "compare",
    "study",
    "info",
    "doctor",
)
"""Each is a module of `commands` with `HELP`, `add_arguments(parser)` and `run(args)`."""

OUT_OF_MEMORY = (
    "out of memory: train with a smaller --batch-size and --snapshot-batch-size, use smaller images, or save a large "
    "set as .npy, which is memory-mapped"
)

DESCRIPTION = """\
How does the objective of learning change what a network represents?

Prepare images, train an autoencoder on them, test how well it removes noise, and watch its latent space take shape."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; needs neither torch nor umap, so that help comes at once."""
    parser = Parser(prog="autoencoder", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"autoencoder {__version__}")
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        default=argparse.SUPPRESS,  # commands look at all that was given
        help="print a script with which this shell completes commands, flags and files (see the quick start, "
        f"{DOCUMENTATION}quickstart.html)",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=CommandParser)
    for name in COMMANDS:
        module = importlib.import_module(f"autoencoder.cli.commands.{name}")
        command = commands.add_parser(
            name, help=module.HELP, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        if not command.get_default("has_subcommands"):
            add_common(command)
    return parser


def main(
    argv: Sequence[str] | None = None, translate: Callable[[Sequence[str]], list[str]] = old_flags.translate
) -> int:
    """Run one command; returns the exit status.

    Args:
        argv: the command line; None for the process's own.
        translate: rewrites old flags in it to today's; the files in `scripts/` pass one that adds the old defaults.

    0 for success; 2 with one line on standard error for what the user can mend; 130 after Ctrl-C and 143 after
    SIGTERM, once what can be saved is saved. Anything else is a defect of the toolkit and shows its traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    signal.signal(signal.SIGTERM, _leave)
    if not debug:
        silence_libraries()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files and columns may be what it cannot write
    try:
        args = build_parser().parse_args(translate(arguments))
        importlib.import_module(f"autoencoder.cli.commands.{args.command}").run(args)
        sys.stdout.flush()
    except UserError as error:
        if debug:
            raise
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        stopped = _stopped_by(error)
        print("interrupted" if stopped is None else one_line(str(error)), file=sys.stderr)
        return 128 + (signal.SIGINT if stopped is None else stopped)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; point stdout away so that Python's last flush stays silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13  # as a program that SIGPIPE ends: the command may not have done all that it was asked for
    except Exception as error:
        message = OUT_OF_MEMORY if _is_out_of_memory(error) else _of_the_system(error)
        if debug or message is None:
            raise
        print(f"error: {one_line(message)}", file=sys.stderr)
        return 2
    return 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM as an exception, so that temporary files are removed on the way out."""
    raise SystemExit(128 + number)


def _stopped_by(error: KeyboardInterrupt) -> int | None:
    """The signal after which a step saved and stopped; None where nothing was saved."""
    from autoencoder.machine.stopping import Interrupted

    return error.signum if isinstance(error, Interrupted) else None


def _of_the_system(error: Exception) -> str | None:
    """What the system says of a file that nothing else has explained, such as that its name is too long; or None."""
    if not isinstance(error, OSError):
        return None
    if error.filename is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else str(error.filename)
        return f"{name}: {error.strerror}; check the path, its permissions and the free disk space"
    if error.errno == errno.ENOSPC:
        return "no space left for the output: free some, or write it elsewhere"
    return None


def _is_out_of_memory(error: Exception) -> bool:
    """Whether numpy, torch on a GPU, or torch on the CPU (which says so in words only) ran out of memory."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"MemoryError", "OutOfMemoryError"}) or "DefaultCPUAllocator" in str(error)


if __name__ == "__main__":
    sys.exit(main())
