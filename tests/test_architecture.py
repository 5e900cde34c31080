"""The house is as `docs/architecture.md` draws it: rooms in one order, imports that point one way, no room too full."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from autoencoder import config, registries

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "autoencoder"
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text()

MOST_AT_THE_TOP, MOST_IN_A_FOLDER = 8, 15


def _name(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}

FACE, GROUND = "the face", "the ground floor"
"""The modules at the top level: those that only hand over to others, and those that everything stands on."""


def rooms_of_the_document():
    """Rooms from the top down, as the table lists them."""
    return re.findall(r"^\| `(\w+)/` \|", DOCUMENT, flags=re.MULTILINE)


ORDER = [FACE, *rooms_of_the_document(), GROUND]


def room(module):
    """Where a module lies."""
    parts = module.split(".")
    if parts[1:] in ([], ["__main__"]):
        return FACE
    return parts[1] if (PACKAGE / parts[1]).is_dir() else GROUND


@cache
def imports(module):
    """Modules of the package that a module loads: at its top, within functions, for types, and by their names."""
    tree = ast.parse(MODULES[module].read_text())
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 0 for node in froms), f"{module} imports from a place that depends on its own"
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in froms:
        inner = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        found |= {full if full in MODULES else node.module for full in inner.values()}
    if any(isinstance(node, ast.Attribute) and node.attr == "import_module" for node in ast.walk(tree)):
        # Names in a registry are loaded by whoever calls this; others ask only which names there are.
        texts = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        found |= {text for text in texts if text.startswith("autoencoder.")}
        named = {registries.__name__: registries, config.__name__: config}
        asked = [getattr(named[node.module], a.name) for node in froms if node.module in named for a in node.names]
        tables = [table for table in asked if isinstance(table, Mapping)]
        found |= {name for table in tables for name in loaded_by(table)}
    return found & MODULES.keys() - {module}


def loaded_by(table):
    """Modules that the lines of a registry name."""
    return {
        line if isinstance(line, str) else getattr(line, "module", None) for line in table.values()
    } & MODULES.keys()


LOADERS = {
    "autoencoder.models.network": registries.ENCODERS,
    "autoencoder.objectives.base": registries.OBJECTIVES,
    "autoencoder.projections.reducers.base": registries.REDUCERS,
    "autoencoder.runs.writers.base": config.WRITERS,
    "autoencoder.workflows.encode.encode": registries.CODE_FILES,
    "autoencoder.workflows.evolution_files.write": registries.EVOLUTION_FILES,
    "autoencoder.workflows.export.export": registries.NETWORK_FILES,
}
"""Who loads what the registries name."""


def test_every_room_is_on_the_map():
    there = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert sorted(rooms_of_the_document()) == sorted(there)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    place = ORDER.index(room(module))
    upwards = sorted(name for name in imports(module) if ORDER.index(room(name)) < place)
    assert not upwards, f"{module}, in {room(module)}, imports from above it"


def test_the_walk_sees_what_it_should():
    """Imports within functions, those of types, and the strings of each registry and of the public face."""
    assert "autoencoder.plots.predictions.angle" in imports("autoencoder.objectives.angle")
    assert "autoencoder.plots.colors" in imports("autoencoder.pages.content")
    for loader, table in LOADERS.items():
        assert loaded_by(table) <= imports(loader)
    assert "autoencoder.workflows.stills.look" in imports("autoencoder")
    assert imports("autoencoder.registries") == {"autoencoder.flags"}
    assert "autoencoder.models.conv" not in imports("autoencoder.config")


def test_no_module_is_in_a_circle():
    """Nor are rooms, since their imports point one way."""
    left = {module: set(imports(module)) for module in MODULES}
    for loader, table in LOADERS.items():  # what is loaded when it is asked for may import its loader
        left[loader] -= loaded_by(table)
    while free := [module for module, names in left.items() if not names]:
        for module in free:
            del left[module]
        for names in left.values():
            names.difference_update(free)
    assert not left


def test_no_room_is_too_full():
    for folder in {file.parent for file in MODULES.values()}:
        most = MOST_AT_THE_TOP if folder == PACKAGE else MOST_IN_A_FOLDER
        modules = list(folder.glob("*.py"))
        assert len(modules) <= most, f"{folder.name}: {len(modules)}"


def test_the_map_names_files_that_there_are():
    """Every path of a module in the document is one."""
    named = set(re.findall(r"`((?:autoencoder/)?[\w/]+\.py)`", DOCUMENT))
    assert len(named) > 15
    for name in named - {path for path in named if "NAME" in path}:
        places = [ROOT / name, PACKAGE / name]
        assert any(place.is_file() for place in places), name


def test_names_in_docstrings_and_documents_exist():
    """Such as `autoencoder.runs.folder.METRIC_COLUMNS`, in the package and in what is written about it."""
    texts = [file.read_text() for file in (*MODULES.values(), *(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md")]
    named = {name for text in texts for name in re.findall(r"`(autoencoder\.[\w.]*\w)`", text)}
    assert len(named) > 20
    for name in named:
        parts = name.split(".")
        module = next(m for n in range(len(parts), 0, -1) if (m := ".".join(parts[:n])) in MODULES)
        attribute = name.removeprefix(module).strip(".").partition(".")[0]
        defined = rf'^(?:def |class )?{attribute}\b|^    "{attribute}": '  # the latter on the public face
        assert re.search(defined, MODULES[module].read_text(), re.MULTILINE), name
