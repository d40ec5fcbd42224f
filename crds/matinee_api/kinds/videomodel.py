"""VideoModel: what is served. Weights, engine, defaults of a generation, cache and warm-up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.families import FAMILIES, FamilyName
from matinee_api.kinds.compute import ComputeResources
from matinee_api.kinds.meta import (
    AGE,
    ApiModel,
    Conditions,
    KeyedBy,
    Name,
    ObjectMeta,
    PrinterColumn,
    Size,
    condition_column,
)
from matinee_api.kinds.pod import PodTemplate
from matinee_api.kinds.rules import Rule, immutable
from matinee_api.kinds.scheduling import Scheduling
from matinee_api.kinds.source import Adapter, ModelSource
from matinee_api.request_limits import RequestLimits
from matinee_api.sampling import NegativePrompt, Sampling


class ModelEngine(ApiModel):
    """How the model is run."""

    family: FamilyName | None = None
    """Engine family: the code that knows this model's pipeline (docs/families.md). Unset: as the
    model's files say."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights in memory; `auto`: bfloat16 on a GPU, float32 on a CPU."""


class GenerationSpec(ApiModel, NegativePrompt, Sampling):
    """What a request takes when it says nothing; unset: the model's own values."""


class ModelLimits(ApiModel, RequestLimits):
    """What one request may ask of this model at most, whichever service it comes through."""


