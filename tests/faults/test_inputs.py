"""Bad input of every kind: a command works, or refuses in one line that names the file or the flag and the remedy.

Each case is a name, what the input is, and the words that the refusal must hold (None: it may also work, as with input
that is odd and not wrong). What happened is checked and counted by the fixture `attempt`: no traceback, no
hang, and no file that was not there before. Warnings count as tracebacks, since they would be lines on standard error.
"""

import argparse
import bz2
import contextlib
import gzip
import io
import json
import os
import re
import struct
import tempfile
import warnings
import wave
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autoencoder.cli.flags.options import names
from autoencoder.cli.main import build_parser
from autoencoder.config import DataConfig, RunConfig
from autoencoder.machine import memory

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("error::UserWarning"),
    pytest.mark.filterwarnings("error::DeprecationWarning:autoencoder"),
]

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 9, 10), dtype=np.uint8)
FLOATS = PIXELS.astype(np.float32) / 255
N = len(PIXELS)


# ---------------------------------------------------------------------------------------------- how a file is put wrong


def cut(content, share):
    return content[: int(len(content) * share)]


def flipped(content, place):
    place %= len(content)
    return content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_with_header(text, values=b"", version=1, length=None):
    """An .npy whose header says whatever it is told to."""
    text = text.encode() if isinstance(text, str) else text
    size = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + values


def header(shape, descr="'|u1'", fortran=False):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


def npz(compression=zipfile.ZIP_STORED, **arrays):
    return archive([(f"{name}.npy", npy(array)) for name, array in arrays.items()], compression)


def archive(members, compression=zipfile.ZIP_STORED, comment=b""):
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", compression) as opened:
        warnings.simplefilter("ignore")  # of two members of a name
        for name, content in members:
            opened.writestr(zipfile.ZipInfo(name), content, compression)
        opened.comment = comment
    return file.getvalue()


def patched(content, signature, offset, form, value):
    """A field changed in every record of a zip that starts with `signature`; centrals are PK\\1\\2, locals PK\\3\\4."""
    content, at = bytearray(content), -1
    while (at := content.find(signature, at + 1)) >= 0:
        struct.pack_into(form, content, at + offset, value)
    return bytes(content)


def encrypted(content):
    return patched(patched(content, b"PK\1\2", 8, "<H", 1), b"PK\3\4", 6, "<H", 1)


def compressed_by(content, method):
    return patched(patched(content, b"PK\1\2", 10, "<H", method), b"PK\3\4", 8, "<H", method)


def promising(n_images):
    """An .npz that says in all places that it holds so many images, and holds none of them."""
    start = npy_with_header(header((n_images, 9, 10)))
    size = min(len(start) + 90 * n_images, 2**32 - 2)
    return patched(archive([("images.npy", start)]), b"PK\1\2", 24, "<I", size)


def idx(array, code=0x08, shape=None):
    sides = array.shape if shape is None else shape
    big_endian = array.astype(array.dtype.newbyteorder(">")).tobytes()
    return bytes([0, 0, code, len(sides)]) + struct.pack(f">{len(sides)}I", *sides) + big_endian


