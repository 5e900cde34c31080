"""How does the objective of learning change what a network represents?

The names below are the Python API. They are imported when they are first used, so that `import autoencoder`, and with
it `autoencoder --help`, does not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from autoencoder.machine.caches import settle_caches
from autoencoder.version import __version__

settle_caches()

_API = {
    "DataConfig": "autoencoder.config",
    "ModelConfig": "autoencoder.config",
    "NoiseConfig": "autoencoder.config",
    "ObjectiveConfig": "autoencoder.config",
    "TrainingConfig": "autoencoder.config",
    "MovieOptions": "autoencoder.config",
    "RunConfig": "autoencoder.config",
    "UserError": "autoencoder.errors",
    "ImageSet": "autoencoder.data.images",
    "load_images": "autoencoder.data.images",
    "make_arena": "autoencoder.data.sources.arena",
    "Trained": "autoencoder.runs.trained",
    "load_run": "autoencoder.runs.opened",
    "open_run": "autoencoder.runs.opened",
    "train": "autoencoder.training.start",
    "evaluate": "autoencoder.evaluation.evaluate",
    "compare": "autoencoder.evaluation.compare",
    "measure_study": "autoencoder.workflows.study.study",
    "open_study": "autoencoder.workflows.study.results",
    "explore": "autoencoder.workflows.explore.explore",
    "export": "autoencoder.workflows.export.export",
    "load_exported": "autoencoder.workflows.export.safetensors",
    "look": "autoencoder.workflows.stills.look",
    "resume": "autoencoder.training.start",
    "traverse": "autoencoder.workflows.traversals.traverse",
    "visualize": "autoencoder.workflows.movies.visualize",
}

__all__ = ["__version__", *_API]

if TYPE_CHECKING:
    from autoencoder.config import DataConfig as DataConfig
    from autoencoder.config import ModelConfig as ModelConfig
    from autoencoder.config import MovieOptions as MovieOptions
    from autoencoder.config import NoiseConfig as NoiseConfig
    from autoencoder.config import ObjectiveConfig as ObjectiveConfig
    from autoencoder.config import RunConfig as RunConfig
    from autoencoder.config import TrainingConfig as TrainingConfig
    from autoencoder.data.images import ImageSet as ImageSet
    from autoencoder.data.images import load_images as load_images
    from autoencoder.data.sources.arena import make_arena as make_arena
    from autoencoder.errors import UserError as UserError
    from autoencoder.evaluation.compare import compare as compare
    from autoencoder.evaluation.evaluate import evaluate as evaluate
    from autoencoder.runs.opened import load_run as load_run
    from autoencoder.runs.opened import open_run as open_run
    from autoencoder.runs.trained import Trained as Trained
    from autoencoder.training.start import resume as resume
    from autoencoder.training.start import train as train
    from autoencoder.workflows.explore.explore import explore as explore
    from autoencoder.workflows.export.export import export as export
    from autoencoder.workflows.export.safetensors import load_exported as load_exported
    from autoencoder.workflows.movies.visualize import visualize as visualize
    from autoencoder.workflows.stills.look import look as look
    from autoencoder.workflows.study.results import open_study as open_study
    from autoencoder.workflows.study.study import measure_study as measure_study
    from autoencoder.workflows.traversals.traverse import traverse as traverse


def __getattr__(name: str) -> Any:
    if name in _API:
        return getattr(importlib.import_module(_API[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
