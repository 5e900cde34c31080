"""A netCDF file for xarray: codes by image and unit, where images have the coordinate `time` if it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.data.joining.series import TIME
from autoencoder.errors import UserError
from autoencoder.machine.files import replacing
from autoencoder.version import installing
from autoencoder.workflows.encode.content import Column, Content

HOLDS_PICTURES, NEEDS_TIME = False, False

CODES, TIMES, UNITS, IMAGES = "codes", "time", "unit", "image"
"""Names of the codes and of the dimensions."""


def check() -> Any:
    """The module `xarray`, which writes with `h5netcdf`.

    Raises:
        UserError: one of them is missing.
    """
    try:
        import h5netcdf  # noqa: F401
        import xarray
    except ImportError:
        raise UserError(f"netCDF files need the extra: {installing('netcdf')}") from None
    return xarray


def write(content: Content, out: Path) -> list[Path]:
    """Write `codes` (time, unit), and every column over `time`, which are seconds from the start of the recording.

    Where times are not known the dimension is `image` instead, numbers of rows. Of several recordings, times begin
    again with each: the column `recording` tells them apart.

    Raises:
        UserError: xarray is missing, or the file cannot be written.
    """
    xarray, times, n = check(), content.times, len(content.codes)
    along = IMAGES if times is None else TIMES
    taken = (CODES, TIMES, UNITS, IMAGES)
    columns = {**content.named_metadata(taken, without=() if times is None else (TIME,)), **content.found}
    said = {"long_name": "row of the data set" if times is None else "seconds since the start of the recording"}
    dataset = xarray.Dataset(
        {
            CODES: ((along, UNITS), content.codes),
            **{name.replace("/", "_"): (along, _plain(values)) for name, values in columns.items()},
        },
        coords={
            along: (along, np.arange(n) if times is None else times, said),
            UNITS: (UNITS, np.arange(content.codes.shape[1])),
        },
        attrs=dict(content.about),
    )
    with replacing(out) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", format="NETCDF4")
    return [out]


def _plain(values: Column) -> Column:
    """Text as Python's, of any length, which netCDF stores as such."""
    return values.astype(object) if values.dtype.kind == "U" else values
