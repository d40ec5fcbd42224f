"""Where pods may run: the parts of Kubernetes' PodSpec that place a pod, typed and nothing else."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.meta import ApiModel, Labels, LabelText, Name
from matinee_api.kinds.rules import Rule

Key = Annotated[str, Field(min_length=1, max_length=317)]
Values = Annotated[tuple[LabelText, ...], Field(max_length=64)]


class Toleration(ApiModel):
    """A taint that pods tolerate."""

    key: Key | None = None
    """Key of the taint; unset with `Exists`: every taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """`Exists` takes any value."""
    value: LabelText | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Unset: all effects."""
    toleration_seconds: int | None = Field(default=None, ge=0)
    """How long a `NoExecute` taint is tolerated; unset: indefinitely."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.key) || self.operator == 'Exists'",
            "without a key the operator must be Exists (it then matches every taint)",
            lambda toleration: toleration.key is not None or toleration.operator == "Exists",
            "operator",
        ),
        Rule(
            "self.operator != 'Exists' || !has(self.value)",
            "the operator Exists takes no value; remove it",
            lambda toleration: toleration.operator != "Exists" or toleration.value is None,
            "value",
        ),
    )


class NodeRequirement(ApiModel):
    """One comparison with a label (or a field) of a node."""

    key: Key
    """The label, or the field."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """How it is compared."""
    values: Values = ()
    """With `In` and `NotIn` any number, with `Gt` and `Lt` one, else none."""


class NodeSelectorTerm(ApiModel):
    """All of these must hold."""

    match_expressions: Annotated[tuple[NodeRequirement, ...], Field(max_length=16)] = ()
    """By labels."""
    match_fields: Annotated[tuple[NodeRequirement, ...], Field(max_length=16)] = ()
    """By fields, such as `metadata.name`."""


class NodeSelector(ApiModel):
    """One of these must hold."""

    node_selector_terms: Annotated[tuple[NodeSelectorTerm, ...], Field(min_length=1, max_length=16)]
    """The alternatives."""


class PreferredNodes(ApiModel):
    """Preferred nodes, by weight."""

    weight: int = Field(ge=1, le=100)
    """Added to the score of a node that fits."""
    preference: NodeSelectorTerm


class NodeAffinity(ApiModel):
    """Which nodes."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredNodes, ...], Field(max_length=16)
    ] = ()
    """Preferred nodes."""


class LabelRequirement(ApiModel):
    """One comparison with a label of a pod."""

    key: Key
    """The label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How it is compared."""
    values: Values = ()
    """With `In` and `NotIn`, else none."""


class LabelSelector(ApiModel):
    """Pods by their labels."""

    match_labels: Labels = Field(default_factory=dict)
    """Labels with these values."""
    match_expressions: Annotated[tuple[LabelRequirement, ...], Field(max_length=16)] = ()
    """Comparisons."""


class PodAffinityTerm(ApiModel):
    """Pods that count as neighbours within one topology."""

    topology_key: Key
    """Label of the nodes that makes a neighbourhood, such as `kubernetes.io/hostname`."""
    label_selector: LabelSelector = LabelSelector()
    namespaces: Annotated[tuple[Name, ...], Field(max_length=16)] = ()
    """Where the neighbours are looked for; empty: the pod's own namespace."""


class PreferredPods(ApiModel):
    """Preferred neighbours, by weight."""

    weight: int = Field(ge=1, le=100)
    """Added to the score of a node that fits."""
    pod_affinity_term: PodAffinityTerm


class PodAffinity(ApiModel):
    """Which neighbours."""

    required_during_scheduling_ignored_during_execution: Annotated[
        tuple[PodAffinityTerm, ...], Field(max_length=16)
    ] = ()
    """Neighbours that a pod must have (or, as anti-affinity, must not have)."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredPods, ...], Field(max_length=16)
    ] = ()
    """Preferred neighbours."""


class Affinity(ApiModel):
    """Attraction to nodes, and to or from other pods."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpread(ApiModel):
    """How evenly the pods of one service spread; the operator fills in the selector."""

    topology_key: Key
    """Label of the nodes over which pods spread."""
    max_skew: int = Field(default=1, ge=1, le=1000)
    """Largest difference between two topologies."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = "ScheduleAnyway"
    """Whether a pod waits or runs anyway."""


class Scheduling(ApiModel):
    """Where pods may run."""

    node_selector: Labels = Field(default_factory=dict)
    """Labels that a node must have."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] = ()
    """Taints that pods tolerate, for example that of GPU nodes."""
    affinity: Affinity | None = None
    """Attraction to nodes, and to or from other pods."""
    topology_spread_constraints: Annotated[tuple[TopologySpread, ...], Field(max_length=8)] = ()
    """How evenly pods spread."""
    priority_class_name: Key | None = None
    """Which pods are scheduled first, and may preempt others, when nodes are full."""
    runtime_class_name: Key | None = None
    """For example `nvidia`, where GPU pods need a runtime class."""
    scheduler_name: Key | None = None
    """Who places the pods; unset: the cluster's default scheduler."""
