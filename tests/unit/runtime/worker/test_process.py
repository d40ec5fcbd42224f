from __future__ import annotations

import dataclasses

import pytest

from matinee.errors import InvalidRequest, ModelUnavailable
from matinee.worker.messages import WorkerUnusable
from matinee.worker.process import RingBoundEngine, unusable
from tests.unit.runtime.worker import fake_engine
from tests.unit.runtime.worker.making import segment


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ModelUnavailable("no weights"), WorkerUnusable("no weights", retryable=False)),
        (
            ModuleNotFoundError("No module named 'torch'"),
            WorkerUnusable("a library is missing: No module named 'torch'", retryable=False),
        ),
        (
            RuntimeError("secret"),
            WorkerUnusable(
                "the model failed on this segment (RuntimeError); see the worker's log",
                retryable=True,
            ),
        ),
    ],
)
def test_only_errors_that_may_pass_are_tried_again(
    error: Exception, expected: WorkerUnusable
) -> None:
    assert unusable(error) == expected


def test_pictures_larger_than_a_slot_are_refused() -> None:
    class Vast(fake_engine.FakeEngine):
        info = dataclasses.replace(fake_engine.INFO, max_pixels=2**40)

    engine = RingBoundEngine(Vast())
    request = dataclasses.replace(segment().request, width=8192, height=8192)
    with pytest.raises(InvalidRequest, match="pixels"):
        engine.begin(request, None)
    assert engine.info.max_pixels == 4096 * 2304
