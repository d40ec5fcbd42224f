from __future__ import annotations

import pytest

from matinee_operator.watch import handlers

RESOURCES = {
    "Pod": ("", "v1", "pods"),
    "Job": ("batch", "v1", "jobs"),
    "StreamingService": ("matinee.video", "v1alpha1", "streamingservices"),
}


@pytest.mark.parametrize("kind", RESOURCES)
def test_kinds_are_resources(kind: str) -> None:
    assert handlers.resource_of(kind) == RESOURCES[kind]


def test_an_operator_of_some_namespaces_does_not_look_at_nodes() -> None:
    assert "Node" in handlers.watched(())
    assert "Node" not in handlers.watched(("demo",))


def test_kopf_writes_nothing_by_itself() -> None:
    settings = handlers.kopf_settings(())
    assert not settings.posting.enabled
    assert settings.scanning.disabled
    assert " " in settings.persistence.finalizer  # which the API server takes on no object


def test_kopf_holds_objects_no_longer_than_it_has_to() -> None:
    settings = handlers.kopf_settings(())
    assert settings.queueing.idle_timeout < 1
    assert settings.watching.chunk_size is not None
    assert settings.watching.chunk_size <= 100


def test_only_our_own_children_are_sent_by_the_api_server() -> None:
    selectors = handlers.kopf_settings(()).watching.label_selectors
    assert set(selectors.values()) == {"app.kubernetes.io/managed-by=matinee"}
    assert len(selectors) == len(handlers.CHILDREN)
