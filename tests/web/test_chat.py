"""The chat page without a browser: who may, what is masked, what stands in the way of a lost or doubled review."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chat_kit
import pytest
import web_kit
from sqlalchemy import select

from qa.judging import Draft, Given, Missing, ReviewError, Viewer, submit
from qa.privacy import REVIEWER
from qa.queueing import fill
from qa.store import audit
from qa.store.audit import Act
from qa.store.session import read_tx
from qa.store.tables import reviews, verdicts

LONGEST_LABEL = 120
"""Characters that importers let a name have, at least."""


@pytest.fixture
def chats(kit: web_kit.Kit, tmp_path: Path) -> chat_kit.Chats:
    """Inspected chats on SQLite."""
    return chat_kit.put_in(kit.engine, tmp_path)


def shown(client: web_kit.Client, inspection: int) -> str:
    answer = client.get(f"/chats/{inspection}")
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


def hidden(page: str, name: str) -> str:
    return re.findall(rf'name="{name}" value="([^"]*)"', page)[0]


def answers(kit: web_kit.Kit, inspection: int, **given: str) -> dict[str, str]:
    """Verdicts by rule as the form sends them."""
    return {
        f"verdict-{chat_kit.finding(kit.engine, inspection, rule.replace('_', '-'))}": w for rule, w in given.items()
    }


def send(client: web_kit.Client, inspection: int, page: str | None = None, **form: Any) -> Any:
    page = page or shown(client, inspection)
    both = {"token": hidden(page, "token"), "state": hidden(page, "state"), **form}
    return client.send(f"/chats/{inspection}/review", **both)


def rows(kit: web_kit.Kit, table: Any = reviews) -> list[Any]:
    with read_tx(kit.engine) as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


# --- who, and what of it ---------------------------------------------------------------------------------------------


def test_who_may_look_and_who_may_judge(kit: web_kit.Kit, chats: chat_kit.Chats) -> None:
    for role, looks, judges in (
        ("specialist", True, True), ("lead", True, True), ("trainer", True, False), ("agent", True, False),
        ("merchant_viewer", True, False), ("admin", True, False),
    ):  # fmt: skip
        client = kit.client(role)
        assert (client.get(f"/chats/{chats.three}").status_code == 200) == looks
        assert ('id="review"' in shown(client, chats.three)) == judges
        assert (client.send(f"/chats/{chats.three}/review").status_code == 403) == (not judges)
    assert kit.client("specialist").get(f"/chats/{chats.foreign}").status_code == 404
    assert (
        kit.client("agent", "li", merchants=("acme",), agent_id="a-9").get(f"/chats/{chats.three}").status_code == 404
    )
    for nothing in (1, 1 << 62, 1 << 70):
        assert kit.client("lead").get(f"/chats/{nothing}").status_code == 404


def test_an_agent_sees_the_score_with_its_evidence_but_nothing_of_how_he_was_chosen(
    kit: web_kit.Kit, chats: chat_kit.Chats
) -> None:
    send(kit.client("specialist"), chats.two, comment="做得不好", then="stay")
    page = shown(kit.client("agent"), chats.two)
    assert "推说不知道" in page
    assert "抽样" not in page
    assert "specialist" not in page


def test_an_agent_sees_what_the_review_made_of_the_score(kit: web_kit.Kit, chats: chat_kit.Chats) -> None:
    agent, finding = kit.client("agent"), chat_kit.finding(kit.engine, chats.three, "add-wechat")
    before = shown(agent, chats.three)
    assert "推翻" not in before
    verdicts = {f"verdict-{finding}": "overturn", f"reason-{finding}": "客户自己说的"}
    missed = '{"rule": "rude", "places": [[1, 0, 2]], "note": "口气"}'
    assert send(kit.client("specialist"), chats.three, **verdicts, missed=missed, then="stay").status_code == 303
    page = shown(agent, chats.three)
    assert "质检员已推翻" in page
    assert "客户自己说的" in page
    assert "质检员补充" in page
    assert "系统：" in page
    assert "specialist" not in page


def test_personal_data_is_masked_and_a_reveal_is_logged(kit: web_kit.Kit, chats: chat_kit.Chats) -> None:
    assert chat_kit.PHONE not in shown(kit.client("specialist"), chats.three)
    assert "138****8000" in shown(kit.client("specialist"), chats.three)
    assert "8000" not in re.sub(r"(token|nonce|csrf|\?v=)[^>]*", "", shown(kit.client("trainer"), chats.three))
    lead = kit.client("lead")
    assert chat_kit.PHONE not in shown(lead, chats.three)
    assert chat_kit.PHONE in lead.send(f"/chats/{chats.three}/revealed").get_data(as_text=True)
    assert kit.client("specialist").send(f"/chats/{chats.three}/revealed").status_code == 403
    with read_tx(kit.engine) as connection:
        done = [(one.actor, one.subject) for one in audit.latest(connection, 20) if one.action == "chat.reveal"]
    assert done == [("lead", f"inspection:{chats.three}")]


def test_the_page_shows_facts_evidence_words_waits_and_a_score_that_adds_up(
    kit: web_kit.Kit, chats: chat_kit.Chats
) -> None:
    page = shown(kit.client("lead"), chats.three)
    assert '<mark class="ev ev-1" data-numbers="1" data-badge="①">加我微信</mark>' in page
    assert '<mark class="ev ev-2" data-numbers="2" data-badge="②">不知道</mark>' in page
    assert '<mark class="ev ev-3 word w3" data-numbers="3">太慢</mark>' in page
    assert '<mark class="ev ev-3" data-numbers="3" data-badge="③">了</mark>' in page
    rules = [chat_kit.finding(kit.engine, chats.three, rule) for rule in ("add-wechat", "dont-know", "too-slow")]
    assert re.findall(r'data-number="(\d)" data-finding="(\d+)"', page) == [
        (str(number), str(key)) for number, key in enumerate(rules, 1)
    ]
    assert page.count('class="wait late"') == 2  # 40 s in the peak, and 400 s
    assert re.findall(r"<td>([+-][\d.]+)</td>", page) == ["+100.00", "-35.00", "-15.00", "-50.00"]
    assert 'id="final">0.00<' in page
    assert 'id="t3"' in page
    assert "不满意 90 %" in page


def test_words_in_pieces_give_the_text_back(kit: web_kit.Kit, chats: chat_kit.Chats) -> None:
    page = shown(kit.client("lead"), chats.three)
    texts = re.findall(r'class="said-text"[^>]*>(.*?)</div>', page)
    assert [re.sub("<.*?>", "", text) for text in texts] == [
        "在吗",
        "这个不知道",
        "太慢了，电话138****8000",
        "您加我微信吧",
    ]


# --- the review ------------------------------------------------------------------------------------------------------


def test_verdicts_change_the_score_as_the_standard_says(kit: web_kit.Kit, chats: chat_kit.Chats) -> None:
    three = chats.three
    client = kit.client("specialist")
    overturned = chat_kit.finding(kit.engine, three, "add-wechat")
    preview = client.get(f"/chats/{three}/score?o={overturned}&m=rude:1").get_data(as_text=True)
    assert 'id="final">15.00<' in preview
    said = answers(kit, three, dont_know="confirm", too_slow="unsure", add_wechat="overturn")
    missed = json.dumps({"rule": "rude", "places": [[1, 0, 2]], "note": "重说"})
    answer = send(
        client, three, **said, **{f"reason-{overturned}": "引用"}, missed=missed, sentiment="negative",
        comment="好\0的", excellent="1", typical="1",
    )  # fmt: skip
    assert answer.status_code == 303
    (review,) = rows(kit)
    assert (review.kind, review.reviewer, review.score, review.sentiment) == ("queue", "specialist", 15.0, "negative")
    assert (bool(review.excellent), bool(review.typical), review.inspection_id) == (True, True, three)
    assert [(v.rule, v.verdict) for v in rows(kit, verdicts)] == [
        ("dont-know", "confirm"), ("too-slow", "unsure"), ("add-wechat", "overturn"), ("rude", "missed"),
    ]  # fmt: skip
    assert json.loads(rows(kit, verdicts)[-1].evidence) == [{"turn": 1, "start": 0, "end": 2, "quote": "这个"}]
    again = shown(client, three)
    assert 'id="final">15.00<' in again
    assert "引用" in again
    assert re.search(r'id="typical" value="1" checked', again)


def test_a_double_submit_is_one_row(kit: web_kit.Kit, chats: chat_kit.Chats) -> None:
    client = kit.client("specialist")
    page = shown(client, chats.two)
    said = answers(kit, chats.two, dont_know="confirm", too_slow="confirm")
    codes = [send(client, chats.two, page, **said).status_code for _ in range(2)]
    assert codes == [303, 303]
    assert (len(rows(kit)), len(rows(kit, verdicts))) == (1, 2)
    taken = kit.client("lead").send(f"/chats/{chats.two}/review", token=hidden(page, "token"), state="whatever")
    assert taken.status_code == 409
    assert len(rows(kit)) == 1


def test_a_stale_page_gets_409_and_keeps_what_was_typed(kit: web_kit.Kit, chats: chat_kit.Chats) -> None:
    two = chats.two
    slow, quick = kit.client("specialist"), kit.client("lead")
    page = shown(slow, two)
    assert send(quick, two, comment="先到").status_code == 303
    said = answers(kit, two, dont_know="overturn")
    (field,) = said
    texts = {field.replace("verdict", "reason"): "我的理由", "comment": "我写的评语 <b>"}
    missed = json.dumps({"rule": "rude", "places": [[1, 0, 2]], "note": "漏了"})
    answer = send(slow, two, page, **said, **texts, missed=missed, resolution="partly", typical="1")
    kept = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert len(rows(kit)) == 1
    assert "lead" in kept
    for text in ("我的理由", "我写的评语 &lt;b&gt;", "漏了"):
        assert text in kept
    assert re.search(r'value="partly" checked', kept)
    assert re.search(r'id="typical" value="1" checked', kept)
    assert hidden(kept, "state") != hidden(page, "state")
    assert send(slow, two, kept, **said, **texts).status_code == 303
    by_htmx = slow.post(
        f"/chats/{two}/review", headers={"HX-Request": "true"},
        data={"csrf_token": slow.token(), "token": "t", "state": "old"},
    )  # fmt: skip
    assert by_htmx.status_code == 409
    assert "<html" not in by_htmx.get_data(as_text=True)


@pytest.mark.parametrize(
    "wrong",
    [
        Draft("t", "", given=(Given(7, "confirm"),)),
        Draft("t", "", sentiment="angry"),
        Draft("t", "", comment="x" * 10_001),
        Draft("t", "", missing=(Missing("no-such-rule"),)),
        Draft("t", "", missing=(Missing("dont-know"),)),
        Draft("t", "", missing=(Missing("rude", ((0, 0, 99),)),)),
        Draft("t", "", missing=(Missing("rude", ((9, 0, 1),)),)),
        Draft("t", "", missing=(Missing("rude", ((0, 1, 1),)),)),
        Draft("", ""),
        Draft("t" * 65, ""),
    ],
    ids=str,
)
def test_what_cannot_be_said_of_a_chat_is_refused(kit: web_kit.Kit, chats: chat_kit.Chats, wrong: Draft) -> None:
    state = hidden(shown(kit.client("specialist"), chats.two), "state")
    viewer = Viewer("specialist", REVIEWER, judges=True)
    with pytest.raises(ReviewError):
        submit(kit.engine, Act("specialist", 1), chats.two, viewer, wrong._replace(state=state))
    assert rows(kit) == []


def test_an_overturned_finding_needs_a_reason_and_nonsense_is_a_400(kit: web_kit.Kit, chats: chat_kit.Chats) -> None:
    client = kit.client("specialist")
    answer = send(client, chats.two, **answers(kit, chats.two, dont_know="overturn"))
    assert answer.status_code == 400
    assert "请说明" in answer.get_data(as_text=True)
    for missed in ("{", "[]", '{"rule": 1}', '{"rule": "rude", "places": [[1]]}'):
        assert send(client, chats.two, missed=missed).status_code == 400
    assert send(client, chats.two, **{"verdict-" + "9" * 30: "confirm"}).status_code == 400
    assert client.get(f"/chats/{chats.two}/score?o={'9' * 30}&o=x&m=&m=:::&m=rude:{'9' * 30}").status_code == 200
    assert rows(kit) == []


# --- blind -----------------------------------------------------------------------------------------------------------


def test_an_audit_chat_shows_nothing_of_the_machine_until_it_was_answered(
    kit: web_kit.Kit, chats: chat_kit.Chats
) -> None:
    blind = chats.blind
    client = kit.client("specialist")
    page = shown(client, blind)
    trainer, agent = kit.client("trainer"), kit.client("agent")
    for told in ("不满意 90 %", 'id="final"', 'data-finding="', 'class="course"', 'class="word w', "model-1"):
        assert told not in page
        assert told not in shown(trainer, blind)
        assert told not in shown(agent, blind)
    assert 'id="final"' not in client.get(f"/chats/{blind}/score").get_data(as_text=True)
    assert send(client, blind, page, satisfaction="satisfied").status_code == 303
    (review,) = rows(kit)
    assert (review.kind, review.inspection_id, review.score) == ("audit", None, None)
    after = shown(client, blind)
    assert "不满意 90 %" in after
    assert 'id="final"' in after
    assert "不满意 90 %" in shown(kit.client("lead"), blind)
    assert 'id="final"' in shown(trainer, blind)
    assert 'id="final"' in shown(agent, blind)
    colleague = shown(kit.client("specialist", "wu", merchants=("acme",), team="red"), blind)
    assert "不满意 90 %" not in colleague
    assert "specialist" not in colleague


def test_a_blind_reviewer_is_not_told_that_the_rules_found_it_too(kit: web_kit.Kit, tmp_path: Path) -> None:
    talk = (*chat_kit.CLEAN[:2], ("customer", "太慢了"), ("agent", "好的"))
    chats = chat_kit.put_in(kit.engine, tmp_path, {"clean": talk, "clean-too": talk})
    send(kit.client("specialist"), chats.blind, missed=json.dumps({"rule": "too-slow", "places": [[2, 0, 3]]}))
    (verdict,) = rows(kit, verdicts)
    assert (verdict.rule, verdict.verdict) == ("too-slow", "confirm")
    assert verdict.finding_id == chat_kit.finding(kit.engine, chats.blind, "too-slow")


# --- the queue -------------------------------------------------------------------------------------------------------


def test_submitting_leads_to_the_next_chat_and_a_held_one_is_left_alone(
    kit: web_kit.Kit, chats: chat_kit.Chats
) -> None:
    three, two = chats.three, chats.two
    fill(kit.engine, kit.clock())
    li, wu = kit.client("specialist"), kit.client("specialist", "wu", merchants=("acme",), team="red")
    assert li.send(f"/chats/{three}/claimed").status_code == 204
    assert "Specialist Li" in shown(wu, three)
    assert wu.send(f"/chats/{three}/claimed").status_code == 409
    refused = send(wu, three, comment="抢先")
    assert refused.status_code == 409
    assert "抢先" in refused.get_data(as_text=True)
    assert rows(kit) == []
    assert send(li, three, then="next", queue="reason=rule_failed").location == f"/chats/{two}?reason=rule_failed"
    assert wu.send(f"/chats/{three}/claimed").status_code == 204
    skipped = li.send(f"/chats/{two}/skipped").location
    assert skipped not in {f"/chats/{two}", f"/chats/{three}"}
    assert wu.send(f"/chats/{chats.blind}/skipped").status_code == 302


# --- naughty strings -------------------------------------------------------------------------------------------------


def skeleton(page: str) -> list[str]:
    """Tags in their order: what no text may change."""
    return re.findall(r"<(/?[a-zA-Z][\w-]*)(?=[\s>/])", page)


@pytest.fixture
def naughty(shared_dir: Path) -> list[str]:
    """Strings with at least one character that shows."""
    file = shared_dir / "suites" / "blns" / "blns.json"
    if not file.is_file():
        pytest.skip("the list of naughty strings is not beside the checkout")
    strings = json.loads(file.read_text("utf-8"))
    return [one for one in strings if re.search(r"\w", one) and one.isprintable() and len(one) <= LONGEST_LABEL]


def test_naughty_strings_in_every_field_leave_the_page_as_it_is(
    kit: web_kit.Kit, tmp_path: Path, naughty: list[str]
) -> None:
    def chat(name: str, eight: Sequence[str]) -> dict[str, Any]:
        said, told, who, team, customer, tier, channel, category = eight
        record = chat_kit.record(name, (("customer", said), ("agent", f"不知道 {told}")), csat=3)
        whose = {"agent": {"id": "a-1", "name": who, "team": team}, "customer": {"id": customer, "tier": tier}}
        return record | whose | {"channel": channel, "category": category, "tags": [said]}

    eights = [[*naughty[at : at + 8], *naughty[:8]][:8] for at in range(0, len(naughty), 8)]
    chats = [chat("plain", ["plain"] * 8), *(chat(f"n-{n}", eight) for n, eight in enumerate(eights))]
    known = chat_kit.inspect(kit.engine, tmp_path, chats)
    client = kit.client("lead")
    plain = skeleton(shown(client, known["plain"]))
    wrong = [name for name, one in known.items() if skeleton(shown(client, one)) != plain]
    assert wrong == []


def test_naughty_strings_of_a_reviewer_leave_the_page_as_it_is(
    kit: web_kit.Kit, chats: chat_kit.Chats, naughty: list[str]
) -> None:
    client = kit.client("lead")
    field = "-".join(("reason", str(chat_kit.finding(kit.engine, chats.two, "dont-know"))))
    said = answers(kit, chats.two, dont_know="overturn")

    token = client.token()

    def typed(reason: str, comment: str, note: str) -> dict[str, str]:
        missed = json.dumps({"rule": "rude", "places": [[1, 0, 2]], "note": note})
        return {**said, field: reason, "comment": comment, "missed": missed}

    def refused(*texts: str) -> list[str]:
        stale = {"csrf_token": token, "token": "t", "state": "old", **typed(*texts)}
        answer = client.post(f"/chats/{chats.two}/review", data=stale)
        assert answer.status_code == 409
        return skeleton(answer.get_data(as_text=True))

    plain = refused("plain", "plain", "plain")
    threes = [[*naughty[at : at + 3], *naughty[:3]][:3] for at in range(0, len(naughty), 3)]
    assert [three for three in threes if refused(*three) != plain] == []
    script = "<script>alert(1)</script>"
    assert send(client, chats.two, **typed(script, script, script), then="stay").status_code == 303
    assert "<script>alert" not in shown(client, chats.two)
