"""Files that colleagues send run nothing, and lead to no file outside of their folder.

Every file of a run, and of data, is replaced by one that is made to run code, to take all memory, or to point
elsewhere. A command refuses it in one line that names it, or works; in both cases no code of the file has run (it
would leave a mark), nothing was unpickled, no program was started and no decoy outside of the folder was opened.
"""

import ast
import csv
import json
import os
import pickle
import shutil
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from autoencoder.models import pca, umap

PCA = ("--reduce", "pca")
RAN: list[tuple[str, object]] = []
"""What Python did since the test began, of what no command does; filled by the hook of `nothing_runs`."""

WATCHED = {"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "pickle.find_class", "open"}


class Mark:
    """Leaves a file behind, if it is unpickled."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return open, (self.place, "w")


class Calls:
    """Is unpickled by a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


N = 60
MIDDLE, LAST = "step_00000003.npy", "step_00000009.npy"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, succeed, tiny):
    """In the place of the run that other tests read: one that is small, since a copy is made for every case."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    options = ("--encoder", "conv-small", "--latent-dim", 6, "--epochs", 3, "--batch-size", 16, "--val-interval", 1)
    kept = ("--checkpoint-interval", 1, "--snapshots-per-epoch", 1)
    succeed("train", tiny, "--run", run, *options, *kept, "--quiet")
    return run


def in_cache_of_numba():
    """Whether this is called while numba loads what it compiled before, which comes from no file of the user's."""
    frame = sys._getframe()
    while frame is not None:
        if Path(frame.f_code.co_filename).parts[-3:-1] == ("numba", "core"):
            return True
        frame = frame.f_back
    return False


@pytest.fixture(scope="session")
def audited():
    """Python's own record of files opened, programs started and classes unpickled; it cannot be taken away again."""
    watching = []

    def hook(event, arguments):
        if watching and event in WATCHED and not in_cache_of_numba():
            RAN.append((event, arguments[0] if arguments else None))

    sys.addaudithook(hook)
    return watching


@pytest.fixture
def decoys(tmp_path):
    """Files outside of a run that nothing in it may lead to."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    np.save(folder / "secret.npy", np.full((N, 6), 7.0, np.float32))
    (folder / "secret.csv").write_text("step,epoch\n0,0\n")
    return folder


@pytest.fixture
def mark(tmp_path):
    """Where code of a file would leave its mark."""
    return tmp_path / "mark"


@pytest.fixture
def safely(attempt, audited, mark, tmp_path):
    """`attempt`, with all that was watched for looked at afterwards."""

    def run(kind, *arguments, words=(), out=()):
        RAN.clear()
        audited.append(True)
        try:
            result = attempt(kind, tmp_path, *arguments, words=words)
        finally:
            audited.clear()
        assert not mark.exists(), "code of the file has run"
        opened = [str(what) for event, what in RAN if event == "open" and isinstance(what, (str, bytes, Path))]
        assert [path for path in opened if "elsewhere" in path or path == "/etc/passwd"] == []
        assert [event for event, what in RAN if event != "open" and "libgcc" not in str(what)] == []
        return result

    return run


def commands_of(run):
    """Commands that read all files of a run; they write into the run only."""
    return (
        ("info", run),
        ("test", "--run", run, "--no-movies", "--limit", 8, "--examples", 2, "--quiet"),
        ("visualize", "--run", run, *PCA, "--no-movies", "--color-by", "x", "--quiet"),
        ("visualize", "--run", run, "--snapshot", "last", *PCA, "--show", "clusters", "--quiet"),
        ("explore", run, *PCA, "--points", 4, "--quiet"),
        ("compare", run, *PCA, "--examples", 1, "--out", run / "compare", "--quiet"),
        ("train", "--resume", run, "--epochs", 4, "--quiet"),
    )


def reading(names, run):
    """Of `commands_of`, those of these names: `info`, say, reads no snapshot."""
    return [
        command for command in commands_of(run) if command[0] in names or " ".join(map(str, command[:4:3])) in names
    ]


# ---------------------------------------------------------------------------------------------------------- checkpoints


def write_torch(content, file, **options):
    torch.save(content, file, **options)


def with_part(part, value):
    def make(file, good, mark):
        write_torch({**good, part: value(mark)}, file)

    return make


def in_optimizer(file, good, mark):
    state = {**good["optimizer"]["state"], 0: {"step": Mark(mark)}}
    write_torch({**good, "optimizer": {**good["optimizer"], "state": state}}, file)


def in_model(value):
    def make(file, good, mark):
        name = next(iter(good["model"]))
        write_torch({**good, "model": OrderedDict({**good["model"], name: value(mark, good["model"][name])})}, file)

    return make


def crafted(pickled):
    """A good archive whose `data.pkl` is another one."""

    def make(file, good, mark):
        write_torch(good, file)
        with zipfile.ZipFile(file) as archive:
            members = [(member, archive.read(member)) for member in archive.infolist()]
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for member, content in members:
                archive.writestr(member.filename, pickled(mark) if member.filename.endswith("data.pkl") else content)

    return make


def bomb(file, good, mark):
    """A tensor of 32 MB of zeros that takes 30 kB in the file."""
    name = next(iter(good["model"]))
    write_torch({**good, "model": {**good["model"], name: torch.zeros(2**23)}}, file)
    with zipfile.ZipFile(file) as archive:
        members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)


def scripted(file, good, mark):
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), file)


def rebuilt(size, stride, offset=0):
    """A tensor of another form than its storage has, as torch's own unpickler builds it."""

    def value(mark, tensor):
        storage = torch.zeros(4).storage()
        return Calls(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, OrderedDict())

    return in_model(value)


