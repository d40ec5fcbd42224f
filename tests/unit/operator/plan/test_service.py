from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from matinee_api.kinds import conditions
from matinee_operator import labels
from matinee_operator.actions import (
    Action,
    Apply,
    Create,
    Delete,
    Drain,
    Patch,
    RecordEvent,
    Requeue,
    SetDoor,
)
from matinee_operator.installation import Monitors
from matinee_operator.objects import Address, Key, key_of
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.snapshot import Children, ServiceSnapshot
from matinee_operator.observe.trimming import trimmed
from tests.unit.operator.making import (
    INSTALLATION,
    NOW,
    ROUTERS_TOKEN,
    TOKEN,
    model,
    planned,
    pod,
    revision,
    service,
    slots,
    snapshot,
    waiting,
)

REVISION = revision(model(), service(), INSTALLATION)
NEW = f"live-{REVISION}-0"
LATER = "2026-11-25T13:00:00Z"


def kinds(actions: list[Action]) -> list[str]:
    """In short: what is written, and on what."""
    told = []
    for action in actions:
        match action:
            case Apply() | Create():
                verb = type(action).__name__.lower()
                told.append(f"{verb} {action.manifest['kind']} {key_of(action.manifest).name}")
            case Patch() | Delete():
                told.append(
                    f"{type(action).__name__.lower()} {action.target.kind} {action.target.name}"
                )
            case Drain():
                told.append(f"drain {action.pod}")
            case _:
                pass
    return told


def applied(given: ServiceSnapshot) -> Children:
    """The children as they are once everything has been applied."""
    manifests = [
        one.manifest
        for one in planned(given)
        if isinstance(one, Apply)
        or (isinstance(one, Create) and one.manifest["kind"] == "ConfigMap")
    ]
    return {
        key_of(one): trimmed(
            {**one, "metadata": {**one["metadata"], "uid": f"uid-of-{one['kind']}"}}
        )
        for one in manifests
    }


def settled(*pods: Any, **facts: Any) -> ServiceSnapshot:
    given = snapshot(*pods, **facts)
    return dataclasses.replace(given, children=applied(given))


def test_a_new_service_gets_everything_in_an_order_that_lets_pods_start() -> None:
    assert kinds(planned(snapshot())) == [
        "apply Service live",
        "apply PodDisruptionBudget live",
        "apply NetworkPolicy live",
        "apply ConfigMap live-da5dcf19",
        f"create ConfigMap live-{REVISION}-pod",
        "create Secret live-admin-e0b71a2b",
        f"create Pod {NEW}",
    ]


def test_nothing_is_written_when_nothing_is_to_be_done() -> None:
    assert planned(settled(pod(NEW, config="live-da5dcf19"))) == []


def test_a_child_that_was_changed_by_hand_is_put_back() -> None:
    given = settled(pod(NEW))
    key = Key("Service", "demo", "live")
    changed = {**given.children[key], "spec": {"type": "ClusterIP", "selector": {"a": "b"}}}
    given = dataclasses.replace(given, children={**given.children, key: changed})
    assert kinds(planned(given)) == ["apply Service live"]


def test_a_child_that_was_deleted_by_hand_is_put_back() -> None:
    given = settled(pod(NEW))
    rest = {key: one for key, one in given.children.items() if key.kind != "PodDisruptionBudget"}
    given = dataclasses.replace(given, children=rest)
    assert kinds(planned(given)) == ["apply PodDisruptionBudget live"]


def test_pods_are_monitored_where_the_cluster_knows_how() -> None:
    monitored = dataclasses.replace(INSTALLATION, monitors=Monitors())
    given = settled(pod(NEW), installation=monitored)
    assert Key("PodMonitor", "demo", "live") in given.children


def test_without_its_model_a_service_gets_no_pods() -> None:
    written = kinds(planned(snapshot(model=None)))
    assert written == [
        "apply Service live",
        "apply PodDisruptionBudget live",
        "apply NetworkPolicy live",
    ]
    unreachable = model(source={"uri": "s3://bucket/x"})
    assert kinds(planned(snapshot(model=unreachable))) == written


def test_a_cordoned_pod_is_marked_until_when_it_may_play() -> None:
    old = pod("live-old-0", slots=slots(2))
    actions = planned(settled(old, pod(NEW)))
    target = Key("Pod", "demo", "live-old-0")
    stamps = {labels.CORDONED_AT: "2026-11-25T12:00:00Z", labels.DRAIN_DEADLINE: LATER}
    assert Patch(target, old.uid, {"annotations": stamps}) in actions
    assert "drain live-old-0" not in kinds(actions)
    message = f"live-old-0 takes no new sessions; 2 sessions may play on until {LATER}"
    assert RecordEvent("Normal", "Draining", message, (target,)) in actions


