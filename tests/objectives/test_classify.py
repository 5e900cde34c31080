"""`classify`: classes, loss, missing labels, controls and refusals, against what is known beforehand."""

import json
import math

import numpy as np
import pytest
import torch

import autoencoder as ae
from autoencoder.models.network import Output
from autoencoder.objectives.base import make_objective
from autoencoder.objectives.classify import Classification

CPU = torch.device("cpu")
FAST = ("--objective", "classify", "--encoder", "dense", "--epochs", 1, "--batch-size", 8, "--threads", 1)
CLASSIFY = ae.ObjectiveConfig("classify")


# ----------------------------------------------------------------------------------------------------- classes and loss


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([10, 9, -1, 10], ("-1", "9", "10")),  # in the order of numbers, not of texts
        ([10.0, 9.0, np.nan, -0.0, 0.0], ("0", "9", "10")),
        ([True, False, True], ("0", "1")),
        (["b", "", "B", "a"], ("B", "a", "b")),
        (["10", "9", "Ratte ä"], ("10", "9", "Ratte ä")),
    ],
)
def test_classes(data, resolved, values, classes):
    given = data({"kind": values})
    objective = resolved(ae.ObjectiveConfig("classify", target="kind"), given)
    assert objective.config.classes == classes
    targets = objective.targets(given, CPU)
    missing = [value == "" or (isinstance(value, float) and math.isnan(value)) for value in values]
    assert targets.known.tolist() == [not left_out for left_out in missing]
    rows = np.flatnonzero(targets.known)
    members = targets.batch(rows, torch.zeros(1)).tolist()
    names = [values[row] if isinstance(values[row], str) else str(int(values[row])) for row in rows]
    assert [classes[member] for member in members] == names


def test_loss_is_the_surprise_at_the_true_class():
    objective = make_objective(ae.ObjectiveConfig("classify", target="kind", classes=("a", "b", "c", "d")))
    logits = torch.tensor([[0.0, 0, 0, 0], [60, 0, 0, 0], [math.log(6), math.log(2), math.log(1), math.log(1)]])
    found = objective.losses(Output(torch.zeros(3, 1), logits), torch.tensor([2, 0, 1]))
    torch.testing.assert_close(found, torch.tensor([math.log(4), 0.0, math.log(5)]))
    shown = objective.present(logits)
    torch.testing.assert_close(shown[2], torch.tensor([0.6, 0.2, 0.1, 0.1]))
    assert objective.metric(shown, torch.tensor([1, 0, 1])).tolist() == [0, 1, 0]
    assert objective.summarise(torch.tensor([1.0, 0, 0, 0])) == 0.25


# --------------------------------------------------------------------------------------------------------- which column


def test_the_class_that_is_meant(data, resolved):
    assert resolved(CLASSIFY, data({"x": [1.5, 2], "kind": ["a", "b"]})).config.target == "kind"
    several = {"colour": ["r", "g"], "label": [0, 1]}
    assert resolved(CLASSIFY, data(several)).config.target == "label"
    assert resolved(ae.ObjectiveConfig("classify", target="colour"), data(several)).config.classes == ("g", "r")
    assert resolved(ae.ObjectiveConfig("classify", target="x"), data({"x": [3, 1]})).config.classes == ("1", "3")
    files = [f"{i}.png" for i in range(21)]
    assert resolved(CLASSIFY, data({"file": files, "kind": [*"ab" * 10, "a"]})).config.target == "kind"


@pytest.mark.parametrize(
    ("columns", "target", "words"),
    [
        ({"x": [1.5, 2], "a_deg": [1, 2]}, None, ["table.csv", "needs a label", "column of text", "at most 20"]),
        ({"kind": ["a", "b"], "colour": ["r", "g"]}, None, ["table.csv", "kind, colour", "--target"]),
        ({"kind": ["a", "b"]}, "label", ["'label'", "table.csv", "its columns are kind"]),
        ({"a_deg": [0, 90]}, "a_deg", ["'a_deg'", "angle", "--objective angle"]),
        ({"x": [1.5, 2]}, "x", ["'x'", "table.csv", "quantity", "text, or whole numbers"]),
        ({"x": np.arange(21)}, "x", ["'x'", "21 different values", "at most 20"]),
        ({"kind": ["a", "a", ""]}, None, ["'kind'", "table.csv", "only the class 'a'", "--target"]),
        ({"kind": [7.0, 7, np.nan]}, "kind", ["'kind'", "only the class '7'"]),
        ({"file": [f"{i}.png" for i in range(21)]}, None, ["table.csv", "needs a label"]),
        (
            {"file": [f"{i}.png" for i in range(21)]},
            "file",
            ["'file'", "table.csv", "names, not classes", "--target"],
        ),
        ({"kind": ["", ""]}, None, ["'kind'", "has no label"]),
        ({"kind": [np.nan, np.nan]}, "kind", ["'kind'", "has no label"]),
    ],
)
def test_what_is_no_class_is_refused_by_name(data, resolved, columns, target, words):
    with pytest.raises(ae.UserError) as caught:
        resolved(ae.ObjectiveConfig("classify", target=target), data(columns))
    for word in words:
        assert word in str(caught.value)


