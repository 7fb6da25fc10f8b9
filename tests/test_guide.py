"""The guides: pictures and links that are there, both languages alike, keys that the interface knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qa.web.chat_words import TASK_KEYS
from qa.web.navigation import MENU

ROOT = Path(__file__).resolve().parent.parent
GUIDE, IMAGES, WEB = ROOT / "docs" / "guide", ROOT / "docs" / "images" / "workbench", ROOT / "qa" / "web"
ROLES = ("specialist", "lead", "trainer", "agent")
PAGES = [GUIDE / f"{role}.{language}.md" for role in ROLES for language in ("zh-CN", "en")]
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)]+)\)")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)#]+)")
BUDGET, MOST_EACH = 3_000_000, 250_000


def shape(page: Path) -> tuple[list[str], list[str], list[str]]:
    """What both languages of a guide have in common: levels of headings, pictures, keys (in any order)."""
    text = page.read_text("utf-8")
    pictures = [re.sub(r"\.(zh|en)\.png$", "", target) for _, target in PICTURE.findall(text)]
    return re.findall(r"^#+", text, re.MULTILINE), pictures, sorted(keys(text))


def keys(text: str) -> list[str]:
    return [one.lower() for one in re.findall(r"<kbd>([^<]+)</kbd>", text)]


def registered() -> set[str]:
    """Every key that a template or script of the interface gives a meaning."""
    templates = "".join(path.read_text("utf-8") for path in (WEB / "templates").rglob("*.html"))
    scripts = "".join(path.read_text("utf-8") for path in (WEB / "static").glob("*.js"))
    found = {*re.findall(r'data-key="([^"{]+)"', templates), *re.findall(r'\bregister\("([^"]+)"', scripts)}
    marks = re.findall(r'\["(?:excellent|typical)", "(\w)"\]', scripts)
    goes = [f"g {entry.key}" for section in MENU for entry in section.entries]
    labels = [f"{letter} {choice}" for letter in TASK_KEYS.values() for choice in (1, 2, 3)]
    digits = [str(digit) for digit in range(1, 10)]  # findings of the chat page
    return {one.lower() for one in (*found, *marks, *goes, *labels, *digits)}


@pytest.mark.parametrize("page", [*PAGES, GUIDE / "README.md"], ids=lambda page: page.name)
def test_pictures_and_links_are_there(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = [target for _, target in PICTURE.findall(text)] + LINK.findall(text)
    assert [one for one in targets if "://" not in one and not (page.parent / one).exists()] == []


@pytest.mark.parametrize("role", ROLES)
def test_both_languages_say_the_same(role: str) -> None:
    chinese, english = (shape(GUIDE / f"{role}.{language}.md") for language in ("zh-CN", "en"))
    assert chinese == english
    assert chinese[1], "a guide has pictures"


def test_every_key_of_the_guides_is_one_of_the_interface() -> None:
    known = registered()
    unknown = {f"{page.name}: {one}" for page in PAGES for one in keys(page.read_text("utf-8")) if one not in known}
    assert unknown == set()


def test_pictures_are_small_and_each_is_shown() -> None:
    files = [*IMAGES.glob("*.png")]
    pages = [*PAGES, ROOT / "README.md", ROOT / "README.zh-CN.md"]
    texts = "".join(page.read_text("utf-8") for page in pages)
    assert [one.name for one in files if one.stat().st_size > MOST_EACH or one.name not in texts] == []
    assert sum(one.stat().st_size for one in files) < BUDGET