def png(array, **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png", **options)
    return file.getvalue()


def png_of_size(width, height):
    """A small PNG whose header says another size."""
    content = bytearray(png(PIXELS[0]))
    struct.pack_into(">II", content, 16, width, height)
    struct.pack_into(">I", content, 29, zlib.crc32(bytes(content[12:29])))
    return bytes(content)


# ------------------------------------------------------------------------------------------------------- arrays: .npz


def odd_text(code_point):
    return np.array([code_point] * N, np.uint32).view("<U1")


NPZ = {
    **{f"cut at {share:.0%}": (cut(npz(images=PIXELS), share), ["again"]) for share in (0.01, 0.3, 0.6, 0.9, 0.99)},
    "compressed, cut": (cut(npz(zipfile.ZIP_DEFLATED, images=PIXELS), 0.7), ["again"]),
    "empty": (b"", ["empty", "again"]),
    "text": (b"not an array\n" * 50, ["damaged", "again"]),
    "an npy": (npy(PIXELS), ["damaged", "again"]),
    "gzip": (gzip.compress(npy(PIXELS)), ["damaged", "again"]),
    "zeros": (bytes(5000), ["damaged", "again"]),
    "no members": (archive([]), ["Call it 'images'"]),
    "a member of no bytes": (archive([("images.npy", b"")]), ["again"]),
    "a folder in it": (archive([("images/", b"")]), ["again"]),
    "text in it": (archive([("images.npy", b"hello" * 99)]), ["again"]),
    "objects": (npz(images=np.array([[[{}]]], object)), ["Python objects", "save numbers"]),
    "several arrays and no images": (npz(a=PIXELS, b=PIXELS), ["Call it 'images'", "a (12, 9, 10)"]),
    "two of a name": (archive([("images.npy", npy(PIXELS)), ("images.npy", npy(PIXELS))]), ["2 arrays", "'images'"]),
    "two of a name, one without suffix": (
        archive([("images.npy", npy(PIXELS)), ("images", npy(PIXELS))]),
        ["2 arrays", "'images'"],
    ),
    "encrypted": (encrypted(npz(images=PIXELS)), ["encrypted", "again"]),
    "bzip2": (npz(zipfile.ZIP_BZIP2, images=PIXELS), ["does not write", "again"]),
    "lzma": (npz(zipfile.ZIP_LZMA, images=PIXELS), ["does not write", "again"]),
    "unknown compression": (compressed_by(npz(images=PIXELS), 99), ["again"]),
    "a flipped bit of a pixel": (flipped(npz(images=PIXELS), 500), ["again"]),
    "a flipped bit of deflated data": (flipped(npz(zipfile.ZIP_DEFLATED, images=PIXELS), 400), ["again"]),
    "a flipped bit of the directory": (flipped(npz(images=PIXELS), -30), None),
    "a wrong name in the local header": (npz(images=PIXELS).replace(b"images.npy", b"imagos.npy", 1), ["again"]),
    "header says more than there is": (
        archive([("images.npy", npy(PIXELS).replace(b"(12,", b"(13,"))]),
        ["damaged", "again"],
    ),
    "header says less than there is": (
        archive([("images.npy", npy(PIXELS).replace(b"(12,", b"(11,"))]),
        ["damaged", "again"],
    ),
    "header in all places says 4 GB": (promising(2**40), ["again"]),
    "header of 4 GB": (
        archive([("images.npy", npy_with_header(b" " * 100, version=2, length=2**32 - 1))]),
        ["header of 4,294,967,295 bytes"],
    ),
    "header of 3 MB, which deflates": (
        archive([("images.npy", npy_with_header(b" " * 3_000_000, version=2))], zipfile.ZIP_DEFLATED),
        ["header of 3,000,000 bytes"],
    ),
    "version 3": (archive([("images.npy", npy(PIXELS).replace(b"NUMPY\1", b"NUMPY\3", 1))]), ["version", "again"]),
    "bytes before the archive": (b"#!/bin/sh\n" + npz(images=PIXELS), None),
    "bytes after the archive": (npz(images=PIXELS) + b"more", None),
    "a comment": (archive([("images.npy", npy(PIXELS))], comment=b"hello"), None),
    "names outside of the folder": (
        archive([("images.npy", npy(PIXELS)), ("../up.npy", npy(np.arange(N))), ("/tmp/root.npy", npy(np.arange(N)))]),
        None,
    ),
    "names of control characters": (
        archive([("images.npy", npy(PIXELS)), ("\x1b[2J\r\n.npy", npy(np.arange(N)))]),
        None,
    ),
    "clean of another shape": (npz(images=PIXELS, clean=PIXELS[:, 1:]), ["clean", "they must be the same"]),
    "clean of another type": (npz(images=PIXELS, clean=FLOATS), ["clean", "same type"]),
    "clean with NaN": (npz(images=FLOATS, clean=FLOATS * np.nan), ["values of 'clean'", "NaN"]),
    "clean of text": (npz(images=PIXELS, clean=PIXELS.astype(str)), ["clean", "same type"]),
    "clean of no dimension": (npz(images=PIXELS, clean=np.uint8(3)), ["clean", "they must be the same"]),
    "mask of another shape": (npz(images=PIXELS, mask=PIXELS[:5]), ["mask", "(12, 1, 9, 10)"]),
    "mask of text": (npz(images=PIXELS, mask=PIXELS.astype(str)), ["mask", "uint8"]),
    "mask of complex numbers": (npz(images=PIXELS, mask=PIXELS.astype(complex)), ["mask", "uint8"]),
    "mask with infinity": (npz(images=PIXELS, mask=np.full(PIXELS.shape, np.inf)), ["values of 'mask'", "infinite"]),
    "mask of dates": (npz(images=PIXELS, mask=PIXELS.astype("datetime64[s]")), ["mask", "uint8"]),
    "regions without names": (npz(images=PIXELS, regions=PIXELS), ["region_names", "save np.array"]),
    "regions beyond their names": (npz(images=PIXELS, regions=PIXELS, region_names=np.array(["a", "b"])), ["0 to 1"]),
    "regions of dates": (
        npz(images=PIXELS, regions=PIXELS.astype("datetime64[s]"), region_names=np.array(["a", "b"])),
        ["regions", "whole numbers"],
    ),
    "regions with names of control characters": (
        npz(images=PIXELS, regions=PIXELS % 2, region_names=np.array(["\x1b[2J", "$\\frac{x$"])),
        None,
    ),
    "mask of 0 and 255": (npz(images=PIXELS, mask=(PIXELS > 99).astype(np.uint8) * 255), None),
    "a column of another length": (npz(images=PIXELS, x=np.arange(11)), ["'x'", "11 values", "12 images"]),
    "a column of complex numbers": (npz(images=PIXELS, x=np.arange(N) * 1j), ["'x'", "numbers or text"]),
    "a column of dates": (npz(images=PIXELS, x=np.arange(N).astype("datetime64[D]")), ["'x'", "numbers or text"]),
    "a column of records": (npz(images=PIXELS, x=np.zeros(N, "i4,f8")), ["'x'", "numbers or text"]),
    "a column of infinity": (npz(images=PIXELS, x=np.full(N, np.inf)), ["'x'", "infinite in row 0"]),
    "a column beyond 64 bits": (npz(images=PIXELS, x=np.full(N, "1e4000").astype(np.longdouble)), ["'x'", "infinite"]),
    "a column of no Unicode": (npz(images=PIXELS, x=odd_text(0x110000)), ["'x'", "not characters"]),
    "a column of half pairs": (npz(images=PIXELS, x=odd_text(0xD800)), ["'x'", "not characters"]),
    "a column of bytes": (npz(images=PIXELS, x=np.array([b"\xff"] * N)), ["'x'", "not ASCII text"]),
    "an angle of text": (npz(images=PIXELS, a_deg=np.array(["n"] * N)), ["a_deg", "rename"]),
    "columns of every kind that is read": (
        npz(images=PIXELS, a=np.arange(N) > 3, b=np.arange(N, dtype=">u2"), c=np.full(N, 2**64 - 1), d=FLOATS[:, 0, 0]),
        None,
    ),
}


@pytest.mark.parametrize(("content", "words"), NPZ.values(), ids=NPZ)
def test_npz(tmp_path, attempt, content, words):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "images.npz"
    path.write_bytes(content)
    attempt("npz", tmp_path, "info", path, words=words if words is None else (str(path), *words))
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["images.npz"]


# ------------------------------------------------------------------------------------------------------- arrays: .npy


def with_value(value, dtype=np.float32):
    array = np.zeros((N, 9, 10), dtype)
    array[7, 3, 4] = value
    return npy(array)


NPY = {
    "cut": (cut(npy(PIXELS), 0.5), ["cut short", "again"]),
    "cut in the header": (cut(npy(PIXELS), 0.04), ["damaged", "again"]),
    "one byte": (b"\x93", ["damaged", "again"]),
    "empty": (b"", ["empty", "again"]),
    "text": (b"not an array\n" * 50, ["damaged", "again"]),
    "an npz": (npz(images=PIXELS), [".npz under the name of an .npy", "rename"]),
    "wrong magic": (b"\x93NUMPI" + npy(PIXELS)[6:], ["damaged", "again"]),
    "version 3": (npy(PIXELS).replace(b"NUMPY\1", b"NUMPY\3", 1), ["version", "again"]),
    "version 9": (npy(PIXELS).replace(b"NUMPY\1", b"NUMPY\x09", 1), ["damaged", "again"]),
    "header that is no dictionary": (npy_with_header("[1, 2]\n"), ["damaged", "again"]),
    "header of nothing": (npy_with_header(""), ["damaged", "again"]),
    "header of bytes": (npy_with_header(bytes(range(200))), ["damaged", "again"]),
    "header of brackets": (npy_with_header("(" * 9000), ["damaged", "again"]),
    "header of closed brackets": (npy_with_header("[" * 4000 + "]" * 4000), ["again"]),
    "header that runs code": (npy_with_header("__import__('os').abort()"), ["damaged", "again"]),
    "header longer than the file": (npy_with_header("{", length=9000), ["damaged", "again"]),
    "header of 4 GB": (npy_with_header("{", version=2, length=2**32 - 1), ["header of 4,294,967,295 bytes"]),
    "header with one entry more": (npy_with_header(header((1, 9, 10))[:-3] + "'x': 1}\n"), ["damaged", "again"]),
    "negative side": (npy_with_header(header((-1, 9, 10))), ["impossible shape", "again"]),
    "two negative sides": (npy_with_header(header((-4, -9, 10)), bytes(360)), ["impossible shape", "again"]),
    "side of words": (npy_with_header(header(("'x'", 9, 10))), ["damaged", "again"]),
    "side of 100 digits": (npy_with_header(header((10**100, 9, 10))), ["cut short", "again"]),
    "side of 5,000 digits": (npy_with_header(header(f"({'9' * 5000}, 9, 10)")), ["damaged", "again"]),
    "zero times beyond measure": (npy_with_header(header((0, 10**30, 10))), ["damaged", "again"]),
    "zero times 2**62 times 2**62": (npy_with_header(header((0, 2**62, 2**62))), ["damaged", "again"]),
    "70 dimensions": (npy_with_header(header((1,) * 70), b"1"), ["damaged", "again"]),
    "values of no size": (npy_with_header(header((10**12, 9, 10), "'<U0'")), ["no size", "again"]),
    "text of 10**10 characters": (npy_with_header(header((1,), "'<U9999999999'")), ["again"]),
    "a type that there is not": (npy_with_header(header((1, 9, 10), "'<q7'")), ["damaged", "again"]),
    "a type of brackets": (npy_with_header(header((1,), "[" * 50 + "]" * 50)), ["again"]),
    "written by Python 2": (npy_with_header(header("(12L, 9L, 10L)"), PIXELS.tobytes()), None),
    "written by Python 2 and cut": (npy_with_header(header("(12L, 9L, 10L)"), PIXELS.tobytes()[1:]), ["cut short"]),
    "bytes after the values": (npy(PIXELS) + b"more", None),
    "objects": (npy(np.array([1, "a", None], object)), ["Python objects", "save numbers"]),
    "records": (npy(np.zeros((N, 9, 10), "u1,u1")), ["type", "astype"]),
    "arrays within values": (npy_with_header(header((N, 9), "('|u1', (10,))"), PIXELS.tobytes()), None),
    "int64": (npy(PIXELS.astype(np.int64)), ["int64", "astype"]),
    "int8": (npy(PIXELS.astype(np.int8)), ["int8", "astype"]),
    "uint32": (npy(PIXELS.astype(np.uint32)), ["uint32", "astype"]),
    "bool": (npy(PIXELS > 3), ["bool", "astype('uint8')"]),
    "complex": (npy(PIXELS * 1j), ["complex128", "astype"]),
    "float128": (npy(FLOATS.astype(np.longdouble)), ["float128", "astype"]),
    "text as values": (npy(PIXELS.astype(str)), ["<U3", "astype"]),
    "dates": (npy(PIXELS.astype("datetime64[s]")), ["datetime64", "astype"]),
    "no dimension": (npy(np.uint8(3)), ["shape ()", "(N, height, width)"]),
    "one dimension": (npy(PIXELS.ravel()), ["(1080,)", "(N, height, width)"]),
    "two dimensions": (npy(PIXELS[0]), ["(9, 10)", "(N, height, width)"]),
    "five dimensions": (npy(PIXELS[:, None, None]), ["(12, 1, 1, 9, 10)", "(N, height, width)"]),
    "channels last": (npy(np.zeros((2, 20, 20, 3), np.uint8)), ["channels last", "transpose"]),
    "no images": (npy(PIXELS[:0]), ["no pixel", "again"]),
    "no height": (npy(PIXELS[:, :0]), ["no pixel", "again"]),
    "no width": (npy(PIXELS[:, :, :0]), ["no pixel", "again"]),
    "no channels": (npy(PIXELS[:, None][:, :0]), ["no pixel", "again"]),
    "NaN": (with_value(np.nan), ["NaN", "image 7", "nan_to_num"]),
    "infinite": (with_value(np.inf), ["infinite", "image 7", "nan_to_num"]),
    "negative": (with_value(-0.5), ["negative", "shift"]),
    "over the largest value": (with_value(200.0), ["200", "--max-pixel-value 255"]),
    "1e300": (with_value(1e300, np.float64), ["1e+300", "scale"]),
    "all NaN": (npy(FLOATS * np.nan), ["1,080 pixels", "NaN"]),
    "one image": (npy(PIXELS[:1]), None),
    "one pixel": (npy(PIXELS[:1, :1, :1]), None),
    "float16, big-endian": (npy(FLOATS.astype(">f2")), None),
    "float64, big-endian": (npy(FLOATS.astype(">f8")), None),
    "uint16, big-endian": (npy(PIXELS.astype(">u2")), None),
    "Fortran's order": (npy(np.asfortranarray(PIXELS)), None),
    "16 channels": (npy(np.zeros((3, 16, 9, 9), np.uint8)), None),
}


@pytest.mark.parametrize(("content", "words"), NPY.values(), ids=NPY)
def test_npy(tmp_path, attempt, content, words):
    path = tmp_path / "images.npy"
    path.write_bytes(content)
    attempt("npy", tmp_path, "info", path, words=words if words is None else (str(path), *words))


MAX_PIXEL_VALUES = {
    "less than there is": ("100", ["over the largest pixel value 100", "--max-pixel-value 255"]),
    "nothing that 32 bits can hold": ("1e-300", ["1e-30"]),
    "more than 32 bits can hold": ("1e300", ["1e+30"]),
    "negative": ("-255", ["--max-pixel-value", "positive"]),
    "NaN": ("nan", ["--max-pixel-value", "positive"]),
    "infinite": ("1e999", ["--max-pixel-value", "positive"]),
}


@pytest.mark.parametrize(("value", "words"), MAX_PIXEL_VALUES.values(), ids=MAX_PIXEL_VALUES)
def test_max_pixel_value(tmp_path, attempt, value, words):
    (tmp_path / "images.npy").write_bytes(npy(PIXELS))
    attempt(flags_of("info"), tmp_path, "info", tmp_path / "images.npy", f"--max-pixel-value={value}", words=words)


# --------------------------------------------------------------------------------------- arrays: what training asks for

TO_TRAIN_ON = {
    "too small": (npy(np.zeros((40, 4, 16), np.uint8)), ["4x16", "8x8", "--pad or --resize"]),
    "fewer than a batch": (npy(np.zeros((30, 16, 16), np.uint8)), ["24", "--batch-size 24"]),
    "one image": (npy(np.zeros((1, 16, 16), np.uint8)), ["at least 2"]),
    "two dimensions": (npy(np.zeros((40, 16), np.uint8)), ["(40, 16)", "(N, height, width)"]),
    "values over the flag": (npy(np.full((40, 16, 16), 101, np.uint8)), ["--max-pixel-value 101"]),
}


@pytest.mark.parametrize(("content", "words"), TO_TRAIN_ON.values(), ids=TO_TRAIN_ON)
def test_what_training_refuses(tmp_path, attempt, content, words):
    path = tmp_path / "images.npy"
    path.write_bytes(content)
    flags = ("--batch-size", 32, "--max-pixel-value", 100)
    attempt("npy", tmp_path, "train", path, "--run", tmp_path / "runs" / "run", *flags, words=words)
    assert not (tmp_path / "runs").exists()


# ---------------------------------------------------------------------------------------------------- what is no file


def missing(path):
    pass


def folder(path):
    path.mkdir()


def device(path):
    path.symlink_to("/dev/zero")


def dangling(path):
    path.symlink_to(path.parent / "nowhere")


def loop(path):
    path.symlink_to(path)


NO_FILES = {
    "missing": (missing, ["there is no file"]),
    "a folder": (folder, ["folder"]),
    "a pipe": (os.mkfifo, ["pipe"]),
    "a device": (device, ["device"]),
    "a dangling link": (dangling, ["there is no file"]),
    "a link to itself": (loop, []),
}
WHERE = {
    "images in npz": ("x.npz", lambda p: ("train", p, "--run", p.parent / "run")),
    "images in npy": ("x.npy", lambda p: ("train", p, "--run", p.parent / "run")),
    "info on npy": ("x.npy", lambda p: ("info", p)),
    "checkpoint": ("x.pt", lambda p: ("info", p)),
    "metadata": ("x.csv", lambda p: ("train", p.parent / "images.npy", "--metadata", p, "--run", p.parent / "run")),
    "metadata in npz": ("x.npz", lambda p: ("train", p.parent / "images.npy", "--metadata", p)),
    "metadata in npy": ("x.npy", lambda p: ("train", p.parent / "images.npy", "--metadata", p, "--columns", "a")),
    "idx": ("x.gz", lambda p: ("prepare", "idx", p, "--out", p.parent / "set")),
    "labels": ("x", lambda p: ("prepare", "idx", p.parent / "i.idx", "--labels", p, "--out", p.parent / "set")),
    "video": ("x.mp4", lambda p: ("prepare", "video", p, "--pose", p.parent / "p.csv", "--out", p.parent / "set")),
    "pose": ("x.csv", lambda p: ("prepare", "video", p.parent / "i.idx", "--pose", p, "--out", p.parent / "set")),
    "pose in slp": (
        "x.slp",
        lambda p: ("prepare", "video", p.parent / "i.idx", "--pose", p, "--out", p.parent / "set"),
    ),
    "config.json": ("config.json", lambda p: ("info", p.parent)),
}


@pytest.mark.parametrize("what", NO_FILES)
@pytest.mark.parametrize("where", WHERE)
def test_what_is_no_file(tmp_path, monkeypatch, attempt, what, where):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images.npy").write_bytes(npy(np.zeros((40, 16, 16), np.uint8)))
    (tmp_path / "i.idx").write_bytes(idx(PIXELS))
    make, words = NO_FILES[what]
    name, command = WHERE[where]
    make(tmp_path / name)
    if what == "a folder" and where == "checkpoint":
        words = ["config.json"]  # a folder of any name may be a run
    elif where in ("config.json", "checkpoint"):
        words = []
    attempt("what is no file", tmp_path, *command(tmp_path / name), words=(name, *words))


@contextlib.contextmanager
def as_nobody():
    """Root may read everything."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


@pytest.mark.parametrize("name", ["images.npy", "images.npz", "images.csv"])
def test_a_file_that_must_not_be_read(attempt, call, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)  # pytest's own folders are closed to nobody
        (path / "images.npy").write_bytes(npy(PIXELS))
        call("info", path / "images.npy")  # what it imports may be closed, too
        (path / name).write_bytes(b"x")
        (path / name).chmod(0)
        asked = path / name if name != "images.csv" else path / "images.npy"
        with as_nobody():
            attempt("what is no file", path, "info", asked, words=(name, "permissions"))


# -------------------------------------------------------------------------------------------------------------- paths

LONG = "n" * 300
NAMES = {
    "spaces": " two words .npy",
    "newline": "two\nlines.npy",
    "carriage return": "two\rlines.npy",
    "leading dash": "-x.npy",
    "not ASCII": "Mäuse-鼠.npy",
    "no UTF-8": os.fsdecode(b"\xff\xfe.npy"),
    "escape": "\x1b[31mred.npy",
    "percent": "%s%d%(x)s.npy",
    "braces": "{0}{x}.npy",
    "capitals": "IMAGES.NPY",
    "two suffixes": "a.csv.npy",
    "only a suffix": ".npy.npy",
    "glob": "[a-z]*?.npy",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_that_are_odd_and_work(tmp_path, monkeypatch, attempt, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(npy(PIXELS))
    result = attempt("paths", tmp_path, "info", "--", name, words=None)
    assert result.status == 0
    assert "12 of 1x9x10 uint8" in result.out
    assert "\x1b" not in result.out
    assert attempt("paths", tmp_path, "info", "--json", "--", name, words=None).status == 0


PATHS = {
    "info": ("info", f"{LONG}.npz"),
    "info on a run": ("info", LONG),
    "info in a file": ("info", "images.npy/inner.npz"),
    "train": ("train", f"{LONG}.npz"),
    "train, run": ("train", "images.npy", "--run", LONG),
    "train, run in a file": ("train", "images.npy", "--run", "images.npy/run"),
    "train, run where nothing can be made": ("train", "images.npy", "--run", "/proc/run"),
    "train, metadata": ("train", "images.npy", "--metadata", f"{LONG}.csv"),
    "train, resume": ("train", "--resume", LONG),
    "test": ("test", "--run", LONG),
    "visualize": ("visualize", "--run", LONG),
    "explore": ("explore", LONG),
    "compare": ("compare", LONG),
    "prepare, out": ("prepare", "arena", "--images", 5, "--out", LONG),
    "prepare, out in a file": ("prepare", "arena", "--images", 5, "--out", "images.npy/set"),
    "prepare, out of no name": ("prepare", "arena", "--images", 5, "--out", ""),
    "prepare, out above": ("prepare", "arena", "--images", 5, "--out", ".."),
    "prepare, out at the root": ("prepare", "arena", "--images", 5, "--out", "/"),
    "prepare, out is a folder": ("prepare", "arena", "--images", 5, "--out", "folder"),
    "prepare, out is there": ("prepare", "arena", "--images", 5, "--out", "there"),
    "prepare, out is half there": ("prepare", "arena", "--images", 5, "--out", "half"),
    "prepare, out where nothing can be made": ("prepare", "arena", "--images", 5, "--out", "/proc/set"),
    "prepare idx": ("prepare", "idx", LONG, "--out", "set"),
    "prepare images": ("prepare", "images", LONG, "--out", "set"),
    "prepare images, a file": ("prepare", "images", "images.npy", "--out", "set"),
    "prepare video": ("prepare", "video", LONG, "--pose", "p.csv", "--out", "set"),
    "demo, out is a file": ("demo", "--out", "images.npy"),
    "demo, out is not empty": ("demo", "--out", "folder.npz"),
    "demo, out": ("demo", "--out", LONG),
    "info, nothing": ("info", ""),
    "train on nothing": ("train", ""),
    "train on another kind": ("train", "images.txt"),
    "info on another kind": ("info", "images.txt"),
}


HINTS = {
    ("train", "images.txt"): (".npz", "autoencoder prepare"),
    ("info", "images.txt"): ("images.txt", ".npz, .npy", "checkpoint"),
    ("demo", "--out", "images.npy"): ("images.npy", "another --out"),
    ("prepare", "arena", "--images", 5, "--out", "there"): ("there.npz", "--overwrite"),
    ("prepare", "arena", "--images", 5, "--out", "half"): ("half.csv", "--overwrite"),
    ("prepare", "arena", "--images", 5, "--out", "folder"): ("folder.npz", "another name"),
    ("info", f"{LONG}.npz"): (LONG, "name too long"),
}


@pytest.mark.parametrize("arguments", PATHS.values(), ids=PATHS)
def test_paths_that_cannot_be(tmp_path, monkeypatch, attempt, arguments):
    monkeypatch.chdir(tmp_path)
    Path("images.npy").write_bytes(npy(np.zeros((40, 16, 16), np.uint8)))
    Path("images.txt").write_text("x")
    Path("there.npz").write_bytes(b"mine")
    Path("half.csv").write_text("mine")
    Path("folder.npz").mkdir()
    Path("folder.npz", "mine").write_text("mine")
    attempt("paths", tmp_path, *arguments, words=HINTS.get(arguments, ()))
    assert Path("there.npz").read_bytes() == b"mine"


# ----------------------------------------------------------------------------------------------------- metadata: .csv


def rows(values, name="x"):
    return "".join(f"{value}\n" for value in [name, *values]).encode()


COUNT = [str(i) for i in range(N)]
CSV = {
    "fewer rows": (rows(COUNT[1:]), ["11 rows", "12 images"]),
    "more rows": (rows([*COUNT, "12"]), ["13 rows", "12 images"]),
    "only a header": (b"x,y\n", ["0 rows", "12 images"]),
    "empty": (b"", ["empty"]),
    "only line ends": (b"\n\r\n\n", ["no name"]),
    "only commas": (b",,\n" + b"1,2,3\n" * N, ["no name"]),
    "ragged": (b"x,y\n" + b"1,2\n" * 11 + b"1\n", ["line 13", "1 fields", "header has 2"]),
    "one field more": (b"x,y\n" + b"1,2\n" * 11 + b"1,2,3\n", ["line 13", "3 fields"]),
    "a comma at each end": (b"x,y,\n" + b"1,2,\n" * N, ["no name"]),
    "semicolons": (b"x;y\n" + b"1;2\n" * N, ["not separated by commas"]),
    "tabs": (b"x\ty\n" + b"1\t2\n" * N, ["not separated by commas"]),
    "two columns of a name": (b"x,x\n" + b"1,2\n" * N, ["more than one column", "rename"]),
    "two columns of a name but for spaces": (b"x, x \n" + b"1,2\n" * N, ["more than one column", "rename"]),
    "a column of no name": (b",x\n" + b"1,2\n" * N, ["no name", "index=False"]),
    "angle in words": (rows(["north"] * N, "a_deg"), ["a_deg", "north", "line 2", "rename"]),
    "angle of 1_0": (rows(["1_0"] * N, "a_deg"), ["a_deg", "1_0", "rename"]),
    "angle of 0x10": (rows(["0x10"] * N, "a_deg"), ["a_deg", "0x10", "rename"]),
    "angle in wide digits": (rows(["\uff11\uff12"] * N, "a_deg"), ["a_deg", "rename"]),
    "angle of 1e999": (rows(["1e999"] * N, "a_deg"), ["a_deg", "infinite", "empty"]),
    "inf": (rows([*COUNT[1:], "inf"]), ["'x'", "infinite in row 11", "empty"]),
    "-Infinity": (rows([*COUNT[1:], "-Infinity"]), ["'x'", "infinite", "empty"]),
    "1e999": (rows([*COUNT[1:], "1e999"]), ["'x'", "infinite", "empty"]),
    "a quote that is not closed": (b'x,y\n1,"2\n' + b"1,2\n" * N, ["unexpected end", "save it again"]),
    "text behind a quote": (b'x,y\n1,"2"2\n' + b"1,2\n" * N, ["expected after", "save it again"]),
    "a field of 200,000 letters": (rows(["a" * 200_000, *COUNT[1:]]), ["field larger", "save it again"]),
    "zero bytes": (rows(["a\0b", *COUNT[1:]]), ["UTF-8"]),
    "latin-1": (b"x\n" + "Mäuse\n".encode("latin-1") * N, ["UTF-8"]),
    "UTF-16": (rows(COUNT).decode().encode("utf-16"), ["UTF-8"]),
    "UTF-16 without a mark": (rows(COUNT).decode().encode("utf-16-le"), ["UTF-8"]),
    "UTF-32": (rows(COUNT).decode().encode("utf-32"), ["UTF-8"]),
    "gzip": (gzip.compress(rows(COUNT)), ["UTF-8"]),
    "an npy": (npy(PIXELS), ["UTF-8"]),
    "a mark of UTF-8": (b"\xef\xbb\xbf" + rows(COUNT), None),
    "line ends of Windows": (rows(COUNT).replace(b"\n", b"\r\n"), None),
    "line ends of old Macs": (rows(COUNT).replace(b"\n", b"\r"), None),
    "no end of the last line": (rows(COUNT)[:-1], None),
    "empty lines between": (rows(COUNT).replace(b"\n", b"\n\n"), None),
    "10,000 columns": (
        (",".join(f"c{i}" for i in range(10_000)) + "\n").encode() + (b"1," * 9_999 + b"1\n") * N,
        None,
    ),
    "a name of 300 letters": (rows(COUNT, LONG), None),
    "a name of control characters": (rows(COUNT, "\x1b[2J\x07"), None),
    "a name as in Excel": (rows(COUNT, "=1+1"), None),
    "quoted line ends": (rows([f'"a\n{i}"' for i in range(N)]), None),
    "numbers of 20 digits": (rows(["9" * 20] * N), None),
    "numbers of 400 digits": (rows(["9" * 400] * N), None),
    "numbers of 400 digits among others": (rows(["9" * 400, "1.5"] * (N // 2)), None),
    "numbers of 5,000 digits": (rows(["9" * 5000] * N), ["infinite"]),
    "words that Python takes for numbers": (rows(["1_000", "0x10", "\uff11\uff12"] * (N // 3)), None),
    "NaN in words": (b"x,y\n" + b"nan,1\nNaN,1\n,1\n" * (N // 3), None),
    "nothing known": (b"x,y\n" + b",\n" * N, None),
    "-0 and 1e-999": (rows(["-0", "1e-999"] * (N // 2)), None),
}


@pytest.mark.parametrize(("content", "words"), CSV.values(), ids=CSV)
def test_metadata_in_csv(tmp_path, attempt, content, words):
    (tmp_path / "images.npy").write_bytes(npy(PIXELS))
    (tmp_path / "images.csv").write_bytes(content)
    words = words if words is None else (str(tmp_path / "images.csv"), *words)
    result = attempt("csv", tmp_path, "info", tmp_path / "images.npy", words=words)
    if words is None:
        assert result.status == 0, result.err
        assert "\x1b" not in result.out


def test_a_long_text_among_many_rows_takes_no_memory(tmp_path, attempt, monkeypatch):
    """An array of text has room for the longest one in each value: here 40 GB from a file of 300 kB."""
    (tmp_path / "images.npy").write_bytes(npy(np.zeros((100_000, 1, 1), np.uint8)))
    (tmp_path / "images.csv").write_bytes(rows(["a" * 100_000, *["b"] * 99_999]))
    monkeypatch.setattr(memory, "available_memory", lambda: 2 * 10**9)
    attempt("csv", tmp_path, "info", tmp_path / "images.npy", words=("column 'x'", "40.00 GB", "2.00 GB", "shorten"))


# ---------------------------------------------------------------------------------------------------- metadata: arrays

COLUMNS = np.zeros((40, 2))
ARRAYS = {
    "npy without names": ("m.npy", npy(COLUMNS), (), ["2 columns", "--columns"]),
    "npy with too few names": ("m.npy", npy(COLUMNS), ("--columns", "a"), ["2 columns", "1 are named"]),
    "npy with a name twice": ("m.npy", npy(COLUMNS), ("--columns", "a,a"), ["more than one column"]),
    "npy of fewer rows": ("m.npy", npy(COLUMNS[1:]), ("--columns", "a,b"), ["39 rows", "40 images"]),
    "npy of three dimensions": ("m.npy", npy(COLUMNS[None]), ("--columns", "a,b"), ["shape (1, 40, 2)", "(N, K)"]),
    "npy of no dimension": ("m.npy", npy(np.float64(1)), ("--columns", "a"), ["shape ()", "(N, K)"]),
    "npy of no rows": ("m.npy", npy(COLUMNS[:0]), ("--columns", "a,b"), ["0 rows", "40 images"]),
    "npy of no columns": ("m.npy", npy(COLUMNS[:, :0]), ("--columns", "a"), ["0 columns"]),
    "npy of objects": ("m.npy", npy(COLUMNS.astype(object)), ("--columns", "a,b"), ["Python objects"]),
    "npy of dates": ("m.npy", npy(COLUMNS.astype("datetime64[s]")), ("--columns", "a,b"), ["numbers or text"]),
    "npy of records": ("m.npy", npy(np.zeros(40, "f4,f4")), ("--columns", "a"), ["numbers or text"]),
    "npy of infinity": ("m.npy", npy(COLUMNS + np.inf), ("--columns", "a,b"), ["infinite"]),
    "npy of text": ("m.npy", npy(np.full((40, 2), "n")), ("--columns", "a_deg,b"), ["a_deg", "rename"]),
    "npy cut": ("m.npy", cut(npy(COLUMNS), 0.5), ("--columns", "a,b"), ["cut short"]),
    "npz cut": ("m.npz", cut(npz(a=COLUMNS[:, 0]), 0.5), (), ["damaged"]),
    "npz of two dimensions": ("m.npz", npz(a=COLUMNS), (), ["'a'", "one value per image"]),
    "npz of fewer rows": ("m.npz", npz(a=COLUMNS[1:, 0]), (), ["39 rows", "40 images"]),
    "npz of several lengths": ("m.npz", npz(a=COLUMNS[:, 0], b=COLUMNS[1:, 0]), (), ["39 rows", "40 images"]),
    "npz of nothing": ("m.npz", archive([]), (), ["0 rows", "40 images"]),
    "npz with names": ("m.npz", npz(a=COLUMNS[:, 0]), ("--columns", "a"), ["--columns"]),
    "csv with names": ("m.csv", rows(range(40)), ("--columns", "a"), ["--columns"]),
    "another suffix": ("m.xlsx", b"x", (), [".csv, .npy or .npz"]),
}


@pytest.mark.parametrize(("name", "content", "flags", "words"), ARRAYS.values(), ids=ARRAYS)
def test_metadata_in_arrays(tmp_path, attempt, name, content, flags, words):
    (tmp_path / "images.npy").write_bytes(npy(np.zeros((40, 16, 16), np.uint8)))
    (tmp_path / name).write_bytes(content)
    command = ("train", tmp_path / "images.npy", "--run", tmp_path / "run", "--metadata", tmp_path / name, *flags)
    attempt("metadata arrays", tmp_path, *command, words=(str(tmp_path / name), *words))
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------------------------------------------------------- idx

LABELS = np.arange(N, dtype=np.uint8)
IDX = {
    "cut": (cut(idx(PIXELS), 0.5), ["cut short", "again"]),
    "cut in the header": (idx(PIXELS)[:9], ["cut short within its header"]),
    "three bytes": (idx(PIXELS)[:3], ["not an IDX file"]),
    "empty": (b"", ["empty"]),
    "text": (b"not an image\n" * 9, ["not an IDX file"]),
    "bytes after the values": (idx(PIXELS) + b"x", ["more", "again"]),
    "an unknown type": (idx(PIXELS, 0x09), ["type 0x09"]),
    "no dimension": (idx(PIXELS, shape=()), ["not an IDX file"]),
    "200 dimensions": (idx(PIXELS, shape=(1,) * 200), ["not an IDX file"]),
    "labels instead": (idx(LABELS), ["(12,)", "(N, H, W)"]),
    "no images": (idx(PIXELS[:0]), ["no values"]),
    "no width": (idx(PIXELS[:, :, :0]), ["no values"]),
    "zero times beyond measure": (idx(PIXELS, shape=(0, 2**32 - 1, 2**32 - 1, 2**32 - 1)), ["no values"]),
    "floats": (idx(FLOATS, 0x0D), ["float32", "uint8"]),
    "four dimensions": (idx(PIXELS[:, None]), ["(12, 1, 9, 10)", "(N, H, W)"]),
    "10**28 values": (idx(PIXELS, shape=(2**32 - 1,) * 3), ["cannot hold them"]),
    "10**77 values": (idx(PIXELS, shape=(2**32 - 1,) * 8), ["cannot hold them"]),
}
GZIPPED = {
    "cut": (cut(gzip.compress(idx(PIXELS)), 0.5), ["again"]),
    "a wrong checksum": (flipped(gzip.compress(idx(PIXELS)), -6), ["damaged gzip", "again"]),
    "a flipped bit": (flipped(gzip.compress(idx(PIXELS)), 300), ["again"]),
    "only a header": (gzip.compress(idx(PIXELS))[:10], ["again"]),
    "another method": (flipped(gzip.compress(idx(PIXELS)), 2), ["again"]),
    "bytes after the archive": (gzip.compress(idx(PIXELS)) + b"more", ["again"]),
    "zeros after the archive": (gzip.compress(idx(PIXELS)) + bytes(100), None),
    "two archives": (gzip.compress(idx(PIXELS)[:100]) + gzip.compress(idx(PIXELS)[100:]), None),
    "gzip in gzip": (gzip.compress(gzip.compress(idx(PIXELS))), ["not an IDX file"]),
    "bzip2": (bz2.compress(idx(PIXELS)), ["not an IDX file"]),
    "a zip": (archive([("images", idx(PIXELS))]), ["not an IDX file"]),
    "a name that never ends": (b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 5000, ["again"]),
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("content", "words"), IDX.values(), ids=IDX)
def test_idx(tmp_path, attempt, content, words, zipped):
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content) if zipped else content)
    words = ["not an IDX file"] if zipped and content == b"" else words
    attempt("idx", tmp_path, "prepare", "idx", path, "--out", tmp_path / "set", words=(str(path), *words))


@pytest.mark.parametrize(("content", "words"), GZIPPED.values(), ids=GZIPPED)
def test_gzip(tmp_path, attempt, content, words):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    words = words if words is None else (str(path), *words)
    attempt("idx", tmp_path, "prepare", "idx", path, "--out", tmp_path / "set", words=words)


LABEL_FILES = {
    "of another number": (idx(LABELS[1:]), ["12 images", "11 labels"]),
    "images": (idx(PIXELS), ["labels must be integers"]),
    "floats": (idx(LABELS.astype(np.float32), 0x0D), ["labels must be integers"]),
    "cut": (idx(LABELS)[:-1], ["cut short"]),
    "none": (idx(LABELS[:0]), ["no values"]),
    "of 16 bits": (idx(LABELS.astype(np.int16), 0x0B), None),
    "negative": (idx(-LABELS.astype(np.int32), 0x0C), None),
}


@pytest.mark.parametrize(("content", "words"), LABEL_FILES.values(), ids=LABEL_FILES)
def test_labels(tmp_path, attempt, content, words):
    (tmp_path / "images").write_bytes(idx(PIXELS))
    (tmp_path / "labels").write_bytes(content)
    flags = ("--labels", tmp_path / "labels", "--out", tmp_path / "set")
    words = words if words is None else (str(tmp_path / "labels"), *words)
    attempt("idx", tmp_path, "prepare", "idx", tmp_path / "images", *flags, words=words)


def test_an_input_is_not_replaced_by_the_output(tmp_path, attempt):
    """`--overwrite` is about an old data set, and not about what the new one is made from."""
    (tmp_path / "set.npz").write_bytes(idx(PIXELS))
    flags = ("--out", tmp_path / "set", "--overwrite")
    attempt("idx", tmp_path, "prepare", "idx", tmp_path / "set.npz", *flags, words=("set.npz", "another name"))
    assert (tmp_path / "set.npz").read_bytes() == idx(PIXELS)


# ------------------------------------------------------------------------------------------------------ image folders


def many_frames():
    file = io.BytesIO()
    frames = [Image.fromarray(picture) for picture in PIXELS[:3]]
    frames[0].save(file, "tiff", save_all=True, append_images=frames[1:])
    return file.getvalue()


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def text_bomb():
    """A PNG with a text that inflates to 50 MB."""
    content = png(PIXELS[0])
    data = b"comment\0\0" + zlib.compress(bytes(50_000_000))
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    return content[:33] + chunk + content[33:]


GRAY = Image.fromarray(PIXELS[0])
TIFF, JPEG = saved(GRAY, "tiff"), saved(GRAY, "jpeg")
PICTURES = {
    "cut png": ({"a.png": cut(png(PIXELS[0]), 0.5)}, ["a.png", "repair or remove it"]),
    "cut jpeg": ({"a.jpg": cut(JPEG, 0.5)}, ["a.jpg", "repair or remove it"]),
    "cut tiff": ({"a.tif": cut(TIFF, 0.5)}, ["a.tif", "repair or remove it"]),
    "only a signature": ({"a.png": png(PIXELS[0])[:8]}, ["a.png", "repair or remove it"]),
    "empty": ({"a.png": b""}, ["a.png", "repair or remove it"]),
    "text": ({"a.png": b"hello"}, ["a.png", "repair or remove it"]),
    "two broken ones are named both": ({"a.png": b"x", "b.png": b"x", "c.png": png(PIXELS[0])}, ["a.png", "b.png"]),
    "a flipped bit": ({"a.png": flipped(png(PIXELS[0]), 60)}, ["a.png", "repair or remove it"]),
    "no width": ({"a.png": png_of_size(0, 9)}, ["a.png", "repair or remove it"]),
    "of another size than it says": ({"a.png": png_of_size(100, 100)}, ["a.png", "repair or remove it"]),
    "of 2**31 pixels each way": (
        {"a.png": png_of_size(2**31 - 1, 2**31 - 1)},
        ["a.png", "pixels", "repair or remove it"],
    ),
    "text of 50 MB in it": ({"a.png": text_bomb()}, ["a.png", "too large"]),
    "GIF under the name of a PNG": ({"a.png": saved(GRAY, "gif")}, None),
    "cut gif": ({"a.gif": cut(saved(GRAY, "gif"), 0.5)}, ["a.gif", "repair or remove it"]),
    "PostScript under the name of a PNG": ({"a.png": saved(GRAY, "eps")}, ["a.png", "repair or remove it"]),
    "JPEG under the name of a PNG": ({"a.png": JPEG}, None),
    "cut stack": ({"a.tif": cut(many_frames(), 0.5)}, ["a.tif", "repair or remove it"]),
    "floats": ({"a.tif": saved(Image.fromarray(FLOATS[0]), "tiff")}, ["a.tif", "floats"]),
    "32 bits": (
        {"a.tif": saved(Image.fromarray(PIXELS[0].astype(np.int32) * 10**6), "tiff")},
        ["a.tif", "32 bits"],
    ),
    "two sizes": ({"a.png": png(PIXELS[0]), "b.png": png(PIXELS[0, 1:])}, ["a.png", "b.png", "10 x 8", "--resize"]),
    "two depths": (
        {"a.png": png(PIXELS[0]), "b.png": png(PIXELS[0].astype(np.uint16) * 257)},
        ["b.png", "same number of bits"],
    ),
    "nothing": ({}, ["holds no picture"]),
    "other files only": ({"a.txt": b"x"}, ["holds no picture"]),
    "hidden files only": ({".a.png": png(PIXELS[0])}, ["holds no picture"]),
    "some beside subfolders": ({"a.png": png(PIXELS[0]), "b/c.png": png(PIXELS[0])}, ["a.png", "subfolder"]),
    "a name that is no UTF-8": ({os.fsdecode(b"\xff.png"): png(PIXELS[0])}, ["UTF-8", "rename"]),
    "one pixel": ({"a.png": png(PIXELS[0, :1, :1])}, None),
    "a palette": ({"a.png": saved(GRAY.convert("P"), "png")}, None),
    "one bit": ({"a.png": saved(GRAY.convert("1"), "png")}, None),
    "transparent": ({"a.png": saved(GRAY.convert("RGBA"), "png")}, None),
    "CMYK": ({"a.jpg": saved(GRAY.convert("CMYK"), "jpeg")}, None),
    "names with marks": ({"a,b.png": png(PIXELS[0]), 'c"d\n.png': png(PIXELS[1]), "e\rf.png": png(PIXELS[2])}, None),
}


@pytest.mark.parametrize(("files", "words"), PICTURES.values(), ids=PICTURES)
def test_image_folder(tmp_path, attempt, files, words):
    source = tmp_path / "pictures"
    source.mkdir()
    for name, content in files.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(content)
    result = attempt("image folder", tmp_path, "prepare", "images", source, "--out", tmp_path / "set", words=words)
    if words is None:
        assert result.status == 0, result.err
        assert f"{len(files)} of 1x" in attempt("image folder", tmp_path, "info", tmp_path / "set.npz", words=None).out


def test_what_is_no_picture_in_a_folder(tmp_path, attempt):
    """A pipe, a device, a folder with the name of a picture, and links that lead in circles or nowhere."""
    source = tmp_path / "pictures"
    source.mkdir()
    (source / "a.png").write_bytes(png(PIXELS[0]))
    os.mkfifo(source / "b.png")
    (source / "c.png").symlink_to("/dev/zero")
    (source / "d.png").mkdir()
    (source / "e.png").symlink_to(source / "e.png")
    (source / "f.png").symlink_to(source / "nowhere")
    (source / "g").symlink_to(source)
    result = attempt("image folder", tmp_path, "prepare", "images", source, "--out", tmp_path / "set", words=None)
    assert "1 grayscale image of" in result.out


# ----------------------------------------------------------------------------------------------------- video and pose

HEAD = "scorer" + ",net" * 6 + "\nbodyparts" + ",Nose" * 3 + ",Tailbase" * 3 + "\ncoords" + ",x,y,likelihood" * 2 + "\n"
CLICKED = "scorer,me,me,me,me\nbodyparts,Nose,Nose,Tailbase,Tailbase\ncoords,x,y,x,y\n"
N_FRAMES = 10
POSE_ROWS = [f"{i},40,20,1,{20 + i},20,1" for i in range(N_FRAMES)]


def pose_table(head=HEAD, body=POSE_ROWS):
    return (head + "\n".join(body) + "\n").encode()


def first_row(text):
    return pose_table(body=[text, *POSE_ROWS[1:]])


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Ten frames of 64x48."""
    import imageio_ffmpeg

    path = tmp_path_factory.mktemp("video") / "film.mp4"
    writer = imageio_ffmpeg.write_frames(str(path), (64, 48), fps=10, pix_fmt_in="gray", macro_block_size=1)
    writer.send(None)
    for _ in range(N_FRAMES):
        writer.send(RNG.integers(0, 256, (48, 64), dtype=np.uint8))
    writer.close()
    return path


POSES = {
    "empty": (b"", ["empty"]),
    "only a header": (HEAD.encode(), ["no pose", "0 frames"]),
    "one row of the header": (HEAD.splitlines()[0].encode(), ["begins with 'scorer'", "bodyparts"]),
    "a table of something else": (b"frame,x,y\n0,1,2\n", ["columns frame, x, y", "not a pose that can be read here"]),
    "no y of an animal": (b"scorer,a\nindividuals,m1\nbodyparts,Nose\ncoords,x\n", ["no x or no y of 'Nose' of 'm1'"]),
    "ragged": (first_row("0,1,2"), ["row 4", "3 fields"]),
    "words": (first_row("0,1,2,high,3,4,1"), ["row 4", "'high'"]),
    "1_0": (first_row("0,1_0,2,1,3,4,1"), ["row 4", "'1_0'"]),
    "0x10": (first_row("0,0x10,2,1,3,4,1"), ["row 4", "'0x10'"]),
    "wide digits": (first_row("0,\uff11\uff12,2,1,3,4,1"), ["row 4", "not a number"]),
    "frame 7 first": (first_row("7,1,2,1,3,4,1"), ["row 5", "frame 1", "frame 7", "ascending order"]),
    "rows without numbers": (first_row(",1,2,1,3,4,1"), ["row 4", "number of its frame"]),
    "frame 10**12": (pose_table(body=[*POSE_ROWS, f"{10**12},1,2,1,3,4,1"]), ["pose.csv", "of memory"]),
    "frame 10**400": (pose_table(body=[*POSE_ROWS, f"{10**400},1,2,1,3,4,1"]), ["row 14", "number of its frame"]),
    "labels of pictures": (first_row("labeled-data/m/img0.png,1,2,1,3,4,1"), ["labels of pictures (10;", "analyze"]),
    "an escape sequence": (b"\x1b[2Jframe,x,y\n0,1,2\n", ["\\x1b[2Jframe"]),
    "10,000 columns": (b"a," * 10_000 + b"\n", ["columns a, a"]),
    "x twice": (pose_table(HEAD.replace("coords,x,y", "coords,x,x")), ["x of 'Nose' twice"]),
    "no y": (pose_table(HEAD.replace("coords,x,y", "coords,x,likelihood")), ["likelihood of 'Nose' twice"]),
    "no part at the front": (pose_table(HEAD.replace("Nose", "Paw")), None),
    "no part at the back": (pose_table(HEAD.replace("Tailbase", "Ear")), None),
    "UTF-16": (pose_table().decode().encode("utf-16"), ["UTF-8"]),
    "zero bytes": (pose_table() + b"\0", ["UTF-8"]),
    "a quote that is not closed": (
        pose_table().replace(b"Nose", b'"Nose', 1),
        ["cannot be read as a CSV", "unexpected end", "save it again"],
    ),
    "fewer rows than frames": (pose_table(body=POSE_ROWS[:5]), ["10 frames", "5 rows"]),
    "more rows than frames": (
        pose_table(body=[f"{i},40,20,1,20,20,1" for i in range(15)]),
        ["10 frames", "15 rows"],
    ),
    "never seen": (pose_table(body=[f"{i},,,,,," for i in range(N_FRAMES)]), ["in no frame", "not found"]),
    "unlikely": (pose_table(body=[f"{i},40,20,0.1,20,20,1" for i in range(N_FRAMES)]), ["in no frame"]),
    "outside of the picture": (pose_table(body=[f"{i},4000,20,1,4020,20,1" for i in range(N_FRAMES)]), ["outside"]),
    "at infinity": (pose_table(body=[f"{i},inf,20,1,1e999,20,1" for i in range(N_FRAMES)]), ["in no frame"]),
    "at 1e300": (pose_table(body=[f"{i},1e300,20,1,-1e300,20,1" for i in range(N_FRAMES)]), ["crop", "--crop"]),
    "at numbers of 400 digits": (
        pose_table(body=[f"{i},{'9' * 400},20,1,2,20,1" for i in range(N_FRAMES)]),
        ["in no frame"],
    ),
    "far apart around the picture": (
        pose_table(body=[f"{i},1000000032,20,1,-1000000000,20,1" for i in range(N_FRAMES)]),
        ["crop", "4 times", "--crop"],
    ),
    "front and back at one place": (pose_table(body=[f"{i},20,20,1,20,20,1" for i in range(N_FRAMES)]), None),
    "likelihood of 5": (pose_table(body=[f"{i},40,20,5,20,20,5" for i in range(N_FRAMES)]), None),
    "no likelihood": (
        pose_table(CLICKED, [f"{i},40,20,20,20" for i in range(N_FRAMES)]),
        None,
    ),
}


@pytest.mark.parametrize(("content", "words"), POSES.values(), ids=POSES)
def test_pose(tmp_path, attempt, video, content, words):
    pose = tmp_path / "pose.csv"
    pose.write_bytes(content)
    attempt("pose", tmp_path, "prepare", "video", video, "--pose", pose, "--out", tmp_path / "set", words=words)


def h5(path, **datasets):
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file.create_dataset(name, data=values)
    return path.read_bytes()


SLEAP = {
    "text in an slp": ("p.slp", b"hello" * 99),
    "empty h5": ("p.h5", b""),
    "signature of an h5": ("p.h5", b"\x89HDF\r\n\x1a\n" + bytes(90)),
    "text in an h5": ("p.h5", b"hello" * 99),
    "text in an nwb": ("p.nwb", b"hello" * 99),
    "JSON": ("p.json", b"[" * 20_000),
    "deep JSON in an object": ("p.json", b'{"a":' * 20_000),
    "JSON of nothing": ("p.json", b"{}"),
    "a video in JSON": ("p.json", b'[{"data": {}, "annotations": [{"result": [{"type": "keypointlabels"}]}]}]'),
    "COCO of nothing": ("p.json", b'{"images": [], "annotations": [], "categories": []}'),
    "text in a mat": ("p.mat", b"hello" * 99),
    "zeros in a mat": ("p.mat", bytes(500)),
    "another suffix": ("p.xyz", b"hello"),
    "a video": ("p.mp4", b"hello"),
    "no suffix": ("p", b"hello"),
}


@pytest.mark.parametrize(("name", "content"), SLEAP.values(), ids=SLEAP)
def test_pose_of_other_tools(tmp_path, attempt, video, name, content):
    pytest.importorskip("sleap_io")
    (tmp_path / name).write_bytes(content)
    command = ("prepare", "video", video, "--pose", tmp_path / name, "--out", tmp_path / "set")
    attempt("pose", tmp_path, *command, words=(str(tmp_path / name),))


@pytest.mark.parametrize("damage", ["cut", "flipped", "another h5", "last frame is 10**12", "last frame is 10**9"])
def test_damaged_slp(tmp_path, attempt, video, damage, monkeypatch):
    sleap_io = pytest.importorskip("sleap_io")
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * 10**9)
    path = tmp_path / "pose.slp"
    skeleton = sleap_io.Skeleton(["Nose", "Tailbase"])
    film = sleap_io.Video.from_filename(str(video))
    number = {"last frame is 10**12": 10**12, "last frame is 10**9": 10**9}.get(damage, 0)
    instance = sleap_io.Instance.from_numpy(np.array([[40.0, 20], [20, 20]]), skeleton=skeleton)
    frame = sleap_io.LabeledFrame(video=film, frame_idx=number, instances=[instance])
    sleap_io.save_file(sleap_io.Labels([frame]), str(path))
    content = path.read_bytes()
    if damage == "another h5":
        content = h5(path, numbers=np.arange(9))
    path.write_bytes({"cut": cut(content, 0.5), "flipped": flipped(content, 1000)}.get(damage, content))
    words = None if damage == "flipped" else ("pose.slp",)
    attempt("pose", tmp_path, "prepare", "video", video, "--pose", path, "--out", tmp_path / "set", words=words)


