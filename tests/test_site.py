"""The documentation: pages are found, links lead somewhere, what stands in code blocks and in examples runs."""

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt

import autoencoder as ae

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(
        page
        for page in DOCS.rglob("*.md")
        if page.relative_to(DOCS).parts[:2] not in [("api", "commands"), ("api", "generated")]
        and page.relative_to(DOCS).parts[0] != "examples"
    ),
]

MADE = {"examples/index.rst", "api/settings.rst", "api/python.rst"}
"""Pages that are made when the site is built, and to which others link."""

EXAMPLES = sorted((DOCS / "gallery").glob("*.py"))


def name_of(page):
    return str(page.relative_to(ROOT))


@functools.cache
def tokens(page):
    """All tokens of a page, those within paragraphs as well."""
    found = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    return [inner for token in found for inner in (token, *(token.children or ()))]


@functools.cache
def anchors(page):
    """What a link may say behind the #: titles as GitHub spells them, and those of the site."""
    texts = [
        following.content
        for token, following in zip(tokens(page), tokens(page)[1:], strict=False)
        if token.type == "heading_open"
    ]
    plain = [re.sub(r"[`*]|\]\([^)]*\)|\[", "", text) for text in texts]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_titles(page):
    broken = []
    for token in tokens(page):
        link = token.attrs.get("href") or token.attrs.get("src")
        if link is None or re.match(r"[a-z]+:", str(link)):
            continue
        path, _, anchor = str(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        made = target.is_relative_to(DOCS) and str(target.relative_to(DOCS)) in MADE
        if not made and (not target.exists() or (anchor and anchor not in anchors(target))):
            broken.append(link)
    assert not broken


def listed_in(page):
    """Pages of the toctrees of a page."""
    blocks = [token.content for token in tokens(page) if token.type == "fence" and token.info == "{toctree}"]
    entries = [line.strip() for text in blocks for line in text.splitlines() if line and not line.startswith(":")]
    found = set()
    for entry in entries:
        matches = [
            path
            for path in page.parent.glob(entry if "*" in entry else f"{entry}*")
            if path.suffix in (".md", ".ipynb", ".rst")
        ]
        exact = [path for path in matches if path.with_suffix("") == page.parent / entry]
        found |= set(matches if "*" in entry else exact)
    return found


def test_every_page_is_in_the_contents():
    """Pages that no toctree names cannot be found on the site, and fail its build."""
    seen, left = set(), [DOCS / "index.md"]
    while left:
        page = left.pop()
        if page not in seen:
            seen.add(page)
            left += listed_in(page) if page.suffix == ".md" else []
    written = {page for page in PAGES if page.is_relative_to(DOCS)} | set((DOCS / "notebooks").glob("*.ipynb"))
    assert sorted(map(name_of, written - seen)) == []


def test_every_measure_is_described():
    described = re.findall(r"^   measures\.(\w+)$", (DOCS / "api" / "measures.md").read_text(), flags=re.MULTILINE)
    there = {path.stem for path in (ROOT / "autoencoder" / "measures").glob("*.py")}
    assert set(described) == there - {"__init__", "kinds"}


def blocks_of(page):
    return [token.content for token in tokens(page) if token.type == "fence" and token.info == "python"]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)], ids=name_of)
