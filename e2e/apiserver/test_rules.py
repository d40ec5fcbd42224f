"""The table of good and bad objects, applied to a real API server."""

from __future__ import annotations

from matinee_operator.clients.kube import Kube
from matinee_operator.errors import Refused
from matinee_operator.objects import Key
from tests.unit.api.rule_cases import CASES, CHANGES, OBJECTS, changed, manifest


async def test_the_api_server_refuses_what_python_refuses_in_the_same_words(
    kube: Kube, namespace: str
) -> None:
    for number, (kind, path, value, expected) in enumerate(CASES.values()):
        told = ""
        made = manifest(kind, changed(kind, path, value), f"case-{number}")
        made["metadata"]["namespace"] = namespace
        try:
            await kube.create(made)
        except Refused as error:
            told = error.message
        assert bool(told) == bool(expected), (kind, path, told)
        for place, message in expected.items():
            assert f"spec.{place}: Invalid value" in told, told
            assert message in told, told


async def test_some_fields_keep_their_first_value(kube: Kube, namespace: str) -> None:
    for kind, spec in OBJECTS.items():
        made = manifest(kind, spec)
        made["metadata"]["namespace"] = namespace
        await kube.create(made)
    for kind, path, value, expected in CHANGES.values():
        told = ""
        try:
            await kube.merge(Key(kind, namespace, "x"), {"spec": changed(kind, path, value)})
        except Refused as error:
            told = error.message
        assert bool(told) == bool(expected), (kind, path, told)
        assert all(message in told for message in expected.values()), told
