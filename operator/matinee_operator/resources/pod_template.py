"""What a PodTemplate adds to a pod, to its containers and to the metadata of both. Pure.

What is the operator's own comes first and wins: the rules of the kind refuse its names, and objects
that were stored before these rules may have them all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matinee_api.kinds.environment import CA_VARIABLE, KeyRef
from matinee_api.kinds.meta import SecretKeyRef
from matinee_api.kinds.pod import PodSecurity, PodTemplate
from matinee_operator.installation import Installation
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.pod_security import POD_SECURITY

CA_FOLDER, CA_FILE = "/etc/matinee-ca", "ca.crt"
CA_VOLUME = "ca-bundle"
READABLE_BY_GROUP, READABLE_BY_ALL = 0o440, 0o444


def image_of(template: PodTemplate, installation: Installation) -> str:
    return template.image or installation.runtime_image


def pull_policy_of(template: PodTemplate, installation: Installation) -> str:
    return template.image_pull_policy or installation.image_pull_policy


def said_of_pod(template: PodTemplate) -> Manifest:
    """The part of a PodSpec besides containers and volumes."""
    spec: Manifest = {"securityContext": _security(template.security_context)}
    if template.service_account_name:
        spec["serviceAccountName"] = template.service_account_name
    if template.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": each.name} for each in template.image_pull_secrets]
    if template.termination_grace_period_seconds is not None:
        spec["terminationGracePeriodSeconds"] = template.termination_grace_period_seconds
    return spec


def said_of_container(template: PodTemplate, container: Manifest) -> Manifest:
    """The container with the template's environment and mounts after its own."""
    made = {
        **container,
        "env": [*container["env"], *_ca_environment(template), *_given(template.env)],
        "volumeMounts": [
            *container["volumeMounts"],
            *_ca_mounts(template),
            *_given(template.volume_mounts),
        ],
    }
    if template.env_from:
        made["envFrom"] = _given(template.env_from)
    return made


def environment_from(secrets: Mapping[str, SecretKeyRef | None]) -> list[Manifest]:
    """Variables by their names; a pod does not start before the Secrets are there."""
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": found.name, "key": found.key}}}
        for name, found in secrets.items()
        if found is not None
    ]


def extra_volumes(template: PodTemplate) -> list[Manifest]:
    return [*_ca_volumes(template), *_given(template.volumes)]


def with_metadata(template: PodTemplate, own: Manifest) -> Manifest:
    """Metadata of a pod or a Job, with the template's labels and annotations."""
    made = {**own, "labels": {**template.labels, **own.get("labels", {})}}
    if annotations := {**template.annotations, **own.get("annotations", {})}:
        made["annotations"] = annotations
    return made


def secret_mode(template: PodTemplate) -> int:
    """Rights of files for the pod's user: by its group, where it is known to be the volumes'."""
    chosen = template.security_context.ids == "Operator"
    return READABLE_BY_GROUP if chosen else READABLE_BY_ALL


def _security(asked: PodSecurity) -> Manifest:
    if asked.ids == "Cluster":
        ids = ("runAsUser", "runAsGroup", "fsGroup")
        return {key: value for key, value in POD_SECURITY.items() if key not in ids}
    given = asked.model_dump(mode="json", exclude={"ids"}, exclude_none=True)
    return {**POD_SECURITY, **given}


def _ca_environment(template: PodTemplate) -> list[Manifest]:
    if template.ca_bundle is None:
        return []
    return [{"name": CA_VARIABLE, "value": f"{CA_FOLDER}/{CA_FILE}"}]


def _ca_mounts(template: PodTemplate) -> list[Manifest]:
    if template.ca_bundle is None:
        return []
    return [{"name": CA_VOLUME, "mountPath": CA_FOLDER, "readOnly": True}]


def _ca_volumes(template: PodTemplate) -> list[Manifest]:
    """Optional ones: what is missing is reported by the program, which a pod that never starts
    could not do."""
    bundle = template.ca_bundle
    if bundle and (found := bundle.config_map_key_ref):
        return [{"name": CA_VOLUME, "configMap": {"name": found.name, **_one_file(found)}}]
    if bundle and (found := bundle.secret_key_ref):
        return [{"name": CA_VOLUME, "secret": {"secretName": found.name, **_one_file(found)}}]
    return []


def _one_file(found: KeyRef) -> Manifest:
    return {"items": [{"key": found.key, "path": CA_FILE}], "optional": True}


def _given(models: Any) -> list[Manifest]:
    return [model.model_dump(mode="json", exclude_none=True) for model in models]
