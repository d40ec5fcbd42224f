"""The chart: modes, upgrades, and what stays when it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import kubernetes.client
import pytest

from e2e import operating
from e2e.namespaces import namespace_for
from e2e.operating import condition, pods_of, wait_until
from e2e.target import Target
from e2e.test_operator_sessions import uids, url_of
from e2e.viewing import viewers
from e2e.waiting import ask_until, objects
from tests.places import ROOT
from tools.cluster import binaries

READY = condition("Ready", "True")
FOR_EVER = ("--set", "propagationSeconds=300")
"""Nobody waits so long for a new pod to serve: the operator sees EndpointSlices that list it."""
EXAMPLES = ("examples/videomodel.yaml", "examples/streamingservice.yaml")


@pytest.mark.reinstalls
def test_an_upgrade_and_even_a_reinstallation_disturb_nobody(operator: Target, tiny: str) -> None:
    before = uids(pods_of(tiny, "tiny"))
    with viewers(operator, tiny, url_of(tiny), 1) as (viewer,):
        operating.install(operator, "--set", "workers=4")
        viewer.play()
        operating.helm(operator, "uninstall", operating.RELEASE, "--wait")
        viewer.play()
        found = operator.kubectl("get", "crd", "-o", "name")
        assert "streamingservices.matinee.video" in found
        assert uids(pods_of(tiny, "tiny")) == before
        operating.install(operator, *FOR_EVER)
        operator.kubectl("scale", "ssvc/tiny", "-n", tiny, "--replicas=3")
        wait_until(
            "StreamingService",
            tiny,
            "tiny",
            lambda found: READY(found) and found["status"]["readyReplicas"] == 3,
        )
        viewer.play()
    assert before < uids(pods_of(tiny, "tiny"))


@pytest.mark.reinstalls
def test_the_command_of_the_readme_installs_it_as_it_is_written(
    operator: Target, our_cluster: Target
) -> None:
    """Its nodes have the images under the names that the chart asks for by default; where they
    cannot be pulled, it says that it failed."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (words,) = [line.split()[1:] for line in readme.splitlines() if line.startswith("helm install")]
    operating.helm(operator, "uninstall", operating.RELEASE, "--wait")
    try:
        elsewhere = ("--set", "registry=registry.invalid", "--timeout", "4s")
        said = operating.failing_helm(operator, *words, *elsewhere)
        assert "INSTALLATION FAILED: context deadline exceeded" in said
        operating.helm(operator, "uninstall", operating.RELEASE, "--wait")
        assert "STATUS: deployed" in operating.helm(operator, *words)
        assert binaries.HELM in operating.helm(operator, "version")
    finally:
        operating.install(operator)


ROLES = {"viewer": "view", "editor": "edit", "owner": "admin", "nobody": ""}
KINDS = ("videomodels", "streamingservices", "routers")
SUBRESOURCES = (*(f"{kind}/status" for kind in KINDS), "streamingservices/scale")
VIEW = {(verb, kind) for verb in ("get", "list", "watch") for kind in KINDS}
VIEW |= {("get", part) for part in SUBRESOURCES}
CHANGES = ("create", "update", "patch", "delete", "deletecollection")
EDIT = VIEW | {(verb, kind) for verb in CHANGES for kind in KINDS}
EDIT |= {(verb, "streamingservices/scale") for verb in ("update", "patch")}
RIGHTS = {"viewer": VIEW, "editor": EDIT, "owner": EDIT, "nobody": set()}


def wait_for_rights(target: Target, namespace: str) -> None:
    """Until people have with our kinds what they have with the others of the namespace, by
    Kubernetes' own roles; its controller has to put these together."""
    for user, role in ROLES.items():
        if role:
            place = ("-n", namespace, f"--clusterrole={role}", f"--user={user}")
            target.kubectl("create", "rolebinding", user, *place)
    for user, expected in RIGHTS.items():
        ask_until(partial(rights_of, target, namespace, user), expected.__eq__)
    scale = ("get", "ssvc", "--subresource=scale", "-n", namespace)
    assert target.kubectl("auth", "can-i", *scale, "--as=viewer") == "yes\n"


def rights_of(target: Target, namespace: str, user: str) -> set[tuple[str, str]]:
    """With our kinds: verb and resource."""
    words = ("create", "--raw", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "-f", "-")
    review = json.dumps({"spec": {"namespace": namespace}})
    status = json.loads(target.kubectl(*words, f"--as={user}", stdin=review))["status"]
    ours = [one for one in status["resourceRules"] if operating.GROUP in one["apiGroups"]]
    return {(verb, kind) for one in ours for kind in one["resources"] for verb in one["verbs"]}


def test_who_may_view_or_edit_a_namespace_may_do_so_with_our_kinds(
    operator: Target, namespace: str
) -> None:
    wait_for_rights(operator, namespace)


@pytest.fixture
def other_namespace(cluster: Target) -> Iterator[str]:
    with namespace_for(cluster, "other") as name:
        yield name


@pytest.mark.reinstalls
def test_in_namespaced_mode_it_serves_its_namespaces_and_sees_no_other(
    operator: Target, namespace: str, other_namespace: str
) -> None:
    operating.install(operator, "--set", f"namespaces={{{namespace}}}", *FOR_EVER)
    try:
        rbac = kubernetes.client.RbacAuthorizationV1Api()
        ours = [
            binding["metadata"]["name"]
            for binding in objects(rbac.list_cluster_role_binding)
            if operating.RELEASE in binding["metadata"]["name"]
        ]
        assert ours == []
        for place in (other_namespace, namespace):
            for file in EXAMPLES:
                operator.kubectl("apply", "-n", place, "-f", file)
        wait_for_rights(operator, namespace)
        wait_until("StreamingService", namespace, "tiny", READY)
        (ignored,) = objects(operating.lister("StreamingService"), other_namespace)
        assert "status" not in ignored
        assert pods_of(other_namespace, "tiny") == []
        operator.kubectl("delete", "ssvc,vmod", "--all", "-n", other_namespace)
    finally:
        operating.install(operator, "--set", "namespaces=null")


def test_what_it_says_after_the_installation_works(operator: Target, served: str) -> None:
    """The commands of NOTES.txt are those that a newcomer types next."""
    notes = operating.helm(operator, "get", "notes", operating.RELEASE)
    commands = [line.split() for line in notes.splitlines() if line.strip().startswith("kubectl")]
    asked = [words[1:] for words in commands if words[1] not in ("apply", "port-forward")]
    assert {words[-1] for words in asked} >= {"-w", "ssvc/tiny"}
    watches_a_moment = ("--watch-only", "--request-timeout=1s")
    for words in asked:
        place = () if "-n" in words else ("-n", served)
        plain = [word for word in words if word != "-w"]
        operator.kubectl(*plain, *place, *(watches_a_moment if "-w" in words else ()))
