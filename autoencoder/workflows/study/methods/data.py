"""The data of a study: images, split, probe images and snapshots."""

from __future__ import annotations

from autoencoder.config import ALL_SAMPLES, GROUP_SPLIT, PROBE_SAMPLES
from autoencoder.config.choices import BLOCK_SPLIT
from autoencoder.data.split import SHOWN_GROUPS
from autoencoder.errors import listed, number_of
from autoencoder.measures.kinds import ColumnKind
from autoencoder.registries import FITTED_ENCODERS
from autoencoder.runs.snapshots import FEWEST_IN_THE_FIRST_EPOCH
from autoencoder.study.wording import Found, section
from autoencoder.workflows.markdown import as_markdown
from autoencoder.workflows.study.methods.parts import configurations
from autoencoder.workflows.study.methods.words import counted, frames, named, number, share, span

KINDS = {
    ColumnKind.LINEAR.value: "quantities",
    ColumnKind.CIRCULAR.value: "angles",
    ColumnKind.CATEGORY.value: "labels",
}
"""Kinds of columns, and what they are called."""


def data_and_split(found: Found) -> list[str]:
    """The images, what is known of them, and which were held out."""
    described = found["described"]
    data, split = described["data"], described["split"]
    size = " x ".join(str(side) for side in data["shape"])
    hashed = "all images" if data["sha256_of_all"] else "evenly spaced images and those at both ends"
    kinds = [
        f"{title} {named([name for name, its in data['columns'].items() if its == kind])}"
        for kind, title in KINDS.items()
        if kind in data["columns"].values()
    ]
    known = f"Of each image these columns of metadata were known: {'; '.join(kinds)}."
    rest = f", and {split['neither']:,} were used for neither" if split["neither"] else ""
    stopped_early = any(settings.get("training.patience") is not None for settings in configurations(described))
    use = " but for early stopping, see below" if stopped_early else ", and no checkpoint was selected by them"
    return [
        f"The data set '{as_markdown(data['name'])}' held {data['images']:,} images of {size} (channels x height x "
        f"width, {as_markdown(data['dtype'])}), scaled so that a pixel value of {number(data['max_pixel_value'])} "
        f"became 1; the SHA-256 of {hashed} was {data['sha256']}.",
        _order_in_time(data),
        known if kinds else "Nothing else was known of the images.",
        _held_out(split),
        f"This left {split['trained_on']:,} images for training and {split['held_out']:,} held out{rest}; all runs "
        "shared this split.",
        f"Held-out images had no influence on training{use}.",
    ]


def _order_in_time(data: Found) -> str:
    recordings = data["recordings"]
    if data["is_video"]:
        return f"The images were frames of {counted(recordings, 'recording')}, ordered in time."
    of = "" if recordings is None else f" of {counted(recordings, 'recording')}"
    return f"The images{of} had no order in time and were treated as independent."


def _held_out(split: Found) -> str:
    target, drawn = share(split["val_fraction"]), f"drawn at random (seed {split['seed']})"
    if split["kind"] == BLOCK_SPLIT:
        size = "" if split["block_size"] is None else f" of {split['block_size']:,} consecutive images"
        said = f"Blocks{size} were held out, {drawn} so that their share came as near to {target} as whole blocks allow"
        if split["gap"]:
            gap = number_of(split["gap"], "image")
            said += f"; up to {gap} on either side of a held-out block were left out of training"
        return f"{said}."
    if split["kind"] != GROUP_SPLIT:
        return f"Single images were held out, {drawn}, a share of {target}."
    held_out, trained_on = split["groups"]["held_out"], len(split["groups"]["trained_on"])
    values = f"{len(held_out):,} values" if len(held_out) > SHOWN_GROUPS else named(held_out)
    by_share = f"{drawn} so that their share came as near to {target} as whole groups allow"
    return (
        f"All images of some values of the column {named([split['column']])} were held out: {values}, "
        f"{'chosen by hand' if split['chosen_by_name'] else by_share}; networks were trained on the images of "
        f"{counted(trained_on, 'other value')}."
    )


def probe_images(found: Found) -> list[str]:
    """Which images codes were kept of, and at which moments."""
    described = found["described"]
    images, seed = described["probe_images"], described["split"]["seed"]
    chosen = {
        PROBE_SAMPLES: "evenly spaced among the held-out images and among all others",
        ALL_SAMPLES: "all images of the data set",
    }.get(str(described["common"].get("training.snapshot_samples")), f"drawn at random (seed {seed})")
    others = images["kept"] - images["trained_on"] - images["held_out"]
    parts = [f"{images['trained_on']:,} were trained on", f"{images['held_out']:,} held out"]
    parts += [f"{others:,} left out of both"] if others else []
    said = [
        f"Codes (the latent units' activations) of {images['kept']:,} probe images, the same in all runs, were kept; "
        f"they were {chosen}, and {listed(parts)}.",
        *_snapshots(described),
        "Codes were computed in evaluation mode and without added noise.",
    ]
    if images["compared"] < images["held_out"]:
        said.append(f"Representations were compared on {images['compared']:,} of the held-out ones, evenly spaced.")
    tau = section(found, "similarity").get("tau_frames")
    if described["data"]["is_video"] and tau is not None:
        said.append(
            "The correlation time tau of the slowest codes at the end of training, after which their autocorrelation "
            f"had fallen to 1/e, was {frames(tau)}."
        )
    return said


def _snapshots(described: Found) -> list[str]:
    settings = configurations(described)
    entries = [entry for entry in described["settings"] if entry["snapshots"][-1] > 1]
    if not entries:
        return ["Each run was seen once, at the end."]
    counts = sorted({n for entry in entries for n in entry["snapshots"]})
    spacings = {its["training.snapshot_spacing"] for its in settings}
    per_epoch = span(sorted({its["training.snapshots_per_epoch"] for its in settings}))
    fitted = any(its["model.encoder"] in FITTED_ENCODERS for its in settings)
    which = "run with a learned encoder" if fitted else "run"
    said = f"In each {which} {span(counts)} snapshots of them were taken, the first before the first update"
    if spacings == {"log"}:
        first = sorted({n for entry in entries for n in entry["snapshots_in_first_epoch"]})
        said += (
            f", the others at updates that grew by a constant factor: {per_epoch} in each doubling of the updates, or "
            f"more where the first epoch would have had fewer than {FEWEST_IN_THE_FIRST_EPOCH} (it had {span(first)})"
        )
    elif spacings == {"even"}:
        said += f", the others evenly spaced, {per_epoch} in each epoch"
    return [f"{said}.", *(["Codes of fitted encoders do not change and have one snapshot."] if fitted else [])]
