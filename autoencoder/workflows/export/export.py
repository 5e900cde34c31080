"""`export`: the network of a run in files for other programs, with a card."""

from __future__ import annotations

import importlib
import json
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.config import NETWORK_PARTS, PIXEL_TYPES
from autoencoder.config.arguments import names_of
from autoencoder.data.images import default_max_pixel_value
from autoencoder.errors import UserError, problems_of, raise_if_any, unknown
from autoencoder.evaluation.evaluate import Evaluation, evaluate
from autoencoder.machine.file_names import file_stem
from autoencoder.machine.files import check_writable, replacing
from autoencoder.machine.plain_text import visible
from autoencoder.machine.progress import SILENT, Say
from autoencoder.plots.figures import Files
from autoencoder.registries import ENCODERS, NETWORK_FILES
from autoencoder.runs.opened import OpenedRun, RunLike, open_run
from autoencoder.version import DISTRIBUTION, __version__
from autoencoder.workflows.export.card import card
from autoencoder.workflows.export.content import Content, config_text
from autoencoder.workflows.export.module import ExportedNetwork

DEFAULT_FORMATS = ("onnx",)

CARD = "md"
"""Suffix of the card."""


def export(
    run: RunLike,
    formats: Sequence[str] = DEFAULT_FORMATS,
    *,
    part: str = "both",
    checkpoint: str = "last",
    step: int | None = None,
    pixels: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    quiet: bool = True,
    say: Say = SILENT,
) -> Files:
    """Write the network of a run for other programs, and a card that says what it is.

    Scaling and the order of channels are part of what is written: images go in as they are stored, (N, H, W) or
    (N, H, W, C). What comes out, the card says.

    Args:
        run: a run folder, or what `open_run` gave.
        formats: one or more of `safetensors`, `onnx` and `pt2`.
        part: `encoder`, `decoder` (what stands behind the latent), or `both`.
        checkpoint: `last`, `best`, the number of an epoch, or a path.
        step: the network that was kept after this update, instead.
        pixels: type of the images that go in, `uint8`, `uint16` or `float32`; None for that of the run's data.
        out: folder; None for `RUN/export`.
        overwrite: files of these names may be replaced.
        quiet: show no progress.
        say: is told what was found.

    Returns:
        the files: one for each format, named after the run and the part where that is not both, and the card.

    Raises:
        UserError: the encoder cannot be exported, there is no such checkpoint, a package is missing, the type of the
            images is not known, a file is in the way or cannot be written.
    """
    opened = open_run(run)
    config = opened.config()
    out = opened.output_folder("export") if out is None else Path(out)
    formats = tuple(dict.fromkeys(names_of(formats)))
    stem = file_stem(opened.path.resolve().name) + ("" if part == "both" else f"-{part}")
    files = {name: out / f"{stem}.{name}" for name in (*formats, CARD)}
    raise_if_any(_problems(opened, formats, part, pixels, out, files.values(), overwrite))
    pixels, top = _pixels(opened, pixels, part)
    file = opened.find_checkpoint(checkpoint) if step is None else opened.find_step(step)
    trained = opened.network(checkpoint if step is None else file, "cpu")
    at = opened.state_of(file)
    network = ExportedNetwork.of(trained, part, pixels, top)
    content = Content(
        network,
        config.model.latent_dim,
        {
            "run": visible(opened.path.resolve().name),
            "checkpoint": checkpoint if step is None else f"step {step}",
            "step": str(at.step),
            "part": part,
            "encoder": f"{config.model.encoder}, {config.model.latent_dim} units",
            "objective": config.objective.name,
            "prediction": visible(trained.objective.exported_as),
            "images": json.dumps({"image_shape": trained.image_shape, "pixels": pixels, "max_pixel_value": top}),
            "config": config_text(config),
            "made_by": f"{DISTRIBUTION} {__version__}",
        },
    )
    measured = _measured(opened, file, quiet, say)
    loading = [(files[n].name, _format(n).NEEDS, _format(n).loading(content, files[n].name)) for n in formats]
    text = card(opened, content, measured, loading)
    with ExitStack() as written:  # all are renamed when all are there
        temporary = {name: written.enter_context(replacing(path)) for name, path in files.items()}
        for name in formats:
            _format(name).write(content, temporary[name])
        temporary[CARD].write_text(text, encoding="utf-8")
    return Files(files.values())


def _format(name: str) -> Any:
    """The module of a format: it defines `NEEDS`, which is what a file is and what it takes, in words; `check`, which
    refuses what is missing; `write(content, path)`; and `loading(content, file)`, the lines of Python that load it."""
    return importlib.import_module(NETWORK_FILES[name])


def _problems(
    run: OpenedRun,
    formats: Sequence[str],
    part: str,
    pixels: str | None,
    out: Path,
    files: Collection[Path],
    overwrite: bool,
) -> list[str]:
    """What is wrong with what was asked for, before anything is loaded."""
    config = run.config()
    problems = unknown("format of an export", formats, NETWORK_FILES) + unknown("part", [part], NETWORK_PARTS)
    problems += unknown("type of pixels", [] if pixels is None else [pixels], PIXEL_TYPES)
    why_not = ENCODERS[config.model.encoder].not_exported
    if why_not is not None and part != "decoder":
        problems.append(
            f"the encoder '{config.model.encoder}' of {run.path} {why_not}: export what stands behind it (--part "
            "decoder), or train with another encoder, such as pca"
        )
    for name in formats:
        if name in NETWORK_FILES:
            problems += problems_of(_format(name).check)
    problems += problems_of(check_writable, out)
    for path in files:
        if path.is_dir():
            problems.append(f"{path} is a folder: choose another folder for it (--out)")
        elif path.exists() and not overwrite:
            problems.append(f"{path} already exists: choose another folder (--out), or replace it (--overwrite)")
    return problems


def _pixels(run: OpenedRun, asked: str | None, part: str) -> tuple[str, float]:
    """Type of the images that go in, and the value that stands for 1.

    Raises:
        UserError: nobody says which type; or the value is none of that type.
    """
    name = asked or ("float32" if part == "decoder" else _stored_type(run))
    dtype, top = np.dtype(name), run.config().data.max_pixel_value
    if top is not None and dtype.kind == "u" and top > np.iinfo(dtype).max:
        raise UserError(
            f"{top:g} stands for 1 in the images of {run.path}, which no pixel of type {name} is: leave --pixels out, "
            "or name another type"
        )
    return name, default_max_pixel_value(dtype) if top is None else top


def _stored_type(run: OpenedRun) -> str:
    try:
        stored = run.images.images.dtype
    except UserError as error:
        raise UserError(
            f"of which type are the images that go in? {error}; or say it: --pixels {'|'.join(PIXEL_TYPES)}"
        ) from None
    return "float32" if stored.kind == "f" else stored.name


def _measured(run: OpenedRun, checkpoint: Path, quiet: bool, say: Say) -> Evaluation | None:
    """The network on held-out images; None, which is said, where their file is not there or is another one by now."""
    try:
        return evaluate(run, checkpoint=str(checkpoint), device="cpu", quiet=quiet)
    except UserError as error:
        say(f"note: the card has no numbers: {error}")
        return None
