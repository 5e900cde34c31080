"""What the site takes from the package itself: a page per command, that of settings, and the order of examples."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any, get_args, get_origin

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.domains.python import PyXRefRole
from sphinx.util.typing import stringify_annotation

import autoencoder as ae
from autoencoder.cli.main import COMMANDS
from autoencoder.config.signatures import HEADING
from autoencoder.flags import hints_of, settings_of

EXAMPLES = (
    "denoise_arena",
    "latent_unfolds",
    "angle_or_reconstruct",
    "pca_or_autoencoder",
    "numbers_and_controls",
)
"""From the first thing that one tries to what takes reading; others come behind them."""

PAGE = """\
# autoencoder {name}

{summary}

```{{sphinx_argparse_cli}}
:module: commands
:func: {name}
:prog: autoencoder {name}
:title:
:usage_first:
:group_title_prefix:
```
"""


COMMAND_OF = {
    "DataConfig": "train",
    "ModelConfig": "train",
    "ObjectiveConfig": "train",
    "TrainingConfig": "train",
    "MovieOptions": "visualize",
}
"""The command that has the flags of a section of settings."""

GROUPS = {
    "Data": ("autoencoder.data", "autoencoder.workflows.prepare", "autoencoder.workflows.join"),
    "Train, and open what was trained": ("autoencoder.training", "autoencoder.runs", "autoencoder.workflows.settings"),
    "Numbers": (
        "autoencoder.evaluation",
        "autoencoder.workflows.testing",
        "autoencoder.workflows.encode",
        "autoencoder.workflows.compare",
        "autoencoder.workflows.groups",
    ),
    "Studies": ("autoencoder.workflows.study", "autoencoder.workflows.folds"),
    "Pictures": (
        "autoencoder.workflows.movies",
        "autoencoder.workflows.stills",
        "autoencoder.workflows.traversals",
        "autoencoder.workflows.explore",
        "autoencoder.workflows.clips",
    ),
    "For other programs": ("autoencoder.workflows.export",),
    "Errors": ("autoencoder.errors",),
}
"""Headings of the page of names, and the modules that these come from. Names from elsewhere stand under "More"."""

FURTHER = ("sklearn.AutoencoderTransformer",)
"""What is imported from a module of its own."""

GIVEN_BACK = (
    "data.metadata.Metadata",
    "data.sources.arena.ArenaSet",
    "runs.opened.OpenedRun",
    "runs.folder.RunSplit",
    "evaluation.evaluate.Evaluation",
    "objectives.base.Result",
    "evaluation.compare.Comparison",
    "evaluation.compare.Compared",
    "evaluation.probing.Probed",
    "evaluation.probing.ProbeScore",
    "workflows.study.results.Study",
)
"""Classes that functions give back and that are not made by the user."""


ATTRIBUTES = "\nAttributes:\n"
"""In the docstring of a class, what its fields are told under."""

NAMES_PAGE = """\
Python
======

.. code-block:: python

   import autoencoder as ae

Everything on this page is there as ``ae.NAME``, and is loaded when it is first used. Arrays are NumPy's. What the user
can mend is raised as :py:obj:`autoencoder.UserError`, whose text says what to do.

A run is described by :py:obj:`ae.RunConfig <autoencoder.RunConfig>`; all of its settings stand in :doc:`settings`.

"""

SETTINGS_PAGE = """\
Settings
========

A run is described by an :py:obj:`autoencoder.RunConfig`, with a section each for the data, the model, the objective and
the training. ``config.json`` in a run folder and the file of ``train --config`` use the same names. What is not given
has the default that stands here. Settings that do not go together are refused when they are made.

"""


class Order:
    """Key by which sphinx-gallery sorts examples."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, file: str) -> tuple[int, str]:
        """The place of an example."""
        name = Path(file).stem
        return EXAMPLES.index(name) if name in EXAMPLES else len(EXAMPLES), name


