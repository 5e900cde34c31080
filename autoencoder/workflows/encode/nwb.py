"""NWB files, one for each recording: codes as a series in time, and the table of what is known of the images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.array_types import Rows
from autoencoder.data.joining.series import as_labels
from autoencoder.data.metadata import RECORDING
from autoencoder.data.timescales import INDIVIDUAL
from autoencoder.errors import UserError
from autoencoder.machine.file_names import file_stems, unused
from autoencoder.machine.files import replacing
from autoencoder.version import installing
from autoencoder.workflows.encode.content import Column, Content

HOLDS_PICTURES, NEEDS_TIME = False, True

UNKNOWN_START = "1970-01-01T00:00:00+00:00"
"""When a session began, where nobody says so: NWB files have to say something."""

MODULE, TABLE, CODES = "autoencoder", "images", "codes"
"""Names of the processing module, of the table of images, and of the series of codes in it."""

NUMBERS = "biuf"
"""Kinds of arrays that are series in time; text is in the table alone."""


def check() -> Any:
    """The module `pynwb`.

    Raises:
        UserError: it is missing.
    """
    try:
        import pynwb
    except ImportError:
        raise UserError(f"NWB files need the extra: {installing('nwb')}") from None
    return pynwb


def write(content: Content, out: Path) -> list[Path]:
    """Write a file for each recording: `NAME-RECORDING.nwb` where there are several, since a file is of one session.

    In the processing module `autoencoder` there are `codes`, a `TimeSeries` (n, d) with time stamps, a `TimeSeries` of
    each number that was found, and the table `images` with what was known. Where a recording is of several individuals,
    each has series of its own (`codes_NAME`), so that time stamps ascend.

    Raises:
        UserError: pynwb is missing, or a file cannot be written.
    """
    recordings = _labels(content, RECORDING)
    names = np.unique(recordings).tolist()
    stems = file_stems(names)
    written = []
    for name in names:
        path = out if len(names) == 1 else out.with_name(f"{out.stem}-{stems[name]}{out.suffix}")
        _write_one(content, np.flatnonzero(recordings == name), name, path)
        written.append(path)
    return written


def _write_one(content: Content, rows: Rows, recording: str, path: Path) -> None:
    pynwb = check()
    identifier = hashlib.sha256(f"{content.about} {recording}".encode() + content.codes[rows].tobytes()).hexdigest()
    said = "; ".join(f"{name}: {value}" for name, value in content.about.items())
    file = pynwb.NWBFile(
        session_description=f"codes of the images of {recording or 'a recording'} by a trained network",
        identifier=identifier[:32],
        session_start_time=datetime.fromisoformat(content.session_start or UNKNOWN_START),
        notes="" if content.session_start else "the start of the session is not known",
    )
    module = file.create_processing_module(MODULE, f"codes of images by a trained network ({said})")
    for series in _series(pynwb, content, rows):
        module.add(series)
    module.add(_table(content, rows))
    with replacing(path) as temporary, pynwb.NWBHDF5IO(str(temporary), "w") as writer:
        writer.write(file)


def _series(pynwb: Any, content: Content, rows: Rows) -> Iterator[Any]:
    """Codes and what was found, in the order of time, individual by individual."""
    times = content.times
    assert times is not None
    individuals = _labels(content, INDIVIDUAL)[rows]
    names = np.unique(individuals).tolist()
    stems = file_stems(names)
    values: dict[str, Column] = {CODES: content.codes}
    values |= {name: column for name, column in content.found.items() if column.dtype.kind in NUMBERS}
    for individual in names:
        own = rows[individuals == individual]
        own = own[np.argsort(times[own], kind="stable")]
        for name, column in values.items():
            yield pynwb.TimeSeries(
                name=name.replace("/", "_") + (f"_{stems[individual]}" if len(names) > 1 else ""),
                data=column[own],
                unit="a.u.",
                timestamps=times[own],
                description=f"{name} of {individual or 'the animal'}, a row for each image",
            )


def _table(content: Content, rows: Rows) -> Any:
    """What was known of the images, and found as text, in their order."""
    from hdmf.common import DynamicTable, ElementIdentifiers, VectorData

    reserved = {"id", "name", "colnames", "columns", "description"}
    texts = {name: values for name, values in content.found.items() if values.dtype.kind not in NUMBERS}
    columns, taken = [], set(reserved)
    for name, values in {**content.named_metadata(), **texts}.items():
        name = unused(name.replace("/", "_"), taken)
        taken.add(name)
        part = values[rows]
        data = part.tolist() if part.dtype.kind == "U" else part
        columns.append(VectorData(name=name, description=f"column '{name}' of the data set", data=data))
    return DynamicTable(
        name=TABLE,
        description="what is known about each image; time_s is since the start of the recording",
        columns=columns,
        id=ElementIdentifiers(name="id", data=np.arange(len(rows))),
    )


def _labels(content: Content, name: str) -> Column:
    """A column as labels, (N,); empty ones where there is none."""
    if name not in content.metadata:
        return np.full(len(content.codes), "")
    return as_labels(content.metadata[name])
