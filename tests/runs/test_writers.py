"""Where the numbers of each epoch go: read back from each library's offline files, and without a key in any of them."""

import csv
import importlib.util
import json
import os
import signal
import socket
import struct
import sys
import time
import traceback
import zipfile
from pathlib import Path

import pytest

from autoencoder.config import WRITERS, DataConfig, RunConfig, TrainingConfig
from autoencoder.runs.folder import Run
from autoencoder.runs.writers import base, comet
from autoencoder.version import DISTRIBUTION

FLAGS = ("--epochs", 3, "--batch-size", 16, "--snapshots-per-epoch", 0, "--threads", 1)
"""On `tiny`: 3 updates in an epoch, validated after the second and the last."""

KEY = "Kq7secret3key9" * 2
REST_KEY = "Rz5other2key8" * 2


@pytest.fixture(autouse=True)
def a_user_of_ones_own(tmp_path, monkeypatch):
    """A home and a current folder without anybody's keys."""
    for name in list(os.environ):
        if name.startswith(("COMET_", "WANDB_")):
            monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


@pytest.fixture
def comet_ml(a_user_of_ones_own):
    """The package as a training imports it."""
    if importlib.util.find_spec("comet_ml") is None:
        pytest.skip("the extra 'comet' is not installed")
    return comet._comet()


@pytest.fixture
def wandb(a_user_of_ones_own):
    return pytest.importorskip("wandb", reason="the extra 'wandb' is not installed")


def epochs_of(run):
    """(step, epoch, name) to number, of all that `metrics.csv` holds."""
    with (run / "metrics.csv").open(newline="") as file:
        return {
            (int(row["step"]), int(row["epoch"]), name): float(value)
            for row in csv.DictReader(file)
            for name, value in row.items()
            if value and name not in ("step", "epoch")
        }


def everything_in(folder):
    """All bytes below a folder, archives unpacked."""
    found = b""
    for file in folder.rglob("*"):
        if file.is_file():
            found += file.read_bytes()
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    found += b"".join(map(archive.read, archive.namelist()))
    return found


# --------------------------------------------------------------------------------------------------------------- Comet


def comet_archives(run):
    """Of each archive, oldest first: what it says of the experiment, and its messages by type."""
    found = []
    for file in sorted((run / "comet").glob("*.zip"), key=lambda file: file.stat().st_mtime_ns):
        with zipfile.ZipFile(file) as archive:
            said = json.loads(archive.read("experiment.json"))
            lines = archive.read("messages.json").decode().splitlines()
            messages = [json.loads(line) for line in lines if line]
            found.append((said, messages, archive.namelist()))
    return found


OF_COMET_ITSELF = {"process duration"}


def comet_metrics(messages):
    metrics = [message["payload"]["metric"] for message in messages if message["type"] == "metric_msg"]
    return {
        (metric["step"], metric["epoch"], metric["metricName"]): metric["metricValue"]
        for metric in metrics
        if metric["metricName"] not in OF_COMET_ITSELF
    }


def comet_parameters(messages):
    sent = [message["payload"]["param"] for message in messages if message["type"] == "parameter_msg"]
    return {param["paramName"]: param["paramValue"] for param in sent if param["source"] == "manual"}


def test_comet_offline(comet_ml, tiny, tmp_path, succeed, monkeypatch):
    """Every number of every epoch, the settings, and nothing of code, git, machine or command line."""
    monkeypatch.setenv("COMET_API_KEY", KEY)
    run = tmp_path / "run"
    said = succeed(
        "train", tiny, "--run", run, *FLAGS, "--comet", "offline", "--namestr", "ring-7", "--lr", 0.00123
    ).out
    assert f"comet upload {run / 'comet'}" in said
    ((experiment, messages, members),) = comet_archives(run)
    assert experiment["project_name"] == "autoencoder"
    assert comet_metrics(messages) == epochs_of(run)
    sent = comet_parameters(messages)
    assert sent["training.lr"] == 0.00123
    assert sent["model.encoder"] == "narrow"
    assert sent["data.images"] == tiny.name
    others = {m["payload"]["key"]: m["payload"]["value"] for m in messages if m["type"] == "log_other"}
    assert others == {"Name": "ring-7", "offline_experiment": True}
    assert {message["type"] for message in messages} == {"metric_msg", "parameter_msg", "log_other"}
    assert set(members) == {"experiment.json", "messages.json"}
    content = everything_in(run / "comet").decode(errors="replace")
    for word in (str(tmp_path), str(tiny.parent), socket.gethostname(), "pytest", sys.executable, KEY):
        assert word not in content, word
    assert KEY.encode() not in everything_in(run)


