from __future__ import annotations

import re
from pathlib import Path

import pytest
import web_kit

from qa.accounts import disable_user, reset_user
from qa.auditing import verify
from qa.store.audit import Act
from qa.web import passwords
from qa.web.passwords import Weakness, hash_password, is_right, weakness


def text(answer) -> str:
    return answer.get_data(as_text=True)


def test_a_stranger_is_sent_to_log_in_and_back_to_where_a_look_was_wanted(kit: web_kit.Kit) -> None:
    kit.user("lead")
    client = kit.client()
    assert client.get("/").location == "/login"
    sent = client.get("/settings?x=1").location
    assert sent == "/login?next=/settings?x%3D1"
    page = text(client.get(sent))
    assert '<input type="hidden" name="next" value="/settings?x=1">' in page
    answer = client.send("/login", name="LEAD ", password=web_kit.PASSWORD, next="/settings?x=1")
    assert (answer.status_code, answer.location) == (303, "/settings?x=1")
    assert "Lead Li" in text(client.get("/"))
    assert client.get("/login").location == "/"
    assert verify(kit.engine).broken is None


@pytest.mark.parametrize(
    ("name", "password"), [("lead", "wrong"), ("nobody", web_kit.PASSWORD), ("", ""), ("lead", "")]
)
def test_the_answer_does_not_tell_what_was_wrong(kit: web_kit.Kit, name: str, password: str) -> None:
    kit.user("lead")
    client = kit.client()
    answer = client.send("/login", name=name, password=password)
    assert answer.status_code == 401
    assert "登录名或密码不正确" in text(answer)
    assert client.get("/").status_code == 303


def test_what_was_typed_comes_back_escaped_and_the_password_does_not(kit: web_kit.Kit) -> None:
    page = text(kit.client().send("/login", name='"><script>x</script>', password="hunter2hunter2"))
    assert "&#34;&gt;&lt;script&gt;x" in page
    assert "hunter2" not in page


def test_five_wrong_tries_lock_even_the_right_password(kit: web_kit.Kit) -> None:
    kit.user("lead")
    client = kit.client()
    for _ in range(5):
        assert client.send("/login", name="lead", password="wrong").status_code == 401
    answer = client.send("/login", name="lead", password=web_kit.PASSWORD)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "901"
    assert "请 16 分钟后再试" in text(answer)
    kit.clock.forward(minutes=15.1)
    assert client.send("/login", name="lead", password=web_kit.PASSWORD).status_code == 303


def test_a_login_gets_a_new_token_and_drops_the_form_cookie(kit: web_kit.Kit) -> None:
    client = kit.client("lead")
    client.get("/")
    first, form = client.get_cookie("zhijian").value, client.get_cookie("zhijian-form").value
    client.send("/logout")
    assert client.get_cookie("zhijian") is None
    client.log_in("lead")
    client.get("/")
    assert client.get_cookie("zhijian").value != first
    assert len(first) == 43
    assert client.get_cookie("zhijian-form").value != form


def test_a_session_dies_on_logout_for_whoever_kept_the_cookie(kit: web_kit.Kit) -> None:
    client = kit.client("lead")
    kept = client.get_cookie("zhijian").value
    answer = client.send("/logout")
    assert (answer.location, answer.headers["Clear-Site-Data"]) == ("/login", '"cache", "storage"')
    thief = kit.client()
    thief.set_cookie("zhijian", kept)
    assert thief.get("/").location == "/login"


@pytest.mark.parametrize("cookie", ["", "x", "x" * 5000, "a\x00b", "ü", "' OR 1=1"])
def test_a_made_up_cookie_is_a_stranger(kit: web_kit.Kit, cookie: str) -> None:
    client = kit.client()
    answer = client.get("/", headers={"Cookie": f"zhijian={cookie}".encode().decode("latin-1")})
    assert answer.status_code == 303


def test_a_session_dies_by_disabling_by_reset_and_by_time(kit: web_kit.Kit) -> None:
    act = Act("tests", kit.clock())
    for end in (
        lambda: disable_user(kit.engine, act, "li1"),
        lambda: reset_user(kit.engine, act, "li2", "again"),
        lambda: kit.clock.forward(minutes=121),
    ):
        name = f"li{len(kit.users) + 1}"
        client = kit.client("lead", name)
        assert client.get("/").status_code == 200
        end()
        assert client.get("/").location == "/login"


def test_clicks_keep_a_session_alive_until_its_longest_life(kit: web_kit.Kit) -> None:
    client = kit.client("lead")
    for _ in range(11):
        kit.clock.forward(hours=1)
        assert client.get("/").status_code == 200
    kit.clock.forward(hours=1)
    assert client.get("/").location == "/login"


def test_a_one_time_link_sets_a_password_once(kit: web_kit.Kit) -> None:
    user = kit.user("trainer")
    reset_user(kit.engine, Act("tests", kit.clock()), user.name, "the-link")
    client, late = kit.client(), kit.client()
    page = text(client.get("/link/the-link"))
    assert 'value="trainer"' in page
    assert late.get("/link/the-link").status_code == 200  # looking does not use it up
    for new, again, said in (
        ("short", "short", "至少需要 10 个字符"),
        ("a good long one", "another one", "两次输入的密码不一致"),
        ("trainer123", "trainer123", "登录名拼成"),
    ):
        answer = client.send("/link/the-link", new=new, again=again)
        assert (answer.status_code, said in text(answer)) == (422, True)
    answer = client.send("/link/the-link", new="a good long one", again="a good long one")
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/").status_code == 200
    for answer in (late.get("/link/the-link"), late.send("/link/the-link", new="x" * 12, again="x" * 12)):
        assert answer.status_code == 404
    assert kit.client().log_in("trainer", "a good long one").status_code == 303


