"""Where a network runs, and the machine's settings that it runs fastest with."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from autoencoder.config import DEVICES
from autoencoder.errors import UserError
from autoencoder.version import __version__


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes CUDA where there is one, then Apple's, then the CPU.

    Raises:
        UserError: this machine, or this build of torch, has no such device.
    """
    if name not in DEVICES:
        raise UserError(f"unknown device '{name}': choose from {', '.join(DEVICES)}")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        built_for = torch.version.cuda
        why = "no GPU was found" if built_for else "this build of torch is for the CPU only"
        raise UserError(f"--device cuda: {why}; use --device cpu or auto, or install a torch with CUDA and its driver")
    if name == "mps" and not torch.backends.mps.is_available():
        raise UserError("--device mps: this machine has no Apple GPU that torch can use; use --device cpu or auto")
    return torch.device(name)


VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"
"""Environment variable that says which GPUs a process sees, from its start on."""

PART_OF_GPU = "MIG-"
"""How the name of a part of a divided GPU begins there."""


def all_gpus(device: torch.device) -> list[str]:
    """The GPUs that `device` leaves the choice of, each as `VISIBLE_GPUS` names it; nothing where it is none."""
    if device.type != "cuda" or device.index is not None:
        return []
    n = torch.cuda.device_count()
    visible = os.environ.get(VISIBLE_GPUS)
    if visible is None:
        return [str(number) for number in range(n)]
    names = [name.strip() for name in visible.split(",")]
    if all(name.startswith(PART_OF_GPU) for name in names):
        return names  # of these a process uses one, so torch counts one
    return names[:n]


CUBLAS_SETTING = "CUBLAS_WORKSPACE_CONFIG"
"""Environment variable that cuBLAS reads when it starts: where its sums are put together."""

CUBLAS_DETERMINISTIC = (":4096:8", ":16:8")
"""Its values with which products of matrices are the same every time; the first is the faster one."""

NO_DETERMINISTIC_FORM = "does not have a deterministic"
"""What torch says of an operation that it refuses."""


def prepare_machine(device: torch.device, threads: int | None = None, *, deterministic: bool = False) -> None:
    """Settings of this process that make training faster and change no result beyond rounding.

    Args:
        device: where to compute.
        threads: of the processor; None for as many as there are.
        deterministic: take algorithms only that give the same bits every time. This holds for the process from here on.

    Raises:
        UserError: it is too late for deterministic algorithms.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if deterministic:
        _make_deterministic(device)
    elif device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    elif device.type == "cpu":
        keep_freed_memory()


def _make_deterministic(device: torch.device) -> None:
    if device.type == "cuda":
        if os.environ.get(CUBLAS_SETTING) not in CUBLAS_DETERMINISTIC:
            if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
                raise UserError(
                    "--deterministic: this process already uses the GPU, and was not set up for deterministic matrix "
                    f"products: set the environment variable {CUBLAS_SETTING}={CUBLAS_DETERMINISTIC[0]} first"
                )
            os.environ[CUBLAS_SETTING] = CUBLAS_DETERMINISTIC[0]
        torch.backends.cudnn.benchmark = False  # it chooses by time, which differs from run to run
    torch.use_deterministic_algorithms(True)


@contextmanager
def naming_what_is_not_deterministic() -> Iterator[None]:
    """Have an operation that torch refuses, since it gives other bits every time, refused in words for the user.

    Raises:
        UserError: the block did such an operation.
    """
    try:
        yield
    except RuntimeError as error:
        if NO_DETERMINISTIC_FORM not in str(error):
            raise
        raise UserError(
            f"--deterministic: {str(error).split()[0]} is not deterministic on this device, and torch "
            f"{torch.__version__} has no deterministic form of it: train without --deterministic, or on --device cpu"
        ) from None


def ends_all_on_gpu(error: BaseException) -> bool:
    """Whether an error is the GPU's own, after which it does nothing more for this process; full memory is not."""
    if isinstance(error, torch.OutOfMemoryError):
        return False
    lost: type | None = getattr(torch, "AcceleratorError", None)  # from torch 2.8 on; a RuntimeError before
    return (lost is not None and isinstance(error, lost)) or "CUDA error" in str(error)


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of glibc's `mallopt`, from `malloc.h`."""


def keep_freed_memory() -> bool:
    """Have glibc keep freed memory for the next step instead of giving it back to the system.

    The activations of a batch are tens of megabytes. By default each is mapped when it is needed and unmapped when it
    is not, so that every step pays for its page faults again: half of a step's time for the network `conv`.

    Returns:
        whether the setting was made; it is left alone where the C library is not glibc.
    """
    libc = _glibc()
    if libc is None:
        return False
    no_mapping = bool(libc.mallopt(M_MMAP_MAX, 0))
    no_trimming = bool(libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
    return no_mapping and no_trimming


def give_back_freed_memory() -> None:
    """Have glibc give what it keeps back to the system, wherever in its heap that lies; it may be taken again.

    Where results of a few bytes are kept between batches of a hundred megabytes, each splits a freed piece, which is
    then too small for the next batch: what is kept grows with every batch, to several times what is ever needed.
    """
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    is_glibc = sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc"
    return ctypes.CDLL("libc.so.6") if is_glibc else None


def describe_environment(device: torch.device) -> dict[str, Any]:
    """What the numbers of a run may depend on, beside its configuration: versions, device, threads."""
    return {
        "autoencoder": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or None,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }
