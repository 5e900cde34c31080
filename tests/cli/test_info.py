"""`info` on everything that it describes."""

import json

import numpy as np
import pytest


@pytest.fixture
def told(succeed):
    def info(*arguments):
        return json.loads(succeed("info", *arguments, "--json").out)

    return info


def test_data(tiny, told):
    found = told(tiny)
    assert found["images"] == "60 of 1x16x16 uint8"
    assert found["clean images"] == found["masks"] == "yes"
    assert set(found["columns"]) >= {"frame", "x", "y", "body_angle_deg", "distance_from_center", "nearest_port"}
    assert found["columns"]["frame"] == "linear: 0 to 59"
    assert found["columns"]["body_angle_deg"].startswith("circular: ")
    assert found["columns"]["nearest_port"].startswith("category: ")


def test_data_without_anything_else(images, told):
    found = told(images)
    assert found["images"] == "40 of 1x12x12 uint8"
    assert (found["clean images"], found["masks"], found["columns"]) == ("no", "no", "none")


def test_data_on_another_scale(images, told):
    np.save(images, np.load(images).astype(np.float32))
    assert told(images, "--max-pixel-value", 255)["pixels"].startswith("255 stands for 1; mean 0.")


def test_run(finished, arena, told):
    found = told(finished)
    assert found["data"] == str(arena)
    assert found["model"] == "strided, 6 latent units"
    assert found["objective"] == "reconstruct (mse), noise gaussian:0.2"
    assert found["images"] == "96 for training, 24 held out (random)"
    assert found["progress"].startswith("3 of 3 epochs, 18 steps")
    assert found["checkpoints"] == "epoch_0001, epoch_0002, epoch_0003, best, last"
    assert found["snapshots"] == "10 of 120 images"
    assert found["configuration"]["seed"] == 7
    assert found["environment"]["seed"] == 7


def test_checkpoint(finished, told):
    found = told(finished / "checkpoints" / "epoch_0002.pt")
    assert found["progress"].startswith("epoch 2, step 12")
    assert found["images"] == "1x50x50"


def test_presets(told):
    presets = told("presets")
    rat = presets["rat-ae"]
    assert (rat["encoder"], rat["latent_dim"], rat["epochs"], rat["batch_size"]) == ("conv", 16, 150, 64)


@pytest.mark.parametrize("what", ["tiny", "finished"])
def test_text_says_the_same_as_json(request, succeed, told, what):
    path = request.getfixturevalue(what)
    text = succeed("info", path).out
    for name, value in told(path).items():
        assert name in text
        if isinstance(value, str):
            assert value in text
