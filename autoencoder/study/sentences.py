"""What a study found, in words: no sentence without its number, and none without its control."""

from __future__ import annotations

import itertools
import math
import statistics as stats
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoencoder.errors import listed
from autoencoder.measures.emergence import BLIND_DEG, TOLD, Fate
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.nulls import SIGNIFICANT
from autoencoder.measures.probes import PROBES
from autoencoder.study.measured.likeness import MAIN
from autoencoder.study.measured.units import ERROR
from autoencoder.study.wording import (
    Found,
    Sentence,
    capitalized,
    degrees,
    mean_between,
    mean_orders,
    p_text,
    plural,
    rounded,
    section,
    seeds_text,
    test_text,
    varied,
)

MOST_COLUMNS = 2
"""Columns that sentences are about, at most: those that settings tell most differently."""


def question(found: Found) -> str:
    """What a study asks."""
    names = list(found.get("settings", {}))
    if len(names) == 1:
        return f"Does the {varied(found)} change what a network represents?"
    subject = listed([name.replace("_", " ") for name in names]) if names else "settings"
    return f"What do {subject} change in what a network represents?"


def sentences(found: Found) -> list[Sentence]:
    """The answer first, then where, when and in what settings differ."""
    similarity = found.get("similarity", {})
    said = list[Sentence]()
    if why := similarity.get("why_not"):
        said = [Sentence(f"Representations were not compared: {why}.", "distances")]
    elif similarity:
        said = [
            Sentence(verdict(similarity, found), "distances"),
            *_factors(similarity),
            *_extremes(similarity),
            *_nearest_to_pixels(similarity),
            *_since_when(similarity),
        ]
    return [*said, *_told(found), *_rings(found), *_units(found)]


# --------------------------------------------------------------------------------------------------------- the verdict


def verdict(similarity: Found, found: Found) -> str:
    """Whether settings change representations, with distances within and between them, untrained and by chance."""
    measure, noun = similarity["measures"][MAIN], varied(found)
    distances, test = _distances(measure, noun), measure["test"]
    whether = f"Whether the {noun} changes what a network represents"
    if why := test.get("why_not"):
        return f"{whether} is not known: {why}. {capitalized(distances)}."
    said = f"{distances} ({test_text(test, similarity)})"
    if test["p"] < SIGNIFICANT:
        return f"The {noun} changes what a network represents: {said}."
    if test["least_p"] >= SIGNIFICANT:
        few = f"no p below {p_text(test['least_p'])} is possible with {seeds_text(len(similarity['seeds']))}"
        return f"{whether} cannot be decided, since {few}: {said}."
    return f"No effect of the {noun} on what a network represents was found: {said}."


def _distances(measure: Found, noun: str) -> str:
    end = measure["at_the_end"]
    different = f"networks of different {plural(noun)}"
    distances = {different: end["other_setting_other_seed"]}
    if distances[different] is None:
        distances = {f"{different} that began at the same weights": end["other_setting_same_seed"]}
    distances |= {
        f"seeds of one {noun}": end["within"],
        "untrained seeds": _untrained(measure),
        "unrelated codes": end["by_chance"],
    }
    first, *others = [(what, degrees(value)) for what, value in distances.items() if value is not None] or [("", "")]
    if not first[0]:
        return "there are no two networks to compare"
    return ", ".join([f"{first[0]} differ by {first[1]} degrees", *(f"{what} by {value}" for what, value in others)])


def _untrained(measure: Found) -> float | None:
    """How far networks of other seeds are apart before their first update."""
    first = next((moment for moment in measure["over_training"] if moment["epoch"] == 0), None)
    value: float | None = None if first is None else first["within"]
    return value


def _factors(similarity: Found) -> list[Sentence]:
    factors = similarity["measures"][MAIN]["factors"]
    parts = [
        f"{name.replace('_', ' ')} (omega2 {rounded(entry['omega2'], '.2f')}, p = {p_text(entry['p'])}, the smallest "
        f"possible is {p_text(entry['least_p'])})"
        for name, entry in factors.items()
        if isinstance(entry, dict) and "p" in entry and entry["omega2"] is not None
    ]
    return [Sentence(f"Each beside the others: {listed(parts)}.", "distances")] if parts else []


