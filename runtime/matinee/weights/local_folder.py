"""From what a configuration calls a model to a folder in Diffusers format on this machine.

Enters: `GeneratorConfig.model_path` and `revision`. Leaves: an existing folder, not yet looked
into (`model_folder.py` does that), or `ModelUnavailable` with the remedy.
"""

from __future__ import annotations

import importlib.resources
import os.path
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from matinee.errors import ModelUnavailable
from matinee_api.proxies import ProxyUnusable

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_HUB_NAME = re.compile(r"(//)?[\w-][\w.-]*(/[\w-][\w.-]*)?")
_URI_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):")


def model_folder_of(model_path: str, revision: str | None) -> Path:
    """Find the model, fetching it from the hub when it lies there."""
    folder = local_folder_of(model_path)
    return folder or _fetch_from_hub(re.sub(r"^hf:(//)?", "", model_path), revision)


def local_folder_of(model_path: str) -> Path | None:
    """The folder; None when the model lies on the hub."""
    scheme = _URI_SCHEME.match(model_path)
    if scheme:
        return _folder_of_uri(scheme[1], model_path)
    folder = os.path.expanduser(model_path)  # like `isdir` it takes any text
    if os.path.isdir(folder):
        return Path(folder)
    if _HUB_ID.fullmatch(model_path):
        return None
    raise ModelUnavailable(
        f"there is no folder {model_path}; give a folder in Diffusers format, "
        "a hub id such as org/name, or builtin:tiny"
    )


def default_model_id(model_path: str) -> str:
    """The last part of the path or URI: `tiny` of `builtin:tiny`, `name` of `hf:org/name`."""
    return re.split(r"[/:]", model_path.rstrip("/"))[-1]


def _folder_of_uri(scheme: str, uri: str) -> Path | None:
    rest = uri[len(scheme) + 1 :]
    if scheme == "builtin":
        return _bundled(rest)
    if scheme == "hf":
        if not _HUB_NAME.fullmatch(rest):
            raise ModelUnavailable(f"{uri} is not a hub id; write hf:org/name")
        return None
    if scheme == "file":
        return _existing(_path_of(uri))
    raise ModelUnavailable(
        f"{uri}: models cannot be loaded from {scheme}: here; use builtin:, file: or hf:"
    )


def _path_of(uri: str) -> Path:
    try:
        path = unquote(urlsplit(uri).path)
    except ValueError:
        path = ""
    if not path:
        raise ModelUnavailable(f"{uri} is no address of a folder; write file:///folder")
    return Path(path)


def _existing(folder: Path) -> Path:
    if not os.path.isdir(folder):
        raise ModelUnavailable(f"there is no folder {folder}; check the path and its mount")
    return folder


def _bundled(name: str) -> Path:
    bundled = Path(str(importlib.resources.files("matinee"))) / "bundled"
    folder = bundled / name
    if not re.fullmatch(r"[\w-]+", name) or not folder.is_dir():
        present = sorted(path.name for path in bundled.glob("*") if path.is_dir())
        raise ModelUnavailable(
            f"builtin:{name} is not part of this installation; "
            f"present: {', '.join(present) or 'none'}"
        )
    return folder


def _fetch_from_hub(hub_id: str, revision: str | None) -> Path:
    # Late: the terminal client judges a model's name too, and its image can fetch nothing.
    from huggingface_hub.errors import HFValidationError

    from matinee.weights.fetch.errors import FetchFailed
    from matinee.weights.hub_snapshot import hub_snapshot

    try:
        return hub_snapshot(hub_id, revision)
    except (FetchFailed, ProxyUnusable) as error:
        at = f" at {revision}" if revision else ""
        raise ModelUnavailable(f"{hub_id}{at}: {error}") from error
    except HFValidationError as error:
        raise ModelUnavailable(f"hf:{hub_id} is not a hub id; write hf:org/name") from error
    except ImportError as error:  # of what httpx wants for a SOCKS proxy, in a user's own program
        raise ModelUnavailable(f"{hub_id} cannot be fetched: {error}") from error
