"""A second, naive reading of every rule of the house pack, over canonical dicts; no code shared with the generator."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

COURTESY = {"谢谢", "好的", "好的谢谢", "嗯嗯", "好的，谢谢", "嗯嗯谢谢", "再见"}
HOLDING = {"请稍等", "稍等", "请您稍等", "稍等一下", "正在为您查询", "正在为您查询，请稍等"}
OPEN_HOURS = {"qingmu": None, "xingye": (9, 23), "luxi": (8, 22)}

GREETING = r"您好|你好|欢迎|早上好|下午好|晚上好|上午好"
CLOSING = r"再见|祝您|感谢|谢谢|还有其他|还有什么可以|随时找|拜拜|欢迎再|欢迎下次"
INVITATION = r"评价|打个?分|满意度"
APOLOGY = r"抱歉|不好意思|对不起|歉意"
COMPLAINT = r"投诉|太差|骗人|骗子|质量问题|生气|差评|失望|垃圾|恶心|假货|气死"
CLARIFY = r"？|\?|吗|请问|订单|核实|确认|麻烦"
PRAISE = r"太棒了|服务真好|必须好评|谢谢你这么耐心"
CARE = r"跟进到底|主动为您|给您先垫|理解您"
AGENT_WORDS = {
    "forbidden-phrase": r"不知道|不清楚|不归我管|没办法",
    "impatience": r"说了多少遍|你到底|听不懂|自己看",
    "absolute-terms": r"全网最低|最好|第一品牌|全国第一|销量第一|第一的|独一无二",
    "blame-shifting": r"(快递|物流|快递公司)的问题|不是我们的责任|你自己",
    "red-off-platform": r"微信|薇信|v ?x|ＶＸ|V\.?信|v信|V\.X|wx|QQ|扣扣|加我Q|薇❤|VX",
    "red-private-payment": r"转账|私下转|发红包给我|支付宝转我",
    "red-review-bribe": r"好评|五星",
    "red-sensitive-info": r"密码|验证码|身份证号|银行卡号",
    "red-insult": r"傻|滚|有病|神经病|脑子",
    "excellent-care": CARE,
}
"""Words of a rule that appear in the agent's turns nowhere else, except in the named traps."""
INNOCENT = (
    r"不能加微信|(没有|不提供)(QQ群|微信群)|平台外转账有风险|请不要转账|客服不会索要您的密码(和验证码)?|不要把?验证码|“[^”]*”|"
    r"如果您不清楚|要是您不清楚|滚筒"
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def turns(chat: dict, role: str) -> list[tuple[int, str]]:
    return [
        (i, m["text"])
        for i, m in enumerate(chat["messages"])
        if m["role"] == role and not m.get("withdrawn") and not m.get("private") and m.get("kind", "text") == "text"
    ]


def seconds_open(chat: dict, start: datetime, end: datetime) -> float:
    hours = OPEN_HOURS[chat["merchant"]]
    if hours is None:
        return (end - start).total_seconds()
    total = 0.0
    day = start.replace(hour=0, minute=0, second=0)
    while day < end:
        opens, closes = day + timedelta(hours=hours[0]), day + timedelta(hours=hours[1])
        total += max(0.0, (min(end, closes) - max(start, opens)).total_seconds())
        day += timedelta(days=1)
    return total


def sittings(chat: dict) -> list[list[tuple[int, dict]]]:
    parts: list[list[tuple[int, dict]]] = [[]]
    for i, message in enumerate(chat["messages"]):
        if message.get("withdrawn") or message.get("private"):
            continue
        kind = message.get("kind", "text")
        if message["role"] == "system" and kind not in {"transfer", "closed"}:
            continue
        if parts[-1]:
            silence = seconds_open(chat, at(parts[-1][-1][1]["at"]), at(message["at"]))
            if silence > 7200 and message["role"] == "customer":
                parts.append([])
        parts[-1].append((i, message))
    return parts


def is_courtesy(message: dict) -> bool:
    return message.get("kind") == "sticker" or message["text"] in COURTESY


def waits(chat: dict, part: list[tuple[int, dict]]) -> list[dict]:
    found: list[dict] = []
    start = 0
    bots = [k for k, (_, m) in enumerate(part) if m["role"] == "bot"]
    open_wait: dict | None = None
    if bots:
        handover = [k for k, (_, m) in enumerate(part) if m.get("kind") == "transfer"]
        first_agent = next(k for k, (_, m) in enumerate(part) if m["role"] == "agent")
        asked = [
            k
            for k, (_, m) in enumerate(part[:first_agent])
            if k > bots[-1] and m["role"] == "customer" and not is_courtesy(m)
        ]
        start = handover[0] if handover and handover[0] < first_agent else asked[0]
        open_wait = {"turn": part[start][0], "at": at(part[start][1]["at"])}
        start += 1
    for i, message in part[start:]:
        if message["role"] == "customer" and open_wait is None and not is_courtesy(message):
            open_wait = {"turn": i, "at": at(message["at"])}
        elif message["role"] == "agent":
            now = at(message["at"])
            if message["text"] not in HOLDING:
                for wait in found:
                    if wait["substantive"] is None:
                        wait["substantive"] = seconds_open(chat, wait["at"], now)
            if open_wait is not None:
                seconds = seconds_open(chat, open_wait["at"], now)
                real = None if message["text"] in HOLDING else seconds
                found.append({**open_wait, "seconds": seconds, "substantive": real})
                open_wait = None
    if open_wait is not None:
        found.append({**open_wait, "seconds": None, "substantive": None})
    return found


def timeliness(chat: dict) -> set[str]:
    parts = sittings(chat)
    everything = [wait for part in parts for wait in waits(chat, part)]
    fired = {"unanswered"} if any(wait["seconds"] is None for wait in everything) else set()
    first = everything[0]
    peak = 9 <= first["at"].hour < 12
    limit, rule = (15, "first-response-slow-peak") if peak else (30, "first-response-slow")
    answered = [wait["seconds"] for wait in everything if wait["seconds"] is not None]
    checks = {
        rule: first["seconds"] is not None and first["seconds"] > limit,
        "substantive-response-slow": first["substantive"] is not None and first["substantive"] > 180,
        "average-response-slow": sum(answered) / len(answered) > 60,
        "long-gap": max(answered) > 300,
        "complete-answer-slow": complete(chat, parts[0], first) > 600,
    }
    return fired | {name for name, broken in checks.items() if broken}


def complete(chat: dict, part: list[tuple[int, dict]], first: dict) -> float:
    """Seconds to the last agent turn before the customer's last courtesy that nothing but courtesy follows."""
    last_asked = max(k for k, (_, m) in enumerate(part) if m["role"] == "customer" and not is_courtesy(m))
    stop = next(
        (k for k, (_, m) in enumerate(part) if k > last_asked and m["role"] == "customer"),
        len(part),
    )
    answers = [at(m["at"]) for _, m in part[:stop] if m["role"] == "agent"]
    return seconds_open(chat, first["at"], answers[-1])


def words(chat: dict) -> set[str]:
    agent = turns(chat, "agent")
    texts = [text for _, text in agent]
    customer = turns(chat, "customer")
    fired: set[str] = set()
    for rule, pattern in AGENT_WORDS.items():
        if any(re.search(pattern, re.sub(INNOCENT, "", text)) for text in texts):
            fired.add(rule)
    if not any(re.search(GREETING, text) for text in texts[:2]):
        fired.add("greeting-missing")
    if not any(re.search(CLOSING, text) for text in texts[-3:]):
        fired.add("closing-missing")
    if not any(re.search(INVITATION, text) for text in texts[-3:]):
        fired.add("rate-invitation-missing")
    if max(texts.count(text) for text in texts if len(text) >= 15 or text == texts[0]) >= 3:
        fired.add("copy-paste")
    if sum(text.strip("。") in {"嗯", "哦", "好", "是"} for text in texts) >= 2:
        fired.add("one-word-reply")
    if any(re.search(PRAISE, text) for _, text in customer):
        fired.add("excellent-praise")
    complaints = [i for i, text in customer if re.search(COMPLAINT, text)]
    if complaints and not any(i > complaints[0] and re.search(APOLOGY, text) for i, text in agent):
        fired.add("apology-missing")
    half = len(chat["messages"]) / 2
    if not any(re.search(CLARIFY, text) for i, text in agent if i < half):
        fired.add("needs-not-confirmed")
    return fired | repeated(customer)


def repeated(customer: list[tuple[int, str]]) -> set[str]:
    texts = [re.sub(r"\W", "", text) for _, text in customer if text not in COURTESY]
    texts = [text for text in texts if len(text) >= 8]
    pairs = ((a, b) for k, a in enumerate(texts) for b in texts[k + 1 :])
    return {"repeated-question"} if any(a in b or b in a for a, b in pairs) else set()


def facts(chat: dict) -> set[str]:
    fired: set[str] = set()
    ended = at(chat["ended_at"])
    if not any(timedelta(0) <= at(f["at"]) - ended <= timedelta(hours=24) for f in chat["followups"]):
        fired.add("followup-missing")
    if chat.get("csat", 5) <= 2:
        fired.add("low-csat")
    if sum(m.get("kind") == "transfer" for m in chat["messages"]) >= 3:
        fired.add("transfers-many")
    return fired


def judge(chat: dict) -> set[str]:
    """Return every rule that this chat breaks or earns, by the naive reading."""
    return timeliness(chat) | words(chat) | facts(chat)
