"""Names for arrays in annotations; docstrings say their shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Reals = NDArray[np.floating[Any]]
"""Of any precision."""
Integers = NDArray[np.int64]
Rows = NDArray[np.int64]
"""Row numbers in a data file."""
Frame = NDArray[np.uint8]
"""A picture, (H, W, 3)."""
