"""Errors in the words of the person who typed: a flag or the key of a file, not our own field."""

from __future__ import annotations

import re
from collections.abc import Mapping

from matinee.errors import BadInput, InvalidRequest


def named(error: BadInput, names: Mapping[str, str]) -> BadInput:
    """The same error. `names`: what the person calls each field; others keep their names."""
    field, _, _ = error.param.partition(".")
    name = names.get(field)
    if name is None:
        return error
    sentence = re.sub(rf"^{re.escape(field)}(?=:| must| has| is)", name, str(error))
    return InvalidRequest(name, sentence if sentence != str(error) else f"{name}: {sentence}")
