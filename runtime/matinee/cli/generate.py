"""`matinee generate PROMPT -o FILE`: one video into one file, in this process.

Words on the command line win over `--config`, and that over the model's own values. Interrupted
or failed, it leaves no half-written file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from matinee.cli.model_check import check_model
from matinee.cli.progress import Progress
from matinee.cli.request_flags import (
    OUTPUT_HELP,
    REQUEST_FLAGS,
    add_request_flags,
    file_name,
    output,
    text,
)
from matinee.errors import BadInput, InvalidRequest
from matinee.generation import check_widest
from matinee.local.events import VideoEvent, VideoFinalEvent, VideoProgressEvent
from matinee.local.output_path import check_output_path
from matinee.media.video_kinds import STANDARD_OUTPUT
from matinee.serving.uncollected import uncollected
from matinee_api.config.errors import ConfigError
from matinee_api.config.load import load_file, load_text
from matinee_api.config.runtime_config import RunConfig, SamplingConfig
from matinee_api.plain_text import plain

_BUILT_IN = "generator: {model_path: builtin:tiny}"
"""The configuration where no file is given."""
_BAR_CHARACTERS = 30
_WORDS = {
    "prompt": ("PROMPT", "request.prompt"),
    "output": ("-o", "output.output_path"),
    "model": ("--model", "generator.model_path"),
    "image": ("--image", "request.image_path"),
    "negative_prompt": ("--negative-prompt", "request.negative_prompt"),
    **{
        name: (REQUEST_FLAGS[name], f"request.sampling.{name}")
        for name in SamplingConfig.model_fields
    },
}
"""Of each argument what a user types for it, and the key of the configuration it stands for."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "generate",
        description=__doc__,
        epilog="Any key of the configuration can be set: --request.sampling.seed 7",
    )
    add = parser.add_argument
    add("prompt", nargs="?", type=text, metavar="PROMPT", help="what to show")
    add(
        *("-o", "--output"),
        type=output,
        metavar="FILE",
        help=f"{OUTPUT_HELP}; or a folder that gets an .mp4; unset: the folder outputs",
    )
    add("--model", type=file_name, help="folder, hub id org/name, or URI; unset: builtin:tiny")
    add("--config", metavar="FILE", help="YAML file, see docs/configuration.md")
    add_request_flags(parser)
    add("--json", action="store_true", help="print what was made as JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    names = {name: word for name, (word, _) in _WORDS.items() if getattr(args, name) is not None}
    config = _config(args, overrides, names)
    _check(config, names)
    try:
        final = _generate(config)
    except BadInput as error:
        raise error.renamed(names) from error
    _report(final, as_json=args.json)
    return 0


def _config(args: argparse.Namespace, overrides: list[str], names: Mapping[str, str]) -> RunConfig:
    flags = {f"--{_WORDS[name][1]}": names[name] for name in names}
    given = {_WORDS[name][1]: getattr(args, name) for name in names}
    given |= {key: str(value) for key, value in given.items() if isinstance(value, Path)}
    try:
        if args.config is None:
            return load_text(RunConfig, _BUILT_IN, overrides=overrides, values=given)
        return load_file(RunConfig, args.config, overrides, given)
    except ConfigError as error:
        raise ConfigError(
            dataclasses.replace(problem, path=flags.get(problem.path, problem.path))
            for problem in error.problems
        ) from error


def _check(config: RunConfig, names: Mapping[str, str]) -> None:
    """What can be said before the model is loaded."""
    if config.request.prompt is None:
        raise InvalidRequest(
            "prompt", "there is no prompt; write matinee generate PROMPT -o FILE", joint=None
        )
    check_output_path(names.get("output", "output.output_path"), Path(config.output.output_path))
    check_model(config.generator, names.get("model", "generator.model_path"))
    try:
        check_widest(config.request.sampling.model_dump())
    except BadInput as error:
        raise error.renamed(names) from error


def _generate(config: RunConfig) -> VideoFinalEvent:
    with uncollected():  # loads torch, which a mistake need not wait for
        from matinee.local.generator import VideoGenerator
        from matinee.weights.fetch.hub_client import route_hub_requests

    route_hub_requests()

    progress = Progress()

    def tell(event: VideoEvent) -> None:
        if isinstance(event, VideoProgressEvent):
            done = "#" * (_BAR_CHARACTERS * event.step // event.total_steps)
            progress.show(f"[{done:<{_BAR_CHARACTERS}}] step {event.step} of {event.total_steps}")

    try:
        progress.show(f"loading {config.generator.model_path}")
        with VideoGenerator.from_config(config) as generator:
            return generator.generate(output_path=config.output.output_path, on_event=tell)
    finally:
        progress.end()


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
        "notes": list(final.notes),
    }
    place = sys.stderr if final.video_path == STANDARD_OUTPUT else sys.stdout
    for note in final.notes:
        print(f"note: {plain(note)}", file=sys.stderr)
    if as_json:
        print(json.dumps(facts), file=place)
    else:
        said = (
            "{file}: {frames} frames, {width}x{height}, {fps} fps, seed {seed}, "
            "made in {seconds:.1f} s"
        )
        print(plain(said.format_map(facts)), file=place)