def endless(mark):
    item = []
    item.append(item)
    return item


def nested(mark):
    item = []
    for _ in range(300):
        item = [item]
    return item


PATH = "import pathlib; pathlib.Path({!r}).touch()"
CHECKPOINTS = {
    "whole": lambda file, good, mark: write_torch(Mark(mark), file),
    "whole, legacy": lambda file, good, mark: write_torch(Mark(mark), file, _use_new_zipfile_serialization=False),
    "good, legacy": lambda file, good, mark: write_torch(good, file, _use_new_zipfile_serialization=False),
    "part, legacy": lambda file, good, mark: write_torch(
        {**good, "state": Mark(mark)}, file, _use_new_zipfile_serialization=False
    ),
    "plain pickle": lambda file, good, mark: file.write_bytes(pickle.dumps(Mark(mark))),
    "plain pickle, protocol 0": lambda file, good, mark: file.write_bytes(pickle.dumps(Mark(mark), 0)),
    "config": with_part("config", Mark),
    "in config": lambda file, good, mark: write_torch({**good, "config": {**good["config"], "data": Mark(mark)}}, file),
    "model": with_part("model", Mark),
    "in model": in_model(lambda mark, tensor: Mark(mark)),
    "name in model": lambda file, good, mark: write_torch({**good, "model": {**good["model"], Mark(mark): 1}}, file),
    "optimizer": with_part("optimizer", Mark),
    "in optimizer": in_optimizer,
    "state": with_part("state", Mark),
    "in state": lambda file, good, mark: write_torch({**good, "state": {**good["state"], "epoch": Mark(mark)}}, file),
    "rng": with_part("rng", Mark),
    "image_shape": with_part("image_shape", lambda mark: [Mark(mark), 50, 50]),
    "another entry": with_part("more", Mark),
    "exec": with_part("more", lambda mark: Calls(exec, PATH.format(str(mark)))),
    "eval": with_part("more", lambda mark: Calls(eval, f"open({str(mark)!r}, 'w')")),
    "os.system": with_part("more", lambda mark: Calls(os.system, f"touch '{mark}'")),
    "getattr": with_part("more", lambda mark: Calls(getattr, "text", "upper")),
    "torch.load": with_part("more", lambda mark: Calls(torch.load, str(mark))),
    "torch.hub": with_part("more", lambda mark: Calls(torch.hub.load, "a/b", "c")),
    "numpy objects": with_part("more", lambda mark: np.array([Mark(mark)], object)),
    "crafted data.pkl": crafted(lambda mark: pickle.dumps(Mark(mark), 2)),
    "text as data.pkl": crafted(lambda mark: b"cposix\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR."),
    "TorchScript": scripted,
    "deflated": bomb,
    "size over storage": rebuilt((1000,), (1,)),
    "size without storage": rebuilt((2**40,), (0,)),
    "negative size": rebuilt((-4,), (1,)),
    "negative stride": rebuilt((2, 2), (-1, 1)),
    "offset over storage": rebuilt((2,), (1,), 2**40),
    "negative offset": rebuilt((2,), (1,), -8),
    "meta device": in_model(lambda mark, tensor: torch.empty(tensor.shape, device="meta")),
    "sparse": in_model(lambda mark, tensor: tensor.flatten().to_sparse()),
    "complex": in_model(lambda mark, tensor: tensor.to(torch.complex64)),
    "text for a tensor": in_model(lambda mark, tensor: "text"),
    "refers to itself": with_part("optimizer", endless),
    "nested deeply": with_part("optimizer", nested),
}


