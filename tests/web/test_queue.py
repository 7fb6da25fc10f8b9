"""The queue's pages without a browser: filters in the address, claims, what a lead does, reach and masking."""

from __future__ import annotations

import re

import pytest
import web_kit
from queue_kit import Made

LEASE_MINUTES = 20


@pytest.fixture
def made(kit: web_kit.Kit) -> Made:
    return Made(kit.engine)


def chats(client: web_kit.Client, query: str = "") -> list[str]:
    """The chats that the page lists."""
    page = client.get(f"/queue{query}")
    assert page.status_code == 200
    return re.findall(r'<a data-open [^>]*translate="no">([^<]+)</a>', page.get_data(as_text=True))


def text(client: web_kit.Client, query: str = "") -> str:
    return str(client.get(f"/queue{query}").get_data(as_text=True))


def test_filters_stand_in_the_address_and_can_be_removed(kit: web_kit.Kit, made: Made) -> None:
    run = made.run()
    made.add(run, "red", 100.0, reasons=("red_line",), team="red", found=[("insult", "critical", [])], score=0.0)
    made.add(run, "slow", 20.0, reasons=("low_score",), team="blue", text="我要退款", score=50.0)
    made.fill()
    client = kit.client("lead")
    assert chats(client) == ["red", "slow"]
    assert chats(client, "?reason=red_line") == chats(client, "?rule=insult") == chats(client, "?high=10") == ["red"]
    assert chats(client, "?text=退款&team=blue") == ["slow"]
    page = text(client, "?reason=red_line&team=red")
    assert 'href="/queue?team=red"' in page
    assert 'href="/queue?reason=red_line"' in page
    assert chats(client, "?reason=red_line&team=blue") == []
    assert "没有会话符合" in text(client, "?reason=red_line&team=blue")
    assert chats(client, "?low=abc&state=nonsense&after=x") == ["red", "slow"]


def test_pages_follow_each_other(kit: web_kit.Kit, made: Made) -> None:
    made.many([float(90 - place % 7) for place in range(95)])
    client, query, seen = kit.client("lead"), "", []
    for expected in (30, 60, 90, 95):
        seen += chats(client, query)
        assert len(seen) == expected
        onward = re.search(r'href="/queue(\?after=[^"]+)" data-key', text(client, query))
        query = onward[1] if onward else ""
    assert (len(seen), len(set(seen)), query) == (95, 95, "")


@pytest.mark.parametrize("after", ["nan_1", "inf_1", "-1_99999999999999999999", "1", "_", "-1e999_3", "0_-1"])
def test_a_key_that_makes_no_sense_is_the_first_page(kit: web_kit.Kit, made: Made, after: str) -> None:
    made.many([5.0])
    assert len(chats(kit.client("lead"), f"?after={after}")) == 1


def test_next_opens_a_chat_and_says_when_there_is_none(kit: web_kit.Kit, made: Made) -> None:
    low, high = made.many([10.0, 90.0])
    first, second = kit.client("specialist"), kit.client("lead")
    assert first.send("/queue/next").location == f"/chats/{high}"
    assert second.send("/queue/next", queue="severity=&team=red").location == f"/chats/{low}?team=red"
    answer = first.send("/queue/next", queue="team=red")
    assert answer.location == "/queue?team=red"
    assert "没有空闲的会话" in text(first, "?team=red")
    kit.clock.forward(minutes=LEASE_MINUTES)
    assert first.send("/queue/next").location == f"/chats/{high}"


def test_claiming_refusing_prolonging_giving_back(kit: web_kit.Kit, made: Made) -> None:
    (one,) = made.many([90.0])
    mine, other = kit.client("specialist"), kit.client("lead")
    assert mine.send("/queue/claim", inspection=one).location == f"/chats/{one}"
    assert 'formaction="/queue/release"' in mine.get("/queue").get_data(as_text=True)
    assert 'formaction="/queue/release"' not in other.get("/queue").get_data(as_text=True)
    refused = other.send("/queue/claim", inspection=one)
    assert refused.status_code == 409
    assert "Specialist Li" in refused.get_data(as_text=True)
    kit.clock.forward(minutes=15)
    assert mine.send("/queue/extend", inspection=one).status_code == 204
    kit.clock.forward(minutes=15)
    assert other.send("/queue/extend", inspection=one).status_code == 409
    assert other.send("/queue/claim", inspection=one).status_code == 409
    assert mine.send("/queue/release", inspection=one).location == "/queue"
    assert mine.send("/queue/release", inspection=one).status_code == 409
    assert other.send("/queue/claim", inspection=one, queue="reason=red_line").status_code == 303


