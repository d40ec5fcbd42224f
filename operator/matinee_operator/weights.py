"""Whether a model's weights are where its pods look for them, and if not, why. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from matinee_api import conditions as words
from matinee_api.videomodel import VideoModel


@dataclass(frozen=True, slots=True)
class Weights:
    """`there`: pods can load them now."""

    there: bool
    reason: str
    message: str


def weights_of(model: VideoModel) -> Weights:
    source = model.spec.source
    match source.scheme:
        case "builtin":
            return Weights(True, words.BUNDLED, "the weights are part of the runtime's image")
        case "file":
            message = "the folder is in the image or on a volume of the pods"
            return Weights(True, words.PROVIDED, message)
        case "pvc":
            return Weights(True, words.PROVIDED, "the weights lie on a claim that exists")
        case "hf" if model.spec.cache.type == "None":
            return Weights(True, words.FETCHED_BY_PODS, "each pod fetches the weights at its start")
        case "hf":
            message = (
                "this release cannot fill a cache: make a VideoModel with cache.type None, whose "
                "pods fetch the weights themselves, or put them on a claim and use pvc://"
            )
        case _:
            message = (
                f"this release cannot fetch from {source.scheme}: put the weights on a claim and "
                "use pvc://"
            )
    return Weights(False, words.SOURCE_UNSUPPORTED, message)
