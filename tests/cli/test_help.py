"""What answers at once: help, version, and the errors of the parser."""

import json
import os
import subprocess
import sys
import time

import pytest

COMMANDS = [
    [],
    ["demo"],
    ["prepare"],
    *(["prepare", source] for source in ("arena", "video", "idx", "images")),
    ["join"],
    ["train"],
    ["test"],
    ["encode"],
    ["export"],
    ["visualize"],
    ["explore"],
    ["clips"],
    ["info"],
    ["doctor"],
]
SLOW_TO_IMPORT = ("torch", "umap", "numba", "sklearn", "scipy", "matplotlib", "imageio", "openTSNE", "h5py", "pandas")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "autoencoder")
def test_help_imports_nothing_slow(root, command):
    script = (
        "import contextlib, io, json, sys\n"
        "from autoencoder.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):\n"
        "    main(sys.argv[1:])\n"
        "print(json.dumps([out.getvalue(), sorted(sys.modules)]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", script, *command, "--help"], env=environment, capture_output=True, text=True, check=True
    )
    text, modules = json.loads(done.stdout)
    assert not set(SLOW_TO_IMPORT) & set(modules)
    assert text.startswith("usage: " + " ".join(["autoencoder", *command]))
    assert "--help" in text


@pytest.mark.parametrize(
    "command", [[], ["train"], ["visualize"]], ids=lambda command: " ".join(command) or "autoencoder"
)
def test_help_takes_less_than_half_a_second(start, command):
    """The best of up to six calls, since other processes may be at work on the machine."""
    best = 1e9
    for _ in range(6):
        before = time.perf_counter()
        process = start(*command, "--help")
        process.communicate()
        best = min(best, time.perf_counter() - before)
        assert process.returncode == 0
        if best < 0.5:
            return
    raise AssertionError(f"--help took {best:.2f} s at best")


def test_version(succeed):
    import autoencoder

    assert succeed("--version").out == f"autoencoder {autoencoder.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS[1:], ids=" ".join)
def test_help_says_every_default_once(call, command):
    """No help text has a default twice, or one that was never filled in."""
    result = call(*command, "--help")
    assert result.status == 0
    for text in result.out.replace("\n", " ").split(" --"):
        assert text.count("(default:") <= 1, text
    assert "None" not in result.out
    assert "==SUPPRESS==" not in result.out
    assert "%(" not in result.out


def test_errors_of_the_parser_have_status_2(start):
    process = start("train", "--epochs", "x")
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_quiet_prints_nothing(tiny, tmp_path, succeed):
    assert succeed("info", tiny).out
    result = succeed("train", tiny, "--run", tmp_path / "run", "--epochs", 1, "--batch-size", 16, "--quiet")
    assert (result.out, result.err) == ("", "")


def test_debug_shows_the_traceback(tmp_path, call):
    from autoencoder import UserError

    with pytest.raises(UserError, match="there is no file"):
        call("train", tmp_path / "missing.npy", "--debug")


def test_a_reader_that_has_seen_enough(start):
    """As in `autoencoder info presets | head -1`: no traceback."""
    process = start("info", "presets")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141
