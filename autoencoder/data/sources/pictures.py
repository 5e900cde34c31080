"""The pictures in a file: PNG, JPEG, TIFF and GIF, with one page or many."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autoencoder.data.sources.resize import as_deep
from autoencoder.errors import UserError
from autoencoder.machine.memory import refuse_too_large

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "TIFF", "GIF")
"""Only these are opened, whatever a file's name says: some of Pillow's other readers start programs."""

FORMATS_NAME = "PNG, JPEG, TIFF and GIF"

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif")

PICTURE_BYTES = 20
"""Memory that a pixel takes while it is read: four channels of 8 bits, or one of 32, in up to five copies."""

ORIENTATION = 0x0112
"""The tag, in EXIF and TIFF, of where the first row and the first column of the stored pixels belong."""

UPRIGHT = 1
"""The orientation of what is stored as it is seen."""

SUBFILE_TYPE, PHOTOMETRIC, DESCRIPTION = 0x00FE, 0x0106, 0x010E
"""TIFF's tags of what a page is for, of what its values mean, and of free text."""

NOT_PICTURES = 0b101
"""Bits of `SUBFILE_TYPE`: a page is a smaller version of another one, or a mask of it."""

WHITE_IS_ZERO = 0
"""The `PHOTOMETRIC` of negatives. Pillow turns those of 8 bits into positives, and leaves those of 16 as they are."""

GIF_END, GIF_TAIL = b";", 1024
"""The last byte of a GIF, and where it is looked for: some programs write zeros behind it."""

DEEP_WITH_ALPHA = ("LA;16B", "RGB;16B")
"""How PNG stores 16 bits that Pillow reads as 8, which the value of a transparent colour then does not fit."""

WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
"""Pillow's modes with a channel of opacity."""

FEW_BITS = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies gray of 2 and of 4 bits by, though not the value that stands for transparent."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A page as people see it.

    Attributes:
        pixels: (H, W) or (3, H, W); uint8, or uint16 for grayscale of 16 bits.
        turned: it was stored in another orientation.
        transparent: some pixels were transparent, and have the background behind them.
    """

    pixels: np.ndarray
    turned: bool
    transparent: bool


def list_pages(file: Path) -> Sequence[int]:
    """Numbers of the pages of a file that are pictures of their own: not previews, masks, or stereo twins.

    Raises:
        UserError: the file cannot be read as pictures, or is cut short.
    """
    with _opened(file) as picture:
        n = 1 if picture.format in ("JPEG", "MPO") else getattr(picture, "n_frames", 1)
        if picture.format == "GIF" and not _ends_as_gif(file):
            raise ValueError("it is cut short")
        if picture.format == "TIFF":
            _refuse_hidden_pages(file, picture, n)
            return _tiff_pages(picture, n) if n > 1 else range(1)
        # The picture of an animated PNG for programs that show no animations is none of its frames.
        return range(1, n) if n > 1 and picture.info.get("default_image", False) else range(n)


def read_pages(file: Path, pages: Sequence[int], color: bool, background: int) -> Iterator[Picture]:
    """Read pages of a file, one after the other.

    Args:
        file: PNG, JPEG, TIFF or GIF.
        pages: of `list_pages`, in ascending order.
        color: keep three channels.
        background: what lies behind transparent pixels, 0 (black) to 255 (white).

    Raises:
        UserError: a page cannot be read, does not fit into memory, or holds pixels of another kind.
    """
    with _opened(file) as picture:
        turn = UPRIGHT
        for number, page in enumerate(pages):
            if page:
                picture.seek(page)
            width, height = picture.size
            refuse_too_large(str(file), width * height * PICTURE_BYTES, "make it smaller, or remove it")
            if picture.format == "TIFF":
                turn = _orientation(picture)  # of this page; loading it turns it, and takes the tag away
            layout = _layout(picture)
            picture.load()
            if picture.format != "TIFF" and number == 0:
                turn = _orientation(picture)  # of the file; PNG may have it behind the pixels
            named = f"page {page} of {file}" if len(pages) > 1 else str(file)
            pixels, transparent = _read_loaded(picture, layout, color, background, named)
            if picture.format != "TIFF":
                pixels = _turned(pixels, turn)
            yield Picture(np.ascontiguousarray(pixels), turn != UPRIGHT, transparent)


@contextmanager
def _opened(file: Path) -> Iterator[Image]:
    """The file, open; whatever goes wrong with it is a `UserError` that names it."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # Of large pictures, which are refused by the memory there is, and of entries that nothing depends on.
            warnings.simplefilter("ignore")
            # Not by its name: Pillow 13 maps files that it has opened into memory, and then takes the width of a TIFF
            # that is stored on its side for its height.
            with file.open("rb") as content, Image.open(content, formats=FORMATS) as picture:
                yield picture
    except UserError:
        raise
    except Exception as error:  # what damaged files raise in four readers is not documented
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{file} cannot be read as a picture ({reason}): repair or remove it") from None


# --------------------------------------------------------------------------------------------------------------- pages


