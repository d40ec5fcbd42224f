from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from matinee.cli import main
from matinee.local.generator import VideoGenerator
from matinee_api.signals import ENDING, MEANINGLESS
from tests.system.engine.untrained import save, untrained_pipeline


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save(untrained_pipeline(), tmp_path_factory.mktemp("model")))


def generate(model_path: str, *words: str) -> int:
    return main(["generate", "--model", model_path, "--generator.engine.cpu_threads=1", *words])


def test_a_prompt_becomes_a_file_and_a_line_of_json(
    model_path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of any characters, also in the other words."""
    file = tmp_path / "ball 🟥\u2028.mp4"
    prompts = ["a red: ball 🟥\x7f\u2028\U0001d4ea", "--negative-prompt", "🟦"]
    words = [*prompts, "-o", str(file), "--seed", "7", "--frames", "9", "--json"]
    assert generate(model_path, *words) == 0
    printed = capsys.readouterr()
    made = json.loads(printed.out)
    assert made.pop("seconds") > 0
    assert made == {
        "file": str(file),
        "frames": 9,
        "fps": 8,
        "width": 64,
        "height": 64,
        "seed": 7,
        "notes": [],
    }
    assert printed.err == ""
    with av.open(file) as video:
        assert sum(1 for _frame in video.decode(video=0)) == 9


def test_a_folder_with_its_slash_gets_the_very_frames(model_path: str, tmp_path: Path) -> None:
    for output in ("frames/", "ball.gif", "ball.webm"):
        words = ["a red ball", "-o", f"{tmp_path}/{output}", "--seed", "7", "--frames", "9"]
        assert generate(model_path, *words) == 0
    with VideoGenerator.from_pretrained(model_path, cpu_threads=1) as generator:
        frames = generator.generate("a red ball", seed=7, num_frames=9).frames
    pictures = sorted((tmp_path / "frames").iterdir())
    assert np.array_equal(np.stack([np.array(Image.open(one)) for one in pictures]), frames)
    assert sorted(os.listdir(tmp_path)) == ["ball.gif", "ball.webm", "frames"]


def test_standard_output_gets_the_video_and_nothing_else(
    model_path: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert generate(model_path, "a red ball", "-o", "-", "--frames", "9") == 0
    printed = capfdbinary.readouterr()
    (tmp_path / "ball.mp4").write_bytes(printed.out)
    with av.open(tmp_path / "ball.mp4") as video:
        assert sum(1 for _frame in video.decode(video=0)) == 9
    assert b"-: 9 frames, 64x64" in printed.err


def test_the_same_seed_writes_the_same_bytes_and_what_has_no_effect_is_told(
    model_path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    without = ["--guidance", "1", "--negative-prompt", "blur"]
    for file in files:
        words = ["a red ball " * 99, "-o", str(file), "--seed", "7", "--frames", "9", *without]
        generate(model_path, *words)
        told = capsys.readouterr().err.splitlines()
        assert re.fullmatch(r"note: the model reads the first \d+ of 1089 .* of prompt", told[0])
        assert told[1].startswith("note: negative_prompt has no effect at guidance_scale 1; ")
    assert files[0].read_bytes() == files[1].read_bytes()


def test_without_json_a_sentence_is_printed(
    model_path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        generate(model_path, "a", "-o", str(tmp_path / "a.mp4"), "--seed", "7", "--fps", "10") == 0
    )
    assert "a.mp4: 17 frames, 64x64, 10 fps, seed 7, made in " in capsys.readouterr().out


def test_words_win_over_overrides_and_they_over_the_file(
    model_path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        f"generator: {{model_path: {model_path}}}\n"
        "request: {prompt: a red ball, sampling: {seed: 1, num_frames: 9, fps: 5}}\n"
        f"output: {{output_path: {tmp_path}}}\n"
    )
    overrides = ["--request.sampling.num_frames=5", "--request.sampling.fps=6"]
    assert main(["generate", "--config", str(config), "--fps", "7", "--json", *overrides]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["seed"], made["frames"], made["fps"]) == (1, 5, 7)
    assert made["file"] == str(tmp_path / "a-red-ball-1.mp4")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "--width", "65"], "--width must be a multiple of 32, got 65; nearest: 64 or 96"),
        (["a", "--frames", "16"], "--frames must be 4 x k + 1, got 16; nearest: 13 or 17"),
        (
            ["a", "--request.sampling.num_frames=16"],
            "matinee: num_frames must be 4 x k + 1, got 16; nearest: 13 or 17",
        ),
        (["a", "--steps", "0"], "command line: --steps: expected at least 1; got 0"),
        (["a", "--guidance", "-1"], "command line: --guidance: expected at least 0.0; got -1.0"),
        ([""], "command line: PROMPT: must not be empty"),
        (["a", "--image", "/no/such.png"], "--image: /no/such.png cannot be read: No such file"),
        (["a", "--image", __file__], "--image: type '.py' is not supported"),
        (["a", "--steps", "300"], "matinee: --steps must be at most 200, got 300"),
        (["a", "--frames", "4097"], "matinee: --frames must be at most 257, got 4097"),
        (["a", "--width", "4096", "--height", "4096"], "is 16777216 pixels; at most 2088960 are"),
        (["a", "--request.negative_prompt=\udcff"], "negative_prompt: this is not UTF-8 text"),
        (["a", "--request.sampling.sed=7"], "command line: --request.sampling.sed: "),
        (["a", "--config", "/no/such.yaml"], "/no/such.yaml: cannot be read"),
        ([], "there is no prompt"),
    ],
)
def test_bad_input_ends_with_2_and_a_message(
    model_path: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    assert generate(model_path, "-o", str(tmp_path / "ball.mp4"), *words) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_missing_model_ends_with_2_and_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(str(tmp_path), "a red ball", "-o", "ball.mp4") == 2
    assert f"--model: {tmp_path} holds no model_index.json; give" in capsys.readouterr().err
    assert generate("/no/such/model", "a red ball", "-o", "ball.mp4") == 2
    says = capsys.readouterr().err
    assert "matinee: --model: there is no folder /no/such/model; give a folder" in says
    assert main(["generate", "a red ball", "--generator.model_path=builtin:tni"]) == 2
    says = capsys.readouterr().err
    assert "generator.model_path: builtin:tni is not part of this installation; " in says


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("/proc/x.mp4", "-o: /proc/x.mp4 cannot be written: "),
        ("folder.mp4", "-o: folder.mp4 is a folder; name a file in it"),
        ("file/x.mp4", "-o: there is no folder file; make it or name another one"),
        (
            "x.png",
            "-o: x.png: no .png is written; name a file that ends in .mp4, .webm or .gif, a ",
        ),
        ("nowhere/x.mp4", "-o: there is no folder nowhere; make it or name another one"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_a_model_is_looked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    assert generate("/no/such/model", "a", "-o", output) == 2
    assert f"matinee: {says}" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.mp4"]


def test_bytes_that_are_no_text_are_told_with_the_argument(
    model_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        generate(model_path, "a red \udcff ball")
    assert end.value.code == 2
    assert "argument PROMPT: this is not UTF-8 text" in capsys.readouterr().err


def test_without_an_output_the_video_goes_to_the_folder_outputs(
    model_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert generate(model_path, "a red ball", "--seed", "7", "--frames", "5") == 0
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.mp4")] == [
        "outputs/a-red-ball-7.mp4"
    ]


def test_a_full_disk_is_told_and_no_file_is_left(model_path: str, tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "from matinee.cli import main; sys.exit(main())"
    )
    words = ["a red ball", "--model", model_path, "-o", "ball.mp4"]
    done = subprocess.run(
        [sys.executable, "-c", code, "generate", *words, "--generator.engine.cpu_threads=1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "matinee: ball.mp4 cannot be written: File too large\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_it_and_leaves_no_file(
    model_path: str, tmp_path: Path, number: signal.Signals
) -> None:
    """On a terminal, so that the progress bar tells when the model is being loaded, where Ctrl-C
    comes, and when it is running, where the others do."""
    controller, terminal = pty.openpty()
    code = "from matinee.cli import main; raise SystemExit(main())"
    words = ["a red ball", "--model", model_path, "--steps", "200", "-o", "ball.mp4"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, "generate", *words, "--generator.engine.cpu_threads=1"],
        cwd=tmp_path,
        stderr=terminal,
    )
    shown, moment = b"", b"loading " if number == signal.SIGINT else b"step 3 of"
    while moment not in shown:
        shown += os.read(controller, 1024)
    for sign in MEANINGLESS:
        process.send_signal(sign)
    process.send_signal(number)
    assert process.wait(timeout=60) == 128 + number
    assert list(tmp_path.iterdir()) == []
    shown += os.read(controller, 2**16)
    assert shown.endswith(b"\r\033[K")  # no line is left, and no traceback
    assert b"loading " in shown
    assert (b"[" + b" " * 30 + b"] step 1 of" in shown) is (number != signal.SIGINT)
    os.close(controller)
    os.close(terminal)
