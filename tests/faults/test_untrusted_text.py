"""Texts that come with the data: whatever they hold, they come out as texts, run nothing and lead to no other folder.

`tests/hostile_texts.json` holds them all: markup of HTML, Markdown, rich and matplotlib, names of JavaScript's own,
formulas, paths, escape sequences, marks of direction, names that cannot be seen and names that are too long.
"""

import ast
import csv
import importlib.util
import io
import json
import os
import posixpath
import re
import shutil
import unicodedata
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.text import Text

import autoencoder as ae
from autoencoder.machine.file_names import LONGEST_STEM, file_stem, file_stems
from autoencoder.machine.plain_text import one_line, visible
from autoencoder.machine.progress import Progress
from autoencoder.pages.document import EXPLORER_SCRIPTS
from autoencoder.plots.figures import new_figure
from autoencoder.workflows.columns import readable
from autoencoder.workflows.movies.draw import movie_stem

HOSTILE = json.loads((Path(__file__).parents[1] / "hostile_texts.json").read_text(encoding="utf-8"))
NAMES = [text for text in HOSTILE if "\0" not in text]
"""What an archive can hold as names of columns: all but the text with a NUL."""

N = 120
DATA_NAME = '"><img src=x onerror=window.ran=1> [red]$x_{ |a| `b` \x1b[2J\u202e'
RUN_NAME = "<b onclick=window.ran=1>[\\$] | `x` \x1b]0;title\x07\n[bold]$\\frac{"
LABELS = "label"


def unsafe(text):
    """Characters that a terminal would act upon, but for the ends of lines."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\u200c\u200d"}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, succeed):
    """A run whose folder, data file, columns and labels are all called in the worst way."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    images = (rng.random((N, 16, 16)) * 255).astype(np.uint8)
    np.savez(folder / f"{DATA_NAME}.npz", images=images)
    columns = {name: rng.normal(size=N) for name in NAMES}
    columns[LABELS] = np.array([NAMES[i % 3] for i in range(N)])
    np.savez(folder / "columns.npz", **columns)
    data, run = folder / f"{DATA_NAME}.npz", folder / RUN_NAME
    options = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--snapshots-per-epoch", 1)
    said = succeed("train", data, "--metadata", folder / "columns.npz", "--run", run, *options)
    return run, said.out


# ------------------------------------------------------------------------------------------------------------ terminal


@pytest.mark.slow
def test_all_that_commands_print_is_text(hostile, tmp_path, succeed, tally):
    run, said = hostile
    out = ("--out", tmp_path / "out")
    commands = (
        ("info", run),
        ("info", run.parent / f"{DATA_NAME}.npz"),
        ("test", "--run", run, "--no-movies", *out),
        ("visualize", "--run", run, "--reduce", "pca", "--no-movies", *out),
        ("visualize", "--run", run, "--snapshot", "last", "--show", "clusters", "--labels", LABELS, *out),
        ("visualize", "--run", run, "--traverse", NAMES[0], "--seconds", 0.2, "--format", "gif", *out),
        ("explore", run, "--reduce", "pca", "--out", tmp_path / "page.html"),
        ("export", run, "--format", "pt2", "--pixels", "float32", *out),
        ("compare", run, "--reduce", "pca", "--color-by", "[/]", *out),
    )
    printed = [said, *(succeed(*command).out for command in commands)]
    for text in printed:
        assert not unsafe(text)
    assert visible(RUN_NAME) in printed[0]
    tally("text: printed", tried=len(printed), worked=len(printed))
    missing = [name for name in NAMES if visible(name).strip() not in printed[-1]]
    assert not missing, "the table of what is decoded has a row for each column"


def test_info_as_json_holds_the_texts_themselves(hostile, succeed):
    run, _ = hostile
    found = json.loads(succeed("info", run, "--json").out)
    assert found["run"] == str(run)
    assert found["data"] == str(run.parent / f"{DATA_NAME}.npz")


