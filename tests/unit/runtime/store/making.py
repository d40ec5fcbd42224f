from __future__ import annotations

from dataclasses import replace

from matinee.store.base import Bounds, Lease, Saved, SessionStore

ROOMY = Bounds(ttl_s=60, max_states=100, max_bytes=2**20, history_states=10, history_bytes=2**20)
ODD_IDS = ["../a", "a/b", "..", "", "a\0b", "a\n", "/etc/passwd", "x" * 129, "a.json", "ü"]


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def bounds(**changes: float) -> Bounds:
    return replace(ROOMY, **changes)  # type: ignore[arg-type]


async def save(store: SessionStore, lease: Lease, segment: int, size: int = 10) -> None:
    await store.save(lease, segment, b"facts %d" % segment, {"frames": bytes(size)})


async def saved_by(store: SessionStore, session_id: str, *segments: int, size: int = 10) -> Lease:
    lease = await store.claim(session_id, "pod")
    for segment in segments:
        await save(store, lease, segment, size)
    return lease


async def segments_of(store: SessionStore, session_id: str) -> list[int]:
    return [kept.segment for kept in await store.history(session_id)]


async def newest(store: SessionStore, session_id: str) -> int | None:
    saved = await store.load(session_id)
    return None if saved is None else saved.segment


def contents(saved: Saved | None) -> tuple[bytes, dict[str, bytes]]:
    assert saved is not None
    return bytes(saved.facts), {name: bytes(blob) for name, blob in saved.blobs.items()}
