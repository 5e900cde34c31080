"""How the networks of a configuration were trained: a clause for each topic, without its full stop.

A clause is empty where there is nothing to say.
"""

from __future__ import annotations

from autoencoder.config import TrainingConfig
from autoencoder.config.training import KEPT
from autoencoder.data.changes.augmentation import LIGHT_GAIN, LIGHT_OFFSET, MAX_SHIFT
from autoencoder.errors import listed, number_of
from autoencoder.flags import settings_of
from autoencoder.registries import FITTED_ENCODERS
from autoencoder.study.wording import Found
from autoencoder.training.schedules import END_DIVISOR, START_DIVISOR, STEP_FACTOR, STEPS_DOWN, WARM_UP_FRACTION
from autoencoder.workflows.markdown import as_markdown
from autoencoder.workflows.study.methods.layers import head_name
from autoencoder.workflows.study.methods.words import named, number, share, spaced, span

LOSSES = {
    "mse": "the mean squared error of its pixels",
    "rmse": "the root of the mean squared error of its pixels, averaged over images",
    "bce": "the binary cross-entropy of its pixels, averaged over the image",
}
"""Losses of reconstructions."""

IN_CLAUSES = {
    "model": ("encoder", "latent_dim", "decoder", "norm", "latent_activation"),
    "objective": (
        *("name", "loss", "target", "vector", "classes", "target_mean", "target_deviation", "noise.kind"),
        *("noise.amount", "augment", "sparsity", "sparsity_weight", "sparsity_target"),
    ),
    "training": (
        *("epochs", "batch_size", "lr", "schedule", "optimizer", "weight_decay", "patience", "init_from", "balance"),
        *("device", "engine", "deterministic", "threads"),
        *("snapshot_samples", *(setting.name for setting in settings_of(TrainingConfig) if setting.flag.group == KEPT)),
    ),
}
"""Settings that the clauses tell, and those that say only what training leaves on the disk."""


def objective(settings: Found, entry: Found) -> str:
    """What networks were trained for."""
    name, target = settings["objective.name"], settings.get("objective.target")
    column = "" if target is None else f" in column {named([target])}"
    if name == "reconstruct":
        return f"networks were trained to reconstruct the image, by {LOSSES[settings['objective.loss']]}"
    if name == "angle":
        points = settings.get("objective.vector")
        what = column if points is None else f" between two points (columns {named(points)})"
        return (
            f"networks were trained to predict the angle{what} as a point on the unit circle, by half of the squared "
            "distance to it"
        )
    if name == "classify":
        classes = len(settings.get("objective.classes") or ())
        return f"networks were trained to predict the label{column}, one of {classes:,}, by cross-entropy"
    if name == "mask":
        return (
            "networks were trained to predict which pixels are the animal's, by the binary cross-entropy of pixels, "
            "averaged over the image"
        )
    if name == "regress":
        return (
            f"networks were trained to predict the quantity{column}, standardised by the training images, by its "
            "squared error"
        )
    return f"networks were trained with the objective '{as_markdown(name)}'{column}"


def noise(settings: Found, entry: Found) -> str:
    """What was added to the input."""
    kind, amount = settings["objective.noise.kind"], settings["objective.noise.amount"]
    changed = _augmentation(settings)
    if kind == "none":
        return (
            f"the input was shown without added noise, {changed}"
            if changed
            else ("the input was shown without added noise or augmentation")
        )
    known = {
        "gaussian": f"Gaussian noise with a standard deviation of {number(amount)} of the white level",
        "salt-pepper": f"salt-and-pepper noise on {share(amount)} of the pixels",
        "masking": f"masking noise, which sets {share(amount)} of the pixels to zero,",
        "poisson": f"Poisson noise of {number(amount)} photons at the white level",
    }
    what = known.get(kind, f"the noise '{as_markdown(kind)}' ({number(amount)})")
    return (
        f"{what} was added to the input, drawn anew at each update and clipped to the range of pixels; targets were "
        f"without it{f'; images were {changed}' if changed else ''}"
    )


def _augmentation(settings: Found) -> str:
    """How images were changed at each update; empty where they were not."""
    said = {
        "flip": "mirrored with odds of one half",
        "rotate": "turned by a random number of quarter turns",
        "shift": f"shifted by up to {MAX_SHIFT} pixels in each direction",
        "light": f"multiplied by {1 - LIGHT_GAIN:g} to {1 + LIGHT_GAIN:g} and shifted by up to {LIGHT_OFFSET:g} of the "
        "white level",
    }
    kinds = settings.get("objective.augment") or ()
    return f"{listed([said[kind] for kind in kinds])}, drawn anew at each update" if kinds else ""