def test_comet_goes_on_with_the_experiment(comet_ml, tiny, tmp_path, succeed, call, signal_at):
    """An interrupted run and what came after it are one experiment, and no epoch is there twice."""
    run = tmp_path / "run"
    patch = signal_at(signal.SIGTERM, 5)
    assert call("train", tiny, "--run", run, *FLAGS, "--comet", "offline", "--quiet").status == 128 + signal.SIGTERM
    patch.undo()
    succeed("train", "--resume", run, "--quiet")
    first, second = comet_archives(run)
    assert first[0]["offline_id"] == second[0]["offline_id"]
    assert {archive[0]["resume_strategy"] for archive in (first, second)} == {"get_or_create"}
    before, after = comet_metrics(first[1]), comet_metrics(second[1])
    assert not before.keys() & after.keys()
    assert before | after == epochs_of(run)
    assert comet_parameters(second[1]) == {}


def test_comets_own_files_are_left_alone(comet_ml, tiny, tmp_path, succeed, a_user_of_ones_own):
    """Neither the file that Comet keeps keys in nor `settings.json` is changed, or made."""
    for there in (False, True):
        own = {
            a_user_of_ones_own / ".comet.config": f"[comet]\napi_key = {KEY}\n",
            Path("settings.json"): json.dumps({"apikey": KEY, "restapikey": REST_KEY, "project": "noodle"}),
        }
        if there:
            for file, text in own.items():
                file.write_text(text)
        run = tmp_path / f"run-{there}"
        succeed("train", tiny, "--run", run, *FLAGS, "--comet", "offline", "--quiet")
        for file, text in own.items():
            assert file.read_text() == text if there else not file.exists()
        assert comet_archives(run)[0][0]["project_name"] == ("noodle" if there else "autoencoder")
        for key in (KEY, REST_KEY):
            assert key.encode() not in everything_in(run)


@pytest.mark.parametrize("environment", [{}, {"COMET_API_KEY": "from-outside", "COMET_WORKSPACE": "lab"}])
def test_where_the_key_comes_from(monkeypatch, environment):
    """The documented file of the earlier work; the environment wins."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    content = {"username": "joe", "apikey": KEY, "restapikey": REST_KEY, "project": "neuromlnoodle"}
    Path("settings.json").write_text(json.dumps(content))
    account = comet.find_account()
    assert account.workspace == environment.get("COMET_WORKSPACE", "joe")
    assert account.api_key == environment.get("COMET_API_KEY", KEY)
    assert (account.project, account.rest_key) == ("neuromlnoodle", REST_KEY)
    assert KEY not in repr(account)
    assert REST_KEY not in repr(account)


@pytest.mark.parametrize(
    "content",
    [f'{{"apikey": "{KEY}"', f'["{KEY}"]', json.dumps({"apikey": [KEY]}), json.dumps({"theme": "dark", "key": KEY})],
    ids=["no JSON", "no object", "no text", "another program's"],
)
def test_bad_settings_are_refused_and_not_repeated(comet_ml, tiny, tmp_path, call, content):
    Path("settings.json").write_text(content)
    result = call("train", tiny, "--run", tmp_path / "run", *FLAGS, "--comet", "offline")
    result.refused("settings.json")
    assert KEY not in result.err + result.out
    assert not (tmp_path / "run").exists()


def test_comet_online_needs_a_key(comet_ml, tiny, tmp_path, call):
    result = call("train", tiny, "--run", tmp_path / "run", *FLAGS, "--comet")
    result.refused("--comet needs a key", "COMET_API_KEY", "settings.json", "--comet offline")
    assert not (tmp_path / "run").exists()


def test_comet_online_gets_the_key_and_collects_nothing(comet_ml, tiny, tmp_path, succeed, monkeypatch):
    """What is given to Comet's own `start`, which would send it; and a name by default."""
    asked = {}

    class Experiment:
        alive, url = True, "https://comet.example/experiment"

        def log_parameters(self, parameters):
            asked["parameters"] = parameters

        def log_metrics(self, metrics, step, epoch):
            asked.setdefault("steps", []).append(step)

        def end(self):
            asked["ended"] = True

    def start(**options):
        asked.update(options)
        return Experiment()

    monkeypatch.setattr(comet_ml, "start", start)
    monkeypatch.setenv("COMET_API_KEY", KEY)
    run = tmp_path / "a-run"
    said = succeed("train", tiny, "--run", run, *FLAGS, "--comet").out
    assert "Comet: https://comet.example/experiment" in said
    assert (asked["api_key"], asked["online"], asked["steps"], asked["ended"]) == (KEY, True, [3, 6, 9], True)
    config = asked["experiment_config"]
    assert config.name == "a-run"
    collected = [name for name, value in vars(config).items() if name.startswith(("log_", "parse_", "auto_")) and value]
    assert set(collected) <= {"auto_metric_step_rate", "auto_histogram_epoch_rate"}
    assert KEY not in said
    assert KEY.encode() not in everything_in(run)


