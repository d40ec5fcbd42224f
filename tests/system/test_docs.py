from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from matinee.wire.client_messages import SegmentPrompt, SessionInit
from matinee_api.config.router_config import RouterConfig
from matinee_api.config.runtime_config import RunConfig, ServeConfig
from matinee_api.contracts.fetch import FetchConfig
from matinee_api.kinds.resource import KINDS
from tests.places import ROOT
from tools.generate import generated

GENERATED = generated()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted path of every value that a configuration file can set."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        items = next(iter(get_args(inner)), None)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"{prefix}{name}.")
        elif isinstance(items, type) and issubclass(items, BaseModel):
            many = "[]" if get_origin(inner) is tuple else ""
            yield from keys(items, f"{prefix}{name}{many}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize("model", [RunConfig, ServeConfig, RouterConfig, FetchConfig])
def test_every_key_is_documented_with_its_meaning(model: type[BaseModel]) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for key in keys(model):
        rows = [line for line in page.splitlines() if line.startswith(f"| `{key}` |")]
        assert rows, f"{key} is missing in docs/configuration.md"
        assert not rows[0].endswith("|  |"), f"{key} has no meaning in docs/configuration.md"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_documented(kind: str) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert f"\n## {kind}\n" in page


@pytest.mark.parametrize("path", GENERATED)
def test_generated_files_are_current(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == GENERATED[path]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    anchors = {_anchor(line) for line in text.splitlines() if line.startswith("#")}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        assert (page.parent / path).exists(), f"{page.name} links to {target}"
        assert path or anchor in anchors, f"{page.name} links to {target}"


def _anchor(heading: str) -> str:
    """How GitHub names a heading."""
    words = heading.lstrip("# ").lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


@pytest.mark.parametrize("message", [SessionInit, SegmentPrompt])
def test_every_field_that_a_client_may_send_is_on_the_protocols_page(
    message: type[BaseModel],
) -> None:
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert [name for name in message.model_fields if f"`{name}`" not in page] == []
