"""What a study found, as tables: those of the terminal, and those in full."""

from __future__ import annotations

import math
import statistics as stats
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autoencoder.config import STUDIED
from autoencoder.measures.emergence import Fate
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.probes import PROBES
from autoencoder.measures.targets import SCORE_NAMES, beats_chance
from autoencoder.study.measured.likeness import MAIN
from autoencoder.study.statistics import mostly_chance
from autoencoder.study.wording import mean_orders, p_text, rounded, section
from autoencoder.workflows.markdown import TextTable

Titled = tuple[str, TextTable]
"""What a table shows, and the table."""

CHANCE_MARK = "~"
"""Behind a value that is mostly by chance."""


WIDEST = 100
"""Columns of a terminal that tables are made for."""


def terminal_tables(found: Mapping[str, Any]) -> list[Titled]:
    """Tables that fit a terminal of 100 columns; those of many settings do not, and are in the report only."""
    return [titled for titled in _main_tables(found) if _width(titled[1]) <= WIDEST]


def too_wide(found: Mapping[str, Any]) -> int:
    """How many tables do not fit a terminal."""
    return sum(_width(table) > WIDEST for _, table in _main_tables(found))


def _width(table: TextTable) -> int:
    """Columns that a table takes on a terminal, with its lines."""
    header, body = table
    return 1 + sum(3 + max(map(len, column)) for column in zip(header, *body, strict=True))


def _main_tables(found: Mapping[str, Any]) -> list[Titled]:
    makers: Sequence[Callable[[Mapping[str, Any]], list[Titled]]] = (
        distances,
        tests_of_settings,
        factors,
        told,
        onsets,
        _shape,
        quality,
    )
    return [table for make in makers for table in make(found)]


def full_tables(found: Mapping[str, Any]) -> list[Titled]:
    """Every setting, measure and difference."""
    tables = [*_main_tables(found), *orders_of_onsets(found)]
    similarity = section(found, "similarity")
    for name, measure in similarity.get("measures", {}).items():
        if name != MAIN:
            tables.append(distance_table(measure, similarity))
        tables += course(measure)
    for effect in single_measures(found):
        tables += effect_tables(effect)
    return tables


def notes(found: Mapping[str, Any]) -> list[str]:
    """What was left out, and why; what a reader has to know."""
    said = list(found.get("notes", []))
    for name in ("matched", *STUDIED):
        part = found.get(name)
        if not isinstance(part, Mapping) or (name == "units" and "why_not" in part):
            continue
        if "why_not" in part:
            said.append(f"{name} not measured: {part['why_not']}")
        said += part.get("notes", [])
    return list(dict.fromkeys(said))


# --------------------------------------------------------------------------------------------------------- similarities


def distances(found: Mapping[str, Any]) -> list[Titled]:
    """Mean Procrustes angles between settings."""
    similarity = section(found, "similarity")
    return [distance_table(similarity["measures"][MAIN], similarity)] if similarity else []


def distance_table(measure: Mapping[str, Any], similarity: Mapping[str, Any]) -> Titled:
    """Means over pairs of runs; settings have numbers, which name the columns."""
    between, unit = measure["between_settings"], measure["unit"]
    form = ".1f" if unit else ".2f"
    names = between["settings"]
    body, marked = [], False
    for i, name in enumerate(names):
        cells = []
        for value, chance in zip(between["means"][i], between["by_chance"][i], strict=True):
            is_chance = mostly_chance(value, chance, is_distance=measure["is_distance"])
            marked |= is_chance
            cells.append("-" if value is None else f"{value:{form}}{CHANCE_MARK if is_chance else ''}")
        chances = [value for value in between["by_chance"][i] if value is not None]
        body.append([f"{i + 1} {name}", *cells, f"{stats.mean(chances):{form}}" if chances else "-"])
    title = (
        f"{_titled(measure)} between representations of {similarity['n_images']:,} "
        f"held-out images at {similarity['moment']}: means over pairs of runs, on the diagonal between seeds"
    )
    if marked:
        how = ", by the cosine of the angle" if measure["is_distance"] else ""
        title += f"; {CHANCE_MARK}: unrelated codes are half as alike or more{how}"
    return title, (["", *(str(i + 1) for i in range(len(names))), "by chance"], body)


