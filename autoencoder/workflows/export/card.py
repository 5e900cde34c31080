"""The card of an exported network: what it is, what it learned from, how good it is, and how it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoencoder.evaluation.evaluate import Evaluation
from autoencoder.objectives.base import Table
from autoencoder.runs.describe import describe_run
from autoencoder.runs.opened import OpenedRun
from autoencoder.version import DISTRIBUTION, __version__
from autoencoder.workflows.export.content import Content
from autoencoder.workflows.markdown import as_markdown, markdown_table

PARTS = {
    "encoder": "The encoder of",
    "decoder": "What stands behind the latent of",
    "both": "The network of",
}
"""What is exported, as the beginning of a sentence."""

NOT_MEASURED = "Not measured: where it was exported, the images that it learned from were not there, or changed since."

FACTS = ("encoder", "decoder", "explained variance", "objective")
"""What `describe_run` says of a network."""


def card(
    run: OpenedRun, content: Content, measured: Evaluation | None, loading: Sequence[tuple[str, str, Sequence[str]]]
) -> str:
    """The card as Markdown.

    Args:
        run: the run that was exported.
        content: what was exported of it.
        measured: the network on held-out images; None where their file is not there, or is another one by now.
        loading: of each format its file, what that is in a sentence or two, and the lines of Python that load it.
    """
    name, facts = run.path.resolve().name, describe_run(run)
    sections = [
        f"# {as_markdown(name)}",
        f"{PARTS[content.network.part]} the run {as_markdown(name)}, exported by {DISTRIBUTION} {__version__}.",
        "## What it is",
        _two_columns({**{fact: facts[fact] for fact in FACTS if fact in facts}, **_moment(content)}),
        "## What goes in and comes out",
        markdown_table((["", "name", "shape", "type", "what it is"], _ports(content))),
        _said_of_ports(content),
        "## What it learned from",
        _two_columns(_data(run, facts)),
        "## How good it is",
        *_numbers(measured),
        "## How to load it",
    ]
    for file, what, lines in loading:
        sections += [f"### {file}", what, "\n".join(["```python", *lines, "```"])]
    return "\n\n".join(sections) + "\n"


def _moment(content: Content) -> dict[str, str]:
    about = content.about
    return {
        "checkpoint": f"{about['checkpoint']}, after {int(about['step']):,} updates",
        "stored values": f"{content.network.n_values():,}",
    }


def _ports(content: Content) -> list[list[str]]:
    """A row for each input and output."""
    network, outputs = content.network, content.outputs
    told = network.objective.exported_as
    if network.input_name == "images":
        top = f"{network.max_pixel_value:g} stands for 1"
        rows = [["in", "images", _shape(network.stored_shape), network.pixels, f"as they are stored; {top}"]]
    else:
        rows = [["in", "codes", _shape((content.latent_dim,)), "float32", "as the encoder gives them"]]
    said = {"codes": "the latent units", "prediction": told}
    return [*rows, *(["out", name, _shape(shape), "float32", said[name]] for name, shape in outputs.items())]


def _shape(shape: Sequence[int]) -> str:
    return f"({', '.join(['N', *map(str, shape)])}{'' if shape else ','})"


def _said_of_ports(content: Content) -> str:
    if content.network.input_name == "codes":
        return "N is any number of codes."
    return (
        "N is any number of images. Scaling and the order of channels are inside. Codes mean something for images that "
        "were made as those below: of the same crop, size and orientation."
    )


def _data(run: OpenedRun, facts: Mapping[str, Any]) -> dict[str, str]:
    config, environment = run.config(), run.environment()
    shape = "x".join(map(str, environment["image_shape"]))
    said = {
        "data": Path(config.data.images).name,
        "images": f"{environment['n_images']:,} of {shape} (channels, height, width)",
        "split": facts["images"],
        "SHA-256 of the images": str(environment.get("data_sha256", "not known")),
    }
    recipe = {f"recipe: {name}": str(value) for name, value in facts.get("recipe", {}).items()}
    return said | (recipe or {"recipe": "not known: the data set does not say how its images were made"})


def _numbers(measured: Evaluation | None) -> list[str]:
    if measured is None:
        return [NOT_MEASURED]
    result = measured.result
    noise = "" if measured.noise.kind == "none" else f", with noise {measured.noise}"
    reference = as_markdown(result.compared_with)
    sections = [
        f"The whole network, on {len(measured.rows):,} held-out images{noise}, compared with {reference}. Controls "
        "were fitted to the training images.",
        _table(result.table()),
    ]
    if (regions := result.region_table()) is not None:
        sections += ["By region, pixels of all images together:", _table(regions)]
    return [*sections, *(as_markdown(note) for note in measured.notes)]


def _table(table: Table) -> str:
    return markdown_table((list(table.header), [list(row) for row in table.rows]))


def _two_columns(values: Mapping[str, str]) -> str:
    return markdown_table((["", ""], [[name, str(value)] for name, value in values.items()]))
