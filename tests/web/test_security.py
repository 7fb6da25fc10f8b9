from __future__ import annotations

import re
from pathlib import Path

import pytest
import web_kit
from sqlalchemy import Engine

from qa.config import Settings
from qa.errors import ConfigError, StoreError
from qa.web import create_app
from qa.web.safety import safe_next
from qa.web.security import MAX_BODY

PAGES = ("/", "/login", "/about", "/settings", "/password", "/nothing-here")


@pytest.mark.parametrize("path", [*PAGES, "/static/app.css", "/static/nothing"])
def test_every_answer_carries_the_policy(kit: web_kit.Kit, path: str) -> None:
    answer = kit.client("admin").get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch("[0-9a-f]{12}", answer.headers["X-Request-ID"])
    assert ("no-store" in answer.headers.get("Cache-Control", "")) == ("/static" not in path)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_anything_inline(kit: web_kit.Kit, path: str) -> None:
    page = kit.client("admin").get(path, follow_redirects=True).get_data(as_text=True)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", page)


def test_assets_are_kept_for_a_year_under_an_address_of_their_content(kit: web_kit.Kit) -> None:
    client = kit.client()
    page = client.get("/login").get_data(as_text=True)
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "immutable" not in client.get("/static/app.css").headers.get("Cache-Control", "")


def test_cookies_are_ours_alone(kit: web_kit.Kit) -> None:
    client = kit.client("lead")
    client.get("/")
    cookies = [client.get_cookie(name) for name in ("zhijian", "zhijian-form")]
    client.send("/preferences/theme", theme="dark")
    cookies.append(client.get_cookie("theme"))
    assert [(one.http_only, one.same_site, one.path, one.secure) for one in cookies] == [(True, "Lax", "/", False)] * 3


