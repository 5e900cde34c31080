"""The demo: every step of the main job on a synthetic arena, at a size that takes a few minutes on two cores."""

from __future__ import annotations

from pathlib import Path

from autoencoder.config import DataConfig, RunConfig, TrainingConfig
from autoencoder.data.sources.arena import prepare_arena
from autoencoder.errors import UserError, number_of
from autoencoder.evaluation.evaluate import evaluate
from autoencoder.machine.progress import SILENT, Progress, Say
from autoencoder.objectives.reconstruct import Reconstruction
from autoencoder.plots.figures import Files
from autoencoder.runs.folder import Run
from autoencoder.training.start import train
from autoencoder.workflows.movies.visualize import visualize
from autoencoder.workflows.testing import report

N_IMAGES, QUICK_N_IMAGES = 4000, 200
EPOCHS, QUICK_EPOCHS = 20, 1
COLUMNS = ("distance_from_center", "body_angle_deg")


def demo(
    out: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    device: str = "auto",
    quiet: bool = True,
    say: Say = SILENT,
) -> Files:
    """Prepare, train, test and visualise in the folder `out`.

    Args:
        out: folder; it must be empty, or not exist.
        quick: of so few images that nothing is learned, to see that everything works.
        seed: of everything.
        device: where to compute.
        quiet: show no progress.
        say: is told each step, and what came out.

    Returns:
        the grid of denoised images, the movie of input and output, and of the latent space a picture and a movie
        coloured by the distance from the centre, and by the body angle.

    Raises:
        UserError: `out` exists and is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} already exists: remove it, or choose another --out")
    n_images, epochs = (QUICK_N_IMAGES, QUICK_EPOCHS) if quick else (N_IMAGES, EPOCHS)
    say(f"1 of 4: rendering {n_images:,} images of a synthetic arena")
    with Progress("Rendering", n_images, quiet=quiet) as progress:
        data = prepare_arena(out / "data" / "arena", n_images, seed, on_progress=progress.advance).npz
    run = Run(out / "run")
    # UMAP closes the ring of body angles where points are many: all images are in the snapshots.
    training = TrainingConfig(
        epochs=epochs,
        snapshots_per_epoch=2,
        snapshot_samples="all",
        seed=seed,
        device=device,  # type: ignore[arg-type]
    )
    say(f"2 of 4: training the denoising autoencoder for {number_of(epochs, 'epoch')}")
    train(RunConfig(DataConfig(str(data)), training=training), run.path, quiet=quiet)
    say("3 of 4: testing it on held-out images")
    evaluation = evaluate(run.path, device=device, quiet=quiet)
    tested = report(evaluation, run.output_folder("test"), quiet=quiet)
    result = evaluation.result
    assert isinstance(result, Reconstruction)
    if result.input_quality is not None:
        qualities = result.input_quality, result.pca_quality, result.output_quality
        before, control, after = (f"{quality.pooled_psnr_db:.1f} dB" for quality in qualities)
        say(
            f"PSNR to the clean image: noisy input {before}, PCA with {result.pca_components} components {control}, "
            f"the autoencoder's output {after}"
        )
    say("4 of 4: projecting and drawing the latent space")
    drawn = visualize(run.path, color_by=COLUMNS, device=device, quiet=quiet, say=say)
    tests = run.output_folder("test")
    made = Files([tests / "grid.png", tests / "side_by_side.mp4"], {"grid": tested.figures["grid"]})
    return made + [file for file in drawn if file.suffix in (".png", ".mp4")]
