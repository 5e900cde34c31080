"""What every format is made of: an evolution, and the codes that it was projected from, one moment at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.errors import UserError
from autoencoder.projections.evolution import Evolution
from autoencoder.runs.snapshots import Snapshot, list_snapshots


@dataclass(frozen=True, eq=False)
class Content:
    """An evolution with its snapshots.

    Attributes:
        evolution: embeddings of T moments.
        snapshots: the same T moments.
        width: units of the codes.
        advance: called with 1 after each moment that a format has taken.
    """

    evolution: Evolution
    snapshots: list[Snapshot]
    width: int
    advance: Callable[[int], None]

    @staticmethod
    def of(evolution: Evolution, advance: Callable[[int], None]) -> Content:
        """Find the snapshots of `evolution`.

        Raises:
            UserError: it is of another layer, or a snapshot has gone since.
        """
        if evolution.layer != "latent":
            raise UserError(f"codes are exported, but the layer is '{evolution.layer}': use --layer latent")
        run = evolution.track.run
        by_step = {snapshot.step: snapshot for snapshot in list_snapshots(run)}
        missing = [step for step in evolution.steps.tolist() if step not in by_step]
        if missing:
            raise UserError(f"{run.path} no longer has a snapshot at step {', '.join(map(str, missing))}")
        snapshots = [by_step[step] for step in evolution.steps.tolist()]
        return Content(evolution, snapshots, snapshots[-1].load().shape[1], advance)

    @property
    def columns(self) -> dict[str, NDArray[np.generic]]:
        """What is known of the images, by name: (n,) each, in the order of `evolution.rows`."""
        return self.evolution.images.metadata.take(self.evolution.rows).columns

    def latents(self) -> Iterator[NDArray[np.float32]]:
        """Codes (n, d) of each moment, read one after the other.

        Raises:
            UserError: a snapshot is damaged, or of another shape.
        """
        for snapshot in self.snapshots:
            codes = snapshot.load()
            if codes.shape != (len(self.evolution.rows), self.width):
                raise UserError(
                    f"the snapshot {snapshot.path} has shape {codes.shape}, and others "
                    f"{(len(self.evolution.rows), self.width)}"
                )
            yield np.ascontiguousarray(codes, np.float32)
            self.advance(1)
