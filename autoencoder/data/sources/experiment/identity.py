"""What a recording's images depend on, as short texts: they tell whether what was made before can be taken again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

BLOCK_BYTES, BLOCKS = 2**18, 32
"""Of a larger file so many bytes are read at so many places, from its beginning to its end: a video of gigabytes that
was changed differs there, and a copy of it, whatever its date, does not."""


def file_hash(path: Path) -> str:
    """SHA-256 of the size of a file and of what it holds, in hexadecimal; of a file over 8 MB, of places in it."""
    size = path.stat().st_size
    digest = hashlib.sha256(f"{size} ".encode())
    with path.open("rb") as file:
        if size <= BLOCKS * BLOCK_BYTES:
            digest.update(file.read())
        else:
            for place in np.linspace(0, size - BLOCK_BYTES, BLOCKS).astype(np.int64).tolist():
                file.seek(place)
                digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()


def content_key(content: dict[str, Any]) -> str:
    """SHA-256 of plain JSON, in hexadecimal."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
