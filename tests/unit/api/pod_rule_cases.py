"""What may be said about pods, and what not: part of the cases of `rule_cases.py`."""

from __future__ import annotations

from typing import Any

ONE_VALUE = "set exactly one of value and valueFrom"
ONE_REF = "set exactly one of secretKeyRef, configMapKeyRef and fieldRef"
ONE_VOLUME = (
    "set exactly one of persistentVolumeClaim, secret, configMap, emptyDir, projected and csi"
)
MOUNT = "every volumeMounts entry must name an entry of volumes"
OWN_NAMES = (
    "the operator sets app.kubernetes.io/name, app.kubernetes.io/component, "
    "app.kubernetes.io/managed-by and all names that begin with matinee.video/: leave them out"
)
OWN_VOLUMES = (
    "the operator has volumes of the names config, control, state, jobs, tmp, cache, "
    "shared-memory, "
    "weights, ca-bundle and secret-...: choose others"
)
BUNDLE = {"configMapKeyRef": {"name": "ca", "key": "ca.crt"}}

POD_CASES: dict[str, tuple[str, str, Any, dict[str, str]]] = {
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
    "a variable that the operator sets": (
        "StreamingService",
        "pod.env",
        [{"name": "HOME", "value": "/root"}],
        {
            "pod.env": "the operator sets HOME, HF_HOME, XDG_CACHE_HOME, TORCHINDUCTOR_CACHE_DIR, "
            "TRITON_CACHE_DIR, MATINEE_FETCH: leave them out"
        },
    ),
    "a variable of the pod": (
        "StreamingService",
        "pod.env",
        [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['team']"}}}],
        {},
    ),
    "variables from two places": (
        "VideoModel",
        "pod.envFrom",
        [{"secretRef": {"name": "a"}, "configMapRef": {"name": "b"}}],
        {"pod.envFrom[0]": "set exactly one of secretRef and configMapRef"},
    ),
    "a bundle of certificates": ("VideoModel", "pod.caBundle", BUNDLE, {}),
    "a bundle from nowhere": (
        "VideoModel",
        "pod.caBundle",
        {},
        {"pod.caBundle": "set exactly one of configMapKeyRef and secretKeyRef"},
    ),
    "a bundle, and another file of certificates": (
        "VideoModel",
        "pod",
        {"caBundle": BUNDLE, "env": [{"name": "SSL_CERT_FILE", "value": "/x"}]},
        {"pod.env": "caBundle sets SSL_CERT_FILE: leave it out of env"},
    ),
    "a label that the operator sets": (
        "StreamingService",
        "pod.labels",
        {"team": "video", "app.kubernetes.io/name": "other"},
        {"pod.labels": OWN_NAMES},
    ),
    "an annotation that the operator reads": (
        "VideoModel",
        "pod.annotations",
        {"matinee.video/attempt": "7"},
        {"pod.annotations": OWN_NAMES},
    ),
    "other labels and long annotations": (
        "VideoModel",
        "pod",
        {"labels": {"app.kubernetes.io/part-of": "x"}, "annotations": {"note": "x" * 100_000}},
        {},
    ),
    "ids that the cluster names": (
        "VideoModel",
        "pod.securityContext",
        {"ids": "Cluster"},
        {},
    ),
    "ids that the cluster names, and the user too": (
        "VideoModel",
        "pod.securityContext",
        {"ids": "Cluster", "runAsUser": 7},
        {
            "pod.securityContext": "the cluster names the ids: remove runAsUser, runAsGroup and "
            "fsGroup, or set ids to Operator"
        },
    ),
    "a volume of the operator's": (
        "VideoModel",
        "pod.volumes",
        [{"name": "tmp", "emptyDir": {}}],
        {"pod.volumes": OWN_VOLUMES},
    ),
    "a volume that is projected from two things at once": (
        "StreamingService",
        "pod.volumes",
        [
            {
                "name": "scratch",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "token"}},
                        {"secret": {"name": "a"}, "configMap": {"name": "b"}},
                    ]
                },
            }
        ],
        {
            "pod.volumes[0].projected.sources[1]": "set exactly one of serviceAccountToken, "
            "secret and configMap"
        },
    ),
    "a volume of a driver": (
        "StreamingService",
        "pod.volumes",
        [{"name": "scratch", "csi": {"driver": "secrets-store.csi.k8s.io"}}],
        {},
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
