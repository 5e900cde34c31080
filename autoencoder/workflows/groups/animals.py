"""`compare --by`: two conditions of animals, from the folders of runs to the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autoencoder.config.arguments import AnyPath, names_of, path_of
from autoencoder.config.movies import AS_PNG_AND_SVG, FigureOptions
from autoencoder.errors import UserError
from autoencoder.evaluation.outside_codes import expand
from autoencoder.machine.files import check_writable
from autoencoder.machine.progress import SILENT, Say
from autoencoder.plots.figures import Found
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import RunLikes, Shelf, open_run, several_runs, table_notes
from autoencoder.runs.trained import Trained
from autoencoder.study.groups.summaries import CLUSTERS, MOST_FRAMES
from autoencoder.study.wording import capitalized
from autoencoder.workflows.groups.compare import GroupComparison, measure_groups, open_groups
from autoencoder.workflows.groups.report import summary, write_groups
from autoencoder.workflows.groups.words import least_p_text


class AnimalsCompared(GroupComparison):
    """What `compare_groups` found."""

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer in sentences, all effects, and the figure."""
        return summary(self).html()


def compare_groups(
    runs: RunLikes,
    by: str,
    unit: str,
    *,
    conditions: Sequence[str] = (),
    strata: Sequence[str] = (),
    same_as: Sequence[str] = (),
    frames: int = MOST_FRAMES,
    clusters: int = CLUSTERS,
    checkpoint: str = "last",
    metadata: AnyPath | None = None,
    columns: Sequence[str] | None = None,
    column_kinds: Sequence[str] | None = None,
    figures: FigureOptions = AS_PNG_AND_SVG,
    out: str | Path = "compare",
    device: str = "auto",
    quiet: bool = True,
    say: Say = SILENT,
) -> Found[AnimalsCompared]:
    """Compare two conditions of animals by the codes of several networks, none of which was told the condition.

    Args:
        runs: three seeds or more of one kind: folders, what `open_run` gave, or a `.csv` that lists such.
        by: column of the condition, the same all through an animal or recording.
        unit: column of the animal: animals are the samples, not images.
        conditions: the two values of `by` that are compared, where it has more.
        strata: columns; labels are exchanged between animals of one sex, batch, ... only.
        same_as: columns that say the condition in other words, such as its dose.
        frames: images of each animal, at most.
        clusters: of the codes, for how much of its time each animal spends in them.
        checkpoint: `last`, `best`, or the number of an epoch.
        metadata, columns, column_kinds: other metadata than that of the runs; see `open_run`.
        figures: formats and resolution of the figure.
        out: folder.
        device: `auto`, `cpu`, `cuda` or `mps`.
        quiet: show no progress.
        say: is told, before anything is encoded, how small p can be.

    Returns:
        what was found, and the files: `groups.html`, `groups.md`, `groups.csv` (a row for each summary),
        `groups-animals.csv` (a row for each animal in either condition), `groups.json`, and the figure `groups`.

    Raises:
        UserError: runs differ in kind, data or split, are fewer than three seeds, or were told the condition; there are
            other than two conditions, or too few animals; an animal was not trained on; a file of codes is among the
            runs; or `out` cannot be written to.
    """
    shelf, asked = Shelf(), several_runs(runs)
    listed = expand([path_of(run, "a run") for run in asked if not isinstance(run, Run | Trained)])
    codes = [str(entry.path) for entry in listed if entry.is_codes]
    if codes:
        raise UserError(f"animals are compared using runs, and {', '.join(codes)} is a file of codes: leave it out")
    opened = [open_run(run) for run in asked if isinstance(run, Run | Trained)]
    opened += [
        open_run(entry.path, shelf=shelf, metadata=metadata, columns=columns, column_kinds=column_kinds)
        for entry in listed
    ]
    groups = open_groups(
        opened,
        by=by,
        unit=unit,
        strata=names_of(strata),
        conditions=names_of(conditions),
        same_as=names_of(same_as),
        frames=frames,
        clusters=clusters,
        checkpoint=checkpoint,
    )
    out = Path(out)
    check_writable(out)
    say(f"{capitalized(least_p_text(groups.groups, groups.relabelled))}.")
    for note in table_notes(opened):
        say(f"note: {note}")
    found = AnimalsCompared(**vars(measure_groups(groups, device=device, quiet=quiet)))
    return Found(found, write_groups(found, out, figures))
