"""Progress of long steps: a bar on a terminal or in a notebook, a sparse line elsewhere, or silence."""

from __future__ import annotations

import html
import itertools
import math
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from autoencoder.machine.plain_text import visible

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import ProgressColumn, Task, TaskID

Advance = Callable[[int], None]
"""Is called with how many more units of work are done, or with how many there are."""

Say = Callable[[str], None]
"""Is called with each line that a user should read."""


class _Silent:
    """Says nothing; the default of the Python API, which `help` shows by its name."""

    def __call__(self, text: str) -> None:
        pass

    def __repr__(self) -> str:
        return "<silent>"


SILENT: Say = _Silent()
"""Takes every line, and says none."""

SECONDS_BETWEEN_LINES = 15.0
"""How often a step that takes long says where it is, when standard error is not a terminal."""


SECONDS_BETWEEN_UPDATES = 0.2
"""How often a bar in a notebook is drawn again; each time a message goes to the browser."""

BARS = itertools.count()
"""Of bars in a notebook, by which their updates find them."""


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, whose outputs can be shown in place."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


SECONDS_TO_ESTIMATE = 10.0
"""How long the work is watched before its end is told."""

FEWEST_ESTIMATED = 5
"""Pieces of work that have to be done by then: fewer say little of those that follow."""

WORTH_ESTIMATING = 60.0
"""Seconds; nothing is said of shorter work."""


class Estimate:
    """Says once about how long a long step will take, when it has gone on for `SECONDS_TO_ESTIMATE`.

    Args:
        title: what is being done, such as "Training 30 epochs".
        unit: what its pieces are called, in the plural.
        say: is told the line.
        whole: what the time is that of; other words for a step that is resumed.
        about: "at least" where what comes later is slower than what is watched.
    """

    def __init__(self, title: str, unit: str, say: Say, whole: str = "in all", about: str = "about") -> None:
        self._title, self._unit, self._say, self._whole, self._about = title, unit, say, whole, about
        self._began = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._pieces, self._said = 0, False

    def note(self, done: float, total: float | None, pieces: int = 1) -> None:
        """Some work was done. Its pace is that from the first call on: what comes before, such as compiling, differs.

        Args:
            done: all of the work that is done so far, in any measure.
            total: how much there will be; None where it is not known yet.
            pieces: that were done since the last call, as the user counts them.
        """
        if self._said:
            return
        now = time.monotonic()
        if self._first is None:
            self._first = now, done
            return
        started, before = self._first
        self._pieces += pieces
        if now - started < SECONDS_TO_ESTIMATE or self._pieces < FEWEST_ESTIMATED or total is None or done <= before:
            return
        self._said = True
        seconds = started - self._began + (now - started) * (total - before) / (done - before)
        if seconds >= WORTH_ESTIMATING:
            measured = f"measured over the first {self._pieces:,} {self._unit}"
            self._say(f"{self._title}: {self._about} {duration(seconds)} {self._whole} ({measured})")


def duration(seconds: float) -> str:
    """A time in words, as exactly as an estimate is worth, such as "40 seconds", "12 minutes" or "3.4 hours"."""
    if seconds < 100:
        whole = max(1, round(seconds))
        return f"{whole} second{'s' * (whole != 1)}"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"


