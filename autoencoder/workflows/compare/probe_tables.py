"""Tables of what probes read from codes: a line for each column in short, and a table for each column in full."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autoencoder.data.timescales import Timescale
from autoencoder.evaluation.compare import Compared, Comparison
from autoencoder.evaluation.probing import Difference, Probed, ProbeScore, Probing, difference
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.nulls import SIGNIFICANT, NullKind
from autoencoder.measures.probes import PROBES
from autoencoder.measures.targets import SCORE_NAMES, beats_chance
from autoencoder.workflows.compare.numbers import Cells, Spread, text_of
from autoencoder.workflows.markdown import TextTable

_PROBES = tuple(probe.name for probe in PROBES)

PROBE_NAMES = {"ridge": "ridge", "knn": "neighbours"}

NO_INTERVAL = "fewer than 10 stretches of 3 correlation times in the held-out images"

CEILING_NAME = "PCA, 200 components at most"


def probe_cells(run: Compared) -> dict[str, Any]:
    """What probes found for a run, flat: COLUMN:PROBE holds the score, COLUMN:PROBE:MORE what stands beside it."""
    cells = score_cells(run.probed)
    for found in run.probed.scores:
        key = f"{found.column}:{found.probe}"
        if (pixels := run.pixels.of(found.column, found.probe)) is not None:
            cells[f"{key}:pca"] = pixels.score
            if (apart := difference(found, pixels)) is not None:
                cells |= {f"{key}:over_pca_{name}": getattr(apart, name) for name in ("ratio", "low", "high", "p")}
        if (ceiling := run.ceiling.of(found.column, found.probe)) is not None:
            cells[f"{key}:ceiling"] = ceiling.score
        if run.untrained:
            cells[f"{key}:untrained"] = _untrained(run, found.column, found.probe)
    for gain in run.gains:
        key = f"{gain.column}:{gain.probe}:gain"
        cells |= {f"{key}_ratio": gain.ratio, f"{key}_low": gain.low, f"{key}_high": gain.high}
    return cells


def score_cells(probed: Probed) -> dict[str, Any]:
    """What probes found in some codes, and what is by chance, flat."""
    cells: dict[str, Any] = {}
    for found in probed.scores:
        key = f"{found.column}:{found.probe}"
        cells |= {key: found.score, f"{key}:low": found.low, f"{key}:high": found.high, f"{key}:n": found.n}
        cells |= {f"{key}:{name}": value for name, value in found.more.items()}
        if (chance := found.by_chance) is not None:
            cells |= {
                f"{key}:chance": chance.median,
                f"{key}:chance_best": chance.best,
                f"{key}:p": chance.p,
                f"{key}:p_guaranteed": chance.p_guaranteed,
                f"{key}:p_adjusted": chance.p_adjusted,
            }
    return cells


def _untrained(run: Compared, column: str, probe: str) -> float:
    """Mean score of untrained networks."""
    found = [probed.of(column, probe) for probed in run.untrained]
    return float(np.mean([score.score for score in found if score is not None]))


# ------------------------------------------------------------------------------------------------------------ in short


def summary_table(rows: Cells, probing: Probing, kinds: Mapping[str, ColumnKind]) -> TextTable | None:
    """Each column by ridge and by neighbours, for each run and beside it; None where nothing could be probed."""
    if not probing.columns:
        return None
    header = ["", *(row["run"] for row in rows), "PCA", "200 components, ridge", "untrained", "by chance"]
    body = []
    for name, scale in probing.columns.items():
        kind = kinds[name]
        short = scale is not None and not scale.is_enough
        cells = [_pair(row, name, kind, short=short) for row in rows]
        beside = [
            _range(rows, name, kind, ":pca"),
            _range(rows, name, kind, ":ceiling", ("ridge",)),
            _range(rows, name, kind, ":untrained"),
            _range(rows, name, kind, ":chance_best"),
        ]
        body.append([f"{name} ({SCORE_NAMES[kind]}{'' if scale is None else f'; {scale}'})", *cells, *beside])
    return header, body


def _pair(row: Mapping[str, Any], name: str, kind: ColumnKind, *, short: bool) -> str:
    """Both probes of one run, such as "0.65* / 0.92*", in brackets where the recording is too short."""
    parts = []
    for probe in PROBES:
        key = f"{name}:{probe.name}"
        score, p, best = (_mean_of(row, one) for one in (key, f"{key}:p_adjusted", f"{key}:chance_best"))
        known = score is not None and p is not None and best is not None
        star = "*" if known and beats_chance(score, best, p, kind) else ""
        parts.append(text_of(row.get(key), _form(kind)) + star)
    joined = " / ".join(parts)
    return f"({joined})" if short else joined


def _mean_of(row: Mapping[str, Any], key: str) -> Any:
    """A cell's number, of several seeds their mean; None where there is none."""
    value = row.get(key)
    return value.mean if isinstance(value, Spread) else value


