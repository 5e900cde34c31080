"""Names that settings can have, and bounds of their values."""

from __future__ import annotations

from typing import Literal, get_args

NoiseKind = Literal["none", "gaussian", "salt-pepper", "masking", "poisson"]
NOISES: tuple[str, ...] = get_args(NoiseKind)
MIN_NOISE, MAX_NOISE = 1e-9, 1e9
"""Amounts of noise; photons that are fewer vanish in 32 bits, and the image with them."""

AUGMENTATIONS = ("flip", "rotate", "shift", "light")
"""Ways to change training images; see `autoencoder.data.changes.augmentation`."""

ReconstructionLoss = Literal["mse", "rmse", "bce"]
RECONSTRUCTION_LOSSES: tuple[str, ...] = get_args(ReconstructionLoss)

Norm = Literal["batch", "layer", "local-response", "none"]
NORMS: tuple[str, ...] = get_args(Norm)

Activation = Literal["relu", "linear", "sigmoid", "tanh"]
LATENT_ACTIVATIONS: tuple[str, ...] = get_args(Activation)

Sparsity = Literal["none", "log", "kl"]
SPARSITIES: tuple[str, ...] = get_args(Sparsity)
SPARSE_ACTIVATIONS = {"log": ("sigmoid", "relu"), "kl": ("sigmoid",)}
"""Latent activations that a sparsity penalty can work on: those that are never negative; shares need the sigmoid."""

Schedule = Literal["constant", "step", "cosine", "onecycle"]
SCHEDULES: tuple[str, ...] = get_args(Schedule)
Optimizer = Literal["adam", "muon"]

Device = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: tuple[str, ...] = get_args(Device)

Engine = Literal["auto", "graph", "eager"]
"""How updates are executed: captured once as CUDA graphs, or one operation after the other."""

Spacing = Literal["even", "log"]
SPACINGS: tuple[str, ...] = get_args(Spacing)
"""Where snapshots lie in training: evenly in each epoch, or at steps that grow by a constant factor."""

LoggingMode = Literal["online", "offline"]
LOGGING_MODES: tuple[str, ...] = get_args(LoggingMode)

MAX_LATENT_DIM = 2**16
MAX_THREADS = 2**12
MAX_SEED = 2**64 - 1
PIXEL_VALUES = (1e-30, 1e30)
"""What pixels can be divided by so that 32-bit floats hold the result."""

PIXEL_TYPES = ("uint8", "uint16", "float32")
"""Types of the images that an exported network takes."""

NETWORK_PARTS = ("encoder", "decoder", "both")
"""What of a network is exported; the decoder is whatever stands behind the latent."""

COLUMN_KINDS = ("angle", "degrees", "radians", "quantity", "category")
"""What a column can be said to be. An `angle` has the unit that its name says, or else the one that its values fit."""

ALL_SAMPLES = "all"
AUTO_SAMPLES = "auto"
PROBE_SAMPLES = "probes"
SAMPLES = (AUTO_SAMPLES, ALL_SAMPLES, PROBE_SAMPLES)
"""Images in snapshots, where it is no number: an eighth, all, or what the measures of a study need."""

AUTO_SPLIT, RANDOM_SPLIT, BLOCK_SPLIT = "auto", "random", "blocks"
SPLITS = (AUTO_SPLIT, RANDOM_SPLIT, BLOCK_SPLIT)
GROUP_SPLIT = "group"
"""Behind it stands the column whose whole values are held out, `group:animal`."""

FITS = ("joint", "last", "first", "every", "pooled", "aligned", "every+procrustes", "parametric")
"""Ways to fit a projection to training, beside the path of any snapshot, to which it is then fitted."""
ALL_FITS = "all-fits"
"""Stands for `last`, `first` and `every`, as in the work that this project carries on."""

LAYERS = ("latent", "fc2")
STILL_LAYERS = (*LAYERS, "pixels")
"""Layers of one snapshot; a movie of pixels would stand still."""
STILLS = ("scatter", "units", "generated", "clusters")
"""What `visualize --snapshot` shows."""

BACKENDS = ("loky", "dask")
"""Where a study sends its work with joblib: to processes of this machine, or to a Dask cluster."""

REFERENCE = "reference"
"""The preset of a study that is the reference table."""

STUDIED = (
    "similarity",
    "space",
    "probes",
    "topology",
    "dimension",
    "robustness",
    "quality",
    "convergence",
    "units",
    "embeddings",
)
"""What a study measures."""

MATCHES = ("loss", "steps")
"""What runs of a study can be compared at, beside the end of training."""
