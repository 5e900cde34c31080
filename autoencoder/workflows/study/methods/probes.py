"""How metadata were read from codes, how certain scores are, and what chance gives."""

from __future__ import annotations

import numpy as np

from autoencoder.measures.emergence import BLIND_DEG, HALF, KEPT, TOLD
from autoencoder.measures.intervals import BLOCK_TAUS, FEWEST_BLOCKS, LEVEL
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.nulls import ENOUGH_TIME, SIGNIFICANT, NullKind, shifts
from autoencoder.measures.probes import FEWEST_STRETCHES, FOLDS, STRENGTHS, STRETCH_TAUS
from autoencoder.measures.probes import NEIGHBORS as PROBE_NEIGHBORS
from autoencoder.study.wording import Found
from autoencoder.workflows.study.methods.words import choice, frames, named, number, share

SCORES = {
    ColumnKind.LINEAR.value: "quantities by R2 against the mean of the images fitted to",
    ColumnKind.CIRCULAR.value: "angles, regressed as cosine and sine, by their median circular error in degrees",
    ColumnKind.CATEGORY.value: "labels, regressed as indicators, by their balanced accuracy",
}
"""How columns of each kind are scored."""


def probes(found: Found) -> list[str]:
    """The probes, their scores, intervals and nulls, and what is said of columns over training."""
    columns, described = found["probes"]["columns"], found["described"]
    probing, is_video = described.get("probing"), described["data"]["is_video"]
    kinds = {column["kind"] for column in columns.values()}
    least, most = float(STRENGTHS[0]), float(STRENGTHS[-1])
    said = [
        f"The metadata columns {named(list(columns))} were read from the codes at every snapshot by two probes: ridge "
        f"regression on standardised codes (one of {len(STRENGTHS)} penalties from {number(least)} to {number(most)} "
        "per image), for what is linear in the code, and the mean of the nearest "
        f"neighbours ({choice(PROBE_NEIGHBORS)} of them, or nearly the mean of all images), for what is near in it. "
        "Probes were fitted to the probe images that were trained on and scored on those held out."
    ]
    if probing is not None and is_video and probing["gap_frames"] > 0:
        said.append(
            f"Images within {frames(probing['gap_frames'])} of a held-out one, the correlation time of the slowest "
            "column with enough time, were not fitted to."
        )
    angles = " (of angles, those of the mean error)" if ColumnKind.CIRCULAR.value in kinds else ""
    said += [
        f"Penalty and number of neighbours were chosen within the images fitted to, by {FOLDS}-fold cross-validation "
        f"in parts of the same kind as the split{_stretches(described)}, by the one-standard-error rule "
        "[[Breiman et al., 1984]]: of choices whose error did not exceed the least by more than one standard error of "
        "the difference, the simplest.",
        f"Scored were {'; '.join(text for kind, text in SCORES.items() if kind in kinds)}.",
        f"Intervals ({share(LEVEL)}) of scores{angles} are jackknife intervals [[Efron & Tibshirani, 1993]] over "
        f"stretches of held-out images, at least {number(BLOCK_TAUS)} correlation times of the column long where "
        "images are ordered in time, on a logarithmic scale and widened for what neighbouring stretches have in "
        f"common; with fewer than {FEWEST_BLOCKS} stretches there is none.",
    ]
    if probing is not None:
        said += _chance(probing, is_video=is_video)
    return said + _over_training(described)


def _stretches(described: Found) -> str:
    """What parts of cross-validation are made of where images are ordered in time and parts are no whole groups."""
    groups, probing = described["split"]["groups"], described.get("probing")
    if not described["data"]["is_video"] or (groups is not None and len(groups["trained_on"]) >= FOLDS):
        return ""
    if probing is None or probing["gap_frames"] <= 0:
        return ""
    return (
        f" (stretches of about {number(STRETCH_TAUS)} such correlation times, or shorter ones where a part would "
        f"have had fewer than {FEWEST_STRETCHES})"
    )


def _chance(probing: Found, *, is_video: bool) -> list[str]:
    draws, enough = f"{probing['draws']:,}", ""
    if probing["null"] == NullKind.SHIFT.value:
        reach = _shifted_by()
        how = (
            "a linear shift [[K. D. Harris, 2020; Yuan & Shou, 2024]]: the labels were moved against codes, split and "
            f"images by up to {share(reach)} of each segment of a recording, each way, within its middle "
            f"{share(1 - 2 * reach)}, and the whole probe was repeated with each of {draws} shifts"
        )
        if is_video:
            enough = f" For columns with fewer than {number(ENOUGH_TIME)} correlation times there is no p."
    elif probing["null"] == NullKind.EXCHANGE.value:
        how = (
            "exchanging the labels between recordings, which were cut to the length of the shortest, and repeating the "
            f"whole probe with each of {draws} exchanges"
        )
    else:
        within = " within groups" if probing["in_groups"] else ""
        how = f"permuting the labels{within} and repeating the whole probe with each of {draws} permutations"
    return [
        f"Chance was assessed by {how}. The statistic was -log(1 - R2) of what was regressed, and p is the share of "
        "draws, the data among them, that scored at least as high; p was not corrected for the number of columns, "
        "probes "
        f"and runs.{enough}"
    ]


def _shifted_by(n: int = 800) -> float:
    """How far labels are moved each way by a linear shift, as a share of their segment."""
    return float(shifts([np.arange(n)]).rows[0]) / n


def _over_training(described: Found) -> list[str]:
    if max(n for entry in described["settings"] for n in entry["snapshots"]) < 2:
        return []
    return [
        f"To compare columns, scores were taken as skills from 0 (nothing) to 1: R2; 1 - error / {number(BLIND_DEG)} "
        "degrees; balanced accuracy above chance. A column counted as read in a run if its largest skill over "
        "training was at "
        f"least {TOLD:g}, p at that snapshot was below {SIGNIFICANT:g}, not corrected for the choice of the snapshot, "
        f"and the score there better than what the best {share(SIGNIFICANT)} of draws reach. Its onset lies between "
        f"the two snapshots where {share(HALF)} of the largest gain over the first "
        f"snapshot was passed, for gains of at least {TOLD:g}. A column was lost if less than {share(HALF)} of its "
        "largest skill was left at the end, by every probe that had read it, and folded if the ridge had fallen by "
        f"more than {TOLD:g} while neighbours kept at least {share(KEPT)} of their largest skill and read it better "
        "than the ridge."
    ]
