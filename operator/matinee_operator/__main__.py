"""`python -m matinee_operator`: read the environment once, connect, wait to lead, reconcile."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from matinee_api.extras import remedy
from matinee_api.signals import end_at_once, exit_code, ignore_meaningless
from matinee_operator.errors import OperatorError
from matinee_operator.logs import log_to_stderr
from matinee_operator.settings import VARIABLES, read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """128 + N: stopped by signal N. 1: an error that a restart may fix. 2: bad settings, or a
    library is missing."""
    end_at_once()  # until there is something to end in order
    _parser().parse_args(arguments)
    try:
        from matinee_operator.program import run
    except ModuleNotFoundError as error:
        print(remedy(error, "the operator", "operator"), file=sys.stderr)  # noqa: T201 - for people
        return 2
    try:
        settings = read_settings(os.environ)
    except OperatorError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before logging is set up, for people
        return 2
    log_to_stderr(settings.log_level)
    ignore_meaningless()
    try:
        ended_by = asyncio.run(run(settings))
    except (OperatorError, ExceptionGroup) as error:
        logging.getLogger(__name__).critical("stopped: %s", "; ".join(_causes(error)))
        return 1
    return exit_code(ended_by) if ended_by else 0


def _causes(error: Exception) -> list[str]:
    if isinstance(error, ExceptionGroup):
        return [cause for inner in error.exceptions for cause in _causes(inner)]
    return [f"{type(error).__name__}: {error}"]


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, VARIABLES)) + 2
    lines = [f"  {name:<{width}}{meaning}" for name, (_, meaning) in VARIABLES.items()]
    return argparse.ArgumentParser(
        prog="python -m matinee_operator",
        description="The Matinee operator. It is configured by environment variables:\n\n"
        + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


if __name__ == "__main__":
    sys.exit(main())
