"""`matinee router-serve --config router.yaml`: one address in front of several servers."""

from __future__ import annotations

import argparse
import contextlib
import os

from matinee.serving.access import ADMIN_TOKEN_VARIABLE
from matinee.serving.logs import log_to_stderr
from matinee.serving.uncollected import uncollected
from matinee_api.config.load import load_file
from matinee_api.config.router_config import RouterConfig
from matinee_api.signals import exit_code


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "router-serve",
        description=__doc__,
        epilog=f"{ADMIN_TOKEN_VARIABLE} in the environment is a bearer token that /v1/backends and "
        "/metrics want (or router.control_token_file); without any they answer on a loopback "
        "address only.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="see docs/router.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    settings = load_file(RouterConfig, args.config, overrides).router
    log_to_stderr()
    with uncollected():  # takes a third of a second
        from matinee.router.host import route

    token = os.environ.get(ADMIN_TOKEN_VARIABLE) or None
    ended_by = route(settings, token, _announce)
    return exit_code(ended_by) if ended_by else 0


def _announce(url: str) -> None:
    with contextlib.suppress(OSError):  # whoever started it may read no more
        print(f"ready: {url}/player", flush=True)
