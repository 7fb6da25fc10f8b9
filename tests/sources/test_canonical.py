from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.errors import SourceError
from qa.sources.canonical import chat_to_dict, convert, to_chat
from qa.sources.times import HIGH, LOW, from_any, from_iso, from_number, to_iso, why_not
from qa.types import Agent, Chat, Customer, Followup, Message, Outcome, Role, Status

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE = 1795136405000000  # 2026-11-20T09:00:05+08:00


def one(**fields):
    return {"id": "c-1", "messages": [{"role": "customer", "text": "在吗"} | fields]}


def chat_with(**fields):
    return {"id": "c-1", "messages": [{"role": "customer", "text": "在吗"}]} | fields


FULL = {
    "id": "c-1001",
    "merchant": "acme",
    "channel": "web",
    "agent": {"id": "a-7", "name": "小李", "team": "售后", "badge": 7},
    "customer": {"id": "u-9", "tier": "vip"},
    "started_at": "2026-11-20T09:00:05+08:00",
    "ended_at": "2026-11-20T09:10:05.000001+08:00",
    "status": "open",
    "csat": 5.0,
    "escalated": False,
    "category": "退换货",
    "tags": ["急", "急"],
    "outcome": {"resolved": True, "converted": False, "order_amount": 199.0},
    "followups": [{"at": "2026-11-20T10:00:05+08:00", "kind": "survey", "by": "sms"}, {}],
    "messages": [
        {"id": "m1", "role": "customer", "at": "2026-11-20T09:00:05+08:00", "text": "在吗", "labels": {"intent": "问"}},
        {"role": "agent", "text": "", "kind": "image", "withdrawn": True, "private": True},
    ],
    "labels": [1, None, {"x": 1.5}],
}


def test_every_field_arrives_and_goes_back_as_it_came():
    chat = to_chat(FULL, zone=SHANGHAI)
    assert chat.agent == Agent(id="a-7", name="小李", team="售后")
    assert chat.customer == Customer(id="u-9", tier="vip")
    assert chat.outcome == Outcome(resolved=True, converted=False, order_amount=199.0)
    assert chat.followups == (Followup(at=NINE + 3_600_000_000, kind="survey"), Followup())
    assert (chat.started_at, chat.ended_at, chat.status) == (NINE, NINE + 600_000_001, Status.OPEN)
    assert chat.messages[0] == Message(Role.CUSTOMER, "在吗", NINE, id="m1", extra={"labels": {"intent": "问"}})
    assert chat.messages[1] == Message(Role.AGENT, "", kind="image", withdrawn=True, private=True)
    assert chat.extra == {"labels": [1, None, {"x": 1.5}], "agent": {"badge": 7}, "followups": {"0": {"by": "sms"}}}
    assert chat_to_dict(chat, SHANGHAI) == FULL


def test_only_id_role_and_text_are_required_and_null_is_unknown():
    chat = to_chat(chat_with(), merchant="m")
    assert chat == Chat(id="c-1", messages=(Message(Role.CUSTOMER, "在吗"),), merchant="m")
    names = ["merchant", "channel", "agent", "customer", "started_at", "ended_at", "status", "csat", "escalated"]
    nulls = dict.fromkeys([*names, "category", "tags", "outcome", "followups"])
    assert to_chat(chat_with(**nulls), merchant="m") == chat
    assert to_chat(one(at=None, kind=None, withdrawn=None, private=None, id=None), merchant="m") == chat


def test_no_followups_is_not_the_same_as_unknown_followups():
    assert to_chat(chat_with()).followups is None
    assert to_chat(chat_with(followups=[])).followups == ()
    assert chat_to_dict(to_chat(chat_with(followups=[])), UTC)["followups"] == []


