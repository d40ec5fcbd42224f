"""Objects as the API server gives them, with what a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from matinee_api.config.load import validate
from matinee_api.kinds import conditions
from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService, StreamingServiceStatus
from matinee_api.kinds.videomodel import VideoModel, VideoModelStatus
from matinee_operator import labels
from matinee_operator.actions import Action
from matinee_operator.desired import DesiredPods, desired_model, desired_service
from matinee_operator.installation import Installation
from matinee_operator.objects import Address
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.pods import ObservedPod, Slots
from matinee_operator.observe.snapshot import ModelSnapshot, ServiceSnapshot
from matinee_operator.plan import plan_model, plan_service
from matinee_operator.resources.metadata import Manifest
from matinee_operator.status import model_status, service_status

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
INSTALLATION = Installation(
    runtime_image="matinee/runtime:1",
    image_pull_policy="IfNotPresent",
    monitoring_namespaces=("monitoring",),
)
TOKEN, ROUTERS_TOKEN, METRICS_TOKEN = "0" * 64, "1" * 64, "2" * 64
CPU = {"gpu": {"count": 0}}
BUG = Trouble(conditions.INTERNAL_ERROR, "a bug in the operator: KeyError: 'x'")


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": "demo",
        "uid": f"uid-of-{name}",
        "generation": 1,
        "resourceVersion": "1",
        **more,
    }


def model(name: str = "tiny", status: Any = None, **spec: Any) -> VideoModel:
    wanted = {"source": {"uri": "builtin:tiny"}, "engine": {"family": "ltx"}} | spec
    return validate(VideoModel, {"metadata": meta(name), "spec": wanted, "status": status})


def claim_model() -> VideoModel:
    """Its weights lie on a claim and have been looked at."""
    uri = "pvc://weights/ltx"
    status = {"resolvedFrom": uri, "sizeBytes": 1}
    return model(status=status, source={"uri": uri})


def service(
    name: str = "live", status: Any = None, metadata: Any = None, **spec: Any
) -> StreamingService:
    wanted = {"modelRef": {"name": "tiny"}, "resources": CPU} | spec
    data = {"metadata": meta(name, **(metadata or {})), "spec": wanted, "status": status}
    return validate(StreamingService, data)


def router(name: str = "front", *services: str, status: Any = None, **spec: Any) -> Router:
    wanted = {"services": [{"name": each} for each in services or ("live",)]} | spec
    return validate(Router, {"metadata": meta(name), "spec": wanted, "status": status})


def pod(name: str = "live-new-0", **facts: Any) -> ObservedPod:
    """A pod that serves nobody yet; its name says its revision and slot."""
    _, revision, slot = name.rsplit("-", 2)
    usual: dict[str, Any] = {
        "name": name,
        "uid": f"uid-of-{name}",
        "revision": revision,
        "slot": int(slot),
        "created": NOW - timedelta(hours=1),
        "labels": {labels.ACCEPTING: "true"},
        "running": True,
        "control": Address(f"10.0.0.{int(slot) + 1}", 8001),
        "ready_since": NOW - timedelta(minutes=59),
        "slots": slots(),
    }
    return ObservedPod(**(usual | facts))


def slots(used: int = 0, total: int = 4, queued: int = 0, *, draining: bool = False) -> Slots:
    return Slots(used=used, total=total, queued=queued, draining=draining)


def starting(name: str, **facts: Any) -> ObservedPod:
    """A pod that loads the model."""
    return pod(name, **({"ready_since": None} | facts))


def waiting(name: str, **facts: Any) -> ObservedPod:
    """A pod without a running container."""
    return starting(name, **({"running": False, "slots": None, "control": None} | facts))


def snapshot(*pods: ObservedPod, **facts: Any) -> ServiceSnapshot:
    usual: dict[str, Any] = {
        "now": NOW,
        "service": service(),
        "model": model(),
        "installation": INSTALLATION,
        "tokens": (TOKEN,),
        "routers_tokens": (ROUTERS_TOKEN,),
    }
    return ServiceSnapshot(**(usual | facts | {"pods": pods}))


def planned(given: ServiceSnapshot | ModelSnapshot) -> list[Action]:
    """What the plan asks for."""
    if isinstance(given, ServiceSnapshot):
        return plan_service(given, desired_service(given))
    return plan_model(given, desired_model(given))


def service_status_of(given: ServiceSnapshot) -> StreamingServiceStatus:
    return service_status(given, desired_service(given))


def model_status_of(given: ModelSnapshot) -> VideoModelStatus:
    return model_status(given, desired_model(given))


def desired_pods(
    asked: VideoModel, wanted: StreamingService, place: Installation = INSTALLATION
) -> DesiredPods:
    """The pods that the service makes of a model whose weights are there."""
    pods = desired_service(snapshot(service=wanted, model=asked, installation=place)).pods
    assert pods is not None
    return pods


def revision(asked: VideoModel, wanted: StreamingService, place: Installation) -> str:
    return desired_pods(asked, wanted, place).target.revision


def wanted_warmup(given: ModelSnapshot) -> Manifest:
    found = desired_model(given).warming
    assert found is not None
    return found.manifest
