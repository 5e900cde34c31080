"""The notebooks in `docs/notebooks` run from top to bottom, in a kernel, and are kept without outputs."""

import re
from pathlib import Path

import pytest

import autoencoder as ae

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"

NAMES = ("mnist", "your_video", "study")


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_these_are_all():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_kept_without_outputs(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_use_what_the_api_offers(name):
    code = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "code")
    compile(code, name, "exec")
    used = set(re.findall(r"\bae\.(\w+)", code))
    assert used <= set(ae.__all__)
    assert "import autoencoder as ae" in code
    assert set(re.findall(r"from autoencoder\b.*|import autoencoder\b(?! as ae)", code)) == set()


def run(name, folder, monkeypatch):
    """The notebook after it was run in its quick form, in an empty folder."""
    monkeypatch.setenv("AUTOENCODER_QUICK", "1")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1]))
    notebook = read(name)
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook


def outputs(notebook, form):
    return [
        out.data[form]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for out in cell.outputs
        if form in out.get("data", {})
    ]


def check(notebook):
    """No array is shown, nothing is said on standard error, and every bar is at its end."""
    shown = outputs(notebook, "text/html")
    assert len(shown) > 3
    assert not any("array(" in text for text in (*shown, *outputs(notebook, "text/plain")))
    streams = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert [out.text for out in streams if out.output_type == "stream" and out.name == "stderr"] == []
    bars = [text for text in shown if "<progress" in text and "value=" in text]
    assert bars
    assert all('value="1.0000"' in text for text in bars)


@pytest.mark.slow
def test_mnist_runs(tmp_path, monkeypatch, tree):
    notebook = run("mnist", tmp_path, monkeypatch)
    check(notebook)
    assert sum("<iframe srcdoc=" in text for text in outputs(notebook, "text/html")) == 1
    assert len(outputs(notebook, "image/png")) == 2
    work = tree(tmp_path / "mnist-notebook/digits/quick")
    assert {"autoencoder/test/metrics.json", "compare/comparison.html", "autoencoder/visualize/explore.html"} <= work


@pytest.mark.slow
def test_your_video_runs(tmp_path, monkeypatch, tree):
    notebook = run("your_video", tmp_path, monkeypatch)
    check(notebook)
    work = tree(tmp_path / "video-notebook/ellipse/quick")
    assert {"animal-check.png", "codes.csv", "largest.gif", "run/visualize/explore.html"} <= work


def test_study_runs(tmp_path, monkeypatch, tree):
    notebook = run("study", tmp_path, monkeypatch)
    check(notebook)
    assert {"study/report.html", "study/measures.csv"} <= tree(tmp_path / "study-notebook/quick")
    assert outputs(notebook, "image/png")
