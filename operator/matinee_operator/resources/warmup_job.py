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
from matinee_operator.weights.available import weights_of

CONTAINER = "warmup"
OUTPUT = "/tmp/warmup.mp4"  # noqa: S108 - the pod's own
RESULT = "/dev/termination-log"


def warmup_job(
    model: VideoModel, resources: ComputeResources, installation: Installation
) -> Manifest:
    pod = {
        "metadata": {"labels": own_labels(model, "warmup")},
        "spec": {
            **base_spec(resources, model.spec.scheduling),
            "restartPolicy": "Never",
            **init_containers(model, installation.runtime_image, installation.image_pull_policy),
            "containers": [_container(model, resources, installation)],
            "volumes": base_volumes(model, resources),
        },
    }
    wanted = {"template": pod, "activeDeadlineSeconds": model.spec.warmup.timeout_seconds}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(model, _name(model, resources, installation), "warmup"),
        "spec": {"backoffLimit": model.spec.warmup.retries, **wanted},
    }


def _name(model: VideoModel, resources: ComputeResources, installation: Installation) -> str:
    """Carries a hash of what a warm-up depends on: the Job is made again when that changes."""
    facts = [_command(model, resources), installation.runtime_image]
    facts.append(resources.model_dump_json(exclude_none=True))
    return f"{model.metadata.name}-warmup-{content_hash(facts)}"


def _container(
    model: VideoModel, resources: ComputeResources, installation: Installation
) -> Manifest:
    return {
        "name": CONTAINER,
        "image": installation.runtime_image,
        "imagePullPolicy": installation.image_pull_policy,
        "command": ["sh", "-c", f'exec python3 -m matinee "$@" >{RESULT}', CONTAINER],
        "args": _command(model, resources),
        "env": base_environment(),
        "resources": container_resources(resources),
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": base_mounts(model),
    }


def _command(model: VideoModel, resources: ComputeResources) -> list[str]:
    """`matinee generate` with the settings that the service's pods have."""
    weights = weights_of(model)
    generator = generator_config(model, resources, weights.path if weights else None)
    words: dict[str, str | None] = {
        "--generator.model_path": generator.model_path,
        "--generator.revision": generator.revision,
        "--generator.family": generator.family,
        "--generator.engine.device": generator.engine.device,
        "--generator.engine.dtype": generator.engine.dtype,
    }
    sampling = model.spec.generation.model_dump(
        by_alias=False, exclude={"negative_prompt"}, exclude_none=True
    )
    words |= {f"--request.sampling.{key}": str(value) for key, value in sampling.items()}
    made = ["generate", model.spec.warmup.prompt, "--json", "--output", OUTPUT]
    return made + [f"{flag}={value}" for flag, value in words.items() if value is not None]
