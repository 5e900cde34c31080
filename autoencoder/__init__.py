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
    "FigureOptions": "autoencoder.config.movies",
    "UserError": "autoencoder.errors",
    "Interrupted": "autoencoder.machine.stopping",
    "ImageSet": "autoencoder.data.images",
    "load_images": "autoencoder.data.images",
    "VideoOptions": "autoencoder.data.sources.video.options",
    "make_arena": "autoencoder.data.sources.arena",
    "DataSet": "autoencoder.workflows.prepare",
    "prepare_arena": "autoencoder.workflows.prepare",
    "prepare_video": "autoencoder.workflows.prepare",
    "prepare_experiment": "autoencoder.workflows.prepare",
    "prepare_idx": "autoencoder.workflows.prepare",
    "prepare_images": "autoencoder.workflows.prepare",
    "join": "autoencoder.workflows.join",
    "run_config": "autoencoder.workflows.settings",
    "Trained": "autoencoder.runs.trained",
    "load_run": "autoencoder.runs.opened",
    "open_run": "autoencoder.runs.opened",
    "describe": "autoencoder.runs.describe",
    "train": "autoencoder.training.start",
    "resume": "autoencoder.training.start",
    "evaluate": "autoencoder.evaluation.evaluate",
    "test": "autoencoder.workflows.testing",
    "encode": "autoencoder.workflows.encode.encode",
    "visualize": "autoencoder.workflows.movies.visualize",
    "score_methods": "autoencoder.workflows.movies.score",
    "look": "autoencoder.workflows.stills.look",
    "traverse": "autoencoder.workflows.traversals.traverse",
    "explore": "autoencoder.workflows.explore.explore",
    "ClipOptions": "autoencoder.workflows.clips.clips",
    "clips": "autoencoder.workflows.clips.clips",
    "compare": "autoencoder.evaluation.compare",
    "compare_runs": "autoencoder.workflows.compare.runs",
    "compare_reference": "autoencoder.workflows.compare.runs",
    "compare_groups": "autoencoder.workflows.groups.animals",
    "run_study": "autoencoder.workflows.study.plan",
    "plan_study": "autoencoder.workflows.study.plan",
    "train_shard": "autoencoder.workflows.study.plan",
    "compare_study": "autoencoder.workflows.study.plan",
    "measure_study": "autoencoder.workflows.study.study",
    "open_study": "autoencoder.workflows.study.results",
    "leave_one_out": "autoencoder.workflows.folds.study",
    "plan_folds": "autoencoder.workflows.folds.study",
    "score_folds": "autoencoder.workflows.folds.study",
    "demo": "autoencoder.workflows.demo",
    "export": "autoencoder.workflows.export.export",
    "load_exported": "autoencoder.workflows.export.safetensors",
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
    from autoencoder.config.movies import FigureOptions as FigureOptions
    from autoencoder.data.images import ImageSet as ImageSet
    from autoencoder.data.images import load_images as load_images
    from autoencoder.data.sources.arena import make_arena as make_arena
    from autoencoder.data.sources.video.options import VideoOptions as VideoOptions
    from autoencoder.errors import UserError as UserError
    from autoencoder.evaluation.compare import compare as compare
    from autoencoder.evaluation.evaluate import evaluate as evaluate
    from autoencoder.machine.stopping import Interrupted as Interrupted
    from autoencoder.runs.describe import describe as describe
    from autoencoder.runs.opened import load_run as load_run
    from autoencoder.runs.opened import open_run as open_run
    from autoencoder.runs.trained import Trained as Trained
    from autoencoder.training.start import resume as resume
    from autoencoder.training.start import train as train
    from autoencoder.workflows.clips.clips import ClipOptions as ClipOptions
    from autoencoder.workflows.clips.clips import clips as clips
    from autoencoder.workflows.compare.runs import compare_reference as compare_reference
    from autoencoder.workflows.compare.runs import compare_runs as compare_runs
    from autoencoder.workflows.demo import demo as demo
    from autoencoder.workflows.encode.encode import encode as encode
    from autoencoder.workflows.explore.explore import explore as explore
    from autoencoder.workflows.export.export import export as export
    from autoencoder.workflows.export.safetensors import load_exported as load_exported
    from autoencoder.workflows.folds.study import leave_one_out as leave_one_out
    from autoencoder.workflows.folds.study import plan_folds as plan_folds
    from autoencoder.workflows.folds.study import score_folds as score_folds
    from autoencoder.workflows.groups.animals import compare_groups as compare_groups
    from autoencoder.workflows.join import join as join
    from autoencoder.workflows.movies.score import score_methods as score_methods
    from autoencoder.workflows.movies.visualize import visualize as visualize
    from autoencoder.workflows.prepare import DataSet as DataSet
    from autoencoder.workflows.prepare import prepare_arena as prepare_arena
    from autoencoder.workflows.prepare import prepare_experiment as prepare_experiment
    from autoencoder.workflows.prepare import prepare_idx as prepare_idx
    from autoencoder.workflows.prepare import prepare_images as prepare_images
    from autoencoder.workflows.prepare import prepare_video as prepare_video
    from autoencoder.workflows.settings import run_config as run_config
    from autoencoder.workflows.stills.look import look as look
    from autoencoder.workflows.study.plan import compare_study as compare_study
    from autoencoder.workflows.study.plan import plan_study as plan_study
    from autoencoder.workflows.study.plan import run_study as run_study
    from autoencoder.workflows.study.plan import train_shard as train_shard
    from autoencoder.workflows.study.results import open_study as open_study
    from autoencoder.workflows.study.study import measure_study as measure_study
    from autoencoder.workflows.testing import test as test
    from autoencoder.workflows.traversals.traverse import traverse as traverse


def __getattr__(name: str) -> Any:
    if name in _API:
        return getattr(importlib.import_module(_API[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
