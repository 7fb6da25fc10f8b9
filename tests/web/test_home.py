"""The home board by role: own numbers, none of others, and links to as many chats as the number says."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import board_kit
import orjson
import pytest
import web_kit
from sqlalchemy import Engine, event, insert, select, update

from qa.people import UserRole
from qa.queueing import fill
from qa.store import queue_work, reviews
from qa.store.reviews import Review, Verdict
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats, flags, inspections, nights

ROLES = {
    "specialist": {"merchants": ("acme",), "team": "red"},
    "lead": {},
    "trainer": {"merchants": ("acme",)},
    "agent": {"merchants": ("acme",), "agent_id": "a-1"},
    "merchant_viewer": {"merchants": ("acme",)},
    "admin": {},
}
STATEMENTS, LIST, QUOTES = 24, 7, 5
"""Statements of a board, of a list of chats with those that find out who asks, and of what a rule quotes there."""
_LINK = re.compile(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
_TAGS = re.compile(r"<[^>]+>|\s+")


@pytest.fixture(scope="module")
def shop(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[web_kit.Kit]:
    """A workbench on the small shop: c4 is flagged, c2 was reviewed, c1's review was not sure; read only."""
    engine = module_engine
    with web_kit.kit_on(engine, tmp_path_factory.mktemp("shop")) as kit:
        kit.clock.at = board_kit.MIDNIGHT + board_kit.DAY_US + 2 * board_kit.HOUR
        board_kit.build(engine)
        with write_tx(engine) as connection:
            ids = dict(
                connection.execute(
                    select(chats.c.chat_id, inspections.c.id).join(inspections, inspections.c.chat_pk == chats.c.id)
                ).all()
            )
            for name in ("c1", "c3", "c4", "o1"):
                row = {"inspection_id": ids[name], "reason": "rule_failed", "risk": 50.0, "detail": None}
                connection.execute(insert(flags), row)
            pks = dict(connection.execute(select(chats.c.chat_id, chats.c.id)).all())
        fill(engine, kit.clock())
        with write_tx(engine) as connection:
            say(
                connection,
                Review("1", pks["c2"], "queue", "wang", 5, comment="电话 13800138000 做得好", excellent=True),
            )
            say(connection, Review("2", pks["c1"], "queue", "wang", 6, verdicts=(Verdict("slow", "unsure"),)))
            say(connection, Review("3", pks["o1"], "queue", "wang", 7, comment="other shop's secret"))
        yield kit


def say(connection: Any, review: Review) -> None:
    reviews.add_review(connection, review)


def home(kit: web_kit.Kit, role: str, address: str = "/") -> str:
    return str(kit.client(role, **ROLES[role]).get(address).get_data(as_text=True))


def links(page: str) -> list[tuple[str, str]]:
    """Address and words of every link."""
    return [(html.unescape(href), _TAGS.sub(" ", inside).strip()) for href, inside in _LINK.findall(page)]


def shown(page: str) -> set[str]:
    """Every text of the page, each cut at its blanks too: what a person can read, and no token or address."""
    texts = [one.strip() for one in re.findall(r">([^<]+)<", page.partition("<main")[2])]
    return {*texts, *(word for one in texts for word in one.split())}


def waits(page: str) -> dict[str, int]:
    """What stands in the strip of what waits: label → number."""
    found = re.findall(r'wait-number">([\d,]+).*?wait-label">(.*?)</span>', page, re.DOTALL)
    return {_TAGS.sub(" ", label).strip(): int(number.replace(",", "")) for number, label in found}


@pytest.mark.parametrize(
    ("role", "score", "inspected"),
    [("specialist", "84.0", 3), ("lead", "68.6", 5), ("trainer", "78.3", 4), ("agent", "84.0", 3),
     ("merchant_viewer", "78.3", 4), ("admin", "68.6", 5)],
)  # fmt: skip
def test_each_role_sees_the_figures_of_its_reach(shop: web_kit.Kit, role: str, score: str, inspected: int) -> None:
    page = home(shop, role, "/?days=7")
    tile = page.partition('id="tile-mean_score"')[2].partition("</article>")[0]
    assert f'tile-value">{score}' in tile
    assert f"<strong>{inspected}</strong>" in page
    foreign = {"other", "o1"} if role not in {"lead", "admin"} else set()
    assert foreign & shown(page) == set()


@pytest.mark.parametrize("role", ROLES)
def test_every_number_leads_to_as_many_chats(shop: web_kit.Kit, role: str) -> None:
    client = shop.client(role, **ROLES[role])
    page = client.get("/?days=7").get_data(as_text=True)
    tried = 0
    for href, said in links(page.partition("<main")[2]):
        number = re.match(r"[\d,]+", said)
        if href.startswith("/chats?") and number and "weekday" not in href:
            listed = client.get(href).get_data(as_text=True)
            assert (href, re.findall(r'id="number">(\d+)', listed)) == (href, [number[0]])
            assert listed.count("data-open href") == int(number[0])
            tried += 1
    for href, title in re.findall(r'href="([^"]+weekday=[^"]+)" title="([^"]+)"', page):
        listed = client.get(html.unescape(href)).get_data(as_text=True)
        assert re.findall(r"，已质检 (\d+)", title) == re.findall(r'id="number">(\d+)', listed)
        tried += 1
    assert tried >= 12


