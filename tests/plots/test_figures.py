from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from autoencoder.config.movies import FigureOptions
from autoencoder.errors import UserError
from autoencoder.plots.curves import loss_curves
from autoencoder.plots.drawing import draw_title
from autoencoder.plots.figures import Files, new_figure, rendered, save_and_hold, save_figure, save_figures

EPOCHS = np.arange(1, 5, dtype=float)


def drawn(name: str = "loss (MSE)") -> Figure:
    return loss_curves({"epoch": EPOCHS, "train_loss": 1 / EPOCHS}, name)


def test_a_figure_is_written_in_each_format(tmp_path: Path) -> None:
    files = save_figures(drawn(), tmp_path / "a.b", FigureOptions(("pdf", "png", "svg")))
    assert [file.name for file in files] == ["a.b.pdf", "a.b.png", "a.b.svg"]
    assert [file.read_bytes()[:4] for file in files] == [b"%PDF", b"\x89PNG", b"<?xm"]


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(form: str) -> None:
    assert rendered(drawn(), "loss", form) == rendered(drawn(), "loss", form)


def test_dpi_changes_pixels_and_no_places() -> None:
    def size(dpi: int) -> tuple[int, int]:
        import io

        return Image.open(io.BytesIO(rendered(drawn(), "loss", "png", dpi))).size

    assert size(300) == tuple(3 * side for side in size(100))


def test_texts_of_a_pdf_are_text_with_their_font() -> None:
    content = rendered(drawn(), "loss", "pdf")
    assert b"/FontFile2" in content
    assert b"/CIDFontType2" in content or b"/TrueType" in content
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


def test_texts_of_an_svg_need_no_font() -> None:
    content = rendered(drawn(), "loss", "svg").decode()
    assert "<text" not in content
    assert not re.search("<dc:date>", content)


def test_what_is_no_format_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="'jpeg': choose from png, svg, pdf"):
        FigureOptions(("png", "jpeg"))
    with pytest.raises(UserError, match="name at least one format"):
        FigureOptions(())
    for dpi in (0, -1, 29, 601, 10**9):
        with pytest.raises(UserError, match=f"30 to 600, not {dpi}"):
            FigureOptions(dpi=dpi)


def test_a_page_holds_formats_that_are_not_written(tmp_path: Path) -> None:
    files, (png, svg) = save_and_hold(drawn(), tmp_path / "loss", FigureOptions(("pdf",)), ("png", "svg"))
    assert [file.name for file in tmp_path.iterdir()] == ["loss.pdf"] == [file.name for file in files]
    assert (png[:4], svg[:4]) == (b"\x89PNG", b"<?xm")
    assert png == save_figure(drawn(), tmp_path / "loss.png").read_bytes()


def test_files_carry_their_figures(tmp_path):
    """A list of paths like any other, whose figures go along when lists are joined."""
    first, second = new_figure(1, 1), new_figure(1, 1)
    made = save_figures(first, tmp_path / "a" / "scatter", FigureOptions(("png", "svg")))
    assert made == [tmp_path / "a" / "scatter.png", tmp_path / "a" / "scatter.svg"]
    assert made.figures == {"scatter": first}
    made += [tmp_path / "a" / "numbers.json"]
    made += save_figures(second, tmp_path / "b" / "scatter")
    assert made.figures == {"scatter": first, "b/scatter": second}
    both = Files([tmp_path / "page.html"]) + made
    assert both == [tmp_path / "page.html", *made]
    assert both.figures == made.figures


def test_the_title_of_a_figure_can_be_replaced() -> None:
    """As that of any of matplotlib's figures; nothing is written over it."""
    fig = new_figure(4, 3)
    draw_title(fig, ["two", "lines"])
    assert fig.get_suptitle() == "two\nlines"
    before = fig.findobj(Text)[0].get_window_extent(fig.canvas.get_renderer())  # type: ignore[attr-defined]
    assert before.x0 + before.x1 == pytest.approx(400, abs=1)
    fig.suptitle("another one")
    assert [text.get_text() for text in fig.texts] == ["another one"]
