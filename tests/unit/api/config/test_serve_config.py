from __future__ import annotations

from typing import Any

import pytest

from matinee_api.config.errors import ConfigError
from matinee_api.config.resources import Resources
from matinee_api.config.runtime_config import (
    EngineConfig,
    GeneratorConfig,
    LimitsConfig,
    RequestConfig,
    SamplingConfig,
    ServeConfig,
    ServerConfig,
    StreamingConfig,
)
from matinee_api.config.serve_config import serve_config, serve_config_for
from matinee_api.kinds.compute import ComputeResources, Gpu, ResourceClaim
from matinee_api.kinds.meta import ObjectMeta
from matinee_api.kinds.source import ModelSource
from matinee_api.kinds.streamingservice import (
    Encoding,
    ModelRef,
    Prompts,
    ServiceLimits,
    Sessions,
    Store,
    StreamingService,
    StreamingServiceSpec,
)
from matinee_api.kinds.videomodel import (
    GenerationSpec,
    ModelEngine,
    ModelLimits,
    ModelWarmup,
    VideoModel,
    VideoModelSpec,
)


def model(name: str = "tiny", *, namespace: str | None = None, **spec: Any) -> VideoModel:
    wanted = {"source": ModelSource(uri="builtin:tiny"), "engine": ModelEngine(family="ltx")} | spec
    return VideoModel(
        metadata=ObjectMeta(name=name, namespace=namespace), spec=VideoModelSpec(**wanted)
    )


def service(name: str = "live", *, namespace: str | None = None, **spec: Any) -> StreamingService:
    wanted = {"model_ref": ModelRef(name="tiny")} | spec
    return StreamingService(
        metadata=ObjectMeta(name=name, namespace=namespace), spec=StreamingServiceSpec(**wanted)
    )


def test_defaults_of_the_resources_are_the_defaults_of_the_runtime() -> None:
    assert serve_config(model(), service()) == ServeConfig(
        generator=GeneratorConfig(
            model_path="builtin:tiny",
            model_id="tiny",
            family="ltx",
            engine=EngineConfig(device="cuda"),
        )
    )


def test_every_field_that_the_runtime_knows_is_carried_over() -> None:
    config = serve_config(
        model(
            source=ModelSource(uri="hf://org/name", revision="abc"),
            engine=ModelEngine(family="ltx", dtype="float16"),
            generation=GenerationSpec(
                width=64,
                height=96,
                num_frames=17,
                fps=12,
                num_inference_steps=4,
                guidance_scale=3.0,
                negative_prompt="blur",
            ),
            warmup=ModelWarmup(enabled=False, prompt="x", timeout_seconds=5),
        ),
        service(
            resources=ComputeResources(gpu=Gpu(count=2)),
            sessions=Sessions(max_per_pod=6, idle_timeout_seconds=7, segment_cap=8, max_queue=9),
            prompts=Prompts(max_characters=100, presets=("a",)),
            encoding=Encoding(preset="veryfast", crf=20),
            store=Store(type="File", ttl_seconds=60, max_states=5),
        ),
        server=ServerConfig(host="0.0.0.0", port=9000),  # noqa: S104 - as in a pod
        state_directory="/state",
    )
    assert config.generator == GeneratorConfig(
        model_path="hf:org/name",
        model_id="tiny",
        revision="abc",
        family="ltx",
        engine=EngineConfig(device="cuda", dtype="float16"),
    )
    assert config.server.port == 9000
    assert config.default_request == RequestConfig(
        negative_prompt="blur",
        sampling=SamplingConfig(
            width=64, height=96, num_frames=17, fps=12, num_inference_steps=4, guidance_scale=3.0
        ),
    )
    changed = config.streaming.model_dump(exclude_defaults=True)
    assert changed == {
        "session_timeout_seconds": 7.0,
        "generation_segment_cap": 8,
        "max_sessions": 3,
        "max_queue": 9,
        "presets": ("a",),
        "encoder_preset": "veryfast",
        "encoder_crf": 20,
        "warmup": {"enabled": False, "prompt": "x", "timeout_seconds": 5.0},
        "pool": {"num_workers": 2},
        "limits": {"prompt_characters": 100},
        "state": {
            "store": "file",
            "directory": "/state",
            "ttl_seconds": 60.0,
            "max_states": 5,
        },
    }


def test_the_limits_of_the_model_and_of_the_service_are_both_kept() -> None:
    config = serve_config(
        model(limits=ModelLimits(max_pixels=10**6, max_frames=33, max_steps=9)),
        service(limits=ServiceLimits(max_frames=17, max_steps=50, max_work=10**9)),
    )
    assert config.streaming.limits == LimitsConfig(
        max_pixels=10**6, max_frames=17, max_steps=9, max_work=10**9
    )


