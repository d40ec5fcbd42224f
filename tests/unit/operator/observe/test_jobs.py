from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from matinee_operator.objects import Key
from matinee_operator.observe.jobs import ObservedJob, attempts_of, observed_job
from matinee_operator.observe.pod_trouble import Trouble


def job(*conditions: dict[str, Any], name: str = "j") -> dict[str, Any]:
    meta = {"name": name, "uid": f"uid-of-{name}"}
    return {"metadata": meta, "status": {"conditions": list(conditions)}}


def pod(state: dict[str, Any], phase: str = "Running", name: str = "j") -> dict[str, Any]:
    status = {"phase": phase, "containerStatuses": [{"state": state}]}
    owner = {"kind": "Job", "name": name, "uid": f"uid-of-{name}", "controller": True}
    return {"metadata": {"ownerReferences": [owner]}, "status": status}


def ended(code: int, at: str, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "finishedAt": at, **more}}


FAILED = {
    "type": "Failed",
    "status": "True",
    "message": "gave up",
    "lastTransitionTime": "2026-11-25T12:00:00Z",
}


def test_a_job_runs_until_it_is_complete_or_given_up() -> None:
    assert not observed_job(job(), []).finished
    assert observed_job(job({"type": "Complete", "status": "True"}), []).finished
    given_up = observed_job(job(FAILED), [])
    assert given_up.finished
    assert given_up.finished_at == datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_a_name_says_which_attempt_it_is_and_cannot_be_edited() -> None:
    names = ("a-1", "a", "a-12", "a-debug", "a-1-1", "b-1", f"a-{'9' * 40}")
    jobs = {Key("Job", "demo", name): job(name=name) for name in names}
    pods = {Key("Pod", "demo", "a-2"): job(name="a-2")}
    found = attempts_of("a", {**jobs, **pods}, [])
    assert [(one.name, one.attempt) for one in found] == [("a", 0), ("a-1", 1), ("a-12", 12)]


def test_ends_are_in_their_order_and_of_its_own_pods() -> None:
    pods = [
        pod(ended(1, "2026-11-25T11:00:02Z")),
        pod(ended(2, "2026-11-25T11:00:01Z")),
        pod(ended(3, "2026-11-25T11:00:03Z"), name="other"),
        pod({"running": {}}),
    ]
    assert [end["exitCode"] for end in observed_job(job(), pods).ends] == [2, 1]


def test_a_pod_that_cannot_start_is_told_while_it_waits() -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    trouble = Trouble("ImagePullFailed", "no such image")
    assert observed_job(job(), [pod(waiting, "Pending")]).waits_for == trouble
    assert observed_job(job(), [pod(waiting)]).waits_for is None


def test_a_job_that_somebody_keeps_from_going_is_told() -> None:
    def waits_for(*finalizers: str, **more: Any) -> Trouble | None:
        found = job(FAILED) if more.pop("failed", False) else job()
        found["metadata"] |= {"finalizers": list(finalizers), **more}
        return observed_job(found, []).waits_for

    going = {"deletionTimestamp": "2026-11-25T12:00:00Z"}
    told = waits_for("foregroundDeletion", "example.com/audit", **going)
    assert told is not None
    assert told.reason == "FinalizerHolds"
    assert "Job j is being deleted and held by the finalizer example.com/audit;" in told.message
    assert waits_for("foregroundDeletion", **going) is None
    assert waits_for("example.com/audit") is None
    assert waits_for("example.com/audit", **going, failed=True) is None


WHY: dict[str, tuple[list[dict[str, Any]], Trouble]] = {
    "nothing is left of its pods": ([], Trouble("X", "gave up")),
    "the last line of the last one": (
        [ended(1, "1", message="old"), ended(1, "2", message="a\nb\n")],
        Trouble("X", "gave up: b"),
    ),
    "it said nothing": ([ended(7, "1")], Trouble("X", "gave up: exit code 7")),
    "memory": (
        [ended(137, "1", reason="OOMKilled")],
        Trouble("OutOfMemory", "gave up: OOMKilled"),
    ),
}


@pytest.mark.parametrize("case", WHY)
def test_why_it_failed(case: str) -> None:
    states, expected = WHY[case]
    assert observed_job(job(FAILED), map(pod, states)).why("X") == expected


def test_a_job_that_ended_well_may_still_have_to_say_why() -> None:
    assert ObservedJob("j", complete=True).why("X") == Trouble("X", "it ended without a result")
