"""Runs that take turns in one process are the runs that they are alone, and end each by itself."""

import dataclasses
import os
import signal
from contextlib import contextmanager, nullcontext
from functools import partial
from weakref import WeakSet

import pytest
import torch

from autoencoder.config import DataConfig, ModelConfig, NoiseConfig, ObjectiveConfig, RunConfig, TrainingConfig
from autoencoder.data.images import load_images
from autoencoder.errors import UserError
from autoencoder.machine.stopping import Interrupted
from autoencoder.study.designs.design import Member
from autoencoder.study.training import train_members
from autoencoder.training import losses as losses_module
from autoencoder.training import start, together
from autoencoder.training.losses import Losses
from autoencoder.training.start import train
from autoencoder.training.together import CudaRoom, Entry, PlainRoom, train_together

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images(tiny):
    return load_images(tiny)


@pytest.fixture
def members(tiny):
    """Of several lengths, batches and encoders; 2, 3 or 6 updates in an epoch."""

    def member(name, encoder="dense", objective=None, **training):
        settings = {"epochs": 2, "batch_size": 16, "val_interval": 1, "snapshots_per_epoch": 2, **training}
        noise = NoiseConfig("gaussian", 0.2)
        objective = dataclasses.replace(objective or ObjectiveConfig(), noise=noise)
        data = DataConfig(str(tiny), split="random")
        config = RunConfig(data, ModelConfig(encoder, 3), objective, TrainingConfig(**settings))
        return Member(name, {}, config.training.seed, config)

    return [
        member("plain"),
        member("longer", seed=1, epochs=3, batch_size=8),
        member("angle", objective=ObjectiveConfig("angle", target="body_angle_deg"), batch_size=24),
        member("fitted", "pca", seed=2),
    ]


def start_all(members, out, images, n, **options):
    return train_members(members, out, finish=lambda folder, config: None, images=images, together=n, **options)


@pytest.fixture
def alone(members, tmp_path, images):
    for member in members:
        train(member.config, tmp_path / "alone" / member.name, data=images)
    return tmp_path / "alone"


@pytest.mark.parametrize("n", [2, 4])
def test_together_as_alone(members, alone, tmp_path, images, assert_same_run, n):
    """To the bit, whichever are beside them."""
    assert start_all(members, tmp_path / "beside", images, n) == {}
    for member in members:
        assert_same_run(tmp_path / "beside" / member.name, alone / member.name)


def test_what_a_run_had_is_there_for_the_next(members, tmp_path):
    """A run that has ended keeps nothing of the room, of which there may be no more than for those at a time."""
    lanes = WeakSet()

    class Watched(PlainRoom):
        def has_another(self, running, updates):
            assert len(lanes) == running
            return super().has_another(running, updates)

        def lane(self):
            def lane():
                return nullcontext()

            lanes.add(lane)
            return lane

    def entry(number):
        folder = tmp_path / str(number)
        return Entry(str(number), folder, partial(start.begin, members[number].config, folder))

    assert train_together(map(entry, (0, 1, 2)), 3, Watched(2), quiet=True) == together.Result()


def test_they_take_turns(members, tmp_path, images, monkeypatch):
    """An update of each, one after the other, and never more than so many at a time."""
    from autoencoder.training.engines import EagerEngine

    order, update = [], EagerEngine.update

    def noted(engine, rows, step):
        order.append(engine.learner.config.training.seed)
        return update(engine, rows, step)

    monkeypatch.setattr(EagerEngine, "update", noted)
    same = members[0].config
    seeds = [
        Member(str(seed), {}, seed, dataclasses.replace(same, training=dataclasses.replace(same.training, seed=seed)))
        for seed in range(4)
    ]
    start_all(seeds, tmp_path / "beside", images, 2)
    per_run = len(order) // 4
    assert sorted(order[: 2 * per_run]) == [0] * per_run + [1] * per_run
    assert order[1:7] in ([0, 1] * 3, [1, 0] * 3)
    assert set(order[2 * per_run + 2 :]) == {2, 3}


