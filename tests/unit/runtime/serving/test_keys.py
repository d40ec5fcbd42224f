from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from matinee.serving.keys import Keys, given_key
from matinee_api.config.errors import ConfigError

SECRET = "a-long-enough-key"  # noqa: S105


def written(folder: Path, text: str) -> Path:
    file = folder / "keys.yaml"
    new = folder / "new"
    new.write_text(text)
    os.replace(new, file)
    return file


def test_a_key_or_its_digest_names_its_owner(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"another-long-key").hexdigest()
    text = f"keys: [{{name: a, key: {SECRET}}}, {{name: b, key_sha256: {digest}}}]"
    keys = Keys(written(tmp_path, text))
    names = [
        key and key.name
        for key in map(keys.holder, (SECRET, "another-long-key", digest, "guess", "", None))
    ]
    assert names == ["a", "b", None, None, None, None]


def test_the_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, f"keys: [{{name: a, key: {SECRET}}}]")
    keys = Keys(file)
    written(tmp_path, "keys: [{name: b, key: another-long-key}]")
    assert keys.holder(SECRET) is None
    written(tmp_path, "keys: [")
    assert keys.holder("another-long-key")
    file.unlink()
    assert keys.holder("another-long-key")


def test_a_secret_that_is_mounted_is_read_again_when_the_kubelet_turns_its_link(
    tmp_path: Path,
) -> None:
    """The file is a link into `..data`, which is a link to a folder with a date."""

    def turn(version: str, key: str) -> None:
        (tmp_path / version).mkdir()
        written(tmp_path / version, f"keys: [{{name: {version}, key: {key}}}]")
        (tmp_path / "..data_tmp").symlink_to(version)
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")

    turn("first", SECRET)
    (tmp_path / "keys.yaml").symlink_to("..data/keys.yaml")
    keys = Keys(tmp_path / "keys.yaml")
    assert keys.holder(SECRET)
    turn("second", SECRET)
    found = keys.holder(SECRET)
    assert found is not None
    assert found.name == "second"


@pytest.mark.parametrize(
    "text", ["", "keys: [{name: a}]", "keys: [{name: a, key: short}]", "keys: [{key: x}]"]
)
def test_a_file_that_is_wrong_at_the_start_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Keys(written(tmp_path, text))
    assert str(tmp_path / "keys.yaml") in str(caught.value)
    assert "short" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer x"}, "x"),
        ({"authorization": "bearer x "}, "x"),
        ({"authorization": "Basic x"}, None),
        ({"sec-websocket-protocol": "matinee, matinee.key.x"}, "x"),
        ({"sec-websocket-protocol": "chat"}, None),
        ({}, None),
    ],
)
def test_a_request_brings_its_key_as_a_header_or_a_subprotocol(
    headers: dict[str, str], key: str | None
) -> None:
    assert given_key(headers) == key
