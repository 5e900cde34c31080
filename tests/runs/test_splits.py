"""Which images a run holds out: by its split's seed, in whole groups, and within recordings."""

import csv
import json

import numpy as np
import pytest

import autoencoder as ae

QUICK = ("--epochs", 1, "--batch-size", 16, "--latent-dim", 3, "--quiet")
ANIMALS = ["m1"] * 20 + ["m2"] * 9 + ["m3"] * 15 + ["m4"] * 16
"""Of 60 images; each animal in one stretch."""


@pytest.fixture
def animals(tiny, tmp_path):
    """`tiny` with columns of groups: text, whole numbers, a single one, one with gaps, an angle and a quantity."""
    images = tmp_path / "animals.npz"
    images.write_bytes(tiny.read_bytes())
    rng = np.random.default_rng(0)
    columns = {
        "animal": ANIMALS,
        "session": [ANIMALS.index(name) for name in ANIMALS],
        "cage": ["a"] * 60,
        "gaps": [*ANIMALS[:-1], ""],
        "turn_deg": rng.uniform(0, 360, 60).tolist(),
        "speed": rng.random(60).tolist(),
    }
    with images.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return images


def sides(run, column=ANIMALS):
    """Values of a column among the training images, and among those held out; every image is on one side."""
    with np.load(run / "split.npz") as split:
        assert sorted([*split["train"], *split["val"]]) == list(range(len(column)))
        return tuple({column[row] for row in split[side]} for side in ("train", "val"))


@pytest.mark.parametrize("column", ["animal", "session"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_animal_is_on_both_sides(animals, tmp_path, succeed, column, seed):
    run = tmp_path / "run"
    succeed("train", animals, "--run", run, "--split", f"group:{column}", "--split-seed", seed, *QUICK)
    train, held_out = sides(run)
    assert train
    assert held_out
    assert not train & held_out
    assert json.loads((run / "config.json").read_text())["data"]["split"] == f"group:{column}"
    assert f"held out (group:{column})" in succeed("info", run).out
    succeed("test", "--run", run, "--no-movies", "--examples", 1, "--quiet")
    assert ae.evaluate(run).rows.tolist() == np.load(run / "split.npz")["val"].tolist()


def test_other_seeds_hold_out_other_animals(animals, tmp_path, succeed):
    found = set()
    for seed in map(str, range(6)):
        succeed(
            "train", animals, "--run", tmp_path / f"{seed}", "--split", "group:animal", "--split-seed", seed, *QUICK
        )
        found.add(frozenset(sides(tmp_path / seed)[1]))
    assert len(found) > 1


def test_the_share_is_as_near_as_whole_animals_come(animals, tmp_path, succeed):
    succeed("train", animals, "--run", tmp_path / "run", "--split", "group:animal", "--val-fraction", 0.5, *QUICK)
    assert abs(len(np.load(tmp_path / "run" / "split.npz")["val"]) - 30) <= 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [("animal=m3", {"m3"}), ("animal=m1,m4", {"m1", "m4"}), ("animal= m2 , m3", {"m2", "m3"}), ("session=20", {"m2"})],
)
def test_named_animals_are_held_out(animals, tmp_path, succeed, text, expected):
    run = tmp_path / "run"
    succeed("train", animals, "--run", run, "--hold-out", text, *QUICK)
    assert sides(run) == (set(ANIMALS) - expected, expected)
    succeed("train", "--resume", run, "--epochs", 2, "--quiet")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--split", "group:mouse"), ("mouse", "animal")),
        (("--split", "group:"), ("names no column",)),
        (("--split", "animal"), ("split", "random", "group:COLUMN")),
        (("--split", "group:cage"), ("'cage'", "single value 'a'", "single value")),
        (("--split", "group:gaps"), ("'gaps'", "empty in 1 of 60")),
        (("--split", "group:turn_deg"), ("'turn_deg'", "angle")),
        (("--split", "group:speed"), ("'speed'", "quantity")),
        (("--split", "group:animal", "--block-size", 3), ("block_size", "'blocks'")),
        (("--hold-out", "animal=m9"), ("'m9'", "m1, m2, m3, m4")),
        (("--hold-out", "animal=m1,m2,m3,m4"), ("all values", "nothing would be left")),
        (("--hold-out", "m1"), ("COLUMN=VALUE",)),
        (("--hold-out", "animal="), ("COLUMN=VALUE",)),
        (("--hold-out", "animal=m1", "--split", "group:session"), ("'animal'", "group:session")),
        (("--hold-out", "animal=m1", "--split", "blocks"), ("'animal'", "blocks")),
    ],
)
def test_what_cannot_be_held_out_is_refused_by_name(animals, tmp_path, call, flags, words):
    call("train", animals, "--run", tmp_path / "run", *flags, *QUICK).refused(*words)
    assert not (tmp_path / "run").exists()


def test_blocks_lie_within_recordings(tiny, tmp_path, succeed):
    """Stretches of one recording's frames, also where the recordings' rows alternate in the file."""
    images = tmp_path / "two.npz"
    images.write_bytes(tiny.read_bytes())
    recordings = [f"r{row % 2}" for row in range(60)]
    images.with_suffix(".csv").write_text("recording\n" + "\n".join(recordings) + "\n")
    succeed("train", images, "--run", tmp_path / "run", "--split", "blocks", "--block-size", 5, *QUICK)
    held_out = set(np.load(tmp_path / "run" / "split.npz")["val"].tolist())
    for name in ("r0", "r1"):
        rows = [row for row in range(60) if recordings[row] == name]
        for start in range(0, len(rows), 5):
            assert len({row in held_out for row in rows[start : start + 5]}) == 1
    plain = tmp_path / "plain"
    succeed("train", images, "--run", plain, "--split", "random", *QUICK)  # which takes no notice of recordings
