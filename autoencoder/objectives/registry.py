"""The objectives that a run can name. To add one, write its file and its line here."""

from __future__ import annotations

OBJECTIVES: dict[str, str] = {
    "reconstruct": "autoencoder.objectives.reconstruct",
    "angle": "autoencoder.objectives.angle",
    "classify": "autoencoder.objectives.classify",
    "mask": "autoencoder.objectives.mask",
}
"""Name to module. The module defines `Objective`; see `autoencoder/objectives/base.py`."""
