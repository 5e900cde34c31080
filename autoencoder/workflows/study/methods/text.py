"""The Methods section as a whole: its sections in order, what was not done, the software, and the references.

What was not measured is not described, and is named in a paragraph of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autoencoder.errors import UserError, listed
from autoencoder.registries import REDUCERS
from autoencoder.study.wording import Found, section
from autoencoder.version import DISTRIBUTION
from autoencoder.workflows.markdown import as_markdown
from autoencoder.workflows.study.methods import codes, data, networks, probes, similarity
from autoencoder.workflows.study.methods.parts import PARTS, configurations, is_done
from autoencoder.workflows.study.methods.references import with_references


def methods_text(found: Found) -> str:
    """A Methods section as Markdown: a paragraph for each part, and the references that it cites.

    Args:
        found: the content of `statistics.json`, with what `autoencoder.study.described.describe` gave in `described`.

    Raises:
        UserError: the study was measured by a version that did not describe it.
    """
    if not isinstance(found.get("described"), Mapping):
        raise UserError("the study was measured before it could be described: 'autoencoder study report' does it again")
    paragraphs = ["# Methods"]
    for heading, (part, written) in SECTIONS.items():
        sentences = written(found) if part is None or is_done(found, part) else []
        if sentences:
            paragraphs += [f"## {heading}", " ".join(sentences)]
    return with_references("\n\n".join(paragraphs))


def not_done(found: Found) -> list[str]:
    """Parts that were not measured, each with the reason, and notes of those that were."""
    missing = [_missing(found, name) for name in PARTS if not is_done(found, name)]
    said = [f"Not measured: {'; '.join(missing)}."] if missing else []
    if is_done(found, "similarity"):
        tests = [measure["test"] for measure in found["similarity"]["measures"].values()]
        reasons = {test["why_not"] for test in tests if "why_not" in test}
        said += [f"The effect of settings was not tested: {as_markdown(why)}." for why in sorted(reasons)]
    said.append(
        "There were no tests of single pairs of settings, no bootstrap over seeds and no power analysis after the fact."
    )
    of_parts = [note for name in PARTS if is_done(found, name) for note in section(found, name).get("notes", [])]
    if notes := dict.fromkeys([*found.get("notes", []), *of_parts]):
        said.append(f"Notes of the analysis: {'; '.join(as_markdown(note) for note in notes)}.")
    return said


def _missing(found: Found, name: str) -> str:
    part = found.get(name) or {}
    why = [part["why_not"]] if "why_not" in part else part.get("notes", [])
    return PARTS[name] + (f" ({as_markdown('; '.join(why))})" if why else "")


def software(found: Found) -> list[str]:
    """Versions that the study was measured with, and those that its networks were trained with."""
    versions = found["described"]["versions"]
    measured, trained = versions["measured_with"], versions["trained_with"]
    cited = {
        "torch": "PyTorch {} [[Paszke et al., 2019]]",
        "numpy": "NumPy {} [[C. R. Harris et al., 2020]]",
        "scipy": "SciPy {} [[Virtanen et al., 2020]]",
        "scikit-learn": "scikit-learn {} [[Pedregosa et al., 2011]]",
    }
    if is_done(found, "topology"):
        cited["ripser"] = "ripser.py {} [[Tralie et al., 2018]]"
    if _is_umap_used(found):
        cited["umap-learn"] = "umap-learn {} [[McInnes et al., 2018]]"
    packages = [text.format(as_markdown(measured[name])) for name, text in cited.items() if name in measured]
    said = [
        f"All was computed with {DISTRIBUTION} {as_markdown(measured[DISTRIBUTION])} in Python "
        f"{as_markdown(measured['python'])}, by {listed(packages)}."
    ]
    differing = [
        f"{as_markdown(name)} {listed([as_markdown(value) for value in values])}"
        for name, values in trained.items()
        if values != [measured.get(DISTRIBUTION if name == "autoencoder" else name)]
    ]
    return [*said, f"Networks were trained with {listed(differing)}."] if differing else said


def _is_umap_used(found: Found) -> bool:
    encoders = {settings["model.encoder"] for settings in configurations(found["described"])}
    return "umap" in encoders or section(found, "embeddings").get("method") == REDUCERS["umap"].title


SECTIONS: dict[str, tuple[str | None, Callable[[Found], list[str]]]] = {
    "Data and split": (None, data.data_and_split),
    "Networks and training": (None, networks.networks),
    "Probe images and snapshots": (None, data.probe_images),
    "Similarity of representations": ("similarity", similarity.similarity),
    "Statistics": (None, similarity.statistics),
    "Probes of the metadata": ("probes", probes.probes),
    "Topology": ("topology", codes.topology),
    "Dimension": ("dimension", codes.dimension),
    "Robustness": ("robustness", codes.robustness),
    "Convergence": ("convergence", codes.convergence),
    "Number of latent units": ("units", codes.number_of_units),
    "The space of representations": ("space", similarity.space),
    "Planes of codes": ("embeddings", codes.planes),
    "What was not done": (None, not_done),
    "Software": (None, software),
}
"""Sections in order: the part of the statistics that each is about, None where there is always something to say, and
its sentences."""
