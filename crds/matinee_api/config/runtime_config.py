"""The runtime's configuration: what `matinee serve --config` and `matinee generate --config` read.

The operator writes the same `ServeConfig` into a pod's ConfigMap that `matinee up` hands to a
local process. Keys follow FastVideo's configuration where it has one, so its files need few
changes. Unknown keys are errors (`load.py` reports the dotted path and the nearest key).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from matinee_api.config.config_model import Config
from matinee_api.config.connection_limits import ConnectionLimits
from matinee_api.config.jobs_config import JobsConfig
from matinee_api.config.prompt_config import PromptConfig
from matinee_api.families import FamilyName
from matinee_api.kinds.patterns import HOST_NAME, ORIGIN
from matinee_api.kinds.rules import broken_rules
from matinee_api.request_limits import RequestLimits
from matinee_api.sampling import NegativePrompt, Sampling, Seeded

Prompt = Annotated[str, Field(min_length=1, max_length=8192)]


class EngineConfig(Config):
    """How the model is run; says nothing about what it makes."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes a CUDA GPU when there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights in memory. `auto`: bfloat16 on a GPU, float32 on a CPU (half precision
    is slow on most CPUs)."""
    cpu_threads: int | None = Field(default=None, ge=1, le=512)
    """Threads that torch uses on a CPU; unset: the cores divided by the workers."""


class GeneratorConfig(Config):
    """Which model."""

    model_path: str = Field(min_length=1)
    """A folder in Diffusers format, a hub id `org/name`, or a URI: `builtin:tiny`, `file:/folder`,
    `hf:org/name`."""
    model_id: str | None = None
    """Name that clients see; unset: the last part of `model_path`."""
    revision: str | None = None
    """Commit, tag or branch of a hub model."""
    family: FamilyName | None = None
    """Engine family; unset: told from the model's own files."""
    engine: EngineConfig = EngineConfig()


class SamplingConfig(Config, Seeded, Sampling):
    """What a request may set and otherwise takes from here, and failing that from the model."""


class _Prompted(Config):
    prompt: Prompt | None = None
    """What to show."""


class RequestConfig(NegativePrompt, _Prompted):
    """One generation: `matinee generate`, or the defaults of a server's sessions."""

    image_path: str | None = None
    """Picture that the video starts from (png, jpeg or webp)."""
    sampling: SamplingConfig = SamplingConfig()


class OutputConfig(Config):
    """Where a generation is written."""

    output_path: str = "outputs/"
    """A file that ends in .mp4, .webm or .gif; `frames/%05d.png` for a folder of pictures; `-` for
    standard output; or a folder for an .mp4 named by prompt and seed."""


class RunConfig(Config):
    """`matinee generate --config`."""

    generator: GeneratorConfig
    request: RequestConfig = RequestConfig()
    output: OutputConfig = OutputConfig()


class ServerConfig(Config):
    """The HTTP server."""

    host: str = "127.0.0.1"
    """Address to listen on. Loopback by default: a pod's configuration says `::`, which is every
    address of the machine, IPv6 and IPv4."""
    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port; 0 takes a free one."""
    control_port: int | None = Field(default=None, ge=0, le=65535)
    """TCP port of `/v1/slots`, `/v1/drain` and `/metrics`. Unset: `port` has them too."""
    control_host: str | None = None
    """Address that `control_port` listens on; unset: `host`."""
    control_token_file: str | None = None
    """File with the bearer token that those routes want. Several, one a line, all fit; it is read
    again at each request, so a mounted Secret can be rotated. Without a token the routes answer on
    a loopback address only."""
    open_metrics: bool = False
    """Whether `/metrics` needs no token."""
    stream_token_file: str | None = None
    """File with the bearer token that `/v1/stream` and `/v1/models` want, so that viewers come in
    through a router only, which brings it (`router.replicas[].stream_token_file`). Several, one a
    line, all fit; it is read again at each request. Unset: anybody may come, unless `PUT /v1/door`
    says otherwise."""
    shutdown_grace_seconds: float = Field(default=2.0, gt=0, le=3600)
    """How long the end may take, whatever viewers do: open sessions are told and closed in it."""
    allowed_hosts: tuple[Annotated[str, Field(pattern=HOST_NAME, max_length=255)], ...] = ()
    """Names that the server may be asked by, besides its addresses, loopback's names and the
    machine's own: `video.example.com`, `*.example.com` for all names below that one, `*` for any.
    Others are refused, so that no web page's name can be led here (DNS rebinding)."""
    allowed_origins: tuple[Annotated[str, Field(pattern=ORIGIN, max_length=512)], ...] = ()
    """Origins of web pages that may open a stream, besides the server's own; `*` allows any.
    Programs that send no Origin are always allowed."""
    limits: ConnectionLimits = ConnectionLimits()

    @model_validator(mode="after")
    def _the_ports_are_two(self) -> Self:
        if self.control_port == self.port != 0:
            raise broken_rules([("control_port", "is port too; leave it out to have one for both")])
        return self