def test_a_cordoned_pod_is_told_when_no_viewer_can_be_sent_there_any_more() -> None:
    deadline = NOW + timedelta(minutes=10)
    cordoned = pod("live-old-0", cordoned_at=NOW - timedelta(seconds=2), drain_deadline=deadline)
    early = planned(settled(cordoned, pod(NEW)))
    assert "drain live-old-0" not in kinds(early)
    assert Requeue(3.1) in early
    unready = dataclasses.replace(cordoned, ready_since=None)
    known = dataclasses.replace(cordoned, cordoned_at=NOW - timedelta(seconds=5))
    for one in (unready, known):
        actions = planned(settled(one, pod(NEW)))
        assert Drain("live-old-0", Address("10.0.0.1", 8001), 600.0, migrate=True) in actions


def test_a_pod_that_viewers_are_still_sent_to_is_told_a_little_later() -> None:
    deadline, at = NOW + timedelta(minutes=10), timedelta(seconds=7)
    listed = pod("live-old-0", cordoned_at=NOW - at, drain_deadline=deadline, listed=True)
    actions = planned(settled(listed, pod(NEW)))
    assert "drain live-old-0" not in kinds(actions)
    assert Requeue(3.1) in actions
    in_vain = dataclasses.replace(listed, cordoned_at=NOW - timedelta(seconds=10))
    for one in (dataclasses.replace(listed, listed=False), in_vain):
        assert "drain live-old-0" in kinds(planned(settled(one, pod(NEW))))


def test_a_pod_is_told_no_deadline_that_it_would_refuse() -> None:
    for deadline, seconds in ((NOW + timedelta(days=400), 86400.0), (NOW, 0.0)):
        edited = pod("live-old-0", drain_deadline=deadline, slots=slots(1))
        orders = [one for one in planned(settled(edited, pod(NEW))) if isinstance(one, Drain)]
        assert [one.deadline_s for one in orders] == ([seconds] if seconds else [])


def test_how_long_viewers_can_still_be_sent_there_is_a_setting() -> None:
    deadline = NOW + timedelta(minutes=10)
    cordoned = pod("live-old-0", cordoned_at=NOW, drain_deadline=deadline)
    fast = dataclasses.replace(INSTALLATION, propagation=timedelta())
    actions = planned(settled(cordoned, pod(NEW), installation=fast))
    assert "drain live-old-0" in kinds(actions)


def test_a_pod_that_says_that_it_drains_is_not_told_again() -> None:
    deadline = NOW + timedelta(minutes=10)
    silent = pod("live-old-0", drain_deadline=deadline, slots=None)
    order = Drain("live-old-0", Address("10.0.0.1", 8001), 600.0, migrate=True)
    assert order in planned(settled(silent, pod(NEW)))
    knows = dataclasses.replace(silent, slots=slots(1, draining=True))
    actions = planned(settled(knows, pod(NEW)))
    assert "drain live-old-0" not in kinds(actions)
    assert Requeue(600.1) in actions


def test_pods_take_routers_only_as_soon_as_one_stands_before_the_service() -> None:
    place = Address("10.0.0.1", 8001)
    cases = [  # what the pod says, the Routers, and what it is told
        (False, ("front",), [SetDoor(place, routers_only=True)]),
        (True, ("front",), []),
        (True, (), [SetDoor(place, routers_only=False)]),
        (None, ("front",), []),  # of an older release
    ]
    for says, routers, told in cases:
        known = dataclasses.replace(slots(), routers_only=says)
        actions = planned(settled(pod(NEW, slots=known), routers=routers))
        assert [one for one in actions if isinstance(one, SetDoor)] == told, (says, routers)


def test_deletions_say_why() -> None:
    over = pod("live-old-0", drain_deadline=NOW, slots=slots(2, draining=True))
    told = [one.message for one in planned(settled(over, pod(NEW))) if isinstance(one, RecordEvent)]
    assert told == ["deleted live-old-0: its drain deadline has passed, 2 sessions left"]


def test_the_configuration_of_an_old_pod_stays_as_long_as_the_pod() -> None:
    given = settled(pod(NEW), pod("live-old-0", config="live-before"))
    before = {"metadata": {"uid": "u", "name": "live-before"}}
    key = Key("ConfigMap", "demo", "live-before")
    with_pod = dataclasses.replace(given, children={**given.children, key: before})
    assert Delete(key, "u") not in planned(with_pod)
    without = dataclasses.replace(with_pod, pods=(pod(NEW),))
    assert Delete(key, "u") in planned(without)


