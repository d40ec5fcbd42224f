from __future__ import annotations

import json
import os
import signal
import struct
from pathlib import Path
from typing import Any

import av
import pytest

from matinee.cli import main
from matinee.client.recording import StreamFailed
from matinee.errors import BadInput
from tests.system.cli.recorded import record, serving, two_seconds
from tests.system.player.scripted_server import ScriptedSession
from tests.unit.runtime.media.mp4_reading import boxes, content_of

STATE = {"kind": "ltx.v1", "payload": {"schema_version": 1}}


def frames_of(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def test_several_prompts_become_one_playable_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[dict[str, Any]] = []

    async def script(session: ScriptedSession) -> None:
        heard.append(await session.open())
        for notes in ([], ["the model reads less"]):
            heard.append(await session.begin_segment(notes=notes))
            await session.end_segment(frames=8)

    output = tmp_path / "out.mp4"
    with serving(script) as url:
        words = ["-p", "one", "-p", "two", "--seed", "7", "--frames", "9", "--steps", "2", "--json"]
        assert record(url, output, *words) == 0

    init = {"seed": 7, "num_frames": 9, "num_inference_steps": 2, "stream_mode": "av_fmp4"}
    assert {"type": "session_init_v2", "client_id": "matinee-stream", **init} == heard[0]
    assert [message["prompt"] for message in heard[1:]] == ["one", "two"]
    assert frames_of(output) == 16
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert "segment 2 of 2: the model reads less\n" in printed.err
    assert [one["notes"] for one in report["segments"]] == [[], ["the model reads less"]]
    assert (report["complete"], [one["seed"] for one in report["segments"]]) == (True, [40, 41])


def test_a_folder_with_its_slash_gets_a_picture_for_each_frame(tmp_path: Path) -> None:
    with serving(two_seconds) as url:
        assert record(url, f"{tmp_path}/frames/", "-p", "one") == 0
    assert len(list((tmp_path / "frames").glob("*.png"))) == 16
    assert os.listdir(tmp_path) == ["frames"]


def test_standard_output_gets_the_video_and_nothing_else(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    with serving(two_seconds) as url:
        assert record(url, "-", "-p", "one", "--json") == 0
    printed = capfdbinary.readouterr()
    (tmp_path / "out.mp4").write_bytes(printed.out)
    assert frames_of(tmp_path / "out.mp4") == 16
    assert json.loads(printed.err.splitlines()[-1])["output"] == "-"


def test_a_file_has_its_length_in_front(tmp_path: Path) -> None:
    with serving(two_seconds) as url:
        record(url, tmp_path / "out.mp4", "-p", "one")
    made = (tmp_path / "out.mp4").read_bytes()
    assert [box.path for box in boxes(made) if "/" not in box.path] == ["ftyp", "moov", "mdat"]
    assert struct.unpack_from(">IQ", content_of(made, "moov/mvhd"), 20) == (8000, 16000)
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_the_state_is_saved_and_taken_up_again(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []

    async def script(session: ScriptedSession) -> None:
        heard.append(await session.open())
        await session.begin_segment()
        await session.end_segment()
        heard.append(await session.hear())
        await session.say("continuation_state_snapshot", state=STATE)

    saved = tmp_path / "state.json"
    with serving(script) as url:
        record(url, tmp_path / "a.mp4", "-p", "one", "--save-state", str(saved))
        words = ["-p", "two", "--state", str(saved), "--save-state", str(tmp_path / "again.json")]
        record(url, tmp_path / "b.mp4", *words)

    assert heard[1] == {"type": "snapshot_state"}
    assert heard[2]["continuation_state"] == STATE


def test_a_picture_to_start_from_goes_along(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []

    async def script(session: ScriptedSession) -> None:
        heard.append(await session.open())
        await session.begin_segment()
        await session.end_segment()

    picture = tmp_path / "first.PNG"
    picture.write_bytes(b"pixels")
    with serving(script) as url:
        record(url, tmp_path / "a.mp4", "-p", "one", "--image", str(picture))

    image = {"mime": "image/png", "name": "first.PNG", "data": "cGl4ZWxz"}
    assert image == heard[0]["initial_image"]


@pytest.mark.parametrize(
    ("reason", "says"), [("segment_cap", "no more segments"), ("moon", "ended the session: moon")]
)
def test_what_was_received_is_kept_when_the_server_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], reason: str, says: str
) -> None:
    """Also for a reason that only newer servers know, and without the state that they send."""

    async def script(session: ScriptedSession) -> None:
        await session.open()
        await session.begin_segment()
        await session.end_segment()
        await session.say("ltx2_stream_complete", reason=reason)
        await session.close(1000)

    output, state = tmp_path / "out.mp4", tmp_path / "state.json"
    with serving(script) as url, pytest.raises(StreamFailed, match=says):
        record(url, output, "-p", "one", "-p", "two", "--save-state", str(state))
    assert frames_of(output) == 8
    assert not state.exists()
    told = capsys.readouterr().err
    assert f"{output}: 1 of 2 segments" in told
    assert f"{state}: no state was received" in told


def test_an_interruption_keeps_a_playable_file(tmp_path: Path) -> None:
    async def script(session: ScriptedSession) -> None:
        await session.open()
        await session.begin_segment()
        await session.end_segment()
        await session.begin_segment()
        await session.hear()  # the third prompt: all of the first segment has been received
        os.kill(os.getpid(), signal.SIGINT)

    output = tmp_path / "out.mp4"
    with serving(script) as url, pytest.raises(KeyboardInterrupt):
        record(url, output, "-p", "one", "-p", "two", "-p", "three")
    assert frames_of(output) in (8, 9)  # perhaps the second segment's first picture too


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "session_rejected", "message": "all seats are taken"}, StreamFailed),
        ({"code": "prompt_blocked", "message": "not that"}, StreamFailed),
        ({"code": "invalid_message", "message": "num_frames", "param": "num_frames"}, BadInput),
    ],
)
def test_the_servers_reason_is_told_and_no_file_is_left(
    tmp_path: Path, error: dict[str, str], expected: type[Exception]
) -> None:
    async def script(session: ScriptedSession) -> None:
        await session.hear()
        await session.say("error", **error)
        await session.close(1013)

    with serving(script) as url, pytest.raises(expected, match=error["message"]):
        record(url, tmp_path / "out.mp4", "-p", "one")
    assert list(tmp_path.iterdir()) == []