@pytest.mark.slow
def test_one_that_diverges_leaves_the_others_alone(members, alone, tmp_path, images, assert_same_run):
    broken = dataclasses.replace(members[1].config.training, lr=1e18, schedule="constant")
    config = dataclasses.replace(members[1].config, training=broken)
    members[1] = dataclasses.replace(members[1], config=config)
    failed = start_all(members, tmp_path / "beside", images, 4)
    assert list(failed) == ["longer"]
    assert "--lr" in failed["longer"]
    for member in members:
        if member.name != "longer":
            assert_same_run(tmp_path / "beside" / member.name, alone / member.name)
    assert not (tmp_path / "beside" / "longer" / ".lock.json").exists()


def test_memory_that_is_full_ends_one_run(members, tmp_path, images, at_step):
    def fill(learner, loss):
        if learner.config.training.batch_size == 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return loss

    at_step(3, fill)
    failed = start_all(members[:3], tmp_path / "beside", images, 3)
    assert failed == {"longer": "the GPU's memory is full: train fewer at a time (--together 1)"}


def test_an_error_of_the_program_ends_one_run(members, alone, tmp_path, images, at_step, assert_same_run):
    """It is named, with where its traceback lies; the others are trained, and once it is mended the run goes on."""

    def break_one(learner, loss):
        if learner.config.training.batch_size == 8:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied\nand more")
        return loss

    patch = at_step(3, break_one)
    failed = start_all(members, tmp_path / "beside", images, 3)
    patch.undo()
    file = tmp_path / "beside" / "longer" / "traceback.txt"
    assert failed == {"longer": f"RuntimeError: mat1 and mat2 shapes cannot be multiplied (see {file})"}
    text = file.read_text()
    assert "in break_one" in text
    assert text.endswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied\nand more\n")
    for member in members:
        if member.name != "longer":
            assert_same_run(tmp_path / "beside" / member.name, alone / member.name)
    assert start_all(members, tmp_path / "beside", images, 3) == {}
    assert_same_run(tmp_path / "beside" / "longer", alone / "longer")
    assert not file.exists()


@pytest.mark.parametrize("together", [None, 3])
def test_an_error_before_there_is_a_folder_is_shown(members, tmp_path, images, monkeypatch, together):
    """Runs that are trained one after the other are named as well."""
    from autoencoder.training import start

    make, said = start.make_learner, []

    def broken(run, *arguments, **options):
        if run.path.name == "longer":
            raise ZeroDivisionError("division by zero")
        return make(run, *arguments, **options)

    monkeypatch.setattr(start, "make_learner", broken)
    failed = start_all(members[:3], tmp_path / "beside", images, together, say=said.append)
    assert failed == {"longer": "ZeroDivisionError: division by zero (the traceback was shown)"}
    assert sum("in broken" in text for text in said) == 1
    assert not (tmp_path / "beside" / "longer" / "config.json").exists()
    monkeypatch.undo()
    assert start_all(members[:3], tmp_path / "beside", images, together) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be ..."),
        getattr(torch, "AcceleratorError", RuntimeError)("CUDA error: device-side assert triggered"),
    ],
)
def test_an_error_of_the_gpu_ends_all(members, alone, tmp_path, images, at_step, assert_same_run, error):
    """Nothing that is asked of it afterwards is done; all are let go of, and the same call resumes them."""

    def lose(learner, loss):
        if learner.config.training.batch_size == 8:
            raise error
        return loss

    patch = at_step(4, lose)
    with pytest.raises(UserError, match=r"the GPU failed .*CUDA error.*the same command resumes them"):
        start_all(members, tmp_path / "beside", images, 3)
    patch.undo()
    assert not list((tmp_path / "beside").rglob(".lock.json"))
    assert start_all(members, tmp_path / "beside", images, 3) == {}
    for member in members:
        assert_same_run(tmp_path / "beside" / member.name, alone / member.name)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_interrupted_all_are_saved_and_resumed(
    members, alone, tmp_path, images, at_step, assert_same_run, count_whole, step
):
    """Those that have begun are saved where they stand; the same call goes on with them, and begins the rest."""

    def send_once(learner, loss):
        if learner.config.training.batch_size == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return loss

    patch = at_step(step, send_once)
    with pytest.raises(Interrupted, match="the same command resumes it"):
        start_all(members, tmp_path / "beside", images, 3)
    patch.undo()
    begun = [member.name for member in members if (tmp_path / "beside" / member.name).exists()]
    assert begun == (["plain", "longer"] if step == 1 else ["plain", "longer", "angle"])
    steps = [torch.load(tmp_path / "beside" / name / "checkpoints" / "last.pt")["state"]["step"] for name in begun]
    assert steps == {1: [2, 1], 2: [3, 2, 2], 4: [5, 4, 4]}[step]
    count_whole(tmp_path / "beside")
    assert start_all(members, tmp_path / "beside", images, 3) == {}
    for member in members:
        assert_same_run(tmp_path / "beside" / member.name, alone / member.name)


