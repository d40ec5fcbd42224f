from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from matinee_operator.objects import Address
from matinee_operator.observe.pods import observed_pod
from tests.unit.operator.making import NOW, slots
from tests.unit.operator.observe.making import STAMP, raw, waits

PROPAGATION = timedelta(seconds=5)
SOON = NOW + PROPAGATION


def ready(since: str = STAMP) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    running = [{"state": {"running": {"startedAt": STAMP}}}]
    return {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [condition],
        "containerStatuses": running,
    }


def test_a_pod_is_controlled_where_it_says_and_one_of_a_former_release_at_its_only_port() -> None:
    control = {"containers": [{"ports": [{"name": "control", "containerPort": 8001}]}]}
    for spec, port in ((control, 8001), ({}, 8000)):
        found = {**raw(ready()), "spec": spec}
        control_at = observed_pod(found, None, SOON, PROPAGATION).control
        assert control_at == Address("10.0.0.1", port)
    assert observed_pod(raw({}), None, SOON, PROPAGATION).control is None


NO_REVISION = ("", 0)
IDENTITIES: dict[str, tuple[str, tuple[str, int]]] = {
    "ours": ("live-abc-2", ("abc", 2)),
    "of a service whose name has dashes": ("a-1-b-abc-13", ("abc", 13)),
    "no slot": ("live-abc-debug", NO_REVISION),
    "a slot that nobody counts to": (f"live-abc-{'9' * 40}", NO_REVISION),
    "one word": ("stranger", NO_REVISION),
}


@pytest.mark.parametrize("case", IDENTITIES)
def test_a_pod_is_known_by_its_name_whatever_its_labels_say(case: str) -> None:
    name, expected = IDENTITIES[case]
    for labels in ({"matinee.video/revision": "x", "matinee.video/slot": "debug"}, {}, None):
        pod = observed_pod(raw({}, name=name, labels=labels), None, NOW, PROPAGATION)
        assert (pod.revision, pod.slot) == expected


SPOILT = ("", "soon", "-1", "2026-11-25", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z")


@pytest.mark.parametrize("value", [*SPOILT, "9" * 5000, "٣", "1e9", "2026-11-25T12:00:00"])
def test_an_annotation_that_somebody_spoilt_is_none(value: str) -> None:
    names = ("attempt", "cordoned-at", "drain-deadline")
    annotations = {f"matinee.video/{name}": value for name in names}
    pod = observed_pod(raw(ready(), annotations=annotations), None, NOW, PROPAGATION)
    assert (pod.attempt, pod.cordoned_at, pod.drain_deadline) == (0, None, None)


def test_the_configuration_of_a_pod_is_the_one_that_it_mounts() -> None:
    spec = {"volumes": [{"name": "config", "configMap": {"name": "live-1"}}]}
    assert observed_pod({**raw({}), "spec": spec}, None, NOW, PROPAGATION).config == "live-1"


def test_a_ready_pod_serves_and_has_no_trouble() -> None:
    pod = observed_pod(raw(ready()), slots(2), SOON, PROPAGATION)
    assert (pod.revision, pod.slot, pod.node) == ("abc", 2, "n1")
    assert (pod.serving, pod.sessions, pod.ready_since, pod.trouble) == (True, 2, NOW, None)
    assert not pod.never_served


def test_a_pod_serves_when_everybody_had_time_to_learn_of_it() -> None:
    early = observed_pod(raw(ready()), slots(), NOW, PROPAGATION)
    assert early.ready
    assert (early.serving, early.settles_at) == (False, SOON)
    assert observed_pod(raw(ready()), slots(), NOW, timedelta()).serving


def test_a_pod_that_drains_or_goes_does_not_serve() -> None:
    assert not observed_pod(raw(ready()), slots(draining=True), SOON, PROPAGATION).serving
    assert not observed_pod(
        raw(ready(), deletionTimestamp=STAMP), slots(), SOON, PROPAGATION
    ).serving
    deadline = {"matinee.video/drain-deadline": "2026-11-25T13:00:00Z"}
    cordoned = observed_pod(raw(ready(), annotations=deadline), slots(), SOON, PROPAGATION)
    assert not cordoned.serving
    assert cordoned.drain_deadline == NOW + timedelta(hours=1)


def test_a_deadline_that_somebody_spoilt_is_none() -> None:
    spoilt = {"matinee.video/drain-deadline": "soon"}
    assert not observed_pod(raw(ready(), annotations=spoilt), slots(), SOON, PROPAGATION).cordoned


def test_a_running_pod_may_have_viewers_until_it_says_that_it_has_none() -> None:
    running = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
    assert not observed_pod(raw(running), None, SOON, PROPAGATION).never_served
    assert observed_pod(raw(running), slots(), SOON, PROPAGATION).never_served
    assert observed_pod(raw(waits("ImagePullBackOff")), None, SOON, PROPAGATION).never_served
    sidecar = {"name": "proxy", "state": {"running": {}}}
    only = {"containerStatuses": [sidecar, {"name": "runtime", "state": {}}]}
    assert observed_pod(raw(only), None, SOON, PROPAGATION).never_served


def test_a_pod_that_ended_knows_when() -> None:
    over = {"terminated": {"exitCode": 0, "finishedAt": "2026-11-25T12:00:09Z"}}
    pod = observed_pod(
        raw({"phase": "Failed", "containerStatuses": [{"state": over}]}), None, SOON, PROPAGATION
    )
    assert pod.finished
    assert pod.finished_at == NOW + timedelta(seconds=9)
