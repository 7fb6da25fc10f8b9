from __future__ import annotations

from zoneinfo import ZoneInfo

import orjson
import pytest

from qa.errors import QaError
from qa.sources.plain import DEFAULT_DATE, parse_plain
from qa.types import Agent, Customer, Followup, Outcome, Role, Status

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE = 1795136405000000  # 2026-11-20T09:00:05+08:00
SECOND = 1_000_000
EXAMPLE = """
# c-1 agent=a-7 merchant=acme csat=2
2026-11-20 09:00:05 客户: 在吗
09:00:41 客服: 您好，请问有什么可以帮您？
"""


def test_the_notation_of_the_manual(read):
    [chat] = parse_plain(EXAMPLE, SHANGHAI)
    assert (chat.id, chat.merchant, chat.agent, chat.csat) == ("c-1", "acme", Agent(id="a-7"), 2.0)
    assert [(message.role, message.at, message.text) for message in chat.messages] == [
        (Role.CUSTOMER, NINE, "在吗"),
        (Role.AGENT, NINE + 36 * SECOND, "您好，请问有什么可以帮您？"),
    ]
    for name in ["a.txt", "a.chat", "unknown"]:
        accepted, rejected = read(EXAMPLE.replace("\n", "\r\n"), name)
        assert ([item.chat for item in accepted], rejected) == ([chat], [])
        assert accepted[0].line == 2


def test_every_attribute():
    header = (
        '# c-2 agent=a agent_name="小 李" team=售后 customer=u tier=vip channel=web csat=4.5 escalated=yes '
        "category=退换货 "
        "tags=急,破损 resolved=true converted=否 order_amount=199 status=open date=2026-11-20 started=9:00:05 "
        "ended=2026-11-20T09:10:05+08:00 followup=10:00:05/survey followup=/call"
    )
    [chat] = parse_plain(header + "\n客户: x", SHANGHAI)
    assert chat.agent == Agent(id="a", name="小 李", team="售后")
    assert chat.customer == Customer(id="u", tier="vip")
    assert (chat.channel, chat.csat, chat.escalated, chat.category, chat.tags) == (
        "web",
        4.5,
        True,
        "退换货",
        ("急", "破损"),
    )
    assert chat.outcome == Outcome(resolved=True, converted=False, order_amount=199.0)
    assert (chat.status, chat.started_at, chat.ended_at) == (Status.OPEN, NINE, NINE + 600 * SECOND)
    assert chat.followups == (Followup(at=NINE + 3600 * SECOND, kind="survey"), Followup(kind="call"))
    assert parse_plain("# a followup=none\n客户: x")[0].followups == ()
    assert parse_plain("# a\n客户: x")[0].followups is None


@pytest.mark.parametrize(
    ("line", "role", "text", "fields"),
    [
        ("客户: 在吗", "customer", "在吗", {}),
        ("顾客：在吗", "customer", "在吗", {}),
        ("买家:  two spaces ", "customer", " two spaces ", {}),
        ("customer:", "customer", "", {}),
        ("坐席: a: b：c", "agent", "a: b：c", {}),
        ("机器人: [客服]: x", "bot", "[客服]: x", {}),
        ("客服[撤回]: 错", "agent", "错", {"withdrawn": True}),
        ("客服[私密][image]: 错", "agent", "错", {"private": True, "kind": "image"}),
        ("agent[withdrawn, #m1]: x", "agent", "x", {"withdrawn": True, "id": "m1"}),
        ("系统[transfer]:", "system", "", {"kind": "transfer"}),
        (r"客户: a\nb\\n\r\t\d", "customer", "a\nb\\n\r\t\\d", {}),
        ("客户: # no header", "customer", "# no header", {}),
    ],
)
def test_message_lines(line, role, text, fields):
    [chat] = parse_plain(line)
    message = chat.messages[0]
    assert (chat.id, message.role, message.text, message.at) == ("example", role, text, None)
    for name, value in {"withdrawn": False, "private": False, "kind": "text", "id": None, **fields}.items():
        assert getattr(message, name) == value