def test_behind_https_cookies_are_bound_to_the_host(store_engine: Engine, tmp_path: Path) -> None:
    with web_kit.kit_on(store_engine, tmp_path, public_url="https://qa.example", trusted_proxies=1) as kit:
        kit.user("lead")
        client = kit.client()
        headers = {"Host": "qa.example", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        page = client.get("/login", headers=headers)
        assert page.headers["Strict-Transport-Security"].startswith("max-age=")
        token = re.findall(r'name="csrf-token" content="([^"]+)"', page.get_data(as_text=True))[0]
        form = {"csrf_token": token, "name": "lead", "password": web_kit.PASSWORD}
        cookie = page.headers["Set-Cookie"].split(";")[0]
        headers |= {"Cookie": cookie, "Referer": "https://qa.example/login"}
        answer = client.post("/login", data=form, headers=headers)
    given = answer.headers.getlist("Set-Cookie")
    assert answer.status_code == 303
    assert any(re.match(r"__Host-zhijian=.*; Secure; HttpOnly; Path=/; SameSite=Lax", one) for one in given)
    assert all("Domain" not in one for one in given)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8765", "", "a@127.0.0.1"])
def test_a_host_that_is_not_ours_is_refused_and_not_repeated(kit: web_kit.Kit, host: str) -> None:
    answer = kit.client().get("/login", headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.get_data(as_text=True) + str(answer.headers)


def test_forwarded_headers_are_not_believed_without_a_proxy(kit: web_kit.Kit) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https"}
    answer = kit.client().get("/", headers=headers)
    assert answer.location == "/login"
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("path", ["/login", "/logout", "/password", "/preferences/theme", "/preferences/language"])
def test_a_write_without_the_token_is_refused(kit: web_kit.Kit, path: str) -> None:
    client = kit.client("lead")
    stranger = kit.client()
    for token in (None, "", "wrong", stranger.token()):
        form = {"theme": "dark", "language": "en"} | ({} if token is None else {"csrf_token": token})
        answer = client.post(path, data=form)
        assert answer.status_code == 400
        assert "表单已过期" in answer.get_data(as_text=True)


def test_a_token_in_a_header_serves_htmx(kit: web_kit.Kit) -> None:
    client = kit.client("lead")
    answer = client.post("/preferences/theme", data={"theme": "dark"}, headers={"X-CSRFToken": client.token()})
    assert answer.status_code == 303


def test_a_part_of_a_page_is_not_sent_away_to_log_in(kit: web_kit.Kit) -> None:
    answer = kit.client().get("/about", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Trigger"], answer.location) == (401, "qa:signed-out", None)


SAFE = ["/", "/about", "/settings?a=1&b=/x", "/password?x=%2F%2Fevil"]
UNSAFE = [
    *(None, "", "about", " /about", "@evil.example", "/about @evil", "/about\0", "/about\\..\\x", "/" + "a" * 3000),
    *(
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
    ),
    *("https://evil.example", "https:/about", "javascript:alert(1)", "/%09/evil.example", "/%5cevil.example"),
    *("/.//evil.example", "//127.0.0.1/about", "/nothing-here", "/static/app.css"),
    *("/login", "/login?next=/login", "/logout", "/link/x"),
]


@pytest.mark.parametrize("target", SAFE)
def test_next_leads_to_pages_of_ours(kit: web_kit.Kit, target: str) -> None:
    with kit.app.test_request_context():
        assert safe_next(target) == target


@pytest.mark.parametrize("target", UNSAFE)
def test_and_nowhere_else(kit: web_kit.Kit, target: str | None) -> None:
    with kit.app.test_request_context():
        assert safe_next(target) is None
    if target is not None:
        kit.user("lead")
        answer = kit.client().send("/login", name="lead", password=web_kit.PASSWORD, next=target)
        assert answer.location == "/"


def test_a_body_that_is_too_large(kit: web_kit.Kit) -> None:
    client = kit.client("lead")
    token = client.token()
    answer = client.post("/preferences/theme", data={"csrf_token": token, "theme": "x" * (MAX_BODY + 1)})
    assert answer.status_code == 413
    assert "一次提交的内容过大" in answer.get_data(as_text=True)
    many = {f"f{n}": (None, "x") for n in range(5)}
    assert client.post("/preferences/theme", data={"csrf_token": token, **many}).status_code in {303, 400}


@pytest.mark.parametrize("key", [None, "a" * 64, "abcabcab" * 8])
def test_no_start_without_a_strong_secret(tmp_path: Path, key: str | None) -> None:
    with pytest.raises(ConfigError, match=r"secret|easy to guess"):
        create_app(Settings(data_dir=tmp_path, secret_key=key))
    assert [*tmp_path.iterdir()] == []


def test_the_secret_of_the_data_folder_serves(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(range(32)))
    (tmp_path / "secret").chmod(0o600)
    first, second = (create_app(Settings(data_dir=tmp_path)).config["SECRET_KEY"] for _ in range(2))
    assert first == second
    assert bytes(range(32)) not in first


def test_a_fault_is_a_page_with_a_number_and_no_traceback(
    kit: web_kit.Kit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault() -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setitem(kit.app.view_functions, "about.show", fault)
    answer = kit.client("lead").get("/about")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "系统出错了" in page
    assert "secret detail" not in page
    assert "Traceback" not in page
    number = answer.headers["X-Request-ID"]
    assert number in page
    assert f"{number} GET /about" in caplog.text
    assert "ZeroDivisionError: secret detail" in caplog.text


def test_a_database_that_is_away_says_so(kit: web_kit.Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    client = kit.client("lead")

    def away(*_: object) -> None:
        raise StoreError("database (postgresql qa at db.internal): connection refused")

    monkeypatch.setattr("qa.web.sessions.find_session", away)
    answer = client.get("/")
    assert answer.status_code == 503
    assert "db.internal" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 429, 500, 503])
def test_error_pages_are_in_the_layout_and_in_both_languages(
    kit: web_kit.Kit, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    from werkzeug.exceptions import default_exceptions

    def refuse() -> None:
        raise default_exceptions.get(status) or default_exceptions[500]

    monkeypatch.setitem(kit.app.view_functions, "about.show", refuse)
    client = kit.client("lead")
    for language in ("zh-CN", "en"):
        answer = client.get("/about")
        page = answer.get_data(as_text=True)
        assert answer.status_code == status
        assert f'<html lang="{language}"' in page
        assert 'class="side"' in page
        client.post("/preferences/language", data={"language": "en"}, headers={"X-CSRFToken": _token(page)})
    part = client.get("/about", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "<html" not in part
    assert "notice-danger" in part


def _token(page: str) -> str:
    return re.findall(r'name="csrf-token" content="([^"]+)"', page)[0]
