"""What would change a study's answer: the questions that a referee asks first, and what the study can say to them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autoencoder.errors import listed
from autoencoder.measures.nulls import SIGNIFICANT
from autoencoder.study.designs.design import SHUFFLED
from autoencoder.study.measured.convergence import LOSS_FALL, MOVED
from autoencoder.study.measured.likeness import MAIN
from autoencoder.study.measured.noise_floor import FLOOR
from autoencoder.study.permanova import fewest_seeds
from autoencoder.study.sentences import verdict
from autoencoder.study.statistics import UNEQUAL, mostly_chance
from autoencoder.study.wording import (
    Found,
    Sentence,
    degrees,
    mean_between,
    p_text,
    plural,
    rounded,
    section,
    seeds_text,
    varied,
)


@dataclass(frozen=True)
class Doubt:
    """A question, and what can be said to it; where something was not done, how to do it."""

    question: str
    sentences: Sequence[Sentence]


def doubts(found: Found) -> list[Doubt]:
    """Everything that could make the answer another one; none where representations were not compared."""
    similarity = section(found, "similarity")
    if not similarity:
        return []
    noun = varied(found)
    questions: Mapping[str, Callable[[Found, Found], list[Sentence]]] = {
        f"Is it the {noun}, or how far each network has come in training?": _training,
        "Does it hold under other measures of similarity?": _other_measures,
        "Is it more than noise?": _noise,
        "Do networks do the same on shuffled targets?": _shuffled,
        "Are there enough seeds, and do they scatter alike?": _seeds,
        "Does it hold on other data?": _data,
    }
    return [Doubt(asked, said) for asked, answer in questions.items() if (said := answer(found, similarity))]


# ------------------------------------------------------------------------------------------------------------ training


def _training(found: Found, similarity: Found) -> list[Sentence]:
    return [*_matched(found, similarity), *_moving(found, similarity), *_falling(found, similarity)]


def _matched(found: Found, similarity: Found) -> list[Sentence]:
    """Whether the verdict is the same where runs are equally far."""
    matched = section(found, "matched")
    if not matched:
        return []
    before, now = (part["measures"][MAIN]["test"].get("p") for part in (similarity, matched))
    text = f"Compared at {matched['moment']}: {verdict(matched, found)}"
    if before is not None and now is not None:
        same = (before < SIGNIFICANT) == (now < SIGNIFICANT)
        text += " The verdict is the same there." if same else " The verdict is different there."
    return [Sentence(text, "training")]


def _moving(found: Found, similarity: Found) -> list[Sentence]:
    """How far networks still move, beside how far settings are apart."""
    convergence = section(found, "convergence")
    moved = _means(convergence, MOVED, similarity)
    if not moved:
        return []
    halves, end = convergence["halves"], similarity["measures"][MAIN]["at_the_end"]
    text = f"From the middle of training to its end, networks moved by this many degrees: {_in_degrees(moved)}"
    between, within = end["other_setting_other_seed"], end["within"]
    earlier = halves["half"]["between"]
    if between is not None and earlier is not None:
        what = plural(varied(found))
        text += f"; different {what} were {degrees(earlier)} apart then, and are {degrees(between)} apart at the end"
    said = [Sentence(f"{text}.", "training")]
    if between is not None and within is not None and max(moved.values()) >= between - within > 0:
        said.append(
            Sentence(
                f"That is as much as distances within and between settings differ by ({degrees(between - within)}), so "
                "longer training may change the answer.",
                "training",
            )
        )
    return said


def _falling(found: Found, similarity: Found) -> list[Sentence]:
    fall = _means(section(found, "convergence"), LOSS_FALL, similarity)
    if not fall:
        return []
    each = ", ".join(f"'{name}' {100 * mean:.0f} %" for name, mean in fall.items())
    return [
        Sentence(
            f"Share of the fall of the training loss that came in the second half of training: {each}.", "training"
        )
    ]


def _means(part: Found, measure: str, similarity: Found) -> dict[str, float]:
    """A measure's mean over seeds in every setting that is compared; controls are left out."""
    design = dict.fromkeys(run["setting"] for run in similarity["runs"] if run["control"] is None)
    means = {name: _mean_of(part, measure, name) for name in design}
    return {name: mean for name, mean in means.items() if mean is not None}


