"""A trained network: load it from a run folder, encode and reconstruct arrays."""

from __future__ import annotations

import dataclasses
import os
import reprlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from autoencoder.array_types import FloatArray, Rows
from autoencoder.config import NoiseConfig, RunConfig, TrainingConfig, differing_settings
from autoencoder.data.batches import Pixels, at_once
from autoencoder.data.changes.noise import corrupt_each
from autoencoder.data.images import ImageSet, default_max_pixel_value, likely_max_pixel_value
from autoencoder.errors import UserError
from autoencoder.machine.device import choose_device, prepare_machine
from autoencoder.models.fitted import FittedEncoder
from autoencoder.models.network import ImageShape, Network, fitted_encoder, on_device
from autoencoder.objectives.base import Objective, make_objective
from autoencoder.runs.checkpoint import Checkpoint
from autoencoder.runs.folder import Run
from autoencoder.runs.shown import run_summary

FLAT_BATCH = 512

NOT_OF_THE_NETWORK = {"images", "metadata", "columns"} | {
    item.name for item in dataclasses.fields(TrainingConfig) if item.name != "seed"
}
"""Settings that decide neither what a network is nor which images it saw; a data file may have been moved since."""


FAR_OVER = 2.0
"""Times the value that stands for white: floats beyond it are of another scale, and not only noisy."""


@dataclass(frozen=True, repr=False)
class Trained:
    """A network of a run, in evaluation mode.

    Attributes:
        run: the run's folder.
        config: what the run is.
        image_shape: (C, H, W) of its images.
        objective: what it was trained for.
        network: the network, on `device`.
        device: where it computes.
    """

    run: Run
    config: RunConfig
    image_shape: tuple[int, int, int]
    objective: Objective
    network: Network
    device: torch.device

    def __repr__(self) -> str:
        model, objective = self.config.model, self.config.objective.name
        return (
            f"<Trained {self.run.path}: '{model.encoder}' to {objective}, {model.latent_dim} units, on {self.device}>"
        )

    def __fspath__(self) -> str:
        """The run's folder: what takes one takes this."""
        return str(self.run.path)

    def _repr_html_(self) -> str:
        """What a notebook shows: what the run is, and how its loss fell."""
        return run_summary(self.run)

    @property
    def encoded_at_once(self) -> int:
        """Images that the network is given at once; see `at_once`."""
        return at_once(self.config.training.snapshot_batch_size, self.image_shape, self.device)

    def encode(self, images: NDArray[np.generic] | ImageSet) -> FloatArray:
        """Latent codes.

        Args:
            images: (N, H, W) or (N, C, H, W) of the run's size; uint8, uint16, or floats from 0 to 1 (or to
                the run's `max_pixel_value`). Or what `load_images` gave; a file is not read.

        Returns:
            (N, latent_dim) float32.

        Raises:
            UserError: the images have another size than the run's, or pixels of another type.
        """
        return self.features("latent", images)

    @torch.no_grad()
    def features(self, layer: str, images: NDArray[np.generic] | ImageSet) -> FloatArray:
        """Activations (N, features) float32 of "latent", "fc2" (the head's first layer) or "pixels"."""
        pixels = self._pixels(images)
        parts = [
            self.network.features(layer, batch).float().cpu()
            for _, batch in pixels.batches(np.arange(len(pixels)), self.encoded_at_once)
        ]
        return torch.cat(parts).numpy()

    @torch.no_grad()
    def predict(self, images: NDArray[np.generic] | ImageSet) -> FloatArray:
        """What the network was trained to tell of images; see `encode` for `images`.

        Returns:
            float32: images (N, C, H, W) or masks (N, 1, H, W) in [0, 1], angles (N,) in radians (the command `encode`
            and exported networks give degrees, 0 to 360), or probabilities (N, k) of the classes
            `config.objective.classes`.
        """
        pixels = self._pixels(images)
        parts = [
            self.objective.present(self.network(batch).prediction).float().cpu()
            for _, batch in pixels.batches(np.arange(len(pixels)), self.encoded_at_once)
        ]
        return torch.cat(parts).contiguous().numpy()

    def reconstruct(self, images: NDArray[np.generic] | ImageSet) -> FloatArray:
        """Reconstructions (N, C, H, W) float32 in [0, 1]; see `encode` for `images`.

        Raises:
            UserError: the run's objective is another one.
        """
        if not self.objective.reconstructs:
            raise UserError(
                f"{self.run.path} was trained for '{self.config.objective.name}' and reconstructs nothing: use predict"
            )
        return self.predict(images)

    @torch.no_grad()
    def decode(self, latent: NDArray[np.floating]) -> FloatArray:
        """Images (N, C, H, W), or masks, float32 in [0, 1] for latent codes (N, latent_dim).

        Raises:
            UserError: the run's objective makes no pictures, or the codes have another width than its latent.
        """
        if not self.objective.makes_pictures:
            raise UserError(
                f"{self.run.path} was trained for '{self.config.objective.name}' and has no decoder: use a run that "
                "was trained to reconstruct"
            )
        codes = torch.from_numpy(np.asarray(latent, np.float32))
        if codes.ndim != 2 or codes.shape[1] != self.config.model.latent_dim:
            raise UserError(f"codes are (N, {self.config.model.latent_dim}), not {tuple(codes.shape)}")
        parts = [
            self.objective.present(self.network.head(batch.to(self.device))).float().cpu()
            for batch in torch.split(codes, self.encoded_at_once)
        ]
        return torch.cat(parts).contiguous().numpy()

    def _pixels(self, images: NDArray[np.generic] | ImageSet) -> Pixels:
        array = np.asarray(images.images if isinstance(images, ImageSet) else images)
        if array.ndim == 3:
            array = array[:, None]
        if array.ndim != 4 or array.shape[1:] != self.image_shape or len(array) == 0:
            channels, height, width = self.image_shape
            shape = f"(N, {height}, {width})" if channels == 1 else f"(N, {channels}, {height}, {width})"
            given = f"of shape {array.shape}" if array.ndim else reprlib.repr(images)
            reads = (
                "" if not isinstance(images, os.PathLike | str) else f": load_images({str(Path(images))!r}) reads it"
            )
            raise UserError(f"images of {self.run.path} are an array {shape}, not {given}{reads}")
        if array.dtype.kind != "f" and array.dtype not in (np.uint8, np.uint16):
            raise UserError(f"pixels are uint8, uint16 or floats, not {array.dtype}: convert the images")
        top = self.config.data.max_pixel_value or default_max_pixel_value(array.dtype)
        if array.dtype.kind == "f" and (largest := float(array.max())) > FAR_OVER * top:
            raise UserError(
                f"floats are up to {largest:g}, where {top:g} stands for white: divide them by "
                f"{likely_max_pixel_value(largest) / top:g}"
            )
        return Pixels(array, top, self.device)


