from __future__ import annotations

from datetime import timedelta

import pytest

from matinee_operator.objects import stamp
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.starts import last_start
from tests.unit.operator.making import NOW, pod, service, snapshot, starting

EARLIER, LATER = NOW - timedelta(hours=2), NOW - timedelta(minutes=10)


def ready(name: str, began: object, seconds: float) -> ObservedPod:
    return pod(name, created=began, ready_since=began + timedelta(seconds=seconds))  # type: ignore[operator]


CASES: dict[str, tuple[int | None, list[ObservedPod], int | None]] = {
    "no pod so far": (None, [], None),
    "the first pod loads": (None, [starting("live-a-0")], None),
    "the first pod is ready": (None, [ready("live-a-0", LATER, 41.2)], 42),
    "the newest pod tells": (
        None,
        [ready("live-a-0", EARLIER, 300), ready("live-a-1", LATER, 40)],
        40,
    ),
    "all pods are gone": (77, [], 77),
    "a pod that was measured is ready once more": (77, [ready("live-a-0", EARLIER, 5000)], 77),
    "a pod that came after the one that was measured": (77, [ready("live-a-0", LATER, 40)], 40),
    "a pod that was ready before it was made, by its clock": (
        77,
        [ready("live-a-0", LATER, -5)],
        77,
    ),
    "a pod that took days is no measure": (77, [ready("live-a-0", LATER, 10**6)], 77),
}


@pytest.mark.parametrize("case", CASES)
def test_the_newest_start_is_remembered(case: str) -> None:
    before, pods, expected = CASES[case]
    told = {"lastStart": {"began": stamp(EARLIER), "seconds": before}} if before else None
    found = last_start(snapshot(*pods, service=service(status=told)))
    assert (found.seconds if found else None) == expected
