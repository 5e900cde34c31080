"""`angle`: targets, loss, missing values, controls and refusals, against what is known beforehand."""

import json
import math

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.models.network import Output
from autoencoder.objectives.base import make_objective

CPU = torch.device("cpu")
FAST = ("--objective", "angle", "--encoder", "dense", "--epochs", 1, "--batch-size", 8, "--threads", 1)
ANGLE = ae.ObjectiveConfig("angle")


def targets(config, data):
    made = make_objective(config).targets(data, CPU)
    return made.batch(np.arange(len(data)), torch.zeros(len(data), 1, 8, 8)).numpy()


def losses(prediction, target):
    objective = make_objective(ae.ObjectiveConfig("angle", target="a_deg"))
    return objective.losses(Output(torch.zeros(len(prediction), 1), torch.tensor(prediction)), torch.tensor(target))


# ----------------------------------------------------------------------------------------------------- targets and loss


def test_loss_by_hand():
    """0 for the point itself, 2 for the opposite one, 1 for one a quarter turn away, 1/2 for the origin."""
    target = [[1.0, 0.0], [0.0, -1.0], [0.6, 0.8], [0.6, 0.8], [1.0, 0.0]]
    prediction = [[1.0, 0.0], [0.0, 1.0], [-0.8, 0.6], [0.0, 0.0], [3.0, 0.0]]
    torch.testing.assert_close(losses(prediction, target), torch.tensor([0.0, 2.0, 1.0, 0.5, 2.0]))


def test_loss_on_the_circle_is_one_minus_the_cosine_of_the_error():
    angles = np.linspace(-3, 3, 13, dtype=np.float32)
    on_circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).tolist()
    found = losses(on_circle, [[1.0, 0.0]] * 13).numpy()
    np.testing.assert_allclose(found, 1 - np.cos(angles), atol=1e-6)


def test_degrees_and_radians_give_the_same_targets(data):
    degrees = np.array([0.0, 30, 90, 179, 181, 270, 359, 360, -90, 725])
    given = data({"a_deg": degrees, "a_rad": np.radians(degrees), "whole_deg": degrees.astype(int)})
    expected = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)
    for name in given.metadata.names:
        np.testing.assert_allclose(targets(ae.ObjectiveConfig("angle", target=name), given), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("base", "tip", "degrees"),
    [
        ((10, 10), (15, 10), 0),  # to the right
        ((10, 10), (15, 5), 45),  # to the right and up as one sees it: y points down
        ((10, 10), (10, 2), 90),
        ((10, 10), (3, 10), 180),
        ((10, 10), (10, 11), 270),
        ((-4, 0.5), (-3.5, 0.5 - 0.5 * math.sqrt(3)), 60),
    ],
)
def test_the_vector_of_two_points(data, base, tip, degrees):
    """The same as a column of angles computed by hand, counter-clockwise as one sees the picture."""
    given = data({"bx": [base[0]], "by": [base[1]], "tx": [tip[0]], "ty": [tip[1]], "a_deg": [degrees]})
    by_vector = targets(ae.ObjectiveConfig("angle", vector=("bx", "by", "tx", "ty")), given)
    np.testing.assert_allclose(by_vector, targets(ae.ObjectiveConfig("angle", target="a_deg"), given), atol=1e-6)


def test_a_vector_without_length_or_with_a_missing_point_has_no_angle(data):
    nan = math.nan
    given = data({"bx": [1, 1, nan, 1], "by": [2, 2, 2, 2], "tx": [1, 5, 5, 5], "ty": [2, 2, 2, nan]})
    known = make_objective(ae.ObjectiveConfig("angle", vector=("bx", "by", "tx", "ty"))).targets(given, CPU).known
    assert known.tolist() == [False, True, False, False]


def test_predictions_are_angles_and_their_errors_the_shorter_way_round():
    objective = make_objective(ANGLE)
    presented = objective.present(torch.tensor([[2.0, 0.0], [0.0, -0.1], [-1.0, 1e-9], [0.5, 0.5]]))
    np.testing.assert_allclose(presented.numpy(), np.radians([0, -90, 180, 45]), atol=1e-6)
    true = np.radians([350, 270, -180, 225])
    points = torch.from_numpy(np.stack([np.cos(true), np.sin(true)], axis=1)).float()
    np.testing.assert_allclose(objective.metric(presented, points).numpy(), [10, 0, 0, 180], atol=1e-3)
    assert objective.summarise(torch.tensor([1.0, 2.0, 90.0])) == 2


# --------------------------------------------------------------------------------------------------------- which column


