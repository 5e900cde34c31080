from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

import pytest

from autoencoder.machine.stopping import StopRequest

SIGNALS = (signal.SIGINT, signal.SIGTERM)
by_signal = pytest.mark.parametrize("number", SIGNALS)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@by_signal
def test_a_signal_is_noted_and_does_not_stop_the_step(number: int) -> None:
    before = [signal.getsignal(one) for one in SIGNALS]
    with StopRequest() as stop:
        assert stop.signum is None
        assert all(signal.getsignal(one) != old for one, old in zip(SIGNALS, before, strict=True))
        send(number)
        assert stop.signum == number
    assert [signal.getsignal(one) for one in SIGNALS] == before


def test_handlers_come_back_after_a_quiet_step_and_after_an_error() -> None:
    before = [signal.getsignal(one) for one in SIGNALS]
    with StopRequest():
        pass
    assert [signal.getsignal(one) for one in SIGNALS] == before

    def failing_step() -> None:
        with StopRequest():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_step()
    assert [signal.getsignal(one) for one in SIGNALS] == before


@by_signal
def test_a_second_signal_acts_as_before(number: int) -> None:
    seen = []

    def mine(got: int, frame: FrameType | None) -> None:
        seen.append(got)

    before = signal.signal(number, mine)
    try:
        with StopRequest() as stop:
            send(number)
            assert (stop.signum, seen) == (number, [])
            send(number)
            assert seen == [number]
        assert signal.getsignal(number) is mine
    finally:
        signal.signal(number, before)


@by_signal
def test_an_ignored_signal_stays_ignored(number: int) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            send(number)
        assert stop.signum is None
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_second_ctrl_c_is_a_keyboard_interrupt() -> None:
    with StopRequest() as stop:
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
    assert stop.signum == signal.SIGINT


def test_a_second_termination_ends_the_process() -> None:
    code = (
        "import os, signal\n"
        "from autoencoder.machine.stopping import StopRequest\n"
        "with StopRequest():\n"
        "    os.kill(os.getpid(), signal.SIGTERM); print('one', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM); print('two', flush=True)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (out.returncode, out.stdout) == (-signal.SIGTERM, "one\n")


def test_one_request_in_another_gives_back_the_outer_one() -> None:
    with StopRequest() as outer:
        with StopRequest() as inner:
            send(signal.SIGTERM)
        assert (outer.signum, inner.signum) == (None, signal.SIGTERM)
        send(signal.SIGTERM)
        assert outer.signum == signal.SIGTERM


def test_outside_the_main_thread_nothing_changes() -> None:
    before = [signal.getsignal(one) for one in SIGNALS]
    during: list[object] = []

    def step() -> None:
        with StopRequest() as stop:
            during.extend([*(signal.getsignal(one) for one in SIGNALS), stop.signum])

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert during == [*before, None]
