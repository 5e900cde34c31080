"""Pictures as a data set: those of a folder, or the pages of one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoencoder.data.dataset import Prepared, check_output, save_dataset
from autoencoder.data.images import depth_advice
from autoencoder.data.recipe import RECIPE_VERSION
from autoencoder.data.sources.pictures import FORMATS_NAME, SUFFIXES, Picture, list_pages, read_pages
from autoencoder.data.sources.resize import BLACK, Fitting, fit_image, refuse_unfitting, square_note
from autoencoder.errors import UserError, number_of, raise_if_any
from autoencoder.machine.file_names import numbers_apart


@dataclass(frozen=True)
class _Page:
    """One image to be: the place of its file in the list of files, its page in there, and its place among the pages."""

    file: int
    number: int
    place: int


def prepare_images(
    source: Path,
    output: Path,
    pad: int = 0,
    resize: int | None = None,
    limit: int | None = None,
    color: bool = False,
    *,
    fit: str | None = None,
    background: int = BLACK,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
    on_total: Callable[[int], None] | None = None,
) -> Prepared:
    """Turn PNG, JPEG, TIFF and GIF pictures into a data set, in the natural order of their names.

    Every page of a file is an image, as it is seen: turned as EXIF says, with the background behind what is
    transparent. The column `file` is the path within the folder. Pictures in subfolders get the subfolder's name as
    `label`. Where every file has several pages, these are taken for neighbours in time: `frame` is the page, from 0,
    and `recording` the file, where there are several. Where only some have, `page` counts them. Grayscale of 16 bits
    stays uint16; Pillow reads colour of 16 bits as 8.

    Args:
        source: a folder of pictures, or of one subfolder of pictures per class; or a single file.
        output: path with or without `.npz`.
        pad: pixels of background to add on every side.
        resize: side of the square to resize to, after padding; needed where the pictures differ in size.
        limit: take so many images, the first ones, or evenly spaced ones where there are classes; None for all.
        color: keep three channels.
        fit: one of `SQUARES`: how pictures that are not square are resized to squares; None for padding them.
        background: what is added, and what lies behind transparent pixels, 0 (black) to 255 (white).
        overwrite: files of these names may be replaced.
        on_progress: called with the number of images done since the last call.
        on_total: called with the number of images, as soon as it is known.

    Raises:
        UserError: there is no picture, some cannot be read or differ in size, or the output cannot be written.
    """
    fitting = Fitting(pad, resize, fit, background, limit)
    raise_if_any(fitting.problems)
    folder = source if source.is_dir() else source.parent
    files, n_others = _list_pictures(folder) if source.is_dir() else ([_single(source)], 0)
    check_output(output, overwrite=overwrite, inputs=files)
    in_classes = len(files[0].relative_to(folder).parts) > 1
    notes = [f"left out {n_others:,} files in {folder} that are not {FORMATS_NAME}"] if n_others else []

    pages_of, unreadable = _list_all_pages(files)
    pages = [_Page(i, number, place) for i, numbers in enumerate(pages_of) for place, number in enumerate(numbers)]
    are_stacks = [len(numbers) > 1 for numbers in pages_of]
    if limit is not None and limit < len(pages):
        how = "evenly spaced" if in_classes else "the first"
        notes.append(f"took {how} {limit:,} of {len(pages):,} pictures")
        taken = np.linspace(0, len(pages) - 1, limit).astype(int).tolist() if in_classes else range(limit)
        pages = [pages[i] for i in taken]
    if on_total is not None:
        on_total(len(pages))

    reading = _Reading(files, len(pages), fitting, color, on_progress, unreadable)
    images = reading.read(pages)
    columns, note = _columns(files, folder, pages, are_stacks)
    if in_classes:
        columns["label"] = np.array([files[page.file].relative_to(folder).parts[0] for page in pages])
    notes += [*reading.notes(), *([note] if note is not None else [])]
    if (advice := depth_advice(images)) is not None:
        notes.append(advice)
    recipe = {
        "command": "prepare images",
        "version": RECIPE_VERSION,
        "source": source.resolve().name,
        "color": color,
        **vars(fitting),
    }
    return save_dataset(output, images, columns, recipe=recipe, overwrite=overwrite, notes=tuple(notes))


# --------------------------------------------------------------------------------------------------------------- files


def _single(file: Path) -> Path:
    """A file of pictures, where it may be one by its name."""
    if not file.exists():
        raise UserError(f"there is no file or folder {file}: check the path of the pictures")
    if file.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"{file} is not a picture by its name: {FORMATS_NAME} are read; for videos use 'prepare video'; .npy and "
            ".npz need no preparing"
        )
    _refuse_other_names([file.name], file.parent)
    return file


def _list_pictures(folder: Path) -> tuple[list[Path], int]:
    """Pictures of `folder`, in natural order, and the number of other files; hidden ones are in neither."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    visible = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    pictures = [path for path in visible if path.suffix.lower() in SUFFIXES]
    if not pictures:
        raise UserError(f"{folder} holds no pictures: {FORMATS_NAME} are read")
    pictures.sort(key=lambda path: _natural(path.relative_to(folder)))
    _refuse_other_names([str(path.relative_to(folder)) for path in pictures], folder)
    loose = [path for path in pictures if path.parent == folder]
    if loose and len(loose) < len(pictures):
        raise UserError(
            f"{folder} holds {len(loose):,} pictures beside its subfolders, such as {loose[0].name}, which have no "
            "class: put them into a subfolder"
        )
    return pictures, len(visible) - len(pictures)


