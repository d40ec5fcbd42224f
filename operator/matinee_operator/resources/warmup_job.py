"""The warm-up Job: loads the model once and makes a real video, away from any viewer.

What it measured is its container's termination message, one line of JSON, because reading that
needs no right to read logs.
"""

from __future__ import annotations

from matinee_api.config.serve_config import generator_config
from matinee_api.kinds.compute import ComputeResources
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.installation import Installation
from matinee_operator.objects import content_hash
from matinee_operator.resources.devices import container_resources, pod_claims
from matinee_operator.resources.metadata import Manifest, metadata, own_labels
from matinee_operator.resources.pod_security import CONTAINER_SECURITY
from matinee_operator.resources.pod_spec import (
    base_environment,
    base_mounts,
    base_spec,
    base_volumes,
    init_containers,
)
from matinee_operator.resources.pod_template import (
    extra_volumes,
    image_of,
    pull_policy_of,
    said_of_container,
    with_metadata,
)
from matinee_operator.weights.available import Weights

CONTAINER = "warmup"
OUTPUT = "/tmp/warmup.mp4"  # noqa: S108 - the pod's own
RESULT = "/dev/termination-log"


def warmup_job(
    model: VideoModel, weights: Weights, resources: ComputeResources, installation: Installation
) -> Manifest:
    said, command = model.spec.pod, _command(model, weights, resources)
    container = _container(model, command, weights, resources, installation)
    pod = {
        "metadata": with_metadata(said, {"labels": own_labels(model, "warmup")}),
        "spec": {
            **base_spec(said, model.spec.scheduling),
            **pod_claims(resources),
            "restartPolicy": "Never",
            **init_containers(model, weights, said, installation),
            "containers": [container],
            "volumes": [*base_volumes(weights, resources, said), *extra_volumes(said)],
        },
    }
    wanted = {"template": pod, "activeDeadlineSeconds": model.spec.warmup.timeout_seconds}
    name = f"{model.metadata.name}-warmup-{_inputs(model, command, resources, installation)}"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": with_metadata(said, metadata(model, name, "warmup")),
        "spec": {"backoffLimit": model.spec.warmup.retries, **wanted},
    }


def _inputs(
    model: VideoModel, command: list[str], resources: ComputeResources, installation: Installation
) -> str:
    """A Job cannot be changed: another one is made under another name. Of a model whose `pod` says
    nothing it is the name that former operators gave."""
    said = model.spec.pod
    facts = [
        command,
        image_of(said, installation),
        resources.model_dump_json(exclude_none=True),
        *([template] if (template := said.model_dump(mode="json", exclude_defaults=True)) else []),
    ]
    return content_hash(facts)


def _container(
    model: VideoModel,
    command: list[str],
    weights: Weights,
    resources: ComputeResources,
    installation: Installation,
) -> Manifest:
    said = model.spec.pod
    container = {
        "name": CONTAINER,
        "image": image_of(said, installation),
        "imagePullPolicy": pull_policy_of(said, installation),
        "command": ["sh", "-c", f'exec python3 -m matinee "$@" >{RESULT}', CONTAINER],
        "args": command,
        "env": base_environment(),
        "resources": container_resources(resources, said.limits),
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": base_mounts(weights),
    }
    return said_of_container(said, container)


def _command(model: VideoModel, weights: Weights, resources: ComputeResources) -> list[str]:
    """`matinee generate` with the settings that the service's pods have."""
    generator = generator_config(model, resources, weights.path)
    flags: dict[str, str | None] = {
        "--generator.model_path": generator.model_path,
        "--generator.revision": generator.revision,
        "--generator.family": generator.family,
        "--generator.engine.device": generator.engine.device,
        "--generator.engine.dtype": generator.engine.dtype,
    }
    sampling = model.spec.generation.model_dump(
        by_alias=False, exclude={"negative_prompt"}, exclude_none=True
    )
    flags |= {f"--request.sampling.{key}": str(value) for key, value in sampling.items()}
    made = ["generate", model.spec.warmup.prompt, "--json", "--output", OUTPUT]
    return made + [f"{flag}={value}" for flag, value in flags.items() if value is not None]
