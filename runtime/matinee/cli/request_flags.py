"""The flags that say what to make, which several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from matinee.generation import MOST
from matinee.media.video_kinds import typed_path
from matinee_api.sampling import NegativePrompt, Sampling, Seeded, type_of
from matinee_api.typed_text import typed_text


def _flags_of(name: str) -> tuple[str, ...]:
    """The field's own name, and before it a short one where users know it by that."""
    own = f"--{name.replace('_', '-')}"
    short = {
        "num_frames": ("--frames",),
        "num_inference_steps": ("--steps",),
        "guidance_scale": ("--guidance", own),
    }
    return short.get(name, (own,))


_GROUPS: tuple[type[BaseModel], ...] = (Seeded, Sampling, NegativePrompt)
_FIELDS = {name: field for group in _GROUPS for name, field in group.model_fields.items()}
REQUEST_FLAGS = {name: _flags_of(name)[0] for name in _FIELDS}
"""Each field of a request, and what a user types for it."""


def add_request_flags(parser: argparse.ArgumentParser) -> None:
    """`REQUEST_FLAGS`, and `--image`. What is not given is None."""
    for param, field in _FIELDS.items():
        kind = type_of(field)
        parser.add_argument(
            *_flags_of(param),
            type=text if kind is str else kind,
            dest=param,
            metavar={int: "N", float: "X", str: "TEXT"}[kind],
            help=_help(param, field),
        )
    parser.add_argument(
        "--image", type=file_name, metavar="FILE", help="picture to start from (png, jpeg, webp)"
    )


OUTPUT_HELP = (
    "an .mp4, .webm or .gif file, a folder of PNGs as frames/, or - for standard output, "
    "which gets a fragmented MP4"
)


def output(word: str) -> Path:
    """The type of `-o`."""
    return typed_path(file_name(word))


def _help(name: str, field: FieldInfo) -> str:
    meaning = field.description or ""
    words = meaning[:1].lower() + meaning[1:].removesuffix(".")
    return f"{words}; {_range(name, field)}".removesuffix("; ").replace("%", "%%")


def _range(name: str, field: FieldInfo) -> str:
    """ "" where there is none."""
    annotated, _ = get_args(field.annotation)
    limits = {type(one).__name__: one for one in get_args(annotated)[1].metadata}
    if not {"Ge", "Le"} <= limits.keys():
        return ""
    low, most = limits["Ge"].ge, MOST.get(name, limits["Le"].le)
    return f"{low} to {most:g}" if most < 10**6 else f"{low} to {most}"


def text(word: str) -> str:
    """The type of arguments that are sent or stored: bytes that are no text stay outside."""
    try:
        return typed_text(word)
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(_NO_TEXT) from None


def file_name(word: str) -> str:
    """The same of a file: the system knows it by the name that Python has read."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(_NO_TEXT) from None
    return word


_NO_TEXT = "this is not UTF-8 text; check the terminal's encoding"
