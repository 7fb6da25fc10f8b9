"""Rules as pages: standards, health, trying a rule, what changed, backtests."""

from __future__ import annotations

from pathlib import Path

import chat_kit
import insight_kit
import night_kit
import pytest
import web_kit

from qa import rulehealth, trying
from qa.errors import NotFoundError
from qa.publishing import Act, publish
from qa.rulehealth import duplicates, hash_of, precision, standard_of
from qa.rules.inspector import load_scorecard
from qa.rules.nearly import REMARKS
from qa.rules.pack import load_pack
from qa.store.inspected import where
from qa.store.operation_tables import dropped_texts
from qa.store.reviews import Verdict
from qa.store.session import read_tx, write_tx
from qa.trying import Judges
from qa.web import rules

HOUSE = standard_of(None, None)
DIGEST = hash_of(HOUSE)
RULE = "needs-not-confirmed"
PHONE = "13800138000"


@pytest.fixture
def judged(kit: web_kit.Kit, tmp_path: Path) -> web_kit.Kit:
    """A night of 90 chats."""
    night_kit.bring_in(kit.engine, tmp_path / "in", night_kit.day_of_chats(90))
    night_kit.night(kit.engine, policy=night_kit.policy(rate=1.0))
    return kit


def most_found(kit: web_kit.Kit) -> str:
    health = rulehealth.health(kit.engine, HOUSE, 30)
    assert health is not None
    return max(health.rules, key=lambda one: one.fired).rule.id


@pytest.mark.slow
def test_health_counts_what_fired_and_the_latest_word_on_it(judged: web_kit.Kit) -> None:
    engine, rule = judged.engine, most_found(judged)
    found = insight_kit.found_by(engine, rule)
    for place, (pk, inspection, finding) in enumerate(found[:6]):
        word = "confirm" if place < 4 else "overturn"
        insight_kit.say(engine, pk, 10, Verdict(rule, word, finding), inspection=inspection)
    pk, inspection, finding = found[0]
    insight_kit.say(
        engine, pk, 20, Verdict(rule, "overturn", finding), by="wu", inspection=inspection
    )  # the later word
    pk, inspection, finding = found[6]
    insight_kit.say(engine, pk, 10, Verdict(rule, "unsure", finding), inspection=inspection)
    clean = [pk for pk in insight_kit.all_chats(engine) if pk not in {one[0] for one in found}]
    insight_kit.say(engine, clean[0], 10, Verdict(rule, "missed"), kind="audit")
    insight_kit.say(engine, clean[0], 10, Verdict(rule, "missed"), by="wu", kind="audit")  # one chat all the same
    insight_kit.say(engine, clean[1], 10, Verdict(rule, "missed"))
    insight_kit.say(engine, clean[2], 10, Verdict(rule, "missed"), kind="audit")
    insight_kit.say(engine, clean[2], 20, kind="audit", satisfaction="neutral")  # taken back
    health = rulehealth.health(engine, HOUSE, 30)
    assert health is not None
    mine = next(one for one in health.rules if one.rule.id == rule)
    assert (mine.fired, mine.confirmed, mine.overturned, mine.unsure) == (len(found), 3, 3, 1)
    assert (mine.missed, health.audited) == ((2, 1), 2)
    assert mine.precision == precision(3, 3)
    assert not any(one.dead for one in health.rules)  # too few chats to say so
    other = rulehealth.health(engine, HOUSE, 30, ("other",))
    assert other is not None
    assert (other.inspected, sum(one.fired for one in other.rules), other.audited) == (0, 0, 0)
    page = judged.client("lead").get(f"/rules/{DIGEST}").get_data(as_text=True)
    assert f"{mine.precision.value:.1%}" in page
    assert judged.client("specialist").get(f"/rules/{DIGEST}/{rule}?days=7").status_code == 200


def test_a_rate_without_data_is_unknown_and_twins_are_seen() -> None:
    assert precision(0, 0) is None
    sure = precision(20, 0)
    assert sure is not None
    assert (sure.value, sure.high) == (1.0, 1.0)
    assert 0.8 < sure.low < 0.9
    assert duplicates({"a": 9}, [("a", "gone", 9)]) == []
    assert duplicates({"a": 10, "b": 10}, [("a", "b", 8)]) == []  # 8 of 12