@pytest.mark.parametrize(
    ("data", "field", "reason"),
    [
        ({}, "messages", "is missing"),
        ({"messages": []}, "messages", "no messages: the chat is empty"),
        (chat_with(messages={}), "messages", "must be an array, is an object"),
        (chat_with(messages=["x"]), "messages[0]", "must be an object, is text"),
        (chat_with(id=None), "id", "is empty"),
        (chat_with(id=" "), "id", "is empty"),
        (chat_with(id=True), "id", "must be text, is a boolean"),
        (chat_with(id=1.8446744073709552e19), "id", "not a whole 64-bit number"),
        (chat_with(id="a\0b"), "id", "control character U+0000 at position 1"),
        (chat_with(id="x" * 256), "id", "256 characters, more than 255"),
        (chat_with(merchant="a\nb"), "merchant", "U+000A"),
        (chat_with(agent={"id": "\x85"}), "agent.id", "U+0085"),
        (chat_with(agent="小李"), "agent", "must be an object, is text"),
        (chat_with(customer={"id": []}), "customer.id", "must be text, is an array"),
        (chat_with(csat="5"), "csat", "must be a number, is text (a number in quotes)"),
        (chat_with(csat=True), "csat", "is a boolean"),
        (chat_with(csat=float("nan")), "csat", "nan is not between 0 and 100"),
        (chat_with(csat=2**63), "csat", "not between"),
        (chat_with(outcome={"order_amount": float("inf")}), "outcome.order_amount", "not between"),
        (chat_with(outcome={"resolved": 1}), "outcome.resolved", "true, false or null, is a number"),
        (chat_with(escalated="no"), "escalated", "is text"),
        (chat_with(status="done"), "status", "must be closed or open, is 'done'"),
        (chat_with(tags="急"), "tags", "must be an array, is text"),
        (chat_with(tags=[1]), "tags[0]", "must be text, is a number"),
        (chat_with(followups=[1]), "followups[0]", "must be an object"),
        (chat_with(followups=[{"at": "later"}]), "followups[0].at", "not an ISO 8601"),
        (one(role="boss"), "messages[0].role", "is 'boss'; allowed are customer, agent, bot, system"),
        (one(role=None), "messages[0].role", "is null; allowed"),
        (one(role=["agent"]), "messages[0].role", "is an array"),
        (one(text=None), "messages[0].text", "must be text, is null"),
        (one(text=7), "messages[0].text", "must be text, is a number"),
        (one(withdrawn=0), "messages[0].withdrawn", "is a number"),
        (one(kind=3.5), "messages[0].kind", "3.5"),
        (one(at=2**63), "messages[0].at", "outside the years 1990 to 2100"),
        (one(at=float("nan")), "messages[0].at", "outside"),
        (one(at=float("inf")), "messages[0].at", "outside"),
        (one(at=True), "messages[0].at", "a time is ISO 8601 text or a number"),
        (one(at={}), "messages[0].at", "a time is ISO 8601 text or a number"),
        (one(at="1795136405"), "messages[0].at", "a number in quotes"),
        (one(at="2026-11-20"), "messages[0].at", "no time of day"),
        (one(at="1989-12-31T23:59:59Z"), "messages[0].at", "outside the years"),
        (one(at="gestern"), "messages[0].at", "not an ISO 8601 time"),
    ],
)
def test_what_is_wrong_is_refused_by_name(data, field, reason):
    conversion = convert(data)
    assert conversion.chat is None
    assert conversion.problems[0].field == field
    assert reason in conversion.problems[0].reason


def test_all_problems_are_reported():
    data = {"id": 1.5, "messages": [{"role": "boss"}, {"role": "agent", "text": "x", "at": 5}]}
    fields = [problem.field for problem in convert(data).problems]
    assert fields == ["messages[0].text", "messages[0].role", "messages[1].at", "id"]
    with pytest.raises(SourceError, match=r"messages\[0\].role: is 'boss'"):
        to_chat(data)


def test_whole_numbers_become_ids_without_fuss():
    chat = convert(chat_with(id=123, merchant=4, agent={"id": 2**63}))
    assert (chat.chat.id, chat.chat.merchant, chat.chat.agent.id) == ("123", "4", "9223372036854775808")
    assert [note.field for note in chat.notes] == ["messages[].at"]


@pytest.mark.parametrize("text", ["", " ", "a\0b", "\u2028", "\x7f", "💩", "\ufffe"])
def test_text_is_never_touched(text):
    chat = to_chat(one(text=text))
    assert chat.messages[0].text == text
    assert orjson.loads(orjson.dumps(chat_to_dict(chat, UTC)))["messages"][0]["text"] == text


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T09:00:05+08:00",
        "2026-11-20T01:00:05Z",
        "2026-11-20 09:00:05",
        "20261120T090005",
        "20261120T010005Z",
        1795136405,
        1795136405.0,
        1795136405000,
        1795136405000000,
    ],
)
def test_one_instant_many_spellings(value):
    assert from_any(value, SHANGHAI) == NINE


def test_naive_times_are_local_and_clock_changes_are_known():
    new_york = ZoneInfo("America/New_York")
    assert from_iso("2026-07-01T12:00:00", new_york) == from_iso("2026-07-01T12:00:00-04:00", UTC)
    assert from_iso("2026-11-01T01:30:00", new_york) == from_iso("2026-11-01T01:30:00-04:00", UTC)
    assert from_number(1795136405.25) == NINE + 250_000


def test_bounds_of_time_are_exact():
    assert from_number(LOW) == LOW
    assert from_number(LOW - 1) is None
    assert from_number(HIGH - 1) == HIGH - 1
    assert from_number(HIGH) is None
    assert from_iso("2099-12-31T23:59:59.999999Z", UTC) == HIGH - 1
    assert from_iso("2026-11-20x09:00:05", UTC) is None
    assert "no time of day, or not in ISO" in why_not("2026-11-20x09:00:05")