def sound():
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setparams((1, 1, 8000, 0, "NONE", ""))
        opened.writeframes(bytes(8000))
    return file.getvalue()


VIDEOS = {
    "text": lambda film: b"hello\n" * 99,
    "zeros": lambda film: bytes(5000),
    "cut before its index": lambda film: cut(film, 0.5),
    "only its head": lambda film: film[:40],
    "sound": lambda film: sound(),
    "a list that leads to itself": lambda film: b"#EXTM3U\n#EXTINF:10,\nx.mp4\n#EXT-X-ENDLIST\n",
    "a list of ffmpeg's": lambda film: b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a picture": lambda film: png(PIXELS[0]),
}


@pytest.mark.parametrize("make", VIDEOS.values(), ids=VIDEOS)
def test_video(tmp_path, attempt, video, make):
    (tmp_path / "pose.csv").write_bytes(pose_table())
    (tmp_path / "x.mp4").write_bytes(make(video.read_bytes()))
    command = ("prepare", "video", tmp_path / "x.mp4", "--pose", tmp_path / "pose.csv", "--out", tmp_path / "set")
    attempt("video", tmp_path, *command, words=("x.mp4",))


VIDEO_FLAGS = {
    "--crop 1": ["at least 2"],
    "--crop 1000000000": ["crop", "4 times", "--crop"],
    "--size 1000000000": ["GB of memory", "--size"],
    "--limit 0": ["--limit"],
    "--every 0": ["--every"],
    "--every 1000000001": ["--every"],
    "--front Paw": ["front", "Nose"],
    "--front Tailbase": ["--back", "Nose, Tailbase"],
    "--front Nose --back Nose": ["front and back", "Nose"],
    "--individual Bob": ["names no individuals", "--individual"],
    "--track 1": ["no track 1", "--track"],
    "--track=-1": ["--track"],
    "--track 0 --all-individuals": ["--track and --all-individuals"],
    "--follow moving": ["--pose and --follow"],
    "--fit crop": ["--fit"],
    "--mask": None,
    "--all-individuals": None,
    "--allow-short": None,
    "--min-likelihood 2": ["--min-likelihood"],
    "--min-likelihood nan": ["--min-likelihood"],
    "--arena-center here": ["--arena-center", "532,535"],
    "--arena-center 1,2,3": ["--arena-center"],
    "--arena-center nan,1": ["centre"],
    "--arena-center 1e999,1": ["centre"],
    "--every 1000000000": None,
    "--limit 1000000000": None,
    "--arena-center=-1e300,1": None,
    "--crop 2 --size 1": None,
    "--color": None,
}