def name_or_code(
    role: str, raw: str, text: str, line: int, inliner: Inliner, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """What single backticks mean: a name, with a link where it is on the site; anything else, as `.npy`, is code."""
    if re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", text):
        return PyXRefRole()("py:obj", raw, text, line, inliner, options or {}, content)
    return [nodes.literal(raw, text)], []


def write_pages(app: Sphinx, config: Config) -> None:
    """`api/commands/NAME.md` for each command, `api/settings.rst` and `api/python.rst`."""
    folder = Path(app.srcdir) / "api"
    (folder / "commands").mkdir(parents=True, exist_ok=True)
    _settings_on_their_own_page()
    for name in COMMANDS:
        summary = import_module(f"autoencoder.cli.commands.{name}").HELP
        _write(folder / "commands" / f"{name}.md", PAGE.format(name=name, summary=f"{_sentence(summary)}"))
    sections = [_section(section) for section in _settings()]
    _write(folder / "settings.rst", SETTINGS_PAGE + "\n".join(sections))
    _write(folder / "python.rst", NAMES_PAGE + "\n".join(_names()))


def _settings_on_their_own_page() -> None:
    """Functions that take the settings of a run have `**settings` on the site, in place of all of them."""
    for function in filter(inspect.isfunction, (getattr(ae, name) for name in ae._API)):
        if vars(function).pop("__signature__", None) is not None:
            told, listed, _ = (inspect.getdoc(function) or "").partition(f"\n{HEADING}")
            function.__doc__ = told + ("\nAll settings: :doc:`/api/settings`.\n" if listed else "")


def _write(file: Path, text: str) -> None:
    """A file that says the same already is left alone, so that its page is not built again."""
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def _settings() -> list[type]:
    """Dataclasses of settings among the public names, that of a whole run first."""
    named = [getattr(ae, name) for name in ae._API]
    found = [
        one
        for one in named
        if dataclasses.is_dataclass(one) and (one.__module__.startswith("autoencoder.config") or any(settings_of(one)))
    ]
    return sorted(found, key=lambda section: section is not ae.RunConfig)


def _names() -> Iterator[str]:
    """All public names but settings, in groups, with a page for each."""
    left = [name for name in ae._API if getattr(ae, name) not in _settings()]
    for title, modules in GROUPS.items():
        names = [name for name in left if f"{ae._API[name]}.".startswith(tuple(f"{module}." for module in modules))]
        left = [name for name in left if name not in names]
        yield _list(title, names)
    if left:
        yield _list("More", left)
    yield _list("In scikit-learn", list(FURTHER))
    yield _list("What these give back", [f"~{name}" for name in GIVEN_BACK])


def _list(title: str, names: list[str]) -> str:
    start = [title, "-" * len(title), "", ".. currentmodule:: autoencoder", ""]
    return "\n".join(
        [
            *start,
            ".. autosummary::",
            "   :toctree: generated",
            "   :nosignatures:",
            "",
            *(f"   {name}" for name in names),
            "",
        ]
    )


def _section(section: type) -> str:
    """A dataclass of settings: what each takes, its default, its flag, and what it means."""
    name = section.__name__
    command = COMMAND_OF.get(name)
    values = [f"{field.name}={_default(field)}".removesuffix("=") for field in dataclasses.fields(section)]
    lines = [
        name,
        "-" * len(name),
        "",
        f".. py:class:: autoencoder.{name}({', '.join(values)})",
        "   :no-contents-entry:",
        f"   :canonical: {section.__module__}.{name}",
        "",
        indent((inspect.getdoc(section) or "").partition(ATTRIBUTES)[0], "   "),
        "",
        *_attributes(section, command),
        "",
    ]
    return "\n".join(lines)


def _attributes(section: type, command: str | None) -> Iterator[str]:
    comments = _comments(section)
    settings = {setting.name: setting.flag for setting in settings_of(section)}
    for field in dataclasses.fields(section):
        hint = hints_of(section)[field.name]
        plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        yield f"   .. py:attribute:: {field.name}"
        yield f"      :type: {stringify_annotation(plain, 'smart')}"
        if default := _default(field):
            yield f"      :value: {default}"
        yield ""
        told = comments.get(field.name, "")
        flag = settings.get(field.name)
        if not told and flag is not None:
            told = _sentence(flag.help).replace("*", r"\*").replace("|", r"\|")
        yield indent(told, "      ")
        yield ""
        if flag is not None and command is not None:
            yield f"      On the command line: ``{command} --{field.name.replace('_', '-')}``"
            yield ""


def _comments(section: type) -> dict[str, str]:
    """The texts below fields, or those of the class's docstring. Sphinx's own reader does not take f-strings in
    annotations."""
    in_docstring = (inspect.getdoc(section) or "").partition(ATTRIBUTES)[2]
    listed = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", in_docstring, flags=re.MULTILINE)
    (body,) = (node.body for node in ast.parse(inspect.getsource(section)).body if isinstance(node, ast.ClassDef))
    return {name: _sentence(inspect.cleandoc(text)) for name, text in listed} | {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _default(field: dataclasses.Field[object]) -> str:
    """As one would write it; empty for a setting that has to be given."""
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return f"{getattr(field.default_factory, '__name__', 'tuple')}()"
    return ""


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}".removesuffix(".") + "."
