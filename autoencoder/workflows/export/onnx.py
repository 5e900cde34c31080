"""An `.onnx` graph with its weights, for ONNX Runtime, OpenCV, MATLAB, Bonsai and other programs without torch."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from autoencoder.errors import UserError
from autoencoder.version import installing
from autoencoder.workflows.export.content import Content, zeros_of

NEEDS = "A graph for any program that reads ONNX; in Python that is onnxruntime."

MOST_VALUES = (2**31 - 2**24) // 4
"""Of 32 bits: an ONNX file ends at 2 GB, the graph included."""


def check() -> None:
    """Refuse to begin without what torch writes ONNX with.

    Raises:
        UserError: `onnx` or `onnxscript` is missing.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError:
        raise UserError(f"ONNX files need the extra: {installing('onnx')}") from None
    assert onnx


def write(content: Content, path: Path) -> None:
    """Write the graph, with what it is as properties of the model.

    Raises:
        UserError: the weights do not fit into one file.
    """
    if content.network.n_values() > MOST_VALUES:
        raise UserError(f"an ONNX file holds at most 2 GB, and {path.name} would be larger: choose another --format")
    with _quiet():
        made: Any = torch.onnx.export(
            content.program,
            dynamo=True,
            verbose=False,
            input_names=[content.network.input_name],
            output_names=list(content.network.output_names),
        )
    _forget_where(made.model)
    _name_batch(made.model.graph, f"n_{content.network.input_name}")
    made.model.metadata_props.update(content.about)
    made.save(path, external_data=False)


def loading(content: Content, file: str) -> list[str]:
    """Lines of Python that load the file and use it."""
    shape, dtype = zeros_of(content)
    given, outputs = content.network.input_name, ", ".join(content.network.output_names)
    made = outputs if len(content.network.output_names) > 1 else f"({outputs},)"
    return [
        "import numpy as np",
        "import onnxruntime",
        "",
        f"session = onnxruntime.InferenceSession({json.dumps(file)})",
        f"{given} = np.zeros({shape}, np.{dtype})  # yours",
        f'{made} = session.run(None, {{"{given}": {given}}})',
    ]


def _forget_where(model: Any) -> None:
    """Take away what torch notes of each operation: names and lines of code, with paths of this machine."""
    for graph in (model.graph, *model.functions.values()):
        for node in graph:
            node.metadata_props.clear()
            for value in node.outputs:
                value.metadata_props.clear()
        for value in (*graph.inputs, *getattr(graph, "initializers", {}).values()):
            value.metadata_props.clear()


def _name_batch(graph: Any, name: str) -> None:
    """Call the first dimension by a name that users of the file understand: torch calls it s77, or alike."""
    batch = graph.inputs[0].shape[0]
    for value in (*graph.inputs, *(made for node in graph for made in node.outputs)):
        for axis, size in enumerate(value.shape or ()):
            if size == batch:
                value.shape[axis] = name


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter says to its developers, such as that torchvision is not there."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
