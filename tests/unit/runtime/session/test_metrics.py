from __future__ import annotations

from typing import get_args

from prometheus_client import generate_latest

from matinee.session.metrics import Metrics
from matinee.session.segment_stream import _outcome_label
from matinee.wire.server_messages import EndReason
from matinee.worker import messages as worker
from matinee.worker.messages import Cause
from tests.unit.runtime.session.making import failed, segment_done

LABELS = {
    "matinee_states_not_saved": ("reason",),
    "matinee_sessions_ended": ("reason",),
    "matinee_segments": ("outcome",),
    "matinee_prompt_requests": ("provider", "outcome"),
    "matinee_prompt_seconds": ("provider",),
    "matinee_prompt_tokens": ("provider", "kind"),
    "matinee_prompt_breaker_open": ("provider",),
}
"""All the labels that there are; `le` and `_created` are Prometheus' own. Providers are those of
the configuration."""


def test_few_metrics_have_a_label() -> None:
    collectors = Metrics().registry._collector_to_names
    labelled = {
        collector.describe()[0].name: collector._labelnames  # type: ignore[attr-defined]
        for collector in collectors
        if collector._labelnames  # type: ignore[attr-defined]
    }
    assert labelled == LABELS


def test_a_label_has_only_values_that_are_known_beforehand() -> None:
    assert len(get_args(EndReason)) == 5  # and "vanished"
    outcomes = (
        segment_done(),
        worker.SegmentCancelled(1, 2),
        failed(Cause.REQUEST),
        failed(Cause.NO_WORKER),
    )
    assert [_outcome_label(one) for one in outcomes] == ["done", "cancelled", "refused", "failed"]


def test_two_servers_in_a_process_have_metrics_of_their_own() -> None:
    ours, theirs = Metrics(), Metrics()
    ours.segments.labels("done").inc()
    assert b'matinee_segments_total{outcome="done"} 1.0' in generate_latest(ours.registry)
    assert b'outcome="done"' not in generate_latest(theirs.registry)
