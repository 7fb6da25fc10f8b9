"""Nights, rules, models, users and audit in a browser: with data in them, and what a person does there."""

from __future__ import annotations

from pathlib import Path

import insight_kit
import night_kit
import pytest
import web_kit

from qa.rulehealth import hash_of, standard_of

HOUSE = standard_of(None, None)
DIGEST = hash_of(HOUSE)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1280, 800, False), (820, 1180, True)], ids=["desk-light", "tablet-dark"])
def test_pages_with_data_are_clean_and_fit(
    browser: web_kit.Browser, tmp_path: Path, size: tuple[int, int, bool]
) -> None:
    width, height, dark = size
    records = night_kit.day_of_chats(40)
    night_kit.bring_in(browser.kit.engine, tmp_path / "in", records)
    night = night_kit.night(browser.kit.engine).night
    insight_kit.a_report(browser.kit)
    chat = str(records[0]["id"])
    run = insight_kit.a_result(browser.kit, insight_kit.a_backtest((insight_kit.example("acme", chat, "不知道"),)))
    page = browser.page("lead", width=width, height=height, dark=dark)
    rule = HOUSE.pack.rules[0].id
    for path in ("/nights", f"/nights/{night.id}", "/rules", f"/rules/{DIGEST}", f"/rules/{DIGEST}/{rule}",
                 f"/rules/changes?old={DIGEST}&new={DIGEST}", f"/rules/backtests/{run}/result",
                 "/models", "/models/shipped"):  # fmt: skip
        page.goto(path)
        assert (path, web_kit.axe(page), web_kit.scrolls_sideways(page)) == (path, [], False)


def test_a_rule_is_tried_by_keyboard(browser: web_kit.Browser) -> None:
    rule = HOUSE.pack.rules[0]
    page = browser.page("specialist")
    page.goto(f"/rules/{DIGEST}/{rule.id}")
    page.locator("textarea").fill(rule.examples.bad[0])
    page.locator("h1").click()  # out of the field
    with page.expect_navigation():
        page.keyboard.press("t")
    page.locator("mark").first.wait_for()
    assert page.locator("textarea").input_value().strip() == rule.examples.bad[0].strip()
    assert web_kit.axe(page) == []
    with_example = web_kit.skeleton(page)
    page.locator("textarea").fill(rule.examples.bad[0].replace("客户:", "客户: <img src=x onerror=alert(1)>", 1))
    with page.expect_navigation():
        page.locator("#try .btn-primary").click()
    page.locator("mark").first.wait_for()
    assert page.locator("#try img").count() == 0
    assert web_kit.skeleton(page) == with_example


def test_a_user_is_added_and_the_log_tells_it(browser: web_kit.Browser) -> None:
    page = browser.page("admin")
    page.goto("/users")
    page.keyboard.press("n")
    page.locator("#add-dialog input[name=name]").fill("wu")
    page.locator("#add-dialog select[name=role]").select_option("trainer")
    assert web_kit.axe(page) == []
    page.locator("#add-dialog button.btn-primary").click()
    link = page.locator(".link-once input").input_value()
    assert link.startswith(browser.base + "/link/")
    page.goto("/users")
    page.locator("tr", has_text="wu").get_by_role("button", name="停用").click()
    sheet = page.locator("dialog[open]")
    assert "wu" in sheet.inner_text()
    assert web_kit.axe(page) == []
    page.keyboard.press("Escape")
    assert page.locator("tr", has_text="wu").get_by_text("已停用").count() == 0
    page.locator("tr", has_text="wu").get_by_role("button", name="重置").click()
    page.locator("dialog[open] .btn-primary").click()
    link = page.locator(".link-once input").input_value()
    page.goto("/audit?check=1")
    page.locator(".notice-success").wait_for()
    assert "user.add" in page.locator("main").inner_text()
    stranger = browser.page()
    stranger.goto(link)
    stranger.locator("input[name=new]").wait_for()
