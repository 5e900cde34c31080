"""A folder of pictures as a data set."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from autoencoder.data.dataset import Prepared, check_output, save_dataset
from autoencoder.data.sources.resize import fit, fit_problems, refuse_unfitting
from autoencoder.errors import UserError, raise_if_any
from autoencoder.machine.memory import refuse_too_large

FORMATS = ("PNG", "JPEG", "TIFF")
"""Only these are opened, whatever a file's name says: some of Pillow's other readers start programs."""

PICTURE_BYTES = 12
"""Memory that a pixel takes while it is read: four channels of 8 bits, or one of 32, and two copies."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")

SHOWN_SIZES = 5
"""How many pictures of another size are named, before the rest is counted."""


def prepare_images(
    folder: Path,
    output: Path,
    pad: int = 0,
    resize: int | None = None,
    limit: int | None = None,
    color: bool = False,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Prepared:
    """Turn the PNG, JPEG and TIFF pictures of a folder into a data set, in the order of their names.

    The column `file` is the path within the folder. Pictures in subfolders get the subfolder's name as `label`.
    Grayscale of 16 bits stays uint16; Pillow reads colour of 16 bits as 8.

    Args:
        folder: the pictures, or one subfolder of pictures per class.
        output: path with or without `.npz`.
        pad: black pixels to add on every side.
        resize: side of the square to resize to, after padding; needed where the pictures differ in size.
        limit: take so many pictures, the first ones, or evenly spaced ones where there are classes; None for all.
        color: keep three channels.
        overwrite: files of these names may be replaced.
        on_progress: called with the number of pictures done since the last call.

    Raises:
        UserError: there is no picture, some cannot be read or differ in size, or the output cannot be written.
    """
    raise_if_any(fit_problems(pad, resize, limit))
    files, n_others = _list_pictures(folder)
    check_output(output, overwrite=overwrite, inputs=files)
    relative = [file.relative_to(folder) for file in files]
    in_classes = len(relative[0].parts) > 1
    notes = [f"left out {n_others:,} files in {folder} that are no PNG, JPEG or TIFF"] if n_others else []
    if limit is not None and limit < len(files):
        how = "evenly spaced" if in_classes else "the first"
        notes.append(f"took {how} {limit:,} of {len(files):,} pictures")
        taken = np.linspace(0, len(files) - 1, limit).astype(int).tolist() if in_classes else range(limit)
        files, relative = [files[i] for i in taken], [relative[i] for i in taken]

    images = _read_all(files, pad, resize, color, on_progress)
    columns = {"file": np.array([path.as_posix() for path in relative])}
    if in_classes:
        columns["label"] = np.array([path.parts[0] for path in relative])
    return save_dataset(output, images, columns, overwrite=overwrite, notes=tuple(notes))


def _list_pictures(folder: Path) -> tuple[list[Path], int]:
    """Pictures of `folder`, sorted by their paths, and the number of other files; hidden ones are in neither."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: check the path of the pictures")
    paths = [path for path in folder.rglob("*") if path.is_file()]
    visible = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    pictures = sorted(path for path in visible if path.suffix.lower() in SUFFIXES)
    if not pictures:
        raise UserError(f"{folder} holds no picture: PNG, JPEG and TIFF are read")
    raise_if_any(
        f"the name of {path} is no UTF-8 text, and cannot be written to the metadata: rename it"
        for path in pictures
        if not _is_text(str(path.relative_to(folder)))
    )
    loose = [path for path in pictures if path.parent == folder]
    if loose and len(loose) < len(pictures):
        raise UserError(
            f"{folder} holds {len(loose):,} pictures beside its subfolders, such as {loose[0].name}, and these have no "
            "class: put them into a subfolder"
        )
    return pictures, len(visible) - len(pictures)


def _is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8, which names of files need not be."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_all(
    files: list[Path], pad: int, resize: int | None, color: bool, on_progress: Callable[[int], None] | None
) -> np.ndarray:
    """(N, H, W) or, with `color`, (N, 3, H, W); uint8 or uint16."""
    images: np.ndarray | None = None
    unreadable: list[str] = []
    unlike: list[str] = []
    for i, file in enumerate(files):
        try:
            image = _read_picture(file, color)
            if images is None:
                refuse_unfitting(len(files), image, pad, resize, f"{len(files):,} pictures like {file}")
            image = fit(image, pad, resize)
        except UserError as error:
            unreadable += error.problems
        else:
            if images is None:
                first, images = file, np.empty((len(files), *image.shape), image.dtype)
            if image.dtype != images.dtype:
                unlike.append(f"{file} is {image.dtype} and {first} is {images.dtype}: save both with as many bits")
            elif image.shape != images.shape[1:]:
                unlike.append(f"{file} is {_size(image)} pixels and {first} is {_size(images)}: give a size (--resize)")
            else:
                images[i] = image
        if on_progress is not None:
            on_progress(1)
    if len(unlike) > SHOWN_SIZES:
        unlike = [*unlike[:SHOWN_SIZES], f"and {len(unlike) - SHOWN_SIZES:,} more of this kind"]
    raise_if_any(unreadable + unlike)
    assert images is not None  # there is at least one file, and none was unreadable
    return images


def _size(image: np.ndarray) -> str:
    return f"{image.shape[-1]} x {image.shape[-2]}"


def _read_picture(file: Path, color: bool) -> np.ndarray:
    """(H, W) or, with `color`, (3, H, W); uint8, or uint16 for grayscale of 16 bits."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # Of large pictures, which are refused by the memory there is, and of entries that nothing depends on.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=FORMATS) as picture:
                width, height = picture.size
                refuse_too_large(str(file), width * height * PICTURE_BYTES, "make it smaller, or take it away")
                picture.load()
                if getattr(picture, "n_frames", 1) > 1:
                    raise UserError(f"{file} holds {picture.n_frames} pictures: save each as a file of its own")  # type: ignore[attr-defined]
                deep = picture.mode.startswith("I")
                if picture.mode == "F":
                    raise UserError(f"{file} holds floats: save it with 8 or 16 bits, or all together as an .npy")
                pixels = np.asarray(picture if deep else picture.convert("RGB" if color else "L"))
    except UserError:
        raise
    except Exception as error:  # what damaged files raise in three readers is not documented
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{file} cannot be read as a picture ({reason}): mend it or take it away") from None
    if deep:
        if pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max:
            raise UserError(f"{file} holds values of 32 bits: save it with 8 or 16 bits")
        pixels = pixels.astype(np.uint16)
        return np.stack([pixels] * 3) if color else pixels
    return pixels.transpose(2, 0, 1) if color else pixels
