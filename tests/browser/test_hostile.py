"""Hostile texts in a real browser: pages keep their shape, nothing runs."""

from __future__ import annotations

from typing import Any

import hostile_kit
import web_kit
from hostile_kit import LABEL, MERCHANT, PLAIN, TAG

from qa.queueing import fill
from qa.store.session import read_tx
from qa.store.tables import nights

MOST_OF_A_LINE = 40
"""Elements that one account adds to the list, at most."""


def ran(page: Any) -> bool:
    """Whether anything of a hostile text was executed."""
    return bool(page.evaluate("'__pwned' in window"))


def shape_of(page: Any) -> str:
    """The skeleton, once the parts that htmx asks for have come."""
    web_kit.until(
        page,
        """() => document.querySelector('.similar-cases p')?.textContent !== '…'
                 && !document.querySelector('[class*=htmx-]')""",
    )
    return web_kit.skeleton(page)


def test_pages_of_hostile_chats_have_the_shape_of_plain_ones(browser: web_kit.Browser) -> None:
    kit = browser.kit
    chats = hostile_kit.put_in(kit)
    fill(kit.engine, kit.clock())
    with read_tx(kit.engine) as connection:
        night = {row.merchant: row.id for row in connection.execute(nights.select())}
    page = browser.page("lead", merchants=None)
    shapes: dict[str, dict[str, str]] = {MERCHANT: {}, PLAIN: {}}
    for merchant, shape in shapes.items():
        for name, path, asked in (
            ("chat", f"/chats/{chats[merchant][0]}", ""), ("night", f"/nights/{night[merchant]}", ""),
            ("queue", "/queue", merchant), ("nights", "/nights", merchant), ("chats", "/chats", merchant),
            ("board", "/", merchant),
        ):  # fmt: skip
            page.goto(path + (f"?merchant={page.evaluate('encodeURIComponent', asked)}" if asked else ""))
            shape[name] = shape_of(page)
            assert not ran(page)
            assert not web_kit.scrolls_sideways(page)
    assert {name for name, shape in shapes[MERCHANT].items() if shape != shapes[PLAIN][name]} == set()


def test_what_people_type_stays_text(browser: web_kit.Browser) -> None:
    chats = hostile_kit.put_in(browser.kit)[PLAIN]
    fill(browser.kit.engine, browser.kit.clock())
    page = browser.page("lead", merchants=(PLAIN,))
    shapes = []
    for inspection, typed, name in zip(chats, ("said", TAG), ("said", LABEL[:40]), strict=True):
        page.goto(f"/chats/{inspection}")
        page.fill("#comment", typed)
        page.keyboard.press("Escape")
        page.keyboard.press("x")
        page.locator(".because input").first.fill(typed)
        page.keyboard.press("Enter")
        page.keyboard.press("c")
        page.reload()  # the draft is in the browser's store
        page.locator(".toast-line").first.wait_for()
        assert page.input_value("#comment") == typed
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.goto(f"/chats/{inspection}")
        assert page.input_value("#comment") == typed
        shapes.append(shape_of(page))
        page.goto("/queue?state=done&team=" + page.evaluate("encodeURIComponent", typed))
        page.get_by_role("button", name="常用筛选").click()
        page.get_by_role("button", name="保存当前筛选").click()
        page.get_by_label("名称").fill(name)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert not ran(page)
    assert shapes[0] == shapes[1]
    page.get_by_role("button", name="常用筛选").click()
    assert page.get_by_role("link", name=LABEL[:40], exact=True).count() == 1


def test_an_account_with_hostile_names_stays_text(browser: web_kit.Browser) -> None:
    page = browser.page("admin")
    shapes = []
    for name, typed in (("wu", "said"), ("xu", TAG[:80])):
        page.goto("/users")
        page.keyboard.press("n")
        for field, value in {"name": name, "shown_as": typed, "merchants": typed, "team": typed}.items():
            page.locator(f"#add-dialog [name={field}]").fill(value)
        page.locator("#add-dialog select[name=role]").select_option("trainer")
        page.locator("#add-dialog button.btn-primary").click()
        page.locator(".link-once input").wait_for()
        shapes.append(web_kit.skeleton(page).count("\n"))
        page.goto("/audit?actor=" + page.evaluate("encodeURIComponent", typed))
        shapes.append(web_kit.skeleton(page).count("\n"))
        assert not ran(page)
    assert shapes[1] == shapes[3]
    added = shapes[2] - shapes[0]  # one more line, as long as it would be anyway
    assert 0 < added < MOST_OF_A_LINE
