"""What every format is made of: the network, and in words what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from autoencoder.config import RunConfig
from autoencoder.workflows.export.module import ExportedNetwork

TRACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")
"""What torch notes at each operation: lines of code, with the paths of the machine on which it was exported."""


@dataclass(frozen=True, eq=False)
class Content:
    """A network to be written.

    Attributes:
        network: it.
        latent_dim: units of its codes.
        about: what it is, by name, as every format keeps it: all texts.
    """

    network: ExportedNetwork
    latent_dim: int
    about: Mapping[str, str]

    @cached_property
    def program(self) -> ExportedProgram:
        """The network as a graph of any number of images, traced once for all formats that hold one."""
        name = self.network.input_name
        with torch.no_grad():
            program = torch.export.export(
                self.network,
                (self.network.example(self.latent_dim),),
                dynamic_shapes=({0: Dim(f"n_{name}")},),
            )
        for module in program.graph_module.modules():
            if isinstance(module, torch.fx.GraphModule):
                for node in module.graph.nodes:
                    for trace in TRACES:
                        node.meta.pop(trace, None)
        return program

    @cached_property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output of one image, by name."""
        with torch.no_grad():
            made = self.network(self.network.example(self.latent_dim))
        several = made if isinstance(made, tuple) else (made,)
        return {name: tuple(one.shape[1:]) for name, one in zip(self.network.output_names, several, strict=True)}


def config_text(config: RunConfig) -> str:
    """A configuration as JSON, with names of files instead of the folders on this machine that they lie in."""
    content: dict[str, Any] = config.to_json()
    for section, setting in (("data", "images"), ("data", "metadata"), ("training", "init_from")):
        if (path := content[section].get(setting)) is not None:
            content[section][setting] = Path(path).name
    return json.dumps(content, allow_nan=False)


def zeros_of(content: Content) -> tuple[str, str]:
    """Shape and type of an input of four, as Python writes them, such as ("(4, 50, 50)", "uint8")."""
    network = content.network
    is_codes = network.input_name == "codes"
    shape = (4, content.latent_dim) if is_codes else (4, *network.stored_shape)
    return str(shape), "float32" if is_codes else network.pixels
