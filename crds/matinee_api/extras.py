"""What to do where a library, or a part of Matinee, is not installed.

A failed import enters, a sentence with the remedy leaves. The wheel's extras, which bring the
libraries, are in `pyproject.toml`.
"""

from __future__ import annotations

import importlib.util
from typing import Literal

Extra = Literal["operator", "router", "runtime"]
OURS = ("matinee", "matinee_api", "matinee_operator")


def remedy(error: ModuleNotFoundError, who: str, extra: Extra) -> str:
    """`who` cannot do without the module; `extra` brings it.

    pip adds to the Matinee that is installed what is missing, and fetches no other Matinee.
    """
    library, _, part = (error.name or "").partition(".")
    if library in OURS and part:
        return f"{who} is not part of this image, which lacks {error.name}; use another one"
    return f"{who} needs {library}, which is not installed; pip install 'matinee[{extra}]'"


def check_installed(*libraries: str) -> None:
    """Raise `ModuleNotFoundError` as their import would, without importing them: for those that
    another process imports later."""
    for library in libraries:
        if importlib.util.find_spec(library) is None:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
