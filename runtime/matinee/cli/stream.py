"""`matinee stream URL -p PROMPT -p PROMPT -o FILE`: watch a stream from the terminal, into a file.

The prompts are sent in order and make one video. Whatever has arrived is kept as a playable file
when the stream fails or is interrupted, and so is the state that a server sends before it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from matinee.cli.progress import Progress
from matinee.cli.request_flags import OUTPUT_HELP, REQUEST_FLAGS, add_request_flags, output, text
from matinee.client.recording import Recording
from matinee.client.server_text import Message
from matinee.client.stream_client import StreamClient, StreamClosed, stream_url
from matinee.errors import BadInput, MatineeError
from matinee.local.output_path import check_output_file
from matinee.media.suffixes import MIME_OF_SUFFIX
from matinee.media.video_file import check_new_file, new_file
from matinee.media.video_kinds import STANDARD_OUTPUT
from matinee.media.video_output import new_output
from matinee_api.bounded_file import read_at_most
from matinee_api.plain_text import plain

ENDING_S = 10.0
"""For a server's last words. What comes later is not worth waiting for."""
MOST_FILE_BYTES = 256 * 2**20
"""Of a picture or a state that is sent. Servers take less."""
FLAGS = {
    **REQUEST_FLAGS,
    "prompt": "-p",
    "initial_image": "--image",
    "continuation_state": "--state",
}
"""Each field that the server may refuse, and the flag that it came from."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("stream", description=__doc__)
    parser.add_argument("url", metavar="URL", help="http://HOST:PORT, or the player's address")
    add = parser.add_argument
    add(
        *("-p", "--prompt"),
        type=text,
        action="append",
        required=True,
        help="one segment; repeat for more",
    )
    add("-o", "--output", required=True, type=output, metavar="FILE", help=OUTPUT_HELP)
    add_request_flags(parser)
    add("--enhance", action="store_true", help="let the server enhance each prompt")
    add("--state", type=Path, metavar="FILE", help="go on from a saved state")
    add("--save-state", type=Path, metavar="FILE", help="save the state after the last segment")
    add("--json", action="store_true", help="print what was made as JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    try:
        _check_outputs(args)
        _stream(args)
    except BadInput as error:
        raise error.renamed(FLAGS) from error
    return 0


def _stream(args: argparse.Namespace) -> None:
    url, init = stream_url(args.url), _init(args)
    stopped: MatineeError | KeyboardInterrupt | None = None
    with new_output(args.output) as file:
        recording = Recording(file, args.prompt, Progress())
        try:
            asyncio.run(_record(url, init, recording, saves_state=args.save_state is not None))
        except (MatineeError, KeyboardInterrupt) as error:
            recording.progress.end()
            if recording.fragments == 0:
                raise
            stopped = error
    _report(args, recording, complete=stopped is None)
    if args.save_state is not None:
        _save(recording.state, args.save_state)
    if stopped is not None:
        raise stopped


def _check_outputs(args: argparse.Namespace) -> None:
    """Before anything is made. Raises `BadInput`."""
    check_output_file("-o", args.output)
    if args.save_state is not None:
        check_new_file("--save-state", args.save_state)
        if args.save_state.absolute() == args.output.absolute():
            raise BadInput(
                "--save-state",
                f"{args.output} is for the video; name another file",
                joint=": ",
            )


def _save(state: Message | None, path: Path) -> None:
    if state is None:
        print(plain(f"{path}: no state was received"), file=sys.stderr)
        return
    with new_file(path) as file:
        file.write(json.dumps(state).encode())


def _init(args: argparse.Namespace) -> Message:
    """The first message. Raises `BadInput` for files that cannot be used."""
    given = {name: getattr(args, name) for name in REQUEST_FLAGS}
    init: Message = {name: value for name, value in given.items() if value is not None}
    init |= {"client_id": "matinee-stream", "stream_mode": "av_fmp4"}
    if args.enhance:
        init["enhancement_enabled"] = True
    if args.image is not None and args.state is not None:
        raise BadInput(
            "--image", "a video starts from a picture or from --state, not both", joint=": "
        )
    if args.image is not None:
        init["initial_image"] = _image(Path(args.image))
    if args.state is not None:
        init["continuation_state"] = _state(args.state)
    return init


def _image(path: Path) -> Message:
    mime = MIME_OF_SUFFIX.get(path.suffix.lower())
    if mime is None:
        raise BadInput(
            "initial_image", f"{path} must end in {', '.join(MIME_OF_SUFFIX)}", joint=None
        )
    data = base64.b64encode(_read(path, "initial_image")).decode()
    return {"mime": mime, "name": path.name, "data": data}


def _state(path: Path) -> Message:
    try:
        state = json.loads(_read(path, "continuation_state"))
    except (ValueError, RecursionError):
        state = None
    if not (isinstance(state, dict) and {"kind", "payload"} <= state.keys()):
        raise BadInput(
            "continuation_state", f"{path} is no state that --save-state wrote", joint=None
        )
    return state


def _read(path: Path, param: str) -> bytes:
    try:
        return read_at_most(path, MOST_FILE_BYTES)
    except OSError as error:
        raise BadInput(param, f"cannot read {path}: {error.strerror}", joint=None) from None


async def _record(url: str, init: Message, recording: Recording, *, saves_state: bool) -> None:
    """Send the prompts, each when the one before it has begun, until all is made and received.

    Raises `StreamUnavailable`, `StreamFailed` and, where the server refuses a value, `BadInput`.
    """
    prompts = iter(recording.prompts)
    async with StreamClient.connect(url, init=init) as stream:
        async for item in stream:
            recording.take(item)
            if recording.complete and (recording.state is not None or not saves_state):
                return await _end(stream, recording)
            # Why the server closed, if it has, is still to be read.
            with contextlib.suppress(StreamClosed):
                await _ask_next(stream, item, prompts, recording)
        raise recording.failure(stream.close_reason)


async def _end(stream: StreamClient, recording: Recording) -> None:
    """End the session, which has not vanished. The end of the sound comes only now, or with a
    segment after it."""
    with contextlib.suppress(StreamClosed, TimeoutError):
        async with asyncio.timeout(ENDING_S):
            await stream.send("session_end")
            if not recording.has_sound:
                return
            async for item in stream:
                if isinstance(item, bytes):
                    recording.take(item)


async def _ask_next(
    stream: StreamClient, item: Message | bytes, prompts: Iterator[str], recording: Recording
) -> None:
    """After a segment's begin for the next one; after the last one's end for the state."""
    kind = "" if isinstance(item, bytes) else item["type"]
    if kind in ("ltx2_stream_start", "ltx2_segment_start"):
        prompt = next(prompts, None)
        if prompt is not None:
            await stream.send_prompt(prompt)
    elif kind == "ltx2_segment_complete" and recording.complete:
        await stream.send("snapshot_state")


def _report(args: argparse.Namespace, recording: Recording, *, complete: bool) -> None:
    if not args.json:
        made = f"{len(recording.segments)} of {len(recording.prompts)} segments"
        print(plain(f"{args.output}: {made}"), file=sys.stderr)
        return
    report = {
        "output": str(args.output),
        "complete": complete,
        "bytes": args.output.stat().st_size if args.output.is_file() else None,
        **recording.facts,
        "segments": recording.segments,
    }
    on_stdout = args.output == STANDARD_OUTPUT
    print(json.dumps(report), file=sys.stderr if on_stdout else sys.stdout)