def test_a_run_goes_on_with_codes_that_it_learned_as_numbers(data):
    """Earlier versions read 007 as 7."""
    learned = make_objective(ae.ObjectiveConfig("classify", target="mouse", classes=("7", "12")))
    targets = learned.targets(data({"mouse": np.array(["007", "012", ""])}), torch.device("cpu"))
    assert targets.known.tolist() == [True, True, False]
    assert targets.batch(np.arange(2), torch.zeros(2, 1, 8, 8)).tolist() == [0, 1]


def test_classes_that_the_network_does_not_know(data, resolved):
    objective = resolved(CLASSIFY, data({"kind": ["a", "b"]}))
    objective.targets(data({"kind": ["b", "", "b"]}), CPU)  # one of them, or none, is no reason to refuse
    with pytest.raises(ae.UserError, match=r"'kind' in table\.csv has classes .*: c, d; it knows a, b"):
        objective.targets(data({"kind": ["a", "d", "c", "d"]}), CPU)


# ------------------------------------------------------------------------------------------------------------- controls


def probabilities(members, k, top=0.7):
    made = np.full((len(members), k), (1 - top) / (k - 1))
    made[np.arange(len(members)), members] = top
    return made


def test_accuracy_and_confusion_by_hand(data, measured):
    """Six training images, and six to test on; of class b one is taken for a and one for c."""
    kinds = list("aaaabc" + "abbbcc")
    given = data({"kind": kinds})
    predicted = [0] * 6 + [0, 1, 0, 2, 2, 2]
    result = measured(CLASSIFY, given, probabilities(predicted, 3), 6)
    numbers = result.numbers()
    assert numbers["reference"] == "column 'kind' of table.csv"
    assert numbers["classes"] == ("a", "b", "c")
    assert numbers["accuracy"] == pytest.approx(4 / 6)
    assert numbers["confusion"].tolist() == [[1, 0, 0], [1, 1, 1], [0, 0, 2]]
    assert numbers["control_constant"]["accuracy"] == pytest.approx(1 / 6)  # always a, the commonest in training
    np.testing.assert_allclose(result.errors, [0.3, 0.3, 0.85, 0.85, 0.3, 0.3], atol=1e-6)
    assert "4 of 6 images" in result.table().closing
    assert {row[0]: row[1] for row in result.table().rows}["network"] == "66.67"
    assert result.brief() == "accuracy 66.7 %"


def test_the_shuffled_control_is_at_chance(data, measured):
    kinds = np.random.default_rng(0).integers(0, 4, 3000)
    result = measured(CLASSIFY, data({"kind": kinds}), probabilities(kinds, 4), 100).numbers()
    assert result["accuracy"] == 1
    assert result["control_shuffled"]["accuracy"] == pytest.approx(0.25, abs=0.03)
    same = measured(CLASSIFY, data({"kind": kinds}), probabilities(np.full(3000, 2), 4), 100).numbers()
    assert same["control_shuffled"]["accuracy"] == pytest.approx(same["accuracy"])  # each truth is dealt out once


