"""The rules of a pack as most would write them: a loop over messages and phrases for each rule, every text folded anew.

The pack, its word lists, what counts as negated, quoted, asked or a number are the product's; how a chat is searched
is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import fsum
from typing import Any

from benchmarks.naive_ledger import Ledger, courtesy_words, holding_words, make_ledger
from benchmarks.naive_text import NA, Answer, Fold, Place, Said, normalise, whole_turns
from benchmarks.naive_times import Course
from qa.policy import Policy
from qa.rules.asking import asks
from qa.rules.inspector import Standard
from qa.rules.pack import Rule

_STICKERS = ("sticker", "emoji", "emotion")
_CODE = re.compile(r"#e-[a-z](?:[0-9]{1,4}|\[[^\]\n]{1,8}\])|\[(?:[一-鿿]{1,4}|[a-z]{2,12})\]")
_TIMED = ("figure", "wait", "unanswered", "reopened_wait", "premature_close")
_UNTIMED = (
    "followup", "field", "transfers", "silence_before_end", "handover", "left_holding", "last_speaker",
    "earlier_chats", "opinion",
)  # fmt: skip


class NaiveRules:
    """A standard under a policy; ``check`` judges one chat, ``red_lines`` only screens it."""

    def __init__(self, standard: Standard, policy: Policy, fold: Fold = normalise) -> None:
        self.rules, self.policy = standard.pack.active, policy
        self.weights, self.full = standard.scorecard.dimensions, standard.scorecard.full
        self.courtesy = courtesy_words(standard.pack.wordlists["courtesy"])
        self.holding = holding_words(standard.pack.wordlists["holding"])
        self.said = Said(standard.pack.wordlists, fold)
        self.course = Course(policy, self.courtesy, self.holding)

    def red_lines(self, chat: Any, day: str) -> list[str]:
        """Ids of the red-line rules that the chat breaks."""
        rules = [rule for rule in self.rules if rule.red_line and rule.in_force(day)]
        return [rule.id for rule in rules if self.judge(rule, chat, None)[0] == "hit"]

    def check(self, chat: Any, day: str) -> tuple[dict[str, tuple[Rule, Answer]], list[tuple[Rule, float | None]]]:
        """Findings by rule, and for every rule the item points lost (None: does not apply)."""
        ledger = make_ledger(chat.messages, self.courtesy, self.holding, self.policy.reopen_after_s)
        findings, items = {}, []
        for rule in self.rules:
            answer = self.judge(rule, chat, ledger) if rule.in_force(day) else NA
            if answer[0] == "hit":
                findings[rule.id] = (rule, answer)
            items.append((rule, self._lost(rule, answer)))
        return findings, items

    def _lost(self, rule: Rule, answer: Answer) -> float | None:
        if answer[0] == "na":
            return None
        if answer[0] == "miss":
            return 0.0
        times = max(1, len(answer[1])) if rule.per == "hit" else 1
        return 1.0 if rule.red_line else min(rule.weight, rule.deduct * times)

    def judge(self, rule: Rule, chat: Any, ledger: Ledger | None) -> Answer:
        """One rule on one chat."""
        if rule.applies is not None:
            applies = self.condition(rule.applies, rule, chat, ledger)
            if applies[0] != "hit":
                return NA
        return self.condition(rule.when, rule, chat, ledger)

    def condition(self, node: dict[str, Any], rule: Rule, chat: Any, ledger: Ledger | None) -> Answer:
        """One condition of a rule."""
        ((name, body),) = node.items()
        if name == "named":
            return self.condition(rule.let[body], rule, chat, ledger)
        if name == "not":
            state, _, value = self.condition(body, rule, chat, ledger)
            return ({"hit": "miss", "miss": "hit", "na": "na"}[state], [], value)
        if name in ("any", "all"):
            return _together(name, [self.condition(part, rule, chat, ledger) for part in body])
        if name == "answer":
            return self._answer(body, rule, chat, ledger)
        if name in _TIMED or name in _UNTIMED:
            return self._course(name, body, chat, ledger)
        return self._scoped(name, body, rule, chat, ledger)

    def _course(self, name: str, body: dict[str, Any], chat: Any, ledger: Ledger | None) -> Answer:
        """An operator that searches for no words."""
        if name in _UNTIMED:
            return getattr(self.course, name)(body, chat)  # type: ignore[no-any-return]
        assert ledger is not None, "red lines ask for no times"
        return getattr(self.course, name)(body, ledger, chat)  # type: ignore[no-any-return]

    def _scoped(self, name: str, body: dict[str, Any], rule: Rule, chat: Any, ledger: Ledger | None) -> Answer:
        """An operator that looks at some turns only."""
        windows = self._windows(body, rule, chat, ledger)
        answers = []
        for turns in windows or [[]]:
            if name == "turns":
                answers.append(self.course.turns(body, turns, chat))
            elif not turns:
                answers.append(NA)
            elif "turns" in body:
                each = [getattr(self.said, name)(body, [turn], chat) for turn in turns]
                answers.append(_together(_QUANTIFIED[body["turns"]], each))
            else:
                answers.append(getattr(self.said, name)(body, turns, chat))
        return answers[0] if len(answers) == 1 else _together(_QUANTIFIED[body["hit"]], answers)

    def _windows(self, body: dict[str, Any], rule: Rule, chat: Any, ledger: Ledger | None) -> list[list[int]]:
        """The turns in scope: once, or beside each hit of another condition."""
        role = body.get("role", "agent")
        turns = []
        for turn, message in enumerate(chat.messages):
            shown = message.kind == "text" and not message.withdrawn and not message.private
            if shown and role in ("any", message.role):
                turns.append(turn)
        side = next((side for side in ("after", "before", "around") if side in body), None)
        if side is None:
            return [_ends(turns, body)]
        state, places, _ = self.condition(rule.let[body[side]], rule, chat, ledger)
        hits = sorted({turn for turn, _, _ in places}) if state == "hit" else []
        which = body.get("hit", 1)
        if which not in ("any", "every"):
            hits = hits[-1:] if which == "last" else hits[which - 1 : which]
        return [_ends(_beside(turns, at, side, body.get("reach", len(turns) + 1)), body) for at in hits]

    # --- answers -----------------------------------------------------------------------------------------------------

    def _answer(self, body: dict[str, Any], rule: Rule, chat: Any, ledger: Ledger | None) -> Answer:
        """What the agent makes of the customer's turns."""
        exchanges = list(_exchanges(chat))
        if "on" in body:
            state, places, _ = self.condition(rule.let[body["on"]], rule, chat, ledger)
            turns = {turn for turn, _, _ in places} if state == "hit" else set()
            exchanges = [one for one in exchanges if turns & set(one[0])]
        if not exchanges:
            return NA
        found: list[Place] = []
        number = 0
        for asked, answer, shown in exchanges:
            question = any(asks(chat.messages[turn].text) for turn in asked)
            if body.get("to", "any") == "any" or question == (body["to"] == "question"):
                places = self._answered_so(body, answer, shown, chat)
                found += places
                number += bool(places)
        fits = number >= body.get("at_least", 1)
        return ("hit" if fits else "miss", found if fits else [], float(number))

    def _answered_so(self, body: dict[str, Any], answer: list[int], shown: bool, chat: Any) -> list[Place]:
        texts = [turn for turn in answer if chat.messages[turn].kind == "text"]
        if "max_chars" in body:
            letters = sum(self.said.letters(chat.messages[turn].text, _CODE) for turn in texts)
            if shown or letters > body["max_chars"]:
                return []
        plain = {"negated": True, "quoted": True}
        lacking = self.said.words(body, "lacks", "lacks_list")
        if lacking and self.said.places(lacking, plain, texts, chat):
            return []
        words = self.said.words(body, "has", "has_list")
        if not words:
            return whole_turns(answer, chat)
        meant = {"negated": body.get("negated"), "quoted": body.get("negated"), "asked": body.get("asked", "count")}
        return self.said.places(words, meant, texts, chat)


