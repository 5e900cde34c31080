"""The numbers of `docs/findings.md`, from measured studies and trained runs, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from autoencoder import evaluate, open_study
from autoencoder.config import PROBE_SAMPLES
from autoencoder.data.images import ImageSet
from autoencoder.evaluation.probing import Probing
from autoencoder.projections.reducers.base import embed_snapshots
from autoencoder.runs.opened import OpenedRun, Shelf, open_run
from autoencoder.runs.snapshots import choose_samples
from autoencoder.study.folder import StudyFolder
from autoencoder.study.paired import mean_interval

Numbers = dict[str, Any]

AE = "strided, 16"
"""The autoencoder, among settings of an encoder and a size."""

THIN = 2
"""Pixels: parts of the animal that an opening by so much takes away are its tail."""

TESTED = 800
"""Held-out images whose errors are taken apart."""


def over_seeds(values: Sequence[float]) -> Numbers:
    """A mean over seeds with its 95 % interval."""
    mean = mean_interval(np.array(values))
    return {"mean": mean.mean, "low": mean.low, "high": mean.high, "n": mean.n}


def collect(work: Path, names: Sequence[str]) -> Numbers:
    """Everything that the text says, as plain values."""
    found: Numbers = {}
    for name in names:
        objectives = open_study(work / "studies" / f"{name}-objectives")
        encoders = StudyFolder(work / "studies" / f"{name}-encoders")
        found[name] = {
            "question": objectives.question(),
            "sentences": list(objectives.sentences()),
            "doubts": {question: list(said) for question, said in objectives.doubts().items()},
            "columns": read_columns(objectives.statistics),
            "rings": read_rings(objectives.statistics),
            "dimension": read_effect(objectives.statistics, "dimension", "participation_ratio"),
            "denoising": denoising(StudyFolder(objectives.path)),
            "regions": regions(encoders),
        }
    found["arms"] = read_arms(work / "runs" / "many")
    return found


def read_columns(statistics: Mapping[str, Any]) -> Numbers:
    """What is read of each column under each setting, by both probes, and by chance."""
    return {
        name: {
            "kind": column["kind"],
            "enough_time": column["enough_time"],
            "by_chance": {
                probe: float(np.mean([run[probe]["by_chance"] for run in column["runs"].values()]))
                for probe in ("ridge", "knn")
                if all(run[probe]["by_chance"] is not None for run in column["runs"].values())
            },
            "settings": {
                probe: {
                    entry["setting"]: {key: entry[key] for key in ("mean", "low", "high", "n")}
                    for entry in effect["settings"]
                }
                for probe, effect in column["effects"].items()
            },
            "differences": {
                probe: {
                    f"{entry['first']} - {entry['second']}": {key: entry[key] for key in ("mean", "low", "high", "n")}
                    for entry in effect["differences"]
                }
                for probe, effect in column["effects"].items()
            },
        }
        for name, column in statistics["probes"]["columns"].items()
    }


def read_rings(statistics: Mapping[str, Any]) -> Numbers:
    """How many seeds of each setting have a ring, how clear it is, and in which order it runs."""
    return {
        ring["setting"]: {
            "rings": ring["rings"],
            "runs": ring["runs"],
            "ratio": over_seeds([run["ratio"] for run in ring["by_run"]]),
            "first": over_seeds([run["first"] for run in ring["by_run"]]),
            "by_chance": over_seeds([run["first_by_chance"] for run in ring["by_run"]]),
            "order": over_seeds([run["cyclic_order"].get("body_angle_deg", np.nan) for run in ring["by_run"]])
            if any(run["cyclic_order"] for run in ring["by_run"])
            else None,
        }
        for ring in statistics["topology"]["settings"]
    }


def read_effect(statistics: Mapping[str, Any], part: str, measure: str) -> Numbers:
    """A single measure in every setting."""
    effect = next(effect for effect in statistics[part]["effects"] if effect["measure"] == measure)
    return {entry["setting"]: {key: entry[key] for key in ("mean", "low", "high", "n")} for entry in effect["settings"]}


AUTOENCODER = "reconstruct"
"""The autoencoder, among objectives."""


def denoising(study: StudyFolder) -> Numbers:
    """By how many decibel outputs of autoencoders are closer to the clean images than their inputs, over seeds."""
    shelf = Shelf()
    gains: dict[str, list[float]] = {}
    for folders in study.by_seed():
        errors = errors_of(open_run(folders[AUTOENCODER], shelf=shelf))
        for part, error in errors["output"].items():
            gains.setdefault(part, []).append(10 * np.log10(errors["input"][part] / error))
    return {part: over_seeds(values) for part, values in gains.items()}


def regions(study: StudyFolder) -> Numbers:
    """PSNR of every setting's output, and of its noisy input, in parts of held-out images, over seeds.

    Outputs are compared with the clean images. The animal is where the data's mask is; its tail what an opening takes
    away of it; the rest is the arena: its walls and ports.
    """
    shelf = Shelf()
    values: dict[str, dict[str, list[float]]] = {}
    for folders in study.by_seed():
        for setting, folder in folders.items():
            for kind, parts in errors_of(open_run(folder, shelf=shelf)).items():
                name = setting if kind == "output" else f"noisy input of '{setting}'"
                for part, error in parts.items():
                    values.setdefault(name, {}).setdefault(part, []).append(-10 * np.log10(error))
    settings = {
        name: {part: over_seeds(psnrs) for part, psnrs in parts.items()}
        for name, parts in values.items()
        if not name.startswith("noisy input") or name.endswith(f"'{AE}'")
    }
    gains = {
        other: {
            part: over_seeds(np.subtract(psnrs, values[other][part]).tolist()) for part, psnrs in values[AE].items()
        }
        for other in settings
        if other != AE
    }
    return {"psnr_db": settings, "gain_db": gains}


def errors_of(run: OpenedRun) -> dict[str, dict[str, float]]:
    """Mean squared errors of a run's output and of its input, by parts of the image."""
    evaluation = evaluate(run, limit=TESTED)
    data, rows = evaluation.data, evaluation.rows
    shown = [evaluation.predict(rows[start : start + 256]) for start in range(0, len(rows), 256)]
    clean = data.scaled(rows, "images" if data.clean is None else "clean")
    pictures = {
        "output": np.concatenate([part.output for part in shown]),
        "input": np.concatenate([part.seen for part in shown]),
    }
    return {
        kind: {part: float(((made - clean) ** 2)[where].mean()) for part, where in parts_of(data, rows).items()}
        for kind, made in pictures.items()
    }