READ_BY = {"nested deeply": ("train",)}
"""Commands that read what is wrong, where not all do: a test takes no optimizer."""


@pytest.mark.filterwarnings("ignore:.*is deprecated")  # what an attacker uses, torch would rather see gone
@pytest.mark.parametrize("how", CHECKPOINTS)
def test_checkpoints_run_nothing(how, finished_copy, safely, mark):
    file = finished_copy / "checkpoints" / "last.pt"
    good = torch.load(file, weights_only=True)
    CHECKPOINTS[how](file, good, mark)
    for name in ("epoch_0003.pt", "best.pt"):
        (finished_copy / "checkpoints" / name).unlink()
    safely("checkpoint", "info", file, words=None)
    for command in reading(READ_BY.get(how, ("test", "train")), finished_copy):
        safely("checkpoint", *command, words=("last.pt",))


@pytest.mark.slow
@pytest.mark.parametrize("how", CHECKPOINTS)
def test_other_commands_run_nothing_of_a_checkpoint(how, finished_copy, safely, mark):
    file = finished_copy / "checkpoints" / "last.pt"
    CHECKPOINTS[how](file, torch.load(file, weights_only=True), mark)
    for command in reading(("compare", "explore", "visualize"), finished_copy):
        safely("checkpoint", *command, words=None)


def test_weights_to_start_from_run_nothing(finished, tmp_path, arena, safely, mark):
    torch.save({"model": Mark(mark)}, tmp_path / "other.pt")
    run = ("--run", tmp_path / "run", "--epochs", 1, "--quiet")
    safely("checkpoint", "train", arena, "--init-from", tmp_path / "other.pt", *run, words=("other.pt",))
    safely("checkpoint", "test", "--run", finished, "--checkpoint", tmp_path / "other.pt", words=("other.pt",))


# ------------------------------------------------------------------------------------------------- arrays of a run


def objects(mark):
    return np.array([Mark(mark)] * 3, object)


def replaced(**arrays):
    """An `.npz` with some arrays in the place of its own; functions are given its own one, and None takes it away."""

    def make(file, mark):
        with np.load(file) as stored:
            content = dict(stored)
        for name, value in arrays.items():
            made = value(content.get(name)) if callable(value) else value
            content = {**content, name: made} if made is not None else {k: v for k, v in content.items() if k != name}
        np.savez(file, **content)

    return make


def pickled(name):
    return lambda file, mark: replaced(**{name: objects(mark)})(file, mark)


def first_as(value):
    def change(array):
        changed = array.copy()
        changed.flat[0] = value
        return changed

    return change