def test_a_run_that_another_process_holds_is_named(members, tmp_path, images):
    from autoencoder.runs.folder import Run
    from autoencoder.runs.lock import hold

    with hold(Run(tmp_path / "beside" / "plain")):
        failed = start_all(members[:2], tmp_path / "beside", images, 2)
    assert list(failed) == ["plain"]
    assert "has been training" in failed["plain"]


def test_auto_on_the_processor_is_a_process_for_each_core(members, tmp_path, images, monkeypatch):
    """With a thread each, which is faster than all threads for one run after the other."""
    asked = {}

    def note(pieces, jobs, backend, cluster):
        asked["jobs"], asked["threads"] = jobs, {config.training.threads for p in pieces for _, _, config in p.runs}
        return []

    monkeypatch.setattr("autoencoder.study.training._all_done", note)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    start_all(members, tmp_path / "beside", images, "auto")
    assert asked == {"jobs": 3, "threads": {1}}


def test_finished_runs_make_room(members, tmp_path, images):
    """Each is finished, and its folder free, before the next takes its place."""
    events = []

    class Noted(PlainRoom):
        def left(self, lane):
            events.append("left")

    def entry(member):
        from autoencoder.training.start import begin

        made = partial(begin, member.config, tmp_path / member.name, data=images)
        return Entry(member.name, tmp_path / member.name, made, lambda: events.append(member.name))

    assert train_together(map(entry, members[:3]), 3, Noted(1), quiet=True).failed == {}
    assert events == ["plain", "left", "longer", "left", "angle", "left"]


# ------------------------------------------------------------------------------------------------------ what a GPU has


@pytest.fixture
def memory(monkeypatch):
    """Reserved by this process, and free."""
    amounts = {"reserved": 100, "free": 1000}
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: amounts["reserved"])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (amounts["free"], 2000))
    return amounts


def test_as_many_as_memory_holds(memory):
    """By what the first one took when it was captured; twice as much must be free, since it validates later on."""
    room = CudaRoom(torch.device("cuda"), None)
    memory.update(reserved=150, free=950)
    assert not room.has_another(1, 2)  # it is not yet captured
    assert room.has_another(1, 20)
    memory.update(reserved=500, free=600)
    assert room.has_another(2, 20)  # 200 each
    memory.update(reserved=700, free=399)
    assert not room.has_another(3, 20)
    memory.update(free=10**6)
    assert not room.has_another(together.MOST, 20)


def test_as_many_as_were_asked_for(memory):
    memory.update(reserved=1000, free=0)
    room = CudaRoom(torch.device("cuda"), 3)
    assert [room.has_another(running, 0) for running in (1, 2, 3)] == [True, True, False]


def test_a_run_waits_for_its_own_stream(memory, monkeypatch):
    """When it begins for what its caller sent, when it ends for what it asked for itself, and never for the others."""
    events = []

    class Stream:
        def __init__(self, device=None, name="run"):
            self.name, self.cuda_stream = name, id(self)

        def wait_stream(self, other):
            events.append(f"{self.name} waits for {other.name}")

        def synchronize(self):
            events.append(f"{self.name} is waited for")

    current = [Stream(name="caller")]

    @contextmanager
    def within(stream):
        current.append(stream)
        yield
        current.pop()

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", within)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: current[-1])
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: pytest.fail("all runs are waited for"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: events.append("memory is given back"))
    room = CudaRoom(torch.device("cuda"), 2)
    lane = room.lane()
    with lane():
        assert current[-1].name == "run"
    room.left(lane)
    assert events == ["run waits for caller", "run is waited for", "memory is given back"]


