from __future__ import annotations

from pathlib import Path

import pytest

from matinee_api.config.errors import MAX_PROBLEMS, ConfigError, Problem
from matinee_api.config.load import load_file, load_text, validate
from matinee_api.config.runtime_config import RunConfig, ServeConfig
from matinee_api.kinds.meta import ObjectMeta
from matinee_api.kinds.source import ModelSource

MODEL = "generator: {model_path: builtin:tiny}\n"

MISTAKES: dict[str, tuple[str, str]] = {
    "a mistyped key gets the nearest one": (
        "streaming: {pool: {num_worker: 1}}",
        "streaming.pool.num_worker: unknown key; did you mean num_workers?",
    ),
    "camelCase is answered with our spelling": (
        "streaming: {maxSessions: 1}",
        "streaming.maxSessions: unknown key; did you mean max_sessions?",
    ),
    "a key like no other gets the list": (
        "default_request: {xyz: 1}",
        "default_request.xyz: unknown key; "
        "known here: prompt, negative_prompt, image_path, sampling",
    ),
    "a number out of range": (
        "server: {port: 70000}",
        "server.port: expected at most 65535; got 70000",
    ),
    "a number that must be positive": (
        "streaming: {pool: {hang_timeout_seconds: 0}}",
        "streaming.pool.hang_timeout_seconds: expected more than 0; got 0",
    ),
    "text where a number belongs": (
        "server: {port: http}",
        'server.port: expected a whole number; got "http"',
    ),
    "a quoted number is text": (
        "server: {port: '80'}",
        'server.port: expected a whole number; got "80"',
    ),
    "true is not a number": (
        "streaming: {max_sessions: true}",
        "streaming.max_sessions: expected a whole number; got true",
    ),
    "a fraction where a whole number belongs": (
        "streaming: {max_sessions: 1.5}",
        "streaming.max_sessions: expected a whole number; got 1.5",
    ),
    "a number where text belongs": (
        "server: {host: 5}",
        "server.host: expected text; got 5; put it in quotes",
    ),
    "a word that is none of the choices": (
        "streaming: {stream_mode: fmp4}",
        'streaming.stream_mode: expected av_fmp4 or legacy_jpeg; got "fmp4"; did you mean av_fmp4?',
    ),
    "text where a list belongs": (
        "server: {allowed_origins: '*'}",
        'server.allowed_origins: expected a list; got "*"',
    ),
    "a wrong entry of a list": (
        "streaming: {presets: [a, 1]}",
        "streaming.presets[1]: expected text; got 1; put it in quotes",
    ),
    "a list where a mapping belongs": (
        "streaming: [1]",
        "streaming: expected a mapping; got a list of 1",
    ),
    "empty text": (
        "streaming: {warmup: {prompt: ''}}",
        "streaming.warmup.prompt: must not be empty",
    ),
    "nothing where a value belongs": (
        "server: {port: }",
        "server.port: expected a whole number; got null",
    ),
    "a file store without its folder": (
        "streaming: {state: {store: file}}",
        "streaming.state.directory: is needed with store: file",
    ),
    "long text is shown in part": (
        f"server: {{port: '{'x' * 100}'}}",
        f'server.port: expected a whole number; got "{"x" * 56}…',
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_its_path_and_remedy(case: str) -> None:
    text, message = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        load_text(ServeConfig, MODEL + text, file="serve.yaml")
    assert str(caught.value) == f"serve.yaml: {message}"


def test_all_mistakes_of_a_file_are_told_one_a_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(ServeConfig, "server: {prt: 1}\nstreaming: {max_queue: -1}", file="s.yaml")
    assert str(caught.value).splitlines() == [
        "s.yaml: generator: required, but missing",
        "s.yaml: server.prt: unknown key; did you mean port?",
        "s.yaml: streaming.max_queue: expected at least 0; got -1",
    ]
    assert caught.value.problems[1] == Problem(
        "unknown key", "server.prt", "did you mean port?", "s.yaml"
    )


def test_an_empty_file_lacks_what_is_required() -> None:
    with pytest.raises(ConfigError, match="generator: required, but missing"):
        load_text(ServeConfig, "# nothing yet\n")


def test_a_list_is_not_a_configuration() -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(ServeConfig, "- a", file="s.yaml", overrides=["--server.port", "1"])
    assert str(caught.value) == "s.yaml: expected a mapping; got a list of 1"


def test_what_is_wrong_thousands_of_times_is_told_a_few_times() -> None:
    text = "{" + ",".join(f"k{number}: 1" for number in range(500)) + "}"
    with pytest.raises(ConfigError) as caught:
        load_text(ServeConfig, text, file="s.yaml")
    told = str(caught.value).splitlines()
    assert len(told) == MAX_PROBLEMS + 1
    assert told[-1] == "s.yaml: and more mistakes; correct these first"


@pytest.mark.parametrize("path", ["/dev/zero", "/proc/self/mem"])
def test_a_file_without_end_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=f"{path}: cannot be read: "):
        load_file(ServeConfig, path)


def test_lists_and_whole_numbers_fit_tuples_and_floats() -> None:
    text = f"{MODEL}server: {{shutdown_grace_seconds: 3, allowed_origins: ['null', '*']}}"
    server = load_text(ServeConfig, text).server
    assert (server.shutdown_grace_seconds, server.allowed_origins) == (3.0, ("null", "*"))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (float("nan"), "request.sampling.seed: JSON cannot say nan"),
        ([1, float("inf")], "request.sampling.seed[1]: JSON cannot say inf"),
        (b"7", "request.sampling.seed: JSON cannot say b'7'"),
    ],
)
def test_what_a_program_has_and_no_file_can_hold_is_told_with_its_place(
    value: object, says: str
) -> None:
    endless: dict[str, object] = {}
    endless["request"] = endless
    with pytest.raises(ConfigError, match=r"^holds itself$"):
        validate(RunConfig, endless)
    with pytest.raises(ConfigError) as caught:
        validate(RunConfig, {"request": {"sampling": {"seed": value}}})
    assert str(caught.value) == says


