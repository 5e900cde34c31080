"""What a run, or a flag, can name: encoders, objectives, reducers, formats of files. To add one, write its file and its
line here.

Lines hold import paths and not classes, and whatever else has to be known before torch is imported: so the command line
can build its parser, print help and refuse what does not go together at once.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoencoder.flags import Flag, Whole


@dataclass(frozen=True)
class Encoder:
    """An encoder, with the decoder that mirrors it where it is learned.

    Attributes:
        module: defines `Encoder`, `Decoder`, `MIN_SIDE` and `DEFAULT_LATENT_ACTIVATION` (see `models/network.py`), or
            where it is fitted to the training images once, `Encoder`, a `FittedEncoder` (see `models/fitted.py`).
        settings: of its own, by name, which `Encoder` and `Decoder` take as arguments and have defaults for. Each gets
            a flag.
        explains_variance: whether what was fitted holds `explained_variance_ratio`, which is told and drawn then.
        not_exported: why it cannot be exported, in a clause after its name; None where it can.
    """

    module: str
    settings: Mapping[str, Flag] = field(default_factory=dict)
    explains_variance: bool = False
    not_exported: str | None = None


MAX_DEPTH = 12

LEARNED_ENCODERS: dict[str, Encoder] = {
    "strided": Encoder("autoencoder.models.strided"),
    "narrow": Encoder("autoencoder.models.narrow"),
    "conv": Encoder("autoencoder.models.conv"),
    "conv-small": Encoder("autoencoder.models.conv_small"),
    "dense": Encoder("autoencoder.models.dense"),
    "deep": Encoder(
        "autoencoder.models.deep", {"depth": Flag("linear layers of 'deep' (default: 3)", "N", Whole(most=MAX_DEPTH))}
    ),
}
"""Encoders that learn by gradient."""

FITTED_ENCODERS: dict[str, Encoder] = {
    "pca": Encoder("autoencoder.models.pca", explains_variance=True),
    "umap": Encoder(
        "autoencoder.models.umap",
        not_exported="places an image by a search among all training images, which an exported file does not hold",
    ),
}
"""Encoders that are fitted to the training images once."""

DEFAULT_ENCODER = "narrow"

DEFAULT_DECODER = DEFAULT_ENCODER
"""Decoder behind a fitted encoder, which has none that mirrors it."""

ENCODERS: Mapping[str, Encoder] = ChainMap(FITTED_ENCODERS, LEARNED_ENCODERS)
"""Every encoder, the learned ones first."""


@dataclass(frozen=True)
class Objective:
    """What a network can be trained for.

    Attributes:
        module: defines `Objective`; see `objectives/base.py`.
        settings: fields of `ObjectiveConfig` that go with it, beside those that go with every objective.
        defaults: of these, where they are not None.
        has_decoder: whether the head is a decoder, which `--decoder` chooses.
        augmentations: those that its targets allow: they change along with the images, or do not depend on it.
    """

    module: str
    settings: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    has_decoder: bool = False
    augmentations: tuple[str, ...] = ("light",)


_OF_PICTURES = ("flip", "rotate", "shift", "light")
"""Pictures to be made are changed as their images are."""

_OF_LABELS = ("shift", "light")

OBJECTIVES: dict[str, Objective] = {
    "reconstruct": Objective("autoencoder.objectives.reconstruct", ("loss",), {"loss": "mse"}, True, _OF_PICTURES),
    "angle": Objective(
        "autoencoder.objectives.angle",
        ("target", "vector", "shuffle_targets", "shuffle_share"),
        augmentations=_OF_LABELS,
    ),
    "classify": Objective(
        "autoencoder.objectives.classify",
        ("target", "classes", "shuffle_targets", "shuffle_share"),
        augmentations=_OF_LABELS,
    ),
    "mask": Objective(
        "autoencoder.objectives.mask",
        ("shuffle_targets", "shuffle_share"),
        has_decoder=True,
        augmentations=_OF_PICTURES,
    ),
    "regress": Objective(
        "autoencoder.objectives.regress",
        ("target", "target_mean", "target_deviation", "shuffle_targets", "shuffle_share"),
    ),
}


@dataclass(frozen=True)
class Reducer:
    """A projection to the plane.

    Attributes:
        module: defines `Reducer`; see `projections/reducers/base.py`.
        title: what it is called.
        axis: what its axes are called, before their number.
        first_axis: number of the first one.
        own_fits: ways to fit it to all of training that are its alone, of `config.FITS`.
        default_fit: the one that measures best.
        scored_fits: those that `--score all` compares.
        as_it_is: it takes two units as the plane that they are, and fits nothing.
    """

    module: str
    title: str
    axis: str
    first_axis: int = 1
    own_fits: tuple[str, ...] = ()
    default_fit: str = "last"
    scored_fits: tuple[str, ...] = ("last",)
    as_it_is: bool = False


_OF_ANY = ("last", "pooled", "every", "every+procrustes")

REDUCERS: dict[str, Reducer] = {
    "umap": Reducer(
        "autoencoder.projections.reducers.umap",
        "UMAP",
        "UMAP",
        own_fits=("joint", "aligned", "parametric"),
        default_fit="joint",
        scored_fits=("joint", "last", "first", "every", "pooled", "aligned", "every+procrustes", "parametric"),
    ),
    "pca": Reducer("autoencoder.projections.reducers.pca", "PCA", "PC", scored_fits=_OF_ANY),
    "tsne": Reducer("autoencoder.projections.reducers.tsne", "t-SNE", "t-SNE"),
    "none": Reducer(
        "autoencoder.projections.reducers.as_it_is", "latent units", "unit", 0, scored_fits=(), as_it_is=True
    ),
}

DEFAULT_REDUCER = "umap"

AS_IT_IS = "none"
"""The reducer of a latent that is a plane already."""

EVOLUTION_FILES: dict[str, str] = {
    "npz": "autoencoder.workflows.evolution_files.npz",
    "parquet": "autoencoder.workflows.evolution_files.parquet",
    "projector": "autoencoder.workflows.evolution_files.projector",
}
"""Formats of `visualize --export`, to module. The module defines `check` and `write`; see
`workflows/evolution_files/write.py`."""

CODE_FILES: dict[str, str] = {
    ".csv": "autoencoder.workflows.encode.csv_table",
    ".npz": "autoencoder.workflows.encode.npz",
    ".parquet": "autoencoder.workflows.encode.parquet",
    ".nwb": "autoencoder.workflows.encode.nwb",
    ".nc": "autoencoder.workflows.encode.netcdf",
}
"""Formats of `encode --out`, by the suffix of the file, to module. The module defines `HOLDS_PICTURES`, `check` and
`write`; see `workflows/encode/encode.py`."""

NETWORK_FILES: dict[str, str] = {
    "safetensors": "autoencoder.workflows.export.safetensors",
    "onnx": "autoencoder.workflows.export.onnx",
    "pt2": "autoencoder.workflows.export.pt2",
}
"""Formats of `export --format`, which are also the suffixes of the files, to module. It defines `NEEDS`, `check`,
`write` and `loading`; see `workflows/export/export.py`."""
