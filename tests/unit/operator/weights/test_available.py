from __future__ import annotations

import pytest

from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.weights.available import Weights, weights_of, why_missing
from tests.unit.operator.making import claim_model, model
from tests.unit.operator.weights.making import (
    FOLDER,
    HUB,
    changed,
    downloaded_model,
    given,
    hub_model,
    noted,
    refused,
    resolved_model,
    tried,
)

PATH = f"/weights/{FOLDER}"
NO_CACHE = {"cache": {"type": "None"}}
V2 = HUB | {"revision": "v2"}

WHERE: dict[str, tuple[VideoModel, Weights | None]] = {
    "bundled": (model(), Weights()),
    "a folder of the image": (model(source={"uri": "file:///x"}), Weights()),
    "a claim that nobody has looked at": (model(source={"uri": "pvc://claim/x"}), None),
    "a claim": (claim_model(), Weights("/weights/ltx", "weights")),
    "a hub that nobody has asked": (hub_model(), None),
    "on the way into the cache": (resolved_model().model, None),
    "in the cache": (downloaded_model().model, Weights(PATH, "tiny-weights")),
    "others are on the way": (
        noted(changed(downloaded_model(), source=V2)).model,
        Weights(PATH, "tiny-weights"),
    ),
    "a registry": (model(source={"uri": "oci://registry/x:1"}), None),
}


@pytest.mark.parametrize("case", WHERE)
def test_where_pods_find_the_weights(case: str) -> None:
    asked, expected = WHERE[case]
    assert weights_of(asked) == expected


def test_without_a_cache_pods_fetch_what_was_pinned_last() -> None:
    pinned = resolved_model(**NO_CACHE)
    moved = noted(changed(pinned, source=V2, **NO_CACHE))
    for snapshot in (pinned, moved):
        weights = weights_of(snapshot.model)
        assert weights is not None
        assert (weights.path, weights.claim) == (PATH, None)


FETCHING = Trouble("Downloading", "its weights are being fetched")
WHY: dict[str, tuple[VideoModel, Trouble]] = {
    "new": (hub_model(), FETCHING),
    "on the way": (resolved_model().model, FETCHING),
    "refused": (
        noted(tried(given(hub_model()), "resolve", refused(message="no token"))).model,
        Trouble("SourceDenied", "no token"),
    ),
}


@pytest.mark.parametrize("case", WHY)
def test_why_there_are_none(case: str) -> None:
    asked, expected = WHY[case]
    assert why_missing(asked) == expected
