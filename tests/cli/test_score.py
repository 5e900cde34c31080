"""`visualize --score`, the scores beside each movie, and what fits refuse."""

import csv
import json

import numpy as np
import pytest

METHODS = ("pca-last", "pca-every", "pca-pooled")


@pytest.fixture(scope="module")
def scored(finished, tmp_path_factory, succeed):
    """Three methods on `finished`; the folder and what was printed."""
    out = tmp_path_factory.mktemp("scored")
    said = succeed("visualize", "--run", finished, "--score", *METHODS, "--out", out).out
    return out, said


def test_one_table_of_the_methods_that_were_asked_for(scored, tree):
    out, said = scored
    assert tree(out) == {"scores.json", "scores.csv", "scores.png"}
    told = json.loads((out / "scores.json").read_text())
    assert [(m["reducer"], m["fit"]) for m in told["methods"]] == [tuple(m.split("-")) for m in METHODS]
    assert told["left_out"] == []
    assert len(told["steps"]) == len(told["epochs"]) == 10
    rows = list(csv.DictReader((out / "scores.csv").open()))
    for row, method in zip(rows, told["methods"], strict=True):
        assert float(row["spearman"]) == pytest.approx(method["stability"]["spearman"])
        assert float(row["preservation"]) == pytest.approx(np.mean(method["frames"]["preservation"]))
        assert len(method["frames"]["preservation"]) == 10
        assert method["null"]["mean_share"] == 0, "PCA of the same snapshot is the same"
        assert (method["k"], method["n_scored"]) == (6, 120)
    for words in ("10 snapshots of 120 images", "neighbours kept", "Spearman", "PCA every", "made "):
        assert words in said


def test_the_table_and_the_movie_say_the_same(scored, finished, tmp_path, succeed):
    flags = ("--reduce", "pca", "--no-movies", "--out", tmp_path / "out")
    said = succeed("visualize", "--run", finished, *flags).out
    beside = json.loads((tmp_path / "out" / "scores.json").read_text())
    table = json.loads((scored[0] / "scores.json").read_text())
    ours, theirs = beside["methods"][0], table["methods"][0]
    for one in (ours, theirs):
        one.pop("seconds")
    assert ours == theirs
    assert beside["steps"] == table["steps"]
    assert "PCA last: stability" in said


def test_a_fit_that_cannot_be_is_left_out_by_name(finished_copy, tmp_path, succeed, call):
    first = sorted((finished_copy / "latents").glob("step_*.npy"))[0]
    np.save(first, np.zeros_like(np.load(first)))
    flags = ("--run", finished_copy, "--out", tmp_path)
    said = succeed("visualize", *flags, "--score", "pca-last", "pca-every").out
    assert f"PCA every is left out: {first} cannot be fitted: every image has the same code" in said
    told = json.loads((tmp_path / "scores.json").read_text())
    assert len(told["methods"]) == len(told["left_out"]) == 1
    assert told["methods"][0]["frames"]["preservation"][0] is None
    call("visualize", *flags, "--score", "pca-every").refused("PCA every is left out")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--score", "umap-nothing"), ("umap-nothing", "umap-joint")),
        (("--score", "all", "--fps", 3), ("--fps", "cannot be used with --score")),
        (("--score", "all", "--snapshot", "last"), ("--snapshot",)),
        (("--score", "all", "--color-by", "x"), ("--color-by",)),
        (("--score", "all", "--layer", "pixels"), ("--layer pixels",)),
        (("--reduce", "pca", "--fit", "joint"), ("--fit joint", "--reduce pca", "pooled")),
        (("--reduce", "none", "--fit", "every"), ("--reduce none",)),
        (("--reduce", "pca", "--fit", "last", "nowhere.npy"), ("nowhere.npy", "all-fits")),
    ],
)
def test_what_does_not_go_together(flags, words, finished, tmp_path, call, tree):
    call("visualize", "--run", finished, "--out", tmp_path / "out", *flags).refused(*words)
    assert not tree(tmp_path)


def test_all_fits_are_last_first_and_every(finished, tmp_path, succeed, tree):
    succeed("visualize", "--run", finished, "--reduce", "pca", "--fit", "all-fits", "--no-movies", "--out", tmp_path)
    assert {path.split("/")[0] for path in tree(tmp_path)} == {"pca-last", "pca-first", "pca-every"}


@pytest.mark.slow
def test_the_default_is_joint_and_the_same_each_time(finished, tmp_path, succeed):
    for name in ("a", "b"):
        succeed("visualize", "--run", finished, "--no-movies", "--out", tmp_path / name)
    a, b = (np.load(tmp_path / name / "embedding.npz") for name in ("a", "b"))
    np.testing.assert_array_equal(a["embeddings"], b["embeddings"])
    told = json.loads((tmp_path / "a" / "visualize.json").read_text())
    assert (told["reducer"], told["fit"]) == ("umap", "joint")


def test_nan_codes_and_missing_snapshots_are_named(finished_copy, tmp_path, call):
    files = sorted((finished_copy / "latents").glob("step_*.npy"))
    codes = np.load(files[4])
    codes[3, 1] = np.nan
    np.save(files[4], codes)
    flags = ("--run", finished_copy, "--reduce", "pca", "--out", tmp_path / "out")
    call("visualize", *flags).refused(files[4].name, "not finite", "--stop-index")
    files[5].unlink()
    call("visualize", *flags).refused(files[5].name, "missing")


@pytest.mark.slow
def test_one_snapshot_a_dead_network_and_one_that_was_dead_at_first(finished_copy, tmp_path, succeed, call):
    flags = ("--run", finished_copy, "--no-movies", "--out", tmp_path)
    said = succeed("visualize", *flags, "--stop-index", 1).out
    assert "stability - (Spearman" in said
    told = json.loads((tmp_path / "scores.json").read_text())["methods"][0]
    assert told["stability"] == {"spearman": None, "pearson": None, "stress": None}
    assert told["mean"]["preservation"] > 0.3

    files = sorted((finished_copy / "latents").glob("step_*.npy"))
    np.save(files[0], np.zeros_like(np.load(files[0])))
    succeed("visualize", *flags)
    assert np.isfinite(np.load(tmp_path / "embedding.npz")["embeddings"]).all()
    assert json.loads((tmp_path / "scores.json").read_text())["methods"][0]["frames"]["preservation"][0] is None
    for file in files:
        np.save(file, np.ones_like(np.load(file)))
    call("visualize", *flags).refused("every image has the same code", "the network is dead")


def test_a_snapshot_of_a_run_with_other_samples_can_be_fitted_to(finished, finished_copy, tmp_path, succeed, call):
    other = sorted((finished_copy / "latents").glob("step_*.npy"))[-1]
    codes = np.load(other)
    np.save(other, codes[::3] + 1)
    flags = ("--run", finished, "--reduce", "pca", "--no-movies", "--out", tmp_path / "out")
    succeed("visualize", *flags, "--fit", other)
    assert np.load(tmp_path / "out" / "embedding.npz")["embeddings"].shape == (10, 120, 2)
    np.save(other, codes[:, :4])
    call("visualize", *flags, "--fit", other).refused(other.name, "4 features", "has 6")
    np.save(other, codes)
    uneven = sorted((finished_copy / "latents").glob("step_*.npy"))[2]
    np.save(uneven, np.load(uneven)[:50])
    call("visualize", "--run", finished_copy, *flags[2:]).refused(uneven.name, "(50, 6)")
