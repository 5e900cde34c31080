"""`regress`: standardised targets, missing values, controls and refusals, against what is known beforehand."""

import csv
import json
import math

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.models.network import Output
from autoencoder.objectives.base import make_objective

CPU = torch.device("cpu")
FAST = ("--objective", "regress", "--encoder", "dense", "--epochs", 1, "--batch-size", 8, "--threads", 1)
SPEED = ae.ObjectiveConfig("regress", target="speed")


def given(mean=10.0, deviation=4.0):
    return make_objective(ae.ObjectiveConfig("regress", target="speed", target_mean=mean, target_deviation=deviation))


def test_targets_are_standardised_and_presented_in_their_unit(data):
    objective = given()
    targets = objective.targets(data({"speed": [10.0, 14, 2, math.nan]}), CPU)
    rows, images = np.arange(3), torch.zeros(3, 1, 8, 8)
    assert targets.known.tolist() == [True, True, True, False]
    assert targets.batch(rows, images).tolist() == [0, 1, -2]
    assert targets.truth(rows, images).tolist() == [10, 14, 2]
    assert objective.present(torch.tensor([[0.0], [1.0], [-2.0]])).tolist() == [10, 14, 2]
    output = Output(torch.zeros(3, 1), torch.tensor([[0.5], [1.0], [0.0]]))
    assert objective.losses(output, torch.tensor([0.0, 1.0, -2.0])).tolist() == [0.25, 0, 4]
    assert objective.metric(torch.tensor([10.0, 13]), torch.tensor([12.0, 16])).tolist() == [4, 9]
    assert objective.summarise(torch.tensor([4.0, 9, 5])) == pytest.approx(math.sqrt(6))


def test_mean_and_deviation_are_those_of_the_training_images(data):
    values = np.array([1.0, 3, 5, 100, math.nan, 7])
    config = make_objective(SPEED).resolved(data({"speed": values}), np.array([0, 1, 2, 4]))
    assert (config.target_mean, config.target_deviation) == (3, np.std([1, 3, 5]))


def test_whole_numbers_and_large_ones_are_quantities(data, resolved):
    assert (
        resolved(ae.ObjectiveConfig("regress", target="count"), data({"count": np.arange(9)})).config.target_mean == 4
    )
    found = resolved(SPEED, data({"speed": 1e12 + np.arange(9.0)})).config
    assert found.target_deviation == pytest.approx(np.std(np.arange(9)), rel=1e-3)


def test_a_run_goes_on_with_a_column_that_is_an_angle_or_a_code_by_now(data):
    """Earlier versions read 007 as 7, and took Speed_Deg for a quantity; they are refused where a run begins."""
    for name, values in {"code": np.array(["007", "012", ""]), "Speed_Deg": np.array([7.0, 12.0, math.nan])}.items():
        started = ae.ObjectiveConfig("regress", target=name, target_mean=10.0, target_deviation=4.0)
        targets = make_objective(started).targets(data({name: values}), CPU)
        assert targets.known.tolist() == [True, True, False]
        assert targets.truth(np.arange(2), torch.zeros(2, 1, 8, 8)).tolist() == [7, 12]
        with pytest.raises(
            ae.UserError, match=r"holds text|an angle, not a quantity.*--column-kind Speed_Deg=quantity"
        ):
            make_objective(ae.ObjectiveConfig("regress", target=name)).resolved(data({name: values}))


def test_whole_numbers_with_gaps_are_learned_as_quantities(data, resolved):
    gaps = data({"count": [1.0, math.nan, 2, 3]})
    assert resolved(ae.ObjectiveConfig("regress", target="count"), gaps).config.target_mean == 2


# ----------------------------------------------------------------------------------------------------------- controls


def linear(data, n=200):
    """Images whose brightness at one place is the quantity, of noise elsewhere."""
    rng = np.random.default_rng(1)
    images = rng.normal(0.5, 0.01, (n, 1, 8, 8)).astype(np.float32)
    images[:, 0, 2:6, 3:5] += rng.uniform(-0.4, 0.4, (n, 1, 1)).astype(np.float32)
    speed = 40 + 30 * images[:, 0, 3, 3].astype(np.float64) + rng.normal(0, 0.1, n)
    return data({"speed": speed}, images=images), speed


def test_perfect_useless_and_opposite_predictions(data, measured):
    made, speed = linear(data)
    perfect = measured(SPEED, made, speed, 150).numbers()
    assert (perfect["r2"], perfect["rmse"]) == (pytest.approx(1), pytest.approx(0, abs=1e-5))
    mean = speed.mean()  # `measured` takes all images for training images where the settings are filled in
    useless = measured(SPEED, made, np.full(200, mean + 1), 150).numbers()
    assert useless["r2"] < 0
    opposite = measured(SPEED, made, 2 * mean - speed, 150).numbers()
    assert opposite["r2"] == pytest.approx(-3, abs=1e-4)  # every error is doubled
    assert opposite["control_constant"]["r2"] == 0
    assert opposite["control_constant"]["rmse"] == pytest.approx(np.sqrt(np.mean((speed[150:] - mean) ** 2)))


def test_the_shuffled_control_is_worse_than_the_mean(data, measured):
    made, speed = linear(data)
    shuffled = measured(SPEED, made, speed, 100).numbers()["control_shuffled"]
    assert -1.6 < shuffled["r2"] < -0.4  # its error has twice the variance of the quantity: -1 in expectation


