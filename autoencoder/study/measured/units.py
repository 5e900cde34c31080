"""How many units a latent takes: errors by its size, beside those of as many principal components of the images."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from torch import Tensor

from autoencoder.array_types import Rows
from autoencoder.data.batches import Pixels, evenly
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.measures.image_quality import mse
from autoencoder.objectives.base import make_objective
from autoencoder.runs.opened import OpenedRun
from autoencoder.study.measured.controls import PIXEL_CODES
from autoencoder.study.measured.quality import LOSSES
from autoencoder.study.paired import mean_interval
from autoencoder.study.population import Population, Source
from autoencoder.study.table import Table

Array = NDArray[np.float64]

SIZE = "latent_dim"
"""The setting whose values are compared."""

ERROR, EXPLAINED = "reconstruction_mse", "explained_variance"
"""In the table: the mean squared error of held-out images in [0, 1], and the share of their variance that is kept."""

HELD_OUT_LOSS = LOSSES[1]
"""The error of networks that reconstruct nothing."""

ALL = "all"
"""The name of the only group, where nothing but the size varies."""

MOST_FITTED = 4096
"""Of more images that were trained on, principal components are fitted to so many, evenly spaced."""

BATCH = 512
"""Images that components are applied to at a time."""


def measure_units(
    population: Population, table: Table, device: str = "auto", on_progress: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Compare sizes of the latent by the error on held-out images, among runs that differ in nothing else.

    Networks see the compared images without added noise. Their reconstructions are measured against the clean images
    where the data have such, else against the images themselves. Networks that reconstruct nothing are compared by
    their last held-out loss.

    Args:
        population: what is measured.
        table: is added to.
        device: where networks compute: `auto`, `cpu`, `cuda` or `mps`.
        on_progress: called after each run.

    Returns:
        plain values: `groups`, each with its `sizes`, the size with the least mean error (`best`) and the smallest one
        within a standard error of that (`smallest`); and `notes`.

    Raises:
        UserError: the size of the latent does not vary.
    """
    runs = {
        source.name: source.run
        for source in population.sources
        if source.run is not None and source.control is None and source.seed is not None
    }
    sizes = sorted({_size(run) for run in runs.values()})
    if SIZE not in population.vary or len(sizes) < 2:
        raise UserError("the size of the latent does not vary")
    notes = list[str]()
    reconstruct = {name for name, run in runs.items() if make_objective(run.config().objective).reconstructs}
    errors = _errors(population, runs, reconstruct, device, on_progress, notes)
    bound = linear_bound(population, sizes) if reconstruct else None
    if bound is not None:
        notes += bound.notes
        _add_rows(population, table, {name: error for name, error in errors.items() if name in reconstruct}, bound)
    groups: dict[str, list[Source]] = {}
    for source in population.sources:
        if source.name in errors:
            groups.setdefault(group_name(source.levels), []).append(source)
    found = [_group(name, group, errors, reconstruct, bound, notes) for name, group in groups.items()]
    return {"groups": found, "notes": notes}


def group_name(levels: Mapping[str, str | None]) -> str:
    """The settings other than the size of the latent, in short; `ALL` where there are none."""
    return ", ".join(value for name, value in levels.items() if name != SIZE and value) or ALL


def _size(run: OpenedRun) -> int:
    return run.config().model.latent_dim


# -------------------------------------------------------------------------------------------------------------- errors


def _errors(
    population: Population,
    runs: Mapping[str, OpenedRun],
    reconstruct: Collection[str],
    device: str,
    on_progress: Callable[[], None],
    notes: list[str],
) -> dict[str, float]:
    """The error of each run that has a finite one; the others are named in the notes."""
    errors = dict[str, float]()
    for name, run in runs.items():
        try:
            error = reconstruction_error(population, run, device) if name in reconstruct else _held_out_loss(run)
        except UserError as why:
            notes.append(f"{name} is left out: {why}")
        else:
            if math.isfinite(error):
                errors[name] = error
            else:
                notes.append(f"{name} is left out: its error is {error}")
        on_progress()
    return errors