DEVICES: dict[str, tuple[ComputeResources, str, int]] = {
    "no GPU means the CPU": (ComputeResources(gpu=Gpu(count=0)), "cpu", 1),
    "one GPU, one worker": (ComputeResources(gpu=Gpu()), "cuda", 1),
    "a worker for each GPU": (ComputeResources(gpu=Gpu(count=2)), "cuda", 2),
    "a claim is one device": (
        ComputeResources(
            resource_claims=(ResourceClaim(name="gpu", resource_claim_template_name="one"),)
        ),
        "cuda",
        1,
    ),
}


@pytest.mark.parametrize("case", DEVICES)
def test_workers_follow_the_gpus(case: str) -> None:
    resources, device, workers = DEVICES[case]
    config = serve_config(model(), service(resources=resources, sessions=Sessions(max_per_pod=4)))
    assert config.generator.engine.device == device
    assert config.streaming.pool.num_workers == workers
    assert config.streaming.max_sessions * workers == 4


PATHS = {
    "hf://org/name": "hf:org/name",
    "hf:org/name": "hf:org/name",
    "file:///models/x": "file:/models/x",
    "file:/models/x": "file:/models/x",
    "builtin:tiny": "builtin:tiny",
}


@pytest.mark.parametrize("uri", PATHS)
def test_uris_are_written_as_the_runtime_reads_them(uri: str) -> None:
    config = serve_config(model(source=ModelSource(uri=uri)), service())
    assert config.generator.model_path == PATHS[uri]


def test_fetched_weights_take_the_place_of_the_source() -> None:
    source = ModelSource(uri="hf://org/name", revision="main")
    generator = serve_config(model(source=source), service(), weights="/cache/abc").generator
    assert (generator.model_path, generator.revision) == ("/cache/abc", None)


MISTAKES: dict[str, tuple[Resources, str | None, str]] = {
    "no service": (
        Resources((model(),), ()),
        None,
        "no StreamingService; add one whose modelRef names a model",
    ),
    "several services": (
        Resources((model(),), (service("a"), service("b"))),
        None,
        "several StreamingServices: a, b; say which one to run",
    ),
    "a service that is not there": (
        Resources((model(),), (service("a"),)),
        "c",
        "no StreamingService c; present: a",
    ),
    "a model that is not there": (
        Resources((model("big"), model("small")), (service(),)),
        None,
        "StreamingService/live: spec.modelRef.name: no VideoModel tiny; present: big, small",
    ),
    "no model at all": (
        Resources((), (service(),)),
        None,
        "StreamingService/live: spec.modelRef.name: no VideoModel tiny; present: none",
    ),
    "a model of another namespace": (
        Resources((model(namespace="other"),), (service(),)),
        None,
        "StreamingService/live: spec.modelRef.name: no VideoModel tiny; present: tiny",
    ),
    "states in files, but no folder": (
        Resources((model(),), (service(store=Store(type="File")),)),
        None,
        "StreamingService/live: spec.store.type: File needs a folder; give --state-dir DIR",
    ),
    "a source that only a cluster can fetch": (
        Resources((model(source=ModelSource(uri="s3://bucket/x")),), (service(),)),
        None,
        "VideoModel/tiny: spec.source.uri: s3: sources are fetched by the operator, in a cluster; "
        "locally use one of builtin:, file:, hf:",
    ),
    "a hub that only a cluster asks": (
        Resources(
            (model(source=ModelSource(uri="hf://org/x", endpoint="https://hub")),), (service(),)
        ),
        None,
        "VideoModel/tiny: spec.source.endpoint: a hub of one's own is asked by the operator, in a "
        "cluster; locally remove it and set the environment variable HF_ENDPOINT",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_what_cannot_be_served_is_told(case: str) -> None:
    resources, name, message = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        serve_config_for(resources, name)
    assert str(caught.value) == message


def test_a_mistake_names_the_file() -> None:
    with pytest.raises(ConfigError, match=r"^q\.yaml: no StreamingService"):
        serve_config_for(Resources((), (), "q.yaml"))


def test_one_of_several_services_can_be_chosen() -> None:
    services = (service("a"), service("b", sessions=Sessions(max_per_pod=3)))
    config = serve_config_for(Resources((model(),), services), "b")
    assert config.streaming == StreamingConfig(max_sessions=3)


def test_the_namespace_default_need_not_be_written() -> None:
    assert serve_config_for(Resources((model(namespace="default"),), (service(),)))
