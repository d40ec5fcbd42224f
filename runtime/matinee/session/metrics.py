"""Prometheus metrics of one server. Labels are bounded: no session, prompt or client is one."""

from __future__ import annotations

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from matinee.session.prompt_metrics import PromptMetrics

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
SHORT_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Metrics:
    """Every metric is an attribute; `registry` holds them for `/metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        gauge = partial(Gauge, registry=self.registry)
        self.sessions = gauge("matinee_sessions", "Sessions that hold a slot")
        self.slots = gauge("matinee_slots", "Slots of all ready workers")
        self.queue = gauge("matinee_queue", "Viewers that wait for a slot")
        self.prompts = PromptMetrics(self.registry)
        self._time_segments()
        self._count()

    def _time_segments(self) -> None:
        long = partial(Histogram, registry=self.registry, buckets=LATENCY_BUCKETS_S)
        short = partial(Histogram, registry=self.registry, buckets=SHORT_BUCKETS_S)
        self.first_fragment = long(
            "matinee_first_fragment_seconds",
            "From a prompt's arrival to its first fragment queued for the viewer",
        )
        self.fragment_gap = long(
            "matinee_fragment_gap_seconds",
            "Between one fragment and the next of the same segment",
        )
        self.encode = short("matinee_encode_seconds", "Encoding of one chunk's pictures")
        self.loop_lag = short("matinee_loop_lag_seconds", "How late the event loop runs a timer")

    def _count(self) -> None:
        counter = partial(Counter, registry=self.registry)
        self.sessions_ended = counter(
            "matinee_sessions_ended", "Sessions by the reason of their end", ["reason"]
        )
        self.segments = counter("matinee_segments", "Segments by outcome", ["outcome"])
        self.video_seconds = counter("matinee_video_seconds", "Seconds of video made")
        self.compute_seconds = counter(
            "matinee_compute_seconds",
            "Seconds the workers computed for it; video over compute above 1 is faster than play",
        )
        self.skipped_seconds = counter(
            "matinee_viewer_skipped_seconds",
            "Seconds of video not sent to viewers that were too slow",
        )
        self.worker_restarts = counter(
            "matinee_worker_restarts", "Workers started again after death or hang"
        )
        self.states_not_saved = counter(
            "matinee_states_not_saved",
            "States of sessions that the store did not take, by reason",
            ["reason"],
        )
        self.log_lines_dropped = counter(
            "matinee_session_log_lines_dropped",
            "Lines of session logs that came faster than they could be written",
        )
