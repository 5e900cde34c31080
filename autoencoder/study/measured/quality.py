"""How well each run does what it was trained for: its losses and its objective's metric, epoch by epoch."""

from __future__ import annotations

from autoencoder.errors import UserError
from autoencoder.objectives.base import make_objective
from autoencoder.study.measured.controls import UNTRAINED
from autoencoder.study.population import Moment, Population
from autoencoder.study.table import Table

LOSSES = ("train_loss", "val_loss")

METRIC = "metric"
"""In the table: the objective's own metric on held-out images, whose name stands in the column `column`."""


def read_quality(population: Population, table: Table) -> list[str]:
    """Add the numbers of each run's epochs to the table; returns what could not be read."""
    notes = []
    for source in population.sources:
        if source.run is None or source.control == UNTRAINED:
            continue
        try:
            rows = source.run.metrics()
        except UserError as error:
            notes.append(f"{source.name}: no quality: {error}")
            continue
        metric = make_objective(source.run.config().objective).metric_name
        n = len(source.run.split().val)
        for row in rows:
            moment = Moment(row["step"], float(row["epoch"]))
            for name in LOSSES:
                if row[name] is not None:
                    table.add(source, moment, name, float(row[name]), n=n if name == "val_loss" else None)
            if row.get(metric) is not None:
                table.add(source, moment, METRIC, float(row[metric]), column=metric, n=n)
    return notes
