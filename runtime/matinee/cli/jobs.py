"""`matinee jobs`: the videos that a server makes in the background."""

from __future__ import annotations

import argparse
import time
from typing import Any
from urllib.parse import quote

from matinee.cli.control import ask, control_epilog
from matinee.cli.progress import Progress
from matinee.cli.sessions import table
from matinee.errors import MatineeError
from matinee_api.plain_text import plain

PATH = "/v1/videos"
LOOK_EVERY_S = 0.5
BAR = 30
"""Characters."""
PAGE = 100
JOB = ("JOB", "STATUS", "PROGRESS", "SECONDS", "SIZE", "PROMPT")
PROMPT_CHARACTERS = 40


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("jobs", description=__doc__, epilog=control_epilog("the server"))
    parser.add_argument(
        "--url", default="http://127.0.0.1:8000", metavar="URL", help="of the server (%(default)s)"
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="list the newest jobs")
    listing.set_defaults(run=_list)
    watching = verbs.add_parser("watch", help="show a job's progress until it ends")
    watching.add_argument("job", metavar="JOB", help="its id")
    watching.set_defaults(run=_watch)
    cancelling = verbs.add_parser("cancel", help="stop a job, or remove it with its files")
    cancelling.add_argument("job", metavar="JOB", help="its id")
    cancelling.set_defaults(run=_cancel)


def _list(args: argparse.Namespace, _overrides: list[str]) -> int:
    page = ask(args.url, f"{PATH}?limit={PAGE}")
    for line in table(JOB, [_row(job) for job in page["data"]]):
        print(plain(line))
    if page["has_more"]:
        print(f"these are the newest {PAGE}; there are more")
    return 0


def _watch(args: argparse.Namespace, _overrides: list[str]) -> int:
    """Raises `MatineeError` when the job fails, or is deleted."""
    progress = Progress()
    try:
        while (job := ask(args.url, _path(args)))["status"] in ("queued", "in_progress"):
            progress.show(bar(job))
            time.sleep(LOOK_EVERY_S)
    finally:
        progress.end()
    if job["status"] == "failed":
        raise MatineeError(f"{args.job}: {job['error']['message']}")
    print(plain(f"{args.url.rstrip('/')}{PATH}/{args.job}/content"))
    return 0


def _cancel(args: argparse.Namespace, _overrides: list[str]) -> int:
    ask(args.url, _path(args), method="DELETE")
    print(f"{args.job} is gone")
    return 0


def _path(args: argparse.Namespace) -> str:
    return f"{PATH}/{quote(args.job, safe='')}"


def bar(job: dict[str, Any]) -> str:
    """`[####------]  40 % in_progress`."""
    done = BAR * job["progress"] // 100
    return f"[{'#' * done}{'-' * (BAR - done)}] {job['progress']:3} % {job['status']}"


def _row(job: dict[str, Any]) -> list[str]:
    prompt = " ".join(job["prompt"].split())
    short = prompt if len(prompt) <= PROMPT_CHARACTERS else f"{prompt[: PROMPT_CHARACTERS - 1]}…"
    progress = f"{job['progress']} %"
    return [job["id"], job["status"], progress, job["seconds"], job["size"], short]
