"""The joint layout: its forces, its hold, and what it gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autoencoder.errors import UserError
from autoencoder.projections.forces import NEAR, NEGATIVES, hold_back, umap_forces
from autoencoder.projections.graphs import neighbor_graphs
from autoencoder.projections.joint import embed_jointly
from autoencoder.projections.scores import faithfulness, stability
from tests.projections.test_scores import series_of, turning_ring


def test_the_forces_are_the_gradient_of_umaps_expected_loss() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2, 30, 4)).astype(np.float32)
    graphs = neighbor_graphs(codes)
    places = rng.normal(size=(2, 30, 2)).astype(np.float32)
    forces = np.zeros_like(places)
    everyone = np.arange(30, dtype=np.int32)
    umap_forces(places, graphs.first, graphs.neighbors, graphs.strengths, graphs.degrees, everyone, forces)
    for t in range(2):
        strengths = torch.zeros(30, 30, dtype=torch.float64)
        for i in range(30):
            edges = slice(graphs.first[t, i], graphs.first[t, i + 1])
            strengths[i, graphs.neighbors[edges]] = torch.from_numpy(graphs.strengths[edges]).double()
        torch.testing.assert_close(strengths, strengths.T)
        degrees = strengths.sum(1)
        y = torch.from_numpy(places[t]).double().requires_grad_()
        square = (y[:, None] - y[None]).square().sum(-1)
        # Damrich and Hamprecht (2021), theorem 1, with all points as the sample. Each pair is counted from both ends.
        # -log(1 - 1 / (1 + d^2)), with the small number that umap-learn adds to d^2 where it divides by it:
        # its derivative by d^2 is -1 / ((NEAR + d^2) (1 + d^2)).
        push = -(torch.log(float(NEAR) + square) - torch.log(1 + square)) / (1 - float(NEAR))
        pairs = float(NEGATIVES) * (degrees[:, None] + degrees[None]) / (2 * 30) * push
        loss = (strengths * torch.log1p(square)).sum() + (pairs - torch.diag(pairs.diagonal())).sum() / 2
        expected = -torch.autograd.grad(loss, y)[0].numpy().clip(-4, 4)
        np.testing.assert_allclose(forces[t], expected, rtol=2e-3, atol=2e-3)


def test_moments_that_repeat_have_the_graphs_of_each_alone() -> None:
    codes = turning_ring(3, n=40)
    codes[1] = 0.5  # all the same: no edges
    doubled = neighbor_graphs(np.repeat(codes, 2, axis=0))
    for t in range(6):
        alone = neighbor_graphs(codes[t // 2][None])
        edges = slice(doubled.first[t, 0], doubled.first[t, -1])
        np.testing.assert_array_equal(doubled.first[t] - doubled.first[t, 0], alone.first[0])
        np.testing.assert_array_equal(doubled.neighbors[edges], alone.neighbors)
        np.testing.assert_array_equal(doubled.strengths[edges], alone.strengths)
        np.testing.assert_array_equal(doubled.degrees[t], alone.degrees[0])
    assert doubled.first[-1, -1] == len(doubled.neighbors)


def test_the_hold_is_the_exact_solution_of_its_equations() -> None:
    rng = np.random.default_rng(1)
    places, weights = rng.normal(size=(6, 9, 2)).astype(np.float32), rng.uniform(0, 5, (5, 9)).astype(np.float32)
    held = places.copy()
    hold_back(held, weights, 0.7)
    for i in range(9):
        steps = np.diff(np.eye(6), axis=0)
        system = np.eye(6) + 0.7 * steps.T @ np.diag(weights[:, i].astype(float)) @ steps
        np.testing.assert_allclose(held[:, i], np.linalg.solve(system, places[:, i]), atol=1e-5)
    np.testing.assert_allclose(held.mean(axis=0), places.mean(axis=0), atol=1e-5)
    untouched = places.copy()
    hold_back(untouched, weights, 0.0)
    np.testing.assert_array_equal(untouched, places)


def test_a_turning_ring_stays_a_ring_and_moves_as_it_does() -> None:
    ring = series_of(turning_ring(n=300))
    plane = embed_jointly(ring, 0)
    assert (plane.shape, plane.dtype) == ((6, 300, 2), np.float32)
    assert stability(plane, ring.movement()).spearman > 0.7
    found = faithfulness(ring, plane, np.arange(300))
    assert found.preservation.min() > 0.75
    # Around the ring once: the order of the angles is kept.
    centred = plane[-1] - plane[-1].mean(axis=0)
    place, angle = np.arctan2(*centred.T), np.arctan2(*(turning_ring(n=300)[-1] @ _plane_of_ring()).T)
    turn = max(abs(np.mean(np.exp(1j * (place - sign * angle)))) for sign in (-1, 1))
    assert turn > 0.8


def _plane_of_ring() -> np.ndarray:
    u, _, _ = np.linalg.svd(turning_ring(n=300)[-1].T, full_matrices=False)
    return u[:, :2]


def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads() -> None:
    ring = series_of(turning_ring(n=120))
    threads = torch.get_num_threads()
    several = embed_jointly(ring, 4)
    np.testing.assert_array_equal(embed_jointly(ring, 4), several)
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        other = embed_jointly(ring, 4)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(other, several)


def test_points_that_are_no_anchors_lie_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = series_of(turning_ring(n=300))
    monkeypatch.setattr("autoencoder.projections.joint.MAX_ANCHORS", 150)
    done: list[int] = []
    plane = embed_jointly(ring, 0, done.append)
    assert done == [1] * 6
    found = faithfulness(ring, plane, np.arange(300))
    assert found.preservation.min() > 0.7
    assert stability(plane, ring.movement()).spearman > 0.7


def test_standing_snapshots_do_not_move() -> None:
    still = series_of(np.repeat(turning_ring(1, n=120), 4, axis=0))
    plane = embed_jointly(still, 0)
    np.testing.assert_array_equal(plane, np.repeat(plane[:1], 4, axis=0))


def test_a_first_moment_of_equal_codes_is_placed_and_a_dead_network_refused() -> None:
    codes = turning_ring(4, n=120)
    codes[0] = 0.5
    plane = embed_jointly(series_of(codes), 0)
    assert np.isfinite(plane).all()
    found = faithfulness(series_of(codes), plane, np.arange(120))
    assert np.nanmin(found.preservation) > 0.6
    with pytest.raises(UserError, match="every image has the same code"):
        embed_jointly(series_of(codes[:1]), 0)


@pytest.mark.parametrize("n", [4, 9])
def test_fewer_points_than_neighbours_are_laid_out(n: int) -> None:
    plane = embed_jointly(series_of(turning_ring(3, n=n)), 0)
    assert plane.shape == (3, n, 2)
    assert np.isfinite(plane).all()
