"""Viewers in a client pod, who go on when the test says so and tell everything they hear."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from e2e import pods
from e2e.target import Target
from e2e.waiting import PATIENCE_S

Message = dict[str, Any]
PROMPT = "a red ball moving left on a blue background"
FIRST_SEGMENT_FRAMES, NEXT_SEGMENT_FRAMES = 17, 16
CLOSED = "closed"
WATCH = Path(__file__).with_name("watching.py").read_text()


@dataclass(slots=True)
class Viewer:
    """One open session. It asks for nothing by itself, so that it stays as long as a test wants.
    `kinds`: how many messages it heard of each kind; `video`: the digest of all its video; `frames`
    of each segment whose video is complete; `silence_s`: the longest one since it asked last."""

    process: subprocess.Popen[str]
    heard: queue.Queue[Message] = field(default_factory=queue.Queue)
    kinds: Counter[str] = field(default_factory=Counter)
    video: str = ""
    frames: dict[int, int] = field(default_factory=dict)
    asked: int = 0
    silence_s: float = 0.0
    _heard_at: float = 0.0

    def ask(self) -> None:
        """Send a prompt."""
        self.asked += 1
        self.silence_s, self._heard_at = 0.0, time.monotonic()
        self._command(prompt=PROMPT)

    def vanish(self) -> None:
        """Leave the connection without a word. One who returns comes back at once."""
        self._command(vanish=True)

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
            self.kinds[message["type"]] += 1
            self._note_silence(message["heard_at"])
            self.video = message.get("video", "")
            if message["type"] == "media_segment_complete":
                self.frames[message["segment_idx"]] = message["frames"]
            if message["type"] == kind:
                return message
            assert message["type"] != CLOSED, f"no {kind}, but {message}"

    def _note_silence(self, at: float) -> None:
        self.silence_s = max(self.silence_s, at - self._heard_at)
        self._heard_at = at

    def play(self) -> None:
        """One more segment, to its end, with every frame of it."""
        self.ask()
        self.finish()

    def finish(self) -> None:
        """What was asked for, to its end."""
        while self.hear("ltx2_segment_complete")["segment_idx"] < self.asked - 1:
            pass
        whole = FIRST_SEGMENT_FRAMES + NEXT_SEGMENT_FRAMES * (self.asked - 1)
        assert sum(self.frames.values()) == whole

    def leave(self) -> Message:
        """End the session. Returns how it was closed, with the digest of its video."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.hear(CLOSED)

    def _command(self, **words: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()


@contextlib.contextmanager
def viewers(
    target: Target, namespace: str, url: str, count: int, *, returns: bool = False, **init: Any
) -> Iterator[list[Viewer]]:
    """Sessions from the pod `client` that have played their first segment. `init`: what they ask
    for. `returns`: who loses the connection comes back with the token."""
    pods.wait_reachable(target, namespace, "client", f"{url}/readyz")
    with contextlib.ExitStack() as stack:
        words = (url, json.dumps(init), "yes" if returns else "no")
        made = [_start(stack, target, namespace, words) for _ in range(count)]
        for viewer in made:
            viewer.ask()
        for viewer in made:
            viewer.finish()
        yield made


def _start(
    stack: contextlib.ExitStack, target: Target, namespace: str, words: Sequence[str]
) -> Viewer:
    program = ("exec", "-i", "-n", namespace, "client", "--", "python3", "-c", WATCH)
    process = subprocess.Popen(
        ["kubectl", *program, *words],
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
        heard.put({**json.loads(line), "heard_at": time.monotonic()})
    reason = "the client's process ended"
    heard.put({"type": CLOSED, "code": None, "reason": reason, "heard_at": time.monotonic()})
