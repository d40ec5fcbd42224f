from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from matinee_api.contracts.fetch import FetchProgress
from matinee_api.kinds.videomodel import VideoModelStatus
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.status.weights import progress_text
from tests.unit.operator.making import model, model_status_of
from tests.unit.operator.weights.making import (
    CLAIM,
    COMMIT,
    FOLDER,
    GIGABYTE,
    HUB,
    changed,
    downloaded_model,
    found,
    given,
    hub_model,
    noted,
    refused,
    resolved_model,
    step,
    tried,
    with_claim,
)

ADAPTER = {"name": "style", "uri": "hf://org/style"}
WITH_ADAPTER = hub_model(adapters=[ADAPTER])
NO_CACHE = {"cache": {"type": "None"}}
PVC_MODEL = model(source={"uri": "pvc://claim/x"})
HALF_WAY = FetchProgress(
    bytes_done=31 * GIGABYTE // 10, bytes_total=94 * GIGABYTE // 10, bytes_per_second=120_000_000
)


def waiting(snapshot: ModelSnapshot, verb: str, **status: Any) -> ModelSnapshot:
    """The Job's pod does not start."""
    begun = tried(snapshot, verb, condition="")
    job = step(begun, verb).job
    assert job is not None
    told = {"phase": "Pending", **status}
    owner = {"uid": f"uid-of-{job.name}", "controller": True}
    pod = {"metadata": {"ownerReferences": [owner], "uid": "u"}, "status": told}
    return dataclasses.replace(begun, job_pods=(pod,))


UNBOUND = {
    "type": "PodScheduled",
    "status": "False",
    "message": "pod has unbound immediate PersistentVolumeClaims",
}
FAILED = tried(given(hub_model()), "resolve", refused(message="no token"))
TWICE_ASKED = tried(FAILED, "resolve", attempt=1, condition="")

