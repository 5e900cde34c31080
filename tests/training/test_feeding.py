"""Images that do not fit in a GPU's memory train as those that do, and no memory is overwritten that is still read.

There is no GPU here. A stand-in for memory on its way fails where it is filled before what it held has been copied; and
one for streams and events finds copies that nothing keeps apart. What only a GPU shows, `benchmarks/gpu.py` checks.
"""

import itertools
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from autoencoder.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from autoencoder.data.batches import Pixels
from autoencoder.data.images import ImageSet, load_images
from autoencoder.errors import UserError
from autoencoder.machine import sending
from autoencoder.machine.sending import CudaSlot
from autoencoder.objectives import mask
from autoencoder.study.designs.design import Member
from autoencoder.study.designs.forecast import forecast
from autoencoder.training import feeding, start
from autoencoder.training.engines import EagerEngine
from autoencoder.training.feeding import SLOTS, Feed, Source, make_feed
from tests.training import test_engines
from tests.training.test_engines import TRAIN, assert_equal, graph_engine, learner_of, state_of, train

CPU = torch.device("cpu")


class LateSlot:
    """Memory whose copy takes until somebody waits for it; until then nobody may have it to fill."""

    def __init__(self, like):
        self._host = [torch.zeros_like(values, device="cpu") for values in like]
        self._on_its_way = None

    @property
    def host(self):
        assert self._on_its_way is None, "memory is filled that is still to be copied"
        return self._host

    def settle(self):
        if self._on_its_way is not None:
            for values, before in zip(self._host, self._on_its_way, strict=True):
                assert torch.equal(values, before), "memory was changed while it was copied"
        self._on_its_way = None

    def deliver(self, n, into):
        assert self._on_its_way is None
        for values, there in zip(self._host, into, strict=True):
            there[:n].copy_(values[:n])
        self._on_its_way = [values.clone() for values in self._host]


def late_slots(n, like, device):
    return [LateSlot(like) for _ in range(n)]


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "gathering"]


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    assert threads() == []


@pytest.fixture
def resident(monkeypatch):
    """Images are where a graph can gather them, for the runs that others are compared with."""
    with monkeypatch.context() as patch:
        patch.setattr(Pixels, "_fits", lambda pixels: True)
        yield


@pytest.fixture
def by_batch(monkeypatch):
    """From the call on, images are sent batch by batch."""

    def begin():
        monkeypatch.setattr(Pixels, "_fits", lambda pixels: False)
        monkeypatch.setattr(Pixels, "sent_by_batch", property(lambda pixels: True))
        monkeypatch.setattr(feeding, "cuda_slots", late_slots)

    return begin


# ----------------------------------------------------------------------------------------------------- the same results


def images_of(dtype):
    """Like those of `test_engines`, as they may be stored, with masks that are not the images."""
    images = test_engines.images()
    scale = {"uint8": 1, "uint16": 257, "float32": 1 / 255, ">f4": 1 / 255, "float64": 1 / 255}[dtype]
    stored = (images.images.astype(np.float64) * scale).astype(dtype)
    top = 1.0 if np.dtype(dtype).kind == "f" else float(np.iinfo(dtype).max)
    masks = np.random.default_rng(8).integers(0, 2, images.mask.shape, np.uint8)
    return ImageSet(stored, top, images.metadata, mask=masks)


@pytest.mark.parametrize("kind", ["eager", "graph"])
@pytest.mark.parametrize(
    ("objective", "dtype"),
    [("reconstruct", "uint8"), ("reconstruct", "float32"), ("mask", "uint16"), ("angle", ">f4"), ("mask", "float64")],
)
def test_batches_that_are_sent_train_as_resident_images_do(resident, by_batch, monkeypatch, objective, dtype, kind):
    """To the bit, over two sizes of batches: losses, weights, statistics and moments; and graphs are captured."""
    stored = images_of(dtype)
    monkeypatch.setattr(test_engines, "images", lambda: stored)
    whole = learner_of(objective)
    losses = train(EagerEngine(whole))
    by_batch()
    sent = learner_of(objective)
    engine = EagerEngine(sent) if kind == "eager" else graph_engine(sent)
    assert train(engine) == losses
    assert_equal(state_of(sent), state_of(whole))
    assert kind == "eager" or engine._graphs.captured == 2
    engine.close()