def _titled(measure: Mapping[str, Any]) -> str:
    """Such as "Procrustes angle (deg)"."""
    return f"{measure['title']} ({measure['unit']})" if measure["unit"] else str(measure["title"])


def space_pairs(found: Mapping[str, Any]) -> list[Titled]:
    """What the map of representations makes of distances."""
    body = [
        [pair["what"], str(pair["n"]), f"{pair['distance']:.1f}", f"{pair['drawn']:.1f}"]
        for pair in section(found, "space").get("pairs", [])
    ]
    title = "What the map makes of distances: means over pairs, in degrees"
    return [(title, (["", "pairs", "apart", "drawn apart"], body))] if body else []


def tests_of_settings(found: Mapping[str, Any]) -> list[Titled]:
    """Distances within and between settings by every measure, and the effect of settings on them."""
    similarity = section(found, "similarity")
    if not similarity:
        return []
    body = []
    for name, measure in similarity["measures"].items():
        end, test, form = measure["at_the_end"], measure["test"], ".1f" if measure["unit"] else ".2f"
        over = [moment["p_over_moments"] for moment in test.get("over_training", [])]
        body.append(
            [
                name,
                *(_number(end[key], form) for key in ("within", "other_setting_other_seed", "by_chance")),
                f"{_number(test.get('r2'), '.2f')} ({_number(test.get('r2_by_chance'), '.2f')})",
                _number(test.get("omega2"), ".2f"),
                "-" if "p" not in test else p_text(test["p"]),
                p_text(min(over)) if over else "-",
            ]
        )
    first = next(iter(similarity["measures"].values()))["test"]
    title = (
        "What settings change: means over pairs of runs of one setting, of different ones (and seeds), by chance; "
        "angles in degrees; p anytime: the smallest of all moments, corrected by the largest statistic at any"
    )
    if "relabellings" in first:
        kind = "all" if first["all_relabellings"] else "random ones"
        title += (
            f"; PERMANOVA with seeds as blocks, {first['relabellings']:,} relabellings ({kind}), smallest p "
            f"{p_text(first['least_p'])}"
        )
    header = ["", "one", "different", "chance", "R2 (no effect)", "omega2", "p", "p anytime"]
    return [(title, (header, body))]


def factors(found: Mapping[str, Any]) -> list[Titled]:
    """The effect of each of several settings that vary."""
    similarity = section(found, "similarity")
    effects = similarity["measures"][MAIN]["factors"] if similarity else {}
    if not effects or "why_not" in effects:
        return []
    body = [
        [
            name,
            *(_number(entry.get(key), ".2f") for key in ("r2", "r2_by_chance", "omega2")),
            "size only" if "p" not in entry else p_text(entry["p"]),
            "-" if "least_p" not in entry else p_text(entry["least_p"]),
        ]
        for name, entry in effects.items()
    ]
    title = "Each setting beside the others, Procrustes angle; p by relabelling within seeds and all other settings"
    return [(title, (["", "R2", "R2 no effect", "omega2", "p", "smallest p"], body))]


def course(measure: Mapping[str, Any]) -> list[Titled]:
    """A measure of similarity over training."""
    moments = measure["over_training"]
    if len(moments) < 2:
        return []
    form = ".1f" if measure["unit"] else ".3f"
    tests = {moment["epoch"]: moment for moment in measure["test"].get("over_training", [])}
    names = ("within", "other_setting_same_seed", "other_setting_other_seed", "by_chance")
    body = []
    for moment in moments:
        test = tests.get(moment["epoch"], {})
        body.append(
            [
                f"{moment['epoch']:.3g}",
                *(_number(moment[name], form) for name in names),
                *(_number(test.get(name), ".2f") for name in ("r2", "omega2")),
                *(p_text(test[name]) if name in test else "-" for name in ("p", "p_over_moments")),
            ]
        )
    header = ["epoch", "between seeds", "other setting, same seed", "other setting, other seed", "by chance"]
    header += ["R2", "omega2", "p", "p over all moments"]
    return [(f"{measure['title']} over training: means over pairs of runs", (header, body))]


