from __future__ import annotations

import pytest

from benchmarks import runtime_tax


def test_the_peer_says_nothing_while_it_is_measured(capfd: pytest.CaptureFixture[str]) -> None:
    runtime_tax.bare(runtime_tax.bare_pipeline())
    assert capfd.readouterr() == ("", "")
