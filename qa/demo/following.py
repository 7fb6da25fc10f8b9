"""What follows from the words of a chat, whatever was planned: read off the lines by who says what, not by the rules.

The generator knows which lines complain, say sorry, or tell who is speaking; what stays to be counted is counted here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qa.demo.compose import Line, Stage
from qa.demo.grammar import parse
from qa.demo.timing import NEXT_LIMIT, Clock, handed_over

_SORRY = re.compile("抱歉|对不起|不好意思")
_COMFORT = re.compile("理解|放心|安心|别急|别担心|不着急|消消气|抱歉|对不起|不好意思")
_WAITED = re.compile("久等|耐心")
_WORD_FOR_IT = parse("{waited}")
_YOU = re.compile("你(?!好|们)")
_ADDRESS = re.compile("您|亲|先生|女士|朋友|顾客|同学")
_OUTSIDE = re.compile("12315|消协")
_APPOINTED = re.compile("[约说]好(今天|下午)")
_REFUND_ASKED = re.compile("差价.*退回来|退款是退到|退款(怎么|咋|呢|进度|现在)|退款.*(没|不)到|的退款")
_WHERE = re.compile("原路|原支付|原渠道|原账户|付款方式|银行|支付渠道|零钱|余额|卡上")
_WHEN = re.compile("到账|工作日|小时|天内|号|今|明|后天|周|这两天|一到两天")
"""Where the money goes and when it comes."""
_SENT_AGAIN = re.compile("[给为]您(安排)?(补发|补寄)|(给|为)您(安排|登记)[换补]发")
_LEFT_TO_CUSTOMER = re.compile("(看|参考)(一下)?(详情页|页面|公告)的?(说明|内容)")
_THANKS = re.compile("客气|感谢|谢谢|应该的|祝您")
_ORDER = re.compile(r"26\d{13}")
_ONE_WORD = frozenset("嗯哦好是")
_REACH = 2
"""Turns after a long wait in which a word for it is due."""
_SEEN = 3
"""Agent turns a chat needs before anybody misses being addressed, and hand-overs that are too many."""


def by_words(lines: Sequence[Line]) -> dict[str, tuple[int, ...]]:
    """Return the rules that these lines break by what they say or leave out, with their lines."""
    agents = [i for i, line in enumerate(lines) if line.role == "agent" and line.visible]
    familiar = [i for i in agents for _ in _YOU.findall(lines[i].text)]
    grunts = [i for i in agents if lines[i].text.strip("。") in _ONE_WORD]
    transfers = [i for i, line in enumerate(lines) if line.kind == "transfer"]
    found: dict[str, tuple[int, ...]] = {}
    if _sorry_missing(lines, agents):
        found["apology-missing"] = ()
    if len(familiar) > 1:
        found["plain-you"] = tuple(dict.fromkeys(familiar))
    if len(agents) >= _SEEN and not any(_ADDRESS.search(lines[i].text) for i in agents):
        found["addressing-missing"] = ()
    if len(grunts) > 1:
        found["one-word-reply"] = tuple(grunts)
    if len(transfers) >= _SEEN:
        found["transfers-many"] = tuple(transfers)
    if _nameless(lines, agents):
        found["self-introduction-missing"] = ()
    return found | _by_customer(lines, agents)


def _by_customer(lines: Sequence[Line], agents: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Return what follows from the customer's words and from what the agents say to them."""
    customer = [i for i, line in enumerate(lines) if line.role == "customer" and line.visible]
    spoken = [i for i in customer if "-" not in lines[i].marks]
    upset = [i for i in customer if "!" in lines[i].marks]
    praise = [i for i in customer if {"excellent-praise", "excellent-turned-round"} & set(lines[i].rules)]
    asked = [i for i in customer if _REFUND_ASKED.search(lines[i].text)]
    told = all(any(point.search(lines[i].text) for i in agents) for point in (_WHERE, _WHEN))
    again = [i for i in agents if _SENT_AGAIN.search(lines[i].text)]
    dated = any(_WHEN.search(lines[i].text) for i in agents if again and i >= again[0])
    unthanked = praise and not any(i > praise[-1] and _THANKS.search(lines[i].text) for i in agents)
    bad_end = spoken[-1:] if "E" in lines[spoken[-1]].marks else []
    distress = [i for i in customer if "D" in lines[i].marks]
    comforted = any(distress and i > distress[0] and _COMFORT.search(lines[i].text) for i in agents)
    found: dict[str, Sequence[int]] = {
        "empathy-missing": [] if comforted else distress,
        "complaint-outside": [i for i in customer if _OUTSIDE.search(lines[i].text)],
        "promise-broken": [i for i in customer if _APPOINTED.search(lines[i].text)],
        "excellent-turned-round": [i for i in praise if upset and i > upset[0]] if not bad_end else [],
        "refund-points-missing": [] if told else asked,
        "self-service-push": [i for i in agents if _LEFT_TO_CUSTOMER.search(lines[i].text)],
        "negative-end": bad_end,
        "refund-no-term": [] if dated else again,
        "thanks-missing": praise if unthanked else [],
        "handover-asks-again": _asked_over(lines, customer),
    }
    return {rule: tuple(where) for rule, where in found.items() if where}


def _asked_over(lines: Sequence[Line], customer: Sequence[int]) -> list[int]:
    """Return the lines after a hand-over that ask for the order number given before it."""
    handed = handed_over(lines)
    given = [i for i in customer if _ORDER.search(lines[i].text)]
    if not (handed and given and given[0] < handed[-1]):
        return []
    return [
        i for i, line in enumerate(lines) if i > handed[-1] and "asks-again" in line.rules and "订单号" in line.text
    ]


def _sorry_missing(lines: Sequence[Line], agents: Sequence[int]) -> bool:
    complaints = [i for i, line in enumerate(lines) if "!" in line.marks and line.role == "customer"]
    return bool(complaints) and not any(i > complaints[0] and _SORRY.search(lines[i].text) for i in agents)


def _nameless(lines: Sequence[Line], agents: Sequence[int]) -> bool:
    """Return whether the last person to take over spoke at least twice without saying who is speaking."""
    handed = handed_over(lines)
    after = [i for i in agents if handed and i > handed[-1]]
    return len(after) > 1 and not any("^" in lines[i].marks for i in after[:2])


def unacknowledged(lines: Sequence[Line], times: Clock) -> dict[str, tuple[int, ...]] | None:
    """Return the long waits after which the agent says no word about waiting or sorry; None where it is debatable."""
    long = [wait for wait in times.waits if wait.closed is not None and wait.response > NEXT_LIMIT]
    if not long:
        return {}
    turns = [i for i, line in enumerate(lines) if line.role in {"agent", "customer"} and line.visible]
    heard = [[_spoken_of(lines[i]) for i in turns if wait.closed is not None and i >= wait.closed] for wait in long]
    near = [any(words[:1]) for words in heard]
    if len({*near, *(any(words[: _REACH + 1]) for words in heard)}) > 1:
        return None
    return {} if near[0] else {"long-wait-unacknowledged": tuple(wait.opened for wait in long)}


def acknowledge(stage: Stage, lines: Sequence[Line], times: Clock) -> None:
    """Let the agent open the answer to every long wait with a word for it."""
    for wait in times.waits:
        if wait.closed is not None and wait.response > NEXT_LIMIT and not lines[wait.closed].rules:
            lines[wait.closed].text = stage.say(_WORD_FOR_IT) + lines[wait.closed].text


def _spoken_of(line: Line) -> bool:
    return line.role == "agent" and bool(_SORRY.search(line.text) or _WAITED.search(line.text))
