"""What a first message brings along, an image or a state: checked at once, decoded later.

The checks here cost nothing and come before a place is taken. Pixels are decoded when the viewer
has one, by processes of their own, one image at a time: whatever is sent, it takes no more memory
than these and the state that comes of it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from matinee.errors import BadInput, InvalidRequest
from matinee.generation import GenerationDefaults, ModelInfo, RgbFrames, State, check_can
from matinee.media.decoding import PictureRefused
from matinee.media.decoding.pool import DecoderPool, Pictures
from matinee.media.images import format_of, image_header, image_refused
from matinee.state.codec import state_of_image, unpack_state
from matinee.wire import base64_text
from matinee.wire.client_messages import InitialImage, SessionInit
from matinee_api.config.runtime_config import LimitsConfig


class Packed(Protocol):
    """An image or a state, as it was sent; see `state.codec.PackedState`."""

    @property
    def nbytes(self) -> int:
        """Held until it is a state: the text, what is decoded of it, and the pixels."""
        ...

    def pictures(self) -> Pictures: ...
    def state(self, frames: RgbFrames) -> State: ...
    def refused(self, refusal: PictureRefused) -> BadInput: ...


@dataclass(frozen=True, slots=True)
class Unpacker:
    """`threads`: as many as images may be decoded at once."""

    pool: DecoderPool
    threads: Executor

    async def unpack(self, packed: Packed) -> State:
        """Raises `BadInput`, `DecodingUnavailable`."""
        loop = asyncio.get_running_loop()
        try:
            frames = await loop.run_in_executor(self.threads, self._decode, packed)
        except PictureRefused as refusal:
            raise packed.refused(refusal) from None
        return packed.state(frames)

    def stop(self) -> None:
        """What is being decoded ends at once."""
        self.pool.stop()
        self.threads.shutdown(cancel_futures=True)

    def _decode(self, packed: Packed) -> RgbFrames:
        return self.pool.decode(packed.pictures())


def packed_baggage(
    init: SessionInit, info: ModelInfo, size: GenerationDefaults, limits: LimitsConfig
) -> Packed | None:
    """None when the message brings nothing. Raises `BadInput`."""
    image, envelope = init.initial_image, init.continuation_state
    if image is not None and envelope is not None:
        raise InvalidRequest(
            "initial_image", "send an initial_image or a continuation_state, not both", joint=None
        )
    if image is not None:
        check_can(info, "image", "initial_image")
        return PackedImage.of(image, info, size, limits)
    if envelope is not None:
        return unpack_state(envelope.kind, envelope.payload, info, size)
    check_can(info, "text", "initial_image")
    return None


@dataclass(frozen=True, slots=True)
class PackedImage:
    """An initial image in base64, which is to fill the session's `size`."""

    image: InitialImage
    info: ModelInfo
    size: GenerationDefaults
    limits: LimitsConfig

    @classmethod
    def of(
        cls, image: InitialImage, info: ModelInfo, size: GenerationDefaults, limits: LimitsConfig
    ) -> PackedImage:
        """Raises `InvalidRequest`."""
        packed = cls(image, info, size, limits)
        if (len(image.data) - image.base64_start) * 3 // 4 > limits.initial_image_bytes + 2:
            raise packed.too_large()
        try:
            format_of(image.mime)
        except PictureRefused as refusal:
            raise packed.refused(refusal) from None
        return packed

    @property
    def nbytes(self) -> int:
        return 2 * len(self.image.data) + 3 * self.size.width * self.size.height

    def pictures(self) -> Pictures:
        try:
            encoded = base64_text.decoded(self.image.data, self.image.base64_start)
        except ValueError:
            raise InvalidRequest("initial_image.data", "is not base64") from None
        if len(encoded) > self.limits.initial_image_bytes:
            raise self.too_large()
        header = image_header(encoded, self.image.mime, self.limits.initial_image_pixels)
        return Pictures(1, [(encoded, header)], self.size.width, self.size.height, exact=False)

    def state(self, frames: RgbFrames) -> State:
        return state_of_image(self.info, frames[0])

    def refused(self, refusal: PictureRefused) -> InvalidRequest:
        return image_refused(refusal)

    def too_large(self) -> InvalidRequest:
        problem = f"the image is larger than {self.limits.initial_image_bytes} bytes"
        return InvalidRequest("initial_image.data", problem, joint=None)