def _natural(path: Path) -> tuple[list[list[str | int]], str]:
    """A key to sort paths by: numbers in names by their value, letters in any case, ties by the text itself."""
    parts = [*path.parts[:-1], path.stem, path.suffix]
    return [numbers_apart(part.casefold()) for part in parts], path.as_posix()


def _refuse_other_names(names: Sequence[str], folder: Path) -> None:
    raise_if_any(
        f"the name of {folder / name} is not UTF-8 text, and cannot be written to the metadata: rename it"
        for name in names
        if not _is_text(name)
    )


def _is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8, which names of files need not be."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _list_all_pages(files: Sequence[Path]) -> tuple[list[Sequence[int]], dict[int, list[str]]]:
    """The pages of each file, and by the file's place what is wrong with those that cannot be opened."""
    pages: list[Sequence[int]] = []
    problems: dict[int, list[str]] = {}
    for i, file in enumerate(files):
        try:
            pages.append(list_pages(file))
        except UserError as error:
            pages.append(())
            problems[i] = list(error.problems)
    return pages, problems


def _columns(
    files: Sequence[Path], folder: Path, pages: Sequence[_Page], are_stacks: Sequence[bool]
) -> tuple[dict[str, np.ndarray], str | None]:
    """The columns that tell images apart, and what is to be said of them."""
    names = [file.relative_to(folder) for file in files]
    columns = {"file": np.array([names[page.file].as_posix() for page in pages])}
    places = np.array([page.place for page in pages], np.int64)
    if not any(are_stacks):
        return columns, None
    if not all(are_stacks):
        return columns | {"page": places}, None
    columns["frame"] = places
    if len(files) == 1:
        what = f"the pages of {files[0].name} are treated as the frames of a film, so blocks of them are held out"
    else:
        short = Counter(name.with_suffix("").as_posix() for name in names)
        recordings = [
            (name if short[name.with_suffix("").as_posix()] > 1 else name.with_suffix("")).as_posix() for name in names
        ]
        columns["recording"] = np.array([recordings[page.file] for page in pages])
        what = "each file is treated as a film and its pages as frames, so blocks of them or whole files are held out"
    layers = "if the pages are not a sequence in time (layers, for example), remove the column 'frame' from the CSV"
    return columns, f"{what}; {layers}"


# ------------------------------------------------------------------------------------------------------------- reading


