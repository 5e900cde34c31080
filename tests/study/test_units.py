"""How many units a latent takes: errors by its size, principal components beside them, and the size that is named."""

from __future__ import annotations

import dataclasses
import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from autoencoder.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.objectives.base import make_objective
from autoencoder.plots.study.units import Curve, UnitsPanel, units_figure
from autoencoder.study.measured.controls import with_controls
from autoencoder.study.measured.units import (
    ERROR,
    EXPLAINED,
    linear_bound,
    measure_units,
    one_standard_error,
    principal_components,
)
from autoencoder.study.population import Moment, Population, Source
from autoencoder.study.table import Table
from autoencoder.workflows.study.unit_figures import units_of
from autoencoder.workflows.study.unit_tables import unit_tables

N, SIDE, TRAINED = 90, 6, 60
END = Moment(100, 2.0)


class Linear:
    """A network that gives back what some principal components keep of an image, and `off` beside it."""

    def __init__(self, center, components, off=0.0):
        self.center, self.components = (torch.tensor(array, dtype=torch.float32) for array in (center, components))
        self.off = off

    def __call__(self, images):
        flat = images.flatten(1) - self.center
        kept = self.center + flat @ self.components.T @ self.components + self.off
        return SimpleNamespace(prediction=kept.reshape(images.shape))


def fake_run(size, network=None, losses=(0.5,), objective="reconstruct"):
    config = RunConfig(DataConfig("a.npz"), ModelConfig(latent_dim=size), ObjectiveConfig(objective))
    made = make_objective(config.objective)
    return SimpleNamespace(
        config=lambda: config,
        network=lambda checkpoint, device: SimpleNamespace(
            network=network, objective=made, config=config, device=torch.device("cpu"), encoded_at_once=64
        ),
        metrics=lambda: [{"epoch": i + 1, "train_loss": 1.0, "val_loss": loss} for i, loss in enumerate(losses)],
    )


def member(name, levels, seed, run):
    return Source(name, levels, seed, run=run, snapshots={END: None})


@pytest.fixture(scope="module")
def images():
    """Images of five patterns in different amounts; what is stored is noisier than the clean images."""
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(5, SIDE * SIDE)) * np.array([8, 5, 3, 2, 1])[:, None]
    clean = 0.5 + 0.007 * rng.normal(size=(N, 5)) @ patterns
    clean = clean.reshape(N, 1, SIDE, SIDE).astype(np.float32)
    noisy = (clean + 0.02 * rng.normal(size=clean.shape)).clip(0, 1).astype(np.float32)
    assert 0 < clean.min() < clean.max() < 1
    return ImageSet(noisy, 1.0, Metadata({"frame": np.arange(N)}), clean)


def population_of(images, sources, sizes=("1", "2", "4")):
    train, held_out = np.arange(TRAINED), np.arange(TRAINED, N)
    return Population(tuple(sources), {"latent_dim": sizes}, images, np.arange(N), "random", 0, train, held_out)