@pytest.mark.parametrize(("flags", "words"), VIDEO_FLAGS.items(), ids=VIDEO_FLAGS)
def test_flags_of_prepare_video(tmp_path, attempt, video, flags, words):
    (tmp_path / "pose.csv").write_bytes(pose_table())
    command = ("prepare", "video", video, "--pose", tmp_path / "pose.csv", "--out", tmp_path / "set")
    attempt("flags of prepare", tmp_path, *command, *flags.split(" "), words=words)


# -------------------------------------------------------------------------------------------------------- config.json


def config(change=lambda content: None):
    content = json.loads(json.dumps(RunConfig(DataConfig("/data/images.npy")).to_json()))
    change(content)
    return json.dumps(content).encode()


def setting(section, name, value):
    """A config in which one entry has another value."""
    text = config(lambda content: content[section].update({name: "<here>"})).decode()
    return text.replace('"<here>"', value if isinstance(value, str) else json.dumps(value)).encode()


def without(*path):
    def change(content):
        for name in path[:-1]:
            content = content[name]
        del content[path[-1]]

    return config(change)


CONFIGS = {
    "empty": (b"", []),
    "cut": (cut(config(), 0.5), ["JSON"]),
    "text": (b"hello", ["JSON"]),
    "bytes": (bytes(range(256)), ["JSON"]),
    "a list": (b"[1, 2]", ["object"]),
    "a number": (b"3", ["object"]),
    "null": (b"null", ["object"]),
    "nothing in it": (b"{}", ["version"]),
    "100,000 open brackets": (b"[" * 100_000, ["JSON"]),
    "100,000 open braces": (b'{"a":' * 100_000, ["JSON"]),
    "a number of 5,000 digits": (setting("training", "epochs", "9" * 5000), ["JSON"]),
    "UTF-16": (config().decode().encode("utf-16"), ["JSON"]),
    "latin-1": (config().replace(b"images.npy", b"M\xe4use.npy"), ["JSON"]),
    "comments": (config().replace(b"{", b"{ // mine\n", 1), ["JSON"]),
    "20 MB": (config() + b" " * 20_000_000, ["bytes"]),
    "a newer format": (config(lambda c: c.update(format_version=99)), ["version 99"]),
    "a format in words": (config(lambda c: c.update(format_version="1")), ["version"]),
    "a format of 4,000 digits": (config(lambda c: c.update(format_version=10**4000)), ["version"]),
    "no data": (without("data"), ["'data' is missing"]),
    "no images": (without("data", "images"), ["'data.images' is missing"]),
    "an unknown entry": (config(lambda c: c["model"].update(width=3)), ["'model.width'"]),
    "an unknown section": (config(lambda c: c.update(extra={})), ["'extra'"]),
    "a section that is a list": (config(lambda c: c.update(model=[])), ["'model'"]),
    "a section that is null": (config(lambda c: c.update(model=None)), ["'model'"]),
    "images that are a number": (setting("data", "images", 3), ["'data.images'"]),
    "images with a zero byte": (setting("data", "images", '"a\\u0000b"'), ["images", "not a valid file name"]),
    "images with half a pair": (setting("data", "images", '"\\ud800"'), ["images", "not a valid file name"]),
    "metadata with a zero byte": (setting("data", "metadata", '"a\\u0000b"'), ["metadata", "not a valid file name"]),
    "columns that are text": (setting("data", "columns", '"abc"'), ["'data.columns'"]),
    "columns of numbers": (setting("data", "columns", [1, 2]), ["'data.columns'"]),
    "columns nested 900 deep": (setting("data", "columns", "[" * 900 + "]" * 900), ["'data.columns'"]),
    "epochs in words": (setting("training", "epochs", '"ten"'), ["'training.epochs'"]),
    "epochs that are true": (setting("training", "epochs", True), ["'training.epochs'"]),
    "epochs of 1.5": (setting("training", "epochs", 1.5), ["'training.epochs'"]),
    "epochs of 0": (setting("training", "epochs", 0), ["epochs", "at least 1"]),
    "epochs of 10**30": (setting("training", "epochs", 10**30), ["epochs", "at most"]),
    "batch_size of 10**30": (setting("training", "batch_size", 10**30), ["batch_size", "at most"]),
    "latent_dim of 10**30": (setting("model", "latent_dim", 10**30), ["latent_dim", "at most"]),
    "latent_dim of 10**9": (setting("model", "latent_dim", 10**9), ["latent_dim", "at most 65,536"]),
    "threads of 10**6": (setting("training", "threads", 10**6), ["threads", "at most"]),
    "seed of -1": (setting("training", "seed", -1), ["seed", "at least 0"]),
    "seed of 10**30": (setting("training", "seed", 10**30), ["seed", "at most"]),
    "depth of 10**30": (setting("model", "depth", 10**30), ["depth"]),
    "lr of NaN": (setting("training", "lr", "NaN"), ["lr"]),
    "lr of Infinity": (setting("training", "lr", "Infinity"), ["lr"]),
    "lr of 1e400": (setting("training", "lr", "1e400"), ["lr"]),
    "lr of 10**400": (setting("training", "lr", 10**400), ["lr"]),
    "lr that is true": (setting("training", "lr", True), ["lr"]),
    "lr of null": (setting("training", "lr", None), ["lr"]),
    "weight_decay of NaN": (setting("training", "weight_decay", "NaN"), ["weight_decay"]),
    "noise of 10**400": (setting("objective", "noise", {"kind": "gaussian", "amount": 10**400}), ["noise.amount"]),
    "noise of NaN": (setting("objective", "noise", '{"kind": "gaussian", "amount": NaN}'), ["noise"]),
    "noise of 1e300": (setting("objective", "noise", {"kind": "gaussian", "amount": 1e300}), ["noise", "1e+09"]),
    "noise that is text": (setting("objective", "noise", '"gaussian:0.5"'), ["objective.noise"]),
    "max_pixel_value of 1e-300": (setting("data", "max_pixel_value", 1e-300), ["max_pixel_value"]),
    "max_pixel_value of -1": (setting("data", "max_pixel_value", -1), ["max_pixel_value"]),
    "val_fraction of 2": (setting("data", "val_fraction", 2), ["val_fraction"]),
    "an encoder that there is not": (setting("model", "encoder", '"transformer"'), ["encoder", "strided"]),
    "an encoder that is a list": (setting("model", "encoder", []), ["'model.encoder'"]),
    "a norm that is a list": (setting("model", "norm", ["batch"]), ["'model.norm'"]),
    "a vector of three": (setting("objective", "vector", '["a", "b", "c"]'), ["vector"]),
}
ACCEPTED = {
    "as it was written": config(),
    "spaces and line ends": json.dumps(json.loads(config()), indent=9).replace("\n", "\r\n").encode(),
    "a whole number for a decimal one": setting("training", "lr", 1),
    "only the images": json.dumps({"format_version": 1, "data": {"images": "x.npy"}}).encode(),
    "names with marks": setting("data", "images", '"a\\nb.npy"'),
}


