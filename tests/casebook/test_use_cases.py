"""Cases made of chats, found, likened, folded, collected; candidates; the star. On both databases."""

from __future__ import annotations

from pathlib import Path

import case_kit
import chat_kit
import insight_kit
import pytest
from case_kit import badly, well
from sqlalchemy import Engine, select

from qa import casebook as cb
from qa.casebook import candidates, collecting, stars
from qa.casebook.candidates import Sign
from qa.errors import NotFoundError
from qa.people import Scope
from qa.store import audit
from qa.store.audit import Act
from qa.store.case_candidates import Source
from qa.store.case_filters import CaseFilters, CaseKind, CaseState
from qa.store.cases import read_case
from qa.store.reviews import Verdict
from qa.store.session import read_tx, write_tx
from qa.store.stars import Which
from qa.store.tables import chat_bodies, inspections

ACT = Act("trainer", 1_795_200_000_000_000)
ACME, ELSEWHERE = Scope(merchants=("acme",)), Scope(merchants=("nowhere",))
DAYS = ("2026-11-01", "2026-11-30")


def actions(engine: Engine) -> list[str]:
    with read_tx(engine) as connection:
        return [one.action for one in audit.latest(connection, 50)][::-1]


def pk_of(engine: Engine, inspection: int) -> int:
    with read_tx(engine) as connection:
        return int(
            connection.execute(select(inspections.c.chat_pk).where(inspections.c.id == inspection)).scalar_one()
        )  # fmt: skip


def test_from_candidate_to_collection(store_engine: Engine, tmp_path: Path) -> None:
    made = chat_kit.put_in(store_engine, tmp_path)
    three, two = pk_of(store_engine, made.three), pk_of(store_engine, made.two)
    found = chat_kit.finding(store_engine, made.two, "too-slow")
    insight_kit.say(store_engine, three, 5, typical=True, inspection=made.three)
    insight_kit.say(store_engine, two, 6, Verdict("too-slow", "confirm", found), inspection=made.two, excellent=True)
    insight_kit.say(store_engine, two, 7, Verdict("too-slow", "confirm", found), inspection=made.two)  # takes it back
    cb.nominate(store_engine, Act("li", 8), made.clean, "excellent", " 回答 清楚 ")
    cb.nominate(store_engine, Act("li", 9), made.clean, "typical", None)
    see_candidates(store_engine, made)
    key = curate(store_engine, made, three)
    collect(store_engine, key)
    see_stars(store_engine, made)


def see_candidates(store_engine: Engine, made: chat_kit.Chats) -> None:
    seen = candidates.look(store_engine, ACME, Source.ALL, DAYS, None)
    by = {one.seen.inspection_id: one for one in seen.found}
    assert by[made.three].signs[0] is Sign.MARKED_TYPICAL
    assert (by[made.two].kind, by[made.two].signs[0]) == (CaseKind.TYPICAL, Sign.CONFIRMED)
    assert by[made.clean].kind is CaseKind.TYPICAL
    assert by[made.clean].seen.nominated == (("typical", "li", None),)
    assert made.blind not in by
    assert made.foreign not in by
    people = candidates.look(store_engine, ACME, Source.PEOPLE, DAYS, None, CaseKind.TYPICAL)
    assert {one.seen.inspection_id for one in people.found} == {made.three, made.clean}
    problems = candidates.look(store_engine, ACME, Source.PROBLEM, DAYS, None)
    assert {one.seen.inspection_id for one in problems.found} == {made.two, made.three}
    assert candidates.look(store_engine, ACME, Source.PRAISE, ("2020-01-01", "2020-01-02"), None).found == []


def curate(store_engine: Engine, made: chat_kit.Chats, three: int) -> int:
    draft = cb.CaseDraft(
        "推脱 13800138000", "typical", "推诿，态度", "售后", "", {"task": "说清"},
        (badly(1, "不能说不知道", 2, 5),),
    )  # fmt: skip
    key = cb.create(store_engine, ACT, made.three, draft)
    assert cb.create(store_engine, ACT, made.three, draft) == key
    with pytest.raises(cb.CaseError):
        cb.read_origin(store_engine, made.blind)
    with pytest.raises(NotFoundError):
        cb.read_origin(store_engine, 5)
    with pytest.raises(NotFoundError):
        cb.open_case(store_engine, ACME, key, curates=False)  # a draft
    cb.set_state(store_engine, ACT, key, CaseState.PUBLISHED)
    opened = cb.open_case(store_engine, ACME, key, curates=False)
    assert (opened.head.title, opened.head.tags) == ("推脱 ***********", ("态度", "推诿"))
    assert opened.transcript[2].text == "太慢了，电话***********"
    assert made.three not in {
        one.seen.inspection_id for one in candidates.look(store_engine, ACME, Source.ALL, DAYS, None).found
    }

    cb.change(store_engine, ACT, key, draft._replace(title="推脱", version=2))
    with pytest.raises(cb.StaleCaseError) as stale:
        cb.change(store_engine, Act("other", 1), key, draft._replace(version=2))
    assert (stale.value.by, stale.value.version, stale.value.status) == ("trainer", 3, 409)
    for bad in (
        draft._replace(title=" "),
        draft._replace(kind="x"),
        draft._replace(notes=(well(9, "x"),)),
    ):
        with pytest.raises(cb.CaseError):
            cb.change(store_engine, ACT, key, bad._replace(version=3))

    with write_tx(store_engine) as connection:  # retention takes the chat's text away; the case keeps it
        connection.execute(chat_bodies.update().where(chat_bodies.c.chat_pk == three).values(body=b"{}"))
    assert cb.open_case(store_engine, ACME, key, curates=True).transcript == opened.transcript
    return key


