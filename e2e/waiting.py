"""Waiting for what the API server will say, by watching it.

What nothing tells of when it changes (a metric, a policy's effect) is asked for again and again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import kubernetes.watch
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

Object = dict[str, Any]
Answer = TypeVar("Answer")
PATIENCE_S = 180.0
"""For what ought to happen within seconds, on a machine that is busy with something else."""
RECONNECT_S = 0.1
"""Between attempts to reach an API server that does not answer."""
ASK_AGAIN_S = 0.1
"""Between questions about what cannot be watched: what is asked needs the processor, too."""


class NeverTrue(AssertionError):
    """What was awaited did not come about; the message holds the last state that was seen."""


def wait_for(
    list_some: Callable[..., Any],
    holds: Callable[[list[Object]], bool],
    *scope: str,
    name: str | None = None,
    timeout_s: float = PATIENCE_S,
) -> list[Object]:
    """Watch a list until `holds` is true of the objects in it, and return them.

    `list_some` is a method of the Kubernetes client such as `CoreV1Api().list_namespaced_pod`, and
    `scope` the namespace for those that want one; `name` looks at one object only. A watch that
    breaks is started again: the API server may be restarted in between.

    Raises:
        NeverTrue: not within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    selectors = _selectors(name)
    objects: dict[str, Object] = {}
    trouble: Exception | None = None
    while (left := deadline - time.monotonic()) > 0:
        try:
            for objects in _states(list_some, scope, selectors, left):
                if holds(list(objects.values())):
                    return list(objects.values())
        except (ApiException, HTTPError, OSError) as error:
            trouble = error
            time.sleep(RECONNECT_S)
    seen = _brief(objects.values())
    raise NeverTrue(f"not within {timeout_s:.0f} s; last seen: {seen}") from trouble


def ask_until(
    ask: Callable[[], Answer],
    holds: Callable[[Answer], bool],
    timeout_s: float = PATIENCE_S,
    every_s: float = ASK_AGAIN_S,
) -> Answer:
    """Ask until `holds` is true of the answer, and return it: for what cannot be watched.

    Raises:
        NeverTrue: not within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while not holds(answer := ask()):
        if time.monotonic() > deadline:
            raise NeverTrue(f"not within {timeout_s:.0f} s; last answer: {answer}")
        time.sleep(every_s)
    return answer


def objects(list_some: Callable[..., Any], *scope: str, name: str | None = None) -> list[Object]:
    """The objects that there are now."""
    items: list[Object] = _list(list_some, *scope, **_selectors(name))["items"]
    return items


def _selectors(name: str | None) -> dict[str, str]:
    return {"field_selector": f"metadata.name={name}"} if name else {}


def _list(list_some: Callable[..., Any], *scope: str, **options: Any) -> Object:
    answer: Object = json.loads(list_some(*scope, **options, _preload_content=False).data)
    return answer


def _states(
    list_some: Callable[..., Any], scope: tuple[str, ...], selectors: dict[str, str], left_s: float
) -> Any:
    """The objects by uid, now and after each change."""
    listed = _list(list_some, *scope, **selectors, _request_timeout=left_s + 1)
    objects = {item["metadata"]["uid"]: item for item in listed["items"]}
    yield dict(objects)
    stream = kubernetes.watch.Watch().stream(
        list_some,
        *scope,
        **selectors,
        resource_version=listed["metadata"]["resourceVersion"],
        timeout_seconds=max(1, int(left_s)),
        _request_timeout=left_s + 1,
    )
    for event in stream:
        raw = event["raw_object"]
        if event["type"] == "DELETED":
            objects.pop(raw["metadata"]["uid"], None)
        else:
            objects[raw["metadata"]["uid"]] = raw
        yield dict(objects)


def is_true(condition_type: str) -> Callable[[Object], bool]:
    """A test for an object's condition."""
    return lambda found: any(
        condition["type"] == condition_type and condition["status"] == "True"
        for condition in (found.get("status") or {}).get("conditions") or ()
    )


is_ready = is_true("Ready")


def _brief(objects: Any) -> str:
    return json.dumps(
        [{"name": o["metadata"]["name"], "status": o.get("status")} for o in objects], indent=1
    )[:4000]