def trained_from(
    run: Run, config: RunConfig, saved: Checkpoint, name: str, encoder: FittedEncoder | None, device: str
) -> Trained:
    """The network of one of a run's checkpoints.

    Args:
        run, config: what the run is.
        saved: the checkpoint, and `name`, what it was asked for by.
        encoder: the run's fitted one; None where it is learned.
        device: `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        UserError: the weights are not those of the network that the configuration says.
    """
    target = choose_device(device)
    prepare_machine(target)
    objective = make_objective(config.objective)
    try:
        network = objective.build_network(config.model, saved.image_shape, encoder)
        network.load_state_dict(saved.model)
    except (RuntimeError, AttributeError, TypeError, ValueError):
        raise UserError(
            f"the weights in checkpoint '{name}' of {run.path} do not fit this version's network "
            f"'{config.model.encoder}': use the version that trained it (see {run.environment_file}), or train again"
        ) from None
    network = on_device(network, target)
    network.eval()
    return Trained(run, config, saved.image_shape, objective, network, target)


@torch.no_grad()
def load_encoder(run: Run, config: RunConfig, image_shape: ImageShape) -> FittedEncoder | None:
    """The run's fitted encoder; None where the encoder is a learned one, whose weights are in the checkpoints.

    Raises:
        UserError: its file is missing, damaged, or of another encoder than the configuration says.
    """
    if not config.model.is_fitted:
        return None
    try:
        encoder = fitted_encoder(config.model, run.reducer())
        code = encoder(torch.zeros(1, *image_shape))
        if code.shape != (1, config.model.latent_dim) or not code.isfinite().all():
            raise ValueError(f"it makes codes of {encoder.latent_dim} units")
    except (ValueError, RuntimeError, IndexError) as error:
        raise UserError(
            f"{run.reducer_file} is not a fitted encoder '{config.model.encoder}' with {config.model.latent_dim} "
            "latent "
            f"units for images of {image_shape} ({str(error).splitlines()[0]}): restore it, or train again"
        ) from None
    return encoder


def flat_inputs(
    images: ImageSet, rows: Rows, noise: NoiseConfig, seed: int, purpose: str, device: torch.device
) -> FloatArray:
    """Images `rows` as a network sees them, flattened: (n, C*H*W) float32; for `purpose` see `corrupt_each`."""
    pixels = Pixels(images.images, images.max_pixel_value, device)
    flat = np.empty((len(rows), int(np.prod(images.image_shape))), np.float32)
    done = 0
    for part, batch in pixels.batches(rows, FLAT_BATCH):
        seen = corrupt_each(batch, noise, part, seed, purpose)
        flat[done : done + len(part)] = seen.flatten(1).cpu().numpy()
        done += len(part)
    return flat


def load_own_checkpoint(
    run: Run, name: str, config: RunConfig, *, may_differ: Collection[str], restore_rng: bool = False
) -> Checkpoint:
    """A checkpoint of `run`, known to be that run's.

    Args:
        run: a run folder.
        name: see `load_run`.
        config: the run's configuration.
        may_differ: settings in which it may differ from the checkpoint's.
        restore_rng: see `Checkpoint.load`.

    Raises:
        UserError: the file is missing or damaged, or it is of another run: of other settings, data or split.
    """
    path = run.find_checkpoint(name)
    saved, environment = Checkpoint.load(path, restore_rng=restore_rng), run.environment()
    differing = [
        f"{setting} {was}, not {now}"
        for setting, (was, now) in differing_settings(saved.config, config).items()
        if setting not in may_differ
    ]
    if list(saved.image_shape) != environment.get("image_shape"):
        differing.append(f"images of {saved.image_shape}")
    for what, stored, own in (
        ("data", saved.data_sha256, environment.get("data_sha256")),
        ("split", saved.split_sha256, environment.get("split_sha256")),
    ):
        if None not in (stored, own) and stored != own:
            differing.append(f"another {what}, by its hash")
    if differing:
        raise UserError(
            f"checkpoint '{name}' belongs to another run than {run.config_file} describes ({', '.join(differing)}): "
            "use a "
            f"checkpoint of {run.path}, or restore that file"
        )
    return saved
