"""Score the ways to project a run's training: one table of them all on the same snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoencoder.config import FITS
from autoencoder.config.arguments import names_of
from autoencoder.config.movies import AS_PNG, FigureOptions
from autoencoder.display.summary import Summary
from autoencoder.errors import UserError, did_you_mean, listed
from autoencoder.machine.files import check_writable, write_csv, write_json
from autoencoder.machine.progress import Progress
from autoencoder.plots.figures import Files, save_figures
from autoencoder.plots.scores import ScoredMethod, scores_figure
from autoencoder.projections.evolution import Track, embed_track, track_run
from autoencoder.projections.fits import fit_problems
from autoencoder.projections.scores import Scores, finite_mean
from autoencoder.registries import REDUCERS
from autoencoder.runs.opened import RunLike, open_run

ALL_METHODS = "all"
"""Stands for the fits that each reducer's line names; t-SNE, which takes longest, has one only."""

HEADER = (
    "method",
    "Spearman",
    "Pearson",
    "stress",
    "neighbours kept",
    "trustworthiness",
    "continuity",
    "projection's own motion",
    "seconds",
)
LEGEND = (
    "Spearman, Pearson: movement on the plane against movement of the codes (1 is best); stress: the same, 0 is best. "
    "Neighbours kept, trustworthiness, continuity: means over frames (1 is best). The projection's own motion: what "
    "moves when a snapshot is projected twice, as a share of what moves between snapshots."
)


@dataclass(frozen=True)
class ScoreTable:
    """What `score_methods` found.

    Attributes:
        title: what was scored.
        rows: cells of the table under `HEADER`, in the order of the methods.
        notes: methods that could not be used, and why.
        files: what was written.
    """

    title: str
    rows: list[list[str]]
    notes: list[str]
    files: Files

    def _repr_html_(self) -> str:
        """What a notebook shows: the table."""
        return Summary(self.title, header=HEADER, rows=self.rows, notes=[LEGEND, *self.notes]).html()


def score_methods(
    run: RunLike,
    wanted: Sequence[str] = (ALL_METHODS,),
    *,
    layer: str = "latent",
    stop_index: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    figures: FigureOptions = AS_PNG,
    device: str = "auto",
    quiet: bool = True,
) -> ScoreTable:
    """Project a run's snapshots by several methods, and score how stable and how faithful each is.

    Args:
        run: a run folder, finished or in training, or what `open_run` gave.
        wanted: `all`, or methods called REDUCER-FIT such as `umap-joint`.
        layer: `latent`, or `fc2`, the decoder's first layer.
        stop_index: use only so many snapshots, from the first one.
        seed: of what is drawn at random; None for the run's.
        out: folder; None for `RUN/visualize/scores[-LAYER]`.
        figures: formats and resolution of the figure.
        device: where `fc2` is computed.
        quiet: show no progress.

    Returns:
        the table; `scores.json` (with the scores of every frame), `scores.csv` and the figure `scores` were written.

    Raises:
        UserError: the run has no snapshots, or a file of it is damaged; a method is not known, or none could be used;
            `out` cannot be written to.
    """
    chosen = _chosen(names_of(wanted))
    opened = open_run(run)
    name = "scores" if layer == "latent" else f"scores-{layer}"
    out = opened.output_folder("visualize", name) if out is None else Path(out)
    check_writable(out)
    track = track_run(opened, layer=layer, stop_index=stop_index, seed=seed, device=device)
    found: list[Scores] = []
    notes: list[str] = []
    with Progress("Scoring", len(chosen), "methods", quiet=quiet) as progress:
        for reducer, fit in chosen:
            try:
                found.append(embed_track(track, reducer, fit).score())
            except UserError as error:
                notes.append(f"{method_name(reducer, fit)} is left out: {error}")
            progress.advance()
    if not found:
        raise UserError(notes)
    return ScoreTable(
        f"{len(track.steps)} snapshots of {track.series.shape[0]:,} images, layer {layer}",
        [cells(scores) for scores in found],
        list(dict.fromkeys(notes)),
        _write(track, found, notes, out, figures),
    )


