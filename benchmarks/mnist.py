"""Does an autoencoder remove noise that it never saw? And do digits lie together in the code of one that removes it?

    python benchmarks/mnist.py FOLDER [--epochs 3] [--keep FOLDER]

FOLDER holds MNIST's four IDX files (gzipped or not). Trains one autoencoder on clean digits and one on digits with
gaussian noise of 0.5, tests both on the 10,000 test digits with that noise, and lets the nearest neighbours among the
training digits' codes name the test digits; the controls are a PCA with as many components and shuffled labels.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from arguments import parse
from digits import prepare_digits, small_digits
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from autoencoder import (
    DataConfig,
    NoiseConfig,
    ObjectiveConfig,
    RunConfig,
    Trained,
    TrainingConfig,
    evaluate,
    load_images,
    train,
)
from autoencoder.objectives.reconstruct import Reconstruction
from autoencoder.workflows.testing import report

NOISE = NoiseConfig("gaussian", 0.5)
NEIGHBOURS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="left out with --quick: scikit-learn's 8x8 digits")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder to leave data, runs and pictures in")
    args = parse(parser, epochs=1)
    if args.folder is None and not args.quick:
        parser.error("FOLDER, which holds MNIST's four files, is missing")
    with tempfile.TemporaryDirectory() as temporary:
        work = args.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        folder = args.folder or small_digits(work / "digits")
        training, test = (prepare_digits(folder, part, work) for part in ("train", "t10k"))
        settings = TrainingConfig(epochs=args.epochs, snapshots_per_epoch=1, val_interval=args.epochs)
        for name, noise in (("clean", NoiseConfig()), ("denoising", NOISE)):
            config = RunConfig(DataConfig(str(training)), objective=ObjectiveConfig(noise=noise), training=settings)
            train(config, work / name, quiet=False)
            evaluation = evaluate(work / name, data=test, noise=NOISE)
            report(evaluation, work / name / "test", movies=False)
            result = evaluation.result
            assert isinstance(result, Reconstruction)
            assert result.input_quality is not None
            qualities = result.input_quality, result.output_quality, result.pca_quality
            before, output, control = (f"{quality.pooled_psnr_db:.2f} dB" for quality in qualities)
            print(
                f"trained on {name} digits: PSNR of noisy test digits {before}, output {output}, PCA control {control}"
            )
        _name_digits(evaluation.trained, training, test)


def _name_digits(trained: Trained, training: Path, test: Path) -> None:
    """Accuracy of nearest neighbours on the code, on PCA scores, and with shuffled labels."""
    known, asked = load_images(training), load_images(test)
    labels, truth = known.metadata.column("label"), asked.metadata.column("label")
    pca = PCA(trained.config.model.latent_dim, svd_solver="randomized", random_state=0)
    scores = pca.fit_transform(known.images.reshape(len(known), -1) / 255.0)
    asked_scores = pca.transform(asked.images.reshape(len(asked), -1) / 255.0)
    codes, asked_codes = trained.encode(known.images), trained.encode(asked.images)
    shuffled = np.random.default_rng(0).permutation(labels)
    print(f"{NEIGHBOURS} nearest neighbours, {len(known):,} training and {len(asked):,} test digits, accuracy:")
    for name, fitted, of, given in (
        ("code of the denoising autoencoder", codes, asked_codes, labels),
        (f"PCA, {pca.n_components_} components (control)", scores, asked_scores, labels),
        ("shuffled labels (control)", codes, asked_codes, shuffled),
    ):
        print(f"  {name:<36} {100 * _accuracy(fitted, given, of, truth):.2f} %")


def _accuracy(codes: NDArray, labels: NDArray, asked: NDArray, truth: NDArray) -> float:
    return float(KNeighborsClassifier(NEIGHBOURS).fit(codes, labels).score(asked, truth))


if __name__ == "__main__":
    main()