@torch.no_grad()
def reconstruction_error(population: Population, run: OpenedRun, device: str = "auto") -> float:
    """The mean squared error, in [0, 1], of what a run's last network makes of the compared images without noise.

    Args:
        population: whose images are compared.
        run: one that reconstructs.
        device: `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        UserError: the network cannot be read.
    """
    images, trained = population.images, run.network("last", device)
    seen = Pixels(images.images, images.max_pixel_value, trained.device)
    wanted = seen if images.clean is None else Pixels(images.clean, images.max_pixel_value, trained.device)
    errors = [
        mse(
            trained.objective.present(trained.network(batch).prediction),
            wanted.batch(rows),
            _counted(images, rows, trained.device),
        )
        .double()
        .cpu()
        for rows, batch in seen.batches(population.rows[population.compared], trained.encoded_at_once)
    ]
    return float(torch.cat(errors).mean())


def _counted(images: ImageSet, rows: Rows, device: torch.device) -> Tensor | None:
    counted = images.counted(rows)
    return None if counted is None else torch.from_numpy(counted).to(device)


def _held_out_loss(run: OpenedRun) -> float:
    """The loss at the last epoch that was validated."""
    losses = [row[HELD_OUT_LOSS] for row in run.metrics() if row[HELD_OUT_LOSS] is not None]
    if not losses:
        raise UserError("it was never validated: train with --val-interval 1")
    return float(losses[-1])


def _add_rows(population: Population, table: Table, errors: Mapping[str, float], bound: LinearBound) -> None:
    """Errors and explained variances of networks, and of principal components as those of the codes they give."""
    of_pixels = {PIXEL_CODES.format(size): error for size, error in bound.errors.items()}
    n = len(population.compared)
    for source in population.sources:
        error = (errors if source.fixed is None else of_pixels).get(source.name)
        if error is None:
            continue
        table.add(source, source.last, ERROR, error, n=n)
        if (share := bound.explained(error)) is not None:
            table.add(source, source.last, EXPLAINED, share, n=n)


# ------------------------------------------------------------------------------------------------ principal components


@dataclass(frozen=True)
class LinearBound:
    """What principal components keep of the compared images.

    Attributes:
        errors: mean squared error by the number of components.
        variance: mean over pixels of the squared distance from the mean of the images that were trained on.
        notes: numbers of components that could not be fitted, and why.
    """

    errors: Mapping[int, float]
    variance: float
    notes: tuple[str, ...] = ()

    def explained(self, error: float | None) -> float | None:
        """The share of the variance that is kept with a mean squared error; None where the images do not vary."""
        return None if error is None or not self.variance else 1 - error / self.variance


def linear_bound(population: Population, sizes: Sequence[int]) -> LinearBound:
    """Errors of as many principal components: the least that a linear network could be expected to make.

    The components are those of the probe images that were trained on, by default up to 2,400 of them, and are computed
    exactly. Where the data have clean images, these are what is fitted, projected and compared, so that a network that
    sees noisy ones is held against the truth at its best. Values outside [0, 1] are clipped, as those of networks are.

    Args:
        population: whose compared images are projected.
        sizes: numbers of components. None is fitted to fewer images than it has components.
    """
    images, fitted_to = population.images, population.rows[evenly(population.train, MOST_FITTED)]
    known = [size for size in sizes if size < len(fitted_to)]
    notes = tuple(
        f"no principal components for {size} units: only {len(fitted_to):,} of the images in snapshots were trained on"
        for size in sizes
        if size not in known
    )
    fitted = _reference(images, fitted_to)
    center = fitted.mean(axis=0)
    components = principal_components(fitted - center, max(known, default=0))
    squares, total = dict.fromkeys(known, 0.0), 0.0
    rows = population.rows[population.compared]
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        flat, weights = _reference(images, part), _weights(images, part)
        total += float((np.square(flat - center) * weights).sum())
        codes = (flat - center) @ components.T
        for size in known:
            kept = (center + codes[:, :size] @ components[:size]).clip(0, 1)
            squares[size] += float((np.square(kept - flat) * weights).sum())
    return LinearBound({size: value / len(rows) for size, value in squares.items()}, total / len(rows), notes)


def principal_components(centred: Array, most: int) -> Array:
    """The leading principal components, exactly.

    Args:
        centred: (n, p) float64, of mean 0.
        most: how many; fewer where the images vary in fewer directions.

    Returns:
        (at most `most`, p) orthonormal rows, of the largest variance first.
    """
    n, features = centred.shape
    by_images = n < features  # whichever of the two products is smaller has the same variances
    product = centred @ centred.T if by_images else centred.T @ centred
    last = len(product) - 1
    most = min(most, len(product))
    if not most:
        return np.empty((0, features))
    squares, vectors = eigh(product, subset_by_index=[last - most + 1, last])
    varies = squares > len(product) * np.finfo(np.float64).eps * squares[-1]
    squares, vectors = squares[varies][::-1], vectors[:, varies][:, ::-1]
    components: Array = (centred.T @ vectors / np.sqrt(squares) if by_images else vectors).T
    return components


