"""Whatever the settings, a run that was resumed is the run that was not interrupted; what is not its own is refused."""

import json
import shutil
import signal

import numpy as np
import pytest
import torch

KIND = "interrupted, resumed"

COMMON = ("--epochs", 4, "--batch-size", 16, "--val-interval", 1, "--checkpoint-interval", 1, "--quiet")
"""On `tiny`: 3 updates in an epoch, a snapshot after each."""

SETTINGS = {
    **{f"schedule {name}": ("--schedule", name) for name in ("constant", "step", "cosine", "onecycle")},
    **{
        f"noise {kind}": ("--noise", f"{kind}:{amount}")
        for kind, amount in (("gaussian", 0.3), ("salt-pepper", 0.2), ("masking", 0.3), ("poisson", 30))
    },
    "weight decay": ("--weight-decay", 0.1, "--schedule", "constant"),
    "shuffled targets": ("--objective", "angle", "--target", "body_angle_deg", "--shuffle-targets"),
    "sparsity": ("--sparsity", "kl", "--encoder", "dense"),
    "fitted encoder": ("--encoder", "pca", "--latent-dim", 3, "--noise", "gaussian:0.2"),
    "no snapshots": ("--snapshots-per-epoch", 0),
    "late validation": ("--val-interval", 3),
}


@pytest.fixture
def interrupted(call, signal_at):
    """Train, and stop by SIGTERM after a step; the folder is left as it then is."""

    def train(step, *arguments):
        patch = signal_at(signal.SIGTERM, step)
        assert call("train", *arguments).status == 128 + signal.SIGTERM
        patch.undo()

    return train


