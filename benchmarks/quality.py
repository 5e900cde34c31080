"""Quality of the default run: 8,000 arena images, 16-D latent, held-out images, error to the clean image.

    python benchmarks/quality.py [--images 8000] [--epochs N] [--encoder NAME]

Prints the error of the noisy input, of a 16-component PCA fitted on the same training images (the control) and of the
output, the training time, and whether training took clean images.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from arguments import parse

from autoencoder import DataConfig, ModelConfig, RunConfig, TrainingConfig, evaluate, train
from autoencoder.config import NoiseConfig
from autoencoder.data.sources.arena import prepare_arena
from autoencoder.objectives.reconstruct import Reconstruction


def main() -> None:
    defaults = TrainingConfig()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--epochs", type=int, default=defaults.epochs)
    parser.add_argument("--encoder", default=ModelConfig().encoder)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--keep", type=Path, help="folder to leave the data and the run in")
    args = parse(parser, images=64, epochs=1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        data = prepare_arena(folder / "arena", args.images, seed=0).npz
        config = RunConfig(
            DataConfig(str(data)),
            ModelConfig(args.encoder),
            training=TrainingConfig(epochs=args.epochs, seed=args.seed),
        )
        trained = train(config, folder / "run", quiet=False)
        result = evaluate(folder / "run", noise=NoiseConfig()).result
        assert isinstance(result, Reconstruction)
        last = trained.run.metrics()[-1]
        rate = f"{last['images_per_second']:.0f} images/s in the last epoch"
        print(f"{args.images} images, encoder {args.encoder}, {args.epochs} epochs: {last['seconds']:.0f} s ({rate})")
        print("training took clean images: no (the target is the noisy image itself)")
        for name, quality in (
            ("noisy input", result.input_quality),
            (f"PCA, {result.pca_components} components", result.pca_quality),
            ("output", result.output_quality),
        ):
            if quality is not None:
                print(
                    f"{name:<20} MSE {quality.mse:.6f}  PSNR {quality.pooled_psnr_db:5.2f} dB  SSIM {quality.ssim:.3f}"
                )
        print(f"output closer to clean than PCA by {result.numbers()['output_closer_than_pca_db']:.2f} dB")


if __name__ == "__main__":
    main()
