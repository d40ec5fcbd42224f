from __future__ import annotations

import resource

import pytest

from matinee.serving.open_files import OURS, connections_that_fit

NONE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "wanted", "fit", "raised_to"),
    [
        ((1024, 4096), 500, 500, None),
        ((1024, 4096), 2000, 2000, 2000 + OURS),
        ((1024, 4096), 10_000, 4096 - OURS, 4096),
        ((256, 256), 1024, 256 - OURS, None),
        ((64, 64), 1024, 8, None),
        ((1024, NONE), 10_000, 10_000, 10_000 + OURS),
        ((NONE, NONE), 10_000, 10_000, None),
    ],
)
def test_the_limit_is_raised_as_far_as_needed(
    limits: tuple[int, int],
    wanted: int,
    fit: int,
    raised_to: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _which, new: changes.append(new))
    assert connections_that_fit(wanted) == fit
    assert changes == ([] if raised_to is None else [(raised_to, limits[1])])
