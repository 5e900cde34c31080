"""What is said in several places is the same in all of them."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoencoder import __version__
from autoencoder.cli.main import build_parser
from autoencoder.version import DISTRIBUTION, DOCUMENTATION

tomllib = pytest.importorskip("tomllib", reason="reading pyproject.toml takes Python 3.11")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"pytorch": "torch"}


def requirement(text):
    """`"numpy>=1.26"` to `("numpy", ">=1.26")`."""
    name, version = re.fullmatch(r"([\w.-]+?)\s*([<>=!~].*)?", text.strip()).groups()
    return name.lower().replace("_", "-"), (version or "").replace(" ", "")


def test_environment_says_the_same_as_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    found = dict(requirement(line) for line in environment["dependencies"] if isinstance(line, str))
    found = {CONDA_NAMES.get(name, name): version for name, version in found.items()}
    assert found.pop("python") == PROJECT["requires-python"]
    assert found.pop("pip") == ""
    assert found == dict(map(requirement, PROJECT["dependencies"]))
    assert {"pip": ["-e ."]} in environment["dependencies"]


def test_every_direct_dependency_is_pinned():
    lines = [
        line.partition("#")[0].partition(";")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()
    ]
    pins = dict(requirement(line) for line in lines if line)
    assert all(version.startswith("==") for version in pins.values())
    extras = [name for group in PROJECT["optional-dependencies"].values() for name in group]
    wanted = [requirement(text) for text in [*PROJECT["dependencies"], *extras]]
    assert not [name for name, _ in wanted if name not in pins]
    for name, version in wanted:
        lowest = [int(part) for part in version.removeprefix(">=").split(".")]
        pinned = [int(part) for part in re.findall(r"\d+", pins[name])]
        assert pinned >= lowest, name
    assert pins["torch"] == "==2.13.0"


def test_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert __version__ == PROJECT["version"] == str(citation["version"])
    changes = (ROOT / "CHANGELOG.md").read_text() if (ROOT / "CHANGELOG.md").exists() else __version__
    assert __version__ in changes
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert citation["title"].startswith(f"{DISTRIBUTION}: ")
    assert citation["repository-code"] == PROJECT["urls"]["Homepage"]
    assert PROJECT["urls"]["Documentation"] == DOCUMENTATION
    assert "MIT License" in (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.py")), ids=lambda path: path.name)
def test_scripts_parse(script):
    tree = ast.parse(script.read_text())
    assert ast.get_docstring(tree)


def test_the_command_is_the_package(root):
    module, function = PROJECT["scripts"]["autoencoder"].split(":")
    script = f"import {module} as m; raise SystemExit(m.{function}(['--version']))"
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == f"autoencoder {__version__}\n"


def documents():
    return [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]


def shell_lines(path):
    """Commands in the fenced shell blocks of a document, those on several lines joined."""
    blocks = re.findall(r"```(?:bash|sh|shell|console)\n(.*?)```", path.read_text(), flags=re.DOTALL)
    return [line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("document", documents() or [None], ids=lambda path: path.name if path else "none")
def test_commands_in_documents_exist(document):
    """Every `autoencoder ...` parses, every `make ...` is a target, every `python scripts/...` is a file."""
    if document is None:
        pytest.skip("there is no README.md yet")
    targets = re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for line in shell_lines(document):
        words = line.partition("#")[0].split()
        if words[:1] == ["make"]:
            assert {word for word in words[1:] if "=" not in word} <= set(targets), line
        elif words[:1] == ["autoencoder"] and not {"|", "...", "--help", "--print-completion"} & set(words):
            build_parser().parse_args(words[1:])
        elif words[:1] == ["python"] and len(words) > 1 and words[1].endswith(".py"):
            assert (ROOT / words[1]).is_file(), line


def test_promises_name_tests_that_there_are():
    """Paths in the table of reliability are below tests/faults; a test of a file may be named behind it."""
    named = re.findall(r"`([\w./]*test_\w+\.py)(?:::(\w+))?`", (ROOT / "docs" / "reliability.md").read_text())
    assert len(named) > 25
    for path, function in named:
        file = ROOT / "tests" / "faults" / path
        assert file.is_file(), path
        assert not function or f"def {function}(" in file.read_text(), (path, function)


def test_nothing_names_the_place_where_it_was_written():
    """A repository that anyone clones holds no path and no word of the machine on which it was made."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    words = re.compile(r"/wor" + r"k/(?:main|shared|\.)|\bissu" + r"es show\b|workplac" + r"e\b", re.IGNORECASE)
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in (".png", ".mp4", ".gif", ".npz"):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {match.group()}" for match in words.finditer(text)]
    assert not found


