"""How well what is known of the images is decoded from their codes, beside the same with shuffled labels.

Every prediction is made for rows that the decoder was not fitted to. Frames of a video resemble their neighbours, so
rows are held out in long stretches; with single rows held out, slow noise would seem to tell all that changes slowly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from autoencoder.circular import circular_error_deg
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError, raise_if_any
from autoencoder.measures.kinds import ColumnKind
from autoencoder.seeding import numpy_stream

DECODERS = ("ridge", "knn")
"""Names of the decoders: of what is linear in the code, and of what is near in it."""

FOLDS, DEFAULT_BLOCKS = 5, 10
"""A block is a stretch of frames: two per fold, to be longer than what a video remembers.

From 1,600 frames of 8-D noise that forgets over 60 frames, kNN "decodes" unrelated noise of the same kind with a median
R2 of 0.92 if single frames are held out, 0.31 with 50 blocks, -0.16 with 20 and -0.54 with 10.
"""

NEIGHBOURS = 10
ALPHAS = np.logspace(-3, 6, 19)
"""Strengths of the ridge to choose from, for standardised codes: from none at all to nothing but the mean."""

SHUFFLES = 3
"""Orders of the shuffled labels that the control is averaged over."""

MIN_ROWS, MAX_LABELS = 20, 100
"""With fewer rows, or more labels than this or than half of the rows, a column is not decoded."""

Array = NDArray[np.float64]
Predict = Callable[[Array], Array]
Fit = Callable[[Array, Array], Predict]


@dataclass(frozen=True)
class Decoded:
    """How well one column is decoded by one decoder.

    Attributes:
        column: its name.
        kind: of the column; it decides what the score is.
        decoder: "ridge" or "knn".
        score: linear columns: R2 = 1 - sum (y - prediction)^2 / sum (y - mean of y)^2 over all rows, with the mean of
            these same rows: 1 at best, below 0 where that mean is nearer. Categories: the share of rows whose label is
            predicted. Angles: the median circular error in degrees, 0 at best, 90 by chance if all are as frequent.
        shuffled: the same for shuffled labels, with the same rows, folds and decoder; the mean over `SHUFFLES` orders.
            Shuffled labels change quickly: slow ones may by chance come out further off than this control.
        mean_error_deg: mean circular error of an angle in degrees; None for other kinds.
        n: rows that were used.
    """

    column: str
    kind: ColumnKind
    decoder: str
    score: float
    shuffled: float
    mean_error_deg: float | None
    n: int


@dataclass(frozen=True)
class Decoding:
    """What could be decoded, and what could not.

    Attributes:
        results: one for each column and decoder, in the order of the columns.
        left_out: columns that cannot be decoded, and why, in words that follow the column's name.
    """

    results: tuple[Decoded, ...]
    left_out: dict[str, str]


def decode_columns(
    codes: NDArray[np.floating[Any]],
    metadata: Metadata,
    *,
    row_numbers: NDArray[np.int64],
    seed: int,
    columns: Sequence[str] | None = None,
    blocks: int = DEFAULT_BLOCKS,
    max_rows: int = 10_000,
) -> Decoding:
    """Predict each column of `metadata` from `codes`, out of fold (see `block_folds`), by ridge regression and kNN.

    Rows without a value (NaN, "") are left out; a label that occurs in one fold only is never predicted there. The
    result depends neither on the order of the rows nor on which other columns are asked for.

    Args:
        codes: (n, d) float32 or float64.
        metadata: n rows.
        row_numbers: place of each row in the video, (n,) int64; rows of one number are held out together.
        seed: of the folds and of the shuffled labels.
        columns: names of those to decode; None for all.
        blocks: stretches that the rows are cut into, at least 5. A category of L labels gets at least 5 L: of images
            sorted by label, fewer would hold out all images of a label at once.
        max_rows: if more rows than this have a value, so many of them are used, evenly spaced in frame order.

    Raises:
        UserError: there is no such column, the codes are not finite, or sizes do not fit.
    """
    _check(codes, metadata, row_numbers, blocks, max_rows)
    asked = {name: metadata.column(name) for name in (metadata.names if columns is None else columns)}
    in_frame_order = np.argsort(row_numbers, kind="stable")
    results, left_out = list[Decoded](), dict[str, str]()
    for name, values in asked.items():
        kind = metadata.kind(name)
        known = values != "" if values.dtype.kind == "U" else ~np.isnan(values)
        rows = in_frame_order[known[in_frame_order]]
        if len(rows) > max_rows:
            rows = rows[np.arange(max_rows) * len(rows) // max_rows]
        labels, frames = values[rows], row_numbers[rows]
        if kind is ColumnKind.CIRCULAR:
            labels = labels % metadata.period(name) * (2 * math.pi / metadata.period(name))
        if why := _why_not(labels, kind, frames):
            left_out[name] = why
            continue
        true = _targets(labels, kind)
        orders = [numpy_stream(seed, f"shuffled labels of {name}", position) for position in range(SHUFFLES)]
        targets = [true, *(order.permutation(true) for order in orders)]
        folds = block_folds(frames, max(blocks, FOLDS * true.shape[1] if kind is ColumnKind.CATEGORY else 0), seed)
        for decoder, fit in zip(DECODERS, (fit_ridge, fit_knn), strict=True):
            predicted = _predict_out_of_fold(fit, codes[rows].astype(np.float64), folds, targets)
            (score, mean_error), *controls = map(_score, predicted, targets, [kind] * len(targets))
            shuffled = float(np.mean([control for control, _ in controls]))
            results.append(Decoded(name, kind, decoder, score, shuffled, mean_error, len(rows)))
    return Decoding(tuple(results), left_out)


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


def _check(codes: NDArray[Any], metadata: Metadata, row_numbers: NDArray[Any], blocks: int, max_rows: int) -> None:
    if codes.ndim != 2 or codes.shape[1] == 0:
        raise UserError(f"codes have shape {codes.shape}: they are one row of at least one unit per image")
    n, n_known, problems = len(codes), len(metadata) if metadata.names else len(codes), []
    if row_numbers.shape != (n,) or n_known != n:
        problems.append(f"{n:,} codes, {n_known:,} rows of metadata and {row_numbers.size:,} row numbers do not match")
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if len(bad):
        problems.append(f"{len(bad):,} of {n:,} codes are not finite (first: row {bad[0]}): did the training diverge?")
    if blocks < FOLDS or max_rows < MIN_ROWS:
        problems.append(
            f"of {max_rows} rows in {blocks} blocks, at least {MIN_ROWS} rows and {FOLDS} blocks are needed"
        )
    raise_if_any(problems)


def _why_not(labels: NDArray[Any], kind: ColumnKind, frames: NDArray[np.int64]) -> str | None:
    """Why a column with these known values is left out, or None."""
    n, n_labels = len(labels), len(np.unique(labels))
    if n < MIN_ROWS:
        return f"has a value in only {n} rows, and at least {MIN_ROWS} are needed" if n else "has no value in any row"
    if n_labels == 1:
        return "has the same value in every row"
    if kind is ColumnKind.CATEGORY and n_labels > min(MAX_LABELS, n // 2):
        return f"has {n_labels:,} labels in {n:,} rows: at most {MAX_LABELS}, and two rows for each, can be decoded"
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
    """The score of `Decoded` and, of an angle, the mean circular error."""
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