class _Reading:
    """Reads images, and keeps in mind what is to be said of them.

    Args:
        files: all of them.
        n: number of images.
        fitting: how they get their size.
        color: keep three channels.
        on_progress: called with the number of images done since the last call.
        unreadable: what is known to be wrong with files, by their places.
    """

    def __init__(
        self,
        files: Sequence[Path],
        n: int,
        fitting: Fitting,
        color: bool,
        on_progress: Callable[[int], None] | None,
        unreadable: dict[int, list[str]],
    ) -> None:
        self._files, self._n, self._fitting, self._color = files, n, fitting, color
        self._on_progress, self._unreadable = on_progress, dict(unreadable)
        self._images: np.ndarray | None = None
        self._n_done = self._n_turned = self._n_transparent = 0
        self._sizes: dict[tuple[int, int], str] = {}  # with the first picture of each, as are the next two
        self._fitted: dict[tuple[int, int], str] = {}
        self._types: dict[str, str] = {}
        self._n_of_type: Counter[str] = Counter()

    def read(self, pages: Sequence[_Page]) -> np.ndarray:
        """(N, H, W) or, with `color`, (N, 3, H, W); uint8 or uint16. Each file is opened once.

        Raises:
            UserError: everything that is wrong with the pictures.
        """
        wanted: dict[int, list[int]] = {}
        for page in pages:
            wanted.setdefault(page.file, []).append(page.number)
        for i, numbers in wanted.items():
            before = self._n_done
            try:
                pictures = read_pages(self._files[i], numbers, self._color, self._fitting.background)
                for number, picture in zip(numbers, pictures, strict=True):
                    self._keep(
                        picture, f"page {number} of {self._files[i]}" if len(numbers) > 1 else str(self._files[i])
                    )
                    self._done(1)
            except UserError as error:
                self._unreadable[i] = list(error.problems)
                self._done(before + len(numbers) - self._n_done)
        unreadable = [problem for i in sorted(self._unreadable) for problem in self._unreadable[i]]
        raise_if_any(unreadable + self._differences())
        assert self._images is not None  # there is at least one picture, and none was unreadable
        return self._images

    def notes(self) -> list[str]:
        """What was done to the pictures that not everybody expects, a sentence each."""
        notes, background = [], self._fitting.background_name
        if self._n_turned:
            how = "and are used as they are displayed (EXIF)"
            notes.append(f"{self._n_turned:,} of {self._n:,} pictures were stored turned or mirrored, {how}")
        if self._n_transparent:
            notes.append(
                f"{self._n_transparent:,} of {self._n:,} pictures have transparent pixels, which are now {background} "
                "(--background black|white|0-255)"
            )
        note = square_note(list(self._sizes), self._fitting)
        return notes if note is None else [*notes, note]

    def _keep(self, picture: Picture, named: str) -> None:
        """Fit a picture and put it in its place, or remember why it does not go with the others."""
        size = picture.pixels.shape[-1], picture.pixels.shape[-2]
        if size not in self._sizes:
            n = 1 if self._sizes else self._n
            refuse_unfitting(n, picture.pixels, self._fitting, f"{number_of(n, 'picture')} like {named}")
            self._sizes[size] = named
        image = fit_image(picture.pixels, self._fitting)
        if self._images is None:
            self._images = np.empty((self._n, *image.shape), image.dtype)
        self._types.setdefault(str(image.dtype), named)
        self._n_of_type[str(image.dtype)] += 1
        self._fitted.setdefault((image.shape[-1], image.shape[-2]), named)
        if image.dtype == self._images.dtype and image.shape == self._images.shape[1:]:
            self._images[self._n_done] = image
        self._n_turned += picture.turned
        self._n_transparent += picture.transparent

    def _done(self, n: int) -> None:
        self._n_done += n
        if self._on_progress is not None and n:
            self._on_progress(n)

    def _differences(self) -> list[str]:
        """What keeps the pictures from being one set, a sentence each."""
        problems = []
        if len(self._types) > 1:
            (more, _), (fewer, n_fewer) = self._n_of_type.most_common()
            problems.append(
                f"{n_fewer:,} of {self._n:,} pictures are {fewer}, such as {self._types[fewer]}, and "
                f"{self._types[more]} is {more}: save all with the same number of bits"
            )
        if len(self._fitted) > 1:
            by_area = sorted(self._fitted, key=lambda size: (size[0] * size[1], size))
            smallest, largest = (f"{w} x {h} pixels ({self._fitted[w, h]})" for w, h in (by_area[0], by_area[-1]))
            problems.append(
                f"the pictures have {len(by_area):,} sizes, from {smallest} to {largest}: make them squares of one "
                "size (--resize N)"
            )
        return problems
