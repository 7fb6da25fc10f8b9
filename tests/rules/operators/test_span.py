from __future__ import annotations

import msgspec
import pytest

from qa.errors import PackError
from qa.types import Chat, Message, Role

TIMED = "10:00:00 客户: 在吗\n10:00:10 客服: 在\n11:00:01 客户: 好"


@pytest.mark.parametrize(
    ("body", "text", "state", "value"),
    [
        ({"over": 3600}, TIMED, "hit", 3601),
        ({"over": 3601}, TIMED, "miss", None),
        ({"under": 3602}, TIMED, "hit", 3601),
        ({"under": 3601}, TIMED, "miss", None),
        ({"over": 3600}, f"# c ended=2026-11-20T10:30:00+08:00 date=2026-11-20\n{TIMED}", "miss", None),
        ({"over": 3600}, "客户: 在吗\n客服: 在", "n/a", None),
    ],
)
def test_duration(judge, body: dict, text: str, state: str, value: float | None) -> None:
    answer = judge({"duration": body}, text)
    assert answer.state == state
    if value is not None:
        assert answer.finding.value == value


EXTRA = {
    "order_status": "refunding", "paid": "12.50", "items": 3, "new": True, "labels": ["急", "大"],
    "order": {"shop": {"region": "华东"}}, "a.b": "dotted", "gone": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"name": "order_status", "is": "refunding"}, "hit"),
        ({"name": "order_status", "in": ["paid"]}, "miss"),
        ({"name": "order_status", "has": "fund"}, "hit"),
        ({"name": "order_status", "at_least": 1}, "n/a"),
        ({"name": "paid", "at_least": 12.5}, "hit"),
        ({"name": "paid", "at_most": 12}, "miss"),
        ({"name": "paid", "is": 12.5}, "hit"),
        ({"name": "items", "is": 3}, "hit"),
        ({"name": "items", "is": "3"}, "hit"),
        ({"name": "items", "in": ["3"]}, "hit"),
        ({"name": "new", "is": True}, "hit"),
        ({"name": "new", "is": 1}, "miss"),
        ({"name": "labels", "has": "急"}, "hit"),
        ({"name": "labels", "has": "慢"}, "miss"),
        ({"name": "order.shop.region", "is": "华东"}, "hit"),
        ({"name": "order.shop.city", "is": "华东"}, "n/a"),
        ({"name": "items.shop", "is": "华东"}, "n/a"),
        ({"name": "a.b", "is": "dotted"}, "hit"),
        ({"name": "gone", "known": False}, "hit"),
        ({"name": "paid", "known": True}, "hit"),
        ({"name": "nowhere", "known": True}, "miss"),
        ({"name": "nowhere", "is": "x"}, "n/a"),
    ],
)
def test_source_field(judge, body: dict, state: str) -> None:
    chat = Chat("c", (Message(Role.CUSTOMER, "在吗"), Message(Role.AGENT, "在")), extra=EXTRA)
    assert judge({"source_field": body}, chat).state == state
    bare = judge({"source_field": body}, msgspec.structs.replace(chat, extra=None))
    assert bare.state == ("n/a" if "known" not in body else "miss" if body["known"] else "hit")


@pytest.mark.parametrize(
    "body", [{}, {"name": "x"}, {"name": "x", "is": "a", "has": "b"}, {"name": "", "is": "a"}, {"name": "x", "in": []}]
)
def test_what_source_field_refuses(judge, body: dict) -> None:
    with pytest.raises(PackError):
        judge({"source_field": body}, "客户: 在吗")


@pytest.mark.parametrize("body", [{}, {"over": 1, "under": 2}, {"over": -1}, {"under": 0}, {"over": True}])
def test_what_duration_refuses(judge, body: dict) -> None:
    with pytest.raises(PackError):
        judge({"duration": body}, "客户: 在吗")
