"""Versions of the packages that commands need, and of those that extras bring."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from autoencoder.version import DISTRIBUTION, __version__, installing
from autoencoder.workflows.doctor.found import Found

NEEDED = {
    "filelock": "3.24",
    "h5py": "3.9",
    "imageio": "2.33",
    "imageio-ffmpeg": "0.5",
    "joblib": "1.3",
    "matplotlib": "3.8",
    "numba": "0.59",
    "numpy": "1.26",
    "pillow": "10",
    "rich": "13",
    "scikit-learn": "1.6",
    "shtab": "1.13",
    "threadpoolctl": "3.1",
    "torch": "2.4",
    "umap-learn": "0.5.6",
}
"""Distributions and the oldest version of each that is enough; a test holds them to pyproject.toml."""


@dataclass(frozen=True)
class Extra:
    """An optional part.

    Attributes:
        needs: distributions and the oldest version of each, as in `NEEDED`.
        gives: what works with it, in a few words.
    """

    needs: dict[str, str]
    gives: str


EXTRAS = {
    "cluster": Extra({"distributed": "2024.1"}, "studies on a Dask cluster"),
    "comet": Extra({"comet_ml": "3.47"}, "train --comet"),
    "netcdf": Extra({"h5netcdf": "1.3", "xarray": "2024.1"}, "encode to .nc"),
    "nwb": Extra({"pynwb": "3.1"}, "encode to .nwb"),
    "onnx": Extra({"onnx": "1.18", "onnxscript": "0.5", "torch": "2.6"}, "export of networks as .onnx"),
    "parquet": Extra({"pyarrow": "14"}, "tables as .parquet"),
    "pose": Extra({"sleap-io": "0.3"}, "poses of more trackers"),
    "safetensors": Extra({"safetensors": "0.4.3"}, "export of networks as .safetensors"),
    "tensorboard": Extra({"tensorboard": "2.15"}, "train --tensorboard"),
    "topology": Extra({"ripser": "0.6.8"}, "rings in codes"),
    "tsne": Extra({"openTSNE": "1.0.1"}, "--reduce tsne"),
    "wandb": Extra({"wandb": "0.26"}, "train --wandb"),
}
"""By their names; a test holds them to pyproject.toml."""

IMPORTED = ("h5py", "matplotlib.pyplot", "sklearn.neighbors", "numba", "umap")
"""Modules that are imported to see whether they can be; that of torch is used anyway."""

TRY_IMPORTS = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
failed = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = f"{type(error).__name__}: {error}"
print(json.dumps(failed))
"""

MOST_SECONDS = 120.0
"""How long the imports may take; the first ones after an installation compile and read much."""


def versions() -> Found:
    """Versions of Python and of all that commands need; what is missing or too old is a problem."""
    found = Found(
        {
            "autoencoder": f"{__version__} in {Path(__file__).parents[2]}",
            "Python": f"{platform.python_version()} ({platform.python_implementation()})",
            "system": platform.platform(),
        }
    )
    for name, least in NEEDED.items():
        version = installed(name)
        found.rows[name] = version or "missing"
        if version is None:
            found.problems.append(f"{name} is not installed: pip install '{name}>={least}', or {DISTRIBUTION} anew")
        elif _numbers(version) < _numbers(least):
            found.problems.append(f"{name} {version} is too old: pip install -U '{name}>={least}'")
    return found


def extras() -> Found:
    """Which optional parts are there, and what each gives; one that is too old is a note."""
    found = Found()
    for extra, part in EXTRAS.items():
        there = {name: installed(name) for name in part.needs}
        missing = [name for name, version in there.items() if version is None]
        said = ", ".join(f"{name} {version}" for name, version in there.items() if version is not None)
        found.rows[extra] = f"{said} ({part.gives})"
        if missing:
            found.rows[extra] = f"not installed; for {part.gives}: {installing(extra)}"
            continue
        found.notes += [
            f"{name} {there[name]} is too old for the extra '{extra}': pip install -U '{name}>={least}'"
            for name, least in part.needs.items()
            if _numbers(there[name] or "") < _numbers(least)
        ]
    return found


def installed(name: str) -> str | None:
    """The version of a distribution; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Of `"2.13.0+cpu"`, (2, 13, 0); what is not a number ends it."""
    numbers = []
    for part in version.split("+")[0].split("."):
        digits = part[: next((i for i, letter in enumerate(part) if not letter.isdigit()), len(part))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


class Imports:
    """Imports `IMPORTED` in a process beside this one, which a library that crashes does not take along."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", TRY_IMPORTS, *IMPORTED]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def found(self) -> Found:
        """What cannot be imported; waits for the process."""
        try:
            out, _ = self._process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return Found({"imports": "fail"}, [f"importing {', '.join(IMPORTED)} took over {MOST_SECONDS:.0f} s"])
        if self._process.returncode:
            problem = (
                f"importing {', '.join(IMPORTED)} ended Python with status {self._process.returncode}: reinstall them"
            )
            return Found({"imports": "fail"}, [problem])
        failed = json.loads(out.splitlines()[-1])
        problems = [f"{name} cannot be imported ({why}): reinstall it" for name, why in failed.items()]
        return Found({"imports": "fail" if failed else f"{', '.join(IMPORTED)} work"}, problems)
