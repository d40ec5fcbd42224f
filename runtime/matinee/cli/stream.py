"""`matinee stream URL -p PROMPT -p PROMPT -o FILE`: watch a stream from the terminal, into a file.

The prompts are sent in order and make one video. Whatever has arrived is kept as a playable file
when the stream fails or is interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matinee.client import Message, StreamClient, StreamClosed, stream_url
from matinee.errors import BadInput, MatineeError
from matinee.new_file import NewFile, new_file

IMAGE_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
INIT_FIELDS = (
    "seed",
    "num_frames",
    "num_inference_steps",
    "guidance_scale",
    "width",
    "height",
    "fps",
    "negative_prompt",
)
STREAM_FACTS = {
    "gpu_assigned": ("session_id", "model_id"),
    "ltx2_stream_start": ("width", "height", "fps"),
}
SEGMENT_FACTS = {
    "ltx2_segment_start": ("prompt", "seed"),
    "media_segment_complete": ("duration_ms", "frames", "bytes"),
    "ltx2_segment_complete": ("generation_time_ms", "e2e_latency_ms", "first_fragment_ms"),
}
GOES_ON = frozenset({"worker_failed", "upstream_timeout"})
"""Errors after which the server itself goes on, or closes with a reason."""

ENDINGS = {
    "segment_cap": "the server allows no more segments in one session",
    "timeout": "the server waited too long for a message",
    "drained": "the server is shutting down",
    "stop_requested": "the server ended the session",
    "error": "the server had to give up",
}


class StreamFailed(MatineeError):
    """The server did not make all that was asked for; the message is its reason in words."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "stream", help="record a stream from a running server", description=__doc__
    )
    parser.add_argument("url", metavar="URL", help="http://HOST:PORT, or the player's address")
    add = parser.add_argument
    add("-p", "--prompt", action="append", required=True, help="one segment; repeat for more")
    add("-o", "--output", required=True, type=Path, metavar="FILE", help="MP4 file to write")
    add("--seed", type=int)
    add("--frames", type=int, dest="num_frames", help="frames of one segment")
    add("--steps", type=int, dest="num_inference_steps", help="denoising steps")
    add("--guidance", type=float, dest="guidance_scale", help="strength of the prompt")
    add("--negative-prompt", help="what to keep away from")
    add("--width", type=int)
    add("--height", type=int)
    add("--fps", type=int)
    add("--image", type=Path, metavar="FILE", help="picture to start from (png, jpeg, webp)")
    add("--state", type=Path, metavar="FILE", help="go on from a saved state")
    add("--save-state", type=Path, metavar="FILE", help="save the state after the last segment")
    add("--json", action="store_true", help="print what was made as JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    url, init = stream_url(args.url), _init(args)
    if not args.output.parent.is_dir():
        raise BadInput("output", f"there is no folder {args.output.parent}")
    stopped: MatineeError | KeyboardInterrupt | None = None
    with new_file(args.output) as file:
        recording = Recording(file, args.prompt, Progress())
        try:
            state = asyncio.run(_record(url, init, recording, args.save_state is not None))
        except (MatineeError, KeyboardInterrupt) as error:
            recording.progress.end()
            if recording.fragments == 0:
                raise
            stopped = error
    if stopped is None and args.save_state is not None:
        args.save_state.write_text(json.dumps(state))
    _report(args, recording, complete=stopped is None)
    if stopped is not None:
        raise stopped
    return 0


def _init(args: argparse.Namespace) -> Message:
    """The first message. Raises `BadInput` for files that cannot be used."""
    given = {name: getattr(args, name) for name in INIT_FIELDS}
    init: Message = {name: value for name, value in given.items() if value is not None}
    init["client_id"] = "matinee-stream"
    if args.image is not None:
        init["initial_image"] = _image(args.image)
    if args.state is not None:
        init["continuation_state"] = _state(args.state)
    return init


def _image(path: Path) -> Message:
    mime = IMAGE_TYPES.get(path.suffix.lower())
    if mime is None:
        raise BadInput("image", f"{path} must end in {', '.join(IMAGE_TYPES)}")
    data = base64.b64encode(_read(path, "image")).decode()
    return {"mime": mime, "name": path.name, "data": data}


def _state(path: Path) -> Message:
    try:
        state = json.loads(_read(path, "state"))
    except ValueError:
        raise BadInput("state", f"{path} is no state that --save-state wrote") from None
    if not isinstance(state, dict):
        raise BadInput("state", f"{path} is no state that --save-state wrote")
    return state


def _read(path: Path, param: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(param, f"cannot read {path}: {error.strerror}") from None


async def _record(url: str, init: Message, recording: Recording, save_state: bool) -> Message:
    """Send the prompts, each when the one before it has begun. Returns the state, if asked for.

    Raises `StreamUnavailable`, `StreamFailed` and, where the server refuses a value, `BadInput`.
    """
    prompts = iter(recording.prompts)
    async with StreamClient.connect(url, init=init) as stream:
        async for item in stream:
            if isinstance(item, bytes):
                recording.video(item)
                continue
            recording.message(item)
            kind = item["type"]
            # Why the server closed, if it has, is still to be read.
            with contextlib.suppress(StreamClosed):
                if kind in ("ltx2_stream_start", "ltx2_segment_start"):
                    prompt = next(prompts, None)
                    if prompt is not None:
                        await stream.send_prompt(prompt)
                elif kind == "ltx2_segment_complete" and recording.complete:
                    if not save_state:
                        return {}
                    await stream.send("snapshot_state")
                elif kind == "continuation_state_snapshot":
                    state: Message = item["state"]
                    return state
        raise recording.failure(stream.close_reason)


@dataclass(slots=True)
class Recording:
    """Takes in the stream's items: video goes to `file`, the rest becomes progress and facts."""

    file: NewFile
    prompts: list[str]
    progress: Progress
    facts: dict[str, Any] = field(default_factory=dict)
    segments: list[dict[str, Any]] = field(default_factory=list)
    fragments: int = 0
    _segment: dict[str, Any] = field(default_factory=dict)
    _init: bytes | None = None
    _init_next: bool = False
    _reason: str = ""

    @property
    def complete(self) -> bool:
        return len(self.segments) == len(self.prompts)

    def video(self, data: bytes) -> None:
        """Keep the first init segment and every fragment."""
        if self._init_next:
            self._init_next = False
            if data == self._init:
                return
            if self._init is not None:
                raise StreamFailed("the server changed the video's format in the middle")
            self._init = data
        else:
            self.fragments += 1
        self.file.write(data)

    def message(self, message: Message) -> None:
        kind = message["type"]
        self.facts |= _picked(message, STREAM_FACTS)
        self._segment |= _picked(message, SEGMENT_FACTS)
        match kind:
            case "queue_status" if message["queue_depth"]:
                self.progress.show(f"in line, {message['position']} before you")
            case "step_complete":
                done, total = message["step"], message["total_steps"]
                self.progress.show(f"{self._place}: step {done} of {total}")
            case "media_init":
                self._init_next = True
            case "ltx2_segment_complete":
                self._segment_complete()
            case "viewer_lagging":
                self.progress.line(f"{message['skipped_ms']:.0f} ms were skipped: the line is slow")
            case "ltx2_stream_complete":
                self._reason = self._reason or ENDINGS[message["reason"]]
            case "error":
                self._error(message)

    def failure(self, close_reason: str | None) -> StreamFailed:
        """The server has closed before all was made."""
        return StreamFailed(self._reason or close_reason or "the connection was lost")

    @property
    def _place(self) -> str:
        return f"segment {len(self.segments) + 1} of {len(self.prompts)}"

    def _segment_complete(self) -> None:
        segment = self._segment
        seconds, spent = segment["duration_ms"] / 1000, segment["e2e_latency_ms"] / 1000
        self.progress.line(
            f"{self._place}: {seconds:.1f} s of video in {spent:.1f} s, seed {segment['seed']}: "
            f"{segment['prompt']}"
        )
        self.segments.append(segment)
        self._segment = {}

    def _error(self, message: Message) -> None:
        code, text = message["code"], message["message"]
        if code in GOES_ON:
            self._reason = text
            self.progress.line(text)
        elif code == "invalid_message":
            raise BadInput(message.get("param", ""), text)
        else:
            raise StreamFailed(text)


class Progress:
    """Lines on stderr; on a terminal also one line that is written over."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = False

    def show(self, text: str) -> None:
        if self._terminal:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
            self._shown = True

    def line(self, text: str) -> None:
        self.end()
        print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line that is written over."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._shown = False


def _picked(message: Message, facts: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {name: message.get(name) for name in facts.get(message["type"], ())}


def _report(args: argparse.Namespace, recording: Recording, *, complete: bool) -> None:
    if not args.json:
        print(f"{args.output}: {len(recording.segments)} segments", file=sys.stderr)
        return
    report = {
        "output": str(args.output),
        "complete": complete,
        "bytes": args.output.stat().st_size,
        **recording.facts,
        "segments": recording.segments,
    }
    print(json.dumps(report))
