"""Checkpoints: written whole or not at all, read without running anything that is in them."""

from __future__ import annotations

import dataclasses
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autoencoder.config import RunConfig
from autoencoder.errors import UserError
from autoencoder.machine.copies import tensors_in
from autoencoder.machine.files import replacing
from autoencoder.version import __version__

FORMAT_VERSION = 2
"""2 added the hashes of data and split, and which versions wrote the file."""


@dataclass
class LoopState:
    """Where training stands: all that the loop needs to go on as if it had never stopped."""

    epoch: int = 0
    """Epochs finished."""
    batch: int = 0
    """Batches of the current epoch that are done."""
    step: int = 0
    """Updates done."""
    seconds: float = 0.0
    """Time spent in training, validation and snapshots included."""
    loss_sum: float = 0.0
    """Sum of the losses of the images seen in the current epoch."""
    images_seen: int = 0
    """Images seen in the current epoch."""
    epoch_seconds: float = 0.0
    """Time spent on the updates of the current epoch."""
    best_loss: float | None = None
    """Lowest validation loss so far."""
    best_epoch: int | None = None
    """Epochs finished when it was measured."""
    without_improvement: int = 0
    """Validations since then."""

    def __post_init__(self) -> None:
        counts = (self.epoch, self.batch, self.step, self.images_seen, self.without_improvement)
        if any(type(value) is not int or value < 0 for value in counts):
            raise ValueError("a count in the loop's state is not a whole number")
        if self.best_epoch is not None and type(self.best_epoch) is not int:
            raise ValueError("the best epoch in the loop's state is not a whole number")
        numbers = (self.seconds, self.loss_sum, self.epoch_seconds, 0.0 if self.best_loss is None else self.best_loss)
        if any(type(value) not in (int, float) or not math.isfinite(value) for value in numbers):
            raise ValueError("a time or a loss in the loop's state is not a finite number")

    def problem(self, batches_per_epoch: int) -> str | None:
        """What cannot be of a run with so many batches per epoch; None where everything can."""
        if self.batch >= batches_per_epoch or self.step != self.epoch * batches_per_epoch + self.batch:
            return f"{self.step} steps are not {self.epoch} epochs of {batches_per_epoch} batches and {self.batch} more"
        return None if bool(self.batch) == bool(self.images_seen) else "its counts of batches and images disagree"


@dataclass(frozen=True)
class Checkpoint:
    """One saved moment of a run.

    Attributes:
        config: the run's configuration.
        image_shape: (C, H, W) of its images.
        model: the network's state dict.
        optimizer: the optimizer's state dict.
        state: where the loop stood.
        data_sha256, split_sha256: of the run's images and split; None where an older version wrote the file.
        path: the file that it was read from; None for one that is to be written.
    """

    config: RunConfig
    image_shape: tuple[int, int, int]
    model: dict[str, Any]
    optimizer: dict[str, Any]
    state: LoopState
    data_sha256: str | None = None
    split_sha256: str | None = None
    path: Path | None = None

    def save(self, path: Path) -> None:
        """Write to `path`; see `write_content`.

        Raises:
            UserError: the disk is full, or the folder cannot be written to.
        """
        write_content(self.content(), path)

    def content(self) -> dict[str, Any]:
        """What is written. Its tensors are the network's and the optimizer's own; torch's random state is a copy."""
        return {
            "format_version": FORMAT_VERSION,
            "config": self.config.to_json(),
            "image_shape": list(self.image_shape),
            "model": self.model,
            "optimizer": self.optimizer,
            "state": dataclasses.asdict(self.state),
            # All draws of a run come from streams of their own (see seeding.py); torch's global state is kept so that
            # a layer which draws from it, such as dropout, resumes exactly too.
            "rng": torch.get_rng_state(),
            "rng_cuda": torch.cuda.get_rng_state_all() if any(v.is_cuda for v in self.model.values()) else [],
            "data_sha256": self.data_sha256,
            "split_sha256": self.split_sha256,
            "written_by": {"autoencoder": __version__, "torch": str(torch.__version__)},
        }

    @classmethod
    def load(cls, path: Path, *, restore_rng: bool = False) -> Checkpoint:
        """Read from `path`, onto the CPU.

        Args:
            path: the file.
            restore_rng: also set torch's global random state to the saved one; for resuming.

        Raises:
            UserError: the file is missing, damaged, or no checkpoint of this project.
        """
        content = _read(path)
        try:
            content = _upgraded(content)
            config, state = RunConfig.from_json(content["config"]), LoopState(**content["state"])
            channels, height, width = content["image_shape"]
            if any(type(side) is not int or side < 1 for side in (channels, height, width)):
                raise ValueError("its image shape is not a shape")
            for name in ("model", "optimizer"):
                _check_tensors(content[name], name, path.stat().st_size)
            if not all(isinstance(name, str) and isinstance(v, Tensor) for name, v in content["model"].items()):
                raise ValueError("the model is not a table of tensors")
            if restore_rng:
                torch.set_rng_state(content["rng"])
                if torch.cuda.is_available() and len(content["rng_cuda"]) == torch.cuda.device_count():
                    torch.cuda.set_rng_state_all(content["rng_cuda"])
        except UserError as error:
            raise UserError([f"{path}: {problem}" for problem in error.problems]) from None
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(
                f"{path} lacks a part of a checkpoint, or has a damaged one ({reason}): use another checkpoint of the "
                "run"
            ) from None
        return cls(
            config,
            (channels, height, width),
            content["model"],
            content["optimizer"],
            state,
            content["data_sha256"],
            content["split_sha256"],
            path,
        )


