"""What a projection of the whole of training is fitted to, and how: one function for each way, and their names."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from autoencoder.array_types import FloatArray
from autoencoder.config import ALL_FITS, FITS
from autoencoder.errors import UserError, meant_or_choices, raise_if_any
from autoencoder.neighbors.place import place
from autoencoder.neighbors.umap import UMAP_NEIGHBORS, umap_learn
from autoencoder.projections.joint import embed_jointly
from autoencoder.projections.parametric import embed_parametrically
from autoencoder.projections.reducers.base import MIN_POINTS, embed_snapshots, make_projection
from autoencoder.projections.series import Series
from autoencoder.registries import REDUCERS
from autoencoder.seeding import stream_seed

OnProgress = Callable[[int], None]

ALL = ("last", "first", "every")
"""What `ALL_FITS` stands for."""

FIXED = ("last", "first")
"""Fits to one snapshot, which also take a latent of two units as the plane that it is."""

POOLED_POINTS = 10_000
ALIGNED_POINTS = 12_000
"""Points of all moments together that one fit sees; umap-learn's AlignedUMAP takes 10 ms for each."""

MIN_ALIGNED, MAX_ALIGNED = 100, 2000
"""Points of each moment that AlignedUMAP sees."""


def default_fit(reducer: str) -> str:
    """The fit that measures best for a reducer; see docs/evolution.md."""
    return REDUCERS[reducer].default_fit


def methods(reducers: Sequence[str], fits: Sequence[str] | None) -> list[tuple[str, str]]:
    """Every reducer with every fit, `ALL_FITS` spelt out; with its default one where `fits` is None.

    Raises:
        UserError: what does not go together, packages that are missing, and paths where there is no file; all of them.
    """
    problems: list[str] = []
    for reducer in reducers:
        try:
            make_projection(reducer, 0)
        except UserError as error:
            problems += error.problems
    found = []
    for reducer in reducers:
        wanted = [default_fit(reducer)] if fits is None else fits
        spelt = [name for fit in wanted for name in (ALL if fit == ALL_FITS else (fit,))]
        found += [(reducer, fit) for fit in dict.fromkeys(spelt)]
    for reducer, fit in found:
        problems += fit_problems(reducer, fit)
    raise_if_any(dict.fromkeys(problems))
    return found


def fit_problems(reducer: str, fit: str) -> list[str]:
    """Why a fit (one of `FITS`; anything else is a path) does not go with a reducer, in words for the user."""
    if fit not in FITS and not Path(fit).is_file():
        return [f"--fit {fit} is neither a file nor a known way to fit{meant_or_choices(fit, (*FITS, ALL_FITS))}"]
    owners = [entry.title for entry in REDUCERS.values() if fit in entry.own_fits]
    if owners and fit not in REDUCERS[reducer].own_fits:
        others = [name for name in FITS if not any(name in entry.own_fits for entry in REDUCERS.values())]
        of, instead = " or ".join(owners), ", ".join(others)
        return [f"--fit {fit} only works with {of}: with --reduce {reducer} use {instead} or the path of a snapshot"]
    if REDUCERS[reducer].as_it_is and fit not in FIXED:
        *some, last = [name for name, entry in REDUCERS.items() if not entry.as_it_is]
        return [f"--reduce {reducer} fits nothing: leave out --fit {fit}, or use --reduce {', '.join(some)} or {last}"]
    return []


def embed_series(
    series: Series,
    reducer: str,
    fit: str,
    seed: int,
    fit_on: FloatArray | None = None,
    on_progress: OnProgress | None = None,
) -> FloatArray:
    """Embed T moments, (T, n, 2) float32; the same seed gives the same bits.

    Args:
        series: T moments of (n, d).
        reducer: a name in `registries.REDUCERS`.
        fit: one of `FITS`, or anything else where `fit_on` is given.
        seed: of the projection.
        fit_on: (m, d) codes of another snapshot to fit to.
        on_progress: called with 1 after each moment.

    Raises:
        UserError: the fit does not go with the reducer, there are too few points, or the codes cannot be projected (not
            finite, or constant where a fit needs them).
    """
    problems = fit_problems(reducer, fit) if fit_on is None else []
    if series.shape[0] < MIN_POINTS:
        problems.append(f"a projection needs at least {MIN_POINTS} points, and a snapshot here has {series.shape[0]}")
    if problems:
        raise UserError(problems)
    done = on_progress or (lambda amount: None)
    if fit_on is None and fit not in FIXED:
        return _WAYS[fit](series, reducer, seed, done)
    target = fit_on if fit_on is not None else series[-1 if fit == "last" else 0]
    return embed_snapshots((series[t] for t in range(len(series))), target, reducer, seed, done)


