"""Workers of a cluster are killed amid their runs; others resume these, and end as if nothing had been."""

import json
import os
import signal
import threading
import time

import pytest

from autoencoder.config import DataConfig, ModelConfig, NoiseConfig, ObjectiveConfig, RunConfig, TrainingConfig
from autoencoder.study.cluster import connect
from autoencoder.study.designs.design import Member
from autoencoder.study.training import train_members
from autoencoder.workflows.study.study import finish

KIND = "killed: worker of a cluster"


@pytest.fixture
def cluster(root, monkeypatch):
    """A scheduler, and two workers, each with a process that starts another one when it dies."""
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    monkeypatch.setenv("PYTHONPATH", str(root))
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", "memory_limit": None}
    # By default a local cluster, unlike others, dismisses a worker that is not there 15 s after it died: it may have
    # died a second time, and with the last worker all work would end.
    patient = dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"})
    with patient, distributed.LocalCluster(n_workers=2, silence_logs=100, **options) as made:
        yield made


class Killer(threading.Thread):
    """Kills processes that train a run below a folder, at random moments, until it has killed as many as it is to.

    Args:
        folder: of runs.
        n: processes to kill.
        moments: where the random moments come from.
        longest: seconds that a process may work on after its run has left a checkpoint.
    """

    def __init__(self, folder, n, moments, longest):
        super().__init__(daemon=True)
        self._folder, self._n, self._moments, self._longest = folder, n, moments, longest
        self.killed = []
        self.over = threading.Event()

    def run(self):
        while len(self.killed) < self._n and not self.over.wait(0.01):
            for note in self._folder.rglob(".lock.json"):
                pid = self._trained_by(note)
                if pid not in (None, *self.killed) and any(note.parent.glob("latents/*.npy")):
                    time.sleep(self._moments.uniform(0, self._longest))
                    if self._trained_by(note) == pid:
                        os.kill(pid, signal.SIGKILL)
                        self.killed.append(pid)

    @staticmethod
    def _trained_by(note):
        try:
            return json.loads(note.read_text())["pid"]
        except (OSError, ValueError):
            return None  # it has ended meanwhile


def members(tiny, seeds, epochs):
    """Runs of 12 updates in an epoch."""
    noise = NoiseConfig("gaussian", 0.3)
    objectives = [ObjectiveConfig(noise=noise), ObjectiveConfig("angle", noise=noise, target="body_angle_deg")]
    data, model = DataConfig(str(tiny), split="random"), ModelConfig("dense", 3)
    made = []
    for seed in range(seeds):
        training = TrainingConfig(epochs=epochs, batch_size=4, val_interval=1, threads=1, seed=seed)
        made += [
            Member(f"{objective.name}-{seed}", {}, seed, RunConfig(data, model, objective, training))
            for objective in objectives
        ]
    return made


# Slow also with one kill, as workers import torch when they start; tests/study/test_cluster.py has what is fast.
@pytest.mark.slow
@pytest.mark.parametrize(("n_kills", "seeds", "epochs"), [(1, 1, 12), (12, 3, 120)])
def test_killed_workers(
    tiny, tmp_path, cluster, moments, tally, judged, count_whole, assert_same_run, n_kills, seeds, epochs
):
    out, straight = tmp_path / "out", tmp_path / "straight"
    runs = members(tiny, seeds, epochs)
    killer = Killer(out, n_kills, moments, longest=0.3)
    killer.start()
    with judged(KIND, "lost"):
        client = connect("dask", cluster.scheduler_address)
        failed = train_members(runs, out, finish=finish, backend="dask", cluster=client)
        killer.over.set()
        killer.join()
        assert failed == {}
        assert killer.killed, "no worker was killed amid a run"
        assert os.getpid() not in killer.killed
        tally(KIND, tried=len(killer.killed), survived=len(killer.killed), files_checked=count_whole(out))
    assert train_members(runs, straight, finish=finish) == {}
    resumed = [json.loads((out / run.name / "environment.json").read_text()).get("resumed", []) for run in runs]
    assert any(resumed), "no run was resumed"
    tally(KIND, resumed=sum(map(len, resumed)))
    with judged(KIND, "differences"):
        for run in runs:
            assert_same_run(out / run.name, straight / run.name)