CASES: dict[str, tuple[ModelSnapshot, str]] = {
    "a source is asked": (
        given(hub_model()),
        "False Downloading resolving hf://org/LTX-Video@main",
    ),
    "a mirror is asked": (
        given(hub_model(source={"uri": "s3://bucket/x", "endpoint": "http://minio"})),
        "False Downloading resolving s3://bucket/x at http://minio",
    ),
    "the size is known": (
        tried(given(hub_model()), "resolve", found()),
        "False Downloading 9.0 GB to fetch; the claim tiny-weights is not bound yet",
    ),
    "somebody else has a claim of that name": (
        dataclasses.replace(
            tried(given(hub_model()), "resolve", found()),
            failure=Trouble("NameTaken", "PersistentVolumeClaim tiny-weights (no controller)"),
        ),
        "False NameTaken PersistentVolumeClaim tiny-weights (no controller)",
    ),
    "something else has the name of another child": (
        dataclasses.replace(
            tried(given(hub_model()), "resolve", found()), failure=Trouble("NameTaken", "Job x (")
        ),
        "False Downloading 9.0 GB to fetch; the claim tiny-weights is not bound yet",
    ),
    "the claim is there": (
        with_claim(resolved_model()),
        "False Downloading 9.0 GB to fetch",
    ),
    "the claim waits for its volume": (
        with_claim(resolved_model(), phase="Pending"),
        "False Downloading 9.0 GB to fetch; the claim tiny-weights is not bound yet",
    ),
    "no volume can be had": (
        waiting(with_claim(resolved_model(), phase="Pending"), "download", conditions=[UNBOUND]),
        "False Unschedulable pod has unbound immediate PersistentVolumeClaims",
    ),
    "the download says how far it is": (
        dataclasses.replace(
            tried(with_claim(resolved_model()), "download", condition=""), progress=HALF_WAY
        ),
        "False Downloading 3.1 of 9.4 GB, 120 MB/s, about 52 s left",
    ),
    "it is done": (
        tried(with_claim(resolved_model()), "download", found()),
        "True DownloadComplete 9.0 GB on the claim tiny-weights",
    ),
    "it was done long ago": (
        downloaded_model(),
        "True DownloadComplete 9.0 GB on the claim tiny-weights",
    ),
    "the claim was deleted": (
        dataclasses.replace(downloaded_model(), children={}),
        "False Downloading 9.0 GB to fetch; the claim tiny-weights is not bound yet",
    ),
    "the token is missing": (
        FAILED,
        "False SourceDenied no token",
    ),
    "it is tried again": (TWICE_ASKED, "False SourceDenied no token"),
    "somebody deleted the failed Job": (
        noted(FAILED),
        "False Downloading resolving hf://org/LTX-Video@main",
    ),
    "the volume is full": (
        tried(
            with_claim(resolved_model()),
            "download",
            refused(reason="NoSpace", message="2 GB short"),
            condition="Failed",
        ),
        "False NoSpace 2 GB short",
    ),
    "one of several pods of a Job failed": (
        tried(given(hub_model()), "resolve", refused(), condition=""),
        "False Downloading resolving hf://org/LTX-Video@main",
    ),
    "it ended without a word": (
        tried(given(hub_model()), "resolve", condition="Failed"),
        "False DownloadFailed failed",
    ),
    "each pod fetches": (
        resolved_model(**NO_CACHE),
        "True FetchedByPods each pod fetches 9.0 GB when it starts",
    ),
    "weights on a claim are looked at": (
        given(PVC_MODEL),
        "False Downloading resolving pvc://claim/x",
    ),
    "weights on a claim": (
        tried(given(PVC_MODEL), "resolve", found(commit=None)),
        "True Provided 9.0 GB on a claim that exists",
    ),
    "a claim without the folder": (
        tried(given(PVC_MODEL), "resolve", {"name": "model", "message": "not looked at"}),
        "False SourceNotFound there is no folder pvc://claim/x",
    ),
    "another revision is being fetched": (
        changed(downloaded_model(), source=HUB | {"revision": "v2"}),
        "False Downloading resolving hf://org/LTX-Video@v2",
    ),
    "a registry": (
        given(model(source={"uri": "oci://registry/x:1"})),
        "False SourceUnsupported this release cannot fetch from oci: put the weights in a bucket "
        "and use s3://, or on a claim and use pvc://",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_told_of_the_download(case: str) -> None:
    snapshot, expected = CASES[case]
    told = {one.type: one for one in model_status_of(snapshot).conditions}["Downloaded"]
    assert f"{told.status} {told.reason} {told.message}" == expected


def status(snapshot: ModelSnapshot) -> dict[str, Any]:
    made = model_status_of(snapshot).model_dump(exclude_none=True)
    return {name: made[name] for name in made if name not in ("conditions", "observedGeneration")}


def test_the_record_of_a_model_that_is_complete() -> None:
    told = status(downloaded_model())
    assert {name: told[name] for name in ("resolvedFrom", "resolvedRevision", "size")} == {
        "resolvedFrom": "hf://org/LTX-Video@main",
        "resolvedRevision": COMMIT,
        "size": "9.0 GB",
    }
    assert told["cache"] == {
        "claimName": "tiny-weights",
        "claimUid": "uid-of-claim",
        "folder": FOLDER,
        "folders": ({"name": FOLDER, "bytes": 9 * GIGABYTE},),
        "bytesDone": 9 * GIGABYTE,
        "bytesTotal": 9 * GIGABYTE,
    }


def test_a_status_that_is_written_is_the_same_the_next_time() -> None:
    for make in (resolved_model, downloaded_model):
        once = noted(make())
        assert model_status_of(once) == once.model.status


def test_the_progress_in_figures() -> None:
    snapshot = tried(with_claim(resolved_model()), "download", condition="")
    cache = status(dataclasses.replace(snapshot, progress=HALF_WAY))["cache"]
    assert (cache["bytesDone"], cache["bytesPerSecond"], cache["etaSeconds"]) == (
        3_100_000_000,
        120_000_000,
        52,
    )


def test_without_a_speed_nobody_guesses_when_it_ends() -> None:
    stalled = FetchProgress(bytes_done=5, bytes_total=10, bytes_per_second=0)
    assert progress_text(stalled) == "5 of 10 B"


def test_the_former_weights_stay_in_use_until_the_new_ones_are_there() -> None:
    moved = changed(downloaded_model(), source=HUB | {"revision": "v2"})
    asking = noted(moved)
    assert status(asking)["cache"]["folder"] == FOLDER
    assert status(asking)["resolvedRevision"] == COMMIT
    resolved = noted(tried(asking, "resolve", found(commit="d" * 40)))
    assert status(resolved)["cache"]["folder"] == FOLDER
    done = noted(tried(resolved, "download", found(commit="d" * 40)))
    assert status(done)["cache"]["folder"] != FOLDER
    first, second = status(done)["cache"]["folders"]
    assert (first["name"], second["name"]) == (FOLDER, status(done)["cache"]["folder"])


def test_another_claim_holds_nothing_yet() -> None:
    elsewhere = changed(downloaded_model(), cache={"claim": {"claimName": "other"}})
    assert status(elsewhere)["cache"] == {
        "claimName": "other",
        "folders": (),
        "bytesDone": 0,
        "bytesTotal": 9 * GIGABYTE,
    }
    made_again = with_claim(downloaded_model())
    claim = made_again.children[CLAIM]
    newer = {**claim, "metadata": {**claim["metadata"], "uid": "newer"}}
    empty = dataclasses.replace(made_again, children={CLAIM: newer})
    assert "folder" not in status(empty)["cache"]


STYLE = found("style", 1000, "e" * 40)
RESOLVED_BOTH = noted(tried(given(WITH_ADAPTER), "resolve", found(), STYLE))
DOWNLOADED_BOTH = tried(with_claim(RESOLVED_BOTH), "download", found(), STYLE)
BAD_STYLE = refused("style", "AdapterInvalid", "not LoRA weights")
STYLE_FAILED = tried(with_claim(RESOLVED_BOTH), "download", found(), BAD_STYLE)

ADAPTERS: dict[str, tuple[ModelSnapshot, str, str]] = {
    "not asked yet": (given(WITH_ADAPTER), "Pending", ""),
    "asked": (RESOLVED_BOTH, "Pending", ""),
    "complete": (DOWNLOADED_BOTH, "Downloaded", ""),
    "not found": (
        tried(given(WITH_ADAPTER), "resolve", found(), refused("style", "SourceNotFound", "404")),
        "Failed",
        "404",
    ),
    "no LoRA weights": (STYLE_FAILED, "Failed", "not LoRA weights"),
    "no LoRA weights, tried again": (
        tried(STYLE_FAILED, "download", attempt=1, condition=""),
        "Failed",
        "not LoRA weights",
    ),
    "without a cache": (
        tried(given(hub_model(adapters=[ADAPTER], **NO_CACHE)), "resolve", found(), STYLE),
        "Pending",
        "found; with cache.type None it is kept nowhere",
    ),
    "from a claim": (
        given(hub_model(adapters=[{"name": "style", "uri": "pvc://claim/style"}])),
        "Failed",
        "this release does not fetch adapters from pvc: use hf: or s3:",
    ),
}


@pytest.mark.parametrize("case", ADAPTERS)
def test_the_state_of_an_adapter(case: str) -> None:
    snapshot, state, message = ADAPTERS[case]
    (told,) = model_status_of(snapshot).adapters
    assert (told.state, told.message) == (state, message)


def test_a_failed_adapter_degrades_a_model_that_is_ready() -> None:
    spec: Any = {"adapters": [ADAPTER], "warmup": {"enabled": False}}
    snapshot = given(hub_model(**spec), children=STYLE_FAILED.children)
    ready = tried(with_claim(noted(tried(snapshot, "resolve", found(), STYLE))), "download")
    told = conditions(model_status_of(tried(ready, "download", found(), BAD_STYLE)))
    assert told["Ready"] == "True AsDesired"
    assert told["Degraded"] == "True AdapterInvalid"


def test_a_download_is_no_failure() -> None:
    told = conditions(model_status_of(given(hub_model())))
    assert told == {
        "Downloaded": "False Downloading",
        "Warmed": "False Downloading",
        "Ready": "False Downloading",
        "Degraded": "False NothingWrong",
    }
    assert model_status_of(given(hub_model())).phase == "Downloading"


def conditions(told: VideoModelStatus) -> dict[str, str]:
    return {one.type: f"{one.status} {one.reason}" for one in told.conditions}
