"""What a run is, and what its settings can be: the names below may be imported from here."""

from __future__ import annotations

from autoencoder.config.choices import (
    ALL_FITS,
    ALL_SAMPLES,
    AUTO_SAMPLES,
    BACKENDS,
    DEVICES,
    FITS,
    GROUP_SPLIT,
    LATENT_ACTIVATIONS,
    LAYERS,
    LOGGING_MODES,
    MAX_LATENT_DIM,
    MAX_NOISE,
    MAX_SEED,
    MAX_THREADS,
    MIN_NOISE,
    NOISES,
    NORMS,
    PIXEL_VALUES,
    RECONSTRUCTION_LOSSES,
    SCHEDULES,
    SPACINGS,
    SPARSE_ACTIVATIONS,
    SPARSITIES,
    SPLITS,
    STILL_LAYERS,
    STILLS,
)
from autoencoder.config.data import DataConfig, pixel_value_problems
from autoencoder.config.model import ModelConfig, own_settings
from autoencoder.config.movies import MovieOptions
from autoencoder.config.objective import NoiseConfig, ObjectiveConfig
from autoencoder.config.run import RunConfig, differing_settings
from autoencoder.config.training import WRITERS, TrainingConfig

__all__ = [
    "ALL_FITS",
    "ALL_SAMPLES",
    "AUTO_SAMPLES",
    "BACKENDS",
    "DEVICES",
    "FITS",
    "GROUP_SPLIT",
    "LATENT_ACTIVATIONS",
    "LAYERS",
    "LOGGING_MODES",
    "MAX_LATENT_DIM",
    "MAX_NOISE",
    "MAX_SEED",
    "MAX_THREADS",
    "MIN_NOISE",
    "NOISES",
    "NORMS",
    "PIXEL_VALUES",
    "RECONSTRUCTION_LOSSES",
    "SCHEDULES",
    "SPACINGS",
    "SPARSE_ACTIVATIONS",
    "SPARSITIES",
    "SPLITS",
    "STILLS",
    "STILL_LAYERS",
    "WRITERS",
    "DataConfig",
    "ModelConfig",
    "MovieOptions",
    "NoiseConfig",
    "ObjectiveConfig",
    "RunConfig",
    "TrainingConfig",
    "differing_settings",
    "own_settings",
    "pixel_value_problems",
]
