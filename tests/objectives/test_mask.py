"""`mask`: loss, overlap, controls and refusals, against what is known beforehand."""

import json
import math

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.models.network import Output
from autoencoder.objectives.base import make_objective
from autoencoder.objectives.mask import overlap

CPU = torch.device("cpu")
MASK = ae.ObjectiveConfig("mask")
FAST = ("--objective", "mask", "--encoder", "dense", "--epochs", 1, "--batch-size", 16, "--threads", 1)


def test_overlap_by_hand():
    """Both empty is a perfect match, one of them empty none at all."""
    predicted = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0]], bool)
    true = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]], bool)
    iou, dice = overlap(predicted.reshape(6, 1, 2, 2), true.reshape(6, 1, 2, 2))
    np.testing.assert_allclose(iou, [1, 1 / 4, 1, 0, 0, 1 / 3])
    np.testing.assert_allclose(dice, [1, 2 / 5, 1, 0, 0, 1 / 2])
    np.testing.assert_allclose(dice, 2 * iou / (1 + iou))


def test_loss_is_the_mean_surprise_of_an_image_s_pixels():
    objective = make_objective(MASK)
    target = torch.tensor([[1.0, 0], [0, 1]]).expand(3, 1, 2, 2)
    logits = torch.stack([torch.zeros(1, 2, 2), 120 * target[0] - 60, torch.full((1, 2, 2), math.log(3))])
    found = objective.losses(Output(torch.zeros(3, 1), logits), target)
    torch.testing.assert_close(found, torch.tensor([math.log(2), 0.0, (math.log(4 / 3) + math.log(4)) / 2]))
    torch.testing.assert_close(objective.present(logits)[2], torch.full((1, 2, 2), 0.75))
    assert objective.metric(objective.present(logits), target).tolist() == [0, 1, 0.5]  # one half is not over one half


def test_the_head_makes_one_channel_of_images_with_any_number():
    for channels in (1, 2, 3):
        network = make_objective(MASK).build_network(ae.ModelConfig("strided", 4), (channels, 9, 11))
        assert network(torch.rand(3, channels, 9, 11)).prediction.shape == (3, 1, 9, 11)


def test_masks_of_0_and_255_mean_the_same_as_of_0_and_1(tmp_path, succeed):
    rng = np.random.default_rng(0)
    images, mask = rng.integers(0, 256, (40, 16, 16), dtype=np.uint8), rng.random((40, 16, 16)) > 0.5
    weights = []
    for name, stored in (("bool", mask), ("one", mask.astype(np.uint8)), ("full", 255 * mask.astype(np.uint8))):
        np.savez(tmp_path / f"{name}.npz", images=images, mask=stored)
        succeed("train", tmp_path / f"{name}.npz", "--run", tmp_path / name, *FAST)
        weights.append(ae.load_run(tmp_path / name).network.state_dict())
    for other in weights[1:]:
        assert all(torch.equal(values, other[name]) for name, values in weights[0].items())


# ------------------------------------------------------------------------------------------------------------- controls


def test_perfect_and_inverted_predictions(data, measured):
    masks = (np.random.default_rng(0).random((60, 1, 12, 10)) > 0.5).astype(np.uint8)
    perfect = measured(MASK, data(mask=masks), masks, 20)
    assert perfect.compared_with == "the masks of images.npz"
    assert (perfect.numbers()["iou"], perfect.numbers()["dice"]) == (1, 1)
    np.testing.assert_array_equal(perfect.errors, 0)
    inverted = measured(MASK, data(mask=masks), 1 - masks, 20)
    assert (inverted.numbers()["iou"], inverted.numbers()["dice"]) == (0, 0)
    np.testing.assert_array_equal(inverted.errors, 1)
    assert "100.0 %" in perfect.table().closing
    assert perfect.brief() == "IoU 1.000"


def test_the_shuffled_control_is_at_chance(data, measured):
    """Two masks that each cover half of the pixels at random share a third of those that either covers."""
    masks = (np.random.default_rng(0).random((300, 1, 20, 20)) > 0.5).astype(np.uint8)
    numbers = measured(MASK, data(mask=masks), masks, 100).numbers()
    assert numbers["control_shuffled"]["iou"] == pytest.approx(1 / 3, abs=0.02)
    assert numbers["control_shuffled"]["dice"] == pytest.approx(1 / 2, abs=0.02)
    same = measured(MASK, data(mask=masks), np.repeat(masks[:1], 300, axis=0), 100).numbers()
    assert same["control_shuffled"]["iou"] == pytest.approx(same["iou"])  # each truth is dealt out once