# --------------------------------------------------------------------------------------------------------------- probes


def told(found: Mapping[str, Any], called: Mapping[str, str] | None = None) -> list[Titled]:
    """Each column in each setting of the design, beside the first snapshot, pixels and chance.

    Args:
        found: what was found.
        called: names of probes; None for those that a narrow table has.
    """
    columns = section(found, "probes").get("columns", {})
    if not columns:
        return []
    design, controls = _settings(columns)
    body = []
    for name, column in columns.items():
        kind = ColumnKind(column["kind"])
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for run in column["runs"].values():
            groups.setdefault(run["setting"], []).append(run)
        first = [run for setting in design for run in groups.get(setting, [])]
        for probe, name_of_probe in (called or SHORT_TITLES).items():
            cells = [_told_cell(groups.get(setting, []), probe, kind) for setting in design]
            cells.append(_mean_of(first, probe, "first", kind))
            cells += [_mean_of(groups.get(setting, []), probe, "final", kind) for setting in controls]
            cells.append(_mean_of(first, probe, "by_chance", kind))
            cells = cells if column["enough_time"] else [f"({cell})" for cell in cells]
            body.append([name if probe == "ridge" else "", name_of_probe, *cells])
    scores = ", ".join(f"{SCORE_NAMES[kind]} of {what}" for kind, what in KINDS.items())
    said = (
        f"Read at the end, means over seeds: {scores}; *: beats chance in every seed; L lost, F folded in training, in "
        "so many runs, or in all; first: before the first update; chance: what 5 % of draws reach, over all settings"
    )
    if not all(column["enough_time"] for column in columns.values()):
        said += "; in brackets: too slow a column"
    header = ["", "", *design, "first", *(name.removesuffix(" of the pixels") for name in controls), "chance"]
    return [(said, (header, body))]


SHORT_TITLES = {"ridge": "ridge", "knn": "near"}
"""Probes, and how they are called in a narrow table."""

PROBE_TITLES = {probe.name: probe.title for probe in PROBES}
"""The same in full."""

MARKS = {Fate.LOST.value: "L", Fate.FOLDED.value: "F"}

KINDS = {ColumnKind.LINEAR: "quantities", ColumnKind.CIRCULAR: "angles", ColumnKind.CATEGORY: "labels"}


