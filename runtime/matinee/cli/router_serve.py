"""`matinee router-serve --config router.yaml`: one address in front of several servers."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Mapping

from matinee.serving.access import ADMIN_TOKEN_VARIABLE
from matinee.serving.logs import log_to_stderr
from matinee.serving.uncollected import uncollected
from matinee_api.config.load import load_file
from matinee_api.config.router_config import RouterConfig, RouterSettings
from matinee_api.kinds.environment import STORE_VARIABLE
from matinee_api.signals import exit_code


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "router-serve",
        description=__doc__,
        epilog=f"{ADMIN_TOKEN_VARIABLE} in the environment is a bearer token that /v1/backends, "
        "/v1/sessions and /metrics want (or router.control_token_file); without any they answer on "
        "a loopback address only.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="see docs/router.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    settings = load_file(RouterConfig, args.config, overrides).router
    return serve_router(with_store_address(settings, os.environ))


def with_store_address(settings: RouterSettings, environment: Mapping[str, str]) -> RouterSettings:
    """A server for the queue that the environment names, as a Secret in a pod does, comes before
    the configured one."""
    url = environment.get(STORE_VARIABLE)
    if not url:
        return settings
    queue = settings.queue.model_copy(update={"store_url": url})
    return settings.model_copy(update={"queue": queue})


def serve_router(settings: RouterSettings, show: Callable[[str], None] = lambda _url: None) -> int:
    """Serve until a signal, and return the exit code. One line on stdout tells when and where the
    router listens, and `show` gets the player's URL."""
    log_to_stderr()
    with uncollected():  # takes a third of a second
        from matinee.router.host import route

    def announce(url: str) -> None:
        with contextlib.suppress(OSError):  # whoever started it may read no more
            print(f"ready: {url}/player", flush=True)
        show(f"{url}/player")

    ended_by = route(settings, os.environ.get(ADMIN_TOKEN_VARIABLE) or None, announce)
    return exit_code(ended_by) if ended_by else 0
