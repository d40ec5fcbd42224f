"""What becomes of bugs, and that plan and status speak of the same. What the reconciler does
otherwise is shown on a real API server (`e2e/apiserver`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client.api_client import ApiClient

from matinee_api.config.runtime_config import ServeConfig
from matinee_api.config.serve_config import serve_config
from matinee_operator import labels
from matinee_operator.clients.events import Events
from matinee_operator.clients.kube import Kube
from matinee_operator.clients.pod_feeds import PodFeeds
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key
from matinee_operator.observe.cache import Cache
from matinee_operator.observe.pods import Slots
from matinee_operator.observe.snapshots import Snapshots
from matinee_operator.reconciler import Reconciler
from matinee_operator.resources import runtime_config
from tests.unit.operator.making import INSTALLATION, NOW, meta

LIVE = Key("StreamingService", "demo", "live")
SERVICE = {
    "apiVersion": "matinee.video/v1alpha1",
    "kind": "StreamingService",
    "metadata": meta("live"),
    "spec": {"modelRef": {"name": "tiny"}, "resources": {"gpu": {"count": 0}}},
}
MODEL = {
    "apiVersion": "matinee.video/v1alpha1",
    "kind": "VideoModel",
    "metadata": meta("tiny"),
    "spec": {"source": {"uri": "builtin:tiny"}, "engine": {"family": "ltx"}},
}
LABELS = {labels.SERVICE: "live", labels.MANAGED_BY: labels.APP}
OURS = [{"kind": "StreamingService", "name": "live", "uid": "uid-of-live", "controller": True}]


class Obedient(Kube):
    """An API server that agrees with everything, and remembers statuses and events."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(ApiClient(), metrics)
        self.statuses: list[Any] = []
        self.events: list[str] = []
        self.version = 1
        self.before_answer: Callable[[], object] = lambda: None

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        if method == "DELETE":
            return {}
        assert body is not None
        self.before_answer()
        self.version += 1
        if path.endswith("/status"):
            self.statuses.append(body["status"])
            return {**SERVICE, "status": body["status"], "metadata": self._meta("live")}
        if body["kind"] == "Event":
            self.events.append(body["reason"])
        name = body["metadata"]["name"]
        created = "2026-11-25T12:00:00Z"
        return {**body, "metadata": body["metadata"] | self._meta(name, creationTimestamp=created)}

    def _meta(self, name: str, **more: Any) -> dict[str, Any]:
        return meta(name, **more) | {"resourceVersion": str(self.version)}


