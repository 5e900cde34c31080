"""
Denoise images of an animal
===========================

An autoencoder is trained on noisy images only. What comes out of it is compared with the clean images, which it never
saw, and with its control: a PCA with as many components, fitted to the same training images.
"""

# %%
# Render the data
# ---------------
# :func:`autoencoder.make_arena` renders an animal that walks in a round arena, filmed by a camera that follows it. A
# data set is a file of images; every other array with one value per image becomes a column of its metadata.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import autoencoder as ae

IMAGES = 2500
EPOCHS = 10

folder = Path(tempfile.mkdtemp())
arena = ae.make_arena(IMAGES, size=32)
np.savez(folder / "arena.npz", images=arena.images, clean=arena.clean, **arena.columns)

# %%
# Train and test
# --------------
# Blocks of frames are held out, since neighbouring frames resemble each other. ``evaluate`` uses only those.

config = ae.RunConfig(
    data=ae.DataConfig(str(folder / "arena.npz")),
    model=ae.ModelConfig(latent_dim=16),
    training=ae.TrainingConfig(epochs=EPOCHS),
)
ae.train(config, folder / "run")

evaluation = ae.evaluate(folder / "run")
result = evaluation.result
psnr = {
    "noisy input": result.input_quality.psnr_db,
    "PCA, 16 components": result.pca_quality.psnr_db,
    "autoencoder, 16 units": result.output_quality.psnr_db,
}
for name, value in psnr.items():
    print(f"{name:22} {value:.1f} dB")

# %%
# Look at held-out images
# -----------------------

shown = evaluation.predict(evaluation.rows[:: len(evaluation.rows) // 6][:6])
rows = {"noisy input": shown.seen, "autoencoder": shown.output, "clean image": shown.truth}

figure, axes = plt.subplots(3, 6, figsize=(9, 4.6), layout="constrained")
for line, (name, images) in zip(axes, rows.items(), strict=True):
    for axis, image in zip(line, images, strict=True):
        axis.imshow(image[0], cmap="gray", vmin=0, vmax=0.7)
        axis.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
figure.suptitle("Held-out images: 1,024 noisy pixels pass through 16 numbers")
plt.show()
