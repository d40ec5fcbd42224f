"""What `matinee up` takes from a hub and what a download Job fetches: the same."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from matinee.weights.fetch.manifest import MANIFEST
from tests.system.weights.answering import answering
from tests.unit.runtime.weights.fetch.fetching import NEEDED, fetched, names_in
from tests.unit.runtime.weights.fetch.running_hub import VAE, RunningHub

UNNEEDED = [
    "other/diffusion_pytorch_model.safetensors",
    "tiny-checkpoint.safetensors",
    "transformer/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.bin.index.json",
    "vae/older/notes.txt",
    "notes.json",
]
ASK = """
import sys
from matinee.errors import ModelUnavailable
from matinee.weights.local_folder import model_folder_of
try:
    print(model_folder_of("hf:matinee/tiny", None))
except ModelUnavailable as error:
    sys.exit(str(error))
"""


def asked(
    hub: RunningHub | str, home: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the library reads its settings when it is imported."""
    url = hub if isinstance(hub, str) else hub.url
    settings = {"HF_ENDPOINT": url, "HF_HOME": str(home), **environment}
    return subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def snapshot(hub: RunningHub, home: Path, **environment: str) -> Path:
    told = asked(hub, home, **environment)
    assert told.returncode == 0, told.stderr
    return Path(told.stdout.strip())


def test_both_take_the_same_files(hub: RunningHub, tmp_path: Path) -> None:
    for name in UNNEEDED:
        (hub.tiny / name).parent.mkdir(exist_ok=True)
        (hub.tiny / name).write_text("{}")
    [result] = fetched(hub.tree(tmp_path / "job"))
    assert result.reason is None
    taken = snapshot(hub, tmp_path / "home")
    assert names_in(taken) == names_in(tmp_path / "job") - {MANIFEST} == NEEDED
    for name in NEEDED:
        assert (taken / name).read_bytes() == (tmp_path / "job" / name).read_bytes()


def test_what_is_in_the_cache_serves_without_a_network(hub: RunningHub, tmp_path: Path) -> None:
    first = snapshot(hub, tmp_path / "home")
    assert len(hub.sent_bytes(VAE)) == 1
    assert snapshot(hub, tmp_path / "home") == first
    assert len(hub.sent_bytes(VAE)) == 1
    assert snapshot(hub, tmp_path / "home", HF_HUB_OFFLINE="1") == first
    assert snapshot(hub, tmp_path / "home", HF_ENDPOINT="http://127.0.0.1:9") == first


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ({"_class_name": "MochiPipeline"}, "is a MochiPipeline, which no family runs"),
        (None, "has no model_index.json; a model is a folder"),
        ({"_class_name": "LTXPipeline", "nothing": ["diffusers", "X"]}, "lists nothing"),
    ],
)
def test_a_repository_that_is_no_model_is_refused_with_the_remedy(
    hub: RunningHub, tmp_path: Path, index: dict[str, object] | None, says: str
) -> None:
    file = hub.tiny / "model_index.json"
    if index is None:
        file.unlink()
    else:
        file.write_text(json.dumps(index))
    told = asked(hub, tmp_path / "home")
    assert told.returncode == 1
    assert says in told.stderr
    assert hub.sent_bytes(VAE) == []


INDEX, WEIGHTS = "model_index.json", "transformer/diffusion_pytorch_model.safetensors"
ONE = json.dumps({"_class_name": "LTXPipeline", "transformer": ["diffusers", "X"]}).encode()
FILES = [
    {"rfilename": INDEX, "size": len(ONE), "lfs": {"sha256": hashlib.sha256(ONE).hexdigest()}},
    {"rfilename": WEIGHTS, "size": 1000, "lfs": {"sha256": "0" * 64}},
]
LISTING = json.dumps({"sha": "a" * 40, "siblings": FILES}).encode()
ENDLESS = repeat(b"x" * 2**16)
HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "a listing without end": ({"/": [ENDLESS]}, "does not answer: an answer of more than"),
    "weights without end": (
        {"/api": [LISTING], f"/matinee/tiny/resolve/{'a' * 40}/{INDEX}": [ONE], "/": [ENDLESS]},
        f"{WEIGHTS} of matinee/tiny",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_never_ends_is_told_in_a_sentence_and_leaves_nothing(
    case: str, tmp_path: Path
) -> None:
    answers, says = HOSTILE[case]
    with answering(at=answers) as url:
        told = asked(url, tmp_path)
    assert (told.returncode, told.stdout) == (1, "")
    assert says in told.stderr.splitlines()[-1]
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in left) < 10_000
    assert not [path for path in left if "part" in str(path.relative_to(tmp_path))]
