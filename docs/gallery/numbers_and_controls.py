"""
A number beside its controls
============================

"The digit can be read from the code with 90 % accuracy" says little by itself: it can be read from pixels, too. So
every probe comes with its controls: the same probe of a PCA with as many components, of untrained networks, and of
shuffled labels. The data are scikit-learn's 1,797 digits of 8x8 pixels.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import autoencoder as ae

EPOCHS = 30

folder = Path(tempfile.mkdtemp())
digits = load_digits()
np.savez(folder / "digits.npz", images=digits.images.astype(np.float32), label=digits.target)

# %%
# Two objectives
# --------------
# Pixels go from 0 to 16, so 16 is what stands for 1. The classifier sees labels, the autoencoder does not.

for objective in ("reconstruct", "classify"):
    config = ae.RunConfig(
        data=ae.DataConfig(str(folder / "digits.npz"), max_pixel_value=16),
        model=ae.ModelConfig(encoder="dense", latent_dim=8),
        objective=ae.ObjectiveConfig(objective, target="label" if objective == "classify" else None),
        training=ae.TrainingConfig(epochs=EPOCHS),
    )
    ae.train(config, folder / objective)

# %%
# Probes and their controls
# -------------------------

comparison = ae.compare([folder / "reconstruct", folder / "classify"])
names, scores = [], []
for run in comparison.runs:
    for probe in ("ridge", "knn"):
        read = run.probed.of("label", probe)
        names.append(f"{run.name}\n{probe}")
        scores.append(
            {
                "code, 8 units": read.score,
                "PCA, 8 components": run.pixels.of("label", probe).score,
                "untrained networks": np.mean([first.of("label", probe).score for first in run.untrained]),
                "shuffled labels": read.by_chance.median,
            }
        )
for name, values in zip(names, scores, strict=True):
    print(name.replace("\n", ", "), {what: round(float(value), 3) for what, value in values.items()})

# %%
# A ridge probe finds what can be read linearly; one by nearest neighbours (knn) also finds what is folded. Neighbours
# read the digit from PCA about as well as from the autoencoder, so its high bar is no achievement of its own. What the
# classifier has changed is that the digit can be read linearly. See :doc:`/probes`.

figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
colours = ("tab:blue", "tab:gray", "tab:orange", "lightgray")
for place, (what, colour) in enumerate(zip(scores[0], colours, strict=True)):
    axis.bar(np.arange(len(names)) + 0.2 * (place - 1.5), [row[what] for row in scores], 0.18, label=what, color=colour)
axis.set(xticks=range(len(names)), xticklabels=names, ylabel="accuracy on held-out images", ylim=(0, 1))
axis.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
plt.show()