ALIKE = ("schedule step", "schedule cosine", "noise salt-pepper", "noise masking", "noise poisson", "late validation")
"""Settings that go the way of one beside them."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in ALIKE else []) for name in SETTINGS]
)
def test_settings(tiny, tmp_path, succeed, interrupted, assert_same_run, tally, name):
    """In the first epoch, and within a later one: each time what follows is the same."""
    succeed("train", tiny, "--run", tmp_path / "straight", *COMMON, *SETTINGS[name])
    interrupted(2, tiny, "--run", tmp_path / "run", *COMMON, *SETTINGS[name])
    interrupted(7, "--resume", tmp_path / "run", "--quiet")
    succeed("train", "--resume", tmp_path / "run", "--quiet")
    assert_same_run(tmp_path / "run", tmp_path / "straight")
    tally(KIND, tried=2, survived=2, resumed=2)


@pytest.fixture
def scripted_validation():
    """The validation loss is a function of the step, so that it can rise; the rest of a validation is as usual."""
    from autoencoder.training.loop import TrainingLoop

    losses = {3: 0.5, 6: 0.4, 9: 0.45, 12: 0.46, 15: 0.47, 18: 0.3, 21: 0.2}
    validate = TrainingLoop._validate
    with pytest.MonkeyPatch.context() as patch:  # one that `signal_at` does not undo
        patch.setattr(
            TrainingLoop, "_validate", lambda loop, asked: (losses[loop.state.step], validate(loop, asked)[1])
        )
        yield


@pytest.mark.parametrize("steps", [(4,), (7,), (9, 10), (13,), (14,)], ids=str)
def test_early_stopping_and_best(
    tiny, tmp_path, succeed, interrupted, assert_same_run, scripted_validation, steps, tally
):
    """The best epoch and the patience that is left are remembered: stopped after epoch 5, best is epoch 2."""
    flags = ("--epochs", 7, "--patience", 3, *COMMON[2:])
    succeed("train", tiny, "--run", tmp_path / "straight", *flags)
    command = (tiny, "--run", tmp_path / "run", *flags)
    for step in steps:
        interrupted(step, *command)
        command = ("--resume", tmp_path / "run", "--quiet")
    succeed("train", *command)
    assert_same_run(tmp_path / "run", tmp_path / "straight")
    best = torch.load(tmp_path / "run" / "checkpoints" / "best.pt", weights_only=True)["state"]
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.pt", weights_only=True)["state"]
    assert (best["epoch"], last["epoch"], last["best_epoch"], last["without_improvement"]) == (2, 5, 2, 3)
    tally(KIND, tried=len(steps), survived=len(steps), resumed=len(steps))


def test_a_run_that_stopped_early_stays_stopped(tiny, tmp_path, succeed, scripted_validation):
    succeed("train", tiny, "--run", tmp_path / "run", "--epochs", 7, "--patience", 3, *COMMON[2:])
    said = succeed("train", "--resume", tmp_path / "run", "--epochs", 7).out
    assert "stopped early" in said


@pytest.mark.slow
@pytest.mark.parametrize("step", [4, 6])
def test_other_epochs_from_the_middle(tiny, tmp_path, succeed, interrupted, assert_same_run, step, tally):
    """With a constant rate a run that is made longer, or shorter, on its way is the one that was planned so."""
    flags = ("--schedule", "constant", *COMMON[2:-1])
    for epochs in (3, 6):
        run = tmp_path / f"run-{epochs}"
        succeed("train", tiny, "--run", tmp_path / f"straight-{epochs}", "--epochs", epochs, *flags)
        interrupted(step, tiny, "--run", run, "--epochs", 4, *flags)
        said = succeed("train", "--resume", run, "--epochs", epochs).out
        assert "schedule" not in said
        assert_same_run(run, tmp_path / f"straight-{epochs}")
    tally(KIND, tried=2, survived=2, resumed=2)


def test_other_epochs_of_a_schedule_are_said(tiny, tmp_path, succeed, interrupted):
    interrupted(4, tiny, "--run", tmp_path / "run", "--schedule", "onecycle", *COMMON)
    said = succeed("train", "--resume", tmp_path / "run", "--epochs", 5).out
    assert "note: the schedule 'onecycle' now runs over 5 epochs; up to here it ran over 4" in said


# -------------------------------------------------------------------------------------------- what is not the run's own


@pytest.fixture
def begun(tiny, tmp_path, interrupted):
    """A run that was interrupted, on data of its own; the data file, and the run."""
    for suffix in (".npz", ".csv"):
        shutil.copy(tiny.with_suffix(suffix), tmp_path / f"data{suffix}")
    flags = ("--objective", "angle", "--target", "body_angle_deg", *COMMON)
    interrupted(4, tmp_path / "data.npz", "--run", tmp_path / "run", *flags)
    return tmp_path / "data.npz", tmp_path / "run"


def test_other_data(begun, call, tree):
    data, run = begun
    with np.load(data) as arrays:
        content = {name: arrays[name].copy() for name in arrays.files}
    content["images"][7, 3, 3] ^= 1
    np.savez(data, **content)
    before = tree(run)
    call("train", "--resume", run).refused(str(data), str(run), "hash", "restore that file")
    assert tree(run) == before


def test_other_targets(begun, call, succeed):
    """One angle is mended in the table; a column that is not predicted may change."""
    data, run = begun
    table = data.with_suffix(".csv")
    lines = table.read_text().splitlines()
    column = lines[0].split(",").index("body_angle_deg")
    for changed, refused in ((column, True), (lines[0].split(",").index("x"), False)):
        fields = lines[5].split(",")
        fields[changed] = "12.5"
        table.write_text("\n".join([*lines[:5], ",".join(fields), *lines[6:]]) + "\n")
        if refused:
            call("train", "--resume", run).refused(str(table), "columns to predict", "hash", "restore that file")
    succeed("train", "--resume", run)


@pytest.mark.parametrize("how", ["another seed's", "swapped rows", "out of range", "overlapping", "floats"])
def test_another_split(begun, call, how):
    _, run = begun
    file = run / "split.npz"
    with np.load(file) as arrays:
        rows = {name: arrays[name].copy() for name in arrays.files}
    if how == "another seed's":
        one, other = rows["train"][3], rows["val"][2]
        rows["train"], rows["val"] = (
            np.sort(np.where(rows["train"] == one, other, rows["train"])),
            np.sort(np.where(rows["val"] == other, one, rows["val"])),
        )
    elif how == "swapped rows":
        rows["train"][[0, 1]] = rows["train"][[1, 0]]
    elif how == "out of range":
        rows["val"][-1] = 60
    elif how == "overlapping":
        rows["val"] = np.sort(np.append(rows["val"], rows["train"][0]))
    else:
        rows["val"] = rows["val"].astype(float)
    np.savez(file, **rows)
    for command in (("train", "--resume", run), ("test", "--run", run), ("info", run)):
        call(*command).refused(str(file))


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("model", "latent_dim", 5),
        ("model", "encoder", "conv"),
        ("model", "norm", "layer"),
        ("objective", "shuffle_targets", True),
        ("training", "lr", 0.5),
        ("training", "batch_size", 8),
        ("training", "seed", 1),
        ("data", "val_fraction", 0.5),
    ],
)
def test_another_configuration(begun, call, section, name, value):
    """Settings were changed by hand since: the run would not be what its configuration says."""
    _, run = begun
    file = run / "config.json"
    config = json.loads(file.read_text())
    was = config[section][name]
    config[section][name] = value
    file.write_text(json.dumps(config))
    call("train", "--resume", run).refused(str(file), f"{name} {was}, not {value}", "restore that file")


def test_the_checkpoint_of_a_run_on_other_data(begun, tmp_path, call, interrupted):
    """Every setting agrees, and the images do not."""
    data, run = begun
    other = tmp_path / "other"
    with np.load(data) as arrays:
        np.savez(other.with_suffix(".npz"), images=arrays["images"][::-1])
    shutil.copy(data.with_suffix(".csv"), other.with_suffix(".csv"))
    flags = ("--objective", "angle", "--target", "body_angle_deg", *COMMON)
    interrupted(4, other.with_suffix(".npz"), "--run", other, *flags)
    shutil.copy(other / "checkpoints" / "last.pt", run / "checkpoints" / "last.pt")
    call("train", "--resume", run).refused("'last'", str(run), "another data, by its hash")
    call("test", "--run", run).refused("'last'", "another data")


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("state", {"step": 5}),
        ("state", {"batch": 3, "step": 6}),
        ("state", {"epoch": -1}),
        ("state", {"epoch": "1"}),
        ("state", {"loss_sum": float("nan")}),
        ("state", {"images_seen": 0}),
        ("state", {"best_loss": ""}),
        ("state", {"best_epoch": "x"}),
        ("optimizer", {"state": {0: {"exp_avg": torch.zeros(1)}}}),
        ("optimizer", {"state": {999: {}}}),
        ("optimizer", {"state": None}),
        ("optimizer", {"state": {}}),
        ("model", {"encoder.0.weight": "text"}),
        ("model", {1: torch.zeros(1)}),
    ],
    ids=str,
)
def test_a_checkpoint_that_contradicts_itself(begun, call, tree, part, change):
    _, run = begun
    file = run / "checkpoints" / "last.pt"
    content = torch.load(file, weights_only=True)
    content[part] = {**content[part], **change}
    torch.save(content, file)
    before = tree(run)
    call("train", "--resume", run).refused(str(file))
    assert tree(run) == before


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_last_checkpoint_that_is_lost(tiny, tmp_path, call, succeed, interrupted, assert_same_run, how):
    """The newest that was kept is gone on from, whichever that is; a damaged one is not passed over in silence."""
    run = tmp_path / "run"
    succeed("train", tiny, "--run", tmp_path / "straight", *COMMON)
    interrupted(8, tiny, "--run", run, *COMMON)
    last = run / "checkpoints" / "last.pt"
    if how == "damaged":
        last.write_bytes(last.read_bytes()[:1000])
        call("train", "--resume", run).refused(str(last), "damaged", "delete it, and --resume continues")
    last.unlink()
    said = succeed("train", "--resume", run).out
    assert f"note: {last} is missing; continuing from {run / 'checkpoints'}" in said
    assert json.loads((run / "environment.json").read_text())["resumed"][0]["at_step"] == 6
    assert_same_run(run, tmp_path / "straight")


def test_settings_of_the_optimizer_are_the_configurations(begun, tmp_path, succeed, assert_same_run):
    """Whatever a checkpoint says of them."""
    _, run = begun
    shutil.copytree(run, tmp_path / "as it was")
    file = run / "checkpoints" / "last.pt"
    content = torch.load(file, weights_only=True)
    content["optimizer"]["param_groups"] = [{"lr": 1e9, "betas": (0.0, 0.0), "weight_decay": 7.0, "maximize": True}]
    torch.save(content, file)
    for folder in (run, tmp_path / "as it was"):
        succeed("train", "--resume", folder, "--quiet")
    assert_same_run(run, tmp_path / "as it was")


@pytest.mark.parametrize("name", ["checkpoints", "metrics.csv", "latents/index.csv"])
def test_what_is_gone_is_missed(tiny, tmp_path, call, succeed, interrupted, name):
    """Without any checkpoint nothing could be gone on with; without a table, what it knew is lost, and that is said."""
    run = tmp_path / "run"
    interrupted(8, tiny, "--run", run, *COMMON)
    file = run / name
    shutil.rmtree(file) if file.is_dir() else file.unlink()
    if name == "checkpoints":
        call("train", "--resume", run).refused(str(run), "all its checkpoints are gone", "start a new run")
        return
    said = succeed("train", "--resume", run).out
    assert f"note: {file}" in said


def test_a_refused_resume_changes_nothing(tiny, tmp_path, call, interrupted, tree):
    """Neither its configuration, nor what it remembers of earlier ones."""
    run = tmp_path / "run"
    interrupted(8, tiny, "--run", run, *COMMON)
    (run / "latents" / "index.csv").write_text("hello\n1\n")
    before = {name: (run / name).read_bytes() for name in tree(run)}
    call("train", "--resume", run, "--epochs", 9).refused("index.csv")
    assert {name: (run / name).read_bytes() for name in tree(run)} == before


def test_other_epochs_are_those_of_the_checkpoint(tiny, tmp_path, succeed, interrupted):
    """Also where the number was changed in the configuration by hand."""
    run = tmp_path / "run"
    interrupted(8, tiny, "--run", run, "--schedule", "cosine", *COMMON)
    file = run / "config.json"
    file.write_text(file.read_text().replace('"epochs": 4', '"epochs": 5'))
    assert "note: the schedule 'cosine' now runs over 5 epochs" in succeed("train", "--resume", run).out


def test_tensorboard_has_every_epoch_once(tiny, tmp_path, succeed, interrupted):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tmp_path / "run"
    interrupted(5, tiny, "--run", run, "--tensorboard", *COMMON)
    interrupted(9, "--resume", run)
    succeed("train", "--resume", run)
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("train_loss")] == [3, 6, 9, 12]