# ------------------------------------------------------------------------------------------------------------- reading


def _read(path: Path) -> dict[str, Any]:
    """The content of a file that `torch.save` wrote, without running anything in it."""
    if not path.exists():
        raise UserError(f"there is no checkpoint {path}")
    try:
        _check_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes the unpickler fail in a dozen ways (IndexError, struct.error)
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if type(error).__name__ == "UnpicklingError":  # torch's own text says how to run what is in the file
            reason = "it holds more than numbers and tensors, which is not loaded because it could run code"
        raise UserError(
            f"{path} cannot be read as a checkpoint ({reason[:120]}): it is damaged, or was written by another "
            "program; use another checkpoint of the run"
        ) from None
    if not isinstance(content, dict) or not {"config", "model", "optimizer", "state"} <= content.keys():
        raise UserError(f"{path} is a torch file, but not a checkpoint of this project")
    return content


def _check_archive(path: Path) -> None:
    """Refuse what `torch.save` does not write, before memory is taken for it, and bytes that changed since.

    torch itself neither bounds what a compressed part inflates to nor compares checksums.
    """
    if not path.is_file():
        raise ValueError("it is not a file")
    if not zipfile.is_zipfile(path):
        raise ValueError("it is not an archive, or is cut short")
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("it is compressed, unlike torch's files")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("it promises more bytes than it has")
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of its part '{damaged}' is wrong")


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """The content as today's format has it.

    Raises:
        UserError: it is of a newer version, or of none that there was.
    """
    version = content.get("format_version")
    if version == 1:
        return {**content, "data_sha256": None, "split_sha256": None}
    if version == FORMAT_VERSION:
        return content
    by = content.get("written_by")
    whose = f" of autoencoder {by['autoencoder']}" if isinstance(by, dict) and "autoencoder" in by else ""
    raise UserError(
        f"checkpoint format {version}{whose} cannot be read by this version ({__version__}), which reads 1 to "
        f"{FORMAT_VERSION}: update autoencoder, or use the version that wrote the file"
    )


def _check_tensors(content: Any, what: str, n_bytes: int) -> None:
    """Refuse tensors that are not finite, or that are larger than the `n_bytes` of the file that they came from."""
    for values in tensors_in(content):
        if (
            values.layout is not torch.strided
            or values.is_quantized
            or values.is_complex()
            or values.device.type != "cpu"
        ):
            raise ValueError(f"the {what} holds a tensor of another kind")
        if values.numel() * values.element_size() > n_bytes:
            raise ValueError(f"the {what} holds a tensor that is larger than the file")
        if not values.isfinite().all():
            raise ValueError(f"the {what} holds values that are not finite")


# ------------------------------------------------------------------------------------------------------------- writing


def write_content(content: dict[str, Any], path: Path) -> None:
    """Write `Checkpoint.content` to `path`, replacing what is there only when all is on the disk.

    Raises:
        UserError: the disk is full, or the folder cannot be written to.
    """
    with replacing(path) as temporary:
        _write(content, temporary)


def _write(content: dict[str, Any], path: Path) -> None:
    """`torch.save`, whose zip writer reports a full disk as a RuntimeError, with the OSError that it is."""
    try:
        with path.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise
