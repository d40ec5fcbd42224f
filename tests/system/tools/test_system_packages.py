from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import system_packages


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def program(folder: Path, name: str, body: str = "") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def test_nothing_is_done_when_all_is_there(
    bin_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(bin_folder, "ffmpeg")
    assert system_packages.main(["ffmpeg"]) == 0
    assert capsys.readouterr().out == ""


def test_another_browser_will_do(bin_folder: Path) -> None:
    assert not system_packages.present("chromium")
    program(bin_folder, "google-chrome")
    assert system_packages.present("chromium")
    assert system_packages.found("chromium") == str(bin_folder / "google-chrome")


def test_without_the_right_to_install_the_skip_is_announced(
    bin_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(bin_folder, "ffmpeg")
    program(bin_folder, "apt-get")
    program(bin_folder, "sudo", "exit 1")
    assert system_packages.main(["chromium", "ffmpeg"]) == 0
    assert capsys.readouterr().out == (
        "not installed: chromium; tests that need them will be skipped\n"
    )


def test_of_a_cluster_s_programs_it_does_not_say_that_tests_are_skipped(
    bin_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert system_packages.main(["cluster"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("not installed: buildah, ")
    assert said.endswith("; the test cluster needs them\n")


WAITING = "-o DPkg::Lock::Timeout=600"


def test_root_installs_all_with_one_apt_that_waits_for_another(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(bin_folder, "apt-get", f'printf "%s\\n" "$*" >> {bin_folder}/log')
    system_packages.main(["chromium", "ffmpeg"])
    assert (bin_folder / "log").read_text(encoding="utf-8").splitlines() == [
        f"update {WAITING} -qq",
        f"install {WAITING} -y -qq --no-install-recommends chromium ffmpeg",
    ]


def test_a_package_that_does_not_exist_keeps_no_other_from_being_installed(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    knows_no_chromium = 'case "$*" in *chromium*) exit 100;; esac'
    program(bin_folder, "apt-get", f'{knows_no_chromium}\nprintf "%s\\n" "$*" >> {bin_folder}/log')
    system_packages.main(["chromium", "ffmpeg"])
    assert (bin_folder / "log").read_text(encoding="utf-8").splitlines()[1:] == [
        f"install {WAITING} -y -qq --no-install-recommends ffmpeg"
    ]
    assert "not installed: chromium; " in capsys.readouterr().out


def test_sudo_without_a_password_will_do(bin_folder: Path) -> None:
    program(bin_folder, "sudo", f'printf "%s\\n" "$*" >> {bin_folder}/log')
    program(bin_folder, "apt-get")
    assert system_packages.install(["ffmpeg"])
    assert (bin_folder / "log").read_text(encoding="utf-8").splitlines() == [
        "-n true",
        f"-n apt-get install {WAITING} -y -qq --no-install-recommends ffmpeg",
    ]


def test_what_the_cluster_needs_is_named_by_package(bin_folder: Path) -> None:
    for name in system_packages.CLUSTER:
        if name != "nft" and not name.startswith("/"):
            program(bin_folder, name)
    missing = system_packages.missing_packages(system_packages.CLUSTER)
    assert "nftables" in missing
    assert set(missing) <= {"nftables", "containernetworking-plugins"}


def test_a_program_may_need_several_packages(bin_folder: Path) -> None:
    missing = system_packages.missing_packages(["gst-discoverer-1.0", "mediainfo"])
    assert missing == [*sorted(system_packages.READERS["gst-discoverer-1.0"]), "mediainfo"]
    program(bin_folder, "gst-discoverer-1.0")
    assert system_packages.missing_packages(["gst-discoverer-1.0"]) == []


def test_a_distribution_without_apt_installs_nothing(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not system_packages.install(["ffmpeg"])
