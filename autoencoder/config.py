"""What a run is: dataclasses that are checked when they are made and that go to JSON and back unchanged.

Nothing here imports torch, so the command line can build its parser, print help and refuse a bad option at once.
"""

from __future__ import annotations

import dataclasses
import math
import os
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from autoencoder.errors import UserError, raise_if_any
from autoencoder.registries import ENCODERS, FITTED_ENCODERS, LEARNED_ENCODERS, OBJECTIVES

FORMAT_VERSION = 1
"""Version of the run folder's layout; raised when an older reader could not make sense of a newer run."""

SINCE_FORMAT_1 = ("comet", "wandb", "experiment_name")
"""Settings of training that came after format 1: written only where they are set, so that every other run is still one
that an older version reads."""

SPLITS = ("random", "blocks")
NOISES = ("none", "gaussian", "salt-pepper", "masking", "poisson")
RECONSTRUCTION_LOSSES = ("mse", "rmse", "bce")
NORMS = ("batch", "layer", "local-response", "none")
LATENT_ACTIVATIONS = ("relu", "linear", "sigmoid", "tanh")
SPARSITIES = ("none", "log", "kl")
SPARSE_ACTIVATIONS = {"log": ("sigmoid", "relu"), "kl": ("sigmoid",)}
"""Latent activations that a sparsity penalty can work on: those that are never negative; shares need the sigmoid."""
MAX_DEPTH = 12
MAX_COUNT = 10**9
"""Largest number of epochs, images in a batch and the like: more is a slip, and overflows further on."""
MAX_LATENT_DIM = 2**16
MAX_THREADS = 2**12
MAX_SEED = 2**64 - 1
PIXEL_VALUES = (1e-30, 1e30)
"""What pixels can be divided by so that 32-bit floats hold the result."""
MIN_NOISE, MAX_NOISE = 1e-9, 1e9
"""Amounts of noise; photons that are fewer vanish in 32 bits, and the image with them."""
SCHEDULES = ("constant", "step", "cosine", "onecycle")
LOGGING_MODES = ("online", "offline")
DEVICES = ("auto", "cpu", "cuda", "mps")
REDUCERS = ("umap", "pca", "tsne", "none")
FITS = ("joint", "last", "first", "every", "pooled", "aligned", "every+procrustes", "parametric")
"""Ways to fit a projection to training, beside the path of any snapshot, to which it is then fitted."""
ALL_FITS = "all-fits"
"""Stands for `last`, `first` and `every`, as in the work that this project carries on."""
LAYERS = ("latent", "fc2")
BACKENDS = ("loky", "dask")
"""Where `compare --train` sends its work with joblib: to processes of this machine, or to a Dask cluster."""
STILL_LAYERS = (*LAYERS, "pixels")
"""Layers of one snapshot; a movie of pixels would stand still."""
STILLS = ("scatter", "units", "generated", "clusters")
"""What `visualize --snapshot` shows."""
EXPORTS = ("npz", "parquet", "projector")
"""Formats of `visualize --export`."""
ALL_SAMPLES = "all"
AUTO_SAMPLES = "auto"


@dataclass(frozen=True)
class DataConfig:
    """Which images a run learns from, and how they are split."""

    images: str
    """Path of the `.npz` or `.npy` file."""
    metadata: str | None = None
    """Path of the metadata; None for the sibling of the images with the same stem, where there is one."""
    columns: tuple[str, ...] | None = None
    """Names of the columns of a `.npy` metadata file."""
    max_pixel_value: float | None = None
    """The pixel value that stands for 1.0; None for the largest of the dtype, and 1.0 for floats."""
    split: Literal["random", "blocks"] = "random"
    """`random` images, or whole `blocks` of neighbouring rows, for video frames that resemble their neighbours."""
    val_fraction: float = 0.2
    """Share of the images held out for validation."""
    block_size: int | None = None
    """Rows per block with `blocks`; None for a fiftieth of the images."""

    def __post_init__(self) -> None:
        problems = _not_one_of("split", self.split, SPLITS)
        problems += _path_problems("images", self.images) + _path_problems("metadata", self.metadata)
        if not 0 < self.val_fraction < 1:
            problems.append(f"val_fraction lies between 0 and 1, not at {self.val_fraction}")
        problems += pixel_value_problems(self.max_pixel_value) + _count_problems("block_size", self.block_size)
        if self.block_size is not None and self.split != "blocks":
            problems.append("block_size goes with the split 'blocks' only")
        raise_if_any(problems)


