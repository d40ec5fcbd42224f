"""Rows of the router, which also has those of every connection, under `router.limits`."""

from __future__ import annotations

from tools.limits.row import Row

VIEWERS = (
    Row(
        "a handshake",
        "Host, Origin, key: 421, 403, 401; of an address {router.limits.streams_per_second} a "
        "second and five times as many at once, then 429 (0, no limit, in a cluster, where a load "
        "balancer may bring all from one)",
        "the same path goes to the backend; of its headers none",
        reads=("matinee/router/reception.py",),
    ),
    Row(
        "frames and messages of a viewer",
        "{router.limits.frames_per_second} frames a second and twice as many at once, then 1008; "
        "{router.message_bytes} a message, then 1009; a ping is answered within that",
        "the same; pings are the backend's",
        reads=("matinee/router/viewer.py",),
    ),
    Row(
        "the first message",
        "{router.limits.first_message_seconds}, then closed; no slot and no place before it or its "
        "first {matinee.router.early:FREE_BYTES}",
        "the backend's own bounds",
    ),
    Row(
        "a place in the queue",
        "{router.queue.max_waiting} viewers, {router.queue.longest_seconds}: 1013; in a full queue "
        "the address or key with most places makes room for another; told every "
        "{matinee.router.seating:TELL_EVERY_S} at most",
        "a session that moves goes before all of them",
    ),
    Row(
        "`/v1/videos`, `/v1/images`",
        "401, 403; a body of {router.upload_bytes}, {router.limits.body_seconds}: 413, 408",
        "{matinee.router.job_forwarding:MOST_QUICK} questions, "
        "{matinee.router.job_forwarding:MOST_ORDERS} orders, "
        "{matinee.router.job_forwarding:MOST_FILES} files and "
        "{matinee.router.job_forwarding:MOST_MADE} that wait for what is made at once; of a body "
        "{matinee.router.job_request:REPLAYED_BYTES} are kept; an answer within "
        "{matinee.router.job_request:QUICK_S}, or {matinee.router.job_request:MADE_S} of what is "
        "made",
        reads=("matinee/router/job_request.py", "matinee/router/job_forwarding.py"),
        covers=("/v1/videos", "/v1/videos/{rest:path}", "/v1/images/{rest:path}"),
    ),
    Row(
        "sessions of a key",
        "`max_sessions` at once, `sessions_per_minute`: 1013",
        "counted until the viewer is gone",
        reads=("matinee/serving/keys.py",),
    ),
    Row(
        "what a viewer says",
        "{matinee.router.early:FREE_BYTES}; more, of all viewers together: "
        "{router.queue.held_bytes}; the rest waits in its socket",
        "counts until its backend has read it; past {matinee.router.upstream:UNSENT_BYTES} that "
        "wait for the backend nothing more is read",
    ),
    Row(
        "what a viewer said lately, kept in case its backend is lost",
        "nothing",
        "{matinee.router.journal:MOST_SAID} messages, {matinee.router.journal:SAID_BYTES}; older "
        "ones are forgotten",
        reads=("matinee/router/journal.py",),
    ),
    Row(
        "what a viewer does not read",
        "cut off after {router.limits.unread_seconds}",
        "{matinee.serving.listening:UNSENT_BYTES} in the kernel, "
        "{matinee.router.viewer:UNREAD_BYTES} and one frame above it; then nothing more is read "
        "from its backend, which is not blamed for what it does about that",
    ),
    Row(
        "`/`, `/player` and its files, `/v1/models` and each of them",
        "{matinee.router.forwarding:MOST_AT_ONCE} at once are asked of backends, the others wait; "
        "of the answer {matinee.router.forwarding:MOST_BYTES}",
        "with keys configured, `/v1/models` wants one",
        reads=("matinee/router/forwarding.py",),
        covers=("/player/{name}", "/v1/models/{name:path}", "/v1/model_info"),
    ),
    Row(
        "`/v1/tickets`",
        "401 without a key",
        "{matinee.router.gate:TICKETS_AT_ONCE} of an owner at once, then 429; "
        "{matinee.router.tickets:MOST_USED} used ones are remembered, for "
        "{matinee.router.tickets:LIFETIME_S}",
    ),
    Row(
        "what the first message says of its sender",
        "{matinee.router.first_message:PEEK_BYTES} for a place and for heartbeats; where a session "
        "is resumed, and with the strategy `hash`, {matinee.router.early:FREE_BYTES}",
        "nothing more",
        reads=("matinee/router/first_message.py",),
    ),
    Row(
        "places of viewers who are gone",
        "{router.queue.max_waiting} for {router.queue.kept_seconds}; in Redis "
        "{matinee.router.queue_scripts:MOST_KEPT}",
        "the same",
    ),
    Row(
        "sessions that have ended, and where they were",
        "{matinee.router.homes:MOST_KEPT} for {matinee.router.homes:KEPT_S}",
        "the same",
    ),
    Row(
        "heartbeats",
        "one every {router.heartbeat_seconds} to who asked and reads",
        "an end that acknowledges nothing for 20 s is cut off",
        reads=("matinee/router/heartbeats.py",),
    ),
    Row(
        "`/healthz`, `/health`, `/readyz`, `/status`",
        "from memory, no body",
        "the same",
    ),
    Row(
        "`/metrics`, `/v1/backends`, `/v1/sessions`",
        "401, or 403 where no token is set and it is not this machine",
        "from memory, with the token",
    ),
    Row(
        "`/v1/table`",
        "the same",
        "{matinee.serving.line_feed:MAX_READERS} readers; a further one takes the place of one of "
        "the caller with the most",
    ),
)

BACKENDS = (
    Row(
        "video",
        "{matinee.router.connecting:RECEIVED_BYTES} in the kernel; a frame is held until it is "
        "whole up to {matinee.router.upstream:WHOLE_BYTES}, and passed on as it comes beyond",
    ),
    Row(
        "the answer to a handshake, a probe, a forwarded request",
        "head: {matinee.serving.http_client:MOST_HEAD_BYTES}, "
        "{router.health_check.timeout_seconds}; one that refuses a viewer (4xx) is not blamed",
        reads=("matinee/serving/http_client.py", "matinee/router/upstream.py"),
    ),
    Row(
        "a line of its slots",
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
        "the queue in Redis or Valkey",
        "{matinee.router.shared_scripts:ANSWER_S} for an answer, then it is away and nobody waits "
        "for it; who can write there is trusted",
        reads=("matinee/router/shared_queue.py", "matinee/router/shared_limits.py"),
    ),
)
