from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoencoder.data.metadata import Metadata
from autoencoder.data.metadata_files import load_metadata
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


def test_kinds_follow_from_names_and_values() -> None:
    many = np.arange(40)
    metadata = Metadata(
        {
            "body_angle_deg": many * 9,
            "heading_rad": many / 7.0,
            "frame": many % 3,
            "x": many % 3,
            "label": many % 10,
            "trial": many,
            "speed": many / 2.0,
            "mouse": np.array(["a", "b"] * 20),
            "rearing": many > 3,
        }
    )
    kinds = {name: metadata.kind(name).value for name in metadata.names}
    assert kinds == {
        "body_angle_deg": "circular",
        "heading_rad": "circular",
        "frame": "linear",
        "x": "linear",
        "label": "category",
        "trial": "linear",
        "speed": "linear",
        "mouse": "category",
        "rearing": "category",
    }
    assert metadata.period("body_angle_deg") == 360
    assert metadata.period("heading_rad") == pytest.approx(2 * np.pi)
    with pytest.raises(UserError, match=r"'speed' is not an angle.*_deg or _rad"):
        metadata.period("speed")


def test_taking_rows_keeps_order_and_kind() -> None:
    metadata = Metadata({"trial": np.arange(40), "mouse": np.array([f"m{i}" for i in range(40)])})
    taken = metadata.take(np.array([5, 2, 2]))
    assert taken.column("trial").tolist() == [5, 2, 2]
    assert taken.column("mouse").tolist() == ["m5", "m2", "m2"]
    # Three different values would make it a category if the kind were worked out anew.
    assert taken.kind("trial") is ColumnKind.LINEAR
    assert len(taken) == 3


def test_csv_with_bom_missing_values_and_text(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "frame,speed,label,id\n0,1.5,3,007_1\n1,,4,b\n2,nan,3,\n\n", "utf-8-sig")
    metadata = load_metadata(path, 3)
    assert metadata.names == ("frame", "speed", "label", "id")
    assert metadata.source == path
    assert metadata.column("frame").dtype == np.int64
    np.testing.assert_array_equal(metadata.column("speed"), [1.5, np.nan, np.nan])
    assert metadata.column("label").dtype == np.int64
    assert metadata.column("id").tolist() == ["007_1", "b", ""]


def test_an_integer_column_with_a_gap_becomes_float(tmp_path: Path) -> None:
    metadata = load_metadata(write(tmp_path / "m.csv", "a,b\n1,1\n,1\n"), 2)
    np.testing.assert_array_equal(metadata.column("a"), [1.0, np.nan])


def test_unknown_column_lists_those_there_are(tmp_path: Path) -> None:
    metadata = load_metadata(write(tmp_path / "m.csv", "a,b\n1,2\n"), 1)
    with pytest.raises(UserError, match=r"no column 'angle' in .*m\.csv; its columns are a, b"):
        metadata.column("angle")


def test_without_columns_the_error_says_what_to_do() -> None:
    metadata = Metadata({}, Path("images.npz"))
    assert len(metadata) == 0
    with pytest.raises(UserError, match=r"images\.npz has no metadata: put a \.csv"):
        metadata.column("angle")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,a\n1,2\n", "more than one column of the name a"),
        (",a\n0,2\n", r"has no name.*index=False"),
        ("a,b\n1,2\n1\n", "line 3 of .* has 1 fields and its header has 2"),
        ("a;b\n1;2\n", "not separated by commas"),
        ("a\n1\n2\n", r"has 2 rows and .* has 1 images"),
        ("body_angle_deg\nnorth\n", "angle by its name, but holds 'north' on line 2"),
        ("a\ninf\n", "'a' is infinite in row 0"),
        ("", "empty"),
        ("body_angle_deg\n", "has 0 rows"),
    ],
)
def test_bad_csv_is_refused_with_the_file_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "bad.csv", text)
    with pytest.raises(UserError, match=message) as caught:
        load_metadata(path, 1)
    assert "bad.csv" in str(caught.value)


def test_wrong_number_of_rows_names_both_files(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "a\n1\n2\n")
    with pytest.raises(UserError, match=r"m\.csv has 2 rows and rats\.npz has 1,000 images"):
        load_metadata(path, 1000, images_path=Path("rats.npz"))


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"m\.csv is not UTF-8"):
        load_metadata(write(tmp_path / "m.csv", "a\nMäuse\n", "latin-1"), 1)


def test_npy_takes_its_names_from_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    np.save(path, np.arange(6.0).reshape(3, 2))
    metadata = load_metadata(path, 3, ["angle_deg", "speed"])
    np.testing.assert_array_equal(metadata.column("speed"), [1, 3, 5])
    with pytest.raises(UserError, match=r"does not name its 2 columns.*--columns"):
        load_metadata(path, 3)
    with pytest.raises(UserError, match=r"has 2 columns, and 1 are named: a"):
        load_metadata(path, 3, ["a"])
    np.save(path, np.arange(3))
    assert load_metadata(path, 3, ["label"]).kind("label") is ColumnKind.CATEGORY


