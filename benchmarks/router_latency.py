"""How much later an answer comes through the router than directly: a viewer's small message, and
1 KiB that the server sends for it, one after the other, by turns through the router and not.

    python benchmarks/router_latency.py
"""

from __future__ import annotations

import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import Figure, package_versions, report
from benchmarks._routed import HANDSHAKE, port_of, question, router, source

TURNS = 5
ASKED = 2000
"""In each turn, of both."""
PAYLOAD_BYTES = 1024
ANSWER_BYTES = 4 + PAYLOAD_BYTES


def main() -> None:
    with (
        source() as pod,
        tempfile.TemporaryDirectory() as folder,
        router(pod, folder) as ours,
        viewer(ours.port) as routed,
        viewer(port_of(pod)) as direct,
    ):
        turns = [turn(routed, direct) for _ in range(TURNS + 1)][1:]
    report(
        name="router, how much later an answer comes than directly, 99th percentile",
        unit="ms",
        ours=Figure(tuple(p99(routed) - p99(direct) for routed, direct in turns)),
        target=1.0,
        conditions={
            "answers_in_each_turn": ASKED,
            "answer_bytes": PAYLOAD_BYTES,
            **{
                f"{way}_{name}_ms": round(statistics.median(figure(one[index]) for one in turns), 3)
                for index, way in enumerate(("routed", "direct"))
                for name, figure in (("median", statistics.median), ("p99", p99))
            },
            **package_versions("uvloop"),
        },
    )


def viewer(port: int) -> socket.socket:
    """Upgraded."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.sendall(HANDSHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += plain.recv(1)
    return plain


def turn(routed: socket.socket, direct: socket.socket) -> tuple[list[float], list[float]]:
    """Times of both, ms."""
    times: tuple[list[float], list[float]] = [], []
    for _ in range(ASKED):
        times[0].append(answer_ms(routed))
        times[1].append(answer_ms(direct))
    return times


def answer_ms(plain: socket.socket) -> float:
    began, left = time.perf_counter(), ANSWER_BYTES
    plain.sendall(question(1, PAYLOAD_BYTES))
    while left:
        if not (piece := plain.recv(left)):
            raise RuntimeError("the stream ended too early")
        left -= len(piece)
    return (time.perf_counter() - began) * 1000


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    main()