def collect(store_engine: Engine, key: int) -> None:
    collection = collecting.create_collection(store_engine, ACT, ACME, "新人课", "第一周", "acme")
    second = case_kit.add(store_engine)
    foreign = case_kit.add(store_engine, merchant="other")
    for one in (key, second, key):
        collecting.collect(store_engine, ACT, collection, one)
    with pytest.raises(cb.CaseError):
        collecting.collect(store_engine, ACT, collection, foreign)
    with pytest.raises(NotFoundError):
        collecting.collect(store_engine, ACT, collection, 99)
    collecting.move(store_engine, ACT, collection, second, -1)
    cb.set_state(store_engine, ACT, key, CaseState.WITHDRAWN)
    whole, shown = (collecting.gather(store_engine, collection, curates=one) for one in (True, False))
    assert ([one.head.id for one in whole.items], [one.head.id for one in shown.items]) == ([second, key], [second])
    assert (shown.hidden, whole.collection.size) == (1, 2)
    collecting.discard(store_engine, ACT, collection, key)
    collecting.rename_collection(store_engine, ACT, collection, "课", None)
    assert [one.name for one in collecting.collections_of(store_engine, ACME)] == ["课"]
    assert collecting.collections_of(store_engine, ELSEWHERE) == []
    for name, merchant in ((" ", "acme"), ("x", None), ("x", "other")):
        with pytest.raises(cb.CaseError):
            collecting.create_collection(store_engine, ACT, ACME, name, None, merchant)
    collecting.drop_collection(store_engine, ACT, collection)
    with pytest.raises(NotFoundError):
        collecting.gather(store_engine, collection, curates=True)
    log = actions(store_engine)
    assert {"case.create", "case.repeat", "case.publish", "case.change", "case.withdraw", "case.nominate"} <= {*log}
    assert {"collection.create", "collection.add", "collection.move", "collection.remove", "collection.drop"} <= {*log}


def see_stars(store_engine: Engine, made: chat_kit.Chats) -> None:
    month = stars.month_of(store_engine, ACME, "2026-11")
    (few,) = month.too_few
    assert (month.tiers, few.agent_id, few.name, few.score.n) == ((), "a-1", "小王", 4)
    assert (few.red_confirmed, few.red_open, few.marked) == (0, 1, 0)  # the mark was taken back
    red, _ = stars.chats_behind(store_engine, ACME, ("acme", "a-1"), "2026-11", Which.RED, None)
    assert [one.inspection_id for one in red] == [made.three]
    every, onward = stars.chats_behind(store_engine, ACME, ("acme", "a-1"), "2026-11", Which.ALL, made.three + 2)
    assert (len(every) < 4, onward) == (True, None)
    assert stars.month_of(store_engine, ELSEWHERE, None).months == []


def test_search_filters_pages_likeness_and_folding(store_engine: Engine) -> None:
    said = ("包裹破损了怎么处理", "非常抱歉，我马上为您补发一件新的，运费我们承担")
    first = case_kit.add(store_engine, said, ("破损",), kind="typical", day="2026-11-01", title="破损")
    same = case_kit.add(store_engine, (said[0], said[1].replace("马上", "立刻")), title="补发")
    plain = case_kit.add(store_engine)
    case_kit.add(store_engine, merchant="other")
    hidden = case_kit.add(store_engine, state="draft")

    def keys(scope: Scope = ACME, **chosen: object) -> list[int]:
        listed = cb.look(store_engine, scope, CaseFilters(**chosen), None)  # type: ignore[arg-type]
        assert listed.number == len(listed.page.cases)
        return [one.id for one in listed.page.cases]

    assert keys() == [plain, same, first]
    assert keys(ELSEWHERE) == []
    assert keys(text="补发") == [same, first]
    assert keys(text="补发 破损") == [same, first]
    assert keys(text="！") == []
    assert keys(text="'; DROP") == []
    assert keys(tag="破损") == keys(kind=CaseKind.TYPICAL) == keys(until="2026-11-01") == [first]
    assert keys(since="2026-11-02") == [plain, same]
    assert keys(state=CaseState.DRAFT) == [hidden]
    assert keys(scenario="售后", question_type="退款", merchant="acme", text="退款") == [plain]
    assert cb.look(store_engine, ACME, CaseFilters(), plain).page.cases[0].id == same
    assert cb.look(store_engine, ACME, CaseFilters(), None).choices.tags == ["破损"]

    alike = cb.open_case(store_engine, ACME, first, curates=False).similar[0]
    assert (alike.head.id, alike.nearly) == (same, True)
    assert "补发" in alike.like.words or "破损" in alike.like.words
    cb.fold(store_engine, ACT, ACME, same, first)
    assert keys() == [plain, first]
    assert [one.id for one in cb.open_case(store_engine, ACME, first, curates=False).folded] == [same]
    cb.fold(store_engine, ACT, ACME, first, plain)  # what was folded into it goes along
    assert cb.open_case(store_engine, ACME, same, curates=True).into.id == plain  # type: ignore[union-attr]
    for wrong in (99, 4, plain, same):  # not there, another merchant's, itself, folded into itself
        with pytest.raises(cb.CaseError):
            cb.fold(store_engine, ACT, ACME, plain, wrong)
    cb.fold(store_engine, ACT, ACME, first, None)
    assert keys() == [plain, first]
    with read_tx(store_engine) as connection:
        assert read_case(connection, 1 << 70) is None
