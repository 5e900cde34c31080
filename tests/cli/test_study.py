"""A study by one command: its design, its files, its numbers, going on where it was cut off, and what goes wrong."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from autoencoder.data.images import load_images
from autoencoder.study.folder import StudyFolder
from autoencoder.workflows.study import report
from autoencoder.workflows.study.results import open_study

TRAINING = ("--epochs", 2, "--batch-size", 32, "--threads", 1)
DESIGN = (
    "--vary",
    "objective=reconstruct,angle",
    "--seeds",
    "5,6,7",
    "--noise",
    "gaussian:0.1",
    "--control",
    *TRAINING,
)
SMALL = (
    "--vary",
    "objective=reconstruct,angle",
    "--seeds",
    "5,6",
    "--epochs",
    1,
    "--batch-size",
    64,
    "--threads",
    1,
    "--only",
    "similarity",
    "space",
    "quality",
)
ALWAYS = {"study.json", "measures.csv", "statistics.json", "report.md", "report.html", "methods.md", "space.mp4"}


def figures(*names: str) -> set[str]:
    return {f"{name}.{suffix}" for name in names for suffix in ("png", "svg")}


FILES = ALWAYS | {"planes.npz"}
FILES |= figures("examples", "space", "distances", "told", "seeds", "embeddings", "embeddings_over_training")
SMALL_FILES = ALWAYS | figures("examples", "space", "distances", "seeds")


@pytest.fixture(scope="module")
def data(tmp_path_factory, succeed):
    """400 arena images of 16x16."""
    path = tmp_path_factory.mktemp("study") / "data"
    succeed("prepare", "arena", "--out", path, "--images", 400, "--size", 16, "--quiet")
    return path.with_suffix(".npz")


@pytest.fixture(scope="module")
def study(data, tmp_path_factory, succeed):
    """A finished study, and what the command said."""
    out = tmp_path_factory.mktemp("studies") / "study"
    return out, succeed("study", data, *DESIGN, "--out", out)


@pytest.fixture(scope="module")
def small(data, tmp_path_factory, succeed):
    """A finished study of four runs, of which the least is measured."""
    out = tmp_path_factory.mktemp("studies") / "small"
    succeed("study", data, *SMALL, "--out", out, "--quiet")
    return out


@pytest.fixture
def copied(small, tmp_path):
    """A copy of the small study that a test may change."""
    return Path(shutil.copytree(small, tmp_path / small.name))


def measures(out: Path) -> list[dict[str, str]]:
    with (out / "measures.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}


@pytest.mark.slow
def test_one_command_trains_measures_and_reports(study, tree):
    out, result = study
    assert {file for file in tree(out) if "/" not in file} == FILES
    names = {path.name for path in (out / "runs").iterdir()}
    assert names == {f"{name}-{seed}" for name in ("reconstruct", "angle", "angle_shuffled") for seed in (5, 6, 7)}
    assert (
        "cannot be decided, since no p below 0.25 is possible with 3 seeds: networks of different objectives differ"
        in result.out
    )
    assert re.search(
        r"p = 0\.25, the smallest that 2 settings and 3 seeds can give; settings account for R2 = [\d.]+ of", result.out
    )
    assert "Is it the objective, or how far each network has come in training? Compared at 90 %" in result.out
    assert "6 seeds are the fewest for p < 0.05" in result.out
    assert "no shuffled targets for reconstruct" in result.out
    rows = [line for line in result.out.splitlines() if line.startswith(("│", "┃"))]
    assert rows
    assert max(map(len, rows)) <= 100


def test_all_runs_share_split_and_probe_images_and_have_dense_early_snapshots(study):
    splits = [dict(np.load(path / "split.npz")) for path in (study[0] / "runs").iterdir()]
    for name in ("train", "val", "snapshot"):
        assert all(np.array_equal(split[name], splits[0][name]) for split in splits)
    for path in (study[0] / "runs").iterdir():
        epochs = [float(row["epoch"]) for row in csv.DictReader((path / "latents" / "index.csv").open())]
        assert sum(0 < epoch <= 1 for epoch in epochs) >= 8
        assert (epochs[0], epochs[-1]) == (0, 2)


def test_the_table_has_one_number_per_row(study):
    rows = measures(study[0])
    assert list(rows[0])[:3] == ["run", "objective", "seed"]
    assert all(np.isfinite(float(row["value"])) for row in rows)
    keys = ("run", "step", "measure", "column", "probe", "other_run", "other_step", "n")
    named = [tuple(row[key] for key in keys) for row in rows]
    assert len(set(named)) == len(named)
    there = {row["measure"] for row in rows}
    assert {
        "procrustes",
        "procrustes_whitened",
        "cka",
        "knn_jaccard",
        "told",
        "h1_ratio",
        "participation_ratio",
    } <= there
    assert {"components_95", "mle_dimension", "noise_displacement", "noise_floor_procrustes", "metric"} <= there
    assert all(row["null"] for row in rows if row["measure"] in ("procrustes", "cka"))
    assert all(row["null"] for row in rows if row["measure"] == "h1_first" and row["epoch"] in ("2", ""))
    pairs = {(row["run"], row["other_run"]) for row in rows if row["measure"] == "cka" and row["step"] == "0"}
    assert ("reconstruct-5", "angle-6") in pairs
    assert ("reconstruct-5", "reconstruct-5") in pairs


def test_first_weights_of_a_seed_are_the_same_under_every_setting(study):
    rows = [
        row for row in measures(study[0]) if row["measure"] == "procrustes" and row["step"] == row["other_step"] == "0"
    ]
    same = [row for row in rows if {row["run"], row["other_run"]} == {"reconstruct-5", "angle-5"}]
    assert len(same) == 1
    assert float(same[0]["value"]) < 0.01
    assert all(
        float(row["value"]) > 20 for row in rows if row["run"] == "reconstruct-5" and row["other_run"] == "angle-6"
    )


def test_statistics_say_what_was_tested(study):
    found = json.loads((study[0] / "statistics.json").read_text())
    test = found["similarity"]["measures"]["procrustes"]["test"]
    assert (test["relabellings"], test["all_relabellings"], test["least_p"]) == (4, True, 0.25)
    assert found["similarity"]["settings"] == ["reconstruct", "angle"]
    assert found["similarity"]["seeds"] == [5, 6, 7]
    summary = found["similarity"]["measures"]["procrustes"]["at_the_end"]
    rows = [
        float(row["value"])
        for row in measures(study[0])
        if row["measure"] == "procrustes"
        and row["epoch"] == "2"
        and not row["control"]
        and row["run"] != row["other_run"]
        and row["run"].split("-")[0] == row["other_run"].split("-")[0]
    ]
    assert len(rows) == 6
    assert summary["within"] == pytest.approx(np.mean(rows), rel=1e-4)
    settings = found["similarity"]["measures"]["procrustes"]["between_settings"]["settings"]
    assert settings == ["reconstruct", "angle", "angle, shuffled targets", "untrained", "PCA 16 of the pixels"]
    difference = found["quality"]["effects"][0]["differences"][0]
    assert {"first", "second", "mean", "low", "high", "n"} == set(difference)


class Killed(BaseException):
    """Stands for the end of the process: nothing in the package catches it."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "where", ["training", "page", *(pytest.param(where, marks=pytest.mark.slow) for where in ("measuring", "drawing"))]
)
def test_killed_anywhere_the_same_command_ends_with_the_same_files(small, copied, data, succeed, monkeypatch, where):
    from autoencoder.training.engines import EagerEngine

    def die(*arguments, **options):
        raise Killed

    update = EagerEngine.update

    def update_or_die(engine, rows, step):
        return die() if step == 3 else update(engine, rows, step)

    if where == "training":
        shutil.rmtree(copied / "runs" / "angle-6")
    for file in SMALL_FILES - {"study.json"}:
        (copied / file).unlink()
    places = {
        "training": (EagerEngine, "update", update_or_die),
        "measuring": ("autoencoder.study.measured.likeness.turns", die),
        "drawing": ("autoencoder.workflows.study.space_figures.space_frames", die),
        "page": ("autoencoder.workflows.study.report.report_document", die),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*places[where])
        with pytest.raises(Killed):
            succeed("study", data, *SMALL, "--out", copied, "--quiet")
    assert not (copied / "report.html").exists()
    kept = {file: file.stat().st_mtime_ns for file in (copied / "runs").glob("[!a]*/**/*") if file.is_file()}
    succeed("study", data, *SMALL, "--out", copied, "--quiet")
    assert {file: file.stat().st_mtime_ns for file in kept} == kept  # finished runs are left alone
    before, after = contents(small), contents(copied)
    assert set(before) == SMALL_FILES
    if where == "training":  # seconds of training differ
        before, after = ({k: v for k, v in files.items() if k != "study.json"} for files in (before, after))
    assert [name for name in before if after[name] != before[name]] == []