@pytest.mark.slow
def test_rules_that_never_fire_and_rules_that_fire_as_one(judged: web_kit.Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulehealth, "FEWEST_FOR_DEAD", 10)
    monkeypatch.setattr(rulehealth, "DUPLICATE", 0.0)
    health = rulehealth.health(judged.engine, HOUSE, 30)
    assert health is not None
    dead = {one.rule.id for one in health.rules if one.dead}
    assert dead
    assert dead.isdisjoint(one.rule.id for one in health.rules if one.fired or one.rule.experimental)
    pair = health.duplicates[0]
    both = {one[0] for one in insight_kit.found_by(judged.engine, pair.rule)} & {
        one[0] for one in insight_kit.found_by(judged.engine, pair.other)
    }
    assert len(both) == pair.both


def test_without_a_night_nothing_is_claimed(kit: web_kit.Kit) -> None:
    assert rulehealth.health(kit.engine, HOUSE, 30) is None
    page = kit.client("lead").get(f"/rules/{DIGEST}").get_data(as_text=True)
    assert page.count('<td class="num">–</td>') > 100
    assert kit.client("lead").get("/rules/0123456789abcdef").status_code == 404
    assert kit.client("lead").get(f"/rules/{DIGEST}/no-such-rule").status_code == 404


def test_a_text_is_tried(kit: web_kit.Kit) -> None:
    rule = HOUSE.pack.rules[0]
    client, path = kit.client("specialist"), f"/rules/{DIGEST}/{rule.id}/try"
    fires = client.send(path, text=rule.examples.bad[0])
    assert fires.status_code == 200
    assert "<mark>" in fires.get_data(as_text=True)
    passes = client.send(path, text=rule.examples.good[0]).get_data(as_text=True)
    assert "<mark>" not in passes
    assert "answers" in passes
    assert client.send(path, text="  ").status_code == 422
    assert client.send(path, text="09:00:05 nobody: hm\n@ what: 3").status_code == 422
    assert client.send(path, text="x" * 30_000).status_code == 422
    late = client.send(f"/rules/{DIGEST}/greeting-missing/try", text="客户: 在\n客服: 嗯\n客服: 有\n客服: 您好")
    told = late.get_data(as_text=True).split("第 3 条消息里有，但未计入：")[1]
    assert "您好" in told.split("不在检查范围内")[0]
    assert rules.REMARKS.keys() == REMARKS.keys()


@pytest.mark.parametrize("place", range(0, len(HOUSE.pack.rules), 9))
def test_trying_says_of_a_rules_examples_what_its_author_says(place: int) -> None:
    rule = HOUSE.pack.rules[place]
    judges = Judges({}, night_kit.ZONE)
    for text in rule.examples.bad[:2]:
        (tried,) = trying.try_text(HOUSE.pack, rule, text, judges)[:1]
        assert tried.finding is not None
        assert {piece.marked for line in tried.lines for piece in line.pieces} >= {
            any(not one.absent for one in tried.finding.evidence)
        }
    for text in rule.examples.good[:2]:
        assert trying.try_text(HOUSE.pack, rule, text, judges)[0].finding is None
    assert trying.conditions_text(rule).startswith(("when:", "applies:", "let:"))


def test_a_stored_chat_is_tried_masked_and_only_within_reach(kit: web_kit.Kit, tmp_path: Path) -> None:
    record = night_kit.chat("c-1", 1) | {"agent": {"id": "a-1", "team": "red"}}
    record["messages"] = [{"role": "customer", "text": f"我的电话{PHONE}"}, {"role": "agent", "text": "不知道"}]
    foreign = night_kit.chat("c-2", 1, merchant="other")
    for name, one in (("a", record), ("b", foreign)):
        night_kit.bring_in(kit.engine, tmp_path / name, [one])
    path = f"/rules/{DIGEST}/{HOUSE.pack.rules[0].id}/try"
    specialist = kit.client("specialist")
    mine = specialist.send(path, merchant="acme", chat="c-1")
    assert mine.status_code == 200
    assert PHONE not in mine.get_data(as_text=True)
    assert "不知道" in mine.get_data(as_text=True)
    theirs, none = (specialist.send(path, merchant="other", chat=name) for name in ("c-2", "c-9"))
    assert (theirs.status_code, none.status_code) == (422, 422)
    said, of_none = (one.get_data(as_text=True).split("notice-danger")[1][:400] for one in (theirs, none))
    assert said == of_none
    assert kit.client("lead").send(path, merchant="other", chat="c-2").status_code == 200


