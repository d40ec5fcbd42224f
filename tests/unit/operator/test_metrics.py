from __future__ import annotations

from matinee_operator.metrics import Metrics

TEXT = """\
# HELP matinee_operator_api_requests_total Requests to the API server by verb
# TYPE matinee_operator_api_requests_total counter
matinee_operator_api_requests_total{verb="get"} 1.0
# HELP matinee_operator_reconciles_total Reconciles, by kind and result
# TYPE matinee_operator_reconciles_total counter
matinee_operator_reconciles_total{kind="Router",result="done"} 1.0
matinee_operator_reconciles_total{kind="Router",result="failed"} 2.0
# HELP matinee_operator_reconcile_seconds_total Time spent in reconciles, by kind
# TYPE matinee_operator_reconcile_seconds_total counter
matinee_operator_reconcile_seconds_total{kind="Router"} 0.25
# HELP matinee_operator_writes_total Changes made through the API server, by action
# TYPE matinee_operator_writes_total counter
matinee_operator_writes_total{action="apply"} 3.0
# HELP matinee_operator_missed_events_total Changes that only a full relist found, by kind
# TYPE matinee_operator_missed_events_total counter
# HELP matinee_operator_internal_errors_total Bugs met in reconciles, by kind
# TYPE matinee_operator_internal_errors_total counter
# HELP matinee_operator_queue_depth Objects that are pending or in flight
# TYPE matinee_operator_queue_depth gauge
matinee_operator_queue_depth 3.0
# HELP matinee_operator_queue_oldest_seconds How long the oldest of them is overdue
# TYPE matinee_operator_queue_oldest_seconds gauge
matinee_operator_queue_oldest_seconds 0.0
# HELP matinee_operator_leader 1 on the replica that leads
# TYPE matinee_operator_leader gauge
matinee_operator_leader 1.0
# HELP matinee_operator_pod_feeds Pods whose sessions are followed
# TYPE matinee_operator_pod_feeds gauge
matinee_operator_pod_feeds 0.0
"""


def test_what_a_scraper_reads() -> None:
    metrics = Metrics()
    metrics.count("api_requests_total", verb="get")
    metrics.count("reconciles_total", kind="Router", result="done")
    metrics.count("reconciles_total", 2, kind="Router", result="failed")
    metrics.count("reconcile_seconds_total", 0.25, kind="Router")
    metrics.count("writes_total", 3, action="apply")
    metrics.gauge("queue_depth", lambda: 3)
    metrics.gauge("leader", lambda: 1.0)
    assert metrics.text() == TEXT


def test_two_programs_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.count("writes_total", action="apply")
    assert (first.total("writes_total"), second.total("writes_total")) == (1.0, 0.0)


def test_a_total_is_over_the_series_with_these_labels() -> None:
    metrics = Metrics()
    metrics.count("reconciles_total", kind="Router", result="done")
    metrics.count("reconciles_total", kind="Router", result="failed")
    assert metrics.total("reconciles_total", kind="Router") == 2.0
    assert metrics.total("reconciles_total", result="failed") == 1.0
    assert metrics.total("writes_total") == 0.0
