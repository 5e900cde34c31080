"""Learning-rate schedules as functions of the step, so that resuming or lengthening a run needs no schedule state."""

from __future__ import annotations

import math

WARM_UP_FRACTION = 0.3
"""Share of a one-cycle run in which the rate rises."""

START_DIVISOR, END_DIVISOR = 25.0, 1e4
"""A one-cycle run starts at the top rate over the first, and ends at that over the second."""

STEP_FACTOR, STEPS_DOWN = 0.1, 3
"""`step` multiplies the rate by the factor at the end of each third of the run but the last."""


def learning_rate(schedule: str, top: float, step: int, total_steps: int) -> float:
    """Learning rate of update number `step` (from 0) out of `total_steps`.

    `onecycle` follows Smith & Topin (2019) in the two-phase cosine form of `torch.optim.lr_scheduler.OneCycleLR`;
    `cosine` falls from `top` to 0 (Loshchilov & Hutter, ICLR 2017, without restarts).

    Raises:
        ValueError: no schedule of that name.
    """
    progress = step / max(1, total_steps)
    if schedule == "constant":
        return top
    if schedule == "step":
        return top * STEP_FACTOR ** min(STEPS_DOWN - 1, int(STEPS_DOWN * progress))
    if schedule == "cosine":
        return _cosine(top, 0.0, progress)
    if schedule == "onecycle":
        start = top / START_DIVISOR
        peak = WARM_UP_FRACTION * total_steps - 1
        last = total_steps - 1
        if peak > 0 and step <= peak:
            return _cosine(start, top, step / peak)
        return _cosine(top, start / END_DIVISOR, (step - peak) / max(1.0, last - peak))
    raise ValueError(f"no schedule is called {schedule!r}")


def _cosine(start: float, end: float, progress: float) -> float:
    """Half a cosine from `start` to `end` as `progress` goes from 0 to 1; it stays at `end` after that."""
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, progress))) / 2