def test_publications_are_listed_and_compared(kit: web_kit.Kit, tmp_path: Path) -> None:
    card = load_scorecard(None)
    when = "{keywords: {any: [不知道]}}"
    drafts = [night_kit.PACK.format(name="own", version=version, rule="own-rule", when=when) for version in ("1", "2")]
    examples = "    examples: {bad: ['09:00:00 客服: 不知道'], good: ['09:00:00 客服: 您好']}\n"
    drafts = [text.replace("extends: house\n", "") for text in drafts]  # its own rules only: quick to check
    drafts[1] = drafts[1].replace("deduct: 5", "deduct: 9").replace("[不知道]", "[不知道, 不清楚]")
    for version, text in enumerate(drafts, 1):
        file = tmp_path / f"own{version}.yaml"
        file.write_text(text + examples, "utf-8")
        publish(kit.engine, load_pack(file), card, Act("lead", version, "acme", f"note {version}"))
    client = kit.client("lead")
    page = client.get("/rules").get_data(as_text=True)
    assert page.index("note 2") < page.index("note 1")
    new, old = (one.ruleset for one in rulehealth.shelf(kit.engine, {}, None).publications)
    told = client.get("/rules/changes", query_string={"old": old, "new": new}).get_data(as_text=True)
    assert "own-rule" in told
    assert "deduct" in told
    assert [text in told for text in ("when.keywords.any", "不清楚", "\\u4e0d")] == [True, True, False]
    assert client.get("/rules/changes", query_string={"old": old, "new": old}).status_code == 200
    assert client.get("/rules/changes", query_string={"old": "nope", "new": new}).status_code == 404
    assert client.get(f"/rules/{old}/own-rule").status_code == 200


def test_a_merchants_own_pack_is_in_force_and_read_again_when_it_changes(tmp_path: Path) -> None:
    pack = night_kit.pack(tmp_path)
    house, own = rulehealth.in_force({"acme": pack}, None, ["acme", "b", "c"])
    assert (house.merchants, own.merchants, own.house) == (("b", "c"), ("acme",), False)
    assert rulehealth.rule_of(own.standard, "own-rule").deduct == 5
    assert standard_of(pack, None) is own.standard
    pack.write_text(pack.read_text("utf-8").replace("deduct: 5", "deduct: 7"), "utf-8")
    assert rulehealth.rule_of(standard_of(pack, None), "own-rule").deduct == 7
    with pytest.raises(NotFoundError):
        rulehealth.rule_of(own.standard, "nothing")


def test_backtests_are_handed_out_as_files(kit: web_kit.Kit) -> None:
    insight_kit.a_report(kit)
    client = kit.client("lead")
    assert insight_kit.REPORT in client.get("/rules").get_data(as_text=True)
    answer = client.get(f"/rules/backtests/{insight_kit.REPORT}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    for name in ("..%2Fzhijian.sqlite3", "other.html", "%2e%2e/secret"):
        assert client.get(f"/rules/backtests/{name}").status_code == 404
    assert "draft.html" not in kit.client("specialist").get("/rules").get_data(as_text=True)


def test_a_kept_backtest_is_a_page_with_links_to_its_chats(kit: web_kit.Kit, tmp_path: Path) -> None:
    chats = chat_kit.put_in(kit.engine, tmp_path)
    with read_tx(kit.engine) as connection:
        blind = where(connection, chats.blind)
    assert blind is not None
    shown = [
        ("acme", "three", "不知道"),
        ("other", "foreign", "远处"),
        ("acme", blind.chat_id, "暗处"),
        ("acme", "gone", "没了"),
    ]
    found = insight_kit.a_backtest(tuple(insight_kit.example(*one) for one in shown))
    run = insight_kit.a_result(kit, found)
    path = f"/rules/backtests/{run}/result"
    lead = kit.client("lead")
    assert path in lead.get("/rules").get_data(as_text=True)
    page = lead.get(path).get_data(as_text=True)
    assert f'href="/chats/{chats.three}"' in page
    assert f'href="/chats/{chats.foreign}"' in page
    assert "<mark>不知道</mark>" in page
    assert "暗处" not in page  # what was found in it is not told before it is judged
    assert "−20" in page
    assert "a-far" in page
    own = kit.client("lead", "near", merchants=("acme",)).get(path).get_data(as_text=True)
    assert f'href="/chats/{chats.three}"' in own
    assert "没了" in own
    assert "远处" not in own
    assert "a-far" not in own
    for name in ("..%2F..%2Fzhijian.sqlite3", "%2e%2e", "20261118T110640Z-other-1.json", "%00", "draft.html"):
        assert lead.get(f"/rules/backtests/{name}/result").status_code == 404
    with write_tx(kit.engine) as connection:
        three = where(connection, chats.three)
        assert three is not None
        row = {"chat_pk": three.chat_pk, "dropped_at": 1, "reason": "retention"}
        connection.execute(dropped_texts.insert().values(row))
    later = lead.get(path).get_data(as_text=True)
    assert "<mark>不知道</mark>" not in later  # nor is what was dropped quoted here
    assert "远处" in later
    assert run not in kit.client("specialist").get("/rules").get_data(as_text=True)