@pytest.mark.slow
def test_errors_repeat_names_as_text(finished, tmp_path, call, tally):
    """Columns that are not there, files that are not there, and files of another kind."""
    for name in (*NAMES, os.fsdecode(b"\xff\xfe name")):
        path = tmp_path / name.replace("/", "|")[:60]
        for command in (
            ("visualize", "--run", finished, "--reduce", "pca", f"--color-by={name}"),
            ("info", f"{path}.npz"),
            ("train", f"{path}.npy", "--run", tmp_path / "run"),
        ):
            error = call(*command).refused()
            assert not unsafe(error)
            if command[0] == "visualize":
                assert one_line(name).strip() in error
        tally("text: error lines", tried=3, clear_errors=3)
    assert list(tmp_path.iterdir()) == []


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_bar_of_progress_shows_text(text, monkeypatch, tally):
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setenv("TERM", "xterm")
    shown, log = Terminal(), io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    with Progress(text, 2, "images") as bar:
        bar.advance(note=f"note {text}")
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue())  # rich's own
    assert visible(text) in plain
    assert f"note {visible(text)}" in plain
    assert "\x1b]" not in shown.getvalue()
    monkeypatch.setattr("sys.stderr", log)
    monkeypatch.setattr("autoencoder.machine.progress.SECONDS_BETWEEN_LINES", 0.0)
    with Progress(text, 2, "images") as bar:
        bar.advance(note=f"note {text}")
    assert log.getvalue().count("\n") == 1
    assert not unsafe(log.getvalue())
    assert f"note {visible(text)}".rstrip() in log.getvalue()
    tally("text: bar of progress", tried=2, worked=2)


# -------------------------------------------------------------------------------------------------------------- figures


def check_figure(figure, names):
    """Draw it; nothing is taken for a formula, and every name is written in it (shortened where it is long)."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    written = [text.get_text() for text in figure.findobj(Text)]
    for name in names:
        assert any(visible(name).strip()[:10] in text for text in written), name
    assert [text for text in written if unsafe(text)] == []


def figures_of(names):
    """Every kind of figure that shows classes, labels, titles or names, with all of `names` in it."""
    from autoencoder.plots import codes, comparison, curves, traversal, variance
    from autoencoder.plots.movies.figure import EvolutionFigure
    from autoencoder.plots.movies.panels import Shown
    from autoencoder.plots.predictions import confusion

    rng = np.random.default_rng(0)
    k = len(names)
    points, values = rng.normal(size=(5 * k, 2)), np.repeat(names, 5)
    image = rng.random((k, 8, 8))
    first = names[0]
    yield codes.code_scatter(
        points, values, "category", label=first, axes_names=("a", "b"), title=" ".join(names), header=first
    )
    yield codes.cluster_figure(image[:3], np.ones((3, k), int), names, ari=0.5, nmi=0.5, title=first)
    yield confusion.confusion_matrix(np.ones((k, k), int), names, accuracy=0.5, title=first)
    yield confusion.labelled_images(image, names, names[::-1], np.full(k, 0.5), title=first)
    rows = [comparison.ComparisonRow(name, name, image[:2], points, values, name) for name in names[:8]]
    yield comparison.comparison_figure(rows, image[:2], label=first, kind="category", title=first)
    yield traversal.traversal_strip(image, names, image[:, None], [first], [[name] for name in names], title=first)
    movie = traversal.TraversalMovie(image[:2], [(i / k, name) for i, name in enumerate(names)], first)
    movie.frame(image[:2], 0.5)
    yield movie._figure
    moving = EvolutionFigure(((-3.0, 3.0), (-3.0, 3.0)), [Shown(values, "category", name) for name in names[:2]])
    moving.draw(points, 0.0, 0)
    yield moving.figure
    yield variance.explained_variance(np.array([0.6, 0.4]), n_used=1, title=first)
    losses = {"epoch": np.arange(1.0, 4), "train_loss": np.array([1.0, 0.1, 0.01]), "lr": np.ones(3)}
    yield curves.loss_curves(losses)


SEEN = [name for name in NAMES if visible(name).strip()]
GROUPS = [SEEN[i : i + 12] for i in range(0, len(SEEN), 12)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [
        pytest.param(group, marks=[pytest.mark.slow] * (i > 0 and "$x$" not in group), id=str(i))
        for i, group in enumerate(GROUPS)
    ],
)
def test_figures_show_names_as_they_are(names, tally):
    complete = 5  # kinds of figures with all names in full: the first ones
    for i, figure in enumerate(figures_of(names)):
        check_figure(figure, names if i in (0, 1, 2) else names[:1] if i < complete else [])
        tally("text: figures", tried=1, worked=1)


def test_a_column_is_the_label_of_a_figure(tally):
    from autoencoder.plots.codes import code_scatter

    values = np.random.default_rng(0).normal(size=(40, 2))
    for name in ("cost $ per $\\frac{x", "$x$", "\x1b[2J", "\u9f20" * 100, "x" * 5000):
        figure = code_scatter(values, values[:, 0], "linear", label=readable(name), axes_names=("a", "b"), title=name)
        check_figure(figure, [readable(name)])
        assert figure.get_size_inches()[0] < 12
        tally("text: figures", tried=1, worked=1)


def test_formulas_of_other_figures_stay(monkeypatch):
    """What is turned off is turned off in our figures only, and a user's own choice of TeX is not for data's names."""
    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)
    figure = new_figure(2, 2)
    ax = figure.subplots()
    ax.set(title="\\input{/etc/passwd} $x", xlabel="$\\alpha$")
    check_figure(figure, ["\\input{/etc/passwd} $x"])
    assert matplotlib.rcParams["text.usetex"] is True
    assert matplotlib.rcParams["text.parse_math"] is True


def test_every_figure_is_made_in_one_place(root):
    made = set()
    for file in (root / "autoencoder").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in ("Figure", "PlainFigure", "figure", "subplots") and "plt" not in ast.unparse(node.func):
                    made |= {(file.name, called)}
            assert not (isinstance(node, (ast.Import, ast.ImportFrom)) and "pyplot" in ast.unparse(node)), file
    assert {file for file, called in made if called in ("Figure", "PlainFigure")} == {"figures.py"}


# ------------------------------------------------------------------------------------------------------- names of files


def test_every_column_has_a_file_of_its_own_in_the_folder(tmp_path, tally):
    """All hostile names at once, written and counted: none is missing, none is elsewhere."""
    from autoencoder.machine.files import replacing

    out = tmp_path / "deep" / "out"
    stems = file_stems(HOSTILE, taken=("clusters",))
    assert stems.keys() == set(HOSTILE)
    assert (stems["a_b"], stems["A_B"], stems["row"]) == ("a_b", "A_B_column", "row")
    for name, stem in stems.items():
        with replacing(out / f"{stem}.png") as temporary:
            temporary.write_text(name, encoding="utf-8", newline="")
    assert len(list(out.iterdir())) == len(HOSTILE)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != out] == []
    for name, stem in stems.items():
        assert (out / f"{stem}.png").read_bytes() == name.encode()
        assert not stem.startswith((".", "-"))
        assert stem.casefold() not in ("con", "nul", "clusters")
    assert len({stem.casefold() for stem in stems.values()}) == len(HOSTILE)
    assert len(movie_stem(list(stems.values())[:4]).encode()) <= LONGEST_STEM
    tally("text: names of files", tried=len(HOSTILE), worked=len(HOSTILE))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=200), unique=True, max_size=8))
def test_stems_of_any_names(names):
    stems = file_stems(names)
    assert len({stem.casefold() for stem in stems.values()}) == len(names)
    for name in names:
        stem = file_stem(name)
        assert len(stem.encode()) <= LONGEST_STEM
        assert re.fullmatch(r"[\w.-]*", stem)
        assert Path("out", f"{stem}.png").parent == Path("out")
        assert not stem.startswith((".", "-"))
    assert file_stems(names) == stems


def test_plain_names_stay():
    assert file_stems(["body_angle_deg", "x", "nearest port", "größe"]) == {
        "body_angle_deg": "body_angle_deg",
        "x": "x",
        "nearest port": "nearest_port",
        "größe": "größe",
    }


@pytest.mark.slow
def test_a_file_is_called_the_same_whatever_else_is_drawn(finished, tmp_path, succeed, tree):
    """Two columns drawn one after the other into the same folder: neither replaces the other's."""
    np.savez(tmp_path / "two.npz", **{"a b": np.arange(float(N)), "A_B": -np.arange(float(N))})
    out = tmp_path / "out"
    flags = ("--reduce", "pca", "--metadata", tmp_path / "two.npz", "--out", out)
    for name in ("a b", "A_B"):
        still = ("--snapshot", "last", "--show", "scatter", "--examples", 0)
        succeed("visualize", "--run", finished, *flags, "--color-by", name, *still)
    assert {"a_b_column.png", "A_B.png"} <= tree(out)


