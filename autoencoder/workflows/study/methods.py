"""What was done in a study, in the words of a Methods section, from its statistics alone.

Numbers are those of the statistics and of the constants that the code computes with, so that the text follows both.
What was not measured is not described, and is named in a paragraph of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from autoencoder.config import ALL_SAMPLES, GROUP_SPLIT, PROBE_SAMPLES, TrainingConfig
from autoencoder.config.choices import BLOCK_SPLIT
from autoencoder.config.training import KEPT as KEPT_GROUP
from autoencoder.data.split import SHOWN_GROUPS
from autoencoder.errors import UserError
from autoencoder.flags import settings_of
from autoencoder.measures.circular_coordinates import INSIDE, PRIME
from autoencoder.measures.dimension import NEIGHBORS as DIMENSION_NEIGHBORS
from autoencoder.measures.emergence import BLIND_DEG, HALF, KEPT, TOLD
from autoencoder.measures.intervals import BLOCK_TAUS, FEWEST_BLOCKS, LEVEL
from autoencoder.measures.kinds import ColumnKind
from autoencoder.measures.nulls import ENOUGH_TIME, SIGNIFICANT, NullKind, shifts, turns
from autoencoder.measures.probes import FOLDS, STRENGTHS
from autoencoder.measures.probes import NEIGHBORS as PROBE_NEIGHBORS
from autoencoder.measures.similarity import NEIGHBORS as SHARED_NEIGHBORS
from autoencoder.measures.timeline import Timeline
from autoencoder.measures.topology import DOMINANT, SET_LANDMARKS, SETS
from autoencoder.models.network import architecture
from autoencoder.models.umap import NARROW_TO
from autoencoder.neighbors.umap import UMAP_NEIGHBORS
from autoencoder.projections.mds import RANDOM_STARTS
from autoencoder.registries import FITTED_ENCODERS, REDUCERS
from autoencoder.runs.snapshots import FEWEST_IN_THE_FIRST_EPOCH
from autoencoder.study.designs.design import SHUFFLED
from autoencoder.study.measured.controls import UNTRAINED
from autoencoder.study.measured.likeness import APART_TAUS, DRAWS, MAIN, MOST_APART
from autoencoder.study.measured.shape import OVER_TRAINING, SHARE
from autoencoder.study.moments import LOSS_SHARE
from autoencoder.study.statistics import UNEQUAL
from autoencoder.training.schedules import END_DIVISOR, START_DIVISOR, STEP_FACTOR, STEPS_DOWN, WARM_UP_FRACTION
from autoencoder.version import DISTRIBUTION
from autoencoder.workflows.markdown import as_markdown

Found = Mapping[str, Any]
Flat = Mapping[str, Any]

# ---------------------------------------------------------------------------------------------------------- references

REFERENCES = {
    "anderson2001": (
        "Anderson, 2001",
        "Anderson, M. J. (2001). A new method for non-parametric multivariate analysis of variance. Austral Ecology, "
        "26(1), 32-46.",
    ),
    "anderson2006": (
        "Anderson, 2006",
        "Anderson, M. J. (2006). Distance-based tests for homogeneity of multivariate dispersions. Biometrics, 62(1), "
        "245-253.",
    ),
    "anderson2003": (
        "Anderson & ter Braak, 2003",
        "Anderson, M. J., & ter Braak, C. J. F. (2003). Permutation tests for multi-factorial analysis of variance. "
        "Journal of Statistical Computation and Simulation, 73(2), 85-113.",
    ),
    "bauer2021": (
        "Bauer, 2021",
        "Bauer, U. (2021). Ripser: efficient computation of Vietoris-Rips persistence barcodes. Journal of Applied and "
        "Computational Topology, 5(3), 391-423.",
    ),
    "borg2005": (
        "Borg & Groenen, 2005",
        "Borg, I., & Groenen, P. J. F. (2005). Modern Multidimensional Scaling: Theory and Applications (2nd ed.). "
        "Springer.",
    ),
    "breiman1984": (
        "Breiman et al., 1984",
        "Breiman, L., Friedman, J. H., Olshen, R. A., & Stone, C. J. (1984). Classification and Regression Trees. "
        "Wadsworth.",
    ),
    "desilva2011": (
        "de Silva et al., 2011",
        "de Silva, V., Morozov, D., & Vejdemo-Johansson, M. (2011). Persistent cohomology and circular coordinates. "
        "Discrete & Computational Geometry, 45(4), 737-759.",
    ),
    "efron1993": (
        "Efron & Tibshirani, 1993",
        "Efron, B., & Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman & Hall.",
    ),
    "numpy": (
        "C. R. Harris et al., 2020",
        "Harris, C. R., Millman, K. J., van der Walt, S. J., et al. (2020). Array programming with NumPy. Nature, 585, "
        "357-362.",
    ),
    "harris2020": (
        "K. D. Harris, 2020",
        "Harris, K. D. (2020). Nonsense correlations in neuroscience. bioRxiv, 2020.11.29.402719.",
    ),
    "kingma2015": (
        "Kingma & Ba, 2015",
        "Kingma, D. P., & Ba, J. (2015). Adam: a method for stochastic optimization. International Conference on "
        "Learning Representations. arXiv:1412.6980.",
    ),
    "klabunde2023": (
        "Klabunde et al., 2023",
        "Klabunde, M., Schumacher, T., Strohmaier, M., & Lemmerich, F. (2023). Similarity of neural network models: a "
        "survey of functional and representational measures. arXiv:2305.06329.",
    ),
    "kornblith2019": (
        "Kornblith et al., 2019",
        "Kornblith, S., Norouzi, M., Lee, H., & Hinton, G. (2019). Similarity of neural network representations "
        "revisited. Proceedings of the 36th International Conference on Machine Learning, PMLR 97, 3519-3529.",
    ),
    "kruskal1964": (
        "Kruskal, 1964",
        "Kruskal, J. B. (1964). Multidimensional scaling by optimizing goodness of fit to a nonmetric hypothesis. "
        "Psychometrika, 29(1), 1-27.",
    ),
    "levina2004": (
        "Levina & Bickel, 2004",
        "Levina, E., & Bickel, P. J. (2004). Maximum likelihood estimation of intrinsic dimension. Advances in Neural "
        "Information Processing Systems, 17, 777-784.",
    ),
    "loshchilov2017": (
        "Loshchilov & Hutter, 2017",
        "Loshchilov, I., & Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts. International "
        "Conference on Learning Representations. arXiv:1608.03983.",
    ),
    "loshchilov2019": (
        "Loshchilov & Hutter, 2019",
        "Loshchilov, I., & Hutter, F. (2019). Decoupled weight decay regularization. International Conference on "
        "Learning Representations. arXiv:1711.05101.",
    ),
    "mackay2005": (
        "MacKay & Ghahramani, 2005",
        "MacKay, D. J. C., & Ghahramani, Z. (2005). Comments on 'Maximum likelihood estimation of intrinsic dimension' "
        "by E. Levina and P. Bickel (2004). inference.org.uk/mackay/dimension.",
    ),
    "mcinnes2018": (
        "McInnes et al., 2018",
        "McInnes, L., Healy, J., & Melville, J. (2018). UMAP: uniform manifold approximation and projection for "
        "dimension reduction. arXiv:1802.03426.",
    ),
    "paszke2019": (
        "Paszke et al., 2019",
        "Paszke, A., Gross, S., Massa, F., et al. (2019). PyTorch: an imperative style, high-performance deep learning "
        "library. Advances in Neural Information Processing Systems, 32, 8024-8035.",
    ),
    "pedregosa2011": (
        "Pedregosa et al., 2011",
        "Pedregosa, F., Varoquaux, G., Gramfort, A., et al. (2011). Scikit-learn: machine learning in Python. Journal "
        "of Machine Learning Research, 12, 2825-2830.",
    ),
    "perea2020": (
        "Perea, 2020",
        "Perea, J. A. (2020). Sparse circular coordinates via principal Z-bundles. In Topological Data Analysis, Abel "
        "Symposia 15, 435-458. Springer.",
    ),
    "smith2019": (
        "Smith & Topin, 2019",
        "Smith, L. N., & Topin, N. (2019). Super-convergence: very fast training of neural networks using large "
        "learning rates. Proceedings of SPIE, 11006, 1100612.",
    ),
    "song2012": (
        "Song et al., 2012",
        "Song, L., Smola, A., Gretton, A., Bedo, J., & Borgwardt, K. (2012). Feature selection via dependence "
        "maximization. Journal of Machine Learning Research, 13, 1393-1434.",
    ),
    "tralie2018": (
        "Tralie et al., 2018",
        "Tralie, C., Saul, N., & Bar-On, R. (2018). Ripser.py: a lean persistent homology library for Python. Journal "
        "of Open Source Software, 3(29), 925.",
    ),
    "scipy": (
        "Virtanen et al., 2020",
        "Virtanen, P., Gommers, R., Oliphant, T. E., et al. (2020). SciPy 1.0: fundamental algorithms for scientific "
        "computing in Python. Nature Methods, 17, 261-272.",
    ),
    "westfall1993": (
        "Westfall & Young, 1993",
        "Westfall, P. H., & Young, S. S. (1993). Resampling-Based Multiple Testing: Examples and Methods for p-Value "
        "Adjustment. Wiley.",
    ),
    "williams2021": (
        "Williams et al., 2021",
        "Williams, A. H., Kunz, E., Kornblith, S., & Linderman, S. W. (2021). Generalized shape metrics on neural "
        "representations. Advances in Neural Information Processing Systems, 34, 4738-4750.",
    ),
    "yuan2024": (
        "Yuan & Shou, 2024",
        "Yuan, A. E., & Shou, W. (2024). A rigorous and versatile statistical test for correlations between stationary "
        "time series. PLOS Biology, 22(8), e3002758.",
    ),
}
"""What can be cited: as it stands in the text, and in full, in the order of the list."""


class Citations:
    """The references that a text cites, in the order of `REFERENCES`."""

    def __init__(self) -> None:
        self._cited: set[str] = set()

    def __call__(self, *keys: str) -> str:
        """Such as "(Anderson, 2001; Kruskal, 1964)"; each is in the list from now on."""
        self._cited.update(keys)
        return f"({'; '.join(REFERENCES[key][0] for key in keys)})"

    def listed(self) -> str:
        """All that was cited, a line each."""
        return "\n".join(f"- {full}" for key, (_, full) in REFERENCES.items() if key in self._cited)


Section = Callable[[Found, Citations], list[str]]
"""Sentences of a section; none of one that was not measured."""


def methods_text(found: Found) -> str:
    """A Methods section as Markdown: a paragraph for each part, and the references that it cites.

    Args:
        found: the content of `statistics.json`, with what `autoencoder.study.described.describe` gave in `described`.

    Raises:
        UserError: the study was measured by a version that did not describe it.
    """
    if not isinstance(found.get("described"), Mapping):
        raise UserError("the study was measured before it could be described: 'autoencoder study report' does it again")
    cite = Citations()
    parts = ["# Methods"]
    for heading, section in SECTIONS.items():
        sentences = section(found, cite)
        if sentences:
            parts += [f"## {heading}", " ".join(sentences)]
    return "\n\n".join([*parts, "## References", cite.listed()]) + "\n"


# --------------------------------------------------------------------------------------------------------------- words

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _count(n: int) -> str:
    return WORDS[n] if n < len(WORDS) else f"{n:,}"


def _number(value: float) -> str:
    """Four digits at most; whole numbers in full."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def _frames(value: float) -> str:
    """A measured time, which has no more than three digits that mean something."""
    return f"{value:.3g} frames"


