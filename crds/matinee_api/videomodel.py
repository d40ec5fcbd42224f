"""VideoModel: what is served. Weights, engine, defaults of a generation, cache and warm-up."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.compute import ComputeResources
from matinee_api.meta import (
    AGE,
    ApiModel,
    Conditions,
    KeyedBy,
    Name,
    ObjectMeta,
    PrinterColumn,
    Quantity,
    SecretKeyRef,
    condition_column,
)
from matinee_api.rules import Rule, immutable
from matinee_api.scheduling import Scheduling

SPATIAL_FACTORS = {"ltx": 32}
"""Width and height of a family are multiples of this."""

_SCHEME = "^(hf|s3|oci|pvc|file|builtin):.+"
_SHAPES = (
    "^(hf:(//)?[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+|file:(//)?/.+|builtin:[a-z0-9-]+|(s3|oci|pvc)://.+)$"
)


class ModelSource(ApiModel):
    """Where the weights come from."""

    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    """`hf://org/name`, `s3://bucket/folder`, `oci://registry/name:tag`, `pvc://claim/folder`,
    `file:///folder` (on the node, or locally) or `builtin:tiny` (inside the runtime)."""
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Commit, tag or branch of an `hf:` model. A branch is pinned to its commit in the status."""
    token_secret_ref: SecretKeyRef | None = None
    """Token (or credentials) for `hf:`, `s3:` and `oci:`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.uri.matches('{_SCHEME}')",
            "must begin with one of hf:, s3:, oci:, pvc:, file:, builtin:",
            lambda source: re.search(_SCHEME, source.uri) is not None,
            "uri",
        ),
        Rule(
            f"!self.uri.matches('{_SCHEME}') || self.uri.matches('{_SHAPES}')",
            "must look like hf://org/name, s3://bucket/folder, oci://registry/name:tag, "
            "pvc://claim/folder, file:///folder or builtin:tiny",
            lambda source: (
                not re.search(_SCHEME, source.uri) or re.search(_SHAPES, source.uri) is not None
            ),
            "uri",
        ),
        Rule(
            "!has(self.revision) || self.uri.startsWith('hf:')",
            "is only for hf: sources; remove it",
            lambda source: source.revision is None or source.uri.startswith("hf:"),
            "revision",
        ),
        Rule(
            "!has(self.tokenSecretRef) || self.uri.matches('^(hf|s3|oci):')",
            "is only for hf:, s3: and oci: sources; remove it",
            lambda source: (
                source.token_secret_ref is None or source.uri.startswith(("hf:", "s3:", "oci:"))
            ),
            "tokenSecretRef",
        ),
        immutable("uri", "cannot change: make another VideoModel and point modelRef at it"),
    )

    @property
    def scheme(self) -> str:
        return self.uri.partition(":")[0]


class ModelEngine(ApiModel):
    """How the model is run."""

    family: Literal["ltx"]
    """Engine family: the code that knows this model's pipeline."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights in memory; `auto`: bfloat16 on a GPU, float32 on a CPU."""


class GenerationDefaults(ApiModel):
    """What a request takes when it says nothing; unset: the model's own values."""

    width: int | None = Field(default=None, ge=32, le=4096)
    """Pixels, a multiple of the family's factor (ltx: 32)."""
    height: int | None = Field(default=None, ge=32, le=4096)
    """Pixels, a multiple of the family's factor (ltx: 32)."""
    num_frames: int | None = Field(default=None, ge=1, le=4097)
    """Frames of one segment as the family counts them (a factor times k, plus 1)."""
    fps: int | None = Field(default=None, ge=1, le=120)
    """Frames a second of the video that is played."""
    num_inference_steps: int | None = Field(default=None, ge=1, le=1000)
    """Denoising steps."""
    guidance_scale: float | None = Field(default=None, ge=0, le=100)
    """Strength of classifier-free guidance; 1 or less switches it off."""
    negative_prompt: Annotated[str, Field(max_length=8192)] | None = None
    """What to keep away from."""


