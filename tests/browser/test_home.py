"""The home board in a real browser: readable in light and dark, on a desk and a tablet; from a number to its chats."""

from __future__ import annotations

import board_kit
import web_kit

from qa.queueing import fill


def test_the_board_is_readable_and_leads_to_its_chats(browser: web_kit.Browser) -> None:
    kit = browser.kit
    kit.clock.at = board_kit.MIDNIGHT + board_kit.DAY_US + 2 * board_kit.HOUR
    board_kit.build(kit.engine)
    fill(kit.engine, kit.clock())
    page = browser.page("lead")
    page.goto("/?days=7")
    assert page.locator(".tile").count() == 6
    assert web_kit.axe(page) == []
    assert not web_kit.scrolls_sideways(page)
    page.locator("#board-merchant").select_option("acme")
    page.wait_for_url("**/?merchant=acme&days=7")
    page.get_by_text("逐日数据表").click()
    assert page.locator(".as-table tbody tr").count() == 7
    page.get_by_role("link", name="2 未一次解决").click()
    page.wait_for_url("**/chats?*figure=fcr*")
    assert page.locator("[data-open]").all_inner_texts() == ["c3", "c2"]
    assert web_kit.axe(page) == []
    page.locator(".chip", has_text="仅看").click()
    web_kit.until(page, "document.querySelectorAll('[data-open]').length === 3")
    page.keyboard.press("b")
    page.wait_for_url("**/")
    dark = browser.page("agent", width=820, height=1180, dark=True)
    dark.goto("/?days=7&heat=late")
    assert web_kit.axe(dark) == []
    assert not web_kit.scrolls_sideways(dark)
    dark.goto("/chats")
    assert not web_kit.scrolls_sideways(dark)