def _share(value: float) -> str:
    return f"{100 * value:.4g} %"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _named(names: Sequence[str]) -> str:
    """The user's names, quoted."""
    return _quoted([as_markdown(str(name)) for name in names])


def _quoted(escaped: Sequence[str]) -> str:
    return _and([f"'{name}'" for name in escaped])


def _range(values: Sequence[int]) -> str:
    return f"{values[0]:,}" if values[0] == values[-1] else f"{values[0]:,} to {values[-1]:,}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _section(found: Found, name: str) -> Found:
    """A part of the statistics; empty where it was not measured."""
    section = found.get(name)
    return section if isinstance(section, Mapping) and "why_not" not in section else {}


def _is_done(found: Found, name: str) -> bool:
    """Whether there is something that was measured, and not only notes why it was not."""
    section, content = _section(found, name), CONTENT.get(name)
    return bool(section) if content is None else bool(section.get(content))


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


# ------------------------------------------------------------------------------------------------------ data and split


def _data(found: Found, cite: Citations) -> list[str]:
    data, split = found["described"]["data"], found["described"]["split"]
    size = " x ".join(str(side) for side in data["shape"])
    hashed = "all images" if data["sha256_of_all"] else "evenly spaced images and those at both ends"
    said = [
        f"The data set '{as_markdown(data['name'])}' held {data['images']:,} images of {size} (channels x height x "
        f"width, {as_markdown(data['dtype'])}), scaled so that a pixel value of {_number(data['max_pixel_value'])} "
        f"became 1; the SHA-256 of {hashed} was {data['sha256']}.",
        _time(data),
    ]
    if data["columns"]:
        kinds = [
            f"{KINDS[kind]} {_named([name for name, its in data['columns'].items() if its == kind])}"
            for kind in KINDS
            if kind in data["columns"].values()
        ]
        said.append(f"Of each image these columns of metadata were known: {'; '.join(kinds)}.")
    else:
        said.append("Nothing else was known of the images.")
    said += [_held_out(split), _sizes(split), _use_of_held_out(found["described"])]
    return [sentence for sentence in said if sentence]


KINDS = {
    ColumnKind.LINEAR.value: "quantities",
    ColumnKind.CIRCULAR.value: "angles",
    ColumnKind.CATEGORY.value: "labels",
}


def _time(data: Found) -> str:
    recordings = data["recordings"]
    if data["is_video"]:
        return f"The images were frames of {_count(recordings)} recording{'s' * (recordings != 1)}, ordered in time."
    of = "" if recordings is None else f" of {_count(recordings)} recording{'s' * (recordings != 1)}"
    return f"The images{of} had no order in time and were treated as independent."


