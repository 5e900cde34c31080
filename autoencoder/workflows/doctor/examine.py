"""All that `doctor` looks into, as one report that says nothing of who asks."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from autoencoder.workflows.doctor import computer, software, trials
from autoencoder.workflows.doctor.found import Found, looked_into


@dataclass(frozen=True)
class Report:
    """What was found out.

    Attributes:
        sections: rows by what they say, by the section's title.
        problems: what commands need and do not have; nothing where all works.
        notes: what is worth knowing and stops nothing.
    """

    sections: dict[str, dict[str, str]]
    problems: list[str]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"works": not self.problems, **vars(self)}

    def lines(self) -> Iterator[str]:
        """The report as text, in which names are as wide as the widest."""
        width = max(len(name) for rows in self.sections.values() for name in rows)
        for title, rows in self.sections.items():
            yield title
            for name, value in rows.items():
                yield f"  {name:<{width}}  {value}"
        for text in self.notes:
            yield f"note: {text}"
        for text in self.problems:
            yield f"problem: {text}"
        n = len(self.problems)
        yield f"{n} problem{'s' * (n != 1)}: see above" if n else "all that commands need works"


def examine(out: Path) -> Report:
    """Look into all that commands need, and try what they do in the small; whatever is broken, the others are seen.

    Args:
        out: where runs would go; it need not exist, and nothing is left there.

    Returns:
        the report, in which the home folder is `~` and the user's name does not stand.
    """
    imports = software.Imports()  # beside all else, since they take longest
    parts: dict[str, dict[str, Callable[[], Found]]] = {
        "versions": {"versions": software.versions},
        "extras": {"extras": software.extras},
        "device": {"device": computer.device, "processor": computer.processor},
        "memory": {"memory": computer.memory},
        "folders": {"folders": partial(computer.folders, out)},
        "tried": {
            "ffmpeg": computer.ffmpeg,
            "movie": trials.movie,
            "training": trials.training,
            "imports": imports.found,
        },
    }
    sections, all_found = dict[str, dict[str, str]](), Found()
    for title, looks in parts.items():
        section = Found()
        for name, look in looks.items():
            section.add(looked_into(name, look))
        sections[title] = {name: without_user(text) for name, text in section.rows.items()}
        all_found.add(section)
    return Report(sections, list(map(without_user, all_found.problems)), list(map(without_user, all_found.notes)))


def without_user(text: str) -> str:
    """`text` with `~` for the home folder, and without the user's name in paths elsewhere."""
    try:
        home, user = str(Path.home()), getpass.getuser()
    except (RuntimeError, KeyError, OSError):  # numbers without a name, as in containers
        return text
    if home != "/":
        text = re.sub(rf"{re.escape(home)}(?=$|[^\w.-])", "~", text)
    return re.sub(rf"(?<=/){re.escape(user)}(?=/|$|[\s,:)])", "USER", text)
