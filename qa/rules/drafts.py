"""Opinions in the making: what each rule has said of each of several chats, put together at the end.

What rules say is a table of numbers (``reasons.py``), a chat a row and a rule a column, since a rule is asked of all
chats before the next one is, and an opinion names all rules of one chat.
"""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np

from qa.rules.base import HIT, NOT_APPLICABLE, Judgement, Place
from qa.rules.batch import Numbers
from qa.rules.pack import PLACEHOLDER, Rule
from qa.rules.reasons import MISSED, UNTOLD, Reasons
from qa.rules.view import View
from qa.types import Chat, Evidence, Finding, Result, Role

QUOTE_LIMIT = 200
"""Code points of one quote; a longer place is quoted from its start."""
PLACES_LIMIT = 20
"""Places quoted for one finding; ``Finding.hits`` counts them all."""


class Opinion(msgspec.Struct, frozen=True):
    """What a rule set says about a chat. A rule named nowhere here has passed."""

    findings: tuple[Finding, ...] = ()
    not_applicable: dict[str, str] = {}
    broken: tuple[str, ...] = ()


class Drafts:
    """What is said of several chats, by rules by position; those that nobody asks about say ``unasked``."""

    def __init__(self, views: Sequence[View], rules: Sequence[Rule], unasked: Numbers) -> None:
        self._views, self._rules = views, rules
        self._states = np.empty((len(rules), len(views)), np.int16)
        """Rule and chat → what is said."""
        self._states[:] = unasked[:, None]
        self._why: dict[tuple[int, int], str] = {}
        """Chat and rule → why it does not apply, where no number stands for it."""
        self._findings: defaultdict[int, list[Finding]] = defaultdict(list)
        self._broken: defaultdict[int, list[str]] = defaultdict(list)

    def due(self, which: int, rules: Sequence[int]) -> None:
        """Note that these rules are asked of a chat; they pass unless they say otherwise."""
        self._states[rules, which] = MISSED

    def glanced(self, i: int, chats: Numbers, states: Numbers) -> None:
        """Note what a glance has told of a rule in these chats; one asked then passes unless it says otherwise."""
        self._states[i, chats] = np.where(states > UNTOLD, states, MISSED)

    def asked(self, i: int, which: int, answer: Judgement) -> None:
        """Note what a rule that has not passed has answered."""
        if answer.state is NOT_APPLICABLE:
            self._states[i, which] = UNTOLD
            self._why[which, i] = answer.reason
        elif answer.state is HIT:
            self._findings[which].append(_finding(self._rules[i], answer, self._views[which].chat))

    def crashed(self, i: int, which: int, problem: Exception) -> None:
        """Note that a rule has crashed, and where."""
        where = traceback.extract_tb(problem.__traceback__)[-1]
        reason = f"{type(problem).__name__}: {problem}".replace("\0", "␀")
        self._broken[which].append(f"rule {self._rules[i].id}: {reason} ({where.name}:{where.lineno})")

    def opinions(self, reasons: Reasons) -> list[Opinion]:
        """Return the opinion of each chat."""
        skipped = self._skipped(reasons)
        for which, i in self._why:
            skipped[which][self._rules[i].id] = self._why[which, i]
        return [
            Opinion(tuple(self._findings.get(which, ())), not_applicable, tuple(self._broken.get(which, ())))
            for which, not_applicable in enumerate(skipped)
        ]

    def _skipped(self, reasons: Reasons) -> list[dict[str, str]]:
        """Of each chat the rules that do not apply, in order, and why; many chats have the same."""
        known: dict[bytes, dict[str, str]] = {}
        skipped = []
        for said in np.ascontiguousarray(self._states.T):
            key = said.tobytes()
            rules = known.get(key)
            if rules is None:
                (untold,) = (said >= UNTOLD).nonzero()
                told = zip(untold.tolist(), said[untold].tolist(), strict=True)
                rules = known[key] = {self._rules[i].id: reasons.texts.get(state, "") for i, state in told}
            skipped.append(rules.copy())
        return skipped


def _finding(rule: Rule, answer: Judgement, chat: Chat) -> Finding:
    evidence = _evidence(answer, chat)
    count = answer.hits
    return Finding(
        rule=rule.id,
        outcome=Result.BONUS if rule.bonus else Result.FAILED,
        message=fill_message(rule.message.zh, evidence, count, answer.value),
        hits=count,
        value=answer.value,
        evidence=evidence,
    )


def _evidence(answer: Judgement, chat: Chat) -> tuple[Evidence, ...]:
    """Quotes of what was found and of the turns searched in vain.

    A figure or a field of the chat has no characters of its own: it is shown with the customer's last turn, which is
    where a reader starts.
    """
    messages = chat.messages
    found = []
    for turn, start, end in (answer.places or _anchor(answer, chat))[:PLACES_LIMIT]:
        stop = min(end, start + QUOTE_LIMIT)
        found.append(Evidence(turn, start, stop, messages[turn].text[start:stop]))
    for turn in answer.searched[:PLACES_LIMIT]:
        quote = messages[turn].text[:QUOTE_LIMIT]
        found.append(Evidence(turn, 0, len(quote), quote, absent=True))
    return tuple(found)


def _anchor(answer: Judgement, chat: Chat) -> tuple[Place, ...]:
    if answer.searched or not chat.messages:
        return ()
    turns = range(len(chat.messages) - 1, -1, -1)
    last = next((t for t in turns if chat.messages[t].role is Role.CUSTOMER), len(chat.messages) - 1)
    return ((last, 0, len(chat.messages[last].text)),)


def fill_message(template: str, evidence: tuple[Evidence, ...], count: int, value: float | None) -> str:
    """A rule's message with ``{quote}``, ``{count}`` and ``{value}`` filled (figures without needless decimals).

    >>> fill_message("等待 {value} 秒", (), 1, 72.0)
    '等待 72 秒'
    """
    quote = next((item.quote for item in evidence if not item.absent), "").replace("\0", "␀")
    shown = "" if value is None else f"{value:.1f}".removesuffix(".0")
    said = {"{quote}": quote, "{count}": str(count), "{value}": shown}
    return PLACEHOLDER.sub(lambda match: said[match[0]], template)  # at once: a quote may look like a placeholder