def _held_out(split: Found) -> str:
    share, drawn = _share(split["val_fraction"]), f"drawn at random (seed {split['seed']})"
    if split["kind"] == BLOCK_SPLIT:
        gap = split["gap"] or 0
        size = "" if split["block_size"] is None else f" of {split['block_size']:,} consecutive images"
        said = f"Blocks{size} were held out, {drawn} so that their share came as near to {share} as whole blocks allow"
        if gap:
            said += f"; up to {_plural(gap, 'image')} on either side of a held-out block were left out of training"
        return f"{said}."
    if split["kind"] != GROUP_SPLIT:
        return f"Single images were held out, {drawn}, a share of {share}."
    column, held_out = _named([split["column"]]), split["groups"]["held_out"]
    trained_on = len(split["groups"]["trained_on"])
    values = f"{len(held_out):,} values" if len(held_out) > SHOWN_GROUPS else _named(held_out)
    how = "chosen by hand" if split["chosen_by_name"] else f"{drawn} so that their share came as near to {share}"
    how += "" if split["chosen_by_name"] else " as whole groups allow"
    return (
        f"All images of some values of the column {column} were held out: {values}, {how}; networks were trained on "
        f"the images of {_count(trained_on)} other value{'s' * (trained_on != 1)}."
    )


def _sizes(split: Found) -> str:
    rest = f", and {split['neither']:,} were used for neither" if split["neither"] else ""
    return (
        f"This left {split['trained_on']:,} images for training and {split['held_out']:,} held out{rest}; all runs "
        "shared this split."
    )


def _use_of_held_out(described: Found) -> str:
    if any(flat.get("training.patience") is not None for flat in _flats(described)):
        return "Held-out images had no influence on training but for early stopping, see below."
    return "Held-out images had no influence on training, and no checkpoint was selected by them."


# ------------------------------------------------------------------------------------------------------------ networks


def _flats(described: Found) -> list[Flat]:
    """All settings of each configuration, by their dotted names."""
    return [{**described["common"], **entry["differing"]} for entry in described["settings"]]


def _networks(found: Found, cite: Citations) -> list[str]:
    described = found["described"]
    said = [*_design(found), *_by_configuration(described, cite), *_sizes_of_networks(described)]
    said += [_shared_starts(described), *_targets_left_out(described), *_controls(described)]
    return [sentence for sentence in said if sentence]


def _design(found: Found) -> list[str]:
    entries = found["described"]["settings"]
    names, runs = _labels(entries), sum(len(entry["runs"]) for entry in entries)
    in_all = _plural(runs, "run")
    vary = {name: values for name, values in found.get("settings", {}).items() if len(values) > 1}
    said = []
    if vary:
        listed = [f"{as_markdown(name.replace('_', ' '))} ({_named(values)})" for name, values in vary.items()]
        said.append(f"Runs differed in {_and(listed)}.")
    seeds = {tuple(entry["seeds"]) for entry in entries}
    if len(seeds) > 1:
        each = [f"'{name}' with {_seeds(entry['seeds'])}" for name, entry in zip(names, entries, strict=True)]
        return [*said, f"In all, {in_all} were trained: {_and(each)}."]
    (same,) = seeds
    if len(entries) == 1:
        return [*said, f"Networks of one setting were trained, with {_seeds(same)} ({in_all})."]
    listed_names = "" if vary else f" ({_quoted(names)})"
    how = f"each with {_seeds(same)} ({in_all})"
    return [*said, f"Networks of {_count(len(entries))} settings{listed_names} were trained, {how}."]


def _seeds(seeds: Sequence[int | None]) -> str:
    known = [str(seed) for seed in seeds if seed is not None]
    if not known:
        return "no seed given"
    return f"the seed{'s' * (len(known) > 1)} {_and(known)}"


def _labels(entries: Sequence[Found]) -> list[str]:
    """A name for each configuration, escaped; of several of one setting with their runs."""
    settings = [entry["setting"] for entry in entries]
    return [
        as_markdown(name if settings.count(name) == 1 else f"{name} ({', '.join(entry['runs'])})")
        for name, entry in zip(settings, entries, strict=True)
    ]


Topic = Callable[[Flat, Found, Citations], str]
"""A clause about a configuration, without its full stop; empty where there is nothing to say."""


def _by_configuration(described: Found, cite: Citations) -> list[str]:
    """What there is to say of each configuration: once where all are alike, else by the settings that it holds for."""
    said = []
    for topic in TOPICS:
        groups = _grouped(described, _clause_of(topic, cite))
        for clause, its in groups.items():
            if clause:
                lead = "" if len(groups) == 1 else f"With {_which(its, described)}, "
                said.append(f"{_upper(lead + clause)}.")
    return said


def _clause_of(topic: Topic, cite: Citations) -> Callable[[Flat, Found], str]:
    return lambda flat, entry: topic(flat, entry, cite)


def _sizes_of_networks(described: Found) -> list[str]:
    """What is one number of each configuration, in a sentence for all of them."""
    said = []
    for stem, value in SIZES.items():
        groups = {text: its for text, its in _grouped(described, value).items() if text}
        if len(groups) == 1 and len(next(iter(groups.values()))) == len(described["settings"]):
            said.append(f"{stem} {next(iter(groups))}.")
        elif groups:
            said.append(f"{stem} {_and([f'{text} ({_which(its, described)})' for text, its in groups.items()])}.")
    return said


def _grouped(described: Found, say: Callable[[Flat, Found], str]) -> dict[str, list[int]]:
    """Numbers of the configurations that the same is said of."""
    groups: dict[str, list[int]] = {}
    for number, (flat, entry) in enumerate(zip(_flats(described), described["settings"], strict=True)):
        groups.setdefault(say(flat, entry), []).append(number)
    return groups


def _which(numbers: Sequence[int], described: Found) -> str:
    """Some of the configurations: by a value that they have in common and no other has, else by their names."""
    entries = described["settings"]
    some = [entries[number]["levels"] for number in numbers]
    for name, value in some[0].items() if len(some) > 1 else ():
        if numbers == [number for number, entry in enumerate(entries) if entry["levels"].get(name) == value]:
            return f"{as_markdown(name.replace('_', ' '))} {_named([value])}"
    labels = _labels(entries)
    return _quoted([labels[number] for number in numbers])


def _units(flat: Flat, entry: Found) -> str:
    return _plural(flat["model.latent_dim"], "unit")


def _parameters(part: str, entry: Found) -> str:
    count = entry["network"].get(part, {}).get("n_parameters", 0)
    return f"{_plural(count, 'trained parameter')}" if count else ""


SIZES: dict[str, Callable[[Flat, Found], str]] = {
    "The code had": _units,
    "The encoder had": lambda _, entry: _parameters("encoder", entry),
    "The layers behind the code had": lambda _, entry: _parameters("head", entry),
}
"""Beginnings of sentences, and what follows."""


def _encoder(flat: Flat, entry: Found, cite: Citations) -> str:
    name, units = flat["model.encoder"], flat["model.latent_dim"]
    if name not in FITTED_ENCODERS:
        return f"{_part('encoder', entry, 'encoder', code=units)}{_latent_activation(entry)}"
    most = architecture(name).Encoder.MAX_IMAGES
    fitted_to = "the training images" + (" with their noise" if flat["objective.noise.kind"] != "none" else "")
    if name == "pca":
        return (
            f"the encoder was a principal component analysis of {fitted_to}, at most {most:,} of them, whose leading "
            "components, as many as the code had units, were standardised by the training images"
        )
    if name == "umap":
        return (
            f"the encoder was a UMAP {cite('mcinnes2018')}, in as many dimensions as the code had units, of the first "
            f"{NARROW_TO} principal components of {fitted_to}, at most {most:,} of them, with {UMAP_NEIGHBORS} "
            "neighbours; every image was placed at the mean of its nearest training images, weighted by their "
            "membership strengths, and units were standardised by the training images"
        )
    return f"the encoder '{as_markdown(name)}' was fitted to the training images"


