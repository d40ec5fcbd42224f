from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from matinee_operator.metrics import HELP, PREFIX, Metrics


def test_prometheus_reads_what_is_written() -> None:
    metrics = Metrics()
    metrics.count("writes_total", action="apply")
    metrics.count("writes_total", 2, action="status")
    metrics.gauge("queue_depth", lambda: 3)
    families = {one.name: one for one in text_string_to_metric_families(metrics.text())}
    assert len(families) == len(HELP)
    writes = families[f"{PREFIX}writes"].samples
    assert {one.labels["action"]: one.value for one in writes} == {"apply": 1.0, "status": 2.0}
    assert families[f"{PREFIX}queue_depth"].samples[0].value == 3.0


def test_a_total_is_over_the_series_with_these_labels() -> None:
    metrics = Metrics()
    metrics.count("reconciles_total", kind="Router", result="done")
    metrics.count("reconciles_total", kind="Router", result="failed")
    assert metrics.total("reconciles_total", kind="Router") == 2.0
    assert metrics.total("reconciles_total", result="failed") == 1.0
    assert metrics.total("unknown") == 0.0
