"""What was found out about one subject, as the report of `doctor` shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from autoencoder.errors import UserError
from autoencoder.machine.plain_text import one_line


@dataclass
class Found:
    """What was found out about one subject.

    Attributes:
        rows: by what they say, in the order of the report.
        problems: what commands need and do not have, each with what to do about it.
        notes: what is worth knowing and stops nothing.
    """

    rows: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Add what was found out elsewhere about the same subject."""
        self.rows |= other.rows
        self.problems += other.problems
        self.notes += other.notes


def looked_into(name: str, look: Callable[[], Found]) -> Found:
    """What `look` finds. Whatever it raises is a problem of `name`: what is looked into may be broken in any way."""
    try:
        return look()
    except UserError as error:
        return Found({name: "fails"}, [f"{name} fails: {problem}" for problem in error.problems])
    except Exception as error:
        return Found({name: "fails"}, [f"{name} fails: {type(error).__name__}: {one_line(str(error))}"])


def said_bytes(n_bytes: int) -> str:
    """Such as "16.8 GB"."""
    return f"{n_bytes / 1e9:,.1f} GB"
