"""`AutoencoderTransformer`: an autoencoder with scikit-learn's `fit`, `transform`, `inverse_transform` and `score`."""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from autoencoder.array_types import FloatArray, Reals, Rows
from autoencoder.config import RunConfig
from autoencoder.data.batches import Pixels, at_once
from autoencoder.data.images import ImageSet
from autoencoder.data.metadata import Metadata
from autoencoder.data.split import make_split
from autoencoder.errors import UserError
from autoencoder.machine.device import choose_device
from autoencoder.models.network import on_device
from autoencoder.objectives.base import make_objective
from autoencoder.runs.snapshots import codes_of_rows
from autoencoder.sklearn.scaling import standardising, to_unit_range
from autoencoder.sklearn.settings import as_value_errors, image_shape_of, run_config
from autoencoder.training.in_memory import train_in_memory

DTYPES = (np.float64, np.float32)
"""Types of what comes in, which are those of what goes out; whatever else comes in becomes the first."""

MOST_SEED = 2**31 - 1


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Latent codes of rows, learned by an autoencoder that has to give the rows back.

    It trains in memory, by the same loop, networks and settings as `autoencoder train`, whose parameters have the same
    names and defaults, and leaves no file. Rows are either columns of any scale, which are standardised, or images.

    Args:
        latent_dim: number of latent units, which are the columns that `transform` makes.
        image_shape: None for columns of any kind: each is standardised to mean 0 and deviation 1. (H, W), or (H, W, 3)
            with the colours last, for rows that are images, `images.reshape(len(images), -1)`: all pixels are scaled
            to [0, 1] by one offset and one scale.
        encoder: `dense` or `deep` for columns, and `narrow`, `strided`, `conv` and `conv-small` for images, too; None
            for `dense` and `narrow`.
        decoder: the learned encoder whose mirror image is the decoder; None for that of `encoder`.
        norm: normalisation after each layer: `batch`, `layer`, `local-response` or `none`.
        latent_activation: `relu`, `linear`, `sigmoid` or `tanh`; None for the encoder's own (`linear`, but for `conv`
            and `conv-small`).
        depth: linear layers on each side of `deep`, 3 unless given.
        epochs: passes over the rows.
        batch_size: rows per update; cut to the number of rows where it is larger.
        lr: learning rate, the largest of the schedule.
        schedule: its course: `onecycle`, `cosine`, `step` or `constant`.
        optimizer: `adam` or `muon`.
        weight_decay: decoupled weight decay.
        loss: `mse` or `rmse`; `bce` for images, too. None for `mse`.
        noise: `none`, or KIND:AMOUNT, such as `gaussian:0.5`, for an input that is corrupted and a target that is not.
            For columns `gaussian` (in standard deviations) and `masking` (a share of them, set to the mean); for
            images `salt-pepper` and `poisson`, too.
        augment: for images: some of `flip`, `rotate`, `shift` and `light`; None for no change.
        sparsity: penalty on the units' mean activation: `none`, `log` or `kl`; with `sparsity_weight` (0.001 unless
            given) and, for `kl`, `sparsity_target` (0.05).
        sparsity_weight, sparsity_target: see `sparsity`.
        max_pixel_value: for images: the value that becomes 1, while 0 stays 0; None for the smallest and the largest
            value that `fit` sees, which become 0 and 1.
        patience: stop after so many validations without improvement, and take the weights of the best one; None to
            learn from all rows for all epochs, without validation.
        val_fraction: with `patience`: share of the rows held out for validation, at random.
        val_interval: with `patience`: epochs between two validations.
        device: `auto` takes a GPU where there is one; `cpu`, `cuda` or `mps`.
        random_state: of the weights, the order and the noise: a whole number for the same ones every time, a
            `RandomState`, or None.
        verbose: print the losses of each epoch, and notes, on standard error.

    Attributes:
        network_: the trained network, a `torch.nn.Module`.
        config_: all settings as a `RunConfig`.
        history_: for each epoch `epoch`, `step`, `lr`, `train_loss` and `val_loss` (None without validation); losses
            are of scaled values.
        mean_: (`n_features_in_`,) float64, mean of the rows that `fit` saw.
        n_features_in_: columns that `fit` saw, and `feature_names_in_`, their names where all are texts.
    """

    def __init__(
        self,
        latent_dim: int = 16,
        *,
        image_shape: Sequence[int] | None = None,
        encoder: str | None = None,
        decoder: str | None = None,
        norm: str = "batch",
        latent_activation: str | None = None,
        depth: int | None = None,
        epochs: int = 30,
        batch_size: int = 64,
        lr: float = 5e-3,
        schedule: str = "onecycle",
        optimizer: str = "muon",
        weight_decay: float = 0.0,
        loss: str | None = None,
        noise: str = "none",
        augment: Sequence[str] | None = None,
        sparsity: str = "none",
        sparsity_weight: float | None = None,
        sparsity_target: float | None = None,
        max_pixel_value: float | None = None,
        patience: int | None = None,
        val_fraction: float = 0.2,
        val_interval: int = 2,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.latent_dim = latent_dim
        self.image_shape = image_shape
        self.encoder = encoder
        self.decoder = decoder
        self.norm = norm
        self.latent_activation = latent_activation
        self.depth = depth
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.schedule = schedule
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.loss = loss
        self.noise = noise
        self.augment = augment
        self.sparsity = sparsity
        self.sparsity_weight = sparsity_weight
        self.sparsity_target = sparsity_target
        self.max_pixel_value = max_pixel_value
        self.patience = patience
        self.val_fraction = val_fraction
        self.val_interval = val_interval
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: Any = None) -> AutoencoderTransformer:
        """Learn codes of the rows of `X`.

        Args:
            X: (n, d) numbers, n at least 2; neither sparse nor with NaN.
            y: is not looked at.

        Returns:
            itself.

        Raises:
            ValueError: `X` or parameters that cannot be, all of them named, or a loss that is not finite.
        """
        rows: Reals = validate_data(self, X, dtype=DTYPES, ensure_min_samples=2)
        seed = int(check_random_state(self.random_state).randint(MOST_SEED))
        with as_value_errors():
            shape = None if self.image_shape is None else image_shape_of(self.image_shape, rows.shape[1])
            config = run_config(self.get_params(deep=False), shape, seed)
            train, val = _split(config, len(rows))
            cut = dataclasses.replace(config.training, batch_size=min(config.training.batch_size, len(train)))
            config = dataclasses.replace(config, training=cut)
            scaling = standardising(rows) if shape is None else to_unit_range(rows, shape, config.data.max_pixel_value)
            images = ImageSet(scaling.images(rows), 1.0, Metadata({}))
            learned = train_in_memory(config, images, train, val, bounded=scaling.bounded, say=self._say)
        self.network_, self.config_, self.history_ = learned.network, config, learned.history
        self.mean_ = rows.mean(axis=0, dtype=np.float64)
        self._scaling = scaling
        return self

    def transform(self, X: ArrayLike) -> Reals:
        """Latent codes of the rows of `X`.

        Args:
            X: (n, d) with the columns that `fit` saw.

        Returns:
            (n, latent_dim), float32 for float32, else float64; computed in 32 bits either way.

        Raises:
            ValueError: `X` has other columns, or lies so far from the rows learned from that a code is not finite.
        """
        rows = self._validated(X)
        return self._encode(rows).astype(rows.dtype)

    def inverse_transform(self, X: ArrayLike) -> Reals:
        """What the decoder makes of codes: rows in the units of those that `fit` saw.

        Args:
            X: (n, latent_dim) codes.

        Returns:
            (n, d), float32 for float32, else float64.

        Raises:
            ValueError: `X` has another number of columns than there are latent units, or lies so far from the codes of
                rows learned from that what is decoded is not finite.
        """
        check_is_fitted(self)
        codes: Reals = check_array(X, dtype=DTYPES)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(f"X has {codes.shape[1]} columns, and there are {self._n_features_out} latent units")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            codes_32 = codes.astype(np.float32)
        return self._scaling.unscaled(self._decode(codes_32)).astype(codes.dtype)

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Share of the variance of `X` that the reconstruction explains: 1 - sum (x - x')^2 / sum (x - mean)^2.

        1 is perfect, and 0 what the mean of the rows that `fit` saw would give; a score can be negative. Values are
        scaled as the network sees them, so that standardised columns count alike, and images as they are. Rows that
        all are that mean score 1 where they are given back exactly, else 0.

        Args:
            X: (n, d) with the columns that `fit` saw.
            y: is not looked at.

        Raises:
            ValueError: as `transform`.
        """
        rows = self._validated(X)
        made = self._decode(self._encode(rows))
        scaled, mean = self._scaling.scaled(rows.astype(np.float64)), self._scaling.scaled(self.mean_)
        error, total = float(np.square(scaled - made).sum()), float(np.square(scaled - mean).sum())
        if total == 0:
            return 1.0 if error == 0 else 0.0
        return 1.0 - error / total

    @property
    def _n_features_out(self) -> int:
        """How many names `get_feature_names_out` gives."""
        return int(self.config_.model.latent_dim)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [np.dtype(dtype).name for dtype in DTYPES]
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Weights are kept in the processor's memory, so that they can be loaded where there is no GPU."""
        state: dict[str, Any] = super().__getstate__()
        if "network_" in state and next(self.network_.parameters()).device.type != "cpu":
            state["network_"] = copy.deepcopy(self.network_).cpu()
        return state

    def _say(self, text: str) -> None:
        if self.verbose:
            print(text, file=sys.stderr)

    def _validated(self, X: ArrayLike) -> Reals:
        check_is_fitted(self)
        rows: Reals = validate_data(self, X, dtype=DTYPES, reset=False)
        return rows

    def _on_device(self) -> torch.device:
        """Where to compute; the network is moved there if it is not there yet."""
        with as_value_errors():
            device = choose_device(self.device)
        on_device(self.network_, device)
        return device

    def _encode(self, rows: Reals) -> FloatArray:
        """(n, latent_dim) float32."""
        device, shape = self._on_device(), self._scaling.image_shape
        pixels = Pixels(self._scaling.images(rows), 1.0, device)
        batch_size = at_once(self.config_.training.snapshot_batch_size, shape, device)
        codes: FloatArray = codes_of_rows(self.network_, pixels, np.arange(len(rows)), batch_size).cpu().numpy()
        if not np.isfinite(codes).all():
            raise ValueError("codes are not finite: X holds values that are too far from those that fit saw")
        return codes

    @torch.no_grad()
    def _decode(self, codes: FloatArray) -> NDArray[np.float64]:
        """(n, d) in units of the scale."""
        device, objective = self._on_device(), make_objective(self.config_.objective)
        batch_size = at_once(self.config_.training.snapshot_batch_size, self._scaling.image_shape, device)
        parts = []
        for batch in torch.split(torch.from_numpy(codes), batch_size):
            made = self.network_.head(batch.to(device))
            # Standardised columns have no bounds that they could be clipped to.
            parts.append((objective.present(made) if self._scaling.bounded else made).cpu())
        images = torch.cat(parts).numpy()
        if not np.isfinite(images).all():
            raise ValueError("what is decoded is not finite: the codes are too far from those of rows that fit saw")
        return self._scaling.columns(images)


def _split(config: RunConfig, n: int) -> tuple[Rows, Rows]:
    """Rows to learn from and held-out ones of `n`; of these there are none without patience."""
    every = np.arange(n)
    if config.training.patience is None:
        return every, every[:0]
    split = make_split(n, config.data.split, config.data.val_fraction, config.data.split_seed)
    if len(split.train) < 2:
        raise UserError(
            f"patience holds out {len(split.val)} of {n} samples, which leaves {len(split.train)} to learn from: "
            "give more, or patience=None"
        )
    return split.train, split.val
