from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from matinee.cli import COMMANDS, main

CASES = {
    "matinee ": [*COMMANDS, "--help", "--version"],
    "matinee ge": ["generate"],
    "matinee stream --sa": ["--save-state"],
    "matinee generate a --st": ["--steps"],
    "matinee mock --f": ["--fps", "--faults", "--fault-seconds"],
    "matinee completion ": ["bash", "zsh", "fish", "-h", "--help"],
    "matinee rollout ": [
        *("history", "undo", "-h", "--help", "--revision"),
        *("-n", "--namespace", "--context", "--to-revision", "--dry-run"),
    ],
    "matinee up -f ": [],  # bash itself completes names of files
    "matinee up nothing-like-it": [],
}
DRIVER = """
source "$1"
while IFS= read -r line; do
    read -ra COMP_WORDS <<< "$line"
    [[ "$line" == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=(stale)
    _matinee
    echo "${COMPREPLY[@]}"
done
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def test_bash_completes_commands_flags_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "completion.bash"
    path.write_text(script("bash", capsys))
    done = subprocess.run(
        ["bash", "-c", DRIVER, "bash", str(path)],
        input="".join(f"{line}\n" for line in CASES),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    replies = [line.split() for line in done.stdout.splitlines()]
    assert dict(zip(CASES, replies, strict=True)) == CASES


def test_zsh_takes_the_same_script(capsys: pytest.CaptureFixture[str]) -> None:
    first, *rest = script("zsh", capsys).splitlines()
    assert "bashcompinit" in first
    assert rest == script("bash", capsys).splitlines()


def test_fish_gets_a_line_for_each_command_and_flag(capsys: pytest.CaptureFixture[str]) -> None:
    lines = script("fish", capsys).splitlines()
    for command, about in COMMANDS.items():
        line = f"complete -c matinee -n __fish_use_subcommand -f -a {command} -d '{about.help}'"
        assert line.replace("'s ", "\\'s ") in lines
    within = "complete -c matinee -n '__fish_seen_subcommand_from"
    assert f"{within} up' -s f -l filename -r -d 'YAML resources'" in lines
    assert f"{within} mock' -l sound -d 'make a tone too'" in lines


def test_a_shell_that_is_not_known_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["completion", "csh"])
    assert end.value.code == 2
    assert "choose from 'bash', 'zsh', 'fish'" in capsys.readouterr().err
