"""Where a rule set is put together: all phrases into one automaton a level, all patterns into one set.

So a chat is searched once for everything, however many rules there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ahocorasick_rs
import re2

from qa.errors import PackError
from qa.rules.base import Judge, Scope
from qa.text import Joined, Level, fold

Match = tuple[int, int, int]
"""Start and end in a folded text, and which of its edges may not cut a longer Latin word or number."""

ANY_EDGE, WHOLE_START, WHOLE_WORD = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Phrase:
    """A folded phrase and the slots (operators) that want to know of it.

    ``edges``: ``WHOLE_WORD`` when it begins or ends with a Latin letter or digit and may be part of a longer one.
    """

    text: str
    slots: tuple[int, ...]
    edges: int


@dataclass(frozen=True, slots=True)
class Index:
    """Everything to be searched for on one level."""

    phrases: tuple[Phrase, ...]
    automaton: ahocorasick_rs.AhoCorasick | None
    patterns: tuple[tuple[re2._Regexp, int], ...]
    pattern_set: re2.Set | None
    """Says which patterns occur at all; None where each must be tried."""

    def search(self, joined: Joined) -> dict[int, list[Match]]:
        """Slot → matches in folded positions, each list ordered by position, then length."""
        found: dict[int, list[Match]] = {}
        if self.automaton is not None:
            phrases = self.phrases
            for which, start, end in self.automaton.find_matches_as_indexes(joined.text, overlapping=True):
                phrase = phrases[which]
                for slot in phrase.slots:
                    found.setdefault(slot, []).append((start, end, phrase.edges))
        occurring = self.pattern_set.Match(joined.text) or () if self.pattern_set else range(len(self.patterns))
        for which in occurring:
            pattern, slot = self.patterns[which]
            found.setdefault(slot, []).extend(_line_matches(pattern, joined.text))
        for matches in found.values():
            if len(matches) > 1:
                matches.sort()
        return found


def _line_matches(pattern: re2._Regexp, text: str) -> list[Match]:
    """Non-empty matches that stay within one turn (a negated class may run over the line break).

    A match may end anywhere, as its author says how far it goes; that it begins a word the author cannot say in RE2.
    """
    spans = [match.span() for match in pattern.finditer(text)]
    if all("\n" not in text[start:end] for start, end in spans):
        return [(start, end, WHOLE_START) for start, end in spans if end > start]
    found, offset = [], 0
    for line in text.split("\n"):
        found += [(s + offset, e + offset, WHOLE_START) for s, e in (m.span() for m in pattern.finditer(line)) if e > s]
        offset += len(line) + 1
    return found


@dataclass(slots=True)
class _Wanted:
    phrases: dict[str, list[int]]
    patterns: list[tuple[str, int]]


class Bench:
    """Collects what the operators of a rule set search for, and the named conditions of the rule at hand."""

    def __init__(self, wordlist: Callable[[str], Sequence[str]]) -> None:
        self._wordlist = wordlist
        self._wanted = {level: _Wanted({}, []) for level in Level}
        self._slots = 0
        self._named: Mapping[str, Judge] = {}
        self._known: dict[tuple[Level, str | tuple[str, ...]], int] = {}
        self._scopes: dict[Scope, int] = {}
        self.slots: set[int] = set()
        """Slots that the rule at hand has asked for."""

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
        known = self._known.get((level, tuple(phrases)))
        if known is not None:
            self.slots.add(known)
            return known
        slot = self._known[level, tuple(phrases)] = self._new_slot()
        for phrase in phrases:
            folded = fold(phrase, level)
            if not folded.strip():
                raise PackError(f"phrase {phrase!r} is empty once folded ({level.value})")
            slots = self._wanted[level].phrases.setdefault(folded, [])
            if slot not in slots:
                slots.append(slot)
        return slot

    def pattern(self, level: Level, pattern: str) -> int:
        """Have a regular expression (RE2 syntax, linear time) searched for; returns its slot."""
        known = self._known.get((level, pattern))
        if known is not None:
            self.slots.add(known)
            return known
        compiled = compile_pattern(pattern).pattern
        slot = self._known[level, pattern] = self._new_slot()
        self._wanted[level].patterns.append((compiled, slot))
        return slot

    def named(self, name: str) -> Judge:
        """Return the judge of a condition the rule named under ``let``."""
        if name not in self._named:
            known = ", ".join(sorted(self._named)) or "none"
            raise PackError(f"no condition is named {name!r} in this rule's 'let' (there: {known})")
        return self._named[name]

    def rule(self, named: Mapping[str, Judge]) -> None:
        """Start a rule: these are the conditions it has named."""
        self._named, self.slots = named, set()

    def freeze(self) -> dict[Level, Index]:
        """Build the automata. Only levels on which something is searched are in the result."""
        return {level: _index(wanted) for level, wanted in self._wanted.items() if wanted.phrases or wanted.patterns}

    def _new_slot(self) -> int:
        self._slots += 1
        self.slots.add(self._slots)
        return self._slots


def compile_pattern(pattern: str) -> re2._Regexp:
    """Compile for search over turns joined by line breaks; PackError names what RE2 does not accept."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(f"(?m){pattern}", options)
    except re2.error as problem:
        reason = problem.args[0].decode() if isinstance(problem.args[0], bytes) else problem
        raise PackError(f"regular expression {pattern!r}: {reason}") from None


def _index(wanted: _Wanted) -> Index:
    texts = sorted(wanted.phrases)
    patterns = tuple((compile_pattern(text.removeprefix("(?m)")), slot) for text, slot in wanted.patterns)
    return Index(
        phrases=tuple(
            Phrase(text, tuple(wanted.phrases[text]), WHOLE_WORD if _latin(text) else ANY_EDGE) for text in texts
        ),
        automaton=ahocorasick_rs.AhoCorasick(texts) if texts else None,
        patterns=patterns,
        pattern_set=_pattern_set([pattern.pattern for pattern, _ in patterns]),
    )


def _latin(text: str) -> bool:
    return text[0].isascii() or text[-1].isascii()


def _pattern_set(patterns: Sequence[str]) -> re2.Set | None:
    """One automaton that says which patterns occur; None where together they are too large for it.

    RE2 reports a set that is too large for its memory only as "nothing found", so a set is asked first whether it
    finds a pattern that is everywhere.
    """
    try:
        if patterns and _compiled_set([*patterns, ""]).Match("-"):
            return _compiled_set(patterns)
    except re2.error:
        pass
    return None


def _compiled_set(patterns: Sequence[str]) -> re2.Set:
    options = re2.Options()
    options.log_errors = False
    compiled = re2.Set.SearchSet(options)
    for pattern in patterns:
        compiled.Add(pattern)
    compiled.Compile()
    return compiled
