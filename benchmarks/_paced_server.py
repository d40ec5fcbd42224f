"""The server over the backend that computes nothing, with default settings, in a process of its
own: what a viewer of it waits for is not the model."""

from __future__ import annotations

from benchmarks import _paced_backend as backend
from matinee.serving.logs import log_to_stderr
from matinee_api.config.runtime_config import (
    GeneratorConfig,
    ServeConfig,
    ServerConfig,
    StreamingConfig,
    WarmupConfig,
)
from tests.system.end_to_end.fake_server import run

CONFIG = ServeConfig(
    generator=GeneratorConfig(model_path="paced"),
    server=ServerConfig(port=0),
    streaming=StreamingConfig(
        max_sessions=backend.SESSIONS,
        generation_segment_cap=0,
        warmup=WarmupConfig(enabled=False),
    ),
)

if __name__ == "__main__":
    log_to_stderr()
    run(CONFIG, backend.__name__)
