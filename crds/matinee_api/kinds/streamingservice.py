"""StreamingService: how many sessions of one model are served, and by which pods."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.compute import ComputeResources, Gpu
from matinee_api.kinds.environment import JOBS_VARIABLE, STORE_VARIABLE
from matinee_api.kinds.jobs import URL_WITH_REDIS, JobCounts, Jobs, UrlSecret
from matinee_api.kinds.low_demand import LowDemand
from matinee_api.kinds.meta import (
    AGE,
    REASON,
    ApiModel,
    Conditions,
    KeyedBy,
    Name,
    ObjectMeta,
    PrinterColumn,
    condition_column,
)
from matinee_api.kinds.patterns import HOST_NAME, ORIGIN
from matinee_api.kinds.pod import PodTemplate
from matinee_api.kinds.rollout import Drain, Rollout
from matinee_api.kinds.rules import Rule
from matinee_api.kinds.scheduling import Scheduling
from matinee_api.request_limits import RequestLimits


class ModelRef(ApiModel):
    """A VideoModel of the same namespace."""

    name: Name
    """Name of the VideoModel."""


class Autoscaling(ApiModel):
    """Pods by the number of used slots."""

    mode: Literal["Builtin", "External"] = "Builtin"
    """`Builtin`: the operator decides and leaves `replicas` alone; what it wants is in
    `status.desiredReplicas`. `External`: an HPA or KEDA writes `replicas` through the scale
    subresource."""
    min_replicas: int = Field(default=1, ge=0, le=1000)
    """Fewest pods. With 0, and `bufferSlots: 0`, `Builtin` lets the last one go; a viewer who is
    queued at a Router of the service brings one back."""
    max_replicas: int = Field(ge=1, le=1000)
    """Most pods."""
    target_slots_used_percent: int = Field(default=70, ge=10, le=100)
    """Pods are added above this share of used slots."""
    buffer_slots: int = Field(default=1, ge=0, le=1000)
    """Free slots to keep ready for new viewers."""
    scale_down_stabilization_seconds: int = Field(default=300, ge=0, le=86400)
    """How long demand must stay low before a pod is removed."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "must not be more than maxReplicas",
            lambda scaling: scaling.min_replicas <= scaling.max_replicas,
            "minReplicas",
        ),
    )


class Sessions(ApiModel):
    """Limits of the sessions of one pod."""

    max_per_pod: int = Field(default=1, ge=1, le=1024)
    """Sessions that play at the same time; they share the pod's GPUs evenly."""
    idle_timeout_seconds: int = Field(default=300, ge=1, le=86400)
    """A session without a message for this long ends; also the longest wait for a slot."""
    segment_cap: int = Field(default=6, ge=0, le=1000000)
    """Segments of one session; 0 = no limit."""
    max_queue: int = Field(default=16, ge=0, le=100000)
    """Longest queue for a slot of one pod; further viewers are refused."""


class Prompts(ApiModel):
    """What clients may ask for."""

    max_characters: int = Field(default=8192, ge=1, le=1048576)
    """Longest prompt."""
    presets: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=253)], ...], Field(max_length=64)
    ] = ()
    """Preset names that clients may use; empty: any."""


class ServiceLimits(ApiModel, RequestLimits):
    """What one request may ask of this service at most, within the limits of its VideoModel."""


class Access(ApiModel):
    """Where clients may come from. Names of the service inside the cluster need not be listed."""

    hosts: Annotated[
        tuple[Annotated[str, Field(pattern=HOST_NAME, max_length=255)], ...], Field(max_length=64)
    ] = ()
    """Names that clients outside use for the service, such as an Ingress's: `video.example.com`,
    `*.example.com` for all names below that one, `*` for any."""
    origins: Annotated[
        tuple[Annotated[str, Field(pattern=ORIGIN, max_length=512)], ...], Field(max_length=64)
    ] = ()
    """Origins of web pages that may open a stream, besides those under the service's own names:
    `https://app.example.com`; `*` for any."""


class Encoding(ApiModel):
    """H.264 settings, the same for all sessions."""

    preset: Literal["ultrafast", "superfast", "veryfast"] = "ultrafast"
    """libx264 preset: slower ones send fewer bytes for more CPU."""
    crf: int = Field(default=23, ge=0, le=51)
    """libx264 quality, lower is better and larger."""


class Store(ApiModel):
    """Where the continuation states of sessions are kept."""

    type: Literal["Memory", "File", "Redis"] = "Memory"
    """`Memory`: gone with the process. `File`: in the state folder. `Redis`: in a Redis or Valkey
    server that all pods share, so that sessions outlive their pods."""
    url_secret: UrlSecret | None = None
    """With `Redis`: where the server's URL is, such as `rediss://:PASSWORD@HOST:6379`."""
    ttl_seconds: int = Field(default=3600, ge=1, le=2592000)
    """States older than this are dropped."""
    max_states: int = Field(default=1024, ge=1, le=1000000)
    """Most states kept; the oldest go first."""

    rules: ClassVar[tuple[Rule, ...]] = (URL_WITH_REDIS,)


