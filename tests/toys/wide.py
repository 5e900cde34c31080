"""An encoder with a setting of its own: one layer of `width` units on each side of the latent."""

import math

from torch import nn

from autoencoder.models.blocks import dense_layer, latent_layer

DEFAULT_LATENT_ACTIVATION = "linear"
MIN_SIDE = 1


class Encoder(nn.Module):
    def __init__(self, image_shape, latent_dim, *, norm="batch", latent_activation="linear", width=8):
        super().__init__()
        self.hidden = dense_layer(math.prod(image_shape), width, norm)
        self.latent = latent_layer(width, latent_dim, norm, latent_activation)

    def forward(self, images):
        return self.latent(self.hidden(images.flatten(1)))


class Decoder(nn.Module):
    def __init__(self, image_shape, latent_dim, *, norm="batch", width=8):
        super().__init__()
        self.image_shape = image_shape
        self.fc2 = dense_layer(latent_dim, width, norm)
        self.pixels = nn.Linear(width, math.prod(image_shape))

    def first_layer(self, latent):
        return self.fc2(latent)

    def forward(self, latent):
        return self.pixels(self.first_layer(latent)).unflatten(1, self.image_shape)
