"""The encoders that a run can name. To add one, write its file and its line here.

The table holds import paths and not classes, so that the command line knows the names without importing torch.
"""

from __future__ import annotations

ENCODERS: dict[str, str] = {
    "strided": "autoencoder.models.strided",
    "conv": "autoencoder.models.conv",
}
"""Name to module. The module defines `Encoder`, `Decoder` and `DEFAULT_LATENT_ACTIVATION`; see `network.py`."""
