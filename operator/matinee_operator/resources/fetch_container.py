"""The container that runs `matinee fetch`, in Jobs and before a pod's own containers.

Its configuration is an environment variable, so that nothing has to be made before it and tidied
up after it. Its termination message is the one line that it writes on stdout; reading that needs no
right to read logs.
"""

from __future__ import annotations

from collections.abc import Iterable

from matinee_api.contracts.fetch import FetchConfig
from matinee_api.kinds.pod import PodTemplate
from matinee_operator.installation import Installation
from matinee_operator.resources.devices import Fitting, plain_resources, within
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.pod_security import CONTAINER_SECURITY
from matinee_operator.resources.pod_template import (
    image_of,
    pull_policy_of,
    said_of_container,
    secret_mode,
)
from matinee_operator.weights.trees import SECRETS_FOLDER, Tree

CONTAINER = "fetch"
RESOLVING = Fitting(cpu="100m", memory="512Mi")
FETCHING = Fitting(cpu="500m", memory="1Gi")
"""Hashing what arrives takes the CPU; memory holds a few buffers."""
_SCRIPT = (
    'printf %s "$MATINEE_FETCH" >/tmp/fetch.json && '
    'exec python3 -m matinee fetch --config /tmp/fetch.json "$@" >/dev/termination-log'
)


def fetch_container(
    config: FetchConfig,
    trees: Iterable[Tree],
    template: PodTemplate,
    installation: Installation,
    usual: Fitting,
    mounts: Iterable[Manifest],
) -> Manifest:
    """`usual`: what it asks for where the template's limits leave room; `mounts`: where the trees'
    folders are."""
    text = config.model_dump_json(exclude_defaults=True)
    container = {
        "name": CONTAINER,
        "image": image_of(template, installation),
        "imagePullPolicy": pull_policy_of(template, installation),
        "command": ["sh", "-c", _SCRIPT, CONTAINER],
        "env": [{"name": "MATINEE_FETCH", "value": text}, {"name": "HOME", "value": "/tmp"}],  # noqa: S108 - the pod's own
        "resources": plain_resources(within(usual, template.limits), template.limits),
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
            *mounts,
            *_secret_mounts(trees),
        ],
    }
    return said_of_container(template, container)


def secret_volumes(trees: Iterable[Tree], template: PodTemplate) -> list[Manifest]:
    """Optional ones: a missing Secret is reported by the program, which a pod that never starts
    could not do."""
    return [
        {
            "name": f"secret-{number}",
            "secret": {
                "secretName": name,
                "items": [{"key": key, "path": key} for key in keys],
                "defaultMode": secret_mode(template),
                "optional": True,
            },
        }
        for number, (name, keys) in enumerate(_secrets(trees))
    ]


def _secret_mounts(trees: Iterable[Tree]) -> list[Manifest]:
    return [
        {"name": f"secret-{number}", "mountPath": f"{SECRETS_FOLDER}/{name}", "readOnly": True}
        for number, (name, _) in enumerate(_secrets(trees))
    ]


def _secrets(trees: Iterable[Tree]) -> list[tuple[str, list[str]]]:
    """Names of Secrets, and the keys that are read of each."""
    keys: dict[str, set[str]] = {}
    for tree in trees:
        if token := tree.source.token_secret_ref:
            keys.setdefault(token.name, set()).add(token.key)
    return [(name, sorted(found)) for name, found in sorted(keys.items())]