@pytest.mark.parametrize("kind", ["eager", "graph"])
def test_targets_of_other_images_go_with_their_own_rows(resident, by_batch, monkeypatch, kind):
    """As where targets are shuffled: masks are of other rows than the images beside them."""
    others = np.random.default_rng(2).permutation(len(test_engines.images()))
    monkeypatch.setattr("autoencoder.training.learner._target_rows", lambda *arguments: others)
    whole = learner_of("mask")
    losses = train(EagerEngine(whole))
    by_batch()
    engine = EagerEngine(learner_of("mask")) if kind == "eager" else graph_engine(learner_of("mask"))
    assert train(engine) == losses
    engine.close()


def test_updates_that_were_not_announced(resident, by_batch):
    first, second, odd = np.split(TRAIN, [8, 16])
    updates = [(first, 0), (second, 1), (odd, 2), (second, 1), (first.copy(), 0), (second, 1), (second, 7), (odd, 9)]
    whole = EagerEngine(learner_of())
    losses = [float(whole.update(rows, step)) for rows, step in updates]
    by_batch()
    for engine in (EagerEngine(learner_of()), graph_engine(learner_of())):
        engine.prepare([first, second, odd], 0)
        assert [float(engine.update(rows, step)) for rows, step in updates] == losses
        engine.close()


def test_targets_that_keep_images_of_their_own(resident, by_batch, monkeypatch):
    """An objective from outside that does not say so: it is trained eagerly, and gets its own images."""
    whole = learner_of("mask")
    losses = train(EagerEngine(whole))
    by_batch()
    init, said = mask._MaskTargets.__init__, []

    def silent(targets, *arguments):
        init(targets, *arguments)
        targets.stored = ()

    monkeypatch.setattr(mask._MaskTargets, "__init__", silent)
    engine = graph_engine(learner_of("mask"), said.append)
    assert train(engine) == losses
    assert "the targets of 'mask' are not chosen by rows on the device" in said[0]
    engine.close()


def test_what_cannot_be_captured_is_fed_all_the_same(resident, by_batch, monkeypatch):
    monkeypatch.setattr("autoencoder.objectives.reconstruct.Objective.losses", test_engines.read_back)
    losses = train(EagerEngine(learner_of()))
    by_batch()
    said = []
    engine = graph_engine(learner_of(), said.append)
    assert train(engine) == losses
    assert len(said) == 1
    engine.close()


def test_nothing_is_sent_where_images_are_in_place():
    """On the processor there is no thread, and no memory beside the images."""
    feed = make_feed(learner_of("mask"))
    feed.announce([TRAIN])
    feed.bring(TRAIN)
    assert (feed._slots, feed._served, threads()) == ([], [], [])


# ----------------------------------------------------------------------------------------------------- what is gathered


class Watched:
    """Stored images that note which rows are read, and can be slow, or broken."""

    def __init__(self, stored, before=lambda rows: None):
        self.stored, self.before, self.read = stored, before, []
        self.shape, self.itemsize, self.size = stored.shape, stored.itemsize, stored.size

    def __len__(self):
        return len(self.stored)

    def __getitem__(self, rows):
        if isinstance(rows, slice):
            assert (rows.start, rows.stop) == (None, 0), "all of a file is read"
        else:
            self.before(rows)
            self.read.append(len(rows))
        return self.stored[rows]


def feed_of(watched):
    pixels = Pixels(watched.stored, 255.0, CPU)
    pixels._stored = watched
    return Feed([Source(pixels)], 4, CPU, late_slots), pixels


STORED = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1)
BATCHES = np.split(np.random.default_rng(0).permutation(40), 10)


def given(feed, pixels, rows):
    feed.bring(rows)
    with feed.serving(len(rows)):
        return (pixels.batch(rows) * 255).round().int().flatten().tolist()


def test_batches_are_gathered_ahead_and_only_they(tmp_path):
    """As many as there is memory for on the way, of a memory map, of which no more than these rows is read."""
    np.save(tmp_path / "images.npy", STORED)
    watched = Watched(np.load(tmp_path / "images.npy", mmap_mode="r"))
    feed, pixels = feed_of(watched)
    feed.announce(BATCHES)
    for number in range(len(BATCHES)):
        until = time.monotonic() + 5
        while len(watched.read) < min(number + SLOTS, len(BATCHES)) and time.monotonic() < until:
            time.sleep(0.001)
        assert len(watched.read) == min(number + SLOTS, len(BATCHES))
        assert given(feed, pixels, BATCHES[number]) == BATCHES[number].tolist()
    assert watched.read == [4] * len(BATCHES)


