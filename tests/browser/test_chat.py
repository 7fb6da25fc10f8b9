"""The chat page in a real Chromium: a review by keys alone, a place selected, a draft that survives."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import chat_kit
import pytest
import web_kit
from sqlalchemy import select

from qa.queueing import fill
from qa.store.session import read_tx
from qa.store.tables import reviews, verdicts


@pytest.fixture
def chats(browser: web_kit.Browser, tmp_path: Path) -> chat_kit.Chats:
    """Inspected chats, in the queue."""
    put = chat_kit.put_in(browser.kit.engine, tmp_path)
    fill(browser.kit.engine, browser.kit.clock())
    return put


def said(browser: web_kit.Browser) -> list[tuple[Any, ...]]:
    """Rule, verdict, reason and evidence of every stored verdict."""
    with read_tx(browser.kit.engine) as connection:
        v = verdicts.c
        return [
            tuple(row) for row in connection.execute(select(v.rule, v.verdict, v.reason, v.evidence).order_by(v.id))
        ]


def reviewed(browser: web_kit.Browser) -> list[Any]:
    with read_tx(browser.kit.engine) as connection:
        return list(connection.execute(select(reviews).order_by(reviews.c.id)))


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def shows_score(page: Any, score: str) -> None:
    web_kit.until(page, "score => document.getElementById('final').textContent === score", score)


def test_a_review_by_keys_alone_and_on_to_the_next(browser: web_kit.Browser, chats: chat_kit.Chats) -> None:
    page = browser.page("specialist")
    page.goto(f"/chats/{chats.three}")
    shows_score(page, "0.00")
    press(page, "?")
    lines = page.locator("#keys-list dd").all_inner_texts()
    assert len(lines) == len(set(lines))
    assert page.locator("#keys-list kbd", has_text="1–3").count() == 1
    press(page, "Escape", "2", "c", "c", "x", "2")  # two confirmed; the red line overturned, for a ready reason
    shows_score(page, "50.00")
    press(page, "u", "u")
    assert page.locator("input[value=overturn]:checked").count() == 0
    shows_score(page, "0.00")
    press(page, "1", "x", "2", "t", "1")
    with page.expect_navigation():
        press(page, "Enter")
    assert page.url.endswith(f"/chats/{chats.two}")
    (review,) = reviewed(browser)
    assert (review.score, review.satisfaction, review.reviewer) == (50.0, "dissatisfied", "specialist")
    assert [row[:2] for row in said(browser)] == [
        ("add-wechat", "overturn"), ("dont-know", "confirm"), ("too-slow", "confirm"),
    ]  # fmt: skip
    press(page, "o")
    page.keyboard.type("写得不错 c x n")
    press(page, "Escape", "e")
    with page.expect_navigation():
        press(page, "a")
    assert [row[1] for row in said(browser)[3:]] == ["confirm", "confirm"]
    assert json.loads(reviewed(browser)[1].comment) == "写得不错 c x n"
    assert reviewed(browser)[1].excellent


def test_what_is_not_judged_holds_a_review_back(browser: web_kit.Browser, chats: chat_kit.Chats) -> None:
    page = browser.page("specialist")
    page.goto(f"/chats/{chats.two}")
    press(page, "c", "Control+Enter")
    page.locator(".toast-line").get_by_text("还有问题没有判定").wait_for()
    press(page, "x", "Escape", "Enter")
    page.locator(".toast-line").get_by_text("请说明推翻的理由").wait_for()
    assert page.evaluate("document.activeElement.name").startswith("reason-")
    assert reviewed(browser) == []
    page.get_by_role("button", name="提交，下一条").focus()
    page.locator("#undo").focus()
    press(page, "Enter")  # on a button it presses that button
    page.locator(".toast-line").get_by_text("已撤销").wait_for()
    assert reviewed(browser) == []


def test_a_missed_finding_is_added_by_selecting_text(browser: web_kit.Browser, chats: chat_kit.Chats) -> None:
    page = browser.page("specialist")
    page.goto(f"/chats/{chats.blind}")
    page.evaluate(
        """() => { const text = document.querySelector("#t2 .said-text").firstChild;
                   getSelection().setBaseAndExtent(text, 3, text, 5); }"""
    )  # 😀 is two units of JavaScript and one character of ours
    page.locator("#add-here").click()
    page.locator("#missed-filter").fill("生硬")
    assert page.locator("#missed-places").inner_text().split() == ["#2", "怎么"]
    press(page, "Enter")
    assert page.locator("#missed .missed").inner_text().startswith("态度生硬")
    assert page.locator("#final").count() == 0
    with page.expect_navigation():
        press(page, "Enter")
    ((rule, word, _, evidence),) = said(browser)
    assert (rule, word) == ("rude", "missed")
    assert json.loads(evidence) == [{"turn": 2, "start": 2, "end": 4, "quote": "怎么"}]


def test_a_draft_survives_a_reload_a_lost_connection_and_a_stale_page(
    browser: web_kit.Browser, chats: chat_kit.Chats
) -> None:
    page, down = browser.page("specialist"), threading.Event()
    # routed before the page is there: a route made later may miss what the page sends next
    page.route("**/review", lambda route: route.abort() if down.is_set() else route.continue_())
    page.goto(f"/chats/{chats.two}")
    press(page, "c", "x")
    page.keyboard.type("是引用")
    press(page, "Enter", "s", "1", "o")
    page.keyboard.type("评语")
    page.reload()
    page.locator(".toast-line").get_by_text("已恢复").wait_for()
    assert page.input_value("#comment") == "评语"
    assert page.input_value("#r2") == "是引用"
    assert page.locator("input:checked").evaluate_all("all => all.map(one => one.value)") == [
        "confirm", "overturn", "negative",
    ]  # fmt: skip
    down.set()
    press(page, "Enter")
    page.locator(".toast-line").get_by_text("系统没有响应").wait_for()
    down.clear()
    page.evaluate("document.querySelector('#review [name=csrf_token]').value = 'old'")
    press(page, "Enter")
    page.locator("#refusal .notice, #refusal h1, #refusal p").first.wait_for()
    browser.kit.clock.forward(hours=13)
    press(page, "Enter")
    page.locator(".toast-line").get_by_text("您已退出登录").wait_for()
    assert (page.input_value("#comment"), reviewed(browser)) == ("评语", [])


def test_a_stale_page_says_so_and_its_answers_go_on(browser: web_kit.Browser, chats: chat_kit.Chats) -> None:
    page = browser.page("lead")
    page.goto(f"/chats/{chats.clean}")
    colleague = browser.kit.client("specialist")
    shown = colleague.get(f"/chats/{chats.clean}").get_data(as_text=True)
    state = shown.split('name="state" value="')[1].split('"')[0]
    assert colleague.send(f"/chats/{chats.clean}/review", token="other", state=state).status_code == 303
    press(page, "r", "3", "Enter")
    page.locator("#refusal a.reload").click()
    page.locator(".toast-line").get_by_text("已恢复").wait_for()
    assert page.locator("#resolution-resolved").is_checked()
    with page.expect_navigation():
        press(page, "Enter")
    assert [one.reviewer for one in reviewed(browser)] == ["specialist", "lead"]
    page.goto(f"/chats/{chats.clean}")
    assert page.locator(".toast-line").count() == 0


def test_places_are_jumped_to_and_linked(browser: web_kit.Browser, chats: chat_kit.Chats) -> None:
    page = browser.page("specialist", height=420)
    page.goto(f"/chats/{chats.three}#t3")
    assert "here" in page.locator("#t3").get_attribute("class")
    page.locator("#f2 .quote").click()
    assert page.url.endswith("#t1")
    page.locator("#t2 mark.ev").first.click()
    assert "active" in page.locator("#f3").get_attribute("class")
    assert page.locator("#t2").evaluate("e => e.getBoundingClientRect().top < innerHeight")
    press(page, "?")
    assert page.locator("#keys-list dt").count() > 20
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_words_are_found_in_the_chat(browser: web_kit.Browser, chats: chat_kit.Chats) -> None:
    page = browser.page("specialist")
    page.goto(f"/chats/{chats.three}")
    press(page, "/")
    page.keyboard.insert_text("个不知")  # half of it lies inside the mark of a finding
    assert page.evaluate("[...CSS.highlights.get('found')].map(String)") == ["个不知"]
    page.goto(f"/chats/{chats.clean}")
    press(page, "/")
    page.keyboard.insert_text("在")
    count = page.locator("#find-count")
    told = [count.inner_text()]
    for key in ("Enter", "Enter", "Shift+Enter"):
        page.keyboard.press(key)
        told.append(count.inner_text())
    assert told == ["1/2", "2/2", "1/2", "2/2"]
    page.keyboard.press("Escape")
    assert (count.inner_text(), page.evaluate("CSS.highlights.get('found').size")) == ("", 0)
    assert page.evaluate("document.activeElement.id") == "talk"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_is_clean_for_axe_and_fits_its_window(
    browser: web_kit.Browser, chats: chat_kit.Chats, dark: bool
) -> None:
    for width, height in ((1280, 800), (820, 1180)):
        page = browser.page("lead", f"lead-{width}", width=width, height=height, dark=dark, merchants=("acme",))
        for inspection in (chats.three, chats.blind):
            page.goto(f"/chats/{inspection}")
            page.wait_for_load_state("networkidle")
            assert (web_kit.axe(page), web_kit.scrolls_sideways(page)) == ([], False)
        press(page, "m")
        assert web_kit.axe(page) == []
    reader = browser.page("agent", dark=dark)
    reader.goto(f"/chats/{chats.three}")
    assert web_kit.axe(reader) == []