def _mean_of(part: Found, measure: str, setting: str) -> float | None:
    """A measure's mean over seeds in one setting."""
    effects = [effect for effect in part.get("effects", []) if effect["measure"] == measure]
    entries = [entry for effect in effects for entry in effect["settings"] if entry["setting"] == setting]
    return float(entries[0]["mean"]) if entries else None


def _in_degrees(means: Mapping[str, float]) -> str:
    return ", ".join(f"'{name}' {degrees(mean)}" for name, mean in means.items())


# ------------------------------------------------------------------------------------------------------ other measures


def _other_measures(found: Found, similarity: Found) -> list[Sentence]:
    tests = {
        name: measure["test"]
        for name, measure in similarity["measures"].items()
        if name != MAIN and "p" in measure["test"]
    }
    main = similarity["measures"][MAIN]["test"]
    if not tests or "p" not in main:
        return []
    each = [_measure_text(similarity["measures"][name], test) for name, test in tests.items()]
    agree = [name for name, test in tests.items() if (test["p"] < SIGNIFICANT) == (main["p"] < SIGNIFICANT)]
    start = "The verdict is the same under" if len(agree) == len(tests) else "The verdict depends on the measure:"
    return [Sentence(f"{start} {listed(each)}.", "metrics"), *_order(similarity)]


def _order(similarity: Found) -> list[Sentence]:
    """Whether the same two settings are farthest apart by every measure."""
    far: dict[tuple[str, str], list[str]] = {}
    for measure in similarity["measures"].values():
        pairs = {
            pair: value if measure["is_distance"] else -value
            for pair in itertools.combinations(similarity["settings"], 2)
            if (value := mean_between(measure, *pair)) is not None
        }
        if len(pairs) > 1:
            far.setdefault(max(pairs, key=lambda pair: pairs[pair]), []).append(measure["title"])
    each = [f"'{one}' and '{other}' by {listed(titles)}" for (one, other), titles in far.items()]
    if not each:
        return []
    if len(each) == 1:
        return [Sentence(f"The same two settings are farthest apart by every measure: {each[0]}.", "metrics")]
    return [Sentence(f"Which settings are farthest apart depends on the measure: {'; '.join(each)}.", "metrics")]


def _measure_text(measure: Found, test: Found) -> str:
    end, form = measure["at_the_end"], ".0f" if measure["unit"] else ".2f"
    values = [
        f"{rounded(value, form)} {what}"
        for key, what in (("within", "within"), ("other_setting_other_seed", "between"), ("by_chance", "by chance"))
        if (value := end[key]) is not None
    ]
    size = "" if test["omega2"] is None else f", omega2 {rounded(test['omega2'], '.2f')}"
    return f"{measure['title']} ({', '.join(values)}; p = {p_text(test['p'])}{size})"


# --------------------------------------------------------------------------------------------------------------- noise


def _noise(found: Found, similarity: Found) -> list[Sentence]:
    return [*_floor(found, similarity), *_chance(found, similarity)]


def _floor(found: Found, similarity: Found) -> list[Sentence]:
    floors = _means(section(found, "robustness"), FLOOR.format(MAIN), similarity)
    if not floors:
        return [Sentence(f"There is no noise floor: {_why_no_floor(found)}.", "noise")]
    return [
        Sentence(
            "Shown the same images with fresh noise, a network differs from itself by this many degrees: "
            f"{_in_degrees(floors)}; smaller angles mean nothing.",
            "noise",
        )
    ]


def _why_no_floor(found: Found) -> str:
    robustness = found.get("robustness")
    if robustness is None:
        return "it was not measured ('autoencoder study report STUDY --only robustness' does)"
    if why := robustness.get("why_not"):
        return str(why)
    return "the networks were trained without noise, so that an image always has the same code"


