"""Whether moved codes are what they were meant to be: by the codes of their own pictures, beside controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoencoder.latent.quantity import Quantity
from autoencoder.latent.traversal import Conditional, Mover, Shift, Straight, Transport
from autoencoder.neighbors.exact import nearest
from autoencoder.seeding import numpy_stream

Array = NDArray[np.float64]
Codes = Callable[[Array], Array]
"""Codes (n, d) to codes (n, d)."""


@dataclass(frozen=True)
class Outcome:
    """What became of starts that were moved to several values.

    Attributes:
        error: how far the value that is read lies from the one asked for: the median in the column's unit, of classes
            the share that is wrong.
        distance: median distance of a moved code to the nearest training code, over the typical one between training
            codes; the starts, which are held out, have one of about 1.
        spread: how different the moved codes of one value are from each other, over the same for real images of that
            value (root of the total variance); 1 if they are as different, 0 if all came out the same.
    """

    error: float
    distance: float
    spread: float


@dataclass(frozen=True, eq=False)
class Check:
    """Measures ways of moving codes.

    Attributes:
        quantity: what they are moved along.
        training: codes (n, d) of training images, and their values (n,).
        starts: codes (m, d) of held-out images, and their values (m,).
        targets: (k,) values that each start is brought to.
        again: codes to the codes of their pictures.
        read: codes (n, d) to values (n,).
        typical: distance of a training code to the nearest other one.
    """

    quantity: Quantity
    training: tuple[Array, Array]
    starts: tuple[Array, Array]
    targets: Array
    again: Codes
    read: Callable[[Array], Array]
    typical: float

    def own_error(self) -> float:
        """The error of reading the starts' own values from their own pictures: less cannot be asked for."""
        codes, values = self.starts
        return self.quantity.error(self.read(self.again(codes)), values)

    def outcome(self, moved: Array) -> Outcome:
        """Of starts that were moved to the targets, (m, k, d)."""
        error, distance = error_and_distance(
            self.quantity, moved, self.targets, self.read, self.again, self.training[0], self.typical
        )
        given = Conditional(self.quantity, *self.training)
        real = [float(np.trace(given.moments(target)[1])) for target in self.targets.tolist()]
        spreads = np.sqrt(moved.var(axis=0).sum(axis=1) / real)
        return Outcome(error, distance, float(spreads.mean()))

    def outcomes(self, seed: int, advance: Callable[[int], None] = lambda _: None) -> dict[str, Outcome]:
        """Of `transport`, and of what it is to be compared with.

        `shift` and `straight` are simpler ways; `stay` moves nothing; `shuffled` is the transport of a column whose
        values are shuffled among the training images.
        """
        codes, values = self.training
        shuffled = numpy_stream(seed, f"shuffled {self.quantity.name}").permutation(values)
        ways: Mapping[str, tuple[type[Mover], Array]] = {
            "transport": (Transport, values),
            "shift": (Shift, values),
            "straight": (Straight, values),
            "shuffled": (Transport, shuffled),
        }
        found = {}
        for name, (mover, known) in ways.items():
            found[name] = self.outcome(mover(self.quantity, codes, known).move(*self.starts, self.targets))
            advance(1)
        found["stay"] = self.outcome(np.repeat(self.starts[0][:, None], len(self.targets), axis=1))
        advance(1)
        return found


def error_and_distance(
    quantity: Quantity,
    moved: Array,
    targets: Array,
    read: Callable[[Array], Array],
    again: Codes,
    training: Array,
    typical: float,
) -> tuple[float, float]:
    """The first two numbers of an `Outcome`, of codes (m, k, d) moved to targets (k,); the others as of `Check`."""
    flat = moved.reshape(-1, moved.shape[-1])
    found = read(again(flat)).reshape(moved.shape[:2])
    _, distances = nearest(flat.astype(np.float32), training.astype(np.float32), 1)
    ratio = float(np.median(distances)) / typical if typical > 0 else float("nan")
    return quantity.error(found, targets), ratio
