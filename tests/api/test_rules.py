from __future__ import annotations

import copy
from typing import Any

import pytest

from matinee_api.crd import structural_schema
from matinee_api.errors import ConfigError
from matinee_api.load import validate
from matinee_api.resources import KINDS
from tests.api.api_server import Schema, broken_rules, with_defaults

OBJECTS: dict[str, dict[str, Any]] = {
    "VideoModel": {
        "source": {"uri": "hf://org/name", "revision": "main", "tokenSecretRef": {"name": "hub"}},
        "engine": {"family": "ltx"},
        "generation": {"width": 704, "height": 480},
        "adapters": [{"name": "style", "uri": "hf://org/style"}],
        "cache": {"claim": {"size": "20Gi"}},
        "warmup": {"resources": {"gpu": {}}},
        "scheduling": {"tolerations": [{"key": "gpu", "operator": "Exists"}]},
    },
    "StreamingService": {
        "modelRef": {"name": "tiny"},
        "autoscaling": {"minReplicas": 1, "maxReplicas": 3},
        "resources": {"gpu": {"count": 2}},
        "sessions": {"maxPerPod": 4},
        "pod": {
            "env": [{"name": "A", "value": "b"}],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        },
    },
}
SHAPES = "must look like hf://org/name, s3://bucket/folder, oci://registry/name:tag, "
WHOLE = "must be a multiple of 32 for the family ltx, such as 512"
ONE_DEVICE = "set exactly one of gpu and resourceClaims (gpu: {count: 0} runs on the CPU)"
ONE_CLAIM = "set exactly one of resourceClaimName and resourceClaimTemplateName"
ONE_VALUE = "set exactly one of value and valueFrom"
ONE_REF = "set exactly one of secretKeyRef and configMapKeyRef"
ONE_VOLUME = "set exactly one of persistentVolumeClaim, secret, configMap and emptyDir"
MOUNT = "every volumeMounts entry must name an entry of volumes"
EXISTING = "claimName is a claim that exists: remove size and storageClassName"

