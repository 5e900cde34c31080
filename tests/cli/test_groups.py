"""`compare --by`: animals of two conditions by the codes of several networks."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import autoencoder as ae

ANIMALS, FRAMES = 10, 40


def write_animals(path: Path, effect: float) -> Path:
    """Bright bars that turn; under the drug they turn by a wider angle. A recording of each animal."""
    rng, images, rows = np.random.default_rng(3), [], []
    y, x = np.mgrid[:12, :12] - 5.5
    for animal in range(ANIMALS):
        condition = "drug" if animal % 2 else "saline"
        reach = 0.5 + 0.05 * rng.standard_normal() + effect * (condition == "drug")
        for frame in range(FRAMES):
            angle = reach * np.sin(frame / 3 + animal)
            bar = 200 * np.exp(-np.square(x * np.sin(angle) + y * np.cos(angle)) / 4)
            images.append(np.clip(bar + rng.normal(0, 3, bar.shape), 0, 255).astype(np.uint8))
            dose = "5" if condition == "drug" else "0"
            rows.append([f"a{animal}", f"a{animal}", frame, condition, "fm"[animal // 2 % 2], dose])
    np.savez(path, images=np.stack(images))
    with path.with_suffix(".csv").open("w", newline="") as file:
        csv.writer(file).writerows([["recording", "animal", "frame", "condition", "sex", "dose"], *rows])
    return path


def train(succeed, data: Path, out: Path, *flags: object, seeds: tuple[int, ...] = (1, 2, 3)) -> list[Path]:
    runs = [out / f"run-{seed}" for seed in seeds]
    for seed, run in zip(seeds, runs, strict=True):
        settings = ("--encoder", "dense", "--latent-dim", 3, "--epochs", 4, "--split", "random", "--threads", 1)
        succeed("train", data, "--run", run, "--seed", seed, *settings, *flags, "--snapshots-per-epoch", 0, "--quiet")
    return runs


@pytest.fixture(scope="module")
def differ(tmp_path_factory, succeed) -> list[Path]:
    """Runs on animals that a drug changes."""
    folder = tmp_path_factory.mktemp("differ")
    return train(succeed, write_animals(folder / "data.npz", 0.5), folder)


BY = ("--by", "condition=saline,drug", "--unit", "animal", "--same-as", "dose")


def test_an_effect_is_found_and_written(differ, tmp_path, succeed) -> None:
    out = tmp_path / "out"
    said = succeed("compare", *differ, *BY, "--clusters", 4, "--out", out).out
    assert said.startswith("With 5 and 5 animals, the smallest possible p is 0.0079")
    content = json.loads((out / "groups.json").read_text())
    assert content["concluded"]
    assert (content["seeds"], content["animals"]) == ([1, 2, 3], [5, 5])
    assert content["answer"].startswith("Codes of saline and drug differ in ")
    assert (out / "groups.md").read_text().startswith("Codes of saline and drug differ in ")
    page = (out / "groups.html").read_text()
    assert page.index("Codes of saline and drug differ in") < page.index("the smallest possible p")
    with (out / "groups.csv").open() as file:
        effects = {row["summary"]: row for row in csv.DictReader(file)}
    assert list(effects) == ["mean_code", "occupancy", "spread", "speed"]
    assert float(effects["spread"]["p_corrected"]) < 0.05
    assert float(effects["spread"]["low"]) > 1
    with (out / "groups-animals.csv").open() as file:
        animals = list(csv.DictReader(file))
    assert [row["animal"] for row in animals if row["condition"] == "drug"] == ["a1", "a3", "a5", "a7", "a9"]
    assert {row["n_frames"] for row in animals} == {str(FRAMES)}
    assert {path.name for path in out.iterdir()} == {
        *(f"groups.{form}" for form in ("html", "md", "csv", "json", "png", "svg")),
        "groups-animals.csv",
    }


@pytest.mark.slow
def test_a_notebook_shows_the_answer_the_effects_and_the_figure(differ, tmp_path) -> None:
    found, _ = ae.compare_groups(
        differ, by="condition", unit="animal", conditions=["saline", "drug"], same_as="dose", clusters=4, out=tmp_path
    )
    shown = found._repr_html_()
    assert "Do the codes of animals differ between condition saline and drug?" in shown
    assert "Codes of saline and drug differ in " in shown
    assert shown.count("<img") == 1
    assert len(repr(found)) < 200


def test_the_same_runs_give_the_same_files(differ, tmp_path, succeed) -> None:
    for name in "ab":
        succeed("compare", *differ, *BY, "--strata", "sex", "--frames", 20, "--out", tmp_path / name, "--quiet")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert json.loads((tmp_path / "a" / "groups.json").read_text())["frames_of_each"] == 20


def test_what_goes_with_the_condition_leaves_no_conclusion(differ, tmp_path, succeed) -> None:
    said = succeed("compare", *differ, *BY[:4], "--out", tmp_path / "out").out
    assert "Nothing follows about condition: dose (saline: 0; drug: 5) differs" in said
    content = json.loads((tmp_path / "out" / "groups.json").read_text())
    assert not content["concluded"]
    assert all(found["p"] is None and found["effect"] is not None for found in content["summaries"])


def test_too_few_animals_are_not_tested(differ, tmp_path, succeed) -> None:
    data = Path(json.loads((differ[0] / "config.json").read_text())["data"]["images"])
    lines = data.with_suffix(".csv").read_text().splitlines()
    few = [line if "a0" <= line[:2] < "a6" or number == 0 else ",,0,,," for number, line in enumerate(lines)]
    (tmp_path / "few.csv").write_text("\n".join(few) + "\n")
    said = succeed("compare", *differ, *BY, "--metadata", tmp_path / "few.csv", "--out", tmp_path / "out").out
    assert said.startswith("With 3 and 3 animals, the smallest possible p is 0.1")
    assert "cannot be tested with 3 and 3 animals" in said
    assert "90 % interval" in said
    assert "p =" not in said


def test_what_is_no_comparison_is_refused(differ, tmp_path, call, succeed) -> None:
    data = json.loads((differ[0] / "config.json").read_text())["data"]["images"]
    call("compare", *differ[:2], *BY).refused("3 networks or more", "--seed")
    call("compare", *differ, differ[0], *BY).refused("named twice")
    call("compare", *differ, "--by", "condition").refused("--unit")
    call("compare", *differ, "--unit", "animal").refused("--by COLUMN")
    call("compare", *differ, *BY, "--given", "sex").refused("--given")
    call("compare", *differ, "--by", "frame", "--unit", "animal").refused("changes within a recording")
    told = train(succeed, data, tmp_path / "told", "--objective", "classify", "--target", "condition", seeds=(1,))
    call("compare", *differ, *told, *BY).refused("differ", "classify")
    told += train(succeed, data, tmp_path / "told", "--objective", "classify", "--target", "condition", seeds=(2, 3))
    call("compare", *told, *BY).refused("'condition'", "trained with", "no finding")
    dosed = [told[0].parent / f"dose-{seed}" for seed in (1, 2, 3)]
    for seed, run in zip((1, 2, 3), dosed, strict=True):
        succeed(
            "train", "--config", told[0] / "config.json", "--target", "dose", "--seed", seed, "--run", run, "--quiet"
        )
    call("compare", *dosed, *BY).refused("which says 'condition'")


@pytest.mark.slow
def test_animals_that_were_held_out_are_refused(differ, tmp_path, call, succeed) -> None:
    data = json.loads((differ[0] / "config.json").read_text())["data"]["images"]
    runs = [tmp_path / f"held-{seed}" for seed in (1, 2, 3)]
    for seed, run in zip((1, 2, 3), runs, strict=True):
        flags = ("--hold-out", "animal=a3", "--encoder", "dense", "--epochs", 1, "--seed", seed, "--quiet")
        succeed("train", data, "--run", run, *flags)
    call("compare", *runs, *BY).refused("no image of a3", "--split blocks")
