from __future__ import annotations

from tools.hostile.viewers import PREBUFFER_S, Player


def test_a_fragment_that_comes_after_its_time_is_an_underrun_and_puts_off_the_rest() -> None:
    player = Player()
    came = ((10.0, 3.0), (10.2, 3.5), (11.5 + PREBUFFER_S, 4.0), (12.3, 4.5))
    late_s = [round(player.came(now, starts_s), 6) for now, starts_s in came]
    assert late_s == [0.0, 0.0, 0.5, 0.0]