def _chosen(wanted: Sequence[str]) -> list[tuple[str, str]]:
    known = {
        f"{reducer}-{fit}": (reducer, fit)
        for reducer, entry in REDUCERS.items()
        for fit in FITS
        if not entry.as_it_is and not fit_problems(reducer, fit)
    }
    everything = [(reducer, fit) for reducer, entry in REDUCERS.items() for fit in entry.scored_fits]
    strange = [name for name in wanted if name != ALL_METHODS and name not in known]
    if strange:
        # A fit alone, such as `joint`, is the most frequent slip: its first method is what was probably meant.
        meant = {fit: name for name, (_, fit) in reversed(known.items())}
        guesses = [
            f" (did you mean '{meant[name]}'?)" if name in meant else did_you_mean(name, known) for name in strange
        ]
        choices = "" if all(guesses) else f": choose from {', '.join((ALL_METHODS, *known))}"
        said = listed([f"'{name}'{guess}" for name, guess in zip(strange, guesses, strict=True)], "or")
        raise UserError(f"--score: there is no method {said}{choices}")
    found = [method for name in wanted for method in (everything if name == ALL_METHODS else [known[name]])]
    return list(dict.fromkeys(found))


def method_name(reducer: str, fit: str) -> str:
    """Such as "UMAP joint"."""
    return f"{REDUCERS[reducer].title} {fit}"


def cells(scores: Scores) -> list[str]:
    """A row under `HEADER`."""
    stable, found = scores.stability, scores.faithfulness
    return [
        method_name(scores.reducer, scores.fit),
        *(_digits(value, 2) for value in (stable.spearman, stable.pearson, stable.stress)),
        *(_digits(finite_mean(x), 3) for x in (found.preservation, found.trustworthiness, found.continuity)),
        _percent(finite_mean(scores.null.share)),
        f"{scores.seconds:.1f}",
    ]


def brief(scores: Scores) -> str:
    """The scores of one embedding in one line."""
    stable, found = scores.stability, scores.faithfulness
    return (
        f"{method_name(scores.reducer, scores.fit)}: stability {_digits(stable.spearman, 2)} (Spearman; Pearson "
        f"{_digits(stable.pearson, 2)}, stress {_digits(stable.stress, 2)}); neighbours kept "
        f"{_digits(finite_mean(found.preservation), 3)} of {found.k}, trustworthiness "
        f"{_digits(finite_mean(found.trustworthiness), 3)}, continuity {_digits(finite_mean(found.continuity), 3)}; "
        f"the projection's own motion {_percent(finite_mean(scores.null.share))}; {scores.seconds:.1f} s"
    )


def _digits(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _write(track: Track, found: Sequence[Scores], notes: Sequence[str], out: Path, figures: FigureOptions) -> Files:
    steps, epochs = track.steps.tolist(), track.epochs.tolist()
    write_json(
        out / "scores.json",
        {"steps": steps, "epochs": epochs, "methods": [s.numbers() for s in found], "left_out": list(notes)},
    )
    rows = [_csv_row(scores) for scores in found]
    write_csv(out / "scores.csv", rows, list(rows[0]))
    figure = scores_figure(
        track.epochs,
        [ScoredMethod(method_name(s.reducer, s.fit), s.stability.spearman, s.faithfulness.preservation) for s in found],
    )
    return Files([out / "scores.json", out / "scores.csv"]) + save_figures(figure, out / "scores", figures)


def _csv_row(scores: Scores) -> dict[str, Any]:
    numbers = scores.numbers()
    return {
        "reducer": scores.reducer,
        "fit": scores.fit,
        **numbers["stability"],
        **numbers["mean"],
        "null_share": numbers["null"]["mean_share"],
        "seconds": numbers["seconds"],
    }
