"""What a study says: every number is one of its statistics, and what is not known is said to be so."""

from __future__ import annotations

import copy
import json
import re

import pytest

from autoencoder.study.doubts import doubts
from autoencoder.study.sentences import question, sentences

MEASURES = {"procrustes": ("Procrustes angle", "deg", True), "cka": ("linear CKA, debiased", "", False)}
COLUMNS = {"distance": "linear", "body_angle_deg": "circular", "label": "category"}
SETTINGS, SEEDS = ("reconstruct", "angle", "mask"), (1, 2, 3, 4)
SHUFFLED = "angle, shuffled targets"


def a_test(p, least_p=0.0046):
    return {
        "p": p,
        "least_p": least_p,
        "r2": 0.71,
        "omega2": 0.63,
        "r2_by_chance": 0.22,
        "relabellings": 216,
        "all_relabellings": True,
        "over_training": [
            {"epoch": 0.0, "p_over_moments": 1.0},
            {"epoch": 0.17, "p_over_moments": 0.037},
            {"epoch": 10.0, "p_over_moments": p},
        ],
    }


def a_measure(name, p):
    title, unit, is_distance = MEASURES[name]
    near, far, chance = (25.6, 51.1, 82.4) if is_distance else (0.84, 0.42, 0.02)
    names = [*SETTINGS, SHUFFLED]
    means = [[near if i == j else far + i + j for j in range(len(names))] for i in range(len(names))]
    return {
        "title": title,
        "unit": unit,
        "is_distance": is_distance,
        "between_settings": {"settings": names, "means": means, "by_chance": [[chance] * 4] * 4},
        "at_the_end": {
            "within": near,
            "other_setting_other_seed": far,
            "other_setting_same_seed": far - 0.3,
            "by_chance": chance,
        },
        "over_training": [{"epoch": 0.0, "within": 58.8}, {"epoch": 10.0, "within": near}],
        "test": a_test(p),
        "factors": {},
        "dispersion": {
            "by_setting": {"reconstruct": 19.2, "angle": 7.6},
            "ratio": 2.71,
            "in_place_or_in_spread": True,
        },
    }


def similarity(p=0.0046):
    return {
        "moment": "epoch 10, the end of training",
        "n_images": 1568,
        "tau_frames": 9.4,
        "runs": [{"name": f"{s}-{n}", "setting": s, "seed": n, "control": None} for s in SETTINGS for n in SEEDS]
        + [{"name": f"shuffled-{n}", "setting": SHUFFLED, "seed": n, "control": "shuffled targets"} for n in SEEDS],
        "settings": list(SETTINGS),
        "seeds": list(SEEDS),
        "measures": {name: a_measure(name, p) for name in MEASURES},
    }


def over_seeds(values):
    return [
        {"setting": s, "mean": value, "low": value - 0.1, "high": value + 0.1, "n": 4} for s, value in values.items()
    ]


def column(kind):
    best, least = {"linear": (0.823, 0.004), "circular": (0.93, 23.1), "category": (0.91, 0.33)}[kind]
    values = {"reconstruct": best, "angle": (best + least) / 2, "mask": least}
    gap = best - least
    effect = {
        "settings": over_seeds(values),
        "differences": [{"first": "reconstruct", "second": "mask", "mean": gap, "low": gap - 0.05, "high": gap + 0.05}],
    }
    chance = {"linear": 0.012, "circular": 78.6, "category": 0.17}[kind]
    scores = {"final": 0.5, "by_chance": chance}
    runs = {
        f"{s}-{n}": {"setting": s, "seed": n, "control": None, "fate": "lost", "ridge": scores, "knn": scores}
        for s in SETTINGS
        for n in SEEDS
    }
    pixels = {"final": 0.62, "by_chance": chance}
    runs["pca"] = {
        "setting": "PCA 16",
        "seed": None,
        "control": "PCA 16",
        "fate": "told",
        "ridge": pixels,
        "knn": pixels,
    }
    return {"kind": kind, "enough_time": True, "runs": runs, "effects": {"ridge": None, "knn": effect}}


