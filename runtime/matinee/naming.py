"""Errors in the words of the person who typed: a flag or the key of a file, not our own field."""

from __future__ import annotations

import re
from collections.abc import Mapping

from matinee.errors import BadInput, InvalidRequest


def named(error: BadInput, names: Mapping[str, str]) -> BadInput:
    """The same error. `names`: what the person calls each field; others keep their names."""
    name = names.get(error.param.partition(".")[0])
    if name is None:
        return error
    sentence = str(error)
    field = re.match(rf"{re.escape(error.param)}(?=:| must| has| is)", sentence)
    return InvalidRequest(name, name + sentence[field.end() :] if field else f"{name}: {sentence}")