@pytest.mark.parametrize(("content", "words"), CONFIGS.values(), ids=CONFIGS)
def test_config(tmp_path, attempt, content, words):
    (tmp_path / "config.json").write_bytes(content)
    attempt("config.json", tmp_path, "info", tmp_path, words=(str(tmp_path / "config.json"), *words))


@pytest.mark.parametrize("content", ACCEPTED.values(), ids=ACCEPTED)
def test_config_that_is_accepted(tmp_path, attempt, content):
    """The command goes on to the next file, which is not there."""
    (tmp_path / "config.json").write_bytes(content)
    attempt("config.json", tmp_path, "info", tmp_path, words=("split.npz",))


# ---------------------------------------------------------------------------------------------- flags of all commands


def flags_of(command):
    """Where flags of a command are counted."""
    return f"flags of {command}" if command in ("train", "prepare") else "flags of the others"


def commands():
    """Each command, as its words, and its parser."""
    parser = build_parser()
    for name, command in subparsers(parser):
        inner = list(subparsers(command))
        yield from (((name, source), parser) for source, parser in inner) if inner else [((name,), command)]


def subparsers(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def options(parser):
    return [action for action in parser._actions if action.option_strings and action.dest != "help"]


NO_NUMBERS = ("many", "", "-1", "0x10", "1e", "nan", "9" * 5000, "1\n2", "--")
TYPED = [
    pytest.param(command, action, id=" ".join([*command, action.option_strings[0]]))
    for command, parser in commands()
    for action in options(parser)
    if action.type is not None and action.type is not Path
]


@pytest.mark.parametrize(("command", "action"), TYPED)
def test_flags_that_take_numbers(tmp_path, monkeypatch, attempt, command, action):
    """No flag but a list of names takes any of these, and each says which flag it is about."""
    monkeypatch.chdir(tmp_path)
    flag = action.option_strings[0]
    for value in ("", "a,,b", ",") if action.type is names else NO_NUMBERS:
        result = attempt(flags_of(command[0]), tmp_path, *command, f"{flag}={value}", words=(flag,))
        assert len(result.err) < 1000


CHOSEN = [
    pytest.param(command, action, id=" ".join([*command, action.option_strings[0]]))
    for command, parser in commands()
    for action in options(parser)
    if action.choices is not None
]


@pytest.mark.parametrize(("command", "action"), CHOSEN)
def test_flags_that_take_one_of_some(tmp_path, monkeypatch, attempt, command, action):
    monkeypatch.chdir(tmp_path)
    flag, choices = action.option_strings[0], tuple(action.choices)
    for value in ("", "magic", choices[0].upper() + "x", "\x1b[31m"):
        result = attempt(flags_of(command[0]), tmp_path, *command, f"{flag}={value}", words=(flag,))
        near = re.search("did you mean '(.+?)'", result.err)
        assert near[1] in choices if near else all(choice in result.err for choice in choices)
        assert "\x1b" not in result.err


SWITCHES = [
    pytest.param(command, action, id=" ".join([*command, action.option_strings[0]]))
    for command, parser in commands()
    for action in options(parser)
    if action.nargs == 0
]


@pytest.mark.parametrize(("command", "action"), SWITCHES)
def test_switches_take_no_value(tmp_path, monkeypatch, attempt, command, action):
    monkeypatch.chdir(tmp_path)
    flag = action.option_strings[0]
    attempt(flags_of(command[0]), tmp_path, *command, f"{flag}=yes", words=(flag,))


OF_TRAIN = {
    "--epochs 0": ["--epochs", "'0'", "1 or more"],
    "--epochs 2.5": ["--epochs"],
    "--epochs 1000000001": ["--epochs", "at most"],
    "--batch-size 0": ["--batch-size"],
    "--batch-size 1": ["batch norm", "--batch-size 2", "--norm layer"],
    "--batch-size 1000000000": ["--batch-size"],
    "--lr 0": ["--lr", "positive"],
    "--lr inf": ["--lr"],
    "--latent-dim 0": ["--latent-dim"],
    "--latent-dim 100000": ["latent_dim", "at most"],
    "--threads 0": ["--threads"],
    "--epochs many": ["--epochs", "'many'"],
    "--threads 1000000": ["threads", "at most"],
    "--val-fraction 0": ["--val-fraction", "between 0 and 1"],
    "--val-fraction 1.5": ["--val-fraction"],
    "--max-pixel-value 1e-320": ["max_pixel_value"],
    "--max-pixel-value 1e300": ["max_pixel_value"],
    "--snapshot-samples 0": ["--snapshot-samples"],
    "--snapshot-samples some": ["--snapshot-samples"],
    "--patience 0": ["--patience"],
    "--noise gaussian": ["--noise", "KIND:AMOUNT"],
    "--noise gaussian:much": ["--noise"],
    "--noise gaussian:-1": ["--noise"],
    "--noise gaussian:0": ["--noise", "'none'"],
    "--noise gaussian:nan": ["--noise"],
    "--noise gaussian:1e300": ["--noise", "1e+09"],
    "--noise poisson:1e-300": ["--noise", "1e-09"],
    "--noise none:1": ["--noise"],
    "--noise fog:1": ["--noise", "salt-pepper"],
    "--noise masking:1.5": ["--noise", "from 0 to 1"],
    "--noise a\nb": ["--noise"],
    "--block-size 5": ["block", "'blocks'"],
    "--split blocks --block-size 40": ["single block", "smaller"],
    "--init-from nowhere.pt --batch-size 16": ["nowhere.pt"],
    "--init-from . --batch-size 16": ["checkpoint"],
    "--columns a,,b": ["--columns"],
    "--columns a,b": ["--metadata"],
    "--depth 3": ["depth", "'deep'"],
    "--encoder deep --depth 13": ["depth", "12"],
    "--objective angle": ["angle"],
    "--objective classify --target x": ["'x'"],
    "--objective angle --vector a,b,c": ["vector", "4 columns"],
    "--objective mask": ["mask"],
    "--sparsity kl --latent-activation tanh": ["never negative"],
    "--sparsity-target 0.5": ["sparsity"],
    "--target x": ["target", "leave it out"],
    "--frobnicate": ["--frobnicate"],
    "--train_data_dirr x": ["--train_data_dirr"],
    "--batch_size many": ["--batch-size", "many"],
    "--max_pixel_value": ["--max_pixel_value"],
    "--open_new_folder perhaps": ["--open_new_folder", "True or False"],
    "--run_goal test": ["--run_goal"],
    "--train_data_dir x": ["--file_name"],
    "--device cuda:99": ["--device", "'cuda'"],
}


@pytest.mark.parametrize(("flags", "words"), OF_TRAIN.items(), ids=[name.replace("\n", "_") for name in OF_TRAIN])
def test_flags_of_train(tmp_path, monkeypatch, images, attempt, flags, words):
    monkeypatch.chdir(tmp_path)
    attempt("flags of train", tmp_path, "train", images, "--run", tmp_path / "run", *flags.split(" "), words=words)
    assert not (tmp_path / "run").exists()


OF_OTHERS = [
    ("", ["COMMAND"]),
    ("dance", ["dance", "train", "visualize"]),
    ("train", ["autoencoder prepare"]),
    ("prepare", ["SOURCE"]),
    ("prepare dance", ["dance", "arena"]),
    ("prepare arena", ["--out"]),
    ("prepare arena --out x --images 0", ["--images"]),
    ("prepare arena --out x --size 3", ["at least 8"]),
    ("prepare arena --out x --images 1000000000 --size 4000", ["GB of memory", "--images", "--size"]),
    ("prepare arena --out x --images 1 --size 1000000000", ["GB of memory", "--images", "--size"]),
    ("prepare arena --out x --images 1000000000", ["GB of memory", "--images"]),
    ("prepare video v.mp4 --out x", ["v.mp4"]),
    ("prepare video v.mp4 --out x --front Nose --crop 5", ["--front", "--pose", "--crop", "--follow"]),
    ("prepare video v.mp4 --out x --follow slowest", ["--follow", "moving"]),
    ("prepare video v.mp4 --out x --region 1,2,3", ["--region", "40,20,200,100"]),
    ("prepare video v.mp4 --out x --region 1,2,3,0", ["region"]),
    ("prepare video v.mp4 --pose p.csv --out x", ["v.mp4"]),
    ("prepare video v.mp4 --pose p --out x --arena-center here", ["--arena-center", "532,535"]),
    ("prepare video v.mp4 --pose p --out x --min-likelihood 2", ["--min-likelihood"]),
    ("prepare idx nothing.gz --out x", ["nothing.gz"]),
    ("prepare images nofolder --out x", ["nofolder"]),
    ("test", ["--run"]),
    ("test --run nowhere", ["nowhere", "autoencoder train"]),
    ("test --run r --examples 0", ["--examples"]),
    ("test --run r --load_checkpoint False", ["--load_checkpoint"]),
    ("visualize", ["--run"]),
    ("visualize --run nowhere", ["nowhere"]),
    ("visualize --run r --latest-run-on d", ["--latest-run-on"]),
    ("visualize --run r --reduce magic", ["--reduce", "umap"]),
    ("visualize --run r --stop-index 0", ["--stop-index"]),
    ("visualize --run r --layer fc9", ["--layer", "fc2"]),
    ("visualize --run r --fps 0", ["--fps"]),
    ("visualize --run r --fps 121", ["--fps"]),
    ("visualize --run r --seconds 0", ["--seconds"]),
    ("visualize --run r --seconds 1e9", ["--seconds", "3,600"]),
    ("visualize --run r --format avi", ["--format", "gif"]),
    ("visualize --run r --snapshot middle", ["--snapshot", "last"]),
    ("visualize --run r --snapshot -1", ["--snapshot"]),
    ("visualize --run r --snapshot last --fps 5", ["--fps", "--snapshot"]),
    ("visualize --run r --score all --save-frames", ["--save-frames", "--score"]),
    ("visualize --run r --traverse x --labels y", ["--labels", "--traverse"]),
    ("visualize --run r --show units", ["--show", "--snapshot"]),
    ("visualize --latest-run-on nowhere.npz", ["nowhere.npz"]),
    ("export", ["RUN"]),
    ("export nowhere", ["nowhere"]),
    ("export r --format pickle", ["--format", "safetensors"]),
    ("export r --part middle", ["--part", "decoder"]),
    ("export r --pixels int8", ["--pixels", "uint8"]),
    ("export r --step -1", ["--step"]),
    ("explore", ["RUN"]),
    ("explore nowhere", ["nowhere"]),
    ("explore a --run b", ["RUN and --run"]),
    ("explore r --points 0", ["--points"]),
    ("explore r --layer pixels", ["--layer", "latent"]),
    ("compare", ["--train"]),
    ("compare nowhere", ["nowhere"]),
    ("compare a --train b", ["not both"]),
    ("compare a --seeds 2", ["--seeds", "--train"]),
    ("compare a --examples 9", ["--examples", "1 to 8"]),
    ("compare --train nowhere.npz", ["nowhere.npz"]),
    ("info", ["PATH"]),
    ("info nowhere", ["nowhere"]),
    ("info nowhere.npz", ["nowhere.npz"]),
    ("info nowhere.pt", ["nowhere.pt"]),
    ("info a b", ["b"]),
    ("demo extra", ["extra"]),
    ("demo --seed -1", ["--seed"]),
    ("demo --device abacus", ["--device", "cpu"]),
]


@pytest.mark.parametrize(("command", "words"), OF_OTHERS, ids=[command or "nothing" for command, _ in OF_OTHERS])
def test_flags_of_other_commands(tmp_path, attempt, monkeypatch, command, words):
    monkeypatch.chdir(tmp_path)
    name = command.partition(" ")[0]
    attempt(flags_of(name), tmp_path, *command.split(), words=words)
    assert not list(tmp_path.iterdir())


FITTING = {
    "--pad 100000": ["GB of memory", "--resize, --pad"],
    "--pad 100000000000000000": ["GB of memory", "--resize, --pad"],
    "--resize 100000": ["GB of memory", "--resize, --pad"],
    "--resize 1000000000": ["GB of memory", "--resize, --pad"],
    "--resize 0": ["--resize"],
    "--pad -1": ["--pad"],
    "--limit 0": ["--limit"],
    "--limit 1000000000": None,
    "--resize 1": None,
    "--pad 1 --resize 3 --limit 2": None,
}


@pytest.mark.parametrize("source", ["idx", "images"])
@pytest.mark.parametrize(("flags", "words"), FITTING.items(), ids=FITTING)
def test_flags_of_fitting(tmp_path, attempt, monkeypatch, source, flags, words):
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * 10**9)
    (tmp_path / "images.idx").write_bytes(idx(PIXELS))
    (tmp_path / "pictures").mkdir()
    for i, picture in enumerate(PIXELS):
        (tmp_path / "pictures" / f"{i:02d}.png").write_bytes(png(picture))
    path = tmp_path / {"idx": "images.idx", "images": "pictures"}[source]
    attempt(
        "flags of prepare", tmp_path, "prepare", source, path, "--out", tmp_path / "set", *flags.split(" "), words=words
    )


