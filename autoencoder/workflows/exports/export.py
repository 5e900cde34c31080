"""What movies are drawn from, in files for other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from autoencoder.config import EXPORTS
from autoencoder.errors import problems_of, unknown
from autoencoder.machine.progress import Progress
from autoencoder.projections.evolution import Evolution
from autoencoder.runs.folder import Run
from autoencoder.workflows.exports.content import Content
from autoencoder.workflows.exports.npz import write_npz
from autoencoder.workflows.exports.parquet import require_pyarrow, write_parquet
from autoencoder.workflows.exports.projector import write_projector

WRITERS: dict[str, Callable[[Content, Path], Path]] = {
    "npz": write_npz,
    "parquet": write_parquet,
    "projector": write_projector,
}


def export_problems(formats: Sequence[str], layer: str) -> list[str]:
    """What stands in the way of `export`, in words for the user; before anything is computed."""
    problems = unknown("format of an export", formats, EXPORTS)
    if formats and layer != "latent":
        problems.append(f"--export writes the codes of --layer latent, not of '{layer}': leave one of them out")
    if "parquet" in formats:
        problems += problems_of(require_pyarrow)
    return problems


def export(
    evolution: Evolution, run: str | Path, formats: Sequence[str], out: Path, *, quiet: bool = True
) -> list[Path]:
    """Write embeddings, codes and metadata of a run's snapshots.

    Args:
        evolution: of the run's latent, from `autoencoder.projections.evolution.embed_track`.
        run: the run's folder.
        formats: of `config.EXPORTS`; see `write_npz`, `write_parquet`, `write_projector` in `workflows.exports`.
        out: folder; all goes to the folder `export` in it.
        quiet: show no progress.

    Returns:
        `evolution.npz`, `evolution.parquet`, and the folder `projector`, of those that were asked for.

    Raises:
        UserError: a package is missing, a snapshot is missing or damaged, or a file cannot be written.
    """
    made = []
    for name in dict.fromkeys(formats):
        with Progress(f"Exporting to {name}", len(evolution.steps), "snapshots", quiet=quiet) as progress:
            content = Content.of(Run(run), evolution, progress.advance)
            made.append(WRITERS[name](content, out / "export"))
    return made