@pytest.mark.slow
def test_report_measures_again_what_it_is_asked_for(copied, succeed):
    table = measures(copied)
    result = succeed("study", "report", copied, "--only", "dimension", "--matched", "steps")
    assert [row for row in measures(copied) if row["measure"] in {one["measure"] for one in table}] == table
    assert "90 % of the fall of each run's training loss" in result.out  # of before
    assert {row["measure"] for row in measures(copied)} - {row["measure"] for row in table} == {
        "participation_ratio",
        "components_95",
        "mle_dimension",
    }
    result = succeed("study", "report", copied, "--only", "similarity", "--matched", "steps")
    assert "the last that all reached" in result.out
    assert json.loads((copied / "statistics.json").read_text())["matched"]["by"] == "steps"


@pytest.mark.slow
def test_another_study_stands_beside_it(copied, small, succeed, call, tmp_path):
    asked = ("study", "report", copied, "--only", "quality")
    result = succeed(*asked, "--beside", small)
    said = f"In the study '{small.name}' of data.npz: Whether the objective changes what a network represents"
    assert said in result.out
    assert said in succeed(*asked).out  # it stays there
    assert said.replace("'", "&#x27;") in (copied / "report.html").read_text()
    call(*asked, "--beside", tmp_path).refused("is not a study")


