"""Every encoder with every objective keeps one contract: as a network, and as a run from the first file to the last."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import json
import math
import signal
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import autoencoder as ae
from autoencoder.config import ModelConfig, ObjectiveConfig
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.models.fitted import FittedEncoder
from autoencoder.models.network import Network, architecture, fitted_encoder, on_device
from autoencoder.objectives.base import Objective, make_objective
from autoencoder.registries import ENCODERS, FITTED_ENCODERS, OBJECTIVES

Shape = tuple[int, int, int]

CPU = torch.device("cpu")
LATENT_DIM = 5
SHAPES: list[Shape] = [(1, 19, 23), (3, 18, 21)]
N_IMAGES, N_FITTED = 6, 40
PREDICTION = {
    "reconstruct": lambda n, shape: (n, *shape),
    "mask": lambda n, shape: (n, 1, *shape[1:]),
    "angle": lambda n, shape: (n, 2),
    "classify": lambda n, shape: (n, 3),
    "regress": lambda n, shape: (n, 1),
}
OBJECTIVE_CONFIGS = {
    "reconstruct": ObjectiveConfig("reconstruct"),
    "mask": ObjectiveConfig("mask"),
    "angle": ObjectiveConfig("angle", target="turn_deg"),
    "classify": ObjectiveConfig("classify", target="kind", classes=("a", "b", "c")),
    "regress": ObjectiveConfig("regress", target="speed", target_mean=0.5, target_deviation=0.3),
}


def test_no_combination_is_left_out() -> None:
    assert len(ENCODERS) == 8
    assert OBJECTIVE_CONFIGS.keys() == PREDICTION.keys() == OBJECTIVES.keys()


# ------------------------------------------------------------------------------------------------------------- networks


def smooth(shape: Shape, n: int, seed: int) -> Tensor:
    """Smooth pictures, as pictures are."""
    coarse = torch.rand(n, shape[0], 5, 5, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(coarse, shape[1:], mode="bilinear")


@functools.cache
def fitted_arrays(encoder: str, shape: Shape, seed: int) -> dict[str, np.ndarray]:
    inputs = smooth(shape, N_FITTED, seed).flatten(1).numpy()
    (made,) = architecture(encoder).Encoder.fit_several(inputs, [LATENT_DIM], seed)
    return made.arrays()


@dataclass(frozen=True)
class Case:
    """A network, and the images that it is for."""

    encoder: str
    objective: str
    shape: Shape

    def __str__(self) -> str:
        return f"{self.encoder}-{self.objective}-{'x'.join(map(str, self.shape))}"

    @property
    def model(self) -> ModelConfig:
        return ModelConfig(self.encoder, LATENT_DIM)

    def make_objective(self) -> Objective:
        return make_objective(OBJECTIVE_CONFIGS[self.objective])

    def network(self, seed: int = 0) -> Network:
        fitted = None
        if self.encoder in FITTED_ENCODERS:
            fitted = fitted_encoder(self.model, fitted_arrays(self.encoder, self.shape, 100))
        torch.manual_seed(seed)
        return self.make_objective().build_network(self.model, self.shape, fitted)

    def images(self, seed: int = 1, n: int = N_IMAGES) -> Tensor:
        return smooth(self.shape, n, seed)

    def target(self, images: Tensor) -> Tensor:
        """As training gets it, from a data set of these images."""
        n, rng = len(images), np.random.default_rng(0)
        columns = {
            "turn_deg": rng.uniform(0, 360, n),
            "kind": np.array(["a", "b", "c"] * n)[:n],
            "speed": rng.random(n),
        }
        mask = (images.numpy().mean(axis=1, keepdims=True) > 0.5).astype(np.uint8)
        data = ImageSet(images.numpy(), 1.0, Metadata(columns), mask=mask)
        targets = self.make_objective().targets(data, CPU)
        assert targets.known.all()
        return targets.batch(np.arange(n), images)

    def loss(self, network: Network, images: Tensor, target: Tensor) -> Tensor:
        losses = self.make_objective().losses(network(images), target)
        assert losses.shape == (len(images),)
        return losses.mean()


def _cases() -> list[object]:
    """Every encoder with every objective on one of the shapes, in turn; on the other one among the slow tests."""
    pairs = [(encoder, objective) for encoder in ENCODERS for objective in OBJECTIVES]
    turns = [(i + i // len(OBJECTIVES)) % len(SHAPES) for i in range(len(pairs))]
    return [
        pytest.param(Case(encoder, objective, shape), marks=() if turn == j else pytest.mark.slow)
        for (encoder, objective), turn in zip(pairs, turns, strict=True)
        for j, shape in enumerate(SHAPES)
    ]


every_case = pytest.mark.parametrize("case", _cases(), ids=str)


@every_case
def test_shapes(case: Case) -> None:
    network, images = case.network().eval(), case.images()
    with torch.no_grad():
        latent, prediction = network(images)
        assert latent.shape == (N_IMAGES, LATENT_DIM)
        assert prediction.shape == PREDICTION[case.objective](N_IMAGES, case.shape)
        assert latent.isfinite().all()
        assert prediction.isfinite().all()
        assert torch.equal(network.features("latent", images), latent)
        assert network.features("fc2", images).shape[0] == N_IMAGES
        presented = case.make_objective().present(prediction)
        truth = case.target(images)
        measured = case.make_objective().metric(presented, truth)
    assert measured.shape == (N_IMAGES,)
    numbers = case.objective in ("angle", "regress")
    assert presented.shape == ((N_IMAGES,) if numbers else prediction.shape)
    bounds = {"angle": (-math.pi, math.pi), "regress": (-math.inf, math.inf)}
    low, high = bounds.get(case.objective, (0, 1))
    assert low <= presented.min() <= presented.max() <= high
    if case.objective == "classify":
        torch.testing.assert_close(presented.sum(1), torch.ones(N_IMAGES))


def cancelled_by_batch_norm(network: nn.Module) -> set[str]:
    """Biases that a batch norm right behind them subtracts again, so that their gradient is rounding only."""
    names, before = set(), ""
    for name, module in network.named_modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            names.add(f"{before}.bias")
        if not list(module.children()):
            before = name
    return names


@every_case
def test_a_finite_gradient_on_every_parameter(case: Case) -> None:
    """Of a fitted encoder, which has none, on all of the head's."""
    network, images = case.network(), case.images()
    case.loss(network, images, case.target(images)).backward()
    assert (not list(network.encoder.parameters())) == (case.encoder in FITTED_ENCODERS)
    assert list(network.head.parameters())
    cancelled = cancelled_by_batch_norm(network)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if name not in cancelled:
            assert parameter.grad.abs().max() > 0, name