REFUSALS = {
    "too many pixels, made by two flags": (
        ("width", "4096 x 4096 (width x height) is 16777216 pixels; at most 9 are allowed"),
        "--width: 4096 x 4096 (width x height) is 16777216 pixels; at most 9 are allowed",
    ),
    "a picture of too many pixels": (
        ("initial_image", "initial_image: 9000x9000 pixels; at most 64000000 in all are allowed"),
        "--image: 9000x9000 pixels; at most 64000000 in all are allowed",
    ),
    "frames that the model cannot count": (
        ("num_frames", "num_frames must be 8 x k + 1, got 18; nearest: 17 or 25"),
        "--frames must be 8 x k + 1, got 18; nearest: 17 or 25",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_names_the_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], refusal: str
) -> None:
    (param, message), says = REFUSALS[refusal]

    async def script(session: ScriptedSession) -> None:
        await session.hear()
        await session.say("error", code="invalid_message", message=message, param=param)
        await session.close(1008)

    with serving(script) as url:
        words = ["stream", url, "-p", "one", "-o", str(tmp_path / "out.mp4")]
        assert main(words) == 2
    assert f"matinee: {says}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--image", "/nowhere/a.png"], "--image: cannot read /nowhere/a.png: No such file"),
        (["--image", "a.gif"], "--image: a.gif must end in .png"),
        (["--state", "/dev/null"], "--state: /dev/null is no state that --save-state wrote"),
        (["--state", "deep.json"], "--state: deep.json is no state that --save-state wrote"),
        (["--state", "other.json"], "--state: other.json is no state that --save-state wrote"),
        (["--state", "a", "--image", "b"], "--image: a video starts from a picture or from"),
        (["-o", "/proc/y.mp4"], "-o: /proc/y.mp4 cannot be written: "),
        (["-o", "folder"], "-o: folder is a folder; name a file in it"),
        (["-o", "/dev/null"], "-o: /dev/null is not a file that can be replaced"),
        (["-o", "nowhere/out.mp4"], "-o: there is no folder nowhere; make it or name another"),
        (["-o", "out.png"], "-o: out.png: no .png is written; name a file that ends in .mp4, "),
        (["--save-state", "/nope/s.json"], "--save-state: there is no folder /nope; make it"),
        (["--save-state", "folder"], "--save-state: folder is a folder; name a file in it"),
        (["--save-state", "out.mp4"], "--save-state: out.mp4 is for the video; name another file"),
    ],
)
def test_files_that_cannot_be_used_are_told_before_anything_is_connected(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "other.json").write_text("{}")
    before = sorted(os.listdir(tmp_path))
    assert main(["stream", "localhost:1", "-p", "one", "-o", "out.mp4", *words]) == 2
    assert f"matinee: {message}" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == before


