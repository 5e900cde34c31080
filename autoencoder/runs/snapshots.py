"""Latent codes over training: written at fixed steps, read back in order."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.array_types import Rows
from autoencoder.config import ALL_SAMPLES, AUTO_SAMPLES, PROBE_SAMPLES
from autoencoder.data.arrays import open_npy
from autoencoder.data.batches import Pixels, evenly
from autoencoder.errors import UserError
from autoencoder.machine.files import write_array
from autoencoder.machine.memory import refuse_too_large
from autoencoder.models.network import Network
from autoencoder.runs.folder import Run
from autoencoder.seeding import draw_rows

AUTO_MINIMUM, AUTO_SHARE = 2000, 8
"""`auto` keeps the codes of one image in `AUTO_SHARE`, and of at least `AUTO_MINIMUM`."""

FEWEST_IN_THE_FIRST_EPOCH = 8
"""Snapshots in the first epoch, where representations change most, with the spacing `log`."""


@dataclass(frozen=True)
class Snapshot:
    """Codes of the run's snapshot images after one update.

    Attributes:
        step: updates done; 0 is before training.
        epoch: the same as a number of epochs, with its fraction.
        path: `.npy` file of (n, latent_dim) float32; row i is image `RunSplit.snapshot[i]` in every snapshot.
    """

    step: int
    epoch: float
    path: Path

    def load(self) -> NDArray[np.float32]:
        """The codes, (n, latent_dim).

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            stored = open_npy(self.path)
        except UserError as error:
            raise UserError(f"a snapshot cannot be read: {error}") from None
        if stored.ndim != 2 or stored.dtype.kind != "f":
            raise UserError(f"the snapshot {self.path} is not an array of floats of shape (images, latent units)")
        refuse_too_large(f"the snapshot {self.path}", 4 * stored.size, "restore it, or train again")
        return np.array(stored, np.float32)


PROBED, PROBED_OTHERS = 1600, 2400
"""`probes` keeps the codes of so many held-out images, and of so many others, at most: what probes are scored on and
representations compared by, and what probes are fitted to. Both are evenly spaced, and those in gaps beside held-out
blocks are among them, so that the recording has no holes in which labels could not be moved in time."""


