"""Runs that an earlier version left behind: loaded, tested, resumed and trained anew, they are the same to the bit.

`stored/FORMAT/CASE` holds one tiny training twice: `finished`, and `begun`, which SIGTERM interrupted within its second
epoch. Before a format is changed, its runs are stored by the version that writes it:

    STORE_RUNS=FOLDER python -m pytest tests/faults/test_stored_runs.py -k anew

which leaves in that folder what this file holds the stored runs against. What is new since gets a folder of its own.
"""

import csv
import hashlib
import json
import os
import shutil
import signal
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

STORED = Path(__file__).parent / "stored"
STORE_RUNS = os.environ.get("STORE_RUNS")

KIND = "stored by earlier versions"

INTERRUPTED = 8
"""The update after which a run that was begun was interrupted; all are two epochs of 6."""

COMMON = ("--epochs", 2, "--batch-size", 6, "--latent-dim", 3, "--snapshots-per-epoch", 2, "--snapshot-samples", 12)
COMMON = (
    *COMMON,
    "--val-interval",
    1,
    "--threads",
    1,
    "--seed",
    5,
    "--split-seed",
    5,
    "--optimizer",
    "adam",
    "--quiet",
)

SMALL = ("--decoder", "conv-small")
"""The smallest decoder, behind encoders whose own would take megabytes."""
FEW_FILES = ("--val-interval", 2)
"""No best checkpoint before the end, for the two largest."""

CASES = {
    "strided": ("--encoder", "strided", *SMALL, *FEW_FILES, "--noise", "gaussian:0.1"),
    "conv": ("--encoder", "conv", *SMALL, *FEW_FILES, "--schedule", "step"),
    "conv-small": ("--encoder", "conv-small", "--loss", "bce", "--noise", "masking:0.2", "--schedule", "cosine"),
    "dense": ("--encoder", "dense", *SMALL, "--norm", "layer", "--weight-decay", 0.1, "--schedule", "constant"),
    "deep": ("--encoder", "deep", "--depth", 2, "--norm", "none", "--noise", "salt-pepper:0.1"),
    "pca": ("--encoder", "pca", *SMALL, "--noise", "poisson:50"),
    "umap": ("--encoder", "umap", *SMALL, "--loss", "rmse"),
    "angle": ("--encoder", "conv-small", "--objective", "angle", "--target", "body_angle_deg"),
    "angle-of-a-vector": (
        *("--encoder", "conv-small", "--objective", "angle"),
        *("--vector", "x,y,polar_angle_deg,distance_from_center", "--shuffle-targets"),
    ),
    "classify": ("--encoder", "conv-small", "--objective", "classify", "--target", "nearest_port"),
    "mask": ("--encoder", "conv-small", "--objective", "mask", "--norm", "local-response"),
    "sparsity-log": ("--encoder", "conv-small", "--sparsity", "log"),
    "sparsity-kl": ("--encoder", "conv-small", "--sparsity", "kl", "--sparsity-weight", 0.01),
    "regress": ("--encoder", "conv-small", "--objective", "regress", "--target", "distance_from_center"),
    "held-out-group": ("--encoder", "conv-small", "--hold-out", "nearest_port=5", "--schedule", "onecycle"),
    "muon": ("--encoder", "narrow", *SMALL, *FEW_FILES, "--optimizer", "muon", "--augment", "flip,rotate,shift,light"),
}
"""Flags of each: every encoder, objective, sparsity, noise, norm, loss, schedule and optimizer once."""

NEW_SINCE = {"regress": "config-2", "held-out-group": "config-2", "muon": "config-6"}
FORMATS = {case: NEW_SINCE.get(case, "format-2") for case in CASES}
"""The folder of `STORED` that holds each case, called by what was new then: the format of checkpoints, or of the
configuration. The runs of `format-2` have configurations of format 1."""

LOADED_QUICKLY = ("strided", "pca", "regress", "held-out-group", "muon")
"""Cases of every format that are loaded and tested by `make test`; the others are by `make test-all`."""

ANEW_ONLY = {
    "strided-with-its-decoder": ("--encoder", "strided"),
    "conv-with-its-decoder": ("--encoder", "conv"),
    "dense-with-its-decoder": ("--encoder", "dense"),
}
"""Networks that are too large to be stored; the SHA-256 of their weights and their losses are, in `anew.json`."""

DATA = {"conv": "larger", "conv-with-its-decoder": "larger"}
"""Of 18x18 pixels, the least that `conv` takes; all others have the 8x8 of `small`."""


def data_name(case):
    return f"{DATA.get(case, 'small')}.npz"


