"""Runs compared: the same images, the same numbers as `test`, refusals, and the reference table that trains itself."""

from __future__ import annotations

import base64
import csv
import json
import os
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from autoencoder.config import DataConfig, RunConfig, TrainingConfig
from autoencoder.config.formats import FORMAT_VERSION
from autoencoder.pages.report import SCRIPTS
from autoencoder.runs.opened import open_run
from autoencoder.study.population import Moment, Source, run_source
from autoencoder.workflows.compare.alike import MOST_MOMENTS, thinned
from autoencoder.workflows.compare.kinds import Group, kinds_of, levels_of

HOSTILE = json.loads((Path(__file__).parents[1] / "hostile_texts.json").read_text(encoding="utf-8"))

REFERENCE = ("ae-16", "pca-16", "pca-2", "umap-16", "umap-2", "direction-tagger")
KINDS = ("ae-16-41", "ae-16-42", "direction-tagger-41", "direction-tagger-42")
"""Two seeds of two kinds."""

FILES = {
    *("comparison.html", "comparison.csv", "comparison.md", "comparison.json", "measures.csv"),
    *("comparison-body_angle_deg.png", "comparison-body_angle_deg.svg"),
}
"""What a comparison of two representations or more writes, at one moment."""

TRAINING = ("--epochs", 2, "--batch-size", 16, "--threads", 1)
SETTINGS = (*TRAINING, "--reduce", "pca")


@pytest.fixture(scope="module")
def data(tmp_path_factory, succeed):
    """160 arena images of 16x16."""
    path = tmp_path_factory.mktemp("compare") / "data"
    succeed("prepare", "arena", "--out", path, "--images", 160, "--size", 16, "--quiet")
    return path.with_suffix(".npz")


@pytest.fixture(scope="module")
def reference(data, tmp_path_factory, succeed):
    """The finished reference table, and what the command said."""
    out = tmp_path_factory.mktemp("reference") / "table"
    result = succeed("compare", "--train", data, "--out", out, *TRAINING)
    return out, result


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "comparison.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_the_reference_table_is_trained_by_one_command(reference, tree):
    out, result = reference
    made = {file for file in tree(out) if not file.startswith("runs/")}
    assert made == {*FILES, "study.json"}
    assert "Whether the system changes what a network represents is not known: with 1 seed" in result.out
    assert tuple(row["run"] for row in rows_of(out)) == REFERENCE
    for name in REFERENCE:
        assert (out / "runs" / f"{name}-42" / "checkpoints" / "last.pt").exists()
        assert re.search(rf"\b{name}\b", result.out)
    assert (out / "runs" / "pca-2-42" / "explained_variance.csv").exists()


@pytest.mark.slow
def test_each_run_of_the_table_is_what_its_name_says(reference):
    out, _ = reference
    for row in rows_of(out):
        config = json.loads((out / "runs" / f"{row['run']}-42" / "config.json").read_text())
        assert (row["encoder"], row["objective"]) == (config["model"]["encoder"], config["objective"]["name"])
        assert int(row["latent_dim"]) == config["model"]["latent_dim"]
    objectives = [row["objective"] for row in rows_of(out)]
    assert objectives == ["reconstruct"] * 5 + ["angle"]


def test_shared_fits_equal_fits_of_their_own(reference, data, tmp_path, succeed):
    """PCA to 2 units shares the decomposition of PCA to 16; on its own it is the same run, bit for bit."""
    out, _ = reference
    options = ("--encoder", "pca", "--latent-dim", 2, *TRAINING, "--quiet")
    succeed("train", data, "--run", tmp_path / "alone", *options)
    for name in ("reducer.npz", "metrics.csv"):
        shared, alone = out / "runs" / "pca-2-42" / name, tmp_path / "alone" / name
        if name == "metrics.csv":
            losses = [[row["val_loss"] for row in csv.DictReader(file.open())] for file in (shared, alone)]
            assert losses[0] == losses[1]
        else:
            one, other = np.load(shared), np.load(alone)
            assert sorted(one) == sorted(other)
            assert all(np.array_equal(one[key], other[key]) for key in one)


