from __future__ import annotations

import pytest

from benchmarks import runtime_tax


def test_the_peer_says_nothing_while_it_is_measured(capfd: pytest.CaptureFixture[str]) -> None:
    with runtime_tax.bare_process() as peer:
        peer.submit(runtime_tax.bare).result()
    assert capfd.readouterr() == ("", "")
