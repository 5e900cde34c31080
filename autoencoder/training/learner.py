"""What is learned: a network, its optimizer, and the images and targets that it learns from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autoencoder.array_types import Integers, Rows
from autoencoder.config import RunConfig
from autoencoder.data.batches import (
    BatchRows,
    Pixels,
    at_once,
    balanced_order,
    epoch_order,
    split_into_batches,
    to_device,
)
from autoencoder.data.changes.augmentation import Augmentation
from autoencoder.data.changes.noise import corrupt, corrupt_each
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.flags import values_of
from autoencoder.machine.copies import Sent
from autoencoder.models.fitted import FittedEncoder
from autoencoder.models.network import ImageShape, Network, Output, on_device
from autoencoder.objectives.base import Objective, Targets, make_objective
from autoencoder.runs.checkpoint import Checkpoint
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.runs.snapshots import codes_of_rows, encode_rows
from autoencoder.seeding import numpy_stream, stream_seed
from autoencoder.training.optimizers import check_state, make_optimizer
from autoencoder.training.schedules import learning_rate


@dataclass(frozen=True, eq=False)
class Learner:
    """A network in training; `make_learner` makes one. Its weights change, and nothing else of it does.

    Attributes:
        config: of the run.
        image_shape: (C, H, W) of the images.
        objective: what the network is trained for.
        network: on `device`.
        optimizer: of the network's parameters.
        pixels: the images.
        targets: what the network is to give for each image.
        train_rows, val_rows: images to learn from, and held-out ones; all with a known target. Where none is held out,
            nothing is validated.
        target_rows: (N,) the image whose target each image is given: its own, unless targets are shuffled.
        balanced: (train_rows,) number of the value that each of these has in the column that epochs are balanced by;
            None where each is shown once.
        batches_per_epoch: updates in an epoch.
        codes: (N, d) of all images, where a fitted encoder makes the same ones every time; else None.
        device: where all of it is computed.
        bounded: whether pixels lie in [0, 1], so that noise that goes beyond is cut off there.
    """

    config: RunConfig
    image_shape: ImageShape
    objective: Objective
    network: Network
    optimizer: torch.optim.Optimizer
    pixels: Pixels
    targets: Targets
    train_rows: Rows
    val_rows: Rows
    target_rows: Rows
    balanced: Integers | None
    batches_per_epoch: int
    codes: Tensor | None
    device: torch.device
    bounded: bool = True

    @property
    def images_per_epoch(self) -> int:
        """Images that are shown in an epoch, some of them several times where epochs are balanced."""
        return len(self.train_rows) if self.balanced is None else shown_per_epoch(self.balanced)

    def batches(self, epoch: int) -> list[Rows]:
        """Rows of each update of the epoch after `epoch` others."""
        generator = numpy_stream(self.config.training.seed, "order", epoch)
        if self.balanced is None:
            order = epoch_order(self.train_rows, generator)
        else:
            order = balanced_order(self.train_rows, self.balanced, generator)
        return split_into_batches(order, self.config.training.batch_size)

    def learning_rate(self, step: int) -> float:
        """Of the update after `step` others."""
        training = self.config.training
        return learning_rate(training.schedule, training.lr, step, training.epochs * self.batches_per_epoch)

    def noise_seed(self, step: int) -> int:
        """Of the noise of update number `step`."""
        return stream_seed(self.config.training.seed, "noise", step)

    def loss(self, rows: Rows, step: int) -> Tensor:
        """Mean loss of images `rows` with the noise of update number `step`, and the penalty; to be differentiated."""
        generator = torch.Generator(device=self.device).manual_seed(self.noise_seed(step))
        return self.loss_of(rows, self.target_rows[rows], generator)

    def loss_of(self, rows: BatchRows, target_rows: BatchRows, generator: torch.Generator) -> Tensor:
        """The same, with everything that changes from one update to the next from outside.

        Args:
            rows: (n,) of the images; on the device, where the update is to be captured.
            target_rows: (n,) of the images whose targets these are given; likewise.
            generator: on the device; it draws the noise, and nothing else draws from it.
        """
        images = self.pixels.batch(rows)
        change = Augmentation(self.config.objective.augment or (), images.shape, generator)
        images = change.of_images(images)
        output = self._forward(rows, images, generator)
        target = self.targets.batch(target_rows, images)
        if self.targets.lie_upon_images:
            target = change.of_places(target)
        return self.objective.losses(output, target).mean() + self.objective.penalty(output.latent)

    def _forward(self, rows: BatchRows, images: Tensor, generator: torch.Generator) -> Output:
        if self.codes is not None:
            latent = self.codes[to_device(rows, self.device)]
            return Output(latent, self.network.head(latent))
        return self.network(corrupt(images, self.config.objective.noise, generator, self.bounded))  # type: ignore[no-any-return]

    @property
    def encoded_at_once(self) -> int:
        """Images in a batch of a validation or a snapshot; see `at_once`."""
        return at_once(self.config.training.snapshot_batch_size, self.image_shape, self.device)

    @torch.no_grad()
    def validate(self) -> Validation:
        """Ask for the loss on the held-out images, and the objective's metric where the truth is known."""
        noise, seed, objective = self.config.objective.noise, self.config.training.seed, self.objective
        where = self.device if self.pixels.resident else torch.device("cpu")
        sums, latents, metrics = list[Tensor](), list[Tensor](), list[Tensor]()
        self.network.eval()
        for rows, images in self.pixels.batches(self.val_rows, self.encoded_at_once):
            output = self.network(corrupt_each(images, noise, rows, seed, "validation noise", self.bounded))
            sums.append(objective.losses(output, self.targets.batch(rows, images)).sum())
            latents.append(output.latent.to(where))
            if self.targets.measurable:
                truth = self.targets.truth(rows, images)
                metrics.append(objective.metric(objective.present(output.prediction), truth))
        metric = torch.cat(metrics) if metrics else None
        sent = Sent([torch.stack(sums), objective.penalty(torch.cat(latents)), metric])
        return Validation(sent, len(self.val_rows), objective)

    def encode(self, rows: Rows) -> Sent:
        """Ask for the codes (n, latent_dim) float32 of images `rows`, without noise."""
        return Sent(codes_of_rows(self.network, self.pixels, rows, self.encoded_at_once))

    @torch.no_grad()
    def largest_weights(self) -> LargestWeights:
        """Ask whether all weights and statistics are finite; the loss shows it one update later."""
        states = {
            name: values
            for name, values in self.network.state_dict().items()
            if values.is_floating_point() and values.numel()
        }
        if not states:
            return LargestWeights([], Sent(torch.zeros(0)))
        largest = torch._foreach_norm(list(states.values()), float("inf"))
        return LargestWeights(list(states), Sent(torch.stack([value.float() for value in largest])))