def decomposed(pixels):
    """Mean and principal components of images, by a singular value decomposition."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    return flat.mean(axis=0), np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[2]


# -------------------------------------------------------------------------------------------------- one standard error


def test_the_smallest_size_within_one_standard_error_of_the_best_is_named():
    """Errors at 8 have a mean of 1 and a standard error of 0.2 / sqrt(4): up to 1.1 is as good."""
    best = 1 + 0.2 * math.sqrt(3 / 4) * np.array([-1, 1, -1, 1])  # whose standard deviation (n - 1) is 0.2
    found = one_standard_error({2: [1.101] * 4, 8: best, 4: [1.099] * 4, 16: [1.05] * 4})
    assert (found.best, found.smallest, found.why_not) == (8, 4, None)
    assert found.standard_error == pytest.approx(0.1)


def test_of_equal_errors_the_fewest_units_are_best():
    found = one_standard_error({4: [1.0, 3.0], 2: [2.0, 2.0], 8: [3.0, 1.0]})
    assert (found.best, found.standard_error, found.smallest) == (2, 0.0, 2)


def test_seeds_that_scatter_name_fewer_units():
    means = {1: 3.0, 2: 2.0, 4: 1.5, 8: 1.4}
    named = [
        one_standard_error({size: [mean - spread, mean + spread] for size, mean in means.items()}).smallest
        for spread in (0.01, 0.2, 0.7, 2.0)
    ]
    assert named == [8, 4, 2, 1]


def test_one_seed_names_no_size():
    found = one_standard_error({2: [2.0, 2.1], 4: [1.0]})
    assert (found.best, found.standard_error, found.smallest) == (4, None, None)
    assert "one seed with 4 units" in found.why_not


# ------------------------------------------------------------------------------------------------ principal components


@pytest.mark.parametrize("shape", [(60, 36), (20, 36)])
def test_components_are_those_of_a_singular_value_decomposition(shape):
    centred = np.random.default_rng(1).normal(size=shape) * np.linspace(3, 1, shape[1])
    centred -= centred.mean(axis=0)
    found = principal_components(centred, 7)
    expected = np.linalg.svd(centred, full_matrices=False)[2][:7]
    np.testing.assert_allclose(np.abs(np.sum(found * expected, axis=1)), 1, atol=1e-9)
    np.testing.assert_allclose(found @ found.T, np.eye(7), atol=1e-9)


def test_directions_in_which_nothing_varies_are_no_components():
    rng = np.random.default_rng(1)
    for shape in ((40, 10), (10, 40)):
        flat = rng.normal(size=(shape[0], 3)) @ rng.normal(size=(3, shape[1]))
        assert len(principal_components(flat - flat.mean(axis=0), 8)) == 3
    assert principal_components(np.zeros((5, 4)), 2).shape == (0, 4)


@pytest.mark.parametrize("contrast", [1, 4])  # of the latter, components leave [0, 1]
def test_the_bound_is_what_components_of_the_clean_images_keep(images, contrast):
    clean = (0.5 + contrast * (images.clean - 0.5)).clip(0, 1)
    bound = linear_bound(population_of(dataclasses.replace(images, clean=clean), []), [1, 2, 4, 60])
    center, components = decomposed(clean[:TRAINED])
    held_out = clean[TRAINED:].reshape(N - TRAINED, -1).astype(np.float64)
    away = held_out - center
    for size in (1, 2, 4):
        kept = center + away @ components[:size].T @ components[:size]
        assert bound.errors[size] == pytest.approx(np.square(kept.clip(0, 1) - held_out).mean(), rel=1e-9)
    assert bound.variance == pytest.approx(np.square(away).mean())
    assert bound.errors[1] > bound.errors[2] > bound.errors[4] > 0
    assert "no principal components for 60 units" in bound.notes[0]
    assert 60 not in bound.errors


def test_the_bound_leaves_out_what_lies_beyond_the_picture(images):
    inside = np.ones((N, 1, SIDE, SIDE), np.uint8)
    inside[::2, :, :2] = 0
    bound = linear_bound(population_of(dataclasses.replace(images, inside=inside), []), [2])
    center, components = decomposed(images.clean[:TRAINED])
    held_out = images.clean[TRAINED:].reshape(N - TRAINED, -1).astype(np.float64)
    kept = (center + (held_out - center) @ components[:2].T @ components[:2]).clip(0, 1)
    counted = inside[TRAINED:].reshape(N - TRAINED, -1) == 1
    each = [np.square(a - b)[c].mean() for a, b, c in zip(kept, held_out, counted, strict=True)]
    assert bound.errors[2] == pytest.approx(np.mean(each), rel=1e-9)


# ------------------------------------------------------------------------------------------------------- what is found


@pytest.fixture(scope="module")
def measured(images):
    """Linear networks of 1, 2 and 4 units in three seeds, whose errors grow with the seed; 4 units hardly help."""
    plain = dataclasses.replace(images, clean=None)
    center, components = decomposed(plain.images[:TRAINED])
    sources = [
        member(
            f"{size}-{seed}", {"latent_dim": str(size)}, seed, fake_run(size, Linear(center, components[:size], off))
        )
        for size in (4, 1, 2)
        for seed, off in enumerate((0.0, 0.02, 0.04))
    ]
    population = with_controls(population_of(plain, sources), untrained=False)
    table = Table(tuple(population.vary))
    counted = []
    return population, table, measure_units(population, table, "cpu", lambda: counted.append(1)), counted


def test_an_exact_linear_network_equals_the_bound(measured):
    _, table, found, counted = measured
    (group,) = found["groups"]
    assert (group["group"], group["error"]) == ("all", ERROR)
    assert [size["latent_dim"] for size in group["sizes"]] == [1, 2, 4]
    for size in group["sizes"]:
        assert size["seeds"]["0"] == pytest.approx(size["pca_bound"], rel=1e-4)
        assert size["seeds"]["1"] == pytest.approx(size["pca_bound"] + 0.02**2, rel=0.2)
        assert size["n"] == 3
        assert size["low"] < size["mean"] < size["high"]
        run = f"{size['latent_dim']}-0"
        (row,), (share,) = (table.select(measure=name, run=run) for name in (ERROR, EXPLAINED))
        assert row["value"] == size["seeds"]["0"]
        assert (row["n"], row["step"]) == (N - TRAINED, 100)
        assert share["value"] == pytest.approx(size["pca_explained_variance"], rel=1e-4)
    assert len(counted) == 9


def test_components_of_the_pixels_are_in_the_table_as_controls(measured):
    _, table, found, _ = measured
    for size in found["groups"][0]["sizes"]:
        (row,) = table.select(measure=ERROR, run=f"pca-{size['latent_dim']}-of-pixels")
        assert (row["value"], row["seed"], row["step"]) == (size["pca_bound"], None, None)
        assert row["control"] == f"PCA {size['latent_dim']} of the pixels"


def test_explained_variance_is_one_less_the_share_that_is_missed(measured):
    population, table, found, _ = measured
    flat = population.images.images.reshape(N, -1).astype(np.float64)
    variance = np.square(flat[TRAINED:] - flat[:TRAINED].mean(axis=0)).mean()
    for row, share in zip(table.select(measure=ERROR), table.select(measure=EXPLAINED), strict=True):
        assert share["value"] == pytest.approx(1 - row["value"] / variance)
    for size in found["groups"][0]["sizes"]:
        assert size["explained_variance"] == pytest.approx(1 - size["mean"] / variance)


def test_networks_see_noisy_images_and_are_held_against_the_clean_ones(images):
    """A network that copies its input misses the clean image by the noise; without clean images it misses nothing."""
    copies = Linear(np.zeros(SIDE * SIDE), np.eye(SIDE * SIDE))
    sources = [member(f"{size}-0", {"latent_dim": str(size)}, 0, fake_run(size, copies)) for size in (1, 2)]
    for its, expected in (
        (images, np.square(images.images[TRAINED:].astype(np.float64) - images.clean[TRAINED:]).mean()),
        (dataclasses.replace(images, clean=None), 0),
    ):
        found = measure_units(population_of(its, sources), Table(("latent_dim",)), "cpu")
        assert found["groups"][0]["sizes"][0]["mean"] == pytest.approx(expected, rel=1e-3, abs=1e-12)


def test_groups_are_runs_that_differ_in_the_size_only(images):
    """What reconstructs nothing is compared by its last held-out loss, and beside no components."""
    center, components = decomposed(images.clean[:TRAINED])
    sources = []
    for objective, losses in (("reconstruct", (9.0,)), ("angle", (3.0, 2.0, None))):
        for size in (1, 2):
            levels = {"objective": objective, "latent_dim": str(size)}
            its = tuple(loss and loss / size for loss in losses)
            run = fake_run(size, Linear(center, components[:size]), its, objective)
            sources.append(member(f"{objective}-{size}", levels, 7, run))
    found = measure_units(population_of(images, sources), Table(("objective", "latent_dim")), "cpu")
    groups = {group["group"]: group for group in found["groups"]}
    assert list(groups) == ["reconstruct", "angle"]
    assert [groups[name]["error"] for name in groups] == [ERROR, "val_loss"]
    assert [size["seeds"] for size in groups["angle"]["sizes"]] == [{"7": 2.0}, {"7": 1.0}]
    assert {size["pca_bound"] for size in groups["angle"]["sizes"]} == {None}
    assert groups["angle"]["smallest"] is None
    assert "one seed" in groups["angle"]["why_not"]


def test_a_diverged_run_is_left_out_and_named(images):
    losses = {(1, 0): 2.0, (1, 1): 2.2, (2, 0): 1.0, (2, 1): math.nan, (4, 0): math.inf, (4, 1): math.inf}
    sources = [
        member(f"{size}-{seed}", {"latent_dim": str(size)}, seed, fake_run(size, None, (1.0, loss), "angle"))
        for (size, seed), loss in losses.items()
    ]
    found = measure_units(population_of(images, sources), Table(("latent_dim",)), "cpu")
    (group,) = found["groups"]
    assert {size["latent_dim"]: size["seeds"] for size in group["sizes"]} == {1: {"0": 2.0, "1": 2.2}, 2: {"0": 1.0}}
    assert group["smallest"] is None
    left_out = [note for note in found["notes"] if "left out" in note]
    assert left_out == [
        "2-1 is left out: its error is nan",
        "4-0 is left out: its error is inf",
        "4-1 is left out: its error is inf",
    ]


def test_a_network_that_cannot_be_read_is_left_out_and_named(images):
    center, components = decomposed(images.clean[:TRAINED])
    sources = [
        member(f"{size}-0", {"latent_dim": str(size)}, 0, fake_run(size, Linear(center, components[:size])))
        for size in (1, 2)
    ]

    def damaged(checkpoint, device):
        raise UserError("its checkpoint is damaged")

    sources[0].run.network = damaged
    found = measure_units(population_of(images, sources), Table(("latent_dim",)), "cpu")
    assert "1-0 is left out: its checkpoint is damaged" in found["notes"]
    assert [size["latent_dim"] for size in found["groups"][0]["sizes"]] == [2]


def test_a_study_of_one_size_is_refused(images):
    sources = [member(f"{i}", {"objective": "angle"}, i, fake_run(8)) for i in range(2)]
    with pytest.raises(UserError, match="the size of the latent does not vary"):
        measure_units(population_of(images, sources), Table(("latent_dim",)), "cpu")


# ----------------------------------------------------------------------------------------------------- tables, figures


def test_the_table_marks_the_size_that_is_named(measured):
    ((title, (header, body)),) = unit_tables({"units": measured[2]})
    group = measured[2]["groups"][0]
    assert [row[0] for row in body] == [
        f"{size['latent_dim']}{' *' if size['latent_dim'] == group['smallest'] else ''}" for size in group["sizes"]
    ]
    assert group["smallest"] is not None
    assert {len(row) for row in body} == {len(header)}
    assert f"which is that of {group['best']} units" in title
    assert unit_tables({}) == []


def test_the_figure_shows_every_seed_the_components_and_what_is_told(measured):
    population, table, found, _ = measured
    told = Table(table.vary, list(table.rows))
    for source in population.sources:
        told.add(source, source.last, "told", 0.5, column="x", probe="ridge")
    columns = {"x": {"kind": "linear", "enough_time": True}}
    figure = units_of(told, {"units": found, "probes": {"columns": columns}})
    error, explained, x = figure.axes
    assert [ax.get_title() for ax in figure.axes] == ["Reconstruction of held-out images", "Explained variance", "x"]
    assert (error.get_xscale(), error.get_yscale()) == ("log", "linear")  # the errors span less than a decade
    low, high = sorted(error.get_ylim())
    assert sum(low <= tick <= high for tick in error.get_yticks()) >= 3
    for ax in (error, explained, x):
        dots = [line for line in ax.lines if line.get_linestyle() == "None" and len(line.get_xdata()) == 9]
        assert len(dots) == 1
        assert any(line.get_linestyle() == "--" and list(line.get_xdata()) == [1, 2, 4] for line in ax.lines)
    rings = [line for line in error.lines if line.get_markerfacecolor() == "none"]
    assert [list(ring.get_xdata()) for ring in rings] == [[found["groups"][0]["smallest"]]]
    assert units_of(table, {}) is None


def test_labels_of_many_sizes_do_not_touch():
    sizes = [1, 2, 3, 4, 6, 8, 12, 16, 24, 30, 31, 32]
    curve = Curve("conv", sizes, [1 / size for size in sizes], [[1 / size] for size in sizes], "#0072B2", 24)
    figure = units_figure([UnitsPanel("error", "MSE", [curve], logarithmic=True)])
    figure.draw_without_rendering()
    labels = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert len(labels) >= 8
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(labels))


@pytest.mark.parametrize("n_panels", [1, 2])
def test_the_legend_lies_within_the_figure(n_panels):
    names = ["strided, reconstruct with noise", "conv-small", "dense, angle, 0.5", "umap"]
    curves = [Curve(name, [1, 2], [2, 1], [[2.0], [1.0]], "#0072B2", 2) for name in names]
    figure = units_figure([UnitsPanel("error", "MSE", curves, ([1, 2], [2.5, 1.5]))] * n_panels)
    figure.draw_without_rendering()
    box, whole = figure.legends[0].get_window_extent(), figure.bbox
    assert whole.x0 <= box.x0 < box.x1 <= whole.x1
    assert max(ax.get_tightbbox().y1 for ax in figure.axes[:n_panels]) <= box.y0


def test_errors_of_nothing_are_drawn_on_a_plain_axis(images):
    copies = Linear(np.zeros(SIDE * SIDE), np.eye(SIDE * SIDE))
    sources = [member(f"{size}-0", {"latent_dim": str(size)}, 0, fake_run(size, copies)) for size in (1, 2)]
    table = Table(("latent_dim",))
    found = measure_units(population_of(dataclasses.replace(images, clean=None), sources), table, "cpu")
    assert units_of(table, {"units": found}).axes[0].get_yscale() == "linear"
