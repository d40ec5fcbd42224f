from __future__ import annotations

import json
from typing import Any

import pytest

from matinee_api.kinds import conditions
from matinee_api.kinds.meta import Condition
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.actions import Create, Delete
from matinee_operator.objects import Key
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.snapshot import ModelSnapshot
from tests.unit.operator.making import CPU, model, model_status_of, planned, service, wanted_warmup
from tests.unit.operator.weights.making import HUB, changed, downloaded_model, given

OWN: dict[str, Any] = {"warmup": {"resources": CPU}}
REQUIRED: dict[str, Any] = {"warmup": {"resources": CPU, "policy": "Required"}}
MADE = json.dumps({"frames": 17, "fps": 12, "seconds": 0.5})


def with_job(asked: VideoModel, condition: str = "", *pods: dict[str, Any]) -> ModelSnapshot:
    """The warm-up Job exists; `condition` is Complete or Failed."""
    job = wanted_warmup(given(asked))
    told = {"type": condition, "status": "True", "message": "backoff limit reached"}
    status = {"conditions": [told] if condition else []}
    name = job["metadata"]["name"]
    stored = {"metadata": {**job["metadata"], "uid": "u"}, "status": status}
    owned = {"ownerReferences": [{"uid": "u", "controller": True}]}
    return given(
        asked,
        children={Key("Job", "demo", name): stored},
        job_pods=tuple({"metadata": owned, **each} for each in pods),
    )


def ended(code: int, message: str, reason: str = "") -> dict[str, Any]:
    end = {
        "exitCode": code,
        "message": message,
        "reason": reason,
        "startedAt": "2026-11-25T11:59:50Z",
        "finishedAt": "2026-11-25T12:00:00Z",
    }
    return {"status": {"containerStatuses": [{"state": {"terminated": end}}]}}


PENDING = {
    "status": {
        "phase": "Pending",
        "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}],
    }
}

UNPLACED = {
    "status": {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "message": "no GPU"}],
    }
}