@dataclass(frozen=True)
class NoiseConfig:
    """Corruption of the network's input, drawn anew for every batch; the target stays clean."""

    kind: str = "none"
    """One of `NOISES`."""
    amount: float = 0.0
    """Standard deviation (gaussian), fraction of pixels (salt-pepper, masking) or photons at brightness 1 (poisson)."""

    def __post_init__(self) -> None:
        problems = _not_one_of("noise", self.kind, NOISES)
        if not math.isfinite(self.amount) or self.amount < 0:
            problems.append(f"the amount of noise is a number of 0 or more, not {self.amount}")
        elif self.amount > MAX_NOISE or 0 < self.amount < MIN_NOISE:
            problems.append(f"the amount of noise is {MIN_NOISE:g} to {MAX_NOISE:g}, not {self.amount:g}")
        elif self.kind in ("salt-pepper", "masking") and self.amount > 1:
            problems.append(f"{self.kind} noise takes a fraction from 0 to 1, not {self.amount:g}")
        elif self.kind != "none" and self.amount == 0:
            problems.append(f"{self.kind} noise of amount 0 is no noise: say 'none'")
        elif self.kind == "none" and self.amount != 0:
            problems.append(f"noise 'none' takes no amount, not {self.amount:g}")
        raise_if_any(problems)

    @classmethod
    def parse(cls, text: str) -> NoiseConfig:
        """`"gaussian:0.5"` to a configuration; `"none"` alone takes no amount.

        Raises:
            UserError: the text is not KIND:AMOUNT.
        """
        kind, separator, amount = text.strip().partition(":")
        if kind == "none" and not separator:
            return cls()
        try:
            return cls(kind, float(amount))
        except ValueError:
            kinds = ", ".join(NOISES[1:])
            raise UserError(
                f"noise is 'none' or KIND:AMOUNT with a kind of {kinds}, not {reprlib.repr(text)}"
            ) from None

    def __str__(self) -> str:
        return self.kind if self.kind == "none" else f"{self.kind}:{self.amount:g}"


@dataclass(frozen=True)
class ModelConfig:
    """The encoder, and the decoder behind it where the objective asks for one."""

    encoder: str = "strided"
    """A name in `autoencoder.registries.ENCODERS`."""
    latent_dim: int = 16
    """Number of latent units."""
    decoder: str | None = None
    """A learned encoder's name, whose decoder is taken; None for the encoder's own, and `strided` for fitted ones."""
    depth: int | None = None
    """Linear layers of `deep`, on each side of the latent; None for its default of 3."""
    norm: Literal["batch", "layer", "local-response", "none"] = "batch"
    """Normalisation after each layer."""
    latent_activation: Literal["relu", "linear", "sigmoid", "tanh"] | None = None
    """Non-linearity of the latent units; None for the encoder's own default, and for `sigmoid` with a sparsity."""

    def __post_init__(self) -> None:
        problems = _not_one_of("encoder", self.encoder, ENCODERS)
        problems += _not_one_of("norm", self.norm, NORMS)
        if self.decoder is not None:
            problems += _not_one_of("decoder", self.decoder, LEARNED_ENCODERS)
        if self.latent_activation is not None:
            problems += _not_one_of("latent_activation", self.latent_activation, LATENT_ACTIVATIONS)
            if self.is_fitted and self.latent_activation != "linear":
                problems.append(
                    f"codes of the encoder '{self.encoder}' are fitted, not learned: they take no latent_activation "
                    f"'{self.latent_activation}', leave it out"
                )
        problems += _count_problems("latent_dim", self.latent_dim, MAX_LATENT_DIM)
        if self.depth is not None:
            if not 1 <= self.depth <= MAX_DEPTH:
                problems.append(f"depth is 1 to {MAX_DEPTH}, not {self.depth}")
            if "deep" not in (self.encoder, self.decoder):
                problems.append(f"depth goes with the encoder 'deep' only, not with '{self.encoder}': leave it out")
        raise_if_any(problems)

    @property
    def is_fitted(self) -> bool:
        """Whether the encoder is fitted to the training images once, and not learned by gradient."""
        return self.encoder in FITTED_ENCODERS


