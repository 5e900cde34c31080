"""Shares of work in processes of their own: what they see, what becomes of them, and how they are stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from autoencoder.errors import UserError
from autoencoder.machine import processes
from autoencoder.machine.device import all_gpus
from autoencoder.machine.processes import Lost, in_processes
from autoencoder.machine.stopping import StopRequest

TRIED = "AUTOENCODER_TRIED"
"""An environment variable that nobody has."""


def make_work():
    """A function that is sent as it stands, since other processes find no tests by their names."""

    def work(share):
        kind, told = share
        if kind == "fail":
            raise UserError("the disk is full")
        if kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "wait":
            with StopRequest() as stop:
                told.write_text(str(os.getpid()))
                until = time.monotonic() + 30
                while stop.signum is None and time.monotonic() < until:
                    time.sleep(0.01)
                time.sleep(0.2)  # saving takes a while, and the signal comes again
                return kind, stop.signum
        return kind, os.environ[TRIED]

    return work


def test_each_has_its_environment_and_dies_alone():
    """One that fails, and one that is killed, leave the others' answers."""
    kinds = ["answer", "fail", "die", "answer"]
    environments = [{TRIED: str(number)} for number in range(4)]
    answers = in_processes(make_work(), [(kind, None) for kind in kinds], environments)
    lost = [Lost("the disk is full"), Lost("it was killed, or crashed")]
    assert answers.each == [("answer", "0"), *lost, ("answer", "3")]
    assert answers.signum is None
    assert TRIED not in os.environ


def test_whoever_has_nothing_to_do_takes_the_next_share():
    """More shares than processes; the one that is killed is replaced, and every answer is told once."""
    kinds = ["answer", "die", "answer", "fail", "answer"]
    told = {}
    answers = in_processes(
        make_work(), [(kind, None) for kind in kinds], [{TRIED: "a"}, {TRIED: "b"}], told.__setitem__
    )
    assert [answer if isinstance(answer, Lost) else answer[0] for answer in answers.each] == [
        "answer",
        Lost("it was killed, or crashed"),
        "answer",
        Lost("the disk is full"),
        "answer",
    ]
    assert [told[number] for number in range(5)] == answers.each


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_when_they_have_saved(tmp_path, monkeypatch, number):
    """One that a terminal sends to all of them, too: it comes to each of them once, from here, or does no harm."""
    monkeypatch.setattr(processes, "SECONDS_BETWEEN_LOOKS", 0.05)
    files = [tmp_path / name for name in "ab"]

    def send():
        until = time.monotonic() + 30
        while not all(file.exists() and file.read_text() for file in files) and time.monotonic() < until:
            time.sleep(0.01)
        for file in files:
            if file.exists():
                os.kill(int(file.read_text()), number)
        os.kill(os.getpid(), number)

    sending = threading.Thread(target=send)
    sending.start()
    answers = in_processes(make_work(), [("wait", file) for file in files], [{}, {}])
    sending.join()
    assert answers.signum == number
    assert answers.each == [("wait", signal.SIGTERM)] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_while_they_start_ends_none(number):
    """A terminal and a queue send one to every process, and what has just been started would die of it."""
    done, sent = threading.Event(), set()

    def send():
        while not done.is_set():
            for pid in set(children()) - sent:
                os.kill(pid, number)
                sent.add(pid)
            time.sleep(0.005)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        answers = in_processes(make_work(), [("answer", None)] * 2, [{TRIED: "0"}, {TRIED: "1"}])
    finally:
        done.set()
        sending.join()
    assert len(sent) >= 2
    assert answers.each == [("answer", "0"), ("answer", "1")]


def children():
    """Processes of loky that this one has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and "--process-name" in (folder / "cmdline").read_text():
                yield int(folder.name)
        except (FileNotFoundError, ProcessLookupError):
            pass


PARENT = """
import os, sys, time
from pathlib import Path
from autoencoder.machine import processes
from autoencoder.machine.stopping import StopRequest

processes.SECONDS_BETWEEN_LOOKS = 0.05

def work(folder):
    with StopRequest() as stop:
        (folder / str(os.getpid())).touch()
        while stop.signum is None and folder.name == "busy":
            time.sleep(0.01)
    (folder / "saved").touch()

folders = [Path(name) for name in sys.argv[1:]]
processes.in_processes(work, folders, [{}, {}])
"""


def test_where_the_parent_is_killed_all_save_and_end(tmp_path):
    """One that works, and one that has done its share: nobody else would end them, and their GPUs would stay taken."""
    folders = [tmp_path / "busy", tmp_path / "done"]
    for folder in folders:
        folder.mkdir()
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *map(str, folders)], cwd=Path(__file__).parents[2])
    until = time.monotonic() + 60
    while not (list(folders[0].iterdir()) and (folders[1] / "saved").exists()) and time.monotonic() < until:
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    pids = [int(file.name) for folder in folders for file in folder.iterdir() if file.name != "saved"]
    assert len(pids) == 2
    try:
        until = time.monotonic() + 20
        while any(map(is_alive, pids)) and time.monotonic() < until:
            time.sleep(0.02)
        assert not any(map(is_alive, pids))
        assert (folders[0] / "saved").exists()
    finally:
        for pid in filter(is_alive, pids):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid):
    """One that has ended may stay in the table, where nobody takes it out."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


NO_TORCH = "import sys, autoencoder.machine.processes; assert not {'torch', 'joblib'} & set(sys.modules)"


def test_it_starts_at_once():
    """A process loads what its work needs, and nothing before."""
    subprocess.run([sys.executable, "-c", NO_TORCH], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("device", "visible", "n", "gpus"),
    [
        ("cuda", None, 3, ["0", "1", "2"]),
        ("cuda", "2, 0", 2, ["2", "0"]),
        ("cuda", "GPU-8f,GPU-1a", 2, ["GPU-8f", "GPU-1a"]),
        ("cuda", "MIG-5c, MIG-77", 1, ["MIG-5c", "MIG-77"]),  # each process uses one of them, so this one counts one
        ("cuda", "", 0, []),
        ("cuda", "-1", 0, []),
        ("cuda", "1,-1,0", 1, ["1"]),  # what follows a number that there is not is not seen
        ("cuda:1", None, 3, []),
        ("cpu", None, 3, []),
    ],
)
def test_gpus_are_those_that_may_be_seen(monkeypatch, device, visible, n, gpus):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert all_gpus(torch.device(device)) == gpus