SPLITS = {
    "pickle": lambda file, mark: file.write_bytes(pickle.dumps(Mark(mark))),
    "objects": pickled("train"),
    "objects for val": pickled("val"),
    "objects for snapshot": pickled("snapshot"),
    "negative rows": replaced(train=first_as(-1)),
    "rows that are not there": replaced(val=first_as(10**6)),
    "floats": replaced(train=lambda rows: rows.astype(float)),
    "text": replaced(train=lambda rows: rows.astype(str)),
    "a row twice": replaced(train=lambda rows: np.concatenate([rows, rows[:1]])),
    "train and val overlap": lambda file, mark: replaced(val=np.load(file)["train"][:5])(file, mark),
    "other rows": replaced(val=lambda rows: rows[1:]),
    "empty": replaced(val=np.empty(0, np.int64)),
    "two dimensions": replaced(train=lambda rows: rows[:, None]),
    "no dimension": replaced(train=np.int64(3)),
    "missing": replaced(train=None),
}


@pytest.mark.parametrize("how", SPLITS)
def test_splits(how, finished_copy, safely, mark):
    SPLITS[how](finished_copy / "split.npz", mark)
    for command in commands_of(finished_copy):
        safely("split.npz", *command, words=("split.npz",))


@pytest.fixture(scope="module")
def fitted_run(tmp_path_factory, succeed, tiny):
    run = tmp_path_factory.mktemp("fitted") / "pca"
    options = ("--encoder", "pca", "--latent-dim", 3, "--epochs", 3, "--batch-size", 16, "--checkpoint-interval", 1)
    succeed("train", tiny, "--run", run, *options, "--quiet")
    return run


@pytest.fixture
def fitted_copy(fitted_run, tmp_path):
    return Path(shutil.copytree(fitted_run, tmp_path / "run"))


REDUCERS = {
    "pickle": lambda file, mark: file.write_bytes(pickle.dumps(Mark(mark))),
    "objects": pickled("components"),
    "objects that are only kept": pickled("explained_variance_ratio"),
    "NaN": replaced(components=first_as(np.nan)),
    "infinite": replaced(center=first_as(np.inf)),
    "too large for single precision": replaced(center=lambda array: np.full(array.shape, 1e300)),
    "text": replaced(components=lambda array: array.astype(str)),
    "complex": replaced(components=lambda array: array.astype(complex)),
    "dates": replaced(code_mean=lambda array: np.zeros(3, "datetime64[D]")),
    "no dimension": replaced(code_mean=np.float32(0)),
    "fewer units": replaced(components=lambda array: array[:2]),
    "fewer pixels": replaced(components=lambda array: array[:, 1:]),
    "fewer means": replaced(code_mean=lambda array: array[:1]),
    "no scale": replaced(code_scale=lambda array: 0 * array),
    "negative scale": replaced(code_scale=lambda array: -array),
    "empty": replaced(center=np.empty(0, np.float32)),
    "another array": replaced(more=np.zeros(3)),
    "one is missing": replaced(components=None),
}


@pytest.mark.parametrize("how", REDUCERS)
def test_fitted_encoders(how, fitted_copy, safely, mark):
    REDUCERS[how](fitted_copy / "reducer.npz", mark)
    for command in reading(("test", "compare", "train", "explore"), fitted_copy):
        safely("reducer.npz", *command, words=("reducer.npz",))
    safely("reducer.npz", "info", fitted_copy, words=None)


RATIOS = {
    "text": lambda array: array.astype(str),
    "empty": lambda array: array[:0],
    "two dimensions": lambda array: array[None],
    "NaN": first_as(np.nan),
    "complex": lambda array: array.astype(complex),
    "no dimension": lambda array: np.float64(0.5),
}


@pytest.mark.parametrize("how", RATIOS)
def test_explained_variances(how, fitted_copy, safely, mark):
    replaced(explained_variance_ratio=RATIOS[how])(fitted_copy / "reducer.npz", mark)
    for command in reading(("info", "test", "explore"), fitted_copy):
        safely("reducer.npz", *command, words=("reducer.npz",))


