"""Small files that stand for gigabytes: sizes are read from headers and compared with the memory there is.

Each bomb meets a process of its own, which is told that it has 1 GB and says at its end how much it took at most. The
fixture `attempt` checks the refusals once more in this process.
"""

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from autoencoder.machine import memory

GB = 10**9
LIMIT = 1 * GB
MOST = 400_000_000
"""Bytes that Python with numpy and the toolkit may take; every bomb below stands for 3 GB or more."""

STEP = 16 * 2**20
N_STEPS = 190

CHILD = """
import contextlib, io, json, re, sys
from autoencoder.machine import memory
memory.available_memory = lambda: {limit}
from autoencoder.cli.main import main
out, err = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    status = main(sys.argv[1:])
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
print(json.dumps([status, out.getvalue(), err.getvalue(), peak]))
"""


@pytest.fixture
def alone(root):
    """Run a command in a process that believes that it has 1 GB; returns status, output, errors and peak memory."""
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux says how much memory a process had")

    def run(*arguments):
        command = [sys.executable, "-c", CHILD.format(limit=LIMIT), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True, timeout=120)
        assert done.stderr == ""
        return json.loads(done.stdout)

    return run


def deflated(start, n_zeros):
    """Raw deflate data of `start` and so many zeros, made without holding them: equal blocks are compressed once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(STEP)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(n_zeros % STEP)) + packer.flush(zlib.Z_FINISH)
    return first + block * (n_zeros // STEP) + rest


def npy_header(shape, descr="|u1"):
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


def zip_of(name, data, size):
    """A zip of one deflated member; its checksum is wrong, which nobody gets as far as to see."""
    name = name.encode()
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, len(data), size, len(name), 0)
    local = b"PK\3\4" + common + name
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(data), 0)
    return local + data + central + end


def npz_bomb(promised, there):
    """An .npz whose header promises so many images of 1 MB and whose member inflates to so many."""
    start, side = npy_header((promised, 1024, 1024)), 2**20
    return zip_of("images.npy", deflated(start, there * side), len(start) + there * side)


def gzip_bomb(promised, there):
    """The same as an IDX file."""
    start = bytes([0, 0, 8, 3]) + struct.pack(">III", promised, 1024, 1024)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated(start, there * 2**20) + bytes(8)


def sparse(path, start, size):
    """A file that takes no place on the disk and is as long as it is told to be."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + size)


BOMBS = {
    "npz that promises 3 GB and holds them": (
        "x.npz",
        lambda p: p.write_bytes(npz_bomb(3000, 3000)),
        ["3.15 GB", "1.00 GB", "as .npy: both are mapped"],
    ),
    "npz that promises 1 MB and holds 3 GB": (
        "x.npz",
        lambda p: p.write_bytes(npz_bomb(1, 3000)),
        ["differs from what its header says", "again"],
    ),
    "gzip that promises 3 GB and holds them": (
        "x.gz",
        lambda p: p.write_bytes(gzip_bomb(3000, 3000)),
        ["3.15 GB", "1.00 GB", "split it"],
    ),
    "gzip that promises 1 MB and holds 3 GB": (
        "x.gz",
        lambda p: p.write_bytes(gzip_bomb(1, 3000)),
        ["there are more", "again"],
    ),
    "npy with one image of 3 GB": (
        "x.npy",
        lambda p: sparse(p, npy_header((1, 55_000, 55_000)), 55_000**2),
        ["one image", "12.10 GB", "1.00 GB", "resize"],
    ),
    "png of 13,000 x 13,000": (
        "pictures",
        lambda p: (p.mkdir(), (p / "x.png").write_bytes(png_of_zeros(13_000, 13_000))),
        ["x.png", "3.38 GB", "1.00 GB", "smaller"],
    ),
    "png of 60,000 x 60,000": (
        "pictures",
        lambda p: (p.mkdir(), (p / "x.png").write_bytes(png_of_zeros(60_000, 60_000))),
        ["x.png", "pixels", "repair or remove it"],
    ),
}


def png_of_zeros(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = (
        b"\x78\xda" + deflated(b"", (width + 1) * height) + struct.pack(">I", ((width + 1) * height % 65521 << 16) | 1)
    )
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


LARGE = ("npy with one image of 3 GB", "npz that promises 3 GB and holds them")
"""Bombs that take long to be made."""


def command_for(path):
    return {
        ".gz": ("prepare", "idx", path, "--out", path.parent / "set"),
        "": ("prepare", "images", path, "--out", path.parent / "set"),
    }.get(path.suffix, ("info", path))


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [pytest.param(*bomb, id=kind, marks=pytest.mark.slow if kind in LARGE else ()) for kind, bomb in BOMBS.items()],
)
def test_a_bomb_takes_no_memory(tmp_path, alone, attempt, monkeypatch, name, make, words):
    path = tmp_path / name
    make(path)
    status, out, err, peak = alone(*command_for(path))
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert all(word in err for word in words), err
    assert peak < MOST, f"{peak:,} bytes"
    monkeypatch.setattr(memory, "available_memory", lambda: LIMIT)
    attempt("bombs", tmp_path, *command_for(path), words=words)