@every_case
def test_evaluation_of_an_image_does_not_depend_on_its_batch(case: Case) -> None:
    network = on_device(case.network(), CPU)
    with torch.no_grad():
        network(case.images(seed=5))  # a training pass, so that batch statistics are not at their start
        network.eval()
        images = case.images()
        latent, prediction = network(images)
        for i in range(N_IMAGES):
            alone = network(images[i : i + 1])
            torch.testing.assert_close(alone.latent[0], latent[i], atol=2e-5, rtol=1e-4)
            torch.testing.assert_close(alone.prediction[0], prediction[i], atol=2e-5, rtol=1e-4)
        turned = network(images.flip(0))
    torch.testing.assert_close(turned.prediction.flip(0), prediction, atol=2e-5, rtol=1e-4)


@every_case
def test_saved_and_loaded_networks_compute_the_same(case: Case) -> None:
    """The weights by torch without pickle, what was fitted as plain arrays without pickle."""
    network, other = case.network(), case.network(seed=7)
    images = case.images()
    with torch.no_grad():
        network(images)
        weights, arrays = io.BytesIO(), io.BytesIO()
        torch.save(network.state_dict(), weights)
        weights.seek(0)
        before = other.eval()(images).prediction
        if isinstance(network.encoder, FittedEncoder):
            np.savez(arrays, **network.encoder.arrays())
            arrays.seek(0)
            other.encoder = fitted_encoder(case.model, dict(np.load(arrays, allow_pickle=False)))
            assert not [name for name in network.state_dict() if name.startswith("encoder.")]
        other.load_state_dict(torch.load(weights, weights_only=True))
        expected, found = network.eval()(images), other.eval()(images)
    assert not torch.equal(before, expected.prediction)
    assert torch.equal(found.latent, expected.latent)
    assert torch.equal(found.prediction, expected.prediction)