def _latent_activation(entry: Found) -> str:
    """What stands behind the last layer of an encoder."""
    layers = entry["network"].get("encoder", {}).get("layers")
    is_linear = layers and (layers[-1]["layer"] in WEIGHTED or "normalisation" in layers[-1]["layer"])
    return "; units of the code were linear" if is_linear else ""


BETWEEN_LAYERS = {
    "strided": "each convolution was followed by a pixel shuffle that doubled the resolution, cropped where the "
    "encoder had halved an odd side",
    "conv": "the last row or column was repeated wherever pooling had dropped one of an odd side",
    "conv-small": "pixels beyond the sizes of the encoder's maps were cropped",
}
"""What decoders do that is no layer."""


def _head(flat: Flat, entry: Found, cite: Citations) -> str:
    clause = _part("head", entry, _head_name(entry))
    between = BETWEEN_LAYERS.get(entry["decoder"])
    return clause if between is None else f"{clause}; {between}"


def _head_name(entry: Found) -> str:
    return "read-out" if entry["decoder"] is None else "decoder"


def _part(name: str, entry: Found, called: str, code: int | None = None) -> str:
    """The layers of an encoder or a head; `code` is the number of units of the code, which is told by itself."""
    part = entry["network"].get(name)
    if part is None:
        return f"the layers of the {called} could not be read ({as_markdown(entry['network']['why_not'])})"
    return f"the {called} consisted of {_layers(part['layers'], code)}"


def _objective(flat: Flat, entry: Found, cite: Citations) -> str:
    name, target = flat["objective.name"], flat.get("objective.target")
    column = "" if target is None else f" in column {_named([target])}"
    if name == "reconstruct":
        return f"networks were trained to reconstruct the image, by {LOSSES[flat['objective.loss']]}"
    if name == "angle":
        vector = flat.get("objective.vector")
        what = column if vector is None else f" between two points (columns {_named(vector)})"
        return (
            f"networks were trained to predict the angle{what} as a point on the unit circle, by half of the squared "
            "distance to it"
        )
    if name == "classify":
        classes = len(flat.get("objective.classes") or ())
        return f"networks were trained to predict the label{column}, one of {classes:,}, by cross-entropy"
    if name == "mask":
        return (
            "networks were trained to predict which pixels are the animal's, by the binary cross-entropy of pixels, "
            "averaged over the image"
        )
    if name == "regress":
        return (
            f"networks were trained to predict the quantity{column}, standardised by the training images, by its "
            "squared error"
        )
    return f"networks were trained with the objective '{as_markdown(name)}'{column}"


LOSSES = {
    "mse": "the mean squared error of its pixels",
    "rmse": "the root of the mean squared error of its pixels, averaged over images",
    "bce": "the binary cross-entropy of its pixels, averaged over the image",
}
"""Losses of reconstructions."""


def _noise(flat: Flat, entry: Found, cite: Citations) -> str:
    kind, amount = flat["objective.noise.kind"], flat["objective.noise.amount"]
    if kind == "none":
        return "the input was shown without added noise or other augmentation"
    known = {
        "gaussian": f"Gaussian noise with a standard deviation of {_number(amount)} of the white level",
        "salt-pepper": f"salt-and-pepper noise on {_share(amount)} of the pixels",
        "masking": f"masking noise, which sets {_share(amount)} of the pixels to zero,",
        "poisson": f"Poisson noise of {_number(amount)} photons at the white level",
    }
    what = known.get(kind, f"the noise '{as_markdown(kind)}' ({_number(amount)})")
    return (
        f"{what} was added to the input, drawn anew at each update and clipped to the range of pixels; targets were "
        "without it"
    )


def _sparsity(flat: Flat, entry: Found, cite: Citations) -> str:
    kind = flat["objective.sparsity"]
    if kind == "none":
        return ""
    weight = _number(flat["objective.sparsity_weight"])
    if kind == "kl":
        target = _number(flat["objective.sparsity_target"])
        penalty = f"the divergence of each latent unit's mean activation over the batch from {target}"
    else:
        penalty = "log(1 + m^2) of each latent unit's mean activation m over the batch"
    return f"{penalty} was summed over units and added to the loss with a weight of {weight}"


def _optimizer(flat: Flat, entry: Found, cite: Citations) -> str:
    decay = flat["training.weight_decay"]
    by = (
        f"AdamW with a weight decay of {_number(decay)} {cite('loshchilov2019')}"
        if decay
        else f"Adam {cite('kingma2015')}"
    )
    what = f"the {_head_name(entry)} was" if flat["model.encoder"] in FITTED_ENCODERS else "networks were"
    clause = (
        f"{what} trained by {by} with the default betas and epsilon of PyTorch, for {_range(entry['epochs'])} epochs "
        f"({_range(entry['updates'])} updates) in batches of {flat['training.batch_size']:,} images, each image once "
        "an epoch in a random order"
    )
    if flat.get("training.init_from") is not None:
        clause += f", from the weights of the checkpoint '{as_markdown(flat['training.init_from'])}'"
    else:
        clause += ", from weights that were drawn by the default initialisation of PyTorch"
    if flat.get("training.patience") is not None:
        clause += (
            f"; training ended after at most {flat['training.epochs']:,} epochs, or when the held-out loss had not "
            f"improved for {_plural(flat['training.patience'], 'validation')}, with one every "
            f"{_plural(flat['training.val_interval'], 'epoch')}"
        )
    return clause


def _schedule(flat: Flat, entry: Found, cite: Citations) -> str:
    kind, top = flat["training.schedule"], float(flat["training.lr"])
    if kind == "constant":
        return f"the learning rate was {top:g} throughout"
    if kind == "onecycle":
        start = top / START_DIVISOR
        return (
            f"the learning rate rose along half a cosine from {start:g} to {top:g} over the first "
            f"{_share(WARM_UP_FRACTION)} of the updates and fell along another to {start / END_DIVISOR:g} "
            f"{cite('smith2019')}"
        )
    if kind == "cosine":
        return f"the learning rate fell along half a cosine from {top:g} to 0 {cite('loshchilov2017')}"
    if kind == "step":
        return (
            f"the learning rate was {top:g} at first and was multiplied by {STEP_FACTOR:g} from each of "
            f"{STEPS_DOWN} equal parts of training to the next"
        )
    return f"the learning rate was {top:g} at most, with the schedule '{as_markdown(kind)}'"


def _further(flat: Flat, entry: Found, cite: Citations) -> str:
    """Settings that no other clause is about, as they are."""
    left = {
        name: value
        for name, value in flat.items()
        if name not in SAID and not name.startswith("data.") and value not in (None, False, "none", [])
    }
    if not left:
        return ""
    listed = [
        f"{as_markdown(name.partition('.')[2].replace('_', ' '))} = {as_markdown(str(value))}"
        for name, value in left.items()
    ]
    return f"further settings were {_and(listed)}"


def _device(flat: Flat, entry: Found, cite: Citations) -> str:
    threads = "" if not entry["threads"] else f", with {_range(entry['threads'])} processor thread"
    threads += "s" * bool(entry["threads"] and entry["threads"] != [1])
    devices = [as_markdown(device.replace("cpu", "CPU").replace("cuda", "CUDA")) for device in entry["device"]]
    return f"training ran on {_and(devices)}{threads}"


