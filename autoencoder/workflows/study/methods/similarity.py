"""How representations were compared: measures of similarity, the statistics of settings, and the space of distances."""

from __future__ import annotations

import numpy as np

from autoencoder.errors import listed
from autoencoder.measures.intervals import LEVEL
from autoencoder.measures.nulls import turns
from autoencoder.measures.similarity import NEIGHBORS as SHARED_NEIGHBORS
from autoencoder.measures.timeline import Timeline
from autoencoder.projections.mds import RANDOM_PLANES, RANDOM_STARTS
from autoencoder.study.measured.likeness import APART_TAUS, DRAWS, MAIN, MOST_APART
from autoencoder.study.moments import LOSS_SHARE
from autoencoder.study.statistics import UNEQUAL
from autoencoder.study.wording import Found
from autoencoder.workflows.markdown import as_markdown
from autoencoder.workflows.study.methods.parts import is_done
from autoencoder.workflows.study.methods.words import count, frames, number, share

MEASURES = {
    "procrustes": "The main measure was the Procrustes angle in degrees: the arccosine of the nuclear norm of X'Y for "
    "two codes X and Y (images x units) whose columns were centred and whose squares were scaled to a sum of 1, which "
    "is the angle that is left after the best rotation or reflection [[Williams et al., 2021]].",
    "procrustes_whitened": "The same angle was taken of whitened codes, whose directions all have the same variance, "
    "so that no invertible linear map of a code changes it.",
    "cka": "Linear centred kernel alignment (CKA) [[Kornblith et al., 2019]] was computed with the unbiased estimate "
    "of the Hilbert-Schmidt independence criterion [[Song et al., 2012]].",
}
"""What measures of similarity are, but for shared neighbourhoods, whose sentence holds numbers."""

DISTANCES = {
    "procrustes": "the Procrustes angle itself",
    "procrustes_whitened": "the whitened angle itself",
    "cka": "the arccosine of CKA",
    "knn_jaccard": "1 minus the Jaccard index",
}
"""What measures of similarity are taken as distances by."""


def similarity(found: Found) -> list[str]:
    """The measures, what chance gives, and the comparison at equal training."""
    compared, is_video = found["similarity"], found["described"]["data"]["is_video"]
    said = [
        f"Representations were compared by their codes of {compared['n_images']:,} held-out images, of all pairs of "
        "runs at each moment that all of them had, and of all pairs of moments of each run."
    ]
    known = {**MEASURES, "knn_jaccard": _shared_neighbours(compared, is_video=is_video)}
    for name, measure in compared["measures"].items():
        said.append(known.get(name, f"Another measure was {as_markdown(measure['title'])}."))
    said.append(_by_chance(is_video=is_video))
    if is_done(found, "matched"):
        matched = found["matched"]
        when = as_markdown(matched["moment"])
        if matched.get("by") == "loss":
            when = (
                f"the first snapshot from the end of the epoch on in which each run had had {share(LOSS_SHARE)} of the "
                "whole fall of its training loss"
            )
        said.append(f"As a control of unequal training, the comparison was repeated at {when}.")
    return said


def _shared_neighbours(compared: Found, *, is_video: bool) -> str:
    said = (
        f"Shared neighbourhoods were measured by the Jaccard index of each image's {SHARED_NEIGHBORS} nearest "
        "neighbours by Euclidean distance in both codes, averaged over images [[Klabunde et al., 2023]]"
    )
    if not is_video:
        return f"{said}."
    return (
        f"{said}; images of one recording that were at most {frames(compared['frames_between_neighbours'])} apart "
        f"({number(APART_TAUS)} tau, and never more than {share(MOST_APART)} of the longest recording) were no "
        "neighbours."
    )


def _by_chance(*, is_video: bool) -> str:
    if not is_video:
        return (
            f"Beside each value stands what chance gives: the mean over {DRAWS} random permutations of the images of "
            "one code against the other."
        )
    least, most = _turned_by()
    return (
        f"Since codes of successive frames are alike by chance, beside each value stands the mean of the same measure "
        f"with one code turned against the other in time, the last images moved to the beginning, by {DRAWS} equally "
        f"spaced shifts of {share(least)} to {share(most)} of the images."
    )