def _settings(columns: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Settings of the design, and controls of pixels and files, in the order in which they were measured."""
    runs = [run for column in columns.values() for run in column["runs"].values()]
    design = list(dict.fromkeys(run["setting"] for run in runs if run["control"] is None and run["seed"] is not None))
    return design, list(dict.fromkeys(run["setting"] for run in runs if run["seed"] is None))


def _told_cell(runs: Sequence[Mapping[str, Any]], probe: str, kind: ColumnKind) -> str:
    """Such as "0.72*", and for neighbours "L 0.00" of what is lost in all runs, or "F 2/4 0.80*"."""
    if not runs:
        return "-"
    found = [run[probe] for run in runs]
    beaten = all(one["p"] is not None and beats_chance(one["final"], one["by_chance"], one["p"], kind) for one in found)
    cell = f"{_mean_of(runs, probe, 'final', kind)}{'*' if beaten else ''}"
    if probe == "ridge":
        return cell
    fates = [run["fate"] for run in runs]
    for fate, mark in MARKS.items():
        if (n := fates.count(fate)) > 0:
            cell = f"{mark}{f' {n}/{len(runs)}' if n < len(runs) else ''} {cell}"
    return cell


def _mean_of(runs: Iterable[Mapping[str, Any]], probe: str, what: str, kind: ColumnKind) -> str:
    values = [run[probe][what] for run in runs if run[probe][what] is not None]
    return rounded(stats.mean(values), ".1f" if kind is ColumnKind.CIRCULAR else ".2f") if values else "-"


def onsets(found: Mapping[str, Any], called: Mapping[str, str] | None = None) -> list[Titled]:
    """When each column comes to be told; see `told`."""
    columns = section(found, "probes").get("columns", {})
    if not columns:
        return []
    design, _ = _settings(columns)
    body = []
    for name, column in columns.items():
        for probe, name_of_probe in (called or SHORT_TITLES).items():
            runs = column["runs"].values()
            cells = [_onset_cell([run for run in runs if run["setting"] == setting], probe) for setting in design]
            if any(cell != "-" for cell in cells):
                body.append([name, name_of_probe, *cells])
    if not body:
        return []
    title = (
        "Onsets: epochs between which half of the gain over the first snapshot is passed, over seeds (and in how many)"
    )
    return [(title, (["", "", *design], body))]


def orders_of_onsets(found: Mapping[str, Any], called: Mapping[str, str] | None = None) -> list[Titled]:
    """Which column comes first; see `told`."""
    body = [
        [entry["setting"], (called or SHORT_TITLES)[entry["probe"]], f"{entry['first']} before {entry['second']}"]
        + [str(entry[name]) for name in ("before", "ties", "after")]
        for entry in section(found, "probes").get("order", [])
    ]
    header = ["", "", "", "seeds", "ties", "the other way"]
    return [("Order of onsets, seed by seed; ties where intervals overlap", (header, body))] if body else []


def _onset_cell(runs: Sequence[Mapping[str, Any]], probe: str) -> str:
    onsets = [run[probe]["onset_epochs"] for run in runs if run[probe]["onset_epochs"] is not None]
    if not onsets:
        return "-"
    low, high = min(onset[0] for onset in onsets), max(onset[1] for onset in onsets)
    return f"{low:.2g}-{high:.2g} ({len(onsets)}/{len(runs)})"


# ------------------------------------------------------------------------------------------------- shape and quality


def _shape(found: Mapping[str, Any]) -> list[Titled]:
    return [*rings(found), *sizes(found)]


def rings(found: Mapping[str, Any]) -> list[Titled]:
    """Where codes lie on a ring, and which angle runs round it."""
    body = []
    for ring in section(found, "topology").get("settings", []):
        order = mean_orders(ring)
        best = max(order, key=lambda name: order[name], default=None)
        body.append(
            [
                ring["setting"],
                f"{ring['rings']} of {ring['runs']}",
                f"{stats.median(run['ratio'] for run in ring['by_run']):.3g}",
                _bars(ring),
                "-" if best is None else f"{best} {order[best]:.3f}",
            ]
        )
    title = (
        "Rings: runs with one in all of 5 landmark sets; first bar of H1 over the second, and over the codes' "
        "diameter; the angle that runs around it"
    )
    return [(title, (["", "rings", "ratio", "bar (chance)", "order around it"], body))] if body else []


SIZES = {
    "participation_ratio": ("dimensions", ".1f"),
    "components_95": ("for 95 %", ".0f"),
    "noise_displacement": ("noise", ".2f"),
    "noise_floor_procrustes": ("floor (deg)", ".1f"),
}
"""Measures in a table of settings: their headings and formats."""


def sizes(found: Mapping[str, Any]) -> list[Titled]:
    """Dimensions of codes, and how far noise moves them."""
    effects = [*section(found, "dimension").get("effects", []), *section(found, "robustness").get("effects", [])]
    by_measure = {
        effect["measure"]: {entry["setting"]: entry["mean"] for entry in effect["settings"]} for effect in effects
    }
    settings = list(dict.fromkeys(setting for name in SIZES for setting in by_measure.get(name, {})))
    body = [
        [setting, *(_number(by_measure.get(name, {}).get(setting), form) for name, (_, form) in SIZES.items())]
        for setting in settings
    ]
    title = (
        "Sizes: participation ratio; components for 95 %; how far noise moves a code, in distances to the nearest "
        "other; Procrustes angle of one network under two draws of noise"
    )
    return [(title, (["", *(heading for heading, _ in SIZES.values())], body))] if body else []


def _bars(ring: Mapping[str, Any]) -> str:
    first, chance = (stats.mean(run[name] for run in ring["by_run"]) for name in ("first", "first_by_chance"))
    return f"{first:.2f} ({chance:.2f})"


def quality(found: Mapping[str, Any]) -> list[Titled]:
    """How well each setting does what it was trained for."""
    effects = section(found, "quality").get("effects", [])
    if not effects:
        return []
    body = []
    for setting in dict.fromkeys(entry["setting"] for effect in effects for entry in effect["settings"]):
        cells = {}
        for effect in effects:
            entry = next((entry for entry in effect["settings"] if entry["setting"] == setting), None)
            if entry is not None and effect.get("column"):
                cells["metric"] = f"{effect['column'].removeprefix('val_')} {_with_interval(entry)}"
            elif entry is not None:
                cells[effect["measure"]] = _with_interval(entry)
        body.append([setting, *(cells.get(name, "-") for name in ("train_loss", "val_loss", "metric"))])
    header = ["", "training loss", "held-out loss", "what it was trained for"]
    return [("Quality at the last epoch: mean and 95 % interval over seeds; of two seeds, both", (header, body))]


def _with_interval(entry: Mapping[str, Any]) -> str:
    """Such as "0.0124 ± 0.004"; of two seeds both numbers, since their interval is 13 times as wide as their error."""
    if len(entry["seeds"]) == 2:
        return ", ".join(f"{value:.3g}" for value in entry["seeds"].values())
    if entry["low"] is None:
        return f"{entry['mean']:.3g}"
    half = float(f"{entry['high'] - entry['mean']:.1g}")
    return f"{entry['mean']:.3g} ± {half:g}"


# -------------------------------------------------------------------------------------------------------------- effects


def single_measures(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Everything that is one number of each run at its end, over seeds and between settings."""
    effects: list[Mapping[str, Any]] = []
    for column in section(found, "probes").get("columns", {}).values():
        effects += [effect for effect in column["effects"].values() if effect is not None]
    for name in ("dimension", "robustness", "quality"):
        effects += section(found, name).get("effects", [])
    return effects


def effect_name(effect: Mapping[str, Any]) -> str:
    """Such as "x, read by ridge regression"."""
    if effect.get("probe"):
        return f"{effect['column']}, read by {PROBE_TITLES[effect['probe']]}"
    return ", ".join(str(effect[key]).replace("_", " ") for key in ("measure", "column") if effect.get(key))


def effect_tables(effect: Mapping[str, Any]) -> list[Titled]:
    """One number of each run, over seeds and between settings."""
    what = effect_name(effect)
    body = [
        [
            entry["setting"],
            f"{entry['mean']:.4g}",
            _ends(entry),
            ", ".join(f"{value:.4g}" for value in entry["seeds"].values()),
        ]
        for entry in effect["settings"]
    ]
    tables = [(f"{what}: mean over seeds, 95 % by t, and each seed", (["", "mean", "95 %", "seeds"], body))]
    differences = [
        [f"{entry['first']} - {entry['second']}", f"{entry['mean']:+.4g}", _ends(entry), str(entry["n"])]
        for entry in effect["differences"]
    ]
    if differences:
        tables.append(
            (f"{what}: differences within seeds, 95 % by t", (["", "difference", "95 %", "seeds"], differences))
        )
    return tables


def _ends(entry: Mapping[str, Any]) -> str:
    return "-" if entry["low"] is None else f"{entry['low']:.4g} to {entry['high']:.4g}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None or not math.isfinite(value) else rounded(value, form)