_QUANTIFIED = {"any": "any", "every": "all"}


def _together(name: str, answers: Sequence[Answer]) -> Answer:
    """All or any of several answers; what was found in several ways is quoted once."""
    states = [state for state, _, _ in answers]
    decided, other = ("hit", "miss") if name == "any" else ("miss", "hit")
    state = decided if decided in states else "na" if "na" in states else other
    if state != "hit":
        return (state, [], None)
    if states.count("hit") == 1:
        return answers[states.index("hit")]
    places: list[Place] = []
    for turn, start, end in sorted({place for state, places, _ in answers if state == "hit" for place in places}):
        if name == "any" and places and places[-1][0] == turn and start < places[-1][2]:
            places[-1] = (turn, places[-1][1], max(end, places[-1][2]))
        else:
            places.append((turn, start, end))
    return (state, places, None)


def _beside(turns: list[int], at: int, side: str, reach: int) -> list[int]:
    before, after = [turn for turn in turns if turn < at], [turn for turn in turns if turn > at]
    if side == "after":
        return after[:reach]
    if side == "before":
        return before[-reach:]
    return [*before[-reach:], *(turn for turn in turns if turn == at), *after[:reach]]


def _ends(turns: list[int], body: dict[str, Any]) -> list[int]:
    if "first" in body:
        turns = turns[: body["first"]]
    if "last" in body:
        turns = turns[-body["last"] :]
    return turns


