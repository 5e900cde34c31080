"""Memory of a training process on a memory-mapped set: 500,000 images of 50x50 uint8, 1.25 GB.

    python benchmarks/memory.py [--images 500000] [--seconds 60]

Starts `autoencoder train` on the set, watches the process for so long after its first snapshot, stops it by SIGTERM,
and does the same with a set of 2,000 images, whose peak is what torch and the network take. Linux only.
"""

from __future__ import annotations

import argparse
import math
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from arguments import parse

from autoencoder import make_arena
from autoencoder.runs.folder import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=500_000)
    parser.add_argument("--few", type=int, default=2000, help="images of the small set")
    parser.add_argument("--seconds", type=float, default=60)
    args = parse(parser, images=300, few=100, seconds=0.1)
    if not sys.platform.startswith("linux"):
        parser.error("memory is read from /proc, which is Linux's")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        some = make_arena(args.few, seed=0).images
        np.save(folder / "small.npy", some)
        large = np.lib.format.open_memmap(folder / "large.npy", "w+", np.uint8, (args.images, *some.shape[1:]))
        for start in range(0, args.images, len(some)):
            large[start : start + len(some)] = some[: args.images - start]
        large.flush()
        del large
        size = (folder / "large.npy").stat().st_size
        peaks = {
            name: _watch(folder / f"{name}.npy", folder / f"run-{name}", args.seconds) for name in ("small", "large")
        }
    for name, (resident, anonymous) in peaks.items():
        print(f"{name} set: peak resident {resident / 1e9:.2f} GB, of which anonymous {anonymous / 1e9:.2f} GB")
    extra = peaks["large"][0] - peaks["small"][0]
    print(f"the set of {size / 1e9:.2f} GB takes {extra / 1e9:.2f} GB more than the small one, file pages included; "
          f"anonymous memory {(peaks['large'][1] - peaks['small'][1]) / 1e9:+.2f} GB")  # fmt: skip


def _watch(data: Path, run: Path, seconds: float) -> tuple[int, int]:
    """Peak resident and anonymous bytes of a training process until `seconds` after its first snapshot."""
    command = [
        sys.executable,
        "-m",
        "autoencoder",
        "train",
        str(data),
        "--run",
        str(run),
        "--epochs",
        "1000",
        "--quiet",
    ]
    process = subprocess.Popen(command)
    resident = anonymous = 0
    first_snapshot, deadline = Run(run).snapshot_index_file, math.inf
    while time.monotonic() < deadline:
        if deadline == math.inf and first_snapshot.exists():
            deadline = time.monotonic() + seconds
        if process.poll() is not None:
            raise SystemExit(f"training ended early with status {process.returncode}")
        resident, anonymous = (
            max(resident, _field(process.pid, "VmRSS")),
            max(anonymous, _field(process.pid, "RssAnon")),
        )
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    status = process.wait(60)
    if status != 143:
        raise SystemExit(f"training left with status {status} after SIGTERM, not 143")
    return resident, anonymous


def _field(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