WHOLE_JOB = """
import sys
from functools import partial

import autoencoder
from autoencoder.cli.main import main
from autoencoder.workflows import demo

print(autoencoder.__file__, flush=True)
demo.visualize = partial(demo.visualize, reducer="pca")  # what umap-learn compiles takes longer than all the rest
assert main(["demo", "--quick", "--out", sys.argv[1]]) == 0
assert main(["explore", sys.argv[1] + "/run", "--reduce", "pca", "--quiet"]) == 0  # its parts are package data
"""


@pytest.mark.slow
def test_what_is_distributed_works_alone(tmp_path):
    """The wheel, built from a copy of what git knows and installed elsewhere, runs the whole job by itself.

    It is the package byte for byte, so that what is shown here of the source, the demo with UMAP first, is shown of it.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    source, wheels, target = (tmp_path / name for name in ("source", "wheels", "target"))
    for name in filter(None, listed.stdout.split("\0")):
        if name.partition("/")[0] not in ("tests", "docs") and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    python = [sys.executable, "-m"]
    subprocess.run(
        [*python, "build", "--wheel", "--no-isolation", "-o", wheels, source], check=True, capture_output=True
    )
    (wheel,) = wheels.glob("*.whl")
    assert wheel.name == f"{DISTRIBUTION.replace('-', '_')}-{__version__}-py3-none-any.whl"
    install = [*python, "pip", "install", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run(install, check=True, capture_output=True)
    installed, known = target / "autoencoder", source / "autoencoder"
    packaged = {path.relative_to(known) for path in known.rglob("*") if path.is_file()}
    assert packaged == {
        path.relative_to(installed)
        for path in installed.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert [path for path in packaged if (installed / path).read_bytes() != (known / path).read_bytes()] == []
    environment = {**os.environ, "PYTHONPATH": str(target), "OMP_NUM_THREADS": "1"}
    job = [sys.executable, "-c", WHOLE_JOB, tmp_path / "demo"]
    done = subprocess.run(job, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{installed / '__init__.py'}\n")
    movies = {path.name for path in tmp_path.rglob("visualize/pca*/*.mp4") if path.stat().st_size > 0}
    assert movies == {"body_angle_deg.mp4", "distance_from_center.mp4"}


def test_the_demo_in_its_quick_form(tmp_path, succeed, tree):
    """Of the source, in this process, which has compiled already what umap-learn needs."""
    done = succeed("demo", "--quick", "--out", tmp_path / "demo")
    movies = {f"run/visualize/umap-joint/{name}.mp4" for name in ("body_angle_deg", "distance_from_center")}
    assert movies <= tree(tmp_path / "demo")
    for movie in movies:
        assert (tmp_path / "demo" / movie).stat().st_size > 0
        assert f"made {tmp_path / 'demo' / movie}" in done.out


def test_extras_are_named_as_the_messages_say():
    """Every extra that a message tells the user to install is one, of the distribution's own name."""
    assert PROJECT["name"] == DISTRIBUTION
    named = set()
    for file in (ROOT / "autoencoder").rglob("*.py"):
        named |= set(re.findall(r"installing\(['\"](\w+)['\"]\)", file.read_text()))
        assert "pip install 'autoencoder[" not in file.read_text()
    assert named == PROJECT["optional-dependencies"].keys() - {"dev", "docs"}
    for document in (*documents(), ROOT / "CONTRIBUTING.md"):
        for name, extra in re.findall(r"pip install '?([\w-]+)\[(\w+)\]", document.read_text()):
            assert (name, extra in PROJECT["optional-dependencies"]) == (DISTRIBUTION, True)


def test_the_workflow_runs_what_the_project_claims():
    """On every Python that is named, by the same commands as here; pre-commit calls what `make lint` calls."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    claimed = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", text)]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == claimed
    assert PROJECT["requires-python"] == f">={claimed[0]}"
    assert "make test" in commands["tests"]
    assert commands["lint"] == ["make lint"]
    assert jobs["other-systems"]["strategy"]["matrix"]["system"] == ["windows-latest", "macos-latest"]
    (install,) = (line for line in commands["other-systems"] if "pip install" in line)
    assert re.search(r"\[([\w,]+)\]", install)[1].split(",") == sorted(PROJECT["optional-dependencies"])
    installed = re.findall(r"-e '\.\[([\w,]+)\]'", (ROOT / "Makefile").read_text())
    assert [names.split(",") for names in installed] == [sorted(PROJECT["optional-dependencies"]), ["docs"]]
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == ["make lint"]
    for form in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        assert yaml.safe_load(form.read_text())