@dataclass(frozen=True)
class ObjectiveConfig:
    """What the network is trained for."""

    name: str = "reconstruct"
    """A name in `autoencoder.registries.OBJECTIVES`."""
    loss: Literal["mse", "rmse", "bce"] | None = None
    """Loss of a reconstruction, `mse` unless said otherwise; None for other objectives, which have one loss each."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """Corruption of the input."""
    target: str | None = None
    """Column to predict, for `angle` and `classify`; None for the only one that can be meant."""
    vector: tuple[str, ...] | None = None
    """For `angle`, instead of a column: the columns base_x, base_y, tip_x, tip_y of two points, y pointing down."""
    classes: tuple[str, ...] | None = None
    """For `classify`, the labels in the order of the outputs; filled in from the data when a run begins."""
    shuffle_targets: bool = False
    """Train on targets dealt at random to the training images: the control of a predicted column or mask."""
    sparsity: Literal["none", "log", "kl"] = "none"
    """Penalty on the latent units' mean activation; see `autoencoder.objectives.base.sparsity_penalty`."""
    sparsity_weight: float | None = None
    """Factor of the penalty; None without one, else 1e-3."""
    sparsity_target: float | None = None
    """Mean activation that `kl` draws each unit to; None without it, else 0.05."""

    def __post_init__(self) -> None:
        problems = _not_one_of("objective", self.name, OBJECTIVES) + _not_one_of("sparsity", self.sparsity, SPARSITIES)
        if self.name == "reconstruct" and self.loss is None:
            object.__setattr__(self, "loss", "mse")
        if self.sparsity != "none" and self.sparsity_weight is None:
            object.__setattr__(self, "sparsity_weight", 1e-3)
        if self.sparsity == "kl" and self.sparsity_target is None:
            object.__setattr__(self, "sparsity_target", 0.05)
        if self.loss is not None:
            problems += _not_one_of("loss", self.loss, RECONSTRUCTION_LOSSES)
        problems += self._misplaced()
        if self.vector is not None and len(self.vector) != 4:
            problems.append(f"vector names 4 columns, base_x,base_y,tip_x,tip_y, not {len(self.vector)}")
        if self.vector is not None and self.target is not None:
            problems.append("an angle comes from one column (target) or from two points (vector), not from both")
        if self.sparsity_weight is not None and not 0 < self.sparsity_weight < math.inf:
            problems.append(f"sparsity_weight is a positive number, not {self.sparsity_weight}")
        if self.sparsity_target is not None and not 0 < self.sparsity_target < 1:
            problems.append(f"sparsity_target lies between 0 and 1, not at {self.sparsity_target}")
        raise_if_any(problems)

    def _misplaced(self) -> list[str]:
        """Settings that go with another objective or another sparsity."""
        belongs = {
            "loss": ("reconstruct",),
            "target": ("angle", "classify"),
            "vector": ("angle",),
            "classes": ("classify",),
            "shuffle_targets": ("angle", "classify", "mask"),
        }
        problems = [
            f"{name} goes with the objective {' or '.join(objectives)}, not with '{self.name}': leave it out"
            for name, objectives in belongs.items()
            if self.name not in objectives and getattr(self, name) not in (None, False)
        ]
        if self.sparsity == "none" and self.sparsity_weight is not None:
            problems.append("sparsity_weight goes with a sparsity of log or kl: say which, or leave it out")
        if self.sparsity != "kl" and self.sparsity_target is not None:
            problems.append("sparsity_target goes with the sparsity 'kl' only: leave it out")
        return problems


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained, and what is kept on the way."""

    epochs: int = 30
    batch_size: int = 32
    lr: float = 5e-3
    """Learning rate; the largest one of the schedule."""
    schedule: Literal["constant", "step", "cosine", "onecycle"] = "onecycle"
    weight_decay: float = 0.0
    """Decoupled weight decay; 0 makes AdamW the same as Adam."""
    val_interval: int = 2
    """Epochs between two validations; the last epoch is always validated."""
    patience: int | None = None
    """Stop when the validation loss has not improved for this many validations; None for never."""
    checkpoint_interval: int = 10
    """Epochs between two kept checkpoints, beside `last` and `best`; 0 for none."""
    snapshots_per_epoch: int = 3
    """Latent snapshots in each epoch, evenly spaced; one more is taken before the first step. 0 for none."""
    snapshot_samples: int | Literal["auto", "all"] = "auto"
    """Images whose latent codes are kept: a number, `all`, or `auto` (an eighth, at least 2,000)."""
    snapshot_batch_size: int = 512
    """Batch size for codes and validation; changes the speed and nothing else."""
    seed: int = 42
    init_from: str | None = None
    """Checkpoint whose weights the network starts from; None for freshly drawn ones."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: int | None = None
    """Processor threads; None for torch's own choice."""
    tensorboard: bool = False
    """Also write TensorBoard's event files (needs the extra `tensorboard`)."""
    comet: Literal["online", "offline"] | None = None
    """Also log to Comet, or to an archive that can be uploaded later (needs the extra `comet`)."""
    wandb: Literal["online", "offline"] | None = None
    """Also log to Weights & Biases, or to files that can be uploaded later (needs the extra `wandb`)."""
    experiment_name: str | None = None
    """What Comet and Weights & Biases call the run; None for the name of its folder."""

    def __post_init__(self) -> None:
        problems = _not_one_of("schedule", self.schedule, SCHEDULES) + _not_one_of("device", self.device, DEVICES)
        for name in ("epochs", "batch_size", "val_interval", "snapshot_batch_size", "patience"):
            problems += _count_problems(name, getattr(self, name))
        for name in ("checkpoint_interval", "snapshots_per_epoch"):
            problems += _count_problems(name, getattr(self, name), least=0)
        problems += _count_problems("threads", self.threads, MAX_THREADS)
        problems += _count_problems("seed", self.seed, MAX_SEED, least=0)
        problems += _path_problems("init_from", self.init_from)
        for name in ("comet", "wandb"):
            if getattr(self, name) is not None:
                problems += _not_one_of(name, getattr(self, name), LOGGING_MODES)
        if self.experiment_name is not None and self.comet is None and self.wandb is None:
            problems.append("experiment_name is for Comet and Weights & Biases: log to one of them, or leave it out")
        if self.experiment_name is not None and not self.experiment_name.strip():
            problems.append("experiment_name is no name: it is empty")
        if not 0 <= self.weight_decay < math.inf:
            problems.append(f"weight_decay is 0 or more, not {self.weight_decay}")
        if not 0 < self.lr < math.inf:
            problems.append(f"lr is a positive number, not {self.lr}")
        if isinstance(self.snapshot_samples, str):
            problems += _not_one_of("snapshot_samples", self.snapshot_samples, (AUTO_SAMPLES, ALL_SAMPLES))
        else:
            problems += _count_problems("snapshot_samples", self.snapshot_samples)
        raise_if_any(problems)


