"""Runs compared on the same held-out images: how well each meets its objective, and what its latent tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from autoencoder.array_types import FloatArray, Rows
from autoencoder.config import NoiseConfig
from autoencoder.config.arguments import AnyPath, names_of, paths_of
from autoencoder.data.batches import evenly
from autoencoder.data.images import ImageSet
from autoencoder.display.summary import DPI, Summary
from autoencoder.errors import UserError, raise_if_any
from autoencoder.evaluation.evaluate import Evaluation, evaluate
from autoencoder.evaluation.outside_codes import Outside, read_all
from autoencoder.evaluation.probing import Difference, Probed, Probing
from autoencoder.evaluation.reference_codes import CEILING, UNTRAINED_SEEDS, pca_codes, untrained_codes
from autoencoder.machine.progress import Progress
from autoencoder.measures.probes import RidgeProbe
from autoencoder.objectives.base import Quality
from autoencoder.plots.figures import rendered
from autoencoder.plots.images import image_grid, to_picture
from autoencoder.runs.folder import Run
from autoencoder.runs.opened import OpenedRun, RunLikes, Shelf, open_run, several_runs


@dataclass(frozen=True, eq=False)
class Compared:
    """One run of a comparison.

    Attributes:
        name: of the run's folder.
        evaluation: of its objective, with the controls.
        seconds: time spent in training.
        n_parameters: trained by gradient.
        codes: (N, latent_dim) of all images of the data set, with the noise of the test.
        explained_variance: of the reference images by the reconstructions, see `explained_variance`; None for a network
            that reconstructs nothing.
        probed: what is read of the metadata from the latent, and what is by chance.
        pixels: the same from a PCA of the images with as many components.
        ceiling: the same by ridge from a PCA with up to 200 components.
        untrained: the same from networks with first weights only; empty for a fitted encoder.
        gains: what the latent adds to the given columns; empty where none were given.
    """

    name: str
    evaluation: Evaluation
    seconds: float
    n_parameters: int
    codes: FloatArray
    explained_variance: float | None
    probed: Probed
    pixels: Probed
    ceiling: Probed
    untrained: tuple[Probed, ...]
    gains: tuple[Difference, ...]

    @property
    def quality(self) -> Quality | None:
        """Of the reconstructions; None for a network that reconstructs nothing."""
        return self.evaluation.result.quality

    def numbers(self) -> dict[str, Any]:
        """All of it in plain numbers, as written to `comparison.json`."""
        config = self.evaluation.trained.config
        return {
            "name": self.name,
            "encoder": config.model.encoder,
            "latent_dim": config.model.latent_dim,
            "n_parameters": self.n_parameters,
            "training_seconds": self.seconds,
            "epochs": config.training.epochs,
            "seed": config.training.seed,
            "explained_variance": self.explained_variance,
            "test": self.evaluation.summary(),
            "probes": [found.numbers() for found in self.probed.scores],
            "probes_of_pca": [found.numbers() for found in self.pixels.scores],
            "probes_of_200_components": [found.numbers() for found in self.ceiling.scores],
            "probes_of_untrained": [[found.numbers() for found in probed.scores] for probed in self.untrained],
            "gains": [vars(gain) for gain in self.gains],
        }


@dataclass(frozen=True, eq=False)
class ComparedCodes:
    """Codes of a comparison that no run made.

    Attributes:
        name: of the file, or what a table calls it.
        codes: (N, d) of all images of the data set.
        probed: what is read of the metadata from them, and what is by chance.
    """

    name: str
    codes: FloatArray
    probed: Probed

    def numbers(self) -> dict[str, Any]:
        """All of it in plain numbers, as written to `comparison.json`."""
        return {
            "name": self.name,
            "units": self.codes.shape[1],
            "probes": [found.numbers() for found in self.probed.scores],
        }


SHOWN = 6
"""Held-out images that a notebook shows."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Runs on the same held-out images.

    Attributes:
        runs: at least one.
        data: the data set that all of them learned from.
        rows: (n,) its held-out images.
        probing: what all of them were asked.
        given: columns that were given to probes beside the latent.
        others: codes from elsewhere, beside the runs.
        notes: codes that were left out, and why.
        known: rows of the images that codes from elsewhere know, which probes and similarity are of; None for all.
    """

    runs: tuple[Compared, ...]
    data: ImageSet
    rows: Rows
    probing: Probing
    given: tuple[str, ...] = ()
    others: tuple[ComparedCodes, ...] = ()
    notes: tuple[str, ...] = ()
    known: Rows | None = None

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(run.name for run in self.runs)} on {len(self.rows):,} held-out images>"

    def examples(self, n: int = SHOWN) -> Figure:
        """A few of the images as every run sees them first, and below what those that make pictures make of them."""
        rows = evenly(self.rows, n)
        parts = [("image", to_picture(self.data.scaled(rows)))]
        for run in self.runs:
            if run.evaluation.trained.objective.makes_pictures:
                parts.append((run.name, to_picture(run.evaluation.predict(rows).output)))
        return image_grid(parts)

    def _repr_html_(self) -> str:
        """What a notebook shows: how well each run meets its objective, and a few images."""
        rows = []
        for run in self.runs:
            config = run.evaluation.trained.config
            latent = f"{run.codes.shape[1]} units"
            rows.append((run.name, config.model.encoder, config.objective.name, latent, run.evaluation.result.brief()))
        return Summary(
            f"{len(self.rows):,} held-out images of {self.data.source}",
            header=("run", "encoder", "objective", "latent", "result"),
            rows=rows,
            pictures=[rendered(self.examples(), "examples", dpi=DPI)],
            notes=self.notes,
        ).html()

    @property
    def compared(self) -> Rows:
        """The held-out images whose codes are compared."""
        return self.rows if self.known is None else self.rows[np.isin(self.rows, self.known)]


def compare(
    runs: RunLikes,
    *,
    codes: AnyPath | Sequence[AnyPath] = (),
    names: Sequence[str] | None = None,
    checkpoint: str = "last",
    noise: NoiseConfig | str | None = None,
    given: Sequence[str] = (),
    device: str = "auto",
    quiet: bool = True,
) -> Comparison:
    """Test runs on the images that all of them held out, and read what is known of those images from each latent.

    Probes are fitted to the training images' codes and scored on those of the held-out images, both as the network sees
    them, with its noise.

    Args:
        runs: run folders that learned from the same data with the same split, or what `open_run` gave.
        codes: files of codes from elsewhere, (n, d) with a row for each image of the data set.
        names: what the runs, and then the codes, are called; None for the names of their folders and files.
        checkpoint: `last`, `best`, or the number of an epoch.
        noise: corruption of the input; None for what each run was trained with.
        given: columns that are known already: how much does each latent add to them?
        device: `auto`, `cpu`, `cuda` or `mps`.
        quiet: show no progress.

    Raises:
        UserError: runs differ in data or split (each that does is named), or one cannot be tested.
    """
    shelf = Shelf()
    folders = [open_run(run, shelf=shelf) for run in several_runs(runs)]
    refuse_different(folders)
    files, given = paths_of(codes, "codes"), names_of(given)
    called = [*_names(folders), *(file.stem for file in files)] if names is None else list(names)
    paths = list(zip(called[len(folders) :], files, strict=True))
    held_out = folders[0].split().val
    outside = read_all(paths, len(folders[0].images), held_out) if paths else Outside({}, None, ())
    probing = _probing(folders[0], outside.known)
    if given:
        probing.refuse_given(given)
    compared = []
    with Progress(f"Comparing {len(folders)} runs", len(folders), "runs", quiet=quiet) as progress:
        for name, folder in zip(called, folders, strict=False):
            compared.append(_compare(name, folder, outside.known, checkpoint, noise, given, device))
            progress.advance()
    data = compared[0].evaluation.data
    others = tuple(ComparedCodes(paths[i][0], read, probing.ask(read)) for i, read in outside.codes.items())
    return Comparison(tuple(compared), data, held_out, probing, tuple(given), others, outside.notes, outside.known)


def explained_variance(mse: float, reference: FloatArray) -> float:
    """Share of the reference images' variance that reconstructions explain: 1 - sum (x - y)^2 / sum (x - mean)^2.

    For the projection on principal components this is the sum of their explained variance ratios.

    Args:
        mse: mean squared error of the reconstructions over images and pixels.
        reference: (n, C, H, W); the mean is that of each pixel over these images.
    """
    variance = float(reference.var(axis=0, dtype=np.float64).mean())
    return 1 - mse / variance if variance > 0 else float("nan")


def _compare(
    name: str,
    run: OpenedRun,
    known: Rows | None,
    checkpoint: str,
    noise: NoiseConfig | str | None,
    given: Sequence[str],
    device: str,
) -> Compared:
    evaluation = evaluate(run, checkpoint=checkpoint, noise=noise, device=device)
    trained, result = evaluation.trained, evaluation.result
    rows = run.split().val
    explained = None
    if result.quality is not None:
        reference = evaluation.data.scaled(rows, "images" if evaluation.data.clean is None else "clean")
        explained = explained_variance(result.quality.mse, reference)
    probing, everything = _probing(run, known), np.arange(len(evaluation.data))
    codes = evaluation.codes(everything)
    pixels, ceiling, untrained = _beside(run, probing, evaluation, known)
    metrics = run.metrics()
    return Compared(
        name,
        evaluation,
        float(metrics[-1]["seconds"]) if metrics else float("nan"),
        trained.network.n_parameters(),
        codes,
        explained,
        probing.ask(codes),
        pixels,
        ceiling,
        untrained,
        probing.gains(codes, given) if given else (),
    )


def _probing(run: OpenedRun, known: Rows | None) -> Probing:
    """The questions that a run is asked, the same for all that share its split, of the images that are known to all."""
    config, split, images = run.config().data, run.split(), run.images

    def make() -> Probing:
        rows = split.train, split.val
        return Probing(images.metadata, len(images), *rows, config.split, config.split_seed, known=known)

    seen = (id(images.metadata), split.content_hash(), config.split, config.split_seed, _bytes_of(known))
    return run.shelf.once(("probing", *seen), make)


def _bytes_of(known: Rows | None) -> bytes | None:
    return None if known is None else known.tobytes()


def _beside(
    run: OpenedRun, probing: Probing, evaluation: Evaluation, known: Rows | None
) -> tuple[Probed, Probed, tuple[Probed, ...]]:
    """The same questions asked of the pixels and of untrained networks, once for runs that share them."""
    trained, shelf = evaluation.trained, run.shelf
    config, noise = trained.config, evaluation.noise
    seen = (
        evaluation.data.content_hash(),
        evaluation.data.max_pixel_value,
        run.split().content_hash(),
        noise,
        _bytes_of(known),
    )
    n_components = config.model.latent_dim
    pixels = shelf.once(
        ("probed PCA", seen, n_components),
        lambda: probing.ask(pca_codes(run, evaluation, n_components), nulls=False),
    )
    ceiling = shelf.once(
        ("probed ceiling", seen),
        lambda: probing.ask(pca_codes(run, evaluation, CEILING), nulls=False, probes=(RidgeProbe,)),
    )
    if config.model.is_fitted:
        return pixels, ceiling, ()
    first = config.training.seed
    untrained = tuple(
        shelf.once(
            ("probed untrained", seen, str(config.model), seed),
            lambda seed=seed: probing.ask(untrained_codes(run, evaluation, seed), nulls=False),  # type: ignore[misc]
        )
        for seed in range(first, first + UNTRAINED_SEEDS)
    )
    return pixels, ceiling, untrained


def refuse_different(folders: Sequence[OpenedRun]) -> None:
    """Refuse runs that did not learn from the same data, or did not hold out the same images.

    Raises:
        UserError: some did not, each is named; one is named twice; or there is none.
    """
    if not folders:
        raise UserError("which runs are to be compared? Name their folders")
    first = folders[0]
    data, split = first.environment().get("data_sha256"), first.split()
    problems = []
    for folder in folders[1:]:
        if folder.environment().get("data_sha256") != data:
            problems.append(
                f"{folder.path} was trained on other data ({folder.config().data.images}) than {first.path} "
                f"({first.config().data.images})"
            )
        elif not np.array_equal(folder.split().val, split.val):
            problems.append(
                f"{folder.path} held out other images than {first.path}: {_split_of(folder)} against {_split_of(first)}"
            )
    if problems:
        raise UserError(
            [*problems, "runs are compared on the same held-out images: train them on one file with the same split"]
        )
    _refuse_other_kinds(folders)
    twice = sorted({str(f.path) for f in folders if [g.path for g in folders].count(f.path) > 1})
    raise_if_any(f"{path} is named twice" for path in twice)


def _refuse_other_kinds(runs: Sequence[OpenedRun]) -> None:
    """Refuse runs for which one column is different things: its scores could not stand beside each other."""
    said = [run.column_kinds for run in runs]
    for name in dict.fromkeys(name for kinds in said for name in kinds):
        differing = {kinds.get(name): run.path for kinds, run in zip(said, runs, strict=True)}
        if len(differing) > 1:
            listed = ", ".join(f"{kind or 'what its name and values say'} ({path})" for kind, path in differing.items())
            raise UserError(
                f"these runs disagree about what column '{name}' is: {listed}; say what it is for all of them with "
                f"--column-kind {name}={next(kind for kind in differing if kind is not None)}"
            )


def _split_of(folder: Run) -> str:
    config = folder.config()
    size = "" if config.data.block_size is None else f" of {config.data.block_size}"
    return f"{config.data.split}{size}, {config.data.val_fraction:g} held out, split seed {config.data.split_seed}"


def _names(folders: Sequence[Run]) -> list[str]:
    """Names of the folders, with those above them where two would be alike."""
    paths = [folder.path.absolute() for folder in folders]
    depth = 1
    while len({path.parts[-depth:] for path in paths}) < len(paths) and depth < max(len(path.parts) for path in paths):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in paths]