def _reference(images: ImageSet, rows: Rows) -> Array:
    """What reconstructions are measured against, flattened: (n, C*H*W) float64 in [0, 1]."""
    scaled = images.scaled(rows, "images" if images.clean is None else "clean")
    return scaled.reshape(len(rows), -1).astype(np.float64)


def _weights(images: ImageSet, rows: Rows) -> Array:
    """What each value of `_reference` weighs in the mean of its image; pixels that do not count weigh nothing."""
    counted = images.counted(rows)
    n, channels = len(rows), images.image_shape[0]
    if counted is None:
        return np.full((1, 1), 1 / math.prod(images.image_shape))
    repeated = np.repeat(counted, channels, axis=1).reshape(n, -1).astype(np.float64)
    weights: Array = repeated / repeated.sum(axis=1, keepdims=True)
    return weights


# ------------------------------------------------------------------------------------------------------ choosing a size


@dataclass(frozen=True)
class Choice:
    """The size that the one-standard-error rule names.

    Attributes:
        best: the size with the least mean error; of two, the smaller.
        standard_error: of that mean; None of one seed.
        smallest: the smallest size whose mean error is within one standard error of the least; None where there is no
            standard error.
        why_not: why none is named; None where one is.
    """

    best: int
    standard_error: float | None
    smallest: int | None
    why_not: str | None = None


def one_standard_error(errors: Mapping[int, Sequence[float]]) -> Choice:
    """The smallest size that is as good as the best one, up to one standard error of the best one's mean.

    The rule of Breiman, Friedman, Olshen & Stone (Classification and Regression Trees, 1984, ch. 3), with seeds in the
    place of folds: the standard error is their standard deviation (n - 1) over the square root of their number.

    Args:
        errors: those of each seed, by size; at least one of each, all finite.
    """
    means = {size: float(np.mean(values)) for size, values in sorted(errors.items())}
    best = min(means, key=lambda size: means[size])  # of equal ones the first, which is the smallest
    n = len(errors[best])
    if n < 2:
        return Choice(best, None, None, f"one seed with {best} units gives no standard error: train two or more")
    standard_error = float(np.std(errors[best], ddof=1)) / math.sqrt(n)
    smallest = next(size for size, mean in means.items() if mean <= means[best] + standard_error)
    return Choice(best, standard_error, smallest)


def _group(
    name: str,
    group: Sequence[Source],
    errors: Mapping[str, float],
    reconstruct: Collection[str],
    bound: LinearBound | None,
    notes: list[str],
) -> dict[str, Any]:
    """One group's curve over sizes, and the size that it takes."""
    in_pictures = [source for source in group if source.name in reconstruct]
    by_size: dict[int, dict[str, float]] = {}
    for source in in_pictures or group:  # losses are no mean squared errors, so that the two are not mixed
        assert source.run is not None
        by_size.setdefault(_size(source.run), {})[str(source.seed)] = errors[source.name]
    by_size = dict(sorted(by_size.items()))
    choice = one_standard_error({size: list(seeds.values()) for size, seeds in by_size.items()})
    largest = max(by_size)
    if choice.best == largest:
        notes.append(f"{name}: the error is smallest with the largest number of units, {largest}: more may do better")
    beside = bound if in_pictures else None
    return {
        "group": name,
        "error": ERROR if in_pictures else HELD_OUT_LOSS,
        "sizes": [_of_size(size, seeds, beside) for size, seeds in by_size.items()],
        "best": choice.best,
        "standard_error": choice.standard_error,
        "smallest": choice.smallest,
        **({} if choice.why_not is None else {"why_not": choice.why_not}),
    }


def _of_size(size: int, seeds: Mapping[str, float], bound: LinearBound | None) -> dict[str, Any]:
    mean = mean_interval(np.array(list(seeds.values()), np.float64))
    of_components = None if bound is None else bound.errors.get(size)
    return {
        "latent_dim": size,
        "mean": mean.mean,
        "low": mean.low,
        "high": mean.high,
        "n": mean.n,
        "seeds": dict(seeds),
        "explained_variance": None if bound is None else bound.explained(mean.mean),
        "pca_bound": of_components,
        "pca_explained_variance": None if bound is None else bound.explained(of_components),
    }
