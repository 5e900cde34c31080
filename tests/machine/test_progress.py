from __future__ import annotations

import sys
import types

import pytest

from autoencoder.machine import progress
from autoencoder.machine.progress import Estimate, Progress, duration, times


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""  # standard output belongs to results
    return err.splitlines()


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with Progress("Training", 1000, "images") as bar:
        for _ in range(9):
            clock[0] += 10.0
            bar.advance(100, "loss 0.5")
    found = lines(capsys)
    assert found[0] == "Training: 200 of 1000 images, 80 s left  loss 0.5"
    assert len(found) == 4  # after 20, 40, 60 and 80 seconds: the first advance past each 15
    assert found[-1].startswith("Training: 800 of 1000 images, 20 s left")


def test_short_steps_and_quiet_ones_say_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Progress("Testing", 10) as bar:
        bar.advance(10)
    assert lines(capsys) == []
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with Progress("Testing", 10, quiet=True) as bar:
        bar.advance(10)
    assert lines(capsys) == []


class Notebook:
    """Stands for IPython in the kernel of a notebook, and keeps what is shown."""

    def __init__(self) -> None:
        self.outputs: dict[str, list[dict[str, str]]] = {}
        self.display = types.SimpleNamespace(display=self.show, update_display=self.update)

    def get_ipython(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(kernel=object())

    def show(self, bundle: dict[str, str], *, raw: bool, display_id: str) -> None:
        assert raw
        assert display_id not in self.outputs
        self.outputs[display_id] = [bundle]

    def update(self, bundle: dict[str, str], *, raw: bool, display_id: str) -> None:
        assert raw
        self.outputs[display_id].append(bundle)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    found = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", found)  # type: ignore[arg-type]
    return found


def test_a_notebook_gets_one_output_that_changes(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with Progress("<b>Training", 1000, "images") as bar:
        for _ in range(100):
            clock[0] += 0.0625
            bar.advance(10, "loss 0.5 & falling")
    assert lines(capsys) == []
    (shown,) = notebook.outputs.values()
    assert len(shown) == 1 + 25 + 1  # every fifth of a second, and at the end
    assert shown[0]["text/plain"] == "<b>Training: 0 of 1000 images, 0:00:00 passed"
    assert shown[-1]["text/plain"] == "<b>Training: 1000 of 1000 images, 0:00:06 passed  loss 0.5 & falling"
    assert 'value="1.0000"' in shown[-1]["text/html"]
    assert "&lt;b&gt;Training" in shown[-1]["text/html"]
    assert "<b>" not in shown[-1]["text/html"]
    with Progress("Reading", None, "frames", quiet=True) as bar:
        bar.advance(1)
    assert len(notebook.outputs) == 1
    with Progress("Reading", None, "frames") as bar:
        bar.advance(1)
    assert "value=" not in list(notebook.outputs.values())[1][-1]["text/html"]


def test_the_last_note_stays(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with Progress("Reading", 6, "frames") as bar:
        bar.advance(3)
        bar.advance(2, "a note")
        bar.advance(1)
    found = lines(capsys)
    assert found[0] == "Reading: 3 of 6 frames"
    assert found[1].startswith("Reading: 5 of 6 frames, ")
    assert found[2].endswith("a note")  # the last note stays until there is another


def test_a_total_that_is_known_later_gives_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with Progress("Preparing", None) as bar:
        bar.advance(1)
        bar.expect(11)
        clock[0] += 2.0
        bar.advance(2)
    assert lines(capsys) == ["Preparing: 1 images", "Preparing: 3 of 11 images, 8 s left"]


def test_times_say_what_they_are() -> None:
    assert times(7.9, 70.2) == "0:00:07 passed, 0:01:11 left"
    assert times(7.9, None) == "0:00:07 passed"
    assert times(None, 0) == "0:00:00 passed"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still unless a test sets it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def watched(clock: list[float], seconds: list[float], total: float | None, *, unit: int = 1) -> list[str]:
    """What is said of pieces that take so many seconds each."""
    said: list[str] = []
    estimate = Estimate("Training 3 epochs", "updates", said.append)
    for number, each in enumerate(seconds, 1):
        clock[0] += each
        estimate.note(number * unit, total)
    return said


def test_the_whole_time_is_said_once_after_the_first_seconds(clock: list[float]) -> None:
    expected = "Training 3 epochs: about 12 minutes in all (measured over the first 5 updates)"
    assert watched(clock, [2.0] * 360, 360) == [expected]
    assert watched(clock, [2.0] * 5, 360) == []  # 8 seconds after the first
    assert watched(clock, [2.0] * 360, None) == []
    assert watched(clock, [2.0] * 29, 29) == []  # 58 seconds in all
    assert watched(clock, [30.0] * 4, 400) == []  # too few to tell


def test_what_came_before_the_first_piece_has_no_part_in_the_pace(clock: list[float]) -> None:
    """A minute until the first update, and 99 of a second each."""
    expected = "Training 3 epochs: about 3 minutes in all (measured over the first 10 updates)"
    assert watched(clock, [60.0, *[1.0] * 99], 100) == [expected]


def test_work_is_counted_in_any_measure(clock: list[float]) -> None:
    (said,) = watched(clock, [1.0] * 20, 32 * 7200, unit=32)
    assert said.startswith("Training 3 epochs: about 2.0 hours in all")


def test_progress_estimates_where_it_is_asked_to(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    for options in ({"estimate": "at least"}, {}, {"estimate": "about", "quiet": True}):
        with Progress("Preparing", None, "frames", **options) as bar:
            bar.expect(7200)
            for _ in range(110):
                clock[0] += 0.125
                bar.advance(10)
    assert lines(capsys) == ["Preparing: at least 90 seconds in all (measured over the first 800 frames)"]


def test_estimates_stand_above_the_bar(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Progress("Preparing", 7200, "frames", estimate="about") as bar:
        for _ in range(110):
            clock[0] += 0.125
            bar.advance(10)
    assert sum("about 90 seconds in all (measured over the first 800 frames)" in line for line in lines(capsys)) == 1


def test_in_a_notebook_estimates_are_no_errors(
    notebook: Notebook, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard error is shown in red there."""
    with Progress("Preparing", 7200, "frames", estimate="about") as bar:
        for _ in range(110):
            clock[0] += 0.125
            bar.advance(10)
    captured = capsys.readouterr()
    assert captured.out == "Preparing: about 90 seconds in all (measured over the first 800 frames)\n"
    assert captured.err == ""


def test_durations_are_as_exact_as_they_are_known() -> None:
    assert [duration(seconds) for seconds in (0.2, 1.4, 99.4, 100, 5990, 6010)] == [
        "1 second",
        "1 second",
        "99 seconds",
        "2 minutes",
        "100 minutes",
        "1.7 hours",
    ]
