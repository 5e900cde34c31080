"""Updates that are captured and replayed are those that are executed one by one.

There is no GPU here. A stand-in records the operations of an update and repeats them on the same memory, as a CUDA
graph does, and fails where one does: when a value is read back, when memory is read that nobody owns any more, and when
random numbers come from elsewhere than the generator that it was given. What only a GPU shows, `benchmarks/gpu.py`
checks.
"""

import contextlib
import csv
import dataclasses
import itertools
import json
import signal
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from autoencoder.config import DataConfig, ModelConfig, NoiseConfig, ObjectiveConfig, RunConfig, TrainingConfig
from autoencoder.data.batches import Pixels, epoch_order, split_into_batches
from autoencoder.data.images import ImageSet, load_images
from autoencoder.data.metadata import Metadata
from autoencoder.errors import UserError
from autoencoder.models import pca
from autoencoder.objectives import reconstruct
from autoencoder.runs.checkpoint import Checkpoint, LoopState
from autoencoder.runs.folder import Run, RunSplit
from autoencoder.seeding import numpy_stream
from autoencoder.study.designs.design import Member
from autoencoder.study.training import train_members
from autoencoder.training import loop, start
from autoencoder.training.engines import WARM_UP_UPDATES, EagerEngine, GraphEngine, engine_name, make_engine
from autoencoder.training.learner import make_learner

CPU, CUDA = torch.device("cpu"), torch.device("cuda")

RATE = 2.0**-8
"""A learning rate that is the same number in 32 and in 64 bits: a graph reads it in 32."""

# ------------------------------------------------------------------------------------------------ a stand-in for graphs


def memory(tensor):
    """Where a tensor's storage lies; views share it."""
    return tensor.untyped_storage().data_ptr()


def owned(thing, seen=None):
    """Memory of all tensors that can be reached from an object; what is not among it may be given to others."""
    seen = {} if seen is None else seen
    if id(thing) in seen or isinstance(thing, (str, int, float, type, np.ndarray, FakeGraph)):
        return set()
    seen[id(thing)] = thing
    if isinstance(thing, torch.Tensor):
        return {memory(thing)}
    if isinstance(thing, Mapping):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple, set)):
        parts = list(thing)
    else:
        parts = list(getattr(thing, "__dict__", {}).values())
    return set().union(*(owned(part, seen) for part in parts))


