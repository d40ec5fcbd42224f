from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from starlette.routing import BaseRoute

from matinee.router.app import create_app
from matinee.router.gate import Gate
from matinee.router.reception import Reception
from matinee.router.state_feed import state_feed
from matinee.router.table import Table, Thresholds
from matinee.server.app import control_app, public_app
from matinee.serving.access import ControlAccess
from matinee.wire.client_messages import ClientMessage
from matinee_api.config.router_config import ReplicaConfig, RouterSettings
from tests.places import ROOT
from tests.unit.runtime.server.making import life_of
from tools.limits.page import filled, limits_page
from tools.limits.rows import SECTIONS

ROWS = [row for section in SECTIONS for row in section.rows]
NAMED = {name for row in ROWS for name in row.names}
ROUTERS = {
    name
    for section in SECTIONS
    if section.title.startswith("The router")
    for row in section.rows
    for name in row.names
}
READ = {path for row in ROWS for path in row.reads}
READING = {
    *("open", "read_text", "read_bytes", "loads", "load_all", "safe_load", "safe_open", "urlopen"),
    *("validate_json", "model_validate_json", "recv", "recv_into", "receive", "data_received"),
    *("iter_lines", "iter_raw", "stream", "body", "list_objects", "get_object"),
}
"""Names of functions with which bytes come in."""
OURS = {
    "matinee/cli/control.py": "what this person's own servers answer",
    "matinee/cli/revisions.py": "what this person's own kubectl prints",
    "matinee/cli/rollout.py": "what this person's own kubectl prints",
    "matinee/cli/stopping.py": "reads its own pipe",
    "matinee/cli/up.py": "opens a browser",
    "matinee/engine/fitting.py": "the headers of files that weights/model_folder.py has checked",
    "matinee/jobs/film.py": "writes",
    "matinee/jobs/results.py": "copies what a server wrote or checked",
    "matinee/jobs/s3_results.py": "the same, in a bucket of one's own",
    "matinee/jobs/workshop.py": "locks",
    "matinee/server/image_answers.py": "what the server wrote itself",
    "matinee/server/waiting.py": "what the server wrote itself",
    "matinee/media/aac.py": "opens an encoder",
    "matinee/media/reading_back.py": "what jobs made",
    "matinee/media/h264.py": "opens an encoder",
    "matinee/media/video_file.py": "writes",
    "matinee/mock/backend.py": "what the command was told",
    "matinee/media/video_output.py": "writes",
    "matinee/player/assets.py": "what is installed with it",
    "matinee/session/reception.py": "opens an encoder",
    "matinee/session/runner.py": "frames that the connection took",
    "matinee/session/session.py": "frames that the connection took",
    "matinee/session/session_log.py": "writes",
    "matinee/weights/fetch/cache.py": "locks and syncs",
    "matinee/weights/fetch/manifest.py": "written by itself",
    "matinee/worker/": "processes of ours, and /sys",
    "matinee_operator/resources/revision_record.py": "sealed by the operator",
    "matinee_operator/status/model.py": "annotations that the operator wrote",
}
"""Where such a name is something else, or the bytes are our own."""


def test_all_constants_and_keys_are_there() -> None:
    assert "{" not in limits_page()
    with pytest.raises(AttributeError):
        filled("{streaming.limits.no_such_key}")


def test_every_route_has_a_row() -> None:
    life, access = life_of(), ControlAccess()
    apps = (public_app(life, access), control_app(life, access))
    assert {path for app in apps for path in paths(app.routes)} - NAMED == set()


def test_every_route_of_a_router_has_a_row() -> None:
    settings = RouterSettings(replicas=(ReplicaConfig(url="http://127.0.0.1"),))
    table, gate = Table(Thresholds()), Gate(settings)
    reception = Reception(settings, table, gate)
    feed = state_feed(table, reception, gate)
    app = cast(Any, create_app(table, reception, gate, ControlAccess(), feed, 1.0))
    assert set(paths(app._app.routes)) - ROUTERS == set()


def paths(routes: Iterable[BaseRoute]) -> Iterator[str]:
    for route in routes:
        if router := getattr(route, "original_router", None):
            yield from paths(router.routes)
        else:
            yield str(getattr(route, "path", route))


def test_every_message_has_a_row() -> None:
    types = {
        kind
        for model in get_args(ClientMessage)
        for kind in get_args(model.model_fields["type"].annotation)
    }
    assert types - NAMED == set()


def test_every_row_is_of_something_that_is_there() -> None:
    places = [ROOT / "runtime", ROOT / "operator", ROOT / "crds"]
    assert [path for path in READ if not any((place / path).exists() for place in places)] == []


def test_every_module_that_reads_has_a_row_or_reads_what_is_ours() -> None:
    known = (*READ, *OURS)
    missing = [path for path in sorted(reading_modules()) if not path.startswith(known)]
    assert missing == []


def reading_modules() -> Iterator[str]:
    for package in ("crds/matinee_api", "operator/matinee_operator", "runtime/matinee"):
        root = (ROOT / package).parent
        for file in (ROOT / package).rglob("*.py"):
            if called_in(file) & READING:
                yield str(file.relative_to(root))


def called_in(file: Path) -> set[str]:
    calls = (
        node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)
    )
    return {
        call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls
    }
