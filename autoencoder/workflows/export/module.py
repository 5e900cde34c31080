"""What is exported: a network that takes images as they are stored, and gives what a user reads."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from autoencoder.errors import UserError
from autoencoder.models.network import ImageShape, on_device
from autoencoder.objectives.base import Objective
from autoencoder.runs.trained import Trained

PIXEL_TYPES: dict[str, torch.dtype] = {"uint8": torch.uint8, "uint16": torch.uint16, "float32": torch.float32}
"""Types of pixels that an exported network can take, by the names of `config.PIXEL_TYPES`."""

CPU = torch.device("cpu")


class ExportedNetwork(nn.Module):
    """An encoder, what stands behind it, or both; scaling and the order of channels are inside.

    Images are (N, H, W) of one channel and (N, H, W, C) of several. The encoder gives codes (N, d) float32. What stands
    behind it, the decoder or a read-out, takes such codes and gives float32: pictures in the shape of images, or what
    `Objective.exported` says.

    Args:
        part: one of `config.NETWORK_PARTS`.
        encoder: (n, C, H, W) float in [0, 1] to codes; None where `part` is the decoder.
        head: codes to the prediction; None where `part` is the encoder.
        objective: says what predictions are.
        image_shape: (C, H, W).
        pixels: a name in `PIXEL_TYPES`.
        max_pixel_value: the pixel value that stands for 1.
    """

    def __init__(
        self,
        part: str,
        encoder: nn.Module | None,
        head: nn.Module | None,
        objective: Objective,
        image_shape: ImageShape,
        pixels: str,
        max_pixel_value: float,
    ) -> None:
        super().__init__()
        self.part, self.objective = part, objective
        self.image_shape, self.pixels, self.max_pixel_value = image_shape, pixels, max_pixel_value
        if encoder is not None:
            self.encoder = encoder
        if head is not None:
            self.head = head
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def of(cls, trained: Trained, part: str, pixels: str, max_pixel_value: float) -> ExportedNetwork:
        """A copy of a run's network on the CPU; see the class for the arguments."""
        network = on_device(copy.deepcopy(trained.network), CPU)
        return cls(
            part,
            None if part == "decoder" else network.encoder,
            None if part == "encoder" else network.head,
            trained.objective,
            trained.image_shape,
            pixels,
            max_pixel_value,
        )

    @property
    def input_name(self) -> str:
        """What goes in: "images" or "codes"."""
        return "codes" if self.part == "decoder" else "images"

    @property
    def output_names(self) -> tuple[str, ...]:
        """What comes out: "codes", "prediction" or both."""
        return {"encoder": ("codes",), "decoder": ("prediction",), "both": ("codes", "prediction")}[self.part]

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Shape of one image as it goes in: (H, W) or (H, W, C)."""
        channels, height, width = self.image_shape
        return (height, width) if channels == 1 else (height, width, channels)

    def example(self, latent_dim: int, n: int = 2) -> Tensor:
        """Input of `n` zeros."""
        if self.part == "decoder":
            return torch.zeros(n, latent_dim)
        return torch.zeros(n, *self.stored_shape, dtype=PIXEL_TYPES[self.pixels])

    def forward(self, given: Tensor) -> Any:
        """Images, or codes where this is the decoder, to what `output_names` says; a tuple of two for both.

        Raises:
            UserError: images are of another type or size than the network's; their scale would be another one.
        """
        if self.part == "decoder":
            return self._predicted(given)
        codes = self.encoder(self._scaled(given))
        return codes if self.part == "encoder" else (codes, self._predicted(codes))

    def _scaled(self, images: Tensor) -> Tensor:
        """As `Pixels.batch` scales: (N, C, H, W) float32."""
        if images.dtype != PIXEL_TYPES[self.pixels] or images.shape[1:] != self.stored_shape:
            raise UserError(
                f"images are (N, {', '.join(map(str, self.stored_shape))}) {self.pixels}, not "
                f"{tuple(images.shape)} {str(images.dtype).removeprefix('torch.')}"
            )
        scaled = images.to(torch.float32) / self.max_pixel_value
        return scaled.unsqueeze(1) if self.image_shape[0] == 1 else scaled.permute(0, 3, 1, 2)

    def _predicted(self, codes: Tensor) -> Tensor:
        told = self.objective.exported(self.objective.present(self.head(codes)))
        if not self.objective.makes_pictures:
            return told
        return told.squeeze(1) if told.shape[1] == 1 else told.permute(0, 2, 3, 1)

    def n_values(self) -> int:
        """Numbers in all parameters and buffers."""
        return sum(values.numel() for values in (*self.parameters(), *self.buffers()))