def test_numbers_are_those_of_the_test_command(reference, succeed):
    out, _ = reference
    for row in rows_of(out)[:2]:
        succeed(
            "test",
            "--run",
            out / "runs" / f"{row['run']}-42",
            "--no-movies",
            "--examples",
            1,
            "--quiet",
            "--out",
            out / "test",
        )
        numbers = json.loads((out / "test" / "metrics.json").read_text())
        assert float(row["mse"]) == pytest.approx(numbers["output"]["mse"])
        assert float(row["closer_than_pca_db"]) == pytest.approx(numbers["output_closer_than_pca_db"])


def test_every_number_stands_beside_its_control(reference):
    out, result = reference
    first = rows_of(out)[0]
    scores = [name for name in first if name.endswith((":ridge", ":knn"))]
    assert "body_angle_deg:knn" in scores
    assert "distance_from_center:ridge" in scores
    assert all({f"{name}:pca", f"{name}:untrained", f"{name}:n"} <= set(first) for name in scores)
    assert all(f"{name}:ceiling" in first for name in scores if name.endswith("ridge"))
    markdown = (out / "comparison.md").read_text(encoding="utf-8")
    for name in REFERENCE:
        assert name in markdown
        assert name in result.out
    assert re.search(
        r"body_angle_deg \(median error, deg; tau [\d.]+ frames, T/tau \d+\) \| \(-?[\d.]+ / -?[\d.]+\)", markdown
    )
    in_json = json.loads((out / "comparison.json").read_text())["runs"]
    assert [run["name"] for run in in_json] == list(REFERENCE)
    assert all({"score", "low", "by_chance", "n"} <= set(entry) for run in in_json for entry in run["probes"])


def test_regions_stand_beside_their_controls(reference, succeed):
    """A table of the runs that reconstruct, whose numbers are those of the CSV and of `test`."""
    out, result = reference
    first, tagger = rows_of(out)[0], rows_of(out)[-1]
    in_json = json.loads((out / "comparison.json").read_text())["runs"]
    assert in_json[-1]["test"].get("regions", []) == []
    assert "tail/output_psnr_db" not in tagger or tagger["tail/output_psnr_db"] == ""
    for region in in_json[0]["test"]["regions"]:
        for what in ("share_of_pixels", "share_of_error", "output_psnr_db", "input_psnr_db", "pca_psnr_db"):
            assert float(first[f"{region['name']}/{what}"]) == pytest.approx(region[what])
    body = next(region for region in in_json[0]["test"]["regions"] if region["name"] == "body")
    cell = f"{body['output_psnr_db']:.1f} ({body['input_psnr_db']:.1f} / {body['pca_psnr_db']:.1f})"
    for text in (result.out, (out / "comparison.md").read_text(), (out / "comparison.html").read_text()):
        assert "PSNR by region" in text
        assert cell in text


