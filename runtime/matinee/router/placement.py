"""Which backend gets a session: one function for each strategy, the best one first. Pure.

All of them leave out what takes no session or has no free slot. A backend that does not tell its
slots (another implementation of the contract) counts as one with a single free slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b

from matinee.router.homes import Home
from matinee.router.table import Backend
from matinee_api.config.router_config import Strategy


@dataclass(frozen=True, slots=True)
class Wish:
    """What is known when a session is placed. `client`: who hashes to the same backend again;
    `mean_s`: how long sessions last on the average. `store`: what the backend must share; None: it
    need not. `home`: where the session is known, if anywhere."""

    client: str
    now: float
    mean_s: float = 0.0
    store: str | None = None
    home: Home | None = None


def place(backends: Iterable[Backend], strategy: Strategy, wish: Wish) -> Backend | None:
    """None: no backend has a free slot for it now. A session that is known at none of them goes to
    any: that one says so."""
    fit = [
        one for one in backends if one.takes_new and (wish.store is None or one.store == wish.store)
    ]
    home = wish.home
    known = [one for one in fit if home.is_at(one)] if home is not None else []
    usable = [one for one in known or fit if one.free != 0]
    rank = _RANKS[strategy]
    return min(usable, key=lambda one: rank(one, wish), default=None)


def _most_free(one: Backend, wish: Wish) -> tuple[float, ...]:
    free = 1 if one.free is None else one.free
    return -free, one.remaining_s(wish.now, wish.mean_s), len(one.sessions)


def _weighted(one: Backend, _wish: Wish) -> tuple[float, ...]:
    return ((len(one.sessions) + 1) / one.address.weight, -one.address.weight)


def _primary_first(one: Backend, _wish: Wish) -> tuple[float, ...]:
    return (not one.address.primary,)  # `min` keeps the order of those that are alike


def _hash(one: Backend, wish: Wish) -> tuple[float, ...]:
    """Rendezvous hashing: a backend that comes or goes moves its own clients only."""
    text = f"{one.address.url} {wish.client}".encode("utf-8", "surrogatepass")
    return (-int.from_bytes(blake2b(text, digest_size=8).digest()),)


_RANKS: dict[Strategy, Callable[[Backend, Wish], tuple[float, ...]]] = {
    "most-free": _most_free,
    "weighted": _weighted,
    "primary-first": _primary_first,
    "hash": _hash,
}
