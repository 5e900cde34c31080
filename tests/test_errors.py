"""Unknown names: the nearest known one is suggested, and nothing where none is near."""

import pytest

from autoencoder import errors


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("body_angle", ["x", "y", "body_angle_deg"], "body_angle_deg"),
        ("nearest-port", ["nearest_port", "head_port"], "nearest_port"),
        ("umpa", ["umap", "pca", "tsne", "none"], "umap"),
        ("nose", ["Nose", "Tailroot"], "Nose"),
    ],
)
def test_the_nearest_name_is_suggested_as_it_is_spelt(name, known, meant):
    assert errors.did_you_mean(name, known) == f" (did you mean '{meant}'?)"


@pytest.mark.parametrize(("name", "known"), [("nosuch", ["x", "y", "frame"]), ("xx", ["x"]), ("x", []), ("", ["x"])])
def test_nothing_is_suggested_where_no_name_is_near(name, known):
    assert errors.did_you_mean(name, known) == ""


def test_names_without_end_are_not_compared():
    assert errors.did_you_mean("a" * 10**6, ["a" * 10**6 + "b"]) == ""
    assert errors.did_you_mean("first", (f"column_{i}" for i in range(10**9))) == ""


def test_unknown_says_what_is_known_and_what_was_meant():
    assert errors.unknown("way to fit", ["lst"], ["last", "every"]) == [
        "unknown way to fit 'lst' (did you mean 'last'?)"
    ]
    assert errors.unknown("way to fit", ["last"], ["last", "every"]) == []
    assert errors.unknown("way to fit", ["zzz"], ["last", "every"]) == [
        "unknown way to fit 'zzz': choose from last, every"
    ]


@pytest.mark.parametrize(("n", "said"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1600, "1,600 images")])
def test_numbers_of_things_agree_with_their_noun(n, said):
    assert errors.number_of(n, "image") == said
