"""Who a router is to the API server, and the one thing that it may do: find its backends."""

from __future__ import annotations

from matinee_api.kinds.router import Router
from matinee_operator.resources.metadata import Manifest, metadata, namespace_of
from matinee_operator.resources.router_service import router_name

_RBAC = "rbac.authorization.k8s.io"


def account_name(router: Router) -> str:
    return router.spec.pod.service_account_name or router_name(router)


def router_rights(router: Router) -> list[Manifest]:
    """A ServiceAccount, unless the Router names one, and a Role for it."""
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(router, router_name(router), "router"),
        "automountServiceAccountToken": False,
    }
    return [*([] if router.spec.pod.service_account_name else [account]), *_role(router)]


def _role(router: Router) -> list[Manifest]:
    name = router_name(router)
    role = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata(router, name, "router"),
        "rules": [
            {
                "apiGroups": ["discovery.k8s.io"],
                "resources": ["endpointslices"],
                "verbs": ["list", "watch"],
            }
        ],
    }
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(router, name, "router"),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": account_name(router),
                "namespace": namespace_of(router.metadata),
            }
        ],
    }
    return [role, binding]