def parts_of(data: ImageSet, rows: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Pixels (n, C, H, W) of all of each image, and where the animal is known, of it, of its tail, and of the rest."""
    whole = np.ones((len(rows), *data.image_shape), np.bool_)
    if data.mask is None:
        return {"whole": whole}
    animal = data.mask[rows] > 0
    disc = np.hypot(*np.mgrid[-THIN : THIN + 1, -THIN : THIN + 1]) <= THIN
    body = np.stack([ndimage.binary_opening(one[0], disc)[None] for one in animal])
    parts = {"whole": whole, "animal": animal, "tail": animal & ~body, "arena": ~animal}
    return {name: np.broadcast_to(where, whole.shape) for name, where in parts.items()}


def read_arms(folder: Path) -> Numbers:
    """What is read from the codes of the large run, and from their UMAP: does it order images as the codes do?"""
    run = open_run(folder)
    split, images = run.split(), run.images
    config = run.config().data
    rows = choose_samples(len(images), PROBE_SAMPLES, config.split_seed, split.val)  # a study's, whose nulls hold
    snapshot = run.network().encode(images.images[rows])
    probing = Probing(
        images.metadata.take(rows),
        len(rows),
        np.flatnonzero(np.isin(rows, split.train)),
        np.flatnonzero(np.isin(rows, split.val)),
        config.split,
        config.split_seed,
    )
    plane = embed_snapshots([snapshot], snapshot, "umap", config.split_seed)[0]
    asked = {"codes": probing.ask(snapshot), "plane": probing.ask(plane)}
    wanted = [name for name in ("body_angle_deg", "distance_from_center", "nearest_port") if name in probing.columns]
    return {
        "psnr_db": {
            kind: {part: -10 * np.log10(error) for part, error in parts.items()}
            for kind, parts in errors_of(run).items()
        },
        "images": len(images),
        "epochs": run.config().training.epochs,
        "shown": len(rows),
        "columns": {
            name: {
                kind: {
                    "kind": score.kind.value,
                    "score": score.score,
                    "by_chance": None if score.by_chance is None else score.by_chance.best,
                }
                for kind, probed in asked.items()
                if (score := probed.of(name, "knn")) is not None
            }
            for name in wanted
        },
    }
