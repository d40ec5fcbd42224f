"""A VideoModel's snapshot -> its status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from matinee_api.kinds import conditions
from matinee_api.kinds.videomodel import VideoModelStatus, WarmupStatus
from matinee_operator.desired import DesiredModel
from matinee_operator.fetching import Fetching, fetching
from matinee_operator.objects import moment, stamp
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.status.conditions import Finding, conditions_of, finding
from matinee_operator.status.weights import (
    adapter_states,
    broken_adapter,
    cache_status,
    resolved,
    weights_downloaded,
)
from matinee_operator.warming import Warming, is_required, is_wanted

MOST = 1e9
"""Frames or seconds of a warm-up."""


def model_status(snapshot: ModelSnapshot, desired: DesiredModel) -> VideoModelStatus:
    model = snapshot.model
    before, known = model.status, fetching(snapshot)
    adapters = adapter_states(snapshot, known)
    findings = _findings(snapshot, desired, known, broken_adapter(adapters))
    main = next((one for one in findings if one.type == _main_type(findings)), findings[0])
    return VideoModelStatus(
        observed_generation=model.metadata.generation,
        phase=_phase(findings),
        reason=main.reason,
        warmup=_measured(desired.warming) or (before.warmup if before else None),
        cache=cache_status(snapshot, known),
        adapters=adapters,
        conditions=conditions_of(
            findings,
            before.conditions if before else (),
            model.metadata.generation or 0,
            snapshot.now,
        ),
        **resolved(snapshot, known),
    )


def _findings(
    snapshot: ModelSnapshot,
    desired: DesiredModel,
    known: Fetching,
    broken_adapter: Finding | None,
) -> tuple[Finding, ...]:
    downloaded = weights_downloaded(snapshot, known)
    warmed = _warmed(snapshot, desired, downloaded)
    required = is_required(snapshot.model)
    makes_way = warmed.reason == conditions.UNSCHEDULABLE and not required
    steps = (downloaded,) if makes_way else (downloaded, warmed)
    broken = next((one for one in steps if _is_broken(one)), None)
    if failure := snapshot.failure:
        broken = finding(conditions.DEGRADED, False, failure.reason, failure.message)
    broken = broken or broken_adapter
    usable = warmed.holds or not required
    begins = warmed.reason in (conditions.WARMING_UP, conditions.WAITING_FOR_SERVICE)
    if downloaded.holds and usable and not begins:
        ready = finding(conditions.READY, True, conditions.AS_DESIRED, "services may use it")
    else:
        why = warmed if downloaded.holds else downloaded
        ready = finding(conditions.READY, False, why.reason, why.message)
    degraded = finding(conditions.DEGRADED, False, conditions.NOTHING_WRONG)
    if broken is not None:
        degraded = finding(conditions.DEGRADED, True, broken.reason, broken.message)
    return downloaded, warmed, ready, degraded


_WAITING = frozenset(
    {
        conditions.DOWNLOADING,
        conditions.WARMING_UP,
        conditions.WARMUP_DISABLED,
        conditions.WARMUP_YIELDS,
        conditions.WAITING_FOR_SERVICE,
    }
)


def _is_broken(found: Finding) -> bool:
    return not found.holds and found.reason not in _WAITING


def _warmed(snapshot: ModelSnapshot, desired: DesiredModel, downloaded: Finding) -> Finding:
    if not is_wanted(snapshot.model):
        message = "spec.warmup.enabled is false, or its policy is None"
        return finding(conditions.WARMED, False, conditions.WARMUP_DISABLED, message)
    if desired.weights is None and not downloaded.holds:
        return finding(conditions.WARMED, False, downloaded.reason, downloaded.message)
    if desired.warmup_resources is None:
        message = "set spec.warmup.resources, or make a StreamingService that uses the model"
        return Finding(conditions.WARMED, "Unknown", conditions.WAITING_FOR_SERVICE, message)
    return _warmed_by(desired.warming)


def _warmed_by(warming: Warming | None) -> Finding:
    """The last failure stays while the next attempt runs."""
    if warming is not None and warming.complete:
        return finding(conditions.WARMED, True, conditions.WARMUP_SUCCEEDED, "it made a real video")
    if warming is not None and warming.yields:
        message = f"no node has room for {', '.join(warming.yields_to)}, which come first"
        return finding(conditions.WARMED, False, conditions.WARMUP_YIELDS, message)
    waits = warming.latest.waits_for if warming and warming.latest else None
    failed = warming.ended.why(conditions.WARMUP_FAILED) if warming and warming.ended else None
    if trouble := waits or failed:
        return finding(conditions.WARMED, False, trouble.reason, trouble.message)
    return Finding(conditions.WARMED, "Unknown", conditions.WARMING_UP, "the warm-up Job runs")


def _measured(warming: Warming | None) -> WarmupStatus | None:
    """From the one line of JSON that the successful pod left."""
    job = warming.latest if warming else None
    done = next((end for end in job.ends if end.get("exitCode") == 0), None) if job else None
    if done is None:
        return None
    started, finished = moment(done["startedAt"]), moment(done["finishedAt"])
    made = _json(done.get("message", ""))
    frames, seconds = made.get("frames"), made.get("seconds")
    if not (_is_amount(frames) and _is_amount(seconds) and seconds >= 0.001):
        return WarmupStatus(started_at=stamp(started), finished_at=stamp(finished))
    return WarmupStatus(
        started_at=stamp(started),
        finished_at=stamp(finished),
        load_seconds=round(max(0.0, (finished - started).total_seconds() - seconds), 1),
        fps=round(frames / seconds, 1),
    )


def _is_amount(value: object) -> TypeGuard[float]:
    """Of something that the container says, whatever that may be."""
    return type(value) in (int, float) and 0 <= value <= MOST  # type: ignore[operator]


def _json(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _main_type(findings: tuple[Finding, ...]) -> str:
    return conditions.DEGRADED if findings[-1].holds else conditions.READY


def _phase(findings: tuple[Finding, ...]) -> str:
    downloaded, warmed, ready, degraded = findings
    if degraded.holds:
        return "Degraded"
    if ready.holds:
        return "Ready"
    return warmed.reason if downloaded.holds else downloaded.reason
