from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from rule_bench import Answer, make_pack

from qa.errors import PackError
from qa.policy import Policy
from qa.rules.context import make_context
from qa.rules.engine import compile_pack
from qa.sources.plain import parse_plain
from qa.types import Chat

CHAT = """\
14:00:00 客户: 有货吗
14:00:20 客服: 请稍等
14:03:20 客服: 有的
14:04:00 客户: 什么颜色
14:05:40 客服: 黑色
14:06:00 客户: 谢谢"""
OPEN = CHAT.replace("谢谢", "发什么快递")
NO_TIMES = "客户: 在吗\n客服: 在"
ONE_SIDED = "14:00:00 客户: 在吗"


@pytest.mark.parametrize(
    ("figure", "limit", "turns"),
    [
        ("first_response", 20, [0, 1]),
        ("first_substantive", 200, [0, 2]),
        ("average_response", 60, [3, 4]),
        ("longest_wait", 100, [3, 4]),
        ("complete_answer", 340, [0, 4]),
    ],
)
def test_figures(judge, figure: str, limit: float, turns: list[int]) -> None:
    assert judge({"figure": {"figure": figure, "over": limit}}, CHAT).state == "miss"
    answer = judge({"figure": {"figure": figure, "over": limit - 0.5}}, CHAT)
    assert (answer.finding.value, [turn for turn, _ in answer.quotes]) == (limit, turns)
    assert judge({"figure": {"figure": figure, "under": limit}}, CHAT).state == "miss"
    assert judge({"figure": {"figure": figure, "under": limit + 0.5}}, CHAT).state == "hit"
    for chat, reason in ((NO_TIMES, "no times"), (ONE_SIDED, "one-sided")):
        unknown = judge({"figure": {"figure": figure, "over": 1}}, chat)
        assert (unknown.state, unknown.reason) == ("n/a", reason)


def test_within_rate(judge) -> None:
    rate = {"figure": "within_rate", "seconds": 60, "under": 0.5}
    answer = judge({"figure": rate}, OPEN)
    assert (answer.finding.value, [turn for turn, _ in answer.quotes]) == (1 / 3, [3, 5])
    assert judge({"figure": rate}, CHAT).state == "miss"
    assert judge({"figure": rate}, ONE_SIDED).finding.value == 0
    assert judge({"figure": {"figure": "within_rate", "over": 0.5}}, CHAT).finding.value == 1
    assert judge({"figure": rate}, NO_TIMES).reason == "no times"


@pytest.mark.parametrize(
    ("chat", "figure", "reason"),
    [
        ("14:00:00 客户: 谢谢\n14:00:01 客服: 不客气", "average_response", "no counted wait"),
        ("14:00:00 客户: 在吗\n14:00:01 客服: 稍等\n14:10:00 客户: 人呢\n", "complete_answer", "unanswered"),
    ],
)
def test_a_figure_that_does_not_exist_is_not_applicable(judge, chat: str, figure: str, reason: str) -> None:
    assert judge({"figure": {"figure": figure, "over": 1}}, chat).reason == reason


@pytest.mark.parametrize(
    ("opened", "clock", "state"),
    [
        ("peak", "09:00", "hit"),
        ("peak", "12:00", "n/a"),
        ("off_peak", "12:00", "hit"),
        ("off_peak", "11:59", "n/a"),
        ("any", "11:59", "hit"),
    ],
)
def test_opened(judge, opened: str, clock: str, state: str) -> None:
    chat = f"{clock}:00 客户: 在吗\n{clock}:50 客服: 在"
    answer = judge({"figure": {"figure": "first_response", "over": 15, "opened": opened}}, chat)
    assert answer.state == state
    if state == "n/a":
        assert answer.reason == {"peak": "opened outside peak hours", "off_peak": "opened in peak hours"}[opened]


def test_opened_without_a_wait(judge) -> None:
    chat = "14:00:00 客服: 您好\n14:00:10 客户: 谢谢"
    condition = {"figure": {"figure": "first_response", "over": 15, "opened": "peak"}}
    assert judge(condition, chat).reason == "no first wait"