# Kind, path, value to put there (None removes), what is told as {path: message}.
CASES: dict[str, tuple[str, str, Any, dict[str, str]]] = {
    "a model as it should be": ("VideoModel", "engine.dtype", "float16", {}),
    "a bundled model": ("VideoModel", "source", {"uri": "builtin:tiny"}, {}),
    "a bucket with a token": (
        "VideoModel",
        "source",
        {"uri": "s3://bucket/x", "tokenSecretRef": {"name": "a"}},
        {},
    ),
    "an unknown scheme": (
        "VideoModel",
        "source",
        {"uri": "ftp://host/x"},
        {"source.uri": "must begin with one of hf:, s3:, oci:, pvc:, file:, builtin:"},
    ),
    "a hub name without an organisation": (
        "VideoModel",
        "source",
        {"uri": "hf://name"},
        {"source.uri": SHAPES + "pvc://claim/folder, file:///folder or builtin:tiny"},
    ),
    "a line break after the name": (
        "VideoModel",
        "source",
        {"uri": "builtin:tiny\n"},
        {"source.uri": SHAPES + "pvc://claim/folder, file:///folder or builtin:tiny"},
    ),
    "a relative folder": (
        "VideoModel",
        "source",
        {"uri": "file:models/x"},
        {"source.uri": SHAPES + "pvc://claim/folder, file:///folder or builtin:tiny"},
    ),
    "a revision of a bucket": (
        "VideoModel",
        "source.uri",
        "s3://bucket/x",
        {"source.revision": "is only for hf: sources; remove it"},
    ),
    "a token for a folder": (
        "VideoModel",
        "source",
        {"uri": "file:///x", "tokenSecretRef": {"name": "a"}},
        {"source.tokenSecretRef": "is only for hf:, s3: and oci: sources; remove it"},
    ),
    "an adapter from nowhere": (
        "VideoModel",
        "adapters",
        [{"name": "a", "uri": "hf://org/a"}, {"name": "b", "uri": "x"}],
        {"adapters[1].uri": SHAPES + "pvc://claim/folder or file:///folder"},
    ),
    "an odd width": ("VideoModel", "generation.width", 700, {"generation.width": WHOLE}),
    "an odd height": ("VideoModel", "generation.height", 33, {"generation.height": WHOLE}),
    "both sides odd": (
        "VideoModel",
        "generation",
        {"width": 33, "height": 33},
        {"generation.width": WHOLE, "generation.height": WHOLE},
    ),
    "no sizes": ("VideoModel", "generation", None, {}),
    "a claim that exists, with a size": (
        "VideoModel",
        "cache.claim.claimName",
        "old",
        {"cache.claim": EXISTING},
    ),
    "a claim that exists, with a class": (
        "VideoModel",
        "cache.claim",
        {"claimName": "old", "storageClassName": "fast"},
        {"cache.claim": EXISTING},
    ),
    "a claim that exists": ("VideoModel", "cache.claim", {"claimName": "old"}, {}),
    "no device for the warm-up": (
        "VideoModel",
        "warmup.resources",
        {"memory": "4Gi"},
        {"warmup.resources": ONE_DEVICE},
    ),
    "a toleration of everything": (
        "VideoModel",
        "scheduling.tolerations",
        [{"operator": "Exists"}],
        {},
    ),
    "a toleration of nothing": (
        "VideoModel",
        "scheduling.tolerations",
        [{"effect": "NoSchedule"}],
        {
            "scheduling.tolerations[0].operator": "without a key the operator must be Exists "
            "(it then matches every taint)"
        },
    ),
    "Exists with a value": (
        "VideoModel",
        "scheduling.tolerations",
        [{"key": "a", "operator": "Exists", "value": "b"}],
        {"scheduling.tolerations[0].value": "the operator Exists takes no value; remove it"},
    ),
    "a service as it should be": ("StreamingService", "replicas", 0, {}),
    "a service without additions to its pods": ("StreamingService", "pod", None, {}),
    "no device at all": (
        "StreamingService",
        "resources",
        {"memory": "4Gi"},
        {"resources": ONE_DEVICE},
    ),
    "no resources means one GPU": ("StreamingService", "resources", None, {}),
    "both kinds of device": (
        "StreamingService",
        "resources.resourceClaims",
        [{"name": "a", "resourceClaimName": "b"}],
        {"resources": ONE_DEVICE},
    ),
    "a claim by template": (
        "StreamingService",
        "resources",
        {"resourceClaims": [{"name": "a", "resourceClaimTemplateName": "b"}]},
        {},
    ),
    "a claim on nothing": (
        "StreamingService",
        "resources",
        {"resourceClaims": [{"name": "a"}]},
        {"resources.resourceClaims[0]": ONE_CLAIM},
    ),
    "a claim on two things": (
        "StreamingService",
        "resources",
        {
            "resourceClaims": [
                {"name": "a", "resourceClaimName": "b", "resourceClaimTemplateName": "c"}
            ]
        },
        {"resources.resourceClaims[0]": ONE_CLAIM},
    ),
    "sessions that do not share out": (
        "StreamingService",
        "sessions.maxPerPod",
        3,
        {
            "sessions.maxPerPod": "must be a multiple of resources.gpu.count: "
            "each GPU takes the same number of sessions"
        },
    ),
    "more at least than at most": (
        "StreamingService",
        "autoscaling.minReplicas",
        4,
        {"autoscaling.minReplicas": "must not be more than maxReplicas"},
    ),
    "as many at least as at most": ("StreamingService", "autoscaling.minReplicas", 3, {}),
    "a rollout that cannot move": (
        "StreamingService",
        "rollout",
        {"maxSurge": 0},
        {
            "rollout": "maxSurge and maxUnavailable cannot both be 0: no pod could ever be "
            "replaced; set one of them to 1"
        },
    ),
    "a rollout without spare GPUs": (
        "StreamingService",
        "rollout",
        {"maxSurge": 0, "maxUnavailable": 1},
        {},
    ),
    "a variable without a value": (
        "StreamingService",
        "pod.env",
        [{"name": "A"}],
        {"pod.env[0]": ONE_VALUE},
    ),
    "a variable with two values": (
        "StreamingService",
        "pod.env",
        [{"name": "A", "value": "", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        {"pod.env[0]": ONE_VALUE},
    ),
    "a variable from nowhere": (
        "StreamingService",
        "pod.env",
        [{"name": "A", "valueFrom": {}}],
        {"pod.env[0].valueFrom": ONE_REF},
    ),
    "a volume of no kind": (
        "StreamingService",
        "pod.volumes",
        [{"name": "scratch"}],
        {"pod.volumes[0]": ONE_VOLUME},
    ),
    "a volume of two kinds": (
        "StreamingService",
        "pod.volumes",
        [{"name": "scratch", "emptyDir": {}, "secret": {"secretName": "s"}}],
        {"pod.volumes[0]": ONE_VOLUME},
    ),
    "a mount without its volume": (
        "StreamingService",
        "pod.volumes",
        [],
        {"pod.volumeMounts": MOUNT},
    ),
}


def changed(kind: str, path: str, value: Any) -> dict[str, Any]:
    """The good object of a kind with one thing changed."""
    spec = copy.deepcopy(OBJECTS[kind])
    target = spec
    *parents, last = path.split(".")
    for part in parents:
        target = target.setdefault(part, {})
    if value is None:
        target.pop(last, None)
    else:
        target[last] = value
    return spec


def spec_schema(kind: str) -> Schema:
    schema: Schema = structural_schema(KINDS[kind])["properties"]["spec"]
    return schema


@pytest.mark.parametrize("case", CASES)
def test_python_and_the_api_server_refuse_the_same_in_the_same_words(case: str) -> None:
    kind, path, value, expected = CASES[case]
    spec = changed(kind, path, value)
    schema = spec_schema(kind)
    by_cel = dict(broken_rules(schema, with_defaults(schema, spec)))
    assert by_cel == expected
    # In Python a rule is looked at once the objects inside its own are right.
    assert _by_python(kind, spec) == expected


def _by_python(kind: str, spec: dict[str, Any]) -> dict[str, str]:
    try:
        validate(KINDS[kind], {"metadata": {"name": "x"}, "spec": spec})
    except ConfigError as error:
        return {problem.path.removeprefix("spec."): problem.message for problem in error.problems}
    return {}


def test_every_rule_is_broken_by_some_case() -> None:
    told = {message for *_, expected in CASES.values() for message in expected.values()}
    rules = {message for kind in KINDS for message in _messages(spec_schema(kind))}
    assert rules - told == {
        "cannot change: make another VideoModel and point modelRef at it",
        "cannot change: make another VideoModel",
    }


def _messages(schema: Schema) -> set[str]:
    found = {rule["message"] for rule in schema.get("x-kubernetes-validations", [])}
    for inner in [*schema.get("properties", {}).values(), schema.get("items", {})]:
        found |= _messages(inner) if inner else set()
    return found


CHANGES: dict[str, tuple[str, Any, dict[str, str]]] = {
    "another revision": ("source.revision", "v2", {}),
    "another size": ("generation.width", 512, {}),
    "another address": (
        "source.uri",
        "hf://org/other",
        {"source.uri": "cannot change: make another VideoModel and point modelRef at it"},
    ),
    "another kind of cache": (
        "cache.type",
        "NodeLocal",
        {"cache.type": "cannot change: make another VideoModel"},
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_some_fields_keep_their_first_value(case: str) -> None:
    path, value, expected = CHANGES[case]
    schema = spec_schema("VideoModel")
    old = with_defaults(schema, OBJECTS["VideoModel"])
    new = with_defaults(schema, changed("VideoModel", path, value))
    assert dict(broken_rules(schema, new, old)) == expected
