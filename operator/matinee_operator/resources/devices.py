"""Requests and limits of a container, from what a pod asks of a node."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from matinee_api.kinds.compute import ComputeResources
from matinee_api.kinds.pod import Limits
from matinee_operator.amounts import quantity
from matinee_operator.resources.metadata import Manifest


@dataclass(frozen=True, slots=True)
class Fitting:
    """What is asked for when a service says nothing."""

    cpu: str
    memory: str
    shared_memory: str = ""


ON_CPU = Fitting(cpu="500m", memory="2Gi", shared_memory="64Mi")
"""The bundled model with a few viewers."""
ON_GPU = Fitting(cpu="4", memory="32Gi", shared_memory="2Gi")
"""The host's side of a model of some ten billion weights."""


def fitting(resources: ComputeResources, limits: Limits) -> Fitting:
    usual = within(ON_CPU if resources.on_cpu else ON_GPU, limits)
    return Fitting(
        cpu=resources.cpu or usual.cpu,
        memory=resources.memory or usual.memory,
        shared_memory=resources.shared_memory or usual.shared_memory,
    )


def within(usual: Fitting, limits: Limits) -> Fitting:
    """No more than a limit allows; what a person asks for is not changed."""
    return dataclasses.replace(
        usual,
        cpu=_smaller(usual.cpu, limits.cpu),
        memory=_smaller(usual.memory, limits.memory),
    )


def _smaller(amount: str, limit: str | None) -> str:
    return limit if limit and quantity(limit) < quantity(amount) else amount


def plain_resources(wanted: Fitting, limits: Limits) -> Manifest:
    """Without devices. No CPU limit, unless one is set: encoders may use what is idle. Memory is
    limited to what is asked for."""
    capped = {"cpu": limits.cpu} if limits.cpu else {}
    return {
        "requests": {"cpu": wanted.cpu, "memory": wanted.memory},
        "limits": {**capped, "memory": limits.memory or wanted.memory},
    }


def container_resources(resources: ComputeResources, limits: Limits) -> Manifest:
    made = plain_resources(fitting(resources, limits), limits)
    if resources.gpu and resources.gpu.count:
        device = {resources.gpu.resource_name: str(resources.gpu.count)}
        made["requests"] |= device
        made["limits"] |= device
    if resources.resource_claims:
        made["claims"] = [{"name": claim.name} for claim in resources.resource_claims]
    return made


def pod_claims(resources: ComputeResources) -> Manifest:
    """The part of a PodSpec."""
    claims = [
        claim.model_dump(mode="json", exclude_none=True)
        for claim in resources.resource_claims or ()
    ]
    return {"resourceClaims": claims} if claims else {}
