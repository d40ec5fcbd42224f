"""What a service that rests is made from: a change of any of it wakes the service, time alone does
not, and nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from matinee_api.kinds import conditions
from matinee_operator import labels
from matinee_operator.installation import Monitors
from matinee_operator.objects import Key
from matinee_operator.observe.cache import Cache
from matinee_operator.observe.pods import Slots
from matinee_operator.observe.snapshots import Snapshots
from matinee_operator.resting import Resting
from tests.unit.operator.making import INSTALLATION, meta

LIVE = Key("StreamingService", "demo", "live")
OWNED = {
    "ownerReferences": [{"kind": "X", "name": "live", "uid": "uid-of-live", "controller": True}]
}
NODE = {"kind": "Node", "metadata": {"name": "n", "uid": "n", "resourceVersion": "1"}, "spec": {}}


class Pods:
    """What they say."""

    def __init__(self) -> None:
        self.said: Slots | None = Slots(used=0, total=4, queued=0, draining=False)
        self.refused = False

    def slots(self, _uid: str) -> Slots | None:
        return self.said

    def token_refused(self, _uid: str) -> bool:
        return self.refused

    def progress(self, _uid: str) -> None:
        return None

    def router(self, _uid: str) -> None:
        return None


class Setting:
    """A service that is rolled out, with a pod, a model and a Router."""

    def __init__(self) -> None:
        self.cache, self.pods = Cache(), Pods()
        self.snapshots = Snapshots(self.cache, self.pods, INSTALLATION, ("0123456789abcdef",))
        self.resting = Resting(self.snapshots)
        self.see(service("False"))
        self.see({"kind": "VideoModel", "metadata": meta("tiny")})
        self.see({"kind": "ConfigMap", "metadata": meta("live-1", **OWNED)})
        self.see(pod())
        self.see(NODE)

    def see(self, raw: dict[str, Any]) -> None:
        self.cache.put(raw)

    def change(self, raw: dict[str, Any], **metadata: Any) -> None:
        self.see({**raw, "metadata": {**raw["metadata"], "resourceVersion": "9", **metadata}})

    def inputs(self) -> int | None:
        return self.resting.inputs(LIVE)


def service(progressing: str) -> dict[str, Any]:
    told = {"type": conditions.PROGRESSING, "status": progressing}
    spec, status = {"modelRef": {"name": "tiny"}}, {"conditions": [told]}
    return {"kind": LIVE.kind, "metadata": meta("live"), "spec": spec, "status": status}


def pod() -> dict[str, Any]:
    return {"kind": "Pod", "metadata": meta("live-a-0", **OWNED), "spec": {"nodeName": "n"}}


def hear(pods: Pods, used: int) -> None:
    pods.said = Slots(used=used, total=4, queued=0, draining=False)


ROUTER = {"kind": "Router", "metadata": meta("front"), "spec": {"services": [{"name": "live"}]}}
CHANGES: dict[str, Callable[[Setting], object]] = {
    "its own spec or status": lambda it: it.change(service("False")),
    "its model": lambda it: it.change({"kind": "VideoModel", "metadata": meta("tiny")}),
    "a child": lambda it: it.change({"kind": "ConfigMap", "metadata": meta("live-1", **OWNED)}),
    "a child that goes": lambda it: it.cache.remove(pod()),
    "a new child": lambda it: it.see({"kind": "Service", "metadata": meta("live", **OWNED)}),
    "who plays on a pod": lambda it: hear(it.pods, 1),
    "a pod that is silent": lambda it: setattr(it.pods, "said", None),
    "a pod that refuses our token": lambda it: setattr(it.pods, "refused", True),
    "its node": lambda it: it.change({**NODE, "spec": {"unschedulable": True}}),
    "a Router": lambda it: it.see(ROUTER),
    "a pod's label": lambda it: it.change(pod(), labels={labels.BUSY: "true"}),
    "PodMonitors": lambda it: setattr(
        it.snapshots, "installation", replace(INSTALLATION, monitors=Monitors())
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_of_anything_that_it_depends_on_wakes_it(case: str) -> None:
    setting = Setting()
    before = setting.inputs()
    assert before is not None
    assert setting.inputs() == before
    CHANGES[case](setting)
    assert setting.inputs() != before


def test_a_rollout_that_is_under_way_does_not_rest_for_it_may_be_late() -> None:
    setting = Setting()
    setting.change(service("True"))
    assert setting.inputs() is None
    assert not setting.resting.rests(LIVE, None)


def test_only_services_rest_for_which_there_was_nothing_to_do() -> None:
    setting = Setting()
    inputs = setting.inputs()
    assert not setting.resting.rests(LIVE, inputs)
    setting.resting.note(LIVE, inputs, at_rest=True)
    assert setting.resting.rests(LIVE, inputs)
    setting.resting.note(LIVE, inputs, at_rest=False)
    assert not setting.resting.rests(LIVE, inputs)
    assert setting.resting.inputs(Key("VideoModel", "demo", "tiny")) is None
    assert setting.resting.inputs(Key("StreamingService", "demo", "gone")) is None
