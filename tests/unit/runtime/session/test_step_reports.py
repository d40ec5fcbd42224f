from __future__ import annotations

from matinee.session.step_reports import StepReports
from tests.unit.runtime.session.making import step


def test_a_report_tells_the_segment_and_the_time_left() -> None:
    report = StepReports(3).report(step(2, total=8, elapsed_ms=50.04), 0.0)
    assert report is not None
    assert (report.segment_idx, report.step, report.total_steps) == (3, 2, 8)
    assert (report.elapsed_ms, report.eta_ms) == (50.0, 150.1)


def test_steps_of_a_hundred_a_second_are_told_twenty_times() -> None:
    reports = StepReports(0)
    told = [reports.report(step(number, 100), number * 0.01) for number in range(1, 100)]
    assert len([one for one in told if one]) <= 20


def test_the_last_step_is_told_however_soon_it_comes() -> None:
    reports = StepReports(0)
    assert reports.report(step(7, 8), 0.0)
    assert reports.report(step(8, 8), 0.0)
