"""The canonical form: a dictionary as JSON gives it → ``qa.types.Chat``, and back.

Reading is strict (docs/import.md lists every field). Fields we do not know are kept: those of the chat and of a
message in their ``extra``; those of ``agent``, ``customer`` and ``outcome`` in ``Chat.extra`` under that name; those
of the n-th follow-up under ``Chat.extra["followups"][str(n)]``. ``chat_to_dict`` puts all of them back in place.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any, NamedTuple

from qa.errors import SourceError
from qa.sources.fields import (
    Problem,
    Report,
    flag,
    instant,
    is_plain_label,
    items,
    kind_of,
    label,
    number,
    required_label,
    section,
)
from qa.sources.times import from_iso, from_number, to_iso
from qa.types import MICROSECONDS, Agent, Chat, Customer, Followup, Instant, Message, Outcome, Role, Status

FUTURE_TOLERANCE: Instant = 300 * MICROSECONDS
"""Clocks differ: only what lies more than five minutes ahead is noted as future."""
CSAT_RANGE = (0.0, 100.0)
AMOUNT_RANGE = (-1e12, 1e12)

_ROLES: dict[Any, Role] = {role.value: role for role in Role}
_STATUSES: dict[Any, Status] = {status.value: status for status in Status}
_MESSAGE_FIELDS = frozenset(["id", "role", "at", "text", "kind", "withdrawn", "private"])
_MINIMAL = frozenset(["role", "text", "at"])
_PARTS = {
    "agent": frozenset(["id", "name", "team"]),
    "customer": frozenset(["id", "tier"]),
    "outcome": frozenset(["resolved", "converted", "order_amount"]),
}
_FOLLOWUP_FIELDS = frozenset(["at", "kind"])
_CHAT_FIELDS = frozenset(
    [
        *("id", "messages", "merchant", "channel", "agent", "customer", "started_at", "ended_at", "status"),
        *("csat", "escalated", "category", "tags", "outcome", "followups"),
    ]
)


class Conversion(NamedTuple):
    """The chat, or None with the reasons; ``notes`` tell what is odd about a chat that was taken."""

    chat: Chat | None
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def convert(
    data: dict[str, Any], *, merchant: str = "default", zone: tzinfo = UTC, now: Instant | None = None
) -> Conversion:
    """Check a canonical dictionary and make the chat of it.

    ``merchant`` is for chats that name none, ``zone`` for times without offset; ``now`` None asks nothing about
    the future. Strings must be valid Unicode (no lone surrogates), as ``parse_json`` delivers them.

    >>> convert({"id": "c-1", "messages": [{"role": "customer", "text": "hi"}]}).chat.messages[0].text
    'hi'
    >>> convert({"id": "c-1", "messages": [{"role": "boss", "text": "hi"}]}).problems[0].field
    'messages[0].role'
    """
    report = Report()
    messages = _messages(data, zone, report)
    chat = _chat(data, messages, merchant, zone, report)
    if report.problems:
        return Conversion(None, tuple(report.problems), ())
    _note_times(chat, now, report)
    return Conversion(chat, (), tuple(report.notes))


def to_chat(data: dict[str, Any], *, merchant: str = "default", zone: tzinfo = UTC) -> Chat:
    """As ``convert``, for input that ought to be right: raises ``SourceError`` naming every wrong field."""
    chat, problems, _ = convert(data, merchant=merchant, zone=zone)
    if chat is None:
        raise SourceError("; ".join(f"{field}: {reason}" for field, reason in problems))
    return chat


def _chat(data: dict[str, Any], messages: tuple[Message, ...], merchant: str, zone: tzinfo, report: Report) -> Chat:
    # Absent sections are the rule in most files, so each costs one look-up here and a call only when present.
    get = data.get
    extra = None if data.keys() <= _CHAT_FIELDS else {key: data[key] for key in data if key not in _CHAT_FIELDS}
    if strays := _strays(data):
        extra = {**(extra or {}), **strays}
    return Chat(
        id=required_label(data, "id", report),
        messages=messages,
        merchant=label(get("merchant"), "merchant", report) or merchant,
        channel=label(get("channel"), "channel", report),
        agent=_agent(data, report) if get("agent") is not None else Agent(),
        customer=_customer(data, report) if get("customer") is not None else Customer(),
        started_at=instant(get("started_at"), "started_at", zone, report),
        ended_at=instant(get("ended_at"), "ended_at", zone, report),
        status=_status(get("status"), report),
        csat=number(get("csat"), "csat", report, *CSAT_RANGE),
        escalated=flag(get("escalated"), "escalated", report),
        category=label(get("category"), "category", report),
        tags=_tags(data, report) if get("tags") is not None else (),
        outcome=_outcome(data, report) if get("outcome") is not None else Outcome(),
        followups=_followups(data, zone, report) if get("followups") is not None else None,
        extra=extra,
    )


def _agent(data: dict[str, Any], report: Report) -> Agent:
    get = section(data, "agent", report).get
    return Agent(
        id=label(get("id"), "agent.id", report),
        name=label(get("name"), "agent.name", report),
        team=label(get("team"), "agent.team", report),
    )


def _customer(data: dict[str, Any], report: Report) -> Customer:
    get = section(data, "customer", report).get
    return Customer(id=label(get("id"), "customer.id", report), tier=label(get("tier"), "customer.tier", report))


def _outcome(data: dict[str, Any], report: Report) -> Outcome:
    get = section(data, "outcome", report).get
    return Outcome(
        resolved=flag(get("resolved"), "outcome.resolved", report),
        converted=flag(get("converted"), "outcome.converted", report),
        order_amount=number(get("order_amount"), "outcome.order_amount", report, *AMOUNT_RANGE),
    )


def _status(value: Any, report: Report) -> Status:
    if value is None:
        return Status.CLOSED
    found = _STATUSES.get(value) if isinstance(value, str) else None
    if found is None:
        report.reject("status", f"must be {' or '.join(_STATUSES)}, is {_shown(value)}")
    return found or Status.CLOSED


def _tags(data: dict[str, Any], report: Report) -> tuple[str, ...]:
    tags = []
    for index, value in enumerate(items(data, "tags", report)):
        if not isinstance(value, str):
            report.reject(f"tags[{index}]", f"must be text, is {kind_of(value)}")
        elif tag := label(value, f"tags[{index}]", report):
            tags.append(tag)
    return tuple(tags)


def _followups(data: dict[str, Any], zone: tzinfo, report: Report) -> tuple[Followup, ...]:
    followups = []
    for index, value in enumerate(items(data, "followups", report)):
        path = f"followups[{index}]"
        if isinstance(value, dict):
            at = instant(value.get("at"), f"{path}.at", zone, report)
            followups.append(Followup(at=at, kind=label(value.get("kind"), f"{path}.kind", report)))
        else:
            report.reject(path, f"must be an object, is {kind_of(value)}")
    return tuple(followups)


def _strays(data: dict[str, Any]) -> dict[str, Any]:
    """Unknown fields of the nested objects, under the name of their object."""
    found: dict[str, Any] = {}
    for key, known in _PARTS.items():
        part = data.get(key)
        if isinstance(part, dict) and not part.keys() <= known:
            found[key] = {name: part[name] for name in part if name not in known}
    followups = data.get("followups")
    if isinstance(followups, list):
        unknown = {
            str(index): {name: value[name] for name in value if name not in _FOLLOWUP_FIELDS}
            for index, value in enumerate(followups)
            if isinstance(value, dict) and not value.keys() <= _FOLLOWUP_FIELDS
        }
        if unknown:
            found["followups"] = unknown
    return found


def _messages(data: dict[str, Any], zone: tzinfo, report: Report) -> tuple[Message, ...]:
    values = data.get("messages")
    if not isinstance(values, list):
        reason = "is missing" if "messages" not in data else f"must be an array, is {kind_of(values)}"
        report.reject("messages", reason)
        return ()
    if not values:
        report.reject("messages", "no messages: the chat is empty")
        return ()
    messages = []
    for index, value in enumerate(values):
        message = _usual_message(value, zone) or _any_message(value, f"messages[{index}]", zone, report)
        if message is not None:
            messages.append(message)
    return _without_repeats(messages, report)


def _usual_message(value: Any, zone: tzinfo) -> Message | None:
    """The hot path: a message with nothing wrong and nothing unusual, else None (``_any_message`` then says what)."""
    if type(value) is not dict:
        return None
    get = value.get
    name, text, given = get("role"), get("text"), get("at")
    role = _ROLES.get(name) if type(name) is str else None
    if role is None or type(text) is not str:
        return None
    at = from_iso(given, zone) if type(given) is str else from_number(given) if type(given) is int else None
    if at is None and given is not None:
        return None
    if value.keys() <= _MINIMAL:
        return Message(role, text, at)
    return _full_message(value, role, text, at)


def _full_message(value: dict[str, Any], role: Role, text: str, at: Instant | None) -> Message | None:
    kind, ident = value.get("kind", "text"), value.get("id")
    withdrawn, private = value.get("withdrawn", False), value.get("private", False)
    usual = (kind == "text" or is_plain_label(kind)) and (ident is None or is_plain_label(ident))
    if not usual or type(withdrawn) is not bool or type(private) is not bool:
        return None
    extra = None if value.keys() <= _MESSAGE_FIELDS else _unknown(value)
    return Message(role, text, at, kind, withdrawn, private, ident, extra)


def _unknown(message: dict[str, Any]) -> dict[str, Any] | None:
    return {key: message[key] for key in message if key not in _MESSAGE_FIELDS} or None


def _any_message(value: Any, path: str, zone: tzinfo, report: Report) -> Message | None:
    """Every field checked and every fault reported; None if the message is no object at all."""
    if not isinstance(value, dict):
        report.reject(path, f"must be an object, is {kind_of(value)}")
        return None
    text = value.get("text")
    if not isinstance(text, str):
        report.reject(f"{path}.text", "is missing" if "text" not in value else f"must be text, is {kind_of(text)}")
        text = ""
    return Message(
        role=_role(value, path, report),
        text=text,
        at=instant(value.get("at"), f"{path}.at", zone, report),
        kind=label(value.get("kind"), f"{path}.kind", report) or "text",
        withdrawn=bool(flag(value.get("withdrawn"), f"{path}.withdrawn", report)),
        private=bool(flag(value.get("private"), f"{path}.private", report)),
        id=label(value.get("id"), f"{path}.id", report),
        extra=_unknown(value),
    )


def _role(message: dict[str, Any], path: str, report: Report) -> Role:
    value = message.get("role")
    found = _ROLES.get(value) if isinstance(value, str) else None
    if found is None:
        given = f"is {_shown(value)}" if "role" in message else "is missing"
        report.reject(f"{path}.role", f"{given}; allowed are {', '.join(_ROLES)}")
    return found or Role.SYSTEM


def _shown(value: Any) -> str:
    return repr(value[:60]) if isinstance(value, str) else kind_of(value)


def _without_repeats(messages: list[Message], report: Report) -> tuple[Message, ...]:
    """Drop a message given twice in full; one id on two different messages keeps both. Either is noted."""
    ids = [message.id for message in messages if message.id is not None]
    if len(set(ids)) == len(ids):
        return tuple(messages)
    kept: list[Message] = []
    seen: dict[str, list[Message]] = {}
    for index, message in enumerate(messages):
        earlier = seen.setdefault(message.id, []) if message.id is not None else []
        if message in earlier:
            report.note(f"messages[{index}]", f"the message {message.id!r} again, the same in every field: kept once")
            continue
        if earlier:
            report.note(f"messages[{index}].id", f"{message.id!r} is also the id of another message: both kept")
        earlier.append(message)
        kept.append(message)
    return tuple(kept)


def _note_times(chat: Chat, now: Instant | None, report: Report) -> None:
    given = [message.at for message in chat.messages]
    times = [at for at in given if at is not None]
    if len(times) != len(given):
        report.note("messages[].at", f"{len(given) - len(times)} of {len(given)} messages have no time")
    if times != sorted(times):
        later = next(i for i in range(1, len(times)) if times[i] < times[i - 1])
        index = [i for i, at in enumerate(given) if at is not None][later]
        report.note(f"messages[{index}].at", "earlier than the message before it: kept in the given order")
    if now is not None:
        _note_future(chat, times, now, report)
    if chat.started_at is not None and chat.ended_at is not None and chat.ended_at < chat.started_at:
        report.note("ended_at", "earlier than started_at")


def _note_future(chat: Chat, times: list[Instant], now: Instant, report: Report) -> None:
    bounds = [at for at in (chat.started_at, chat.ended_at) if at is not None]
    latest = max(times + bounds, default=now)
    if latest > now + FUTURE_TOLERANCE:
        field = "messages[].at" if times and max(times) == latest else "started_at, ended_at"
        report.note(field, f"{to_iso(latest, UTC)} is in the future")


def chat_to_dict(chat: Chat, zone: tzinfo) -> dict[str, Any]:
    """The canonical dictionary of a chat, for export: ``to_chat`` of it is the chat again.

    Times are ISO 8601 with the zone's offset; what is unknown or default is left out, except the merchant.
    """
    out: dict[str, Any] = {"id": chat.id, "merchant": chat.merchant}
    _put(out, "channel", chat.channel)
    _put(out, "agent", _known(id=chat.agent.id, name=chat.agent.name, team=chat.agent.team))
    _put(out, "customer", _known(id=chat.customer.id, tier=chat.customer.tier))
    _put(out, "started_at", None if chat.started_at is None else to_iso(chat.started_at, zone))
    _put(out, "ended_at", None if chat.ended_at is None else to_iso(chat.ended_at, zone))
    _put(out, "status", None if chat.status is Status.CLOSED else chat.status.value)
    _put(out, "csat", chat.csat)
    _put(out, "escalated", chat.escalated)
    _put(out, "category", chat.category)
    _put(out, "tags", list(chat.tags) or None)
    outcome = chat.outcome
    _put(
        out,
        "outcome",
        _known(resolved=outcome.resolved, converted=outcome.converted, order_amount=outcome.order_amount),
    )
    if chat.followups is not None:
        out["followups"] = [_followup_to_dict(followup, zone) for followup in chat.followups]
    out["messages"] = [_message_to_dict(message, zone) for message in chat.messages]
    _restore(out, chat.extra)
    return out


def _followup_to_dict(followup: Followup, zone: tzinfo) -> dict[str, Any]:
    return _known(at=None if followup.at is None else to_iso(followup.at, zone), kind=followup.kind) or {}


def _message_to_dict(message: Message, zone: tzinfo) -> dict[str, Any]:
    out: dict[str, Any] = {} if message.id is None else {"id": message.id}
    out["role"] = message.role.value
    _put(out, "at", None if message.at is None else to_iso(message.at, zone))
    out["text"] = message.text
    _put(out, "kind", None if message.kind == "text" else message.kind)
    _put(out, "withdrawn", message.withdrawn or None)
    _put(out, "private", message.private or None)
    out.update(message.extra or {})
    return out


def _known(**fields: Any) -> dict[str, Any] | None:
    return {key: value for key, value in fields.items() if value is not None} or None


def _put(out: dict[str, Any], key: str, value: Any) -> None:
    if value is not None:
        out[key] = value


def _restore(out: dict[str, Any], extra: dict[str, Any] | None) -> None:
    """Put unknown fields back where they were read."""
    for key, value in (extra or {}).items():
        if key in _PARTS:
            out[key] = {**out.get(key, {}), **value}
        elif key == "followups":
            for index, fields in value.items():
                out["followups"][int(index)].update(fields)
        else:
            out[key] = value
