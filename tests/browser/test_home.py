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


def test_the_agents_by_the_page_and_by_keys(browser: web_kit.Browser) -> None:
    kit = browser.kit
    kit.clock.at = board_kit.MIDNIGHT + board_kit.DAY_US + 2 * board_kit.HOUR
    board_kit.build(kit.engine)
    board_kit.many_agents(kit.engine, 120)
    page = browser.page("lead")
    page.goto("/?days=7")
    assert web_kit.axe(page) == []
    page.get_by_role("link", name="中间还有").click()
    page.wait_for_url("**/agents?days=7")
    page.keyboard.press("]")
    page.wait_for_url("**page=2*")
    assert web_kit.axe(page) == []
    assert not web_kit.scrolls_sideways(page)
    page.keyboard.press("[")
    page.wait_for_url("**/agents?days=7")
    page.keyboard.press("/")
    page.keyboard.type("b-11")
    page.keyboard.press("Enter")
    page.wait_for_url("**name=b-11*")
    page.get_by_role("link", name="客服", exact=True).click()
    page.wait_for_url("**sort=name*")
    assert page.locator("tbody th[scope=row] a").all_inner_texts() == [f"b-11{one}" for one in range(10)]
    dark = browser.page("lead", width=820, height=1180, dark=True)
    dark.goto("/agents?days=7&only=below&page=2")
    assert web_kit.axe(dark) == []
    assert not web_kit.scrolls_sideways(dark)
    board_kit.many_accounts(kit.engine, 120)
    admin = browser.page("admin", width=820, height=1180)
    admin.goto("/users?name=li&page=2")
    assert admin.locator("tbody tr").count() == 50
    assert web_kit.axe(admin) == []
    assert not web_kit.scrolls_sideways(admin)
