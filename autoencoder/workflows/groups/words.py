"""What a comparison of animals says: its answer in sentences, its table, and what its words mean."""

from __future__ import annotations

import math

from autoencoder.array_types import Integers
from autoencoder.errors import listed
from autoencoder.study.groups.cells import Groups
from autoencoder.study.groups.effects import TESTED_BELOW, Effect
from autoencoder.study.groups.summaries import MEAN, OCCUPANCY, SPEED, SPREAD
from autoencoder.study.permanova import Relabellings
from autoencoder.study.wording import capitalized, p_text, plural
from autoencoder.workflows.columns import readable
from autoencoder.workflows.groups.compare import GroupComparison, GroupsOpened
from autoencoder.workflows.markdown import TextTable

TITLES = {
    MEAN: "mean code",
    OCCUPANCY: "occupancy of clusters",
    SPREAD: "spread of codes",
    SPEED: "speed through latent space",
}
"""What summaries are called."""

GLOSSARY = {
    "mean code": "The mean of an animal's codes: where in the latent space it is, on average.",
    "occupancy of clusters": "Shares of an animal's frames in clusters of all animals' codes (k-means); distances are "
    "those of Hellinger.",
    "spread of codes": "Root mean square distance of an animal's codes from their mean.",
    "speed through latent space": "Mean distance between codes of consecutive frames of a recording, over their time.",
    "apart": "How far the conditions' centres are from each other, in units of how far animals of one condition are "
    "from their centre (root mean square), less what chance adds: 0 where there is no difference. Interval by a "
    "jackknife over animals.",
    "times": "Ratio of the conditions, by geometric means of animals. Interval by inversion: all ratios that exchanged "
    "labels do not rule out.",
    "p": "How often labels that are shuffled among animals, within strata and within animals that are in both "
    "conditions, give as large an effect. Corrected: as large an effect in any summary.",
    "R2": "Share of the squared distances between animals that lies between conditions. What a stratum, or an animal "
    "in both conditions, has in common is removed first.",
    "seeds": "Networks that differ in nothing but their first weights and the order of images. Codes of different "
    "networks are never put together: distances, or numbers relative to the mean animal, are averaged over them.",
}
"""What words of the answer mean."""


def animals_text(groups: Groups) -> str:
    """Such as "5 and 5 animals", or "6 animals in both conditions"."""
    first, second = groups.sizes
    units = plural(readable(groups.unit))
    return f"{first} {units} in both conditions" if groups.cells.is_paired else f"{first} and {second} {units}"


def least_p_text(groups: Groups, relabelled: Relabellings) -> str:
    """How small p can be, and why; said before anything is computed."""
    strata = f", within {listed([readable(name) for name in groups.strata])}" if groups.strata else ""
    count = f"{len(relabelled.labels):,}"
    ways = f"labels can be exchanged in {count} ways" if relabelled.complete else f"{count} random exchanges of labels"
    said = f"with {animals_text(groups)}, the smallest possible p is {p_text(relabelled.least_p)} ({ways}{strata})"
    if relabelled.least_p >= TESTED_BELOW:
        said += f", so no effect can reach p < {TESTED_BELOW:g}, and no p is given"
    return said


def question(opened: GroupsOpened) -> str:
    """What is asked."""
    first, second = opened.groups.conditions
    return f"Do the codes of animals differ between {readable(opened.groups.by)} {first} and {second}?"


def is_concluded(found: GroupComparison) -> bool:
    """Whether anything follows: p can be small enough, and nothing else goes with the condition."""
    return found.effects.is_tested and not found.opened.groups.confounded


def sentences(found: GroupComparison) -> list[str]:
    """The answer first, then each effect, then what it rests on."""
    opened = found.opened
    said = [_answer(found), *(_effect_text(found, effect) for effect in found.effects.effects)]
    said.append(f"{capitalized(least_p_text(opened.groups, opened.relabelled))}.")
    seeds = ", ".join(map(str, opened.seeds))
    said.append(
        f"Animals are the samples: {len(opened.drawn.frames[0]):,} frames of each were summarised by "
        f"{len(opened.runs)} networks (seeds {seeds}), which were trained without {readable(opened.groups.by)}."
    )
    return said


