"""Prometheus metrics of one server. Labels are bounded: no session, prompt or client is one."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
SHORT_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Metrics:
    """Every metric is an attribute; `registry` holds them for `/metrics`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.sessions = Gauge("matinee_sessions", "Sessions that hold a slot", registry=registry)
        self.slots = Gauge("matinee_slots", "Slots of all ready workers", registry=registry)
        self.queue = Gauge("matinee_queue", "Viewers that wait for a slot", registry=registry)
        self.sessions_ended = Counter(
            "matinee_sessions_ended",
            "Sessions by the reason of their end",
            ["reason"],
            registry=registry,
        )
        self.segments = Counter(
            "matinee_segments", "Segments by outcome", ["outcome"], registry=registry
        )
        self.first_fragment = Histogram(
            "matinee_first_fragment_seconds",
            "From a prompt's arrival to its first fragment queued for the viewer",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.fragment_gap = Histogram(
            "matinee_fragment_gap_seconds",
            "Between one fragment and the next of the same segment",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.encode = Histogram(
            "matinee_encode_seconds",
            "Encoding of one chunk's pictures",
            buckets=SHORT_BUCKETS_S,
            registry=registry,
        )
        self.loop_lag = Histogram(
            "matinee_loop_lag_seconds",
            "How late the event loop runs a timer",
            buckets=SHORT_BUCKETS_S,
            registry=registry,
        )
        self.video_seconds = Counter(
            "matinee_video_seconds", "Seconds of video made", registry=registry
        )
        self.compute_seconds = Counter(
            "matinee_compute_seconds",
            "Seconds the workers computed for it; video over compute above 1 is faster than play",
            registry=registry,
        )
        self.skipped_seconds = Counter(
            "matinee_viewer_skipped_seconds",
            "Seconds of video not sent to viewers that were too slow",
            registry=registry,
        )
        self.worker_restarts = Counter(
            "matinee_worker_restarts",
            "Workers started again after death or hang",
            registry=registry,
        )
        self.states_not_saved = Counter(
            "matinee_states_not_saved",
            "States of sessions that the store did not take, by reason",
            ["reason"],
            registry=registry,
        )
        self.log_lines_dropped = Counter(
            "matinee_session_log_lines_dropped",
            "Lines of session logs that came faster than they could be written",
            registry=registry,
        )