def _extremes(similarity: Found) -> list[Sentence]:
    """The two settings that are farthest apart and the two that are nearest, where there are three or more."""
    measure, settings = similarity["measures"][MAIN], similarity["settings"]
    pairs = {
        pair: value
        for pair in itertools.combinations(settings, 2)
        if (value := mean_between(measure, *pair)) is not None
    }
    if len(pairs) < 2:
        return []
    far, near = max(pairs, key=lambda pair: pairs[pair]), min(pairs, key=lambda pair: pairs[pair])
    chance = measure["at_the_end"]["by_chance"]
    by_chance = "" if chance is None else f"; by chance {degrees(chance)}"
    return [
        Sentence(
            f"Farthest apart are '{far[0]}' and '{far[1]}' ({degrees(pairs[far])} degrees), nearest '{near[0]}' and "
            f"'{near[1]}' ({degrees(pairs[near])}{by_chance}).",
            "distances",
        )
    ]


def _nearest_to_pixels(similarity: Found) -> list[Sentence]:
    """The setting that is nearest to principal components of the pixels, beside how far its seeds are apart."""
    measure = similarity["measures"][MAIN]
    said = []
    for pixels in (run["setting"] for run in similarity["runs"] if _is_of_pixels(run)):
        near = {
            setting: value
            for setting in similarity["settings"]
            if (value := mean_between(measure, setting, pixels)) is not None
        }
        if len(near) > 1:
            nearest = min(near, key=lambda setting: near[setting])
            own = mean_between(measure, nearest, nearest)
            beside = "" if own is None else f"; its own seeds are {degrees(own)} apart"
            text = f"Nearest to {pixels} is '{nearest}' ({degrees(near[nearest])} degrees{beside})"
            said.append(Sentence(f"{text}.", "distances"))
    return said[:1]


def _since_when(similarity: Found) -> list[Sentence]:
    """From which moment on the effect is there at every later one."""
    over = similarity["measures"][MAIN]["test"].get("over_training", [])
    tail = _lasting(over)
    if not tail:
        return []
    p = max(moment["p_over_moments"] for moment in tail)
    text = (
        f"The difference is there from epoch {tail[0]['epoch']:.2g} on, at each of {len(tail)} snapshots (p over all "
        f"{len(over)} snapshots at most {p_text(p)})"
    )
    tails = [_lasting(one["test"].get("over_training", [])) for one in similarity["measures"].values()]
    if all(tails) and (last := max(one[0]["epoch"] for one in tails)) > tail[0]["epoch"]:
        text += f", and by every measure of similarity from epoch {last:.2g} on"
    return [Sentence(f"{text}.", "distances")]


def _lasting(over: Sequence[Found]) -> list[Found]:
    """The moments from which on there is an effect at every later one."""
    tail = itertools.takewhile(lambda moment: moment["p_over_moments"] < SIGNIFICANT, reversed(over))
    return list(tail)[::-1]


# --------------------------------------------------------------------------------------------- what codes tell, and how


@dataclass(frozen=True)
class Contrast:
    """The two settings of which one tells a column best and the other least, by one probe.

    Attributes:
        column, kind, probe: what is told, and how it is read; `title` is the probe's.
        best, least: the settings; several, where their differences may be none. `scores` of all settings.
        difference: between the first of each, within seeds, with its interval: "mean", "low", "high".
        gap: between the two, on a scale on which all there is to tell is 1.
    """

    column: str
    kind: ColumnKind
    probe: str
    title: str
    best: tuple[str, ...]
    least: tuple[str, ...]
    scores: Mapping[str, float]
    difference: Found
    gap: float


def contrasts(probes: Found) -> list[Contrast]:
    """Of each column that settings tell differently, the probe by which they do most, the largest first.

    Columns that change too slowly for so few images are left out, and differences whose interval holds 0.
    """
    best: list[Contrast] = []
    for name, column in probes.get("columns", {}).items():
        if not column["enough_time"]:
            continue
        found = [_contrast(name, column, probe.name, probe.title) for probe in PROBES]
        known = [contrast for contrast in found if contrast is not None and contrast.gap >= TOLD]
        best += [max(known, key=lambda contrast: contrast.gap)] if known else []
    return sorted(best, key=lambda contrast: -contrast.gap)