def _range(rows: Cells, name: str, kind: ColumnKind, ending: str, probes: Sequence[str] = _PROBES) -> str:
    """The same of all runs, from the least to the largest, for each probe."""
    parts = []
    for probe in probes:
        values = [_mean_of(row, f"{name}:{probe}{ending}") for row in rows]
        numbers = [value for value in values if value is not None]
        low, high = (f"{end:{_form(kind)}}" for end in (min(numbers), max(numbers))) if numbers else ("-", "-")
        parts.append(low if low == high else f"{low} to {high}")
    return " / ".join(parts)


def _form(kind: ColumnKind) -> str:
    return ".1f" if kind is ColumnKind.CIRCULAR else ".2f"


def summary_caption(comparison: Comparison) -> str:
    """What the table in short shows."""
    probing, first = comparison.probing, comparison.runs[0].probed
    score = first.scores[0]
    said = [
        f"Read from the codes by ridge regression / nearest neighbours, fitted to {score.n_fit:,} training images and "
        f"scored on {score.n:,} held-out ones"
    ]
    if any(found.by_chance for found in first.scores):
        said.append(
            f"*: better than by chance, and p < {SIGNIFICANT} for all columns and probes together, with "
            f"{_null_name(probing)}; by chance: what the best 5 % of these reach"
        )
    if any(scale is not None and not scale.is_enough for scale in probing.columns.values()):
        said.append("in brackets: fewer than 20 correlation times, so the score cannot be interpreted on its own")
    return "; ".join(said)


def _null_name(probing: Probing) -> str:
    return {
        NullKind.SHIFT: "labels moved in time",
        NullKind.EXCHANGE: "labels exchanged between recordings",
        NullKind.PERMUTATION: "labels permuted",
    }[probing.null.kind]


# ------------------------------------------------------------------------------------------------------------- in full

_OF_A_PROBE = ["95 %", "by chance", "p", "guaranteed", "of all columns"]
FULL_HEADER = ["", "ridge", *_OF_A_PROBE, "neighbours", *_OF_A_PROBE]


def full_tables(comparison: Comparison, kinds: Mapping[str, ColumnKind]) -> dict[str, TextTable]:
    """For each column a table of all codes, with intervals, chance and p; its caption says how much time there is."""
    tables = {}
    for name, scale in comparison.probing.columns.items():
        body = [[run.name, *_full_cells(run.probed, name)] for run in comparison.runs]
        body += [[other.name, *_full_cells(other.probed, name)] for other in comparison.others]
        beside: dict[tuple[str, ...], str] = {}  # runs that share what stands beside them say it once
        for run in comparison.runs:
            for label, probed in _beside(run):
                beside.setdefault(tuple(_full_cells(probed, name)), label)
        body += [[label, *cells] for cells, label in beside.items()]
        tables[_full_caption(comparison, name, kinds[name], scale)] = (FULL_HEADER, body)
    return tables


def _beside(run: Compared) -> list[tuple[str, Probed]]:
    config = run.evaluation.trained.config
    width, seed = config.model.latent_dim, config.training.seed
    untrained = [
        (f"{config.model.encoder} {width}, untrained, seed {seed + i}", probed)
        for i, probed in enumerate(run.untrained)
    ]
    return [(f"PCA {width}", run.pixels), (CEILING_NAME, run.ceiling), *untrained]


def _full_cells(probed: Probed, column: str) -> list[str]:
    cells: list[str] = []
    for probe in PROBES:
        found = probed.of(column, probe.name)
        cells += ["-"] * (1 + len(_OF_A_PROBE)) if found is None else _score_cells(found)
    return cells