def effects(**means):
    return {
        "effects": [
            {"measure": name, "settings": over_seeds(dict.fromkeys(SETTINGS, mean))} for name, mean in means.items()
        ]
    }


def ring(setting, is_ring, ratio):
    run = {"ratio": ratio, "first": 0.487, "first_by_chance": 0.103, "is_ring": is_ring}
    runs = [{**run, "cyclic_order": {"body_angle_deg": 0.998} if is_ring else {}} for _ in SEEDS]
    return {"setting": setting, "rings": 4 * is_ring, "runs": 4, "is_ring": is_ring, "by_run": runs}


@pytest.fixture
def found():
    """Statistics of a study in which settings differ, and all was measured."""
    return {
        "settings": {"objective": list(SETTINGS)},
        "similarity": similarity(),
        "matched": similarity() | {"moment": "90 % of the fall of each run's training loss"},
        "probes": {"columns": {name: column(kind) for name, kind in COLUMNS.items()}},
        "topology": {"settings": [ring("reconstruct", False, 1.7), ring("angle", True, 50.4)]},
        "robustness": effects(noise_floor_procrustes=3.31),
        "convergence": effects(moved_since_half=8.76, loss_fall_since_half=0.052)
        | {"halves": {"half": {"within": 24.9, "between": 50.1}, "end": {"within": 25.6, "between": 51.1}}},
        "units": {
            "groups": [
                {
                    "group": "strided",
                    "error": "reconstruction_mse",
                    "sizes": [
                        {"latent_dim": 8, "mean": 0.00212, "pca_bound": 0.00501},
                        {"latent_dim": 16, "mean": 0.00203, "pca_bound": 0.00302},
                    ],
                    "best": 16,
                    "smallest": 8,
                    "standard_error": 0.0001,
                }
            ]
        },
    }


def all_texts(found):
    return [s.text for s in sentences(found)] + [s.text for doubt in doubts(found) for s in doubt.sentences]


def leaves(part):
    if isinstance(part, dict):
        return [leaf for value in part.values() for leaf in leaves(value)]
    if isinstance(part, list):
        return [leaf for value in part for leaf in leaves(value)]
    return [part]


def written(text):
    """Numbers in a text, but those in names in quotes and in names of measures."""
    plain = re.sub(r"'[^']*'|\b(?:R2|H1|omega2|95 %|90 %)", "", text)
    return [number.replace(",", "") for number in re.findall(r"(?<![\w.])-?\d[\d,]*\.?\d*(?:e-?\d+)?", plain)]


def test_every_number_is_one_of_the_statistics(found):
    known = [float(leaf) for leaf in leaves(found) if isinstance(leaf, (int, float)) and not isinstance(leaf, bool)]
    counts = [float(n) for n in range(1, 17)]  # of settings, seeds, snapshots and runs
    derived = [51.1 - 25.6, 100 * 0.052]
    for text in all_texts(found):
        for number in written(text):
            value, decimals = float(number), len(number.partition(".")[2])
            nearest = min(abs(abs(value) - abs(one)) for one in [*known, *counts, *derived])
            assert nearest <= 0.5 * 10**-decimals + 1e-9, (number, text)


def numbers_of(part, path=()):
    if isinstance(part, dict):
        for key, value in part.items():
            yield from numbers_of(value, (*path, key))
    elif isinstance(part, float):
        yield path


