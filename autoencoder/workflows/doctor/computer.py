"""The machine that commands run on: device, cores, memory, ffmpeg, folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from autoencoder.errors import problems_of
from autoencoder.machine.caches import FOLDERS, cache_folders, nearest_existing
from autoencoder.machine.memory import available_memory, memory_limit, memory_of_machine
from autoencoder.workflows.doctor.found import Found, said_bytes

DRIVER = Path("/proc/driver/nvidia/gpus")
"""Holds an entry for each NVIDIA GPU that the system's driver knows (Linux)."""

THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_WAIT_POLICY")
"""Environment variables by which threads are limited; shown where they are set."""

LITTLE = 1e9
"""Bytes; less memory or space on the disk than this is said."""


def device() -> Found:
    """What `--device auto` takes, and why no GPU is used where none is."""
    import torch

    from autoencoder.machine.device import VISIBLE_GPUS, choose_device

    chosen, built_for = choose_device("auto"), torch.version.cuda
    found = Found({"device": str(chosen), "torch is built for": f"CUDA {built_for}" if built_for else "no CUDA"})
    visible = os.environ.get(VISIBLE_GPUS)
    if visible is not None:
        found.rows[VISIBLE_GPUS] = visible or "empty, so no GPU is seen"
    if chosen.type == "cuda":
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            name = torch.cuda.get_device_name(number)
            found.rows[f"GPU {number}"] = f"{name}, {said_bytes(free)} of {said_bytes(total)} free"
    elif chosen.type == "cpu":
        there = len(list(DRIVER.iterdir())) if DRIVER.is_dir() else 0
        if not there:
            found.rows["GPU"] = "none: no NVIDIA driver is loaded here, and there is no Apple GPU"
            return found
        if built_for is None:
            why = "this build of torch is for the processor only: install one with CUDA (https://pytorch.org)"
        elif visible is not None:
            why = f"{VISIBLE_GPUS} leaves none: unset it, or name one that there is"
        else:
            why = f"torch for CUDA {built_for} finds none: its driver is too old (nvidia-smi), or a container hides it"
        found.rows["GPU"] = f"none is used: {why}"
        if visible is None:
            found.notes.append(f"this machine has {there} NVIDIA GPU{'s' * (there != 1)}, but {why}")
    return found


def processor() -> Found:
    """Cores and threads."""
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = Found(
        {
            "cores": f"{os.cpu_count()}, of which this process may use {usable}",
            "threads of torch": str(torch.get_num_threads()),
            "instructions": torch.backends.cpu.get_cpu_capability(),
        }
    )
    found.rows |= {name: os.environ[name] for name in THREAD_SETTINGS if name in os.environ}
    if torch.get_num_threads() > usable:
        found.notes.append(
            f"torch uses {torch.get_num_threads()} threads, and this process may use {usable} cores, which is slow: "
            f"give --threads {usable}, or set OMP_NUM_THREADS={usable}"
        )
    return found


def memory() -> Found:
    """What the machine has, what a container allows, what is left."""
    total, limit, left = memory_of_machine(), memory_limit(), available_memory()
    found = Found(
        {
            "of the machine": "unknown" if total is None else said_bytes(total),
            "limit on this process": "none" if limit is None else f"{said_bytes(limit)} (a container or a job)",
            "available": "unknown" if left is None else said_bytes(left),
        }
    )
    if left is not None and left < LITTLE:
        found.notes.append(f"{said_bytes(left)} of memory is available: large data sets will not fit")
    return found


def ffmpeg() -> Found:
    """Which ffmpeg decodes videos and writes movies, and whether it starts."""
    import imageio_ffmpeg

    remedy = "pip install --force-reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to one that works"
    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
        done = subprocess.run(
            [program, "-version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        return Found({"ffmpeg": "does not start"}, [f"ffmpeg does not start ({error}): {remedy}"])
    if done.returncode:
        return Found({"ffmpeg": program}, [f"{program} -version ends with status {done.returncode}: {remedy}"])
    words = done.stdout.split()
    return Found({"ffmpeg": f"{words[2] if len(words) > 2 else 'of an unknown version'} ({program})"})


def folders(out: Path) -> Found:
    """Where files go: those of runs, temporary ones, and what numba and matplotlib keep.

    Args:
        out: where runs would go; it need not exist.
    """
    from autoencoder.machine.files import check_writable  # here, since it takes numpy, which may be broken

    found = _folder("runs", out, "choose another folder")
    found.add(_folder("temporary files", Path(tempfile.gettempdir()), "set TMPDIR to another folder"))
    for variable, places in cache_folders().items():
        name = FOLDERS[variable]
        problems = [problem for place in places for problem in problems_of(check_writable, place)]
        found.rows[name] = ", ".join(map(str, places))
        found.problems += [f"{name} cannot keep its files: {problem} (set {variable})" for problem in problems]
    return found


def _folder(what: str, folder: Path, remedy: str) -> Found:
    """Whether files can be written there, and how much space is left."""
    from autoencoder.machine.files import check_writable

    problems = [f"no {what} can be written: {problem}" for problem in problems_of(check_writable, folder)]
    there = nearest_existing(folder.absolute())
    found = Found({what: str(folder.absolute())}, problems)
    if there is not None:
        free = shutil.disk_usage(there).free
        found.rows[what] += f", {said_bytes(free)} free"
        if free < LITTLE:
            found.notes.append(f"{said_bytes(free)} is free where {what} go ({folder}): free some, or {remedy}")
    return found