@pytest.mark.slow
def test_movies_and_pictures_stay_in_their_folder(hostile, tmp_path, tree, tally):
    run, _ = hostile
    names = ["../../etc/passwd", "/etc/x", "..", "x" * 300, "-rf", "cost $ per $\\frac{x", "a b", "a_b"]
    out = tmp_path / "a" / "b" / "c"
    short = ae.MovieOptions(examples=0, curves=False, seconds=0.2, format="gif")
    ae.visualize(run, reducer="pca", color_by=names, movie=short, out=out)
    ae.visualize(run, reducer="pca", color_by=names[:4], movie=replace(short, side_by_side=True), out=out)
    files = tree(tmp_path)
    assert all(file.startswith("a/b/c/") and file.count("/") == 3 for file in files)
    assert len([file for file in files if file.endswith(".gif")]) == len(names) + 1
    tally("text: names of files", tried=len(names) + 1, worked=len(names) + 1)


# ------------------------------------------------------------------------------------------------- files for programs


@pytest.fixture(scope="module")
def compared(hostile, tmp_path_factory, succeed):
    """The run beside a copy under a plainer name."""
    run, _ = hostile
    out = tmp_path_factory.mktemp("compared")
    other = shutil.copytree(run, out / "runs" / "=1+1")
    succeed("compare", run, other, "--reduce", "pca", "--color-by", "a b", "a_b", "--out", out / "out", "--quiet")
    return out / "out"


@pytest.mark.slow
def test_a_comparison_in_csv_holds_the_texts_themselves(compared, tally):
    with (compared / "comparison.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == [RUN_NAME, "=1+1"]
    assert {f"{name}:ridge" for name in NAMES} <= rows[0].keys()
    tally("text: files for programs", tried=1, worked=1)


@pytest.mark.slow
def test_a_comparison_in_json_holds_the_texts_themselves(compared, hostile, tree, tally):
    run, _ = hostile
    found = json.loads((compared / "comparison.json").read_text(encoding="utf-8"))
    assert [item["name"] for item in found["runs"]] == [RUN_NAME, "=1+1"]
    assert {item["column"] for item in found["runs"][0]["probes"]} >= set(NAMES)
    assert found["data"] == str(run.parent / f"{DATA_NAME}.npz")
    assert len([file for file in tree(compared) if file.endswith(".png")]) == 2  # of "a b" and of "a_b"
    tally("text: files for programs", tried=2, worked=2)


@pytest.mark.slow
def test_a_comparison_in_markdown_shows_text(compared, hostile, tally):
    """A renderer that lets HTML through makes nothing of it but tables and text."""
    run, _ = hostile
    text = (compared / "comparison.md").read_text(encoding="utf-8")
    assert not unsafe(text)
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    inline = [token for token in tokens if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children}
    assert kinds <= {"text", "text_special"}
    shown = ["".join(child.content for child in token.children) for token in inline]
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in tokens} <= {
        *("inline", "paragraph", "table", "thead", "tbody", "tr", "th", "td"),
    }
    cells = {cell.rpartition(" (")[0] for cell in shown}
    wanted = {one_line(name) for name in NAMES if one_line(name).strip()}
    assert wanted <= cells
    assert one_line(RUN_NAME) in shown
    assert any(one_line(str(run.parent / f"{DATA_NAME}.npz")) in line for line in shown)
    tally("text: Markdown", tried=len(NAMES), worked=len(NAMES))


@pytest.fixture(scope="module")
def exported(hostile, tmp_path_factory, succeed):
    run, _ = hostile
    out = tmp_path_factory.mktemp("exported")
    formats = ["npz", "projector", *(["parquet"] if importlib.util.find_spec("pyarrow") else [])]
    flags = ("--reduce", "pca", "--no-movies", "--out", out, "--quiet")
    succeed("visualize", "--run", run, *flags, "--export", *formats)
    return out / "export"


def test_an_exported_archive_leads_to_no_other_folder(exported, tally):
    with zipfile.ZipFile(exported / "evolution.npz") as archive:
        names = archive.namelist()
    assert len(set(names)) == len(names)
    for name in names:
        assert not posixpath.normpath(name.replace("\\", "/")).startswith(("/", "../"))
        assert posixpath.normpath(name.replace("\\", "/")).startswith("metadata/") == name.startswith("metadata/")
    with np.load(exported / "evolution.npz", allow_pickle=False) as arrays:
        for name in NAMES:
            if ".." not in name and name != ".":
                assert arrays[f"metadata/{name}"].shape == (N,)
    tally("text: files for programs", tried=len(NAMES), worked=len(NAMES))