class WarmupConfig(Config):
    """A real generation before the server calls itself ready."""

    enabled: bool = True
    """Without it the first viewer waits for compilation and caches."""
    prompt: Prompt = "a red ball moving left on a blue background"
    """Any prompt; the frames are thrown away."""
    timeout_seconds: float = Field(default=2400.0, gt=0, le=86400)
    """Loading and warm-up together; first compilation of a large model takes many minutes."""


class PoolConfig(Config):
    """Worker processes."""

    num_workers: int = Field(default=1, ge=1, le=64)
    """One per GPU (or CPU slot)."""
    hang_timeout_seconds: float = Field(default=120.0, gt=0, le=86400)
    """A busy worker that gets nothing done for this long, no step and no layer of the model, is
    killed and started again. Longer than the slowest layer, first compilation included."""
    max_restarts: int = Field(default=5, ge=0, le=1000)
    """Restarts within ten minutes before a worker has failed. Those after deaths in the middle of a
    segment do not count. One that has failed is retried every five minutes; when all have, the
    server ends."""


class LimitsConfig(Config, RequestLimits):
    """What one client may use."""

    message_bytes: int = Field(default=48 * 2**20, ge=1024, le=2**30)
    """Largest message from a client, before base64 decoding."""
    initial_image_bytes: int = Field(default=32 * 2**20, ge=1024, le=2**30)
    """Largest initial image, decoded from base64."""
    initial_image_pixels: int = Field(default=16 * 10**6, ge=1, le=10**9)
    """Largest initial image in pixels; checked before any of them is decoded."""
    unseated_bytes: int = Field(default=96 * 2**20, ge=2**20, le=2**40)
    """What all viewers without a slot may hold together: messages that arrive (twice their size,
    for what is read out of them), images and states that wait. Who goes beyond is refused and may
    try again. At least twice `message_bytes` counts, so that one message always has room."""
    decoders: int = Field(default=1, ge=1, le=64)
    """Images that are decoded at once, each in a process of its own that lives while there is
    work."""
    decode_memory_bytes: int = Field(default=128 * 2**20, ge=64 * 2**20, le=2**40)
    """Memory of such a process. An image that needs more is refused: a WebP of more than 4 million
    pixels, or a PNG of more than 10 million with transparency."""
    decode_seconds: int = Field(default=5, ge=1, le=3600)
    """Longest decoding of one image, in seconds of a CPU."""
    prompt_characters: int = Field(default=8192, ge=1, le=2**20)
    """Longest prompt."""
    queued_requests: int = Field(default=8, ge=1, le=1000)
    """Segments that a session may have waiting."""
    send_queue_bytes: int = Field(default=2**20, ge=65536, le=2**30)
    """Video that waits for a slow viewer before frames are skipped."""
    bad_messages: int = Field(default=3, ge=1, le=1000)
    """Binary or non-JSON messages in a row that end a session."""
    curated_prompts: int = Field(default=100, ge=0, le=10000)
    """Most prompts in a client's curated list."""


