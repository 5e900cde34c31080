"""The table of how well each column of a data set is told from each other one."""

from __future__ import annotations

from typing import Any

from autoencoder.data.metadata import Metadata
from autoencoder.evaluation.relations import Relations
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.probes import PROBES
from autoencoder.measures.targets import SCORE_NAMES


def relation_table(found: Relations, metadata: Metadata) -> tuple[str, list[str], list[list[str]]]:
    """Caption, header and rows of a table: a row for each column that is told, and a column for each that tells."""
    names = list(found.probing.columns)
    body = [[_heading(name, metadata, found), *(_cell(found, source, name) for source in names)] for name in names]
    caption = (
        f"How well each column is predicted from each of the others, by ridge / neighbours; {found.split}; in "
        "brackets: too slow in this recording for a score to be interpreted on its own"
    )
    return caption, ["predicted \\ from", *names], body


def _heading(name: str, metadata: Metadata, found: Relations) -> str:
    scale = found.probing.columns[name]
    time = "" if scale is None else f"; T/tau {scale.n_taus:,.0f}"
    return f"{name} ({SCORE_NAMES[metadata.kind(name)]}{time})"


def _cell(found: Relations, source: str, name: str) -> str:
    if source == name:
        return ""
    scores = [found.told_from[source].of(name, probe.name) for probe in PROBES]
    told = " / ".join(
        "-" if score is None else f"{score.score:{'.1f' if score.kind is ColumnKind.CIRCULAR else '.2f'}}"
        for score in scores
    )
    scale = found.probing.columns[name]
    return told if scale is None or scale.is_enough else f"({told})"


def relation_numbers(found: Relations) -> dict[str, Any]:
    """All scores, by the column that tells."""
    return {
        source: [score.numbers() for score in probed.scores if score.column != source]
        for source, probed in found.told_from.items()
    }
