"""`matinee generate PROMPT -o FILE`: one video into one file, in this process.

Words on the command line win over `--config`, and that over the model's own values. Interrupted
or failed, it leaves no half-written file.
"""

from __future__ import annotations

import argparse
import json
import sys

from matinee.errors import InvalidRequest, MatineeError
from matinee.events import VideoEvent, VideoFinalEvent, VideoProgressEvent
from matinee_api.load import load_file, load_text
from matinee_api.runtime_config import RunConfig

_BUILT_IN = "generator: {model_path: builtin:tiny}"
"""The configuration where no file is given."""
_BAR_CHARACTERS = 30
_KEYS = {
    "prompt": "request.prompt",
    "output": "output.output_path",
    "model": "generator.model_path",
    "negative_prompt": "request.negative_prompt",
    "image": "request.image_path",
    "seed": "request.sampling.seed",
    "frames": "request.sampling.num_frames",
    "steps": "request.sampling.num_inference_steps",
    "guidance_scale": "request.sampling.guidance_scale",
    "width": "request.sampling.width",
    "height": "request.sampling.height",
    "fps": "request.sampling.fps",
}
"""Which key of the configuration an argument stands for."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "generate",
        help="write one video into a file",
        description=__doc__,
        epilog="Any key of the configuration can be set: --request.sampling.seed 7",
    )
    add = parser.add_argument
    add("prompt", nargs="?", metavar="PROMPT", help="what to show")
    add("-o", "--output", metavar="FILE", help="an .mp4 file, or a folder")
    add("--model", help="folder, hub id org/name, or URI; unset: builtin:tiny")
    add("--config", metavar="FILE", help="YAML file, see docs/configuration.md")
    add("--negative-prompt", help="what to keep away from")
    add("--image", metavar="FILE", help="picture to start from (png, jpeg, webp)")
    add("--seed", type=int, help="same seed, same video; unset: drawn")
    add("--frames", type=int)
    add("--steps", type=int, help="denoising steps")
    add("--guidance-scale", type=float, help="strength of the prompt")
    add("--width", type=int, help="pixels")
    add("--height", type=int, help="pixels")
    add("--fps", type=int)
    add("--json", action="store_true", help="print what was made as JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    config = _config(args, overrides)
    if config.request.prompt is None:
        raise InvalidRequest("prompt", "there is no prompt; write matinee generate PROMPT -o FILE")
    progress = _Progress()
    try:
        progress.show(f"loading {config.generator.model_path}")
        final = _generate(config, progress)
    except OSError as error:
        raise MatineeError(f"{error.filename or 'output'}: {error.strerror}") from error
    finally:
        progress.clear()
    _report(final, as_json=args.json)
    return 0


def _config(args: argparse.Namespace, overrides: list[str]) -> RunConfig:
    words = list(overrides)
    for name, key in _KEYS.items():
        value = getattr(args, name)
        if value is not None:
            words += [f"--{key}={json.dumps(value)}"]  # JSON, because overrides are read as YAML
    if args.config is None:
        return load_text(RunConfig, _BUILT_IN, overrides=words)
    return load_file(RunConfig, args.config, words)


def _generate(config: RunConfig, progress: _Progress) -> VideoFinalEvent:
    from matinee.generator import VideoGenerator  # loads torch, which a mistake need not wait for

    with VideoGenerator.from_config(config) as generator:
        return generator.generate(output_path=config.output.output_path, on_event=progress.tell)


def _report(final: VideoFinalEvent, *, as_json: bool) -> None:
    frames, height, width = final.frames.shape[:3]
    facts = {
        "file": str(final.video_path),
        "frames": frames,
        "fps": final.fps,
        "width": width,
        "height": height,
        "seed": final.seed,
        "seconds": round(final.generation_time_s, 3),
    }
    if as_json:
        print(json.dumps(facts))
    else:
        print(
            "{file}: {frames} frames, {width}x{height}, {fps} fps, seed {seed}, "
            "made in {seconds:.1f} s".format_map(facts)
        )


class _Progress:
    """One line on stderr that is written over; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()

    def tell(self, event: VideoEvent) -> None:
        if isinstance(event, VideoProgressEvent):
            done = "#" * (_BAR_CHARACTERS * event.step // event.total_steps)
            self.show(f"[{done:<{_BAR_CHARACTERS}}] step {event.step} of {event.total_steps}")

    def show(self, text: str) -> None:
        if self._terminal:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        self.show("")
