"""The networks of a study: the design, what is said of each configuration, what runs shared, and controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autoencoder.errors import listed, number_of
from autoencoder.registries import FITTED_ENCODERS
from autoencoder.study.designs.design import SHUFFLED
from autoencoder.study.measured.controls import UNTRAINED
from autoencoder.study.wording import Found
from autoencoder.workflows.markdown import as_markdown
from autoencoder.workflows.study.methods import layers, training
from autoencoder.workflows.study.methods.parts import configurations
from autoencoder.workflows.study.methods.words import choice, count, named, quoted, spaced

Topic = Callable[[Found, Found], str]
"""What there is to say of a configuration, by its settings and its entry in `described`; empty where there is
nothing."""

TOPICS: tuple[Topic, ...] = (layers.encoder, layers.head, *training.TOPICS)
"""Clauses about a configuration, in order."""


def networks(found: Found) -> list[str]:
    """Which networks were trained, and how."""
    described = found["described"]
    said = [*_design(found), *_by_configuration(described), *_sizes(described), *_shared(described)]
    if most := max(entry["without_target"] for entry in described["settings"]):
        said.append(f"Images without a known target, {most:,} at most, were not trained on.")
    return [*said, *_controls(described)]


def _design(found: Found) -> list[str]:
    entries = found["described"]["settings"]
    names, in_all = _labels(entries), number_of(sum(len(entry["runs"]) for entry in entries), "run")
    vary = {name: values for name, values in found.get("settings", {}).items() if len(values) > 1}
    levels = [f"{spaced(name)} ({named(values)})" for name, values in vary.items()]
    said = [f"Runs differed in {listed(levels)}."] if levels else []
    seeds = {tuple(entry["seeds"]) for entry in entries}
    if len(seeds) > 1:
        each = [f"'{name}' with {_seeds(entry['seeds'])}" for name, entry in zip(names, entries, strict=True)]
        return [*said, f"In all, {in_all} were trained: {listed(each)}."]
    (same,) = seeds
    if len(entries) == 1:
        return [*said, f"Networks of one setting were trained, with {_seeds(same)} ({in_all})."]
    settings = f"{count(len(entries))} settings" + ("" if vary else f" ({quoted(names)})")
    return [*said, f"Networks of {settings} were trained, each with {_seeds(same)} ({in_all})."]


def _seeds(seeds: Sequence[int | None]) -> str:
    known = [str(seed) for seed in seeds if seed is not None]
    return f"the seed{'s' * (len(known) > 1)} {listed(known)}" if known else "no seed given"


def _labels(entries: Sequence[Found]) -> list[str]:
    """A name for each configuration, escaped; of several of one setting with their runs."""
    settings = [entry["setting"] for entry in entries]
    return [
        as_markdown(name if settings.count(name) == 1 else f"{name} ({', '.join(entry['runs'])})")
        for name, entry in zip(settings, entries, strict=True)
    ]


def _by_configuration(described: Found) -> list[str]:
    """What there is to say of each configuration: once where all are alike, else by the settings that it holds for."""
    said = []
    for topic in TOPICS:
        groups = _grouped(described, topic)
        for clause, its in groups.items():
            if clause:
                sentence = clause if len(groups) == 1 else f"With {_which(its, described)}, {clause}"
                said.append(f"{sentence[:1].upper()}{sentence[1:]}.")
    return said


def _sizes(described: Found) -> list[str]:
    """What is one number of each configuration, in a sentence for all of them."""
    said = []
    for stem, topic in SIZES.items():
        groups = {text: its for text, its in _grouped(described, topic).items() if text}
        if [len(its) for its in groups.values()] == [len(described["settings"])]:
            said.append(f"{stem} {next(iter(groups))}.")
        elif groups:
            said.append(f"{stem} {listed([f'{text} ({_which(its, described)})' for text, its in groups.items()])}.")
    return said


def _parameters(part: str, entry: Found) -> str:
    n = entry["network"].get(part, {}).get("n_parameters", 0)
    return number_of(n, "trained parameter") if n else ""


SIZES: dict[str, Topic] = {
    "The code had": lambda settings, _: number_of(settings["model.latent_dim"], "unit"),
    "The encoder had": lambda _, entry: _parameters("encoder", entry),
    "The layers behind the code had": lambda _, entry: _parameters("head", entry),
}
"""Beginnings of sentences, and what follows."""


def _grouped(described: Found, topic: Topic) -> dict[str, list[int]]:
    """Numbers of the configurations that the same is said of."""
    groups: dict[str, list[int]] = {}
    for n, (settings, entry) in enumerate(zip(configurations(described), described["settings"], strict=True)):
        groups.setdefault(topic(settings, entry), []).append(n)
    return groups


def _which(numbers: Sequence[int], described: Found) -> str:
    """Some of the configurations: by a value that they have in common and no other has, else by their names."""
    entries = described["settings"]
    for name, value in entries[numbers[0]]["levels"].items() if len(numbers) > 1 else ():
        if numbers == [n for n, entry in enumerate(entries) if entry["levels"].get(name) == value]:
            return f"{spaced(name)} {named([value])}"
    labels = _labels(entries)
    return quoted([labels[n] for n in numbers])


def _shared(described: Found) -> list[str]:
    """What runs of one seed have in common under all settings."""
    entries, all_settings = described["settings"], configurations(described)
    if len(entries) < 2:
        return []
    same_weights = all(name in described["common"] for name in all_settings[0] if name.startswith("model.")) and all(
        settings.get("training.init_from") is None and settings["model.encoder"] not in FITTED_ENCODERS
        for settings in all_settings
    )
    shared = ["the initial weights of the encoder"] if same_weights else []
    if not any(entry["without_target"] for entry in entries):
        shared.append("the order of the training images")
    return [f"Runs of one seed shared {listed(shared)} under all settings."] if shared else []


def _controls(described: Found) -> list[str]:
    said = []
    if SHUFFLED in described["controls"]:
        said.append(
            "As a control, networks that predict something other than the image were also trained on shuffled targets, "
            "which were permuted among the training images once in each run; all else was the same."
        )
    if UNTRAINED in described["controls"]:
        said.append("Networks before their first update served as another control.")
    if sizes := described["pixel_components"]:
        said.append(
            "The pixels themselves served as a reference: their leading principal components "
            f"({choice(sizes)} of them), fitted without noise to the probe images that were trained on."
        )
    if codes := described["codes"]:
        sources = [f"'{as_markdown(code['name'])}' ({number_of(code['units'], 'unit')})" for code in codes]
        said.append(f"Codes of the same images from other sources were compared beside the runs: {listed(sources)}.")
    return said
