"""The image that a job's video starts from: a file that a client sent. Its header is read here,
its pixels are decoded by the bounded decoders when the job's turn comes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matinee.errors import InvalidRequest
from matinee.generation import ModelInfo, RgbFrames, State
from matinee.jobs.record import Order
from matinee.media.decoding import PictureRefused
from matinee.media.decoding.pool import Pictures
from matinee.media.images import image_header
from matinee.state.codec import state_of_image
from matinee_api.config.runtime_config import LimitsConfig

PARAM = "input_reference"
KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
"""By their first bytes: what a client says of its file is often a guess."""


def check_picture(file: Path, limits: LimitsConfig) -> str:
    """The image's type. Reads the file. Raises `InvalidRequest`."""
    if file.stat().st_size > limits.initial_image_bytes:
        problem = f"the image is larger than {limits.initial_image_bytes} bytes"
        raise InvalidRequest(PARAM, problem, joint=": ")
    encoded = file.read_bytes()
    mime = next((mime for mark, mime in KINDS.items() if encoded.startswith(mark)), None)
    if mime is None:
        raise InvalidRequest(PARAM, "is no image; send a PNG, a JPEG or a WebP")
    try:
        image_header(encoded, mime, limits.initial_image_pixels)
    except InvalidRequest as error:
        raise error.renamed({"initial_image": PARAM}) from None
    return mime


@dataclass(frozen=True, slots=True)
class PictureFile:
    """See `session.baggage.Packed`."""

    file: Path
    order: Order
    info: ModelInfo
    limits: LimitsConfig

    @property
    def nbytes(self) -> int:
        request = self.order.request
        return self.file.stat().st_size + 3 * request.width * request.height

    def pictures(self) -> Pictures:
        request, encoded = self.order.request, self.file.read_bytes()
        header = image_header(
            encoded, self.order.input_mime or "", self.limits.initial_image_pixels
        )
        return Pictures(1, [(encoded, header)], request.width, request.height, exact=False)

    def state(self, frames: RgbFrames) -> State:
        return state_of_image(self.info, frames[0])

    def refused(self, refusal: PictureRefused) -> InvalidRequest:
        return InvalidRequest(PARAM, str(refusal), joint=": ")
