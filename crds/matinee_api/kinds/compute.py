"""What one pod asks of a node: GPUs or claims on devices, CPU, memory, shared memory."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from matinee_api.kinds.meta import ApiModel, KeyedBy, Name, Quantity, exactly_one
from matinee_api.kinds.patterns import RESOURCE_NAME
from matinee_api.kinds.rules import Rule


class Gpu(ApiModel):
    """Whole GPUs (or MIG slices) by the name under which the device plugin offers them."""

    resource_name: Annotated[str, Field(max_length=253, pattern=RESOURCE_NAME)] = "nvidia.com/gpu"
    """Extended resource, for example `nvidia.com/gpu` or `nvidia.com/mig-3g.40gb`."""
    count: int = Field(default=1, ge=0, le=16)
    """GPUs of one pod, each with a worker process of its own; 0 runs one worker on the CPU."""


class ResourceClaim(ApiModel):
    """A claim on a device through dynamic resource allocation."""

    name: Name
    """Name of the claim inside the pod."""
    resource_claim_name: Name | None = None
    """An existing ResourceClaim, shared by all pods."""
    resource_claim_template_name: Name | None = None
    """A template: each pod gets a claim of its own."""

    rules: ClassVar[tuple[Rule, ...]] = (
        exactly_one("resourceClaimName", "resourceClaimTemplateName"),
    )


class ComputeResources(ApiModel):
    """Exactly one of `gpu` and `resourceClaims`, and what goes with it."""

    gpu: Gpu | None = None
    """GPUs that a device plugin hands out; `count: 0` for the CPU."""
    resource_claims: (
        Annotated[tuple[ResourceClaim, ...], Field(min_length=1, max_length=8), KeyedBy("name")]
        | None
    ) = None
    """Devices by dynamic resource allocation, instead of `gpu`. One worker uses them."""
    cpu: Quantity | None = None
    """CPU request of a pod; unset: what the operator finds fitting."""
    memory: Quantity | None = None
    """Memory request of a pod, and its limit where `pod.limits` has none; unset: what the operator
    finds fitting."""
    shared_memory: Quantity | None = None
    """Size of /dev/shm, which libraries such as NCCL use (frames do not pass through it); unset:
    what the operator finds fitting."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.gpu) != has(self.resourceClaims)",
            "set exactly one of gpu and resourceClaims (gpu: {count: 0} runs on the CPU)",
            lambda resources: (resources.gpu is None) != (resources.resource_claims is None),
        ),
    )

    @property
    def workers(self) -> int:
        """Worker processes of one pod: one for each GPU, else one."""
        return max(1, self.gpu.count) if self.gpu else 1

    @property
    def on_cpu(self) -> bool:
        return self.gpu is not None and self.gpu.count == 0