@pytest.mark.parametrize(
    "path",
    [
        ("similarity", "measures", "procrustes", "at_the_end", "within"),
        ("similarity", "measures", "procrustes", "at_the_end", "other_setting_other_seed"),
        ("similarity", "measures", "procrustes", "at_the_end", "by_chance"),
        ("similarity", "measures", "procrustes", "test", "r2"),
        ("similarity", "measures", "procrustes", "test", "omega2"),
        ("similarity", "measures", "procrustes", "test", "r2_by_chance"),
        ("similarity", "measures", "procrustes", "dispersion", "ratio"),
        ("similarity", "measures", "cka", "at_the_end", "within"),
        ("similarity", "measures", "cka", "test", "omega2"),
        ("similarity", "tau_frames"),
        ("matched", "measures", "procrustes", "at_the_end", "within"),
        ("convergence", "halves", "half", "between"),
    ],
    ids=lambda path: "-".join(path[1:]),
)
def test_another_number_is_another_sentence(found, path):
    before = all_texts(found)
    changed = copy.deepcopy(found)
    part = changed
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] += 7 if part[path[-1]] > 1.5 else 0.1
    after = all_texts(changed)
    assert len(after) == len(before)
    assert sum(one != other for one, other in zip(before, after, strict=True)) >= 1


def test_the_first_sentence_answers_with_its_controls(found):
    assert question(found) == "Does the objective change what a network represents?"
    first = sentences(found)[0].text
    assert first == (
        "The objective changes what a network represents: networks of different objectives differ by 51 degrees, seeds "
        "of one objective by 26, untrained seeds by 59, unrelated codes by 82 (p = 0.0046, the smallest that 3 "
        "settings and 4 seeds can give; settings account for R2 = 0.71 of the squared distances between networks, and "
        "for 0.22 if they had no effect; omega2 0.63)."
    )


def test_no_effect_is_said_to_be_none(found):
    found["similarity"] = similarity(p=0.41)
    said = all_texts(found)
    assert said[0].startswith("No effect of the objective on what a network represents was found: networks of")
    assert "p = 0.41;" in said[0]
    assert not any("The difference is there from" in text for text in said)
    assert any(text.endswith("The verdict is different there.") for text in said)  # of the matched comparison


def test_too_few_seeds_for_any_p_are_no_absence_of_an_effect(found):
    for measure in found["similarity"]["measures"].values():
        measure["test"] = a_test(0.25, least_p=0.25)
    found["similarity"]["seeds"] = [1, 2]
    said = all_texts(found)
    assert said[0].startswith(
        "Whether the objective changes what a network represents cannot be decided, since no p below 0.25 is possible "
        "with 2 seeds:"
    )
    assert any("3 seeds are the fewest for one below 0.05" in text for text in said)


def test_one_seed_says_what_is_not_known(found):
    why = "with 1 seed it is not known how much seeds differ: train 3 or more"
    measure = found["similarity"]["measures"]["procrustes"]
    measure["test"], measure["dispersion"] = {"why_not": why}, {}
    measure["at_the_end"]["within"] = measure["over_training"][0]["within"] = None
    found["similarity"]["measures"].pop("cka")
    found["similarity"]["seeds"] = [1]
    said = all_texts(found)
    assert said[0] == (
        f"Whether the objective changes what a network represents is not known: {why}. Networks of different "
        "objectives differ by 51 degrees, unrelated codes by 82."
    )
    assert not any("p =" in text for text in said if not text.startswith("Compared at"))


@pytest.mark.parametrize(
    ("probes", "said"),
    [
        ({"columns": {}}, "not known: no column could be probed."),
        ({"why_not": "there are too few images"}, "not known: there are too few images."),
    ],
    ids=["no columns", "refused"],
)
def test_without_columns_the_sentence_says_so(found, probes, said):
    found["probes"] = probes
    told = [sentence.text for sentence in sentences(found) if sentence.topic == "told"]
    assert told == [f"What can be read from the codes is {said}"]


