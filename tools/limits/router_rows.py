"""Rows of the router, which also has those of every connection, under `router.limits`."""

from __future__ import annotations

from tools.limits.row import Row

ROUTER = (
    Row(
        "frames and messages of a viewer",
        "{router.limits.frames_per_second} frames a second and twice as many at once, then 1008; "
        "{router.message_bytes} a message, then 1009; a ping is answered within that",
        reads=("matinee/router/viewer.py", "matinee/router/reception.py"),
    ),
    Row(
        "the first message",
        "{router.limits.first_message_seconds}, then closed; no slot and no place before it",
    ),
    Row(
        "a place in the queue",
        "{router.queue.max_waiting} viewers, {router.queue.longest_seconds}: 1013",
    ),
    Row(
        "what a viewer says before it has a backend",
        "{matinee.router.early:FREE_BYTES}; more, of all viewers together: "
        "{router.queue.held_bytes}; the rest waits in its socket",
    ),
    Row(
        "what a viewer said lately, kept in case its backend is lost",
        "{matinee.router.journal:MOST_SAID} messages, {matinee.router.journal:SAID_BYTES}; older "
        "ones are forgotten",
        reads=("matinee/router/journal.py",),
    ),
    Row(
        "what a viewer does not read",
        "{matinee.serving.listening:UNSENT_BYTES} in the kernel, "
        "{matinee.router.viewer:UNREAD_BYTES} and one frame above it; then nothing more is read "
        "from its backend",
    ),
    Row(
        "video from a backend",
        "{matinee.router.connecting:RECEIVED_BYTES} in the kernel; a frame is held until it is "
        "whole up to {matinee.router.upstream:WHOLE_BYTES}, and passed on as it comes beyond",
    ),
    Row(
        "the answer of a backend to a handshake, a probe, a forwarded request",
        "head: {matinee.router.http_client:MOST_HEAD_BYTES}, "
        "{router.health_check.timeout_seconds}; forwarded body: "
        "{matinee.router.forwarding:MOST_BYTES}",
        reads=(
            "matinee/router/http_client.py",
            "matinee/router/forwarding.py",
            "matinee/router/upstream.py",
        ),
    ),
    Row(
        "a line of a backend's slots",
        "{matinee.router.watch:MOST_LINE_BYTES}; silence of {matinee.router.watch:SILENCE_S} ends "
        "the connection, not what is known",
        reads=("matinee/router/watch.py",),
    ),
    Row(
        "EndpointSlices of its Services",
        "{matinee.router.endpoints:MOST_SLICES} slices, "
        "{matinee_api.config.router_config:MOST_BACKENDS} backends; a page of "
        "{matinee.router.api_server:MOST_PAGE_BYTES}, an event of "
        "{matinee.router.api_server:MOST_EVENT_BYTES}; what cannot be heard changes nothing",
        reads=("matinee/router/endpoints.py", "matinee/router/api_server.py"),
    ),
    Row(
        "sessions of a key",
        "`max_sessions` at once, `sessions_per_minute`: 1013",
        reads=("matinee/serving/keys.py",),
    ),
    Row(
        "`/v1/tickets`",
        "401 without a key; {matinee.router.gate:TICKETS_AT_ONCE} of an owner at once, then 429; "
        "{matinee.router.tickets:MOST_USED} used ones are remembered, for "
        "{matinee.router.tickets:LIFETIME_S}",
    ),
    Row(
        "what the first message says of its sender",
        "{matinee.router.first_message:PEEK_BYTES} for a place; with the strategy `hash` "
        "{matinee.router.early:FREE_BYTES}",
        reads=("matinee/router/first_message.py",),
    ),
    Row(
        "places of viewers who are gone",
        "{router.queue.max_waiting} for {router.queue.kept_seconds}; in Redis "
        "{matinee.router.queue_scripts:MOST_KEPT}",
    ),
    Row(
        "the queue in Redis or Valkey",
        "{matinee.router.shared_queue:ANSWER_S} for an answer, then it is away and nobody waits "
        "for it; who can write there is trusted",
        reads=("matinee/router/shared_queue.py",),
    ),
)