def test_python_in_pages_compiles_and_names_what_there_is(page):
    imported = any("import autoencoder as ae" in block for block in blocks_of(page))
    for block in blocks_of(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ae":
                assert node.attr in ae.__all__ or not imported, block


@pytest.fixture
def folder(tmp_path, monkeypatch, succeed):
    """A current folder with a small arena, as pages take it for granted."""
    succeed("prepare", "arena", "--images", 120, "--size", 16, "--out", tmp_path / "data" / "arena", "--quiet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(page, **names):
    """Execute a page's blocks one after the other; gives the names that they leave."""
    for block in blocks_of(page):
        exec(compile(block.replace("epochs=5", "epochs=1"), page.name, "exec"), names)
    return names


def test_the_first_page_s_python_runs(folder):
    assert run(DOCS / "index.md")["codes"].shape == (120, 16)


@pytest.mark.slow
def test_the_quick_start_s_python_runs(folder):
    names = run(DOCS / "quickstart.md")
    assert names["codes"].shape == (100, 8)
    assert (folder / "runs" / "from-python" / "visualize").is_dir()


@pytest.mark.slow
def test_the_python_of_the_readme_runs(folder):
    assert run(ROOT / "README.md")["codes"].shape == (120, 16)


def test_the_python_of_notebooks_runs(folder):
    ae.train(ae.run_config("data/arena.npz", epochs=1), "runs/arena")
    names = run(DOCS / "notebooks.md", ae=ae)
    assert (folder / "grid.pdf").stat().st_size > 1000
    assert names["evaluation"].summary()["objective"] == "reconstruct"


@pytest.mark.slow
def test_the_python_of_scikit_learn_runs_and_prints_what_the_page_says(folder, capsys):
    names = run(DOCS / "scikit-learn.md")
    assert (names["codes"].shape, names["images"].shape) == ((450, 8), (450, 64))
    said = dict(line.split(": ") for line in capsys.readouterr().out.splitlines() if not line.startswith("{"))
    assert float(said["autoencoder"]) > float(said["PCA"]) + 0.1
    assert float(said["accuracy on held-out images"]) > 0.93


def test_the_python_of_own_data_runs(folder):
    images = np.zeros((5, 8, 8), np.uint8)
    run(DOCS / "own-data.md", images=images)
    assert ae.load_images("data/mine.npz").images.shape == (5, 1, 8, 8)


def test_the_python_of_studies_runs():
    codes = np.random.default_rng(0).normal(size=(2, 50, 3))
    run(DOCS / "study.md", codes_a=codes[0], codes_b=codes[1])


def test_the_python_of_encode_runs(folder, succeed):
    pytest.importorskip("pyarrow")
    pytest.importorskip("xarray")
    ae.train(ae.RunConfig(ae.DataConfig("data/arena.npz"), training=ae.TrainingConfig(epochs=1)), "runs/exp")
    for name in ("exp.parquet", "new.nc"):
        succeed("encode", "runs/exp", "--out", f"codes/{name}", "--quiet")
    names = run(DOCS / "encode.md")
    assert names["new"].codes.shape == (120, 16)
    assert set(names["codes"].unfamiliar) <= {0}


def smaller(script):
    """An example with less to do: its constants are at the top for this."""
    text = script.read_text(encoding="utf-8")
    assert re.search(r"^EPOCHS = \d+$", text, flags=re.MULTILINE)
    for constant, value in {"EPOCHS": "1", "IMAGES": "300", "SIZES": "(2, 4)"}.items():
        text = re.sub(rf"^{constant} = .*$", f"{constant} = {value}", text, flags=re.MULTILINE)
    return text


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(script, tmp_path, tmp_path_factory, monkeypatch):
    """Each with little data, and leaves one figure; nothing lies beside it afterwards."""
    import matplotlib.pyplot as plt
    from sklearn import datasets

    digits = datasets.load_digits()
    digits.images, digits.target = digits.images[:200], digits.target[:200]
    shown = []
    monkeypatch.setattr(datasets, "load_digits", lambda: digits)
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("caches")))  # made when torch first asks
    monkeypatch.chdir(tmp_path)
    plt.close("all")
    try:
        exec(compile(smaller(script), script.name, "exec"), {"__name__": "__main__"})
        assert len(shown) == 1
    finally:
        plt.close("all")
    assert len(list(tmp_path.iterdir())) == 1


def test_examples_have_their_place():
    """In the order of the page, and a title that the site can show."""
    (order,) = re.findall(r"^EXAMPLES = \((.*?)\)", (DOCS / "site" / "reading.py").read_text(), flags=re.S | re.M)
    assert sorted(re.findall(r'"(\w+)"', order)) == [script.stem for script in EXAMPLES]
    for script in EXAMPLES:
        title, underline = ast.get_docstring(ast.parse(script.read_text())).splitlines()[:2]
        assert underline == "=" * len(title)


def test_the_workflow_publishes_what_make_builds():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "docs.yml").read_text())["jobs"]
    steps = jobs["build"]["steps"]
    assert "make docs" in [step.get("run") for step in steps]
    (uploaded,) = (step["with"]["path"] for step in steps if "upload-pages" in step.get("uses", ""))
    assert re.search(rf"^docs:.*\n(?:\t.*\n)*\t.* {uploaded}$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert jobs["publish"]["needs"] == "build"


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    """Of a copy, so that the checkout stays as it is; examples are run in full."""
    pytest.importorskip("sphinx_gallery")
    source, site = tmp_path / "docs", tmp_path / "site"
    made = shutil.ignore_patterns("examples", "generated", "commands", "settings.rst", "python.rst")
    shutil.copytree(DOCS, source, ignore=made)
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path)
    build = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-c", source / "site"]
    done = subprocess.run(
        [*build, source, site],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for page in PAGES:
        if page.is_relative_to(DOCS):
            assert (site / page.relative_to(DOCS)).with_suffix(".html").is_file()
    for script in EXAMPLES:
        assert (site / "_images" / f"sphx_glr_{script.stem}_001.png").is_file()
    assert "Denoise images" in (site / "searchindex.js").read_text(encoding="utf-8")
    flags = (site / "api" / "commands" / "train.html").read_text(encoding="utf-8")
    assert "--latent-dim" in flags
    reference = "".join(page.read_text(encoding="utf-8") for page in (site / "api").rglob("*.html"))
    assert [name for name in ae._API if f'id="autoencoder.{name}"' not in reference] == []
    assert 'id="autoencoder.TrainingConfig.epochs"' in reference
