"""The text of `docs/findings.md`, from its numbers: what is said to hold is what its intervals say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collect import AE

from autoencoder.measures.kinds import ColumnKind
from autoencoder.study.wording import rounded
from autoencoder.workflows.markdown import as_markdown

PCA, PCA_2, UMAP, UMAP_2 = "pca, 16", "pca, 2", "umap, 16", "umap, 2"
"""The other encoders."""


def with_interval(entry: Mapping[str, Any], form: str = ".1f", unit: str = "") -> str:
    """Such as "24.1 dB (23.9 to 24.3)"."""
    mean, low, high = (None if entry[key] is None else rounded(entry[key], form) for key in ("mean", "low", "high"))
    return f"{mean}{unit}" if low is None else f"{mean}{unit} ({low} to {high})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdict(holds: Sequence[bool]) -> str:
    """What is said of a finding of which several parts were looked at."""
    if all(holds):
        return "**Holds.**"
    return "**Holds in part.**" if any(holds) else "**Does not hold here.**"


def is_above(entry: Mapping[str, Any]) -> bool:
    """Whether an interval lies above 0."""
    return entry["low"] is not None and entry["low"] > 0


KINDS = {
    ColumnKind.LINEAR.value: ("R2", ".2f"),
    ColumnKind.CIRCULAR.value: ("median error, degrees", ".1f"),
    ColumnKind.CATEGORY.value: ("balanced accuracy", ".2f"),
}
"""How scores of a column are called and written."""

PROBE_NAMES = {"ridge": "ridge regression", "knn": "nearest neighbours"}


def columns_table(columns: Mapping[str, Any], names: Sequence[str], settings: Sequence[str]) -> str:
    """What is read of columns under settings."""
    rows = []
    for name in names:
        column = columns[name]
        score, form = KINDS[column["kind"]]
        for probe, title in PROBE_NAMES.items():
            its = column["settings"][probe]
            chance = column["by_chance"].get(probe)
            cells = [with_interval(its[setting], form) if setting in its else "-" for setting in settings]
            rows.append([f"`{name}`, {score}", title, *cells, "-" if chance is None else f"{chance:{form}}"])
    return table(["", "", *settings, "by chance"], rows)


def regions_table(found: Mapping[str, Any]) -> str:
    """PSNR by parts of the image."""
    parts = list(found["psnr_db"][AE])
    order = [AE, *(name for name in found["psnr_db"] if name != AE)]
    rows = [[name, *(with_interval(found["psnr_db"][name][part]) for part in parts)] for name in order]
    return table(["PSNR (dB)", *parts], rows)


def denoises(found: Mapping[str, Any]) -> tuple[str, str]:
    """Finding (a): its verdict, and what it rests on."""
    listed = ", ".join(f"{part} {with_interval(entry, '+.1f', ' dB')}" for part, entry in found.items())
    rests = f"The output is closer to the clean image than the noisy input is, by {listed}."
    return verdict([is_above(entry) for entry in found.values()]), rests


def decoders(found: Mapping[str, Any]) -> tuple[str, str]:
    """Finding (c): PCA to 16 comes near and the others do not."""
    gains = found["gain_db"]
    others = [name for name in (PCA, UMAP, PCA_2, UMAP_2) if name in gains]
    near = gains[PCA]["whole"]["mean"]
    holds = [
        all(gains[name]["whole"]["mean"] > near and is_above(gains[name]["whole"]) for name in others if name != PCA)
    ]
    if "tail" in gains[PCA]:
        holds.append(gains[PCA]["tail"]["mean"] > near)
    listed = "; ".join(f"'{name}' {with_interval(gains[name]['whole'], '+.1f', ' dB')}" for name in others)
    rests = f"With the same decoder, '{AE}' is closer to the clean images than other encoders by {listed}."
    return verdict(holds), rests


def text(found: Mapping[str, Any]) -> str:
    """`docs/findings.md`."""
    size = found["size"]
    parts = [
        "# Findings",
        "The work that this project carries on had four findings, seen by eye on one run of each kind. Here they are "
        f"on {size['seeds']} seeds of each setting, with intervals over seeds (95 %, by t) and controls, on a "
        "synthetic arena and on MNIST, and what was found beyond them. One command makes this page, its numbers and "
        f"its pictures (`make findings MNIST=FOLDER`, {found['minutes']:.0f} minutes on 2 cores), by the commands at "
        "its end.",
        *_denoising(found),
        *_latent(found),
        *_encoders(found),
        *_objectives(found),
        *_beyond(found),
        "## Commands",
        "```sh\n" + "\n".join(found["commands"]) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _denoising(found: Mapping[str, Any]) -> list[str]:
    parts = ["## (a) The autoencoder denoises, tail, walls and ports included"]
    for name, title in titles(found):
        said, rests = denoises(found[name]["denoising"])
        parts.append(f"{title}: {said} {rests}")
    arms = found["arms"]
    rows = [[kind, *(f"{value:.1f}" for value in psnrs.values())] for kind, psnrs in arms["psnr_db"].items()]
    parts += [
        f"With more images and time details come back as well. A run on {arms['images']:,} images, {arms['epochs']} "
        "epochs:",
        table(["PSNR (dB)", *next(iter(arms["psnr_db"].values()))], rows),
        "![Held-out images of the arena: input, the network's output, the clean image](images/findings/grid.png)",
    ]
    return parts


def _latent(found: Mapping[str, Any]) -> list[str]:
    arms, columns = found["arms"], found["arena"]["columns"]
    names = [name for name in ("body_angle_deg", "distance_from_center") if name in columns]
    rows = []
    for name, its in arms["columns"].items():
        score, form = KINDS[its["codes"]["kind"]]
        cells = [f"{its[kind]['score']:{form}}" for kind in ("codes", "plane")]
        chance = its["codes"]["by_chance"]
        rows.append([f"`{name}`, {score}", *cells, "-" if chance is None else f"{chance:{form}}"])
    holds = [its["plane"]["by_chance"] is not None and _beats(its["plane"]) for its in arms["columns"].values()]
    parts = [
        "## (b) Its latent orders images by body angle and by distance from the centre",
        "It was seen in UMAP: a ring by body angle with six arms, one for each port, along which distance changes. "
        f"Below are {arms['shown']:,} codes of a run on {arms['images']:,} images and {arms['epochs']} epochs.",
        f"Arena: {verdict(holds)} How well the plane orders images is no matter of the eye: this is what nearest "
        "neighbours read from it on held-out images, beside what they read from the codes themselves, and by chance.",
        table(["", "codes", "plane", "by chance"], rows),
        "![UMAP of the codes, coloured by body angle](images/findings/arms-angle.png)",
        "![The same, coloured by distance from the centre](images/findings/arms-distance.png)",
        "On few images the arms are islands, or not there. What is read from the codes of the study's autoencoders, "
        "with untrained networks and the pixels as controls:",
        columns_table(columns, names, ["reconstruct", "untrained", "PCA 16 of the pixels"]),
    ]
    if "mnist" in found:
        its = found["mnist"]["columns"]
        parts += [
            "MNIST, where the digit is what is known:",
            columns_table(its, list(its), _settings_of(found["mnist"])),
        ]
    return parts


def _beats(entry: Mapping[str, Any]) -> bool:
    is_error = entry["kind"] == ColumnKind.CIRCULAR.value
    return bool(entry["score"] < entry["by_chance"] if is_error else entry["score"] > entry["by_chance"])


def _settings_of(found: Mapping[str, Any]) -> list[str]:
    return list(found["dimension"])


def _encoders(found: Mapping[str, Any]) -> list[str]:
    parts = ["## (c) A decoder on 16 principal components comes near, except for the tail; PCA to 2 and UMAP do not"]
    for name, title in titles(found):
        said, rests = decoders(found[name]["regions"])
        gains = found[name]["regions"]["gain_db"]
        names = list(gains[PCA])
        rows = [[other, *(with_interval(its[part], "+.1f") for part in names)] for other, its in gains.items()]
        parts += [
            f"{title}: {said} {rests}",
            regions_table(found[name]["regions"]),
            table([f"'{AE}' above, within seeds (dB)", *names], rows),
        ]
    return [*parts, "![Five encoders with the same decoder, one seed of each](images/findings/encoders.png)"]


def _objectives(found: Mapping[str, Any]) -> list[str]:
    arena = found["arena"]
    ring, columns = arena["rings"].get("angle"), arena["columns"]
    lost = columns["distance_from_center"]["differences"]["knn"].get("reconstruct - angle")
    assert lost is not None, "the study has both objectives"
    holds = [ring is not None and ring["rings"] == ring["runs"], is_above(lost)]
    parts = ["## (d) An encoder that learns the body angle makes a plain ring, in which distance has no place"]
    if ring is not None:
        order = "" if ring["order"] is None else f", in the order of the body angle to {ring['order']['mean']:.3f} of 1"
        parts.append(
            f"Arena: {verdict(holds)} {ring['rings']} of {ring['runs']} seeds lie on a ring: its bar in H1 is "
            f"{ring['ratio']['mean']:.0f} times as long as the second and {with_interval(ring['first'], '.2f')} of the "
            f"diameter, by chance {ring['by_chance']['mean']:.2f}{order}. Nearest neighbours read distance from "
            f"'reconstruct' better than from 'angle', by an R2 of {with_interval(lost, '.2f')}."
        )
    names = [name for name in ("body_angle_deg", "distance_from_center") if name in columns]
    parts += [columns_table(columns, names, _settings_of(arena))]
    if "mnist" in found:
        parts.append(_digits(found["mnist"]))
    parts += [
        "![Codes over training, by objective](images/findings/arena-over-training.png)",
        "![The space of representations of the arena](images/findings/arena-space.png)",
    ]
    return parts


def _digits(mnist: Mapping[str, Any]) -> str:
    """What the digit as the objective does, in the dimension of codes."""
    dimension = mnist["dimension"]
    listed = ", ".join(f"'{name}' {with_interval(entry)}" for name, entry in dimension.items())
    return (
        "MNIST has no angle: there the objective is the digit, whose ten classes have no order to make a ring of. What "
        f"it changes is how many dimensions the codes have (participation ratio, of 16 units): {listed}."
    )


def _beyond(found: Mapping[str, Any]) -> list[str]:
    parts = ["## Beyond them"]
    for name, title in titles(found):
        its = found[name]
        parts.append(f"**{title}: {as_markdown(its['question'])}** {as_markdown(' '.join(its['sentences']))}")
        parts += [f"*{as_markdown(asked)}* {as_markdown(' '.join(said))}" for asked, said in its["doubts"].items()]
    if "mnist" in found:
        parts.append("![The space of representations of MNIST](images/findings/mnist-space.png)")
    return parts


def titles(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Data sets that there are, and what they are called."""
    return [(name, title) for name, title in (("arena", "Arena"), ("mnist", "MNIST")) if name in found]
