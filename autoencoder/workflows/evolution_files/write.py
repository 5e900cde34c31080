"""What movies are drawn from, in files for other programs."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoencoder.errors import problems_of, unknown
from autoencoder.machine.progress import Progress
from autoencoder.projections.evolution import Evolution
from autoencoder.registries import EVOLUTION_FILES
from autoencoder.workflows.evolution_files.content import Content


def evolution_file_problems(formats: Sequence[str], layer: str) -> list[str]:
    """What stands in the way of `write_evolution`, in words for the user; before anything is computed."""
    problems = unknown("export format", formats, EVOLUTION_FILES)
    if formats and layer != "latent":
        problems.append(f"--export writes the codes of --layer latent, not of '{layer}': leave one of them out")
    for name in set(formats) & EVOLUTION_FILES.keys():
        problems += problems_of(_format(name).check)
    return problems


def write_evolution(evolution: Evolution, formats: Sequence[str], out: Path, *, quiet: bool = True) -> list[Path]:
    """Write embeddings, codes and metadata of a run's snapshots.

    Args:
        evolution: of the run's latent, from `autoencoder.projections.evolution.embed_track`.
        formats: names in `registries.EVOLUTION_FILES`; what each writes, `write` in its module says.
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
            content = Content.of(evolution, progress.advance)
            made.append(_format(name).write(content, out / "export"))
    return made


def _format(name: str) -> Any:
    """The module of a format; it defines `check`, which refuses what is missing, and `write(content, out)`."""
    return importlib.import_module(EVOLUTION_FILES[name])
