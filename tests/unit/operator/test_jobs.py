"""Videos in the background: how many there are, and the pods that they bring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matinee_api.config.load import validate
from matinee_api.kinds.streamingservice import Autoscaling
from matinee_operator.autoscaling import Demand, demand_of, jobs_of, needed_replicas, scale_of
from matinee_operator.observe.pods import ObservedPod
from tests.unit.operator.making import pod, service, service_status_of, slots, snapshot, waiting

RULES = {"minReplicas": 1, "maxReplicas": 10}


def with_jobs(name: str, queued: int, making: int, store: str = "") -> ObservedPod:
    told = replace(slots(), jobs_waiting=queued, jobs_making=making, jobs_store=store)
    return pod(name, slots=told)


@pytest.mark.parametrize(
    ("jobs", "jobs_per_pod", "pods"),
    [(0, 8, 1), (8, 8, 1), (9, 8, 2), (1000, 8, 10), (1000, 0, 1)],
)
def test_jobs_bring_pods(jobs: int, jobs_per_pod: int, pods: int) -> None:
    wanted = Demand(used=0, queued=0, complete=True, jobs=jobs)
    assert needed_replicas(validate(Autoscaling, RULES), 4, wanted, jobs_per_pod) == pods


def test_jobs_that_pods_share_are_counted_once_and_those_of_others_too() -> None:
    sharing = (with_jobs("live-a-0", 5, 2, "redis"), with_jobs("live-a-1", 6, 2, "redis"))
    alone = (with_jobs("live-a-2", 1, 1), with_jobs("live-a-3", 1, 0))
    pods = (*sharing, *alone, waiting("live-a-4"))
    assert jobs_of(pods) == (8, 3)
    assert demand_of(pods).jobs == 11
    counts = service_status_of(snapshot(*pods)).jobs
    assert (counts.waiting, counts.making) == (8, 3)


def test_a_service_without_jobs_is_not_scaled_by_them() -> None:
    busy = with_jobs("live-a-0", 50, 1, "redis")
    assert scale_of(snapshot(busy, service=service(autoscaling=RULES))).replicas == 7
    silent = service(autoscaling=RULES, jobs={"enabled": False})
    assert scale_of(snapshot(busy, service=silent)).replicas == 1