RNG = np.random.default_rng(0)
GOOD = {
    umap.Encoder: {
        "center": RNG.random(12),
        "components": RNG.random((5, 12)),
        "fitted": RNG.random((20, 5)),
        "embedding": RNG.random((20, 3)),
        "code_mean": np.zeros(3),
        "code_scale": np.ones(3),
    },
    pca.Encoder: {
        "center": RNG.random(12),
        "components": RNG.random((3, 12)),
        "explained_variance_ratio": np.array([0.5, 0.3, 0.1, 0.1]),
        "code_mean": np.zeros(3),
        "code_scale": np.ones(3),
    },
}


@pytest.mark.parametrize("kind", GOOD, ids=["umap", "pca"])
def test_arrays_of_an_encoder_have_to_go_together(kind, tally):
    """Every array alone made longer, shorter, of another kind, or not finite."""
    good = GOOD[kind]
    assert kind(good)(torch.zeros(2, 1, 3, 4)).shape == (2, 3)
    for name, array in good.items():
        changes = {
            "not finite": first_as(np.nan)(array),
            "text": array.astype(str),
            "complex": array.astype(complex),
            "booleans": array > 0,
            "another axis": array[None],
            "empty": array[:0],
        }
        if name != "explained_variance_ratio":
            changes |= {"longer": np.concatenate([array, array[:1]]), "too large": np.full(array.shape, 1e300)}
        for changed in changes.values():
            with pytest.raises(ValueError, match=r"^'\w+' (has|holds) "):
                kind({**good, name: changed})
            tally("reducer.npz", tried=1, clear_errors=1)


# ------------------------------------------------------------------------------------------------------------ snapshots


def sparse(file, shape):
    """An `.npy` of this shape that is as long as it says and takes no place on the disk."""
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with file.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        out.truncate(out.tell() + 4 * int(np.prod(shape, dtype=object)))


def saved(change):
    return lambda file, mark: np.save(file, change(np.load(file)))


SNAPSHOTS = {
    "pickle": lambda file, mark: file.write_bytes(pickle.dumps(Mark(mark), 2)),
    "objects": lambda file, mark: np.save(file, objects(mark)),
    "another width": saved(lambda codes: codes[:, 1:]),
    "fewer rows": saved(lambda codes: codes[1:]),
    "one dimension": saved(lambda codes: codes[:, 0]),
    "NaN": saved(first_as(np.nan)),
    "infinite": saved(first_as(np.inf)),
    "text": saved(lambda codes: codes.astype(str)),
    "complex": saved(lambda codes: codes.astype(complex)),
    "a terabyte": lambda file, mark: sparse(file, (N, 4 * 10**9)),
    "a terabyte of rows": lambda file, mark: sparse(file, (4 * 10**10, 6)),
}


@pytest.mark.parametrize("how", SNAPSHOTS)
@pytest.mark.parametrize("which", [LAST, pytest.param(MIDDLE, marks=pytest.mark.slow)])
def test_snapshots(how, which, finished_copy, safely, mark):
    SNAPSHOTS[how](finished_copy / "latents" / which, mark)
    for command in reading(("visualize", "explore"), finished_copy):
        is_read = which == LAST or "--snapshot" not in command
        safely("snapshots", *command, words=("latents",) if is_read else None)


@pytest.mark.parametrize("how", [*SNAPSHOTS, "no rows", "device"])
def test_a_snapshot_to_fit_to(how, finished, tmp_path, safely, mark):
    """`--fit PATH` names a file of anybody's."""
    file = tmp_path / "sent.npy"
    shutil.copy(finished / "latents" / LAST, file)
    more = {
        "no rows": saved(lambda codes: codes[:0]),
        "device": lambda file, mark: (file.unlink(), file.symlink_to("/dev/zero")),
    }
    {**SNAPSHOTS, **more}[how](file, mark)
    out = ("--out", tmp_path / "out")
    words = None if how == "fewer rows" else ("sent.npy",)
    safely("--fit", "visualize", "--run", finished, *PCA, "--fit", file, "--no-movies", *out, words=words)