class StateConfig(Config):
    """Where continuation states and session logs go."""

    store: Literal["memory", "file", "redis"] = "memory"
    """`memory`: gone with the process. `file`: kept in `directory`, also for other processes.
    `redis`: kept by the server at `url`, for all pods."""
    url: str | None = Field(default=None, min_length=1, repr=False)
    """Of a Redis or Valkey server: `redis://USER:PASSWORD@HOST:PORT/DB`, `rediss://` with TLS
    (`?ssl_ca_certs=FILE`), `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE`, `redis+cluster://HOST:PORT`
    or `unix:///PATH`. The variable `MATINEE_STORE_URL` comes before it, and before `store`: in a
    cluster it is taken from a Secret."""
    directory: str | None = None
    """Folder of the file store and of the session logs; needed with `store: file`."""
    ttl_seconds: float = Field(default=3600.0, gt=0)
    """States older than this are dropped: so long may a viewer be away and resume its session."""
    max_states: int = Field(default=1024, ge=1)
    """Most states kept, of all sessions; the oldest go first."""
    max_bytes: int | None = Field(default=None, ge=2**20)
    """Bytes of all states; the oldest go first. Unset: 256 MiB in memory, 4 GiB in files."""
    history_states: int = Field(default=8, ge=1, le=1024)
    """Most states kept of one session, the newest: those of its last segments, which viewers may go
    back to and branch from."""
    history_bytes: int = Field(default=64 * 2**20, ge=1)
    """Bytes of those; the newest one is kept, however large."""
    session_log: bool = True
    """Write `session-<id>.jsonl` into `directory` (when there is one), for each session that got a
    slot."""
    session_log_ttl_seconds: float = Field(default=7 * 86400.0, gt=0)
    """Session logs to which nothing was written for longer are removed."""
    session_log_max_files: int = Field(default=10_000, ge=1)
    """Most session logs kept; the oldest go first."""
    session_log_max_bytes: int = Field(default=256 * 2**20, ge=2**20)
    """Bytes of all session logs; the oldest go first."""

    @model_validator(mode="after")
    def _the_file_store_has_a_folder(self) -> Self:
        if self.store == "file" and self.directory is None:
            raise broken_rules([("directory", "is needed with store: file")])
        return self


class StreamingConfig(Config):
    """`/v1/stream`."""

    session_timeout_seconds: float = Field(default=300.0, gt=0, le=86400)
    """A session whose client asks for nothing for so long ends: only prompts count. Also the
    longest wait for a free slot."""
    generation_segment_cap: int = Field(default=6, ge=0, le=10**6)
    """Segments of one session; 0 = no limit."""
    stream_mode: Literal["av_fmp4", "legacy_jpeg"] = "av_fmp4"
    """Used when a client names none."""
    max_sessions: int = Field(default=1, ge=1, le=1024)
    """Sessions on one worker at the same time."""
    max_queue: int = Field(default=16, ge=0, le=100000)
    """Viewers that may wait for a slot; more are refused."""
    presets: tuple[str, ...] = ()
    """Names that a client may use; empty: any."""
    first_fragment_frames: int = Field(default=1, ge=1, le=1000)
    """Frames in the first fragment of a segment: the first picture leaves at once."""
    fragment_frames: int = Field(default=6, ge=1, le=1000)
    """Frames in each later fragment."""
    encoder_preset: Literal["ultrafast", "superfast", "veryfast"] = "ultrafast"
    """libx264 preset: slower ones send fewer bytes for more CPU."""
    encoder_crf: int = Field(default=23, ge=0, le=51)
    """libx264 quality, lower is better and larger."""
    warmup: WarmupConfig = WarmupConfig()
    pool: PoolConfig = PoolConfig()
    limits: LimitsConfig = LimitsConfig()
    state: StateConfig = StateConfig()
    prompt: PromptConfig = PromptConfig()


class ServeConfig(Config):
    """`matinee serve --config`."""

    generator: GeneratorConfig
    server: ServerConfig = ServerConfig()
    default_request: RequestConfig = RequestConfig()
    streaming: StreamingConfig = StreamingConfig()
    jobs: JobsConfig = JobsConfig()