def choose_samples(n_images: int, wanted: int | str, seed: int, held_out: Rows) -> Rows:
    """Row numbers, sorted, of the images whose codes a run keeps.

    Args:
        n_images: how many there are.
        wanted: a number of them, or one of `config.SAMPLES`.
        seed: of a random choice; `probes` and `all` make none.
        held_out: rows of the split, for `probes`.
    """
    if wanted == PROBE_SAMPLES:
        others = np.setdiff1d(np.arange(n_images), held_out)
        return np.sort(np.concatenate([evenly(held_out, PROBED), evenly(others, PROBED_OTHERS)]))
    if wanted == ALL_SAMPLES:
        count = n_images
    elif wanted == AUTO_SAMPLES:
        count = max(AUTO_MINIMUM, n_images // AUTO_SHARE)
    else:
        count = int(wanted)
    return draw_rows(np.arange(n_images), count, seed, "snapshot samples")


def steps_of_snapshots(batches_per_epoch: int, epochs: int, per_epoch: int, spacing: str) -> frozenset[int]:
    """After which updates a snapshot is due, beside the one before the first.

    Args:
        batches_per_epoch: updates in an epoch.
        epochs: of the whole training.
        per_epoch: with the spacing `even`, snapshots in each epoch, the last of them at its end. With `log`, snapshots
            in each doubling of the updates, at least 8 in the first epoch where it has so many updates; the ends of the
            first and of the last epoch are among them.
        spacing: one of `config.SPACINGS`.
    """
    if not per_epoch:
        return frozenset()
    if spacing == "even":
        n = min(per_epoch, batches_per_epoch)
        within = [math.ceil(k * batches_per_epoch / n) for k in range(1, n + 1)]
        return frozenset(epoch * batches_per_epoch + batch for epoch in range(epochs) for batch in within)
    last, n = batches_per_epoch * epochs, per_epoch
    first = set[int]()
    while len(first) < min(FEWEST_IN_THE_FIRST_EPOCH, batches_per_epoch):
        first = {step for step in _doubling(1, n, batches_per_epoch) if step < batches_per_epoch} | {batches_per_epoch}
        n += 1
    return frozenset({*first, *_doubling(batches_per_epoch, per_epoch, last), last})


EARLIEST = 0.25
"""Epochs after which the first network is kept, beside that before the first update."""

DOUBLED = 1.9
"""From one to the next: a little below 2, since thirds of an epoch are not whole updates."""


def steps_of_early_networks(
    snapshots: Collection[int], batches_per_epoch: int, checkpoint_interval: int
) -> frozenset[int]:
    """After which updates the network is kept before the first checkpoint of an epoch, so that pictures can show it.

    Those are 0 and the steps of snapshots that double, about: a movie shows what the network made of its examples from
    its first frame on, and nearly as it was then, by 6 networks where the first checkpoint is of epoch 10.

    Args:
        snapshots: steps at which one is due, as of `steps_of_snapshots`.
        batches_per_epoch: updates in an epoch.
        checkpoint_interval: epochs between two checkpoints; 0 for none, and then none are kept early either.
    """
    if not snapshots or not checkpoint_interval:
        return frozenset()
    kept, least = {0}, EARLIEST * batches_per_epoch
    for step in sorted(snapshots):
        if least <= step < checkpoint_interval * batches_per_epoch:
            kept.add(step)
            least = DOUBLED * step
    return frozenset(kept)


def _doubling(start: int, n: int, stop: int) -> set[int]:
    """Steps from `start` on that double in `n` equal ratios, below `stop`."""
    doublings = max(0.0, math.log2(stop / start))
    steps = {round(start * 2 ** (i / n)) for i in range(math.ceil(n * doublings) + 1)}
    return {step for step in steps if step < stop}


@torch.no_grad()
def encode_rows(network: Network, pixels: Pixels, rows: Rows, batch_size: int) -> NDArray[np.float32]:
    """Codes (n, latent_dim) of `rows`, with the network in evaluation mode, which is restored after."""
    return codes_of_rows(network, pixels, rows, batch_size).cpu().numpy()


@torch.no_grad()
def codes_of_rows(network: Network, pixels: Pixels, rows: Rows, batch_size: int) -> Tensor:
    """The same as a float32 tensor: on the GPU, which is not waited for, where it has all images; else in memory."""
    was_training = network.training
    network.eval()
    codes: Tensor | None = None
    start = 0
    for part, images in pixels.batches(rows, batch_size):
        encoded = network.encode(images)
        if codes is None:
            # One array from the start: small results kept between the large activations would fragment the heap.
            where = encoded.device if pixels.resident else "cpu"
            codes = torch.empty((len(rows), encoded.shape[1]), dtype=torch.float32, device=where)
        codes[start : start + len(part)] = encoded
        start += len(part)
    network.train(was_training)
    assert codes is not None, "there are no rows to encode"
    return codes


class SnapshotWriter:
    """Writes snapshots of a run and keeps their index.

    Args:
        run: where to.
        resumed_at: when resuming, the step of the checkpoint; snapshots of later steps are taken anew and drop out.
        check: called before each file is written; to refuse it.
    """

    def __init__(self, run: Run, resumed_at: int | None = None, check: Callable[[], None] = lambda: None) -> None:
        self._run, self._check = run, check
        known = [] if resumed_at is None else run.snapshot_index()
        self._rows: list[dict[str, Any]] = [row for row in known if row["step"] <= (resumed_at or 0)]

    def write(self, step: int, epoch: float, codes: NDArray[np.float32]) -> None:
        """Write `codes` as the snapshot of `step`; first the array, then the index that names it."""
        file = self._run.snapshot_file(step)
        self._check()
        write_array(file, codes)
        self._check()
        self._rows = [row for row in self._rows if row["step"] != step]
        self._rows.append({"step": step, "epoch": round(epoch, 6), "file": file.name})
        self._run.write_snapshot_index(self._rows)


def list_snapshots(run: Run) -> list[Snapshot]:
    """The run's snapshots in the order of steps.

    Raises:
        UserError: it has none, or files that the index names are missing (all of them are named).
    """
    folder = run.snapshot_index_file.parent
    snapshots = [Snapshot(row["step"], row["epoch"], folder / Path(row["file"]).name) for row in run.snapshot_index()]
    if not snapshots:
        raise UserError(f"{run.path} has no latent snapshots: train with --snapshots-per-epoch 1 or more")
    missing = [snapshot.path.name for snapshot in snapshots if not snapshot.path.is_file()]
    if missing:
        raise UserError(f"snapshots that {run.snapshot_index_file} names are missing: {', '.join(missing)}")
    return sorted(snapshots, key=lambda snapshot: snapshot.step)
