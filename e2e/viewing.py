"""Viewers in a client pod, who go on when the test says so and tell everything they hear."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from e2e import pods
from e2e.target import Target
from e2e.waiting import PATIENCE_S

Message = dict[str, Any]
PROMPT = "a red ball moving left on a blue background"
FIRST_SEGMENT_FRAMES, NEXT_SEGMENT_FRAMES = 17, 16
CLOSED = "closed"
WATCH = """
import asyncio, hashlib, json, sys
from matinee.client.stream_client import StreamClient

async def watch(url):
    prompts = asyncio.StreamReader()
    made = lambda: asyncio.StreamReaderProtocol(prompts)
    await asyncio.get_running_loop().connect_read_pipe(made, sys.stdin)
    video = hashlib.sha256()
    async with StreamClient.connect(url, init=json.loads(sys.argv[2])) as stream:
        async def ask():
            async for prompt in prompts:
                await stream.send_prompt(prompt.decode().strip())
            await stream.send("session_end")
        asking = asyncio.create_task(ask())
        async for item in stream:
            if isinstance(item, dict):
                print(json.dumps(item), flush=True)
            else:
                video.update(item)
        asking.cancel()
        end = {"type": "closed", "code": stream.close_code, "reason": stream.close_reason}
        end["video"] = video.hexdigest()
        print(json.dumps(end), flush=True)

asyncio.run(watch(sys.argv[1]))
"""


@dataclass(slots=True)
class Viewer:
    """One open session. It asks for nothing by itself, so that it stays as long as a test wants."""

    process: subprocess.Popen[str]
    heard: queue.Queue[Message] = field(default_factory=queue.Queue)
    frames: int = 0
    segments: int = 0

    def ask(self) -> None:
        """Send a prompt."""
        asked = self.process.stdin
        assert asked is not None
        asked.write(f"{PROMPT}\n")
        asked.flush()

    def hear(self, kind: str) -> Message:
        """The next message of the kind; what came before it is counted and forgotten.

        Raises:
            AssertionError: the stream ended before, with the last message; or nothing came.
        """
        while True:
            try:
                message = self.heard.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise AssertionError(f"the viewer heard no {kind}") from None
            if message["type"] == "media_segment_complete":
                self.frames += message["frames"]
                self.segments += 1
            if message["type"] == kind:
                return message
            assert message["type"] != CLOSED, f"no {kind}, but {message}"

    def play(self) -> None:
        """One more segment, to its end, with every frame of it."""
        self.ask()
        self.hear("ltx2_segment_complete")
        whole = FIRST_SEGMENT_FRAMES + NEXT_SEGMENT_FRAMES * (self.segments - 1)
        assert self.frames == whole

    def leave(self) -> Message:
        """End the session. Returns how it was closed, with the digest of its video."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.hear(CLOSED)


@contextlib.contextmanager
def viewers(
    target: Target, namespace: str, url: str, count: int, **init: Any
) -> Iterator[list[Viewer]]:
    """Sessions from the pod `client` that have played their first segment. `init`: what they ask
    for."""
    pods.wait_reachable(target, namespace, "client", f"{url}/readyz")
    with contextlib.ExitStack() as stack:
        made = [_start(stack, target, namespace, url, init) for _ in range(count)]
        for viewer in made:
            viewer.ask()
        for viewer in made:
            viewer.hear("ltx2_segment_complete")
        yield made


def _start(
    stack: contextlib.ExitStack, target: Target, namespace: str, url: str, init: Message
) -> Viewer:
    words = ("exec", "-i", "-n", namespace, "client", "--", "python3", "-c", WATCH, url)
    process = subprocess.Popen(
        ["kubectl", *words, json.dumps(init)],
        env=target.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    viewer = Viewer(stack.enter_context(process))
    listening = threading.Thread(target=_listen, args=(process.stdout, viewer.heard))
    listening.start()
    stack.callback(listening.join)
    stack.callback(process.kill)
    return viewer


def _listen(said: IO[str], heard: queue.Queue[Message]) -> None:
    for line in said:
        heard.put(json.loads(line))
    heard.put({"type": CLOSED, "code": None, "reason": "the client's process ended"})
