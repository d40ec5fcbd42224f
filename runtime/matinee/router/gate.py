"""What a request must bring: a Host of ours, an allowed Origin, a known key. Pure but for the keys'
file, which is looked at each time.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from websockets.datastructures import Headers

from matinee.serving.keys import SUBPROTOCOL, Key, Keys, given_key
from matinee.serving.names import host_refusal, origin_allowed
from matinee.serving.refusal import Refusal
from matinee_api.config.router_config import RouterSettings

NEEDS_A_KEY = "this needs the header Authorization: Bearer KEY, with a key of this router"


@dataclass(frozen=True, slots=True)
class Entry:
    """Who may enter. `key`: None where nobody needs one. `subprotocol`: to agree to."""

    key: Key | None = None
    subprotocol: str | None = None


class Gate:
    """Raises `ConfigError` when the keys' file is wrong at the start."""

    def __init__(self, settings: RouterSettings) -> None:
        node = platform.node()
        self.own_names = (*settings.allowed_hosts, settings.host, node, f"{node}.local")
        self._origins = settings.allowed_origins
        self._keys = Keys(Path(settings.keys_file)) if settings.keys_file else None

    @property
    def open(self) -> bool:
        """Anybody may enter."""
        return self._keys is None

    def viewer(self, headers: Headers) -> Entry | Refusal:
        """Of a handshake."""
        hosts = headers.get_all("host")
        if (refusal := host_refusal(hosts, "1.1", self.own_names)) is not None:
            return refusal
        origins: list[str | None] = [*headers.get_all("origin")]
        if not all(origin_allowed(origin, hosts[0], self._origins) for origin in origins or [None]):
            return Refusal(HTTPStatus.FORBIDDEN, "this origin may not stream")
        entry = self.holder(given_key(_lowered(headers)))
        if isinstance(entry, Refusal):
            return entry
        offered = ",".join(headers.get_all("sec-websocket-protocol")).split(",")
        agreed = SUBPROTOCOL if SUBPROTOCOL in map(str.strip, offered) else None
        return Entry(entry.key, agreed)

    def holder(self, given: str | None) -> Entry | Refusal:
        """Of any request with this key."""
        if self._keys is None:
            return Entry()
        key = self._keys.holder(given)
        if key is None:
            headers = {"www-authenticate": "Bearer"}
            return Refusal(HTTPStatus.UNAUTHORIZED, NEEDS_A_KEY, headers)
        return Entry(key)


def _lowered(headers: Headers) -> dict[str, str]:
    """Each name once: several values of one are a list, as HTTP says."""
    names = {name.lower() for name, _ in headers.raw_items()}
    return {name: ", ".join(headers.get_all(name)) for name in names}