def test_the_pca_control_solves_a_linear_problem(data, measured):
    """Three classes at the corners of a triangle in image space: two components hold it, and one does not."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 400)
    corners = np.array([[0, 1], [0.87, -0.5], [-0.87, -0.5]])
    patterns = np.linalg.qr(rng.normal(size=(64, 2)))[0].T
    images = 0.5 + 0.5 * corners[kinds] @ patterns + rng.normal(0, 0.01, (400, 64))
    given = data({"kind": kinds}, images=images.astype(np.float32).reshape(-1, 1, 8, 8))
    control = measured(CLASSIFY, given, probabilities(kinds, 3), 300).numbers()["control_pca"]
    assert control == {"n_components": 2, "accuracy": 1}
    one = measured(CLASSIFY, given, probabilities(kinds, 3), 300, latent_dim=1).numbers()["control_pca"]
    assert one["accuracy"] < 0.9


# ----------------------------------------------------------------------------------------------------------------- runs

KINDS = [["Maus", "", "Ratte", "10"][i % 4] for i in range(40)]


def test_labels_of_text_with_missing_ones(table, tmp_path, succeed, taught):
    run, images = tmp_path / "run", table({"x": range(40), "kind": KINDS})
    succeed("train", images, "--run", run, *FAST, "--epochs", 2, "--val-interval", 1)
    classes = ["10", "Maus", "Ratte"]
    assert json.loads((run / "config.json").read_text())["objective"]["classes"] == classes
    assert json.loads((run / "environment.json").read_text())["n_without_target"] == 10
    split = np.load(run / "split.npz")
    assert set(taught.rows) == {row for row in split["train"] if KINDS[row]}
    assert [classes[member] for member in taught.targets] == [KINDS[row] for row in taught.rows]

    said = succeed("test", "--run", run, "--no-movies", "--examples", 2).out
    rows = np.array([row for row in split["val"] if KINDS[row]])
    numbers = json.loads((run / "test" / "metrics.json").read_text())
    assert (numbers["n_images"], numbers["n_without_target"]) == (len(rows), 8 - len(rows))
    assert ("without a known target" in said) == (len(rows) < 8)
    found = ae.load_run(run).predict(ae.load_images(images).images[rows])
    assert found.shape == (len(rows), 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    true = np.array([classes.index(KINDS[row]) for row in rows])
    expected = np.zeros((3, 3), int)
    for i, j in zip(true, found.argmax(axis=1), strict=True):
        expected[i, j] += 1
    assert numbers["confusion"] == expected.tolist()
    assert numbers["accuracy"] == pytest.approx((found.argmax(axis=1) == true).mean())
    assert ae.load_run(run).run.metrics()[-1]["val_accuracy"] == pytest.approx(numbers["accuracy"])
    loss = -np.log(found[np.arange(len(rows)), true]).mean()
    assert ae.load_run(run).run.metrics()[-1]["val_loss"] == pytest.approx(loss, rel=1e-4)


def test_more_classes_than_a_figure_can_show(table, tmp_path, succeed, tree):
    kinds = [*(f"k{i}" for i in range(39)), "k0"]
    run = tmp_path / "run"
    succeed("train", table({"kind": kinds}), "--run", run, *FAST)
    for k, drawn in ((39, True), (41, False)):
        result = Classification("", tuple(map(str, range(k))), np.eye(k, dtype=int), np.zeros(k, np.float32), {}, 1)
        assert set(result.draw_summary()) == ({"confusion"} if drawn else set())
    succeed("test", "--run", run, "--no-movies", "--examples", 1)
    assert "confusion.png" in tree(run / "test")


@pytest.mark.parametrize("held_out", [False, True])
def test_a_class_with_a_single_image(table, tmp_path, succeed, held_out):
    """Whether it falls to training or is held out, the class has its output, and the test its row."""
    from autoencoder.data.split import make_split
    from autoencoder.seeding import stream_seed

    split = make_split(40, "random", 0.2, stream_seed(0, "split"))
    only = int((split.val if held_out else split.train)[0])
    kinds = ["once" if i == only else "ab"[i % 2] for i in range(40)]
    run = tmp_path / "run"
    succeed("train", table({"kind": kinds}), "--run", run, *FAST)
    succeed("test", "--run", run, "--no-movies", "--examples", 1)
    numbers = json.loads((run / "test" / "metrics.json").read_text())
    assert numbers["classes"] == ["a", "b", "once"]
    assert sum(numbers["confusion"][2]) == held_out


def test_shuffled_targets_are_those_of_other_training_images(table, tmp_path, succeed, taught):
    run, images = tmp_path / "run", table({"kind": KINDS})
    succeed("train", images, "--run", run, *FAST, "--val-interval", 1, "--shuffle-targets")
    true = [["10", "Maus", "Ratte"].index(KINDS[row]) for row in taught.rows]
    assert sorted(taught.targets) == sorted(true)
    assert taught.targets != true
    rows = np.array([row for row in np.load(run / "split.npz")["val"] if KINDS[row]])
    found = ae.load_run(run).predict(ae.load_images(images).images[rows]).argmax(axis=1)
    accuracy = np.mean([["10", "Maus", "Ratte"][j] == KINDS[row] for row, j in zip(rows, found, strict=True)])
    assert ae.load_run(run).run.metrics()[-1]["val_accuracy"] == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"kind": ["a"] * 40}, ["images.csv", "'kind'", "only the class 'a'"]),
        ({"kind": [""] * 40, "x": range(40)}, ["images.csv", "needs a label"]),
        ({"kind": ["a", "b", *[""] * 38]}, ["with a known target", "fewer than a batch"]),
    ],
)
def test_columns_that_cannot_be_learned(table, tmp_path, call, columns, words):
    call("train", table(columns), "--run", tmp_path / "run", *FAST).refused(*words)
    assert not (tmp_path / "run").exists()


def test_another_test_file(table, images, tmp_path, call, succeed, tree):
    """Its classes may be fewer than those trained for, and may not be others."""
    run = tmp_path / "run"
    succeed("train", table({"kind": KINDS}), "--run", run, *FAST)
    before = tree(run)
    np.save(tmp_path / "other.npy", np.load(images))
    (tmp_path / "other.csv").write_text("kind\n" + "Hase\nMaus\n" * 20)
    call("test", "--run", run, "--data", tmp_path / "other.npy").refused("'kind'", "other.csv", "Hase", "Maus, Ratte")
    assert tree(run) == before
    (tmp_path / "other.csv").write_text("kind\n" + "10\n" * 40)  # a column of numbers there, of text in the run's file
    succeed("test", "--run", run, "--data", tmp_path / "other.npy", "--no-movies", "--examples", 1)
    numbers = json.loads((run / "test" / "other" / "metrics.json").read_text())
    assert sum(numbers["confusion"][0]) == numbers["n_images"] == 40
