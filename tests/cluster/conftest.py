"""A real Slurm on this machine, all of whose files lie in a temporary folder; stopped when the tests are done."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel")
"""Of Debian's `munge` and `slurm-wlm`."""

CPUS = 8
"""That the node is said to have, whatever it has: jobs are to run at once."""

STARTED_WITHIN, DONE_WITHIN = 60, 600
"""Seconds that the daemons have to start, and a job to end."""

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=200000
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=100000 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=60 State=UP
"""
"""Without systemd, control groups or a database; reached from this machine only."""


@dataclass(frozen=True)
class Slurm:
    """A Slurm that runs.

    Attributes:
        environment: in which its commands find it.
        folder: of its files.
    """

    environment: dict[str, str]
    folder: Path

    def ask(self, *command: object) -> str:
        """What a command of Slurm answers."""
        done = subprocess.run(
            [str(part) for part in command], env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr, self.logs())
        return done.stdout.strip()

    def submit(self, *arguments: object, cwd: Path) -> str:
        """The number of a job that `sbatch` has taken."""
        return self.ask("sbatch", "--parsable", "--chdir", cwd, *arguments)

    def state(self, job: str) -> dict[str, str]:
        """What `scontrol show job` says, of the first of an array."""
        said = self.ask("scontrol", "show", "--oneliner", "job", job).splitlines()[0]
        return dict(part.split("=", 1) for part in said.split() if "=" in part)

    def wait(self, job: str, reached: Callable[[dict[str, str]], bool], log: Path) -> dict[str, str]:
        """Wait until a job's state is as it is to be; its log is shown where that does not happen."""
        end = time.monotonic() + DONE_WITHIN
        while not reached(state := self.state(job)):
            over = time.monotonic() > end or state["JobState"] in ("FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
            assert not over, (state, log.read_text() if log.exists() else "no log", self.logs())
            time.sleep(0.1)
        return state

    def logs(self) -> str:
        """The last that the daemons said."""
        return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in sorted(self.folder.glob("*.log")))


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Slurm]:
    """Skipped, with the reason, where Slurm cannot start."""
    lacking = [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]
    if lacking:
        pytest.skip(f"{', '.join(lacking)} not found: apt-get install slurm-wlm munge")
    if os.getuid() != 0:
        pytest.skip("Slurm's daemons are started as root here")
    folder = tmp_path_factory.mktemp("slurm")
    environment = {
        **os.environ,
        "PATH": _path(),
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PYTHONPATH": str(root),
        "OMP_NUM_THREADS": "1",
    }
    made = Slurm(environment, folder)
    with ExitStack() as daemons:
        problem = _start(made, daemons)
        if problem:
            pytest.skip(f"Slurm does not start here: {problem}; {made.logs()}")
        yield made
        made.ask("scancel", "--quiet", "--user", "root")
        _no_job_left(made)


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _start(slurm: Slurm, daemons: ExitStack) -> str | None:
    """Start all daemons; why one does not answer, or None."""
    folder, host = slurm.folder, socket.gethostname().partition(".")[0]
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir()
    for part in (folder, *folder.parents[:3]):
        if part.stat().st_uid == os.getuid() and part != Path("/tmp"):
            part.chmod(part.stat().st_mode & ~0o022 | 0o711)  # whoever has a way to the socket may use it, and no other
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    controller_port, node_port = _free_ports(2)
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(host=host, folder=folder, controller_port=controller_port, node_port=node_port, cpus=CPUS)
    )
    munge = folder / "munge"
    files = [
        f"--{name}={munge / part}"
        for name, part in [("socket", "socket"), ("key-file", "key"), ("pid-file", "pid"), ("seed-file", "seed")]
    ]
    starts = {
        "munged": (["munged", "--foreground", "--force", f"--log-file={munge / 'log'}", *files], munge / "socket"),
        "slurmctld": (["slurmctld", "-D", "-c"], None),
        "slurmd": (["slurmd", "-D", "-c", "-N", host], None),
    }
    for name, (command, appears) in starts.items():
        daemon = daemons.enter_context(_daemon(command, folder / f"{name}.log", slurm.environment))
        end = time.monotonic() + STARTED_WITHIN
        while not _answers(slurm, name, host, appears):
            if daemon.poll() is not None:
                return f"{name} ended with status {daemon.returncode}"
            if time.monotonic() > end:
                return f"{name} does not answer within {STARTED_WITHIN} s"
            time.sleep(0.1)
    return None


def _answers(slurm: Slurm, name: str, host: str, appears: Path | None) -> bool:
    if appears is not None:
        return appears.exists()
    command = ["scontrol", "ping"] if name == "slurmctld" else ["scontrol", "show", "--oneliner", "node", host]
    done = subprocess.run(command, env=slurm.environment, capture_output=True, text=True, timeout=60)
    return ("is UP" if name == "slurmctld" else "State=IDLE ") in done.stdout


@contextmanager
def _daemon(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    """A process that is stopped where the block ends."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _no_job_left(slurm: Slurm) -> None:
    end = time.monotonic() + 30
    while slurm.ask("squeue", "--noheader") and time.monotonic() < end:
        time.sleep(0.2)


def _free_ports(n: int) -> list[int]:
    with ExitStack() as taken:
        sockets = [taken.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
