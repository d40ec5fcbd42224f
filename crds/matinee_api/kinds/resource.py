"""The three kinds, by name."""

from __future__ import annotations

from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel

Resource = VideoModel | StreamingService | Router

KINDS: dict[str, type[Resource]] = {
    "VideoModel": VideoModel,
    "StreamingService": StreamingService,
    "Router": Router,
}
