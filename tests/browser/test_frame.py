"""The frame of every page in a real browser. Violations of the content policy and script errors fail any test here."""

from __future__ import annotations

import re
from typing import Any

import pytest
import web_kit

from qa.accounts import reset_user
from qa.people import UserRole
from qa.store.audit import Act

PAGES = ("/", "/about", "/settings", "/password", "/nothing-here")
SIZES = {"desk": (1280, 800), "tablet": (820, 1180)}


def plain_pages(browser: web_kit.Browser) -> list[str]:
    """Every page without an object in its address."""
    rules = [rule for rule in browser.kit.app.url_map.iter_rules() if not rule.endpoint.startswith("operation.")]
    return sorted({rule.rule for rule in rules if "GET" in rule.methods and not rule.arguments} | {"/nothing-here"})


def test_login_and_logout_and_roles(browser: web_kit.Browser) -> None:
    browser.kit.user("lead")
    page = browser.page()
    page.goto("/settings")
    assert page.url.endswith("/login?next=/settings")
    page.get_by_label("登录名").fill("lead")
    page.get_by_label("密码", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("登录名或密码不正确").wait_for()
    page.get_by_label("密码", exact=True).fill(web_kit.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings")
    page.get_by_role("heading", name="当前设置", exact=True).wait_for()
    page.get_by_role("button", name="Lead Li").click()
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url("**/login")
    page.go_back()
    page.wait_for_url("**/login?next=/settings")
    specialist = browser.page("specialist")
    specialist.goto("/settings")
    specialist.get_by_text("您的角色无权访问").wait_for()
    menu = specialist.locator(".menu-entry").all_inner_texts()
    assert {"首页", "关于"} <= set(menu)
    assert not {"当前设置", "用户"} & set(menu)


def test_a_one_time_link_from_the_command_line_to_the_home_page(browser: web_kit.Browser) -> None:
    kit = browser.kit
    reset_user(kit.engine, Act("tests", kit.clock()), kit.user("trainer").name, "the-link")
    page = browser.page()
    page.goto("/link/the-link")
    page.get_by_label("新密码").fill("orange tram stop")
    page.get_by_label("再输入一次").fill("orange tram stop")
    page.get_by_role("button", name="设置密码并登录").click()
    page.get_by_role("heading", name="您好，Trainer Li").wait_for()


def test_the_language_changes_where_one_stands_and_stays(browser: web_kit.Browser) -> None:
    page = browser.page("admin")
    page.goto("/about")
    page.get_by_role("button", name="语言").click()
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="About Zhijian").wait_for()
    assert page.url.endswith("/about")
    assert page.locator("html").get_attribute("lang") == "en"
    elsewhere = browser.page("admin")
    elsewhere.goto("/")
    elsewhere.get_by_role("heading", name="Hello, Admin Li").wait_for()


def background(page: Any) -> tuple[int, ...]:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return tuple(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_light_and_dark(browser: web_kit.Browser) -> None:
    page = browser.page("admin", dark=True)
    page.goto("/")
    assert max(background(page)) < 60  # as the device says
    page.emulate_media(color_scheme="light")
    web_kit.until(page, "document.documentElement.dataset.bsTheme === 'light'")  # at once, without a reload
    assert min(background(page)) > 200
    page.get_by_role("button", name="外观").click()
    with page.expect_navigation():
        page.get_by_role("button", name="深色").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert max(background(page)) < 60
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="外观").click()
    with page.expect_navigation():
        page.get_by_role("button", name="浅色").click()
    assert min(background(page)) > 200


def test_keys_go_and_explain_themselves_and_rest_while_typing(browser: web_kit.Browser) -> None:
    page = browser.page("admin")
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/settings")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="本页快捷键")
    dialog.wait_for()
    assert "前往：当前设置" in dialog.inner_text()
    page.keyboard.press("g")
    page.keyboard.press("h")  # behind the dialog nothing happens
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert page.url.endswith("/settings")
    page.get_by_role("button", name="显示本页快捷键").click()  # by mouse too
    page.get_by_role("button", name="关闭").click()
    page.goto("/password")
    page.get_by_label("当前密码").press_sequentially("gh?")
    assert page.get_by_label("当前密码").input_value() == "gh?"
    assert not dialog.is_visible()
    assert page.url.endswith("/password")


def test_a_page_of_its_own_keys_and_messages(browser: web_kit.Browser) -> None:
    page = browser.page("admin")
    page.goto("/")
    page.evaluate("void qa.register('j', 'down', () => qa.toast('<b>one</b> down', 'success'))")
    page.keyboard.press("j")
    page.get_by_role("status").get_by_text("<b>one</b> down").wait_for()
    page.keyboard.press("Control+j")
    page.keyboard.press("?")
    assert page.locator("#keys-list dt").first.inner_text() == "j"


def test_htmx_sends_the_token_and_tells_when_the_session_is_over(browser: web_kit.Browser) -> None:
    page = browser.page("lead")
    page.goto("/about")
    ask = """(verb) => htmx.ajax(verb, verb === 'POST' ? '/preferences/theme' : '/about',
                                 {target: '#main', swap: 'none', values: {theme: 'dark'}})"""
    with page.expect_response("**/preferences/theme") as answered:
        page.evaluate(ask, "POST")
    assert answered.value.status == 303
    browser.kit.clock.forward(hours=13)
    page.evaluate(ask, "GET")
    page.get_by_text("您已退出登录").wait_for()
    assert page.url.endswith("/about")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_clean_for_axe_and_fits_its_window(browser: web_kit.Browser, size: str, dark: bool) -> None:
    width, height = SIZES[size]
    stranger = browser.page(width=width, height=height, dark=dark)
    stranger.goto("/login")
    assert (web_kit.axe(stranger), web_kit.scrolls_sideways(stranger)) == ([], False)
    page = browser.page("admin", width=width, height=height, dark=dark)
    for path in plain_pages(browser):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert (path, web_kit.axe(page), web_kit.scrolls_sideways(page)) == (path, [], False)


@pytest.mark.parametrize("role", UserRole)
def test_every_role_has_a_home_page(browser: web_kit.Browser, role: UserRole) -> None:
    page = browser.page(role)
    page.goto("/")
    assert page.locator("h1").inner_text().startswith("您好，")
    for key in page.locator(".menu-entry").evaluate_all("all => all.map(one => one.dataset.key)"):
        page.goto("/")
        first, second = key.split()
        page.keyboard.press(first)
        with page.expect_navigation():
            page.keyboard.press(second)
        assert page.locator("[aria-current=page]").count() == 1


def test_the_collector_sees_a_violation(browser: web_kit.Browser) -> None:
    page = browser.page("lead")
    page.goto("/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    for _ in range(3_000):
        if browser.problems:
            break
        page.wait_for_timeout(20)
    assert [problem.split()[:2] for problem in browser.problems] == [["CSP:", "style-src-attr"]]
    browser.problems.clear()


def test_a_name_of_markup_is_a_text(browser: web_kit.Browser) -> None:
    page = browser.page("lead", team='"><img src=x onerror=alert(1)>', merchants=("<b>acme</b>", "'; DROP TABLE users"))
    page.goto("/")
    with_markup = web_kit.skeleton(page)
    other = browser.page("lead", "wu", team="red", merchants=("acme", "other"))
    other.goto("/")
    assert with_markup == web_kit.skeleton(other)
    assert "<b>acme</b>" in page.inner_text("main")