class Progress:
    """Context manager around one long step.

    On a terminal and in a notebook it draws a bar with the time left, in place; elsewhere it prints a line to standard
    error every `SECONDS_BETWEEN_LINES`, so that a log file stays readable.

    Args:
        title: what is being done, such as "Training".
        total: how many units of work there are; None where that is not known before the end.
        unit: what is counted, in the plural.
        quiet: print nothing at all; the Python API's default.
        estimate: say how long all takes, once its first seconds are over: "about", where units take equally long, or
            "at least"; None to say nothing.
    """

    def __init__(
        self,
        title: str,
        total: int | None,
        unit: str = "images",
        *,
        quiet: bool = False,
        estimate: Literal["about", "at least"] | None = None,
    ) -> None:
        self._title, self._total, self._unit, self._quiet = visible(title), total, unit, quiet
        self._done = 0
        self._note = ""
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._shown: _NotebookBar | None = None
        self._last_line = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._estimate = Estimate(self._title, unit, self.say, about=estimate) if estimate else None

    def __enter__(self) -> Progress:
        self._last_line = time.monotonic()
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                _time_column(),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=self._total, note="")
        elif not self._quiet and in_notebook():
            self._shown = _NotebookBar(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._shown is not None:
            self._shown.draw()

    def say(self, text: str) -> None:
        """Print a line, above the bar where there is one."""
        if self._bar is not None:
            self._bar.console.print(visible(text), markup=False, highlight=False, soft_wrap=True)
        elif not self._quiet:
            # A notebook shows standard error in red, as what went wrong.
            print(visible(text), file=sys.stderr if self._shown is None else sys.stdout, flush=True)

    def expect(self, total: int) -> None:
        """Say how many units of work there are, once that is known."""
        self._total = total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total)

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count `amount` more units as done; `note` stands beside the bar, such as the loss."""
        self._done += amount
        if self._first is None:
            self._first = time.monotonic(), self._done
        self._note = visible(note) or self._note
        if self._estimate is not None:
            self._estimate.note(self._done, self._total, amount)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=amount, note=self._note)
        elif self._shown is not None:
            self._shown.draw_now_and_then()
        elif not self._quiet and time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._print_line()

    def _print_line(self) -> None:
        left = self.seconds_left
        line = self.counted if left is None else f"{self.counted}, {left:.0f} s left"
        print(f"{line}  {self._note}".rstrip(), file=sys.stderr, flush=True)

    @property
    def counted(self) -> str:
        """How far it is, such as "Training: 200 of 1000 images"."""
        of_total = f" of {self._total}" if self._total is not None else ""
        return f"{self._title}: {self._done}{of_total} {self._unit}"

    @property
    def note(self) -> str:
        """What was last noted; "" before anything was."""
        return self._note

    @property
    def share(self) -> float | None:
        """What is done of all; None where it is not known how much there is."""
        return min(1.0, self._done / self._total) if self._total else None

    @property
    def seconds_left(self) -> float | None:
        """None where it is not known how much there is, or how fast it goes.

        Counted from the first advance on: what comes before it, such as a fit or a resumed part, has another pace.
        """
        started, before = self._first or (0.0, self._done)
        if not self._total or self._done <= before:
            return None
        return (time.monotonic() - started) / (self._done - before) * (self._total - self._done)


class _NotebookBar:
    """One output of a notebook's cell that shows a step, and is drawn anew in its place."""

    def __init__(self, step: Progress) -> None:
        self._step, self._started = step, time.monotonic()
        self._name = f"autoencoder-progress-{os.getpid()}-{next(BARS)}"
        self._drawn = False
        self.draw()

    def draw_now_and_then(self) -> None:
        """Draw it where it was not drawn just now."""
        if time.monotonic() - self._last >= SECONDS_BETWEEN_UPDATES:
            self.draw()

    def draw(self) -> None:
        """Draw how far the step is."""
        from IPython import display as shown_by

        self._last = time.monotonic()
        step = self._step
        show: Callable[..., object] = shown_by.update_display if self._drawn else shown_by.display
        text = f"{step.counted}, {times(self._last - self._started, step.seconds_left)}  {step.note}".rstrip()
        # A bar without a value moves to and fro, which says that it is not known how much there is.
        value = "" if step.share is None else f' value="{step.share:.4f}"'
        bar = f'<progress max="1"{value} style="width:16em;vertical-align:middle"></progress>'
        shown = f"<div>{bar} <span>{html.escape(text)}</span></div>"
        show({"text/plain": text, "text/html": shown}, raw=True, display_id=self._name)
        self._drawn = True


def _time_column() -> ProgressColumn:
    """The time that has passed and, where the end is known, the time left; each is said to be what it is."""
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Time(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(times(task.finished_time if task.finished else task.elapsed, task.time_remaining))

    return Time()


def times(passed: float | None, left: float | None) -> str:
    """Seconds that have passed and are left, such as "0:00:07 passed, 0:01:10 left"; None where they are not known."""
    said = [f"{timedelta(seconds=int(passed or 0))} passed"]
    if left:
        said.append(f"{timedelta(seconds=math.ceil(left))} left")
    return ", ".join(said)
