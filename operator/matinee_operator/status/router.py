"""A Router's snapshot -> its status."""

from __future__ import annotations

from matinee_api.kinds import conditions
from matinee_api.kinds.router import BackendCounts, RouterSpec, RouterStatus
from matinee_operator.amounts import counted
from matinee_operator.desired import DesiredRouter
from matinee_operator.errors import with_remedy
from matinee_operator.objects import Object, condition
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.resources.router_exposure import outside_names
from matinee_operator.resources.router_service import router_url
from matinee_operator.status.conditions import Finding, conditions_of, finding

OPEN = (
    "there are no keys: anybody who reaches the router may open sessions; set auth.keysSecret to "
    "let only those in who have one"
)

_OF_ROUTES = ("Accepted", "ResolvedRefs")
COUNTED_APART = (
    "what a key allows is allowed at each pod of the router; set store.urlSecret to count at all "
    "of them together"
)


def router_status(snapshot: RouterSnapshot, desired: DesiredRouter) -> RouterStatus:
    router, live = snapshot.router, [pod for pod in snapshot.pods if pod.live]
    counts = BackendCounts(
        total=len(live),
        ready=sum(pod.serving for pod in live),
        draining=sum(pod.cordoned for pod in live),
    )
    before = router.status.conditions if router.status else ()
    return RouterStatus(
        observed_generation=router.metadata.generation,
        url=router_url(router),
        host=next(iter(outside_names(router)), None),
        desired_replicas=desired.scale.replicas,
        low_demand=desired.scale.low,
        replicas=len(snapshot.router_pods),
        ready_replicas=sum(pod.ready for pod in snapshot.router_pods),
        backends=counts,
        sessions=sum(pod.sessions for pod in live),
        queued=sum(pod.state.queued for pod in snapshot.router_pods if pod.state),
        open_to_anybody=_is_open(snapshot),
        conditions=conditions_of(
            _findings(snapshot, counts), before, router.metadata.generation or 0, snapshot.now
        ),
    )


def _is_open(snapshot: RouterSnapshot) -> bool:
    return snapshot.router.spec.auth.keys_secret is None


def _findings(snapshot: RouterSnapshot, counts: BackendCounts) -> tuple[Finding, ...]:
    accepted, resolved, available = _accepted(snapshot), _resolved(snapshot), _available(counts)
    serves = _serves(snapshot, available)
    broken = next((one for one in (accepted, resolved) if not one.holds), None) or _stuck(snapshot)
    if broken is None:
        return (
            serves,
            accepted,
            resolved,
            available,
            finding(conditions.DEGRADED, False, conditions.NOTHING_WRONG),
        )
    usable = accepted.holds and serves.holds
    ready = finding(conditions.READY, usable, broken.reason, broken.message)
    degraded = finding(conditions.DEGRADED, True, broken.reason, broken.message)
    return ready, accepted, resolved, available, degraded


def _serves(snapshot: RouterSnapshot, available: Finding) -> Finding:
    """Whether a viewer who comes is let through."""
    if any(pod.ready for pod in snapshot.router_pods):
        return finding(conditions.READY, available.holds, available.reason, available.message)
    message = "no pod of the router is ready"
    return finding(conditions.READY, False, conditions.PODS_STARTING, message)


def _stuck(snapshot: RouterSnapshot) -> Finding | None:
    """What keeps a pod of the router from being made, or from serving."""
    deployments = (raw for key, raw in snapshot.children.items() if key.kind == "Deployment")
    for raw in deployments:
        refused = condition(raw.get("status") or {}, "ReplicaFailure")
        if refused.get("status") == "True":
            message = with_remedy(str(refused.get("message", "")))
            return finding(conditions.DEGRADED, True, conditions.POD_REFUSED, message)
    troubles = ((pod.name, pod.trouble) for pod in snapshot.router_pods if pod.trouble)
    name, trouble = next(troubles, ("", None))
    if trouble is None:
        return _without_routes(snapshot) or _refused_route(snapshot)
    return finding(conditions.DEGRADED, True, trouble.reason, f"{name}: {trouble.message}")


def _without_routes(snapshot: RouterSnapshot) -> Finding | None:
    if snapshot.router.spec.http_route is None or snapshot.installation.has_routes:
        return None
    message = (
        "httpRoute: the cluster has no kind HTTPRoute of gateway.networking.k8s.io/v1; install the "
        "Gateway API, which is noticed within a minute, or remove httpRoute"
    )
    return finding(conditions.DEGRADED, True, conditions.FEATURE_UNAVAILABLE, message)


def _refused_route(snapshot: RouterSnapshot) -> Finding | None:
    """By a Gateway, of the route as it is now."""
    routes = (raw for key, raw in snapshot.children.items() if key.kind == "HTTPRoute")
    for raw in routes:
        generation = raw["metadata"].get("generation")
        for parent in (raw.get("status") or {}).get("parents", ()):
            for said in parent["conditions"]:
                is_new = said.get("observedGeneration") in (None, generation)
                if is_new and said.get("type") in _OF_ROUTES and said.get("status") == "False":
                    return _refusal(parent["parentRef"], said)
    return None


def _refusal(parent: Object, said: Object) -> Finding:
    why = said.get("message") or said.get("reason") or "it does not say why"
    message = f"httpRoute: the Gateway {parent.get('name')} says {said['type']} False: {why}"
    return finding(conditions.DEGRADED, True, conditions.ROUTE_REFUSED, message[:1000])


def _accepted(snapshot: RouterSnapshot) -> Finding:
    """All that the API server can refuse is made from the spec."""
    failure = snapshot.failure
    if failure is None and _is_open(snapshot):
        return finding(conditions.ACCEPTED, True, conditions.OPEN_TO_ANYBODY, OPEN)
    if failure is None:
        message = COUNTED_APART if _counts_apart(snapshot.router.spec) else ""
        return finding(conditions.ACCEPTED, True, conditions.AS_DESIRED, message)
    if failure.reason == conditions.NAME_TAKEN:
        return finding(conditions.ACCEPTED, False, failure.reason, failure.message)
    if failure.reason == conditions.POD_REFUSED:
        return finding(conditions.ACCEPTED, False, conditions.INVALID_SPEC, failure.message)
    return Finding(conditions.ACCEPTED, "Unknown", failure.reason, failure.message)


def _counts_apart(spec: RouterSpec) -> bool:
    several = spec.autoscaling is not None or spec.replicas > 1
    return several and spec.store is None


def _resolved(snapshot: RouterSnapshot) -> Finding:
    wanted = [reference.name for reference in snapshot.router.spec.services]
    missing = [name for name in wanted if name not in snapshot.services]
    if missing:
        message = f"no StreamingService of this namespace is called {', '.join(missing)}"
        return finding(conditions.RESOLVED_REFS, False, conditions.SERVICE_NOT_FOUND, message)
    return finding(conditions.RESOLVED_REFS, True, conditions.AS_DESIRED)


def _available(counts: BackendCounts) -> Finding:
    if counts.ready:
        message = f"new sessions go to {counted(counts.ready, 'pod')}"
        return finding(conditions.ENDPOINTS_AVAILABLE, True, conditions.SERVING, message)
    message = "no pod behind the address takes sessions"
    return finding(conditions.ENDPOINTS_AVAILABLE, False, conditions.NO_READY_PODS, message)