def _answer(found: GroupComparison) -> str:
    groups, effects = found.opened.groups, found.effects.effects
    by, (first, second) = readable(groups.by), groups.conditions
    if groups.confounded:
        return confounded_text(groups)
    if not found.effects.is_tested:
        return (
            f"Whether codes differ by {by} cannot be tested with {animals_text(groups)}: no p below "
            f"{p_text(found.effects.least_p)} is possible; effects and intervals are shown."
        )
    n = len(effects)
    told = [effect for effect in effects if effect.p_corrected is not None and effect.p_corrected < TESTED_BELOW]
    if told:
        named = [f"{TITLES[one.name]} (p = {p_text(one.p_corrected or 0.0)})" for one in told]
        return f"Codes of {first} and {second} differ in {listed(named)}, corrected for {n} summaries of each animal."
    least = min((one.p_corrected for one in effects if one.p_corrected is not None), default=math.nan)
    return (
        f"No difference between {first} and {second} is found: of {n} summaries of each animal the smallest p is "
        f"{p_text(least)}, corrected; that is no proof that there is none."
    )


def confounded_text(groups: Groups) -> str:
    """Why nothing follows about a condition: something else goes with it, which could be what codes differ by."""
    by, (first, second) = readable(groups.by), groups.conditions
    named = [f"{readable(one.column)} ({first}: {one.first}; {second}: {one.second})" for one in groups.confounded]
    return (
        f"Nothing follows about {by}: {listed(named)} {'differs' if len(named) == 1 else 'differ'} between {first} and "
        f"{second} in every recording, and whether the codes differ by that or by {by} cannot be decided; effects are "
        "shown, but no p."
    )


def _effect_text(found: GroupComparison, effect: Effect) -> str:
    first, second = found.opened.groups.conditions
    title = capitalized(TITLES[effect.name])
    if effect.is_size:
        return f"{title}: {second} has {effect.effect:.2f} times that of {first} ({interval_text(effect)})."
    own, of = on_own_side(found, effect)
    return (
        f"{title}: {first} and {second} are {effect.effect:.2f} apart ({interval_text(effect)}), in units of how far "
        f"animals of one condition are from their centre; {own} of {of} are on their own condition's side, where half "
        "or fewer are by chance."
    )


def on_own_side(found: GroupComparison, effect: Effect) -> tuple[int, int]:
    """How many animals in conditions lie on the side of their condition, of how many."""
    labels: Integers = found.effects.cells.labels
    return int(((effect.scores > 0) == (labels == 1)).sum()), len(labels)


def interval_text(effect: Effect) -> str:
    """Such as "95 % interval 0.8 to 1.9"."""
    if effect.low is None or effect.high is None:
        return "too few animals for an interval"
    ends = ["no bound" if math.isinf(end) else f"{end:.2f}" for end in (effect.low, effect.high)]
    return f"{100 * effect.level:.3g} % interval {' to '.join(ends)}"


def table(found: GroupComparison) -> TextTable:
    """All effects, a row each."""
    shown = is_concluded(found)
    rows = [
        [
            TITLES[one.name],
            f"{one.effect:.2f} times" if one.is_size else f"{one.effect:.2f} apart",
            interval_text(one),
            f"{one.r2:.3f}",
            f"{one.r2_by_chance:.3f}",
            p_text(one.p) if shown and one.p is not None else "-",
            p_text(one.p_corrected) if shown and one.p_corrected is not None else "-",
        ]
        for one in found.effects.effects
    ]
    return ["summary of each animal", "effect", "interval", "R2", "R2 by chance", "p", "p, corrected"], rows
