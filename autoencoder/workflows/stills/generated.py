"""Images of random codes, beside the training images with the nearest codes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure

from autoencoder.data.batches import Pixels
from autoencoder.latent import codes as latent_codes
from autoencoder.plots.codes import generated_images
from autoencoder.plots.images import to_picture
from autoencoder.runs.snapshots import encode_rows
from autoencoder.seeding import draw_rows
from autoencoder.workflows.stills.still import Still

MIXTURE_IMAGES = 5000
"""Random codes follow those of at most this many of the training images."""

N_GENERATED = 16


def generated_codes(still: Still) -> tuple[Figure, dict[str, Any]]:
    """The figure of images of random codes, and the numbers of it."""
    decoder = still.decoder
    assert decoder is not None
    images, seed = still.images, still.seed
    train = draw_rows(still.folder.split().train, MIXTURE_IMAGES, seed, "images of the mixture")
    pixels = Pixels(images.images, images.max_pixel_value, decoder.device)
    known = encode_rows(decoder.network, pixels, train, still.config.training.snapshot_batch_size)
    drawn = latent_codes.random_codes(known, N_GENERATED, seed)
    places, distances = latent_codes.nearest(drawn, known)
    of: Literal["images", "mask"] = "mask" if still.decodes_to == "masks" else "images"
    figure = generated_images(
        to_picture(decoder.decode(drawn)),
        to_picture(images.scaled(train[places], of)),
        f"{still.decodes_to} of random codes; nearest of {len(train):,} training codes\n{still.header}",
    )
    typical = latent_codes.typical_distance(known)
    still.say(
        f"random codes are {np.median(distances):.2f} from the nearest training code (median); training codes "
        f"{typical:.2f} from each other's"
    )
    return figure, {
        "n_training_images": len(train),
        "mixture_components": latent_codes.mixture_size(len(train), known.shape[1]),
        "codes": drawn,
        "nearest_training_rows": train[places],
        "nearest_distances": distances,
        "median_nearest_distance": float(np.median(distances)),
        "median_nearest_distance_among_training_codes": typical,
    }
