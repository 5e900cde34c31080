"""A small network, from a code and a moment to a place in the plane, trained on UMAP's objective: `--fit parametric`.

It follows parametric UMAP (Sainburg, McInnes and Gentner, Neural Computation 2021), for all moments of training at
once: time is an input, so the map is continuous in time as well, and it places any code at any moment.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autoencoder.array_types import FloatArray
from autoencoder.projections.graphs import neighbor_graphs
from autoencoder.projections.series import Series
from autoencoder.seeding import numpy_stream, torch_stream

MAX_ANCHORS = 1000
"""Points that the network is trained on, at each moment; enough, since it places the others by what it has learned."""

STEPS = 1500
MOMENTS_PER_STEP, EDGES_PER_MOMENT = 8, 256
LEARNING_RATE = 3e-3
NEGATIVES = 5
WIDTH = 128
START_SPREAD = 10.0
"""Standard deviation of the plane of principal components that the map starts as: UMAP's usual size."""

FREQUENCIES = (1, 2, 3)


class Map(nn.Module):
    """(n, d) codes and (n, t) times to (n, 2): the plane of the principal components, and what is learned beyond it."""

    plane: Tensor

    def __init__(self, plane: Tensor) -> None:
        super().__init__()
        self.register_buffer("plane", plane)
        self.code = nn.Linear(len(plane), WIDTH)
        self.time = nn.Linear(1 + 2 * len(FREQUENCIES), WIDTH)
        self.hidden = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(2))
        self.out = nn.Linear(WIDTH, 2)
        nn.init.zeros_(self.out.weight)

    def forward(self, codes: Tensor, times: Tensor) -> Tensor:
        """Places, (..., 2)."""
        x = F.silu(self.code(codes) + self.time(times))
        for layer in self.hidden:
            x = x + F.silu(layer(x))
        places: Tensor = codes @ self.plane + self.out(x)
        return places


def embed_parametrically(series: Series, seed: int, on_progress: Callable[[int], None] | None = None) -> FloatArray:
    """Embed all moments of `series`, (T, n, 2) float32; see the module.

    Args:
        series: T moments of (n, d).
        seed: of the first weights and of the edges drawn.
        on_progress: called with 1 for each moment placed.

    Raises:
        UserError: codes are not finite.
    """
    rows = series.draw(MAX_ANCHORS, seed, "anchors")
    anchors = series.rows(rows)
    center, scale = _standards(anchors)
    standard = torch.from_numpy((anchors - center) / scale)
    times = _times(anchors)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_stream(seed, "map").initial_seed())
        network = Map(_plane(standard))
    _train(network, standard, times, anchors, seed)
    embeddings = np.empty((len(series), series.shape[0], 2), np.float32)
    with torch.no_grad():
        for t in range(len(series)):
            codes = torch.from_numpy((series[t] - center[t]) / scale[t])
            embeddings[t] = network(codes, times[t].expand(len(codes), -1)).numpy()
            if on_progress is not None:
                on_progress(1)
    return embeddings


def _standards(anchors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Center (T, 1, d) and scale (T, 1, 1) of each moment: codes near 0, before training, have neighbours as well."""
    center = anchors.mean(axis=1, keepdims=True)
    scale = (anchors - center).std(axis=(1, 2), keepdims=True)
    return center, np.where(scale > 0, scale, 1).astype(np.float32)


def _times(anchors: FloatArray) -> Tensor:
    """What the network sees of each moment, (T, t): half by how far codes have moved until then, half by number."""
    T = len(anchors)
    moved = np.linalg.norm(np.diff(anchors, axis=0), axis=2).mean(axis=1) if T > 1 else np.zeros(0)
    path = np.concatenate([[0.0], np.cumsum(moved)])
    time = torch.from_numpy((path / (path[-1] or 1.0) + np.linspace(0, 1, T)) / 2).float()
    waves = [wave(np.pi * k * time) for k in FREQUENCIES for wave in (torch.sin, torch.cos)]
    return torch.stack([time, *waves], dim=1)


def _plane(codes: Tensor) -> Tensor:
    """(d, 2): the first two principal components of all moments, scaled to `START_SPREAD`."""
    flat = codes.flatten(0, 1).double()
    values, vectors = torch.linalg.eigh(flat.T @ flat)
    vectors = F.pad(vectors, (max(0, 2 - len(values)), 0))
    plane = vectors[:, [-1, -2]]
    spread = (flat @ plane).std()
    return (plane * (START_SPREAD / spread if spread > 0 else 1.0)).float()


def _train(network: Map, codes: Tensor, times: Tensor, anchors: FloatArray, seed: int) -> None:
    """Adam on UMAP's cross-entropy, over edges drawn by strength and other ends drawn at random."""
    graphs = neighbor_graphs(anchors)
    moments = np.flatnonzero(graphs.degrees.any(axis=1))  # a moment whose codes are all the same has no neighbours
    if not len(moments):
        return
    heads = np.repeat(np.tile(np.arange(anchors.shape[1]), len(anchors)), np.diff(graphs.first, axis=1).ravel())
    total = np.concatenate([[0.0], np.cumsum(graphs.strengths, dtype=np.float64)])
    draw = numpy_stream(seed, "edges")
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        chosen = draw.choice(moments, MOMENTS_PER_STEP)
        low, high = total[graphs.first[chosen, 0]], total[graphs.first[chosen, -1]]
        drawn = low[:, None] + draw.random((MOMENTS_PER_STEP, EDGES_PER_MOMENT)) * (high - low)[:, None]
        edges = (np.searchsorted(total, drawn, side="right") - 1).clip(
            graphs.first[chosen, :1], graphs.first[chosen, -1:] - 1
        )
        ends = torch.from_numpy(np.concatenate([heads[edges], graphs.neighbors[edges]], axis=1))
        when = torch.from_numpy(chosen)
        places = network(codes[when[:, None], ends], times[when][:, None].expand(-1, ends.shape[1], -1))
        head, tail = places.split(EDGES_PER_MOMENT, dim=1)
        loss = torch.log1p(_square(head, tail)).mean()
        for _ in range(NEGATIVES):
            square = _square(head, tail[:, torch.from_numpy(draw.permutation(EDGES_PER_MOMENT))])
            loss = loss + (torch.log1p(square) - torch.log(square + 1e-3)).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()


def _square(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).square().sum(-1)
