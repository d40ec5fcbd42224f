"""All trees of a configuration, one after the other; a tree that fails does not stop the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial as bound
from pathlib import Path

from matinee.weights.fetch import cache
from matinee.weights.fetch.adapters import check_adapter
from matinee.weights.fetch.errors import FetchFailed, volume_errors
from matinee.weights.fetch.files import SourceFile
from matinee.weights.fetch.manifest import size_at
from matinee.weights.fetch.plan import Plan, check_mounted, components_in, plan
from matinee.weights.fetch.progress import Progress
from matinee.weights.fetch.results import failed
from matinee.weights.fetch.retry import Retry
from matinee.weights.fetch.several import Counted, fetch_files
from matinee.weights.fetch.sources import MOUNTED, scheme_of
from matinee.weights.fetch.space import check_space, free_bytes_at, human_bytes
from matinee.weights.fetch.transfer import fetch_file
from matinee_api.contracts.fetch import FetchConfig, FetchedTree, FetchResult, TreeResult

logger = logging.getLogger(__name__)

_COMMIT_CHARACTERS = 40


def resolve(config: FetchConfig, sleep: Callable[[float], None] = time.sleep) -> FetchResult:
    """Only ask; nothing is written. A mounted tree whose volume is not there is not judged."""

    def ask(tree: FetchedTree) -> TreeResult:
        if scheme_of(tree) not in MOUNTED:
            return _result_of(plan(tree, config.family, sleep))
        if not Path(tree.folder).exists():
            return TreeResult(name=tree.name, message=f"not looked at: {tree.folder} is not here")
        return _mounted(tree, config.family)

    return FetchResult(trees=tuple(_tried(tree, bound(ask, tree)) for tree in config.trees))


def fetch(
    config: FetchConfig, progress: Progress, sleep: Callable[[float], None] = time.sleep
) -> FetchResult:
    """Make every tree appear at its folder, or say why not."""
    plans: dict[FetchedTree, Plan] = {}

    def look(tree: FetchedTree) -> TreeResult:
        if scheme_of(tree) in MOUNTED:
            return _mounted(tree, config.family)
        if (there := _there_already(tree, config.family)) is not None:
            return there
        plans[tree] = found = plan(tree, config.family, sleep)
        return _result_of(found)

    results = [_tried(tree, bound(look, tree)) for tree in config.trees]
    for result in results:
        progress.expect(result.bytes or 0)
    return FetchResult(
        trees=tuple(
            _tried(tree, bound(_carry_out, plans[tree], progress, sleep))
            if tree in plans
            else _counted(result, progress)
            for tree, result in zip(config.trees, results, strict=True)
        )
    )


def _tried(tree: FetchedTree, work: Callable[[], TreeResult]) -> TreeResult:
    try:
        with volume_errors(Path(tree.folder)):
            return work()
    except FetchFailed as error:
        logger.error("%s: %s: %s", tree.name, error.reason, error)  # noqa: TRY400 (no defect of ours)
        return failed(tree.name, error.reason, str(error))


def _mounted(tree: FetchedTree, family: str | None) -> TreeResult:
    return TreeResult(name=tree.name, bytes=check_mounted(tree, family))


def _there_already(tree: FetchedTree, family: str | None) -> TreeResult | None:
    """A complete tree of a version that cannot change needs no network."""
    if scheme_of(tree) == "hf" and len(tree.revision or "") != _COMMIT_CHARACTERS:
        return None
    folder = Path(tree.folder)
    manifest = cache.complete(folder, tree.uri, tree.revision)
    if manifest is None:
        return None
    if tree.kind == "model":
        components_in(folder, family, tree.uri)
    logger.info("%s is there already", folder)
    return TreeResult(name=tree.name, commit=manifest.commit, bytes=manifest.total_bytes)


def _counted(result: TreeResult, progress: Progress) -> TreeResult:
    progress.found(result.bytes or 0)
    return result


def _result_of(plan: Plan) -> TreeResult:
    wanted = plan.wanted
    return TreeResult(name=plan.tree.name, commit=wanted.commit, bytes=wanted.total_bytes)


def _carry_out(plan: Plan, progress: Progress, sleep: Callable[[float], None]) -> TreeResult:
    folder, wanted = Path(plan.tree.folder), plan.wanted
    with cache.locked(folder):
        if cache.complete(folder, wanted.uri, wanted.commit):
            return _counted(_result_of(plan), progress)
        partial = cache.begin(folder, wanted)
        missing_bytes = cache.missing_bytes(partial, wanted)
        progress.found(wanted.total_bytes - missing_bytes)
        check_space(missing_bytes, free_bytes_at(partial), folder)
        logger.info("fetching %s from %s", human_bytes(missing_bytes), plan.source.where)
        _fetch_files(plan, partial, progress, sleep)
        if plan.tree.kind == "adapter":
            check_adapter(partial / wanted.files[0].path, plan.source.where)
        cache.finish(folder, partial)
    logger.info("%s is complete: %s", folder, human_bytes(wanted.total_bytes))
    return _result_of(plan)


def _fetch_files(
    plan: Plan, partial: Path, progress: Progress, sleep: Callable[[float], None]
) -> None:
    def one(file: SourceFile, counted: Counted) -> None:
        fetch_file(plan.source, file, partial, Retry(plan.source.where, sleep), counted)

    missing = (file for file in plan.wanted.files if size_at(partial / file.path) is None)
    fetch_files(missing, one, progress.fetched)
