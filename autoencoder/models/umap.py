"""`umap`: a UMAP embedding of the training images as an encoder.

The images are first brought to their leading principal components, in which neighbours are found in a moment and which
say almost the same of them. A new image is placed at the weighted mean of its nearest training images' places
(`autoencoder.neighbors.umap`), and so is a training image, so that the encoder is one function of the image alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from autoencoder.array_types import FloatArray
from autoencoder.models.fitted import AxesOf, FittedEncoder, standardisation
from autoencoder.neighbors.umap import UMAP_NEIGHBORS, fit_umap, membership

NARROW_TO = 50
"""Principal components in which neighbours are looked for."""

ENCODED_AT_ONCE = 512


class Encoder(FittedEncoder):
    """Place in the embedding of the training images."""

    MIN_IMAGES = 4
    MAX_IMAGES = 20_000
    ARRAYS: ClassVar[AxesOf] = {
        "center": ("pixels",),
        "components": ("components", "pixels"),
        "fitted": ("images", "components"),
        "embedding": ("images", "units"),
    }

    center: Tensor
    components: Tensor
    fitted: Tensor
    embedding: Tensor

    @classmethod
    def fit_several(cls, inputs: FloatArray, latent_dims: Sequence[int], seed: int) -> list[Self]:
        """UMAP on one graph of 15 neighbours; see `FittedEncoder.fit_several`."""
        from sklearn.decomposition import PCA
        from sklearn.neighbors import NearestNeighbors

        n_components = min(NARROW_TO, *inputs.shape)
        pca = PCA(n_components, svd_solver="randomized", random_state=seed % 2**32).fit(inputs)
        fitted = pca.transform(inputs).astype(np.float32)
        k = min(UMAP_NEIGHBORS, len(fitted) - 1)
        distances, indices = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(fitted).kneighbors(fitted)
        neighbors = indices.astype(np.int32), distances.astype(np.float32)
        encoders = []
        for latent_dim in latent_dims:
            embedding = fit_umap(fitted, latent_dim, seed, neighbors)
            arrays = {"center": pca.mean_, "components": pca.components_, "fitted": fitted, "embedding": embedding}
            encoder = cls({**arrays, **standardisation(embedding)})
            with torch.no_grad():
                parts = torch.split(torch.from_numpy(inputs), ENCODED_AT_ONCE)
                codes = torch.cat([encoder.raw_codes(part) for part in parts]).numpy()
            encoders.append(cls({**arrays, **standardisation(codes)}))
        return encoders

    def raw_codes(self, flat: Tensor) -> Tensor:
        """(N, C*H*W) to (N, latent_dim)."""
        points = (flat - self.center) @ self.components.T
        k = min(UMAP_NEIGHBORS, len(self.fitted))
        # The expanded square finds candidates soon, but its rounding is as large as the distance to a near twin; so the
        # distances of a few more than are needed are computed directly, and the nearest of those are taken.
        candidates = torch.cdist(points, self.fitted).topk(min(2 * k, len(self.fitted)), dim=1, largest=False).indices
        distances = (points[:, None] - self.fitted[candidates]).square().sum(2).sqrt()
        nearest = distances.topk(k, dim=1, largest=False, sorted=True)
        places = self.embedding[candidates.gather(1, nearest.indices)]
        return torch.einsum("nk,nkd->nd", membership(nearest.values), places)