def test_our_secret_is_made_once_more_for_a_pod_that_may_be_waiting_for_it() -> None:
    """A volume that cannot be made is in no status."""
    begins = waiting(NEW, node="n1")
    assert kinds(planned(settled(begins))) == ["create Secret live-admin-e0b71a2b"]
    trouble = Trouble(conditions.POD_CONFIG_INVALID, 'secret "keys" not found')
    others = (waiting(NEW), waiting(NEW, node="n1", trouble=trouble), pod(NEW, node="n1"))
    for other in others:
        assert kinds(planned(settled(other))) == []


def test_deleting_a_service_that_drains_waits_for_its_sessions() -> None:
    going = service(
        metadata={"deletionTimestamp": "2026-11-25T11:59:00Z", "finalizers": [labels.FINALIZER]},
        drain={"onDelete": True, "timeoutSeconds": 3600},
    )
    later = NOW + timedelta(minutes=1)
    busy = pod(NEW, slots=slots(1), cordoned_at=NOW - timedelta(minutes=1), drain_deadline=later)
    actions = planned(snapshot(busy, service=going))
    assert f"drain {NEW}" in kinds(actions)
    assert "patch StreamingService live" not in kinds(actions)
    target = Key("StreamingService", "demo", "live")
    free = Patch(target, "uid-of-live", {"finalizers": [], "resourceVersion": "1"})
    assert free in planned(snapshot(service=going))
    late = snapshot(busy, service=going, now=NOW + timedelta(hours=2))
    assert free in planned(late)


def test_a_service_that_drains_when_deleted_has_the_finalizer_and_no_other() -> None:
    target = Key("StreamingService", "demo", "live")
    asks = service(drain={"onDelete": True}, metadata={"finalizers": ["x/y"]})
    add = Patch(
        target, "uid-of-live", {"finalizers": ["x/y", labels.FINALIZER], "resourceVersion": "1"}
    )
    assert add in planned(snapshot(service=asks))
    no_more = service(metadata={"finalizers": [labels.FINALIZER]})
    remove = Patch(target, "uid-of-live", {"finalizers": [], "resourceVersion": "1"})
    assert remove in planned(snapshot(service=no_more))


def marks(*pods: Any, **facts: Any) -> dict[str, Any]:
    """Pod -> the labels that change."""
    return {
        one.target.name: dict(one.metadata["labels"])
        for one in planned(settled(*pods, **facts))
        if isinstance(one, Patch) and "labels" in one.metadata
    }


ACCEPTING = {labels.ACCEPTING: "true"}


def test_new_sessions_go_only_to_the_newest_revision_that_serves() -> None:
    assert marks(pod("live-old-0"), waiting(NEW)) == {}
    two = service(replicas=2)
    old = [pod("live-old-0"), pod("live-old-1")]
    assert marks(*old, pod(NEW), service=two) == {
        "live-old-0": {labels.ACCEPTING: None},
        "live-old-1": {labels.ACCEPTING: None},
    }
    without = [dataclasses.replace(each, labels={}) for each in old]
    assert marks(*without, waiting(NEW), service=two) == {
        "live-old-0": ACCEPTING,
        "live-old-1": ACCEPTING,
    }


def test_pods_with_sessions_are_marked_busy() -> None:
    assert marks(pod(NEW, slots=slots(1))) == {NEW: {labels.BUSY: "true"}}
    busy = ACCEPTING | {labels.BUSY: "true"}
    assert marks(pod(NEW, labels=busy)) == {NEW: {labels.BUSY: None}}


def test_a_busy_pod_stays_busy_while_nothing_is_known_of_it() -> None:
    busy = ACCEPTING | {labels.BUSY: "true"}
    assert marks(pod(NEW, labels=busy, slots=None)) == {}


def test_the_token_is_in_the_secret_only() -> None:
    created = [one for one in planned(snapshot()) if isinstance(one, Create)]
    _record, secret, made = (dict(one.manifest) for one in created)
    assert secret["stringData"] == {"token": f"{TOKEN}\n{ROUTERS_TOKEN}"}
    assert TOKEN not in str(made)


def test_pods_that_others_have_are_named_in_events() -> None:
    told = snapshot(strangers=("copied",), taken_over=("live-new-7",))
    messages = [
        one.message
        for one in planned(told)
        if isinstance(one, RecordEvent) and one.reason == "ForeignPod"
    ]
    assert ["viewers may be" in message for message in messages] == [True, False]
    assert ["keeps its GPU" in message for message in messages] == [False, True]