# ------------------------------------------------------------------------------------------------- extremes on a run

EXTREMES = [
    "test --run RUN --examples 1000 --no-movies --out OUT",
    "test --run RUN --examples 1000000000 --movie-frames 1000000000 --limit 1000000000 --out OUT",
    "test --run RUN --limit 1 --out OUT",
    "test --run RUN --checkpoint . --out OUT",
    "test --run RUN --noise gaussian:1000000000 --no-movies --out OUT",
    "test --run RUN --noise poisson:0.000000001 --no-movies --out OUT",
    "visualize --run RUN --reduce pca --color-by x --seed 999999999999999999 --trails 1000000 --stop-index 1 --fps 120 "
    "--seconds 0.001 --out OUT",
    "visualize --run RUN --snapshot last --clusters 1000000000 --show clusters --reduce pca --out OUT",
    "visualize --run RUN --snapshot last --show units generated --reduce pca --examples 0 --out OUT",
    "visualize --run RUN --snapshot 999999999999999999 --out OUT",
    "visualize --run RUN --traverse 999999999999999999999999 --out OUT",
    "visualize --run RUN --traverse x --examples 0 --out OUT",
    "visualize --run RUN --metadata RUN --out OUT",
    "explore RUN --reduce pca --points 1 --max-snapshots 1 --out OUT.html",
    "explore RUN --reduce pca --points 1000000000 --max-snapshots 1000000000 --out OUT.html",
    "compare RUN RUN --reduce pca --out OUT",
]