@pytest.mark.slow
def test_a_set_larger_than_memory_is_mapped(tmp_path, alone):
    """1.25 GB of images, of which `info` looks at a thousand."""
    n = 500_000
    sparse(tmp_path / "x.npy", npy_header((n, 50, 50)), n * 2500)
    status, out, err, peak = alone("info", tmp_path / "x.npy")
    assert (status, err) == (0, "")
    assert "500,000 of 1x50x50 uint8" in out
    assert peak < MOST


METADATA = {
    "csv of 4 GB of zeros": ("x.csv", lambda p: sparse(p, b"a\n", 4 * GB), (), ["UTF-8", "zero bytes"]),
    "csv of many rows": ("x.csv", lambda p: p.write_bytes(b"a\n" + b"1\n" * 5_000_000), (), ["1.44 GB", "1.00 GB"]),
    "csv of many empty fields": (
        "x.csv",
        lambda p: p.write_bytes(b"a" + b"," * 20_000_000),
        (),
        ["1.68 GB", "1.00 GB"],
    ),
    "npy of 40 GB": (
        "x.npy",
        lambda p: sparse(p, npy_header((5 * GB,), "<f8"), 40 * GB),
        ("--columns", "a"),
        ["5,000,000,000 rows", "40 images"],
    ),
    "npy of 8 GB of columns": (
        "x.npy",
        lambda p: sparse(p, npy_header((40, 25_000_000), "<f8"), 8 * GB),
        ("--columns", "a"),
        ["25000000 columns", "1 are named"],
    ),
    "npy of 8 GB of text": (
        "x.npy",
        lambda p: sparse(p, npy_header((40,), "<U50000000"), 8 * GB),
        ("--columns", "a"),
        ["8.00 GB", "1.00 GB"],
    ),
    "npz of 3 GB": (
        "x.npz",
        lambda p: p.write_bytes(
            zip_of(
                "a.npy",
                deflated(npy_header((40,), "|S75000000"), 3 * GB),
                3 * GB + len(npy_header((40,), "|S75000000")),
            )
        ),
        (),
        ["3.00 GB", "1.00 GB"],
    ),
}


@pytest.mark.parametrize(("name", "make", "flags", "words"), METADATA.values(), ids=METADATA)
def test_metadata_that_does_not_fit(tmp_path, attempt, monkeypatch, name, make, flags, words):
    np.save(tmp_path / "images.npy", np.zeros((40, 16, 16), np.uint8))
    make(tmp_path / name)
    monkeypatch.setattr(memory, "available_memory", lambda: LIMIT)
    command = ("train", tmp_path / "images.npy", "--run", tmp_path / "run", "--metadata", tmp_path / name)
    attempt("bombs", tmp_path, *command, *flags, words=(str(tmp_path / name), *words))


def test_a_pose_that_does_not_fit(tmp_path, attempt, monkeypatch):
    """Memory is asked for before a line is read, so that what is in it does not matter."""
    (tmp_path / "pose.csv").write_bytes(b"scorer,a\n" + b"1,2,3,4\n" * 300)
    (tmp_path / "video.mp4").write_bytes(b"x")
    monkeypatch.setattr(memory, "available_memory", lambda: 100_000)
    command = ("prepare", "video", tmp_path / "video.mp4", "--pose", tmp_path / "pose.csv", "--out", tmp_path / "set")
    attempt("bombs", tmp_path, *command, words=("pose.csv", "of memory", "available"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("arena", "--images", 100, "--size", 500),
        ("images", "pictures", "--pad", 3000),
        ("images", "pictures", "--resize", 3000),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_what_flags_ask_for_is_compared_with_the_memory(tmp_path, monkeypatch, attempt, arguments):
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    Path("pictures", "x.png").write_bytes(png_of_zeros(9, 9))
    monkeypatch.setattr(memory, "available_memory", lambda: 30_000_000)
    words = ("GB of memory, and 0.03 GB is available", "--")
    attempt("bombs", tmp_path, "prepare", *arguments, "--out", "set", words=words)