def test_rows_and_forms_keep_to_the_reach(kit: web_kit.Kit, made: Made) -> None:
    run, other = made.run("acme"), made.run("other")
    made.add(run, "own", 50.0, team="red")
    blue, foreign = made.add(run, "blue", 60.0, team="blue"), made.add(other, "foreign", 70.0, team="red")
    made.fill()
    client = kit.client("specialist")
    assert chats(client) == chats(client, "?state=all") == ["own"]
    assert "other" not in text(client)
    for inspection in (blue, foreign, 5, 10**17):
        for action in ("claim", "extend", "release"):
            assert client.send(f"/queue/{action}", inspection=inspection).status_code == 404
    for wrong in ("", "x", "-1", "9" * 30):
        assert client.send("/queue/claim", inspection=wrong).status_code == 400
    assert chats(kit.client("trainer")) == ["foreign", "blue", "own"]
    assert kit.client("trainer").send("/queue/next").status_code == 403


def test_a_lead_assigns_ticked_chats_and_the_first_ones(kit: web_kit.Kit, made: Made) -> None:
    there = made.many([90.0, 80.0, 70.0, 60.0])
    lead, wang = kit.client("lead"), kit.user("specialist")
    token = {"csrf_token": lead.token(), "to": wang.id}
    assert lead.post("/queue/assign", data=token | {"ticked": there[1:3]}).status_code == 303
    assert "已分配 2 个会话" in text(lead)
    assert chats(kit.client("specialist"), "?state=mine") == ["c-1-1", "c-1-2"]
    lead.post("/queue/assign", data=token | {"first": "1", "queue": "state=unclaimed"})
    assert chats(kit.client("specialist"), "?state=mine") == ["c-1-0", "c-1-1", "c-1-2"]
    lead.post("/queue/assign", data=token | {"to": "0", "ticked": there})
    assert chats(kit.client("specialist"), "?state=mine") == []
    assert lead.send("/queue/assign", to="").status_code == 400
    assert lead.send("/queue/assign", to="999", ticked=there[0]).status_code == 404
    assert kit.client("specialist").send("/queue/assign", to=wang.id).status_code == 403


def test_quotas_and_progress(kit: web_kit.Kit, made: Made) -> None:
    made.many([90.0])
    lead, wang = kit.client("lead"), kit.user("specialist")
    assert lead.send("/queue/quota", user=wang.id, chats="30").location == "/queue/team"
    assert 'value="30"' in lead.get("/queue/team").get_data(as_text=True)
    for wrong in ("", "-3", "1.5", "99999"):
        assert lead.send("/queue/quota", user=wang.id, chats=wrong).status_code == 422
    assert '<progress class="bar" max="30" value="0"' in text(kit.client("specialist"))


def test_saved_filters(kit: web_kit.Kit, made: Made) -> None:
    made.many([90.0])
    wang, lead = kit.client("specialist"), kit.client("lead")
    given = {"name": "我的<b>", "queue": "reason=red_line&x=1", "shared": "1", "next": "/queue?team=red"}
    answer = wang.send("/queue/filters", **given)
    assert answer.location == "/queue?team=red"
    page = text(lead)
    assert 'href="/queue?reason=red_line"' in page
    assert "我的&lt;b&gt;" in page
    assert wang.send("/queue/filters", name=" ", queue="").status_code == 422
    which = re.findall(r'name="filter" value="(\d+)"', text(wang))[0]
    assert lead.send("/queue/filters/delete", filter=which).status_code == 404
    assert wang.send("/queue/filters/delete", filter=which, next="//evil").location == "/queue"
    assert "我的&lt;b&gt;" not in text(lead)


def test_evidence_is_masked_by_role_and_stays_text(kit: web_kit.Kit, made: Made) -> None:
    said = "<script>alert(1)</script> 13800138000 \0"
    found = ("<i>x", "major", [{"turn": 0, "start": 0, "end": 8, "quote": "<script>"}])
    made.many([90.0], text=said, found=[found])
    page = text(kit.client("specialist"))
    assert "<mark>&lt;script&gt;</mark>alert(1)&lt;/script&gt; 138****8000 ␀" in page
    assert "138" not in text(kit.client("trainer")).partition("queue-list")[2]
    assert "13800138000" not in page


def test_chats_are_found_on_both_databases(kit: web_kit.Kit) -> None:
    made = Made(kit.engine)
    inspection = made.add(made.run(), "c", 50.0, text="多久能到账", reasons=("rule_failed",))
    made.fill()
    client = kit.client("specialist")
    assert chats(client, "?text=到账&reason=rule_failed&since=2026-11-01") == ["c"]
    assert client.send("/queue/next").location == f"/chats/{inspection}"
    assert chats(client, "?state=mine") == ["c"]
    assert chats(client, "?state=unclaimed") == []
