"""What UMAP is made of here: a fit by umap-learn on exact neighbours, and the weights that place a new point.

New points are placed at the mean of their nearest fitted neighbours, weighted by UMAP's own membership strengths. That
is where `umap.UMAP.transform` begins before it moves the points by gradient steps, which take seconds and draw random
numbers.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.array_types import FloatArray
from autoencoder.seeding import numpy_stream

UMAP_NEIGHBORS = 15
MIN_SPECTRAL_POINTS = 100
"""A smaller graph has too few eigenvectors for a spectral start, as has one with hardly more points than dimensions."""


SIGMA_RANGE = float(np.log(1e3))
"""The logarithm of a weight's width, relative to the mean distance, is looked for between minus this and this."""

BISECTIONS = 30


def umap_learn() -> Any:
    """umap-learn's module `umap`; it takes seconds to load."""
    with warnings.catch_warnings():
        # In a notebook without ipywidgets, its progress bars would warn of that; they are not used here.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import umap
    return umap


def fit_umap(
    points: FloatArray,
    n_components: int,
    seed: int,
    neighbors: tuple[NDArray[np.int32], FloatArray],
    start: FloatArray | None = None,
) -> FloatArray:
    """UMAP's embedding of `points`, from a spectral start or a given one; the same seed gives the same bits.

    A spectral start unrolls what the neighbour graph is: a ring of body angles becomes a ring. The first two principal
    components wind it up twice, since an animal resembles itself turned by 180 degrees, and UMAP then tears it.

    Args:
        points: (n, d) float32.
        n_components: dimensions of the embedding.
        seed: of umap-learn's random draws.
        neighbors: indices and distances (n, k) of each point's nearest ones, itself first. Exact ones are sooner found
            than umap-learn's approximate ones, whose search takes long to compile.
        start: (n, n_components) to start from instead; None for the spectral start.

    Returns:
        (n, n_components) float32.
    """
    from sklearn.decomposition import PCA

    init: Any = "spectral" if start is None else start
    if start is None and len(points) < max(MIN_SPECTRAL_POINTS, n_components + 2):
        few = min(n_components, *points.shape)
        init = np.zeros((len(points), n_components), np.float32)
        init[:, :few] = PCA(few, svd_solver="full").fit_transform(points)
        constant = np.ptp(init, axis=0) == 0  # umap-learn brings each dimension to one width, which these do not have
        init[:, constant] = numpy_stream(seed, "umap start").normal(size=(len(points), int(constant.sum())))
    model = umap_learn().UMAP(
        n_neighbors=neighbors[0].shape[1],
        n_components=n_components,
        init=init,
        random_state=seed % 2**32,
        n_jobs=1,
        precomputed_knn=neighbors,
    )
    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        # It warns that its own transform will not work; that one is not used here.
        warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]", category=UserWarning)
        model.fit(points)
    torch.set_num_threads(threads)  # numba, when it starts its threads, sets torch's number too
    return np.asarray(model.embedding_, np.float32)


def membership(distances: Tensor) -> Tensor:
    """UMAP's weights of each row's neighbours, scaled to a sum of 1.

    A weight is exp(-distance / sigma), with the sigma of each row such that the weights of all but the nearest
    neighbour add up to log2(k): a point among close neighbours and one far from all of them both listen to about five.

    Args:
        distances: (m, k) to the k nearest fitted points, ascending.
    """
    target = float(np.log2(distances.shape[1]))
    mean = distances.mean(1, keepdim=True).clamp(min=1e-12)
    relative = distances / mean
    # Bisection on a logarithmic scale; the sum grows with sigma. Ends at the lower bound where it cannot be reached,
    # which is where more than `target` neighbours lie at distance 0: those share the weight.
    low, high = torch.full_like(mean, -SIGMA_RANGE), torch.full_like(mean, SIGMA_RANGE)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        too_wide = torch.exp(-relative[:, 1:] / middle.exp()).sum(1, keepdim=True) > target
        high, low = torch.where(too_wide, middle, high), torch.where(too_wide, low, middle)
    # Relative to the nearest one, so that not all weights vanish; the common factor leaves the mean as it is.
    weights = torch.exp(-(relative - relative[:, :1]) / high.exp())
    return weights / weights.sum(1, keepdim=True)