CASES: dict[str, tuple[ModelSnapshot, str, dict[str, str]]] = {
    "the warm-up has not begun": (
        given(model(**OWN)),
        "WarmingUp",
        {"Downloaded": "True Bundled", "Warmed": "Unknown WarmingUp", "Ready": "False WarmingUp"},
    ),
    "the warm-up is done": (
        with_job(model(**OWN), "Complete", ended(0, MADE)),
        "Ready",
        {"Warmed": "True WarmupSucceeded", "Ready": "True AsDesired"},
    ),
    "the warm-up failed": (
        with_job(model(**REQUIRED), "Failed", ended(1, "Traceback\nModelUnavailable: no folder")),
        "Degraded",
        {
            "Warmed": "False WarmupFailed",
            "Ready": "False WarmupFailed",
            "Degraded": "True WarmupFailed",
        },
    ),
    "memory was not enough": (
        with_job(model(**OWN), "Failed", ended(137, "", "OOMKilled")),
        "Degraded",
        {"Warmed": "False OutOfMemory", "Degraded": "True OutOfMemory"},
    ),
    "the image cannot be had": (
        with_job(model(**OWN), "", PENDING),
        "Degraded",
        {"Warmed": "False ImagePullFailed", "Degraded": "True ImagePullFailed"},
    ),
    "a failed warm-up that is not required": (
        with_job(model(warmup={"resources": CPU, "policy": "BestEffort"}), "Failed"),
        "Degraded",
        {"Warmed": "False WarmupFailed", "Ready": "True AsDesired"},
    ),
    "no node has room for a warm-up that is not required": (
        with_job(model(**OWN), "", UNPLACED),
        "Ready",
        {
            "Warmed": "False Unschedulable",
            "Ready": "True AsDesired",
            "Degraded": "False NothingWrong",
        },
    ),
    "no node has room for one that is": (
        with_job(model(**REQUIRED), "", UNPLACED),
        "Degraded",
        {"Ready": "False Unschedulable", "Degraded": "True Unschedulable"},
    ),
    "no warm-up": (
        given(model(warmup={"enabled": False})),
        "Ready",
        {
            "Warmed": "False WarmupDisabled",
            "Ready": "True AsDesired",
            "Degraded": "False NothingWrong",
        },
    ),
    "nobody says on which device": (
        given(model()),
        "WaitingForService",
        {"Warmed": "Unknown WaitingForService", "Degraded": "False NothingWrong"},
    ),
    "a source that cannot be fetched": (
        given(model(source={"uri": "oci://registry/x:1"})),
        "Degraded",
        {"Downloaded": "False SourceUnsupported", "Ready": "False SourceUnsupported"},
    ),
    "the warm-up of the former weights is no news of those that are fetched": (
        with_job(
            changed(downloaded_model(**OWN), source=HUB | {"revision": "v2"}, **OWN).model,
            "Complete",
        ),
        "Downloading",
        {"Warmed": "True WarmupSucceeded", "Ready": "False Downloading"},
    ),
    "the API server refuses the Job": (
        given(model(**OWN), failure=Trouble(conditions.POD_REFUSED, "exceeded quota")),
        "Degraded",
        {"Degraded": "True PodRefused"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_phase_and_conditions(case: str) -> None:
    snapshot, phase, expected = CASES[case]
    status = model_status_of(snapshot)
    told = {one.type: f"{one.status} {one.reason}" for one in status.conditions}
    assert status.phase == phase
    assert {kind: told[kind] for kind in expected} == expected
    assert tuple(told) == conditions.VIDEO_MODEL_TYPES


def of_kind(snapshot: ModelSnapshot, kind: str) -> Condition:
    return {one.type: one for one in model_status_of(snapshot).conditions}[kind]


def test_a_failure_says_what_the_last_pod_said() -> None:
    warmed = of_kind(CASES["the warm-up failed"][0], "Warmed")
    assert warmed.message == "backoff limit reached: ModelUnavailable: no folder"


def test_what_the_warm_up_measured() -> None:
    measured = model_status_of(CASES["the warm-up is done"][0]).warmup
    assert measured is not None
    assert measured.model_dump(exclude_none=True) == {
        "startedAt": "2026-11-25T11:59:50Z",
        "finishedAt": "2026-11-25T12:00:00Z",
        "loadSeconds": 9.5,
        "fps": 34.0,
    }


@pytest.mark.parametrize(
    "message",
    [
        *("", "no JSON", "[]", '{"frames": "x"}', '{"seconds": 0}', "[" * 4096),
        *('{"frames": 17, "seconds": NaN}', '{"frames": true, "seconds": 1}'),
        *('{"frames": 1%s, "seconds": 1}' % ("0" * 400), '{"frames": 17, "seconds": 1e-300}'),
        *('{"frames": -17, "seconds": 1}', '{"frames": 17, "seconds": 1e999}'),
    ],
)
def test_an_unreadable_result_still_has_its_times(message: str) -> None:
    measured = model_status_of(with_job(model(**OWN), "Complete", ended(0, message))).warmup
    assert measured is not None
    assert (measured.fps, measured.finished_at) == (None, "2026-11-25T12:00:00Z")


def test_pods_of_an_older_job_do_not_count() -> None:
    owner = {"uid": "uid-of-older", "controller": True}
    older = {**ended(0, MADE), "metadata": {"ownerReferences": [owner]}}
    status = model_status_of(given(model(**OWN), job_pods=(older,)))
    assert status.warmup is None


def test_a_job_is_made_once_and_one_that_is_not_wanted_any_more_goes() -> None:
    (made,) = planned(given(model(**OWN)))
    assert isinstance(made, Create)
    there = with_job(model(**OWN))
    assert planned(there) == []
    (key,) = there.children
    changed = given(model(warmup={"resources": CPU, "prompt": "x"}), children=there.children)
    delete, create = planned(changed)
    assert delete == Delete(key, "u")
    assert isinstance(create, Create)


def test_without_resources_of_its_own_the_first_service_says_on_which_device() -> None:
    job = wanted_warmup(given(model(), first_service=service("a")))
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert "nvidia.com/gpu" not in container["resources"]["limits"]
