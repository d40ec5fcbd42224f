from __future__ import annotations

import subprocess

import pytest

from e2e import pods
from e2e.target import Target
from tools.cluster import images, oci
from tools.cluster.containerd import LAYOUT
from tools.cluster.images import Image


@pytest.mark.parametrize(
    ("image", "has", "lacks"),
    [
        ("operator", ["kopf", "kubernetes", "matinee_operator"], ["torch", "matinee"]),
        (
            "runtime",
            ["torch", "diffusers", "av", "matinee.engine", "matinee.worker"],
            ["kopf", "matinee_operator"],
        ),
        (
            "router",
            ["uvicorn", "websockets", "redis", "matinee.client", "matinee.store.redis_address"],
            ["torch", "kopf", "matinee_operator", "matinee.engine", "matinee.store.redis_store"],
        ),
    ],
)
def test_an_image_holds_what_it_needs_and_runs_as_somebody_who_may_write_nothing(
    cluster: Target, namespace: str, image: str, has: list[str], lacks: list[str]
) -> None:
    pods.run(cluster, namespace, pods.asleep(cluster, "python", image=image))
    run = ("exec", "-n", namespace, "python", "--")
    code = (
        "import importlib.util as util;"
        f"print([name for name in {[*has, *lacks]!r} if util.find_spec(name)])"
    )
    assert cluster.kubectl(*run, "python3", "-c", code) == f"{has!r}\n"
    assert cluster.kubectl(*run, "id", "-u") == "10001\n"
    with pytest.raises(subprocess.CalledProcessError) as refused:
        cluster.kubectl(*run, "touch", "/opt/matinee/file")
    assert b"Read-only file system" in refused.value.stderr


@pytest.mark.parametrize("image", images.OURS, ids=lambda image: image.name)
def test_dependencies_and_code_are_layers_of_their_own(our_cluster: Target, image: Image) -> None:
    """So a change of the code moves a few megabytes, whatever the dependencies weigh."""
    *_, dependencies, code = oci.layers(LAYOUT, image.name)
    assert code["size"] < 20e6
    assert code["size"] < dependencies["size"] / 10
    for layer, place in ((dependencies, "opt/venv"), (code, "opt/matinee")):
        files = oci.files_in(LAYOUT, layer)
        assert {"/".join(name.split("/")[:2]) for name in files} == {place}


def test_the_images_sizes(our_cluster: Target) -> None:
    """The runtime carries torch; the others must stay small."""
    sizes = {image.name: oci.size_bytes(LAYOUT, image.name) for image in images.OURS}
    assert sizes["matinee/operator:dev"] < 500e6
    assert sizes["matinee/router:dev"] < 500e6
    for image in images.OURS:
        megabytes = round(sizes[image.name] / 1e6)
        assert images.size_of(image).startswith(f"{image.name}: {megabytes} MB, ")
