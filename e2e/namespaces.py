"""Namespaces of tests: made for each, and deleted without waiting until they are gone."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Iterator

import kubernetes.client

from e2e import leaks
from e2e.target import Target
from e2e.waiting import Object, wait_for

PREFIX, MAX_SLUG = "e2e-", 40
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@contextlib.contextmanager
def namespace_for(cluster: Target, whom: str) -> Iterator[str]:
    """Whose it is can be read in its name, should it be there at the end of the run."""
    slug = re.sub(r"[^a-z0-9]+", "-", whom.lower().removeprefix("test_"))[:MAX_SLUG].strip("-")
    name = f"{PREFIX}{slug}-{uuid.uuid4().hex[:4]}"
    metadata = {"name": name, "labels": RESTRICTED}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    try:
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def wait_for_namespaces_to_go() -> None:
    """Those of tests that have ended; tests that look at everything on the cluster begin so."""

    def none_goes(found: list[Object]) -> bool:
        return not [one for one in found if leaks.is_being_deleted(one)]

    wait_for(kubernetes.client.CoreV1Api().list_namespace, none_goes)