TOPICS: tuple[Topic, ...] = (
    _encoder,
    _head,
    _objective,
    _noise,
    _sparsity,
    _optimizer,
    _schedule,
    _further,
    _device,
)

SAID = {
    *(f"training.{setting.name}" for setting in settings_of(TrainingConfig) if setting.flag.group == KEPT_GROUP),
    *(f"model.{name}" for name in ("encoder", "latent_dim", "decoder", "norm", "latent_activation")),
    *(
        f"objective.{name}"
        for name in (
            *("name", "loss", "target", "vector", "classes", "target_mean", "target_deviation"),
            *("noise.kind", "noise.amount", "sparsity", "sparsity_weight", "sparsity_target"),
        )
    ),
    *(
        f"training.{name}"
        for name in (
            *("epochs", "batch_size", "lr", "schedule", "weight_decay", "patience", "init_from"),
            *("device", "threads", "snapshot_samples"),
        )
    ),
}
"""Settings that the clauses tell, and those that say only what training leaves on the disk."""


def _layers(layers: Sequence[Found], code: int | None = None) -> str:
    """Such as "three 3 x 3 convolutions with stride 2 (32, 64 and 128 channels), each followed by SiLU; ...".

    Args:
        layers: see `autoencoder.study.described.layers_of`.
        code: units of the code, where the last linear layer leads to it.
    """
    blocks: list[list[Found]] = []
    for layer in layers:
        if layer["layer"] in WEIGHTED or not blocks:
            blocks.append([])
        blocks[-1].append(layer)
    to_code = ""
    if code is not None and blocks and blocks[-1][0] == {"layer": "linear layer", "units": code}:
        to_code = f"a linear layer to the code{_behind(blocks.pop()[1:])}"
    parts = [_block(list(alike)) for _, alike in groupby(blocks, key=_form)]
    *before, last = [*parts, to_code] if to_code else parts
    return "; ".join([*before, f"and {last}"]) if before else last


WEIGHTED = {"convolution": "channels", "transposed convolution": "channels", "linear layer": "units"}
"""Layers with weights, and what they have so many of."""


def _form(block: Sequence[Found]) -> tuple[Any, ...]:
    """What blocks of layers that are told together have in common: all but their width."""
    width = WEIGHTED.get(block[0]["layer"])
    return tuple(sorted((name, str(value)) for name, value in block[0].items() if name != width)), str(block[1:])


def _block(alike: Sequence[Sequence[Found]]) -> str:
    first, *behind = alike[0]
    if first["layer"] not in WEIGHTED:
        return _and([_layer(layer) for layer in alike[0]])
    widths, noun = [block[0][WEIGHTED[first["layer"]]] for block in alike], WEIGHTED[first["layer"]]
    several = len(alike) > 1
    said = f"{_count(len(alike)) if several else 'a'} {_layer(first)}{'s' if several else ''}{_stride(first)}"
    said += f" ({_and([f'{width:,}' for width in widths])} {noun if widths != [1] else noun[:-1]})"
    return said + _behind(behind, each=several)


def _behind(layers: Sequence[Found], *, each: bool = False) -> str:
    """What follows a layer with weights, or each of several."""
    return f", {'each ' if each else ''}followed by {_and([_layer(layer) for layer in layers])}" if layers else ""


def _layer(layer: Found) -> str:
    name, size = layer["layer"], layer.get("size")
    if name == "batch normalisation":
        return name if layer["learns_scale"] else f"{name} without learned scale and shift"
    if isinstance(size, list):
        return f"{' x '.join(map(str, size))} {name}"
    if size is None:
        return str(name)
    return f"{size} x {size} {name}" if name == "max pooling" else f"{name} by a factor of {size}"


def _stride(layer: Found) -> str:
    if "stride" not in layer:
        return ""
    parts = [f"stride {layer['stride']}"] * (layer["stride"] > 1) + [f"padding {layer['padding']}"] * (
        layer["padding"] > 0
    )
    return f" with {_and(parts)}" if parts else ""


def _shared_starts(described: Found) -> str:
    """What runs of one seed have in common under all settings."""
    entries, flats = described["settings"], _flats(described)
    if len(entries) < 2:
        return ""
    same_model = all(name in described["common"] for name in flats[0] if name.startswith("model."))
    drawn = all(flat.get("training.init_from") is None for flat in flats)
    learned = all(flat["model.encoder"] not in FITTED_ENCODERS for flat in flats)
    same_images = not any(entry["without_target"] for entry in entries)
    shared = [
        *(["the initial weights of the encoder"] if same_model and drawn and learned else []),
        *(["the order of the training images"] if same_images else []),
    ]
    return f"Runs of one seed shared {_and(shared)} under all settings." if shared else ""


def _targets_left_out(described: Found) -> list[str]:
    most = max(entry["without_target"] for entry in described["settings"])
    return [f"Images without a known target, {most:,} at most, were not trained on."] if most else []


def _controls(described: Found) -> list[str]:
    said, controls = [], described["controls"]
    if SHUFFLED in controls:
        said.append(
            "As a control, networks that predict something other than the image were also trained on shuffled targets, "
            "which were permuted among the training images once in each run; all else was the same."
        )
    if UNTRAINED in controls:
        said.append("Networks before their first update served as another control.")
    if sizes := described["pixel_components"]:
        said.append(
            f"The pixels themselves served as a reference: their leading principal components "
            f"({_or(sizes)} of them), fitted without noise to the probe images that were trained on."
        )
    if codes := described["codes"]:
        listed = [f"'{as_markdown(code['name'])}' ({_plural(code['units'], 'unit')})" for code in codes]
        said.append(f"Codes of the same images from other sources were compared beside the runs: {_and(listed)}.")
    return said


# ---------------------------------------------------------------------------------------------- images and snapshots


def _snapshots(found: Found, cite: Citations) -> list[str]:
    described = found["described"]
    images, common, data = described["probe_images"], described["common"], described["data"]
    chosen = {
        PROBE_SAMPLES: "evenly spaced among the held-out images and among all others",
        ALL_SAMPLES: "all images of the data set",
    }.get(str(common.get("training.snapshot_samples")), f"drawn at random (seed {described['split']['seed']})")
    others = images["kept"] - images["trained_on"] - images["held_out"]
    parts = [f"{images['trained_on']:,} were trained on", f"{images['held_out']:,} held out"]
    parts += [f"{others:,} left out of both"] if others else []
    said = [
        f"Codes (the latent units' activations) of {images['kept']:,} probe images, the same in all runs, were kept; "
        f"they were {chosen}, and {_and(parts)}."
    ]
    said += _moments(described)
    said.append("Codes were computed in evaluation mode and without added noise.")
    if images["compared"] < images["held_out"]:
        said.append(f"Representations were compared on {images['compared']:,} of the held-out ones, evenly spaced.")
    tau = _section(found, "similarity").get("tau_frames")
    if data["is_video"] and tau is not None:
        said.append(
            f"The correlation time tau of the slowest codes at the end of training, after which their autocorrelation "
            f"had fallen to 1/e, was {_frames(tau)}."
        )
    return said