@dataclass(frozen=True)
class Validation:
    """Numbers of held-out images that were asked for.

    Attributes:
        sent: the sum of the losses of each batch, the penalty, and (n,) the metric of each image, or None.
        n: images.
        objective: what they are of.
    """

    sent: Sent
    n: int
    objective: Objective

    def result(self) -> tuple[float, float | None]:
        """Mean loss, and the metric of all, where the truth is known."""
        sums, penalty, metric = self.sent.content()
        total = 0.0
        for value in sums.tolist():  # Python's own sum rounds in another way from 3.12 on
            total += value
        return total / self.n + float(penalty), None if metric is None else self.objective.summarise(metric)


@dataclass(frozen=True)
class LargestWeights:
    """The largest value in each tensor of a network, asked for by one reduction.

    Attributes:
        names: of the tensors.
        sent: (tensors,) float32.
    """

    names: list[str]
    sent: Sent

    def broken(self) -> str | None:
        """The name of the first tensor with a value that is not finite; None where all are finite."""
        finite = self.sent.content().isfinite().tolist()
        return next((name for name, fine in zip(self.names, finite, strict=True) if not fine), None)


def make_learner(
    run: Run,
    config: RunConfig,
    images: ImageSet,
    split: RunSplit,
    device: torch.device,
    encoder: FittedEncoder | None,
    checkpoint: Checkpoint | None = None,
    *,
    pixels: Pixels | None = None,
    bounded: bool = True,
) -> Learner:
    """A network as it is at the beginning of a run, or at one of its checkpoints. Nothing is written.

    Args:
        run: whose it is; for messages.
        config: what the run is.
        images: that the run learns from.
        split: of the images.
        device: where to compute.
        encoder: the fitted one, where `config` names such; else None.
        checkpoint: of the run, where it is resumed; else None, and weights are drawn or those of `init_from`.
        pixels: `images` on `device`, where the caller has them there; several runs can share them.
        bounded: see `Learner`.

    Raises:
        UserError: the checkpoint, or that of `init_from`, is not of this network.
    """
    objective, training = make_objective(config.objective), config.training
    if pixels is None:
        pixels = Pixels(images.images, images.max_pixel_value, device)
    targets = objective.targets(images, device)
    train_rows, val_rows = (rows[targets.known[rows]] for rows in (split.train, split.val))
    balanced = balanced_values(config, images, train_rows)
    shown = train_rows if balanced is None else train_rows[: shown_per_epoch(balanced)]
    batches_per_epoch = len(split_into_batches(shown, training.batch_size))
    network = new_network(objective, config, images.image_shape, encoder, device)
    optimizer = make_optimizer(training, network.parameters(), device)
    if checkpoint is not None:
        problem = checkpoint.state.problem(batches_per_epoch)
        if problem is not None:
            raise UserError(
                f"{checkpoint.path} does not belong to {run.path} ({problem}): restore it, or start a new run"
            )
        _restore(network, optimizer, checkpoint, config, run)
    elif training.init_from is not None:
        _take_weights(network, Path(training.init_from), config, images.image_shape)
    codes = None
    changes = config.objective.noise.kind != "none" or config.objective.augment is not None
    if encoder is not None and not changes:  # so the codes of an image never do
        every = np.arange(len(images))
        codes = torch.from_numpy(encode_rows(network, pixels, every, training.snapshot_batch_size)).to(device)
    return Learner(
        config=config,
        image_shape=images.image_shape,
        objective=objective,
        network=network,
        optimizer=optimizer,
        pixels=pixels,
        targets=targets,
        train_rows=train_rows,
        val_rows=val_rows,
        target_rows=_target_rows(config, len(images), train_rows),
        balanced=balanced,
        batches_per_epoch=batches_per_epoch,
        codes=codes,
        device=device,
        bounded=bounded,
    )


