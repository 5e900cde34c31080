"""What all stills of one snapshot share, and what is written of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Rows
from autoencoder.config import RunConfig
from autoencoder.config.movies import FigureOptions
from autoencoder.data.images import ImageSet
from autoencoder.latent.layers import describe_moment
from autoencoder.machine.files import write_arrays, write_json
from autoencoder.machine.progress import Say
from autoencoder.objectives.base import make_objective
from autoencoder.plots.figures import Files, save_figures
from autoencoder.runs.opened import OpenedRun
from autoencoder.runs.snapshots import Snapshot
from autoencoder.runs.trained import Trained
from autoencoder.workflows.stills.labels import Labels


@dataclass(frozen=True, eq=False, kw_only=True)
class Still:
    """What all layers of one snapshot share.

    Attributes:
        run: the run.
        moment: the snapshot; rows (n,) of the images, and their codes (n, latent_dim).
        scattered: (m,) places in `rows` of the images that a scatter plot shows.
        trained: the network at that step, and the name of its checkpoint; None where there is none or none is needed.
        reducer, colored, n_examples: of scatter plots.
        n_clusters: None for as many as there are classes.
        labels: what clusters are compared with.
        seed: of every draw.
        quiet, say: see `look`.
    """

    run: OpenedRun
    moment: Snapshot
    rows: Rows
    codes: FloatArray
    scattered: Rows
    trained: Trained | None
    checkpoint: str | None
    reducer: str
    colored: Sequence[str]
    n_examples: int
    n_clusters: int | None
    labels: Labels | None
    seed: int
    quiet: bool
    say: Say

    @property
    def config(self) -> RunConfig:
        """What the run is."""
        return self.run.config()

    @property
    def images(self) -> ImageSet:
        """Its data."""
        return self.run.images

    @property
    def header(self) -> str:
        """Which moment of what."""
        return describe_moment(self.config, self.moment)

    def name_of(self, layer: str) -> str:
        """A layer in words."""
        if layer == "fc2":
            return f"{'decoder' if self.decoder is not None else 'head'}'s first layer"
        return {"latent": "latent space"}.get(layer, layer)

    @property
    def decodes_to(self) -> str:
        """What the head makes of a code."""
        pictures = make_objective(self.config.objective).pictures
        return "images" if pictures is None else pictures.several

    @property
    def decoder(self) -> Trained | None:
        """The network, where its head makes pictures."""
        return self.trained if self.trained is not None and self.trained.objective.makes_pictures else None


@dataclass(frozen=True, eq=False)
class Computed:
    """What is to be written of one layer: figures by the name of their file, arrays of the embedding, numbers."""

    figures: dict[str, Figure]
    arrays: dict[str, NDArray[Any]]
    numbers: dict[str, Any]

    def write(self, out: Path, options: FigureOptions) -> Files:
        """Write all into the folder `out`, figures as `options` say; returns the files."""
        made = Files()
        if self.arrays:
            write_arrays(out / "embedding.npz", self.arrays)
            made.append(out / "embedding.npz")
        for name, figure in self.figures.items():
            made += save_figures(figure, out / name, options)
        write_json(out / "codes.json", self.numbers)
        made.append(out / "codes.json")
        return made
