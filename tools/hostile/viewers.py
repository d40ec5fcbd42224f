"""People who watch, some who leave in odd ways, and those who attack beside them; all drawn from a
seed. What became of them is in a `Tally`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from matinee.client.stream_client import StreamClient, StreamUnavailable
from tools.hostile.attackers import under
from tools.hostile.attacks import ATTACKS
from tools.hostile.watching import starts_at_s

PREBUFFER_S = 0.5
PROMPTS = ["a red ball moving left on a blue background", "a green square moving up"]
ASKS = {"asks for snapshots": "snapshot_state", "cancels": "segment_cancel"}
WAYS = ("ends", "closes", *ASKS)
ATTACK_S = 20.0
CALM_S = 5.0
BACK_S = 0.5


@dataclass
class Player:
    """A player's buffer, from when fragments come and when they are to be shown."""

    shown_from: float | None = None
    first_s: float = 0.0

    def came(self, now: float, starts_s: float) -> float:
        """How long it stood still for a fragment. `shown_from`: when the one that starts at
        `first_s` is shown."""
        if self.shown_from is None:
            self.shown_from, self.first_s = now + PREBUFFER_S, starts_s
        late_s = max(0.0, now - (self.shown_from + starts_s - self.first_s))
        self.shown_from += late_s
        return late_s


@dataclass
class Tally:
    """Of all viewers."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: {"video": 0.0})
    errors: Counter[str] = field(default_factory=Counter)
    attacks: list[str] = field(default_factory=list)

    def stood_still(self, seconds: float) -> None:
        self.counts["underruns"] += seconds > 0
        self.counts["still ms"] += round(seconds * 1000)

    def heard(self, message: dict[str, Any], leaves: str) -> None:
        """Of one who asks, errors are answers: there may be nothing to cancel."""
        match message["type"]:
            case "media_segment_complete":
                self.seconds["video"] += message["duration_ms"] / 1000
            case "ltx2_segment_complete":
                self.counts["segments"] += 1
            case "error" if leaves not in ASKS:
                self.errors[f"{message['code']}: {message['message'][:60]}"] += 1


async def viewer(url: str, rng: Random, tally: Tally) -> None:
    while True:
        try:
            await _session(url, rng, tally)
        except StreamUnavailable as error:
            tally.counts["refused"] += 1
            tally.errors[str(error)[-80:]] += error.status not in (None, 503)
        except (OSError, TimeoutError) as error:
            tally.errors[repr(error)[:80]] += 1
        await asyncio.sleep(BACK_S)


async def _session(url: str, rng: Random, tally: Tally) -> None:
    """Half a minute or so, in one of the ways in which people leave."""
    leaves = rng.choice(WAYS)
    init = {"loop_generation_enabled": True, "curated_prompts": PROMPTS, "seed": rng.randrange(99)}
    if rng.random() < 0.25:
        init["stream_mode"] = "legacy_jpeg"
    player = Player()
    async with StreamClient.connect(url, init=init) as stream:
        tally.counts["sessions"] += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rng.uniform(10, 60)):
                await _watch(stream, player, tally, leaves)
                tally.errors[f"closed with {stream.close_code} {stream.close_reason}"] += 1
        if leaves == "ends" and stream.close_code is None:
            await stream.send("session_end")


async def _watch(stream: StreamClient, player: Player, tally: Tally, leaves: str) -> None:
    timescale = 0
    async for item in stream:
        if isinstance(item, bytes):
            if timescale and item[4:8] == b"moof":
                tally.stood_still(player.came(time.monotonic(), starts_at_s(item, timescale)))
            continue
        if item["type"] == "media_init":
            timescale = item.get("timescale") or 0
        tally.heard(item, leaves)
        if item["type"] == "ltx2_segment_complete" and leaves in ASKS:
            await stream.send(ASKS[leaves])


async def attackers(port: int, rng: Random, tally: Tally) -> None:
    while True:
        name = rng.choice(tuple(ATTACKS))
        tally.attacks.append(name)
        attacking = under(name, port)
        await asyncio.to_thread(attacking.__enter__)
        try:
            await asyncio.sleep(ATTACK_S)
        finally:
            attacking.__exit__(None, None, None)
        await asyncio.sleep(CALM_S)
