"""Every fit with every reducer: shapes, determinism, and what each promises."""

from __future__ import annotations

import numpy as np
import pytest

from autoencoder.config import FITS
from autoencoder.errors import UserError
from autoencoder.projections.fits import default_fit, embed_series, methods, turned
from autoencoder.projections.scores import faithfulness
from autoencoder.registries import REDUCERS
from tests.projections.test_scores import series_of, turning_ring

RING = series_of(turning_ring(4, n=110))
SLOW = pytest.mark.slow  # umap-learn's AlignedUMAP takes a minute to compile
ALIGNED = pytest.param("umap", "aligned", marks=SLOW)
GO_TOGETHER = [ALIGNED if fit == "aligned" else ("umap", fit) for fit in FITS]
GO_TOGETHER += [("pca", fit) for fit in FITS if fit not in REDUCERS["umap"].own_fits]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoencoder.projections.parametric.STEPS", 40)


@pytest.mark.slow
@pytest.mark.parametrize(("reducer", "fit"), GO_TOGETHER)
def test_each_is_deterministic_faithful_and_counts_its_moments(reducer: str, fit: str) -> None:
    done: list[int] = []
    plane = embed_series(RING, reducer, fit, 3, on_progress=done.append)
    assert (plane.shape, plane.dtype) == ((4, 110, 2), np.float32)
    assert sum(done) == 4
    np.testing.assert_array_equal(embed_series(RING, reducer, fit, 3), plane)
    found = faithfulness(RING, plane, np.arange(110))
    assert np.nanmean(found.preservation) > 0.5, "a ring is easy"


@pytest.mark.parametrize(("reducer", "fit"), [ALIGNED, ("umap", "parametric"), ("umap", "every+procrustes")])
def test_one_moment_and_few_points_are_enough(reducer: str, fit: str) -> None:
    for T, n in ((1, 30), (2, 6)):
        plane = embed_series(series_of(turning_ring(T, n=n)), reducer, fit, 0)
        assert plane.shape == (T, n, 2)
        assert np.isfinite(plane).all()


def test_turning_onto_another_undoes_a_turn_and_a_mirror() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(50, 2)).astype(np.float32)
    angle = 1.1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([1, -1])
    moved = (plane @ turn + [3, -2]).astype(np.float32)
    np.testing.assert_allclose(turned(moved, plane), plane, atol=1e-5)


def test_the_mirrors_of_every_are_undone_by_procrustes() -> None:
    ring = series_of(turning_ring(5))
    squares = {}
    for fit in ("every", "every+procrustes"):
        plane = embed_series(ring, "pca", fit, 0).astype(float)
        squares[fit] = np.square(np.diff(plane, axis=0)).sum(axis=(1, 2))
    # The ring is plane, so its own movement is one that turning could have left: the best turn leaves no more.
    assert (squares["every+procrustes"] <= np.square(ring.movement()).sum(axis=1) + 1e-4).all()
    assert (squares["every+procrustes"] <= squares["every"] + 1e-4).all()


def test_a_moment_that_cannot_be_fitted_is_named() -> None:
    codes = turning_ring(3)
    codes[1] = 2.0
    with pytest.raises(UserError, match=r"moment 1 cannot be fitted: every image has the same code"):
        embed_series(series_of(codes), "pca", "every", 0)
    with pytest.raises(UserError, match=r"moment 1 cannot be fitted, because its codes are all the same"):
        embed_series(series_of(codes), "umap", "aligned", 0)
    # The network is asked for places of equal codes, and gives them.
    assert np.isfinite(embed_series(series_of(codes), "umap", "parametric", 0)).all()
    with pytest.raises(UserError, match="at least 4 points"):
        embed_series(series_of(turning_ring(2, n=3)), "pca", "last", 0)


def test_what_does_not_go_together_is_refused_all_at_once() -> None:
    with pytest.raises(UserError) as refused:
        methods(["pca", "none"], ["joint", "every", "nowhere.npy"])
    text = str(refused.value)
    for words in (
        "--fit joint only works with UMAP",
        "--reduce none fits nothing",
        "--fit nowhere.npy is neither a file nor a known way to fit",
    ):
        assert words in text
    assert methods(["umap", "pca"], None) == [("umap", default_fit("umap")), ("pca", "last")]
    assert methods(["pca"], ["all-fits", "last", "pooled"]) == [
        ("pca", fit) for fit in ("last", "first", "every", "pooled")
    ]
