from __future__ import annotations

from e2e.apiserver.faults.table import SECTIONS
from tests.unit.api.rule_cases import CASES
from tools.fault_page import fault_page


def test_every_fault_is_a_row() -> None:
    rows = [line for line in fault_page().splitlines() if line.startswith("| ")]
    for faults in SECTIONS.values():
        for fault in faults:
            assert sum(row.startswith(f"| {fault.what} | {fault.kind} |") for row in rows) == 1


def test_every_refused_spec_is_a_row_and_no_good_one() -> None:
    page = fault_page()
    for what, (_, path, _, expected) in CASES.items():
        assert (f"| {what}: `{path}`" in page) == bool(expected)
        assert all(message in page for message in expected.values())