class CacheClaim(ApiModel):
    """The PersistentVolumeClaim of a cache: an existing one, or one to make."""

    claim_name: Name | None = None
    """A claim that exists already; it outlives the model. Unset: one is made, and deleted with the
    model."""
    size: Size | None = None
    """Size of the claim to make; it never shrinks. Unset: what the files need, and a tenth more."""
    storage_class_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Unset: the cluster's default class. A class of local volumes keeps the files on a node."""
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = "ReadWriteMany"
    """`ReadWriteOnce` keeps all pods on one node."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.claimName) || (!has(self.size) && !has(self.storageClassName))",
            "claimName is a claim that exists: remove size and storageClassName",
            lambda claim: (
                claim.claim_name is None
                or (claim.size is None and claim.storage_class_name is None)
            ),
        ),
    )


class ModelCache(ApiModel):
    """Where downloaded weights are kept."""

    type: Literal["PersistentVolumeClaim", "None"] = "PersistentVolumeClaim"
    """A claim that all pods share, or a download at the start of each pod. Bundled models, `file:`
    and `pvc:` need none."""
    claim: CacheClaim = CacheClaim()

    rules: ClassVar[tuple[Rule, ...]] = (
        immutable("type", "cannot change: make another VideoModel"),
    )


class ModelWarmup(ApiModel):
    """A real generation before anything is called ready, in a Job and again in each pod."""

    enabled: bool = True
    """Without it the first viewer waits for compilation and caches."""
    prompt: Annotated[str, Field(min_length=1, max_length=8192)] = (
        "a red ball moving left on a blue background"
    )
    """Any prompt; the frames are thrown away."""
    timeout_seconds: int = Field(default=2400, ge=1, le=86400)
    """Loading and warm-up together; first compilation of a large model takes many minutes."""
    retries: int = Field(default=3, ge=0, le=10)
    """Retries within one Job. A Job that failed is followed by another, after a backoff of 1 to 30
    minutes."""
    policy: Literal["None", "BestEffort", "Required"] = "BestEffort"
    """`None`: there is no warm-up Job. `BestEffort`: services do not wait for it, and it yields to
    their pods when no node has room for both. `Required`: no pod of a revision that has never
    served is made before it succeeded."""
    resources: ComputeResources | None = None
    """What the warm-up Job asks of a node; unset: as the first service that uses the model."""


def _multiples() -> Iterator[Rule]:
    """Width and height fit the family: a rule for each factor and side."""
    for factor in sorted({family.size_factor for family in FAMILIES}):
        names = tuple(family.name for family in FAMILIES if family.size_factor == factor)
        for side in ("width", "height"):
            yield _multiple(names, factor, side)


def _multiple(families: tuple[str, ...], factor: int, side: str) -> Rule:
    def holds(spec: VideoModelSpec) -> bool:
        pixels = getattr(spec.generation, side)
        return spec.engine.family not in families or pixels is None or pixels % factor == 0

    listed = ", ".join(f"'{family}'" for family in families)
    return Rule(
        f"!has(self.engine.family) || !(self.engine.family in [{listed}]) "
        f"|| !has(self.generation.{side}) || self.generation.{side} % {factor} == 0",
        f"must be a multiple of {factor} for the family {' or '.join(families)}, "
        f"such as {factor * 16}",
        holds,
        f"generation.{side}",
    )


def _within(limit: str, field: str) -> Rule:
    """A default does not go past a limit; both by their names in YAML."""
    limit_name, field_name = (re.sub("[A-Z]", r"_\g<0>", name).lower() for name in (limit, field))

    def holds(spec: VideoModelSpec) -> bool:
        most, value = getattr(spec.limits, limit_name), getattr(spec.generation, field_name)
        return most is None or value is None or value <= most

    return Rule(
        f"!has(self.limits.{limit}) || !has(self.generation.{field}) "
        f"|| self.generation.{field} <= self.limits.{limit}",
        f"must not be more than limits.{limit}",
        holds,
        f"generation.{field}",
    )


def _pixels_are_within(spec: VideoModelSpec) -> bool:
    most, width, height = spec.limits.max_pixels, spec.generation.width, spec.generation.height
    return most is None or width is None or height is None or width * height <= most


class VideoModelSpec(ApiModel):
    """Desired state."""

    source: ModelSource
    engine: ModelEngine = ModelEngine()
    generation: GenerationSpec = GenerationSpec()
    limits: ModelLimits = ModelLimits()
    adapters: Annotated[tuple[Adapter, ...], Field(max_length=16), KeyedBy("name")] = ()
    """LoRA weights that are fetched and checked with the model's; sessions cannot ask for them
    yet."""
    cache: ModelCache = ModelCache()
    warmup: ModelWarmup = ModelWarmup()
    scheduling: Scheduling = Scheduling()
    """Where the download and warm-up Jobs may run."""
    pod: PodTemplate = PodTemplate()
    """What is said about the pods of these Jobs."""

    rules: ClassVar[tuple[Rule, ...]] = (
        *_multiples(),
        _within("maxFrames", "numFrames"),
        _within("maxSteps", "numInferenceSteps"),
        Rule(
            "!has(self.limits.maxPixels) || !has(self.generation.width) "
            "|| !has(self.generation.height) "
            "|| self.generation.width * self.generation.height <= self.limits.maxPixels",
            "generation.width times generation.height must not be more than limits.maxPixels",
            _pixels_are_within,
            "limits.maxPixels",
        ),
    )


class Resolved(ApiModel):
    """What the source resolved to."""

    resolved_from: str | None = None
    """The source that was resolved: address, revision and endpoint."""
    resolved_revision: str | None = None
    """The commit that its `revision` resolved to; it stays until `revision` changes."""
    size_bytes: int | None = None
    """Of all its files."""


class CachedFolder(ApiModel):
    """A folder of the cache."""

    name: str
    """Carries a hash of where its files come from."""
    bytes: int
    """Of all its files."""


class CacheStatus(ApiModel):
    """What the cache holds, and the progress of the download."""

    claim_name: str | None = None
    """The claim that holds the weights."""
    claim_uid: str | None = None
    """Of a claim that was made for the model: another one is empty."""
    folder: str | None = None
    """The folder with the weights that pods load; while others are fetched, the previous ones."""
    folders: Annotated[tuple[CachedFolder, ...], Field(max_length=64), KeyedBy("name")] = ()
    """Complete folders, the newest last. None is ever deleted."""
    bytes_done: int | None = None
    """Fetched and checked so far."""
    bytes_total: int | None = None
    """Of all files."""
    bytes_per_second: int | None = None
    """Over the last seconds."""
    eta_seconds: int | None = None
    """Until the download is done, at this speed."""


class WarmupStatus(ApiModel):
    """What the last warm-up measured."""

    started_at: str | None = None
    """When the Job began."""
    finished_at: str | None = None
    """When it ended."""
    load_seconds: float | None = None
    """Loading the weights."""
    fps: float | None = None
    """Frames made in a second of computing."""


class AdapterStatus(Resolved):
    """State of one adapter."""

    name: str
    """As in `spec.adapters`."""
    state: Literal["Pending", "Downloaded", "Failed"]
    """How far it is."""
    reason: str = ""
    """Why it failed, one word for programs."""
    message: str = ""
    """Why it failed, for people."""


class VideoModelStatus(Resolved):
    """Observed state."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is about."""
    phase: str | None = None
    """For people; programs read `conditions`."""
    reason: str | None = None
    """Reason of the condition that matters most now."""
    size: str | None = None
    """Size of the weights, for people."""
    cache: CacheStatus | None = None
    warmup: WarmupStatus | None = None
    adapters: Annotated[tuple[AdapterStatus, ...], Field(max_length=16), KeyedBy("name")] = ()
    """State of each adapter."""
    conditions: Conditions = ()
    """Downloaded, Warmed, Ready and Degraded."""


class VideoModel(ApiModel):
    """A video diffusion model: where its weights come from and how it is run."""

    api_version: Literal["matinee.video/v1alpha1"] = "matinee.video/v1alpha1"
    kind: Literal["VideoModel"] = "VideoModel"
    metadata: ObjectMeta
    spec: VideoModelSpec
    status: VideoModelStatus | None = None

    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        condition_column("Ready", "Ready", "Downloaded, warmed and usable"),
        PrinterColumn("Phase", "string", ".status.phase"),
        PrinterColumn("Family", "string", ".spec.engine.family"),
        PrinterColumn("Size", "string", ".status.size"),
        condition_column("Cached", "Downloaded", "The weights are complete and checked"),
        condition_column("Warm", "Warmed", "The model made a real video"),
        PrinterColumn("FPS", "number", ".status.warmup.fps", "Measured by the warm-up", wide=True),
        PrinterColumn("Reason", "string", ".status.reason", wide=True),
        AGE,
    )