def test_the_angle_that_is_meant(data, resolved):
    assert resolved(ANGLE, data({"x": [1.0, 2], "turn_rad": [0.0, 1]})).config.target == "turn_rad"
    several = {"head_deg": [0, 9], "body_angle_deg": [0, 9]}
    assert resolved(ANGLE, data(several)).config.target == "body_angle_deg"
    assert resolved(ae.ObjectiveConfig("angle", target="head_deg"), data(several)).config.target == "head_deg"


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ({"x": [1.5, 2], "kind": ["a", "b"]}, {}, ["table.csv", "_deg or _rad", "--vector"]),
        ({"a_deg": [1, 2], "b_deg": [1, 2]}, {}, ["table.csv", "a_deg, b_deg", "--target"]),
        ({"a_deg": [1, 2], "kind": ["a", "b"]}, {"target": "kind"}, ["'kind'", "not an angle", "_deg or _rad"]),
        ({"a_deg": [1, 2], "x": [1.5, 2]}, {"target": "x"}, ["'x'", "not an angle"]),
        ({"a_deg": [1, 2], "x": [1.5, 2]}, {"target": "b_deg"}, ["'b_deg'", "a_deg, x"]),
        ({"a_deg": [5, 5, 5]}, {}, ["'a_deg'", "table.csv", "same for every image", "--target"]),
        ({"a_deg": [5, 365, -355]}, {}, ["'a_deg'", "same for every image"]),
        ({"a_deg": [5, np.nan, 5]}, {}, ["'a_deg'", "same for every image, or missing"]),
        ({"a_deg": [np.nan, np.nan]}, {}, ["'a_deg'", "missing"]),
        (
            {"x": [1, 2], "y": [1, 2], "kind": ["a", "b"]},
            {"vector": ("x", "y", "kind", "z")},
            ["'kind'", "holds text", "'z'", "x, y, kind"],
        ),
        ({"x": [1.5, 2], "y": [1.5, 2]}, {"vector": ("x", "y", "x", "y")}, ["(x, y, x, y)", "missing"]),
    ],
)
def test_what_is_no_angle_is_refused_by_name(data, resolved, columns, options, words):
    with pytest.raises(ae.UserError) as caught:
        resolved(ae.ObjectiveConfig("angle", **options), data(columns))
    for word in words:
        assert word in str(caught.value)


# ------------------------------------------------------------------------------------------------------------- controls


def on_circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_perfect_and_opposite_predictions(data, measured):
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, 300)
    given = data({"a_rad": angles})
    perfect = measured(ANGLE, given, angles, 100)
    assert perfect.compared_with == "the angle 'a_rad' in table.csv"
    assert perfect.numbers()["median_error_deg"] == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(perfect.errors, 0, atol=1e-4)
    opposite = measured(ANGLE, given, angles + np.pi, 100)
    np.testing.assert_allclose(opposite.errors, 180, atol=1e-4)
    assert opposite.numbers()["mean_error_deg"] == pytest.approx(180)
    turned = measured(ANGLE, given, angles + np.radians(np.where(np.arange(300) % 4, 10, -30)), 100)
    assert turned.numbers()["median_error_deg"] == pytest.approx(10, abs=1e-4)
    assert turned.numbers()["mean_error_deg"] == pytest.approx(15, abs=1e-4)


def test_the_constant_control_is_the_best_single_guess_from_the_training_angles(data, measured):
    angles = np.radians(np.r_[np.full(70, 40.0), np.full(30, 200.0), np.full(20, 350.0)])
    control = measured(ANGLE, data({"a_rad": angles}), np.zeros(120), 100).numbers()["control_constant"]
    assert control == {"median_error_deg": pytest.approx(50), "mean_error_deg": pytest.approx(50)}


def test_the_shuffled_control_is_at_chance(data, measured):
    """Of angles all round, a prediction for another image is wrong by 90 degrees on average."""
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, 3000)
    control = measured(ANGLE, data({"a_rad": angles}), angles, 100).numbers()["control_shuffled"]
    assert control["median_error_deg"] == pytest.approx(90, abs=5)
    assert control["mean_error_deg"] == pytest.approx(90, abs=3)
    same = measured(ANGLE, data({"a_rad": angles}), np.full(3000, 0.3), 100).numbers()  # each truth is dealt out once
    assert same["control_shuffled"]["mean_error_deg"] == pytest.approx(same["mean_error_deg"])