def _exchanges(chat: Any) -> Iterator[tuple[list[int], list[int], bool]]:
    """What the customer wrote, what the agent answered, and whether with a picture or the like."""
    asked: list[int] = []
    answer: list[int] = []
    shown = False
    for turn, message in enumerate(chat.messages):
        if message.withdrawn or message.private or message.role == "system":
            continue
        text = message.kind == "text"
        if message.role != "agent":
            if answer:
                yield asked, answer, shown
            if answer or message.role == "bot":
                asked, answer, shown = [], [], False
            if message.role == "customer" and text:
                asked.append(turn)
        elif asked and (text or message.kind in _STICKERS):
            answer.append(turn)
        elif asked:
            shown = True
    if answer:
        yield asked, answer, shown


def score(
    items: Sequence[tuple[Rule, float | None]], found: dict[str, Any], weights: Any, full: Any
) -> tuple[float | None, bool]:
    """Points of 100 and whether a red line voids them, in hundredths of a point as the scorecard has them."""
    applies = [(rule, lost) for rule, lost in items if lost is not None and not rule.red_line and rule.weight > 0]
    active = {d: weight for d, weight in weights.items() if weight > 0 and any(r.dimension is d for r, _ in applies)}
    exact = {d: weight * 10_000 / sum(active.values()) for d, weight in active.items()}
    worth = {d: int(points) for d, points in exact.items()}
    short = 10_000 - sum(worth.values()) if worth else 0
    for d in sorted(exact, key=lambda d: (worth[d] - exact[d], d.value))[:short]:
        worth[d] += 1
    total = 10_000 if worth else 0
    for d, points in worth.items():
        mine = [(rule.weight, lost) for rule, lost in applies if rule.dimension is d]
        applicable, lost = fsum(w for w, _ in mine), fsum(min(lost, weight) for weight, lost in mine)
        whole = fsum(rule.weight for rule, _ in items if rule.dimension is d and not rule.red_line)
        used_up = full[d] * applicable / whole if full.get(d, whole) < whole else applicable
        total -= round(lost / max(used_up, lost) * points)
    total += sum(round(rule.bonus * 100) for rule, _ in found.values()) if worth else 0
    red_line = any(rule.red_line for rule, _ in found.values())
    if red_line:
        return 0.0, True
    return (min(total, 10_000) / 100 if worth else None), False
