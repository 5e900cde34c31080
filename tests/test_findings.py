"""`docs/findings.md` is what its numbers say, and the command that makes it runs."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def write(root):
    """The module that writes the text; what it imports beside it is found."""
    folder = root / "scripts" / "findings"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("findings_write", folder / "write.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("collect", None)
    return module


@pytest.fixture(scope="module")
def found(root):
    return json.loads((root / "docs" / "findings.json").read_text(encoding="utf-8"))


def test_the_page_is_what_its_numbers_say(root, write, found):
    page = root / "docs" / "findings.md"
    assert write.text(found) == page.read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((images/[^)]+)\)", page.read_text(encoding="utf-8"))
    assert len(pictures) >= 6
    assert all((root / "docs" / picture).is_file() for picture in pictures)


def test_what_is_said_to_hold_is_what_intervals_say(write, found):
    changed = copy.deepcopy(found)
    for entry in changed["arena"]["denoising"].values():
        entry["mean"], entry["low"], entry["high"] = -1.0, -2.0, 0.5
    said = write.text(changed)
    assert "Arena: **Does not hold here.** The output is closer" in said
    assert "-1.0 dB (-2.0 to +0.5)" in said
    changed["arena"]["rings"]["angle"]["rings"] = 0
    part = write.text(changed).partition("## (d)")[2]
    assert re.search(r"\*\*(Holds in part|Does not hold here)\.\*\* 0 of 6 seeds", part)


@pytest.mark.slow
def test_the_quick_form_runs_and_goes_on_where_it_was(root, tmp_path):
    command = [sys.executable, root / "scripts" / "findings", "--quick", "--work", tmp_path / "work", "--out", tmp_path]
    first = subprocess.run(command, check=True, capture_output=True, text=True)
    assert first.stdout.count("autoencoder ") > 5
    page = (tmp_path / "findings.md").read_text(encoding="utf-8")
    assert page.startswith("# Findings")
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "autoencoder study" not in again.stdout