INDEXES = {
    "leads upwards": lambda row, place: {**row, "file": f"../../{place.name}/secret.npy"},
    "leads elsewhere": lambda row, place: {**row, "file": str(place / "secret.npy")},
    "a folder": lambda row, place: {**row, "file": ".."},
    "a NUL": lambda row, place: {**row, "file": "a\0b.npy"},
    "no name": lambda row, place: {**row, "file": ""},
    "a negative step": lambda row, place: {**row, "step": -1},
    "the same step": lambda row, place: {**row, "step": 0},
    "an epoch that is none": lambda row, place: {**row, "epoch": "nan"},
    "an infinite epoch": lambda row, place: {**row, "epoch": "inf"},
    "a step beyond all": lambda row, place: {**row, "step": 10**30},
    "a step of too many digits": lambda row, place: {**row, "step": "9" * 5000},
    "a formula": lambda row, place: {**row, "step": "=1+1"},
}


@pytest.mark.parametrize("how", INDEXES)
def test_indexes_of_snapshots(how, finished_copy, decoys, safely):
    index = finished_copy / "latents" / "index.csv"
    with index.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[-1] = INDEXES[how](rows[-1], decoys)
    with index.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    for command in reading(("info", "visualize", "explore"), finished_copy):
        safely("index.csv", *command, words=("index.csv",))


# ------------------------------------------------------------------------------------------------------ texts of a run


METRICS = {
    "text": "epoch,step,train_loss\none,two,three\n",
    "a formula": "epoch,step,train_loss\n1,6,=1+1\n",
    "no columns": "hello\n",
    "header alone": "epoch,step,lr,train_loss,val_loss,images_per_second,seconds\n",
    "losses are missing": "epoch,step\n1,6\n",
    "more fields than columns": "epoch,step\n1,6,7,8\n",
    "too few fields": "epoch,step,train_loss\n1\n",
    "many digits": f"epoch,step,train_loss\n{'9' * 5000},6,1\n",
    "not finite": "epoch,step,lr,train_loss,val_loss,seconds\n1,6,nan,inf,-inf,nan\n",
    "no text": "\x00\x01\x02",
}


@pytest.mark.parametrize("how", METRICS)
@pytest.mark.parametrize(
    "names", [("info", "explore"), pytest.param(("test", "visualize", "compare"), marks=pytest.mark.slow)], ids=str
)
def test_metrics(how, names, finished_copy, safely):
    (finished_copy / "metrics.csv").write_text(METRICS[how])
    for command in reading(names, finished_copy):
        safely("metrics.csv", *command, words=None)


def test_a_test_of_damaged_metrics_writes_nothing(finished_copy, safely):
    (finished_copy / "metrics.csv").write_text(METRICS["text"])
    for command in reading(("test",), finished_copy):
        safely("metrics.csv", *command, words=("metrics.csv",))


def nested_json(depth):
    return "[" * depth + "]" * depth


ENVIRONMENTS = {
    "a list": "[1, 2]",
    "resumed by numbers": '{"n_images": 120, "resumed": [1]}',
    "nested deeply": nested_json(100_000),
    "nested deeply in an object": '{"a": ' + nested_json(100_000) + "}",
    "many digits": '{"n_images": ' + "9" * 10_000 + "}",
    "no JSON": "hello",
    "empty": "",
    "a tag of YAML": "!!python/object/apply:os.system ['true']",
    "another hash": '{"data_sha256": "0", "n_images": 60}',
    "NaN": '{"n_images": NaN}',
}


@pytest.mark.parametrize("how", ENVIRONMENTS)
def test_environments(how, finished_copy, safely):
    (finished_copy / "environment.json").write_text(ENVIRONMENTS[how])
    for command in commands_of(finished_copy):
        words = None if command[0] == "info" else ()
        safely("environment.json", *command, words=words)


def pipe(folder):
    os.mkfifo(folder / "pipe.npy")
    return folder / "pipe.npy"