def _target_rows(config: RunConfig, n_images: int, train_rows: Rows) -> Rows:
    rows = np.arange(n_images)
    if config.objective.shuffle_targets:
        share, generator = config.objective.shuffle_share, numpy_stream(config.training.seed, "shuffled targets")
        dealt = train_rows
        if share is not None and share < 1:
            dealt = np.sort(generator.choice(train_rows, round(share * len(train_rows)), replace=False))
        rows[dealt] = generator.permutation(dealt)
    return rows


def balanced_values(config: RunConfig, images: ImageSet, train_rows: Rows) -> Integers | None:
    """(n,) number of the value of each training row in the column that epochs are balanced by; None without one.

    Raises:
        UserError: there is no such column, it is not one of categories, or an image has no value.
    """
    name = config.training.balance
    if name is None:
        return None
    labels = images.metadata.labels(name)[train_rows]
    missing = int((labels == "").sum())
    if missing:
        where = images.metadata.source or images.source or "the data"
        raise UserError(
            f"--balance {name}: the column is empty for {missing:,} of {len(labels):,} training images in {where}: "
            "every image needs a value"
        )
    return np.asarray(np.unique(labels, return_inverse=True)[1], np.int64)


def shown_per_epoch(balanced: Integers) -> int:
    """How many images an epoch shows that is balanced; see `balanced_order`."""
    n_values = max(1, len(np.unique(balanced)))
    return len(balanced) // n_values * n_values


def new_network(
    objective: Objective,
    config: RunConfig,
    image_shape: ImageShape,
    encoder: FittedEncoder | None,
    device: torch.device,
) -> Network:
    """A network as it is before its first update, with the weights that the run's seed draws."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(config.training.seed, "weights"))  # a GPU's stays as it is
        network = objective.build_network(config.model, image_shape, encoder)
    return on_device(network, device)


def _restore(
    network: Network, optimizer: torch.optim.Optimizer, checkpoint: Checkpoint, config: RunConfig, run: Run
) -> None:
    """Weights, and the optimizer's moments: its settings are the configuration's, and are not taken from the file."""
    own = optimizer.state_dict()
    try:
        network.load_state_dict(checkpoint.model)
        check_state(checkpoint.optimizer["state"], optimizer)
        optimizer.load_state_dict({**own, "state": checkpoint.optimizer["state"]})
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"{checkpoint.path} does not hold this version's network '{config.model.encoder}', or is damaged: use "
            f"the version that began the run (see {run.environment_file}), or start a new one"
        ) from None


def _take_weights(network: Network, path: Path, config: RunConfig, image_shape: ImageShape) -> None:
    """Those of the checkpoint `path`, for a new run.

    Raises:
        UserError: they are of another network; the settings that differ are named.
    """
    other = Checkpoint.load(path)
    try:
        network.load_state_dict(other.model)
    except (RuntimeError, AttributeError, TypeError, ValueError):
        its, own = (
            {"objective": config.objective.name, "classes": config.objective.classes, "images": shape}
            | dict(values_of(config.model))
            for config, shape in ((other.config, other.image_shape), (config, image_shape))
        )
        named = [name for name in {**own, **its} if its.get(name) != own.get(name)]
        differ = [f"{name} {its.get(name)}, not {own.get(name)}" for name in named]
        raise UserError(
            f"--init-from {path}: its network differs from this run's ({', '.join(differ) or 'it is damaged'}): start "
            "from a checkpoint of the same network, or leave --init-from out"
        ) from None