def test_the_page_holds_all_sentences_and_where_their_numbers_are(study):
    out, _ = study
    page = html.unescape((out / "report.html").read_text(encoding="utf-8"))
    found = open_study(out)
    for text in (*found.sentences(), *(text for said in found.doubts().values() for text in said)):
        assert text in page
    assert len(page) < 25e6
    lines = (out / "measures.csv").read_text().splitlines()
    for first, last in re.findall(r"#row=(\d+)-(\d+)[^>]*>[\d,]+ rows of measures.csv</a> \(procrustes, between", page):
        assert all(",procrustes," in line for line in lines[int(first) - 1 : int(last)])
    assert re.search(r"#row=\d+-\d+[^>]*>[\d,]+ rows of measures.csv</a> \(procrustes, between", page)


def test_a_page_that_would_be_too_large_shows_no_pictures_of_runs(study, data, monkeypatch):
    found, metadata = open_study(study[0]), load_images(data).metadata
    given = found, StudyFolder(study[0]), {}, "", metadata
    whole = report._page(*given)
    monkeypatch.setattr(report, "MAX_BYTES", len(whole) - 1)
    page = report._page(*given)
    assert "would not fit into 0." in page
    assert len(page) < len(whole)
    assert '"sheets":null' in page
    assert '"sheets":null' not in whole


def test_the_methods_name_what_was_done(study):
    said = (study[0] / "methods.md").read_text(encoding="utf-8")
    assert "## References" in said
    assert "400" in said  # images of the data


@pytest.mark.slow
def test_codes_from_elsewhere_are_measured_beside_the_runs(copied, data, succeed, call, tmp_path):
    codes = np.random.default_rng(0).normal(size=(400, 5))
    np.save(tmp_path / "mine.npy", codes)
    codes[3] = np.inf
    np.save(tmp_path / "broken.npy", np.full((400, 2), np.nan))
    np.save(tmp_path / "flat.npy", np.ones((400, 2)))
    np.save(tmp_path / "short.npy", codes[:399])
    files = [tmp_path / f"{name}.npy" for name in ("mine", "broken", "flat")]
    result = succeed("study", "report", copied, *files, "--only", "similarity", "probes", "space")
    assert re.search(r"\d mine ", result.out)
    assert "broken is left out: 400 of 400 codes" in result.out
    assert "flat is not compared: its codes are the same for all images" in result.out
    rows = [row for row in measures(copied) if "mine" in (row["run"], row["other_run"])]
    assert {row["measure"] for row in rows} >= {"procrustes", "told", "space_x"}
    call("study", "report", copied, tmp_path / "short.npy").refused("399 rows", "400 images")


@pytest.mark.slow
def test_runs_that_a_table_lists_are_a_study(study, tmp_path, succeed):
    out, _ = study
    listed = tmp_path / "mine.csv"
    lines = [
        f"{out}/runs/{name}-{seed},{name}-{seed},{seed},{name}"
        for name in ("reconstruct", "angle")
        for seed in (5, 6, 7)
    ]
    listed.write_text("\n".join(["path,name,seed,trained for", *lines, "nowhere,gone,8,angle"]) + "\n")
    result = succeed("study", "report", listed, "--out", tmp_path / "mine", "--only", "similarity")
    assert "Whether the setting changes what a network represents cannot be decided" in result.out
    assert "gone is left out: there is no run folder" in result.out
    one, other = (json.loads((path / "statistics.json").read_text())["similarity"] for path in (out, tmp_path / "mine"))
    assert one["measures"]["procrustes"]["test"] == other["measures"]["procrustes"]["test"]