def test_what_is_told_names_the_best_and_the_least_with_chance_and_pixels(found):
    told = [sentence.text for sentence in sentences(found) if sentence.topic == "told"]
    assert told[0] == (
        "Distance is read best from 'reconstruct' (R2 0.82 by nearest neighbours, by chance 0.01) and least from "
        "'mask' (0.00), a difference within seeds of 0.82 (95 % 0.77 to 0.87); from PCA 16 0.62; it was lost during "
        "training in 4 of 4 runs of 'mask'."
    )
    found["probes"]["columns"]["distance"]["enough_time"] = False
    told = [sentence.text for sentence in sentences(found) if sentence.topic == "told"]
    assert not any(text.startswith("Distance") for text in told)


def test_settings_that_tell_as_little_are_named_together_and_the_other_probe_beside_them(found):
    column_of = found["probes"]["columns"]["distance"]
    effect = column_of["effects"]["knn"]
    effect["settings"] = over_seeds({"reconstruct": 0.823, "angle": 0.001, "mask": -0.004})
    effect["differences"] += [
        {"first": "reconstruct", "second": "angle", "mean": 0.82, "low": 0.7, "high": 0.9},
        {"first": "angle", "second": "mask", "mean": 0.005, "low": -0.1, "high": 0.1},
    ]
    column_of["effects"]["ridge"] = {
        "settings": over_seeds({"reconstruct": 0.71, "angle": 0.16, "mask": 0.02}),
        "differences": [],
    }
    told = [sentence.text for sentence in sentences(found) if sentence.topic == "told"]
    said = next(text for text in told if text.startswith("Distance"))
    assert re.search(r"least from '(?:angle|mask)' and '(?:angle|mask)' \(0\.00 and 0\.00\)", said)
    assert re.search(r"; by ridge regression 0\.71 and 0\.(?:16|02);", said)
    assert re.search(r"4 of 4 runs of '\w+' and lost during training in 4 of 4 runs of '\w+'\.$", said)


def test_less_is_more_of_an_error(found):
    found["probes"]["columns"] = {"body_angle_deg": column("circular")}
    told = [sentence.text for sentence in sentences(found) if sentence.topic == "told"]
    assert told[0].startswith(
        "Body angle is read best from 'reconstruct' (median error 0.9 degrees by nearest neighbours"
    )


def test_differences_that_may_be_none_are_not_told(found):
    for one in found["probes"]["columns"].values():
        one["effects"]["knn"]["differences"][0] |= {"low": -30.0, "high": 30.0}
    assert not any(sentence.topic == "told" for sentence in sentences(found))


def test_rings_and_none(found):
    said = [sentence.text for sentence in sentences(found) if sentence.topic == "topology"]
    assert said == [
        "Codes of 'angle' lie on a ring in all 4 seeds (the longest loop in them lasts 50 times as long as the second, "
        "0.49 of the diameter, by chance 0.10), in the order of the body angle (0.998 of 1)."
    ]
    found["topology"]["settings"] = [ring("reconstruct", False, 1.7)]
    said = [sentence.text for sentence in sentences(found) if sentence.topic == "topology"]
    expected = "Under no setting do the codes of all seeds lie on a ring (in 0 of 4 runs they do): "
    assert said[0].startswith(expected)
    control = next(run["setting"] for run in found["similarity"]["runs"] if run["control"] is not None)
    found["topology"]["settings"].append(ring(control, False, 1.7))
    said = [sentence.text for sentence in sentences(found) if sentence.topic == "topology"]
    assert said[0].startswith(expected)


def test_the_smallest_size_that_is_enough(found):
    said = [sentence.text for sentence in sentences(found) if sentence.topic == "units"]
    assert said == [
        "Of 'strided', 8 units are the fewest whose mean squared error (0.00212) lies within one standard error of the "
        "best (0.00203 ± 0.0001 with 16); a PCA of the pixels with as many components comes to 0.00501."
    ]


