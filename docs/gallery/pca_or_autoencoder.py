"""
PCA or an autoencoder?
======================

PCA is the best linear code: no other linear code of its size reconstructs the training images better. How much does a
nonlinear one gain, and at what size? The measure is PSNR to the clean image, which neither of them saw.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import autoencoder as ae

IMAGES = 2000
EPOCHS = 6
SIZES = (2, 4, 8, 16)

folder = Path(tempfile.mkdtemp())
arena = ae.make_arena(IMAGES, size=32)
np.savez(folder / "arena.npz", images=arena.images, clean=arena.clean, **arena.columns)

# %%
# A run for each size
# -------------------
# Each test comes with the PCA of as many components, so that no control has to be asked for.

autoencoder, pca = [], []
for units in SIZES:
    config = ae.RunConfig(
        data=ae.DataConfig(str(folder / "arena.npz")),
        model=ae.ModelConfig(latent_dim=units),
        training=ae.TrainingConfig(epochs=EPOCHS, snapshots_per_epoch=0),
    )
    ae.train(config, folder / f"units-{units}")
    result = ae.evaluate(folder / f"units-{units}").result
    autoencoder.append(result.output_quality.psnr_db)
    pca.append(result.pca_quality.psnr_db)
    print(f"{units:2} units: autoencoder {autoencoder[-1]:.1f} dB, PCA {pca[-1]:.1f} dB")

# %%
# This is one seed, and little training. ``autoencoder study DATA --vary latent_dim=2,4,8,16`` asks the same of several
# seeds, and tests what it finds: see :doc:`/study`.

figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
axis.plot(SIZES, autoencoder, "o-", label="autoencoder")
axis.plot(SIZES, pca, "s--", color="gray", label="PCA")
axis.axhline(result.input_quality.psnr_db, color="tab:red", linestyle=":", label="noisy input")
axis.set(
    xscale="log", xticks=SIZES, xticklabels=SIZES, xlabel="units of the code", ylabel="PSNR to the clean image (dB)"
)
axis.minorticks_off()
axis.legend()
plt.show()