def test_a_dry_run_says_what_would_be_trained_and_leaves_nothing(data, tmp_path, succeed):
    design = ("--vary", "encoder=strided,pca", "latent_dim=2,4", "--seeds", 2, "--sparsity", "log", *TRAINING)
    result = succeed("study", data, *design, "--out", tmp_path / "dry", "--dry-run")
    assert "8 runs: 4 settings (strided, 2; strided, 4; pca, 2; pca, 4), seeds 42, 43" in result.out
    assert "sparsity is left out of the runs of pca, 2, pca, 4" in result.out
    assert re.search(r"the smallest p possible with 4 settings and 2 seeds is 0\.042", result.out)
    assert re.search(r"strided_2-42: about \d+ seconds?$", result.out, re.MULTILINE)
    assert re.search(
        r"^about \d+ seconds? of training, 1 at a time \(measured over 12 updates of each of 4 kinds of runs\)$",
        result.out,
        re.MULTILINE,
    )
    assert not (tmp_path / "dry").exists()


def test_combinations_that_do_not_go_together_are_left_out(data, tmp_path, succeed, call):
    design = ("--vary", "encoder=pca,strided", "latent_activation=relu,linear", "--seeds", 1, *TRAINING, "--dry-run")
    result = succeed("study", data, *design)
    assert "3 runs: 3 settings (pca, linear; strided, relu; strided, linear)" in result.out
    assert re.search(
        r"left out: encoder=pca, latent_activation=relu: the encoder 'pca' is fitted, not learned", result.out
    )
    impossible = ("--vary", "latent_dim=300,400", "--encoder", "pca", *TRAINING)
    call("study", data, *impossible).refused("no combination", "latent_dim=300", "latent_dim=400")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--vary", "depth"), ["SETTING=A,B"]),
        (("--vary", "moon=1,2"), ["no such setting", "latent_dim"]),
        (("--vary", "split_seed=1,2"), ["one split"]),
        (("--vary", "snapshot_samples=1,2"), ["same moments"]),
        (("--vary", "max_pixel_value=100,200"), ["same images"]),
        (("--seeds", "1,2", "--seed", "3"), ["--seeds", "--seed"]),
        (("--vary", "seed=1,2"), ["--seeds"]),
        (("--vary", "latent_dim=2,x"), ["latent_dim", "'x'"]),
        (("--vary", "objective=angle,moon"), ["objective", "'moon'"]),
        (("--vary", "latent_dim=2,2"), ["listed twice"]),
        (("--vary", "latent_dim=2", "latent-dim=4"), ["twice"]),
        (("--vary", "objective=reconstruct,angle", "--depth", "2"), ["--depth", "none of the runs"]),
        (("--seeds", "1,1"), ["'1,1'", "twice"]),
        (("--seeds", "0"), ["'0'"]),
        (("--preset", "reference", "--vary", "latent_dim=2,4"), ["names its runs itself"]),
        (("--preset", "reference", "--latent-dim", "3"), ["--latent-dim", "reference"]),
    ],
)
def test_what_cannot_be_a_design_is_refused_by_name(data, tmp_path, call, flags, said):
    call("study", data, *flags, "--out", tmp_path / "s").refused(*said)
    assert not (tmp_path / "s").exists()


def test_a_folder_of_something_else_is_refused(data, tmp_path, call):
    (tmp_path / "notes.txt").write_text("mine")
    call("study", data, "--out", tmp_path).refused("not a study")
    call("study", "report", tmp_path).refused("no study")
    call("study", "report", tmp_path / "none.csv").refused("no table")
    call("study", "report").refused("which study")
    call("study", "report", tmp_path, "--epochs", 3, "--vary", "lr=1,2", "--jobs", 2).refused(
        "trains nothing", "--epochs", "--vary", "--jobs"
    )


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_another_study_does_not_take_the_place_of_one(copied, data, call, how):
    before = contents(copied)
    fewer = tuple("5" if part == "5,6" else part for part in SMALL)
    call("study", data, *fewer, "--out", copied, *how).refused("holds another study", "reconstruct-6", "--out")
    longer = tuple(2 if part == 1 and SMALL[i - 1] == "--epochs" else part for i, part in enumerate(SMALL))
    call("study", data, *longer, "--out", copied, *how).refused("trained with other settings", "epochs was 1")
    assert contents(copied) == before


