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
COMPLAINT = (
    r"投诉|太差|骗人|骗子|质量问题|生气|来气|差评|失望|垃圾|恶心|假货|气死|火死|敷衍|对老?顾客的|欺负|糊弄|12315|媒体|电视台|"
    r"法院|法庭|市场监管|工商|消协|市监局|举报|反映的?$|花钱买教训|当?我倒霉|没意思|不会?[来在](你家|你们店)[买了]|^(什么|啥)破|够了，"
)
CLARIFY = r"？|\?|吗|请问|订单|核实|确认|麻烦"
PRAISE = r"太棒了|服务真好|必须好评|谢谢你这么耐心"
LEAK = (
    r"1990000\d{4}.{0,4}(您|你们)?(可以|打|私下|自己|直接)|位姓.(的)?(女士|顾客)|订单号是?26|下单?过|收件人?(写|填)?的?是|[拍买]的是.*[寄发]|"
    r"[住在].{2,3}(中山|建设)路|[买拍]了两份|的?收货地址是.*[镇]|[留填]的(手机|电话)是"
)
THREAT = (
    r"(敢|要是敢)[写发].?(试试|一个试试)|把你的?(电话|号码)[挂发]到?网上|我[叫找](几个)?人[去上]|完?[你您]以后在?|别想要|给你清零|知道你住|"
    r"(天天|每天|半夜)(给你)?打|走着瞧|都?在我手|全在我手|[待混]不下去"
)
CARE = r"跟进到底|主动为您|给您先垫|理解您"
AGENT_WORDS = {
    "forbidden-phrase": r"不知道|不清楚|不归我管|没办法",
    "impatience": r"说了多少遍|你到底|听不懂|，自己看(?!着办)|[别要]再?催了|急也没|(这么|那么)大的",
    "absolute-terms": r"全网最低|最好|第一品牌|全国第一|销量第一|第一的|独一无二|根治",
    "blame-shifting": r"(快递|物流|快递公司)的问题|不是我们的责任|你自己(没|操作|拍)",
    "red-off-platform": r"微信|薇信|v ?x|ＶＸ|V\.?信|v信|V\.X|wx|QQ|扣扣|加我Q|薇❤|VX",
    "red-private-payment": r"转账|私下转|发红包给我|支付宝转我",
    "red-review-bribe": r"好评返|五星.*(元|块)",
    "red-sensitive-info": r"密码|验证码|身份证号|银行卡号",
    "red-insult": r"傻|滚|有病|神经病|脑子",
    "excellent-care": CARE,
    "red-data-leak": LEAK,
    "red-threat": THREAT,
    "perfunctory": (
        r"怎么都行|随便，|随便吧，|随您|您随意|随便选|凑合|将就|再说[吧呗]|白问|也没用，(就|先|这样|那样)|"
        r"急也没|(流程|单子)(就是)?[慢多]|看着办"
    ),
    "rhetorical-question": (
        r"看不[见到]|我怎么[会能]知道|还?能[退换]吗?？|(送货上门|送到家)了?？|[飞跑]过去|(之前|前)您?(不会|就不能)|"
        r"谁知道呢|谁说得准"
    ),
    "blaming-customer": (
        r"(拍|下单)的?时候?您?没看|怪谁|能怪|您?要?是?早点?[说来](不就|就没)|您(使用|操作|保养)不当|"
        r"谁[叫让]?您[不没]看|你自己(没|操作|拍)"
    ),
    "over-promising": (
        r"(肯定|一定|绝对)(能)?到，|百分之百|百分百|100%|打包票|跟您保证|向您保证|(保证|包您|绝对)(没|不会有)|"
        r"[包保]您满意"
    ),
    "false-promise": r"治好|根治|绝?不反弹|(一辈子|永远|用到老)都?|[降稳]血糖|[降稳]血压|稳赚|肯定赚|翻倍",
    "disparaging-competitor": (
        r"假货|高仿|二手翻新|(烂|差)，您?(千万)?别|跟我们没法比|跟咱家没法比|小作坊|贴牌|杂牌|"
        r"(肯定|准)被?[坑宰骗]"
    ),
    "internal-information": (
        r"先?[压拖](着|一拖)|进货价|成本才|成本就|难缠|职业打假|高风险|裁员|退款率?(指标|考核)|"
        r"绩效|奖金|[要会]被[罚扣]"
    ),
    "begging-for-rating": (r"个?我?满分|五颗星|[点选](非常满意)?就[行好]，[别不]|没?给?点?满意，?我[要会]"),
    "internal-jargon": r"WMS|SKU|TMS",
    "over-familiar": r"小可爱|小仙女|宝贝|么么哒|爱你哟|亲亲抱抱|美女|帅哥|小姐姐",
    "excellent-steps": r"第一步|1、|首先",
    "excellent-ownership": (
        r"负责到底|跟到底|您(的事|)?(这单|您的事)?(交给我|我接手了)|(交给我|我接手了)，|来(协调|沟通)|"
        r"去(协调|沟通)"
    ),
}
"""Words of a rule that appear in the agent's turns nowhere else, except in the named traps."""
INNOCENT = (
    r"派送员?.师傅.*|快递员.师傅.*|收[件货]人是?.(女士|先生).*|"
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
    return fired | {name for name, broken in checks.items() if broken} | later(everything)


def later(everything: list[dict]) -> set[str]:
    """What is late after the first answer; a bare 嗯 counts as a question here, as in the chats it never decides."""
    after = [wait for wait in everything[1:] if wait["seconds"] is not None]
    longest = max((wait["seconds"] for wait in after), default=0)
    peak = max((wait["seconds"] for wait in after if 9 <= wait["at"].hour < 12), default=0)
    prompt = sum(wait["seconds"] is not None and wait["seconds"] <= 180 for wait in everything)
    checks = {
        "hold-missing": longest > 60,
        "next-response-slow": 180 < longest <= 300,
        "peak-response-slow": peak > 120 and longest <= 180,
        "reply-rate-low": prompt / len(everything) < 0.8,
    }
    return {name for name, broken in checks.items() if broken}


def handing_over(chat: dict) -> set[str]:
    """What went wrong when one person handed the chat to another, and when the system closed it."""
    fired: set[str] = set()
    shown = [m for m in chat["messages"] if not m.get("withdrawn") and not m.get("private")]
    first = next(k for k, m in enumerate(shown) if m["role"] == "agent")
    for k, message in enumerate(shown):
        if k > first and message.get("kind") == "transfer":
            taken = next((at(m["at"]) for m in shown[k:] if m["role"] == "agent"), None)
            if taken is None or taken - at(message["at"]) > timedelta(seconds=60):
                fired.add("handover-slow")
    said = [m for m in shown if m["role"] in {"agent", "customer"}]
    silence = (at(shown[-1]["at"]) - at(said[-1]["at"])).total_seconds()
    if shown[-1].get("kind") == "closed" and 0 < silence <= 600 and "unanswered" in timeliness(chat):
        fired.add("premature-close")
    return fired


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
    if sum(len(re.findall(r"你(?!好|们)", text)) for text in texts) > 1:
        fired.add("plain-you")
    if len(texts) > 2 and not re.search(r"您|亲|先生|女士|朋友|顾客|同学", "".join(texts)):
        fired.add("addressing-missing")
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
    return timeliness(chat) | words(chat) | facts(chat) | handing_over(chat)


def repeat_contacts(chats: list[dict]) -> set[str]:
    """Return the ids of the chats whose customer had begun another one in the 72 hours before."""
    found: set[str] = set()
    begun: dict[tuple[str, str], list[datetime]] = {}
    for chat in sorted(chats, key=lambda chat: at(chat["started_at"])):
        start = at(chat["started_at"])
        earlier = begun.setdefault((chat["merchant"], chat["customer"]["id"]), [])
        if any(timedelta(0) < start - before <= timedelta(hours=72) for before in earlier):
            found.add(chat["id"])
        earlier.append(start)
    return found


JUDGED = frozenset(
    {
        *AGENT_WORDS,
        *("greeting-missing", "closing-missing", "rate-invitation-missing", "copy-paste", "one-word-reply"),
        *("excellent-praise", "apology-missing", "needs-not-confirmed", "repeated-question", "plain-you"),
        *("addressing-missing", "followup-missing", "low-csat", "transfers-many", "unanswered", "first-response-slow"),
        *("first-response-slow-peak", "substantive-response-slow", "average-response-slow", "long-gap"),
        *("complete-answer-slow", "hold-missing", "next-response-slow", "peak-response-slow", "reply-rate-low"),
        *("handover-slow", "premature-close"),
    }
)
"""The rules that ``judge`` knows; the truth of the others is what their lines say (see the tests)."""
