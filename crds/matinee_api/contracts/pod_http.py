"""What the operator and routers say to a pod over HTTP, and what it answers.

A runtime pod has two ports. On the control port it streams its slots (`GET /v1/slots`, one `Slots`
a line), takes the order to drain (`POST /v1/drain`, a `DrainOrder`) and the order to go on
(`DELETE`), and the one about who may open streams (`PUT /v1/door`, a `DoorOrder`), all for bearers
of the service's control token. A pod that fetches weights streams its
progress instead (`GET /v1/download`, one `FetchProgress` a line), and a router what it knows of its
backends (`GET /v1/table`, one `RouterState` a line). Routers open sessions at
`/v1/stream`; one that resumes a session names it in the header `matinee-resume`, and one that has a
queue of its own says so in `matinee-queue`, and one that moves sessions in `matinee-moves`.

The two sides may be of different releases: readers ignore keys that they do not know, and a key
that is added later has a default.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from matinee_api.config.config_model import Config

PORT = 8000
"""Of every pod in a cluster; viewers come here."""
CONTROL_PORT = 8001
"""Of every runtime pod."""
ALIVE_PATH = "/healthz"
READY_PATH = "/readyz"
"""200 only after a real generation; both are the probes that the kubelet asks."""
SLOTS_PATH = "/v1/slots"
DRAIN_PATH = "/v1/drain"
DOOR_PATH = "/v1/door"
PROMPTS_PATH = "/v1/prompts/reload"
"""`POST`: the files with system prompts are read again."""
DOWNLOAD_PATH = "/v1/download"
TABLE_PATH = "/v1/table"
TICKETS_PATH = "/v1/tickets"
"""Of a router with keys: `POST` with one gives a ticket."""
RESUME_HEADER = "matinee-resume"
QUEUE_HEADER = "matinee-queue"
QUEUE_ELSEWHERE = "elsewhere"
"""Value of that header: whoever opens the session has a queue of its own, so a pod without a free
slot answers 503 before the upgrade."""
MOVES_HEADER = "matinee-moves"
"""Whoever opens the session with it, whatever its value, moves it to another pod by itself: a pod
that would end it at a drain or a shutdown saves it instead and closes with `HANDED_OVER`."""
OWNER_HEADER, VIA_HEADER = "matinee-owner", "matinee-via"
"""With a request for jobs that a router forwards: whose key came with it, percent-encoded, if keys
are needed; and the URL of the router, as the client calls it."""
HANDED_OVER = "handed_over"
"""Reason of that close, 1012: nothing is said before it, and the session can be resumed."""
HEARTBEAT_S = 15.0
"""A stream is never silent for longer, so that a reader can tell silence from death."""
MOST_SLOTS = 1_000_000
"""Of one pod, and viewers that wait for them: far more than any has."""


class Slots(Config):
    """One line of `/v1/slots`: at the start of the answer, at each change, and as a heartbeat."""

    worker: str = ""
    """Name of the server."""
    model_id: str | None = None
    """The model that is loaded; none while the worker starts."""
    ready: bool = False
    """Whether the warm-up has succeeded and a worker is alive."""
    draining: bool
    """It takes no new session."""
    total: int = Field(ge=0, le=MOST_SLOTS)
    used: int = Field(ge=0, le=MOST_SLOTS)
    free: int = Field(default=0, ge=0, le=MOST_SLOTS)
    """0 while it drains."""
    queued: int = Field(ge=0, le=MOST_SLOTS)
    """Viewers that wait for a slot."""
    store: str | None = None
    """The same for all pods that share a store, and can go on with one another's sessions; empty:
    no other pod can; none: a pod that does not tell."""
    segment_cap: int = Field(default=0, ge=0, le=10**6)
    """Segments that a session may have; 0: any number, or a pod that does not tell."""
    routers_only: bool | None = None
    """Whether viewers must bring a control token, as routers do for them; none: a pod that knows no
    such order."""
    jobs_waiting: int = Field(default=0, ge=0, le=MOST_SLOTS)
    """Videos that wait to be made in the background; of all pods that share them."""
    jobs_making: int = Field(default=0, ge=0, le=MOST_SLOTS)
    """Those that are being made, likewise."""
    jobs_store: str | None = None
    """The same for all pods that share their jobs; empty: no other pod has them; none: it takes no
    orders, or does not tell."""
    ts: float = 0.0
    """When this was said, in seconds since 1970."""


class RouterState(Config):
    """One line of `/v1/table`."""

    sessions: int = Field(ge=0, le=MOST_SLOTS)
    """That it forwards."""
    queued: int = Field(ge=0, le=MOST_SLOTS)
    """Viewers that wait for a slot."""
    open_to_anybody: bool = False
    """It has no keys."""
    backends: tuple[str, ...] = ()
    """Names of those that it would give a session: they are listed, healthy and do not drain."""


LONGEST_DRAIN_S = 86400


class DrainOrder(Config):
    """Body of `POST /v1/drain`."""

    deadline_seconds: float = Field(default=300.0, ge=0, le=LONGEST_DRAIN_S)
    """Sessions that still run then are ended."""
    on_deadline: Literal["migrate", "close"] = "migrate"
    """`migrate`: each viewer is given the session's state first, to resume elsewhere."""


class DoorOrder(Config):
    """Body of `PUT /v1/door`. It holds until the pod's process ends."""

    routers_only: bool
    """Whether `/v1/stream` and `/v1/models` want a control token, which routers have."""
