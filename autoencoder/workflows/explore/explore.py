"""One page to explore a run with: its images as points over training, in a browser, without a server."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autoencoder.config.arguments import names_of
from autoencoder.data.metadata import Metadata
from autoencoder.display.inline import show_page
from autoencoder.errors import UserError, problems_of, raise_if_any
from autoencoder.machine.files import check_writable, write_text
from autoencoder.machine.progress import SILENT, Progress, Say, in_notebook
from autoencoder.pages.content import PageContent
from autoencoder.pages.document import explorer_document
from autoencoder.projections.evolution import embed_track, track_run
from autoencoder.projections.fits import methods
from autoencoder.registries import REDUCERS
from autoencoder.runs.opened import RunLike, open_run
from autoencoder.seeding import numpy_stream
from autoencoder.workflows.explore.gather import page_content
from autoencoder.workflows.held_out import places_shown

MAX_BYTES = 25_000_000
"""A larger page is slow to open and to send; it is made of fewer images instead."""

PLACE_BYTES = 2 * 2 * 4 / 3
"""Of an image at one moment: two numbers of two bytes each, in base64."""


def explore(
    run: RunLike,
    *,
    fits: Sequence[str] | None = None,
    reducers: Sequence[str] = ("umap", "pca"),
    layers: Sequence[str] = ("latent",),
    color_by: Sequence[str] | None = None,
    points: int | None = None,
    max_snapshots: int | None = None,
    rows: str = "all",
    seed: int | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    max_bytes: int = MAX_BYTES,
    inline: bool | None = None,
    quiet: bool = True,
    say: Say = SILENT,
) -> Path:
    """Project a run's snapshots and write them, with the images, as one HTML page.

    Args:
        run: a run folder, finished or in training; or what `open_run` gave, which also takes other metadata.
        fits: ways to fit a projection to training, see `visualize`; None for each reducer's default one. The page has
            every combination with
        reducers: `umap`, `pca`, `tsne`, or `none` for a layer of two units, and
        layers: `latent`, or `fc2`, the decoder's first layer.
        color_by: columns to colour by, the first one at first; None for all, an angle or a category first.
        points: show at most so many images, chosen evenly at random. All of them are projected.
        max_snapshots: show at most so many snapshots, spread evenly over training; the last one is always there.
        rows: images to show: `all`, with those that were trained on in pale colours, or the `held-out` ones only.
        seed: of projections and of the choice of images; None for the run's.
        out: the file; None for `RUN/visualize/explore.html`.
        device: where layers and reconstructions are computed.
        max_bytes: a page that would be larger shows fewer images, and says so.
        inline: whether a notebook also shows the page below the cell; None for yes. It is then part of the notebook's
            file, as large as it is.
        quiet: show no progress.
        say: is told what the page leaves out.

    Returns:
        the file.

    Raises:
        UserError: the run has no snapshots, a file of it is damaged, or its codes cannot be projected in this way; a
            column is not there, or `out` cannot be written.
    """
    opened = open_run(run)
    out = opened.output_folder("visualize") / "explore.html" if out is None else Path(out)
    seed = opened.config().training.seed if seed is None else seed
    reducers, layers = names_of(reducers), names_of(layers)
    fits, color_by = (None if one is None else names_of(one) for one in (fits, color_by))
    chosen = _check(opened.images.metadata, color_by, fits, reducers, out)
    tracks = [track_run(opened, layer=layer, seed=seed, device=device) for layer in layers]

    evolutions = []
    for track, (reducer, fit) in itertools.product(tracks, chosen):
        with Progress(
            f"Projecting by {REDUCERS[reducer].title}", len(track.steps), "snapshots", quiet=quiet
        ) as progress:
            evolutions.append(embed_track(track, reducer, fit, progress.advance))
    places = places_shown(opened, evolutions[0].rows, rows)
    evolutions = [evolution.take(places) for evolution in evolutions]
    content = page_content(opened, evolutions, color_by, max_snapshots, device, quiet)
    document, notes = _fitting_document(content, points, max_bytes, seed)
    write_text(out, document)
    for note in notes:
        say(note)
    if inline is not False and in_notebook():
        show_page(document)
    return out


def _check(
    metadata: Metadata, color_by: Sequence[str] | None, fits: Sequence[str] | None, reducers: Sequence[str], out: Path
) -> list[tuple[str, str]]:
    """The methods; refuses, before any work, columns, methods and a file that cannot be."""
    chosen: list[tuple[str, str]] = []
    problems: list[str] = []
    for name in color_by or ():
        problems += problems_of(metadata.column, name)
    try:
        chosen = methods(reducers, fits)
    except UserError as error:
        problems += error.problems
    if out.suffix != ".html" or out.is_dir():
        problems.append(f"the page is one file whose name must end in .html: not {out} (--out)")
    problems += problems_of(check_writable, out.parent)
    raise_if_any(problems)
    return chosen


def _fitting_document(content: PageContent, points: int | None, max_bytes: int, seed: int) -> tuple[str, list[str]]:
    """The page of as many images as fit, and what it leaves out.

    Raises:
        UserError: not even a page of one image fits.
    """
    n_images = len(content.rows)
    wanted = n_images if points is None else min(points, n_images)
    shuffled = numpy_stream(seed, "images of a page").permutation(n_images)
    # What the places alone take is known, and spares a first page that is much too large.
    bytes_per_image = PLACE_BYTES * sum(len(view.steps) for view in content.views)
    n_shown = max(1, min(wanted, int(max_bytes / bytes_per_image)))
    while True:
        notes = []
        if n_shown < n_images:
            notes = [f"{n_shown:,} of {n_images:,} images are shown, chosen evenly at random"]
        if n_shown < wanted:
            notes[0] += f", so that the page stays under {max_bytes / 1e6:g} MB (--points chooses another number)"
        chosen = content.take(np.sort(shuffled[:n_shown]))
        chosen = dataclasses.replace(chosen, notes=[*(f"{note}." for note in notes), *chosen.notes])
        document = explorer_document(chosen.as_json())
        size = len(document.encode())
        if size <= max_bytes:
            return document, notes
        if n_shown == 1:
            raise UserError(f"a page of one image takes {size:,} bytes, over {max_bytes:,}: show fewer snapshots")
        n_shown = max(1, int(n_shown * min(0.97, 0.98 * max_bytes / size)))
