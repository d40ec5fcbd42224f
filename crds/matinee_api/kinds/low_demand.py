"""What autoscaling remembers between two looks, of services and of Routers."""

from __future__ import annotations

from matinee_api.kinds.meta import ApiModel


class LowDemand(ApiModel):
    """Fewer pods than there are have been enough."""

    since: str
    """When that began."""
    replicas: int
    """Most pods that were needed since then."""
