"""Inputs that nobody thought of: whatever is drawn works or is refused by a `UserError`, and what works round-trips.

The short form draws the same examples every time; marked slow, the same tests draw many more, and others.
"""

import argparse
import contextlib
import gzip
import io
import json
import struct
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st
from PIL import Image

from autoencoder.cli.commands.compare import DATA_FIELDS, TABLE_FIELDS
from autoencoder.cli.commands.train import build_config
from autoencoder.cli.flags.old_flags import OLD_FLAGS, translate
from autoencoder.cli.flags.visualize_flags import check_flags
from autoencoder.cli.main import build_parser
from autoencoder.config import DataConfig, RunConfig
from autoencoder.data.images import load_images
from autoencoder.data.metadata import Metadata
from autoencoder.data.metadata_files import load_metadata
from autoencoder.data.sources.folder import prepare_images
from autoencoder.data.sources.idx import read_idx
from autoencoder.data.sources.pose.readers import load_poses
from autoencoder.data.tables import is_missing
from autoencoder.errors import UserError
from autoencoder.machine.files import write_json
from autoencoder.machine.plain_text import visible
from autoencoder.runs.describe import describe
from autoencoder.runs.folder import read_config

pytestmark = [pytest.mark.filterwarnings("error::RuntimeWarning"), pytest.mark.filterwarnings("error::UserWarning")]

MORE = 10
"""The long form draws so many times the examples of the short one."""