def _turned_by(n: int = 1000) -> tuple[float, float]:
    """The least and the largest turn of a null of similarities, as shares of the rows."""
    moved = turns(Timeline(np.zeros(n, np.int64), np.arange(n)), DRAWS, 0)[:, 0] / n
    return float(moved.min()), float(moved.max())


def statistics(found: Found) -> list[str]:
    """How settings were compared, by seeds."""
    said = _permanova(found["similarity"]) if is_done(found, "similarity") else []
    if any(is_done(found, name) for name in ("probes", "dimension", "robustness", "quality", "units")):
        said.append(
            "Measures that are one number of a run are given as means over seeds, and settings were compared by their "
            f"differences within seeds, both with {share(LEVEL)} confidence intervals by the t distribution over seeds "
            "(n - 1 degrees of freedom for n seeds); these were not tested, and intervals were not corrected for their "
            "number."
        )
    unit = "The unit of analysis was the trained network (the seed), not the image or the moment."
    return [unit, *said] if said else []


def _permanova(compared: Found) -> list[str]:
    measures = compared["measures"]
    main = measures.get(MAIN, {})
    test = (main or next(iter(measures.values())))["test"]
    if "why_not" in test:
        return []
    how = "all" if test["all_relabellings"] else "a random sample of"
    distances = [DISTANCES.get(name, f"those of {as_markdown(its['title'])}") for name, its in measures.items()]
    said = [
        f"The effect of the {count(len(compared['settings']))} settings on representations was tested at one moment "
        f"that was set beforehand, {as_markdown(compared['moment'])}, on the runs of {count(len(compared['seeds']))} "
        "seeds, by a permutational multivariate analysis of variance (PERMANOVA) of the distances between runs "
        f"[[Anderson, 2001]]. Distances were {listed(distances)}.",
        "Seeds were blocks, since runs of one seed are not independent: labels of settings were exchanged only among "
        f"runs of one seed [[Anderson & ter Braak, 2003]]. With {how} {test['relabellings']:,} distinct relabellings, "
        f"the data among them, the smallest p possible was {test['least_p']:.2g}; p is the share of relabellings whose "
        "R2 was at least that of the data.",
        "Effect sizes are R2, the share of the squared distances that lies between settings, its mean over all "
        "relabellings, which is what no effect would give, and omega squared, which takes what runs of one seed have "
        "in common for error and so errs low.",
    ]
    if "over_training" in test:
        said.append(
            f"Over training, the R2 of each of {len(test['over_training']):,} moments was compared with the largest R2 "
            "of each relabelling at any moment [[Westfall & Young, 1993]], which corrects for the number of moments."
        )
    said.append("Effects were not corrected for the number of measures of similarity.")
    if main.get("dispersion"):
        said.append(
            "The spread of seeds within a setting was measured by the mean distance of runs to their centroid in "
            f"principal coordinates [[Anderson, 2006]]; where the largest spread was more than {number(UNEQUAL)} times "
            "the smallest, settings were said to differ in place or in spread."
        )
    return said + _factors(main.get("factors", {}))


def _factors(factors: Found) -> list[str]:
    if not factors or "why_not" in factors:
        return []
    said = [
        "Each factor of the design was also tested beside the others, with labels exchanged among runs that were alike "
        "in their seed and in all other factors."
    ]
    if any("p" not in entry for entry in factors.values()):
        said.append("Of interactions of two factors the size, omega squared, is given without a test.")
    return said


def space(found: Found) -> list[str]:
    """How the distances were drawn on a plane."""
    drawn = found["space"]
    return [
        "The space of representations was drawn on a plane by metric multidimensional scaling of the Procrustes angles "
        f"between {len(drawn['points']):,} representations (runs at their snapshots, and controls) on "
        f"{drawn['n_images']:,} held-out images. The raw stress was minimised by SMACOF [[Borg & Groenen, 2005]] from "
        f"the classical scaling and {RANDOM_PLANES + RANDOM_STARTS} random starts, and the solution of least stress "
        "was kept. Its stress-1 [[Kruskal, 1964]], the root of the summed squared differences between drawn and given "
        f"distances over the summed squares of the given ones, was {drawn['stress']:.2g}. All statistics are of the "
        "given distances."
    ]