class Adapter(ApiModel):
    """LoRA weights that sessions may ask for."""

    name: Name
    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    """Like `source.uri`."""
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    token_secret_ref: SecretKeyRef | None = None
    scale: float = Field(default=1.0, ge=0, le=2)
    """Weight when a session names none."""
    preload: bool = True
    """Load with the model, not at first use."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.uri.matches('{_SHAPES}')",
            "must look like hf://org/name, s3://bucket/folder, oci://registry/name:tag, "
            "pvc://claim/folder or file:///folder",
            lambda adapter: re.search(_SHAPES, adapter.uri) is not None,
            "uri",
        ),
    )


class CacheClaim(ApiModel):
    """The PersistentVolumeClaim of a cache: an existing one, or one to make."""

    claim_name: Name | None = None
    """A claim that exists already."""
    size: Quantity | None = None
    """Size of the claim to make; unset: what the source's files need, and a tenth more."""
    storage_class_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = "ReadWriteMany"

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

    type: Literal["PersistentVolumeClaim", "NodeLocal", "None"] = "PersistentVolumeClaim"
    """A claim that all pods share, a folder on each node, or a download at each start. Bundled
    models, `file:` and `pvc:` need none."""
    claim: CacheClaim = CacheClaim()

    rules: ClassVar[tuple[Rule, ...]] = (
        immutable("type", "cannot change: make another VideoModel"),
    )


class ModelWarmup(ApiModel):
    """A real generation before anything is called ready, in a Job and again in each pod."""

    enabled: bool = True
    prompt: Annotated[str, Field(min_length=1, max_length=8192)] = (
        "a red ball moving left on a blue background"
    )
    """Any prompt; the frames are thrown away."""
    timeout_seconds: int = Field(default=2400, ge=1, le=86400)
    """Loading and warm-up together; first compilation of a large model takes many minutes."""
    retries: int = Field(default=3, ge=0, le=10)
    """Further tries of the warm-up Job."""
    policy: Literal["Required", "BestEffort"] = "Required"
    """Whether a failed warm-up Job keeps the model from being ready."""
    resources: ComputeResources | None = None
    """What the warm-up Job asks of a node; unset: as the first service that uses the model."""


def _multiple(family: str, factor: int, side: str) -> Rule:
    """Width and height fit the family."""

    def holds(spec: VideoModelSpec) -> bool:
        pixels = getattr(spec.generation, side)
        return spec.engine.family != family or pixels is None or pixels % factor == 0

    return Rule(
        f"self.engine.family != '{family}' || !has(self.generation.{side}) "
        f"|| self.generation.{side} % {factor} == 0",
        f"must be a multiple of {factor} for the family {family}, such as {factor * 16}",
        holds,
        f"generation.{side}",
    )


class VideoModelSpec(ApiModel):
    """What is wanted."""

    source: ModelSource
    engine: ModelEngine
    generation: GenerationDefaults = GenerationDefaults()
    adapters: Annotated[tuple[Adapter, ...], KeyedBy("name"), Field(max_length=16)] = ()
    cache: ModelCache = ModelCache()
    warmup: ModelWarmup = ModelWarmup()
    scheduling: Scheduling = Scheduling()
    """Where the download and warm-up Jobs may run."""

    rules: ClassVar[tuple[Rule, ...]] = tuple(
        _multiple(family, factor, side)
        for family, factor in SPATIAL_FACTORS.items()
        for side in ("width", "height")
    )


class CacheStatus(ApiModel):
    """Progress of the download."""

    claim_name: str | None = None
    bytes_done: int | None = None
    bytes_total: int | None = None
    bytes_per_second: int | None = None
    eta_seconds: int | None = None


class WarmupStatus(ApiModel):
    """What the last warm-up measured."""

    started_at: str | None = None
    finished_at: str | None = None
    load_seconds: float | None = None
    first_frame_seconds: float | None = None
    fps: float | None = None
    """Frames made in a second of computing."""


class AdapterStatus(ApiModel):
    """State of one adapter."""

    name: str
    state: Literal["Pending", "Downloaded", "Failed"]
    message: str = ""


class VideoModelStatus(ApiModel):
    """What the operator observed."""

    observed_generation: int | None = None
    phase: str | None = None
    """For people; programs read `conditions`."""
    reason: str | None = None
    """Reason of the condition that matters most now."""
    size: str | None = None
    """Size of the weights, for people."""
    resolved_revision: str | None = None
    """The commit that `source.revision` stood for."""
    cache: CacheStatus | None = None
    warmup: WarmupStatus | None = None
    adapters: Annotated[tuple[AdapterStatus, ...], KeyedBy("name"), Field(max_length=16)] = ()
    conditions: Conditions = ()


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
