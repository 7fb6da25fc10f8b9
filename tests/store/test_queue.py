"""The queue in the store, on both databases: filling, filters, pages, counts."""

from __future__ import annotations

from typing import Any

import pytest
from queue_kit import EVERYTHING, NOW, Made, opinion
from sqlalchemy import Engine, text

from qa.models.opinions import LABELS, Task
from qa.people import Scope
from qa.queueing import fill
from qa.store import queue, reviews
from qa.store.queue import Key, Looking, choices, count_items, list_ids, list_items
from qa.store.queue_filters import REASONS, RESOLUTIONS, SENTIMENTS, SEVERITIES, Filters, State, parse_filters
from qa.store.queue_work import assign, claim, find_item
from qa.store.reviews import Review, add_review
from qa.store.session import read_tx, write_tx
from qa.types import FlagReason, Severity

LOOKING = Looking(EVERYTHING, 0, NOW)


@pytest.fixture
def made(store_engine: Engine) -> Made:
    return Made(store_engine)


def ids(engine: Engine, filters: Filters | None = None, looking: Looking = LOOKING) -> list[int]:
    """What the list and the count find, which must be the same."""
    filters = filters or Filters()
    with read_tx(engine) as connection:
        page = list_items(connection, looking, filters, None, 100)
        assert count_items(connection, looking, filters) == len(page.items)
        assert list_ids(connection, looking, filters, 100) == [item.inspection_id for item in page.items]
    return [item.inspection_id for item in page.items]


def review(made: Made, inspection: int, kind: str = "queue", reviewer: str = "wang") -> None:
    blind = None if kind == "audit" else inspection
    given = Review(f"t-{inspection}-{reviewer}", made.chat_of(inspection), kind, reviewer, NOW + 5, blind)
    with write_tx(made.engine) as connection:
        add_review(connection, given)


def user(engine: Engine, name: str) -> int:
    from qa.people import UserRole
    from qa.store.accounts import insert_user

    with write_tx(engine) as connection:
        return insert_user(connection, name, name.title(), UserRole.SPECIALIST, None, None, None, NOW).id


# --- filling ---------------------------------------------------------------------------------------------------------


def test_labels_are_those_of_the_model_and_no_reason_or_severity_is_without_a_number() -> None:
    assert (LABELS[Task.SENTIMENT], LABELS[Task.RESOLUTION]) == (SENTIMENTS, RESOLUTIONS)
    assert (set(REASONS), set(SEVERITIES)) == (set(FlagReason), set(Severity))


def test_flagged_chats_of_finished_runs_wait_once(made: Made) -> None:
    run, unfinished = made.run(), made.run(day="2026-11-18", state="inspecting")
    low, high = made.add(run, "c-1", 20.0), made.add(run, "c-2", 90.0)
    made.add(run, "c-3", None)
    made.add(unfinished, "c-4", 99.0)
    assert fill(made.engine, NOW) == (1, 2)
    assert fill(made.engine, NOW) == (0, 0)
    assert ids(made.engine) == [high, low]
    with write_tx(made.engine) as connection:
        connection.execute(text("DELETE FROM queue_runs"))  # as after a process that was killed at the end
    assert fill(made.engine, NOW) == (1, 0)
    assert ids(made.engine) == [high, low]


def test_a_line_says_what_there_is_to_know(made: Made) -> None:
    said = "请加微信 好吗"
    place = {"turn": 0, "start": 1, "end": 4, "quote": "加微信"}
    run = made.run()
    made.add(
        run, "c-1", 70.0, text=said, reasons=("rule_failed", "low_score"), score=41.5, agent="a-9", team=None,
        found=[("slow", "minor", []), ("off-platform", "critical", [place])],
        sentiment=opinion("negative", SENTIMENTS), resolution=opinion("partly", RESOLUTIONS),
    )  # fmt: skip
    made.fill()
    with read_tx(made.engine) as connection:
        (item,) = list_items(connection, LOOKING, Filters(), None, 9).items
    assert item[1:13] == (
        "c-1", "acme", None, "a-9", "2026-11-17", NOW - 3_600_000_000, 70.0,
        (FlagReason.RULE_FAILED, FlagReason.LOW_SCORE), 41.5, Severity.CRITICAL, "negative", "partly",
    )  # fmt: skip
    assert item.evidence == {
        "rule": "off-platform", "message": "off-platform 不合规", "text": said, "start": 1, "end": 4,
    }  # fmt: skip


def test_a_chat_that_cannot_be_read_waits_like_any_other(made: Made) -> None:
    broken = made.add(made.run(), "c-1", 95.0, reasons=("broken",))
    with write_tx(made.engine) as connection:
        connection.execute(text("UPDATE chat_bodies SET body = :body"), {"body": b'{"id": "c-1", "mess'})
    assert made.fill() == 1
    assert ids(made.engine, Filters(reason=FlagReason.BROKEN)) == [broken]


