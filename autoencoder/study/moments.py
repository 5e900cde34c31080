"""At which moments of training runs are compared with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoencoder.study.population import Moment, Source

LOSS_SHARE = 0.9
"""Runs are as far in their training, where each has had so much of the fall of its training loss."""


@dataclass(frozen=True)
class Together:
    """A moment of each of several sources.

    Attributes:
        label: what it is, such as "epoch 20".
        epoch: of all of them; None where it is another one in each.
        moments: by the names of the sources.
    """

    label: str
    epoch: float | None
    moments: Mapping[str, Moment]


def over_training(sources: Sequence[Source]) -> list[Together]:
    """The moments that all sources have, by their epochs, in order; none where no source changes."""
    changing = [source for source in sources if source.changes]
    if not changing:
        return []
    found = []
    for moment in changing[0].moments:
        moments = {source.name: source.at_epoch(moment.epoch) for source in sources}
        there = {name: one for name, one in moments.items() if one is not None}
        if len(there) == len(sources):
            found.append(Together(f"epoch {moment.epoch:.3g}", moment.epoch, there))
    return found


def at_the_end(sources: Sequence[Source]) -> Together:
    """The last moment of each source: the one that is named beforehand."""
    lasts = {source.name: source.last for source in sources}
    epochs = {source.last.epoch for source in sources if source.changes}
    epoch = epochs.pop() if len(epochs) == 1 else None
    label = "the end of training" if epoch is None else f"epoch {epoch:.3g}, the end of training"
    return Together(label, epoch, lasts)


def matched(sources: Sequence[Source], by: str) -> tuple[Together, list[str]]:
    """A moment at which runs are equally far in their training.

    Args:
        sources: those to be compared.
        by: one of `config.MATCHES`: "steps" for the last step that all have come to, "loss" for the snapshot at which
            each has had 90 % of the fall of its training loss, by the means of epochs.

    Returns:
        the moment, and what is to be said of single sources.
    """
    changing = [source for source in sources if source.changes]
    if by == "steps":
        last = min((source.last.step for source in changing), default=0)
        moments = {source.name: _last_before(source, last) for source in sources}
        return Together(f"step {last:,}, the last that all reached", None, moments), []
    moments, notes = {}, []
    for source in sources:
        moment = _at_loss_share(source)
        if moment is None:
            notes.append(f"{source.name} has no training loss that falls: its last snapshot is taken")
        moments[source.name] = moment or source.last
    return Together(f"{100 * LOSS_SHARE:.0f} % of the fall of each run's training loss", None, moments), notes


def _last_before(source: Source, step: int) -> Moment:
    return next(moment for moment in reversed(source.moments) if moment.step <= step or not source.changes)


def _at_loss_share(source: Source) -> Moment | None:
    """The first snapshot from the end of the epoch on in which the share of the fall is reached."""
    if not source.changes or source.run is None:
        return source.last
    losses = [(float(row["epoch"]), float(row["train_loss"])) for row in source.run.metrics()]
    if not losses or not min(loss for _, loss in losses) < losses[0][1]:
        return None
    fall = losses[0][1] - min(loss for _, loss in losses)
    reached = next(epoch for epoch, loss in losses if losses[0][1] - loss >= LOSS_SHARE * fall)
    return next((moment for moment in source.moments if moment.epoch >= reached - 1e-5), None)