def test_npz_columns(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, a=np.arange(3), b=np.array(["x", "y", "z"]))
    assert load_metadata(path, 3).names == ("a", "b")
    np.savez(path, a=np.zeros((3, 2)))
    with pytest.raises(UserError, match=r"array 'a' in .*m\.npz has shape \(3, 2\)"):
        load_metadata(path, 3)


@pytest.mark.parametrize("name", ["m.npy", "m.npz"])
def test_python_objects_are_not_loaded(tmp_path: Path, name: str) -> None:
    path, objects = tmp_path / name, np.array([{}, 1, "x"], dtype=object)
    if name.endswith("npy"):
        np.save(path, objects, allow_pickle=True)
    else:
        np.savez(path, a=objects)
    with pytest.raises(UserError, match="holds Python objects"):
        load_metadata(path, 3, ["a"] if name.endswith("npy") else None)


def test_other_suffix_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file .*m\.csv"):
        load_metadata(tmp_path / "m.csv", 1)
    with pytest.raises(UserError, match=r"read from \.csv, \.npy or \.npz"):
        load_metadata(write(tmp_path / "m.xlsx", "x"), 1)


@given(
    numbers=st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=8),
    text=st.text("ab,\"'\n é", max_size=5),
)
def test_csv_gives_back_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], text: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "m.csv"
    saved = Metadata(
        {"speed": np.array(numbers), "frame": np.arange(len(numbers)), "id": np.array([f"x{text}x"] * len(numbers))}
    )
    path.write_text(saved.to_csv(), encoding="utf-8")
    loaded = load_metadata(path, len(numbers))
    np.testing.assert_allclose(loaded.column("speed").astype(float), saved.column("speed"), atol=0.51e-4)
    np.testing.assert_array_equal(loaded.column("frame"), saved.column("frame"))
    np.testing.assert_array_equal(loaded.column("id"), saved.column("id"))
    assert [entry.name for entry in path.parent.iterdir()] == ["m.csv"]


def test_large_numbers_keep_their_decimals() -> None:
    assert Metadata({"time_s": np.array([1234567.123456, 0.1])}).to_csv() == "time_s\n1234567.1235\n0.1\n"


def test_what_r_and_pandas_write_is_understood(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "speed,behaviour,pandas,mouse\n1.5,0,1.0,001\nNA,,nan,002\n2.5,1,0.0,001\n")
    metadata = load_metadata(path, 3)
    np.testing.assert_array_equal(metadata.column("speed"), [1.5, np.nan, 2.5])
    assert {name: metadata.kind(name).value for name in metadata.names} == {
        "speed": "linear",
        "behaviour": "category",
        "pandas": "category",
        "mouse": "category",
    }
    assert metadata.labels("behaviour").tolist() == ["0", "", "1"]
    assert metadata.labels("pandas").tolist() == ["1", "", "0"]
    assert metadata.labels("mouse").tolist() == ["001", "002", "001"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a,h\n1,"1,5"\n2,"2,5"\n', ["column 'h'", "decimal commas, as '1,5' on line 2", "h=category"]),
        ('h\n"1,234.5"\n"2"\n', ["commas between thousands", "thousands=','"]),
        ("a,b\n1,5,2,5\n1,7,3,0\n", ["line 2", "4 fields", "decimal commas"]),
        ("a b\n1 2\n3 4\n", ["but by spaces", r"sep=r'\s+'"]),
        ("Heading (deg)\n5\nnorth\n", ["angle by its name", "'north' on line 3", "--column-kind"]),
        ("a;b\n1,5;2\n1;2\n", ["but by semicolons", "decimal=','"]),
    ],
)
def test_other_habits_are_refused_by_the_true_reason(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        load_metadata(write(tmp_path / "m.csv", text), 2)
    for word in ("m.csv", *words):
        assert word in str(caught.value)


def test_the_users_word_comes_before_habits(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", 'h,day,turn_deg,frame\n"1,5",01,left,001\n"2,5",02,right,002\n')
    kinds = ["h=category", "day=quantity", "turn_deg=category"]
    metadata = load_metadata(path, 2, column_kinds=kinds)
    assert metadata.labels("h").tolist() == ["1,5", "2,5"]
    assert metadata.column("day").tolist() == [1, 2]
    assert metadata.kind("day") is ColumnKind.LINEAR
    assert metadata.labels("turn_deg").tolist() == ["left", "right"]
    assert metadata.column("frame").tolist() == [1, 2]  # it counts, whatever zeros are before it
    with pytest.raises(UserError, match=r"'left' on line 2 of .*, and --column-kind turn_deg=degrees makes it an"):
        load_metadata(path, 2, column_kinds=[*kinds[:2], "turn_deg=degrees"])


def test_kinds_of_arrays_in_an_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", heading=np.linspace(-3, 3, 9), arm=np.array(["a", "b", "c"] * 3))
    metadata = load_metadata(tmp_path / "m.npz", 9, column_kinds=["heading=radians"])
    assert metadata.period("heading") == pytest.approx(2 * np.pi)
    with pytest.raises(UserError, match=r"'arm' holds text, and --column-kind arm=quantity.*m\.npz"):
        load_metadata(tmp_path / "m.npz", 9, column_kinds=["arm=quantity"])
