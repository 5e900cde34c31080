"""What codes decode to: what each latent unit does to the picture, and images of random codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from autoencoder.config import RunConfig
from autoencoder.data.batches import Pixels
from autoencoder.latent import codes as latent_codes
from autoencoder.latent.codes import sweep_units
from autoencoder.models.network import architecture
from autoencoder.neighbors.exact import nearest
from autoencoder.plots.codes import generated_images, unit_influence
from autoencoder.plots.images import to_picture
from autoencoder.runs.snapshots import encode_rows
from autoencoder.seeding import draw_rows
from autoencoder.workflows.stills.still import Still

MIXTURE_IMAGES = 5000
"""Random codes follow those of at most this many of the training images."""

N_GENERATED = 16


def unit_sweep(still: Still) -> tuple[Figure, list[dict[str, Any]]]:
    """The figure of what each unit does, and the numbers of each unit."""
    decoder = still.decoder
    assert decoder is not None
    bounded = _is_bounded(still.config)
    sweep = sweep_units(still.codes, decoder.decode, bounded=bounded)
    k, steps = sweep.pictures.shape[:2]
    pictures = to_picture(sweep.pictures.reshape(k * steps, *sweep.pictures.shape[2:]))
    d = len(sweep.mean)
    moved = f"mean code decoded with one unit varied{' in its range' if bounded else ''}"
    which = f"; the {k} most influential" if k < d else ""
    pictures = pictures.reshape(k, steps, *pictures.shape[1:])
    figure = unit_influence(
        pictures,
        sweep.values,
        sweep.deviations[sweep.shown],
        sweep.influence[sweep.shown],
        f"{moved}\n{still.header}{which}",
        units=sweep.shown.tolist(),
        spread_label="rms change of a pixel per sd",
        mean=pictures[0, steps // 2],  # the step in the middle is none
    )
    dead = np.flatnonzero(sweep.dead).tolist()
    if dead:
        still.say(f"dead units, the same for every image: {', '.join(map(str, dead))}")
    order = np.argsort(-sweep.influence, kind="stable")[:3]
    listed = ", ".join(f"unit {unit} ({sweep.influence[unit]:.3f})" for unit in order.tolist())
    still.say(f"most influential (rms change of a pixel per standard deviation): {listed}")
    columns = {
        "mean": sweep.mean,
        "deviation": sweep.deviations,
        "influence": sweep.influence,
        "dead": sweep.dead,
    }
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return figure, [{"unit": unit, **dict(zip(columns, row, strict=True))} for unit, row in enumerate(rows)]


def _is_bounded(config: RunConfig) -> bool:
    """Whether the activation of the latent keeps units in a range that steps around the mean could leave."""
    model = config.model
    if model.is_fitted:
        return False
    return (model.latent_activation or architecture(model.encoder).DEFAULT_LATENT_ACTIVATION) != "linear"


def generated_codes(still: Still) -> tuple[Figure, dict[str, Any]]:
    """The figure of images of random codes, and the numbers of it."""
    decoder = still.decoder
    assert decoder is not None
    images, seed = still.images, still.seed
    train = draw_rows(still.run.split().train, MIXTURE_IMAGES, seed, "images of the mixture")
    pixels = Pixels(images.images, images.max_pixel_value, decoder.device)
    known = encode_rows(decoder.network, pixels, train, decoder.encoded_at_once)
    drawn = latent_codes.random_codes(known, N_GENERATED, seed)
    found, apart = nearest(drawn, known, 1)
    places, distances = found[:, 0], apart[:, 0]
    assert decoder.objective.pictures is not None
    figure = generated_images(
        to_picture(decoder.decode(drawn)),
        to_picture(images.scaled(train[places], decoder.objective.pictures.like)),
        f"{still.decodes_to} of random codes; nearest of {len(train):,} training codes\n{still.header}",
    )
    typical = latent_codes.typical_distance(known)
    still.say(
        f"a random code lies {np.median(distances):.2f} from its nearest training code, a training code {typical:.2f} "
        "from its nearest other one (medians)"
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
