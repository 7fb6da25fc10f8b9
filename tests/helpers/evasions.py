"""The evasive spellings and the sentences of tests/rules/data, and how the house pack's red lines take them.

Run from the checkout it prints the figures of docs/rules.md and everything misjudged, or those of the sentences in
docs/rule-quality.md and what is misjudged of the half that may be looked at:

    python tests/helpers/evasions.py
    python tests/helpers/evasions.py --sentences

or what the experimental rule that learns from sentences finds besides, of either half and of files of chats:

    python tests/helpers/evasions.py --suspected [CHATS…]
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import product
from pathlib import Path

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec
from ruamel.yaml import YAML

from qa.rules.context import house_context
from qa.rules.engine import compile_pack, red_lines
from qa.rules.pack import load_house
from qa.rules.resemblance import learned
from qa.sources import read_chats
from qa.sources.base import Accepted, ReadOptions
from qa.sources.plain import parse_plain
from qa.text import Level, _stand_ins, fold
from qa.types import Chat

DATA = Path(__file__).resolve().parents[1] / "rules" / "data"
SUSPECTED, AT_LEAST = "red-suspected", 0.8
"""The rule that learns, and its threshold."""
LEARNED_FROM, FOLDS = ("red_sentences", "red_innocent"), 5
LISTED = ("red-insult", "insult")
"""A rule whose phrases are those of a word list, and the list."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"


def _run(first: int, length: int) -> str:
    return "".join(chr(first + i) for i in range(length))


def between(*marks: str) -> Callable[[str], str]:
    """Put these marks between the characters, in turn."""

    def way(text: str) -> str:
        return "".join(c + marks[i % len(marks)] * (i < len(text) - 1) for i, c in enumerate(text))

    return way


def after_each(mark: str) -> Callable[[str], str]:
    """Put a mark after every character."""
    return lambda text: "".join(c + mark for c in text)


def around_each(left: str, right: str) -> Callable[[str], str]:
    """Put every character between brackets."""
    return lambda text: "".join(f"{left}{c}{right}" for c in text)


def swapping(plain: str, written: str) -> Callable[[str], str]:
    """Write some characters differently."""
    table = dict(zip(plain, written, strict=True))
    return lambda text: "".join(table.get(c, c) for c in text.lower())