def _score_cells(found: ProbeScore) -> list[str]:
    form, chance = _form(found.kind), found.by_chance
    ends = "-" if found.low is None or found.high is None else f"{found.low:{form}} to {found.high:{form}}"
    if "mean_error_deg" in found.more:
        ends += f" (mean {found.more['mean_error_deg']:.1f}; 95th percentile {found.more['p95_error_deg']:.1f}; "
        ends += f"beyond 90 deg {100 * found.more['share_beyond_90_deg']:.1f} %)"
    if "accuracy" in found.more:
        ends += f" (accuracy {found.more['accuracy']:.2f})"
    if chance is None:
        return [f"{found.score:{form}}", ends, "-", "-", "-", "-"]
    ps = (p_text(value, chance.resolution) for value in (chance.p, chance.p_guaranteed, chance.p_adjusted))
    return [f"{found.score:{form}}", ends, f"{chance.median:{form}}, 5 %: {chance.best:{form}}", *ps]


def p_text(p: float, resolution: float) -> str:
    """A p value with no more digits than draws can tell."""
    if p <= resolution:
        return f"<= {math.ceil(resolution * 1000) / 1000:.3g}"
    return f"{p:.2f}" if p >= 0.01 else f"{p:.3f}"


def _full_caption(comparison: Comparison, name: str, kind: ColumnKind, scale: Timescale | None) -> str:
    found = next(score for score in comparison.runs[0].probed.scores if score.column == name)
    said = [f"{name}: {SCORE_NAMES[kind]}; {found.n_fit:,} training and {found.n:,} held-out images"]
    if scale is not None:
        said.append(str(scale))
        taus = [f"{run.name} {run.probed.code_tau:.3g}" for run in comparison.runs if run.probed.code_tau is not None]
        said.append(f"correlation times of the codes: {', '.join(taus)} frames")
    said.append(f"{found.n_blocks} {'stretch' if found.n_blocks == 1 else 'stretches'} of held-out images")
    said.append(f"95 % interval of the {'mean error' if kind is ColumnKind.CIRCULAR else 'score'}")
    if found.low is None:
        said[-1] += f": none, since there are {NO_INTERVAL}"
    if scale is not None and not scale.is_enough:
        if comparison.probing.null.kind is NullKind.SHIFT:
            said.append(f"no p: too short, only {scale.n_taus:.0f} correlation times")
        said.append("no score in this table can be interpreted on its own")
    return "; ".join(said)


def difference_tables(comparison: Comparison) -> dict[str, TextTable]:
    """Each run against its PCA, and against the first run: how much larger or smaller its errors are."""
    first = comparison.runs[0]
    pairs = {
        "a PCA with as many components": [(run.name, run.probed, run.pixels) for run in comparison.runs],
        first.name: [(run.name, run.probed, first.probed) for run in comparison.runs[1:]],
    }
    said = "Error over that of {}, on the same held-out images (of R2: of what is left unexplained), 95 % interval, p"
    tables = {said.format(other): _difference_table(named) for other, named in pairs.items()}
    return {caption: table for caption, table in tables.items() if table is not None}


def _difference_table(pairs: Sequence[tuple[str, Probed, Probed]]) -> TextTable | None:
    body = []
    for name, one, other in pairs:
        for score in one.scores:
            beside = other.of(score.column, score.probe)
            apart = None if beside is None else difference(score, beside)
            if apart is not None:
                body.append([name, score.column, PROBE_NAMES[score.probe], *_ratio_cells(apart), f"{apart.p:.2g}"])
    return (["", "column", "probe", "ratio", "95 %", "p"], body) if body else None


def _ratio_cells(apart: Difference) -> list[str]:
    return [f"{apart.ratio:.2f}", f"{apart.low:.2f} to {apart.high:.2f}"]


def gain_table(comparison: Comparison) -> TextTable | None:
    """What each latent adds to the given columns, by ridge / by neighbours."""
    gains = [{(gain.column, gain.probe): gain for gain in run.gains} for run in comparison.runs]
    body = []
    for name in comparison.probing.columns:
        cells = [[found.get((name, probe)) for probe in _PROBES] for found in gains]
        if any(gain is not None for cell in cells for gain in cell):
            body.append([name, *(" / ".join(map(_gain_text, cell)) for cell in cells)])
    return (["", *(run.name for run in comparison.runs)], body) if body else None


def _gain_text(gain: Difference | None) -> str:
    return "-" if gain is None else f"{gain.ratio:.2f} ({gain.low:.2f} to {gain.high:.2f})"


def gain_caption(given: Sequence[str]) -> str:
    """What a table of gains shows, and what it does not."""
    return (
        f"What the latent adds to {', '.join(given)}: error of ridge / neighbours with it over that without it, 95 % "
        "interval; below 1 where it adds something. If the given columns are noisy, codes that repeat the same "
        "information show a gain, too: it is no evidence that they hold anything else"
    )
