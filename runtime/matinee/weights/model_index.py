"""What `model_index.json` says: the pipeline's class and the folders of its components."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

from matinee.weights.fetch.errors import FetchFailed
from matinee_api.bounded_file import read_at_most
from matinee_api.families import FAMILY_OF_PIPELINE, NAMED_FAMILIES

MODEL_INDEX = "model_index.json"
MAX_INDEX_BYTES = 2**20
"""A thousand times the largest."""
_FOLDER_NAME = re.compile(r"[\w-]+")


def read_index(folder: Path, where: str) -> bytes:
    """Of a model that lies in a folder. Raises `FetchFailed` for one that is too large, and
    `OSError`."""
    try:
        return read_at_most(folder / MODEL_INDEX, MAX_INDEX_BYTES)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise _unsupported(f"{MODEL_INDEX} of {where} is too large; {_REMEDY}") from error


def components_of(text: bytes, family: str | None, where: str) -> frozenset[str]:
    """Names of the components, each a folder. `family`: None for any. `where`: the source, for
    messages.

    Raises:
        FetchFailed: `FamilyUnsupported`: no index, or one of a pipeline of another family.
    """
    index = _parse(text, where)
    _check_family(index.get("_class_name"), family, where)
    return frozenset(
        name
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and value[1] is not None
        if _FOLDER_NAME.fullmatch(name) and not name.startswith("_")
    )


def _parse(text: bytes, where: str) -> dict[str, object]:
    try:
        index = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unsupported(f"{MODEL_INDEX} of {where} is not JSON; {_REMEDY}") from error
    if not isinstance(index, dict):
        raise _unsupported(f"{MODEL_INDEX} of {where} holds no JSON object; {_REMEDY}")
    return index


_REMEDY = "a model is a folder in Diffusers format, as save_pretrained() writes it"


def _check_family(class_name: object, family: str | None, where: str) -> None:
    runs = FAMILY_OF_PIPELINE.get(class_name) if isinstance(class_name, str) else None
    if runs is not None and family in (None, runs):
        return
    if family in NAMED_FAMILIES and isinstance(class_name, str):
        return  # whether it really can be run, its loader tells
    known = ", ".join(
        sorted(name for name, of in FAMILY_OF_PIPELINE.items() if family in (None, of))
    )
    who = "no family runs" if family is None else f"the family {family} does not run"
    raise _unsupported(
        f"{where} is a {str(class_name)[:60]}, which {who} "
        f"({'they run' if family is None else 'it runs'} {known}); choose another model or family"
    )


def _unsupported(message: str) -> FetchFailed:
    return FetchFailed("FamilyUnsupported", message)