@lru_cache(maxsize=1)
def _traditional() -> dict[str, str]:
    table = resources.files("opencc").joinpath("dictionary", "STCharacters.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if "\t" in line)
    return {simple: many.split(" ")[0] for simple, many in pairs if len(simple) == 1}


@lru_cache(maxsize=1)
def _parts() -> dict[str, str]:
    """Character → the parts it is written in, from the maintained table."""
    return {read: form for form, read in _stand_ins().items() if len(form) > 1 and len(read) == 1}


def _flagged(text: str) -> str:
    return "".join(chr(0x1F1E6 + _LETTERS.index(c)) + "\u200b" if c in _LETTERS else c for c in text.lower())


WAYS: dict[str, Callable[[str], str]] = {
    "spaces": between(" "),
    "ideographic_spaces": between("\u3000"),
    "line_breaks": between("\n"),
    "dots": between("."),
    "ideographic_stops": between("。", "、"),
    "middle_dots": between("·", "・", "•"),
    "dashes": between("-", "—", "➖"),
    "low_lines": between("_"),
    "slashes": between("/", "\\"),
    "bars": between("|", "｜", "¦"),
    "stars": between("*", "★", "☆"),
    "tildes": between("~", "～"),
    "commas": between(",", "，"),
    "hearts": between("❤️", "💕", "♥"),
    "emoji": between("😊", "🌹", "👍"),
    "skin_tones": between("👍🏻", "🙏🏿"),
    "zero_width_spaces": between("\u200b"),
    "zero_width_joiners": between("\u200d", "\u200c"),
    "soft_hyphens": between("\u00ad"),
    "word_joiners": between("\u2060", "\ufeff"),
    "right_to_left_marks": between("\u200f", "\u200e"),
    "variation_selectors": after_each("\ufe0f"),
    "struck_through": after_each("\u0336"),
    "underlined": after_each("\u0332"),
    "enclosed": after_each("\u20dd"),
    "lenticular_brackets": around_each("【", "】"),
    "parentheses": around_each("(", "）"),
    "strokes": between("丨", "丶", "丿"),
    "hangul_fillers": between("\u3164", "\u115f", "\uffa0"),
    "traditional": lambda text: "".join(_traditional().get(c, c) for c in text),
    "split": lambda text: "".join(_parts().get(c, c) for c in text),
    "full_width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "capitals": str.upper,
    "bold": swapping(_LETTERS + _DIGITS, _run(0x1D41A, 26) + _run(0x1D7CE, 10)),
    "double_struck": swapping(_LETTERS + _DIGITS, _run(0x1D552, 26) + _run(0x1D7D8, 10)),
    "discs": swapping(_LETTERS, _run(0x1F150, 26)),
    "boxes": swapping(_LETTERS, _run(0x1F170, 26)),
    "flags": _flagged,
    "cyrillic": swapping("acehijkmopstvxwb", "асеһіјкморѕтѵхԝв"),
    "greek": swapping("aeikopvxw", "αεικορνχω".replace("ρ", "ρ")),
    "small_capitals": swapping("abcdeghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ"),
    "circled": swapping(_LETTERS + _DIGITS, _run(0x24D0, 26) + "⓪" + _run(0x2460, 9)),
    "superscript": swapping(_DIGITS, "⁰¹²³⁴⁵⁶⁷⁸⁹"),
    "subscript": swapping(_DIGITS, "₀₁₂₃₄₅₆₇₈₉"),
    "keycaps": lambda text: "".join(c + "\ufe0f\u20e3" if c in _DIGITS else c for c in text),
    "dingbats": swapping(_DIGITS, "⓿" + _run(0x2776, 9)),
    "numerals": swapping(_DIGITS, "零一二三四五六七八九"),
    "financial_numerals": swapping(_DIGITS, "零壹贰叁肆伍陆柒捌玖"),
    "look_alike_digits": swapping("01", "ol"),
}


@dataclass(frozen=True, slots=True)
class Evasion:
    """One spelling of a red-line phrase; ``way`` names the transformations, ``by hand`` or ``plain``."""

    rule: str
    phrase: str
    way: str
    text: str


def evasions() -> Iterator[Evasion]:
    """Every spelling of every phrase, none twice for a phrase."""
    data = YAML(typ="safe").load(DATA / "evasions.yaml")
    rule, words = LISTED
    phrases = {name: dict(group) for name, group in data["phrases"].items()}
    for word in load_house().pack.wordlists[words]:
        phrases[rule].setdefault(word, ())
    for name, group in phrases.items():
        for phrase, by_hand in group.items():
            yield from _spellings(name, phrase, data["ways"], by_hand)


def _spellings(rule: str, phrase: str, ways: list[list[str]], by_hand: list[str]) -> Iterator[Evasion]:
    yield Evasion(rule, phrase, "plain", phrase)
    seen = {phrase}
    for way in ways:
        text, changed = phrase, True
        for name in way:
            before, text = text, WAYS[name](text)
            changed = changed and text != before
        if changed and text not in seen:
            seen.add(text)
            yield Evasion(rule, phrase, " + ".join(way), text)
    for text in by_hand:
        if text not in seen:
            seen.add(text)
            yield Evasion(rule, phrase, "by hand", text)


def innocent() -> list[str]:
    """The innocent sentences, one a line; a line that begins with # is a comment."""
    lines = (DATA / "innocent.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@dataclass(frozen=True, slots=True)
class Sentence:
    """What an agent writes, the red line it crosses (None: none), and whether menders of rules may look at it."""

    text: str
    rule: str | None
    seen: bool


@lru_cache(maxsize=1)
def sentences() -> tuple[Sentence, ...]:
    """The sentences of both halves, evasive and innocent."""
    data = YAML(typ="safe").load(DATA / "sentences.yaml")
    evasive = [
        Sentence(text, rule, half == "seen")
        for half, rules in data["evasive"].items()
        for rule, texts in rules.items()
        for text in texts
    ]
    plain = [Sentence(text, None, half == "seen") for half, texts in data["innocent"].items() for text in texts]
    return (*evasive, *plain)


class RedLines:
    """The red lines of the house pack, asked about what an agent writes: one message, or several with || between.

    What the customer had said may stand before it, and >> between.
    """

    def __init__(self, *more: str) -> None:
        located = load_house()
        self._context = house_context(located.pack)
        self._rules = compile_pack(located, only=[*red_lines(located.pack), *more])
        [self._chat] = parse_plain("客户: 在吗\n客服: 。", self._context.zone)

    def quotes(self, text: str) -> dict[str, str]:
        """Red lines that the text crosses, each with the quote."""
        customer, agent = self._chat.messages
        *asked, written = text.split(">>")
        said = [msgspec.structs.replace(agent, text=one.strip()) for one in written.split("||")]
        before = [msgspec.structs.replace(customer, text=one.strip()) for one in asked] or [customer]
        return self.quotes_of(msgspec.structs.replace(self._chat, messages=(*before, *said)))

    def quotes_of(self, chat: Chat) -> dict[str, str]:
        """Return the same of a chat."""
        opinion = self._rules.judge(chat, self._context, "2026-11-20")
        return {finding.rule: finding.evidence[0].quote for finding in opinion.findings}

    def chats(self, file: Path) -> list[Chat]:
        """Return the chats of a file that can be read."""
        read = read_chats(file, ReadOptions(zone=self._context.zone, now=2**53))
        return [one.chat for one in read if isinstance(one, Accepted)]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of how many."""

    right: int
    all: int

    @property
    def share(self) -> float:
        """As a share from 0 to 1."""
        return self.right / self.all if self.all else 1.0

    def __str__(self) -> str:
        return f"{self.right} of {self.all} ({self.share:.1%})"


def main() -> None:
    """Print what is caught by red line and by way of writing, then what is misjudged."""
    judge, made = RedLines(), list(evasions())
    caught = {evasion: evasion.rule in judge.quotes(evasion.text) for evasion in made}
    for title, key in (("red line", "rule"), ("way", "way")):
        total, right = Counter(getattr(e, key) for e in made), Counter(getattr(e, key) for e in made if caught[e])
        for name, number in total.items():
            _say(f"{title}: {name}: {Tally(right[name], number)}")
    _say(f"all: {Tally(sum(caught.values()), len(made))}; least spellings of a phrase: {_least(made)}")
    for evasion in made:
        if not caught[evasion]:
            _say(f"missed: {evasion.rule}: {evasion.phrase} as {evasion.text!r} ({evasion.way})")
    sentences = innocent()
    crossed = {text: judge.quotes(text) for text in sentences}
    _say(f"innocent sentences that cross a red line: {Tally(sum(map(bool, crossed.values())), len(sentences))}")
    for text, quotes in crossed.items():
        for rule, quote in quotes.items():
            _say(f"wrong: {rule}: {quote!r} in {text}")


def halves() -> None:
    """Print how many sentences of either half are caught, by red line; then what is misjudged of the seen half."""
    judge = RedLines()
    told = {sentence: judge.quotes(sentence.text) for sentence in sentences()}
    for seen, half in ((True, "seen"), (False, "held out")):
        mine = [sentence for sentence in told if sentence.seen is seen and sentence.rule]
        for rule in (*dict.fromkeys(sentence.rule for sentence in mine), None):
            of = [sentence for sentence in mine if rule in (None, sentence.rule)]
            _say(f"{half}: {rule or 'all'}: {Tally(sum(s.rule in told[s] for s in of), len(of))}")
        plain = [sentence for sentence in told if sentence.seen is seen and sentence.rule is None]
        _say(f"{half}: innocent ones that cross a red line: {Tally(sum(bool(told[s]) for s in plain), len(plain))}")
    for sentence, quotes in told.items():
        if sentence.seen and bool(sentence.rule) != (sentence.rule in quotes if sentence.rule else bool(quotes)):
            _say(f"{'missed' if sentence.rule else 'wrong'}: {sentence.rule or ''} {quotes} in {sentence.text}")


def crossed_over() -> tuple[Tally, Tally]:
    """How many of the sentences that are learned from are told by what the other four fifths teach, of either kind."""
    lists = load_house().pack.wordlists
    folded = [tuple(dict.fromkeys(fold(one, Level.SQUASH) for one in lists[name])) for name in LEARNED_FROM]
    counts = [0, 0]
    for part in range(FOLDS):
        rest = [tuple(one for i, one in enumerate(of) if i % FOLDS != part) for of in folded]
        model = learned(rest[0], rest[1])
        for kind, of in enumerate(folded):
            counts[kind] += sum(model.of(one) >= AT_LEAST for one in of[part::FOLDS])
    return Tally(counts[0], len(folded[0])), Tally(counts[1], len(folded[1]))


def with_suspected(files: list[Path]) -> None:
    """Print what is found of either half with and without the rule that learns, and where it fires in these files."""
    judge = RedLines(SUSPECTED)
    told = {sentence: judge.quotes(sentence.text) for sentence in sentences()}
    for half, kind, stranger in product((True, False), (True, False), (None, False, True)):
        of = [s for s in told if s.seen is half and bool(s.rule) is kind and stranger in (None, ">>" in s.text)]
        quotes = [told[s] for s in of]
        red = Tally(sum(bool(one.keys() - {SUSPECTED}) for one in quotes), len(quotes))
        _say(
            f"{'seen' if half else 'held out'}: {'evasive' if kind else 'innocent'}"
            f"{'' if stranger is None else ', by writers who knew no rule' if stranger else ', the first'}: "
            f"{red} by red lines, {Tally(sum(map(bool, quotes)), len(quotes))} with {SUSPECTED}"
        )
    for name, share in zip(("evasive", "innocent"), crossed_over(), strict=True):
        _say(f"learned from, by cross-validation: {name}: {share} resemble by {AT_LEAST} or more")
    for file in files:
        chats = judge.chats(file)
        found = [judge.quotes_of(chat) for chat in chats]
        _say(f"{file.name}: {SUSPECTED} fires in {Tally(sum(SUSPECTED in one for one in found), len(chats))} chats")
        for chat, one in zip(chats, found, strict=True):
            if SUSPECTED in one:
                _say(f"{chat.id}: {one[SUSPECTED]!r}{' besides a red line' if len(one) > 1 else ''}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _least(made: list[Evasion]) -> int:
    return min(Counter((e.rule, e.phrase) for e in made if e.way != "plain").values())


if __name__ == "__main__":
    if "--suspected" in sys.argv[1:]:
        with_suspected([Path(name) for name in sys.argv[1:] if name != "--suspected"])
    else:
        halves() if "--sentences" in sys.argv[1:] else main()
