from __future__ import annotations

from datetime import timedelta

from matinee_operator.actions import RecordEvent
from matinee_operator.clients.events import Events
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key
from tests.unit.operator.making import NOW

EVENT = RecordEvent("Warning", "NoSpace", "the volume is full")


async def test_an_event_is_told_once_in_a_while(kube: Kube, namespace: str) -> None:
    now = [NOW]
    events = Events(kube, "pod-1", lambda: now[0])
    about = Key("VideoModel", namespace, "tiny")
    for _ in range(3):
        await events.record(about, "u", EVENT)
    now[0] += timedelta(minutes=11)
    await events.record(about, "u", EVENT)
    await events.record(about, "u", RecordEvent("Normal", "Recovered", "m"))
    first, second = sorted(await kube.list("Event", namespace), key=lambda one: -one["count"])
    assert (first["reason"], first["count"], first["type"]) == ("NoSpace", 2, "Warning")
    assert first["involvedObject"]["name"] == "tiny"
    assert first["lastTimestamp"] == "2026-11-25T12:11:00Z"
    assert second["reason"] == "Recovered"


async def test_another_process_goes_on_with_the_same_event(kube: Kube, namespace: str) -> None:
    about = Key("VideoModel", namespace, "tiny")
    for identity in ("pod-1", "pod-2"):
        await Events(kube, identity, lambda: NOW).record(about, "u", EVENT)
    (event,) = await kube.list("Event", namespace)
    assert event["count"] == 2


async def test_an_event_that_cannot_be_written_stops_nothing(kube: Kube) -> None:
    about = Key("VideoModel", "no-such-namespace", "tiny")
    await Events(kube, "pod-1", lambda: NOW).record(about, "u", EVENT)