class StreamingServiceSpec(ApiModel):
    """Desired state."""

    model_ref: ModelRef
    """The VideoModel that is served."""
    replicas: int = Field(default=1, ge=0, le=1000)
    """Pods. With `autoscaling` an external autoscaler writes it, and `Builtin` does not read it."""
    autoscaling: Autoscaling | None = None
    resources: ComputeResources = ComputeResources(gpu=Gpu())
    """What each pod asks of a node."""
    sessions: Sessions = Sessions()
    rollout: Rollout = Rollout()
    drain: Drain = Drain()
    prompts: Prompts = Prompts()
    limits: ServiceLimits = ServiceLimits()
    access: Access = Access()
    encoding: Encoding = Encoding()
    store: Store = Store()
    jobs: Jobs = Jobs()
    scheduling: Scheduling = Scheduling()
    """Where the pods may run."""
    pod: PodTemplate = PodTemplate()
    """What is said about the pods."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.resources.gpu) || self.resources.gpu.count < 2 "
            "|| self.sessions.maxPerPod % self.resources.gpu.count == 0",
            "must be a multiple of resources.gpu.count: each GPU takes the same number of sessions",
            lambda spec: spec.sessions.max_per_pod % spec.resources.workers == 0,
            "sessions.maxPerPod",
        ),
        Rule(
            "self.store.type != 'Redis' || "
            f"self.pod.env.all(variable, variable.name != '{STORE_VARIABLE}')",
            f"store.urlSecret sets {STORE_VARIABLE}: leave it out",
            lambda spec: (
                spec.store.type != "Redis"
                or not any(variable.name == STORE_VARIABLE for variable in spec.pod.env)
            ),
            "pod.env",
        ),
        Rule(
            "self.jobs.store.type != 'Redis' || "
            f"self.pod.env.all(variable, variable.name != '{JOBS_VARIABLE}')",
            f"jobs.store.urlSecret sets {JOBS_VARIABLE}: leave it out",
            lambda spec: (
                spec.jobs.store.type != "Redis"
                or not any(variable.name == JOBS_VARIABLE for variable in spec.pod.env)
            ),
            "pod.env",
        ),
    )


class SessionCounts(ApiModel):
    """Sessions over all pods."""

    active: int = 0
    """Playing."""
    queued: int = 0
    """Waiting for a slot."""
    capacity: int = 0
    """Slots of all ready pods."""


class PodStatus(ApiModel):
    """One runtime pod."""

    name: str
    """Name of the pod."""
    revision: str
    """Revision that it was made from."""
    state: Literal["Pending", "Loading", "Serving", "Cordoned", "Draining", "Failed"]
    """How far it is."""
    sessions: int = 0
    """Sessions that play on it."""
    drain_deadline: str | None = None
    """When its sessions are migrated or closed."""
    message: str = ""
    """Why it does not serve."""


class LastStart(ApiModel):
    """How long a pod takes until it serves; Routers tell it those who wait for the first one."""

    began: str
    """When the newest pod was made that has become ready."""
    seconds: int
    """Until it was ready: scheduling, pulling of the image, loading, warm-up."""


class StreamingServiceStatus(ApiModel):
    """Observed state."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is about."""
    phase: str | None = None
    """For people; programs read `conditions`."""
    url: str | None = None
    """Where clients inside the cluster connect to."""
    desired_replicas: int | None = None
    """Desired pods: `spec.replicas`, or what `Builtin` autoscaling decided."""
    low_demand: LowDemand | None = None
    """Set while `Builtin` autoscaling waits before it removes pods."""
    last_start: LastStart | None = None
    replicas: int = 0
    """Pods that exist and are not terminating."""
    ready_replicas: int = 0
    """Pods whose model is loaded and warmed."""
    servable_replicas: int = 0
    """Ready pods that every router knows."""
    updated_replicas: int = 0
    """Pods of the newest revision."""
    draining_replicas: int = 0
    """Pods that drain: they wait for their last sessions."""
    selector: str | None = None
    """Label selector of the pods, for the scale subresource."""
    current_revision: str | None = None
    """Revision of the last complete rollout."""
    update_revision: str | None = None
    """Revision that is being rolled out."""
    sessions: SessionCounts = SessionCounts()
    jobs: JobCounts = JobCounts()
    pods: Annotated[tuple[PodStatus, ...], Field(max_length=64), KeyedBy("name")] = ()
    """At most 64; the counts above are over all."""
    conditions: Conditions = ()
    """Ready, Servable, Progressing, Draining and Degraded."""


class StreamingService(ApiModel):
    """A live service of one VideoModel: GPU pods, session limits, rollout and drain."""

    api_version: Literal["matinee.video/v1alpha1"] = "matinee.video/v1alpha1"
    kind: Literal["StreamingService"] = "StreamingService"
    metadata: ObjectMeta
    spec: StreamingServiceSpec
    status: StreamingServiceStatus | None = None

    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        condition_column("Ready", "Ready", "All desired pods serve the current revision"),
        PrinterColumn("Servable", "integer", ".status.servableReplicas", "Pods that take sessions"),
        PrinterColumn("Desired", "integer", ".status.desiredReplicas", "Desired pods"),
        PrinterColumn(
            "Updated", "integer", ".status.updatedReplicas", "Pods of the newest revision"
        ),
        PrinterColumn("Draining", "integer", ".status.drainingReplicas"),
        PrinterColumn("Sessions", "integer", ".status.sessions.active"),
        PrinterColumn("Jobs", "integer", ".status.jobs.waiting", "Jobs that wait", wide=True),
        PrinterColumn("Model", "string", ".spec.modelRef.name"),
        REASON,
        PrinterColumn("URL", "string", ".status.url", "Address inside the cluster", wide=True),
        AGE,
    )
