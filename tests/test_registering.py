"""Whoever adds an objective, an encoder or a reducer writes its module and its line: every command takes it then.

The toys of `tests/toys` are put into the registries and go through every command and the Python API. Nothing else in
the package knows them.
"""

import csv
import json

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder import registries
from autoencoder.flags import Flag, Whole
from autoencoder.registries import Encoder, Objective, Reducer

TARGET = ("--target", "distance_from_center")
QUICK = (
    "--epochs",
    2,
    "--batch-size",
    16,
    "--latent-dim",
    3,
    "--val-interval",
    1,
    "--checkpoint-interval",
    1,
    "--quiet",
)
PCA = ("--reduce", "pca")

OBJECTIVES = {
    "mirror": (Objective("tests.toys.mirror", has_decoder=True), ()),
    "amount": (Objective("tests.toys.amount", ("target",)), TARGET),
    "half": (Objective("tests.toys.half", ("target",)), TARGET),
}
SAYS = {"mirror": "val_mirrored_mse", "amount": "val_amount_error", "half": "val_right_half"}


@pytest.fixture
def registered(monkeypatch):
    """The toys are in the registries, for the length of a test."""
    for name, (line, _) in OBJECTIVES.items():
        monkeypatch.setitem(registries.OBJECTIVES, name, line)
    width = Flag("units of the layer (default: 8)", "N", Whole(most=64))
    monkeypatch.setitem(registries.LEARNED_ENCODERS, "wide", Encoder("tests.toys.wide", {"width": width}))
    monkeypatch.setitem(registries.REDUCERS, "two-units", Reducer("tests.toys.two_units", "two units", "chosen unit"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "half" else [pytest.mark.slow]) for name in OBJECTIVES]
)
def test_an_objective(registered, tiny, tmp_path, succeed, tree, name):
    run, plain = tmp_path / "run", tmp_path / "plain"
    succeed("train", tiny, "--run", run, "--objective", name, *OBJECTIVES[name][1], *QUICK)
    with (run / "metrics.csv").open() as file:
        assert SAYS[name] in next(csv.reader(file))
    assert name in succeed("info", run).out

    succeed("test", "--run", run, "--examples", 2)
    assert {"metrics.json", "grid.png"} <= tree(run / "test")
    movie = ("--color-by", "x", "--seconds", 0.2, "--quiet")
    succeed("visualize", "--run", run, *PCA, *movie, "--layer", "latent", "fc2", "--out", tmp_path / "movies")
    assert {"x.mp4", "x.png"} <= {file.rsplit("/")[-1] for file in tree(tmp_path / "movies")}
    succeed("visualize", "--run", run, *PCA, "--snapshot", "last", "--quiet", "--out", tmp_path / "still")
    succeed("explore", run, *PCA, "--out", tmp_path / "page.html", "--quiet")
    succeed("encode", run, "--errors", "--predictions", "--out", tmp_path / "codes.npz", "--quiet")
    succeed("export", run, "--format", "pt2", "--quiet")
    codes, prediction = torch.export.load(run / "export" / "run.pt2").module()(
        torch.zeros(3, 16, 16, dtype=torch.uint8)
    )
    assert (len(codes), len(prediction)) == (3, 3)

    succeed("train", tiny, "--run", plain, *QUICK)
    succeed("compare", run, plain, *PCA, "--out", tmp_path / "compare")
    with (tmp_path / "compare" / "comparison.csv").open() as file:
        row = next(csv.DictReader(file))
    assert row["objective"] == name

    trained, images, result = ae.load_run(run), ae.load_images(tiny).images, ae.evaluate(run).result
    assert len(trained.predict(images)) == len(images)
    assert result.numbers().items() <= json.loads((run / "test" / "metrics.json").read_text()).items()
    page = (tmp_path / "page.html").read_text()
    if name == "mirror":
        assert float(row["psnr_db"]) == pytest.approx(result.psnr, abs=0.01)
        assert {"units.png", "generated.png"} <= tree(tmp_path / "still")
        assert "mirror image" in page
        assert trained.decode(trained.encode(images)).shape == images.shape
        succeed("visualize", "--run", run, "--traverse", "x", "--seconds", 0.5, "--out", tmp_path / "way", "--quiet")
    else:
        assert row["result"] == result.brief()
        assert "units.png" not in tree(tmp_path / "still")
        assert {"amount": "predicted distance from center", "half": "half of distance from center"}[name] in page


@pytest.mark.slow
def test_an_encoder_with_a_setting(registered, tiny, tmp_path, succeed, call):
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, "--encoder", "wide", "--width", 5, *QUICK)
    assert json.loads((run / "config.json").read_text())["model"]["width"] == 5
    assert "wide of width 5" in succeed("info", run).out
    assert ae.load_run(run).network.state_dict()["encoder.hidden.0.weight"].shape[0] == 5
    assert ae.ModelConfig("wide", 3, width=5).width == 5
    succeed("test", "--run", run, "--no-movies")
    succeed("visualize", "--run", run, *PCA, "--layer", "latent", "fc2", "--color-by", "x", "--seconds", 0.2, "--quiet")
    succeed("visualize", "--run", run, *PCA, "--snapshot", "last", "--quiet")
    succeed("explore", run, *PCA, "--quiet")
    succeed("compare", run, *PCA, "--out", tmp_path / "compare")
    succeed("train", "--resume", run, "--epochs", 3, "--quiet")
    assert "--width" in call("train", "--help").out
    call("train", tiny, "--run", tmp_path / "b", "--width", 5).refused("width only applies to the encoder 'wide'")
    call("train", tiny, "--run", tmp_path / "b", "--encoder", "wide", "--width", 65).refused(
        "width must be from 1 to 64, not 65"
    )


def test_its_decoder_behind_another_encoder(registered, tiny, tmp_path, succeed):
    succeed("train", tiny, "--run", tmp_path / "run", "--encoder", "pca", "--decoder", "wide", "--width", 5, *QUICK)
    assert ae.load_run(tmp_path / "run").network.state_dict()["head.fc2.0.weight"].shape[0] == 5


@pytest.mark.slow
def test_a_reducer(registered, finished, tmp_path, succeed, tree):
    chosen = ("--reduce", "two-units", "--quiet")
    movie = ("--color-by", "x", "--seconds", 0.2)
    succeed("visualize", "--run", finished, *chosen, *movie, "--out", tmp_path / "movie")
    assert {"x.mp4", "embedding.npz"} <= tree(tmp_path / "movie")
    succeed("visualize", "--run", finished, *chosen, "--snapshot", "last", "--show", "scatter", "--out", tmp_path / "s")
    succeed("explore", finished, *chosen, "--out", tmp_path / "page.html")
    assert "two units" in (tmp_path / "page.html").read_text()
    succeed("compare", finished, *chosen, "--out", tmp_path / "compare")
    found = succeed(
        "visualize", "--run", finished, "--score", "two-units-last", "pca-last", "--out", tmp_path / "scores"
    )
    assert "two units last" in found.out
    ae.visualize(finished, reducer="two-units", fit="first", movie=None, out=tmp_path / "api")
    with np.load(tmp_path / "api" / "embedding.npz") as stored:
        assert stored["embeddings"].shape[2] == 2
