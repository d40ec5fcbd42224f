"""Rows of `/v1/stream`."""

from __future__ import annotations

from tools.limits.row import Row

ANY_MESSAGE = (
    "{matinee.wire.client_messages:MOST_LATER_CHARACTERS} characters, "
    "{matinee.wire.client_messages:MOST_PARTS} values"
)
PROMPT = "{streaming.limits.prompt_characters} characters"

FIRST_MESSAGE = (
    Row(
        "streams that an address opens",
        "{server.limits.streams_per_second} a second and five times as many at once, then 429",
        "",
        reads=("matinee/serving/pace.py",),
    ),
    Row(
        "frames: text, binary, continuation, ping, pong, close",
        "{server.limits.frames_per_second} a second and twice as many at once, then 1008; a "
        "ping is answered within that",
        "the same",
        reads=("matinee/serving/websocket_protocol.py", "matinee/serving/frame_budget.py"),
    ),
    Row(
        "silence",
        "{server.limits.first_message_seconds} until the first message",
        "{streaming.session_timeout_seconds} without work; pings unanswered for "
        "{server.limits.unresponsive_seconds}: 1011",
    ),
    Row(
        "`session_init_v2`",
        "{streaming.limits.message_bytes} (1009), {matinee.wire.client_messages:MOST_PARTS} "
        "values; "
        "arriving and waiting, of all viewers: {server.limits.long_messages_bytes}, "
        "{streaming.limits.unseated_bytes}, then 1013; while others wait for it, less than "
        "{matinee.serving.message_memory:LEAST_BYTES_PER_S} a second: 1008",
        "names of 256 characters, curated prompts: {streaming.limits.curated_prompts} of " + PROMPT,
        reads=("matinee/server/websocket.py", "matinee/wire/client_messages.py"),
    ),
    Row(
        "messages while one waits",
        "16 messages and {streaming.limits.message_bytes}; the others wait in the socket",
        "",
        reads=("matinee/session/read_ahead.py",),
    ),
    Row(
        "a slot, a place in the queue",
        "{streaming.max_sessions} on a worker, {streaming.max_queue} wait, the next is refused: "
        "1013",
        "{streaming.generation_segment_cap} segments, where that is not 0",
    ),
)
WHAT_IS_BROUGHT = (
    Row(
        "`resume`",
        "an id of 128 and a token of 256 characters; "
        "{matinee.session.studio:WRONG_TOKENS} wrong ones of it from an address, then one "
        "every {matinee.session.studio:WRONG_TOKEN_S} s: 1013",
        "a state of the store; kept are {streaming.state.history_states} of a session, "
        "{streaming.state.max_states} in all, for {streaming.state.ttl_seconds}",
        reads=("matinee/session/resuming.py",),
    ),
    Row(
        "`initial_image`",
        "{streaming.limits.initial_image_bytes}; PNG, JPEG and WebP; "
        "{streaming.limits.initial_image_pixels} pixels by its header",
        "decoded in a process of its own: {streaming.limits.decoders} at once, "
        "{streaming.limits.decode_memory_bytes}, {streaming.limits.decode_seconds} of CPU",
        reads=("matinee/media/decoding/",),
    ),
    Row(
        "`continuation_state`",
        "{matinee.state.last_frames:MAX_FRAMES} frames, of the session's size by their headers; "
        "{matinee.state.last_frames:MAX_PROMPTS} prompts",
        "decoded as images are; of all sessions {streaming.state.max_states} states are kept, of "
        "one "
        "{streaming.state.history_states}",
        reads=("matinee/state/last_frames.py",),
    ),
    Row(
        "width, height, num_frames, num_inference_steps",
        "sides up to {matinee_api.limits:MAX_DIMENSION}, {matinee_api.limits:MAX_CLIP_FRAMES} "
        "frames, "
        "{matinee_api.limits:MAX_STEPS} steps; then what `/v1/models` tells: `max_pixels`, "
        "`max_frames`, `max_steps` and their product, `max_work`",
        "the same for each prompt",
    ),
)
LATER_MESSAGES = (
    Row(
        "`segment_prompt_source`",
        f"{ANY_MESSAGE}; prompt and negative_prompt {PROMPT}",
        "{streaming.limits.queued_requests} wait, the next is refused; a request that killed a "
        "worker is not given to another",
    ),
    Row(
        "`seed_prompts_updated`",
        f"{ANY_MESSAGE}; {{streaming.limits.curated_prompts}} prompts of {PROMPT}",
        "replaces the list",
    ),
    Row(
        "`enhancement_updated`",
        ANY_MESSAGE,
        "a switch; a prompt is written for {streaming.prompt.timeout_ms} ms at most, the next one "
        "while a segment is made",
    ),
    Row("`auto_extension_updated`", ANY_MESSAGE, "a switch"),
    Row("`loop_generation_updated`", ANY_MESSAGE, "a switch"),
    Row("`generation_paused_updated`", ANY_MESSAGE, "a switch; to pause is no work"),
    Row(
        "`snapshot_state`",
        ANY_MESSAGE,
        "two are encoded at once in all; 4,096 messages may wait to be read, then the viewer "
        "counts "
        "as gone",
    ),
    Row("`segment_cancel`", f"{ANY_MESSAGE}; request_id 256 characters", "within a denoising step"),
    Row("`session_end`", ANY_MESSAGE, "ends the session"),
    Row("`session_hand_over`", ANY_MESSAGE, "only while the server drains; ends the connection"),
    Row(
        "`rewrite_seed_prompts`",
        f"{ANY_MESSAGE}; seed_prompt {PROMPT}, "
        "{matinee.wire.client_messages:MOST_REWRITES} alternatives",
        "one at a time for each session, the next is refused",
    ),
    Row(
        "`adapters_updated`, `prompt_updated`",
        ANY_MESSAGE,
        "refused: not available",
    ),
    Row(
        "a second `session_init_v2`, what is no message, binary frames",
        ANY_MESSAGE,
        "refused; {streaming.limits.bad_messages} that cannot be read in a row: 1008",
    ),
    Row(
        "reading slowly",
        "{streaming.limits.send_queue_bytes} of video and 128 KiB in the kernel",
        "skipped to the next IDR picture",
    ),
)
