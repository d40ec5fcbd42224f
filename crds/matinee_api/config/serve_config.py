"""Resources -> the runtime's configuration. Pure: `matinee up` and the operator both call it.

What differs between them is passed in: where the server listens, where states are written and,
when something has fetched the weights already, the folder they lie in.
"""

from __future__ import annotations

from typing import Literal

from matinee_api.config.errors import ConfigError, config_error
from matinee_api.config.jobs_config import JobsConfig
from matinee_api.config.resources import Resources
from matinee_api.config.runtime_config import (
    EngineConfig,
    GeneratorConfig,
    LimitsConfig,
    PoolConfig,
    RequestConfig,
    SamplingConfig,
    ServeConfig,
    ServerConfig,
    StateConfig,
    StreamingConfig,
    WarmupConfig,
)
from matinee_api.kinds.compute import ComputeResources
from matinee_api.kinds.source import ModelSource
from matinee_api.kinds.streamingservice import StreamingService, StreamingServiceSpec
from matinee_api.kinds.videomodel import GenerationSpec, VideoModel
from matinee_api.request_limits import tightest

_STORES: dict[str, Literal["memory", "file", "redis"]] = {
    "Memory": "memory",
    "File": "file",
    "Redis": "redis",
}
_LOCAL_SCHEMES = ("builtin", "file", "hf")


def serve_config_for(
    resources: Resources,
    service: str | None = None,
    *,
    server: ServerConfig | None = None,
    state_directory: str | None = None,
) -> ServeConfig:
    """The configuration of one service: the named one, or the only one."""
    try:
        chosen = _choose(resources, service)
        model = _model_of(resources, chosen)
        return serve_config(model, chosen, server=server, state_directory=state_directory)
    except ConfigError as error:
        raise error.found_in(resources.file) from error


def serve_config(
    model: VideoModel,
    service: StreamingService,
    *,
    server: ServerConfig | None = None,
    state_directory: str | None = None,
    jobs_directory: str | None = None,
    weights: str | None = None,
) -> ServeConfig:
    """The configuration of one pod. `weights`: a folder, when the source is fetched already.
    `jobs_directory`: where the videos of shared jobs are; unset: in `state_directory`."""
    if service.spec.store.type == "File" and state_directory is None:
        raise _in_service(service, "store.type", "File needs a folder", "give --state-dir DIR")
    return ServeConfig(
        generator=generator_config(model, service.spec.resources, weights),
        server=_server(server or ServerConfig(), service.spec),
        default_request=_request(model.spec.generation),
        streaming=_streaming(model, service.spec, state_directory),
        jobs=_jobs(service, jobs_directory or state_directory),
    )


def _choose(resources: Resources, name: str | None) -> StreamingService:
    services = resources.services
    names = ", ".join(service.metadata.name for service in services)
    if name is not None:
        for service in services:
            if service.metadata.name == name:
                return service
        raise config_error(f"no StreamingService {name}", remedy=f"present: {names or 'none'}")
    if not services:
        raise config_error("no StreamingService", remedy="add one whose modelRef names a model")
    if len(services) > 1:
        raise config_error(f"several StreamingServices: {names}", remedy="say which one to run")
    return services[0]


def _model_of(resources: Resources, service: StreamingService) -> VideoModel:
    wanted = service.spec.model_ref.name
    for model in resources.models:
        if model.metadata.name == wanted and _namespace(model) == _namespace(service):
            return model
    present = ", ".join(model.metadata.name for model in resources.models) or "none"
    raise _in_service(service, "modelRef.name", f"no VideoModel {wanted}", f"present: {present}")


def _namespace(resource: VideoModel | StreamingService) -> str:
    return resource.metadata.namespace or "default"


def generator_config(
    model: VideoModel, resources: ComputeResources, weights: str | None = None
) -> GeneratorConfig:
    """Which model on which device; `weights` as above."""
    spec = model.spec
    # A service that asks for a GPU must not fall back to the CPU unnoticed.
    device: Literal["cpu", "cuda"] = "cpu" if resources.on_cpu else "cuda"
    return GeneratorConfig(
        model_path=weights or _model_path(model.metadata.name, spec.source),
        model_id=model.metadata.name,
        revision=None if weights else spec.source.revision,
        family=spec.engine.family,
        engine=EngineConfig(device=device, dtype=spec.engine.dtype),
    )


