from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_bench import DAY, Answer, make_pack

from qa.errors import PackError
from qa.hours import parse_hours
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.sources.plain import parse_plain

CHAT = """\
14:00:00 客户: 有货吗
14:00:20 客服: 请稍等
14:03:20 客服: 有的
14:04:00 客户: 什么颜色
14:08:00 客服: 黑色
14:09:00 客户: 发什么快递"""
NO_TIMES = "客户: 在吗\n客服: 在"
ONE_SIDED = "14:00:00 客户: 在吗"
BOT_ONLY = "14:00:00 客户: 在吗\n14:00:01 机器人: 您好"
DAYTIME = "08:00-23:00"


def rate(**given: object) -> dict[str, object]:
    return {"reply_rate": {"within_s": 180, "hours": DAYTIME, **given}}


def test_share_of_waits_answered_in_time(judge) -> None:
    answer = judge(rate(), CHAT)
    assert (answer.finding.value, [turn for turn, _ in answer.quotes]) == (pytest.approx(1 / 3), [3, 5])
    assert judge(rate(under=0.34), CHAT).state == "hit"
    assert judge(rate(under=0.33), CHAT).state == "miss"
    assert judge(rate(within_s=240, under=0.6), CHAT).state == "miss"


def test_an_effective_reply_is_more_than_a_holding_phrase(judge) -> None:
    answer = judge(rate(effective=True), CHAT)
    assert (answer.finding.value, [turn for turn, _ in answer.quotes]) == (0, [0, 3, 5])
    only_held = "14:00:00 客户: 有货吗\n14:00:20 客服: 请稍等"
    assert judge(rate(), only_held).state == "miss"
    assert judge(rate(effective=True), only_held).finding.value == 0


@pytest.mark.parametrize(("seconds", "state"), [("14:03:00", "miss"), ("14:03:00.000001", "hit"), ("14:02:59", "miss")])
def test_the_limit_itself_is_in_time(judge, seconds: str, state: str) -> None:
    assert judge(rate(), f"14:00:00 客户: 有货吗\n{seconds} 客服: 有的").state == state


@pytest.mark.parametrize(
    ("opened", "hours", "inside"),
    [
        ("08:00:00", DAYTIME, True),
        ("07:59:59", DAYTIME, False),
        ("22:59:59", DAYTIME, True),
        ("23:00:00", DAYTIME, False),
        ("23:00:00", "23:00-08:00", True),
        ("02:00:00", "23:00-08:00", True),
        ("08:00:00", "23:00-08:00", False),
        ("12:00:00", "00:00-24:00", True),
    ],
)
def test_hours_are_those_in_which_the_wait_opened(judge, opened: str, hours: str, inside: bool) -> None:
    answer = judge(rate(hours=hours), f"2026-01-01 {opened} 客户: 在吗\n2026-01-02 09:00:00 客服: 在")
    assert answer.state == ("hit" if inside else "n/a")
    if not inside:
        assert answer.reason == f"no wait opened in {hours}"


def test_a_platform_does_not_know_business_hours() -> None:
    """Opened at 20:00, answered at 20:30, business hours until 18:00: the ledger leaves it out, a platform does not."""
    chat = parse_plain("20:00:00 客户: 在吗\n20:30:00 客服: 在的", house_context(make_pack({"when": rate()})).zone)[0]
    pack = make_pack({"when": rate()})
    context = house_context(pack)
    hours = parse_hours([("09:00", "18:00")])
    context = replace(context, ledger=msgspec.structs.replace(context.ledger, business_hours=hours))
    answer = Answer(compile_pack(pack).judge(chat, context, DAY), chat)
    assert (answer.state, answer.finding.value) == ("hit", 0)


@pytest.mark.parametrize(
    "condition",
    [rate(), {"reply_time": {"figure": "first", "over": 0, "hours": DAYTIME}}, {"owed_at_end": {"hours": DAYTIME}}],
)
def test_unknown_is_not_applicable(judge, condition: dict[str, object]) -> None:
    assert judge(condition, NO_TIMES).reason == "no times"
    assert judge(condition, BOT_ONLY).reason == "one-sided"
    assert judge(condition, "14:00:00 客服: 在吗\n14:01:00 客户: 谢谢").reason == f"no wait opened in {DAYTIME}"


