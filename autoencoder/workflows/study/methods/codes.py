"""What else was measured of codes: rings, dimensions, effects of noise, convergence, their number of units, and
planes."""

from __future__ import annotations

from autoencoder.errors import listed
from autoencoder.measures.circular_coordinates import INSIDE, PRIME
from autoencoder.measures.dimension import NEIGHBORS as DIMENSION_NEIGHBORS
from autoencoder.measures.dimension import ROW_SHARES
from autoencoder.measures.topology import DOMINANT, SET_LANDMARKS, SETS
from autoencoder.neighbors.umap import UMAP_NEIGHBORS
from autoencoder.registries import REDUCERS
from autoencoder.study.measured.shape import OVER_TRAINING, SHARE
from autoencoder.study.wording import Found, section
from autoencoder.workflows.markdown import as_markdown
from autoencoder.workflows.study.methods.words import choice, count, frames, number, share


def topology(found: Found) -> list[str]:
    """How rings were looked for, and the order of images round them."""
    described = found["described"]
    compared = described["probe_images"]["compared"]
    of = f"on all {compared:,} held-out images that were compared"
    if compared > SET_LANDMARKS:
        of = f"on each of {count(SETS)} sets of {SET_LANDMARKS:,} randomly drawn held-out images"
    how = "moved in time by a shift of its own" if described["data"]["is_video"] else "permuted by itself"
    said = [
        "Rings in the codes were looked for by persistent homology: the bars of H1 of the Vietoris-Rips complex with "
        f"coefficients modulo 2 [[Bauer, 2021; Tralie et al., 2018]], {of}. The lengths of bars are given over the "
        "diameter of the codes, taken as twice the largest distance from the mean, as medians over sets. A run was "
        f"said to have a ring if the longest bar was more than {number(DOMINANT)} times the second on every set, and "
        "a setting if all of its seeds had one.",
        f"By chance, the same bars were computed of codes each of whose units was {how}, on {count(SETS)} draws of at "
        f"most {SET_LANDMARKS:,} images.",
    ]
    if any(n > 1 for entry in described["settings"] for n in entry["snapshots"]):
        said.append(f"Before the end of training, one set of at most {OVER_TRAINING:,} images was used.")
    if any(run["cyclic_order"] for entry in found["topology"]["settings"] for run in entry["by_run"]):
        said.append(
            "Where there was a ring, each image was given a circular coordinate by persistent cohomology modulo "
            f"{PRIME} [[de Silva et al., 2011]], taken {share(INSIDE)} of the way from the birth to the death of the "
            "longest bar and extended to images that were not drawn [[Perea, 2020]]. Its order was compared with that "
            "of each angle of the metadata: both were ranked and the ranks spread evenly over the circle, and the "
            "agreement is the length of the mean resultant vector of their differences, of the better of both "
            "directions (1 for the same order)."
        )
    return said


def dimension(found: Found) -> list[str]:
    """How many dimensions codes have, by their covariance and by their neighbours."""
    apart = section(found, "similarity").get("frames_between_neighbours")
    in_time = ""
    if found["described"]["data"]["is_video"] and apart:
        in_time = f"; images of one recording that were at most {frames(apart)} apart were no neighbours"
    return [
        "Dimensions were measured at every snapshot by the participation ratio of the eigenvalues l of the codes' "
        "covariance, (sum of l)^2 / sum of l^2, and by the number of principal components with at least "
        f"{share(SHARE)} of the variance. At the end, the intrinsic dimension was estimated by maximum likelihood "
        "[[Levina & Bickel, 2004]], with inverse estimates averaged over images [[MacKay & Ghahramani, 2005]], for "
        f"{choice(DIMENSION_NEIGHBORS)} neighbours and for {listed([share(part) for part in ROW_SHARES], 'or')} of the "
        f"images, drawn at random, as a curve{in_time}."
    ]


def robustness(found: Found) -> list[str]:
    """How far noise of the input moved codes."""
    return [
        "Of runs that were trained with noise, the compared images were encoded without noise and under two draws of "
        "it. How far noise moved a code is the median, over images and both draws, of its displacement over the "
        "distance of the clean code to the nearest code of another image that is no neighbour in time. The noise floor "
        "is each measure of similarity between the codes of one network under the two draws."
    ]


def convergence(found: Found) -> list[str]:
    """How far runs had converged."""
    return [
        "How far runs had converged was measured by the Procrustes angle between each run's codes at the snapshot "
        "nearest to half of its training and at its last one, and by the share of the whole fall of its training loss, "
        "from the first epoch to the lowest, that came in the second half of its epochs. Mean angles between runs, "
        "within and between settings, were compared at the two moments."
    ]


def number_of_units(found: Found) -> list[str]:
    """How the number of latent units that suffices was found."""
    errors = {group["error"] for group in found["units"]["groups"]}
    reference = "the clean images" if found["described"]["data"]["has_clean"] else "the images themselves"
    said = []
    if "reconstruction_mse" in errors:
        said.append(
            "For each number of latent units, the mean squared error of reconstructions of the compared held-out "
            f"images, seen without added noise and measured against {reference}, was averaged over seeds, beside that "
            "of a principal component analysis with as many components, fitted to the probe images that were trained "
            "on."
        )
    if "val_loss" in errors:
        said.append(
            "Networks that do not reconstruct were compared by their held-out loss at the last epoch, for each number "
            "of latent units."
        )
    said.append(
        "The number named is the smallest whose mean error was within one standard error, over seeds, of the least "
        "[[Breiman et al., 1984]]."
    )
    return said


def planes(found: Found) -> list[str]:
    """How planes of codes were made."""
    embeddings = found["embeddings"]
    method = as_markdown(embeddings["method"])
    if embeddings["method"] == REDUCERS["umap"].title:
        method += f" with {UMAP_NEIGHBORS} neighbours [[McInnes et al., 2018]]"
    return [
        f"Planes of codes at the end of training were made by {method} of {embeddings['n_images']:,} held-out images, "
        "for each run by itself; codes of two units are shown as they are. Planes over training are the first two "
        "principal components of each moment, turned to fit the following one. Planes serve as illustrations, and "
        "nothing was measured in them."
    ]