@every_case
def test_a_small_step_down_the_gradient_lowers_the_loss(case: Case) -> None:
    """In double precision, by the amount that the gradient foretells."""
    network, images = case.network().double(), case.images().double()
    target = case.target(images)
    target = target.double() if target.is_floating_point() else target
    before = case.loss(network, images, target)
    before.backward()  # type: ignore[no-untyped-call]
    parameters = list(network.parameters())
    foretold = 1e-6 * before.item()
    rate = foretold / sum(p.grad.square().sum().item() for p in parameters if p.grad is not None)
    with torch.no_grad():
        for parameter in parameters:
            assert parameter.grad is not None
            parameter -= rate * parameter.grad
        fall = before.item() - case.loss(network, images, target).item()
    assert fall == pytest.approx(foretold, rel=0.05)


# ----------------------------------------------------------------------------------------------------------------- runs

OPTIONS = {
    "reconstruct": (),
    "mask": (),
    "angle": ("--target", "body_angle_deg"),
    "classify": ("--target", "side"),
    "regress": ("--target", "distance_from_center"),
}
RUN_FILES = {
    "config.json",
    "environment.json",
    ".lock",
    "recipe.json",
    "split.npz",
    "metrics.csv",
    "checkpoints/last.pt",
    "checkpoints/best.pt",
    "latents/index.csv",
    "latents/step_00000000.npy",
}
FITTED_FILES = {
    "pca": {"reducer.npz", "explained_variance.csv", "explained_variance.png"},
    "umap": {"reducer.npz"},
}
EARLY_FILES = {f"checkpoints/step_{step:08d}.pt" for step in (0, 3)}
"""Of objectives that make pictures, before the first checkpoint of an epoch."""
TEST_FILES = {"metrics.json", "grid.png", "best.png", "worst.png", "loss.png"}
SUMMARIES = {
    "reconstruct": {"regions.png"},
    "mask": set(),
    "angle": {"angles.png"},
    "classify": {"confusion.png"},
    "regress": {"quantity.png"},
}
MOVIES = {
    "reconstruct": {"input.gif", "output.gif", "side_by_side.gif"},
    "mask": {"side_by_side.gif"},
    "angle": set(),
    "classify": set(),
    "regress": set(),
}
METRICS = {
    "reconstruct": "val_mse_to_clean",
    "mask": "val_iou",
    "angle": "val_median_error_deg",
    "classify": "val_accuracy",
    "regress": "val_rmse",
}
QUICK = ("--latent-dim", 4, "--batch-size", 16, "--val-interval", 1, "--snapshots-per-epoch", 1, "--threads", 1)
"""On `labelled`, 48 images to train on: 3 steps per epoch."""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, succeed):
    """60 images of the arena, 18x18, with clean images, masks, and a column of text beside the angles."""
    stem = tmp_path_factory.mktemp("labelled") / "arena"
    succeed("prepare", "arena", "--out", stem, "--images", 60, "--size", 18, "--quiet")
    table = stem.with_suffix(".csv")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "side"])
        writer.writeheader()
        writer.writerows({**row, "side": "rechts" if float(row["x"]) > 0 else "links"} for row in rows)
    return stem.with_suffix(".npz")


