"""From a viewer's first message to a session: its rules, what it brings along, and its encoder."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets

from matinee.errors import BadInput
from matinee.generation import GenerationDefaults, ModelInfo, served
from matinee.session.opened import Identity, Opened
from matinee.session.opening import brings_state, brought_state, refused
from matinee.session.requests import RequestRules
from matinee.session.session import Session
from matinee.session.studio import Studio
from matinee.wire.client_messages import SessionInit
from matinee_api.config.runtime_config import LimitsConfig, RequestConfig, StreamingConfig


async def open_session(
    identity: Identity,
    init: SessionInit,
    info: ModelInfo,
    streaming: StreamingConfig,
    configured: RequestConfig,
    studio: Studio,
) -> Opened:
    """Slow things happen in threads. Raises `Rejection`."""
    info = offered(info, streaming.limits, configured)
    try:
        seed = _seed(init, configured)
        rules = RequestRules(info, streaming.limits, info.defaults, init, seed)
        state = None
        if brings_state(init):  # a detour by a thread costs each viewer a part of a millisecond
            state = await asyncio.to_thread(
                brought_state, init, info, rules.defaults, streaming.limits
            )
        session = Session(streaming, rules, init, state, studio.clock.now())
    except BadInput as error:
        raise refused(error.param, str(error)) from None
    return Opened(identity, session, info, await studio.videos.open(session.encoder))


def offered(info: ModelInfo, limits: LimitsConfig, configured: RequestConfig) -> ModelInfo:
    """The model with the server's own defaults and limits."""
    return served(info, server_defaults(info, configured), limits)


def server_defaults(info: ModelInfo, configured: RequestConfig) -> GenerationDefaults:
    """The model's defaults with the configured ones over them. The seed stays with the session."""
    sampling = configured.sampling.model_dump(exclude_none=True, exclude={"seed"})
    if configured.negative_prompt is not None:
        sampling["negative_prompt"] = configured.negative_prompt
    return dataclasses.replace(info.defaults, **sampling)


def _seed(init: SessionInit, configured: RequestConfig) -> int:
    seed = configured.sampling.seed if init.seed is None else init.seed
    return secrets.randbits(32) if seed is None else seed
