"""What is measured of a made-up population whose truth is known; and at which moments runs are compared."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from autoencoder import config
from autoencoder.study.measured.measure import MEASURES, Measured, measure
from autoencoder.study.moments import at_the_end, matched, over_training
from autoencoder.study.population import Moment, Source
from autoencoder.study.statistics import mostly_chance
from autoencoder.study.table import Table, read_table

MEASURED = ("similarity", "probes", "topology", "dimension")


@pytest.fixture(scope="module")
def made_up(benchmark_module, tmp_path_factory):
    """3 objectives x 3 seeds x 3 snapshots of 300 held-out images in 8 units."""
    return benchmark_module("study").made_up(9, 3, 300, 8, tmp_path_factory.mktemp("codes"))


@pytest.fixture(scope="module")
def measured(made_up):
    found = measure(made_up, MEASURED)
    return found.table, found.statistics


def test_everything_that_can_be_asked_for_is_measured():
    assert tuple(MEASURES) == config.STUDIED


@pytest.mark.slow
def test_settings_that_differ_are_told_apart_by_every_measure(measured):
    _, statistics = measured
    for name, found in statistics["similarity"]["measures"].items():
        test = found["test"]
        assert test["p"] == test["least_p"] == 1 / 36, name
        assert test["relabellings"] == 36
        end, beginning = found["at_the_end"], found["over_training"][0]
        nearer = np.less if found["is_distance"] else np.greater
        assert nearer(end["within"], end["other_setting_other_seed"]), name
        assert beginning["other_setting_same_seed"] == pytest.approx(0 if found["is_distance"] else 1, abs=1e-3)


@pytest.mark.slow
def test_columns_are_told_as_they_were_put_in(measured):
    """`angle` knows the heading alone; `reconstruct` the first four quantities too; two are in none."""
    columns = measured[1]["probes"]["columns"]

    def final(column, setting):
        runs = [run for run in columns[column]["runs"].values() if run["setting"] == setting]
        return np.mean([run["ridge"]["final"] for run in runs])

    assert final("q0", "reconstruct") > 0.7
    assert final("q0", "angle") < 0.3
    assert final("q5", "reconstruct") < 0.15
    assert max(final("heading_deg", setting) for setting in ("reconstruct", "angle", "mask")) < 20
    fates = [run["fate"] for run in columns["q1"]["runs"].values() if run["setting"] == "angle"]
    assert fates == ["lost"] * 3  # the first weights showed it


def test_a_ring_is_found_where_there_is_one_and_runs_by_its_angle(measured):
    rings = {entry["setting"]: entry for entry in measured[1]["topology"]["settings"]}
    assert rings["angle"]["is_ring"]
    assert not rings["reconstruct"]["is_ring"]
    assert min(run["cyclic_order"]["heading_deg"] for run in rings["angle"]["by_run"]) > 0.98


def test_dimensions_are_those_that_were_mixed(measured):
    effect = next(e for e in measured[1]["dimension"]["effects"] if e["measure"] == "participation_ratio")
    means = {entry["setting"]: entry["mean"] for entry in effect["settings"]}
    assert means["angle"] < 3 < means["reconstruct"]
    difference = next(d for d in effect["differences"] if (d["first"], d["second"]) == ("reconstruct", "angle"))
    assert difference["low"] < difference["mean"] == pytest.approx(means["reconstruct"] - means["angle"])


def test_onsets_have_an_order_in_every_seed(measured):
    orders = measured[1]["probes"]["order"]
    assert {(entry["setting"], entry["probe"]) for entry in orders} >= {("reconstruct", "ridge")}
    assert all(entry["before"] + entry["ties"] + entry["after"] == 3 for entry in orders)


def test_two_settings_are_tested_each_beside_the_other(made_up):
    """`objective` moves codes, and a second setting that only names runs does not."""
    shrunk = []
    for number, source in enumerate(made_up.sources):
        for name in ("one", "two"):
            last = made_up.codes(source, source.last)
            rng = np.random.default_rng([number, name == "two"])
            codes = np.zeros((len(made_up.rows), last.shape[1]), np.float32)
            codes[made_up.compared] = last + 0.3 * rng.normal(size=last.shape)
            levels = {**source.levels, "label": name}
            shrunk.append(Source(f"{source.name}-{name}", levels, source.seed, fixed=codes))
    vary = {**made_up.vary, "label": ("one", "two")}
    statistics = measure(dataclasses.replace(made_up, sources=tuple(shrunk), vary=vary), ("similarity",)).statistics
    factors = statistics["similarity"]["measures"]["procrustes"]["factors"]
    assert factors["objective"]["p"] < 0.001
    assert factors["label"]["p"] > 0.05
    assert factors["label"]["r2"] < 0.05 < 0.3 < factors["objective"]["r2"]
    assert set(factors["objective x label"]) == {"omega2"}


def test_order_of_measuring_changes_no_number(made_up, measured):
    table, statistics = measured
    again = measure(made_up, ("dimension", "similarity"), Measured(table, statistics))
    assert again.table.rows == table.rows
    assert again.statistics == statistics


def test_slow_codes_that_have_nothing_in_common_are_called_mostly_chance(made_up):
    rng = np.random.default_rng(0)

    def slow(seed, tau=100.0):
        noise = np.random.default_rng(seed).normal(size=(len(made_up.rows), 16))
        codes, keep = np.zeros_like(noise), math.exp(-1 / tau)
        for i in range(1, len(codes)):
            codes[i] = keep * codes[i - 1] + math.sqrt(1 - keep**2) * noise[i]
        return codes.astype(np.float32)

    sources = [Source(f"slow {i}", {}, None, fixed=slow(i)) for i in range(2)]
    sources.append(Source("like the first", {}, None, fixed=sources[0].fixed + 0.1 * rng.normal(size=(900, 16))))
    statistics = measure(dataclasses.replace(made_up, sources=tuple(sources), vary={}), ("similarity",)).statistics
    for name in ("procrustes", "cka"):
        found = statistics["similarity"]["measures"][name]
        between, kind = found["between_settings"], {"is_distance": found["is_distance"]}
        assert mostly_chance(between["means"][0][1], between["by_chance"][0][1], **kind)
    jaccard = statistics["similarity"]["measures"]["knn_jaccard"]["between_settings"]
    assert jaccard["means"][0][1] < 0.2  # it is 0.7 where neighbours in time are neighbours
    cka = statistics["similarity"]["measures"]["cka"]["between_settings"]
    assert cka["means"][0][1] > 0.2
    assert not mostly_chance(cka["means"][0][2], 0.3, is_distance=False)


def test_moments_are_those_that_all_runs_have(made_up):
    sources = list(made_up.sources)
    assert [together.epoch for together in over_training(sources)] == [moment.epoch for moment in sources[0].moments]
    shorter = dataclasses.replace(sources[1], snapshots=dict(list(sources[1].snapshots.items())[:2]))
    some = [sources[0], shorter, Source("still", {}, None, fixed=np.ones((900, 2), np.float32))]
    assert len(over_training(some)) == 2
    end = at_the_end(some)
    assert end.epoch is None
    assert end.moments[sources[0].name] == sources[0].last != end.moments[shorter.name]
    together, _ = matched(some, "steps")
    assert together.moments[sources[0].name] == together.moments[shorter.name] == shorter.last


def test_a_table_is_read_as_it_was_written(measured, tmp_path):
    table, _ = measured
    table.write(tmp_path / "measures.csv")
    again = read_table(tmp_path / "measures.csv", table.vary)
    assert len(again.rows) == len(table.rows)
    for one, other in zip(table.rows, again.rows, strict=True):
        assert (one["run"], one["objective"], one["measure"], one["step"]) == (
            other["run"],
            other["objective"],
            other["measure"],
            other["step"],
        )
        assert other["value"] == pytest.approx(one["value"], rel=1e-5)


def test_numbers_that_are_none_are_left_out():
    table = Table(("objective",))
    table.add(Source("run", {"objective": "angle"}, 3), Moment(1, 0.5), "cka", math.nan)
    table.add(Source("run", {"objective": "angle"}, 3), Moment(1, 0.5), "cka", 0.5, null=0.1)
    assert [row["value"] for row in table.rows] == [0.5]
    assert table.select(measure="cka", run=["run", "other"]) == table.rows
    assert table.select(measure="cka", step=2) == []