def _model_path(name: str, source: ModelSource) -> str:
    if source.scheme not in _LOCAL_SCHEMES:
        raise config_error(
            f"{source.scheme}: sources are fetched by the operator, in a cluster",
            path=f"VideoModel/{name}: spec.source.uri",
            remedy=f"locally use one of {', '.join(f'{scheme}:' for scheme in _LOCAL_SCHEMES)}",
        )
    if source.endpoint is not None:
        raise config_error(
            "a hub of one's own is asked by the operator, in a cluster",
            path=f"VideoModel/{name}: spec.source.endpoint",
            remedy="locally remove it and set the environment variable HF_ENDPOINT",
        )
    rest = source.uri.removeprefix(f"{source.scheme}:")
    return f"{source.scheme}:{rest.removeprefix('//')}"


def _server(server: ServerConfig, spec: StreamingServiceSpec) -> ServerConfig:
    access = {
        "allowed_hosts": (*server.allowed_hosts, *spec.access.hosts),
        "allowed_origins": (*server.allowed_origins, *spec.access.origins),
    }
    return server.model_copy(update=access)


def _request(generation: GenerationSpec) -> RequestConfig:
    values = generation.model_dump(by_alias=False, exclude={"negative_prompt"})
    return RequestConfig(
        negative_prompt=generation.negative_prompt, sampling=SamplingConfig(**values)
    )


def _streaming(
    model: VideoModel, spec: StreamingServiceSpec, state_directory: str | None
) -> StreamingConfig:
    warmup, sessions = model.spec.warmup, spec.sessions
    workers = spec.resources.workers
    return StreamingConfig(
        session_timeout_seconds=float(sessions.idle_timeout_seconds),
        generation_segment_cap=sessions.segment_cap,
        max_sessions=sessions.max_per_pod // workers,
        max_queue=sessions.max_queue,
        presets=spec.prompts.presets,
        encoder_preset=spec.encoding.preset,
        encoder_crf=spec.encoding.crf,
        warmup=WarmupConfig(
            enabled=warmup.enabled,
            prompt=warmup.prompt,
            timeout_seconds=float(warmup.timeout_seconds),
        ),
        pool=PoolConfig(num_workers=workers),
        limits=LimitsConfig(
            prompt_characters=spec.prompts.max_characters,
            **tightest(model.spec.limits, spec.limits),
        ),
        state=StateConfig(
            store=_STORES[spec.store.type],
            directory=state_directory,
            ttl_seconds=float(spec.store.ttl_seconds),
            max_states=spec.store.max_states,
        ),
    )


def _jobs(service: StreamingService, directory: str | None) -> JobsConfig:
    jobs = service.spec.jobs
    shared, results = jobs.store.type == "Redis", jobs.results
    in_bucket = results is not None and results.uri is not None
    if shared and directory is None and not in_bucket:
        raise _in_service(
            service,
            "jobs.store.type",
            "Redis needs a folder for the videos",
            "give --state-dir DIR",
        )
    return JobsConfig(
        enabled=jobs.enabled,
        store="redis" if shared else "file",
        name=f"{service.metadata.namespace or 'default'}.{service.metadata.name}"
        if shared
        else "default",
        directory=directory if shared and not in_bucket else None,
        results=results.uri if results else None,
        results_endpoint=results.endpoint if results else None,
        share_percent=jobs.share,
        max_queued=jobs.max_queued,
        max_queued_per_key=jobs.quota.max_queued,
        max_bytes_per_key=jobs.quota.max_bytes,
        max_jobs=jobs.retention.max_jobs,
        max_bytes=jobs.retention.max_bytes,
        ttl_seconds=float(jobs.retention.ttl_seconds),
    )


def _in_service(service: StreamingService, key: str, message: str, remedy: str) -> ConfigError:
    path = f"StreamingService/{service.metadata.name}: spec.{key}"
    return config_error(message, path=path, remedy=remedy)