def test_a_prompt_that_is_no_text_is_told_with_the_flag(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["stream", "localhost:1", "-p", "a \udcff ball", "-o", "out.mp4"])
    assert end.value.code == 2
    assert "argument -p/--prompt: this is not UTF-8 text" in capsys.readouterr().err


EVIL = "no\x1b]52;c;aGk=\x07\r\n\x9b2Jmatinee: all is well"
FOREIGN: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "text that is not JSON"),
    "a list": ("[]", "a message without a type"),
    "a type that is none": ('{"type": 7}', "a message without a type"),
    "brackets without end": ("[" * 99_000, "text that is not JSON"),
    "more values than a message has": ("[" + "0," * 100_001, "more than 100000 values"),
    "a number that is none": ('{"type": "step_complete", "step": NaN}', "not JSON"),
    "a number of thousands of digits": ('{"type": "a", "b": ' + "9" * 5000 + "}", "not JSON"),
    "a number that is too large": (
        '{"type": "step_complete", "step": 1' + "0" * 400 + "}",
        "step_complete has no usable step",
    ),
    "a number that is negative": (
        '{"type": "viewer_lagging", "skipped_ms": -1}',
        "viewer_lagging has no usable skipped_ms",
    ),
    "a field that is missing": (
        '{"type": "queue_status"}',
        "queue_status has no usable position",
    ),
    "a field of another type": (
        '{"type": "error", "code": [], "message": {}}',
        "error has no usable code",
    ),
    "notes that are none": (
        '{"type": "ltx2_segment_start", "notes": [7]}',
        "ltx2_segment_start has no usable notes",
    ),
    "the end of what has not begun": (
        '{"type": "ltx2_segment_complete", "e2e_latency_ms": 1}',
        "ended a segment that had not begun",
    ),
    "what a terminal obeys": (
        json.dumps({"type": "error", "code": "session_rejected", "message": EVIL}),
        "no\\u001b]52;c;aGk=\\u0007",
    ),
}


def test_whatever_a_server_says_is_one_plain_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = iter([text for text, _ in FOREIGN.values()])

    async def script(session: ScriptedSession) -> None:
        await session.hear()
        await session.say_text(next(texts))
        await session.close(1011, "late")

    with serving(script) as url:
        for case, (_, says) in FOREIGN.items():
            code = main(["stream", url, "-o", str(tmp_path / "out.mp4"), "-p", "one"])
            told = capsys.readouterr().err
            assert code == 1, case
            assert told.startswith("matinee: "), case
            assert told.removesuffix("\n").isprintable(), case
            assert says in told, case
    assert list(tmp_path.iterdir()) == []