PLACES = {
    "/etc/passwd": lambda folder: "/etc/passwd",
    "/dev/zero": lambda folder: "/dev/zero",
    "a pipe": lambda folder: str(pipe(folder)),
    "a folder": lambda folder: str(folder),
    "upwards": lambda folder: "../../../../../../etc/passwd",
    "an address": lambda folder: "http://x.invalid/images.npy",
    "a share": lambda folder: "file:///etc/passwd",
    "another file": lambda folder: str(folder / "secret.npy"),
    "a text": lambda folder: str(folder / "secret.csv"),
}


@pytest.mark.parametrize("how", PLACES)
@pytest.mark.parametrize("entry", ["images", pytest.param("metadata", marks=pytest.mark.slow)])
def test_places_in_a_configuration(how, entry, finished_copy, decoys, attempt, tmp_path):
    """The data may lie anywhere, so what is named is read as images or as a table; it is neither, and said to be."""
    file = finished_copy / "config.json"
    config = json.loads(file.read_text())
    config["data"][entry] = PLACES[how](decoys)
    file.write_text(json.dumps(config))
    for command in commands_of(finished_copy):
        if command[0] != "info":
            result = attempt("config.json", tmp_path, *command, words=())
            assert "root:" not in result.err


CONFIGS = {
    "a tag of YAML": "!!python/object/apply:os.system ['true']",
    "nested deeply": nested_json(100_000),
    "a list": "[]",
    "many digits": '{"format_version": ' + "9" * 10_000 + "}",
    "an entry of another class": '{"format_version": 1, "data": {"images": "x", "__class__": "os"}}',
    "text for a number": '{"format_version": 1, "data": {"images": "x"}, "training": {"epochs": "__import__(\'os\')"}}',
}


@pytest.mark.parametrize("how", CONFIGS)
def test_configurations(how, finished_copy, safely):
    (finished_copy / "config.json").write_text(CONFIGS[how])
    for command in commands_of(finished_copy):
        safely("config.json", *command, words=("config.json",))


@pytest.mark.parametrize(
    "name",
    ["config.json", "environment.json", "split.npz", "checkpoints/last.pt", "metrics.csv", "latents/index.csv"],
)
def test_pipes_in_the_place_of_files(name, finished_copy, safely):
    """Whoever opens a pipe waits for somebody to write into it."""
    (finished_copy / name).unlink()
    os.mkfifo(finished_copy / name)
    for command in commands_of(finished_copy):
        safely("pipes", *command, words=None)


# ----------------------------------------------------------------------------------------------------------------- data


def archive_of(members):
    def make(file, mark):
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in members.items():
                with archive.open(f"{name}.npy", "w") as out:
                    np.lib.format.write_array(out, array, allow_pickle=True)

    return make


PIXELS = RNG.integers(0, 255, (40, 12, 12)).astype(np.uint8)
DATA = {
    "pickle as npy": ("sent.npy", lambda file, mark: file.write_bytes(pickle.dumps(Mark(mark), 2)), ("sent.npy",)),
    "objects in npy": ("sent.npy", lambda file, mark: np.save(file, objects(mark)), ("Python objects",)),
    "pickle as npz": ("sent.npz", lambda file, mark: file.write_bytes(pickle.dumps(Mark(mark))), ("sent.npz",)),
    "objects in npz": ("sent.npz", lambda file, mark: np.savez(file, images=objects(mark)), ("Python objects",)),
    "objects beside images": (
        "sent.npz",
        lambda file, mark: np.savez(file, images=PIXELS, label=np.array([Mark(mark)] * 40, object)),
        ("Python objects", "label"),
    ),
    "members that lead upwards": (
        "sent.npz",
        archive_of({"images": PIXELS, "../up": np.arange(40), "/abs": np.arange(40), "..\\win": np.arange(40)}),
        None,
    ),
    "a header that is code": (
        "sent.npy",
        lambda file, mark: file.write_bytes(
            b"\x93NUMPY\x01\x00" + len(code := f"open({str(mark)!r}, 'w')\n").to_bytes(2, "little") + code.encode()
        ),
        ("sent.npy",),
    ),
}


