"""Groups of words that say the same: what a model learns of some of them it knows of all.

A few thousand labelled turns hold few of the ways to praise, to urge or to despair. ``lexicon.txt`` names more of them,
by group; each group is one feature beside the words themselves, and a second one where a negation stands before.
A group may have a number: how well or ill (below 0) its words speak of the service in a customer's mouth. All that
speaks well and all that speaks ill in a text are then weighed against each other (``TONES``).
The file is our own writing. A model keeps the text of the one it was fitted with among its files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qa.models.ngrams import LONGEST, Keys, Occurrences, Table, span_keys
from qa.models.opinions import ModelError
from qa.models.wording import STOP, Ints, Wording
from qa.text import Level, fold

LEXICON_NAME = "lexicon.txt"
NEGATIONS = "不没别未无莫"
NEAR = 2
"""Symbols before a word among which a negation counts."""
TONES = ("‹怨言›", "‹好话›", "‹有怨言›", "‹只有怨言›")
"""Features of a text's tone: ``ln(1 + all that is said ill)``, the same of what is said well; whether anything is said
ill, and whether nothing well besides (1 or 0)."""
_ILL, _WELL, _ANY, _ONLY = range(len(TONES))
_NEGATED_WELL, _NEGATED_ILL = -0.5, 0.3
"""What becomes of a group's number behind a negation: praise denied is half a complaint, a complaint denied fades."""
_HEADING = re.compile(r"\[([^\[\]\s]+)(?: ([+-]?\d+(?:\.\d+)?))?\]")
_FIGURE = re.compile(r"\d")
_NEGATION_CODES = np.array(sorted(map(ord, NEGATIONS)), dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Groups and the words in them.

    ``first[i]:first[i + 1]`` of ``group`` are the groups of the word whose key the table finds at ``i``.
    """

    names: tuple[str, ...]
    table: Table
    first: Ints
    group: Ints
    tone: npt.NDArray[np.float64]
    """The number of each group feature, negated ones as it is behind a negation; empty where no group has any."""
    text: str

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the features as people read them: every group, every group negated, and the tones."""
        tones = TONES if len(self.tone) else ()
        return (*(f"‹{name}›" for name in self.names), *(f"‹不·{name}›" for name in self.names), *tones)

    @property
    def groups(self) -> int:
        """How many features groups make."""
        return 2 * len(self.names)


@lru_cache(maxsize=1)
def our_lexicon() -> str:
    """Return the text of the lexicon that comes with the program."""
    return Path(__file__).with_name(LEXICON_NAME).read_text("utf-8")


@lru_cache(maxsize=2)
def parse_lexicon(text: str, name: str = LEXICON_NAME) -> Lexicon:
    r"""Return the lexicon that ``text`` describes; its own head says how it is written.

    Raises ``ModelError`` naming file and line of a word without a group, too long, twice in its group or with figures,
    and of a group that is there twice.

    >>> parse_lexicon("[好] 夸\n不错 棒\n[谢] 谢\n谢谢").features
    ('‹好›', '‹谢›', '‹不·好›', '‹不·谢›')
    >>> parse_lexicon("[好 2] 夸\n不错 棒\n[等 -1] 等\n还没").tone.tolist()
    [2.0, -1.0, -1.0, -0.3]
    """
    names: dict[str, int] = {}
    tones: list[float] = []
    groups: dict[str, list[int]] = {}
    for place, word in _entries(text, name):
        if word.startswith("["):
            group, _, number = word[1:-1].partition(" ")
            if group in names:
                raise ModelError(f"{place}: the group {group} is there twice")
            names[group] = len(names)
            tones.append(float(number or 0))
            continue
        if not names:
            raise ModelError(f"{place}: {word} stands before any group")
        mine = groups.setdefault(word, [])
        if mine and mine[-1] == len(names) - 1:
            raise ModelError(f"{place}: {word} is twice in its group")
        mine.append(len(names) - 1)
    counts = np.array([len(mine) for mine in groups.values()], dtype=np.int64)
    return Lexicon(
        names=tuple(names),
        table=Table(_keys(list(groups))),
        first=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        group=np.array([one for mine in groups.values() for one in mine], dtype=np.int64),
        tone=_with_negated(np.array(tones)) if any(tones) else np.zeros(0),
        text=text,
    )


def groups_in(lexicon: Lexicon, wording: Wording, found: Occurrences) -> tuple[Ints, Ints]:
    """Return the group features that occur (negated ones after all plain ones) and of which occurrence each is one."""
    entry = lexicon.table.find(found.keys)
    (which,) = (entry >= 0).nonzero()
    entry = entry[which]
    many = lexicon.first[entry + 1] - lexicon.first[entry]
    which = np.repeat(which, many)
    within = np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many)
    group = lexicon.group[np.repeat(lexicon.first[entry], many) + within]
    return group + len(lexicon.names) * _negated(wording, found.first[which]), which