def _every(series: Series, reducer: str, seed: int, done: OnProgress) -> FloatArray:
    """Each moment has random draws of its own, as a fit that knows nothing of the others has."""
    embeddings = []
    for t in range(len(series)):
        embeddings.append(_fitted(series, t, reducer, stream_seed(seed, "every fit", t)))
        done(1)
    return np.stack(embeddings)


def _every_procrustes(series: Series, reducer: str, seed: int, done: OnProgress) -> FloatArray:
    embeddings: list[FloatArray] = []
    for t in range(len(series)):
        before = embeddings[-1] if embeddings else None
        fitted = _fitted(series, t, reducer, stream_seed(seed, "every fit", t), before)
        embeddings.append(fitted if before is None else turned(fitted, before))
        done(1)
    return np.stack(embeddings)


def _fitted(series: Series, t: int, reducer: str, seed: int, start: FloatArray | None = None) -> FloatArray:
    try:
        codes = series[t]
        return make_projection(reducer, seed, start).fit(codes).transform(codes)
    except UserError as error:
        raise UserError(f"{series.names[t]} cannot be fitted: {error}") from error


def turned(embedding: FloatArray, onto: FloatArray) -> FloatArray:
    """`embedding` (n, 2) moved, turned and mirrored to lie as near to `onto` (n, 2) as it can; its size stays."""
    from scipy.linalg import orthogonal_procrustes

    center, target = embedding.mean(axis=0, dtype=np.float64), onto.mean(axis=0, dtype=np.float64)
    rotation, _ = orthogonal_procrustes(embedding - center, onto - target)
    result: FloatArray = ((embedding - center) @ rotation + target).astype(np.float32)
    return result


def _pooled(series: Series, reducer: str, seed: int, done: OnProgress) -> FloatArray:
    rows = series.draw(max(MIN_POINTS, POOLED_POINTS // len(series)), seed, "anchors")
    pool = np.concatenate(series.rows(rows))
    return embed_snapshots((series[t] for t in range(len(series))), pool, reducer, seed, done)


def _aligned(series: Series, reducer: str, seed: int, done: OnProgress) -> FloatArray:
    if len(series) == 1:
        return embed_snapshots([series[0]], series[0], reducer, seed, done)  # there is nothing to align
    wanted = int(np.clip(ALIGNED_POINTS // len(series), MIN_ALIGNED, MAX_ALIGNED))
    rows = series.draw(wanted, seed, "anchors")
    anchors = series.rows(rows)
    for t, codes in enumerate(anchors):
        if (codes == codes[0]).all():
            raise UserError(
                f"{series.names[t]} cannot be fitted, because its codes are all the same: use another --fit"
            )
    model = umap_learn().AlignedUMAP(n_neighbors=min(UMAP_NEIGHBORS, len(rows) - 1), random_state=seed % 2**32)
    same = {i: i for i in range(len(rows))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few points and of single threads: both are as intended here
        model.fit(list(anchors), relations=[same] * (len(anchors) - 1))
    embeddings = []
    for t, placed in enumerate(model.embeddings_):
        embeddings.append(place(series[t], anchors[t], np.asarray(placed, np.float32)))
        done(1)
    return np.stack(embeddings)


def _joint(series: Series, reducer: str, seed: int, done: OnProgress) -> FloatArray:
    return embed_jointly(series, seed, done)


def _parametric(series: Series, reducer: str, seed: int, done: OnProgress) -> FloatArray:
    return embed_parametrically(series, seed, done)


_WAYS = {
    "joint": _joint,
    "every": _every,
    "pooled": _pooled,
    "aligned": _aligned,
    "every+procrustes": _every_procrustes,
    "parametric": _parametric,
}