def read_metrics(run):
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _pairs():
    """Every encoder with every objective; slow where neither is the one that is used most, or fitted."""
    for encoder, objective in itertools.product(ENCODERS, OBJECTIVES):
        usual = encoder in ("strided", "pca") or objective == "reconstruct"
        yield pytest.param(encoder, objective, marks=[] if usual else [pytest.mark.slow])


@pytest.mark.parametrize(("encoder", "objective"), _pairs())
def test_a_run(labelled, tmp_path, succeed, tree, monkeypatch, encoder, objective):
    """An epoch leaves exactly its files and `test` exactly its own; the run loaded again is the one trained."""
    from autoencoder.training import start

    train, trained = start.train, []

    def kept(*args, **named):
        trained.append(train(*args, **named))
        return trained[-1]

    monkeypatch.setattr(start, "train", kept)
    run, fitted = tmp_path / "run", encoder in FITTED_ENCODERS
    flags = ("--encoder", encoder, "--objective", objective, *OPTIONS[objective], *QUICK, "--epochs", 1)
    succeed("train", labelled, "--run", run, *flags)

    files = RUN_FILES | (FITTED_FILES[encoder] if fitted else {"latents/step_00000003.npy"})
    if MOVIES[objective] and not fitted:
        files = files | EARLY_FILES
    assert tree(run) == files
    (row,) = read_metrics(run)
    measures = ("train_loss", "val_loss", METRICS[objective])
    assert [name for name in row if name in measures] == list(measures)
    assert all(math.isfinite(float(row[name])) for name in measures)
    kept = torch.load(run / "checkpoints" / "last.pt", weights_only=True)["model"]
    assert any(name.startswith("encoder.") for name in kept) != fitted

    data, again = ae.load_images(labelled), ae.load_run(run, device="cpu")
    np.testing.assert_array_equal(again.predict(data.images), trained[0].predict(data.images))
    np.testing.assert_array_equal(again.encode(data.images), trained[0].encode(data.images))
    last = np.load(run / "latents" / f"step_{0 if fitted else 3:08d}.npy")
    np.testing.assert_allclose(last, again.encode(data.images), rtol=1e-4, atol=1e-5)

    movies = ("--format", "gif", "--movie-frames", 2) if encoder == "strided" else ("--no-movies",)
    succeed("test", "--run", run, "--examples", 1, *movies)
    made = TEST_FILES | SUMMARIES[objective] | (MOVIES[objective] if encoder == "strided" else set())
    assert tree(run) == files | {f"test/{name}" for name in made}
    numbers = json.loads((run / "test" / "metrics.json").read_text())
    assert (numbers["objective"], numbers["n_images"], numbers["n_without_target"]) == (objective, 12, 0)
    assert numbers["control_pca"]["n_components"] == 4


RESUMED = [
    *[("strided", objective, ()) for objective in OBJECTIVES],
    *[("pca", objective, ()) for objective in OBJECTIVES],
    ("umap", "angle", ("--noise", "gaussian:0.2")),
    ("deep", "classify", ("--shuffle-targets", "--sparsity", "kl")),
    ("conv-small", "mask", ("--decoder", "dense", "--shuffle-targets")),
]


@pytest.mark.parametrize(("encoder", "objective", "more"), RESUMED)
def test_an_interrupted_run_goes_on_as_if_it_were_not(
    labelled, tmp_path, call, succeed, signal_at, assert_same_run, encoder, objective, more
):
    """Stopped at its first step, in the middle of its second epoch and at that one's end."""
    flags = ("--encoder", encoder, "--objective", objective, *OPTIONS[objective], *QUICK, "--epochs", 3, *more)
    straight, run = tmp_path / "straight", tmp_path / "run"
    succeed("train", labelled, "--run", straight, *flags)
    command = ("train", labelled, "--run", run, *flags)
    for step in (1, 5, 6):
        patch = signal_at(signal.SIGTERM, step)
        assert call(*command).status == 128 + signal.SIGTERM
        patch.undo()
        command = ("train", "--resume", run)
    succeed(*command)
    assert_same_run(run, straight)