def test_a_review_in_the_queue_or_a_blind_one_makes_it_done_whoever_stores_it(made: Made) -> None:
    one, two, other = made.many([50.0, 40.0, 30.0])
    review(made, one)
    review(made, two, "audit")
    review(made, other, "import")
    review(made, one, reviewer="zhao")
    assert ids(made.engine) == [other]
    assert ids(made.engine, Filters(state=State.DONE)) == [one, two]
    assert ids(made.engine, Filters(state=State.ALL)) == [one, two, other]
    with read_tx(made.engine) as connection:
        done = list_items(connection, LOOKING, Filters(state=State.DONE), None, 1).items[0]
    assert (done.done_by, done.done_at) == ("wang", NOW + 5)


def test_what_was_reviewed_before_it_came_is_done_when_it_comes(made: Made) -> None:
    inspection = made.add(made.run(), "c-1", 60.0)
    review(made, inspection)
    made.fill()
    assert ids(made.engine, Filters(state=State.DONE)) == [inspection]


def test_a_rescoring_replaces_what_is_open_and_leaves_what_is_done_or_in_work(made: Made) -> None:
    wang = user(made.engine, "wang")
    to_wang, in_work, done, clean_now = made.many([90.0, 80.0, 70.0, 60.0], found=[("slow", "minor", [])])
    review(made, done)
    with write_tx(made.engine) as connection:
        assign(connection, [to_wang], wang, NOW)
        claim(connection, in_work, wang, NOW, NOW + 100, whoever_is_to=False)
    again = made.run(kind="rescore")
    new = [
        made.add(again, "", risk, chat=made.chat_of(one))
        for one, risk in ((to_wang, 55.0), (in_work, 99.0), (done, 98.0), (clean_now, None))
    ]
    assert made.fill() == 1
    assert ids(made.engine, Filters(state=State.ALL)) == [in_work, done, new[0]]
    with read_tx(made.engine) as connection:
        found = find_item(connection, new[0], NOW)
        assert found is not None
        assert found.assignee == wang
        assert connection.execute(text("SELECT count(*) FROM queue_marks WHERE mark = 'rule:slow'")).scalar() == 2


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(made: Made) -> dict[str, int]:
    """Two chats that differ in everything that can be filtered by."""
    acme, other = made.run("acme", "2026-11-16"), made.run("other", "2026-11-18")
    this = made.add(
        acme, "this", 80.0, agent="a-1", team="red", score=30.0, reasons=("red_line",), text="我要退款，多久到账",
        found=[("insult", "critical", [])], sentiment=opinion("negative", SENTIMENTS),
        resolution=opinion("unresolved", RESOLUTIONS),
    )  # fmt: skip
    that = made.add(
        other, "that", 70.0, agent="a-2", team="blue", score=90.0, reasons=("excellent",), text="谢谢，账到了",
        found=[("slow", "minor", [])], sentiment=opinion("positive", SENTIMENTS),
        resolution=opinion("resolved", RESOLUTIONS),
    )  # fmt: skip
    made.fill()
    return {"this": this, "that": that}


@pytest.mark.parametrize(
    ("this", "that"),
    [
        ({"reason": "red_line"}, {"reason": "excellent"}),
        ({"rule": "insult"}, {"rule": "slow"}),
        ({"severity": "critical"}, {"severity": "minor"}),
        ({"merchant": "acme"}, {"merchant": "other"}),
        ({"team": "red"}, {"team": "blue"}),
        ({"agent": "a-1"}, {"agent": "a-2"}),
        ({"until": "2026-11-16"}, {"since": "2026-11-17"}),
        ({"high": "30"}, {"low": "30.5"}),
        ({"sentiment": "negative"}, {"sentiment": "positive"}),
        ({"resolution": "unresolved"}, {"resolution": "resolved"}),
        ({"text": "退款"}, {"text": "谢谢"}),
        ({"text": "多久到账"}, {"text": "账到了"}),
        ({"rule": "insult", "reason": "red_line", "text": "到账 退款"}, {"rule": "slow", "low": "90"}),
    ],
)  # fmt: skip
def test_each_filter(made: Made, mixed: dict[str, int], this: dict[str, str], that: dict[str, str]) -> None:
    assert ids(made.engine, parse_filters(this)) == [mixed["this"]]
    assert ids(made.engine, parse_filters(that)) == [mixed["that"]]
    assert parse_filters(parse_filters(this).chosen) == parse_filters(this)
    assert ids(made.engine, parse_filters(this)._replace(team="green")) == []


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize(
    "nothing", ["不存在的话", "退款 谢谢", "？！", "'", '"退款" OR NOT (x)', "*", "😀", "\ud800", "\0"]
)
def test_a_search_for_what_is_not_there_finds_nothing_and_breaks_nothing(made: Made, nothing: str) -> None:
    assert ids(made.engine, Filters(text=nothing)) == []


