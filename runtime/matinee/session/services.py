"""What all the connections of a server share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from matinee.generation import GenerationDefaults, ModelInfo
from matinee.serving.admission import Admission
from matinee.session.metrics import Metrics
from matinee.session.session_log import SessionLogs
from matinee.session.states import StateStorage
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import RequestConfig, ServeConfig

if TYPE_CHECKING:
    from matinee.server.websocket import Connection


@dataclass(slots=True)
class Services:
    """`name`: what clients are told of this process. `encoders`: threads that encode."""

    name: str
    config: ServeConfig
    pool: WorkerPool
    admission: Admission
    metrics: Metrics
    states: StateStorage
    logs: SessionLogs
    encoders: Executor
    job_ids: Iterator[int] = field(default_factory=count)
    connections: set[Connection] = field(default_factory=set)


def server_defaults(info: ModelInfo, configured: RequestConfig) -> GenerationDefaults:
    """The model's defaults with the configured ones over them. The seed stays with the session."""
    sampling = configured.sampling.model_dump(exclude_none=True, exclude={"seed"})
    if configured.negative_prompt is not None:
        sampling["negative_prompt"] = configured.negative_prompt
    return dataclasses.replace(info.defaults, **sampling)
