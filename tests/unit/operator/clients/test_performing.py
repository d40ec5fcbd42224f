from __future__ import annotations

from typing import Any, cast

from matinee_operator.actions import Create, RecordEvent, Requeue
from matinee_operator.clients.performing import About, Performing
from matinee_operator.errors import NameTaken
from matinee_operator.objects import Key, key_of
from tests.unit.operator.clients.test_writes import MADE, Occupied, writes

ABOUT = About(Key("StreamingService", "demo", "live"), "uid-of-live", ())
NOBODY = cast("Any", None)
"""Nothing is recorded and nobody is asked."""


def made(kind: str) -> Any:
    return next(one.manifest for one in MADE.values() if one.manifest["kind"] == kind)


async def test_what_needs_an_object_that_could_not_be_written_is_not_done_and_not_recorded() -> (
    None
):
    server = Occupied()
    performing = Performing(writes(server), NOBODY, NOBODY)
    config, pod = Create(made("ConfigMap")), made("Pod")
    actions = (
        config,
        Create(pod, needs=(key_of(config.manifest),)),
        RecordEvent("Normal", "PodCreated", "created it", (key_of(pod),)),
        Requeue(3.0),
        Requeue(2.0),
    )
    done = await performing.perform(ABOUT, actions)
    assert [type(one) for one in done.failures] == [NameTaken]
    assert done.unwritten == {key_of(config.manifest), key_of(pod)}
    assert server.asked == ["POST", "GET"]
    assert done.again_s == 2.0