def test_the_constant_control_is_the_usual_mask_of_the_training_images(data, measured):
    """Pixel 0 is covered in all of them, pixel 1 in 60 %, pixel 2 in 40 %."""
    masks = np.zeros((20, 1, 2, 2), np.uint8)
    masks[:, 0, 0, 0] = 1
    masks[:6, 0, 0, 1] = 1
    masks[6:10, 0, 1, 0] = 1
    masks[10:, 0, 1, 1] = 1  # of the tested images only
    control = measured(MASK, data(mask=masks), masks, 10).numbers()["control_constant"]
    assert control == {"iou": pytest.approx(1 / 3), "dice": pytest.approx(1 / 2)}


def test_the_pca_control_solves_a_linear_problem(data, measured):
    """Images are their masks, of three kinds: two components hold them, and one does not."""
    rng = np.random.default_rng(0)
    kinds = (rng.random((3, 1, 8, 8)) > 0.5).astype(np.uint8)
    masks = kinds[rng.integers(0, 3, 300)]
    given = data(images=0.2 + 0.5 * masks.astype(np.float32), mask=masks)
    control = measured(MASK, given, masks, 200).numbers()["control_pca"]
    assert control == {"n_components": 2, "iou": 1, "dice": 1}
    one = measured(MASK, given, masks, 200, latent_dim=1).numbers()["control_pca"]
    assert one["iou"] < 0.95


# ----------------------------------------------------------------------------------------------------------------- runs


def test_numbers_by_hand(tiny, tmp_path, succeed, taught):
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, *FAST, "--epochs", 3, "--val-interval", 1)
    data, split = ae.load_images(tiny), np.load(run / "split.npz")
    np.testing.assert_array_equal(np.array(taught.targets), data.mask[taught.rows])
    succeed("test", "--run", run, "--no-movies", "--examples", 1)
    numbers = json.loads((run / "test" / "metrics.json").read_text())
    predicted = ae.load_run(run).predict(data.images[split["val"]])
    assert predicted.shape == (12, 1, 16, 16)
    true, found = data.mask[split["val"]] > 0, predicted > 0.5
    iou = [(t & f).sum() / (t | f).sum() if (t | f).any() else 1.0 for t, f in zip(true, found, strict=True)]
    assert numbers["iou"] == pytest.approx(np.mean(iou))
    last = ae.load_run(run).run.metrics()[-1]
    assert last["val_iou"] == pytest.approx(np.mean(iou))
    surprise = -np.where(true, np.log(predicted), np.log1p(-predicted)).mean()
    assert last["val_loss"] == pytest.approx(surprise, rel=1e-4)
    np.testing.assert_allclose(ae.load_run(run).decode(ae.load_run(run).encode(data.images)).shape, (60, 1, 16, 16))


def test_shuffled_targets_are_those_of_other_training_images(tiny, tmp_path, succeed, taught):
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, *FAST, "--shuffle-targets")
    true = ae.load_images(tiny).mask[taught.rows]
    given = np.array(taught.targets, np.uint8)
    assert sorted(mask.tobytes() for mask in given) == sorted(mask.tobytes() for mask in true)
    assert np.mean([(a == b).all() for a, b in zip(given, true, strict=True)]) < 0.3


def test_data_without_masks(images, tiny, tmp_path, call, succeed, tree):
    call("train", images, "--run", tmp_path / "run", *FAST).refused(str(images), "mask", "'mask'", "another objective")
    assert not (tmp_path / "run").exists()
    succeed("train", tiny, "--run", tmp_path / "run", *FAST)
    before = tree(tmp_path / "run")
    with np.load(tiny) as arrays:
        np.savez(tmp_path / "bare.npz", images=arrays["images"])
    call("test", "--run", tmp_path / "run", "--data", tmp_path / "bare.npz").refused("bare.npz", "'mask'")
    assert tree(tmp_path / "run") == before


@pytest.mark.parametrize("value", [0, 1])
def test_masks_that_say_nothing(tmp_path, call, value):
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images, mask=np.full((40, 16, 16), value, np.uint8))
    call("train", tmp_path / "images.npz", "--run", tmp_path / "run", *FAST).refused("images.npz", "same everywhere")
    assert not (tmp_path / "run").exists()


def test_other_objectives_leave_masks_alone(tiny, tmp_path, succeed):
    """The same images without their masks give the same reconstruction network."""
    with np.load(tiny) as arrays:
        np.savez(tmp_path / "bare.npz", images=arrays["images"], clean=arrays["clean"])
    quick = ("--encoder", "dense", "--epochs", 1, "--batch-size", 16, "--split", "random")
    weights = []
    for name, file in (("with", tiny), ("without", tmp_path / "bare.npz")):
        succeed("train", file, "--run", tmp_path / name, *quick)
        weights.append(ae.load_run(tmp_path / name).network.state_dict())
    assert all(torch.equal(values, weights[1][name]) for name, values in weights[0].items())
