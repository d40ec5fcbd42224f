"""From the fields of a request to an `Order` that the model can make. Pure."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from typing import Any

from matinee.errors import InvalidRequest
from matinee.generation import (
    GenerationDefaults,
    ModelInfo,
    SegmentRequest,
    check_can,
    check_prompt,
    check_request,
    with_defaults,
)
from matinee.jobs.fields import (
    LONGEST_S,
    NOT_HERE,
    WITHOUT_EFFECT,
    MissingField,
    PromptAlone,
    UnknownField,
    UnknownModel,
    VideoFields,
    in_words,
    read_fields,
    sampling_of,
)
from matinee.jobs.record import VIDEO_MIME, Order
from matinee_api.config.problems import nearest

OF_THE_SOURCE = ("size", "width", "height", "fps")
"""What a video cannot change where it goes on from another."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """`info`: the model as this server offers it. `seed`: the configured one."""

    info: ModelInfo
    prompt_characters: int
    seed: int | None = None


def video_order(fields: Mapping[str, Any], rules: Rules, input_mime: str | None = None) -> Order:
    """Raises `InvalidRequest`, naming the field and the nearest that the model can do."""
    asked = read_fields(VideoFields, fields)
    request = _request(asked, rules.info.defaults, rules)
    check_can(rules.info, "image" if input_mime else "text", "input_reference")
    check_request(rules.info, request, begins=input_mime is None)
    seconds = asked.seconds or request.num_frames / request.fps
    return _order(request, rules.info, seconds).model_copy(update={"input_mime": input_mime})


IMAGE_FIELDS = frozenset(
    {"prompt", "model", "size", "seed", "num_inference_steps", "guidance_scale", "negative_prompt"}
)


def image_order(fields: Mapping[str, Any], rules: Rules) -> Order:
    """A video of one frame. Raises as above."""
    return _image(fields, 1, rules)


def edited_image_order(fields: Mapping[str, Any], rules: Rules, input_mime: str) -> Order:
    """The shortest video that begins with an image; its last picture is the edited one. Raises as
    above."""
    return _image(fields, rules.info.temporal_factor + 1, rules, input_mime)


def _image(
    fields: Mapping[str, Any], num_frames: int, rules: Rules, input_mime: str | None = None
) -> Order:
    for name in fields.keys() - IMAGE_FIELDS - WITHOUT_EFFECT - NOT_HERE.keys():
        raise UnknownField(name[:64], f"is not known here; {nearest(name, IMAGE_FIELDS)}")
    order = video_order({**fields, "num_frames": num_frames}, rules, input_mime)
    return order.model_copy(update={"as_image": True})


def remix_order(fields: Mapping[str, Any], source_id: str, source: Order, rules: Rules) -> Order:
    """The same video with another prompt: same seed, size, length, image. Raises as above."""
    changed = _made_of(source, "remixed_from", source_id, prompt=_prompt_alone(fields, rules))
    _check_model(source.model, rules.info)  # the server may have been given another one since
    check_request(rules.info, changed.request, begins=source.input_mime is None)
    return changed


def edit_order(fields: Mapping[str, Any], source_id: str, source: Order, rules: Rules) -> Order:
    """A new video of the same seed, size and length that begins with the source's first picture,
    which lies beside it as PNG. Raises as above."""
    prompt, info = _prompt_alone(fields, rules), rules.info
    if "image" not in info.capabilities:
        raise InvalidRequest(
            "video",
            f"{info.model_id} takes no picture to begin with, so that nothing of a video could be "
            f"kept; nearest: /v1/videos/{source_id}/remix, the same with another prompt",
            joint=": ",
        )
    sampling = {**source.sampling, "num_frames": source.num_frames}
    kept = {"model": info.model_id, "input_mime": "image/png", "frames_before": 0}
    changed = _made_of(source, "edited_from", source_id, prompt=prompt, sampling=sampling, **kept)
    check_request(info, changed.request)
    return changed


def extension_order(
    fields: Mapping[str, Any], source_id: str, source: Order, rules: Rules
) -> Order:
    """The source, which lies beside it, and a segment that goes on from its end; `seconds` is that
    segment's. Raises as above."""
    asked = read_fields(VideoFields, fields)
    for name in OF_THE_SOURCE:
        if getattr(asked, name) is not None:
            raise InvalidRequest(name, "is that of the video that goes on; leave it out")
    if asked.seconds is None and asked.num_frames is None:
        raise MissingField("seconds", "is required, but missing")
    check_can(rules.info, "continuation", "video")
    if source.num_frames == 1:
        raise InvalidRequest("video", "is one picture; order a video with it as input_reference")
    request = _request(asked, GenerationDefaults(**source.sampling), rules)
    check_request(rules.info, request)
    seconds = (source.num_frames + request.num_frames - 1) / request.fps
    if seconds > LONGEST_S:
        raise InvalidRequest("seconds", f"the whole video may have {LONGEST_S} s", joint=": ")
    beside = {"input_mime": VIDEO_MIME, "frames_before": source.num_frames}
    order = _order(request, rules.info, seconds)
    return order.model_copy(update={**beside, "extended_from": source_id})


def _made_of(source: Order, how: str, source_id: str, **changes: Any) -> Order:
    no_other = dict.fromkeys(("remixed_from", "edited_from", "extended_from"))
    return source.model_copy(update={**no_other, **changes, how: source_id})


def _prompt_alone(fields: Mapping[str, Any], rules: Rules) -> str:
    prompt: str = read_fields(PromptAlone, fields).prompt
    _check_length("prompt", prompt, rules)
    check_prompt(prompt)
    return prompt


def _request(asked: VideoFields, defaults: GenerationDefaults, rules: Rules) -> SegmentRequest:
    """What is asked, over what holds where it says nothing."""
    _check_model(asked.model, rules.info)
    _check_length("prompt", asked.prompt, rules)
    _check_length("negative_prompt", asked.negative_prompt or "", rules)
    check_prompt(asked.prompt)
    seed = rules.seed if asked.seed is None else asked.seed
    return with_defaults(
        defaults,
        asked.prompt,
        secrets.randbits(32) if seed is None else seed,
        **sampling_of(asked, asked.fps or defaults.fps, rules.info),
    )


def _order(request: SegmentRequest, info: ModelInfo, seconds: float) -> Order:
    return Order(
        model=info.model_id,
        prompt=request.prompt,
        seed=request.seed,
        seconds=in_words(seconds),
        sampling=_without(dataclasses.asdict(request), "prompt", "seed", "adapters"),
    )


def _check_model(name: str | None, info: ModelInfo) -> None:
    if name not in (None, info.model_id):
        raise UnknownModel(
            "model", f"there is no {name[:64]!r}; present: {info.model_id}", joint=": "
        )


def _check_length(param: str, text: str, rules: Rules) -> None:
    if len(text) > rules.prompt_characters:
        problem = f"has {len(text)} characters; at most {rules.prompt_characters} are allowed"
        raise InvalidRequest(param, problem)


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
