"""The prose of the documentation has one width."""

import importlib.util
import itertools

import pytest


@pytest.fixture(scope="module")
def wrap(root):
    """The script that wraps it."""
    spec = importlib.util.spec_from_file_location("wrap_docs", root / "scripts" / "wrap_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_line_of_prose_is_too_long(wrap):
    assert len(wrap.pages()) > 10
    for page in wrap.pages():
        before, after = page.read_text(encoding="utf-8").split("\n"), wrap.wrapped(page.read_text(encoding="utf-8"))
        differing = next(
            (n for n, (a, b) in enumerate(itertools.zip_longest(before, after.split("\n")), 1) if a != b), 0
        )
        assert not differing, f"{page.name}, line {differing}: 'make format' wraps it"


def test_wrapping_keeps_every_word_and_leaves_tables_code_and_addresses_alone(wrap):
    long = " ".join(["word"] * 40)
    fixed = [f"| {long} |", "```sh", long, "```", f"# {long}", f"[a]: https://{'x' * 130}"]
    text = "\n".join(["short", *fixed, "", f"- {long} - {long}", f"  {long}", f"2. {long}", "", long, ""])
    found = wrap.wrapped(text)
    assert found.split() == text.split()
    assert wrap.wrapped(found) == found
    lines = found.split("\n")
    assert all(line in lines for line in fixed)
    assert max(len(line) for line in lines if line not in fixed) <= 120 + len(" -")
    assert not any(line.lstrip().startswith("- ") for line in lines if not line.startswith("- "))
    assert sum(line.startswith("  word") for line in lines) >= 4, "items are indented as their first line is"