def drawing(number, kind, **strategies):
    """Make two tests of a check: of `number` examples, the same every time, and marked slow of many more."""

    def decorate(check):
        def test(tally, n, derandomize):
            outcomes = Counter()

            @settings(
                max_examples=n,
                derandomize=derandomize,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(**strategies)
            def try_all(**drawn):
                check(outcomes, **drawn)

            try:
                try_all()
            except BaseException:
                tally(kind, tried=outcomes.total() + 1, tracebacks=1)
                raise
            tally(kind, tried=outcomes.total(), **outcomes)
            assert outcomes["worked"]

        test.__doc__ = check.__doc__
        forms = [
            pytest.param(number, True, id="short"),
            pytest.param(MORE * number, False, id="long", marks=pytest.mark.slow),
        ]
        return pytest.mark.parametrize(("n", "derandomize"), forms)(test)

    return decorate


@contextlib.contextmanager
def works_or_refuses(outcomes):
    """Count which of the two it was; anything but a `UserError` fails the test."""
    try:
        yield
    except UserError:
        outcomes["clear_errors"] += 1
    else:
        outcomes["worked"] += 1


@contextlib.contextmanager
def file_of(content, name):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        yield Path(folder) / name


# ------------------------------------------------------------------------------------------------------------- arrays

IMAGE_TYPES = [np.dtype(name) for name in ("u1", "<u2", ">u2", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8")]
ODD_TYPES = [np.dtype(name) for name in ("?", "i1", ">i8", "g", "c16", "U3", "S2", "M8[s]", "u1,f4", "(2,)u1")]

image_shapes = numpy_st.array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=5)
any_shapes = numpy_st.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)


@st.composite
def any_arrays(draw):
    """Mostly images; their values are random bytes, so that floats are NaN, infinite and of any size."""
    likely = draw(st.integers(0, 3)) > 0
    dtype = draw(st.sampled_from(IMAGE_TYPES if likely else IMAGE_TYPES + ODD_TYPES))
    shape = draw(image_shapes if likely else any_shapes)
    seed, tame = draw(st.integers(0, 2**32)), draw(st.booleans())
    random = np.random.default_rng(seed)
    if tame and dtype.kind in "fu" and dtype.itemsize <= 8:
        return random.uniform(0, 1 if dtype.kind == "f" else 200, shape).astype(dtype)
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    return np.frombuffer(random.bytes(n_bytes), dtype).reshape((*shape, *dtype.shape))


def check_images(outcomes, path, expected=None, top=None):
    """Load and describe; what is accepted is scaled to 0 to 1, and is what was saved."""
    with works_or_refuses(outcomes):
        loaded = load_images(path, max_pixel_value=top)
        scaled = loaded.scaled(slice(0, len(loaded)))
        assert scaled.dtype == np.float32
        assert scaled.ndim == 4
        assert scaled.min() >= 0
        assert scaled.max() <= 1.001  # values of 16 bits are rounded
        if expected is not None:
            np.testing.assert_array_equal(loaded.images.reshape(expected.shape), expected)
        assert json.dumps(describe(path, top), default=str)


tops = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([1, 255, 65535, 1e30])


@drawing(150, "drawn arrays", array=any_arrays(), fortran=st.booleans(), top=tops)
def test_any_array_in_npy(outcomes, array, fortran, top):
    """Any type, byte order, order of axes, shape and value."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", np.asfortranarray(array) if fortran else array)
        check_images(outcomes, Path(folder) / "x.npy", array, top)


known_names = st.sampled_from(
    ["images", "clean", "mask", "regions", "region_names", "arr_0", "label", "x_deg", "../x", "a b"]
)
array_names = known_names | st.text("ab/\\.\n\x1b", max_size=5)


@drawing(100, "drawn arrays", named=st.dictionaries(array_names, any_arrays(), max_size=4), compress=st.booleans())
def test_any_arrays_in_npz(outcomes, named, compress):
    """Images, clean images, masks and columns, or not, of any type and shape, under any name."""
    content = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(content, **{name: named[name] for name in named if name != "file"})
    with file_of(content.getvalue(), "x.npz") as path:
        check_images(outcomes, path)


# ----------------------------------------------------------------------------------------------------- damaged files


def saved(write, *arguments, **options):
    file = io.BytesIO()
    write(file, *arguments, **options)
    return file.getvalue()


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 8, 9), dtype=np.uint8)
LABELS = np.arange(5, dtype=np.uint8)
IDX = bytes([0, 0, 8, 3]) + struct.pack(">III", *PIXELS.shape) + PIXELS.tobytes()
CSV = b'frame,x,label,a_deg\n0,1.5,"a, b",90\n1,-2e3,c,\n2,,"d\ne",270.25\n3,4,,1\n4,5,f,2\n'
POSE = b"scorer,n,n,n,n,n,n\nbodyparts,Nose,Nose,Nose,Tail,Tail,Tail\ncoords,x,y,likelihood,x,y,likelihood\n"
POSE += b"".join(b"%d,1.5,2,0.9,3,,1\n" % i for i in range(5))
ANIMALS = b"scorer;n;n;n;n\nindividuals;a;a;b;b\nbodyparts;Nose;Nose;Nose;Nose\ncoords;x;y;x;y\n"
ANIMALS += b"".join(b"%d;1,5;2;;3,25\n" % i for i in (1, 2, 4))
SLEAP = b"track,frame_idx,instance.score,Nose.x,Nose.y,Nose.score\n"
SLEAP += b"".join(b"%s,%d,0.5,1.5,2,0.9\n" % (b"ab"[i % 2 : i % 2 + 1], i // 2) for i in range(6))


@st.composite
def damaged(draw, content):
    """A file with some bytes changed, cut out or put in, or cut short."""
    content = bytearray(content)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        how = draw(st.sampled_from(["change", "change", "change", "insert", "remove", "repeat", "cut"]))
        some = draw(
            st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0", b"\xff" * 4, b"-1", b"9" * 20, b'"', b","])
        )
        if how == "change":
            content[at : at + len(some)] = some
        elif how == "insert":
            content[at:at] = some
        elif how == "remove":
            del content[at : at + len(some)]
        elif how == "repeat":
            content[at:at] = content[at : at + 40]
        elif draw(st.integers(0, 2)) == 0:
            del content[at:]
    return bytes(content)


@drawing(200, "damaged files", content=damaged(saved(np.save, PIXELS)))
def test_damaged_npy(outcomes, content):
    """Most of the file is its header."""
    with file_of(content, "x.npy") as path:
        check_images(outcomes, path)


@drawing(120, "damaged files", content=damaged(saved(np.savez, images=PIXELS, label=LABELS)))
def test_damaged_npz(outcomes, content):
    """Stored: a changed pixel is seen by its checksum."""
    with file_of(content, "x.npz") as path:
        check_images(outcomes, path, PIXELS if content else None)


@drawing(120, "damaged files", content=damaged(saved(np.savez_compressed, images=PIXELS, label=LABELS)))
def test_damaged_compressed_npz(outcomes, content):
    """Deflated."""
    with file_of(content, "x.npz") as path:
        check_images(outcomes, path, PIXELS)


@drawing(200, "damaged files", content=damaged(IDX))
def test_damaged_idx(outcomes, content):
    """What is read has the shape that the header says, and all of its values."""
    with file_of(content, "x") as path, works_or_refuses(outcomes):
        values = read_idx(path)
        assert values.size > 0
        assert values.dtype.isnative


@drawing(150, "damaged files", content=damaged(gzip.compress(IDX)))
def test_damaged_gzip(outcomes, content):
    """The checksum of gzip is of everything."""
    with file_of(content, "x.gz") as path, works_or_refuses(outcomes):
        np.testing.assert_array_equal(read_idx(path), PIXELS)


@drawing(150, "damaged files", content=damaged(POSE) | damaged(ANIMALS) | damaged(SLEAP))
def test_damaged_pose(outcomes, content):
    """What is not finite is nowhere, and unlikely."""
    with file_of(content, "x.csv") as path, works_or_refuses(outcomes):
        pose = load_poses(path)
        lost = np.isnan(pose.xy).any(axis=-1)
        assert np.isnan(pose.xy[lost]).all()
        assert np.isfinite(pose.xy[~lost]).all()
        assert (pose.likelihood[lost] == 0).all()


@drawing(150, "damaged files", content=damaged(CSV))
def test_damaged_csv(outcomes, content):
    """What is read is written and read again as the same."""
    check_table(outcomes, content, 5)


PICTURES = {kind: saved(Image.fromarray(PIXELS[0]).save, kind) for kind in ("png", "jpeg", "tiff")}


@drawing(
    150,
    "damaged files",
    picture=st.sampled_from(sorted(PICTURES)).flatmap(lambda kind: st.tuples(st.just(kind), damaged(PICTURES[kind]))),
)
def test_damaged_picture(outcomes, picture):
    """A folder of one: its data set can be loaded, or there is none."""
    kind, content = picture
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in").mkdir()
        (Path(folder) / "in" / f"x.{kind}").write_bytes(content)
        with works_or_refuses(outcomes):
            load_images(prepare_images(Path(folder) / "in", Path(folder) / "out" / "set").npz)
        there = {path.name for path in (Path(folder) / "out").iterdir()} if (Path(folder) / "out").exists() else set()
        assert there in (set(), {"set.csv", "set.npz"})


@drawing(150, "damaged files", content=damaged(json.dumps(RunConfig(DataConfig("x.npy")).to_json(), indent=1).encode()))
def test_damaged_config(outcomes, content):
    """What is accepted is written and read again as the same."""
    with file_of(content, "config.json") as path, works_or_refuses(outcomes):
        config = read_config(path)
        write_json(path, config.to_json())
        assert read_config(path) == config


@drawing(
    100,
    "damaged files",
    content=st.binary(max_size=200),
    name=st.sampled_from(["x.npy", "x.npz", "x.csv", "x", "x.gz", "config.json"]),
    start=st.sampled_from(
        [b"", b"\x93NUMPY\1\0", b"PK\3\4", b"\x1f\x8b\x08\0", b"\0\0\x08\1\0\0\0\2", b"{", b"\xef\xbb\xbf"]
    ),
)
def test_random_bytes(outcomes, content, name, start):
    """Behind a beginning that is right, in every reader."""
    with file_of(start + content, name) as path:
        for read in (load_images, read_idx, load_poses, read_config, lambda path: load_metadata(path, 1)):
            if read is not load_poses or name == "x.csv":
                with works_or_refuses(outcomes):
                    read(path)
    outcomes["worked"] += 0 if outcomes["worked"] else 1  # few random bytes are an IDX file


# --------------------------------------------------------------------------------------------------------------- csv

fields = (
    st.integers(-(10**25), 10**25).map(str)
    | st.floats().map(repr)
    | st.sampled_from(
        ["", " ", "nan", "1e999", "1_000", "0x10", "\uff11", "-0", "+5", "1e-400", "9" * 400, "=1+1", "'"]
    )
    | st.text(max_size=6)
)
names = st.text("ab_deg rad,\"'\n\r\té", max_size=8) | st.sampled_from(["frame", "x", "angle_deg", "angle_rad"])


def quoted(field):
    return '"' + field.replace('"', '""') + '"'


@st.composite
def tables(draw):
    """A table that is mostly right: sometimes a row is too long, and sometimes nothing is quoted."""
    n_columns, n_rows = draw(st.integers(1, 4)), draw(st.integers(0, 5))
    quote = draw(st.sampled_from([quoted, quoted, quoted, str]))
    columns = [draw(st.sampled_from([fields, st.integers().map(str), st.floats().map(str)])) for _ in range(n_columns)]
    unique = st.lists(names, min_size=n_columns, max_size=n_columns, unique=draw(st.integers(0, 4)) > 0)
    rows = [draw(unique), *([draw(column) for column in columns] for _ in range(n_rows))]
    if draw(st.integers(0, 9)) == 0:
        draw(st.sampled_from(rows)).append("more")
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    text = mark + end.join(",".join(map(quote, row)) for row in rows) + end
    return text.encode("utf-8", "surrogatepass"), n_rows


def check_table(outcomes, content, n_rows):
    """Read, write and read again."""
    with file_of(content, "x.csv") as path, works_or_refuses(outcomes):
        first = load_metadata(path, n_rows)
        path.write_bytes(first.to_csv().encode())
        second = load_metadata(path, n_rows)
        assert second.names == first.names
        for name in first.names:
            a, b = first.column(name), second.column(name)
            if a.dtype.kind == "f":
                np.testing.assert_allclose(b.astype(float), a, atol=0.51e-4, rtol=1e-12)
            else:
                np.testing.assert_array_equal(b, a)


@drawing(200, "drawn tables", table=tables())
def test_any_table(outcomes, table):
    """Any names, values, quotes and line ends."""
    check_table(outcomes, *table)


@drawing(
    100,
    "drawn tables",
    columns=st.dictionaries(
        names.filter(str.strip),
        st.lists(fields, min_size=3, max_size=3)
        | st.lists(st.floats(width=32), min_size=3, max_size=3)
        | st.lists(st.integers(-(2**63), 2**64 - 1), min_size=3, max_size=3),
        min_size=1,
        max_size=3,
    ),
)
def test_any_columns(outcomes, columns):
    """Columns that are made and not read, written and read: texts that are no numbers come back to the letter.

    Words for what is missing come back as nothing where all others are digits that are names, as `007` is.
    """
    with works_or_refuses(outcomes):
        made = Metadata({name: np.array(values) for name, values in columns.items()})
        text = made.to_csv()
        with file_of(text.encode("utf-8"), "x.csv") as path, contextlib.suppress(UserError):
            again = load_metadata(path, 3)
            for name, values in made.columns.items():
                stripped = again.columns.get(name.strip())
                if stripped is not None and values.dtype.kind == stripped.dtype.kind == "U":
                    written = [value.strip() for value in values.tolist()]
                    with_gaps = ["" if is_missing(value) else value for value in written]
                    assert stripped.tolist() in (written, with_gaps)


# -------------------------------------------------------------------------------------------------------------- flags


def parsers():
    """Each command, as its words, and its parser."""
    for name, command in subparsers(build_parser()):
        inner = list(subparsers(command))
        yield from (((name, source), parser) for source, parser in inner) if inner else [((name,), command)]


def subparsers(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


PARSERS = dict(parsers())
numbers = st.integers(-2, 100).map(str) | st.integers().map(str) | st.floats().map(repr) | st.floats(0, 1).map(repr)
noises = st.builds("{}:{}".format, st.sampled_from(["gaussian", "masking", "poisson", "fog", "none"]), numbers)
words = st.sampled_from(["x", "a,b", "auto", "all", "last", "1,2", "", "--", "-", "True", "no"]) | st.text(max_size=6)


def values_of(action):
    """Texts that may be meant for an option."""
    likely = numbers if action.type is not None else words
    if action.choices is not None:
        likely = st.sampled_from([str(choice) for choice in action.choices])
    elif "KIND" in str(action.metavar):
        likely = noises
    return st.integers(0, 9).flatmap(lambda n: words | numbers if n == 0 else likely)


@st.composite
def command_lines(draw, command):
    """Options of a command, with values that fit, and some that do not."""
    actions = [action for action in PARSERS[command]._actions if action.option_strings and action.dest != "help"]
    positional = [action for action in PARSERS[command]._actions if not action.option_strings]
    line = list(command)
    for action in draw(st.lists(st.sampled_from(actions), max_size=5)):
        flag = draw(st.sampled_from(action.option_strings))
        n = 0 if action.nargs == 0 else draw(st.integers(1, 3)) if action.nargs == "+" else 1
        values = [draw(values_of(action)) for _ in range(n)]
        line += [f"{flag}={values[0]}"] if n == 1 else [flag, *values]
    for action in actions:
        if action.required:
            line += [action.option_strings[0], "x"]
    if command[0] in OLD_FLAGS and draw(st.booleans()):
        flag = draw(st.sampled_from(OLD_FLAGS[command[0]]))
        line += [f"--{flag}", draw(words | numbers)]
    return line + ["data.npz"] * len(positional)


def check_command_line(outcomes, line):
    """Parse and validate, as the command does before it opens a file."""
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            args = build_parser().parse_args(translate(line))
            if args.command == "visualize":
                check_flags(args)
            if args.command == "compare" and args.train is not None:
                said = {name: getattr(args, name, None) for name in (*DATA_FIELDS, *TABLE_FIELDS)}
                DataConfig(str(args.train), **{name: value for name, value in said.items() if value is not None})
            if args.command == "train" and args.data is not None:
                config = build_config(args)
                assert RunConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    except UserError:
        status = 0
        outcomes["clear_errors"] += 1
    except SystemExit as leaving:
        status = leaving.code
        outcomes["clear_errors"] += 1
    else:
        status = 0
        outcomes["worked"] += 1
    said = errors.getvalue()
    assert status == 0 or (status == 2 and said.startswith("error: ") and said.count("\n") == 1)
    assert visible(said.rstrip("\n")) == said.rstrip("\n")


@pytest.mark.slow
@drawing(200, "drawn flags", line=command_lines(("train",)))
def test_any_flags_of_train(outcomes, line):
    """What is accepted is a configuration that goes to JSON and back."""
    check_command_line(outcomes, line)


@pytest.mark.slow
@drawing(150, "drawn flags", line=st.sampled_from(sorted(PARSERS)).flatmap(command_lines))
def test_any_flags_of_any_command(outcomes, line):
    """Every option of every command."""
    check_command_line(outcomes, line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from([10**30, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
ENTRIES = [
    (section, name)
    for section, content in RunConfig(DataConfig("x.npy")).to_json().items()
    if isinstance(content, dict)
    for name in content
]


@drawing(200, "drawn flags", changes=st.dictionaries(st.sampled_from(ENTRIES), json_values, min_size=1, max_size=2))
def test_any_value_in_config(outcomes, changes):
    """Any value of any type in any entry; what is accepted is written and read again as the same."""
    content = RunConfig(DataConfig("x.npy")).to_json()
    for (section, name), value in changes.items():
        content[section][name] = value
    with file_of(json.dumps(content).encode(), "config.json") as path, works_or_refuses(outcomes):
        config = read_config(path)
        write_json(path, config.to_json())
        assert read_config(path) == config
