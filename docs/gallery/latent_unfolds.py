"""
Watch the latent space unfold
=============================

A run keeps the codes of some images while it trains. Here they are projected at four moments, all onto the same two
principal components, and coloured by the animal's body angle.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

import autoencoder as ae

IMAGES = 2500
EPOCHS = 8

folder = Path(tempfile.mkdtemp())
arena = ae.make_arena(IMAGES, size=32)
np.savez(folder / "arena.npz", images=arena.images, clean=arena.clean, **arena.columns)

config = ae.RunConfig(ae.DataConfig(str(folder / "arena.npz")), training=ae.TrainingConfig(epochs=EPOCHS))
ae.train(config, folder / "run")

# %%
# Snapshots of the codes
# ----------------------
# There are three in each epoch, and one from before the first update. The rows of each are the same images.

run = ae.open_run(folder / "run")
snapshots = run.snapshot_index()
codes = [np.load(run.snapshot_file(snapshot["step"])) for snapshot in snapshots]
angle = run.images.metadata.column("body_angle_deg")[run.split().snapshot]
print(f"{len(snapshots)} snapshots of {codes[0].shape[0]} images, {codes[0].shape[1]} units each")

# %%
# One projection for all moments
# ------------------------------
# It is fitted to the last snapshot. A projection fitted anew at each moment would turn and flip by itself, and a movie
# would show that instead of learning. ``autoencoder visualize`` makes such movies, with UMAP, and with numbers that say
# how far to trust them: see :doc:`/evolution`.

pca = PCA(2).fit(codes[-1])
moments = [0, 1, 3, len(snapshots) - 1]
figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained", sharex=True, sharey=True)
for axis, moment in zip(axes, moments, strict=True):
    points = axis.scatter(*pca.transform(codes[moment]).T, c=angle, s=4, cmap="twilight", vmin=0, vmax=360)
    axis.set(title=f"epoch {snapshots[moment]['epoch']:.2g}", xticks=[], yticks=[])
figure.colorbar(points, ax=axes, label="body angle (degrees)")
plt.show()

# %%
# A point becomes a loop. It is passed twice as the animal turns once, so opposite directions overlap: two components
# hold the axis of a body, and hardly which end is the head. A plane hides what the other units know, which is a reason
# to measure as well: see :doc:`/probes`.
