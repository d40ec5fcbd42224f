"""A VideoModel's snapshot -> what is known of its sources and its cache. Pure.

Two Jobs do the work: one resolves the sources (`resolve`), one fetches into the claim (`download`).
What they said is known from their pods until it is in the status, and from the status ever after.
A Job that has ended and left something undone is retried by another attempt, after a backoff.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from matinee_api.contracts.fetch import TreeResult
from matinee_api.kinds import conditions
from matinee_operator.fetching.claim import Claim, cache_claim
from matinee_operator.observe.fetch_result import fetch_result
from matinee_operator.observe.jobs import ObservedJob, attempts_of
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.resources.fetch_job import download_job, resolve_job
from matinee_operator.resources.metadata import Manifest
from matinee_operator.weights.trees import Pin, Tree, TreeKey, trees_of


@dataclass(frozen=True, slots=True)
class Attempt:
    """One of the Jobs that do the same, and what it said of each tree."""

    job: ObservedJob
    results: Mapping[TreeKey, TreeResult]

    def failure(self, tree: Tree) -> Trouble:
        """Why it ended and left this tree undone."""
        result = self.results.get(tree.key)
        if result is None:
            return self.job.why(conditions.DOWNLOAD_FAILED)
        if result.reason is None:
            return Trouble(conditions.SOURCE_NOT_FOUND, f"there is no folder {tree.source.uri}")
        return Trouble(result.reason, result.message)


@dataclass(frozen=True, slots=True)
class Step:
    """Resolving, or fetching: its Job, the latest attempt, and the latest that ended."""

    manifest: Manifest
    trees: tuple[Tree, ...]
    latest: Attempt | None = None
    ended: Attempt | None = None

    @property
    def job(self) -> ObservedJob | None:
        return self.latest.job if self.latest else None

    @property
    def kept(self) -> set[int]:
        """Attempts: the Job that runs, and the one that says what went wrong before."""
        return {attempt.job.attempt for attempt in (self.latest, self.ended) if attempt}

    def found(self, tree: Tree) -> TreeResult | None:
        """What was found out; None where nothing was."""
        for attempt in (self.latest, self.ended):
            result = attempt.results.get(tree.key) if attempt else None
            if result is not None and result.reason is None and result.bytes is not None:
                return result
        return None

    def failure(self, tree: Tree) -> Trouble | None:
        """What keeps this tree undone, as far as it is known while another attempt runs."""
        if self.job is not None and self.job.waits_for:
            return self.job.waits_for
        return self.ended.failure(tree) if self.ended else None


@dataclass(frozen=True, slots=True)
class Fetching:
    """`resolve` and `download` are None where there is nothing to resolve or to fetch yet."""

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
        """It is to be kept, and is not known to be on the claim."""
        if not self.kept or not tree.is_fetched:
            return False
        if self.claim is None:
            return True
        if tree.kind == "model":
            return tree.folder != self.claim.in_use
        return tree.folder not in self.claim.folders

    def failure(self, tree: Tree) -> Trouble | None:
        """Of an undone tree, in the step that it waits for."""
        step = self.resolve if tree.pin is None else self.download
        return step.failure(tree) if step and not self.is_done(tree) else None


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
    name = manifest["metadata"]["name"]
    jobs = attempts_of(name, snapshot.children, snapshot.job_pods, snapshot.refusals)
    attempts = [_attempt(job, trees) for job in jobs]
    ended = [attempt for attempt in attempts if attempt.job.finished]
    return Step(manifest, trees, attempts[-1] if attempts else None, ended[-1] if ended else None)


def _attempt(job: ObservedJob, trees: tuple[Tree, ...]) -> Attempt:
    said = [fetch_result(str(end.get("message", ""))) for end in job.ends]
    last = next((result for result in reversed(said) if result), None)
    results = zip((tree.key for tree in trees), last.trees, strict=False) if last else ()
    return Attempt(job, dict(results))


def _pinned(tree: Tree, resolve: Step) -> Tree:
    """A pin stays, also where a branch has moved on."""
    found = resolve.found(tree)
    if tree.pin is not None or found is None:
        return tree
    return dataclasses.replace(tree, pin=Pin(found.commit, found.bytes or 0))


def _filled(claim: Claim, download: Step) -> Claim:
    """With what the download has just completed."""
    folders, in_use = dict(claim.folders), claim.in_use
    for tree in download.trees:
        found = download.found(tree)
        if found is not None:
            folders[tree.folder] = found.bytes or 0
            in_use = tree.folder if tree.kind == "model" else in_use
    return dataclasses.replace(claim, folders=folders, in_use=in_use)
