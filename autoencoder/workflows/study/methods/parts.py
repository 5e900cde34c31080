"""Parts of the statistics: what they are about, and which of them were measured."""

from __future__ import annotations

from autoencoder.study.wording import Found, section

PARTS = {
    "similarity": "the similarity of representations",
    "matched": "a comparison of runs at equal training",
    "probes": "probes of the metadata",
    "topology": "a search for rings in the codes",
    "dimension": "the dimension of codes",
    "robustness": "the effect of input noise on codes",
    "quality": "losses and metrics of each objective",
    "convergence": "how far runs had converged",
    "units": "the number of latent units that suffices",
    "space": "the space of representations",
    "embeddings": "planes of codes",
}
"""Parts of the statistics, and what they are about."""

CONTENT = {
    "similarity": "measures",
    "matched": "measures",
    "probes": "columns",
    "topology": "settings",
    "dimension": "effects",
    "robustness": "effects",
    "quality": "effects",
    "space": "points",
    "units": "groups",
    "embeddings": "method",
}
"""What a part of the statistics holds where it was measured."""


def is_done(found: Found, name: str) -> bool:
    """Whether there is something that was measured, and not only notes why it was not."""
    part = section(found, name)
    return bool(part.get(CONTENT[name]) if name in CONTENT else part)


def configurations(described: Found) -> list[Found]:
    """All settings of each configuration, by their dotted names."""
    return [{**described["common"], **entry["differing"]} for entry in described["settings"]]
