"""Checkpoints: written whole or not at all, read without running anything that is in them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from autoencoder.config import RunConfig
from autoencoder.errors import UserError
from autoencoder.files import replacing

FORMAT_VERSION = 1


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


@dataclass(frozen=True)
class Checkpoint:
    """One saved moment of a run.

    Attributes:
        config: the run's configuration.
        image_shape: (C, H, W) of its images.
        model: the network's state dict.
        optimizer: the optimizer's state dict.
        state: where the loop stood.
    """

    config: RunConfig
    image_shape: tuple[int, int, int]
    model: dict[str, Any]
    optimizer: dict[str, Any]
    state: LoopState

    def save(self, path: Path) -> None:
        """Write to `path`, replacing what is there only when all is on the disk.

        Raises:
            UserError: the disk is full, or the folder cannot be written to.
        """
        content = {
            "format_version": FORMAT_VERSION,
            "config": self.config.to_json(),
            "image_shape": list(self.image_shape),
            "model": self.model,
            "optimizer": self.optimizer,
            "state": dataclasses.asdict(self.state),
            # All draws of a run come from streams of their own (see seeding.py); torch's global state is kept so that
            # a layer which draws from it, such as dropout, resumes exactly too.
            "rng": torch.get_rng_state(),
            "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        with replacing(path) as temporary:
            _write(content, temporary)

    @classmethod
    def load(cls, path: Path, *, restore_rng: bool = False) -> Checkpoint:
        """Read from `path`, onto the CPU.

        Args:
            path: the file.
            restore_rng: also set torch's global random state to the saved one; for resuming.

        Raises:
            UserError: the file is missing, damaged, or no checkpoint of this project.
        """
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise UserError(f"there is no checkpoint {path}") from None
        except Exception as error:  # a damaged file makes the unpickler fail in a dozen ways (IndexError, struct.error)
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(
                f"{path} cannot be read as a checkpoint ({reason[:120]}): it is damaged or another program's; "
                "use another checkpoint of the run"
            ) from None
        if not isinstance(content, dict) or not {"config", "model", "optimizer", "state"} <= content.keys():
            raise UserError(f"{path} is a torch file, but no checkpoint of this project")
        if content.get("format_version") != FORMAT_VERSION:
            raise UserError(
                f"{path} has checkpoint format {content.get('format_version')}; this version reads {FORMAT_VERSION}"
            )
        try:
            config, state = RunConfig.from_json(content["config"]), LoopState(**content["state"])
            channels, height, width = content["image_shape"]
            if restore_rng:
                torch.set_rng_state(content["rng"])
                if torch.cuda.is_available() and len(content["rng_cuda"]) == torch.cuda.device_count():
                    torch.cuda.set_rng_state_all(content["rng_cuda"])
        except UserError as error:
            raise UserError([f"{path}: {problem}" for problem in error.problems]) from None
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise UserError(f"{path} lacks a part of a checkpoint, or has a damaged one ({error})") from None
        return cls(config, (channels, height, width), content["model"], content["optimizer"], state)


def _write(content: dict[str, Any], path: Path) -> None:
    """`torch.save`, whose zip writer reports a full disk as a RuntimeError, with the OSError that it is."""
    try:
        with path.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise
