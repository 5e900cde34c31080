"""Figures whose texts are shown as they are, since names of columns, labels and runs may hold anything."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, Self, TypeVar

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from autoencoder.config.movies import AS_PNG, DPI, FigureOptions
from autoencoder.display.summary import DPI as SUMMARY_DPI
from autoencoder.display.summary import Summary, picture_html, picture_of
from autoencoder.machine.files import replacing

UNDATED: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""What a format would write of the time, which would make the files of one figure differ."""

WRITTEN: dict[Any, Any] = {"svg.fonttype": "path", "pdf.fonttype": 42}
"""In an SVG letters are outlines, which look the same where the font is missing; in a PDF they are text with the font,
which can be searched and edited."""


MOST_SHOWN = 3
"""Pictures that a notebook shows of a list of files; the others can be asked for by their names."""

_Found = TypeVar("_Found")


class Files(list[Path]):
    """Files that were written, with the figures among them as matplotlib's objects.

    A list like any other; joined to another one by `+` or `+=` it takes over its figures.

    Attributes:
        figures: by the names of their files without the suffix; of two that are called the same, the second one has
            its folder's name before it, such as `fc2/scatter`.
    """

    def __init__(self, files: Iterable[Path] = (), figures: Mapping[str, Figure] | None = None) -> None:
        super().__init__(files)
        self.figures = dict(figures or {})

    def _repr_html_(self) -> str:
        """What a notebook shows: the names of the files, and the first pictures."""
        return self.html()

    def html(self, shown: str = "") -> str:
        """The names of the files and the first pictures, and how to see the others.

        Args:
            shown: HTML that stands before it; pictures in it are not shown again.
        """
        drawn = []
        for name, figure in list(self.figures.items())[:MOST_SHOWN]:
            picture = rendered(figure, name, dpi=SUMMARY_DPI)
            drawn += [picture] if picture_html(picture) not in shown else []
        only_files = self._pictures_without_figure()
        for file in only_files[: max(0, MOST_SHOWN - len(self.figures))]:
            picture_in_file = picture_of(file)
            drawn += [picture_in_file] if picture_in_file is not None else []
        notes = []
        if hidden := list(self.figures)[MOST_SHOWN:]:
            notes.append(f"more pictures, by their names in the .figures of these files: {', '.join(hidden)}")
        if hidden_files := only_files[max(0, MOST_SHOWN - len(self.figures)) :]:
            notes.append(f"more pictures, as files only: {', '.join(file.name for file in hidden_files)}")
        title = f"{len(self):,} file{'s' * (len(self) != 1)}"
        return Summary(title, [(file.name, file.parent) for file in self], pictures=drawn, notes=notes).html()

    def _pictures_without_figure(self) -> list[Path]:
        """PNG files of which there is no figure, such as a movie's last frame."""
        names = {name.rpartition("/")[2] for name in self.figures}
        return [file for file in self if file.suffix.lower() == ".png" and file.stem not in names]

    def __iadd__(self, other: Iterable[Path]) -> Self:  # type: ignore[override,misc]  # the types of `+` are narrower
        if isinstance(other, Files):
            of_file = {file.stem: file for file in other}
            for name, figure in other.figures.items():
                is_taken = name in self.figures and name in of_file
                self.figures[f"{of_file[name].parent.name}/{name}" if is_taken else name] = figure
        self.extend(other)
        return self

    def __add__(self, other: Any) -> Files:  # type: ignore[override]  # as `+=` does
        joined = Files(self, self.figures)
        joined += other
        return joined


class Found(NamedTuple, Generic[_Found]):
    """What was found, and the files that were written: a pair, which can be unpacked as any tuple.

    Attributes:
        found: the object that holds the numbers.
        files: that were written, with the figures among them.
    """

    found: _Found
    files: Files

    def __repr__(self) -> str:
        return f"({self.found!r}, <{len(self.files):,} files>)"

    def _repr_html_(self) -> str:
        """What a notebook shows: what was found, as it shows itself, and the files with their pictures."""
        show = getattr(self.found, "_repr_html_", None)
        shown = "" if show is None else str(show())
        return shown + self.files.html(shown)


class PlainFigure(Figure):
    """A figure in which no text is a formula.

    Matplotlib reads what stands between two dollar signs as one, and fails where it is none ("cost $ per $\\frac{x");
    and where its user has it write with TeX, a text could run TeX's commands. All of this is decided when a figure is
    drawn and for its own texts only: settings of other figures in the same process stay as they are.
    """

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        return rendered(self, "figure")

    def draw(self, renderer: Any) -> None:
        """Draw all that is in it."""
        for text in self.findobj(Text):
            assert isinstance(text, Text)
            text.set_parse_math(False)
            text.set_usetex(False)
        # The settings are for texts that are made while it is drawn, such as those of ticks.
        with matplotlib.rc_context({"text.parse_math": False, "text.usetex": False}), boxes_for_unknown_letters():
            super().draw(renderer)


def new_figure(width: float, height: float, layout: Any = None) -> Figure:
    """An empty white figure of `width` by `height` inches that belongs to no window; `layout` as `Figure` takes it."""
    fig = PlainFigure(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(fig)
    return fig


@contextlib.contextmanager
def boxes_for_unknown_letters() -> Iterator[None]:
    """Draw a letter that no font has as a box, as everywhere, without a warning for each.

    Fonts that are named after the first one in matplotlib's own settings (`font.sans-serif`) are tried before that.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from", UserWarning)
        yield


def rendered(figure: Figure, name: str, form: str = "png", dpi: int = DPI) -> bytes:
    """A figure as the bytes of a file; the same figure and name give the same bytes.

    Args:
        figure: to draw.
        name: of the file, without its suffix.
        form: one of `autoencoder.config.movies.FIGURE_FORMATS`.
        dpi: dots per inch of what is pixels.
    """
    buffer = io.BytesIO()
    with matplotlib.rc_context({**WRITTEN, "svg.hashsalt": name}):
        figure.savefig(buffer, format=form, dpi=dpi, metadata=UNDATED.get(form))
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path, dpi: int = DPI) -> Path:
    """Write a figure in the format that the suffix of its name says: `.png`, `.svg` or `.pdf`."""
    with replacing(path) as temporary:
        temporary.write_bytes(rendered(figure, path.stem, path.suffix[1:], dpi))
    return path


def save_figures(figure: Figure, stem: Path, options: FigureOptions = AS_PNG) -> Files:
    """Write a figure in each format that is asked for.

    Args:
        figure: to write.
        stem: path of the files without their suffix, which may hold dots.
        options: formats and resolution.

    Returns:
        the files, in the order of the formats.
    """
    files = [save_figure(figure, stem.with_name(f"{stem.name}.{form}"), options.dpi) for form in options.formats]
    return Files(files, {stem.name: figure})


def save_and_hold(figure: Figure, stem: Path, options: FigureOptions, held: Sequence[str]) -> tuple[Files, list[bytes]]:
    """Write a figure as `save_figures` does, and also give what a page holds of it.

    Args:
        figure, stem, options: see `save_figures`.
        held: formats for the page, whether they are written or not.

    Returns:
        the files, and the bytes in each of the formats `held`.
    """
    wanted = dict.fromkeys((*options.formats, *held))
    drawn = {form: rendered(figure, stem.name, form, options.dpi) for form in wanted}
    files = [stem.with_name(f"{stem.name}.{form}") for form in options.formats]
    for file, form in zip(files, options.formats, strict=True):
        with replacing(file) as temporary:
            temporary.write_bytes(drawn[form])
    return Files(files, {stem.name: figure}), [drawn[form] for form in held]
