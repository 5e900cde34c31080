"""The one error that a user can mend, and collecting the problems that it tells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence


class UserError(Exception):
    """Something the user can mend: bad input, options that do not go together, a missing file.

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
    return [f"a {what} is one of {', '.join(known)}, not '{name}'" for name in names if name not in known]


def problems_of(check: Callable[..., object], *arguments: object) -> list[str]:
    """The problems that `check` of `arguments` finds."""
    try:
        check(*arguments)
    except UserError as error:
        return list(error.problems)
    return []
