"""The case library in a real browser: from a chat to a handout, by mouse and by keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import case_kit
import chat_kit
import openpyxl
import web_kit

NAUGHTY = "=1+1\"><img src=x onerror=alert(1)><script>alert(2)</script>'ﷺ\u202e"


def test_from_a_chat_to_a_handout(browser: web_kit.Browser, tmp_path: Path) -> None:
    chats = chat_kit.put_in(browser.kit.engine, tmp_path)
    case_kit.add(browser.kit.engine, tuple(text for _, text in chat_kit.TALKS["three"]), title="见过的推脱")
    page = browser.page("trainer")
    page.goto(f"/chats/{chats.three}")
    page.locator(".similar-cases").get_by_text("见过的推脱").wait_for()
    page.get_by_role("link", name="做成案例").first.click()
    write(page)
    export(page, tmp_path)


def write(page: Any) -> None:
    page.get_by_label("标题").fill(NAUGHTY)
    page.get_by_label("典型问题").check()
    page.get_by_label("标签").fill(f"推诿，{NAUGHTY[:20]}")
    page.get_by_label("情境").fill(NAUGHTY)
    said = page.locator("[data-line='1'] .line-text")
    said.dblclick(position={"x": 60, "y": 10})  # selects a word
    page.keyboard.press("m")
    page.keyboard.type("先查再答")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("m")  # of the next message, as a whole
    page.keyboard.type(NAUGHTY)
    assert page.locator("[data-line='1'] .note-quote").inner_text().strip('“”"') in "这个不知道"
    assert page.locator("[data-line='2'] [name=note-text]").input_value() == NAUGHTY
    assert web_kit.axe(page) == []
    page.get_by_role("button", name="保存并发布").click()
    page.wait_for_url("**/cases/*")
    assert page.locator("h1").inner_text() == NAUGHTY
    assert page.locator(".noted").count() == 2
    assert page.locator("img").count() == 1  # the mark of the house
    assert web_kit.axe(page) == []
    assert not web_kit.scrolls_sideways(page)
    with_naughty = web_kit.skeleton(page)
    page.keyboard.press("e")
    page.get_by_label("标题").fill("普通的标题")
    page.get_by_label("标签").fill("推诿，另一个")
    page.get_by_label("情境").fill("普通的话")
    page.locator("[data-line='2'] [name=note-text]").fill("普通的话")
    page.keyboard.press("Control+s")
    page.wait_for_url("**/cases/*")
    assert web_kit.skeleton(page) == with_naughty  # words change, nothing else
    page.keyboard.press("e")
    page.get_by_label("标题").fill(NAUGHTY)
    page.keyboard.press("Control+s")
    page.wait_for_url("**/cases/*")


def export(page: Any, tmp_path: Path) -> None:
    page.keyboard.press("c")
    page.keyboard.type("新人课")
    page.keyboard.press("Enter")
    page.locator(".case-aside").get_by_role("link", name="新人课").click()
    page.wait_for_url("**/collections/*")
    with page.expect_download() as download:
        page.get_by_role("button", name="XLSX").click()
    download.value.save_as(tmp_path / "c.xlsx")
    book = openpyxl.load_workbook(tmp_path / "c.xlsx")
    title = book["案例"]["B2"]
    assert (title.value, title.data_type, book["逐句点评"].max_row) == (NAUGHTY, "s", 3)
    with page.expect_download() as download:
        page.keyboard.press("d")
    download.value.save_as(tmp_path / "handout.html")
    handout = page.context.new_page()
    asked: list[str] = []
    handout.on("request", lambda request: asked.append(request.url))
    handout.goto((tmp_path / "handout.html").as_uri())
    assert [one for one in asked if not one.startswith("file:")] == []
    assert handout.locator("h2").inner_text() == f"1. {NAUGHTY}"
    assert handout.locator("script, img").count() == 0


def test_narrow_and_dark(browser: web_kit.Browser) -> None:
    case_kit.add(browser.kit.engine, tags=("很长的标签" * 8,), title="很长的标题" * 24)
    page = browser.page("trainer", width=820, height=1180, dark=True)
    for path in ("/cases", "/cases/1", "/cases/1/edit", "/cases/candidates", "/collections", "/service-star"):
        page.goto(path)
        assert not web_kit.scrolls_sideways(page), path
        assert web_kit.axe(page) == [], path
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/cases")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/1")