def _moments(described: Found) -> list[str]:
    flats = _flats(described)
    entries = [entry for entry in described["settings"] if entry["snapshots"][-1] > 1]
    if not entries:
        return ["Each run was seen once, at the end."]
    counts = sorted({n for entry in entries for n in entry["snapshots"]})
    spacings = {flat["training.snapshot_spacing"] for flat in flats}
    per_epoch = sorted({flat["training.snapshots_per_epoch"] for flat in flats})
    fitted = any(flat["model.encoder"] in FITTED_ENCODERS for flat in flats)
    which = "run with a learned encoder" if fitted else "run"
    said = f"In each {which} {_range(counts)} snapshots of them were taken, the first before the first update"
    if spacings == {"log"}:
        first = sorted({n for entry in entries for n in entry["snapshots_in_first_epoch"]})
        said += (
            f", the others at updates that grew by a constant factor: {_range(per_epoch)} in each doubling of the "
            f"updates, or more where the first epoch would have had fewer than {FEWEST_IN_THE_FIRST_EPOCH} (it had "
            f"{_range(first)})"
        )
    elif spacings == {"even"}:
        said += f", the others evenly spaced, {_range(per_epoch)} in each epoch"
    return [f"{said}.", *(["Codes of fitted encoders do not change and have one snapshot."] if fitted else [])]


# ---------------------------------------------------------------------------------------------------------- similarity


def _similarity(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "similarity"):
        return []
    similarity, data = found["similarity"], found["described"]["data"]
    measures = similarity["measures"]
    said = [
        f"Representations were compared by their codes of {similarity['n_images']:,} held-out images, of all pairs of "
        "runs at each moment that all of them had, and of all pairs of moments of each run."
    ]
    known: dict[str, Callable[[Citations], str]] = {
        "procrustes": _procrustes,
        "procrustes_whitened": _whitened,
        "cka": _cka,
        "knn_jaccard": lambda cite: _jaccard(similarity, data, cite),
    }
    for name, measure in measures.items():
        said.append(known[name](cite) if name in known else f"Another measure was {as_markdown(measure['title'])}.")
    said.append(_null_of_similarity(data))
    if _is_done(found, "matched"):
        said.append(_matched(found["matched"]))
    return said


def _procrustes(cite: Citations) -> str:
    return (
        "The main measure was the Procrustes angle in degrees: the arccosine of the nuclear norm of X'Y for two codes "
        "X and Y (images x units) whose columns were centred and whose squares were scaled to a sum of 1, which is the "
        f"angle that is left after the best rotation or reflection {cite('williams2021')}."
    )


def _whitened(cite: Citations) -> str:
    return (
        "The same angle was taken of whitened codes, whose directions all have the same variance, so that no "
        "invertible linear map of a code changes it."
    )


def _cka(cite: Citations) -> str:
    return (
        f"Linear centred kernel alignment (CKA) {cite('kornblith2019')} was computed with the unbiased estimate of the "
        f"Hilbert-Schmidt independence criterion {cite('song2012')}."
    )


def _jaccard(similarity: Found, data: Found, cite: Citations) -> str:
    said = (
        f"Shared neighbourhoods were measured by the Jaccard index of each image's {SHARED_NEIGHBORS} nearest "
        f"neighbours by Euclidean distance in both codes, averaged over images {cite('klabunde2023')}"
    )
    if not data["is_video"]:
        return f"{said}."
    return (
        f"{said}; images of one recording that were at most {_frames(similarity['frames_between_neighbours'])} "
        f"apart ({_number(APART_TAUS)} tau, and never more than {_share(MOST_APART)} of the longest recording) were no "
        "neighbours."
    )


def _null_of_similarity(data: Found) -> str:
    if not data["is_video"]:
        return (
            f"Beside each value stands what chance gives: the mean over {DRAWS} random permutations of the images of "
            "one code against the other."
        )
    least, most = _turned_by()
    return (
        f"Since codes of successive frames are alike by chance, beside each value stands the mean of the same measure "
        f"with one code turned against the other in time, the last images moved to the beginning, by {DRAWS} equally "
        f"spaced shifts of {_share(least)} to {_share(most)} of the images."
    )


def _turned_by(n: int = 1000) -> tuple[float, float]:
    """The least and the largest turn of a null of similarities, as shares of the rows."""
    moved = turns(Timeline(np.zeros(n, np.int64), np.arange(n)), DRAWS, 0)[:, 0] / n
    return float(moved.min()), float(moved.max())


def _matched(matched: Found) -> str:
    if matched.get("by") == "loss":
        when = (
            f"at the first snapshot from the end of the epoch on in which each run had had {_share(LOSS_SHARE)} of the "
            "whole fall of its training loss"
        )
    else:
        when = f"at {as_markdown(matched['moment'])}"
    return f"As a control of unequal training, the comparison was repeated {when}."


# ---------------------------------------------------------------------------------------------------------- statistics


def _statistics(found: Found, cite: Citations) -> list[str]:
    said = []
    if _is_done(found, "similarity"):
        said += _permanova(found["similarity"], cite)
    if any(_is_done(found, name) for name in ("probes", "dimension", "robustness", "quality", "units")):
        said.append(
            "Measures that are one number of a run are given as means over seeds, and settings were compared by their "
            f"differences within seeds, both with {_share(LEVEL)} confidence intervals by the t distribution over "
            "seeds (n - 1 degrees of freedom for n seeds); these were not tested, and intervals were not corrected for "
            "their number."
        )
    if said:
        said.insert(0, "The unit of analysis was the trained network (the seed), not the image or the moment.")
    return said


def _permanova(similarity: Found, cite: Citations) -> list[str]:
    measures = similarity["measures"]
    test = measures[MAIN]["test"] if MAIN in measures else next(iter(measures.values()))["test"]
    if "why_not" in test:
        return []
    how = "all" if test["all_relabellings"] else "a random sample of"
    settings, seeds = similarity["settings"], similarity["seeds"]
    said = [
        f"The effect of the {_count(len(settings))} settings on representations was tested at one moment that was set "
        f"beforehand, {as_markdown(similarity['moment'])}, on the runs of {_count(len(seeds))} seeds, by a "
        f"permutational multivariate analysis of variance (PERMANOVA) of the distances between runs "
        f"{cite('anderson2001')}. Distances were {_distances(measures)}.",
        f"Seeds were blocks, since runs of one seed are not independent: labels of settings were exchanged only among "
        f"runs of one seed {cite('anderson2003')}. With {how} {test['relabellings']:,} distinct relabellings, the data "
        f"among them, the smallest p possible was {test['least_p']:.2g}; p is the share of relabellings whose R2 was "
        "at least that of the data.",
        "Effect sizes are R2, the share of the squared distances that lies between settings, its mean over all "
        "relabellings, which is what no effect would give, and omega squared, which takes what runs of one seed have "
        "in common for error and so errs low.",
    ]
    if "over_training" in test:
        said.append(
            f"Over training, the R2 of each of {len(test['over_training']):,} moments was compared with the largest R2 "
            f"of each relabelling at any moment {cite('westfall1993')}, which corrects for the number of moments. "
            "Effects were not corrected for the number of measures of similarity."
        )
    else:
        said.append("Effects were not corrected for the number of measures of similarity.")
    if measures.get(MAIN, {}).get("dispersion"):
        said.append(
            f"The spread of seeds within a setting was measured by the mean distance of runs to their centroid in "
            f"principal coordinates {cite('anderson2006')}; where the largest spread was more than {_number(UNEQUAL)} "
            "times the smallest, settings were said to differ in place or in spread."
        )
    return [*said, *_factors(measures.get(MAIN, {}).get("factors", {}))]


DISTANCES = {
    "procrustes": "the Procrustes angle itself",
    "procrustes_whitened": "the whitened angle itself",
    "cka": "the arccosine of CKA",
    "knn_jaccard": "1 minus the Jaccard index",
}
"""What measures of similarity are taken as distances by."""


