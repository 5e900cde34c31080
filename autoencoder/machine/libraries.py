"""Keeping libraries to themselves in a process of the command line, whose own messages are all that a user reads."""

from __future__ import annotations

import logging
import os
import sys
import warnings

SETTINGS = {
    "MPLBACKEND": "agg",
    "KMP_WARNINGS": "0",
    "PYTHONWARNINGS": "ignore",
}
"""Variables of this process and of those that it starts: figures are files, whatever window another tool wants them in
(matplotlib can't be imported with a name that it does not know); no notes of OpenMP; no warnings of Python."""


def silence_libraries() -> None:
    """Drop warnings and log messages of libraries, in this process and in those that it starts.

    Whoever asks Python for warnings (`python -W`, `PYTHONWARNINGS`) gets them.
    """
    wants_warnings = bool(sys.warnoptions)
    for name, value in SETTINGS.items():
        if name != "PYTHONWARNINGS" or not wants_warnings:
            os.environ[name] = value
    if not wants_warnings:
        warnings.simplefilter("ignore", append=True)  # after what tests and libraries ask for
    # What no handler takes goes to standard error, such as that matplotlib looks for fonts.
    if logging.lastResort is not None:
        logging.lastResort.setLevel(logging.CRITICAL)
