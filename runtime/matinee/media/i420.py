"""The picture that the worker hands over, in one array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I420Picture = npt.NDArray[np.uint8]
"""uint8, shape (height * 3 // 2, width), C-contiguous: the rows of Y, then of U, then of V, whose
planes are height // 2 x width // 2. BT.709, limited range: Y 16-235, U and V 16-240. Width and
height are even. May be a view on shared memory."""

BT709 = 1
"""Code point of BT.709 for primaries, transfer and matrix alike (ITU-T H.273, tables 2-4)."""
