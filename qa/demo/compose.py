"""The lines of one chat: skeleton, greeting and closing, side questions, planted exchanges, traps."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from qa.demo import voice
from qa.demo.grammar import Speech, Template, chance, parse, pick
from qa.demo.plan import ENDINGS, Plan
from qa.demo.templates import AgentProfile, Dialogue, Insert, Library, Merchant, ScriptLine

MAX_LINES = 30
"""The longest chat, all events and notices included."""

_WORDLESS = re.compile(r"\W|图片|好的谢谢|嗯嗯谢谢")
_NOD = 2
"""Letters of an answer that is nothing but a yes."""
_ALIKE = 0.6
"""Share of common letter pairs from which two questions may be taken for one."""
_SETTLED = 4
"""Ornaments keep away from the first turns, where greetings are looked for, and from very short texts."""
_CLARIFYING = (
    *(
        "？",
        "?",
        "吗",
        "请问",
        "订单",
        "核实",
        "确认",
        "查",
        "提供",
        "哪",
        "什么",
        "多少",
        "是否",
        "方便",
        "发一下",
        "看一下",
    ),
    *("发我", "给我", "怎么", "几", "麻烦", "呢", "拍", "告诉"),
)
"""Anything that a reader might take for a question or an order check by the agent."""


@dataclass(slots=True)
class Line:
    """One message to be.

    ``marks`` as in templates, and ``L`` (long after the last), ``S`` (after a silence), ``H`` (holding that lasts),
    ``M`` (a customer's consent or praise, which some would call a courtesy), ``m`` (a bare yes, likewise).
    """

    role: str
    text: str
    kind: str = "text"
    marks: str = ""
    rules: list[str] = field(default_factory=list)
    withdrawn: bool = False
    private: bool = False
    with_bot: bool = False
    """Said while the bot serves: opens no wait."""
    opens: bool = False
    """Opens the wait for the first person at the end of the bot's service."""

    @property
    def visible(self) -> bool:
        """Whether the timing ledger sees this line as somebody's turn."""
        return not (self.withdrawn or self.private or self.role == "system")


@dataclass(slots=True)
class Stage:
    """Everything needed to speak: who, about what, with which faults."""

    speech: Speech
    library: Library
    merchant: Merchant
    agent: AgentProfile
    plan: Plan
    rng: random.Random
    style: str
    seen: set[str] = field(default_factory=set)

    def say(self, template: Template, *, fixed: bool = False) -> str:
        """Return ``template`` spoken, avoiding what was already said in this chat unless ``fixed``."""
        text = self.speech.fill(template)
        for _ in range(0 if fixed else 6):
            if text not in self.seen:
                break
            text = self.speech.fill(template)
        self.seen.add(text)
        return text


@cache
def _parsed(text: str) -> Template:
    return parse(text)


Entry = tuple[ScriptLine, str]
_THANKED = frozenset({"courtesy-after-answer", "late-tip"})
"""Traps that are about what is said after the customer's thanks."""
_CONSENT = parse("{reply_ok}")


def compose(stage: Stage, skeleton: Dialogue) -> list[Line]:
    """Return the lines of the chat, with the planted rules written on the lines that show them."""
    entries = _entries(stage, skeleton)
    lines: list[Line] = []
    for script, rule in entries:
        lines.extend(_spoken(stage, script, rule))
    _greet(stage, lines)
    lines.extend(_ending(stage, answered=lines[-1].role == "agent"))
    if stage.plan.timed == "substantive-response-slow":
        _hold_first(stage, lines)
    elif stage.plan.timed == "complete-answer-slow":
        _hold_late(stage, lines)
    if stage.plan.bot:
        lines = _bot_first(stage, lines)
    _ornaments(stage, lines)
    return lines


def asks_early(lines: Sequence[Line]) -> bool:
    """Return whether the agent clarifies well inside the first half of the chat."""
    return any("?" in line.marks for line in lines[: (len(lines) - 1) // 2])


def asks_twice(lines: Sequence[Line]) -> bool:
    """Return whether two turns of the customer are so alike that they may be read as one question asked again."""
    texts = [_WORDLESS.sub("", line.text) for line in lines if line.role == "customer" and line.visible]
    pairs = [frozenset(pairwise(text)) for text in texts if len(text) >= _SETTLED]
    return any(
        len(one & other) >= _ALIKE * min(len(one), len(other))
        for k, one in enumerate(pairs)
        for other in pairs[k + 1 :]
    )


def looks_asking(lines: Sequence[Line]) -> bool:
    """Return whether any agent line up to two thirds of the chat could be read as a question or a check."""
    head = lines[: len(lines) * 2 // 3 + 1]
    return any(word in line.text for line in head if line.role == "agent" for word in _CLARIFYING)


def _entries(stage: Stage, skeleton: Dialogue) -> list[Entry]:
    plan = stage.plan
    drop = ("?=" if "needs-not-confirmed" in plan.omitted else "") + ("-" if plan.timed else "")
    entries: list[Entry] = [(line, _own_rule(line)) for line in skeleton if not set(drop) & set(line.marks)]
    for rule in plan.inserted:
        if rule == "excellent-praise":
            entries.extend(_exchange(stage, stage.library.plants[rule]))
        elif rule not in ENDINGS:
            _insert(stage, entries, stage.library.plants[rule])
    trap = next((t for t in stage.library.traps if t.name == plan.trap), None)
    if trap is not None:
        _insert(stage, entries, trap)
    fitting = [s for s in stage.library.sides if not s.merchants or stage.merchant.id in s.merchants]
    used: set[str] = set()
    for _ in range(plan.sides):
        side = pick(stage.rng, fitting)
        if side.name not in used and len(entries) < MAX_LINES - 14:
            used.add(side.name)
            _insert(stage, entries, side)
    if plan.last_words:
        entries.extend(_exchange(stage, stage.library.plants[plan.last_words]))
    return entries


def _own_rule(line: ScriptLine) -> str:
    return "excellent-praise" if "+" in line.marks else ""


def _exchange(stage: Stage, insert: Insert) -> list[Entry]:
    lines = pick(stage.rng, insert.dialogues)
    return [(line, insert.name if "*" in line.marks else "") for line in lines]


def _insert(stage: Stage, entries: list[Entry], insert: Insert) -> None:
    """Put an exchange between two others, never before the agent's second turn."""
    agents = 0
    places = []
    for i, (line, _) in enumerate(entries):
        following = entries[i + 1][0] if i + 1 < len(entries) else None
        agents += line.speaker == "A"
        free = following is None or (following.speaker == "C" and not set("=-") & set(following.marks))
        if line.speaker == "A" and "~" not in line.marks and free and agents > 1:
            places.append(i + 1)
    at = pick(stage.rng, places) if places else len(entries)
    entries[at:at] = _exchange(stage, insert)


def _spoken(stage: Stage, script: ScriptLine, rule: str) -> list[Line]:
    rules = [*([rule] if rule else []), *script.also]
    fixed = bool(set("*+-") & set(script.marks))
    text = stage.say(script.template, fixed=fixed)
    match script.speaker:
        case "G":
            lines = [Line("gap", "", marks="G")]
        case "A":
            lines = [Line("agent", text, marks=script.marks, rules=rules)]
        case "T":
            lines = [Line("system", text, kind="transfer", rules=rules)]
        case "N":
            lines = [Line("agent", text, private=True)]
        case "I":
            lines = [Line("customer", text, kind="image", marks=script.marks)]
        case "K":
            lines = [Line("customer", text, kind="sticker", marks="-")]
        case _ if fixed or "!" in script.marks:
            marks = script.marks + ("M" if rule == "excellent-praise" else "")
            lines = [Line("customer", text, marks=marks, rules=rules)]
        case _:
            rough = voice.roughen(text, stage.style, stage.rng)
            marks = script.marks + (
                "M" if script.template == _CONSENT else "m" if "=" in script.marks and len(rough) <= _NOD else ""
            )
            lines = [Line("customer", part, marks=marks, rules=list(rules)) for part in voice.burst(rough, stage.rng)]
    return lines


def _greet(stage: Stage, lines: list[Line]) -> None:
    if "greeting-missing" in stage.plan.omitted:
        return
    at = next(i for i, line in enumerate(lines) if line.role == "agent")
    if "needs-not-confirmed" in stage.plan.omitted:
        lines.insert(at, Line("agent", stage.say(_parsed("{greet_flat}"))))
    elif chance(stage.rng, 0.3) or any(line.with_bot for line in lines):
        lines[at].text = stage.say(_parsed("{greet_short}")) + lines[at].text
    else:
        lines.insert(at, Line("agent", stage.say(_parsed(pick(stage.rng, stage.agent.greetings)))))


def _line(stage: Stage, role: str, slot: str, marks: str = "") -> Line:
    return Line(role, stage.say(_parsed("{" + slot + "}"), fixed="-" in marks), marks=marks)


def _ending(stage: Stage, *, answered: bool) -> list[Line]:
    plan, rng = stage.plan, stage.rng
    if plan.last_words == "never-came-back":
        return []
    if "closing-missing" in plan.omitted:
        lines = [] if answered else [_line(stage, "agent", "ack")]
        polite = not plan.last_words and chance(rng, 0.7)
        return [*lines, _line(stage, "customer", "courtesy", "-")] if polite else lines
    # Thanks inside an open wait are no answer's end: a trap about what follows them needs the question answered first.
    lines = [_line(stage, "agent", "ack")] if plan.trap in _THANKED and not answered else []
    lines += [] if plan.last_words else _farewell(stage)
    lines.append(_line(stage, "agent", "close"))
    if "rate-invitation-missing" not in plan.omitted:
        if chance(rng, 0.5):
            joint = "" if lines[-1].text[-1] in "。！？~" else "，"
            lines[-1].text += joint + stage.say(_parsed("{invite}"))
        else:
            lines.append(_line(stage, "agent", "invite"))
    if plan.trap == "sticker-only":
        lines.append(Line("customer", stage.say(_parsed("{sticker}"), fixed=True), kind="sticker", marks="-"))
    elif not (plan.unanswered or plan.last_words) and chance(rng, 0.3):
        lines.append(_line(stage, "customer", "courtesy", "-"))
    if plan.trap == "late-tip":
        lines.append(Line("agent", stage.say(_parsed("{late_tip}")), marks="L"))
    if plan.unanswered:
        lines.append(_line(stage, "customer", "late_question"))
        lines[-1].rules.append("unanswered")
    return lines


def _farewell(stage: Stage) -> list[Line]:
    """Return what comes before the closing words: thanks, a last offer, a silence, or nothing."""
    thanks = stage.plan.trap in _THANKED
    ways = ("thanks",) * 11 + ("offer",) * 4 + ("silence",) * 2 + ("nothing",) * 3
    match "thanks" if thanks else pick(stage.rng, ways):
        case "thanks":
            lines = [_line(stage, "customer", "courtesy", "-")]
        case "offer":
            lines = [_line(stage, "agent", "anything_else"), _line(stage, "customer", "nothing_else", "M")]
        case "silence":
            lines = [_line(stage, "agent", "still_there", "S")]
        case _:
            lines = []
    return lines


def _hold_first(stage: Stage, lines: list[Line]) -> None:
    at = next(i for i, line in enumerate(lines) if line.role == "agent")
    lines.insert(at, Line("agent", stage.say(_parsed("{hold}"), fixed=True), marks="~H"))


def _hold_late(stage: Stage, lines: list[Line]) -> None:
    """Make one answer in the second half of the talk come long after its acknowledgement."""
    consent = next((i for i, line in enumerate(lines) if "M" in line.marks), len(lines))
    spots = [
        i
        for i in range(1, consent)
        if lines[i].role == "agent" and lines[i - 1].role == "customer" and "-" not in lines[i - 1].marks
    ]
    if spots:  # else no seconds can keep the plan, and the caller plans again
        lines.insert(spots[-1], Line("agent", stage.say(_parsed("{hold}"), fixed=True), marks="~H"))


def _bot_first(stage: Stage, lines: list[Line]) -> list[Line]:
    at = next(i for i, line in enumerate(lines) if line.role == "agent")
    opening = lines[:at]
    for line in opening:
        line.with_bot = True
    head = [*opening, Line("bot", stage.say(_parsed("{bot_answer}")))]
    if chance(stage.rng, 0.4):
        head += [_served(_line(stage, "customer", "bot_retry")), Line("bot", stage.say(_parsed("{bot_again}")))]
    head.append(_served(_line(stage, "customer", "want_person")))
    if stage.plan.transfer_event:
        head.append(Line("bot", stage.say(_parsed("{bot_transfer}"))))
        head.append(Line("system", stage.say(_parsed("{bot_handover}")), kind="transfer", opens=True))
    else:
        head[-1].opens = True
    return head + lines[at:]


def _served(line: Line) -> Line:
    line.with_bot = True
    return line


def _ornaments(stage: Stage, lines: list[Line]) -> None:
    """Add what real logs are full of: notices, withdrawn messages, private notes."""
    rng = stage.rng
    agents = [i for i, line in enumerate(lines) if line.role == "agent"]
    if chance(rng, 0.03) and len(agents) > _SETTLED:
        at = agents[3]
        lines.insert(at, Line("agent", lines[at].text[: len(lines[at].text) // 2 + 1], withdrawn=True))
    if chance(rng, 0.03) and len(agents) > _SETTLED:
        lines.insert(agents[2] + 1, Line("agent", stage.say(_parsed("{private_note}")), private=True))
    if chance(rng, 0.03) and lines[0].role == "customer" and len(lines[0].text) > _SETTLED:
        lines.insert(0, Line("customer", lines[0].text[:-2], withdrawn=True))
    if chance(rng, 0.25):
        lines.insert(0, Line("system", stage.say(_parsed("{notice}")), kind="notice"))
    if chance(rng, 0.5):
        lines.append(Line("system", stage.say(_parsed("{closed}")), kind="closed"))
