"""How well probes read what is known of the images from their codes, beside the same with shuffled labels.

Every prediction is made for rows that the probe was not fitted to. Frames of a video resemble their neighbours, so
rows are held out in long stretches; with single rows held out, slow noise would seem to tell all that changes slowly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from autoencoder.measures.angles import circular_error_deg
from autoencoder.measures.kinds import ColumnKind
from autoencoder.seeding import numpy_stream

PROBES = ("ridge", "knn")
"""Names of the probes: of what is linear in the code, and of what is near in it."""

FOLDS, DEFAULT_BLOCKS = 5, 10
"""A block is a stretch of frames: two per fold, to be longer than what a video remembers.

From 1,600 frames of 8-D noise that forgets over 60 frames, kNN "reads" unrelated noise of the same kind with a median
R2 of 0.92 if single frames are held out, 0.31 with 50 blocks, -0.16 with 20 and -0.54 with 10.
"""

NEIGHBOURS = 10
ALPHAS = np.logspace(-3, 6, 19)
"""Strengths of the ridge to choose from, for standardised codes: from none at all to nothing but the mean."""

SHUFFLES = 3
"""Orders of the shuffled labels that the control is averaged over."""

MIN_ROWS, MAX_LABELS = 20, 100
"""With fewer rows, or more labels than this or than half of the rows, a column is not probed."""

Array = NDArray[np.float64]
Predict = Callable[[Array], Array]
Fit = Callable[[Array, Array], Predict]


@dataclass(frozen=True)
class ProbeScore:
    """How well one probe reads one column.

    Attributes:
        column: its name.
        kind: of the column; it decides what the score is.
        probe: "ridge" or "knn".
        score: linear columns: R2 = 1 - sum (y - prediction)^2 / sum (y - mean of y)^2 over all rows, with the mean of
            these same rows: 1 at best, below 0 where that mean is nearer. Categories: the share of rows whose label is
            predicted. Angles: the median circular error in degrees, 0 at best, 90 by chance if all are as frequent.
        shuffled: the same for shuffled labels, with the same rows, folds and probe; the mean over `SHUFFLES` orders.
            Shuffled labels change quickly: slow ones may by chance come out further off than this control.
        mean_error_deg: mean circular error of an angle in degrees; None for other kinds.
        n: rows that were used.
    """

    column: str
    kind: ColumnKind
    probe: str
    score: float
    shuffled: float
    mean_error_deg: float | None
    n: int

    def numbers(self) -> dict[str, Any]:
        """All of it in plain values, as written to `comparison.json`, which calls a probe a decoder."""
        return {
            "column": self.column,
            "kind": self.kind.value,
            "decoder": self.probe,
            "score": self.score,
            "shuffled": self.shuffled,
            "mean_error_deg": self.mean_error_deg,
            "n": self.n,
        }


def probe_labels(
    name: str,
    codes: NDArray[np.floating[Any]],
    labels: NDArray[Any],
    kind: ColumnKind,
    frames: NDArray[np.int64],
    seed: int,
    blocks: int = DEFAULT_BLOCKS,
) -> list[ProbeScore]:
    """Predict labels from codes, out of fold, by each of `PROBES`.

    Args:
        name: what the labels are called; their shuffled orders are drawn by it.
        codes: (n, d) float32 or float64, finite.
        labels: (n,), all known; angles in radians. `why_not_probed` says of which kinds there are too few.
        kind: of the labels.
        frames: (n,) places in the video.
        seed: of the folds and of the shuffled labels.
        blocks: stretches that the rows are cut into, see `block_folds`; a category takes more.
    """
    true = _targets(labels, kind)
    orders = [numpy_stream(seed, f"shuffled labels of {name}", position) for position in range(SHUFFLES)]
    targets = [true, *(order.permutation(true) for order in orders)]
    folds = block_folds(frames, max(blocks, FOLDS * true.shape[1] if kind is ColumnKind.CATEGORY else 0), seed)
    results = []
    for probe, fit in zip(PROBES, (fit_ridge, fit_knn), strict=True):
        predicted = _predict_out_of_fold(fit, codes.astype(np.float64), folds, targets)
        (score, mean_error), *controls = map(_score, predicted, targets, [kind] * len(targets))
        shuffled = float(np.mean([control for control, _ in controls]))
        results.append(ProbeScore(name, kind, probe, score, shuffled, mean_error, len(labels)))
    return results


def block_folds(row_numbers: NDArray[np.int64], blocks: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row, (n,) int64 in [0, 5), so that neighbours are together.

    The frames that occur are cut, in their order, into `blocks` stretches of equal length; rows of one number stay
    together. Each five blocks in a row are dealt to the five folds in an order drawn from the seed, so that each fold
    has a part of each stage of the video. `row_numbers` (n,) may be in any order and have any gaps.
    """
    distinct, place = np.unique(row_numbers, return_inverse=True)
    blocks, generator = min(blocks, len(distinct)), numpy_stream(seed, "folds of blocks")
    dealt = np.concatenate([generator.permutation(FOLDS) for _ in range(0, blocks, FOLDS)])
    return np.asarray(dealt[place * blocks // len(distinct)], dtype=np.int64)


def why_not_probed(labels: NDArray[Any], kind: ColumnKind, frames: NDArray[np.int64]) -> str | None:
    """Why a column with these known values (n,) of `frames` (n,) cannot be probed, in words; None where it can."""
    n, n_labels = len(labels), len(np.unique(labels))
    if n < MIN_ROWS:
        return f"has a value in only {n} rows, and at least {MIN_ROWS} are needed" if n else "has no value in any row"
    if n_labels == 1:
        return "has the same value in every row"
    if kind is ColumnKind.CATEGORY and n_labels > min(MAX_LABELS, n // 2):
        return f"has {n_labels:,} labels in {n:,} rows: at most {MAX_LABELS}, and two rows for each, can be probed"
    n_frames = len(np.unique(frames))
    return None if n_frames >= FOLDS else f"has values of {n_frames} frames only, and each of {FOLDS} folds needs one"


def _targets(labels: NDArray[Any], kind: ColumnKind) -> Array:
    """What is regressed, (n, t): a number brought to [0, 1], cosine and sine of an angle, an indicator per label."""
    if kind is ColumnKind.CATEGORY:
        return np.asarray(labels[:, None] == np.unique(labels), dtype=np.float64)
    if kind is ColumnKind.CIRCULAR:
        return np.stack([np.cos(labels), np.sin(labels)], axis=1)
    return np.asarray((labels - labels.min()) / np.ptp(labels))[:, None]


def _score(predicted: Array, targets: Array, kind: ColumnKind) -> tuple[float, float | None]:
    """The score of `ProbeScore` and, of an angle, the mean circular error."""
    if kind is ColumnKind.CATEGORY:
        return float((predicted.argmax(axis=1) == targets.argmax(axis=1)).mean()), None
    if kind is ColumnKind.LINEAR:
        return float(1 - np.square(targets - predicted).sum() / np.square(targets - targets.mean()).sum()), None
    errors = circular_error_deg(*(np.arctan2(vectors[:, 1], vectors[:, 0]) for vectors in (predicted, targets)))
    return float(np.median(errors)), float(errors.mean())


def _predict_out_of_fold(fit: Fit, codes: Array, folds: NDArray[np.int64], targets: list[Array]) -> list[Array]:
    """Predictions of all rows for each of the targets (n, t), fitted to the rows of the other folds."""
    predicted = [np.empty_like(target) for target in targets]
    for fold in np.unique(folds):
        held_out = folds == fold
        predict = fit(codes[~held_out], codes[held_out])
        for out, target in zip(predicted, targets, strict=True):
            out[held_out] = predict(target[~held_out])
    return predicted


def fit_ridge(train: Array, test: Array) -> Predict:
    """Ridge regression on codes that are standardised by the training rows.

    The strength, one for all targets of a column, is that of `ALPHAS` with the least leave-one-out error on these rows:
    the residual over 1 - leverage (Golub, Heath & Wahba 1979), as in sklearn's `RidgeCV`, but by one decomposition.
    """
    scaler = StandardScaler().fit(train)  # a constant unit becomes 0
    left, singular, right = np.linalg.svd(scaler.transform(train), full_matrices=False)
    coordinates = scaler.transform(test) @ right.T
    shares = singular**2 / (singular**2 + ALPHAS[:, None])
    free = 1 - 1 / len(train) - np.square(left) @ shares.T  # 1 - leverage, (rows, alphas)

    def predict(targets: Array) -> Array:
        mean = targets.mean(axis=0)
        projected = left.T @ (targets - mean)
        fitted = (left @ (share[:, None] * projected) for share in shares)
        errors = [np.square((targets - mean - fit) / free[:, [i]]).mean() for i, fit in enumerate(fitted)]
        weights = singular / (singular**2 + ALPHAS[np.argmin(errors)])
        return np.asarray(mean + coordinates @ (weights[:, None] * projected))

    return predict


def fit_knn(train: Array, test: Array) -> Predict:
    """Mean of the nearest training rows, all of one weight, so that rows at no distance need no exception.

    They are 10, or the root of the number of training rows if that is less. Distances are those of the code as it is:
    standardising would make units that hardly vary as loud as the others.
    """
    k = min(NEIGHBOURS, math.isqrt(len(train)))
    centre = train.mean(axis=0)  # distances are computed from squares, which round off what is far from 0
    nearest = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(train - centre)
    neighbours = nearest.kneighbors(test - centre, return_distance=False)
    return lambda targets: np.asarray(targets[neighbours].mean(axis=1))