def _contrast(name: str, column: Found, probe: str, title: str) -> Contrast | None:
    effect, kind = column["effects"][probe], ColumnKind(column["kind"])
    if effect is None:
        return None
    means = {entry["setting"]: entry["mean"] for entry in effect["settings"]}
    chance = _mean(run[probe]["by_chance"] for run in column["runs"].values())
    whole = {ColumnKind.LINEAR: 1.0, ColumnKind.CIRCULAR: BLIND_DEG}.get(kind, 1 - (chance or 0))
    sure = [
        difference
        for difference in effect["differences"]
        if difference["low"] is not None and (difference["low"] > 0 or difference["high"] < 0)
    ]
    if not sure or whole <= 0:
        return None
    widest = max(sure, key=lambda difference: abs(difference["mean"]))
    pair = [widest["first"], widest["second"]]
    if (widest["mean"] < 0) != (kind is ColumnKind.CIRCULAR):
        pair.reverse()
    floors = [means[one] if kind is ColumnKind.CIRCULAR else max(means[one], 0.0) for one in pair]
    gap = abs(floors[0] - floors[1]) / whole
    best, least = (_alike(one, effect["differences"], sure) for one in pair)
    return Contrast(name, kind, probe, title, best, least, means, widest, gap)


def _alike(setting: str, differences: Sequence[Found], sure: Sequence[Found]) -> tuple[str, ...]:
    """A setting, and those whose differences from it may be none."""
    near = [one for one in differences if setting in (one["first"], one["second"]) and one not in sure]
    others = [one["second"] if one["first"] == setting else one["first"] for one in near]
    return (setting, *others)


def _told(found: Found) -> list[Sentence]:
    if (probes := found.get("probes")) is None:
        return []
    if why := probes.get("why_not"):
        return [Sentence(f"What can be read from the codes is not known: {why}.", "told")]
    if not probes["columns"]:
        return [Sentence("What can be read from the codes is not known: no column could be probed.", "told")]
    several = contrasts(probes)[:MOST_COLUMNS]
    return [Sentence(_contrast_text(contrast, probes["columns"][contrast.column]), "told") for contrast in several]


def _contrast_text(contrast: Contrast, column: Found) -> str:
    low, high = sorted((abs(contrast.difference["low"]), abs(contrast.difference["high"])))
    score, form, unit = SCORES[contrast.kind]
    design = [run for run in column["runs"].values() if run["control"] is None and run["seed"] is not None]
    by_chance = _mean(run[contrast.probe]["by_chance"] for run in design)
    chance = "" if by_chance is None else f", by chance {rounded(by_chance, form)}"
    best, least = (
        (listed([f"'{name}'" for name in names]), listed([rounded(contrast.scores[name], form) for name in names]))
        for names in (contrast.best, contrast.least)
    )
    text = (
        f"{capitalized(_name(contrast.column))} is read best from {best[0]} ({score} {best[1]}{unit} by "
        f"{contrast.title}{chance}) and least from {least[0]} ({least[1]}), a difference within seeds of "
        f"{abs(contrast.difference['mean']):{form}} (95 % {low:{form}} to {high:{form}})"
    )
    pixels = {run["setting"]: run[contrast.probe]["final"] for run in column["runs"].values() if _is_of_pixels(run)}
    for name, value in list(pixels.items())[:1]:
        text += f"; from {name} {rounded(value, form)}"
    return f"{text}{_other_probe(contrast, column, form)}{_fate_text(contrast, column)}."


def _other_probe(contrast: Contrast, column: Found, form: str) -> str:
    """What the other probe reads from the same two settings."""
    parts = []
    for probe in PROBES:
        effect = column["effects"][probe.name]
        if probe.name == contrast.probe or effect is None:
            continue
        means = {entry["setting"]: entry["mean"] for entry in effect["settings"]}
        one, other = (rounded(means[names[0]], form) for names in (contrast.best, contrast.least))
        parts.append(f"; by {probe.title} {one} and {other}")
    return "".join(parts)


