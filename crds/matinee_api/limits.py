"""The widest range of what can be asked of a model: beyond it a number is a mistake, whatever the
model. What one model can take is in its own rules.
"""

from __future__ import annotations

MAX_SEED = 2**63 - 1
MIN_DIMENSION = 32
MAX_DIMENSION = 4096
"""Pixels of a side."""
MAX_CLIP_FRAMES = 4097
MAX_FPS = 120
MAX_STEPS = 1000
"""Denoising steps."""
