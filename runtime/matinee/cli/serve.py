"""`matinee serve --config serve.yaml`: one server from the runtime's own configuration file."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable

from matinee.logs import log_to_stderr
from matinee_api.load import load_file
from matinee_api.runtime_config import ServeConfig

ADMIN_TOKEN_VARIABLE = "MATINEE_ADMIN_TOKEN"  # noqa: S105 (a name, not a secret)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "serve",
        help="run a server from a configuration file",
        description=__doc__,
        epilog=f"{ADMIN_TOKEN_VARIABLE} in the environment is the bearer token that "
        "POST /v1/drain wants; without it only callers on this machine may drain.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="see docs/configuration.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    run_server(load_file(ServeConfig, args.config, overrides))
    return 0


def run_server(config: ServeConfig, show: Callable[[str], None] = lambda _url: None) -> None:
    """Serve until a signal. One line on stdout tells when and where the server is ready, and
    `show` gets the player's URL."""
    from matinee.streaming import server  # takes a second, which a wrong file need not wait for

    log_to_stderr()

    def announce(url: str) -> None:
        print(f"ready: {url}/player", flush=True)
        show(f"{url}/player")

    listening = server.bind(config.server.host, config.server.port)
    server.serve(
        config,
        listening,
        name=platform.node(),
        admin_token=os.environ.get(ADMIN_TOKEN_VARIABLE) or None,
        on_ready=announce,
    )