SCORES = {
    ColumnKind.LINEAR: ("R2", ".2f", ""),
    ColumnKind.CIRCULAR: ("median error", ".1f", " degrees"),
    ColumnKind.CATEGORY: ("balanced accuracy", ".2f", ""),
}
"""How a score is written: its name, its format, and what stands behind it."""


def _name(column: str) -> str:
    return column.removesuffix("_deg").replace("_", " ")


def _is_of_pixels(run: Found) -> bool:
    return run["control"] is not None and run["seed"] is None


def _fate_text(contrast: Contrast, column: Found) -> str:
    """What became of the column in training where it is told least."""
    said = []
    for setting in contrast.least:
        fates = [run["fate"] for run in column["runs"].values() if run["setting"] == setting]
        fate = next((fate for fate in FATES if fate.value in fates), None)
        if fate is not None:
            n = fates.count(fate.value)
            said.append(f"{FATES[fate]} during training in {n} of {len(fates)} runs of '{setting}'")
    return f"; it was {listed(said)}" if said else ""


FATES = {Fate.LOST: "lost", Fate.FOLDED: "folded (still there, but no longer along a line)"}
"""What is said of columns that were told earlier."""


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return stats.mean(known) if known else None


# ------------------------------------------------------------------------------------------------------ shape and size


def _rings(found: Found) -> list[Sentence]:
    """Settings all of whose seeds make a ring, with its null, and the angle whose order it keeps."""
    controls = {run["setting"] for run in section(found, "similarity").get("runs", []) if run["control"] is not None}
    settings = [ring for ring in section(found, "topology").get("settings", []) if ring["runs"] >= 2]
    rings = [ring for ring in settings if ring["is_ring"]]
    said = [Sentence(_ring_text(ring), "topology") for ring in rings]
    trained = [ring for ring in settings if ring["setting"] not in controls]
    if trained and not rings:
        runs = [run for ring in trained for run in ring["by_run"]]
        n, first = sum(run["is_ring"] for run in runs), stats.mean(run["first"] for run in runs)
        chance = stats.mean(run["first_by_chance"] for run in runs)
        said.append(
            Sentence(
                f"Under no setting do the codes of all seeds lie on a ring (in {n} of {len(runs)} runs they do): the "
                f"longest loop lasts {first:.2f} of the diameter on average, by chance {chance:.2f}.",
                "topology",
            )
        )
    return said


def _ratio(ring: Found) -> float:
    return float(stats.median(run["ratio"] for run in ring["by_run"]))


def _ring_text(ring: Found) -> str:
    first, chance = (stats.mean(run[name] for run in ring["by_run"]) for name in ("first", "first_by_chance"))
    orders = mean_orders(ring)
    best = max(orders, key=lambda name: orders[name], default=None)
    by = "" if best is None else f", in the order of the {_name(best)} ({orders[best]:.3f} of 1)"
    return (
        f"Codes of '{ring['setting']}' lie on a ring in all {seeds_text(ring['runs'])} (the longest loop in "
        f"them lasts {_ratio(ring):.0f} times as long as the second, {first:.2f} of the diameter, by chance "
        f"{chance:.2f}){by}."
    )


def _units(found: Found) -> list[Sentence]:
    """The smallest latent that does as well as the best, of each group of a study that varies its size."""
    said = []
    for group in section(found, "units").get("groups", []):
        if group.get("smallest") is None:
            continue
        sizes: dict[int, Found] = {size["latent_dim"]: size for size in group["sizes"]}
        smallest, best = sizes[group["smallest"]], sizes[group["best"]]
        what = "mean squared error" if group["error"] == ERROR else "held-out loss"
        text = (
            f"Of '{group['group']}', {_units_text(group['smallest'])} the fewest whose {what} ({smallest['mean']:.3g}) "
            f"lies within one standard error of the best ({best['mean']:.3g} ± {group['standard_error']:.1g} with "
            f"{group['best']})"
        )
        if smallest.get("pca_bound") is not None:
            text += f"; a PCA of the pixels with as many components comes to {smallest['pca_bound']:.3g}"
        said.append(Sentence(f"{text}.", "units"))
    return said


def _units_text(n: int) -> str:
    return "1 unit is" if n == 1 else f"{n} units are"
