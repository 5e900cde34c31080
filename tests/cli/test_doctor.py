"""`doctor` says what there is, and names what is broken with what to do about it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from autoencoder.workflows.doctor import computer, examine, software, trials
from autoencoder.workflows.doctor.found import Found, looked_into


@pytest.fixture
def few_imports(monkeypatch):
    """Those of umap-learn and the others take seconds."""
    monkeypatch.setattr(software, "IMPORTED", ("json",))


@pytest.mark.slow
def test_here_all_works_and_nothing_is_left(call, tmp_path, monkeypatch, tree):
    monkeypatch.chdir(tmp_path)
    result = call("doctor", "--json")
    found = json.loads(result.out)
    assert (result.status, result.err, found["works"], found["problems"]) == (0, "", True, [])
    assert list(found["sections"]) == ["versions", "extras", "device", "memory", "folders", "tried"]
    tried = found["sections"]["tried"]
    assert re.match(r"works: 2 updates on (cpu|cuda|mps), ", tried["training"])
    assert tried["movie"].startswith("works: 8 frames, ")
    assert tried["imports"] == "h5py, matplotlib.pyplot, sklearn.neighbors, numba, umap work"
    assert tree(tmp_path) == set()


def test_the_text_says_the_same_for_people(succeed, tmp_path, few_imports):
    lines = succeed("doctor", "--out", tmp_path / "runs" / "deep").out.splitlines()
    assert [line for line in lines if not line.startswith((" ", "note: "))] == [
        "versions",
        "extras",
        "device",
        "memory",
        "folders",
        "tried",
        "all that commands need works",
    ]
    named = {line[2:].split("  ")[0] for line in lines if line.startswith("  ")}
    assert {"torch", "numpy", "Python", "wandb", "device", "cores", "available", "runs", "numba", "training"} <= named
    assert not (tmp_path / "runs").exists()


def test_what_is_needed_and_what_is_extra_is_what_the_project_says(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    said = {name: [f"{need}>={least}" for need, least in part.needs.items()] for name, part in software.EXTRAS.items()}
    extras = {name: needs for name, needs in project["optional-dependencies"].items() if name not in ("dev", "docs")}
    assert said == extras
    assert [f"{name}>={least}" for name, least in software.NEEDED.items()] == project["dependencies"]


def test_what_is_missing_or_too_old_is_named(monkeypatch):
    there = dict.fromkeys([*software.NEEDED, "pynwb", "ripser"], "99.1rc2+local") | {
        "numpy": "1.9.9",
        "ripser": "0.6.7",
    }
    there |= {"torch": None}
    monkeypatch.setattr(software, "installed", there.get)
    found = software.versions()
    assert found.rows["torch"] == "missing"
    assert found.problems[0] == "numpy 1.9.9 is too old: pip install -U 'numpy>=1.26'"
    assert found.problems[1].startswith("torch is not installed: pip install 'torch>=2.4'")
    assert len(found.problems) == 2
    found = software.extras()
    assert found.rows["nwb"] == "pynwb 99.1rc2+local (encode to .nwb)"
    assert found.rows["tsne"] == "not installed; for --reduce tsne: pip install 'autoencoder-objectives[tsne]'"
    assert found.notes == ["ripser 0.6.7 is too old for the extra 'topology': pip install -U 'ripser>=0.6.8'"]


BROKEN = {
    "raises": ("raise ImportError('built for another numpy')", "broken_one cannot be imported (ImportError: built for"),
    "crashes": ("import os; os.abort()", "ended Python with status"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_modules_that_cannot_be_imported_are_named(kind, tmp_path, monkeypatch):
    content, said = BROKEN[kind]
    (tmp_path / "broken_one.py").write_text(content)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(software, "IMPORTED", ("json", "broken_one"))
    (problem,) = software.Imports().found().problems
    assert said in problem


WITHOUT_TORCH = """
import sys
from autoencoder.cli.main import main
from autoencoder.workflows.doctor import software
software.IMPORTED = ("json",)
sys.exit(main(["doctor"]))
"""


def test_a_torch_that_is_broken_hides_nothing_else(tmp_path, root):
    (tmp_path / "torch.py").write_text("raise ImportError('libcudnn.so.9: cannot open shared object file')")
    settings = {**os.environ, "PYTHONPATH": f"{tmp_path}:{root}"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    problems = [line for line in done.stdout.splitlines() if line.startswith("problem: ")]
    assert {line.split()[1] for line in problems} == {"device", "processor", "training"}
    assert all("ImportError: libcudnn.so.9: cannot open shared object file" in line for line in problems)
    assert "  movie   " in done.stdout
    assert done.stdout.endswith("\n3 problems: see above\n")


def test_an_ffmpeg_that_does_not_start(monkeypatch, tmp_path, call, few_imports):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    found = computer.ffmpeg()
    assert "set IMAGEIO_FFMPEG_EXE to one that works" in found.problems[0]
    result = call("doctor", "--quiet", "--out", tmp_path)
    assert (result.status, result.out) == (1, "")
    assert all(line.startswith("error: ") for line in result.err.splitlines())
    assert {line.split()[1] for line in result.err.splitlines()} == {"ffmpeg", "movie"}


def test_a_program_that_is_no_ffmpeg(monkeypatch, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    assert "ends with status 3" in computer.ffmpeg().problems[0]
    assert len(looked_into("movie", trials.movie).problems) == 1  # in words of whoever notices first


def test_folders_that_cannot_be_written_to(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/nowhere")
    found = computer.folders(tmp_path / "file" / "runs")
    runs, numba = found.problems
    assert runs.startswith(f"no runs can be written: {tmp_path}/file is not a folder")
    assert numba.startswith("numba cannot keep its files: ")
    assert numba.endswith("(set NUMBA_CACHE_DIR)")


def test_little_space_and_memory_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(computer.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 3 * 10**8}))
    monkeypatch.setattr(computer, "available_memory", lambda: 2 * 10**8)
    assert f"0.3 GB is free where runs go ({tmp_path})" in computer.folders(tmp_path).notes[0]
    assert computer.folders(tmp_path).problems == []
    assert computer.memory().notes == ["0.2 GB of memory is available: large data sets will not fit"]


@pytest.mark.parametrize(
    ("there", "built_for", "visible", "said", "notes"),
    [
        (0, None, None, "none: no NVIDIA driver is loaded here", 0),
        (2, None, None, "this build of torch is for the processor only", 1),
        (1, "12.8", None, "torch for CUDA 12.8 finds none", 1),
        (1, "12.8", "", "CUDA_VISIBLE_DEVICES leaves none", 0),  # as the user wanted it
    ],
)
def test_why_no_gpu_is_used(there, built_for, visible, said, notes, monkeypatch, tmp_path):
    import torch

    for number in range(there):
        (tmp_path / str(number)).mkdir()
    monkeypatch.setattr(computer, "DRIVER", tmp_path)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = computer.device()
    assert found.rows["device"] == "cpu"
    assert said in found.rows["GPU"]
    assert len(found.notes) == notes


def test_more_threads_than_cores_are_said(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(computer.os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    assert "give --threads 2, or set OMP_NUM_THREADS=2" in computer.processor().notes[0]


def test_nothing_says_who_asks(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/maria"))
    monkeypatch.setattr(examine.getpass, "getuser", lambda: "maria")
    said = examine.without_user(
        "/home/maria/.cache, /home/maria2/x, /scratch/maria/runs, /scratch/maria: no maria-like"
    )
    assert said == "~/.cache, /home/maria2/x, /scratch/USER/runs, /scratch/USER: no maria-like"


def test_whatever_is_raised_is_a_problem_of_its_own():
    def crash():
        raise ZeroDivisionError("a\nb")

    assert looked_into("training", crash) == Found(
        {"training": "fails"}, ["training fails: ZeroDivisionError: a b"], []
    )
