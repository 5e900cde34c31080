"""
The same encoder, another objective
===================================

One encoder has to reconstruct the image, another one, built alike, has to tell the animal's body angle. What does each
represent? The codes of the same held-out images are coloured by the angle and by the distance from the arena's centre.
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

# %%
# Two runs that differ in their objective only
# --------------------------------------------
# Which images are held out does not depend on the objective, nor on the seed, so the runs can be compared.

networks = {}
for objective, target in (("reconstruct", None), ("angle", "body_angle_deg")):
    config = ae.RunConfig(
        data=ae.DataConfig(str(folder / "arena.npz")),
        objective=ae.ObjectiveConfig(objective, target=target),
        training=ae.TrainingConfig(epochs=EPOCHS, snapshots_per_epoch=0),
    )
    networks[objective] = ae.train(config, folder / objective)

# %%
# Codes of held-out images
# ------------------------
# Trained for the angle, the code is a plain ring in the order of the angle. Images taken near the wall (yellow) lie
# among those from the middle (blue). A code that has to reconstruct also keeps what else is in the picture.

held_out = ae.open_run(folder / "angle").split().val
columns = {"body_angle_deg": "twilight", "distance_from_center": "viridis"}

figure, axes = plt.subplots(2, 2, figsize=(7.5, 6.5), layout="constrained")
for line, (objective, network) in zip(axes, networks.items(), strict=True):
    points = PCA(2).fit_transform(network.encode(arena.images[held_out]))
    for axis, (column, colours) in zip(line, columns.items(), strict=True):
        drawn = axis.scatter(*points.T, c=arena.columns[column][held_out], s=7, cmap=colours)
        figure.colorbar(drawn, ax=axis, label=column)
        axis.set(xticks=[], yticks=[])
    line[0].set_ylabel(f"trained for: {objective}")
figure.suptitle("Codes of the same held-out images, two principal components")
plt.show()

# %%
# A picture is no number. ``autoencoder compare`` says how well each column can be read from either code, beside its
# controls, and ``autoencoder study`` asks the same over seeds: see :doc:`numbers_and_controls` and :doc:`/study`.
