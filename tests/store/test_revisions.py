from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.store.revisions import (
    MAX_NAME,
    Incoming,
    Key,
    Known,
    Unstorable,
    Verdict,
    canonical,
    decide,
    first_instant,
    local_day,
    prepare,
)
from qa.types import Agent, Chat, Customer, Message, Outcome, Role

SHANGHAI = ZoneInfo("Asia/Shanghai")
MIDNIGHT = 1_795_104_000_000_000  # 2026-11-20T00:00:00+08:00
DAY = "2026-11-01"


def chat(text: str = "在吗", *, at: int | None = None, **fields) -> Chat:
    return Chat(**({"id": "c-1", "messages": (Message(Role.CUSTOMER, text, at),)} | fields))


def ready(value: Chat, *, source: str | None = None, day: str = DAY) -> Incoming:
    prepared = prepare(value, SHANGHAI, day, source)
    assert isinstance(prepared, Incoming)
    return prepared


def verdicts(*batch: Incoming, stored: dict[Key, Known] | None = None) -> list[str]:
    return [str(verdict) for verdict in decide(batch, stored or {}).verdicts]


def after(*batch: Incoming) -> Known:
    return decide(batch, {}).known["default", "c-1"]


def test_the_day_is_that_of_the_start_else_of_the_earliest_message_else_the_assumed_one() -> None:
    both = chat(at=MIDNIGHT, started_at=MIDNIGHT - 1)
    late_first = chat(messages=(Message(Role.AGENT, "a", MIDNIGHT), Message(Role.AGENT, "b", MIDNIGHT - 1)))
    assert [first_instant(one) for one in (both, late_first, chat())] == [MIDNIGHT - 1, MIDNIGHT - 1, None]
    assert [(ready(one).day, ready(one).day_assumed) for one in (both, chat(at=MIDNIGHT), chat())] == [
        ("2026-11-19", False),
        ("2026-11-20", False),
        (DAY, True),
    ]


def test_the_day_is_local() -> None:
    assert local_day(MIDNIGHT, SHANGHAI) == "2026-11-20"
    assert local_day(MIDNIGHT, ZoneInfo("UTC")) == "2026-11-19"
    assert local_day(-1, ZoneInfo("UTC")) == "1969-12-31"


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (chat(id="a\0b"), "id", "NUL"),
        (chat(merchant="x" * (MAX_NAME + 1)), "merchant", "longer than 255"),
        (chat(agent=Agent(id="\0")), "agent.id", "NUL"),
        (chat(agent=Agent(team="\0")), "agent.team", "NUL"),
        (chat(channel="\0"), "channel", "NUL"),
        (chat(customer=Customer(id="\0")), "customer.id", "NUL"),
        (chat("\ud800"), "messages", "surrogate"),
        (chat(started_at=2**63), "started_at", "years 1 to 9999"),
        (chat(started_at=-(2**62)), "started_at", "years 1 to 9999"),
    ],
)
def test_what_no_database_can_hold_is_named(value: Chat, field: str, reason: str) -> None:
    problem = prepare(value, SHANGHAI, DAY, None)
    assert isinstance(problem, Unstorable)
    assert problem.field == field
    assert reason in problem.reason


def test_nesting_without_end_is_unstorable() -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"x": deep}
    problem = prepare(chat(extra=deep), SHANGHAI, DAY, None)
    while deep:  # taken apart by hand: dropping it whole recurses
        deep = deep.pop("x")  # type: ignore[assignment]
    assert problem == Unstorable("extra", "nested too deeply")


def test_equal_chats_have_one_encoding_however_they_were_made() -> None:
    name, kind = str(b"default", "ascii"), str(b"text", "ascii")  # equal to the defaults, but other objects
    explicit = Chat(
        id="c",
        messages=(Message(Role.AGENT, "x", kind=kind),),
        merchant=name,
        agent=Agent(),
        customer=Customer(),
        outcome=Outcome(),
        tags=(),
    )
    plain = Chat(id="c", messages=(Message(Role.AGENT, "x"),))
    assert ready(explicit).body == ready(plain).body == b'{"id":"c","messages":[{"role":"agent","text":"x"}]}'
    whole = Chat(id="c", messages=(), csat=5, outcome=Outcome(order_amount=3))
    assert ready(whole).body == ready(msgspec.json.decode(ready(whole).body, type=Chat)).body


