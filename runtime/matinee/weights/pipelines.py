"""Which engine family runs which diffusers pipeline. Apart from the families themselves, because a
download asks it too, where there is no torch."""

from __future__ import annotations

FAMILY_OF_PIPELINE = {
    "LTXPipeline": "ltx",
    "LTXImageToVideoPipeline": "ltx",
    "LTXConditionPipeline": "ltx",
}
"""`_class_name` in `model_index.json` -> family."""
