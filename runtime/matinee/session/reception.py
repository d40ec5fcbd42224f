"""From a viewer's first message to a session: its rules, what it brings along, and its encoder."""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import dataclass

from matinee.errors import BadInput
from matinee.generation import GenerationDefaults, ModelInfo, served
from matinee.media.decoding import DecodingUnavailable
from matinee.session.baggage import Packed, packed_baggage
from matinee.session.opened import Identity, Opened
from matinee.session.opening import refused, turned_away
from matinee.session.requests import RequestRules
from matinee.session.session import Session
from matinee.session.studio import Studio
from matinee.wire.client_messages import SessionInit
from matinee_api.config.runtime_config import LimitsConfig, RequestConfig, StreamingConfig


@dataclass(frozen=True, slots=True)
class Application:
    """What a first message led to so far. `baggage`: whose pictures are to be decoded for the
    session's `state`, and are kept nowhere else."""

    session: Session
    info: ModelInfo
    baggage: Packed | None

    @property
    def nbytes(self) -> int:
        """What the baggage holds until it is a state."""
        return 0 if self.baggage is None else self.baggage.nbytes


def application(
    init: SessionInit,
    info: ModelInfo,
    streaming: StreamingConfig,
    configured: RequestConfig,
    now: float,
) -> Application:
    """All of the message is checked but pixels, which takes no time. Raises `Rejection`."""
    light = init.model_copy(update={"initial_image": None, "continuation_state": None})
    info, seed = offered(info, streaming.limits, configured), _seed(init, configured)
    try:
        rules = RequestRules(info, streaming.limits, info.defaults, light, seed)
        session = Session(streaming, rules, light, None, now)
        baggage = packed_baggage(init, info, rules.defaults, streaming.limits)
    except BadInput as error:
        raise refused(error.param, str(error)) from None
    return Application(session, info, baggage)


async def open_session(identity: Identity, applied: Application, studio: Studio) -> Opened:
    """Slow things happen in threads and processes. Raises `Rejection`."""
    session = applied.session
    try:
        if applied.baggage is not None:
            session.state = await studio.unpacker.unpack(applied.baggage)
    except BadInput as error:
        raise refused(error.param, str(error)) from None
    except DecodingUnavailable as error:
        raise turned_away("session_rejected", str(error)) from None
    return Opened(identity, session, applied.info, await studio.videos.open(session.encoder))


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