def _tiff_pages(picture: Image, n: int) -> list[int]:
    """Pages that are no previews or masks of others; all, where none would be left."""
    kinds = []
    for page in range(n):
        picture.seek(page)
        kinds.append(_tag(picture, SUBFILE_TYPE, 0))
    return [page for page, kind in enumerate(kinds) if not kind & NOT_PICTURES] or list(range(n))


def _refuse_hidden_pages(file: Path, picture: Image, n: int) -> None:
    """Refuse the large stacks of ImageJ, which list their first page only; the others lie behind it unlisted."""
    described = str(_tag(picture, DESCRIPTION, ""))
    found = re.search(r"^images=([0-9]+)", described, re.MULTILINE) if described.startswith("ImageJ=") else None
    if found is not None and int(found[1]) > n:
        raise UserError(
            f"{file} is a stack of {int(found[1]):,} images in ImageJ's own way, and lists {n} of them: save it in "
            "ImageJ as File > Save As > Image Sequence, and give that folder"
        )


def _tag(picture: Image, number: int, default: Any) -> Any:
    """The value of a tag of a TIFF's page."""
    return picture.tag_v2.get(number, default)  # type: ignore[attr-defined]


def _ends_as_gif(file: Path) -> bool:
    """Whether a GIF has its last byte: without it, frames may be missing that nothing else tells of."""
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - GIF_TAIL))
        return content.read().rstrip(b"\0").endswith(GIF_END)


# -------------------------------------------------------------------------------------------------------------- pixels


def _layout(picture: Image) -> str:
    """How pixels lie in the file, such as "L;4"; only known before they are loaded."""
    arguments = picture.tile[0][3] if getattr(picture, "tile", None) else ""  # type: ignore[attr-defined]
    return str(arguments if isinstance(arguments, str) or not arguments else arguments[0])


def _read_loaded(picture: Image, layout: str, color: bool, background: int, named: str) -> tuple[np.ndarray, bool]:
    """Pixels of the page that is loaded, (H, W) or (3, H, W), and whether some were transparent."""
    if picture.mode == "F":
        raise UserError(f"{named} holds floats: save it with 8 or 16 bits, or all together as an .npy")
    key = picture.info.get("transparency")
    if layout in DEEP_WITH_ALPHA and (key is not None or layout.startswith("LA")):
        raise UserError(f"{named} has both 16 bits and transparent pixels, which cannot be read: save it with 8 bits")
    deep = picture.mode.startswith("I")
    if deep or (picture.mode in ("1", "L") and isinstance(key, int)):
        pixels = _deep(picture, named) if deep else np.asarray(picture.convert("L"))
        hidden = pixels == _hidden_value(picture.mode, layout, key)
        pixels = np.where(hidden, np.array(as_deep(background, pixels.dtype), pixels.dtype), pixels)
        return (np.stack([pixels] * 3) if color else pixels), bool(hidden.any())
    transparent = False
    if _may_be_transparent(picture):
        picture, transparent = _on_background(picture, background)
    shown = np.asarray(picture.convert("RGB" if color else "L"))
    return (shown.transpose(2, 0, 1) if color else shown), transparent


def _hidden_value(mode: str, layout: str, key: int | None) -> int:
    """The gray that stands for transparent, as pixels are loaded, of what is stored for it; -1 where nothing is."""
    if key is None:
        return -1
    return 255 * bool(key) if mode == "1" else key * FEW_BITS.get(layout, 1)


def _deep(picture: Image, named: str) -> np.ndarray:
    """(H, W) uint16 of grayscale of more than 8 bits."""
    pixels = np.asarray(picture)
    if pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max:
        raise UserError(f"{named} holds values of 32 bits: save it with 8 or 16 bits")
    pixels = pixels.astype(np.uint16)
    is_negative = picture.format == "TIFF" and picture.mode != "I" and _tag(picture, PHOTOMETRIC, 1) == WHITE_IS_ZERO
    return ~pixels if is_negative else pixels


def _may_be_transparent(picture: Image) -> bool:
    palette = picture.palette.mode if picture.mode == "P" and picture.palette is not None else ""
    return picture.mode in WITH_ALPHA or palette == "RGBA" or "transparency" in picture.info


def _on_background(picture: Image, background: int) -> tuple[Image, bool]:
    """The picture with the background behind it, and whether that shows anywhere."""
    from PIL import Image

    layers = picture.convert("RGBA")
    if np.asarray(layers.getchannel("A")).min() == 255:
        return picture, False
    behind = Image.new("RGBA", layers.size, (background,) * 3 + (255,))
    return Image.alpha_composite(behind, layers).convert("RGB"), True


# --------------------------------------------------------------------------------------------------------- orientation


def _orientation(picture: Image) -> int:
    """The EXIF orientation, 1 to 8; `UPRIGHT` where there is none that can be read, as picture viewers take it."""
    try:
        found = picture.getexif().get(ORIENTATION, UPRIGHT)
    except Exception:  # what damaged EXIF raises is not documented, and its picture is whole
        return UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else UPRIGHT


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (..., H, W) as they are seen, of those stored in an EXIF orientation."""
    if orientation >= 5:  # rows are stored as columns
        pixels = pixels.swapaxes(-1, -2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[..., ::-1, :]
    return pixels[..., ::-1] if orientation in (2, 3, 6, 7) else pixels
