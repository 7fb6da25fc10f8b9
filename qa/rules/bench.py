"""Where a rule set is put together: all phrases into one automaton a level, all patterns into one set.

So a chat is searched once for everything, however many rules there are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ahocorasick_rs
import numpy as np
import orjson
import re2

from qa.errors import PackError
from qa.rules.base import Judge, Scope, Silence
from qa.rules.gates import Gates
from qa.rules.literals import Required, required
from qa.rules.reasons import Reasons
from qa.text import BREAK, Level, join
from qa.types import Role

if TYPE_CHECKING:
    from qa.rules.quiet import Glance

Match = tuple[int, int, int]
"""Number of a phrase or pattern in its index, and its start and end in the folded text."""

ANY_EDGE, WHOLE_START, WHOLE_WORD = 0, 1, 2
"""Which edges of a match may not cut a longer Latin word or number."""

_LETTER = 0.03
"""How often a letter stands where it is looked for; only the order of the products matters."""


@dataclass(frozen=True, slots=True)
class Index:
    """Everything to be searched for on one level: first the phrases, then the patterns, numbered together.

    What the same slots (operators) want to know of is one *group*, so that a match is noted once. ``edges`` says for
    each group what its matches may not cut: a phrase that begins or ends with a Latin letter or digit is
    ``WHOLE_WORD``. ``whose`` are the only turns asked about (None: everybody's).
    """

    phrases: tuple[str, ...]
    patterns: tuple[re2._Regexp, ...]
    group_of: tuple[int, ...]
    slots: tuple[tuple[int, ...], ...]
    """Of each group."""
    bits: tuple[int, ...]
    """The same as a number in which the n-th bit stands for slot n."""
    groups: dict[int, tuple[int, ...]]
    """Slot → the groups that are its matches."""
    edges: tuple[int, ...]
    automaton: ahocorasick_rs.AhoCorasick | None
    gated: dict[int, frozenset[int]]
    """Group of phrases → patterns (by place in ``patterns``) that may match where one of their words stands …"""
    by_characters: tuple[tuple[int, tuple[frozenset[str], ...]], ...]
    """… and patterns that may match where one character of each of these sets stands, each alternative by itself."""
    gates: Gates
    """Tells where they do."""
    of_pattern: dict[int, int]
    """Slot of a pattern → its group."""
    digits: frozenset[int]
    """Those of them that are runs of digits, and found quickly."""
    roles: dict[int, Role]
    """Group of a pattern → the role whose turns are asked about, where it is one."""
    late: frozenset[int]
    """Groups of patterns that are found when somebody asks: no rule waits for them, or their digits say nearly all."""
    unsought: dict[int, int]
    """The same as ``of_pattern`` of those that are looked for only where something else was found: the exceptions."""
    whose: Role | None

    def search(self, text: str) -> dict[int, list[Match] | None]:
        """Group → matches in a folded text, in no order; None for a pattern's that ``locate`` is to find."""
        found: dict[int, Any] = defaultdict(list)
        if self.automaton is not None:
            group_of = self.group_of
            for match in self.automaton.find_matches_as_indexes(text, overlapping=True):
                found[group_of[match[0]]].append(match)
        waiting = found.keys() & self.gated.keys()
        if waiting:
            self._try(text, waiting, found)
        if self.by_characters:
            self._try_all(text, found)
        return found

    def _try(self, text: str, waiting: set[int], found: dict[int, Any]) -> None:
        """Note the groups of the patterns that occur, of those whose words were found: in the turns that have one."""
        first = len(self.phrases)
        for words in waiting:
            turns = _turns(text, found[words])
            for which in self.gated[words]:
                group = self.group_of[first + which]
                if group not in found and (group in self.late or self.patterns[which].search(turns)):
                    found[group] = None

    def _try_all(self, text: str, found: dict[int, Any]) -> None:
        """Note the groups of the patterns that occur, of those whose characters are there: in the turns that do."""
        codes = np.frombuffer(text.encode("utf-32-le"), "<u4")
        begins = np.concatenate(([0], (codes == ord(BREAK)).nonzero()[0] + 1))
        lines = text.split(BREAK)
        for which, turns in self.gates.opened(codes, begins).items():
            group = self.group_of[len(self.phrases) + which]
            if group in found:
                continue
            if group in self.late or self.patterns[which].search(BREAK.join([lines[at] for at in turns]).encode()):
                found[group] = None

    def locate(self, group: int, text: str) -> list[Match]:
        """Return the matches of a pattern's group in a folded text."""
        which = self.group_of.index(group, len(self.phrases))
        pattern = self.patterns[which - len(self.phrases)]
        digits = _DIGITS.get(pattern.pattern)
        if digits is not None:
            return [(which, *match.span()) for match in digits.finditer(text)]
        return [(which, start, end) for start, end in _matches(pattern, text.encode())]


_DIGITS = {f"(?m){text}": re.compile(text, re.ASCII) for text in (r"[0-9]{10,24}", r"[0-9]{11,}x?")}
"""Runs of digits, which most chats have: what can neither hang nor leave a turn, Python's own engine finds sooner."""
FEWEST_DIGITS = 10
"""In each of these."""


def _turns(text: str, matches: Sequence[Match]) -> bytes:
    r"""The turns, a line each, in which matches stand that are sorted by their ends.

    >>> _turns("a b\nc\nb", [(0, 2, 3), (0, 6, 7)])
    b'a b\nb'
    """
    turns, done = [], -1
    for _, start, _ in matches:
        if start > done:
            begin, end = text.rfind(BREAK, 0, start) + 1, text.find(BREAK, start)
            done = end if end >= 0 else len(text)
            turns.append(text[begin:done])
    return BREAK.join(turns).encode()


def _matches(pattern: re2._Regexp, data: bytes) -> list[tuple[int, int]]:
    """Non-empty matches, in characters.

    A match may end anywhere, as its author says how far it goes; that it begins a word the author cannot say in RE2.
    """
    found, at, characters = [], 0, 0
    for start, end in [match.span() for match in pattern.finditer(data)]:
        if end > start:
            characters += len(data[at:start].decode())
            length = len(data[start:end].decode())
            found.append((characters, characters + length))
            at, characters = end, characters + length
    return found


@dataclass(slots=True)
class _Wanted:
    phrases: dict[str, list[int]] = field(default_factory=dict)
    patterns: list[tuple[str, int]] = field(default_factory=list)
    sought: set[int] = field(default_factory=set)
    gates: dict[int, int] = field(default_factory=dict)
    """Slot of a pattern → slot of the words of which one is in every match of it, …"""
    required: dict[int, Required] = field(default_factory=dict)
    """… and all that it cannot match without."""
    roles: dict[int, set[Role | None]] = field(default_factory=lambda: defaultdict(set))
    """Slot of a pattern → whose turns are asked about."""
    whose: set[Role | None] = field(default_factory=set)


class Bench:
    """Collects what the operators of a rule set search for, and the named conditions of the rule at hand."""

    def __init__(self, wordlist: Callable[[str], Sequence[str]]) -> None:
        self._wordlist = wordlist
        self._wanted = {level: _Wanted() for level in Level}
        self._named: Mapping[str, Judge] = {}
        self._known: dict[tuple[Level, str | tuple[str, ...]], int] = {}
        self._scopes: dict[Scope, int] = {}
        self._shared: dict[bytes, Judge] = {}
        self._often: dict[int, float] = {}
        self.waiting: tuple[float, frozenset[int]] | None = None
        """Slots of which one must occur for the condition at hand to be hit, and how often one does."""
        self.whose: Role | None = None
        """Whose turns the condition at hand asks about (None: everybody's)."""
        self.cited = True
        """Whether anybody reads what the condition at hand has searched in vain, or measured, where it is not hit."""
        self.naming = False
        """Whether the condition at hand is one under ``let``, so that others may ask in which turns it is hit."""
        self.silences: dict[Judge, Silence] = {}
        """What conditions answer where their words do not occur, as far as that is known."""
        self.glances: dict[Judge, Glance] = {}
        """What can be told of conditions for many chats at once."""
        self.reasons = Reasons()

    def wordlist(self, name: str) -> Sequence[str]:
        """Phrases of a named word list; PackError when there is none of that name."""
        return self._wordlist(name)

    def scope(self, scope: Scope) -> int:
        """Number of a scope, the same for equal ones: under it the view keeps the turns."""
        return self._scopes.setdefault(scope, len(self._scopes))

    def phrases(self, level: Level, phrases: Sequence[str]) -> int:
        """Have these phrases searched for; returns the slot under which the view keeps the matches.

        The same phrases asked for again have the same slot.
        """
        self._wanted[level].whose.add(self.whose)
        known = self._known.get((level, tuple(phrases)))
        if known is not None:
            return known
        slot = self._known[level, tuple(phrases)] = len(self._known)
        self._often[slot] = sum(_LETTER ** len(phrase) for phrase in phrases)
        for phrase, folded in zip(phrases, _folded(phrases, level), strict=True):
            if not folded.strip():
                raise PackError(f"phrase {phrase!r} is empty once folded ({level.value})")
            slots = self._wanted[level].phrases.setdefault(folded, [])
            if slot not in slots:
                slots.append(slot)
        return slot

    def folds(self, level: Level) -> None:
        """Note that the folded texts of these turns are read, so that they are folded together with the others."""
        self._wanted[level].whose.add(self.whose)

    def pattern(self, level: Level, pattern: str, *, exception: bool = False) -> int:
        """Have a regular expression (RE2 syntax, linear time) searched for; returns its slot.

        An ``exception`` is only looked for where something is found that it may cover.
        """
        wanted = self._wanted[level]
        wanted.whose.add(self.whose)
        slot = self._known.get((level, pattern))
        if slot is None:
            compiled = compile_pattern(pattern).pattern
            slot = self._known[level, pattern] = len(self._known)
            self._often[slot] = _LETTER**3
            wanted.patterns.append((compiled, slot))
        wanted.roles[slot].add(self.whose)
        if not exception and slot not in wanted.sought:
            wanted.sought.add(slot)
            needed = wanted.required[slot] = required(pattern)
            if needed.words:
                wanted.gates[slot] = self.phrases(level, needed.words)
        return slot

    def waits_for(self, *slots: int) -> None:
        """Note that the condition at hand can only be hit where one of these slots occurs.

        Said several times, each of them must; then the one that is likely to be the rarest is waited for.
        """
        often = sum(self._often[slot] for slot in slots)
        if self.waiting is None or often < self.waiting[0]:
            self.waiting = often, frozenset(slots)

    def named(self, name: str) -> Judge:
        """Return the judge of a condition the rule named under ``let``."""
        if name not in self._named:
            known = ", ".join(sorted(self._named)) or "none"
            raise PackError(f"no condition is named {name!r} in this rule's 'let' (there: {known})")
        return self._named[name]

    def shared(self, condition: Any, make: Callable[[], Judge]) -> Judge:
        """Return the judge of a named condition, the same for equal ones, so that it is asked once a chat."""
        key = orjson.dumps([condition, self.cited], option=orjson.OPT_SORT_KEYS)
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def rule(self, named: Mapping[str, Judge]) -> None:
        """Start a rule: these are the conditions it has named."""
        self._named = named

    def freeze(self, awaited: frozenset[int] = frozenset()) -> dict[Level, Index]:
        """Build the automata, given the slots that rules wait for; of levels on which something is searched."""
        used = {level: wanted for level, wanted in self._wanted.items() if wanted.phrases or wanted.patterns}
        sides = set[Role | None]().union(*[wanted.whose for wanted in used.values()])
        whose = sides.pop() if len(sides) == 1 else None  # on all levels the same turns, so that they are joined once
        return {level: _index(wanted, whose, awaited) for level, wanted in used.items()}


def _folded(phrases: Sequence[str], level: Level) -> list[str]:
    """Each phrase folded, all in one go: a pack has tens of thousands."""
    return join(phrases, level).text.split(BREAK) if phrases else []


def compile_pattern(pattern: str) -> re2._Regexp:
    """Compile for search over turns joined by line breaks; PackError names what RE2 does not accept."""
    options = re2.Options()
    options.log_errors = False
    options.never_nl = True  # nor does a match run from one turn into the next
    options.never_capture = True  # nobody asks for the groups, and finding them takes longer than the match
    try:
        return re2.compile(f"(?m){pattern}", options)
    except re2.error as problem:
        reason = problem.args[0].decode() if isinstance(problem.args[0], bytes) else problem
        raise PackError(f"regular expression {pattern!r}: {reason}") from None


def _groups(slots: Sequence[Sequence[int]]) -> dict[int, tuple[int, ...]]:
    """Slot → its groups, of the slots of each group.

    >>> _groups([(0,), (0, 2)])
    {0: (0, 1), 2: (1,)}
    """
    groups: dict[int, tuple[int, ...]] = {}
    for group, of in enumerate(slots):
        for slot in of:
            groups[slot] = (*groups.get(slot, ()), group)
    return groups


def _gated(wanted: _Wanted, slots: Sequence[Sequence[int]]) -> dict[int, frozenset[int]]:
    """Group of phrases → the patterns, by their place, that wait for one of these phrases."""
    waiting: dict[int, list[int]] = defaultdict(list)
    for which, (_, slot) in enumerate(wanted.patterns):
        if slot in wanted.gates:
            waiting[wanted.gates[slot]].append(which)
    found = {
        group: frozenset(which for slot in of for which in waiting.get(slot, ())) for group, of in enumerate(slots)
    }
    return {group: patterns for group, patterns in found.items() if patterns}


def _roles(wanted: _Wanted, numbers: Mapping[tuple[tuple[int, ...], int], int]) -> dict[int, Role]:
    """Group of a pattern → the only role whose turns are asked about."""
    asked = ((slot, [*wanted.roles[slot]]) for _, slot in wanted.patterns)
    return {
        numbers[(slot,), WHOLE_START]: roles[0] for slot, roles in asked if len(roles) == 1 and roles[0] is not None
    }


_TABLE_LETTERS = 20_000
"""Letters of phrases up to which the automaton is a table, of about 0.6 KB each."""


def _index(wanted: _Wanted, whose: Role | None, awaited: frozenset[int]) -> Index:
    texts = sorted(wanted.phrases)
    patterns = tuple(compile_pattern(text.removeprefix("(?m)")) for text, _ in wanted.patterns)
    asked = [(tuple(wanted.phrases[text]), WHOLE_WORD if _latin(text) else ANY_EDGE) for text in texts]
    asked += [((slot,), WHOLE_START) for _, slot in wanted.patterns]
    numbers = {group: i for i, group in enumerate(dict.fromkeys(asked))}
    slots = tuple(slots for slots, _ in numbers)
    by_characters = tuple(
        (which, sets)
        for which, (_, slot) in enumerate(wanted.patterns)
        if slot in wanted.required
        for sets in wanted.required[slot].characters
    )
    return Index(
        phrases=tuple(texts),
        patterns=patterns,
        group_of=tuple(numbers[group] for group in asked),
        slots=slots,
        bits=tuple(sum(1 << slot for slot in of) for of in slots),
        groups=_groups(slots),
        edges=tuple(edges for _, edges in numbers),
        automaton=_automaton(texts),
        gated=_gated(wanted, slots),
        by_characters=by_characters,
        gates=Gates(by_characters, ord),
        of_pattern={slot: numbers[(slot,), WHOLE_START] for _, slot in wanted.patterns},
        digits=frozenset(slot for text, slot in wanted.patterns if text in _DIGITS),
        roles=_roles(wanted, numbers),
        late=frozenset(
            numbers[(slot,), WHOLE_START] for text, slot in wanted.patterns if slot not in awaited or text in _DIGITS
        ),
        unsought={slot: numbers[(slot,), WHOLE_START] for _, slot in wanted.patterns if slot not in wanted.sought},
        whose=whose,
    )


def _automaton(phrases: Sequence[str]) -> ahocorasick_rs.AhoCorasick | None:
    """A small set as a table, which takes half the time; the table of a large one would not stay in a cache."""
    if not phrases:
        return None
    kinds = ahocorasick_rs.Implementation
    kind = kinds.DFA if sum(map(len, phrases)) <= _TABLE_LETTERS else kinds.ContiguousNFA
    return ahocorasick_rs.AhoCorasick(phrases, implementation=kind)


def _latin(text: str) -> bool:
    return any(edge.isascii() and edge.isalnum() for edge in (text[0], text[-1]))