@pytest.mark.parametrize("slow", ["gathering", "device"])
def test_whoever_is_slower(slow):
    watched = Watched(STORED, lambda rows: time.sleep(0.002 * (slow == "gathering")))
    feed, pixels = feed_of(watched)
    for _ in range(2):  # two epochs
        feed.announce(BATCHES)
        for rows in BATCHES:
            time.sleep(0.002 * (slow == "device"))
            assert given(feed, pixels, rows) == rows.tolist()


def test_an_error_of_the_thread_is_raised_where_its_batch_is_needed():
    """Batches before it are delivered; and whoever goes on all the same is not left waiting."""

    def fail(rows):
        if rows is BATCHES[2]:
            raise OSError("the disk is gone")

    feed, pixels = feed_of(Watched(STORED, fail))
    feed.announce(BATCHES)
    assert [given(feed, pixels, rows) for rows in BATCHES[:2]] == [rows.tolist() for rows in BATCHES[:2]]
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is gone"):
            feed.bring(BATCHES[2])
    assert given(feed, pixels, BATCHES[3]) == BATCHES[3].tolist()
    feed.close()


def test_closed_amid_an_epoch():
    """While the thread waits for memory, and while it gathers; what is announced then starts anew."""
    feed, pixels = feed_of(Watched(STORED, lambda rows: time.sleep(0.001)))
    for taken in (0, 1, 3, 10):
        feed.announce(BATCHES)
        assert [given(feed, pixels, rows) for rows in BATCHES[:taken]] == [rows.tolist() for rows in BATCHES[:taken]]
        feed.close()
        assert threads() == []
    feed.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted as Linux lists them")
def test_gathering_takes_one_thread():
    """Of each run; torch would take as many as there are cores, for each of those that gather at the same time."""
    pixels, threads_before = Pixels(np.zeros((2000, 1, 50, 50), np.uint8), 255.0, CPU), torch.get_num_threads()
    counts, into = list[int](), torch.empty((1000, 1, 50, 50), dtype=torch.uint8)

    def gather():
        counts.append(len(list(Path("/proc/self/task").iterdir())))
        pixels.gather(np.arange(1000), into)
        counts.append(len(list(Path("/proc/self/task").iterdir())))

    torch.set_num_threads(4)
    try:
        thread = threading.Thread(target=gather)
        thread.start()
        thread.join()
    finally:
        torch.set_num_threads(threads_before)
    assert counts[0] == counts[1]


def test_a_forecast_leaves_no_thread(tiny, by_batch):
    images = load_images(tiny)
    data, how = DataConfig(str(tiny), split="random"), TrainingConfig(batch_size=2)  # more batches than are timed
    config = RunConfig(data, ModelConfig("dense", 3), training=how)
    by_batch()
    assert forecast([Member("dense-0", {}, 0, config)], images).seconds > 0
    assert threads() == []


# ----------------------------------------------------------------------------------------------------------- whole runs


@pytest.fixture
def run(tiny, by_batch, monkeypatch, call):
    """Train with batches that are sent, captured, to a run folder."""

    def start_it(folder, *flags):
        by_batch()
        monkeypatch.setattr(start, "make_engine", lambda learner, say: graph_engine(learner))
        return call("train", tiny, "--run", folder, "--epochs", 3, "--batch-size", 8, "--quiet", *flags)

    return start_it


