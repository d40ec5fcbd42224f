from __future__ import annotations

import re

import pytest

from matinee.player.assets import Asset, load_assets

ASSETS = load_assets()


def text_of(path: str) -> str:
    return ASSETS[path].body.decode()


def test_the_page_and_everything_it_names_is_served() -> None:
    named = set(re.findall(r'(?:href|src)="([^"#]+)"', text_of("/player")))
    assert {f"/{name}" for name in named} <= set(ASSETS)


@pytest.mark.parametrize("path", [path for path in ASSETS if path.endswith(".js")])
def test_a_module_imports_only_its_neighbours(path: str) -> None:
    imported = re.findall(r'from "\./([^"]+)"', text_of(path))
    assert len(re.findall(r"^import |^} from", text_of(path), re.MULTILINE)) == len(imported)
    assert {f"/player/{name}" for name in imported} <= set(ASSETS)


@pytest.mark.parametrize(("path", "asset"), ASSETS.items())
def test_nothing_comes_from_a_third_party(path: str, asset: Asset) -> None:
    addresses = re.findall(rb"https?://[^\s\"']+", asset.body)
    assert set(addresses) <= {b"http://www.w3.org/2000/svg"}, path


def test_the_page_holds_no_inline_script_or_style() -> None:
    page = text_of("/player")
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page) == []
    assert "unsafe" not in ASSETS["/player"].headers["content-security-policy"]


def test_an_etag_is_quoted_and_differs_between_files() -> None:
    etags = {asset.etag for asset in ASSETS.values()}
    assert len(etags) == len(ASSETS)
    assert all(re.fullmatch(r'"[0-9a-f]{32}"', etag) for etag in etags)
