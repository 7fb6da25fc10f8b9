"""What is said, as most would look for it: each text folded again for each rule, each word sought by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from qa.rules.asking import asked
from qa.rules.entities import NUMBERS, split_numbers
from qa.rules.mention import negated, quoted
from qa.text import fold_character, split_characters, squash_character

Place = tuple[int, int, int]
Answer = tuple[str, list[Place], float | None]
"""``hit``, ``miss`` or ``na``; where; the figure."""
NA: Answer = ("na", [], None)
Span = tuple[int, int]
Fold = Callable[[str, str], tuple[str, list[Span]]]

_ORDER_WORD = re.compile(r"(?:订单|單號|单号|订單|訂單|运单|運單|order)[^0-9]{0,8}$", re.IGNORECASE)
_CODE = re.compile(r"#e-[a-z][0-9]{1,4}|\[[a-z一-鿿]{1,6}\]")


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


class Said:
    """The words of a pack, and the operators that look for something said."""

    def __init__(self, wordlists: dict[str, tuple[str, ...]], fold: Fold) -> None:
        self.fold = fold
        self.lists = {
            match: {name: [fold(word, match)[0] for word in words] for name, words in wordlists.items()}
            for match in ("fold", "squash")
        }

    def words(self, body: dict[str, Any], *fields: str) -> list[str]:
        """The words that these parameters give, word lists among them, folded."""
        match = body.get("match", "fold")
        words = []
        for name in fields:
            if name.endswith("list"):
                words += [word for wordlist in body.get(name, ()) for word in self.lists[match][wordlist]]
            else:
                words += [self.fold(word, match)[0] for word in body.get(name, ())]
        return words

    def places(self, words: Sequence[str], body: dict[str, Any], turns: Sequence[int], chat: Any) -> list[Place]:
        """Where these words are said and meant, overlapping ones reduced to the longest."""
        ordinary = self.words(body, "except", "except_list")
        found: list[Place] = []
        for turn in turns:
            text = chat.messages[turn].text
            folded, positions = self.fold(text, body.get("match", "fold"))
            excluded = _occurrences(ordinary, folded, positions, text)
            places = [
                (start, end)
                for start, end in _occurrences(words, folded, positions, text)
                if not any(a <= start and end <= b for a, b in excluded) and _meant(body, text, start, end)
            ]
            for start, end in sorted(places, key=lambda p: (p[0] - p[1], p)):
                if not any(t == turn and a < end and start < b for t, a, b in found):
                    found.append((turn, start, end))
        return sorted(found)

    def keywords(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        """Words said, or not said."""
        if "none" in body or "none_list" in body:
            found = self.places(self.words(body, "none", "none_list"), body, turns, chat)
            return ("miss" if found else "hit", [], None)
        if "all_list" in body or "groups" in body:
            match = body.get("match", "fold")
            wanted = [self.lists[match][name] for name in body.get("all_list", ())]
            wanted += [[self.fold(word, match)[0] for word in group] for group in body.get("groups", ())]
            each = [self.places(words, body, turns, chat) for words in wanted]
            return ("hit", sorted({p for found in each for p in found}), None) if all(each) else ("miss", [], None)
        found = self.places(self.words(body, "any", "list"), body, turns, chat)
        return ("hit", found, None) if len(found) >= body.get("at_least", 1) else ("miss", [], None)

    def regex(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        """Matches of an expression."""
        found: list[Place] = []
        for turn in turns:
            text = chat.messages[turn].text
            folded, positions = self.fold(text, body.get("match", "fold"))
            excluded = _matches(body["except"], folded, positions, text) if "except" in body else []
            for start, end in _matches(body["pattern"], folded, positions, text):
                if not any(a < end and start < b for a, b in excluded) and _meant(body, text, start, end):
                    found.append((turn, start, end))
        return ("hit", found, None) if len(found) >= body.get("at_least", 1) else ("miss", [], None)

    def near(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        """One word close to another, in one turn."""
        ones = self.places(self.words(body, "a", "a_list"), body, turns, chat)
        others = self.places(self.words(body, "b", "b_list"), body, turns, chat)
        found = []
        for turn, start, end in ones:
            mine = [(low, high) for t, low, high in others if t == turn]
            after = [(low - end, low, high) for low, high in mine if low >= end]
            before = [(start - high, low, high) for low, high in mine if high <= start and not body.get("ordered")]
            nearest = min([*before, *after], key=lambda one: one[0], default=None)
            if nearest is not None and "within" in body:
                found += [(turn, start, end), (turn, *(before[-1:] or after[:1])[0][1:])]
            elif nearest is not None and nearest[0] <= body["chars"]:
                found.append((turn, min(start, nearest[1]), max(end, nearest[2])))
        return ("hit", sorted(set(found)), None) if found else ("miss", [], None)

    def points(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        """Every required point made."""
        made = []
        for point in body["points"]:
            words = self.lists["fold"][point] if isinstance(point, str) else [self.fold(w, "fold")[0] for w in point]
            made += self.places(words, body, turns, chat)[:1]
        enough = len(made) == len(body["points"])
        return ("hit" if enough else "miss", sorted(set(made)) if enough else [], float(len(made)))

    def entity(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        """Numbers of some kinds, less those that somebody wrote before."""
        everywhere = range(len(chat.messages))
        shown = [i for i in everywhere if _is_text(chat.messages[i])] if "unless_said_by" in body else turns
        found = sorted({(turn, *span) for turn in shown for span in self._numbers(body["kinds"], turn, chat)})
        if "unless_said_by" in body:
            said: dict[str, int] = {}
            for turn, start, end in found:
                if chat.messages[turn].role == body["unless_said_by"]:
                    said.setdefault(self._plain(chat, turn, start, end), turn)
            found = [p for p in found if p[0] in turns and said.get(self._plain(chat, *p), p[0]) >= p[0]]
        return ("hit" if found else "miss", found, float(len(found)))

    def _plain(self, chat: Any, turn: int, start: int, end: int) -> str:
        said = self.fold(chat.messages[turn].text[start:end], "squash")[0]
        return re.sub(r"^加?(?:0086|86)(?=1[0-9]{10}$)", "", said)

    def _numbers(self, kinds: Sequence[str], turn: int, chat: Any) -> Iterator[Span]:
        text = chat.messages[turn].text
        runs = _matches("[0-9]{11,}x?", *self.fold(text, "squash"), text)
        named = {
            kind: [(s, e) for low, high in runs for s, e, _ in split_numbers(text, low, high, kind)] for kind in NUMBERS
        }
        for kind in kinds:
            yield from named.get(kind, ())
        if "order_number" in kinds:
            taken = [span for spans in named.values() for span in spans]
            for start, end in _matches("[0-9]{10,24}", *self.fold(text, "fold"), text):
                other = any(a <= start < b or a < end <= b for a, b in taken)
                called = end - start >= 12 or _ORDER_WORD.search(text[max(0, start - 16) : start])
                if called and not other and not text[end : end + 1].isdigit():
                    yield start, end

    def repeated(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        """The same text several times."""
        groups: list[tuple[str, list[int]]] = []
        words = self.lists["fold"][body["containing_list"]] if "containing_list" in body else None
        for turn in turns:
            text = chat.messages[turn].text
            squashed = self.fold(text, "squash")[0]
            if len(squashed) < body.get("min_length", 6):
                continue
            if words is not None and not _occurrences(words, *self.fold(text, "fold"), text):
                continue
            for alike in (str.__eq__, lambda a, b: similarity(a, b) >= body.get("similarity", 100)):
                group = next((members for head, members in groups if alike(head, squashed)), None)
                if group is not None:
                    if not body.get("answered_between") or _answered(group[-1], turn, chat):
                        group.append(turn)
                    break
            else:
                groups.append((squashed, [turn]))
        largest = max((members for _, members in groups), key=len, default=[])
        if len(largest) < body["times"]:
            return ("miss", [], None)
        return ("hit", whole_turns(largest, chat), float(len(largest)))

    def short_replies(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        """Turns of very few letters."""
        squashed = {turn: self.fold(chat.messages[turn].text, "squash")[0] for turn in turns}
        short = [turn for turn in turns if 1 <= len(squashed[turn]) <= body["max_chars"]]
        if len(short) < body.get("at_least", 1):
            return ("miss", [], None)
        return ("hit", whole_turns(short, chat), float(len(short)))

    def length(self, body: dict[str, Any], turns: list[int], chat: Any) -> Answer:
        """Turns of very many letters."""
        long = [turn for turn in turns if self.letters(chat.messages[turn].text, _CODE) > body["over"]]
        return ("hit" if long else "miss", whole_turns(long, chat), None)

    def letters(self, text: str, codes: re.Pattern[str]) -> int:
        """Letters and digits, sticker codes aside."""
        return len(self.fold(codes.sub(" ", self.fold(text, "fold")[0]), "squash")[0])


def _is_text(message: Any) -> bool:
    return message.kind == "text" and not message.withdrawn and not message.private


def _answered(first: int, again: int, chat: Any) -> bool:
    """Whether the other side said anything visible between two turns."""
    other = "agent" if chat.messages[first].role == "customer" else "customer"
    return any(message.role == other and _is_text(message) for message in chat.messages[first + 1 : again])


def _meant(body: dict[str, Any], text: str, start: int, end: int) -> bool:
    if not body.get("negated") and negated(text, start, end):
        return False
    if not body.get("quoted") and quoted(text, start, end):
        return False
    which: str = body.get("asked", "count")
    return which == "count" or asked(text, start, end) == (which == "only")


def _occurrences(words: Sequence[str], folded: str, positions: list[Span], text: str) -> list[Span]:
    found = []
    for word in words:
        if word in folded:
            start = folded.find(word)
            while start >= 0:
                place = positions[start][0], positions[start + len(word) - 1][1]
                latin = word[0].isascii() or word[-1].isascii()
                if not latin or not (_cut(text, place[0]) or _cut(text, place[1])):
                    found.append(place)
                start = folded.find(word, start + 1)
    return found


@lru_cache
def _expression(pattern: str) -> re.Pattern[str]:
    r"""RE2 syntax as Python's own engine reads it: ``\x{1f600}`` is the only difference that the packs know."""
    return re.compile(re.sub(r"\\x\{([0-9a-fA-F]+)\}", lambda found: f"\\U{int(found[1], 16):08x}", pattern))


def _matches(pattern: str, folded: str, positions: list[Span], text: str) -> list[Span]:
    spans = [match.span() for match in _expression(pattern).finditer(folded) if match.end() > match.start()]
    places = [(positions[start][0], positions[end - 1][1]) for start, end in spans]
    return [(start, end) for start, end in places if not _cut(text, start)]


def _cut(text: str, at: int) -> bool:
    """Whether a Latin word or a number is cut here."""
    if not 0 < at < len(text):
        return False
    left, right = fold_character(text[at - 1])[-1:], fold_character(text[at])[:1]
    alike = (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())
    return left.isascii() and right.isascii() and alike


def whole_turns(turns: Sequence[int], chat: Any) -> list[Place]:
    """Turns quoted from end to end."""
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