def test_the_pca_control_solves_a_linear_problem(data, measured):
    """Images are a linear function of the point on the circle: two components hold it, and one does not."""
    rng = np.random.default_rng(0)
    angles = rng.uniform(-np.pi, np.pi, 500)
    images = (0.5 + 0.01 * on_circle(angles) @ rng.normal(size=(2, 64))).astype(np.float32).reshape(-1, 1, 8, 8)
    given = data({"a_rad": angles}, images=images)
    control = measured(ANGLE, given, np.zeros(500), 400).numbers()["control_pca"]
    assert control["n_components"] == 2
    assert control["median_error_deg"] < 1
    one = measured(ANGLE, given, np.zeros(500), 400, latent_dim=1).numbers()["control_pca"]
    assert one["n_components"] == 1
    assert one["median_error_deg"] > 20


def test_the_pca_control_leaves_out_components_without_variance(data, measured):
    """Training images without noise have two components; the others are rounding, which scaled up would rule."""
    rng = np.random.default_rng(0)
    angles = np.r_[np.radians(np.arange(0, 360, 30)), rng.uniform(-np.pi, np.pi, 200)]
    noise = 1e-3 * rng.normal(size=(212, 64)) * (np.arange(212) >= 12)[:, None]
    images = (0.5 + 0.01 * on_circle(angles) @ rng.normal(size=(2, 64)) + noise).astype(np.float32)
    given = data({"a_rad": angles}, images=images.reshape(-1, 1, 8, 8))
    control = measured(ANGLE, given, np.zeros(212), 12, latent_dim=8).numbers()["control_pca"]
    assert control["n_components"] == 8
    assert control["median_error_deg"] < 2


def test_the_table_says_what_the_numbers_say(data, measured):
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, 300)
    result = measured(ANGLE, data({"a_rad": angles}), angles + np.radians(10), 100)
    numbers, table = result.numbers(), result.table()
    shown = {row[0]: row[1] for row in table.rows}
    assert shown["network"] == "10.00"
    assert shown["constant prediction (control)"] == f"{numbers['control_constant']['median_error_deg']:.2f}"
    assert shown["PCA, 2 components, linear (control)"] == f"{numbers['control_pca']['median_error_deg']:.2f}"
    assert "within 10.0 degrees" in table.closing
    assert result.brief() == "median error 10.0 deg"


# ----------------------------------------------------------------------------------------------------------------- runs

HALF = [f"{7 * i % 360}" if i % 2 else "" for i in range(40)]
"""An angle of every second image."""


def test_images_without_an_angle_are_left_out_and_counted(table, tmp_path, succeed, taught):
    run, images = tmp_path / "run", table({"a_deg": HALF})
    succeed("train", images, "--run", run, *FAST, "--epochs", 2, "--val-interval", 1)
    split = np.load(run / "split.npz")
    known = np.arange(1, 40, 2)
    assert sorted(set(taught.rows)) == sorted(set(split["train"]) & set(known))
    assert len(taught.rows) == 2 * len(set(taught.rows))
    assert json.loads((run / "environment.json").read_text())["n_without_target"] == 20
    assert len(split["snapshot"]) == 40  # their codes are kept all the same

    rows = np.array(sorted(set(split["val"]) & set(known)))
    said = succeed("test", "--run", run, "--no-movies", "--examples", 1).out
    numbers = json.loads((run / "test" / "metrics.json").read_text())
    assert (numbers["n_images"], numbers["n_without_target"]) == (len(rows), 8 - len(rows))
    assert f"left out {8 - len(rows)} images without a known target" in said

    trained, data = ae.load_run(run), ae.load_images(images)
    angles = np.radians(7.0 * rows % 360)
    with torch.no_grad():
        points = trained.network(torch.from_numpy(data.scaled(rows))).prediction.numpy()
    last = trained.run.metrics()[-1]
    assert last["val_loss"] == pytest.approx(np.square(points - on_circle(angles)).sum(axis=1).mean() / 2, rel=1e-4)
    errors = np.abs(np.degrees(np.angle(np.exp(1j * (trained.predict(data.images[rows]) - angles)))))
    assert last["val_median_error_deg"] == pytest.approx(np.median(errors), rel=1e-4)
    assert numbers["median_error_deg"] == pytest.approx(np.median(errors), rel=1e-4)
    assert numbers["mean_error_deg"] == pytest.approx(errors.mean(), rel=1e-4)