def test_no_peak_hours_and_business_hours() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    policy = Policy.model_validate({"peak_hours": [], "business_hours": ["09:00-18:00"]})
    [night] = parse_plain("2026-11-20 20:00:00 客户: 在吗\n20:01:00 客服: 在", zone)
    for opened, state in (("peak", "opened outside peak hours"), ("off_peak", "no counted wait")):
        pack = make_pack({"when": {"figure": {"figure": "first_response", "over": 15, "opened": opened}}})
        opinion = compile_pack(pack).judge(night, make_context(pack, policy, zone), "2026-11-20")
        assert Answer(opinion, night).reason == state


@pytest.mark.parametrize(
    ("wait", "turns"),
    [
        ({"over": 10}, [0, 3]),
        ({"over": 50}, [3]),
        ({"over": 100}, None),
        ({"over": 150, "until": "substantive"}, [0]),
        ({"over": 10, "first": False}, [3]),
    ],
)
def test_wait(judge, wait: dict, turns: list[int] | None) -> None:
    answer = judge({"wait": wait}, CHAT)
    assert ([turn for turn, _ in answer.quotes] if answer.state == "hit" else None) == turns
    if turns:
        assert answer.finding.hits == len(turns)
    assert judge({"wait": wait}, NO_TIMES).reason == "no times"
    assert judge({"wait": wait}, ONE_SIDED).reason == "one-sided"


def test_wait_without_a_counted_wait(judge) -> None:
    chat = "14:00:00 客户: 在吗\n14:00:01 客服: 在"
    assert judge({"wait": {"over": 1, "first": False}}, chat).reason == "no counted wait"


def test_unanswered(judge) -> None:
    answer = judge({"unanswered": {}}, OPEN)
    assert (answer.finding.value, answer.quotes) == (1, [(5, "发什么快递")])
    assert judge({"unanswered": {"at_least": 2}}, OPEN).state == "miss"
    assert judge({"unanswered": {}}, CHAT).state == "miss"
    assert judge({"unanswered": {}}, ONE_SIDED).state == "hit"
    assert judge({"unanswered": {}}, NO_TIMES).reason == "no times"
    assert judge({"unanswered": {}}, "14:00:00 客服: 在").reason == "one-sided"
    assert judge({"unanswered": {}}, "14:00:00 客户: 谢谢\n14:00:01 客服: 好").reason == "no wait"


END = "2026-01-01 14:00:00 客户: 在吗\n14:00:10 客服: 在"


@pytest.mark.parametrize(
    ("head", "followup", "state"),
    [
        ("followup=2026-01-02T14:00:10+08:00/survey", {"within_hours": 24}, "hit"),
        ("followup=2026-01-02T14:00:11+08:00/survey", {"within_hours": 24}, "miss"),
        ("followup=2026-01-01T14:00:09+08:00/survey", {"within_hours": 24}, "miss"),
        ("followup=2026-01-02T14:00:10+08:00/survey", {"within_hours": 24, "kind": "survey"}, "hit"),
        ("followup=2026-01-02T14:00:10+08:00/survey", {"within_hours": 24, "kind": "call"}, "miss"),
        ("followup=2026-01-02T14:00:10+08:00/phone", {"within_hours": 24, "kinds": ["call", "phone"]}, "hit"),
        ("followup=2026-01-02T14:00:10+08:00/survey", {"within_hours": 24, "kinds": ["call", "phone"]}, "miss"),
        ("followup=2026-01-02T15:00:00+08:00 ended=2026-01-01T15:00:00+08:00", {"within_hours": 24}, "hit"),
        ("", {"within_hours": 24}, "n/a"),
    ],
)
def test_followup(judge, head: str, followup: dict, state: str) -> None:
    assert judge({"followup": followup}, f"# c-1 {head}\n{END}").state == state


