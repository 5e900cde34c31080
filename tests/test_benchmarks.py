"""Every benchmark runs, in its quick form, and `make bench` calls every one."""

import importlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted(file for file in (ROOT / "benchmarks").glob("*.py") if "__main__" in file.read_text())
LONG = {
    "candidates",
    "evolution",
    "gpu",
    "grounding",
    "memory",
    "mnist",
    "nulls",
    "study",
    "time_to_quality",
    "train_step",
}
"""Their quick forms take more than four seconds of a processor."""

ELSEWHERE = {"memory": "reads /proc, which is Linux's"}

START_EACH = """
import gc, os, runpy, sys
import matplotlib.figure, scipy.stats, sklearn.neighbors, torch, umap  # once, since they take longest to import

gc.freeze()
failed = []
for script in sys.argv[1:]:
    pid = os.fork()
    if pid == 0:
        sys.path.insert(0, os.path.dirname(script))
        sys.argv = [script, "--help"]
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as leaving:
            sys.stdout.flush()
            os._exit(leaving.code or 0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(1)
    if os.waitpid(pid, 0)[1]:
        failed.append(script)
raise SystemExit(" ".join(failed) or None)
"""
"""Start scripts one by one, each in a process that has loaded nothing of the package; its status tells whether one
failed."""


@pytest.fixture
def quick_form(monkeypatch, tmp_path):
    """Run a script's quick form in this process, which has imported and compiled already what it needs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    for name, value in {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)  # for the processes that it starts

    def run(script, *flags):
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, flags), "--quick"])
        runpy.run_path(str(script), run_name="__main__")

    before = set(sys.modules)
    yield run
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == ROOT / "benchmarks":
            del sys.modules[name]


@pytest.mark.parametrize(
    "script",
    [pytest.param(file, id=file.stem, marks=[pytest.mark.slow] if file.stem in LONG else []) for file in BENCHMARKS],
)
def test_quick_form(script, quick_form, tmp_path, capfd):
    """It ends well, with numbers that are numbers, and leaves nothing behind."""
    if script.stem in ELSEWHERE and not sys.platform.startswith("linux"):
        pytest.skip(ELSEWHERE[script.stem])
    quick_form(script)
    out = capfd.readouterr().out
    assert re.search(r"\d", out)
    assert not re.search(r"\b(?:nan|inf)\b", out, re.IGNORECASE), out
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_quality_of_other_data_has_the_same_table(quick_form, tmp_path, capfd):
    """An arena of another make; digits, which have no regions; and a prepared set, which is not touched."""
    mine = tmp_path / "mine.npz"
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    np.savez(mine, images=images, mask=(images > 99).astype(np.uint8))
    before = mine.read_bytes()
    regions = {"other": ["body", "tail", "walls and ports"], "mnist": [], "mouse": ["animal"]}
    for name, expected in regions.items():
        quick_form(ROOT / "benchmarks" / "quality.py", *([mine] if name == "mouse" else []), "--data", name)
        out = capfd.readouterr().out
        found = re.findall(r"^│ ([a-z ]+?) +│", out, re.MULTILINE)
        assert found == ["whole image", *(["background"] if expected else []), *expected]
        assert "decoder on PCA codes" in out
        assert not re.search(r"\b(?:nan|inf)\b", out)
    assert mine.read_bytes() == before


def test_the_other_arena_knows_its_regions(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    other_arena = importlib.import_module("other_arena")
    made, again = (other_arena.make_other_arena(200, seed=3) for _ in range(2))
    del sys.modules["other_arena"]
    for name in ("images", "clean", "mask"):
        np.testing.assert_array_equal(getattr(made, name), getattr(again, name))
    labels = made.regions.labels
    np.testing.assert_array_equal(labels, again.regions.labels)
    shares = np.bincount(labels.ravel()) / labels.size
    assert (shares > (0.7, 0.05, 0.01, 0.001)).all()
    np.testing.assert_array_equal(made.mask == 1, np.isin(labels, (other_arena.BODY, other_arena.TAIL)))
    assert (labels[:, 0, 24:26, 24:26] == other_arena.BODY).all()
    difference = (made.images.astype(float) - made.clean)[made.clean > 90] / 255
    assert difference.std() == pytest.approx(other_arena.NOISE, rel=0.03)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_each_starts_by_itself(tmp_path):
    """It finds all that it imports, whatever this process has loaded."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", START_EACH, *map(str, BENCHMARKS)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: ") == len(BENCHMARKS)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_calls_every_benchmark():
    commands = ["make", "--dry-run", "bench", "QUICK=1"]
    said = subprocess.run(commands, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for script in BENCHMARKS:
        assert f"benchmarks/{script.name} --quick" in said