def _chance(found: Found, similarity: Found) -> list[Sentence]:
    """Whether codes that have nothing to do with each other would look like those of different settings."""
    measure = similarity["measures"][MAIN]
    end, noun = measure["at_the_end"], varied(found)
    chance = end["by_chance"]
    if chance is None:
        return []
    tau = similarity.get("tau_frames")
    how = "images shuffled" if tau is None else f"shifted in time; they stay alike for {tau:.0f} frames"
    text = f"Codes that have nothing to do with each other ({how}) are {degrees(chance)} degrees apart"
    said = [Sentence(f"{text}.", "noise")]
    for key, what in (("within", f"of one {noun}"), ("other_setting_other_seed", f"of different {plural(noun)}")):
        if mostly_chance(end[key], chance, is_distance=True):
            said.append(
                Sentence(
                    f"Networks {what} ({degrees(end[key])} degrees apart) are not even twice as alike as that, by the "
                    "cosine of the angle: more than half of their similarity is due to chance.",
                    "noise",
                )
            )
    return said


# ------------------------------------------------------------------------------------------------------------ controls


def _shuffled(found: Found, similarity: Found) -> list[Sentence]:
    """How far each network on shuffled targets is from the one on the true ones."""
    measure = similarity["measures"][MAIN]
    suffix = f", {SHUFFLED}"
    said = []
    for name in dict.fromkeys(run["setting"] for run in similarity["runs"] if run["control"] == SHUFFLED):
        true, seeds = name.removesuffix(suffix), sum(run["setting"] == name for run in similarity["runs"])
        apart, within, own = (mean_between(measure, *pair) for pair in ((name, true), (name, name), (true, true)))
        if apart is None:
            continue
        parts = [f"lie {degrees(apart)} degrees from those on the true ones"]
        if within is not None:
            parts.append(f"{degrees(within)} from each other")
        if own is not None:
            parts.append(f"where those on the true ones lie {degrees(own)} from each other")
        moved = _mean_of(section(found, "convergence"), MOVED, name)
        if moved is not None:
            parts.append(f"and they still moved by {degrees(moved)} in the second half of training")
        text = f"Networks of '{true}' on {SHUFFLED} ({seeds_text(seeds)}) {', '.join(parts)}"
        said.append(Sentence(f"{text}.", "controls"))
    if said:
        return said
    return [
        Sentence(
            f"No network was trained on {SHUFFLED}: --control adds such networks, with every seed, for objectives "
            "that predict something.",
            "controls",
        )
    ]


# --------------------------------------------------------------------------------------------------------------- seeds


def _seeds(found: Found, similarity: Found) -> list[Sentence]:
    measure, n, k = similarity["measures"][MAIN], len(similarity["seeds"]), len(similarity["settings"])
    said = []
    if "least_p" in (test := measure["test"]):
        text = f"The smallest p of {k} settings and {seeds_text(n)} is {p_text(test['least_p'])}"
        enough = f"{seeds_text(fewest_seeds(k))} are the fewest for one below {SIGNIFICANT:g}"
        text += f"; {enough}"
        said.append(Sentence(f"{text}.", "seeds"))
    spread = measure["dispersion"]
    if spread and spread["ratio"] is not None:
        each = _in_degrees(spread["by_setting"])
        text = (
            f"Seeds scatter around the centre of their setting by this many degrees: {each}; the largest is "
            f"{spread['ratio']:.1f} times the smallest"
        )
        if spread["in_place_or_in_spread"]:
            text += f", more than {UNEQUAL:g}, so settings may differ in location or in spread"
        said.append(Sentence(f"{text}.", "seeds"))
    return said


# ---------------------------------------------------------------------------------------------------------------- data


def _data(found: Found, similarity: Found) -> list[Sentence]:
    others = found.get("beside", [])
    if others:
        return [
            Sentence(f"In the study '{other['name']}' of {other['data']}: {other['verdict']}", "data")
            for other in others
        ]
    text = (
        f"All of this is from one data set, on {similarity['n_images']:,} held-out images. Whether it holds on "
        "another is not known: run the same study there, and 'study report STUDY --beside OTHER_STUDY' quotes its "
        "answer here."
    )
    return [Sentence(text, "data")]
