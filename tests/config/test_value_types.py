"""What Python callers may give for a setting, and what is said of a value of another type."""

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.errors import UserError

CALLS = {
    "folds": lambda **settings: ae.leave_one_out("none.npz", "animal", **settings),
    "reference": lambda **settings: ae.compare_reference("none.npz", **settings),
}

NOISE = "noise must be a text such as 'gaussian:0.2', or 'none', not "


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        (
            {"epochs": "3", "latent_dim": "8"},
            ["epochs must be a whole number, not '3'", "latent_dim must .* '8'"],
        ),
        ({"epochs": 1.0}, ["epochs must be a whole number, not 1.0"]),
        ({"latent_dim": 2.5}, ["latent_dim must be a whole number, not 2.5"]),
        ({"seed": None}, ["seed must be a whole number, not None"]),
        ({"epochs": True}, ["epochs must be a whole number, not True"]),
        ({"noise": 0.3}, [NOISE + "0.3"]),
        ({"noise": ("gaussian", 0.3)}, [NOISE + r"\('gaussian', 0.3\)"]),
        ({"noise": None}, [NOISE + "None"]),
        ({"depth": "2", "encoder": "deep"}, ["depth must be a whole number, not '2'"]),
        ({"deterministic": "yes"}, ["deterministic must be True or False, not 'yes'"]),
        ({"norm": 3}, ["norm must be one of batch, layer, local-response, none, not 3"]),
        ({"augment": 3}, ["augment must be a list of names, not 3"]),
        ({"snapshot_samples": 2.5}, ["snapshot_samples must be a whole number or one of auto, all, probes, not 2.5"]),
        (
            {"lr": "fast", "epochs": 0, "objective": "segment"},
            ["lr must be a number, not 'fast'", "epochs must be at least 1", "unknown objective 'segment'"],
        ),
        ({"epoch": 3, "lr": "fast"}, ["there is no setting 'epoch' .did you mean 'epochs'", "lr must be a number"]),
    ],
    ids=str,
)
def test_values_of_other_types_are_refused_all_at_once(settings, problems):
    with pytest.raises(UserError) as refused:
        ae.run_config("a.npz", **settings)
    assert len(refused.value.problems) == len(problems)
    for said, expected in zip(refused.value.problems, problems, strict=True):
        assert re.match(expected, said), said


def test_numbers_of_numpy_lists_paths_and_single_names_are_what_they_stand_for():
    given = ae.run_config(
        Path("a.npz"),
        metadata=Path("b.csv"),
        hold_out="animal=m3",
        latent_dim=np.int64(4),
        lr=np.float32(0.5),
        deterministic=np.bool_(False),
        augment=["light"],
        vector=["a", "b", "c", "d"],
        objective="angle",
        noise="gaussian:0.2",
    )
    assert given == ae.RunConfig(
        ae.DataConfig("a.npz", "b.csv", hold_out=("animal=m3",)),
        ae.ModelConfig(latent_dim=4),
        ae.ObjectiveConfig(
            "angle", noise=ae.NoiseConfig("gaussian", 0.2), augment=("light",), vector=("a", "b", "c", "d")
        ),
        ae.TrainingConfig(lr=0.5),
    )
    json.dumps(given.to_json())  # which NumPy's numbers would not let it do


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ae.TrainingConfig(epochs="3", lr="fast"), "epochs .*; lr must be a number"),
        (lambda: ae.NoiseConfig("gaussian", "0.3"), "amount must be a number, not '0.3'"),
        (lambda: ae.ModelConfig("deep", latent_dim=None, depth="2"), "latent_dim .*; depth must be a whole number"),
        (lambda: ae.DataConfig(3), "images must be a text, not 3"),
        (lambda: ae.FigureOptions(("png",), dpi="high"), "dpi must be a whole number"),
        (lambda: ae.FigureOptions("jpg"), "unknown format of figures 'jpg'"),
        (lambda: ae.MovieOptions(fps=0), "fps must be a number of frames per second from 1 to 120, not 0"),
        (lambda: ae.MovieOptions(trails="long"), "trails must be a whole number"),
        (lambda: ae.MovieOptions(rows="some"), "unknown rows 'some'"),
        (lambda: ae.VideoOptions(follow="dark"), "must be one of brightest, darkest, moving, not 'dark'"),
        (lambda: ae.VideoOptions(size="50"), "size must be a whole number, not '50'"),
        (lambda: ae.VideoOptions(region=(1, 2)), "region must be 4 whole numbers"),
        (lambda: ae.ClipOptions(most=2.5), "most must be a whole number"),
    ],
)
def test_sections_and_options_refuse_other_types_when_they_are_made(make, said):
    with pytest.raises(UserError, match=said):
        make()


def test_options_take_what_stands_for_their_values():
    assert ae.FigureOptions("pdf").formats == ("pdf",)
    options = ae.VideoOptions(center="nose", arena_center=[10, 20], fps=29.97)
    assert options.center == ("nose",)
    assert options.arena_center == (10, 20)
    assert options.fps == Fraction(2997, 100)


@pytest.mark.parametrize("study", [ae.run_study, ae.plan_study])
def test_a_study_refuses_them_before_anything_is_read(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refused:
        study("none.npz", vary={"encoder": ["narrow", "deep"]}, epochs=1.0, seed="1", seeds="2")
    assert refused.value.problems == (
        "epochs must be a whole number, not 1.0",
        "seed must be a whole number, not '1'",
        "seeds must be a whole number or a list of whole numbers, not '2'",
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_so_do_its_relatives(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"epochs must be a whole number, not 1.0; lr must be a number, not 'fast'"):
        call(epochs=1.0, lr="fast")
    assert not list(tmp_path.iterdir())