@pytest.mark.parametrize("how", DATA)
def test_data(how, tmp_path, safely, mark, tree):
    name, make, words = DATA[how]
    (tmp_path / "data").mkdir()
    make(tmp_path / "data" / name, mark)
    before = tree(tmp_path)
    safely("data", "info", tmp_path / "data" / name, words=words)
    run = ("--run", tmp_path / "run", "--epochs", 1, "--quiet")
    safely("data", "train", tmp_path / "data" / name, *run, words=words)
    made = tree(tmp_path) - before
    assert all(file.startswith("run/") for file in made)


def test_fields_of_a_table_stay_text(tmp_path, safely, call, tally):
    """A spreadsheet would compute these; here they are labels, or no number where one has to be."""
    np.save(tmp_path / "data.npy", PIXELS)
    fields = [
        "=1+1",
        "+1+1",
        "-1-1",
        "@SUM(1)",
        '=HYPERLINK("http://x.invalid")',
        "__import__('os')",
        "{{7*7}}",
        "0x10",
    ]
    with (tmp_path / "data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "=1+1"])
        writer.writerows([fields[i % len(fields)], i] for i in range(40))
    safely("data", "info", tmp_path / "data.npy", words=None)
    found = json.loads(call("info", tmp_path / "data.npy", "--json").out)
    assert set(found["columns"]) == {"label", "=1+1"}
    for field in fields:
        assert f"{field} (5)" in found["columns"]["label"]


# ------------------------------------------------------------------------------------------------------------- the code

FORBIDDEN = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "joblib.load",
    "joblib.dump",
    "yaml.load",
    "yaml.unsafe_load",
    "torch.hub.load",
    "torch.jit.load",
    "np.fromstring",
    "np.loadtxt",
    "np.genfromtxt",
}
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "xml", "lxml", "tarfile", "yaml", "runpy"}
NEEDS = {
    "np.load": ("allow_pickle", False),
    "np.save": ("allow_pickle", False),
    "np.lib.format.read_array": ("allow_pickle", False),
    "npy.write_array": ("allow_pickle", False),
    "torch.load": ("weights_only", True),
}


def findings(tree):
    """What in a module's code could run what is in a file, or unpack it to anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        else:
            imported = []
        yield from (f"imports {name}" for name in imported if name.partition(".")[0] in MODULES)
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if name in FORBIDDEN:
            yield f"calls {name}"
        if name.rpartition(".")[2] in ("extract", "extractall", "unpack_archive", "read_pickle", "literal_eval"):
            yield f"calls {name}"
        if name in NEEDS:
            needed, value = NEEDS[name]
            if needed not in given or ast.literal_eval(given[needed]) is not value:
                yield f"calls {name} without {needed}={value}"
        if "shell" in given:
            yield f"calls {name} with a shell"


def test_no_code_runs_what_is_in_a_file(root):
    """The package and its scripts hold no call that could; a module that does would be found."""
    found = []
    for file in [*(root / "autoencoder").rglob("*.py"), *(root / "scripts").rglob("*.py")]:
        found += [f"{file.name}: {what}" for what in findings(ast.parse(file.read_text(encoding="utf-8")))]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from xml.etree import ElementTree",
        "eval('1')",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "archive.extractall()",
        "subprocess.run('ls', shell=True)",
        "joblib.load(path)",
    ],
)
def test_what_is_looked_for_is_found(code):
    assert list(findings(ast.parse(code)))


def test_marks_are_left_by_what_is_unpickled(mark, tmp_path, audited):
    """The control: the same files, loaded carelessly, do leave the mark, and the hook hears of it."""
    (tmp_path / "file").write_bytes(pickle.dumps(Mark(mark)))
    RAN.clear()
    audited.append(True)
    with (tmp_path / "file").open("rb") as file:
        pickle.load(file).close()
    audited.clear()
    assert mark.exists()
    assert {"pickle.find_class", "open"} <= {event for event, _ in RAN}