class FakeGraph(TorchDispatchMode):
    """Operations on fixed memory. They are run while they are recorded, to have their results' memory, and undone."""

    def __init__(self, graphs, generator):
        super().__init__()
        self.graphs, self.generator = graphs, generator
        self.operations, self.made, self.outside = [], set(), {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function.namespace == "profiler":
            return function(*args, **kwargs)
        if function is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        for tensor in tensors_in(args, kwargs):
            if memory(tensor) not in self.made and memory(tensor) not in self.outside:
                self.outside[memory(tensor)] = tensor, tensor.untyped_storage().clone()
        results = function(*args, **kwargs)
        self.made |= {memory(tensor) for tensor in tensors_in(results)} - self.outside.keys()
        self.operations.append((function, args, kwargs, results))
        return results

    def record(self, work):
        ours, others = self.generator.get_state(), torch.get_rng_state()
        try:
            with self:
                work()
        finally:
            for tensor, before in self.outside.values():
                tensor.untyped_storage().copy_(before)
            self.generator.set_state(ours)
        assert torch.equal(torch.get_rng_state(), others), "it draws from the default generator"
        self.check()

    def check(self):
        """Whether everything that it reads still belongs to the engine that replays it."""
        gone = self.outside.keys() - owned(self.graphs.engine)
        assert not gone, f"a captured tensor was replaced: {[self.outside[place][0].shape for place in gone]}"

    @torch.no_grad()
    def replay(self):
        self.check()
        self.graphs.replays += 1
        for function, args, kwargs, results in self.operations:
            again = function(*args, **kwargs)
            for kept, new in zip(tensors_in(results), tensors_in(again), strict=True):
                if memory(kept) != memory(new):
                    kept.copy_(new)


def tensors_in(*nested):
    return [leaf for leaf in tree_leaves(nested) if isinstance(leaf, torch.Tensor) and leaf.numel()]


class FakeGraphs:
    """See `autoencoder.machine.graphs.Graphs`."""

    def __init__(self):
        self.engine, self.captured, self.replays, self.aside_for = None, 0, 0, 0

    @contextlib.contextmanager
    def aside(self):
        self.aside_for += 1
        yield

    def capture(self, work, generator):
        graph = FakeGraph(self, generator)
        graph.record(work)
        self.captured += 1
        return graph


@pytest.fixture(autouse=True)
def resident(monkeypatch):
    """Images are where a graph can gather them, as on a GPU."""
    monkeypatch.setattr(Pixels, "_fits", lambda pixels: True)


# ------------------------------------------------------------------------------------------------------------- learners

N, SIDE = 24, 8
TRAIN, PER_EPOCH = np.arange(21), 3
"""In batches of 8: two of them, and one of 5."""

OBJECTIVES = {
    "reconstruct": ObjectiveConfig(),
    "cross-entropy": ObjectiveConfig(loss="bce"),
    "angle": ObjectiveConfig("angle", target="turn_deg"),
    "classify": ObjectiveConfig("classify", target="kind", classes=("a", "b")),
    "regress": ObjectiveConfig("regress", target="speed", target_mean=0.5, target_deviation=0.3),
    "mask": ObjectiveConfig("mask"),
    "shuffled": ObjectiveConfig("angle", target="turn_deg", shuffle_targets=True),
    "sparse": ObjectiveConfig(sparsity="kl", sparsity_weight=0.1, sparsity_target=0.1),
}


def images():
    rng = np.random.default_rng(3)
    columns = {
        "turn_deg": rng.uniform(0, 360, N),
        "kind": np.array(["a", "b"] * N)[:N],
        "speed": rng.random(N),
    }
    pixels = rng.integers(0, 256, (N, 1, SIDE, SIDE), np.uint8)
    return ImageSet(pixels, 255.0, Metadata(columns), mask=(pixels > 128).astype(np.uint8))


def learner_of(
    objective="reconstruct", noise="gaussian:0.2", encoder="dense", checkpoint=None, augment=None, **training
):
    settings = {"batch_size": 8, "epochs": 5, "lr": RATE, "schedule": "constant", **training}
    config = RunConfig(
        DataConfig("x.npz"),
        ModelConfig(encoder, 4),
        dataclasses.replace(OBJECTIVES[objective], noise=NoiseConfig.parse(noise), augment=augment),
        TrainingConfig(**settings),
    )
    split = RunSplit(TRAIN, np.arange(21, N), TRAIN[:4])
    fitted = None
    if config.model.is_fitted:
        fitted = pca.Encoder.fit_several(images().scaled(TRAIN).reshape(len(TRAIN), -1), [4], 0)[0]
    learner = make_learner(Run("run"), config, images(), split, CPU, fitted, checkpoint)
    learner.network.train()
    return learner


def graph_engine(learner, say=lambda text: pytest.fail(text)):
    graphs = FakeGraphs()
    graphs.engine = GraphEngine(learner, graphs, say)
    return graphs.engine


def train(engine, first=0, last=15):
    """Losses of the updates from number `first` to before `last`."""
    losses = []
    for epoch in range(first // PER_EPOCH, -(-last // PER_EPOCH)):
        order = epoch_order(TRAIN, numpy_stream(42, "order", epoch))
        begun = epoch * PER_EPOCH
        batches = split_into_batches(order, 8)[max(0, first - begun) : last - begun]
        step = max(first, begun)
        engine.prepare(batches, step)
        epoch_losses = [engine.update(rows, step + number) for number, rows in enumerate(batches)]
        losses += torch.stack(epoch_losses).tolist()
    return losses


def state_of(learner):
    """Weights, statistics of batch norms, the optimizer's moments and its count of updates."""
    moments = {
        f"{number} {name}": value
        for number, values in learner.optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    return {**learner.network.state_dict(), **moments}


def assert_equal(a, b):
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


# ----------------------------------------------------------------------------------------------------- the same results


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_trains_as_it_does_eagerly(objective):
    """To the bit, over two sizes of batches: losses, weights, statistics and moments. Both sizes are captured."""
    eager, graph = learner_of(objective), learner_of(objective)
    engine = graph_engine(graph)
    assert train(engine) == train(EagerEngine(eager))
    assert_equal(state_of(graph), state_of(eager))
    graphs = engine._graphs
    assert (graphs.captured, graphs.aside_for, graphs.replays) == (2, 2 * WARM_UP_UPDATES, 15 - 2 * WARM_UP_UPDATES)


@pytest.mark.parametrize("noise", ["none", "gaussian:0.3", "salt-pepper:0.2", "masking:0.4", "poisson:20"])
def test_noise_is_that_of_the_step(noise):
    eager, graph = learner_of(noise=noise), learner_of(noise=noise)
    assert train(graph_engine(graph)) == train(EagerEngine(eager))
    assert_equal(state_of(graph), state_of(eager))


@pytest.mark.parametrize(
    ("encoder", "noise"),
    [("strided", "gaussian:0.2"), ("conv-small", "gaussian:0.2"), ("pca", "none"), ("pca", "masking:0.3")],
)
def test_networks(encoder, noise):
    """Fitted encoders, too: with codes that are made once, and with noise."""
    eager, graph = learner_of(encoder=encoder, noise=noise), learner_of(encoder=encoder, noise=noise)
    assert train(graph_engine(graph)) == train(EagerEngine(eager))
    assert_equal(state_of(graph), state_of(eager))


@pytest.mark.parametrize(
    ("objective", "encoder"), [("reconstruct", "narrow"), ("mask", "dense"), ("reconstruct", "pca")]
)
def test_muon_and_augmentation(objective, encoder):
    """Codes of a fitted encoder are made anew where images change."""
    settings = {"encoder": encoder, "augment": ("flip", "rotate", "shift", "light"), "optimizer": "muon"}
    eager, graph = (learner_of(objective, schedule="cosine", weight_decay=0.1, **settings) for _ in range(2))
    assert train(graph_engine(graph)) == pytest.approx(train(EagerEngine(eager)), rel=1e-4)
    assert type(graph.optimizer.state_dict()["param_groups"][0]["lr"]) is float
    plain = learner_of(objective, schedule="cosine", weight_decay=0.1, **{**settings, "augment": None})
    assert train(EagerEngine(plain))[0] != train(EagerEngine(learner_of(objective, **settings)))[0]


def test_the_learning_rate_is_that_of_the_step():
    """Up to the 32 bits that a GPU reads it in; with the rate of another step losses would be 5 % off."""
    eager, graph = learner_of(schedule="onecycle", lr=5e-3), learner_of(schedule="onecycle", lr=5e-3)
    assert train(graph_engine(graph)) == pytest.approx(train(EagerEngine(eager)), rel=1e-4)


def test_updates_that_were_not_announced_are_the_same():
    """In whatever order they come, and with rows that differ from those announced."""
    eager, graph = EagerEngine(learner_of()), graph_engine(learner_of())
    first, second, odd = split_into_batches(TRAIN, 8)
    graph.prepare([first, second, odd], 0)
    updates = [(first, 0), (second, 1), (odd, 2), (second, 1), (first.copy(), 0), (second, 1), (second, 7), (odd, 9)]
    losses = [[float(engine.update(rows, step)) for rows, step in updates] for engine in (eager, graph)]
    assert losses[0] == losses[1]
    assert graph._graphs.replays == 3
    assert_equal(state_of(eager.learner), state_of(graph.learner))


def test_every_update_is_counted_and_changes_the_network():
    """Those before a capture are updates like all others, and the capture itself is none."""
    learner = learner_of()
    engine = graph_engine(learner)
    weights = []
    for done in range(1, 16):
        train(engine, done - 1, done)
        state = state_of(learner)
        assert {float(values) for name, values in state.items() if name.endswith("step")} == {done}
        assert {int(values) for name, values in state.items() if name.endswith("num_batches_tracked")} == {done}
        weights.append(torch.cat([values.flatten() for values in learner.network.parameters()]).detach().clone())
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(weights))


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_goes_on_from_a_checkpoint(tmp_path, optimizer):
    """Weights and moments are loaded before anything is captured; the graph reads them and no others."""
    straight = learner_of(optimizer=optimizer)
    losses = train(graph_engine(straight))
    stopped = learner_of(optimizer=optimizer)
    first = train(graph_engine(stopped), last=8)
    state = LoopState(epoch=2, batch=2, step=8, images_seen=16)
    moments = stopped.optimizer.state_dict()
    Checkpoint(stopped.config, (1, SIDE, SIDE), stopped.network.state_dict(), moments, state).save(tmp_path / "c.pt")
    resumed = learner_of(optimizer=optimizer, checkpoint=Checkpoint.load(tmp_path / "c.pt"))
    assert first + train(graph_engine(resumed), first=8) == losses
    assert_equal(state_of(resumed), state_of(straight))


def test_the_optimizer_holds_plain_numbers_between_updates():
    """So that logs and checkpoints do; and as an eager engine leaves them."""
    eager, graph = learner_of(schedule="cosine"), learner_of(schedule="cosine")
    for engine in (EagerEngine(eager), graph_engine(graph)):
        train(engine, last=14)
    settings = [learner.optimizer.state_dict()["param_groups"] for learner in (eager, graph)]
    assert settings[0] == settings[1]
    assert type(settings[1][0]["lr"]) is float


# ---------------------------------------------------------------------------------------------- what cannot be captured


def test_the_stand_in_fails_where_tensors_are_replaced():
    """As a graph would go wrong: it would write to memory that is somebody else's by now."""
    learner = learner_of()
    engine = graph_engine(learner)
    train(engine, last=10)
    learner.optimizer.load_state_dict(learner.optimizer.state_dict() | {"state": state_copy(learner.optimizer)})
    with pytest.raises(AssertionError, match="a captured tensor was replaced"):
        train(engine, first=10)


def state_copy(optimizer):
    return {
        number: {name: value.clone() for name, value in values.items()}
        for number, values in optimizer.state_dict()["state"].items()
    }


def read_back(objective, output, target):
    losses = (output.prediction - target).square().flatten(1).mean(1)
    return losses * (1.0 if losses.sum().item() > 0 else 2.0)


def from_python(objective, output, target):
    return (output.prediction - target).square().flatten(1).mean(1) * torch.tensor(0.5)


def of_its_own_noise(objective, output, target):
    return (output.prediction - target).square().flatten(1).mean(1) * torch.rand(())


@pytest.mark.parametrize("losses", [read_back, from_python])
def test_what_cannot_be_captured_is_trained_eagerly_and_said_once(monkeypatch, losses):
    """A loss that reads back a value, and one that sends one: nothing of the failed capture is left in the results."""
    monkeypatch.setattr(reconstruct.Objective, "losses", losses)
    said = []
    eager, graph = learner_of(), learner_of()
    assert train(graph_engine(graph, said.append)) == train(EagerEngine(eager))
    assert_equal(state_of(graph), state_of(eager))
    (text,) = said
    assert text.startswith("note: updates are not captured as a CUDA graph")


def test_the_stand_in_fails_where_noise_comes_from_elsewhere(monkeypatch):
    monkeypatch.setattr(reconstruct.Objective, "losses", of_its_own_noise)
    said = []
    train(graph_engine(learner_of(), said.append))
    assert "default generator" in said[0]


def test_targets_that_know_no_rows_on_the_device(monkeypatch):
    """An objective from outside, which takes rows as an array: seen before anything is computed."""

    def batch(targets, rows, images):
        return torch.from_numpy(np.asarray(rows, np.float32) if isinstance(rows, np.ndarray) else rows)

    def losses(objective, output, target):
        return output.prediction.flatten(1).mean(1) * target

    monkeypatch.setattr(reconstruct.Objective, "losses", losses)
    monkeypatch.setattr(reconstruct._Images, "batch", batch)
    said = []
    eager, graph = learner_of(), learner_of()
    engine = graph_engine(graph, said.append)
    assert said[0].startswith("note: updates are not captured")
    assert "the targets of 'reconstruct'" in said[0]
    assert train(engine) == train(EagerEngine(eager))
    assert len(said) == 1
    assert_equal(state_of(graph), state_of(eager))


# --------------------------------------------------------------------------------------------------------- which engine


def test_auto_captures_on_cuda_only():
    assert engine_name("auto", CUDA) == engine_name("graph", CUDA) == "graph"
    assert engine_name("eager", CUDA) == engine_name("auto", CPU) == engine_name("auto", torch.device("mps")) == "eager"
    with pytest.raises(UserError, match=r"--engine graph: .*'cpu'; use --engine auto or eager"):
        engine_name("graph", CPU)
    assert type(make_engine(learner_of(), print)) is EagerEngine


FLAGS = ("--epochs", 4, "--batch-size", 16, "--val-interval", 2, "--noise", "gaussian:0.3", "--seed", 3)


@pytest.fixture
def captured(monkeypatch):
    """Have trainings capture their updates; the list fills with their engines."""
    made = []

    def make(learner, say):
        made.append(graph_engine(learner, say))
        return made[-1]

    monkeypatch.setattr(start, "make_engine", make)
    return made


def rows_of(run):
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {name: float(row[name] or 0) for name in row if name not in ("seconds", "images_per_second")} for row in rows
    ]


def test_a_whole_run(tiny, tmp_path, succeed, captured, monkeypatch):
    """Snapshots, validations, checkpoints and logs between replays: it ends as an eager one, but for rounding."""
    succeed("train", tiny, "--run", tmp_path / "graph", *FLAGS, "--quiet")
    (engine,) = captured
    assert engine._graphs.replays > 0
    monkeypatch.undo()
    succeed("train", tiny, "--run", tmp_path / "eager", *FLAGS, "--quiet")
    for ours, theirs in zip(rows_of(tmp_path / "graph"), rows_of(tmp_path / "eager"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
        assert ours["lr"] == theirs["lr"]
    last = [torch.load(tmp_path / name / "checkpoints" / "last.pt", weights_only=True) for name in ("graph", "eager")]
    assert last[0]["optimizer"]["param_groups"] == last[1]["optimizer"]["param_groups"]
    shapes = [{n: {k: v.shape for k, v in s.items()} for n, s in c["optimizer"]["state"].items()} for c in last]
    assert shapes[0] == shapes[1]


def test_captured_runs_take_turns(tiny, tmp_path, captured, assert_same_run):
    """Each with its graphs: three together are what each is alone, to the bit; one that diverges ends by itself."""
    images_there = load_images(tiny)

    def member(seed, **training):
        settings = {"epochs": 3, "batch_size": 16, "seed": seed, "val_interval": 2, **training}
        config = RunConfig(
            DataConfig(str(tiny), split="random"), ModelConfig("dense", 3), training=TrainingConfig(**settings)
        )
        return Member(str(seed), {}, seed, config)

    members = [member(0), member(1), member(2, lr=1e18), member(3)]
    for one in members:
        if one.seed != 2:
            start.train(one.config, tmp_path / "alone" / one.name, data=images_there)
    beside = tmp_path / "beside"
    failed = train_members(members, beside, finish=lambda folder, config: None, images=images_there, together=4)
    assert list(failed) == ["2"]
    assert len(captured) == 7
    assert all(engine._graphs.replays > 0 for engine in captured[:3])
    for one in members:
        if one.seed != 2:
            assert_same_run(beside / one.name, tmp_path / "alone" / one.name)


def test_a_loss_that_is_no_number_is_named_by_its_step(tiny, tmp_path, call, captured, monkeypatch):
    """Losses are looked at seldom on a GPU."""
    monkeypatch.setitem(loop.LOSS_CHECK_INTERVAL, "cpu", 20)
    update = GraphEngine.update

    def spoil(engine, rows, step):
        if step == 7:
            next(engine.learner.network.parameters()).data.fill_(float("nan"))
        return update(engine, rows, step)

    monkeypatch.setattr(GraphEngine, "update", spoil)
    flags = (*FLAGS, "--snapshots-per-epoch", 0, "--quiet")
    call("train", tiny, "--run", tmp_path / "run", *flags).refused("the loss became nan at step 8 (epoch 3")


def test_the_engine_may_change_when_a_run_is_resumed(tiny, tmp_path, call, succeed, signal_at):
    run = tmp_path / "run"
    patch = signal_at(signal.SIGTERM, 5)
    assert call("train", tiny, "--run", run, *FLAGS, "--quiet").status == 128 + signal.SIGTERM
    patch.undo()
    environment = json.loads((run / "environment.json").read_text())
    assert environment["engine"] == "eager"
    (run / "environment.json").write_text(json.dumps(environment | {"engine": "graph"}))
    call("train", "--resume", run, "--engine", "graph").refused("--engine graph", "--engine auto or eager")
    said = succeed("train", "--resume", run, "--engine", "eager").out
    assert "this run was trained with engine graph, now eager" in said
    assert json.loads((run / "config.json").read_text())["training"]["engine"] == "eager"


def test_a_graph_is_refused_on_the_processor_before_anything_is_made(tiny, tmp_path, call):
    call("train", tiny, "--run", tmp_path / "run", "--engine", "graph", "--device", "cpu").refused("--engine graph")
    assert not (tmp_path / "run").exists()


def test_capture_tells_the_first_error(monkeypatch):
    """The end of a failed capture fails as well; that says only that something was wrong before."""

    def capture(graphs, work, generator):
        try:
            raise RuntimeError("the true reason\nand more")
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")

    monkeypatch.setattr(FakeGraphs, "capture", capture)
    said = []
    train(graph_engine(learner_of(), said.append))
    assert said[0].endswith("the true reason")