class Setting:
    """A reconciler and all that it works with."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.metrics, self.cache = Metrics(), Cache()
        self.kube = Obedient(self.metrics)
        feeds = PodFeeds(session, lambda _root: None)
        self.reconciler = Reconciler(
            kube=self.kube,
            snapshots=Snapshots(self.cache, feeds, INSTALLATION, ("0123456789abcdef",)),
            feeds=feeds,
            events=Events(self.kube, "test", lambda: NOW),
            metrics=self.metrics,
            now=lambda: NOW,
            seen=self.seen,
        )
        for raw in (SERVICE, MODEL):
            self.cache.put(raw)

    def seen(self, gone: bool, raw: Mapping[str, Any]) -> None:
        (self.cache.remove if gone else self.cache.put)(raw)

    def see(self, kind: str, name: str, **metadata: Any) -> None:
        """An object of the service. Without a uid, which no API server leaves out, a plan stumbles
        on an old ConfigMap; a pod without its time stops a status too.
        """
        found = {"name": name, "namespace": "demo", "labels": LABELS, "ownerReferences": OURS}
        found |= metadata
        self.cache.put({"apiVersion": "v1", "kind": kind, "metadata": found})


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with aiohttp.ClientSession() as session:
        setting = Setting(session)
        yield setting
        await setting.kube.client.close()


def degraded(setting: Setting) -> tuple[str, str, str]:
    conditions = setting.kube.statuses[-1]["conditions"]
    found = {one["type"]: one for one in conditions}["Degraded"]
    return found["status"], found["reason"], found["message"]


async def test_a_bug_in_a_plan_is_in_the_log_once_and_on_the_object(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    setting.see("ConfigMap", "old")
    for _ in range(3):
        with pytest.raises(KeyError):
            await setting.reconciler.reconcile(LIVE)
    (told,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert told.getMessage() == "StreamingService demo/live cannot be reconciled: this is a bug"
    assert told.exc_info
    assert degraded(setting) == (
        "True",
        "InternalError",
        "a bug in the operator: KeyError: 'uid'; its log has the traceback",
    )
    assert len(setting.kube.statuses) == 1
    assert setting.kube.events.count("InternalError") == 1
    assert setting.metrics.total("internal_errors_total", kind="StreamingService") == 3.0
    setting.see("ConfigMap", "old", uid="uid-of-old")
    await setting.reconciler.reconcile(LIVE)
    assert degraded(setting)[1] == "NothingWrong"


async def test_a_bug_that_came_back_is_logged_again(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("old", "older"):
        setting.see("ConfigMap", name)
        with pytest.raises(KeyError):
            await setting.reconciler.reconcile(LIVE)
        setting.see("ConfigMap", name, uid=f"uid-of-{name}")
        await setting.reconciler.reconcile(LIVE)
    assert [one.levelno for one in caplog.records].count(logging.ERROR) == 2


async def test_where_nothing_can_be_read_the_stored_status_tells_of_the_bug(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    setting.see("Pod", "live-x-0", uid="uid-of-x")
    for _ in range(2):
        with pytest.raises(KeyError, match="creationTimestamp"):
            await setting.reconciler.reconcile(LIVE)
    assert degraded(setting)[:2] == ("True", "InternalError")
    assert len(setting.kube.statuses) == 1
    assert setting.kube.events == ["InternalError"]
    assert [one.levelname for one in caplog.records] == ["ERROR"]


async def test_the_configuration_is_made_once_for_plan_and_status(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def counted(*facts: Any, **more: Any) -> ServeConfig:
        made.append(facts)
        return serve_config(*facts, **more)

    monkeypatch.setattr(runtime_config, "serve_config", counted)
    await setting.reconciler.reconcile(LIVE)
    assert setting.kube.statuses
    assert len(made) == 1


async def test_what_was_planned_for_an_older_spec_is_not_the_status_of_a_newer_one(
    setting: Setting,
) -> None:
    newer = {**SERVICE, "metadata": meta("live", generation=2, resourceVersion="9")}
    setting.kube.before_answer = lambda: setting.cache.put(newer)
    await setting.reconciler.reconcile(LIVE)
    assert setting.kube.statuses == []
    await setting.reconciler.reconcile(LIVE)
    assert [one["observedGeneration"] for one in setting.kube.statuses] == [2]


async def test_a_spec_that_became_invalid_meanwhile_is_reported_when_its_turn_comes(
    setting: Setting,
) -> None:
    bad = {**SERVICE, "metadata": meta("live", generation=2, resourceVersion="9"), "spec": {}}
    setting.kube.before_answer = lambda: setting.cache.put(bad)
    await setting.reconciler.reconcile(LIVE)
    assert "InvalidSpec" not in setting.kube.events
    await setting.reconciler.reconcile(LIVE)
    assert "InvalidSpec" in setting.kube.events
    assert degraded(setting)[:2] == ("True", "InvalidSpec")


class Viewers:
    """What every pod says of those who wait."""

    queued = 0

    def slots(self, _uid: str) -> Slots:
        return Slots(used=0, total=4, queued=self.queued, draining=False)

    def token_refused(self, uid: str) -> bool:
        return False

    def progress(self, _uid: str) -> None:
        return None

    def router(self, _uid: str) -> None:
        return None


async def test_joins_and_leaves_cost_one_status_in_five_seconds(setting: Setting) -> None:
    viewers = setting.reconciler.snapshots.heard = Viewers()

    async def waiting(queued: int, at_s: float) -> list[int]:
        """What the statuses say when so many wait, so long after the first one."""
        viewers.queued = queued
        setting.reconciler.now = lambda: NOW + timedelta(seconds=at_s)
        again.append(await setting.reconciler.reconcile(LIVE))
        return [one["sessions"]["queued"] for one in setting.kube.statuses]

    again: list[float | None] = []
    assert await waiting(1, 0) == [1]
    assert await waiting(2, 1) == [1]
    assert await waiting(3, 2) == [1]
    assert again[-1] == 3.0
    assert await waiting(3, 5) == [1, 3]