def test_a_chat_without_an_agent_was_not_answered(judge) -> None:
    assert judge(rate(), ONE_SIDED).finding.value == 0
    assert judge({"owed_at_end": {"hours": DAYTIME}}, ONE_SIDED).finding.value == 1
    assert judge({"reply_time": {"figure": "average", "over": 1, "hours": DAYTIME}}, ONE_SIDED).reason == "unanswered"


@pytest.mark.parametrize(
    ("figure", "effective", "value", "turns"),
    [
        ("first", False, 20, [0, 1]),
        ("first", True, 200, [0, 2]),
        ("average", False, 130, [3, 4]),
        ("average", True, 220, [3, 4]),
        ("longest", False, 240, [3, 4]),
    ],
)
def test_reply_time(judge, figure: str, effective: bool, value: float, turns: list[int]) -> None:
    one = {"figure": figure, "hours": DAYTIME, "effective": effective}
    answer = judge({"reply_time": one | {"over": value - 0.5}}, CHAT)
    assert (answer.finding.value, [turn for turn, _ in answer.quotes]) == (value, turns)
    assert judge({"reply_time": one | {"over": value}}, CHAT).state == "miss"


def test_the_first_wait_at_another_hour(judge) -> None:
    chat = "07:59:00 客户: 在吗\n07:59:50 客服: 在\n08:30:00 客户: 有货吗\n08:31:00 客服: 有"
    one = {"hours": DAYTIME, "over": 30}
    assert judge({"reply_time": one | {"figure": "first"}}, chat).reason == f"the first wait opened outside {DAYTIME}"
    assert judge({"reply_time": one | {"figure": "longest"}}, chat).finding.value == 60


@pytest.mark.parametrize(
    ("asked", "answered", "hours", "state"),
    [
        ("22:50:00", "2026-01-01 22:59:59", DAYTIME, "miss"),
        ("22:50:00", "2026-01-01 23:00:00", DAYTIME, "hit"),
        ("22:50:00", "2026-01-02 08:10:00", DAYTIME, "hit"),
        ("22:57:00", "2026-01-02 08:10:00", DAYTIME, "hit"),
        ("22:57:01", "2026-01-02 08:10:00", DAYTIME, "n/a"),
        ("23:10:00", "2026-01-02 00:50:00", "23:00-08:00", "miss"),
        ("07:10:00", "2026-01-01 07:59:59", "23:00-08:00", "miss"),
        ("07:10:00", "2026-01-01 08:00:00", "23:00-08:00", "hit"),
        ("10:00:00", "2026-01-02 00:00:00", "00:00-24:00", "hit"),
    ],
)
def test_owed_at_end(judge, asked: str, answered: str, hours: str, state: str) -> None:
    answer = judge({"owed_at_end": {"hours": hours}}, f"2026-01-01 {asked} 客户: 在吗\n{answered} 客服: 在")
    assert answer.state == state
    if state == "n/a":
        assert answer.reason == f"no wait opened 180 s before the end of {hours}"


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        ("8-23", "hours: '8' is not a time of day"),
        ("08:00", "'08:00' are no hours such as 08:00-23:00"),
        ("08:00-08:00", "hours: 08:00–08:00 is empty"),
    ],
)
def test_hours_that_are_none(judge, hours: str, message: str) -> None:
    with pytest.raises(PackError, match=message):
        judge(rate(hours=hours), CHAT)


@pytest.mark.slow
@given(st.lists(st.integers(min_value=1, max_value=600), min_size=1, max_size=6), st.integers(1, 600))
def test_the_share_is_that_of_the_waits(seconds: list[int], limit: int) -> None:
    at, lines = 8 * 3600, []
    for wait in seconds:
        lines += [f"{_clock(at)} 客户: 什么颜色", f"{_clock(at + wait)} 客服: 黑色"]
        at += 900
    pack = make_pack({"when": rate(within_s=limit)})
    chat = parse_plain("\n".join(lines))[0]
    answer = Answer(compile_pack(pack).judge(chat, house_context(pack), DAY), chat)
    late = [wait for wait in seconds if wait > limit]
    assert answer.state == ("hit" if late else "miss")
    if late:
        assert answer.finding.value == pytest.approx(1 - len(late) / len(seconds))
        assert len(answer.quotes) == len(late)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
