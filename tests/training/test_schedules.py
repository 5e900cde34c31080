from __future__ import annotations

import math

import pytest
import torch
from torch.optim import lr_scheduler

from autoencoder.config import SCHEDULES
from autoencoder.training.schedules import learning_rate

TOP = 3e-3


def rates(schedule: str, total: int) -> list[float]:
    return [learning_rate(schedule, TOP, step, total) for step in range(total)]


def torch_rates(make: type[lr_scheduler.LRScheduler], total: int, **arguments: object) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=TOP)
    scheduler = make(optimizer, **arguments)  # type: ignore[call-arg]
    found = []
    for step in range(total):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < total - 1:
            scheduler.step()
    return found


@pytest.mark.parametrize("total", [2, 3, 4, 5, 7, 10, 11, 40, 333, 1000])
def test_onecycle_is_that_of_torch(total: int) -> None:
    expected = torch_rates(lr_scheduler.OneCycleLR, total, max_lr=TOP, total_steps=total)
    assert rates("onecycle", total) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("total", [1, 2, 3, 10, 333])
def test_cosine_is_that_of_torch(total: int) -> None:
    expected = torch_rates(lr_scheduler.CosineAnnealingLR, total, T_max=total)
    assert rates("cosine", total) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("total", [3, 30, 300])
def test_step_goes_down_tenfold_at_each_third(total: int) -> None:
    expected = torch_rates(lr_scheduler.StepLR, total, step_size=total // 3, gamma=0.1)
    assert rates("step", total) == pytest.approx(expected, rel=1e-9)


def test_step_stays_two_steps_down() -> None:
    assert learning_rate("step", TOP, 300, 300) == learning_rate("step", TOP, 1000, 300) == pytest.approx(TOP / 100)


def test_constant_is_constant() -> None:
    assert set(rates("constant", 100)) == {TOP}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3])
def test_the_shortest_runs_have_usable_rates(schedule: str, total: int) -> None:
    found = rates(schedule, total)
    assert all(math.isfinite(rate) and 0 <= rate <= TOP for rate in found)
    assert max(found) > TOP / 25  # and learn something


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("total", [1, 4, 50])
def test_beyond_the_end_the_rate_stays_small_and_positive(schedule: str, total: int) -> None:
    """A run resumed with fewer epochs than it has done asks for such steps."""
    for step in range(total, 3 * total + 3):
        assert 0 <= learning_rate(schedule, TOP, step, total) <= learning_rate(schedule, TOP, total - 1, total) + 1e-15


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_proportional_to_the_top(schedule: str) -> None:
    for step in range(20):
        assert learning_rate(schedule, 10 * TOP, step, 20) == pytest.approx(10 * learning_rate(schedule, TOP, step, 20))


def test_onecycle_rises_once_and_falls_once() -> None:
    found = rates("onecycle", 100)
    peak = found.index(max(found))
    assert found[peak] == pytest.approx(TOP)
    assert peak == 29
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert (found[0], found[-1]) == (pytest.approx(TOP / 25), pytest.approx(TOP / 25e4))


def test_unknown_schedule() -> None:
    with pytest.raises(ValueError, match="'linear'"):
        learning_rate("linear", TOP, 0, 10)
