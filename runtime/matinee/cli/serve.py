"""`matinee serve --config serve.yaml`: one server from the runtime's own configuration file."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
from collections.abc import Callable, Mapping

from matinee.cli.model_check import check_model
from matinee.errors import BadInput
from matinee.server.workers_first import workers_first
from matinee.serving.access import ADMIN_TOKEN_VARIABLE
from matinee.serving.logs import log_to_stderr
from matinee.serving.uncollected import uncollected
from matinee.worker.backend import TORCH_BACKEND
from matinee_api.config.load import load_file
from matinee_api.config.runtime_config import SamplingConfig, ServeConfig
from matinee_api.extras import check_installed
from matinee_api.signals import exit_code

STORE_URL_VARIABLE, JOBS_URL_VARIABLE = "MATINEE_STORE_URL", "MATINEE_JOBS_URL"
WORKERS_LIBRARIES = ("torch", "diffusers", "transformers")
"""Imported by no one else."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "serve",
        description=__doc__,
        epilog=f"{ADMIN_TOKEN_VARIABLE} in the environment is a bearer token that /v1/slots, "
        "/v1/drain and /metrics want (or server.control_token_file); without any they answer on a "
        "loopback address only. "
        f"{STORE_URL_VARIABLE} is the address of a Redis or Valkey server that keeps sessions, "
        f"{JOBS_URL_VARIABLE} of one that keeps the list of jobs.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="see docs/configuration.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    config = load_file(ServeConfig, args.config, overrides)
    sampling = f"{args.config}: default_request.sampling"
    names = {field: f"{sampling}.{field}" for field in SamplingConfig.model_fields}
    return run_server(config, {**names, "model_path": f"{args.config}: generator.model_path"})


def show_nobody(_url: str) -> None:
    """Where nobody waits for the player's page."""


def run_server(
    config: ServeConfig, names: Mapping[str, str], show: Callable[[str], None] = show_nobody
) -> int:
    """Serve the model until a signal, and return the exit code; see `serve_on`. `names`: what the
    user calls each field that may be wrong."""
    config = with_store_address(config, os.environ)
    check_installed(*WORKERS_LIBRARIES)
    check_model(config.generator, names["model_path"])
    try:
        return serve_on(TORCH_BACKEND, config, show)
    except BadInput as error:
        raise error.renamed(names) from error


def with_store_address(config: ServeConfig, environment: Mapping[str, str]) -> ServeConfig:
    """A store of sessions or of jobs that the environment names, as a Secret in a pod does, comes
    before the configured one."""
    if url := environment.get(STORE_URL_VARIABLE):
        state = config.streaming.state.model_copy(update={"store": "redis", "url": url})
        streaming = config.streaming.model_copy(update={"state": state})
        config = config.model_copy(update={"streaming": streaming})
    if url := environment.get(JOBS_URL_VARIABLE):
        jobs = config.jobs.model_copy(update={"store": "redis", "url": url})
        config = config.model_copy(update={"jobs": jobs})
    return config


def serve_on(backend: str, config: ServeConfig, show: Callable[[str], None] = show_nobody) -> int:
    """Serve until a signal, and return the exit code. One line on stdout tells when and where the
    server is ready, and `show` gets the player's URL. `backend`: module that the workers import."""
    log_to_stderr()

    def announce(url: str) -> None:
        with contextlib.suppress(OSError):  # whoever started it may read no more
            print(f"ready: {url}/player", flush=True)
        show(f"{url}/player")

    with workers_first(config, backend) as workers:
        with uncollected():  # takes half a second
            from matinee.server import host
            from matinee.server.doors import Doors

        ended_by = host.serve(
            config,
            Doors.of(config.server),
            name=platform.node(),
            admin_token=os.environ.get(ADMIN_TOKEN_VARIABLE) or None,
            on_ready=announce,
            workers=workers,
        )
    return exit_code(ended_by) if ended_by else 0
