"""The rules of a pack as most would write them: a loop over messages and phrases for each rule, every text folded anew.

The pack, its word lists and what counts as negated or quoted are the product's; how a chat is searched is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import fsum
from typing import Any

from benchmarks.naive_ledger import Ledger, courtesy_words, holding_words, make_ledger
from qa.policy import Policy
from qa.rules.inspector import Standard
from qa.rules.mention import negated, quoted
from qa.rules.pack import Rule
from qa.text import fold_character, split_characters, squash_character

Place = tuple[int, int, int]
Answer = tuple[str, list[Place], float | None]
"""``hit``, ``miss`` or ``na``; where; the figure."""
NA: Answer = ("na", [], None)


Span = tuple[int, int]


def normalise(text: str, match: str) -> tuple[str, list[Span]]:
    """The text as rules see it, and for each of its characters start and end in the original."""
    character = squash_character if match == "squash" else fold_character
    folded: list[str] = []
    positions: list[Span] = []
    for position, original in enumerate(text):
        for c in character(original):
            folded.append(c)
            positions.append((position, position + 1))
    if match == "squash":
        for start, end, reading in reversed(list(split_characters("".join(folded)))):
            span = positions[start][0], positions[end - 1][1]
            folded[start:end], positions[start:end] = reading, [span] * len(reading)
    return "".join(folded), positions


class NaiveRules:
    """A standard under a policy; ``check`` judges one chat, ``red_lines`` only screens it."""

    def __init__(
        self, standard: Standard, policy: Policy, fold: Callable[..., tuple[str, list[Span]]] = normalise
    ) -> None:
        self.pack, self.weights, self.policy, self.fold = standard.pack, standard.scorecard.dimensions, policy, fold
        self.courtesy = courtesy_words(self.pack.wordlists["courtesy"])
        self.holding = holding_words(self.pack.wordlists["holding"])
        self.lists = {
            match: {name: [fold(word, match)[0] for word in words] for name, words in self.pack.wordlists.items()}
            for match in ("fold", "squash")
        }

    def red_lines(self, chat: Any, day: str) -> list[str]:
        """Ids of the red-line rules that the chat breaks."""
        rules = [rule for rule in self.pack.rules if rule.red_line and rule.in_force(day)]
        return [rule.id for rule in rules if self.judge(rule, chat, None)[0] == "hit"]

    def check(self, chat: Any, day: str) -> tuple[dict[str, tuple[Rule, Answer]], list[tuple[Rule, float | None]]]:
        """Findings by rule, and for every rule the item points lost (None: does not apply)."""
        ledger = make_ledger(chat.messages, self.courtesy, self.holding, self.policy.reopen_after_s)
        findings, items = {}, []
        for rule in self.pack.rules:
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
        if name == "not":
            state, _, value = self.condition(body, rule, chat, ledger)
            return ({"hit": "miss", "miss": "hit", "na": "na"}[state], [], value)
        if name in ("any", "all"):
            return self._together(name, [self.condition(part, rule, chat, ledger) for part in body])
        if name in ("figure", "wait", "unanswered"):
            assert ledger is not None, "red lines ask for no times"
            return getattr(self, f"_{name}")(body, ledger, chat)  # type: ignore[no-any-return]
        if name in ("followup", "field", "transfers"):
            return getattr(self, f"_{name}")(body, chat)  # type: ignore[no-any-return]
        turns = self._scope(body, rule, chat, ledger)
        if turns is None and name != "turns":
            return NA
        return getattr(self, f"_{name}")(body, turns or [], chat)  # type: ignore[no-any-return]

    def _together(self, name: str, answers: Sequence[Answer]) -> Answer:
        states = [state for state, _, _ in answers]
        decided, other = ("hit", "miss") if name == "any" else ("miss", "hit")
        state = decided if decided in states else "na" if "na" in states else other
        places = {place for answer in answers if answer[0] == "hit" for place in answer[1]}
        return (state, sorted(places) if state == "hit" else [], None)

    # --- text --------------------------------------------------------------------------------------------------------

    def _scope(self, body: dict[str, Any], rule: Rule, chat: Any, ledger: Ledger | None) -> list[int] | None:
        role = body.get("role", "agent")
        turns = []
        for turn, message in enumerate(chat.messages):
            if (
                message.kind == "text"
                and not message.withdrawn
                and not message.private
                and role in ("any", message.role)
            ):
                turns.append(turn)
        if "after" in body:
            state, places, _ = self.condition(rule.let[body["after"]], rule, chat, ledger)
            if state != "hit" or not places:
                return None
            turns = [turn for turn in turns if turn > places[0][0]]
        if "first" in body:
            turns = turns[: body["first"]]
        if "last" in body:
            turns = turns[-body["last"] :]
        return turns or None

    def _words(self, body: dict[str, Any], plain: str, named: str) -> list[str]:
        match = body.get("match", "fold")
        words = [self.fold(word, match)[0] for word in body.get(plain, ())]
        for name in body.get(named, ()):
            words += self.lists[match][name]
        return words

    def _keywords(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        match = body.get("match", "fold")
        none = "none" in body or "none_list" in body
        words = self._words(body, "none", "none_list") if none else self._words(body, "any", "list")
        ordinary = self._words(body, "except", "except_list")
        found: list[Place] = []
        for turn in turns:
            text = chat.messages[turn].text
            folded, positions = self.fold(text, match)
            excluded = self._occurrences(ordinary, folded, positions, text)
            places = [
                (start, end)
                for start, end in self._occurrences(words, folded, positions, text)
                if not any(a <= start and end <= b for a, b in excluded) and self._meant(body, text, start, end)
            ]
            for start, end in sorted(places, key=lambda p: (p[0] - p[1], p)):
                if not any(t == turn and a < end and start < b for t, a, b in found):
                    found.append((turn, start, end))
        if none:
            return ("miss" if found else "hit", [], None)
        return ("hit", sorted(found), None) if len(found) >= body.get("at_least", 1) else ("miss", [], None)

    def _occurrences(
        self, words: Sequence[str], folded: str, positions: list[Span], text: str
    ) -> list[tuple[int, int]]:
        found = []
        for word in words:
            if word in folded:
                start = folded.find(word)
                while start >= 0:
                    place = positions[start][0], positions[start + len(word) - 1][1]
                    if not (word[0].isascii() or word[-1].isascii()) or _whole(text, *place):
                        found.append(place)
                    start = folded.find(word, start + 1)
        return found

    def _meant(self, body: dict[str, Any], text: str, start: int, end: int) -> bool:
        if not body.get("negated") and negated(text, start, end):
            return False
        return bool(body.get("quoted")) or not quoted(text, start, end)

    def _regex(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        found: list[Place] = []
        for turn in turns:
            text = chat.messages[turn].text
            folded, positions = self.fold(text, body.get("match", "fold"))
            excluded = _matches(body["except"], folded, positions, text) if "except" in body else []
            for start, end in _matches(body["pattern"], folded, positions, text):
                if not any(a < end and start < b for a, b in excluded) and self._meant(body, text, start, end):
                    found.append((turn, start, end))
        return ("hit", found, None) if len(found) >= body.get("at_least", 1) else ("miss", [], None)

    def _repeated(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        groups: list[tuple[str, list[int]]] = []
        asking = self.lists["fold"][body["containing_list"]] if "containing_list" in body else None
        for turn in turns:
            text = chat.messages[turn].text
            squashed = self.fold(text, "squash")[0]
            if len(squashed) < body.get("min_length", 6):
                continue
            if asking is not None and not self._occurrences(asking, *self.fold(text, "fold"), text):
                continue
            for alike in (str.__eq__, lambda a, b: similarity(a, b) >= body.get("similarity", 100)):
                group = next((members for head, members in groups if alike(head, squashed)), None)
                if group is not None:
                    if not body.get("answered_between") or self._answered(group[-1], turn, chat):
                        group.append(turn)
                    break
            else:
                groups.append((squashed, [turn]))
        largest = max((members for _, members in groups), key=len, default=[])
        if len(largest) < body["times"]:
            return ("miss", [], None)
        return ("hit", _whole_turns(largest, chat), float(len(largest)))

    def _answered(self, first: int, again: int, chat: Any) -> bool:
        """Whether the other side said anything visible between two turns."""
        asker = chat.messages[first].role
        return any(
            message.role == ("agent" if asker == "customer" else "customer")
            and message.kind == "text"
            and not (message.withdrawn or message.private)
            for message in chat.messages[first + 1 : again]
        )

    def _short_replies(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        squashed = {turn: self.fold(chat.messages[turn].text, "squash")[0] for turn in turns}
        short = [turn for turn in turns if 1 <= len(squashed[turn]) <= body["max_chars"]]
        if len(short) < body.get("at_least", 1):
            return ("miss", [], None)
        return ("hit", _whole_turns(short, chat), float(len(short)))

    # --- everything else ---------------------------------------------------------------------------------------------

    def _turns(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        fits = body.get("at_least", 0) <= len(turns) <= body.get("at_most", 10**9)
        return ("hit" if fits else "miss", _whole_turns(turns, chat) if fits else [], float(len(turns)))

    def _transfers(self, body: dict[str, Any], chat: Any) -> Answer:
        found = [
            turn
            for turn, message in enumerate(chat.messages)
            if message.role == "system" and message.kind == "transfer" and not (message.withdrawn or message.private)
        ]
        return ("hit" if len(found) >= body["at_least"] else "miss", _whole_turns(found, chat), float(len(found)))

    def _figure(self, body: dict[str, Any], ledger: Ledger, chat: Any) -> Answer:
        if ledger.reason or not ledger.waits:
            return NA
        first = ledger.waits[0]
        opened = body.get("opened", "any")
        seconds = first.opened.hour * 3600 + first.opened.minute * 60 + first.opened.second
        peak = any(hours.start_s <= seconds < hours.end_s for hours in self.policy.peak_hours)
        if (opened == "peak" and not peak) or (opened == "off_peak" and peak):
            return NA
        value = ledger.figure(body["figure"])
        if value is None:
            return NA
        beyond = value > body["over"] if "over" in body else value < body["under"]
        return ("hit" if beyond else "miss", _whole_turns([first.turn], chat), value)

    def _wait(self, body: dict[str, Any], ledger: Ledger, chat: Any) -> Answer:
        waits = [] if ledger.reason else [wait for wait in ledger.waits if wait.response is not None]
        if not waits:
            return NA
        late = [wait.turn for wait in waits if (wait.response or 0) > body["over"]]
        return ("hit" if late else "miss", _whole_turns(late, chat), max(wait.response or 0 for wait in waits))

    def _unanswered(self, body: dict[str, Any], ledger: Ledger, chat: Any) -> Answer:
        if not ledger.waits or (ledger.reason and not ledger.unanswered):
            return NA
        turns = [wait.turn for wait in ledger.waits if wait.unanswered]
        state = "hit" if len(turns) >= body.get("at_least", 1) else "miss"
        return (state, _whole_turns(turns, chat), float(len(turns)))

    def _followup(self, body: dict[str, Any], chat: Any) -> Answer:
        if chat.followups is None:
            return NA
        end = chat.ended_at or max(message.at for message in chat.messages)
        limit = end + timedelta(hours=body["within_hours"])
        made = [f for f in chat.followups if end <= datetime.fromisoformat(f["at"]).replace(tzinfo=None) <= limit]
        return ("hit" if made else "miss", [], None)

    def _field(self, body: dict[str, Any], chat: Any) -> Answer:
        value = getattr(chat, body["field"])
        if value is None:
            return NA
        fits = value <= body["at_most"] if "at_most" in body else value >= body["at_least"]
        return ("hit" if fits else "miss", [], value)


def _matches(pattern: str, folded: str, positions: list[Span], text: str) -> list[tuple[int, int]]:
    spans = [match.span() for match in re.finditer(pattern, folded) if match.end() > match.start()]
    places = [(positions[start][0], positions[end - 1][1]) for start, end in spans]
    return [place for place in places if _whole(text, *place)]


def _whole(text: str, start: int, end: int) -> bool:
    """Whether no Latin word or number is cut at either end."""
    edges = [text[i - 1 : i + 1] for i in (start, end) if 0 < i < len(text)]
    for edge in edges:
        left, right = fold_character(edge[0])[-1:], fold_character(edge[1])[:1]
        alike = (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())
        if left.isascii() and right.isascii() and alike:
            return False
    return True


def _whole_turns(turns: Sequence[int], chat: Any) -> list[Place]:
    return [(turn, 0, len(chat.messages[turn].text)) for turn in turns]


def similarity(left: str, right: str) -> float:
    """Twice the longest common subsequence in percent of both lengths."""
    row = [0] * (len(right) + 1)
    for a in left:
        before = 0
        for j, b in enumerate(right, start=1):
            above = row[j]
            row[j] = before + 1 if a == b else max(above, row[j - 1])
            before = above
    return 200 * row[-1] / (len(left) + len(right))


def score(items: Sequence[tuple[Rule, float | None]], found: dict[str, Any], weights: Any) -> tuple[float | None, bool]:
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
        total -= round(fsum(min(lost, weight) for weight, lost in mine) / fsum(w for w, _ in mine) * points)
    total += sum(round(rule.bonus * 100) for rule, _ in found.values()) if worth else 0
    red_line = any(rule.red_line for rule, _ in found.values())
    if red_line:
        return 0.0, True
    return (min(total, 10_000) / 100 if worth else None), False