def test_the_projectors_table_has_a_line_for_each_image(exported, tally):
    lines = (exported / "projector" / "metadata.tsv").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert len(lines) == N + 1
    assert {line.count("\t") for line in lines} == {len(NAMES)}
    assert not re.search(r"[\r\x00\x0b\x0c\x85\u2028]", "".join(lines))
    config = (exported / "projector" / "projector_config.pbtxt").read_text(encoding="utf-8")
    assert "/" not in config
    tally("text: files for programs", tried=1, worked=1)


def test_parquet_holds_the_texts_themselves(exported, tally):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    schema = parquet.read_schema(exported / "evolution.parquet")
    special = {"row": "row_column", "step": "step_column", "embedding_x": "embedding_x_column"}
    assert {special.get(name, name) for name in NAMES} <= set(schema.names)
    assert len(set(schema.names)) == len(schema.names)
    tally("text: files for programs", tried=len(NAMES), worked=len(NAMES))


def test_a_page_holds_texts_for_people(hostile, tmp_path, succeed, tally):
    """What the page reads: labels in words and nothing unseen. What a browser makes of it is in `tests/pages`."""
    run, _ = hostile
    out = tmp_path / "page.html"
    succeed("explore", run, "--reduce", "pca", "--out", out, "--quiet")
    text = out.read_text(encoding="utf-8")
    stored = re.search(r'<script type="application/json" id="content">(.*?)</script>', text, re.DOTALL)
    found = json.loads(stored[1])
    assert {column["label"] for column in found["columns"]} == {readable(name) for name in (*NAMES, LABELS)}
    assert found["title"] == visible(f"{RUN_NAME}, trained on {DATA_NAME}.npz")
    assert not unsafe(json.dumps(found, ensure_ascii=False))
    assert "Content-Security-Policy" in text
    assert text.count("<script") == len(EXPLORER_SCRIPTS) + 1
    tally("text: page", tried=len(NAMES), worked=len(NAMES))


# --------------------------------------------------------------------------------------------------- halves of a letter


@pytest.fixture
def moved(finished, tmp_path):
    """`finished` and its data, moved after its training to names with bytes that are no UTF-8.

    Old archives unpack to such names; Python reads each odd byte as half a letter, which no file in UTF-8 can hold.
    """
    run = shutil.copytree(finished, tmp_path / os.fsdecode(b"run \xff"))
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    data = shutil.copy(config["data"]["images"], tmp_path / os.fsdecode(b"data \xfe.npz"))
    config["data"] |= {"images": str(data), "metadata": None}
    (run / "config.json").write_text(json.dumps(config), encoding="ascii")
    return run


def test_names_that_are_no_unicode(moved, tmp_path, succeed, tally):
    exports = ("--export", "npz", "projector", "--out", tmp_path / "out")
    for command in (
        ("info", moved),
        ("info", tmp_path / os.fsdecode(b"data \xfe.npz")),
        ("explore", moved, "--reduce", "pca", "--out", tmp_path / "page.html"),
        ("visualize", "--run", moved, "--reduce", "pca", "--no-movies", *exports),
    ):
        assert not unsafe(succeed(*command).out)
        tally("text: names that are no Unicode", tried=1, worked=1)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["test", "compare", "train"])
def test_names_that_are_no_unicode_are_written(moved, tmp_path, succeed, tally, command):
    out = ("--out", tmp_path / "out")
    commands = {
        "test": ("test", "--run", moved, "--no-movies", *out),
        "compare": ("compare", moved, "--reduce", "pca", *out),
        "train": ("train", "--resume", moved, "--epochs", 4),
    }
    assert not unsafe(succeed(*commands[command]).out)
    tally("text: names that are no Unicode", tried=1, worked=1)


def test_labels_that_are_no_unicode_are_refused(finished, tmp_path, attempt):
    labels = np.array(["a\ud800", "b"] * (N // 2))
    np.savez(tmp_path / "labels.npz", labels=labels)
    flags = ("--reduce", "pca", "--metadata", tmp_path / "labels.npz", "--out", tmp_path / "out")
    still = ("--snapshot", "last", "--show", "clusters")
    for more in (still, ("--no-movies", "--export", "projector")):
        attempt("text: labels", tmp_path, "visualize", "--run", finished, *flags, *more, words=("labels.npz",))
