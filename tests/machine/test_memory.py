"""How much memory there is: the machine's, and what the groups of a shared machine or a container leave of it."""

from pathlib import Path

import pytest

from autoencoder.errors import UserError
from autoencoder.machine import memory

GB = 10**9


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GB available, whose files of the system lie below the returned folder."""
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    write(tmp_path / "proc" / "meminfo", f"MemTotal: 1 kB\nMemAvailable: {8 * GB // 1024} kB\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def group(folder: Path, limit: object, usage: int, cache: int = 0) -> None:
    """A group of version 2 of the groups."""
    write(folder / "memory.max", f"{limit}\n")
    write(folder / "memory.current", f"{usage}\n")
    write(folder / "memory.stat", f"anon 5\ninactive_file {cache}\nactive_file 7\n")


def old_group(folder: Path, limit: int, usage: int, cache: int = 0) -> None:
    """A group of version 1."""
    write(folder / "memory.limit_in_bytes", f"{limit}\n")
    write(folder / "memory.usage_in_bytes", f"{usage}\n")
    write(folder / "memory.stat", f"cache 5\ninactive_file 1\ntotal_inactive_file {cache}\n")


def test_of_this_machine_it_is_plausible() -> None:
    available = memory.available_memory()
    assert available is None or 2**20 < available < 2**50


def test_without_groups_it_is_what_the_machine_says(machine: Path) -> None:
    assert memory.available_memory() == pytest.approx(8 * GB, rel=1e-6)


def test_a_limit_on_the_process_counts_less_what_is_used_already(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "0::/user/job\n")
    group(machine / "cgroup" / "user" / "job", 3 * GB, 2 * GB)
    assert memory.available_memory() == 1 * GB


def test_a_limit_on_a_group_above_counts_too(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "0::/user/job\n")
    group(machine / "cgroup" / "user" / "job", "max", 2 * GB)
    group(machine / "cgroup" / "user", 6 * GB, 4 * GB)
    assert memory.available_memory() == 2 * GB


def test_a_cache_of_files_is_given_up_on_demand(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "0::/\n")
    group(machine / "cgroup", 4 * GB, 4 * GB - 1000, cache=3 * GB)
    assert memory.available_memory() == 3 * GB + 1000


def test_version_1_within_a_container_that_is_told_the_hosts_path(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n")
    old_group(machine / "cgroup" / "memory", 3 * GB, 1 * GB, cache=500)
    assert memory.available_memory() == 2 * GB + 500


def test_a_group_that_uses_more_than_its_limit_leaves_nothing(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "0::/\n")
    group(machine / "cgroup", 1 * GB, 2 * GB)
    assert memory.available_memory() == 0


@pytest.mark.parametrize("text", ["", "nonsense\n", "0::\n", "\xff\n", "0::/../../..\n"])
def test_what_cannot_be_understood_limits_nothing(machine: Path, text: str) -> None:
    write(machine / "proc" / "self" / "cgroup", text)
    group(machine / "cgroup", "nonsense", 1)
    assert memory.available_memory() == pytest.approx(8 * GB, rel=1e-6)


def test_the_refusal_says_both_sizes_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 2 * GB)
    memory.refuse_too_large("the movie", 2 * GB, "make it shorter")
    with pytest.raises(UserError, match=r"^the movie would take 2\.50 GB .*, and 2\.00 GB is available: shorter$"):
        memory.refuse_too_large("the movie", 5 * GB // 2, "shorter")
    with pytest.raises(UserError, match="would take over 1,000,000 GB"):
        memory.refuse_too_large("the movie", 10**400, "shorter")
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    memory.refuse_too_large("the movie", 10**400, "shorter")


def test_the_limit_in_all_is_the_smallest_one(machine: Path) -> None:
    assert memory.memory_limit() is None
    write(machine / "proc" / "self" / "cgroup", "4:memory:/job\n0::/user/job\n")
    group(machine / "cgroup" / "user" / "job", 6 * GB, 2 * GB)
    old_group(machine / "cgroup" / "memory" / "job", 2**63 - 4096, 2 * GB)  # as version 1 says that there is none
    assert memory.memory_limit() == 6 * GB
    group(machine / "cgroup" / "user", 3 * GB, 2 * GB)
    assert memory.memory_limit() == 3 * GB