def test_overrides_win_over_the_file() -> None:
    text = f"{MODEL}request: {{prompt: a, sampling: {{seed: 1}}}}"
    words = ["--request.sampling.seed", "7", "--request.sampling.num-frames=17"]
    request = load_text(RunConfig, text, overrides=words).request
    assert request.prompt == "a"
    assert (request.sampling.seed, request.sampling.num_frames) == (7, 17)


def test_values_are_taken_as_they_are_and_win() -> None:
    prompt = '"🟥\x7f\u2028: [7'
    words, values = ["--request.prompt=x"], {"request.prompt": prompt, "request.sampling.seed": 7}
    request = load_text(RunConfig, MODEL, overrides=words, values=values).request
    assert (request.prompt, request.sampling.seed) == (prompt, 7)
    with pytest.raises(ConfigError, match=r"command line: --request\.sampling\.fps: expected at"):
        load_text(RunConfig, MODEL, file="run.yaml", values={"request.sampling.fps": 0})


OVERRIDE_MISTAKES: dict[str, tuple[list[str], str]] = {
    "an unknown key": (
        ["--request.sampling.sed", "7"],
        "command line: --request.sampling.sed: unknown key; did you mean seed?",
    ),
    "a wrong value": (
        ["--request.sampling.seed", "x"],
        'command line: --request.sampling.seed: expected a whole number; got "x"',
    ),
    "a mistake inside a whole mapping": (
        ["--request.sampling", "{fps: 0}"],
        "command line: --request.sampling.fps: expected at least 1; got 0",
    ),
}


@pytest.mark.parametrize("case", OVERRIDE_MISTAKES)
def test_a_mistake_in_an_override_is_not_blamed_on_the_file(case: str) -> None:
    words, message = OVERRIDE_MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        load_text(RunConfig, MODEL, file="run.yaml", overrides=words)
    assert str(caught.value) == message


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError) as caught:
        load_file(RunConfig, path)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_file(RunConfig, path)


def test_a_file_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(MODEL, encoding="utf-8")
    assert load_file(RunConfig, path).generator.model_path == "builtin:tiny"


def test_stored_objects_may_have_newer_fields() -> None:
    data = {"uri": "builtin:tiny", "newField": 1}
    assert validate(ModelSource, data, extra="ignore").uri == "builtin:tiny"


def test_stored_objects_may_have_names_of_a_former_release() -> None:
    assert validate(ObjectMeta, {"name": "1st"}, extra="ignore").name == "1st"
    with pytest.raises(ConfigError, match="with a letter first"):
        validate(ObjectMeta, {"name": "1st"})


def test_python_names_are_not_keys_of_a_file() -> None:
    data = {"uri": "hf:a/b", "token_secret_ref": {"name": "token"}}
    with pytest.raises(ConfigError, match="unknown key; did you mean tokenSecretRef"):
        validate(ModelSource, data)
