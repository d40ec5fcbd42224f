from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from matinee_operator.observe.snapshot import ModelSnapshot
from tests.unit.operator.making import INSTALLATION, model, revision, service
from tests.unit.operator.weights.making import (
    HUB,
    changed,
    downloaded_model,
    found,
    noted,
    resolved_model,
    tried,
    with_claim,
)

SAME: dict[str, dict[str, Any]] = {
    "the number of pods": {"replicas": 5},
    "the budgets of a rollout": {"rollout": {"maxSurge": 3, "paused": True}},
    "the policy of draining": {"drain": {"timeoutSeconds": 5, "onDelete": True}},
    "an autoscaler": {"autoscaling": {"maxReplicas": 3}},
    "a default that is written out": {"sessions": {"maxPerPod": 1}},
    "how images are pulled by default": {"pod": {}},
    "the pods that jobs bring": {"jobs": {"waitingPerPod": 3}},
}
OTHER: dict[str, dict[str, Any]] = {
    "sessions": {"sessions": {"maxPerPod": 2}},
    "GPUs": {"resources": {"gpu": {"count": 1}}},
    "memory": {"resources": {"gpu": {"count": 0}, "memory": "3Gi"}},
    "the place": {"scheduling": {"nodeSelector": {"a": "b"}}},
    "an image": {"pod": {"image": "other"}},
    "a variable": {"pod": {"env": [{"name": "A", "value": "b"}]}},
}


@pytest.mark.parametrize(("secret", "claim"), [("other", "videos"), ("jobs-store", "other")])
def test_pods_are_replaced_where_their_jobs_go_elsewhere(secret: str, claim: str) -> None:
    def of(secret: str, claim: str) -> str:
        store = {"type": "Redis", "urlSecret": {"name": secret}}
        jobs = {"store": store, "results": {"claimName": claim}}
        return revision(model(), service(jobs=jobs), INSTALLATION)

    assert len({of("jobs-store", "videos"), of(secret, claim), _usual()}) == 3


@pytest.mark.parametrize("case", SAME)
def test_pods_need_not_be_replaced_for(case: str) -> None:
    assert revision(model(), service(**SAME[case]), INSTALLATION) == _usual()


@pytest.mark.parametrize("case", OTHER)
def test_pods_are_replaced_for(case: str) -> None:
    assert revision(model(), service(**OTHER[case]), INSTALLATION) != _usual()


def test_pods_are_replaced_for_a_change_of_the_model() -> None:
    assert revision(model(generation={"width": 64}), service(), INSTALLATION) != _usual()
    optional = model(warmup={"policy": "BestEffort", "retries": 7})
    assert revision(optional, service(), INSTALLATION) == _usual()


def test_pods_are_replaced_when_the_operator_is_given_another_runtime() -> None:
    newer = dataclasses.replace(INSTALLATION, runtime_image="matinee/runtime:2")
    assert revision(model(), service(), newer) != _usual()
    own = service(pod={"image": "own:1"})
    assert revision(model(), own, newer) == revision(model(), own, INSTALLATION)


def test_pods_are_replaced_once_other_weights_are_there_and_not_before() -> None:
    old = downloaded_model()
    moved = noted(changed(old, source=HUB | {"revision": "v2"}))
    assert _of(moved) == _of(old)
    newer = noted(tried(moved, "resolve", found(commit="d" * 40)))
    assert _of(newer) == _of(old)
    done = noted(tried(newer, "download", found(commit="d" * 40)))
    assert _of(done) != _of(old)


def test_pods_that_read_a_claim_do_not_depend_on_how_it_was_filled() -> None:
    token = HUB | {"tokenSecretRef": {"name": "hub"}}
    assert _of(changed(downloaded_model(), source=token)) == _of(downloaded_model())
    fetching = {"cache": {"type": "None"}}
    one, other = resolved_model(**fetching), resolved_model(source=token, **fetching)
    assert _of(one) != _of(other)


def test_pods_are_replaced_for_another_claim() -> None:
    other = noted(with_claim(resolved_model(cache={"claim": {"claimName": "other"}})))
    filled = noted(tried(other, "download", found()))
    assert _of(filled) != _of(downloaded_model())


def _of(snapshot: ModelSnapshot) -> str:
    return revision(snapshot.model, service(), INSTALLATION)


def test_the_revision_is_known() -> None:
    """It must not change with a new operator: every pod of every user would be replaced."""
    assert _usual() == "e862c50b"


def _usual() -> str:
    return revision(model(), service(), INSTALLATION)
