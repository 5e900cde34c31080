"""What objects show of themselves in a notebook: a small table and a picture, no arrays, and texts as they are."""

import base64
import dataclasses
import html
import inspect
import io
import re

import numpy as np
import pytest
from PIL import Image

import autoencoder as ae
from autoencoder.data.joining.join import Joined
from autoencoder.data.metadata import Metadata
from autoencoder.display.inline import show_page
from autoencoder.display.summary import MOST_NOTES, MOST_ROWS, MOST_SIDE, Summary, strip
from autoencoder.plots.figures import Files, Found, new_figure, rendered, save_figures
from autoencoder.workflows.movies.score import HEADER, ScoreTable

HOSTILE = '<script>alert("x")</script>\x1b[2J\u202e'


def pictures(text):
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def check(shown, *words, n_pictures=1):
    """A fragment of HTML that is well formed, has these words, and is no larger than it should be."""
    text = shown._repr_html_()
    for word in words:
        assert html.escape(str(word)) in text
    assert len(pictures(text)) == n_pictures
    assert all(max(picture.size) < 2000 for picture in pictures(text))
    opened = re.findall(r"<(div|table|tr|td|th|strong|thead|tbody|details|summary)\b", text)
    assert sorted(opened) == sorted(re.findall(r"</(\w+)>", text))
    for form in (re.sub(r"base64,[^\"]+", "", text), repr(shown)):
        assert "array(" not in form
        assert len(form) < 12_000
    return text


def test_texts_are_shown_as_they_are():
    text = Summary(HOSTILE, [(HOSTILE, HOSTILE)], (HOSTILE,), [(HOSTILE,)], notes=(HOSTILE,)).html()
    assert text.count("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;\\x1b[2J\\u202e") == 6
    assert "<script" not in text


def test_what_is_long_is_counted():
    text = Summary("t", header=("a",), rows=[(str(i),) for i in range(MOST_ROWS + 5)], notes=["n"] * 10).html()
    assert text.count("<tr>") == 1 + MOST_ROWS + 1
    assert "and 5 more" in text
    shown, folded = text.split("<details>")
    assert shown.count("<div>n</div>") == MOST_NOTES
    assert folded.count("<div>n</div>") == 10 - MOST_NOTES
    assert "<summary>and 2 more</summary>" in folded


@pytest.mark.parametrize(("channels", "shown"), [(1, 0.5), (3, 0.5), (2, 0.5)])
def test_a_strip_holds_the_images(channels, shown):
    images = np.full((3, channels, 10, 20), 0.5, np.float32)
    images[1] = np.nan
    picture = np.asarray(Image.open(io.BytesIO(strip(images))))
    assert picture.shape == (70, 3 * (140 + 2), 3)  # enlarged by 7, a gap after each
    assert (picture[:, :140] == 128).all()
    assert (picture[:, 142:282] == 0).all()
    assert (picture[:, 140:142] == 255).all()


def test_a_data_set(tmp_path, tiny):
    images = ae.load_images(tiny)
    check(images, "60 images of 1x16x16, uint8", tiny, "clean, mask", "body_angle_deg", "circular")
    data = ae.prepare_arena(tmp_path / "arena", 20, size=16)
    check(data, "20 of 1x16x16", "body_angle_deg")
    assert len(data.load()) == 20
    notes, warnings = tuple(f"note {i}" for i in range(12)), ("a warning",)
    prepared = dataclasses.replace(data.prepared, notes=notes, warnings=warnings)
    many = dataclasses.replace(data, prepared=prepared, failed={"m3": "no frame"})
    assert many.notes == ["recording 'm3' failed: no frame", "warning: a warning", *notes]
    check(many, *many.notes)


def test_columns_are_taken_by_name_and_shown(tiny):
    images = ae.load_images(tiny)
    assert (images["x"] == images.metadata.column("x")).all()
    assert (images.metadata["x"] == images["x"]).all()
    assert "x" in images.metadata
    assert "label" not in images.metadata
    assert tuple(images.metadata) == images.metadata.names
    check(
        images.metadata, "metadata of 60 images", "body_angle_deg", "circular", tiny.with_suffix(".csv"), n_pictures=0
    )
    assert repr(images.metadata).startswith("<Metadata of 60 rows: ")
    check(Metadata({}), "metadata of 0 images", n_pictures=0)
    for wrong, said in (("label", "there is no column 'label'"), (0, "images.images"), (slice(5), "images.images")):
        with pytest.raises(ae.UserError, match=said):
            images[wrong]
    with pytest.raises(ae.UserError, match="take"):
        images.metadata[:5]
    with pytest.raises(TypeError, match="not iterable"):
        list(images)


def test_a_run(finished, finished_copy):
    for run in (ae.open_run(finished), ae.load_run(finished)):
        check(run, finished, "narrow", "3 of 3")
    (finished_copy / "split.npz").unlink()
    check(ae.open_run(finished_copy), "split.npz", n_pictures=0)