def test_the_pca_control_solves_a_linear_problem(data, measured):
    made, speed = linear(data)
    found = measured(SPEED, made, np.zeros(200), 150).numbers()
    assert found["control_pca"]["r2"] > 0.99
    assert found["control_pca"]["n_components"] == 2
    without = data({"speed": np.random.default_rng(2).permutation(speed)}, images=made.images)
    assert measured(SPEED, without, np.zeros(200), 150).numbers()["control_pca"]["r2"] < 0.1


def test_the_table_says_what_the_numbers_say(data, measured):
    made, speed = linear(data)
    result = measured(SPEED, made, speed + 0.5, 150)
    table = result.table()
    assert [row[0].split(" (")[0] for row in table.rows][-1] == "network"
    assert "half of the images are within 0.5 of 'speed'" in table.closing
    assert result.brief() == f"R2 {result.network.r2:.3f}"
    assert result.quality is None


# ----------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ({"a_deg": [1.0, 2], "kind": ["a", "b"]}, {}, ["table.csv", "needs a quantity", "column of numbers"]),
        ({"x": [1.5, 2], "y": [1.5, 2]}, {}, ["x, y", "--target"]),
        ({"x": [1.5, 2], "kind": ["a", "b"]}, {"target": "kind"}, ["'kind'", "text", "--objective classify"]),
        ({"x": [1.5, 2], "a_deg": [1.5, 2]}, {"target": "a_deg"}, ["'a_deg'", "--objective angle"]),
        ({"x": [1.5, 2]}, {"target": "y"}, ["'y'", "x"]),
        ({"x": [1.5, 1.5]}, {}, ["'x'", "same for every training image"]),
        ({"x": [math.nan, math.nan]}, {}, ["'x'", "missing"]),
        ({"x": [1.5, math.nan]}, {}, ["'x'", "same for every training image, or missing"]),
    ],
)
def test_what_is_no_quantity_is_refused_by_name(data, resolved, columns, options, words):
    with pytest.raises(ae.UserError) as caught:
        resolved(ae.ObjectiveConfig("regress", **options), data(columns))
    for word in words:
        assert word in str(caught.value)


# --------------------------------------------------------------------------------------------------------------- runs


@pytest.mark.slow
def test_a_quantity_is_learned_beside_its_controls(tmp_path, succeed):
    """The size of a square: better than the mean and than a linear read-out of few components, on held-out images."""
    rng = np.random.default_rng(0)
    sizes, images = rng.integers(3, 15, 600), np.zeros((600, 24, 24), np.uint8)
    for image, size, (x, y) in zip(images, sizes, rng.integers(0, 9, (600, 2)), strict=True):
        image[y : y + size, x : x + size] = rng.integers(60, 250)  # so that a sum of pixels does not tell it
    np.savez(tmp_path / "squares.npz", images=images, side=sizes * 2.5)
    run = tmp_path / "run"
    flags = ("--objective", "regress", "--encoder", "conv-small", "--latent-dim", 4, "--epochs", 8, "--threads", 1)
    succeed("train", tmp_path / "squares.npz", "--run", run, *flags, "--quiet")
    succeed("test", "--run", run)
    numbers = json.loads((run / "test" / "metrics.json").read_text())
    assert numbers["r2"] > 0.9 > numbers["control_pca"]["r2"] > numbers["control_constant"]["r2"]
    assert numbers["control_shuffled"]["r2"] < 0
    assert (run / "test" / "quantity.png").is_file()
    with (run / "metrics.csv").open() as file:
        *_, last = csv.DictReader(file)
    assert float(last["val_rmse"]) == pytest.approx(numbers["rmse"], rel=1e-3)


def test_other_data_are_told_in_the_unit_of_the_run(table, images, tmp_path, succeed):
    """What the run stored standardises, and not the other file's mean."""
    run = tmp_path / "run"
    succeed("train", table({"speed": [value / 2 for value in range(40)]}), "--run", run, *FAST, "--quiet")
    stored = json.loads((run / "config.json").read_text())["objective"]
    with np.load(run / "split.npz") as split:
        learned = np.arange(40)[split["train"]] / 2
    assert stored["target_mean"] == pytest.approx(learned.mean())
    assert stored["target_deviation"] == pytest.approx(learned.std())
    np.save(tmp_path / "other.npy", np.load(images))
    (tmp_path / "other.csv").write_text("speed\n" + "\n".join(str(1000 + value) for value in range(40)) + "\n")
    found = ae.evaluate(run, data=tmp_path / "other.npy")
    assert found.result.training_mean == stored["target_mean"]
    assert np.abs(found.result.predicted).max() < 500
    assert found.result.network.rmse > 900


def test_images_without_a_value_are_left_out(table, tmp_path, succeed, taught):
    speed = [value if value % 4 else "" for value in range(40)]
    result = succeed("train", table({"speed": speed}), "--run", tmp_path / "run", *FAST)
    assert "left out 10 images without a known target" in result.out
    assert all(speed[row] for row in taught.rows)
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["n_without_target"] == 10


def test_shuffled_targets_are_those_of_other_training_images(table, tmp_path, succeed, taught):
    succeed("train", table({"speed": range(40)}), "--run", tmp_path / "run", *FAST, "--shuffle-targets", "--quiet")
    stored = json.loads((tmp_path / "run" / "config.json").read_text())["objective"]
    told = np.array(taught.targets) * stored["target_deviation"] + stored["target_mean"]
    np.testing.assert_allclose(sorted(told), sorted(taught.rows), atol=1e-4)
    assert np.abs(told - np.array(taught.rows)).max() > 1
