from __future__ import annotations

from tools.hostile.viewers import PREBUFFER_S, Player


def test_a_fragment_that_comes_after_its_time_is_an_underrun_and_puts_off_the_rest() -> None:
    player = Player()
    for now, starts_s in ((10.0, 3.0), (10.2, 3.5), (11.5 + PREBUFFER_S, 4.0), (12.3, 4.5)):
        player.came(now, starts_s)
    assert player.underruns == 1
    assert round(player.still_s, 6) == 0.5