def test_what_describes_a_file_or_folder(finished, tiny):
    """Facts, and groups of them, of which long ones are folded away."""
    text = check(ae.describe(finished), f"run {finished}", "best validation loss", "batch_size", n_pictures=0)
    assert "<details><summary>configuration</summary>" in text
    found = ae.describe(tiny)
    assert "60 of 1x16x16" in found["images"]
    text = check(found, f"file {tiny}", "masks", found["columns"]["body_angle_deg"], n_pictures=0)
    few = len(found["columns"]) <= MOST_ROWS
    assert f"<details{' open' if few else ''}><summary>columns</summary>" in text
    checkpoint = next(iter(finished.glob("checkpoints/*.pt")))
    check(ae.describe(checkpoint), f"checkpoint {checkpoint}", "stored values", n_pictures=0)


@pytest.mark.slow
def test_a_test_and_a_comparison(finished, tmp_path):
    check(ae.evaluate(finished), "held-out images", "PSNR")
    found = ae.compare([finished])
    check(found, "held-out images", "narrow", "reconstruct")
    found, files = ae.compare_runs([finished], out=tmp_path / "out", reducer="pca", color_by=["x"])
    check(found, "PSNR (dB)")
    check(files, "comparison.csv")
    assert list(files.figures) == ["comparison-x"]
    assert files.figures["comparison-x"].axes
    assert files.figures["comparison-x"]._repr_png_().startswith(b"\x89PNG")
    assert found.tables()[0][1][0][0] == "run"


def test_a_table_that_was_joined():
    found = Joined({"licks": np.arange(9.0)}, {"rates": np.zeros((9, 3))}, 9, 6, 40, 30, notes=("3 images have none",))
    check(found, "6 of 9", "10 of 40", "licks", "rates, 3 wide", "3 images have none", n_pictures=0)


def test_a_table_of_scores():
    found = ScoreTable("of runs/a", [["umap-joint", *["0.5"] * (len(HEADER) - 1)]], ["tsne: no"], Files())
    check(found, *HEADER, "umap-joint", "tsne: no", n_pictures=0)


def test_files_show_their_first_figures(tmp_path):
    files = save_figures(new_figure(1, 1), tmp_path / "a<b")
    for name in "cdef":
        files += save_figures(new_figure(1, 1), tmp_path / name)
    check(files, "5 files", "a<b.png", "in the .figures of these files: e, f", n_pictures=3)


def test_files_show_pictures_that_are_no_figures(tmp_path):
    """Such as the last frame of a movie, smaller than it is; of four, one is only named, and what is damaged is not
    shown."""
    names = [tmp_path / f"{name}.png" for name in "abcd"]
    for file in names:
        Image.new("RGB", (3000, 1500)).save(file)
    text = check(Files(names), "4 files", "more pictures, as files only: d.png", n_pictures=3)
    assert {picture.size for picture in pictures(text)} == {(MOST_SIDE, MOST_SIDE // 2)}
    names[0].write_text("no picture")
    check(Files([*names[:2], tmp_path / "a.npz", tmp_path / "gone.png"]), "a.npz", n_pictures=1)
    check(Files([names[1]], {"b": new_figure(1, 1)}), "1 file", n_pictures=1)


def test_what_was_found_shows_itself_and_its_pictures_once(tmp_path):
    """A pair of what was found and of files is a tuple that displays as both."""
    files = save_figures(new_figure(1, 1), tmp_path / "one") + save_figures(new_figure(2, 1), tmp_path / "two")

    class Number:
        def __repr__(self):
            return "<Number>"

        def _repr_html_(self):
            return Summary("a number", pictures=[rendered(files.figures["one"], "one", dpi=50)]).html()

    pair = Found(Number(), files)
    found, written = pair
    assert isinstance(pair, tuple)
    assert found is pair.found is pair[0]
    assert written is pair.files is files
    check(pair, "a number", "2 files", n_pictures=2)
    assert repr(pair) == "(<Number>, <2 files>)"
    check(Found({}, files), "2 files", n_pictures=2)


def test_every_function_that_writes_files_lists_them_with_figures(finished, tmp_path):
    for name in ("visualize", "encode", "export", "clips", "look", "traverse", "demo"):
        assert inspect.get_annotations(getattr(ae, name))["return"] == "Files", name
    drawn = ae.visualize(finished, reducer="pca", color_by="x", out=tmp_path, movie=ae.MovieOptions(seconds=0.2))
    assert drawn.figures == {}
    check(drawn, "4 files", "x.png", "x.mp4")
    assert ae.encode(finished, out=tmp_path / "codes.csv").figures == {}


def test_a_page_is_in_a_frame_of_its_own(monkeypatch):
    shown = []
    display = pytest.importorskip("IPython.display")
    monkeypatch.setattr(display, "display", lambda bundle, raw: shown.append(bundle))
    show_page('<p title="a">&amp;</p>')
    frame = shown[0]["text/html"]
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == '<p title="a">&amp;</p>'
    assert 'sandbox="allow-scripts allow-downloads"' in frame