@pytest.mark.slow
@pytest.mark.parametrize("line", EXTREMES)
def test_numbers_that_no_run_has(tmp_path, finished, attempt, line):
    """Larger and smaller than anything in it: they mean all, one, or nothing that can be done."""
    arguments = line.replace("RUN", str(finished)).replace("OUT", str(tmp_path / "out")).split(" ")
    attempt(flags_of(arguments[0]), tmp_path, *arguments, words=None)


# ---------------------------------------------------------------------------------------------------------- processes

PROCESSES = {
    "npz": ("x.npz", cut(npz(images=PIXELS), 0.5), ("info", "x.npz")),
    "npy": ("x.npy", npy_with_header(header("(12L, 9L, 10L)"), PIXELS.tobytes()[1:]), ("info", "x.npy")),
    "csv": ("images.csv", rows(["1e999"] * N), ("info", "images.npy")),
    "metadata arrays": ("x.npz", npz(a=COLUMNS), ("train", "images.npy", "--metadata", "x.npz")),
    "idx": ("x.gz", cut(gzip.compress(idx(PIXELS)), 0.5), ("prepare", "idx", "x.gz", "--out", "set")),
    "image folder": ("a.png", png_of_size(12_000, 12_000), ("prepare", "images", ".", "--out", "set")),
    "pose": ("p.csv", first_row("0,1,2,high,3,4,1"), ("prepare", "video", "x.mp4", "--pose", "p.csv", "--out", "set")),
    "video": ("x.mp4", bytes(5000), ("prepare", "video", "x.mp4", "--pose", "pose.csv", "--out", "set")),
    "config.json": ("config.json", b"[" * 100_000, ("info", ".")),
    "flags of train": ("x", b"", ("train", "images.npy", "--epochs=--")),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PROCESSES)
def test_processes(tmp_path, start, tally, tree, kind):
    """One of each kind as a user meets it: one line on standard error, and status 2."""
    name, content, command = PROCESSES[kind]
    (tmp_path / "images.npy").write_bytes(npy(PIXELS))
    (tmp_path / "pose.csv").write_bytes(pose_table())
    (tmp_path / "x.mp4").write_bytes(b"x")
    (tmp_path / name).write_bytes(content)
    before = tree(tmp_path)
    process = start(*command, cwd=tmp_path)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err.startswith("error: "), err
    assert err.count("\n") == 1
    assert tree(tmp_path) == before
    tally(kind, tried=1, clear_errors=1)


@pytest.mark.slow
def test_a_process_prints_names_that_its_terminal_cannot(tmp_path, start):
    """In ASCII, a column and a file of another alphabet."""
    (tmp_path / "Mäuse-鼠.npz").write_bytes(npz(images=PIXELS, ラベル=np.array(["鼠"] * N)))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "ascii"}
    process = start("info", "Mäuse-鼠.npz", cwd=tmp_path, env=environment)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "M\\xe4use-\\u9f20.npz" in out
    assert "category: \\u9f20 (12)" in out
