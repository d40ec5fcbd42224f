"""Whoever searches for a usual word of Kubernetes finds it, because no other one is used for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.places import ROOT

USUAL = {
    "put up with": "tolerate",
    "for ever": "indefinitely",
    "gets? nowhere": "without progress",
    "stood for": "resolved to",
    "looks? at everything": "full relist",
    "no success": "a non-2xx response",
    "told first": "most actionable",
    "patien(ce|tly)": "retry",
    "tried again|next try": "retry",
    "telling?|told": "event, record, message or notify",
    "in line": "queued",
    "looked after": "watched",
}
USUAL_EVERYWHERE = {rare: USUAL[rare] for rare in USUAL if rare != "telling?|told"}
"""A viewer is told many things, as the protocol says; the operator records events."""
ANY, ANY_EVERYWHERE = (
    re.compile(rf"\b(?:{'|'.join(words)})\b") for words in (USUAL, USUAL_EVERYWHERE)
)
PLACES = (
    *sorted((ROOT / "operator/matinee_operator").rglob("*.py")),
    *sorted((ROOT / "crds").glob("*.yaml")),
    *(ROOT / "docs" / name for name in ("api.md", "operating.md")),
    ROOT / "charts/matinee/values.yaml",
)
RUNTIME = (
    *sorted((ROOT / "runtime/matinee").rglob("*.py")),
    *sorted((ROOT / "runtime/matinee/player").glob("*.js")),
)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place.relative_to(ROOT)))
def test_the_usual_words_are_used(place: Path) -> None:
    assert {rare: USUAL[rare] for rare in rare_words(place, ANY)} == {}


def test_the_usual_words_are_used_in_the_runtime_too() -> None:
    found = {str(place.relative_to(ROOT)): rare_words(place, ANY_EVERYWHERE) for place in RUNTIME}
    assert {place: rare for place, rare in found.items() if rare} == {}


def rare_words(place: Path, any_of_them: re.Pattern[str]) -> list[str]:
    text = " ".join(place.read_text().split())
    if any_of_them.search(text) is None:
        return []
    return [rare for rare in USUAL if re.search(rf"\b({rare})\b", text)]


@pytest.mark.parametrize(
    ("word", "module"),
    [
        ("retry", "clients/retry.py"),
        ("backoff", "watch/workqueue.py"),
        ("event", "clients/events.py"),
        ("relist", "watch/resync.py"),
        ("release", "clients/leader.py"),
        ("resume", "actions.py"),
        ("tolerations", "resources/pod_spec.py"),
        ("notify", "clients/pod_feeds.py"),
        ("pending", "watch/workqueue.py"),
        ("in flight", "watch/workqueue.py"),
    ],
)
def test_a_search_finds_the_module(word: str, module: str) -> None:
    assert word in (ROOT / "operator/matinee_operator" / module).read_text().lower()
