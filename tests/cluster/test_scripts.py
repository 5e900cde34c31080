"""The scripts that the documentation gives for Slurm: that they are whole, and that the flags they use exist."""

import re
import shutil
import subprocess

import pytest

from autoencoder.cli.main import build_parser

NAMES = ("train", "study", "shards")


@pytest.fixture(params=NAMES)
def script(root, request):
    return root / "docs" / "clusters" / f"{request.param}.sbatch"


def test_every_script_is_described(root):
    folder = root / "docs" / "clusters"
    assert {file.stem for file in folder.iterdir()} == set(NAMES)
    page = (root / "docs" / "clusters.md").read_text()
    for name in NAMES:
        assert f"clusters/{name}.sbatch" in page


def test_bash_can_read_it(script):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_flags_are_flags_of_the_command(script):
    """Each line that calls `autoencoder`, with numbers and names in the place of variables."""
    calls = re.findall(r"^ *autoencoder (.*?) &$", script.read_text().replace("\\\n", " "), re.MULTILINE)
    assert calls
    for call in calls:
        call = call.replace('"${shard[@]}"', "--shard 2/8").replace('"$SLURM_CPUS_PER_TASK"', "4")
        arguments = re.sub(r'"[^"]*\$[^"]*"', "thing", call).split()
        build_parser().parse_args(arguments)
        assert "--threads" in arguments, "Slurm's share of the processor is not what torch takes by itself"


def test_directives_come_before_commands(script):
    """Slurm reads no directive after the first command."""
    lines = script.read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    directives = [n for n, line in enumerate(lines) if line.startswith("#SBATCH")]
    assert lines[0] == "#!/bin/bash"
    assert directives
    assert max(directives) < first
    named = {line.partition("--")[2].partition("=")[0] for line in lines if line.startswith("#SBATCH")}
    assert {"requeue", "open-mode", "signal", "time"} <= named