def test_followup_of_a_chat_without_end_or_messages(judge) -> None:
    assert judge({"followup": {"within_hours": 1}}, Chat("c", (), followups=())).reason == "no times"
    answer = judge({"not": {"followup": {"within_hours": 1}}}, Chat("c", (), followups=(), ended_at=5))
    assert (answer.state, answer.evidence) == ("hit", ())


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        ({"figure": "first_response"}, "exactly one of over, under"),
        ({"figure": "first_response", "over": 1, "under": 2}, "exactly one of over, under"),
        ({"figure": "first_response", "over": 1, "seconds": 5}, "seconds belongs to within_rate"),
        ({"figure": "within_rate", "under": 75}, "a share from 0 to 1"),
        ({"figure": "within_rate", "over": 0.5, "seconds": 0}, "greater than 0"),
        ({"figure": "first_response", "over": -1}, "greater than or equal to 0"),
        ({"figure": "speed", "over": 1}, "'speed' is not one of its values .known: first_response, "),
    ],
)
def test_mistakes(judge, figure: dict, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        judge({"figure": figure}, CHAT)


HOURS = """\
11:59:00 客户: 有货吗
11:59:20 客服: 有的
12:00:00 客户: 什么颜色
12:01:40 客服: 黑色
12:02:00 客户: 多少钱"""


def in_hours(condition: dict, chat: str = HOURS, **policy: list[str]) -> Answer:
    pack = make_pack({"when": condition})
    settings = Policy.model_validate({"peak_hours": ["09:00-12:00"], **policy})
    context = make_context(pack, settings, ZoneInfo("Asia/Shanghai"))
    [one] = parse_plain(chat, context.zone)
    return Answer(compile_pack(pack).judge(one, context, "2026-01-01"), one)


@pytest.mark.parametrize(
    ("figure", "hours", "value", "turns"),
    [
        ("first_response", "peak", 20, [0, 1]),
        ("complete_answer", "peak", None, "unanswered"),
        ("average_response", "all", 60, [2, 3]),
        ("average_response", "peak", 20, [0, 1]),
        ("average_response", "off_peak", 100, [2, 3]),
        ("average_response", "business", 60, [2, 3]),
        ("longest_wait", "peak", 20, [0, 1]),
        ("longest_wait", "off_peak", 100, [2, 3]),
        ("within_rate", "off_peak", 0.5, [4]),
        ("first_response", "off_peak", None, "no first wait opened in off_peak hours"),
        ("first_substantive", "off_peak", None, "no first wait opened in off_peak hours"),
    ],
)
def test_figures_of_some_hours(figure: str, hours: str, value: float | None, turns: list[int] | str) -> None:
    answer = in_hours({"figure": {"figure": figure, "over": 0, "hours": hours}})
    if value is None:
        assert answer.reason == turns
    else:
        assert (answer.finding.value, [turn for turn, _ in answer.quotes]) == (value, turns)


def test_waits_and_questions_of_some_hours() -> None:
    assert in_hours({"wait": {"over": 50, "hours": "peak"}}).state == "miss"
    assert in_hours({"wait": {"over": 50, "hours": "off_peak"}}).finding.value == 100
    assert in_hours({"unanswered": {"hours": "peak"}}).state == "miss"
    assert in_hours({"unanswered": {"hours": "off_peak"}}).quotes == [(4, "多少钱")]


def test_no_wait_in_those_hours() -> None:
    for hours in ("business", "peak"):
        policy = {"business_hours": ["14:00-18:00"], "peak_hours": []}
        for condition in (
            {"figure": {"figure": "longest_wait", "over": 0}}, {"unanswered": {}}, {"wait": {"over": 0}},
        ):  # fmt: skip
            [(name, body)] = condition.items()
            reason = in_hours({name: body | {"hours": hours}}, **policy).reason
            assert reason == ("no counted wait" if name == "wait" else f"no wait opened in {hours} hours")
    business = {"business_hours": ["09:00-12:00"]}
    assert in_hours({"unanswered": {"hours": "business"}}, **business).state == "miss"