@pytest.mark.slow
def test_a_run_that_diverges_is_named_and_the_rest_is_done(data, tmp_path, succeed, call):
    design = ("--vary", "lr=0.001,1e30", "--seeds", 2, "--schedule", "constant", *TRAINING)
    result = succeed("study", data, *design, "--only", "similarity", "quality", "--out", tmp_path / "s")
    assert re.search(r"1e30-42 could not be trained: .* step \d", result.out)
    assert "1e30-42 is left out: it is not finished" in result.out
    assert {row["run"] for row in measures(tmp_path / "s")} == {"0.001-42", "0.001-43"}
    assert "there is only one setting, and nothing to compare it with" in result.out
    alone = ("--lr", "1e30", "--seeds", 1, "--schedule", "constant", *TRAINING)
    call("study", data, *alone, "--out", tmp_path / "t").refused("no run of the study could be trained", "step")


@pytest.mark.slow
def test_what_is_missing_is_named_and_the_rest_is_measured(copied, succeed):
    """A snapshot and a run are missing: one setting has a single seed, and of how seeds differ nothing is known."""
    (sorted((copied / "runs" / "angle-6" / "latents").glob("*.npy"))[3]).unlink()
    shutil.rmtree(copied / "runs" / "reconstruct-6")
    result = succeed("study", "report", copied, "--only", "similarity", "space", "convergence")
    assert "angle-6 is measured without step_" in result.out
    assert "reconstruct-6 is left out: there is no run folder" in result.out
    assert "seed 6 is not tested: reconstruct has no run with it" in result.out
    assert "is not known: with 1 seed it is not known how much seeds differ" in result.out
    found = json.loads((copied / "statistics.json").read_text())["similarity"]
    assert found["seeds"] == [5]


@pytest.mark.slow
def test_without_metadata_there_is_nothing_to_tell_and_the_rest_is_measured(tmp_path, succeed):
    images = np.random.default_rng(0).integers(0, 255, (160, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "bare.npz", images=images)
    design = (
        "--vary",
        "latent_dim=2,4",
        "--seeds",
        2,
        *TRAINING,
        "--only",
        "similarity",
        "probes",
        "units",
        "embeddings",
    )
    result = succeed("study", tmp_path / "bare.npz", *design, "--out", tmp_path / "s")
    assert "What can be read from the codes is not known: no column could be probed." in result.out
    assert "networks of different latent dims differ by" in result.out
    assert re.search(r"Of 'all', \d units are the fewest whose mean squared error", result.out)
    assert {"units.png", "embeddings.svg"} <= {file.name for file in (tmp_path / "s").iterdir()}


@pytest.mark.slow
def test_one_seed_says_what_it_cannot(data, tmp_path, succeed):
    design = ("--vary", "latent_dim=2,4", "--seeds", 1, *TRAINING, "--only", "similarity", "units")
    result = succeed("study", data, *design, "--out", tmp_path / "s")
    said = (
        "is not known: with 1 seed it is not known how much seeds differ: train 6 or more. Networks of different latent"
    )
    assert said in result.out


@pytest.mark.slow  # compare has the same table
def test_the_preset_reference_is_the_table_of_compare(data, tmp_path, succeed):
    options = ("--seeds", 1, *TRAINING)
    result = succeed("study", data, "--preset", "reference", *options, "--out", tmp_path / "s")
    assert re.search(r"direction-tagger +│ +narrow", result.out)
    table = (tmp_path / "s" / "comparison.md").read_bytes()
    succeed("compare", "--train", data, *TRAINING, "--out", tmp_path / "s", "--quiet")  # finds it trained
    assert (tmp_path / "s" / "comparison.md").read_bytes() == table


def test_a_study_opens_as_an_object(study, tmp_path):
    import autoencoder
    from autoencoder.measures import similarity

    found = autoencoder.open_study(study[0])
    assert found.sentences()[0].startswith("Whether the objective changes what a network represents cannot be decided")
    assert next(iter(found.doubts())).startswith("Is it the objective")
    rows = found.table.select(measure="procrustes", run="angle-5", other_run="angle-6")
    assert all(0 < row["value"] < 90 for row in rows)
    assert set(found.figures()) == {"space", "distances", "told", "seeds"}
    one, other = (np.random.default_rng(seed).normal(size=(50, 3)) for seed in range(2))
    assert 0 < similarity.ProcrustesAngle().between(one, other) < 90
    with pytest.raises(autoencoder.UserError, match="is not a study"):
        open_study(tmp_path)
    (tmp_path / "study.json").write_bytes((study[0] / "study.json").read_bytes())
    with pytest.raises(autoencoder.UserError, match=f"not measured yet: 'autoencoder study report {tmp_path}'"):
        open_study(tmp_path)
