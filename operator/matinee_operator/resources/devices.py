"""Requests and limits of a container, from what a pod asks of a node."""

from __future__ import annotations

from dataclasses import dataclass

from matinee_api.kinds.compute import ComputeResources
from matinee_operator.resources.metadata import Manifest


@dataclass(frozen=True, slots=True)
class Fitting:
    """What is asked for when a service says nothing."""

    cpu: str
    memory: str
    shared_memory: str


ON_CPU = Fitting(cpu="500m", memory="2Gi", shared_memory="64Mi")
"""The bundled model with a few viewers."""
ON_GPU = Fitting(cpu="4", memory="32Gi", shared_memory="2Gi")
"""The host's side of a model of some ten billion weights."""


def fitting(resources: ComputeResources) -> Fitting:
    usual = ON_CPU if resources.on_cpu else ON_GPU
    return Fitting(
        cpu=resources.cpu or usual.cpu,
        memory=resources.memory or usual.memory,
        shared_memory=resources.shared_memory or usual.shared_memory,
    )


def container_resources(resources: ComputeResources) -> Manifest:
    """No CPU limit: encoders may use what is idle. Memory is limited to what was asked for."""
    wanted = fitting(resources)
    requests = {"cpu": wanted.cpu, "memory": wanted.memory}
    limits = {"memory": wanted.memory}
    made: Manifest = {"requests": requests, "limits": limits}
    if resources.gpu and resources.gpu.count:
        limits[resources.gpu.resource_name] = str(resources.gpu.count)
        requests[resources.gpu.resource_name] = str(resources.gpu.count)
    if resources.resource_claims:
        made["claims"] = [{"name": claim.name} for claim in resources.resource_claims]
    return made


def pod_claims(resources: ComputeResources) -> list[Manifest]:
    return [
        claim.model_dump(mode="json", exclude_none=True)
        for claim in resources.resource_claims or ()
    ]
