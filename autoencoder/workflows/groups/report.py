"""Write a comparison of animals: a page whose first sentence answers, the same as text, tables, and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.display.summary import DPI, Summary
from autoencoder.machine.files import check_writable, write_csv, write_json, write_text
from autoencoder.pages.report import (
    Listing,
    PageFigure,
    PageTable,
    Report,
    RowsOf,
    Section,
    Statement,
    Texts,
    report_document,
)
from autoencoder.plots.figures import Files, rendered, save_and_hold
from autoencoder.plots.study.animals import AnimalPanel, animals_figure
from autoencoder.study.groups.effects import Effect
from autoencoder.study.wording import p_text
from autoencoder.version import __version__
from autoencoder.workflows.columns import readable
from autoencoder.workflows.groups.compare import GroupComparison
from autoencoder.workflows.groups.words import (
    GLOSSARY,
    TITLES,
    animals_text,
    interval_text,
    is_concluded,
    question,
    sentences,
    table,
)
from autoencoder.workflows.markdown import as_markdown, markdown_table
from autoencoder.workflows.study.report import HELD

STEM = "groups"
"""Files are called by it."""

CAPTION = "Every animal a dot (open: {first}, filled: {second}), bars are means of conditions{pairs}"

SIZE_AXIS, SIDE_AXIS = "relative to the mean animal", "towards {second} (without the animal)"

EFFECT_COLUMNS = (
    *("summary", "kind", "effect", "low", "high", "level", "r2", "r2_by_chance", "p", "p_corrected"),
    *("first", "second", "n_first", "n_second", "least_p", "relabellings", "concluded"),
)


def write_groups(found: GroupComparison, out: Path, options: FigureOptions = AS_PNG_AND_SVG) -> Files:
    """Write what was found.

    Args:
        found: from `measure_groups`.
        out: folder.
        options: formats and resolution of the figure.

    Returns:
        `groups.html`, `groups.md`, `groups.csv` (a row for each summary), `groups-animals.csv` (a row for each animal
        in either condition), `groups.json`, and the figure.

    Raises:
        UserError: `out` cannot be written to.
    """
    check_writable(out)
    files = [out / f"{STEM}{ending}" for ending in (".html", ".md", ".csv", "-animals.csv", ".json")]
    page, text, effects, animals, numbers = files
    drawn, held = save_and_hold(groups_figure(found), out / STEM, options, HELD)
    write_csv(effects, effect_rows(found), EFFECT_COLUMNS)
    rows = animal_rows(found)
    write_csv(animals, rows, list(rows[0]))
    write_json(numbers, _numbers(found))
    write_text(text, _markdown(found))
    write_text(page, report_document(_page(found, held)))
    return Files(files) + drawn


def summary(found: GroupComparison) -> Summary:
    """What a notebook shows of it."""
    header, rows = table(found)
    drawn = rendered(groups_figure(found), "groups", dpi=DPI)
    notes = [*sentences(found), *found.notes]
    return Summary(question(found.opened), header=header, rows=rows, pictures=[drawn], notes=notes)


def effect_rows(found: GroupComparison) -> list[dict[str, Any]]:
    """What `groups.csv` holds. There is no p where nothing is concluded; ends without a bound are empty."""
    groups, effects = found.opened.groups, found.effects
    design = {
        "first": groups.conditions[0],
        "second": groups.conditions[1],
        "n_first": groups.sizes[0],
        "n_second": groups.sizes[1],
        "least_p": effects.least_p,
        "relabellings": effects.relabellings,
        "concluded": "yes" if is_concluded(found) else "no",
    }
    return [_numbers_of(found, effect) | design for effect in effects.effects]


def _numbers_of(found: GroupComparison, effect: Effect) -> dict[str, Any]:
    shown = is_concluded(found)
    return {
        "summary": effect.name,
        "kind": "ratio" if effect.is_size else "distance",
        "effect": effect.effect,
        "low": _finite(effect.low),
        "high": _finite(effect.high),
        "level": effect.level,
        "r2": effect.r2,
        "r2_by_chance": effect.r2_by_chance,
        "p": effect.p if shown else None,
        "p_corrected": effect.p_corrected if shown else None,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def animal_rows(found: GroupComparison) -> list[dict[str, Any]]:
    """What `groups-animals.csv` holds: the scores that the figure shows."""
    groups, cells = found.opened.groups, found.effects.cells
    return [
        {
            "animal": str(cells.units[cell]),
            "condition": groups.conditions[int(cells.labels[cell])],
            "stratum": str(groups.strata_of[cell]),
            "n_images": len(groups.rows[cell]),
            "n_frames": len(found.opened.drawn.frames[cell]),
            **{effect.name: float(effect.scores[cell]) for effect in found.effects.effects},
        }
        for cell in range(len(cells))
    ]


def _numbers(found: GroupComparison) -> dict[str, Any]:
    opened, groups = found.opened, found.opened.groups
    return {
        "answer": sentences(found)[0],
        "runs": [str(run.path) for run in opened.runs],
        "seeds": opened.seeds,
        "checkpoint": opened.checkpoint,
        "by": groups.by,
        "unit": groups.unit,
        "strata": list(groups.strata),
        "conditions": list(groups.conditions),
        "animals": list(groups.sizes),
        "paired": groups.cells.is_paired,
        "frames_of_each": len(opened.drawn.frames[0]),
        "steps_of_each": len(opened.drawn.steps.rows[0]) if opened.drawn.steps.rows else 0,
        "clusters": opened.clusters,
        "least_p": found.effects.least_p,
        "relabellings": found.effects.relabellings,
        "all_relabellings": found.effects.complete,
        "tested": found.effects.is_tested,
        "confounded_with": [vars(one) for one in groups.confounded],
        "concluded": is_concluded(found),
        "summaries": [_numbers_of(found, one) | {"by_seed": list(one.by_seed)} for one in found.effects.effects],
        "notes": list(found.notes),
    }


def groups_figure(found: GroupComparison) -> Figure:
    """Every animal a dot in each summary."""
    groups, cells = found.opened.groups, found.effects.cells
    panels = []
    for effect in found.effects.effects:
        values = np.log(effect.scores) if effect.is_size else effect.scores
        first, second = (float(values[cells.labels == label].mean()) for label in (0, 1))
        means = (float(np.exp(first)), float(np.exp(second))) if effect.is_size else (first, second)
        below = [f"{effect.effect:.2f} {'times' if effect.is_size else 'apart'}", interval_text(effect)]
        if is_concluded(found) and effect.p_corrected is not None:
            below.append(f"p = {p_text(effect.p_corrected)}, corrected")
        axis = SIZE_AXIS if effect.is_size else SIDE_AXIS.format(second=groups.conditions[1])
        panels.append(AnimalPanel(TITLES[effect.name], below, axis, effect.scores, means, float(effect.is_size)))
    return animals_figure(panels, cells.labels, groups.conditions, _pairs(found))


def _pairs(found: GroupComparison) -> list[tuple[int, int]]:
    cells = found.effects.cells
    if not cells.is_paired:
        return []
    places = [np.flatnonzero(cells.units == unit).tolist() for unit in np.unique(cells.units)]
    return [(int(one), int(other)) for one, other in places]


def _markdown(found: GroupComparison) -> str:
    first, *others = sentences(found)
    parts = [
        as_markdown(first),
        f"## {as_markdown(question(found.opened))}",
        "\n".join(f"- {as_markdown(text)}" for text in others),
        markdown_table(table(found)),
        f"![{as_markdown(_caption(found))}]({STEM}.png)",
        *(f"note: {as_markdown(text)}" for text in found.notes),
        "## What these words mean",
        "\n".join(f"- **{as_markdown(name)}**: {as_markdown(text)}" for name, text in GLOSSARY.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _caption(found: GroupComparison) -> str:
    first, second = found.opened.groups.conditions
    pairs = "; lines join the two of an animal" if found.effects.cells.is_paired else ""
    return CAPTION.format(first=first, second=second, pairs=pairs)


def _page(found: GroupComparison, held: Sequence[bytes]) -> Report:
    opened, groups = found.opened, found.opened.groups
    png, svg = held
    header, rows = table(found)
    source = RowsOf(f"{STEM}.csv", [(2, len(rows) + 1)], len(rows), "one for each summary")
    sections = [
        Section(
            "Animals and effects",
            [
                PageFigure(STEM, _caption(found), png, svg),
                PageTable("What each summary shows", header, rows, source),
                Texts([_how(found)]),
            ],
        )
    ]
    if found.notes:
        sections.append(Section("What was left out, and notes", [Listing(list(found.notes))]))
    facts = {
        "Animals": animals_text(groups),
        "Conditions": f"{readable(groups.by)}: {groups.conditions[0]} (first), {groups.conditions[1]}",
        "Labels exchanged within": ", ".join(readable(name) for name in groups.strata),
        "Runs": ", ".join(run.path.name for run in opened.runs),
        "Frames": f"{len(opened.drawn.frames[0]):,} of each animal in either condition",
        "Measured with": f"autoencoder {__version__}",
    }
    return Report(
        title=f"Animals by {readable(groups.by)}",
        question=question(opened),
        answer=[
            Statement(text, "Animals and effects" if number else None) for number, text in enumerate(sentences(found))
        ],
        facts={name: text for name, text in facts.items() if text},
        sections=sections,
        folder_files={
            f"{STEM}.csv": "the effects, a row for each summary",
            f"{STEM}-animals.csv": "the dots, a row for each animal in either condition",
            f"{STEM}.md": "the page as text",
            f"{STEM}.json": "all of it for programs",
        },
        glossary=GLOSSARY,
    )


def _how(found: GroupComparison) -> str:
    exact = "all of them" if found.effects.complete else "drawn at random"
    return (
        f"p: R2 of animals' distances against {found.effects.relabellings:,} ways to exchange labels between animals "
        f"({exact}), averaged over seeds; corrected by the largest statistic of all summaries. Intervals are of each "
        "summary by itself: of ratios by inversion of this test, of distances by a jackknife over animals. Frames are "
        "no samples: they decide nothing but how well each animal is known."
    )