def _distances(measures: Found) -> str:
    return _and([DISTANCES.get(name, f"those of {as_markdown(m['title'])}") for name, m in measures.items()])


def _factors(factors: Found) -> list[str]:
    if not factors or "why_not" in factors:
        return []
    said = [
        "Each factor of the design was also tested beside the others, with labels exchanged among runs that were alike "
        "in their seed and in all other factors."
    ]
    if any("p" not in entry for entry in factors.values()):
        said.append("Of interactions of two factors the size, omega squared, is given without a test.")
    return said


# -------------------------------------------------------------------------------------------------------------- probes


def _probes(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "probes"):
        return []
    columns, probing = found["probes"]["columns"], found["described"].get("probing")
    data = found["described"]["data"]
    least, most = float(STRENGTHS[0]), float(STRENGTHS[-1])
    strengths = f"one of {len(STRENGTHS)} penalties from {_number(least)} to {_number(most)} per image"
    said = [
        f"What codes tell of the metadata was read by two probes, at every snapshot, from the columns "
        f"{_named(list(columns))}: ridge regression on standardised codes ({strengths}), for what is linear in the "
        f"code, and the mean of the nearest neighbours ({_or(PROBE_NEIGHBORS)} of them, or nearly the mean of all "
        "images), for what is near in it. Probes were fitted to the probe images that were trained on and scored on "
        "those held out.",
    ]
    if probing is not None and data["is_video"] and probing["gap_frames"] > 0:
        said.append(
            f"Images within {_frames(probing['gap_frames'])} of a held-out one, the correlation time of the "
            "slowest column with enough time, were not fitted to."
        )
    said.append(
        f"Penalty and number of neighbours were chosen within the images fitted to, by {FOLDS}-fold cross-validation "
        f"in parts of the same kind as the split, by the one-standard-error rule {cite('breiman1984')}: of choices "
        "whose error did not exceed the least by more than one standard error of the difference, the simplest."
    )
    said += [_scores(columns), _interval(columns, cite)]
    if probing is not None:
        said += _null_of_probes(probing, data, cite)
    said += _course_of_probes(found)
    return said


def _or(values: Sequence[float]) -> str:
    *before, last = (_number(value) for value in values)
    return f"{', '.join(before)} or {last}" if before else last


def _scores(columns: Found) -> str:
    kinds = {column["kind"] for column in columns.values()}
    known = {
        ColumnKind.LINEAR.value: "quantities by R2 against the mean of the images fitted to",
        ColumnKind.CIRCULAR.value: "angles, regressed as cosine and sine, by their median circular error in degrees",
        ColumnKind.CATEGORY.value: "labels, regressed as indicators, by their balanced accuracy",
    }
    return f"Scored were {'; '.join(text for kind, text in known.items() if kind in kinds)}."


def _interval(columns: Found, cite: Citations) -> str:
    angles = any(column["kind"] == ColumnKind.CIRCULAR.value for column in columns.values())
    return (
        f"Intervals ({_share(LEVEL)}) of scores{' (of angles, those of the mean error)' if angles else ''} are "
        f"jackknife intervals {cite('efron1993')} over stretches of held-out images, at least {_number(BLOCK_TAUS)} "
        "correlation times of the column long where images are ordered in time, on a logarithmic scale and widened for "
        f"what neighbouring stretches have in common; with fewer than {FEWEST_BLOCKS} stretches there is none."
    )


def _null_of_probes(probing: Found, data: Found, cite: Citations) -> list[str]:
    draws = f"{probing['draws']:,}"
    if probing["null"] == NullKind.SHIFT.value:
        reach = _shifted_by()
        said = (
            f"Chance was assessed by a linear shift {cite('harris2020', 'yuan2024')}: the labels were moved against "
            f"codes, split and images by up to {_share(reach)} of each segment of a recording, each way, within its "
            f"middle {_share(1 - 2 * reach)}, and the whole probe was repeated with each of {draws} shifts"
        )
    elif probing["null"] == NullKind.EXCHANGE.value:
        said = (
            f"Chance was assessed by exchanging the labels between recordings, which were cut to the length of the "
            f"shortest, and repeating the whole probe with each of {draws} exchanges"
        )
    else:
        within = " within groups" if probing["in_groups"] else ""
        said = (
            f"Chance was assessed by permuting the labels{within} and repeating the whole probe with each of {draws} "
            "permutations"
        )
    enough = (
        f" For columns with fewer than {_number(ENOUGH_TIME)} correlation times there is no p."
        if data["is_video"] and probing["null"] == NullKind.SHIFT.value
        else ""
    )
    return [
        f"{said}. The statistic was -log(1 - R2) of what was regressed, and p is the share of draws, the data among "
        f"them, that told at least as much; p was not corrected for the number of columns, probes and runs.{enough}"
    ]


def _shifted_by(n: int = 800) -> float:
    """How far labels are moved each way by a linear shift, as a share of their segment."""
    return float(shifts([np.arange(n)]).rows[0]) / n


def _course_of_probes(found: Found) -> list[str]:
    if max(n for entry in found["described"]["settings"] for n in entry["snapshots"]) < 2:
        return []
    return [
        f"To compare columns, scores were taken as skills from 0 (nothing) to 1: R2; 1 - error / {_number(BLIND_DEG)} "
        "degrees; balanced accuracy above chance. A column was told in a run if its largest skill over training was at "
        f"least {TOLD:g} and p at that snapshot was below {SIGNIFICANT:g}, not corrected for the choice of the "
        f"snapshot. Its onset lies between the two snapshots where {_share(HALF)} of the largest gain over the first "
        f"snapshot was passed, for gains of at least {TOLD:g}. A column was lost if less than {_share(HALF)} of its "
        "largest skill was left at the end, by every probe that had told it, and folded if the ridge had fallen by "
        f"more than {TOLD:g} while neighbours kept at least {_share(KEPT)} of their largest skill and told more than "
        "the ridge."
    ]


# --------------------------------------------------------------------------------------------------------------- shape


def _topology(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "topology"):
        return []
    settings, images = found["topology"]["settings"], found["described"]["probe_images"]
    data = found["described"]["data"]
    sets = SETS if images["compared"] > SET_LANDMARKS else 1
    points = min(images["compared"], SET_LANDMARKS)
    of = (
        f"on each of {_count(sets)} sets of {points:,} randomly drawn held-out images"
        if sets > 1
        else f"on all {points:,} held-out images that were compared"
    )
    how = "moved in time by a shift of its own" if data["is_video"] else "permuted by itself"
    said = [
        f"Rings in the codes were looked for by persistent homology: the bars of H1 of the Vietoris-Rips complex with "
        f"coefficients modulo 2 {cite('bauer2021', 'tralie2018')}, {of}. The lengths of bars are given over the "
        "diameter of the codes, taken as twice the largest distance from the mean, as medians over sets. A run was "
        f"said to have a ring if the longest bar was more than {_number(DOMINANT)} times the second on every set, and "
        "a setting if all of its seeds had one.",
        f"By chance, the same bars were computed of codes each of whose units was {how}, on {_count(SETS)} draws of at "
        f"most {SET_LANDMARKS:,} images.",
    ]
    if any(n > 1 for entry in found["described"]["settings"] for n in entry["snapshots"]):
        said.append(f"Before the end of training, one set of at most {OVER_TRAINING:,} images was used.")
    if any(run["cyclic_order"] for entry in settings for run in entry["by_run"]):
        said.append(
            f"Where there was a ring, each image was given a circular coordinate by persistent cohomology modulo "
            f"{PRIME} {cite('desilva2011')}, taken {_share(INSIDE)} of the way from the birth to the death of the "
            f"longest bar and extended to images that were not drawn {cite('perea2020')}. Its order was compared with "
            "that of each angle of the metadata: both were ranked and the ranks spread evenly over the circle, and the "
            "agreement is the length of the mean resultant vector of their differences, of the better of both "
            "directions (1 for the same order)."
        )
    return said


