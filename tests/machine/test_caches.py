"""Libraries keep their files where they can, and their messages to themselves."""

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autoencoder.machine.caches import settle_caches

COMPILE = """
    import autoencoder
    import numba.core.caching as caching
    for name in [name for name in vars(caching) if "InTree" in name]:  # as where packages can't be written
        getattr(caching, name).from_function = classmethod(lambda *args: None)
    import numpy as np
    from autoencoder.neighbors.exact import nearest
    points = np.arange(6, dtype=np.float32)[:, None]
    nearest(points, points, 2)
"""


@pytest.fixture
def homeless(monkeypatch, tmp_path):
    """An environment in which the home folder can't be made, and a temporary folder of its own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return temporary


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=os.environ | environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_without_a_home_numba_and_matplotlib_write_to_a_temporary_folder(homeless):
    failed = python(COMPILE, NUMBA_CACHE_DIR="", MPLCONFIGDIR="")  # as if the user had chosen
    assert "no locator available" in failed.stderr
    worked = python(COMPILE, TMPDIR=str(homeless))
    assert worked.returncode == 0, worked.stderr
    (folder,) = homeless.glob("autoencoder-numba-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_next_process_finds_what_was_compiled(homeless):
    settle_caches()
    first = os.environ.pop("NUMBA_CACHE_DIR")
    settle_caches()
    assert os.environ.pop("NUMBA_CACHE_DIR") == first


def test_a_folder_that_others_can_write_to_is_not_taken(homeless):
    settle_caches()
    first = os.environ.pop("NUMBA_CACHE_DIR")
    Path(first).chmod(0o777)
    settle_caches()
    assert os.environ.pop("NUMBA_CACHE_DIR") != first


def test_without_any_folder_to_write_to_the_package_can_be_imported(homeless, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    settle_caches()
    assert not {"NUMBA_CACHE_DIR", "MPLCONFIGDIR"} & set(os.environ)


def test_what_can_be_written_to_and_what_is_set_stay(homeless, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    settle_caches()
    assert not {"NUMBA_CACHE_DIR", "MPLCONFIGDIR"} & set(os.environ)
    assert not list(homeless.iterdir())
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    settle_caches()
    assert os.environ["NUMBA_CACHE_DIR"] == "/somewhere"


def test_messages_of_libraries_stay_away_from_the_terminal():
    chatter = """
        import logging, sys, warnings
        from autoencoder.machine.libraries import silence_libraries
        silence_libraries()
        import matplotlib
        warnings.warn("a library's warning")
        logging.getLogger("library").warning("a library's message")
        print(matplotlib.get_backend())
    """
    told = python(chatter, MPLBACKEND="Qt4Agg")
    assert (told.returncode, told.stdout.strip().lower(), told.stderr) == (0, "agg", "")


def test_whoever_asks_for_warnings_gets_them():
    told = python(
        "from autoencoder.machine.libraries import silence_libraries\nsilence_libraries()\n"
        "import warnings\nwarnings.warn('wanted')",
        PYTHONWARNINGS="default",
    )
    assert "wanted" in told.stderr
