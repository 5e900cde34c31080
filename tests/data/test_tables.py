"""Columns of text as people write them: what is missing, what is a number, and what commas are."""

import numpy as np
import pytest

from autoencoder.data.tables import commas_in_numbers, find_separator, parse_column, refuse_other_separators
from autoencoder.errors import UserError

WAYS_TO_MISS = ["NA", "N/A", "n/a", "null", "NULL", "None", "NaN", "nan", "-", "", "#N/A", "<NA>", "."]


@pytest.mark.parametrize("text", WAYS_TO_MISS)
def test_what_is_missing_among_numbers_is_missing(text):
    np.testing.assert_array_equal(parse_column(["1.5", text, "2"], "it"), [1.5, np.nan, 2])
    np.testing.assert_array_equal(parse_column([text, "3", "4"], "it"), [np.nan, 3, 4])


@pytest.mark.parametrize("text", ["NA", "-", "null"])
def test_in_a_column_of_text_it_stays(text):
    assert parse_column(["left", text, "right"], "it").tolist() == ["left", text, "right"]
    assert parse_column([text, text], "it").tolist() == [text, text]  # no number says that it is one of numbers


def test_a_column_of_nothing_is_one_of_missing_numbers():
    assert np.isnan(parse_column(["", ""], "it")).all()
    assert np.isnan(parse_column(["nan", ""], "it")).all()


def test_codes_keep_their_zeros():
    assert parse_column(["001", "010", "2"], "it").tolist() == ["001", "010", "2"]
    assert parse_column(["001", "NA", ""], "it").tolist() == ["001", "", ""]
    assert parse_column(["001", "010"], "it", with_codes=False).tolist() == [1, 10]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["+1", "2"], [1, 2]),
        (["1e3", "-0"], [1000, 0]),
        (["0", "10"], [0, 10]),
        (["0.50", "01.50"], [0.5, 1.5]),
        (["-0.0", ".5"], [0, 0.5]),
    ],
)
def test_numbers_are_numbers_as_before(texts, numbers):
    assert parse_column(texts, "it").tolist() == numbers


def test_numbers_of_twenty_digits_are_names_with_gaps_too():
    name = "1" * 20
    assert parse_column([name, "2"], "it").tolist() == [name, "2"]
    assert parse_column([name, "NA"], "it").tolist() == [name, ""]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["1,5", "2,25"], (0, "decimal")),
        (["3", "NA", "", "2,5"], (3, "decimal")),
        (["1.234,5", "10,0"], (0, "decimal")),
        (["1 234,5", "-0,5"], (0, "decimal")),
        (["1,5e3"], (0, "decimal")),
        ([",5"], (0, "decimal")),
        (["1,234.5", "2"], (0, "thousands")),
        (["1,234,567"], (0, "thousands")),
        (["1,234", "2,345"], (0, "either")),
        (["1,234", "2,3456"], (0, "decimal")),
        (["1,5", "left"], None),
        (["a,b"], None),
        (["1,2,3"], None),
        (["1.5", "2"], None),
        (["1,234.5", "1,5"], None),
    ],
)
def test_commas_in_numbers_are_told_apart(texts, found):
    assert commas_in_numbers(texts) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b\n1,5;2\n", ["semicolons", "sep=';', decimal=','"]),
        ('"a";"b"\n"1.5";"2"\n', ["semicolons", "sep=';')"]),
        ("\ufeffa\tb\n1\t2\n", ["tabs", r"sep='\t')"]),
        ("a|b\n1|2\n", ["vertical bars", "sep='|'"]),
        ("sep=;\na;b\n1;2\n", ["semicolons"]),
    ],
)
def test_other_separators_are_called_by_their_name(tmp_path, text, words):
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"m\.csv are not separated by commas but by") as caught:
        refuse_other_separators(path)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["a,b\n1;2,3\n", '"a;b",c\n1,2\n', "a\n1\n", '"x, y"\n1\n', ""])
def test_commas_and_single_columns_are_let_pass(tmp_path, text):
    path = tmp_path / "m.csv"
    path.write_text(text)
    refuse_other_separators(path)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('"a;b",c\n1,2\n', ","),
        ("sep=;\na,b;c\n", ";"),
        ('sep="\na,b\n', ","),
        ("a\n1\n", ","),
    ],
)
def test_separators_are_found_in_the_first_line(tmp_path, text, separator):
    (tmp_path / "t.csv").write_text(text)
    assert find_separator(tmp_path / "t.csv") == separator