def test_losses_are_read_one_look_later_on_a_gpu(monkeypatch):
    """Behind updates that are still to be done; and all, in their order, where the epoch ends."""
    waited = []

    class Event:
        def record(self):
            waited.append(0)
            self.number = len(waited) - 1

        def synchronize(self):
            waited[self.number] += 1

    empty = torch.empty
    monkeypatch.setattr(losses_module.torch.cuda, "Event", Event)
    monkeypatch.setattr(losses_module.torch, "empty", lambda n, pin_memory: empty(n))
    losses, found = Losses(torch.device("cuda")), []
    for step in range(1, 8):
        losses.add(step, 10, torch.tensor(step / 2))
        if step in (2, 4, 7):
            found.append([(loss.step, loss.value) for loss in losses.read(every=step == 7)])
            assert len(losses) == {2: 20, 4: 20, 7: 0}[step]
    assert found == [[], [(1, 0.5), (2, 1.0)], [(3, 1.5), (4, 2.0), (5, 2.5), (6, 3.0), (7, 3.5)]]
    assert waited == [1, 1, 1]


def test_losses_are_read_at_once_on_the_processor():
    losses = Losses(CPU)
    losses.add(3, 10, torch.tensor(0.25))
    assert [(loss.step, loss.size, loss.value) for loss in losses.read(every=False)] == [(3, 10, 0.25)]
    assert len(losses) == 0


# ------------------------------------------------------------------------------------------------------- deterministic


@pytest.fixture
def settings(monkeypatch):
    """What is set for a GPU, and is not set in this process."""
    from autoencoder.machine import device

    asked = []
    monkeypatch.setattr(device.torch, "use_deterministic_algorithms", asked.append)
    monkeypatch.setattr(device.torch, "set_float32_matmul_precision", lambda name: None)
    monkeypatch.setattr(device.torch.backends.cudnn, "benchmark", True)
    monkeypatch.delenv(device.CUBLAS_SETTING, raising=False)
    return asked


def test_deterministic_before_cuda_starts(settings, monkeypatch):
    from autoencoder.machine.device import prepare_machine

    prepare_machine(torch.device("cuda"), deterministic=True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert settings == [True]
    assert torch.backends.cudnn.benchmark is False
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    prepare_machine(torch.device("cuda"), deterministic=True)  # a second run in the same process


def test_deterministic_too_late(settings, monkeypatch):
    from autoencoder.machine.device import prepare_machine

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with pytest.raises(UserError, match=r"--deterministic: .* CUBLAS_WORKSPACE_CONFIG=:4096:8"):
        prepare_machine(torch.device("cuda"), deterministic=True)
    assert settings == []


def test_an_operation_without_a_deterministic_form_is_named(tiny, tmp_path, call, settings, at_step):
    def refuse(learner, loss):
        raise RuntimeError(
            "histc_cuda does not have a deterministic implementation, but you set "
            "'torch.use_deterministic_algorithms(True)'."
        )

    at_step(2, refuse)
    flags = ("--epochs", 1, "--batch-size", 16, "--device", "cpu")
    result = call("train", tiny, "--run", tmp_path / "run", "--deterministic", *flags)
    result.refused("--deterministic: histc_cuda", "train without --deterministic")
    assert settings == [True]


def test_deterministic_may_change_when_a_run_is_resumed(tiny, tmp_path, succeed, settings):
    run = tmp_path / "run"
    succeed("train", tiny, "--run", run, "--epochs", 1, "--batch-size", 32, "--device", "cpu", "--quiet")
    said = succeed("train", "--resume", run, "--epochs", 2, "--deterministic").out
    assert "this run was trained with deterministic False, now True" in said


@pytest.mark.parametrize("flags", [("--jobs", 2), ("--backend", "dask", "--scheduler", "tcp://x:1")])
def test_together_or_in_processes(tiny, tmp_path, call, flags):
    call("study", tiny, "--out", tmp_path / "s", "--together", 2, *flags).refused("--together", "--jobs")
    assert not (tmp_path / "s").exists()
