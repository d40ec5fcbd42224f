"""`matinee fetch --config FILE`: the weights that a configuration names, complete and checked.

Each tree appears at its folder all at once; what a try that was stopped has fetched is found again
by the next one. The last line on stdout is a JSON object that says what became of each tree.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import FrameType

from matinee.errors import MatineeError
from matinee.serving.listening import bind
from matinee.serving.logs import log_to_stderr
from matinee_api.config.load import load_file
from matinee_api.contracts.fetch import DONE, GIVE_UP, TRY_AGAIN, FetchConfig, FetchResult
from matinee_api.extras import check_installed
from matinee_api.signals import exit_code as signals_exit_code
from matinee_api.signals import heeded

logger = logging.getLogger(__name__)
_NO_TELEMETRY = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}
"""Read by huggingface_hub when it is imported."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "fetch",
        description=__doc__,
        epilog=f"Exit codes: {DONE} the model's files are there, {TRY_AGAIN} another try may help, "
        f"{GIVE_UP} only a person can help, 2 the configuration is wrong, 128 + N stopped by "
        "signal N. "
        "While files are fetched, GET /v1/download at the configured host and port streams how far "
        "it is.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="see docs/fetching.md")
    parser.add_argument(
        "--resolve",
        action="store_true",
        help="only ask the sources: commit, bytes, and what can be checked early; write nothing",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    config = load_file(FetchConfig, args.config, overrides)
    check_installed("huggingface_hub", "minio", "awscrt")
    log_to_stderr()
    os.environ.update(_NO_TELEMETRY)
    from matinee.weights.fetch.hub_client import (  # clients take a second to import
        route_hub_requests,
    )
    from matinee.weights.fetch.results import exit_code, result_line

    route_hub_requests()

    try:
        with _stopped_by_signals():
            result = _in_a_thread(lambda: _resolve(config) if args.resolve else _fetch(config))
    except MatineeError:
        raise
    except Exception as mistake:  # noqa: BLE001 (the root)
        # Not what it says: that may quote a Secret, and the log of a Job goes into conditions.
        places = "".join(traceback.format_tb(mistake.__traceback__))
        logger.error("a mistake of ours, %s:\n%s", type(mistake).__name__, places)  # noqa: TRY400
        return TRY_AGAIN
    print(result_line(result), flush=True)
    return exit_code(result)


def _resolve(config: FetchConfig) -> FetchResult:
    from matinee.weights.fetch.run import resolve

    return resolve(config)


def _fetch(config: FetchConfig) -> FetchResult:
    from matinee.weights.fetch.progress import Progress
    from matinee.weights.fetch.progress_server import telling
    from matinee.weights.fetch.run import fetch

    progress = Progress()
    with telling(progress, bind(config.host, config.port)):
        return fetch(config, progress)


def _in_a_thread(work: Callable[[], FetchResult]) -> FetchResult:
    """Its result or error, while this thread stays free for signals: a look-up of a name or a
    dead network volume would hold them up."""
    future: Future[FetchResult] = Future()

    def fulfil() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 (raised again by the caller)
            future.set_exception(error)

    threading.Thread(target=fulfil, name="work", daemon=True).start()
    return future.result()


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """End at once at a signal that ends. The volume is right at every moment, so there is nothing
    to put in order, and threads that wait for the network are not waited for."""

    def stop(number: int, _frame: FrameType | None) -> None:
        logger.warning("stopped by %s; what was fetched is kept", signal.Signals(number).name)
        os._exit(signals_exit_code(number))

    before = {number: signal.signal(number, stop) for number in heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
