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
from matinee_operator.resources.devices import container_resources
from matinee_operator.resources.metadata import Manifest, metadata, own_labels
from matinee_operator.resources.pod_security import CONTAINER_SECURITY
from matinee_operator.resources.pod_spec import (
    base_environment,
    base_mounts,
    base_spec,
    base_volumes,
    init_containers,
)
from matinee_operator.weights.available import Weights

CONTAINER = "warmup"
OUTPUT = "/tmp/warmup.mp4"  # noqa: S108 - the pod's own
RESULT = "/dev/termination-log"


def warmup_job(
    model: VideoModel, weights: Weights, resources: ComputeResources, installation: Installation
) -> Manifest:
    image, pull_policy = installation.runtime_image, installation.image_pull_policy
    command = _command(model, weights, resources)
    pod = {
        "metadata": {"labels": own_labels(model, "warmup")},
        "spec": {
            **base_spec(resources, model.spec.scheduling),
            "restartPolicy": "Never",
            **init_containers(model, weights, image, pull_policy),
            "containers": [_container(command, weights, resources, installation)],
            "volumes": base_volumes(weights, resources),
        },
    }
    facts = [command, image, resources.model_dump_json(exclude_none=True)]
    inputs = content_hash(facts)  # a Job cannot be changed: another one is made under another name
    wanted = {"template": pod, "activeDeadlineSeconds": model.spec.warmup.timeout_seconds}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(model, f"{model.metadata.name}-warmup-{inputs}", "warmup"),
        "spec": {"backoffLimit": model.spec.warmup.retries, **wanted},
    }


def _container(
    command: list[str], weights: Weights, resources: ComputeResources, installation: Installation
) -> Manifest:
    return {
        "name": CONTAINER,
        "image": installation.runtime_image,
        "imagePullPolicy": installation.image_pull_policy,
        "command": ["sh", "-c", f'exec python3 -m matinee "$@" >{RESULT}', CONTAINER],
        "args": command,
        "env": base_environment(),
        "resources": container_resources(resources),
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": base_mounts(weights),
    }


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