def tones_in(lexicon: Lexicon, text: Ints, group: Ints, texts: int) -> npt.NDArray[np.float64]:
    """Return the ``TONES`` of each text; ``text`` and ``group`` say which group features it has, each one once."""
    tone = lexicon.tone[group]
    ill = np.bincount(text, weights=np.maximum(-tone, 0), minlength=texts)
    well = np.bincount(text, weights=np.maximum(tone, 0), minlength=texts)
    return np.column_stack((np.log1p(ill), np.log1p(well), ill > 0, (ill > 0) & (well == 0)))


def places_of_tones(lexicon: Lexicon, group: Ints) -> list[tuple[int, Ints]]:
    """Return for each tone which of some group features it stands on."""
    tone = lexicon.tone[group]
    ill, well = (tone < 0).nonzero()[0], (tone > 0).nonzero()[0]
    return [(_ILL, ill), (_WELL, well), (_ANY, ill), (_ONLY, ill)]


def _with_negated(tone: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate((tone, tone * np.where(tone > 0, _NEGATED_WELL, _NEGATED_ILL)))


def _negated(wording: Wording, first: Ints) -> Ints:
    """1 where one of the few symbols before is a negation and in the same text."""
    result = np.zeros(len(first), dtype=bool)
    inside = np.ones(len(first), dtype=bool)
    for step in range(1, NEAR + 1):
        before = wording.codes[np.maximum(first - step, 0)]
        inside &= before != STOP
        result |= inside & (before[:, None] == _NEGATION_CODES).any(axis=1)  # np.isin takes longer for so few
    return result.astype(np.int64)


def _entries(text: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield place and content of every heading and every word, folded."""
    for number, line in enumerate(text.splitlines(), 1):
        place = f"{name}:{number}"
        bare = line.strip()
        if bare.startswith("["):
            heading = _HEADING.match(bare)
            if heading is None:
                raise ModelError(f"{place}: a group is written as [name], then what it is about")
            yield place, heading[0]
        elif bare and not bare.startswith("#"):
            for word in fold(bare, Level.FOLD).split():
                if len(word) > LONGEST and not _is_word(word):
                    raise ModelError(f"{place}: {word} is longer than {LONGEST} characters")
                if _FIGURE.search(word):
                    raise ModelError(f"{place}: {word} holds figures, which are read as one symbol")
                yield place, word


def _is_word(entry: str) -> bool:
    """Tell whether an entry counts as a whole word only: one character, or foreign letters."""
    return len(entry) == 1 or (entry.isascii() and entry.isalnum())


def _keys(entries: list[str]) -> Keys:
    """The keys under which the entries are found among the occurrences of features."""
    codes = np.frombuffer("".join(entries).encode("utf-32-le"), dtype="<u4").copy()
    lengths = np.array([len(one) for one in entries], dtype=np.int64)
    last = np.cumsum(lengths) - 1
    first = last - lengths + 1
    whole = np.array([_is_word(one) for one in entries], dtype=bool)
    return np.where(whole, span_keys(codes, first, last, word=True), span_keys(codes, first, last))
