"""`matinee up -f FILE`: run a VideoModel and a StreamingService on this machine.

The file holds the same resources that `kubectl apply` takes, and the server gets the same
configuration that the operator would write. With a Router in the file, all its services run, each
replica in a process of its own, and the router is what listens on --port.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Sequence

from matinee.cli.fleet import end_with_fleet, run_fleet, servers_of
from matinee.cli.listen_flags import add_listen_flags
from matinee.cli.local_router import keys_file_of, local_settings, without_effect
from matinee.cli.router_serve import serve_router, with_store_address
from matinee.cli.serve import run_server, show_nobody
from matinee_api.config.errors import config_error
from matinee_api.config.resources import Resources, load_resources
from matinee_api.config.router_config import RouterSettings
from matinee_api.config.runtime_config import ServeConfig, ServerConfig
from matinee_api.config.serve_config import serve_config_for
from matinee_api.kinds.videomodel import GenerationSpec


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("up", description=__doc__)
    parser.add_argument("-f", "--filename", required=True, metavar="FILE", help="YAML resources")
    parser.add_argument("--service", metavar="NAME", help="which StreamingService, if several")
    add_listen_flags(parser)
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        help="folder for session logs and, with store.type: File, for states",
    )
    parser.add_argument(
        "--keys-file",
        metavar="FILE",
        help="with a Router: who may open sessions, as its auth.keysSecret says (docs/router.md)",
    )
    parser.add_argument(
        "--open", action="store_true", help="open the player in a browser when there is a desktop"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    resources = load_resources(args.filename)
    show = open_player if args.open else show_nobody
    if resources.routers and args.service is None:
        return _run_fleet(args, resources, show)
    if args.keys_file is not None:
        remedy = "leave --keys-file out: a server of its own knows no keys"
        raise config_error("no Router is run", path=args.filename, remedy=remedy)
    end_with_fleet(os.environ)
    config = serve_config_for(
        resources,
        args.service,
        server=ServerConfig(host=args.host, port=args.port),
        state_directory=args.state_dir,
    )
    return run_server(config, _names(args.filename, config), show)


def _run_fleet(args: argparse.Namespace, resources: Resources, show: Callable[[str], None]) -> int:
    if len(resources.routers) > 1:
        names = ", ".join(one.metadata.name for one in resources.routers)
        raise config_error(f"several Routers: {names}", path=args.filename, remedy="leave one")
    router, file = resources.routers[0], args.filename
    wanted = servers_of(file, resources, router)
    keys_file = keys_file_of(router, file, args.keys_file)
    if idle := ", ".join(without_effect(router.spec, os.environ)):
        print(f"Router/{router.metadata.name}: without effect here: {idle}", file=sys.stderr)

    def serve(urls: Sequence[str]) -> int:
        fields = local_settings(router.spec, wanted, urls)
        where = {"host": args.host, "port": args.port, "keys_file": keys_file}
        settings = RouterSettings.model_validate(fields | where)
        shares = router.spec.store is not None
        return serve_router(with_store_address(settings, os.environ if shares else {}), show)

    with tempfile.TemporaryDirectory(prefix="matinee-") as folder:
        return run_fleet(file, wanted, args.state_dir or folder, serve)


def _names(file: str, config: ServeConfig) -> dict[str, str]:
    """What the resources call the fields that may be wrong."""
    spec = f"{file}: VideoModel/{config.generator.model_id}: spec"
    fields = GenerationSpec.model_fields.items()
    generation = {name: f"{spec}.generation.{field.alias or name}" for name, field in fields}
    return {**generation, "model_path": f"{spec}.source.uri"}


def open_player(url: str) -> None:
    """Show the page to the person at this machine, if there is one."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