def notes_of(data, **options):
    conversion = convert(data, **options)
    assert conversion.problems == ()
    return conversion.chat, [(note.field, note.reason) for note in conversion.notes]


def at(*moments):
    return {"id": "c", "messages": [{"role": "agent", "text": "x", "at": moment} for moment in moments]}


def test_odd_times_are_kept_and_noted():
    assert notes_of(at(NINE, NINE))[1] == []
    chat, notes = notes_of(at(NINE, None, NINE - 1, NINE))
    assert [message.at for message in chat.messages] == [NINE, None, NINE - 1, NINE]
    assert notes == [
        ("messages[].at", "1 of 4 messages have no time"),
        ("messages[2].at", "earlier than the message before it: kept in the given order"),
    ]
    assert notes_of(at(NINE), now=NINE - 300_000_000)[1] == []
    assert notes_of(at(NINE), now=NINE - 300_000_001)[1] == [
        ("messages[].at", "2026-11-20T01:00:05+00:00 is in the future")
    ]
    assert notes_of(at(NINE) | {"ended_at": NINE, "started_at": NINE + 1})[1] == [
        ("ended_at", "earlier than started_at")
    ]


def test_a_message_given_twice_is_kept_once_and_a_shared_id_keeps_both():
    same = {"id": "m", "role": "agent", "text": "x", "at": NINE}
    chat, notes = notes_of({"id": "c", "messages": [same, same | {"text": "y"}, same]})
    assert [message.text for message in chat.messages] == ["x", "y"]
    assert [field for field, _ in notes] == ["messages[1].id", "messages[2]"]
    unnamed = {"role": "agent", "text": "x", "at": NINE}
    assert len(notes_of({"id": "c", "messages": [unnamed, unnamed]})[0].messages) == 2


instants = st.none() | st.integers(LOW, HIGH - 1)
ids = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20).map("x".__add__)
labels = st.none() | ids
flags = st.none() | st.booleans()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
extras = st.none() | st.dictionaries(st.text(max_size=5).map("x-".__add__), json_values, min_size=1, max_size=2)


@st.composite
def chats(draw):
    count = draw(st.integers(1, 5))
    names = draw(st.lists(ids, min_size=count, max_size=count, unique=True))
    message = st.builds(
        Message,
        role=st.sampled_from(Role),
        text=st.text(max_size=30),
        at=instants,
        kind=ids,
        withdrawn=st.booleans(),
        private=st.booleans(),
        id=st.sampled_from([None, *names]),
        extra=extras,
    )
    messages = draw(st.lists(message, min_size=1, max_size=count, unique_by=lambda item: item.id or id(item)))
    return Chat(
        id=draw(ids),
        messages=tuple(messages),
        merchant=draw(ids),
        channel=draw(labels),
        agent=draw(st.builds(Agent, id=labels, name=labels, team=labels)),
        customer=draw(st.builds(Customer, id=labels, tier=labels)),
        started_at=draw(instants),
        ended_at=draw(instants),
        status=draw(st.sampled_from(Status)),
        csat=draw(st.none() | st.floats(0, 100)),
        escalated=draw(flags),
        category=draw(labels),
        tags=tuple(draw(st.lists(ids, max_size=3))),
        outcome=draw(st.builds(Outcome, resolved=flags, converted=flags, order_amount=st.none() | st.floats(0, 1e9))),
        followups=draw(st.none() | st.lists(st.builds(Followup, at=instants, kind=labels), max_size=2).map(tuple)),
        extra=draw(extras),
    )


@settings(max_examples=150, deadline=None)
@given(chats(), st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]).map(ZoneInfo))
def test_export_and_import_give_the_chat_back(chat, zone):
    exported = chat_to_dict(chat, zone)
    assert to_chat(exported) == chat
    assert to_chat(orjson.loads(orjson.dumps(exported))) == chat


@given(st.integers(LOW, HIGH - 1), st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]).map(ZoneInfo))
def test_instants_round_trip(instant, zone):
    assert from_iso(to_iso(instant, zone), UTC) == instant


@settings(deadline=None)
@given(json_values)
def test_no_json_value_breaks_the_conversion(value):
    for name in ["id", "messages", "agent", "tags", "followups", "csat", "started_at", "status", "outcome"]:
        data = chat_with() | {name: value}
        assert (convert(data).chat is None) != (convert(data).problems == ())
    for name in ["role", "text", "at", "kind", "id", "withdrawn"]:
        data = one(**{name: value})
        assert (convert(data).chat is None) != (convert(data).problems == ())