def _dimension(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "dimension"):
        return []
    said = (
        "Dimensions were measured at every snapshot by the participation ratio of the eigenvalues l of the codes' "
        "covariance, (sum of l)^2 / sum of l^2, and by the number of principal components with at least "
        f"{_share(SHARE)} of the variance. At the end, the intrinsic dimension was estimated by maximum likelihood "
        f"{cite('levina2004')}, with inverse estimates averaged over images {cite('mackay2005')}, for "
        f"{_or(DIMENSION_NEIGHBORS)} neighbours and for several random numbers of images up to all of them, as a curve"
    )
    apart = _section(found, "similarity").get("frames_between_neighbours")
    if found["described"]["data"]["is_video"] and apart:
        said += f"; images of one recording that were at most {_frames(apart)} apart were no neighbours"
    return [f"{said}."]


def _robustness(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "robustness"):
        return []
    return [
        "Of runs that were trained with noise, the compared images were encoded without noise and under two draws of "
        "it. How far noise moved a code is the median, over images and both draws, of its displacement over the "
        "distance of the clean code to the nearest code of another image that is no neighbour in time. The noise floor "
        "is each measure of similarity between the codes of one network under the two draws."
    ]


def _space(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "space"):
        return []
    space = found["space"]
    return [
        f"The space of representations was drawn on a plane by metric multidimensional scaling of the Procrustes "
        f"angles between {len(space['points']):,} representations (runs at their snapshots, and controls) on "
        f"{space['n_images']:,} held-out images. The raw stress was minimised by SMACOF {cite('borg2005')} from the "
        f"classical scaling and {RANDOM_STARTS} random starts, and the solution of least stress was kept. Its stress-1 "
        f"{cite('kruskal1964')}, the root of the summed squared differences between drawn and given distances over the "
        f"summed squares of the given ones, was {space['stress']:.2g}. All statistics are of the given distances."
    ]


# ------------------------------------------------------------------------------------------- further parts of a study


def _convergence(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "convergence"):
        return []
    return [
        "How far runs had converged was measured by the Procrustes angle between each run's codes at the snapshot "
        "nearest to half of its training and at its last one, and by the share of the whole fall of its training loss, "
        "from the first epoch to the lowest, that came in the second half of its epochs. Mean angles between runs, "
        "within and between settings, were compared at the two moments."
    ]


def _number_of_units(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "units"):
        return []
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
        f"{cite('breiman1984')}."
    )
    return said


def _embeddings(found: Found, cite: Citations) -> list[str]:
    if not _is_done(found, "embeddings"):
        return []
    embeddings = found["embeddings"]
    method = as_markdown(embeddings["method"])
    if embeddings["method"] == REDUCERS["umap"].title:
        method += f" with {UMAP_NEIGHBORS} neighbours {cite('mcinnes2018')}"
    return [
        f"Planes of codes at the end of training were made by {method} of {embeddings['n_images']:,} held-out images, "
        "for each run by itself; codes of two units are shown as they are. Planes over training are the first two "
        "principal components of each moment, turned to fit the following one. Planes serve as illustrations, and "
        "nothing was measured in them."
    ]


# ---------------------------------------------------------------------------------------------------------- not done

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


def _not_done(found: Found, cite: Citations) -> list[str]:
    missing = [_missing(found, name) for name in PARTS if not _is_done(found, name)]
    said = [f"Not measured: {'; '.join(missing)}."] if missing else []
    if _is_done(found, "similarity"):
        measures = found["similarity"]["measures"]
        reasons = {measure["test"]["why_not"] for measure in measures.values() if "why_not" in measure["test"]}
        said += [f"The effect of settings was not tested: {as_markdown(why)}." for why in sorted(reasons)]
    said.append(
        "There were no tests of single pairs of settings, no bootstrap over seeds and no power analysis after the fact."
    )
    notes = dict.fromkeys([*found.get("notes", []), *_notes(found)])
    if notes:
        said.append(f"Notes of the analysis: {'; '.join(as_markdown(note) for note in notes)}.")
    return said


def _missing(found: Found, name: str) -> str:
    section = found.get(name)
    why = [] if not isinstance(section, Mapping) else [section["why_not"]] if "why_not" in section else []
    if not why and isinstance(section, Mapping):
        why = list(section.get("notes", []))
    return PARTS[name] + (f" ({as_markdown('; '.join(why))})" if why else "")


def _notes(found: Found) -> list[str]:
    """Notes of what was measured; those of the rest are given as reasons."""
    return [note for name in PARTS if _is_done(found, name) for note in _section(found, name).get("notes", [])]


# ------------------------------------------------------------------------------------------------------------ software


def _software(found: Found, cite: Citations) -> list[str]:
    versions = found["described"]["versions"]
    measured, trained = versions["measured_with"], versions["trained_with"]
    cited = {
        "torch": ("PyTorch", "paszke2019"),
        "numpy": ("NumPy", "numpy"),
        "scipy": ("SciPy", "scipy"),
        "scikit-learn": ("scikit-learn", "pedregosa2011"),
    }
    if _is_done(found, "topology"):
        cited["ripser"] = ("ripser.py", "tralie2018")
    if _is_umap_used(found):
        cited["umap-learn"] = ("umap-learn", "mcinnes2018")
    packages = [
        f"{title} {as_markdown(measured[name])} {cite(key)}" for name, (title, key) in cited.items() if name in measured
    ]
    python = as_markdown(measured["python"])
    said = [
        f"All was computed with {DISTRIBUTION} {as_markdown(measured[DISTRIBUTION])} in Python {python}, by "
        f"{_and(packages)}."
    ]
    differing = {
        name: values
        for name, values in trained.items()
        if values != [measured.get(DISTRIBUTION if name == "autoencoder" else name)]
    }
    if differing:
        listed = [f"{as_markdown(name)} {_and([as_markdown(v) for v in values])}" for name, values in differing.items()]
        said.append(f"Networks were trained with {_and(listed)}.")
    return said


def _is_umap_used(found: Found) -> bool:
    encoders = {flat["model.encoder"] for flat in _flats(found["described"])}
    embedded = _section(found, "embeddings").get("method") == REDUCERS["umap"].title
    return "umap" in encoders or embedded


SECTIONS: dict[str, Section] = {
    "Data and split": _data,
    "Networks and training": _networks,
    "Probe images and snapshots": _snapshots,
    "Similarity of representations": _similarity,
    "Statistics": _statistics,
    "Probes of the metadata": _probes,
    "Topology": _topology,
    "Dimension": _dimension,
    "Robustness": _robustness,
    "Convergence": _convergence,
    "Number of latent units": _number_of_units,
    "The space of representations": _space,
    "Planes of codes": _embeddings,
    "What was not done": _not_done,
    "Software": _software,
}
"""Parts of the text, in order."""
