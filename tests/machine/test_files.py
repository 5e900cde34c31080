from __future__ import annotations

import csv
import errno
import json
import math
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoencoder.errors import UserError
from autoencoder.machine.files import replacing, write_array, write_arrays, write_csv, write_error, write_json


class BoomError(Exception):
    pass


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_new_content_under_the_final_name_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "movie.mp4"
    with replacing(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".mp4"  # writers choose the format by it
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert listing(target.parent) == ["movie.mp4"]


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.json"
    target.write_bytes(b"old")

    def fail_halfway() -> None:
        with replacing(target) as temporary:
            temporary.write_bytes(b"half of the n")
            raise error

    with pytest.raises(error):
        fail_halfway()
    assert target.read_bytes() == b"old"
    assert listing(tmp_path) == ["a.json"]


def test_an_exception_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(BoomError), replacing(tmp_path / "a.json"):
        raise BoomError
    assert listing(tmp_path) == []


def test_a_writer_that_removed_its_file_is_an_error(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_bytes(b"old")
    with pytest.raises(UserError, match=r"a\.json"), replacing(target) as temporary:
        temporary.unlink()
    assert target.read_bytes() == b"old"


def test_a_folder_that_is_closed_meanwhile_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file nor what is left of it can be moved or removed then; the error is that of the file."""

    def closed(path: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", closed)
        patch.setattr(Path, "unlink", closed)
        with pytest.raises(UserError, match=f"no permission to write {tmp_path / 'a.csv'}"):
            write_csv(tmp_path / "a.csv", [], ["x"])


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o002])
def test_permissions_are_those_of_an_ordinary_new_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_json(tmp_path / "ours.json", {})
        (tmp_path / "ordinary").touch()
        assert os.umask(umask) == umask  # reading it did not change it
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours.json", "ordinary")]
    assert modes[0] == modes[1] == 0o666 & ~umask


def test_a_folder_in_the_way_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError, match=r"a\.json"):
        write_json(tmp_path / "a.json", {})
    assert listing(tmp_path) == ["a.json"]


def test_a_file_where_the_folder_should_be_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="run"):
        write_json(tmp_path / "run" / "a.json", {})


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EFBIG, "file size limit"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "no permission"),
        (errno.EIO, "cannot write"),
    ],
)
def test_reasons_are_told_apart_and_name_the_file(tmp_path: Path, number: int, said: str) -> None:
    target = tmp_path / "a.npz"
    with pytest.raises(UserError) as caught, replacing(target):
        raise OSError(number, os.strerror(number))
    assert said in str(caught.value)
    assert str(target) in str(caught.value)
    assert str(write_error(target, OSError(number, os.strerror(number)))) == str(caught.value)
    assert listing(tmp_path) == []


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from autoencoder.runs.checkpoint import Checkpoint, LoopState
from autoencoder.config import DataConfig, RunConfig
from autoencoder.errors import UserError
from autoencoder.machine.files import write_array, write_arrays, write_csv, write_json

folder = Path(sys.argv[1])
values = np.random.default_rng(0).random(50_000)
config = RunConfig(DataConfig("a.npz"))
checkpoint = Checkpoint(config, (1, 8, 8), {"w": torch.from_numpy(values)}, {}, LoopState())
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
writers = {
    "a.npy": lambda path: write_array(path, values),
    "a.npz": lambda path: write_arrays(path, {"values": values}),
    "b.npz": lambda path: write_arrays(path, {"values": values}, compress=True),
    "a.json": lambda path: write_json(path, {"values": values}),
    "a.csv": lambda path: write_csv(path, [{"a": value} for value in values], ["a"]),
    "a.pt": checkpoint.save,
}
for name, write in writers.items():
    (folder / name).write_bytes(b"old")
    try:
        write(folder / name)
    except UserError as error:
        assert str(folder / name) in str(error), error
        assert "another folder" in str(error), error
        print(name, len(error.problems))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a file size limit")
def test_a_full_disk_is_the_users_to_mend_whatever_is_written(tmp_path: Path) -> None:
    """Write after write fails in the middle, as on a full disk; the old files stay whole."""
    out = subprocess.run(
        [sys.executable, "-B", "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stderr
    names = ["a.npy", "a.npz", "b.npz", "a.json", "a.csv", "a.pt"]
    assert out.stdout.split("\n")[:-1] == [f"{name} 1" for name in names]
    assert listing(tmp_path) == sorted(names)
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"old"}


def test_json_takes_numpy_paths_and_numbers_that_json_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(
        path,
        {
            "nan": math.nan,
            "infinite": [math.inf, -math.inf],
            "numpy nan": np.float32("nan"),
            "array": np.array([[1.0, math.nan]]),
            "whole": np.int64(3),
            "truth": np.bool_(True),
            "path": Path("a/b"),
            "tuple": (1, None),
            "text": "Körperwinkel",
            5: "key",
        },
    )

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    assert json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse) == {
        "nan": None,
        "infinite": [None, None],
        "numpy nan": None,
        "array": [[1.0, None]],
        "whole": 3,
        "truth": True,
        "path": "a/b",
        "tuple": [1, None],
        "text": "Körperwinkel",
        "5": "key",
    }


def test_what_json_cannot_hold_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert listing(tmp_path) == []


@settings(deadline=None, max_examples=30)  # each example waits for the disk
@given(st.dictionaries(st.text(), st.floats() | st.integers() | st.booleans() | st.none() | st.text()))
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]) -> None:
    path = tmp_path_factory.getbasetemp() / "round.json"
    write_json(path, content)
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in content.items()}
    assert json.loads(path.read_text(encoding="utf-8")) == finite


@settings(deadline=None, max_examples=30)  # each example waits for the disk
@given(st.lists(st.tuples(st.floats(allow_nan=False), st.text("ab,\"'\n ;", min_size=1)), max_size=5))
def test_csv_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str]]) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    write_csv(
        path, [{"number": number, "text": text, "empty": None} for number, text in rows], ["number", "text", "empty"]
    )
    with path.open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [(float(row["number"]), row["text"]) for row in read] == rows
    assert {row["empty"] for row in read} <= {""}


def test_csv_leaves_missing_entries_empty_and_refuses_unknown_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_csv(path, [{"a": 1}, {"a": 0, "b": None}], ["a", "b"])
    assert path.read_text() == "a,b\n1,\n0,\n"
    with pytest.raises(ValueError, match="c"):
        write_csv(path, [{"c": 1}], ["a", "b"])
    assert path.read_text() == "a,b\n1,\n0,\n"


def test_arrays_round_trip_and_are_never_pickled(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.uint16).reshape(3, 4)
    write_array(tmp_path / "a.npy", values.T)
    write_arrays(tmp_path / "a.npz", {"x": values, "y": np.array(["é", "b"])})
    write_arrays(tmp_path / "b.npz", {"x": np.zeros(10_000)}, compress=True)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), values.T)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays.files == ["x", "y"]
        assert arrays["x"].dtype == np.uint16
        np.testing.assert_array_equal(arrays["x"], values)
        assert arrays["y"].tolist() == ["é", "b"]
    assert (tmp_path / "b.npz").stat().st_size < 2000
    for write in (
        lambda: write_array(tmp_path / "c.npy", np.array([object()])),
        lambda: write_arrays(tmp_path / "c.npz", {"x": np.array([object()])}),
    ):
        with pytest.raises(ValueError, match="Object arrays"):
            write()
    assert listing(tmp_path) == ["a.npy", "a.npz", "b.npz"]
