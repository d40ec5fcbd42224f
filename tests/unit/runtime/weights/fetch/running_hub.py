"""The hub of `tests/servers` as a process, and the bundled model in it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matinee_api.contracts.fetch import FetchedTree
from tests.places import ROOT
from tests.servers import hub

TINY = ROOT / "runtime" / "matinee" / "bundled" / "tiny"
VAE = "vae/diffusion_pytorch_model.safetensors"
TOKEN = "hf_right"  # noqa: S105 (of a server of ours)
TINY_BYTES = sum(
    path.stat().st_size for path in TINY.rglob("*") if path.is_file() and path.suffix != ".md"
)


@dataclass(frozen=True)
class RunningHub:
    """`folder` holds its models as org/name."""

    url: str
    folder: Path

    @property
    def tiny(self) -> Path:
        return self.folder / "matinee" / "tiny"

    def set_faults(self, **faults: Any) -> None:
        body = json.dumps(faults).encode()
        with urllib.request.urlopen(f"{self.url}/faults", body):  # noqa: S310 (ours)
            pass

    def wait_held(self) -> None:
        """Until a connection stalls."""
        with urllib.request.urlopen(f"{self.url}/held"):  # noqa: S310 (ours)
            pass

    def log(self, path: str = "") -> list[dict[str, Any]]:
        """Requests for a path that ends so."""
        with urllib.request.urlopen(f"{self.url}/log") as answer:  # noqa: S310 (ours)
            entries: list[dict[str, Any]] = json.load(answer)
        return [one for one in entries if one["path"].partition("?")[0].endswith(path)]

    def sent_bytes(self, path: str) -> list[int]:
        """Of each answer with content of this file."""
        return [one["sent_bytes"] for one in self.log(path) if one["sent_bytes"]]

    def tree(self, folder: Path, **changes: Any) -> FetchedTree:
        facts = {
            "name": "model",
            "kind": "model",
            "uri": "hf://matinee/tiny",
            "folder": str(folder),
            "endpoint": self.url,
        }
        return FetchedTree.model_validate(facts | changes)


@contextlib.contextmanager
def running_hub(folder: Path, *options: str) -> Iterator[RunningHub]:
    shutil.copytree(TINY, folder / "matinee" / "tiny")
    (folder / "matinee" / "tiny" / "picture.png").write_bytes(b"not wanted")
    command = [sys.executable, hub.__file__, str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield RunningHub(process.stdout.readline().strip(), folder)
        finally:
            process.kill()
