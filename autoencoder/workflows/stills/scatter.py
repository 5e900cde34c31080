"""Codes in the plane: a figure for each column that is known of the images."""

from __future__ import annotations

from matplotlib.figure import Figure

from autoencoder.machine.file_names import file_stems
from autoencoder.plots.codes import code_scatter
from autoencoder.plots.images import to_picture
from autoencoder.plots.movies.frames import Examples, choose_examples
from autoencoder.projections.names import axes_names
from autoencoder.workflows.columns import NO_COLUMN, column_values, readable
from autoencoder.workflows.stills.moment import FloatArray
from autoencoder.workflows.stills.still import Still

OTHER_FIGURES = ("units", "generated", "clusters")
"""Names of files that no column may have."""


def scatter_plots(still: Still, layer: str, embedding: FloatArray) -> dict[str, Figure]:
    """A figure for each column, by the name of its file."""
    chosen = choose_examples(embedding, still.n_examples)
    examples = Examples(chosen, to_picture(still.images.scaled(still.rows[chosen]))) if still.n_examples else None
    n, source = len(still.rows), still.images.source
    header = f"{n:,} images{f' of {source.name}' if source else ''}" if layer == "pixels" else still.header
    names = [*still.images.metadata.names, *(name for name in still.colored if name == NO_COLUMN)]
    stems = file_stems(names, taken=OTHER_FIGURES)  # a column may be called "clusters"
    figures: dict[str, Figure] = {}
    for name in still.colored:
        values, kind, period = column_values(still.images.metadata, name, still.rows)
        figures[stems[name]] = code_scatter(
            embedding,
            values,
            kind.value,
            label=readable(name),
            period=period,
            axes_names=axes_names(still.reducer),
            title=f"{still.name_of(layer)} coloured by {readable(name)}",
            header=header,
            examples=examples,
        )
    return figures