def test_the_order_of_unknown_fields_is_kept_but_is_no_change() -> None:
    one, other = ready(chat(extra={"a": 1, "b": 2})), ready(chat(extra={"b": 2, "a": 1}))
    assert one.content_hash == other.content_hash
    assert one.body != other.body


names = st.sampled_from(["default", "acme", None])
chats = st.builds(
    Chat,
    id=st.just("c"),
    merchant=st.sampled_from(["default", "acme"]),
    agent=st.builds(Agent, id=names),
    outcome=st.builds(Outcome, order_amount=st.none() | st.integers(0, 9) | st.floats(0, 9)),
    csat=st.none() | st.integers(1, 5) | st.floats(1, 5),
    messages=st.lists(
        st.builds(Message, role=st.sampled_from(Role), text=st.text(), kind=st.sampled_from(["text", "image"])),
        max_size=3,
    ).map(tuple),
    extra=st.none() | st.dictionaries(st.text(), st.text() | st.integers(), max_size=3),
)


@given(chats)
def test_a_stored_chat_comes_back_equal_and_encodes_to_the_same_bytes(value: Chat) -> None:
    incoming = ready(value)
    back = msgspec.json.decode(incoming.body, type=Chat)
    assert back == value == canonical(value)
    assert ready(back)[4:] == incoming[4:]


def test_new_unchanged_changed_in_the_order_of_the_batch() -> None:
    a, b = ready(chat("a")), ready(chat("b"))
    assert verdicts(a, a, b, b, a) == ["new", "unchanged", "changed", "unchanged", "changed"]
    plan = decide([a, a, b, b, a], {})
    assert [(one.number, one.current) for one in plan.revisions] == [(1, False), (2, False), (3, True)]
    assert plan.retired == ()


def test_the_stored_revision_is_retired_once() -> None:
    a, b, c = (ready(chat(text)) for text in "abc")
    stored = {a.key: Known(7, 3, None, DAY, a.content_hash)}
    plan = decide([a, b, c], stored)
    assert [str(one) for one in plan.verdicts] == ["unchanged", "changed", "changed"]
    assert plan.retired == (7,)
    assert [one.number for one in plan.revisions] == [4, 5]


def test_ids_of_two_systems_never_merge() -> None:
    a, b = ready(chat("a"), source="crm"), ready(chat("b"), source="shop")
    assert verdicts(a, b) == ["new", "conflict"]
    assert verdicts(a, a._replace(source="shop")) == ["new", "conflict"]  # not even with equal content
    assert after(a, b).content_hash == a.content_hash


def test_an_unnamed_source_joins_and_a_name_once_known_stays() -> None:
    unnamed, named, other = ready(chat("a")), ready(chat("b"), source="crm"), ready(chat("c"), source="shop")
    assert verdicts(unnamed, named, other) == ["new", "changed", "conflict"]
    assert after(named, unnamed).source == "crm"
    assert after(unnamed, named).source == "crm"


def test_a_changed_chat_without_times_keeps_its_day() -> None:
    assert after(ready(chat("a")), ready(chat("b"), day="2026-11-02")).day == DAY
    assert verdicts(ready(chat("a")), ready(chat("a"), day="2026-11-02")) == ["new", "unchanged"]
    assert after(ready(chat("a")), ready(chat("b", at=MIDNIGHT))).day == "2026-11-20"
    assert after(ready(chat("b", at=MIDNIGHT)), ready(chat("a"))).day == "2026-11-20"


def test_merchants_have_ids_of_their_own() -> None:
    assert verdicts(ready(chat()), ready(chat(merchant="acme"))) == ["new", "new"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from([None, "crm", "shop"]))))
def test_cutting_a_file_into_batches_changes_nothing(records: list[tuple[str, str, str | None]]) -> None:
    batch = [ready(chat(text, id=name), source=source) for name, text, source in records]
    whole = decide(batch, {})
    known: dict[Key, Known] = {}
    cut: list[Verdict] = []
    for one in batch:
        step = decide([one], known)
        cut += step.verdicts
        known |= step.known
    assert tuple(cut) == whole.verdicts
    assert known == whole.known
