"""The review queue in a real browser: filters, keys, the race for a chat, what a lead does."""

from __future__ import annotations

from typing import Any

import pytest
import web_kit
from queue_kit import Made


@pytest.fixture
def made(browser: web_kit.Browser) -> Made:
    return Made(browser.kit.engine)


def chats(page: Any) -> list[str]:
    return list(page.locator("[data-open]").all_inner_texts())


def test_filters_by_mouse_and_keys(browser: web_kit.Browser, made: Made) -> None:
    run = made.run()
    made.add(run, "red", 100.0, reasons=("red_line",), found=[("insult", "critical", [])])
    made.add(run, "slow", 20.0, reasons=("low_score",), text="我要退款")
    made.fill()
    page = browser.page("specialist")
    page.goto("/queue")
    page.locator("select[name=reason]").select_option("red_line")
    page.wait_for_url("**/queue?reason=red_line")
    assert chats(page) == ["red"]
    page.locator(".chip").click()
    page.wait_for_url("**/queue")
    page.keyboard.press("/")
    page.keyboard.type("退款")
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue?text=*")
    assert chats(page) == ["slow"]
    page.get_by_role("button", name="常用筛选").click()
    page.get_by_role("button", name="保存当前筛选").click()
    page.get_by_label("名称").fill("退款")
    page.get_by_label("所有人可用").check()
    page.keyboard.press("Enter")
    other = browser.page("lead")
    other.goto("/queue")
    other.get_by_role("button", name="常用筛选").click()
    other.get_by_role("link", name="退款").click()
    other.wait_for_url("**/queue?text=*")
    assert chats(other) == ["slow"]


def test_n_gives_everybody_another_chat(browser: web_kit.Browser, made: Made) -> None:
    low, high = made.many([10.0, 90.0])
    first, second = browser.page("specialist"), browser.page("lead")
    second.goto("/queue")
    first.goto("/queue")
    first.keyboard.press("n")
    first.wait_for_url(f"**/chats/{high}")
    second.get_by_role("button", name="质检 c-1-1").click()  # still offered on this page, which is older
    second.get_by_text("Specialist Li 正在处理该会话").wait_for()
    second.keyboard.press("n")
    second.wait_for_url(f"**/chats/{low}")
    second.goto("/queue?state=mine")
    assert chats(second) == ["c-1-0"]


def test_a_lead_ticks_and_assigns(browser: web_kit.Browser, made: Made) -> None:
    made.many([90.0, 80.0, 70.0])
    browser.kit.user("specialist")
    page = browser.page("lead")
    page.goto("/queue")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_text("已勾选 2 个会话").wait_for()
    page.locator("select[name=to]").select_option(label="Specialist Li")
    page.get_by_role("button", name="分配", exact=True).click()
    page.get_by_text("已分配 2 个会话").wait_for()
    assert page.locator(".who").get_by_text("Specialist Li").count() == 2


@pytest.mark.parametrize(("size", "dark"), [((1280, 800), False), ((820, 1180), True)])
def test_a_full_queue_is_readable(browser: web_kit.Browser, made: Made, size: tuple[int, int], dark: bool) -> None:
    said = "长" * 300 + "13800138000"
    place = {"turn": 0, "start": 290, "end": 300, "quote": "长" * 10}
    every = ("red_line", "broken", "rule_failed", "low_score", "model_risk", "model_unsure", "excellent")
    run = made.run()
    found = [("r", "major", [place])]
    made.add(run, "x" * 90, 99.5, reasons=every, team="队" * 40, agent="a" * 60, text=said, found=found)
    made.add(run, "c", 5.0, reasons=("audit",))
    made.fill()
    page = browser.page("lead", width=size[0], height=size[1], dark=dark)
    for address in ("/queue", "/queue?severity=major&low=1&team=x&text=长", "/queue/team"):
        page.goto(address)
        assert web_kit.axe(page) == []
        assert not web_kit.scrolls_sideways(page)
