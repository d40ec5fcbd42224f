from __future__ import annotations

from matinee.router.owners import Owners, words_of
from matinee.serving.keys import Key

SECRET = "a-long-enough-key"  # noqa: S105


def test_sessions_of_all_keys_of_an_owner_count_together() -> None:
    owners = Owners()
    one = Key(name="a", key=SECRET, max_sessions=2)
    other = Key(name="a", key=SECRET + "2", max_sessions=2)
    assert owners.begin(one, 0.0) is None
    assert owners.begin(other, 0.0) is None
    assert owners.begin(one, 0.0) == "sessions"
    assert "2 sessions at once" in words_of("sessions", one)
    assert owners.begin(Key(name="b", key=SECRET), 0.0) is None
    owners.end(one)
    assert owners.begin(one, 0.0) is None


def test_the_rate_is_for_beginning_and_what_was_refused_is_not_spent() -> None:
    owners = Owners()
    key = Key(name="a", key=SECRET, sessions_per_minute=2)
    for _ in range(2):
        assert owners.begin(key, 0.0) is None
        owners.end(key)
    assert all(owners.begin(key, 1.0) == "rate" for _ in range(100))
    assert "2 new sessions a minute" in words_of("rate", key)
    assert owners.begin(key, 31.0) is None
    owners.take_back(key, 31.0)
    assert owners.begin(key, 31.0) is None
