from __future__ import annotations

from dataclasses import replace

import pytest
from rule_bench import DAY, Answer, make_pack

from qa.errors import PackError
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.sources.plain import parse_plain
from qa.types import MICROSECONDS

HOUR = 3600 * MICROSECONDS


def answer(body: dict, text: str, hours: tuple[float, ...] | None) -> Answer:
    """What the rule says when earlier chats ended so many hours before the start."""
    pack = make_pack({"when": {"earlier_chats": body}})
    context = house_context(pack)
    [chat] = parse_plain(text, context.zone)
    if hours is not None:
        start = chat.started_at or chat.messages[0].at or 0
        context = replace(context, earlier_chats=tuple(int(start - before * HOUR) for before in hours))
    return Answer(compile_pack(pack).judge(chat, context, DAY), chat)


CHAT = "10:00:00 客户: 又来了"


@pytest.mark.parametrize(
    ("body", "hours", "value"),
    [
        ({}, (1,), 1),
        ({}, (72,), 1),
        ({}, (72.1,), None),
        ({}, (-1,), None),
        ({}, (), None),
        ({"within_hours": 24, "at_least": 2}, (1, 25), None),
        ({"within_hours": 24, "at_least": 2}, (1, 23, 25), 2),
    ],
)
def test_earlier_chats(body: dict, hours: tuple[float, ...], value: float | None) -> None:
    for text in (CHAT, f"# c-1 started=09:59\n{CHAT}"):
        said = answer(body, text, hours)
        assert said.state == ("miss" if value is None else "hit")
        assert value is None or said.finding.value == value


def test_not_looked_up_or_no_start() -> None:
    assert answer({}, CHAT, None).reason == "earlier chats unknown"
    assert answer({}, "客户: 又来了", (1,)).reason == "no times"


def test_mistakes(pack_of) -> None:
    with pytest.raises(PackError, match="less than or equal to 8760"):
        compile_pack(pack_of({"when": {"earlier_chats": {"within_hours": 9000}}}))
