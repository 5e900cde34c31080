"""What a study found, in words: no sentence without its number, and none without its control."""

from __future__ import annotations

import statistics as stats
from collections.abc import Mapping, Sequence
from typing import Any

from autoencoder.measures.nulls import SIGNIFICANT
from autoencoder.study.measured.likeness import MAIN


def sentences(statistics: Mapping[str, Any]) -> list[str]:
    """The answer first, then what it depends on."""
    found = statistics.get("similarity")
    if not found:
        return []
    if why := found.get("why_not"):
        return [f"Representations were not compared: {why}."]
    said = [_headline(found, statistics)]
    said += _other_measures(found)
    said += _rings(statistics.get("topology", {}))
    if (matched := statistics.get("matched")) is not None and "why_not" not in matched:
        said.append(f"Compared at {matched['moment']}: {_lower(_headline(matched, statistics))}")
    return said


def _rings(topology: Mapping[str, Any]) -> list[str]:
    """Settings all of whose seeds make a ring, with its null, and the angle whose order it keeps."""
    said = []
    for ring in topology.get("settings", []):
        if not ring["is_ring"] or ring["runs"] < 2:
            continue
        ratio, first, chance = (
            stats.mean(run[name] for run in ring["by_run"]) for name in ("ratio", "first", "first_by_chance")
        )
        orders = mean_orders(ring)
        best = max(orders, key=lambda name: orders[name], default=None)
        by = "" if best is None else f", in the order of {best} ({orders[best]:.3f} of 1)"
        said.append(
            f"Codes of '{ring['setting']}' lie on a ring in all {ring['runs']} seeds (first bar {ratio:.0f} times the "
            f"second, and {first:.2f} of the diameter, by chance {chance:.2f}){by}."
        )
    return said


def mean_orders(ring: Mapping[str, Any]) -> dict[str, float]:
    """How well the order round a setting's rings is that of each angle, on average over the runs that have one."""
    names = dict.fromkeys(name for run in ring["by_run"] for name in run["cyclic_order"])
    return {
        name: stats.mean(run["cyclic_order"][name] for run in ring["by_run"] if name in run["cyclic_order"])
        for name in names
    }


def _headline(found: Mapping[str, Any], statistics: Mapping[str, Any]) -> str:
    measure = found["measures"][MAIN]
    end, test = measure["at_the_end"], measure["test"]
    what = _what_varies(statistics)
    parts = []
    if end["within"] is not None:
        parts.append(f"Networks of one {what} differ by {end['within']:.0f} degrees between seeds")
    if end["other_setting_other_seed"] is not None:
        start = "those" if parts else "Networks"
        parts.append(f"{start} of different {_plural(what)} by {end['other_setting_other_seed']:.0f}")
    if (untrained := _untrained(measure)) is not None:
        parts.append(f"untrained ones by {untrained:.0f}")
    if end["by_chance"] is not None:
        parts.append(f"by chance {end['by_chance']:.0f}")
    listed = ", ".join(parts)
    if why := test.get("why_not"):
        return f"{listed}; whether that is more than chance is not known: {why}."
    return f"{listed} ({test_text(test, found['seeds'])})."


def test_text(test: Mapping[str, Any], seeds: Sequence[int]) -> str:
    """Such as "p = 0.0046, the least that 4 seeds can give; omega2 0.58, under no effect R2 averages 0.2"."""
    least = f", the least that {len(seeds)} seeds can give" if test["p"] <= test["least_p"] * (1 + 1e-9) else ""
    return (
        f"p = {p_text(test['p'])}{least}; R2 {test['r2']:.2f}, omega2 {test['omega2']:.2f}, under no effect R2 "
        f"averages {test['r2_by_chance']:.2f}"
    )


def p_text(p: float) -> str:
    """A p value with two digits that mean something."""
    return f"{p:.2g}"


def _untrained(measure: Mapping[str, Any]) -> float | None:
    """How far networks of other seeds are apart before their first update."""
    first = next((moment for moment in measure["over_training"] if moment["epoch"] == 0), None)
    value: float | None = None if first is None else first["within"]
    return value


def _other_measures(found: Mapping[str, Any]) -> list[str]:
    tests = {
        name: measure["test"] for name, measure in found["measures"].items() if name != MAIN and "p" in measure["test"]
    }
    main = found["measures"][MAIN]["test"]
    if not tests or "p" not in main:
        return []
    listed = [
        f"{found['measures'][name]['title']} (p = {p_text(test['p'])}, omega2 {test['omega2']:.2f})"
        for name, test in tests.items()
    ]
    agree = [name for name, test in tests.items() if (test["p"] < SIGNIFICANT) == (main["p"] < SIGNIFICANT)]
    verdict = "holds under" if len(agree) == len(tests) else "depends on the measure:"
    said = [f"The verdict {verdict} {_and(listed)}."]
    dispersion = found["measures"][MAIN]["dispersion"]
    if dispersion.get("in_place_or_in_spread"):
        said.append(
            f"Seeds of one setting scatter {dispersion['ratio']:.1f} times as far as those of another, so settings "
            "differ in place or in spread."
        )
    return said


def _what_varies(statistics: Mapping[str, Any]) -> str:
    names = list(statistics.get("settings", {}))
    return names[0].replace("_", " ") if len(names) == 1 else "setting"


def _plural(noun: str) -> str:
    return noun if noun.endswith("s") else f"{noun}s"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
