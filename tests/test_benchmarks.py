"""Every benchmark runs, in its quick form, and `make bench` calls every one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted(file for file in (ROOT / "benchmarks").glob("*.py") if "__main__" in file.read_text())
ELSEWHERE = {"memory": "reads /proc, which is Linux's"}


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda file: file.stem)
def test_quick_form(script, tmp_path):
    """It ends well, with numbers that are numbers, and leaves nothing behind."""
    if script.stem in ELSEWHERE and not sys.platform.startswith("linux"):
        pytest.skip(ELSEWHERE[script.stem])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, script, "--quick"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d", done.stdout)
    assert not re.search(r"\b(?:nan|inf)\b", done.stdout, re.IGNORECASE), done.stdout
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_calls_every_benchmark():
    commands = ["make", "--dry-run", "bench", "QUICK=1"]
    said = subprocess.run(commands, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for script in BENCHMARKS:
        assert f"benchmarks/{script.name} --quick" in said
