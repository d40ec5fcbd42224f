"""A VideoModel's snapshot -> what is known of its sources and its cache. Pure.

Two Jobs find out and do: one asks the sources (`resolve`), one fetches into the claim (`download`).
What they said is known from their pods until it is in the status, and from the status ever after.
A Job that has ended and left something undone is followed by another attempt, after a pause.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from matinee_api import conditions as words
from matinee_api.fetch import TreeResult
from matinee_operator.cache_claim import Claim, cache_claim
from matinee_operator.fetch_result import fetch_result
from matinee_operator.observed import Trouble
from matinee_operator.observed_job import ObservedJob, observed_job
from matinee_operator.resources.fetch_job import download_job, resolve_job
from matinee_operator.resources.metadata import Manifest
from matinee_operator.snapshot import ModelSnapshot
from matinee_operator.trees import Pin, Tree, TreeKey, trees_of


@dataclass(frozen=True, slots=True)
class Step:
    """One of the two Jobs: what it should be, its latest attempt, and what that one said."""

    manifest: Manifest
    trees: tuple[Tree, ...]
    job: ObservedJob | None = None
    results: Mapping[TreeKey, TreeResult] = field(default_factory=dict)

    def failure(self, tree: Tree) -> Trouble | None:
        """Why the latest attempt left this tree undone, or cannot begin; None while it runs."""
        if self.job is None or not self.job.finished:
            return self.job.waits_for if self.job else None
        result = self.results.get(tree.key)
        if result is None:
            return self.job.why(words.DOWNLOAD_FAILED)
        if result.reason is None:
            message = f"there is no folder {tree.source.uri}"
            return Trouble(words.SOURCE_NOT_FOUND, message)
        return Trouble(result.reason, result.message)

    @property
    def repeats(self) -> bool:
        """It is being tried again, so what was known of the failure holds."""
        return self.job is not None and self.job.attempt > 0 and not self.job.finished


@dataclass(frozen=True, slots=True)
class Fetching:
    """`resolve` and `download` are None where there is nothing to ask, or nothing to fetch yet."""

    trees: tuple[Tree, ...] = ()
    kept: bool = False
    """What is fetched is kept on a claim."""
    resolve: Step | None = None
    claim: Claim | None = None
    download: Step | None = None

    def tree_of(self, kind: str, name: str) -> Tree | None:
        return next((tree for tree in self.trees if (tree.kind, tree.name) == (kind, name)), None)

    def is_done(self, tree: Tree) -> bool:
        return tree.pin is not None and not self.is_missing(tree)

    def is_missing(self, tree: Tree) -> bool:
        """It is to be kept, and is not on the claim yet."""
        there = self.claim is not None and tree.folder in self.claim.folders
        return self.kept and tree.is_fetched and not there

    def step_of(self, tree: Tree) -> Step | None:
        """The one that an undone tree waits for."""
        return self.resolve if tree.pin is None else self.download

    def failure(self, tree: Tree) -> Trouble | None:
        step = None if self.is_done(tree) else self.step_of(tree)
        return step.failure(tree) if step else None

    def repeats(self, tree: Tree) -> bool:
        step = self.step_of(tree)
        return step is not None and step.repeats


def fetching(snapshot: ModelSnapshot) -> Fetching:
    asked = trees_of(snapshot.model)
    if not asked:
        return Fetching()
    manifest = resolve_job(snapshot.model, asked, snapshot.installation)
    resolve = _step(snapshot, manifest, asked)
    trees = tuple(_pinned(tree, resolve) for tree in asked)
    claim = cache_claim(snapshot, trees)
    kept = snapshot.model.spec.cache.type != "None"
    if claim is None or claim.uid is None:
        return Fetching(trees, kept, resolve, claim)
    wanted = tuple(tree for tree in trees if tree.is_fetched and tree.pin)
    facts = [claim.uid, claim.size_bytes]
    manifest = download_job(snapshot.model, wanted, snapshot.installation, claim.name, facts)
    download = _step(snapshot, manifest, wanted)
    return Fetching(trees, kept, resolve, _filled(claim, download), download)


def _step(snapshot: ModelSnapshot, manifest: Manifest, trees: tuple[Tree, ...]) -> Step:
    """With the latest of the attempts that exist."""
    base = manifest["metadata"]["name"]
    attempts = [
        observed_job(raw, snapshot.job_pods)
        for key, raw in snapshot.children.items()
        if key.kind == "Job" and key.name.rpartition("-")[0] == base
    ]
    job = max(attempts, key=lambda one: one.attempt, default=None)
    said = [fetch_result(str(end.get("message", ""))) for end in job.ends] if job else []
    last = next((result for result in reversed(said) if result), None)
    results = zip((tree.key for tree in trees), last.trees, strict=False) if last else ()
    return Step(manifest, trees, job, dict(results))


def _pinned(tree: Tree, resolve: Step) -> Tree:
    """A pin stays, also where a branch has moved on."""
    result = resolve.results.get(tree.key)
    if tree.pin is not None or result is None or result.reason is not None:
        return tree
    if result.bytes is None:  # a claim without the folder
        return tree
    return dataclasses.replace(tree, pin=Pin(result.commit, result.bytes))


def _filled(claim: Claim, download: Step) -> Claim:
    """With what the download has just completed."""
    done = {
        tree.folder: result.bytes or 0
        for tree in download.trees
        if (result := download.results.get(tree.key)) and result.reason is None
    }
    return dataclasses.replace(claim, folders={**claim.folders, **done})
