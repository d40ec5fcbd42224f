"""The flags that say what to make, which several commands share."""

from __future__ import annotations

import argparse

REQUEST_FLAGS = {
    "seed": "--seed",
    "num_frames": "--frames",
    "num_inference_steps": "--steps",
    "guidance_scale": "--guidance",
    "negative_prompt": "--negative-prompt",
    "width": "--width",
    "height": "--height",
    "fps": "--fps",
}
"""Each field of a request, and what a user types for it."""


def add_request_flags(parser: argparse.ArgumentParser) -> None:
    """`REQUEST_FLAGS`, and `--image`. What is not given is None."""
    add = parser.add_argument
    add("--seed", type=int, metavar="N", help="same seed, same video; unset: drawn")
    add(
        "--frames",
        type=int,
        dest="num_frames",
        metavar="N",
        help="frames of a clip, as the model counts them (builtin:tiny: 4 x k + 1)",
    )
    add("--steps", type=int, dest="num_inference_steps", metavar="N", help="denoising steps")
    add(
        *("--guidance", "--guidance-scale"),
        type=float,
        dest="guidance_scale",
        metavar="X",
        help="strength of the prompt",
    )
    add("--negative-prompt", type=text, metavar="TEXT", help="what to keep away from")
    add("--width", type=int, metavar="PIXELS", help="a multiple of the model's factor")
    add("--height", type=int, metavar="PIXELS", help="a multiple of the model's factor")
    add("--fps", type=int, metavar="N", help="frames a second of the video that is played")
    add("--image", type=text, metavar="FILE", help="picture to start from (png, jpeg, webp)")


def text(word: str) -> str:
    """The type of arguments that are sent or stored: bytes that are no text stay outside."""
    try:
        word.encode()
    except UnicodeEncodeError:
        message = "this is not UTF-8 text; check the terminal's encoding"
        raise argparse.ArgumentTypeError(message) from None
    return word
