"""What is vendored is what the lock named, unchanged, with its licences, and nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from qa.web.about import packages
from qa.web.assets import STATIC, icon

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "qa" / "web" / "static" / "vendor", ROOT / "tests" / "browser" / "vendor"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_vendored_file_has_the_hash_of_the_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    files = {
        p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json"
    }
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()} == manifest["sha256"]
    assert {name.split("/")[0] for name in files} == {name.split("/")[0] for name in files if "LICENSE" in name}


def test_the_manifests_name_the_versions_of_the_lock() -> None:
    lock = json.loads((ROOT / "assets" / "package-lock.json").read_text("utf-8"))["packages"]
    versions = {name.removeprefix("node_modules/"): about["version"] for name, about in lock.items() if name}
    asked = json.loads((ROOT / "assets" / "package.json").read_text("utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", v) for v in (asked["dependencies"] | asked["devDependencies"]).values())
    assert all("integrity" in about and "resolved" not in about for name, about in lock.items() if name)
    for folder in FOLDERS:
        assert json.loads((folder / "manifest.json").read_text("utf-8"))["packages"] == versions


def test_nothing_vendored_asks_for_a_source_map_or_another_host() -> None:
    for path in (ROOT / "qa" / "web" / "static").rglob("*"):
        if path.suffix in {".js", ".css"}:
            text = path.read_text("utf-8")
            assert "sourceMappingURL" not in text, path.name
            assert not re.search(r"(?:url\(|@import|import .* from )\s*[\"']?(?:https?:)?//", text), path.name


def test_licences_can_be_read(root: Path) -> None:
    assert root == ROOT
    for package in packages():
        assert len((STATIC / package.licence).read_text("utf-8")) > 500


def test_icons_are_inline_and_an_unknown_one_is_a_mistake() -> None:
    drawn = icon("house", "small")
    assert drawn.startswith('<svg class="icon small" viewBox="0 0 16 16" aria-hidden="true"')
    assert "<path" in drawn
    with pytest.raises(KeyError):
        icon("no-such-icon")


def test_every_icon_of_the_list_is_in_the_sprite() -> None:
    names = (ROOT / "assets" / "icons.txt").read_text("utf-8").split()
    assert names == sorted(set(names))
    assert all("<path" in icon(name) or "<circle" in icon(name) for name in names)
