"""The PodDisruptionBudget: a pod with sessions is not evicted; the operator moves it.

It selects only busy pods and allows none of them to go, so that idle pods never hold up the
maintenance of a node. On a node that is cordoned the operator replaces and drains the pods, and
deletes them when their sessions have ended or the drain deadline has passed.
`maxUnavailable` needs a controller with a scale subresource: StreamingService has one.

Of a router's pods, which keep nothing, one at a time may go.
"""

from __future__ import annotations

from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.resources.router_service import policy_name, router_selector


def disruption_budget(service: StreamingService) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service, service.metadata.name, "runtime"),
        "spec": {
            "maxUnavailable": 0,
            "selector": {
                "matchLabels": {labels.SERVICE: service.metadata.name, labels.BUSY: "true"},
            },
        },
    }


def router_budget(router: Router) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(router, policy_name(router), "router"),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": router_selector(router)}},
    }
