"""How numbers and names are written in what a study says."""

from __future__ import annotations

import statistics as stats
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoencoder.errors import number_of

Found = Mapping[str, Any]
"""`statistics.json`, or a part of it."""


@dataclass(frozen=True)
class Sentence:
    """Something that was found, in words.

    Attributes:
        text: the sentence, with its number and its control.
        topic: what its evidence is: "distances", "told", "topology", "units", "training", "metrics", "noise",
            "controls", "seeds" or "data".
    """

    text: str
    topic: str


def section(found: Found, name: str) -> Found:
    """A part of the statistics; empty where it was not measured, or could not be."""
    part = found.get(name)
    return {} if not isinstance(part, Mapping) or "why_not" in part else part


def varied(found: Found) -> str:
    """What varies between settings: the name of the one thing that does, else "setting"."""
    names = list(found.get("settings", {}))
    return names[0].replace("_", " ") if len(names) == 1 and names[0].isidentifier() else "setting"


def plural(noun: str) -> str:
    """Of a name of settings."""
    return noun if noun.endswith("s") else f"{noun}s"


def capitalized(text: str) -> str:
    """With a capital at the beginning, and the rest as it is."""
    return text[:1].upper() + text[1:]


def seeds_text(n: int) -> str:
    """Such as "1 seed" or "4 seeds"."""
    return number_of(n, "seed")


def degrees(angle: float) -> str:
    """An angle in degrees, with a decimal where it is small."""
    return f"{angle:.0f}" if abs(angle) >= 9.95 else f"{angle:.1f}"


def rounded(value: float, form: str) -> str:
    """A number in a format such as ".2f", without the sign of a zero."""
    text = f"{value:{form}}"
    return text.lstrip("+-") if float(text) == 0 else text


def p_text(p: float) -> str:
    """A p value with two digits that mean something."""
    return f"{p:.2g}"


def test_text(test: Found, similarity: Found) -> str:
    """Such as "p = 0.0046, the smallest that 3 settings and 4 seeds can give; settings account for R2 = 0.71 of the
    squared distances between networks, and for 0.2 if they had no effect; omega2 0.58"."""
    least = ""
    if test["p"] <= test["least_p"] * (1 + 1e-9):
        design = f"{len(similarity['settings'])} settings and {seeds_text(len(similarity['seeds']))}"
        least = f", the smallest that {design} can give"
    said = [f"p = {p_text(test['p'])}{least}"]
    if test["r2"] is not None:
        share = f"settings account for R2 = {rounded(test['r2'], '.2f')} of the squared distances between networks"
        chance = test["r2_by_chance"]
        said.append(share if chance is None else f"{share}, and for {rounded(chance, '.2f')} if they had no effect")
    if test["omega2"] is not None:
        said.append(f"omega2 {rounded(test['omega2'], '.2f')}")
    return "; ".join(said)


def mean_orders(ring: Found) -> dict[str, float]:
    """How well the order round a setting's rings is that of each angle, on average over the runs that have one."""
    names = dict.fromkeys(name for run in ring["by_run"] for name in run["cyclic_order"])
    return {
        name: stats.mean(run["cyclic_order"][name] for run in ring["by_run"] if name in run["cyclic_order"])
        for name in names
    }


def mean_between(measure: Found, one: str, other: str) -> float | None:
    """Mean of a similarity over pairs of runs of two settings, or between seeds of one."""
    between = measure["between_settings"]
    if one not in between["settings"] or other not in between["settings"]:
        return None
    value: float | None = between["means"][between["settings"].index(one)][between["settings"].index(other)]
    return value
