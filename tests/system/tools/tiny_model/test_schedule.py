"""Stage budgets and learning rate."""

from tools.tiny_model.schedule import Budget, rate_at


def test_a_budget_is_spent_when_its_time_is_over() -> None:
    """The clock is passed in."""
    times = iter([0.0, 30.0, 60.0])
    budget = Budget(60, clock=lambda: next(times))
    assert not budget.spent
    assert budget.spent


def test_a_report_is_due_once_per_interval() -> None:
    """Steps are counted either way."""
    now = [0.0]
    budget = Budget(600, report_every_s=10, clock=lambda: now[0])
    due = []
    for now[0] in (5.0, 10.0, 15.0, 20.0):
        due.append(budget.tick())
    assert due == [False, True, False, True]
    assert budget.step == 4


def test_the_rate_warms_up_stays_and_falls_to_zero() -> None:
    """Warm-up counts steps, decay counts time."""
    assert rate_at(share=0.0, step=0) < 0.05
    assert rate_at(share=0.3, step=1000) == 1.0
    assert rate_at(share=1.0, step=9000) == 0.0