@pytest.mark.slow
def test_finished_runs_are_left_alone_and_missing_ones_trained(reference, data, succeed):
    out, _ = reference
    kept = out / "runs" / "ae-16-42" / "checkpoints" / "last.pt"
    before = kept.stat().st_mtime_ns
    table = rows_of(out)
    missing = out / "runs" / "pca-2-42"
    for file in sorted(missing.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    succeed("compare", "--train", data, "--out", out, *SETTINGS, "--quiet")
    assert kept.stat().st_mtime_ns == before
    again = rows_of(out)
    for one, other in zip(table, again, strict=True):
        assert one["mse"] == other["mse"]


class Killed(BaseException):
    """Stands for the end of the process: nothing in the package catches it."""


@pytest.mark.slow
def test_cut_off_in_the_middle_it_goes_on(reference, data, tmp_path, succeed, monkeypatch):
    """In the second run of the table; the state that it leaves is one that a kill can leave, see test_resume.py."""
    from autoencoder.training.engines import EagerEngine

    out, _ = reference
    command = ("compare", "--train", data, "--out", tmp_path / "cut", *SETTINGS, "--quiet")
    update = EagerEngine.update

    def update_or_die(engine, rows, step):
        if engine.learner.config.model.encoder == "pca" and step == 3:
            raise Killed
        return update(engine, rows, step)

    with monkeypatch.context() as patch:
        patch.setattr(EagerEngine, "update", update_or_die)
        with pytest.raises(Killed):
            succeed(*command)
    begun = tmp_path / "cut" / "runs"
    assert (begun / "pca-16-42" / "config.json").exists()
    assert not (begun / "pca-2-42").exists()
    succeed(*command)
    assert [row["mse"] for row in rows_of(tmp_path / "cut")] == [row["mse"] for row in rows_of(out)]


def test_other_settings_are_refused_by_name(reference, data, call):
    out, _ = reference
    result = call("compare", "--train", data, "--out", out, "--epochs", 3, "--batch-size", 16, "--threads", 1)
    result.refused("ae-16", "epochs was 2, and is now 3", "--out")


@pytest.fixture(scope="module")
def two_seeds(reference, data, tmp_path_factory, succeed):
    """The table with two seeds, one of which is trained already, and what the command said."""
    out = tmp_path_factory.mktemp("seeds") / "table"
    shutil.copytree(reference[0] / "runs", out / "runs")
    return out, succeed("compare", "--train", data, "--out", out, "--seeds", 2, "--seed", 41, *SETTINGS)


@pytest.mark.slow
def test_several_seeds(two_seeds, tree):
    out, result = two_seeds
    assert {file for file in tree(out) if "/" not in file} == {*FILES, "distances.png", "distances.svg", "study.json"}
    rows = rows_of(out)
    assert [row["run"] for row in rows] == [*REFERENCE, *REFERENCE]
    assert [row["seed"] for row in rows] == ["41"] * 6 + ["42"] * 6
    ae = [float(row["mse"]) for row in rows if row["run"] == "ae-16"]
    assert f"{np.mean(ae):.5f} ± {np.std(ae, ddof=1):.5f}" in result.out
    assert f"{np.mean(ae):.5f} ± {np.std(ae, ddof=1):.5f}" in (out / "comparison.md").read_text(encoding="utf-8")


def similarity_of(folder: Path) -> dict:
    """How alike runs are, by `comparison.json`."""
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["alike"]["similarity"]


def pairs_of(file: Path) -> list[tuple[str, ...]]:
    """Procrustes angles of all pairs of runs, at every moment."""
    with file.open(encoding="utf-8") as opened:
        return [
            tuple(row[name] for name in ("run", "step", "other_run", "other_step", "value", "null"))
            for row in csv.DictReader(opened)
            if row["measure"] == "procrustes"
        ]


def section_titles(page: str) -> list[str]:
    return re.findall(r"<h2 id=[^>]*>([^<]*)</h2>", page)


@pytest.mark.slow
def test_two_seeds_of_two_kinds_are_compared_over_training(two_seeds, tmp_path, succeed):
    """As a study compares them: the kinds are found in the configurations."""
    runs = [two_seeds[0] / "runs" / name for name in KINDS]
    result = succeed("compare", *runs, "--out", tmp_path / "c", "--reduce", "pca", "--examples", 1)
    found = similarity_of(tmp_path / "c")
    assert [(run["name"], run["setting"]) for run in found["runs"]] == [
        *((name, "reconstruct") for name in KINDS[:2]),
        *((name, "angle") for name in KINDS[2:]),
    ]
    main = found["measures"]["procrustes"]
    assert len(main["over_training"]) > 3
    assert main["test"]["least_p"] == 0.5
    last = {run["name"]: str(run["step"]) for run in found["runs"]}
    ends = [pair for pair in pairs_of(tmp_path / "c" / "measures.csv") if (last[pair[0]], last[pair[2]]) == pair[1:4:2]]
    assert len([pair for pair in ends if pair[0] != pair[2]]) == 6
    assert "note: runs that differ" not in result.out  # a target comes with the objective
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "Does the objective change what a network represents?" in page
    assert "Whether the objective changes what a network represents cannot be decided" in page
    titles = section_titles(page)
    assert titles.index("Reconstructions and latent spaces") < titles.index("Distances between representations")
    drawn = base64.b64encode((tmp_path / "c" / "distances.svg").read_bytes()).decode()
    assert page.count(drawn) == 1


@pytest.mark.slow
def test_a_list_gives_what_a_study_of_it_gives_and_its_texts_stay_texts(two_seeds, tmp_path, succeed):
    names, tools = HOSTILE[:4], (HOSTILE[0], HOSTILE[1])
    listed = tmp_path / "runs.csv"
    with listed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "name", "tool"])
        for i, name in enumerate(KINDS):
            writer.writerow([two_seeds[0] / "runs" / name, names[i], tools[i // 2]])
    succeed("compare", listed, "--out", tmp_path / "c", "--reduce", "pca", "--examples", 1)
    succeed("study", "report", listed, "--only", "similarity", "--out", tmp_path / "s", "--quiet")
    theirs = [pair for pair in pairs_of(tmp_path / "s" / "measures.csv") if {pair[0], pair[2]} <= {*names}]
    assert pairs_of(tmp_path / "c" / "measures.csv") == theirs
    study = json.loads((tmp_path / "s" / "statistics.json").read_text(encoding="utf-8"))["similarity"]
    found = similarity_of(tmp_path / "c")
    for name, measure in found["measures"].items():
        assert measure["test"] == study["measures"][name]["test"] or name == "knn_jaccard"
    assert found["settings"] == list(tools)
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    started = Started()
    started.feed(page)
    assert started.tags["script"] == len(SCRIPTS) + 1  # and the data
    assert not {name for name in started.attributes if name.startswith("on")}
    assert page.count("&lt;script&gt;window.ran=1&lt;/script&gt;") > 3


class Started(HTMLParser):
    """Counts the tags and attributes of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = Counter(), Counter()

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes.update(name for name, _ in attributes)


@pytest.mark.slow
def test_one_run_of_each_kind_says_what_is_not_known(two_seeds, tmp_path, succeed, tree):
    runs = [two_seeds[0] / "runs" / name for name in (KINDS[0], KINDS[2])]
    result = succeed("compare", *runs, "--out", tmp_path / "c", "--reduce", "pca", "--examples", 1)
    assert tree(tmp_path / "c") == FILES
    said = (
        "Whether the objective changes what a network represents is not known: with 1 seed it is not known how much "
        "seeds differ"
    )
    assert said in result.out
    assert said in (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "not over training" not in result.out
    assert similarity_of(tmp_path / "c")["measures"]["procrustes"]["over_training"] == []


@pytest.mark.slow
def test_runs_that_cannot_be_compared_over_training_are_at_one_moment_and_it_is_said_why(
    two_seeds, tmp_path, succeed, tree
):
    """Two seeds of one kind whose training was cut off."""
    runs = [shutil.copytree(two_seeds[0] / "runs" / name, tmp_path / name) for name in KINDS[:2]]
    for run in runs:
        config = json.loads((run / "config.json").read_text())
        config["training"]["epochs"] = 3
        (run / "config.json").write_text(json.dumps(config))
    result = succeed("compare", *runs, "--out", tmp_path / "c", "--reduce", "pca", "--examples", 1)
    why = f"and not over training: {KINDS[0]} is not finished: finish it with 'autoencoder train --resume {runs[0]}'"
    assert why in result.out
    assert tree(tmp_path / "c") == FILES
    assert "How alike are these representations?" in (tmp_path / "c" / "comparison.html").read_text()
    assert "Runs of one kind differ by" in result.out


@pytest.mark.slow
def test_a_study_in_the_same_folder_keeps_its_files(two_seeds, tmp_path, succeed, tree):
    """Its table of numbers goes with its report."""
    runs = [two_seeds[0] / "runs" / name for name in KINDS[:2]]
    out = tmp_path / "s"
    (tmp_path / "runs.csv").write_text(f"path,seed\n{runs[0]},41\n{runs[1]},42\n")
    succeed("study", "report", tmp_path / "runs.csv", "--only", "similarity", "--out", out, "--quiet")
    before = {file: (out / file).read_bytes() for file in tree(out)}
    result = succeed("compare", *runs, "--out", out, "--reduce", "pca", "--examples", 1)
    assert f"not over training: {out} holds a study, whose report does that" in result.out
    assert {file: (out / file).read_bytes() for file in before} == before
    assert tree(out) - before.keys() == {*FILES, "comparison-measures.csv"} - {"measures.csv"}


def kinds(*changes: dict) -> tuple[list, list]:
    """What tells configurations apart that differ from the first run of all in some settings."""
    configs = []
    for change in changes:
        sections = {"data": {"images": "x.npz"}, "model": {}, "objective": {}, "training": {}}
        for name, value in change.items():
            section, _, setting = name.partition(".")
            sections[section][setting] = value
        configs.append(RunConfig.from_json({"format_version": FORMAT_VERSION, **sections}))
    return levels_of(configs)


def test_runs_that_differ_in_seeds_and_places_are_of_one_kind():
    elsewhere = {"data.images": "y.npz", "training.device": "cpu", "training.threads": 2, "training.tensorboard": True}
    kept = {"training.checkpoint_interval": 1, "training.val_interval": 1, "training.snapshots_per_epoch": 1}
    assert kinds({"training.seed": 1}, {"training.seed": 2, **elsewhere, **kept}) == ([{}, {}], [])


def test_kinds_are_told_by_as_few_settings_as_do():
    levels, notes = kinds({}, {"objective.name": "angle", "objective.target": "a"}, {"objective.name": "mask"})
    assert levels == [{"objective": name} for name in ("reconstruct", "angle", "mask")]
    assert notes == []
    crossed = [{"model.encoder": encoder, "model.latent_dim": n} for encoder in ("strided", "pca") for n in (2, 4)]
    levels, notes = kinds(*crossed)
    assert levels == [
        {"encoder": str(one["model.encoder"]), "latent_dim": str(one["model.latent_dim"])} for one in crossed
    ]
    noisy = {"objective.noise": {"kind": "gaussian", "amount": 0.5}}
    assert kinds({}, noisy) == ([{"noise": "none"}, {"noise": "gaussian:0.5"}], [])
    assert kinds({}, {"training.patience": 3})[0] == [{"patience": "default"}, {"patience": "3"}]


def test_shuffled_targets_are_a_kind_that_says_so():
    angle = {"objective.name": "angle", "objective.target": "a"}
    levels, notes = kinds(angle, {**angle, "objective.shuffle_targets": True})
    assert levels == [{"target_assignment": "true targets"}, {"target_assignment": "shuffled targets"}]
    assert notes == []


@pytest.mark.slow
def test_of_many_snapshots_some_are_compared_the_first_and_the_last_among_them(two_seeds):
    run = open_run(two_seeds[0] / "runs" / KINDS[0])
    snapshot, n = run_source(run, {}, 41, None, []).snapshots.popitem()[1], 10 * MOST_MOMENTS
    every = Source("all", {}, 1, None, run, {Moment(step, step / 7): snapshot for step in range(n)})
    second = Source("second", {}, 2, None, run, {Moment(step, step / 7): snapshot for step in range(0, n + 40, 2)})
    noted = []
    one, other = thinned([every, second], noted)
    assert one.moments[0] == other.moments[0] == every.moments[0]
    assert (one.last, other.last) == (every.last, second.last)
    shared = [moment for moment in one.moments if moment in other.moments]
    assert len(shared) == len(other.moments) - 1 <= MOST_MOMENTS  # and the last one, which the first does not have
    gaps = np.diff([moment.step for moment in shared])
    assert np.all(np.diff(gaps[:-1]) >= -2)
    assert gaps[-1] > 10 * gaps[0]
    assert noted == [f"over training, {len(shared)} of the {n // 2} moments that all runs have are compared"]


def test_settings_that_change_together_are_named_together():
    levels, notes = kinds({}, {"objective.name": "mask", "training.epochs": 7})
    assert levels == [{"objective": "reconstruct"}, {"objective": "mask"}]
    assert notes == ["runs that differ in objective differ in epochs as well: the effects cannot be told apart"]


def test_one_configuration_with_one_seed_is_no_second_seed():
    """Of a run and its copy nothing can be learned about seeds."""
    configs = [RunConfig(DataConfig("x.npz"), training=TrainingConfig(seed=seed)) for seed in (1, 2, 2)]
    runs = [SimpleNamespace(config=lambda config=config: config) for config in configs]
    assert kinds_of([Group(runs[:2])], ("a", "b")).have_seeds
    found = kinds_of([Group(runs)], ("a", "b", "c"))
    assert not found.have_seeds
    assert [*map(dict, found.levels)] == [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    assert found.notes == ("b and c have the same settings and the same seed: every run stands for itself",)
    listed = kinds_of([Group(runs, settings=[{"tool": "x"}] * 3, seeds=[None, None, 3])], ("a", "b", "c"))
    assert listed.seeds == (1, 2, 3)
    assert listed.vary == {"tool": ("x",)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "left",
    [
        pytest.param(("umap-16", "umap-2"), id="all but UMAP"),
        pytest.param((), id="all", marks=pytest.mark.slow),  # each worker compiles UMAP
    ],
)
def test_jobs_change_nothing(reference, data, tmp_path, succeed, left):
    out, _ = reference
    for name in left:
        shutil.copytree(out / "runs" / f"{name}-42", tmp_path / "jobs" / "runs" / f"{name}-42")
    succeed("compare", "--train", data, "--out", tmp_path / "jobs", "--jobs", 2, *SETTINGS, "--quiet")
    for one, other in zip(rows_of(out), rows_of(tmp_path / "jobs"), strict=True):
        assert {k: v for k, v in one.items() if k != "training_seconds"} == {
            k: v for k, v in other.items() if k != "training_seconds"
        }


@pytest.mark.slow  # each worker starts with torch and compiles UMAP
def test_on_a_dask_cluster(reference, data, tmp_path, succeed):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    out, _ = reference
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        options = ("--jobs", 2, "--backend", "dask", "--scheduler", address, *SETTINGS, "--quiet")
        succeed("compare", "--train", data, "--out", tmp_path / "dask", *options)
    assert [row["mse"] for row in rows_of(tmp_path / "dask")] == [row["mse"] for row in rows_of(out)]


def test_a_cluster_that_is_not_there_is_refused(data, tmp_path, call, monkeypatch):
    monkeypatch.setattr("autoencoder.study.cluster.CLUSTER_SECONDS", 0.5)
    common = ("compare", "--train", data, "--out", tmp_path / "none", *SETTINGS)
    call(*common, "--backend", "dask").refused("--backend dask", "--scheduler")
    call(*common, "--scheduler", "tcp://127.0.0.1:1").refused("--scheduler", "--backend dask")
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    call(*common, "--backend", "dask", "--scheduler", "tcp://127.0.0.1:1").refused("tcp://127.0.0.1:1")
    assert not (tmp_path / "none").exists()


def test_runs_on_other_data_or_splits_are_refused_with_the_reason(reference, finished, data, tmp_path, call, succeed):
    out, _ = reference
    first = out / "runs" / "ae-16-42"
    call("compare", first, finished, "--out", tmp_path / "c").refused(str(finished), "other data", str(first))
    other = tmp_path / "other-split"
    succeed("train", data, "--run", other, "--epochs", 1, "--split-seed", 2, "--quiet")
    call("compare", first, other, "--out", tmp_path / "c").refused(str(other), "held out other images", "split seed 2")
    call("compare", first, first, "--out", tmp_path / "c").refused("named twice")
    assert not (tmp_path / "c").exists()


def test_codes_from_elsewhere_stand_beside_runs(reference, data, tmp_path, succeed, call):
    """By the same probes and measures; the run's own codes from a file are the run's."""
    out, _ = reference
    runs = [out / "runs" / "ae-16-42", out / "runs" / "direction-tagger-42"]
    rng = np.random.default_rng(0)
    with data.with_suffix(".csv").open() as file:
        turns = np.radians([float(row["body_angle_deg"]) for row in csv.DictReader(file)])
    np.save(tmp_path / "heading.npy", np.stack([np.cos(turns), np.sin(turns), rng.normal(size=160)], axis=1))
    bad = rng.normal(size=(160, 3))
    bad[7] = np.inf
    np.savez(tmp_path / "bad.npz", codes=bad)
    listed = tmp_path / "runs.csv"
    listed.write_text(f"path,name,seed\n{runs[0]},autoencoder,42\n{runs[1]},tagger,42\nheading.npy,heading,\n")
    result = succeed("compare", listed, tmp_path / "bad.npz", "--out", tmp_path / "c", "--reduce", "pca")
    rows = rows_of(tmp_path / "c")
    assert [row["run"] for row in rows] == ["autoencoder", "tagger", "heading"]
    assert (rows[2]["latent_dim"], rows[2]["mse"]) == ("3", "")
    assert float(rows[2]["body_angle_deg:ridge"]) < 10 < float(rows[0]["body_angle_deg:ridge"])
    assert "bad is left out: 1 of 160 codes" in result.out
    assert re.search(r"Procrustes angle \(deg\) between representations of \d+ held-out images", result.out)
    with (tmp_path / "c" / "measures.csv").open() as file:
        measured = list(csv.DictReader(file))
    pairs = {(row["run"], row["other_run"]): float(row["value"]) for row in measured if row["measure"] == "procrustes"}
    assert pairs.keys() == {("autoencoder", "tagger"), ("autoencoder", "heading"), ("tagger", "heading")}
    np.save(tmp_path / "short.npy", rng.normal(size=(159, 3)))
    call("compare", runs[0], tmp_path / "short.npy", "--out", tmp_path / "d").refused("159 rows", "160 images")
    call("compare", tmp_path / "heading.npy", "--out", tmp_path / "d").refused("at least one run")
    assert not (tmp_path / "d" / "comparison.csv").exists()


def test_misplaced_flags_are_refused(reference, data, tmp_path, call):
    out, _ = reference
    first = out / "runs" / "ae-16-42"
    call("compare").refused("--train")
    call("compare", first, "--train", data).refused("--train", "not both")
    call("compare", first, "--epochs", 3, "--jobs", 2).refused("--epochs, --jobs", "--train")
    call("compare", tmp_path / "nowhere").refused(str(tmp_path / "nowhere"))
    call("compare", first, "--color-by", "moon", "--out", tmp_path / "c").refused("moon", "body_angle_deg")
    call("compare", first, "--examples", 9, "--out", tmp_path / "c").refused("from 1 to 8", "'9'")
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
def test_labels_make_a_classifier(tmp_path, succeed):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 120)
    images = rng.integers(0, 60, (120, 16, 16), dtype=np.uint8) + (labels * 150).astype(np.uint8)[:, None, None]
    np.savez(tmp_path / "two.npz", images=images, label=np.array(["dark", "bright"])[labels])
    succeed("compare", "--train", tmp_path / "two.npz", "--out", tmp_path / "t", *SETTINGS, "--quiet")
    rows = rows_of(tmp_path / "t")
    assert [row["run"] for row in rows][-1] == "classifier"
    assert float(rows[1]["label:knn"]) > 0.95 > 0.8 > float(rows[1]["label:knn:chance"])
    assert (tmp_path / "t" / "comparison-label.png").exists()


@pytest.mark.slow
def test_a_quantity_makes_a_regressor(tmp_path, succeed):
    rng = np.random.default_rng(0)
    speed = rng.uniform(3, 9, 120)
    images = (rng.uniform(0, 60, (120, 16, 16)) + 20 * speed[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "fast.npz", images=images, speed=speed, other=rng.random(120))
    command = ("compare", "--train", tmp_path / "fast.npz", "--target", "speed", "--out", tmp_path / "t", *SETTINGS)
    succeed(*command, "--quiet")
    *_, last = rows_of(tmp_path / "t")
    assert last["run"] == "regressor"
    assert last["result"].startswith("R2 ")
    succeed(*command, "--quiet")  # its settings are those that the run stored, and nothing is trained again
    assert rows_of(tmp_path / "t")[-1] == last


@pytest.mark.slow
def test_without_angle_and_label_the_rest_is_trained(tmp_path, succeed):
    images = np.random.default_rng(0).integers(0, 255, (120, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "bare.npz", images=images)
    result = succeed("compare", "--train", tmp_path / "bare.npz", "--out", tmp_path / "t", *SETTINGS)
    assert tuple(row["run"] for row in rows_of(tmp_path / "t")) == REFERENCE[:5]
    assert "no direction-tagger, no classifier, no regressor: " in result.out
    assert (tmp_path / "t" / "comparison-row.png").exists()
