"""A `.pt2` of torch: a graph with its weights, which needs torch and nothing of this package."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch

from autoencoder.workflows.export.content import Content, zeros_of

NEEDS = "A graph of torch, for torch of the version that wrote it or a newer one. It takes nothing of this package."

ABOUT = "about.json"
"""The file in the archive that says what the network is."""


def check() -> None:
    """Nothing is needed that is not there."""


def write(content: Content, path: Path) -> None:
    """Write the graph, with what it is in `ABOUT`."""
    about = json.dumps(dict(content.about), ensure_ascii=False, indent=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, to itself: that weights which share memory are stored as one
        torch.export.save(content.program, path, extra_files={ABOUT: about})


def loading(content: Content, file: str) -> list[str]:
    """Lines of Python that load the file and use it."""
    shape, dtype = zeros_of(content)
    given = content.network.input_name
    return [
        "import torch",
        "",
        f"network = torch.export.load({json.dumps(file)}).module()",
        f"{given} = torch.zeros({shape}, dtype=torch.{dtype})  # yours",
        f"{', '.join(content.network.output_names)} = network({given})",
    ]
