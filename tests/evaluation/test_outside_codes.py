"""Codes from files, some of whose images have none: whatever stands beside them is compared on the same images."""

import csv

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.data.metadata import Metadata
from autoencoder.evaluation.outside_codes import read_all, read_codes
from autoencoder.evaluation.probing import Probing


def test_the_codes_of_an_archive_are_found(tmp_path):
    codes = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    np.savez(tmp_path / "alone.npz", anything=codes)
    np.savez(tmp_path / "named.npz", names=np.array(["a", "b", "c"]), codes=codes, other=np.zeros((4, 2)))
    for name in ("alone", "named"):
        np.testing.assert_array_equal(read_codes(tmp_path / f"{name}.npz", 4), codes)
    np.savez(tmp_path / "unnamed.npz", a=codes, b=codes)
    with pytest.raises(ae.UserError, match=r"2 arrays .*none is called 'codes'"):
        read_codes(tmp_path / "unnamed.npz", 4)


def test_images_are_those_that_all_files_know(tmp_path):
    rng, files = np.random.default_rng(0), []
    missing = {"first": np.arange(10), "second": np.arange(5, 20), "hardly": np.arange(90), "wrong": np.array([], int)}
    for name, rows in missing.items():
        codes = rng.normal(size=(100, 2))
        codes[rows, 1] = np.nan
        codes[99, 0] = np.inf if name == "wrong" else 0
        np.save(tmp_path / f"{name}.npy", codes)
        files.append((name, tmp_path / f"{name}.npy"))
    found = read_all(files, 100, np.arange(50, 100))
    assert list(found.codes) == [0, 1]
    np.testing.assert_array_equal(found.known, np.arange(20, 100))
    assert "hardly is left out" in found.notes[0]
    assert "10 of the held-out ones could be compared, where at least 20 are needed" in found.notes[0]
    assert "wrong is left out: 1 of 100 codes" in found.notes[1]
    assert "have codes in first (90), second (85)" in found.notes[2]
    assert "80 images, 50 of 50 held-out ones" in found.notes[2]
    assert read_all(files[:0], 100, np.arange(5)).known is None


def test_probes_are_those_of_a_data_set_without_the_images_that_are_not_known():
    rng, n = np.random.default_rng(1), 400
    codes = rng.normal(size=(n, 3))
    columns = {
        "x": codes[:, 0] + rng.normal(size=n) / 3,
        "label": (codes[:, 1] > 0).astype(int),
        "noise": codes[::-1, 2],
    }
    known, train, held_out = np.flatnonzero(np.arange(n) % 3 > 0), np.arange(300), np.arange(300, n)
    codes[::3] = np.nan
    split = [np.flatnonzero(np.isin(known, rows)) for rows in (train, held_out)]
    alone = Probing(Metadata(columns).take(known), len(known), *split, "random", 0)
    within = Probing(Metadata(columns), n, train, held_out, "random", 0, known=known)
    expected, found = alone.ask(codes[known]).scores, within.ask(codes).scores
    assert [score.numbers() for score in found] == [score.numbers() for score in expected]
    assert found[0].n == 66
    with pytest.raises(ae.UserError, match="not finite"):
        Probing(Metadata(columns), n, train, held_out, "random", 0).ask(codes)
    gain, control = (
        probing.gains(values, ["noise"])[0] for probing, values in ((within, codes), (alone, codes[known]))
    )
    assert gain.ratio == control.ratio


@pytest.mark.slow
def test_a_run_and_its_own_codes_with_holes_tell_the_same(tmp_path, succeed):
    """Both are probed and compared on the images that the file has codes of; without holes scores are others."""
    succeed("prepare", "arena", "--out", tmp_path / "a", "--images", 400, "--size", 16, "--quiet")
    run = tmp_path / "run"
    flags = ("--epochs", 1, "--latent-dim", 3, "--snapshot-samples", "all", "--split", "random", "--quiet")
    with (tmp_path / "a.csv").open() as file:
        rows = [{name: row[name] for name in row if name != "frame"} for row in csv.DictReader(file)]
    with (tmp_path / "a.csv").open("w", newline="") as file:  # without time there is no null to wait for
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    succeed("train", tmp_path / "a.npz", "--run", run, *flags)
    codes = ae.load_run(run).encode(ae.load_images(tmp_path / "a.npz").images)
    holes = codes.copy()
    holes[::3] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    result = succeed("compare", run, tmp_path / "holes.npy", "--reduce", "pca", "--out", tmp_path / "c")
    assert "have codes in holes (266)" in result.out
    with (tmp_path / "c" / "comparison.csv").open() as file:
        own, others = csv.DictReader(file)
    scores = [name for name in own if ":" in name and others[name]]
    assert len(scores) > 20
    assert [own[name] for name in scores] == [others[name] for name in scores]
    with (tmp_path / "c" / "measures.csv").open() as file:
        measured = [row for row in csv.DictReader(file) if row["measure"] == "procrustes"]
    assert float(measured[0]["value"]) == pytest.approx(0, abs=0.1)
    whole = ae.compare([run])
    assert whole.runs[0].probed.scores[0].n == 80
    assert ae.compare([run], codes=[tmp_path / "holes.npy"]).runs[0].probed.scores[0].n == (whole.rows % 3 > 0).sum()
