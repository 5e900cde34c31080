"""What objects show of themselves in a notebook: a small table and a picture, no arrays, and texts as they are."""

import base64
import html
import io
import re

import numpy as np
import pytest
from PIL import Image

import autoencoder as ae
from autoencoder.data.joining.join import Joined
from autoencoder.display.inline import show_page
from autoencoder.display.summary import MOST_NOTES, MOST_ROWS, Summary, strip
from autoencoder.plots.figures import Files, new_figure, save_figures
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
    opened = re.findall(r"<(div|table|tr|td|th|strong|thead|tbody)\b", text)
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
    assert text.count("<div>n</div>") == MOST_NOTES


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


def test_a_run(finished, finished_copy):
    for run in (ae.open_run(finished), ae.load_run(finished)):
        check(run, finished, "narrow", "3 of 3")
    (finished_copy / "split.npz").unlink()
    check(ae.open_run(finished_copy), "split.npz", n_pictures=0)


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
    check(files, "5 files", "a<b.png", n_pictures=3)


def test_a_page_is_in_a_frame_of_its_own(monkeypatch):
    shown = []
    display = pytest.importorskip("IPython.display")
    monkeypatch.setattr(display, "display", lambda bundle, raw: shown.append(bundle))
    show_page('<p title="a">&amp;</p>')
    frame = shown[0]["text/html"]
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == '<p title="a">&amp;</p>'
    assert 'sandbox="allow-scripts allow-downloads"' in frame