def test_a_whole_run(tiny, tmp_path, run, monkeypatch, succeed, assert_same_run):
    """Validated and kept meanwhile, it leaves what an ordinary one does."""
    flags = ("--epochs", 3, "--batch-size", 8, "--schedule", "constant", "--lr", 2.0**-8)
    succeed("train", tiny, "--run", tmp_path / "whole", *flags, "--quiet")
    assert run(tmp_path / "sent", *flags).status == 0
    assert_same_run(tmp_path / "sent", tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_no_thread(tmp_path, run, monkeypatch, number):
    bring, brought = Feed.bring, []

    def stopping(feed, rows):
        brought.append(rows)
        if len(brought) == 5:
            os.kill(os.getpid(), number)
        bring(feed, rows)

    monkeypatch.setattr(Feed, "bring", stopping)
    assert run(tmp_path / "run").status == 128 + number
    assert len(brought) == 5


def test_a_run_that_fails_leaves_no_thread(tmp_path, run, monkeypatch):
    gather = Pixels.gather

    def failing(pixels, rows, into):
        if threading.current_thread().name == "gathering" and next(calls) == 6:
            raise UserError("images.npy cannot be read any more")
        gather(pixels, rows, into)

    calls = itertools.count()
    monkeypatch.setattr(Pixels, "gather", failing)
    run(tmp_path / "run").refused("images.npy cannot be read any more")


# --------------------------------------------------------------------------------------------------- streams and events


class Clocks(TorchDispatchMode):
    """Streams that are in no order but that of their events, and copies on them.

    Each stream, and each thread of the processor, has a clock, a dictionary of what it knows to be done. A copy that
    touches memory has to know of every earlier copy that wrote it, and one that writes of every earlier one that read.
    """

    def __init__(self):
        super().__init__()
        self.current = self.updates = FakeStream(self, "updates")
        self.writes, self.reads, self.races = {}, {}, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.copy_.default:
            target, source = (values.untyped_storage().data_ptr() for values in args[:2])
            self.current.does(reads=source, writes=target)
        return function(*args, **(kwargs or {}))


class FakeStream:
    def __init__(self, clocks, name):
        self.clocks, self.name, self.done, self.count = clocks, name, {}, 0

    def does(self, reads=None, writes=None):
        self.count += 1
        self.done[self.name] = self.count
        for place, earlier in ((reads, self.clocks.writes), (writes, self.clocks.writes), (writes, self.clocks.reads)):
            for name, count in earlier.get(place, {}).items():
                if self.done.get(name, 0) < count:
                    self.clocks.races.append((self.name, "does not know of", name, count))
        for place, kept in ((reads, self.clocks.reads), (writes, self.clocks.writes)):
            if place is not None:
                kept.setdefault(place, {})[self.name] = self.count

    def learns(self, known):
        for name, count in known.items():
            self.done[name] = max(count, self.done.get(name, 0))

    def wait_event(self, event):
        self.learns(event.known)


class FakeEvent:
    processor = None

    def __init__(self, blocking=False):
        self.known = {}

    def record(self, stream):
        self.known = dict(stream.done)

    def synchronize(self):
        self.processor.learns(self.known)


def race(monkeypatch, slot_class, updates=12):
    """What is not kept apart where `updates` batches go through three slots."""
    clocks = Clocks()
    processor, copies = FakeStream(clocks, "processor"), FakeStream(clocks, "copies")

    @contextmanager
    def switched(stream):
        before, clocks.current = clocks.current, stream
        yield
        clocks.current = before

    monkeypatch.setattr(FakeEvent, "processor", processor)
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "stream", switched)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: clocks.current)
    monkeypatch.setattr(sending, "room_for", lambda like, pinned: [torch.empty_like(v, device="cpu") for v in like])
    like = [torch.empty((4, 1, 2, 2), device="meta"), torch.empty((4, 1, 2, 2), dtype=torch.uint8, device="meta")]
    served = [torch.zeros_like(values, device=CPU) for values in like]
    slots = [slot_class(like, CPU, copies) for _ in range(3)]
    learned = torch.zeros(())
    with clocks:
        for number in range(updates):
            slot = slots[number % 3]
            slot.settle()
            for values in slot.host:
                values.fill_(number)
                processor.does(writes=values.untyped_storage().data_ptr())
            copies.learns(processor.done)  # what the processor asks for comes after what it did
            slot.deliver(3, served)
            for values in served:  # the update
                assert values[:3].eq(number).all()
                clocks.updates.does(
                    reads=values.untyped_storage().data_ptr(), writes=learned.untyped_storage().data_ptr()
                )
    return clocks.races


def test_no_memory_is_overwritten_that_is_still_read(monkeypatch):
    assert race(monkeypatch, CudaSlot) == []


@pytest.mark.parametrize("left_out", ["settle", "taken", "sent"])
def test_the_stand_in_finds_what_is_left_out(monkeypatch, left_out):
    """Each of the three waits is needed."""

    class Careless(CudaSlot):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            nothing = FakeEvent()
            nothing.record = lambda stream: None
            if left_out in ("taken", "sent"):
                setattr(self, f"_{left_out}", nothing)

        def settle(self):
            if left_out != "settle":
                super().settle()

    assert race(monkeypatch, Careless)
