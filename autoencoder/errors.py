"""The one error that a user can fix, and the words that messages share: lists, numbers of things, near names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice

CLOSE_ENOUGH = 0.7
"""How much of two names has to be the same for one to be taken for a slip of the other (1 for all of it)."""

MOST_COMPARED = 2000
"""At most this many known names are compared, and none longer than a tenth of it, since each takes its time."""


class UserError(Exception):
    """Something the user can fix: bad input, options that do not go together, a missing file.

    The command line prints it as one line and leaves with exit status 2. A message says what is wrong, in which
    file, and what to do. Checks that find several problems collect them and raise once.

    Args:
        problems: one message, or several.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("; ".join(self.problems))


def raise_if_any(problems: Iterable[str]) -> None:
    """Raise one `UserError` with every problem in `problems`, or return if there is none."""
    collected = tuple(problems)
    if collected:
        raise UserError(collected)


def unknown(what: str, names: Sequence[str], known: Collection[str]) -> list[str]:
    """What to say of each of `names` that is not among `known`."""
    return [f"unknown {what} '{name}'{meant_or_choices(name, known)}" for name in names if name not in known]


def meant_or_choices(name: str, known: Collection[str]) -> str:
    """What to say behind an unknown `name`: the name that was probably meant, or else all that are known."""
    return did_you_mean(name, known) or f": choose from {', '.join(known)}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, to stand behind an unknown `name`, of the nearest name in `known`; "" if none is near."""
    near = nearest_name(name, known)
    return "" if near is None else f" (did you mean '{near}'?)"


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The name in `known` that `name` is probably a slip of; None if none is near."""
    longest = MOST_COMPARED // 10
    if len(name) > longest:
        return None
    by_lower = {one.lower(): one for one in islice(known, MOST_COMPARED) if len(one) <= longest}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=CLOSE_ENOUGH)
    return by_lower[near[0]] if near else None


def number_of(n: int, noun: str) -> str:
    """Such as "1 image" or "1,600 images"."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Such as "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def first_few(names: Sequence[str], most: int) -> str:
    """Such as "a, b, ...": no more than `most` of the names."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def problems_of(check: Callable[..., object], *arguments: object) -> list[str]:
    """The problems that `check` of `arguments` finds."""
    try:
        check(*arguments)
    except UserError as error:
        return list(error.problems)
    return []
