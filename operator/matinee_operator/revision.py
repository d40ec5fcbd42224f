"""The revision of a service: equal for pods that need not be replaced by one another.

It hashes what makes a pod what it is. Not in it: how many pods there are, rollout and drain
policies, which Routers front them. A new operator gives the same revision, so that its update
restarts no session, until `TEMPLATE_FORMAT` says that pods of the old form have to go.
"""

from __future__ import annotations

from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.installation import Installation
from matinee_operator.objects import content_hash
from matinee_operator.resources.pod_template import image_of
from matinee_operator.resources.runtime_config import PodConfig
from matinee_operator.weights.available import Weights
from matinee_operator.weights.trees import to_fetch

TEMPLATE_FORMAT = 1
"""Raise it only when running pods must be replaced because of how the operator now makes them."""


def revision_of(
    model: VideoModel,
    service: StreamingService,
    installation: Installation,
    weights: Weights,
    config: PodConfig,
) -> str:
    spec, source = service.spec, model.spec.source
    facts = {
        "format": TEMPLATE_FORMAT,
        "image": image_of(spec.pod, installation),
        "config": config.text,
        "source": source.uri,
        "token": None,
        "resources": spec.resources.model_dump(mode="json", exclude_defaults=True),
        "scheduling": spec.scheduling.model_dump(mode="json", exclude_defaults=True),
        "pod": spec.pod.model_dump(mode="json", exclude_defaults=True),
    }
    if spec.store.url_secret is not None:
        facts["store"] = spec.store.url_secret.model_dump(mode="json")
    if spec.jobs.results is not None:
        facts["jobs"] = spec.jobs.model_dump(mode="json", include={"store", "results"})
    if weights.fetched:
        facts["fetched"] = to_fetch(weights.fetched).model_dump(mode="json", exclude_defaults=True)
    elif weights.claim and source.scheme != "pvc":
        facts["claim"] = weights.claim
    return content_hash(facts)