def test_what_waits_for_whom(shop: web_kit.Kit) -> None:
    specialist = shop.user("specialist", **ROLES["specialist"])
    with write_tx(shop.engine) as connection:
        queue_work.set_quota(connection, specialist.id, "2026-11-18", 20)
    page = home(shop, "specialist")
    assert waits(page) == {"今日已质检": 0, "在我手中": 0, "待质检会话": 1}
    assert "/ 20" in page
    assert 'max="20"' in page
    lead = waits(home(shop, "lead"))
    assert (lead["待质检会话"], lead["无人领取"], lead["质检员不确定"], lead["超过 24 小时未处理"]) == (2, 2, 1, 0)
    assert (lead["未完成的夜间质检"], lead["无法质检"], lead["查准率低于 80% 的规则"]) == (0, 0, 0)
    assert waits(home(shop, "trainer"))["近 30 天标为优秀"] == 1
    assert waits(home(shop, "agent")) == {"质检员评语": 1, "近 30 天被质检": 3}
    assert waits(home(shop, "merchant_viewer"))["近 30 天被质检"] == 4
    assert waits(home(shop, "admin"))["使用中的账号"] >= 6


def test_an_agent_reads_what_reviewers_wrote_and_nothing_of_colleagues(shop: web_kit.Kit) -> None:
    page = home(shop, "agent")
    assert "做得好" in page
    assert "13800138000" not in page
    assert "secret" not in page
    assert "a-2" not in shown(page)
    assert 'id="agents-title"' not in page


def test_nothing_leaks_by_address(shop: web_kit.Kit) -> None:
    for address in ("/chats?merchant=other", "/chats?agent=a-2&team=blue", "/chats?merchant=other&agent=a-1&rule=slow"):
        page = home(shop, "agent", address)
        assert {"o1", "c3"} & shown(page) == set()
        assert 'id="number">0' in page
    assert "o1" not in shown(home(shop, "merchant_viewer", "/chats?merchant=other"))
    assert "10.0" not in shown(home(shop, "merchant_viewer", "/?merchant=other"))
    assert "c3" not in shown(home(shop, "specialist", "/chats?team=blue"))


def test_an_address_of_nonsense_limits_nothing(shop: web_kit.Kit) -> None:
    nonsense = "weekday=9&hour=x&figure=_&bad=2&said=y&since=yesterday&until=&after=..&after=x"
    page = home(shop, "lead", f"/chats?{nonsense}")
    assert 'id="number">5' in page
    assert home(shop, "lead", "/chats?rule=%00&agent=%3Cb%3E").count("<b>") == 0
    assert "tile-mean_score" in home(shop, "lead", "/?days=8&heat=cold&merchant=%00")
    last = home(shop, "lead", "/chats?after=2026-11-17.0")
    assert 'id="number">5' in last
    assert "data-open href" not in last


def test_choices_stay_in_the_address(shop: web_kit.Kit) -> None:
    page = home(shop, "lead", "/?days=14&merchant=acme&heat=late")
    assert '<option value="14" selected>' in page
    assert '<option translate="no" selected>acme</option>' in page
    assert "78.3" in page
    inside = [
        href for href, _ in links(page.partition("<main")[2]) if href.startswith("/chats?") and "said" not in href
    ]
    assert inside
    assert all("merchant=acme" in href and "since=2026-11-04" in href for href in inside)
    assert "heat=response" in page
    assert "merchant=acme" in next(href for href, _ in links(page) if "heat=response" in href)


def test_trouble_shows_and_an_empty_installation_says_so(kit: web_kit.Kit) -> None:
    for role in UserRole:
        assert "cards" in kit.client(role).get("/").get_data(as_text=True)
    with write_tx(kit.engine) as connection:
        board_kit.night(connection, "acme", board_kit.ACME)
        told = {"inspected": 4, "broken": 0, "model_refused": "checksum", "drift": [{"level": "large"}]}
        connection.execute(update(nights).values(state="inspecting", summary=orjson.dumps(told)))
    page = kit.client("admin").get("/").get_data(as_text=True)
    assert (waits(page)["未完成的夜间质检"], waits(page)["模型被拒用或漂移的夜间质检"]) == (1, 1)
    with read_tx(kit.engine) as connection:
        key = connection.execute(select(nights.c.id)).scalar_one()
    assert f'href="/nights/{key}"' in page


@pytest.mark.parametrize("role", ROLES)
def test_a_board_asks_the_database_little(shop: web_kit.Kit, role: str) -> None:
    client = shop.client(role, **ROLES[role])
    client.get("/")  # the first request of a minute notes that the session lives
    for address, most in (("/", STATEMENTS), ("/chats", LIST), ("/chats?rule=slow", LIST + QUOTES)):
        found = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any, seen: list[str] = found) -> None:
            if statement.startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
                seen.append(statement)

        event.listen(shop.engine, "before_cursor_execute", note)
        try:
            client.get(address)
        finally:
            event.remove(shop.engine, "before_cursor_execute", note)
        assert len(found) <= most, (address, len(found))