# ---------------------------------------------------------------------------------------------------- Weights & Biases


BLOCK = 32 * 1024


def wandb_records(run):
    """Records of the offline files, oldest first; they are kept in the format of LevelDB's log."""
    from wandb.proto.wandb_internal_pb2 import Record

    for file in sorted(run.glob("wandb/offline-run-*/*.wandb"), key=lambda file: file.stat().st_mtime_ns):
        data, at, begun = file.read_bytes(), 7, b""
        while at + 7 <= len(data):
            left = BLOCK - at % BLOCK
            if left < 7:
                at += left
                continue
            _, length, kind = struct.unpack("<IHB", data[at : at + 7])
            part = data[at + 7 : at + 7 + length]
            at += 7 + length
            begun = part if kind in (1, 2) else begun + part  # whole, first; middle, last
            if kind in (1, 4):
                yield Record.FromString(begun)


def wandb_metrics(records):
    found = {}
    for record in records:
        if record.WhichOneof("record_type") == "history":
            row = {item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            place = row["_step"], row["epoch"]
            found |= {(*place, name): value for name, value in row.items() if name[0] != "_" and name != "epoch"}
    return found


@pytest.mark.slow
def test_wandb_offline(wandb, tiny, tmp_path, succeed, call, signal_at, monkeypatch):
    """Interrupted and resumed: every number of every epoch, the settings, and nothing of the machine."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    run = tmp_path / "run"
    flags = (*FLAGS, "--wandb", "offline", "--experiment-name", "ring-8", "--lr", 0.00123)
    patch = signal_at(signal.SIGTERM, 5)
    assert call("train", tiny, "--run", run, *flags, "--quiet").status == 128 + signal.SIGTERM
    patch.undo()
    time.sleep(1)  # W&B calls its folders by the second in which they are begun
    said = succeed("train", "--resume", run).out
    assert f"wandb sync {run / 'wandb'}" in said
    records = list(wandb_records(run))
    assert wandb_metrics(records) == pytest.approx(epochs_of(run))
    runs = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert len(runs) == 2
    assert runs[0].run_id == runs[1].run_id
    for begun in runs:
        assert (begun.project, begun.display_name, begun.host) == ("autoencoder", "ring-8", "")
        settings = {update.key: json.loads(update.value_json) for update in begun.config.update}
        assert settings["training.lr"] == 0.00123
        assert settings["data.images"] == tiny.name
    content = "".join(map(str, records))
    for word in (str(tiny.parent), "pytest", sys.executable, "requirements.txt"):
        assert word not in content, word
    assert KEY.encode() not in everything_in(run)


def test_wandb_online_needs_a_key(wandb, tiny, tmp_path, call):
    result = call("train", tiny, "--run", tmp_path / "run", *FLAGS, "--wandb")
    result.refused("--wandb needs a key", "WANDB_API_KEY", "wandb login", "--wandb offline")
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------------------------------- any one


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_not_installed_is_refused_with_its_extra(tiny, tmp_path, call, monkeypatch, name):
    find = importlib.util.find_spec
    missing = {"tensorboard": "tensorboard", "comet": "comet_ml", "wandb": "wandb"}[name]
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda asked, *rest: None if asked == missing else find(asked, *rest)
    )
    result = call("train", tiny, "--run", tmp_path / "run", *FLAGS, f"--{name}")
    result.refused(f"--{name} needs the extra: pip install '{DISTRIBUTION}[{name}]'")
    assert not (tmp_path / "run").exists()


class Failing(base.Writer):
    """Fails at one of its methods, with a key in what it says."""

    title = "A service"
    fails_at = ""
    calls: list

    @classmethod
    def secrets(cls):
        return [KEY]

    @classmethod
    def open(cls, run, config, resumed_at, say):
        cls.calls = []
        return cls().called("open")

    def called(self, name):
        self.calls.append(name)
        if name == self.fails_at:
            raise ConnectionError(f"401 for api_key={KEY}\nat https://service.example")
        return self

    def write(self, row):
        self.called("write")

    def close(self):
        self.called("close")


@pytest.mark.parametrize("moment", ["open", "write", "close"])
def test_a_writer_that_fails_stops_nothing(tiny, tmp_path, succeed, monkeypatch, moment):
    """It is said once, without the key, and every number is in the run's own table."""
    from autoencoder.runs.writers import tensorboard

    monkeypatch.setattr(tensorboard, "Writer", type("Service", (Failing,), {"fails_at": moment}))
    result = succeed("train", tiny, "--run", tmp_path / "run", *FLAGS, "--tensorboard", "--debug")
    assert result.out.count("A service failed and is not used from here on (ConnectionError: 401") == 1
    assert "api_key=***" in result.out
    assert KEY not in result.out + result.err
    assert len(Run(tmp_path / "run").metrics()) == 3
    assert tensorboard.Writer.calls == {"open": ["open"], "write": ["open", "write"]}.get(
        moment, ["open", *["write"] * 3, "close"]
    )


def test_writers_are_closed_where_training_fails(tiny, tmp_path, call, monkeypatch, at_step):
    from autoencoder.runs.writers import tensorboard

    monkeypatch.setattr(tensorboard, "Writer", type("Service", (Failing,), {}))
    at_step(5, lambda learner, loss: loss * float("nan"))
    call("train", tiny, "--run", tmp_path / "run", *FLAGS, "--tensorboard").refused("the loss became nan")
    assert tensorboard.Writer.calls == ["open", "write", "close"]


def test_no_key_in_a_traceback(comet_ml, tiny, tmp_path, monkeypatch):
    """The whole chain of an error that is raised while a key is in use, as Python prints it."""
    Path("settings.json").write_text(json.dumps({"apikey": KEY, "restapikey": REST_KEY}))

    def start(**options):
        raise ValueError("The given API key is invalid")

    monkeypatch.setattr(comet_ml, "start", start)
    config = RunConfig(DataConfig(str(tiny)), training=TrainingConfig(comet="online"))
    with pytest.raises(ValueError, match="invalid") as caught:
        comet.Writer.open(Run(tmp_path / "run"), config, None, print)
    said = "".join(traceback.format_exception(caught.value))
    assert KEY not in said
    assert REST_KEY not in said


def test_a_run_keeps_where_it_logs(tiny):
    """So that a run that is resumed goes on writing."""
    logged = RunConfig(DataConfig(str(tiny)), training=TrainingConfig(wandb="offline", experiment_name="a"))
    assert logged.to_json()["training"]["wandb"] == "offline"
    assert RunConfig.from_json(logged.to_json()) == logged


def test_a_name_without_a_place_to_use_it(tiny, tmp_path, call):
    call("train", tiny, "--run", tmp_path / "run", "--experiment-name", "x").refused("experiment_name", "log to one")
    call("train", tiny, "--run", tmp_path / "run", "--comet", "sometimes").refused("--comet", "offline")
