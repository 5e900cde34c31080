"""What `help` says of the public names: everything that it refers to can be seen by the user."""

import importlib.util
import inspect
import re
import typing
from pathlib import Path

import pytest

import autoencoder as ae
from autoencoder.machine.progress import SILENT

FUNCTIONS = {name: getattr(ae, name) for name in ae._API if inspect.isfunction(getattr(ae, name))}

UNSEEN = r"`(?:autoencoder\.(?!measures|sklearn)[\w.]+|(?:config|registries)\.[A-Z]\w*|[\w/]+\.py)`"
"""Modules and constants of the package's own."""


@pytest.fixture(scope="module")
def on_the_site(root):
    """Names that the site has pages of: those of the API and of what it gives back."""
    spec = importlib.util.spec_from_file_location("reading", root / "docs" / "site" / "reading.py")
    text = Path(spec.origin).read_text()
    given_back = re.search(r"GIVEN_BACK = \((.*?)\n\)", text, flags=re.DOTALL)[1]
    return {*ae.__all__, *re.findall(r"\.(\w+)\"", given_back)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_refer_to_what_users_can_see(name, on_the_site):
    told = " ".join(inspect.getdoc(FUNCTIONS[name]).split())
    assert not re.findall(UNSEEN, told)
    for names in re.findall(r"\b(?:[Ss]ee|[Aa]s) ((?:`[A-Za-z]\w*`(?:, | and | or )?)+)", told):
        for seen in re.findall(r"`(\w+)`", names):
            assert seen in on_the_site, f"{name} refers to `{seen}`"


@pytest.mark.parametrize("name", [name for name in ae._API if inspect.isclass(getattr(ae, name))])
def test_classes_speak_of_what_users_can_see(name):
    """Flags are the command line's: a signature has types and defaults only."""
    assert not re.findall(UNSEEN, inspect.getdoc(getattr(ae, name)))
    signature = str(inspect.signature(getattr(ae, name)))
    assert not re.search("Flag|Annotated| at 0x", signature), signature


@pytest.mark.parametrize("name", FUNCTIONS)
def test_defaults_read_well(name):
    assert "<function" not in str(inspect.signature(FUNCTIONS[name]))
    assert " at 0x" not in str(inspect.signature(FUNCTIONS[name]))


def test_the_default_of_say_says_nothing(capsys):
    SILENT("a line")
    assert capsys.readouterr() == ("", "")
    assert repr(SILENT) == "<silent>"


@pytest.mark.parametrize("options", [ae.MovieOptions, ae.VideoOptions, ae.ClipOptions, ae.FigureOptions])
def test_options_say_what_each_field_takes(options):
    """`help` shows the class's docstring: all fields are in it, and the names that a field takes."""
    told = inspect.getdoc(options).partition("Attributes:\n")[2]
    lines = dict(re.findall(r"^    (\w+): (.*(?:\n        .*)*)", told, flags=re.MULTILINE))
    hints = typing.get_type_hints(options)
    assert list(lines) == list(hints)
    for field, hint in hints.items():
        for choice in (choice for part in (hint, *typing.get_args(hint)) for choice in _literals(part)):
            assert f"`{choice}`" in lines[field], (field, choice)


def _literals(hint):
    return typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