@pytest.fixture
def stored(tmp_path, request):
    """A copy of what a format left of a case, whose runs find their data; `begun` and `finished` are in it."""

    def copy(form, case):
        folder = tmp_path / case
        shutil.copytree(STORED / form / case, folder)
        name = data_name(case)
        for file in (STORED / form).glob(f"{Path(name).stem}.*"):
            shutil.copy(file, tmp_path)
        for run in ("begun", "finished"):
            config = folder / run / "config.json"
            config.write_text(config.read_text().replace(f"/data/{name}", str(tmp_path / name)))
        return folder

    return copy


# ------------------------------------------------------------------------------------------------------------- the bits


def rounding():
    """What this machine, its torch and its numpy make of a fixed computation, without anything of ours: a SHA-256."""
    generator = torch.Generator().manual_seed(0)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.SiLU()),
        *(nn.Conv2d(32, 64, 3), nn.GroupNorm(1, 64), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(64, 128, 3, padding=1)),
        *(nn.Flatten(), nn.Linear(512, 300), nn.BatchNorm1d(300), nn.Sigmoid(), nn.Linear(300, 64 * 4)),
        *(nn.Unflatten(1, (64, 2, 2)), nn.ConvTranspose2d(64, 64, 3), nn.Conv2d(64, 96, 3, padding=1)),
        *(nn.PixelShuffle(2), nn.Conv2d(24, 1, 1)),
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, fused=True)
    for _ in range(3):
        images = torch.rand(6, 1, 12, 12, generator=generator)
        loss = (network(images) - torch.rand(6, 1, 8, 8, generator=generator)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.set_num_threads(threads)
    torch.random.set_rng_state(before)
    digest = hashlib.sha256()
    for values in network.state_dict().values():
        digest.update(values.contiguous().numpy().tobytes())
    matrix = np.random.default_rng(0).random((30, 64))
    digest.update(np.linalg.svd(matrix @ matrix.T)[0].tobytes() + np.exp(matrix.astype(np.float32)).tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def same_rounding():
    """Whether sums are rounded here as they were where a format's runs were stored; else they are compared roughly."""
    here = rounding()
    return lambda form: json.loads((STORED / form / "anew.json").read_text())["rounding"] == here


def metrics(run):
    """Columns of `metrics.csv` that are not times, as numbers."""
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        name: [float(row[name]) if row[name] else None for row in rows]
        for name in rows[0]
        if name not in ("seconds", "images_per_second")
    }


def weights(run, name="last"):
    return torch.load(run / "checkpoints" / f"{name}.pt", weights_only=True)["model"]


def weights_hash(run):
    digest = hashlib.sha256()
    for name, values in weights(run).items():
        digest.update(f"{name} {tuple(values.shape)} ".encode() + values.contiguous().numpy().tobytes())
    return digest.hexdigest()


def numbers(said):
    """Every number in nested dictionaries, by where it stands; tables of counts are left out."""
    nested = {
        f"{key}.{name}": value
        for key, inner in said.items()
        if isinstance(inner, dict)
        for name, value in numbers(inner).items()
    }
    return nested | {key: value for key, value in said.items() if isinstance(value, int | float)}


def assert_close(found, wanted):
    """Numbers by name that were rounded elsewhere: equal to a tenth, after twelve updates."""
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(np.array(found[name], float), np.array(values, float), 0.1, 1e-3, err_msg=name)


def assert_close_weights(found, wanted):
    """Equal to a hundredth, all together: a bias before a batch norm moves by rounding alone, and Adam scales that."""
    assert found.keys() == wanted.keys()
    a, b = (torch.cat([values.flatten().double() for values in one.values()]) for one in (found, wanted))
    assert (a - b).norm() < 0.01 * b.norm()


@pytest.fixture
def assert_as_stored(same_rounding, assert_same_run):
    """A run is the one that was stored: to the bit where sums are rounded as they were there."""

    def check(run, stored_run, form):
        if same_rounding(form):
            assert_same_run(run, stored_run, early_networks=False)  # which these versions did not keep
            return
        assert_close(metrics(run), metrics(stored_run))
        assert_close_weights(weights(run), weights(stored_run))

    return check


# ---------------------------------------------------------------------------------------------------------------- tests


def test_every_name_is_stored():
    from autoencoder import config
    from autoencoder.config.choices import Optimizer
    from autoencoder.registries import ENCODERS, OBJECTIVES

    kept = [
        json.loads((STORED / form / case / "finished" / "config.json").read_text()) for case, form in FORMATS.items()
    ]
    for section, setting, names in (
        ("model", "encoder", ENCODERS),
        ("model", "norm", config.NORMS),
        ("objective", "name", OBJECTIVES),
        ("objective", "loss", config.RECONSTRUCTION_LOSSES),
        ("objective", "sparsity", config.SPARSITIES),
        ("training", "schedule", config.SCHEDULES),
        ("training", "optimizer", get_args(Optimizer)),
    ):
        assert {run[section].get(setting, "adam") for run in kept} >= set(names), setting
    assert {run["objective"]["noise"]["kind"] for run in kept} == set(config.NOISES)


@pytest.mark.parametrize(
    ("case", "form"),
    [pytest.param(*item, marks=() if item[0] in LOADED_QUICKLY else pytest.mark.slow) for item in FORMATS.items()],
)
def test_loaded_and_tested(tmp_path, stored, succeed, same_rounding, tally, case, form):
    """The codes of the last snapshot, and the numbers of the test, are what they were."""
    import autoencoder as ae

    folder = stored(form, case)
    for name in ("begun", "finished"):
        succeed("info", folder / name)
        out = folder / f"test-{name}"
        succeed("test", "--run", folder / name, "--no-movies", "--examples", 2, "--out", out, "--quiet")
        said = (out / "metrics.json").read_text().replace(str(folder), f"/data/{case}").replace(str(tmp_path), "/data")
        found, wanted = json.loads(said), json.loads((folder / f"{name}.test.json").read_text())
        if same_rounding(form):
            assert as_then(found, wanted) == wanted
        else:
            assert_close(numbers(as_then(found, wanted)), numbers(wanted))
    run = folder / "finished"
    images = ae.load_images(folder.parent / data_name(case)).images
    with np.load(run / "split.npz") as split:
        codes = ae.load_run(run).encode(images[split["snapshot"]])
    last = np.load(sorted((run / "latents").glob("*.npy"))[-1])
    np.testing.assert_allclose(codes, last, 1e-4, 1e-5 * abs(last).max())
    tally(KIND, tried=2, survived=2)


def as_then(found, wanted):
    """Without the numbers that are new since."""
    if not isinstance(wanted, dict):
        return found
    return {key: as_then(found[key], value) for key, value in wanted.items()}


@pytest.mark.parametrize(("case", "form"), FORMATS.items())
def test_resumed(stored, succeed, assert_as_stored, tally, case, form):
    folder = stored(form, case)
    shutil.copytree(folder / "finished", folder / "before")
    assert "nothing left to train" in succeed("train", "--resume", folder / "finished").out
    assert_as_stored(folder / "finished", folder / "before", form)
    succeed("train", "--resume", folder / "begun", "--quiet")
    assert_as_stored(folder / "begun", folder / "finished", form)
    tally(KIND, tried=2, survived=2, resumed=2)


@pytest.fixture(scope="session")
def anew_folder(succeed):
    """Where the stored runs of a format are; with `STORE_RUNS` that folder, with new data in it."""
    if STORE_RUNS is None:
        return lambda form: STORED / form
    folder = Path(STORE_RUNS)
    for name, side in (("small", 8), ("larger", 18)):
        succeed("prepare", "arena", "--out", folder / name, "--images", 40, "--size", side, "--seed", 3, "--quiet")
    (folder / "anew.json").write_text(json.dumps({"rounding": rounding()}))
    return lambda _: folder


@pytest.mark.parametrize(
    "case",
    [
        # Fitting UMAP takes long, and its steps are compiled for each processor anew.
        pytest.param(case, marks=pytest.mark.slow if case == "umap" else ())
        for case in (*CASES, *ANEW_ONLY)
    ],
)
def test_trained_anew(anew_folder, tmp_path, succeed, call, signal_at, same_rounding, assert_as_stored, tally, case):
    """The same flags make the same run; with `STORE_RUNS`, what they make is kept there instead."""
    form = FORMATS.get(case, "format-2")
    folder = anew_folder(form)
    flags = (folder / data_name(case), *COMMON, *{**CASES, **ANEW_ONLY}[case])
    flags += () if "--hold-out" in flags else ("--split", "random")  # as it was by default
    made = tmp_path if STORE_RUNS is None else folder / case
    succeed("train", *flags, "--run", made / "finished")
    if case in ANEW_ONLY:
        wanted = json.loads((folder / "anew.json").read_text())
        found = {"weights_sha256": weights_hash(made / "finished"), "metrics": metrics(made / "finished")}
        if STORE_RUNS is not None:
            (folder / "anew.json").write_text(json.dumps({**wanted, case: found}, indent=1) + "\n")
            shutil.rmtree(made)
        elif same_rounding(form):
            assert found == wanted[case]
        else:
            assert_close(found["metrics"], wanted[case]["metrics"])
    elif STORE_RUNS is not None:
        patch = signal_at(signal.SIGTERM, INTERRUPTED)
        assert call("train", *flags, "--run", made / "begun").status == 128 + signal.SIGTERM
        patch.undo()
        for run in ("begun", "finished"):
            out = tmp_path / run
            succeed("test", "--run", made / run, "--no-movies", "--examples", 2, "--out", out, "--quiet")
            shutil.copy(out / "metrics.json", made / f"{run}.test.json")
    else:
        assert_as_stored(made / "finished", STORED / form / case / "finished", form)
    tally(KIND, tried=1, survived=1)