def sparsity(settings: Found, entry: Found) -> str:
    """What was added to the loss."""
    kind = settings["objective.sparsity"]
    if kind == "none":
        return ""
    penalty = "log(1 + m^2) of each latent unit's mean activation m over the batch"
    if kind == "kl":
        target = number(settings["objective.sparsity_target"])
        penalty = f"the divergence of each latent unit's mean activation over the batch from {target}"
    weight = number(settings["objective.sparsity_weight"])
    return f"{penalty} was summed over units and added to the loss with a weight of {weight}"


def optimizer(settings: Found, entry: Found) -> str:
    """The optimiser, for how long, from which weights, and when it stopped."""
    decay, start, patience = (settings.get(f"training.{name}") for name in ("weight_decay", "init_from", "patience"))
    which = "Adam [[Kingma & Ba, 2015]]"
    if decay:
        which = f"AdamW with a weight decay of {number(decay)} [[Loshchilov & Hutter, 2019]]"
    if settings.get("training.optimizer") == "muon":
        which = f"Muon [[Jordan et al., 2024]] for weight matrices and {which} for all else,"
    what = f"the {head_name(entry)} was" if settings["model.encoder"] in FITTED_ENCODERS else "networks were"
    column = settings.get("training.balance")
    order = "each image once an epoch in a random order"
    if column is not None:
        order = f"each value of the column {named([column])} equally often in an epoch, in a random order"
    weights = "weights that were drawn by the default initialisation of PyTorch"
    if start is not None:
        weights = f"the weights of the checkpoint '{as_markdown(start)}'"
    clause = (
        f"{what} trained by {which} with the default betas and epsilon of PyTorch, for {span(entry['epochs'])} epochs "
        f"({span(entry['updates'])} updates) in batches of {settings['training.batch_size']:,} images, {order}, "
        f"from {weights}"
    )
    if patience is not None:
        clause += (
            f"; training ended after at most {settings['training.epochs']:,} epochs, or when the held-out loss had not "
            f"improved for {number_of(patience, 'validation')}, with one every "
            f"{number_of(settings['training.val_interval'], 'epoch')}"
        )
    return clause


def schedule(settings: Found, entry: Found) -> str:
    """The learning rate over training."""
    kind, top = settings["training.schedule"], float(settings["training.lr"])
    start = top / START_DIVISOR
    if kind == "onecycle":
        return (
            f"the learning rate rose along half a cosine from {start:g} to {top:g} over the first "
            f"{share(WARM_UP_FRACTION)} of the updates and fell along another to {start / END_DIVISOR:g} "
            "[[Smith & Topin, 2019]]"
        )
    if kind == "cosine":
        return f"the learning rate fell along half a cosine from {top:g} to 0 [[Loshchilov & Hutter, 2017]]"
    if kind == "step":
        return (
            f"the learning rate was {top:g} at first and was multiplied by {STEP_FACTOR:g} from each of "
            f"{STEPS_DOWN} equal parts of training to the next"
        )
    how = "throughout" if kind == "constant" else f"at most, with the schedule '{as_markdown(kind)}'"
    return f"the learning rate was {top:g} {how}"


def further(settings: Found, entry: Found) -> str:
    """Settings that no other clause is about, as they are."""
    told = {f"{section}.{name}" for section, names in IN_CLAUSES.items() for name in names}
    left = [
        f"{spaced(name.partition('.')[2])} = {as_markdown(str(value))}"
        for name, value in settings.items()
        if name not in told and not name.startswith("data.") and value not in (None, False, "none", [])
    ]
    return f"further settings were {listed(left)}" if left else ""


def device(settings: Found, entry: Found) -> str:
    """What training ran on."""
    devices = [as_markdown(name.replace("cpu", "CPU").replace("cuda", "CUDA")) for name in entry["device"]]
    threads = ""
    if entry["threads"]:
        threads = f", with {span(entry['threads'])} processor thread{'s' * (entry['threads'] != [1])}"
    return f"training ran on {listed(devices)}{threads}"


TOPICS = (objective, noise, sparsity, optimizer, schedule, further, device)
"""Clauses in the order of the text."""