def test_a_link_grows_old(kit: web_kit.Kit) -> None:
    reset_user(kit.engine, Act("tests", kit.clock()), kit.user("lead").name, "the-link")
    kit.clock.forward(hours=24)
    assert kit.client().get("/link/the-link").status_code == 404


def test_changing_the_password_signs_out_everywhere_else(kit: web_kit.Kit) -> None:
    here, there = kit.client("lead"), kit.client("lead")
    form = {"current": web_kit.PASSWORD, "new": "three blue lanterns", "again": "three blue lanterns"}
    assert here.send("/password", **(form | {"current": "wrong"})).status_code == 422
    assert here.send("/password", **(form | {"again": "other"})).status_code == 422
    answer = here.send("/password", **form)
    assert answer.location == "/"
    assert "密码已修改" in text(here.get("/"))
    assert there.get("/").location == "/login"
    assert kit.client().log_in("lead").status_code == 401
    assert kit.client().log_in("lead", "three blue lanterns").status_code == 303


def test_the_current_password_cannot_be_guessed_at_leisure(kit: web_kit.Kit) -> None:
    client = kit.client("lead")
    form = {"new": "three blue lanterns", "again": "three blue lanterns"}
    codes = [client.send("/password", current=f"guess {n}", **form).status_code for n in range(6)]
    assert codes == [422] * 5 + [429]


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", Weakness.SHORT),
        ("x" * 257, Weakness.LONG),
        ("aaaabbbbcccc", Weakness.UNIFORM),
        ("li.wei2026!", Weakness.NAME),
        ("Password123", Weakness.COMMON),
        ("1234567890", Weakness.COMMON),
        ("5201314woai", Weakness.COMMON),
        ("correct horse battery", None),
        ("马到成功心想事成步步", None),
    ],
)
def test_which_passwords_are_refused(password: str, why: Weakness | None) -> None:
    assert weakness(password, "li.wei") == why


def test_passwords_are_argon2id_and_compared_in_full() -> None:
    stored = hash_password("seven green bicycles")
    assert stored.startswith("$argon2id$")
    assert stored != hash_password("seven green bicycles")
    assert is_right(stored, "seven green bicycles")
    for password in ("seven green bicycle", "", "x" * 100_000):
        assert not is_right(stored, password)
    for missing in (None, "", "nonsense", "$argon2id$broken"):
        assert not is_right(missing, "nobody's")
    assert passwords.better_hash(stored, "seven green bicycles") is None
    old = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzYWx0$7nuqlq5qEi9a5xHOoZgx3A"
    assert passwords.better_hash(old, "seven green bicycles").startswith("$argon2id$")


def test_light_and_dark_and_the_language_follow_the_account(kit: web_kit.Kit) -> None:
    client = kit.client("lead")
    client.send("/preferences/theme", theme="dark", next="/about")
    client.send("/preferences/language", language="en")
    elsewhere = kit.client("lead")
    page = text(elsewhere.get("/"))
    assert 'data-theme="dark"' in page
    assert '<html lang="en"' in page
    for path, form in (("theme", {"theme": "pink"}), ("language", {"language": "fr"}), ("theme", {})):
        assert client.send(f"/preferences/{path}", **form).status_code == 400


def test_a_stranger_chooses_by_cookie(kit: web_kit.Kit) -> None:
    client = kit.client()
    assert '<html lang="zh-CN"' in text(client.get("/login"))
    assert client.send("/preferences/language", language="en", next="/login").location == "/"
    assert '<html lang="en"' in text(client.get("/login"))


def test_settings_show_no_secret(kit: web_kit.Kit) -> None:
    page = text(kit.client("admin").get("/settings"))
    assert web_kit.KEY not in page
    assert "salt" not in page
    assert kit.engine.dialect.name in page
    assert kit.client("specialist").get("/settings").status_code == 403


def test_settings_show_defaults_and_the_policies_of_merchants(kit: web_kit.Kit, tmp_path: Path) -> None:
    policy = {"rate": 0.4, "low_score": 60.0}
    merchants = {"acme": {"rate": 0.9, "risk": {"tiers": []}}, "like": {"rate": 0.4}}
    period = {"name": "1111", "from": "2026-11-01", "to": "2026-11-30", "merchant": "zed", "joint_review": True}
    kit.user("admin")
    with web_kit.kit_on(kit.engine, tmp_path, policy=policy, merchants=merchants, periods=[period]) as other:
        client = other.client()
        client.log_in("admin")
        page = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", text(client.get("/settings"))))
    assert "0.4 (默认: 0.3)" in page
    assert "0.9 (通用: 0.4)" in page
    assert "不按客户等级定向抽取" in page
    assert page.index(" acme ") < page.index(" zed ")
    assert " like " not in page