def test_a_run_that_still_moves_casts_doubt(found):
    texts = [s.text for doubt in doubts(found) for s in doubt.sentences]
    assert not any("longer training may change" in text for text in texts)
    found["convergence"]["effects"][0]["settings"] = over_seeds(dict.fromkeys(SETTINGS, 30.0))
    texts = [s.text for doubt in doubts(found) for s in doubt.sentences]
    assert any(
        text.startswith("That is as much as distances within and between settings differ by (26)") for text in texts
    )


def test_every_doubt_is_answered_or_says_how_to_answer_it(found):
    asked = [doubt.question for doubt in doubts(found)]
    assert len(asked) == 6
    bare = {"settings": found["settings"], "similarity": found["similarity"]}
    bare["similarity"]["runs"] = [run for run in bare["similarity"]["runs"] if run["control"] is None]
    said = {doubt.question: [s.text for s in doubt.sentences] for doubt in doubts(bare)}
    assert "--only robustness" in said["Is it more than noise?"][0]
    assert "--control adds such networks" in said["Do networks do the same on shuffled targets?"][0]
    assert "--beside OTHER_STUDY" in said["Does it hold on other data?"][0]
    found["beside"] = [{"name": "mnist", "data": "mnist.npz", "verdict": "The objective changes it."}]
    said = {doubt.question: [s.text for s in doubt.sentences] for doubt in doubts(found)}
    assert said["Does it hold on other data?"] == ["In the study 'mnist' of mnist.npz: The objective changes it."]


def test_which_settings_are_farthest_apart_may_depend_on_the_measure(found):
    def said():
        return next(d for d in doubts(found) if d.question.startswith("Does it hold under")).sentences[1].text

    assert said().startswith(
        "Which settings are farthest apart depends on the measure: 'angle' and 'mask' by Procrustes"
    )
    cka = found["similarity"]["measures"]["cka"]["between_settings"]["means"]
    cka[1][2] = -1.0
    assert said() == (
        "The same two settings are farthest apart by every measure: 'angle' and 'mask' by Procrustes angle and linear "
        "CKA, debiased."
    )


def test_the_nearest_to_the_pixels_stands_beside_its_own_seeds(found):
    similarity = found["similarity"]
    similarity["runs"].append({"name": "pca", "setting": "PCA 16", "seed": None, "control": "PCA 16"})
    between = similarity["measures"]["procrustes"]["between_settings"]
    between["settings"].append("PCA 16")
    for row, value in zip(between["means"], (22.4, 40.0, 50.0, 60.0), strict=True):
        row.append(value)
    assert "Nearest to PCA 16 is 'reconstruct' (22 degrees; its own seeds are 26 apart)." in all_texts(found)


def test_verdicts_that_differ_between_measures_are_said_to_depend_on_them(found):
    found["similarity"]["measures"]["cka"]["test"]["p"] = 0.3
    said = {doubt.question: [s.text for s in doubt.sentences] for doubt in doubts(found)}
    assert said["Does it hold under other measures of similarity?"][0].startswith("The verdict depends on the measure:")


@pytest.mark.parametrize(
    "left_out", ["similarity", "matched", "probes", "topology", "robustness", "convergence", "units"]
)
def test_what_was_not_measured_is_left_out(found, left_out):
    for part in (None, {"why_not": "it failed", "notes": []}):
        changed = {name: value for name, value in found.items() if name != left_out}
        if part is not None:
            changed[left_out] = part
        texts = all_texts(changed)
        assert all(text.endswith((".", ".)")) and "None" not in text and "nan" not in text for text in texts)
    if left_out == "similarity":
        assert texts[0] == "Representations were not compared: it failed."


def test_sentences_are_grammatical_in_every_state(found):
    """One capital at the start, one full stop at the end, no double spaces, closed brackets."""
    for text in all_texts(json.loads(json.dumps(found))):
        assert re.match(r"[A-Z]", text), text
        assert text.endswith("."), text
        assert "  " not in text, text
        assert ".." not in text, text
        assert text.count("(") == text.count(")"), text