@dataclass(frozen=True)
class RunConfig:
    """All that defines a run."""

    data: DataConfig
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if self.objective.sparsity != "none" and self.model.latent_activation is None and not self.model.is_fitted:
            object.__setattr__(self, "model", dataclasses.replace(self.model, latent_activation="sigmoid"))
        problems = []
        if self.model.norm == "batch" and self.training.batch_size == 1:
            problems.append(
                "a batch norm cannot train on batches of 1 image: use --batch-size 2 or more, or --norm layer"
            )
        if self.objective.name in ("angle", "classify") and self.model.decoder is not None:
            problems.append(
                f"the objective '{self.objective.name}' has no decoder, so it does not take '{self.model.decoder}': "
                "leave it out, or choose the objective reconstruct or mask"
            )
        problems += self._sparsity_problems()
        if self.training.init_from is not None and self.model.is_fitted:
            problems.append(
                f"--init-from takes over a learned network, and the encoder '{self.model.encoder}' is fitted: "
                "leave it out"
            )
        raise_if_any(problems)

    def _sparsity_problems(self) -> list[str]:
        kind, activation = self.objective.sparsity, self.model.latent_activation
        if kind == "none":
            return []
        if self.model.is_fitted:
            return [
                f"sparsity acts on what an encoder learns, and '{self.model.encoder}' is fitted: choose a learned "
                f"encoder ({', '.join(LEARNED_ENCODERS)}), or leave it out"
            ]
        if activation not in SPARSE_ACTIVATIONS[kind]:
            return [
                f"the sparsity '{kind}' needs latent units that are never negative: leave --latent-activation "
                f"{activation} out, or give {' or '.join(SPARSE_ACTIVATIONS[kind])}"
            ]
        return []

    def with_absolute_paths(self) -> RunConfig:
        """The same, so that later commands find the files from whatever folder they are started in."""
        data, training = self.data, self.training
        return dataclasses.replace(
            self,
            data=dataclasses.replace(
                data, images=_absolute(data.images), metadata=data.metadata and _absolute(data.metadata)
            ),
            training=dataclasses.replace(training, init_from=training.init_from and _absolute(training.init_from)),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists, as written to `config.json`."""
        content = dataclasses.asdict(self)
        for name in SINCE_FORMAT_1:
            if content["training"][name] is None:
                del content["training"][name]
        return {"format_version": FORMAT_VERSION, **content}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfig:
        """The configuration that `to_json` came from.

        Raises:
            UserError: a section or a field is missing, unknown or out of range, or the format is a newer one.
        """
        version = content.get("format_version")
        if version != FORMAT_VERSION:
            shown = reprlib.repr(version)
            raise UserError(f"format version {shown} is not {FORMAT_VERSION}, the one that this version reads")
        sections = {key: value for key, value in content.items() if key != "format_version"}
        return _build(cls, sections, "")


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


_NESTED = {
    "data": DataConfig,
    "model": ModelConfig,
    "objective": ObjectiveConfig,
    "training": TrainingConfig,
    "noise": NoiseConfig,
}

_Config = TypeVar("_Config")


def _build(kind: type[_Config], content: Mapping[str, Any], where: str) -> _Config:
    known = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [f"unknown entry '{where}{name}'" for name in content if name not in known]
    missing = [
        f"entry '{where}{name}' is missing"
        for name, item in known.items()
        if name not in content and item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    ]
    raise_if_any(unknown + missing)
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    problems = []
    for name, value in content.items():
        if name in _NESTED:
            if not isinstance(value, Mapping):
                raise UserError(f"entry '{where}{name}' is not a group of settings")
            value = _build(_NESTED[name], value, f"{where}{name}.")
        elif isinstance(value, list):
            value = tuple(value)
        if name not in _NESTED and not _is_a(value, types[name]):
            problems.append(f"entry '{where}{name}' has the wrong type: {reprlib.repr(value)}")
        values[name] = value
    raise_if_any(problems)
    return kind(**values)


def _is_a(value: object, hint: Any) -> bool:
    """Whether `value` has the type of a field; a whole number is a float too, and True is no number."""
    if get_origin(hint) in (Union, UnionType):
        return any(_is_a(value, option) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return isinstance(value, str)  # which one, the class itself checks
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is_a(item, get_args(hint)[0]) for item in value)
    if isinstance(value, bool):
        return hint is bool
    if hint is float and isinstance(value, int):
        return abs(value) <= sys.float_info.max
    return isinstance(value, hint)


def _not_one_of(name: str, value: object, allowed: Any) -> list[str]:
    if value in allowed:
        return []
    return [f"{name} is one of {', '.join(allowed)}, not {value!r}"]


def _count_problems(name: str, value: int | None, most: int = MAX_COUNT, *, least: int = 1) -> list[str]:
    if value is None or least <= value <= most:
        return []
    bound = f"at least {least}" if value < least else f"at most {most:,}"
    return [f"{name} is {bound}, not {reprlib.repr(value)}"]


def pixel_value_problems(value: float | None) -> list[str]:
    """What is wrong with the pixel value that is to stand for 1.0; empty where nothing is, and for None."""
    if value is None or PIXEL_VALUES[0] <= value <= PIXEL_VALUES[1]:
        return []
    least, most = PIXEL_VALUES
    return [f"max_pixel_value is a positive number (from {least:g} to {most:g}), not {value}"]


def _path_problems(name: str, path: str | None) -> list[str]:
    """A text that no file can be called by; the system would say so with an error of its own, at any later time."""
    try:
        named = path is None or b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        named = False
    return [] if named else [f"{name} is no name that a file can have: {reprlib.repr(path)}"]