def test_dates_carry_on_and_times_may_go_back():
    [chat] = parse_plain(
        "23:59:50 客户: a\n0:00:05 客服: b\n2026-01-02 00:00:05.5 客服: c\n客服: d\n00:01 客服: e", ZoneInfo("UTC")
    )
    midnight = 1767225600 * SECOND
    assert DEFAULT_DATE.isoformat() == "2026-01-01"
    day = 86400 * SECOND
    assert [message.at for message in chat.messages] == [
        midnight + day - 10 * SECOND,
        midnight + 5 * SECOND,
        midnight + day + 5_500_000,
        None,
        midnight + day + 60 * SECOND,
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("客户: a\nwhat", "line 2: not a message such as"),
        ("\n\n厨师: a", "line 3: not a message"),
        ("# c\n", "line 1: messages: no messages"),
        ("# \n客户: a", "line 1: the header has no chat id"),
        ("# c boss=1\n客户: a", "line 1: unknown attribute 'boss=1'; known are agent, agent_name"),
        ("# c csat=1 csat=2\n客户: a", "line 1: the attribute csat occurs twice"),
        ("# c csat=good\n客户: a", "line 1: csat must be a number"),
        ("# c csat=nan\n客户: a", "line 1: csat: nan is not between"),
        ("# c escalated=1\n客户: a", "line 1: escalated must be true or false"),
        ('# c agent="a\n客户: a', "line 1: the header cannot be read: No closing quotation"),
        ("# c status=done\n客户: a", "line 1: status: must be closed or open"),
        ("# c ended=soon\n客户: a", "line 1: ended_at: 'soon' is not an ISO 8601"),
        ("# c started=25:00\n客户: a", "line 1: '25:00' is not a time of day"),
        ("# c date=2026-02-30\n客户: a", "line 1: '2026-02-30' is not a date"),
        ("2026-11-20 客户: a", "line 1: a date needs a time"),
        ("24:00:00 客户: a", "line 1: '24:00:00' is not a time of day"),
        ("2026-02-30 10:00 客户: a", "line 1: '2026-02-30' is not a date"),
        ("客户[a][b]: a", "line 1: [a][b] is not a list of marks"),
        ("# a\n客户: a\n# b\nx", "line 4: not a message"),
    ],
)
def test_faults_name_their_line(text, reason):
    with pytest.raises(QaError) as error:
        parse_plain(text)
    assert str(error.value).startswith(reason)


def test_a_bad_line_rejects_its_chat_only(read):
    accepted, rejected = read("# a\n客户: 1\n# b\n客户: 2\nwhat\n客服: 3\n# c\n客户: 4\n# d\n", "a.txt")
    assert [item.chat.id for item in accepted] == ["a", "c"]
    assert [(item.line, item.field) for item in rejected] == [(5, ""), (9, "messages")]
    assert rejected[0].original == "# b\n客户: 2\nwhat\n客服: 3"


def test_problems_within_a_message_name_its_line(read):
    _, rejected = read("# a\n客户: 1\n客服[#\x01]: 2\n", "a.txt")
    assert (rejected[0].line, rejected[0].field) == (3, "messages[1].id")


def test_damaged_bytes_long_lines_and_endless_chats(read):
    accepted, rejected = read(b"# a\nagent: \xff\n# b\nagent: x\n", "a.txt")
    assert [item.chat.id for item in accepted] == ["b"]
    assert (rejected[0].line, "not valid" in rejected[0].reason) == (2, True)
    _, rejected = read("# a\nagent: " + "x" * 100, "a.txt", max_line_bytes=50)
    assert "more than 50" in rejected[0].reason
    _, rejected = read("# a\n" + "agent: x\n" * 100, "a.txt", max_line_bytes=50)
    assert "more than 50 characters" in rejected[0].reason
    _, rejected = read("# a\n" + "agent: x\n" * 100, "a.txt", max_chat_messages=50)
    assert "more than 50 messages" in rejected[0].reason


def test_gb18030_and_bom(read):
    assert read(EXAMPLE.encode("gb18030"), "a.txt")[0][0].chat.messages[0].text == "在吗"
    assert read(EXAMPLE.encode("utf-8-sig"), "a.txt")[0][0].chat.messages[0].text == "在吗"


def test_naughty_strings(shared, read):
    strings = orjson.loads((shared / "suites" / "blns" / "blns.json").read_bytes())
    escaped = [text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r") for text in strings]
    accepted, rejected = read("".join(f"# t-{number}\n客户: {text}\n" for number, text in enumerate(escaped)), "a.txt")
    assert rejected == []
    assert [item.chat.messages[0].text for item in accepted] == strings
