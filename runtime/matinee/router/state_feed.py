"""`GET /v1/table`: what the operator is told of a router, as a stream of JSON lines."""

from __future__ import annotations

from typing import Any

from matinee.router.gate import Gate
from matinee.router.reception import Reception
from matinee.router.table import Table
from matinee.serving.line_feed import LineFeed
from matinee_api.contracts.pod_http import RouterState

STATE_EVERY_S, STATE_GAP_S = 1.0, 0.05
"""The table's changes are told at once, but for a gap; numbers of viewers once a second."""


def state_feed(table: Table, reception: Reception, gate: Gate) -> LineFeed:
    def state() -> dict[str, Any]:
        now = RouterState(
            sessions=sum(len(one.sessions) for one in table),
            queued=reception.queued,
            open_to_anybody=gate.open,
            backends=tuple(one.address.name for one in table if one.takes_new),
        )
        return now.model_dump(mode="json")

    return LineFeed(state, heartbeat_s=STATE_EVERY_S, gap_s=STATE_GAP_S)