def test_shuffled_targets_are_those_of_other_training_images(table, tmp_path, succeed, taught):
    """A bijection within the training images with a known angle; validation sees the true ones."""
    run, images = tmp_path / "run", table({"a_deg": HALF})
    succeed("train", images, "--run", run, *FAST, "--val-interval", 1, "--shuffle-targets")
    angles = np.degrees(np.arctan2(*np.array(taught.targets).T[::-1])) % 360
    true = 7.0 * np.array(taught.rows) % 360
    np.testing.assert_allclose(np.sort(angles), np.sort(true), atol=1e-3)
    assert np.isclose(angles, true, atol=1e-3).mean() < 0.3

    trained, data = ae.load_run(run), ae.load_images(images)
    rows = np.array([row for row in np.load(run / "split.npz")["val"] if row % 2])
    with torch.no_grad():
        points = trained.network(torch.from_numpy(data.scaled(rows))).prediction.numpy()
    expected = np.square(points - on_circle(np.radians(7.0 * rows))).sum(axis=1).mean() / 2
    assert trained.run.metrics()[-1]["val_loss"] == pytest.approx(expected, rel=1e-4)


def test_shuffled_targets_are_the_same_in_every_epoch(table, tmp_path, succeed, taught):
    succeed("train", table({"a_deg": range(40)}), "--run", tmp_path / "run", *FAST, "--epochs", 3, "--shuffle-targets")
    by_row = {}
    for row, target in zip(taught.rows, taught.targets, strict=True):
        by_row.setdefault(row, set()).add(tuple(target))
    assert len(by_row) == 32
    assert all(len(given) == 1 for given in by_row.values())


def test_a_vector_run_knows_its_columns(table, tmp_path, succeed):
    images = table({"nx": range(40), "ny": [3] * 40, "tx": [20] * 40, "ty": [20] * 40})
    run = tmp_path / "run"
    succeed("train", images, "--run", run, *FAST, "--vector", "nx,ny,tx,ty")
    succeed("test", "--run", run, "--no-movies", "--examples", 1)
    config = json.loads((run / "config.json").read_text())["objective"]
    assert (config["vector"], config["target"]) == (["nx", "ny", "tx", "ty"], None)
    assert "(nx, ny, tx, ty)" in json.loads((run / "test" / "metrics.json").read_text())["reference"]
    radians = ae.load_run(run).predict(ae.load_images(images).images)
    assert radians.shape == (40,)
    assert -np.pi <= radians.min() <= radians.max() <= np.pi


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a_deg": [20] * 40}, ["'a_deg'", "same for every image"]),
        ({"a_deg": [""] * 40}, ["'a_deg'", "missing"]),
        ({"a_deg": [1, 2, *[""] * 38]}, ["1 training image with a known target", "fewer than a batch"]),
        ({"x": range(40)}, ["images.csv", "_deg or _rad"]),
    ],
)
def test_columns_that_cannot_be_learned(table, tmp_path, call, columns, words):
    call("train", table(columns), "--run", tmp_path / "run", *FAST).refused(*words)
    assert not (tmp_path / "run").exists()


def test_no_known_angle_among_the_held_out_images(table, tmp_path, call):
    from autoencoder.data.split import make_split
    from autoencoder.seeding import stream_seed

    held_out = make_split(40, "random", 0.2, stream_seed(0, "split")).val
    angles = ["" if i in held_out else i for i in range(40)]
    call("train", table({"a_deg": angles}), "--run", tmp_path / "run", *FAST).refused("held-out", "--val-fraction")
    assert not (tmp_path / "run").exists()


def test_a_test_file_without_the_angle(table, images, tmp_path, call, succeed, tree):
    run = tmp_path / "run"
    succeed("train", table({"a_deg": range(40)}), "--run", run, *FAST)
    before = tree(run)
    np.save(tmp_path / "other.npy", np.load(images))
    call("test", "--run", run, "--data", tmp_path / "other.npy").refused("'a_deg'", "other.npy", "no metadata")
    (tmp_path / "other.csv").write_text("b_deg\n" + "1\n" * 40)
    call("test", "--run", run, "--data", tmp_path / "other.npy").refused("'a_deg'", "other.csv", "b_deg")
    (tmp_path / "other.csv").write_text("a_deg,b\n" + ",1\n" * 40)
    call("test", "--run", run, "--data", tmp_path / "other.npy").refused("other.npy", "known target", "--data")
    assert tree(run) == before
    (tmp_path / "other.csv").write_text("a_deg,b\n" + ",1\n" * 30 + "5,1\n" * 10)  # constant, and enough to test on
    succeed("test", "--run", run, "--data", tmp_path / "other.npy", "--no-movies", "--examples", 1)
    numbers = json.loads((run / "test" / "other" / "metrics.json").read_text())
    assert (numbers["n_images"], numbers["n_without_target"]) == (10, 30)
