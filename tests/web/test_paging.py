"""Long tables by the page: nothing of a page grows with agents or accounts, and what was asked stays over pages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import board_kit
import msgspec
import pytest
import web_kit
from msgspec.structs import replace
from sqlalchemy import Engine, func, insert, select, update

from qa.casebook import stars
from qa.casebook.stars import Standing, Stars
from qa.estimates import Estimate
from qa.store.board_tables import chat_facts
from qa.store.session import write_tx
from qa.store.tables import chat_bodies, nights, strata
from qa.types import Chat
from qa.web import queue as queue_pages
from qa.web.paging import ROWS

AGENTS, ACCOUNTS, STRATA = 130, 120, 250
_LINK = re.compile(r'<a [^>]*?href="([^"]+)"([^>]*)>')


@pytest.fixture(scope="module")
def house(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[web_kit.Kit]:
    """The small shop with many agents, accounts and strata."""
    with web_kit.kit_on(module_engine, tmp_path_factory.mktemp("house")) as kit:
        board_kit.build(module_engine)
        board_kit.many_agents(module_engine, AGENTS)
        board_kit.many_accounts(module_engine, ACCOUNTS)
        with write_tx(module_engine) as connection:
            night = connection.execute(select(nights.c.id).where(nights.c.merchant == "acme")).scalar_one()
            connection.execute(update(nights).values(summary=None))  # the shop's own is not a whole one
            drawn = {"night_id": night, "wave": 0, "channel": "", "size": 9, "drawn": 2}
            connection.execute(insert(strata), [drawn | {"agent": f"b-{number:03}"} for number in range(STRATA)])
        yield kit


def shown(page: str, what: str) -> list[str]:
    return re.findall(what, page)


def key(page: str, pressed: str) -> str:
    """Where a key leads."""
    return next(html.unescape(to) for to, rest in _LINK.findall(page) if f'data-key="{pressed}"' in rest)


def walked(client: web_kit.Client, address: str, what: str) -> list[list[str]]:
    """What the pages show, from this one on by the key for the next."""
    found = []
    while True:
        page = client.get(address).get_data(as_text=True)
        found.append(shown(page, what))
        if 'data-key="]"' not in page:
            return found
        address = key(page, "]")


def test_the_board_shows_both_ends_and_the_list_shows_all(house: web_kit.Kit) -> None:
    client, agent = house.client("lead"), r'agent=([ab]-\w+)&amp;figure=mean_score" translate'
    page = client.get("/?days=7").get_data(as_text=True)
    ends = shown(page, agent)
    assert len(ends) == 20
    assert f"中间还有 {AGENTS + 3 - 20} 名客服" in page
    everybody = next(to for to, _rest in _LINK.findall(page) if to.startswith("/agents"))
    pages = walked(client, html.unescape(everybody), agent)
    assert [len(one) for one in pages] == [ROWS, ROWS, AGENTS + 3 - 2 * ROWS]
    listed = [one for rows in pages for one in rows]
    assert ends == listed[:10] + listed[-10:]
    assert len(set(listed)) == AGENTS + 2  # a-1 is of both merchants


def test_what_is_asked_stays_over_pages(house: web_kit.Kit) -> None:
    client, agent = house.client("lead"), r'agent=([ab]-\w+)&amp;figure=mean_score" translate'
    pages = walked(client, "/agents?days=7&merchant=acme&name=B-&sort=name", agent)
    assert [len(one) for one in pages] == [ROWS, ROWS, AGENTS - 2 * ROWS]
    assert [one for rows in pages for one in rows] == [f"b-{number:03}" for number in range(AGENTS)]
    second = client.get("/agents?days=7&name=b-&sort=name&page=2").get_data(as_text=True)
    assert key(second, "[") == "/agents?days=7&name=b-&sort=name"
    assert 'aria-sort="ascending"' in second
    assert "第 51–100 条，共 130 条" in second
    assert client.get("/agents?page=99&days=7").get_data(as_text=True).count('scope="row"') == AGENTS + 3 - 2 * ROWS
    above = walked(client, "/agents?days=7&only=above", agent)
    below = walked(client, "/agents?days=7&only=below", agent)
    assert not {one for rows in above for one in rows} & {one for rows in below for one in rows}
    for odd in ("page=-1", "page=x", "page=0", "sort=x&only=x&days=x", "name=%00b-", "name=" + "x" * 500):
        assert client.get(f"/agents?{odd}").status_code == 200
    assert "没有符合条件的客服" in client.get("/agents?name=nobody").get_data(as_text=True)


def test_agents_are_found_by_what_they_are_called(house: web_kit.Kit) -> None:
    with write_tx(house.engine) as connection:
        of_agent = (chat_facts.c.agent_id == "a-1", chat_facts.c.merchant == "acme")
        newest = select(func.max(chat_facts.c.inspection_id)).where(*of_agent).scalar_subquery()
        pk = connection.execute(select(chat_facts.c.chat_pk).where(chat_facts.c.inspection_id == newest)).scalar_one()
        body = connection.execute(select(chat_bodies.c.body).where(chat_bodies.c.chat_pk == pk)).scalar_one()
        named = msgspec.json.decode(bytes(body), type=Chat)
        named = replace(named, agent=replace(named.agent, name="李 <b>Mei</b>"))
        given = {"body": msgspec.json.encode(named)}
        connection.execute(update(chat_bodies).where(chat_bodies.c.chat_pk == pk).values(given))
    client, agent = house.client("lead"), r'agent=([ab]-\w+)&amp;figure=mean_score" translate'
    page = client.get("/agents?days=7&name=mei+李").get_data(as_text=True)
    assert shown(page, agent) == ["a-1"]  # acme's, not the other's
    assert '<span translate="no">李 &lt;b&gt;Mei&lt;/b&gt;</span>' in page
    assert shown(client.get("/agents?days=7&name=acme+a-1").get_data(as_text=True), agent) == ["a-1"]


def test_who_is_limited_lists_nobody_else(house: web_kit.Kit) -> None:
    page = house.client("specialist").get("/agents").get_data(as_text=True)
    assert "a-1" in page
    assert "a-2" not in page
    assert house.client("agent").get("/agents").status_code == 403


def test_accounts_by_the_page(house: web_kit.Kit) -> None:
    client, account = house.client("admin"), r'action="/users/(li\d+)/reset'
    pages = walked(client, "/users?name=acme B-&role=agent&state=active", account)
    assert [one for rows in pages for one in rows] == [f"li{number:03}" for number in range(ACCOUNTS)]
    assert [len(one) for one in pages] == [ROWS, ROWS, ACCOUNTS - 2 * ROWS]
    assert shown(client.get("/users?name=b-017").get_data(as_text=True), account) == ["li017"]
    assert "没有符合条件的账号" in client.get("/users?name=b-&state=disabled").get_data(as_text=True)
    page = client.get("/users?name=li&page=2").get_data(as_text=True)
    to = html.unescape(re.findall(r'action="(/users/li060/disable[^"]*)"', page)[0])
    back = client.send(to, agreed="li060")
    assert (back.status_code, back.location) == (303, "/users?name=li&page=2")
    to = html.unescape(re.findall(r'action="(/users/li061/reset[^"]*)"', page)[0])
    assert shown(client.send(to, agreed="li061").get_data(as_text=True), account) == shown(page, account)


def test_strata_by_the_page(house: web_kit.Kit) -> None:
    client = house.client("lead")
    night = re.findall(r'href="(/nights/\d+)"', client.get("/nights?merchant=acme").get_data(as_text=True))[0]
    pages = walked(client, f"{night}?name=b-", r'<td translate="no">(b-\d+)</td>')
    assert [one for rows in pages for one in rows] == [f"b-{number:03}" for number in range(STRATA)]
    assert [len(one) for one in pages] == [100, 100, 50]
    assert "没有符合条件的客服" in client.get(f"{night}?name=nobody").get_data(as_text=True)


def standing(number: int, at: float) -> Standing:
    score = Estimate(name="score", value=at, low=at - 1, high=at + 1, n=30, size=90)
    return Standing("acme", f"b-{number:03}", f"Li {number:03}", "red", score, 0, 0, 0, 0)


def test_the_star_by_the_page(house: web_kit.Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (tuple(standing(n, at) for n in range(*span)) for at, span in ((95, (0, 70)), (80, (70, 120))))
    few = (standing(120, 70)._replace(score=Estimate(name="score", value=70, low=None, high=None, n=3, size=9)),)
    monkeypatch.setattr(stars, "month_of", lambda *_of: Stars("2026-11", ["2026-11"], (first, second), few))
    client, agent = house.client("lead"), r'translate="no">acme · red · (b-\d+)'
    pages = walked(client, "/service-star?month=2026-11", agent)
    assert [one for rows in pages for one in rows] == [f"b-{number:03}" for number in range(121)]
    page = client.get("/service-star?page=2").get_data(as_text=True)
    assert shown(page, r"第 (\d) 档") == ["1", "2"]
    assert page.count("<strong translate") == 20  # nominees
    assert "第一档另有 50 名" in page
    assert shown(client.get("/service-star?name=LI b-07").get_data(as_text=True), agent) == [
        f"b-07{n}" for n in range(10)
    ]


def test_the_teams_day_comes_back_to_its_page(house: web_kit.Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client("lead")
    people = queue_pages.queueing.team_day
    monkeypatch.setattr(queue_pages.queueing, "team_day", lambda *of: people(*of) * 60)
    page = client.get("/queue/team?page=2").get_data(as_text=True)
    assert 0 < page.count('class="quota"') <= ROWS
    assert 'action="/queue/quota?page=2"' in page
    who = re.findall(r'name="user" value="(\d+)"', page)[0]
    assert client.send("/queue/quota?page=2", user=who, chats="9").location == "/queue/team?page=2"
