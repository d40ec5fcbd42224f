"""`matinee rollout history|undo NAME`: the former revisions of a StreamingService, and back to one.

It asks `kubectl`, with its configuration and its rights: reading StreamingServices and ConfigMaps,
and for `undo` patching StreamingServices. Going back is an edit of the spec:
pods are replaced as in every rollout. `replicas`, `autoscaling`, `rollout` and `drain` stay.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from typing import Any

import yaml

from matinee.cli.revisions import chosen, differences, recorded, revisions_of, table, way_back
from matinee.errors import BadInput, MatineeError
from matinee_api.contracts.revisions import REVISION_LABEL, SERVICE_LABEL
from matinee_api.kinds.patterns import DNS_LABEL
from matinee_api.plain_text import plain, plain_lines

RESOURCE = "streamingservices.matinee.video"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "rollout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(metavar="history|undo", required=True)
    history = verbs.add_parser("history", help="list the revisions; * marks the present one")
    history.add_argument("--revision", type=int, metavar="N", help="show the spec of this one")
    history.set_defaults(run=show)
    undo = verbs.add_parser("undo", help="make the spec what it was")
    undo.add_argument("--to-revision", type=int, metavar="N", help="unset: the one before")
    undo.add_argument("--dry-run", action="store_true", help="only say what would change")
    undo.set_defaults(run=go_back)
    for verb in (history, undo):
        verb.add_argument("name", metavar="NAME", help="of the StreamingService")
        verb.add_argument("-n", "--namespace", metavar="NAMESPACE", help="as for kubectl")
        verb.add_argument("--context", metavar="NAME", help="as for kubectl")


def show(args: argparse.Namespace, _overrides: list[str]) -> int:
    service = _service(args)
    found = revisions_of(service, _records(args))
    if args.revision is None:
        for line in table(service, found):
            print(plain(line))
        return 0
    for revision in found:
        if revision.number == args.revision:
            print(plain_lines(yaml.safe_dump(dict(revision.spec)), 2**20), end="")
            return 0
    raise BadInput("--revision", f"there is no revision {args.revision}", joint=": ")


def go_back(args: argparse.Namespace, _overrides: list[str]) -> int:
    service = _service(args)
    target = chosen(service, revisions_of(service, _records(args)), args.to_revision)
    patch = way_back(service, target)
    if not args.dry_run:
        _kubectl(args, "patch", RESOURCE, _name(args), "--type=json", "-p", json.dumps(patch))
    verb = "would go back" if args.dry_run else "goes back"
    changed = ", ".join(differences(recorded(service), target.spec))
    print(plain(f"{_name(args)} {verb} to revision {target.number} ({target.hash}): {changed}"))
    return 0


def _service(args: argparse.Namespace) -> Any:
    return json.loads(_kubectl(args, "get", RESOURCE, _name(args), "-o", "json"))


def _records(args: argparse.Namespace) -> Any:
    marks = f"{SERVICE_LABEL}={_name(args)},{REVISION_LABEL}"
    return json.loads(_kubectl(args, "get", "configmaps", "-l", marks, "-o", "json"))["items"]


def _name(args: argparse.Namespace) -> str:
    """`ssvc/NAME`, as kubectl takes it, is NAME."""
    name: str = args.name.rpartition("/")[2]
    if not re.fullmatch(DNS_LABEL, name):
        raise BadInput("NAME", f"{name!r} is no name of a StreamingService", joint=": ")
    return name


def _kubectl(args: argparse.Namespace, *words: str) -> str:
    """What it prints. Raises `MatineeError` with its own words."""
    where = ["--namespace", args.namespace] if args.namespace else []
    where += ["--context", args.context] if args.context else []
    try:
        done = subprocess.run(  # noqa: S603 (words of this person's own)
            ["kubectl", *words, *where],  # noqa: S607 (the one that this person uses)
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise MatineeError("kubectl is not on PATH; install it, or add its folder") from error
    if done.returncode:
        raise MatineeError(f"kubectl: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()
