"""What the page of a study's report holds: every section with its sentences, figures and tables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autoencoder.measures.topology import DOMINANT
from autoencoder.pages.report import (
    Answered,
    Block,
    Folded,
    Heading,
    Listing,
    MapPlace,
    MapTrail,
    PageFigure,
    PageTable,
    Report,
    RowsOf,
    Section,
    Statement,
    Texts,
)
from autoencoder.study.doubts import doubts
from autoencoder.study.folder import StudyFolder
from autoencoder.study.measured.convergence import LOSS_FALL, MOVED
from autoencoder.study.measured.likeness import MAIN
from autoencoder.study.measured.measure import MEASURES
from autoencoder.study.measured.quality import LOSSES, METRIC
from autoencoder.study.measured.shape import LOOPS
from autoencoder.study.measured.told import EMERGED, MEASURE
from autoencoder.study.sentences import question, sentences
from autoencoder.study.table import Row, Table
from autoencoder.study.wording import Found, Sentence, section
from autoencoder.version import __version__
from autoencoder.workflows.study import tables
from autoencoder.workflows.study.results import Study
from autoencoder.workflows.study.space_figures import Thumbnails, stress_text, trails_of
from autoencoder.workflows.study.tables import Titled
from autoencoder.workflows.study.unit_tables import convergence_table, unit_tables

SECTIONS = {
    "distances": "Distances between representations",
    "controls": "Distances between representations",
    "metrics": "Under other measures of similarity",
    "told": "What can be read from the codes, and when",
    "topology": "Rings",
    "units": "How many units",
    "training": "Performance and training",
    "noise": "Size, dimension and noise",
    "seeds": "Distances between representations",
}
"""Titles of the sections that hold the evidence of sentences, by their topics."""

CHANGES = "What would change this answer"

PICTURES = "Codes of the same images, by their first two principal components. Colour: {}."
"""What is said of the pictures beside the map."""

CAPTIONS = {
    "examples": "Some of the held-out images whose codes are compared, evenly spaced; clean ones are never trained on",
    "space": "Each run's path through the space of representations, from its first weights to the end of training",
    "distances": "Distances between all runs at the end, and within and between settings over training",
    "told": "What is read of each column over training: means over seeds, single runs in pale lines",
    "seeds": "Single numbers at the end: every seed a dot, means and 95 % intervals",
    "units": "Error, explained variance and what can be read, against the number of units",
    "embeddings": "Codes of the compared images at the end of training, projected to the plane, run by run",
    "embeddings_over_training": "Codes of the compared images over training, one run of each setting",
}
"""What figures show, by their names."""


GLOSSARY = {
    "degrees": "Procrustes angles between codes of the same held-out images: 0 where a rotation and a change of scale "
    "take one representation into the other, up to 90 where they have nothing in common.",
    "seeds": "Networks that differ in nothing but their first weights and the order of images. A difference between "
    "settings counts only beside the difference between seeds.",
    "untrained seeds": "The same networks before their first update: a control. They can be farther apart than trained "
    "ones, since learning brings networks of one objective together.",
    "unrelated codes": "One code shifted in time against the other, or with its images shuffled where there is no "
    "time: what chance gives. Chance is shown beside every other number in the same way.",
    "p": "How often labels of settings that are shuffled within seeds give as large an effect (PERMANOVA).",
    "R2, omega2": "The share of the variance of distances that lies between settings; omega2 is corrected for chance, "
    "and about 0 where settings change nothing.",
    "read by ridge regression, nearest neighbours": "Fitted to codes of images that were trained on, scored on "
    "held-out images. What neighbours can read and a ridge regression "
    "cannot is in the codes, but not along a line.",
    "lost, folded": "Lost: could be read earlier in training, and no longer. Folded: still in the code, but no longer "
    "along a line.",
    "ring, loop": "How long a loop lasts while the distance grows below which points are joined: a bar of H1 "
    f"(persistent homology). In a ring the longest bar is more than {DOMINANT:g} times as long as the second.",
}
"""What words of the answer mean."""


@dataclass(frozen=True)
class Drawn:
    """A figure as its files hold it."""

    png: bytes
    svg: bytes


def study_page(
    study: Study,
    folder: StudyFolder,
    drawn: Mapping[str, Drawn],
    thumbnails: Thumbnails | None,
    methods: str,
) -> Report:
    """Everything that the page shows.

    Args:
        study: measured.
        folder: its folder.
        drawn: its figures by name.
        thumbnails: small pictures of runs over training; None where there are none.
        methods: the Markdown of `methods.md`.
    """
    found = study.statistics
    page = Sections(study, folder.measures_file.name, drawn)
    answer = [_statement(sentence) for sentence in sentences(found)]
    parts: dict[str, Sequence[Block]] = {
        CHANGES: page.changes(),
        "The images": page.figures("examples"),
        "The space of representations": page.space(),
        SECTIONS["distances"]: page.distances(),
        SECTIONS["metrics"]: page.metrics(),
        SECTIONS["told"]: page.told(),
        SECTIONS["topology"]: page.rings(),
        SECTIONS["units"]: page.units(),
        "What codes look like": page.embeddings(),
        SECTIONS["training"]: page.training(),
        SECTIONS["noise"]: page.sizes(),
        "Every number, with its interval": page.single_measures(),
        "What was left out, and notes": page.notes(),
        "Methods": page.methods(methods),
    }
    return Report(
        title=f"Study {study.path.name}",
        question=question(found),
        answer=answer or [Statement("Nothing was compared.")],
        facts=_facts(found),
        sections=[Section(title, blocks) for title, blocks in parts.items() if blocks],
        trails=_map_trails(found, thumbnails),
        map_note=stress_text(found),
        pictures_note="" if thumbnails is None else PICTURES.format(thumbnails.colored_by),
        folder_files=_files(folder),
        glossary=GLOSSARY,
    )


def _statement(sentence: Sentence) -> Statement:
    return Statement(sentence.text, SECTIONS.get(sentence.topic))


def _facts(found: Found) -> dict[str, str]:
    """The design in a few lines."""
    described = found["described"]
    data, split, probes = described["data"], described["split"], described["probe_images"]
    configurations = described["settings"]
    seeds = list(dict.fromkeys(seed for setting in configurations for seed in setting["seeds"]))
    epochs = sorted({epoch for setting in configurations for epoch in setting["epochs"]})
    varied = "; ".join(f"{name.replace('_', ' ')}: {', '.join(values)}" for name, values in found["settings"].items())
    controls = described["controls"]
    facts = {
        "Varied": varied or "nothing",
        "Seeds": ", ".join(str(seed) for seed in seeds),
        "Trained": f"{', '.join(map(str, epochs))} epochs on {split['trained_on']:,} images",
        "Data": f"{data['name']}: {data['images']:,} images of {'x'.join(map(str, data['shape']))}",
        "Compared": f"codes of {probes['compared']:,} held-out images, the same for all runs",
        "Controls": ", ".join(controls) or "none",
        "Parameters": _parameters(configurations),
    }
    if data["is_video"]:
        tau = section(found, "similarity").get("tau_frames")
        known = "" if tau is None else f"; codes stay alike for {tau:.0f} frames (correlation time)"
        facts["Time"] = (
            f"images follow each other (recordings: {data['recordings']}){known}; chance is what moving in time gives"
        )
    facts["Measured with"] = f"autoencoder {__version__}"
    return facts


def _parameters(configurations: Sequence[Found]) -> str:
    """Of encoders and of what learns from their codes, by settings that have as many."""
    groups: dict[str, list[str]] = {}
    for one in configurations:
        if "why_not" not in one["network"]:
            encoder, head = (one["network"][part]["n_parameters"] for part in ("encoder", "head"))
            groups.setdefault(f"encoder {encoder:,}, head {head:,}", []).append(f"'{one['setting']}'")
    return "; ".join(f"{counts} ({', '.join(dict.fromkeys(names))})" for counts, names in groups.items()) or "unknown"


def _files(folder: StudyFolder) -> dict[str, str]:
    """Files beside the page, and what they hold."""
    files = {
        folder.measures_file: "every number, one per row",
        folder.statistics_file: "what was tested, and what came out",
        folder.methods_file: "what was done, for a Methods section",
        folder.movie_file: "the space of representations over training",
        folder.movie_file.with_suffix(".gif"): "the space of representations over training",
    }
    return {file.name: what for file, what in files.items() if file.exists()}


def _map_trails(found: Found, thumbnails: Thumbnails | None) -> list[MapTrail]:
    pictures = {} if thumbnails is None else thumbnails.pictures
    return [
        MapTrail(
            trail.label,
            trail.setting,
            trail.color,
            trail.epochs,
            trail.points,
            pictures.get(trail.label),
            () if thumbnails is None else thumbnails.epochs.get(trail.label, ()),
        )
        for trail in trails_of(found)
    ]


class Sections:
    """Sections of a page, from what was measured and drawn.

    Args:
        study: measured.
        file: name of the table of its numbers, beside the page.
        drawn: figures by name.
    """

    def __init__(self, study: Study, file: str, drawn: Mapping[str, Drawn]) -> None:
        self.found, self.table, self.file, self.drawn = study.statistics, study.table, file, drawn
        similarity = section(self.found, "similarity")
        self.ends = {run["name"]: run["step"] for run in similarity.get("runs", [])}

    # ------------------------------------------------------------------------------------------------------- sections

    def changes(self) -> list[Block]:
        """The questions of a referee."""
        return [
            Answered(doubt.question, [_statement(sentence) for sentence in doubt.sentences])
            for doubt in doubts(self.found)
        ]

    def space(self) -> list[Block]:
        """The map, and what it makes of distances."""
        if not section(self.found, "space"):
            return []
        text = (
            "Each path is a run, from the first weights of its seed to the end of training. Representations lie near "
            "each other where a rotation and a change of scale take one into the other."
        )
        pairs = [
            self.titled(title, self.rows("positions on the map", lambda row: row["measure"].startswith("space_")))
            for title in tables.space_pairs(self.found)
        ]
        return [
            Texts([text, stress_text(self.found)]),
            MapPlace(),
            *pairs,
            Heading("The evidence: distances within and between settings"),
            *self.figures("distances"),
            Folded("The map as a figure", self.figures("space")),
        ]

    def distances(self) -> list[Block]:
        """Distances at the end and over training, and what they are tested by."""
        similarity = section(self.found, "similarity")
        if not similarity:
            return []
        ends, course = self.between_runs(MAIN, at_the_end=True), self.between_runs(MAIN, at_the_end=False)
        blocks: list[Block] = [] if section(self.found, "space") else [*self.figures("distances")]
        blocks += [self.titled(one, ends) for one in tables.distances(self.found)]
        blocks += [self.titled(one, ends) for one in tables.factors(self.found)]
        return blocks + [self.titled(one, course) for one in tables.course(similarity["measures"][MAIN])]

    def metrics(self) -> list[Block]:
        """The same by every measure of similarity."""
        similarity = section(self.found, "similarity")
        if not similarity:
            return []
        names = list(similarity["measures"])
        rows = self.rows(
            "all measures of similarity, between runs, at the end", lambda row: self.is_between(row, names)
        )
        blocks: list[Block] = [self.titled(one, rows) for one in tables.tests_of_settings(self.found)]
        for name in names:
            if name != MAIN:
                measure = similarity["measures"][name]
                ends, course = (self.between_runs(name, at_the_end=end) for end in (True, False))
                inside = [self.titled(tables.distance_table(measure, similarity), ends)]
                inside += [self.titled(one, course) for one in tables.course(measure)]
                blocks.append(Folded(measure["title"], inside))
        return blocks

    def told(self) -> list[Block]:
        """Probes at the end and over training, onsets and their order."""
        at_end = self.rows(
            "what probes read at the end",
            lambda row: row["measure"] == MEASURE and row["step"] == self.ends.get(row["run"], row["step"]),
        )
        onsets = self.rows("when columns can first be read", lambda row: row["measure"] in EMERGED)
        blocks: list[Block] = [self.titled(one, at_end) for one in tables.told(self.found, tables.PROBE_TITLES)]
        blocks += self.figures("told")
        blocks += [self.titled(one, onsets) for one in tables.onsets(self.found, tables.PROBE_TITLES)]
        orders = [self.titled(one, onsets) for one in tables.orders_of_onsets(self.found, tables.PROBE_TITLES)]
        return [*blocks, *([Folded("Order of onsets, seed by seed", orders)] if orders else [])]

    def rings(self) -> list[Block]:
        """Topology."""
        rows = self.rows("loops, and the order around them", lambda row: row["measure"] in LOOPS)
        return [self.titled(one, rows) for one in tables.rings(self.found)]

    def units(self) -> list[Block]:
        """Sizes of the latent, where they vary."""
        rows = self.measured("units", "errors and explained variances")
        return [*(self.titled(one, rows) for one in unit_tables(self.found)), *self.figures("units")]

    def embeddings(self) -> list[Block]:
        """Planes of codes."""
        drawn = self.figures("embeddings", "embeddings_over_training")
        if not drawn:
            return []
        text = (
            "These are for the eye only. A projection to the plane can tear a ring, and can show groups where there "
            "are none: everything above is measured on the codes themselves."
        )
        return [Texts([text]), *drawn]

    def training(self) -> list[Block]:
        """How well networks do, and how far they have come."""
        losses = self.rows("losses and metrics of epochs", lambda row: row["measure"] in (*LOSSES, METRIC))
        moved = self.rows("what the second half of training changed", lambda row: row["measure"] in (MOVED, LOSS_FALL))
        blocks: list[Block] = [self.titled(one, losses) for one in tables.quality(self.found)]
        blocks += [self.titled(one, moved) for one in convergence_table(self.found)]
        if matched := section(self.found, "matched"):
            blocks += [self.titled(one, None) for one in tables.distances({"similarity": matched})]
        return blocks

    def sizes(self) -> list[Block]:
        """Dimensions, and how far noise moves codes."""
        names = ("dimension", "robustness")
        rows = self.rows(
            "dimensions, noise and noise floors",
            lambda row: row["measure"].startswith(tuple(start for name in names for start in MEASURES[name].rows)),
        )
        return [self.titled(one, rows) for one in tables.sizes(self.found)]

    def single_measures(self) -> list[Block]:
        """Every mean over seeds and every difference within seeds."""
        blocks: list[Block] = list(self.figures("seeds"))
        for effect in tables.single_measures(self.found):
            what = {key: effect[key] for key in ("measure", "column", "probe") if effect.get(key)}
            rows = self.rows(", ".join(what.values()), functools.partial(_holds, what))
            inside = [self.titled(one, rows) for one in tables.effect_tables(effect)]
            blocks.append(Folded(tables.effect_name(effect), inside))
        return blocks

    def notes(self) -> list[Block]:
        """What was left out, and why."""
        said = tables.notes(self.found)
        return [Listing(said)] if said else []

    def methods(self, text: str) -> list[Block]:
        """`methods.md`, paragraph by paragraph."""
        blocks: list[Block] = []
        for part in text.strip().split("\n\n"):
            if part.startswith("#"):
                blocks += [Heading(part.lstrip("# "))] if part.startswith("##") else []
            elif part.startswith("- "):
                blocks.append(Listing([_unescaped(line.removeprefix("- ")) for line in part.splitlines()]))
            else:
                blocks.append(Texts([_unescaped(part)]))
        return [Folded("Show them", blocks)] if blocks else []

    # ---------------------------------------------------------------------------------------------------------- parts

    def titled(self, titled: Titled, rows: RowsOf | None) -> PageTable:
        """A table of a terminal as one of a page, with where its numbers are."""
        title, (header, body) = titled
        return PageTable(title, header, _named(body), rows)

    def figures(self, *names: str) -> list[PageFigure]:
        """Those of the figures that there are."""
        return [
            PageFigure(name, CAPTIONS[name], self.drawn[name].png, self.drawn[name].svg)
            for name in names
            if name in self.drawn
        ]

    def between_runs(self, measure: str, *, at_the_end: bool) -> RowsOf:
        """Rows of pairs of runs, at the end or at all moments."""
        if at_the_end:
            return self.rows(f"{measure}, between runs, at the end", lambda row: self.is_between(row, (measure,)))
        return self.rows(
            f"{measure}, between runs", lambda row: row["measure"] == measure and row["run"] != row["other_run"]
        )

    def is_between(self, row: Row, measures: Sequence[str]) -> bool:
        """Whether a row is of two runs at the end."""
        return (
            row["measure"] in measures
            and row["run"] != row["other_run"]
            and row["step"] == self.ends.get(row["run"])
            and row["other_step"] == self.ends.get(row["other_run"])
        )

    def measured(self, name: str, what: str) -> RowsOf:
        """All rows of one of `MEASURES`."""
        starts = MEASURES[name].rows
        return self.rows(what, lambda row: row["measure"].startswith(starts))

    def rows(self, what: str, keep: Callable[[Row], bool]) -> RowsOf:
        """Where in the table of numbers some rows are."""
        return rows_of(self.table, self.file, what, keep)


MOST_STRETCHES = 12
"""Of more stretches of rows than this, a link names the whole range that they lie in."""


def rows_of(table: Table, file: str, what: str, keep: Callable[[Row], bool]) -> RowsOf:
    """Where in `measures.csv` the rows are that a table is made of; the header is line 1."""
    lines = [line for line, row in enumerate(table.rows, 2) if keep(row)]
    found: list[tuple[int, int]] = []
    for line in lines:
        if found and found[-1][1] == line - 1:
            found[-1] = found[-1][0], line
        else:
            found.append((line, line))
    if len(found) > MOST_STRETCHES:
        found = [(lines[0], lines[-1])]
    return RowsOf(file, found, len(lines), what)


def _holds(wanted: Row, row: Row) -> bool:
    return wanted.items() <= row.items()


def _named(body: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Rows with their names, which a table gives once for several rows: sorted, each has to have its own."""
    rows, name = list[Sequence[str]](), ""
    for row in body:
        name = row[0] or name
        rows.append([name, *row[1:]])
    return rows


def _unescaped(text: str) -> str:
    """Markdown without the marks that keep characters as they are."""
    return text.replace("\\", "")
