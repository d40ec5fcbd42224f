"""One good object of each kind, and what becomes of it: the cases of `test_rules.py`.

Each case is a kind, the path of a key in `spec`, the value to put there (None removes it) and what
is told, as `{path: message}`. Plain data and pure functions, so that the same table can be applied
to an API server: `manifest` gives the whole object of a case.
"""

from __future__ import annotations

import copy
from typing import Any

from tests.unit.api.job_rule_cases import JOB_CASES, NO_URL
from tests.unit.api.pod_rule_cases import POD_CASES

OBJECTS: dict[str, dict[str, Any]] = {
    "VideoModel": {
        "source": {"uri": "hf://org/name", "revision": "main", "tokenSecretRef": {"name": "hub"}},
        "engine": {"family": "wan"},
        "generation": {"width": 720, "height": 464},
        "limits": {"maxPixels": 720 * 464, "maxFrames": 121, "maxSteps": 50, "maxWork": 10**10},
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
        "store": {"type": "Redis", "urlSecret": {"name": "session-store"}},
        "jobs": {
            "store": {"type": "Redis", "urlSecret": {"name": "jobs-store"}},
            "results": {"claimName": "videos"},
        },
        "pod": {
            "env": [{"name": "A", "value": "b"}],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        },
    },
    "Router": {
        "services": [{"name": "tiny"}],
        "service": {"type": "NodePort", "nodePort": 30080},
        "store": {"urlSecret": {"name": "session-store"}},
    },
}
BALANCED = {
    "type": "LoadBalancer",
    "loadBalancerClass": "service.k8s.aws/nlb",
    "loadBalancerSourceRanges": ["192.0.2.0/24", "2001:db8::/32"],
}
SHAPES = "must look like hf://org/name, s3://bucket/folder, oci://registry/name:tag, "
WHOLE = "must be a multiple of 16 for the family wan or clip, such as 256"
WHOLE_32 = "must be a multiple of 32 for the family ltx or ltx2, such as 512"
ONE_DEVICE = "set exactly one of gpu and resourceClaims (gpu: {count: 0} runs on the CPU)"
ONE_CLAIM = "set exactly one of resourceClaimName and resourceClaimTemplateName"
STUCK = (
    "maxSurge and maxUnavailable cannot both be 0: no pod could ever be replaced; set one of them "
    "to 1"
)
STORE_URL = [{"name": "MATINEE_STORE_URL", "value": "redis://h"}]
GIVEN_TWICE = {"pod.env": "store.urlSecret sets MATINEE_STORE_URL: leave it out"}
EXISTING = "claimName is a claim that exists: remove size and storageClassName"

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
        {"adapters[1].uri": "must begin with one of hf:, s3:, oci:, pvc:, file:, builtin:"},
    ),
    "an adapter with a revision of a bucket": (
        "VideoModel",
        "adapters",
        [{"name": "a", "uri": "s3://bucket/a", "revision": "v1"}],
        {"adapters[0].revision": "is only for hf: sources; remove it"},
    ),
    "a bucket elsewhere": (
        "VideoModel",
        "source",
        {"uri": "s3://bucket/x", "endpoint": "http://minio.storage.svc:9000"},
        {},
    ),
    "an S3 API below a path": (
        "VideoModel",
        "source",
        {"uri": "s3://bucket/x", "endpoint": "http://minio.storage.svc:9000/s3"},
        {"source.endpoint": "must have no path for s3: sources; S3 is asked at the root of a host"},
    ),
    "a hub below a path": (
        "VideoModel",
        "source",
        {"uri": "hf://org/name", "endpoint": "https://mirror.example.com/hf/"},
        {},
    ),
    "an endpoint of a folder": (
        "VideoModel",
        "source",
        {"uri": "file:///x", "endpoint": "https://hub.example.com"},
        {"source.endpoint": "is only for hf: and s3: sources; remove it"},
    ),
    "an odd width": ("VideoModel", "generation.width", 700, {"generation.width": WHOLE}),
    "an odd height": ("VideoModel", "generation.height", 33, {"generation.height": WHOLE}),
    "both sides odd": (
        "VideoModel",
        "generation",
        {"width": 33, "height": 33},
        {"generation.width": WHOLE, "generation.height": WHOLE},
    ),
    "sizes that another family does not take": (
        "VideoModel",
        "engine.family",
        "ltx",
        {"generation.width": WHOLE_32, "generation.height": WHOLE_32},
    ),
    "a family that the files tell": ("VideoModel", "engine", None, {}),
    "no sizes": ("VideoModel", "generation", None, {}),
    "no limits": ("VideoModel", "limits", None, {}),
    "a default size past the limit": (
        "VideoModel",
        "limits.maxPixels",
        720 * 464 - 1,
        {
            "limits.maxPixels": "generation.width times generation.height must not be more than "
            "limits.maxPixels"
        },
    ),
    "default frames and steps past the limits": (
        "VideoModel",
        "generation",
        {"numFrames": 129, "numInferenceSteps": 51},
        {
            "generation.numFrames": "must not be more than limits.maxFrames",
            "generation.numInferenceSteps": "must not be more than limits.maxSteps",
        },
    ),
    "limits of a service": ("StreamingService", "limits", {"maxSteps": 8, "maxFrames": 17}, {}),
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
    "the last pod may go, and who waits at a Router brings one back": (
        "StreamingService",
        "autoscaling",
        {"minReplicas": 0, "maxReplicas": 3, "bufferSlots": 0},
        {},
    ),
    "sessions in Redis": ("StreamingService", "store.urlSecret.key", "address", {}),
    "its address twice": ("StreamingService", "pod.env", STORE_URL, GIVEN_TWICE),
    "sessions in a Redis that nobody names": (
        "StreamingService",
        "store",
        {"type": "Redis"},
        {"store.urlSecret": NO_URL},
    ),
    "a Redis where no sessions are kept": (
        "StreamingService",
        "store",
        {"urlSecret": {"name": "session-store"}},
        {"store.urlSecret": NO_URL},
    ),
    "the last pod may go, and somebody else scales": (
        "StreamingService",
        "autoscaling",
        {"mode": "External", "minReplicas": 0, "maxReplicas": 3, "bufferSlots": 0},
        {},
    ),
    "as many at least as at most": ("StreamingService", "autoscaling.minReplicas", 3, {}),
    "a rollout that cannot move": (
        "StreamingService",
        "rollout",
        {"maxSurge": 0},
        {"rollout": STUCK},
    ),
    "a rollout without spare GPUs": (
        "StreamingService",
        "rollout",
        {"maxSurge": 0, "maxUnavailable": 1},
        {},
    ),
    "a rollout by percentages": (
        "StreamingService",
        "rollout",
        {"maxSurge": "0%", "maxUnavailable": "25%"},
        {},
    ),
    "a rollout of no percent": (
        "StreamingService",
        "rollout",
        {"maxSurge": "0%", "maxUnavailable": 0},
        {"rollout": STUCK},
    ),
    "amounts as numbers": (
        "StreamingService",
        "resources",
        {"gpu": {"count": 0}, "cpu": 0.5, "memory": 2147483648, "sharedMemory": "64Mi"},
        {},
    ),
    **POD_CASES,
    **JOB_CASES,
    "a router as it should be": ("Router", "service.port", 8080, {}),
    "a router inside the cluster": ("Router", "service", None, {}),
    "a node's port that no node opens": (
        "Router",
        "service.type",
        "ClusterIP",
        {
            "service.nodePort": "is only for the types NodePort and LoadBalancer; "
            "remove it or change type"
        },
    ),
    "a router behind a load balancer": ("Router", "service", BALANCED, {}),
    "a router that the outside reaches in every way": (
        "Router",
        "ingress",
        {"host": "video.example.com", "className": "nginx", "tls": {"secretRef": {"name": "cert"}}},
        {},
    ),
    "a router's queue, its address twice": ("Router", "pod.env", STORE_URL, GIVEN_TWICE),
    "a router that follows its sessions": (
        "Router",
        "autoscaling",
        {"maxReplicas": 8, "sessionsPerReplica": 500},
        {},
    ),
    "of a router more at least than at most": (
        "Router",
        "autoscaling",
        {"minReplicas": 3, "maxReplicas": 2},
        {"autoscaling.minReplicas": "must not be more than maxReplicas"},
    ),
    "a gateway's router under a name": (
        "Router",
        "httpRoute",
        {"parentRefs": [{"name": "public"}], "hostnames": ["*.example.com"]},
        {},
    ),
    "a gateway's router under no name": (
        "Router",
        "httpRoute",
        {"parentRefs": [{"name": "public"}]},
        {
            "httpRoute.hostnames": "name what clients call the router, here or in access.hosts: it "
            "answers under no other"
        },
    ),
    "a load balancer's class without one": (
        "Router",
        "service.loadBalancerClass",
        "internal",
        {
            "service.loadBalancerClass": "is only for the type LoadBalancer; "
            "remove it or change type"
        },
    ),
    "a load balancer's ranges without one": (
        "Router",
        "service.loadBalancerSourceRanges",
        ["192.0.2.0/24"],
        {
            "service.loadBalancerSourceRanges": "are only for the type LoadBalancer; "
            "remove them or change type"
        },
    ),
}

CHANGES: dict[str, tuple[str, str, Any, dict[str, str]]] = {
    "another revision": ("VideoModel", "source.revision", "v2", {}),
    "another size": ("VideoModel", "generation.width", 512, {}),
    "another address": (
        "VideoModel",
        "source.uri",
        "hf://org/other",
        {"source.uri": "cannot change: make another VideoModel and point modelRef at it"},
    ),
    "another kind of cache": (
        "VideoModel",
        "cache.type",
        "None",
        {"cache.type": "cannot change: make another VideoModel"},
    ),
    "another model": ("StreamingService", "modelRef.name", "large", {}),
    "other services": ("Router", "services", [{"name": "other"}], {}),
}
"""What is told when the good object, stored already, is changed."""


def changed(kind: str, path: str, value: Any) -> dict[str, Any]:
    """The good object's `spec` with one thing changed."""
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


def manifest(kind: str, spec: dict[str, Any], name: str = "x") -> dict[str, Any]:
    """The whole object, as it is applied."""
    return {
        "apiVersion": "matinee.video/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
