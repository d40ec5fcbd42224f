from __future__ import annotations

import json
from collections.abc import Callable

import hypothesis.strategies as st
from hypothesis import given, settings

from matinee.session.effects import End
from matinee.worker import messages as worker
from matinee.worker.messages import Cause
from tests.unit.runtime.session.making import Viewer, failed, started, state_of, step

NAMES = st.sampled_from([None, "a", "b"])
PROMPTS = st.sampled_from(["a ball", "a cube", "", "x" * 8193])
TOGGLES = ("enhancement_updated", "auto_extension_updated", "loop_generation_updated")
MESSAGES = st.one_of(
    st.builds(
        lambda prompt, name: {
            "type": "segment_prompt_source",
            "prompt": prompt,
            "request_id": name,
        },
        PROMPTS,
        NAMES,
    ),
    st.builds(
        lambda index, name: {"type": "segment_cancel", "segment_idx": index, "request_id": name},
        st.none() | st.integers(-1, 3),
        NAMES,
    ),
    st.builds(
        lambda kind, enabled: {"type": kind, "enabled": enabled},
        st.sampled_from(TOGGLES),
        st.booleans(),
    ),
    st.builds(lambda on: {"type": "generation_paused_updated", "paused": on}, st.booleans()),
    st.builds(
        lambda prompts: {"type": "seed_prompts_updated", "seed_prompts": prompts},
        st.lists(PROMPTS, max_size=3),
    ),
    st.sampled_from(
        [{"type": kind} for kind in ("snapshot_state", "session_init_v2", "prompt_updated", "odd")]
    ),
)
ACTIONS = st.one_of(
    MESSAGES.map(lambda message: ("text", json.dumps(message))),
    st.text(max_size=8).map(lambda text: ("text", text)),
    st.sampled_from(["binary", "done", "cancelled", "bad", "lost", "bind", "drain"]).map(
        lambda name: (name, "")
    ),
    st.just(("text", '{"type":"session_end"}')),
    st.integers(1, 4).map(lambda number: ("step", str(number))),
    st.integers(0, 200).map(lambda seconds: ("wait", str(seconds))),
)


def act(viewer: Viewer, action: str, value: str) -> None:
    session, now = viewer.session, viewer.now
    acts: dict[str, Callable[[], None]] = {
        "text": lambda: session.receive(value, now),
        "binary": lambda: session.receive(None, now),
        "done": lambda: session.segment_done(state_of(1), now),
        "cancelled": lambda: session.segment_cancelled(worker.SegmentCancelled(1, 1), now),
        "bad": lambda: session.segment_failed(failed(Cause.REQUEST), now),
        "lost": lambda: session.segment_failed(failed(Cause.NO_WORKER), now),
        "bind": lambda: session.slot_bound(now),
        "drain": lambda: session.drain(1.0),
        "step": lambda: session.step_done(step(int(value)), now),
        "wait": lambda: session.tick(now + int(value)),
    }
    acts[action]()


@settings(max_examples=100)
@given(st.lists(ACTIONS, max_size=40), st.booleans(), st.sampled_from([0, 2]))
def test_whatever_comes_one_segment_runs_at_a_time_and_nothing_follows_the_end(
    actions: list[tuple[str, str]], loop: bool, cap: int
) -> None:
    viewer = Viewer(
        bound=False,
        generation_segment_cap=cap,
        init={"loop_generation_enabled": loop, "curated_prompts": ["a curated one"]},
        limits={"queued_requests": 3},
    )
    indices: list[int] = []
    for action, value in actions:
        had_ended = viewer.session.ended is not None
        was_running = viewer.session.running
        act(viewer, action, value)
        effects = viewer.effects

        assert not (had_ended and effects)
        starts = started(effects)
        assert len(starts) <= 1
        if starts:
            assert was_running is None or was_running.index in indices
            assert viewer.session.running is starts[0].segment
            indices.append(starts[0].segment.index)
        ends = [effect for effect in effects if isinstance(effect, End)]
        assert ends in ([], effects[-1:])
    assert indices == list(range(len(indices)))
