"""Quality of the default run where it matters: PSNR of held-out images to the clean ones, whole and by region.

    python benchmarks/quality.py [--data arena|other] [--images 8000] [--seeds 1] [--epochs N] [--encoder NAME]
                                 [--optimizer NAME] [--batch-size N] [--augment NAME,NAME]
    python benchmarks/quality.py FOLDER --data mnist
    python benchmarks/quality.py FOLDER --data mouse

Beside the autoencoder stand the decoder behind as many principal components, the PCA itself, the noisy input, and
what comes of painting a region over with the image's own background. `arena` is `prepare arena`; `other` is an arena of
another make, on which nothing was chosen; `mnist` takes the folder of MNIST's four files, with gaussian noise of 0.5
and the 10,000 test digits; `mouse` the folder of a video and its pose, or a prepared `.npz`. Also prints the training
time. Training takes no clean images: its target is the noisy image itself, or the digit before the added noise.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from arguments import parse
from digits import prepare_digits, small_digits
from other_arena import make_other_arena
from scipy import ndimage

from autoencoder import (
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
    evaluate,
    load_images,
    train,
)
from autoencoder.array_types import Rows
from autoencoder.cli.reporting import print_table
from autoencoder.config import SPLITS, NoiseConfig
from autoencoder.config.choices import Optimizer
from autoencoder.data.dataset import save_dataset
from autoencoder.data.images import ImageSet
from autoencoder.data.regions import Regions
from autoencoder.data.sources.arena import prepare_arena
from autoencoder.data.sources.video.prepare import prepare_video
from autoencoder.measures.image_quality import pooled_psnr, summed_by_region
from autoencoder.objectives.reconstruct import Reconstruction
from autoencoder.runs.opened import OpenedRun, open_run
from autoencoder.workflows.compare.numbers import Cells, over_seeds, text_of

DATA = ("arena", "other", "mnist", "mouse")

NO_NOISE = NoiseConfig()

MNIST_EPOCHS, MNIST_NOISE = 3, NoiseConfig("gaussian", 0.5)

OPENED, BRIGHT = 2, 0.12
"""A tail is what opening a mask by so many pixels takes from it; walls and ports are brighter than this."""

RENDERED, SEEN = "regions as the data set has them", "regions by mask and brightness, as the targets are stated"

COLUMNS = {
    "run": "PSNR (dB)",
    "pixels": "of pixels",
    "error": "of the AE's error",
    "ae": "AE",
    "pca": "PCA",
    "decoder": "decoder on PCA codes",
    "noisy": "noisy input",
    "background": "background instead",
}
FORMATS = {"pixels": ".3f", "error": ".2f"}
WHOLE_FORMATS = {"gain": "+.2f", "ssim": ".3f", "pca_ssim": ".3f"}


@dataclass(frozen=True)
class Case:
    """What is learned and tested.

    Attributes:
        training: a data set.
        test: another one, all of which is tested; None for the held-out images of `training`.
        noise: that is added to the input.
    """

    training: Path
    test: Path | None = None
    noise: NoiseConfig = NO_NOISE


def main() -> None:
    defaults = TrainingConfig()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, nargs="?", metavar="FOLDER", help="with --data mnist and --data mouse")
    parser.add_argument("--data", choices=DATA, default="arena")
    parser.add_argument("--images", type=int, default=8000, help="of an arena")
    parser.add_argument("--arena-seed", type=int, default=0, help="of an arena (default: 0)")
    parser.add_argument("--epochs", type=int, help=f"default: {defaults.epochs}; {MNIST_EPOCHS} with --data mnist")
    parser.add_argument("--encoder", default=ModelConfig().encoder)
    parser.add_argument("--optimizer", choices=get_args(Optimizer), default=defaults.optimizer)
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--augment", type=lambda text: tuple(text.split(",")), help="as of train")
    parser.add_argument("--latent-dim", type=int, default=ModelConfig().latent_dim)
    parser.add_argument("--split", choices=SPLITS, default=DataConfig("").split)
    parser.add_argument("--seed", type=int, default=defaults.seed, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each network")
    parser.add_argument("--keep", type=Path, help="folder to leave the data and the runs in")
    args = parse(parser, images=64, epochs=1, batch_size=16)
    if args.path is None and (args.data == "mouse" or (args.data == "mnist" and not args.quick)):
        parser.error(f"FOLDER, which holds the files of --data {args.data}, is missing")
    epochs = args.epochs or (MNIST_EPOCHS if args.data == "mnist" else defaults.epochs)
    training = TrainingConfig(epochs=epochs, optimizer=args.optimizer, batch_size=args.batch_size)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        case = prepare_case(args, folder)
        objective = ObjectiveConfig(noise=case.noise, augment=args.augment)
        found: dict[str, Cells] = {}
        for seed in range(args.seed, args.seed + args.seeds):
            runs = [
                _trained(case, args.split, model, objective, replace(training, seed=seed), folder / f"{name}-{seed}")
                for name, model in (
                    ("ae", ModelConfig(args.encoder, args.latent_dim)),
                    ("decoder-on-pca", ModelConfig("pca", args.latent_dim, args.encoder)),
                )
            ]
            for title, tested in tested_sets(case, runs[0], args.data).items():
                found.setdefault(title, []).extend(_measured(case, runs, tested, seed))
    print(
        f"{args.data}, {args.split} split, encoder {args.encoder}, {args.latent_dim} units, epochs: {epochs}, "
        f"{args.optimizer} on batches of {args.batch_size}, augmentation: {', '.join(args.augment or ()) or 'none'}"
    )
    for title, rows in found.items():
        _print(title, over_seeds(rows))


# ---------------------------------------------------------------------------------------------------------------- runs


def prepare_case(args: argparse.Namespace, folder: Path) -> Case:
    if args.data == "arena":
        return Case(prepare_arena(folder / "arena", args.images, args.arena_seed, overwrite=True).npz)
    if args.data == "other":
        made = make_other_arena(args.images, args.arena_seed)
        columns, regions = made.metadata.columns, made.regions
        saved = save_dataset(
            folder / "other", made.images, columns, made.clean, made.mask, regions=regions, overwrite=True
        )
        return Case(saved.npz)
    if args.data == "mnist":
        digits = args.path or small_digits(folder / "digits")
        return Case(*(prepare_digits(digits, part, folder) for part in ("train", "t10k")), MNIST_NOISE)
    if args.path.is_file():
        return Case(args.path)
    video, pose = next(args.path.glob("*.mp4")), next(args.path.glob("*.csv"))
    return Case(prepare_video(video, pose, folder / "mouse", overwrite=True).npz)


def _trained(
    case: Case, split: str, model: ModelConfig, objective: ObjectiveConfig, training: TrainingConfig, folder: Path
) -> OpenedRun:
    config = RunConfig(DataConfig(str(case.training), split=split), model, objective, training)
    last = train(config, folder, quiet=False).run.metrics()[-1]
    print(f"{folder.name}: {last['seconds']:.0f} s ({last['images_per_second']:.0f} images/s in the last epoch)")
    return open_run(folder)


def tested_sets(case: Case, run: OpenedRun, name: str) -> dict[str, ImageSet]:
    """The tested images with their regions, by what the regions are."""
    images = run.images if case.test is None else load_images(case.test)
    tested = images if case.test is not None else _taken(images, run.split().val)
    if name != "arena":
        return {RENDERED: tested}
    return {SEEN: replace(tested, regions=_seen_regions(tested)), RENDERED: tested}


def _taken(images: ImageSet, rows: Rows) -> ImageSet:
    """Some images of a set, as a set of their own."""
    regions = images.regions
    clean, mask, inside = (
        None if array is None else array[rows] for array in (images.clean, images.mask, images.inside)
    )
    return replace(
        images,
        images=images.images[rows],
        metadata=images.metadata.take(rows),
        clean=clean,
        mask=mask,
        inside=inside,
        regions=None if regions is None else Regions(regions.labels[rows], regions.names),
    )


def _seen_regions(images: ImageSet) -> Regions:
    """Regions of an arena as they were measured before it stored its own.

    The tail is the mask less its opening, and with it go the body's tips. Walls and ports are all that is bright
    outside the mask, and so is the animal's rim, whose pixels it covers by less than half.
    """
    assert images.mask is not None
    mask = images.mask[:, 0] == 1
    body = np.stack([ndimage.binary_opening(one, iterations=OPENED) for one in mask])
    bright = images.scaled(slice(None), "clean")[:, 0] > BRIGHT
    labels = np.select([body, mask, bright], [1, 2, 3], 0).astype(np.uint8)
    return Regions(labels[:, None], ("rest", "body", "tail", "walls and ports"))


# ------------------------------------------------------------------------------------------------------------- numbers


def _measured(case: Case, runs: Sequence[OpenedRun], tested: ImageSet, seed: int) -> Cells:
    """A row for whole images and one for each region, from an autoencoder and a decoder behind a PCA."""
    ae, decoder = (result_of(case, run, tested) for run in runs)
    painted = _painted_over(tested)
    noisy, output, pca = ae.input_quality, ae.output_quality, ae.pca_quality
    whole = {
        "run": "whole image",
        "seed": seed,
        "pixels": 1.0,
        "error": 1.0,
        "ae": output.pooled_psnr_db,
        "pca": pca.pooled_psnr_db,
        "decoder": decoder.output_quality.pooled_psnr_db,
        "noisy": None if noisy is None else noisy.pooled_psnr_db,
        "gain": ae.closer_than_pca_db,
        "ssim": output.ssim,
        "pca_ssim": pca.ssim,
    }
    by_region = [
        {
            "run": region.name,
            "seed": seed,
            "pixels": region.share_of_pixels,
            "error": region.share_of_error,
            "ae": region.output_psnr_db,
            "pca": region.pca_psnr_db,
            "decoder": other.output_psnr_db,
            "noisy": region.input_psnr_db,
            "background": painted.get(region.name),
        }
        for region, other in zip(ae.regions, decoder.regions, strict=True)
    ]
    return [whole, *by_region]


def result_of(case: Case, run: OpenedRun, tested: ImageSet) -> Reconstruction:
    result = evaluate(run, data=tested, noise=case.noise).result
    assert isinstance(result, Reconstruction)
    return result


def _painted_over(tested: ImageSet) -> dict[str, float]:
    """PSNR of regions where the mean of an image's background, the first region, stands for each pixel."""
    regions = tested.measured_regions()
    if regions is None:
        return {}
    rows = np.arange(len(tested))
    truth = torch.from_numpy(tested.scaled(rows, "images" if tested.clean is None else "clean"))
    labels = torch.from_numpy(regions.of(rows))
    background = labels == 0
    counts = background.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    means = (truth * background).sum(dim=(2, 3), keepdim=True) / counts
    pixels, sums = summed_by_region(means.expand_as(truth), truth, labels, len(regions.names))
    names = enumerate(regions.names)
    return {name: pooled_psnr(float(sums[i] / pixels[i])) for i, name in names if i > 0 and pixels[i] > 0}


def _print(title: str, rows: Cells) -> None:
    """The table, and what it says of the autoencoder in words."""
    body = [
        [text_of(row.get(key), FORMATS.get(key, ".1f")) if key != "run" else row[key] for key in COLUMNS]
        for row in rows
    ]
    print_table(title, list(COLUMNS.values()), body)
    gain, ssim, pca_ssim = (text_of(rows[0][key], form) for key, form in WHOLE_FORMATS.items())
    print(f"the output's PSNR over that of the PCA: {gain} dB; SSIM {ssim} (PCA {pca_ssim})")
    for row in rows[1:]:
        ae, noisy, pca = (text_of(row[key], ".1f") for key in ("ae", "noisy", "pca"))
        print(f"{row['run']} {ae} dB (noisy {noisy}, PCA {pca})")


if __name__ == "__main__":
    main()