def test_marks_between_the_words_of_a_search_mean_nothing(made: Made, mixed: dict[str, int]) -> None:
    assert ids(made.engine, Filters(text="账 \0 '")) == [mixed["this"], mixed["that"]]
    assert ids(made.engine, Filters(text="“退款”* (ＴＵＩ")) == []
    assert ids(made.engine, Filters(text="“退款”* (")) == [mixed["this"]]


def test_a_search_walks_the_items_where_the_word_is_common(
    made: Made, mixed: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "COMMON", 1)
    assert ids(made.engine, Filters(text="您好")) == [mixed["this"], mixed["that"]]
    assert ids(made.engine, Filters(text="您好", rule="slow")) == [mixed["that"]]


def test_reach(made: Made, mixed: dict[str, int]) -> None:
    def seen(**scope: Any) -> list[int]:
        return ids(made.engine, None, LOOKING._replace(scope=Scope(**scope)))

    assert seen(merchants=("acme",)) == seen(merchants=("acme", "none")) == [mixed["this"]]
    assert seen(merchants=()) == seen(merchants=("acme",), team="blue") == []
    assert seen(merchants=("acme",), agent_id="a-1", user_id=3) == [mixed["this"]]
    assert seen(merchants=("acme",), user_id=3) == []
    with read_tx(made.engine) as connection:
        assert choices(connection, EVERYTHING) == (["acme", "other"], ["blue", "red"], ["insult", "slow"])
        assert choices(connection, Scope(("acme",), "red"))[:2] == (["acme"], ["red"])


def test_states(made: Made) -> None:
    wang, zhao = user(made.engine, "wang"), user(made.engine, "zhao")
    mine, to_me, hers, to_her, free, over = made.many([90.0, 80.0, 70.0, 60.0, 50.0, 40.0])
    with write_tx(made.engine) as connection:
        assert claim(connection, mine, wang, NOW, NOW + 10, whoever_is_to=False)
        assert claim(connection, hers, zhao, NOW, NOW + 10, whoever_is_to=False)
        assert claim(connection, over, zhao, NOW - 10, NOW, whoever_is_to=False)
        assert assign(connection, [to_me], wang, NOW) == [to_me]
        assert assign(connection, [to_her, hers, mine], zhao, NOW) == [hers, to_her]
    me = LOOKING._replace(user_id=wang)
    assert ids(made.engine, Filters(state=State.MINE), me) == [mine, to_me]
    assert ids(made.engine, Filters(state=State.UNCLAIMED), me) == [free, over]
    assert ids(made.engine, Filters(), me) == [mine, to_me, hers, to_her, free, over]


def test_what_makes_no_sense_in_a_url_limits_nothing() -> None:
    wrong = {
        "state": "x", "reason": "x", "severity": "x", "since": "yesterday", "low": "nan", "high": "101",
        "sentiment": "resolved", "rule": " \0", "unknown": "1",
    }  # fmt: skip
    assert parse_filters(wrong) == Filters()
    assert parse_filters({"agent": "x" * 999}).agent == "x" * 120


# --- pages -----------------------------------------------------------------------------------------------------------


def walk(engine: Engine, size: int, filters: Filters, between: Any = None) -> list[int]:
    seen: list[int] = []
    after: Key | None = None
    while True:
        with read_tx(engine) as connection:
            page = list_items(connection, LOOKING, filters, after, size)
        seen += [item.inspection_id for item in page.items]
        after = page.after
        if after is None:
            return seen
        if between is not None:
            between()


@pytest.mark.parametrize("filters", [Filters(), Filters(reason=FlagReason.RULE_FAILED), Filters(text="在吗")])
def test_pages_show_everything_once_while_chats_arrive(made: Made, filters: Filters) -> None:
    there = made.many([float(50 + place % 3) for place in range(13)])
    arriving = iter([99.0, 51.0, 1.0, 52.0, 50.0, 51.0])
    seen = walk(made.engine, 3, filters, lambda: made.many([next(arriving)]))
    assert len(seen) == len(set(seen))
    assert set(there) <= set(seen)
    assert [one for one in seen if one in there] == sorted(there, key=lambda one: (-(50 + there.index(one) % 3), one))


def test_a_count_is_exact_up_to_where_it_stops(made: Made) -> None:
    made.many([5.0] * 7)
    with read_tx(made.engine) as connection:
        assert [count_items(connection, LOOKING, Filters(), most) for most in (6, 7, 8)] == [7, 7, 7]
        assert count_items(connection, LOOKING, Filters(), 5) == 6  # more than five
        assert count_items(connection, LOOKING, Filters(text="在吗"), 5) == 6


def test_the_reviews_of_a_chat_are_untouched(made: Made) -> None:
    (one,) = made.many([5.0])
    review(made, one)
    with read_tx(made.engine) as connection:
        assert len(reviews.history_of(connection, made.chat_of(one))) == 1
