"""The standards there are, and how their rules do: fired, confirmed, overturned, missed; dead rules and duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.errors import NotFoundError
from qa.estimates.intervals import binomial
from qa.rules.diff import PackDiff, diff_packs
from qa.rules.inspector import Standard, load_scorecard
from qa.rules.pack import Rule, load_house, load_pack
from qa.store import nights, rule_counts
from qa.store.chats import merchants
from qa.store.publications import Publication, publications_of
from qa.store.rule_counts import Missed, Ruleset, Window
from qa.store.session import read_tx

DUPLICATE = 0.8
"""Share of chats with either of two rules that have both, from which they look like one rule written twice."""
LEAST_TOGETHER = 5
"""Common chats below which nothing is said of that."""
FEWEST_FOR_DEAD = 200
"""Inspected chats from which a rule that never fired is called dead."""
_NEVER = (0, 0, 0, 0)
_Z = NormalDist().inv_cdf(0.975)


class Precision(NamedTuple):
    """Share of a rule's judged findings that people confirmed, with its 95 % Wilson interval."""

    value: float
    low: float
    high: float
    judged: int


class RuleHealth(NamedTuple):
    """One rule over a window. ``precision`` None: nobody confirmed or overturned any finding of it."""

    rule: Rule
    fired: int
    confirmed: int
    overturned: int
    unsure: int
    missed: Missed
    precision: Precision | None
    dead: bool
    """It judges, many chats were inspected, and it never fired."""


class Duplicate(NamedTuple):
    """Two rules that fire together; ``share``: of the chats with either, how many have both."""

    rule: str
    other: str
    both: int
    share: float


class Health(NamedTuple):
    """The rules of a standard over a window."""

    window: Window
    inspected: int
    audited: int
    rules: tuple[RuleHealth, ...]
    duplicates: tuple[Duplicate, ...]


class InForce(NamedTuple):
    """A standard that judges the next nights, and of whom; no merchants: only of those without a pack of their own."""

    standard: Standard
    merchants: tuple[str, ...]
    house: bool


class Shelf(NamedTuple):
    """All standards: in force, kept because they judged or were published, and the record of publications."""

    in_force: tuple[InForce, ...]
    kept: tuple[Ruleset, ...]
    publications: tuple[Publication, ...]


def shelf(engine: Engine, packs: Mapping[str, Path], scorecard: Path | None) -> Shelf:
    """Return the standards of an installation; ``packs``: merchant → pack file, as the settings have it."""
    with read_tx(engine) as connection:
        known = merchants(connection)
        kept, record = rule_counts.list_rulesets(connection), publications_of(connection)
    return Shelf(in_force(packs, scorecard, known), tuple(kept), tuple(reversed(record)))


def in_force(packs: Mapping[str, Path], scorecard: Path | None, known: Iterable[str] = ()) -> tuple[InForce, ...]:
    """Return what judges from now on: the house standard first, then each pack with its merchants."""
    rest = tuple(name for name in known if name not in packs)
    found = [InForce(standard_of(None, scorecard), rest, house=True)]
    for pack in sorted({str(path) for path in packs.values()}):
        mine = tuple(sorted(name for name, path in packs.items() if str(path) == pack))
        found.append(InForce(standard_of(Path(pack), scorecard), mine, house=False))
    return tuple(found)


def standard_of(pack: Path | None, scorecard: Path | None) -> Standard:
    """Return a pack's standard (None: the house's), read anew when a file has changed."""
    return _read(pack, scorecard, _changed(pack), _changed(scorecard))


@lru_cache(maxsize=32)
def _read(pack: Path | None, scorecard: Path | None, _pack_at: int, _card_at: int) -> Standard:
    located = load_house() if pack is None else load_pack(pack)
    return Standard(pack=located.pack, scorecard=load_scorecard(scorecard))


def _changed(path: Path | None) -> int:
    try:
        return 0 if path is None else path.stat().st_mtime_ns
    except OSError:
        return 0  # a shipped pack by its name, or nothing: reading it tells


def find_standard(
    connection: Connection, digest: str, packs: Mapping[str, Path], scorecard: Path | None
) -> Standard:  # fmt: skip
    """Return the standard of that hash, in force or kept; NotFoundError where there is none."""
    for one in in_force(packs, scorecard):
        if hash_of(one.standard) == digest:
            return one.standard
    return _kept(digest, connection)


def has_standard(connection: Connection, digest: str, packs: Mapping[str, Path], scorecard: Path | None) -> bool:
    """Whether there is a standard of that hash."""
    mine = any(hash_of(one.standard) == digest for one in in_force(packs, scorecard))
    return mine or rule_counts.has_ruleset(connection, digest)


_parsed: dict[str, Standard] = {}


def _kept(digest: str, connection: Connection) -> Standard:
    """A standard of the store; its hash is its content, so it is parsed once."""
    if digest not in _parsed:
        if len(_parsed) >= 32:  # noqa: PLR2004 - a handful is looked at
            _parsed.clear()
        _parsed[digest] = Standard.model_validate(nights.ruleset_content(connection, digest))
    return _parsed[digest]


_hashes: dict[int, tuple[Standard, str]] = {}


def hash_of(standard: Standard) -> str:
    """Return the hash of a standard, computed once for each that ``standard_of`` keeps."""
    held = _hashes.get(id(standard))
    if held is None or held[0] is not standard:
        if len(_hashes) >= 64:  # noqa: PLR2004 - twice what is kept
            _hashes.clear()
        held = _hashes[id(standard)] = (standard, standard.hash)
    return held[1]


def rule_of(standard: Standard, name: str) -> Rule:
    """Return a rule of a standard; NotFoundError where it has none of that id."""
    for rule in standard.pack.rules:
        if rule.id == name:
            return rule
    raise NotFoundError(f"no rule {name!r} in {standard.pack.id} {standard.pack.version}")


def changes(engine: Engine, old: str, new: str, packs: Mapping[str, Path], scorecard: Path | None) -> PackDiff:
    """Return what is different in the second of two standards; NotFoundError where one of them is not there."""
    with read_tx(engine) as connection:
        before, after = (find_standard(connection, one, packs, scorecard) for one in (old, new))
    return diff_packs(before.pack, after.pack)


def last_days(connection: Connection, days: int, merchants_shown: tuple[str, ...] | None) -> Window | None:
    """Return the window of so many days up to the newest night; None: no night has run."""
    last = rule_counts.last_day(connection)
    if last is None:
        return None
    first = date.fromisoformat(last) - timedelta(days=days - 1)
    return Window(first.isoformat(), last, merchants_shown)


def health(
    engine: Engine, standard: Standard, days: int, merchants_shown: tuple[str, ...] | None = None
) -> Health | None:
    """Return how the rules of a standard did in the last ``days`` of nights; None: no night has run."""
    with read_tx(engine) as connection:
        window = last_days(connection, days, merchants_shown)
        if window is None:
            return None
        found = rule_counts.fired(connection, window, LEAST_TOGETHER)
        missed, audited = rule_counts.missed(connection, window), rule_counts.audited(connection, window)
    rules = tuple(
        _health(rule, found.rules.get(rule.id, _NEVER), missed.get(rule.id, Missed(0, 0)), found.inspected)
        for rule in standard.pack.rules
    )
    known = {rule.id for rule in standard.pack.rules}
    fired = {rule: numbers[0] for rule, numbers in found.rules.items() if numbers[0]}
    twice = [one for one in duplicates(fired, found.together) if {one.rule, one.other} <= known]
    return Health(window, found.inspected, audited, rules, tuple(twice))


def _health(rule: Rule, counted: Sequence[int], missed: Missed, inspected: int) -> RuleHealth:
    fired, confirmed, overturned, unsure = counted
    return RuleHealth(
        rule=rule,
        fired=fired,
        confirmed=confirmed,
        overturned=overturned,
        unsure=unsure,
        missed=missed,
        precision=precision(confirmed, overturned),
        dead=not fired and not rule.experimental and inspected >= FEWEST_FOR_DEAD,
    )


def precision(confirmed: int, overturned: int) -> Precision | None:
    """Return the share confirmed with Wilson's 95 % interval (JASA 22, 1927); None where nothing was judged.

    >>> found = precision(81, 19)
    >>> round(found.low, 4), found.value, round(found.high, 4)
    (0.7222, 0.81, 0.8749)
    >>> round(precision(5, 0).low, 4)
    0.5655
    """
    judged = confirmed + overturned
    if not judged:
        return None
    rate = confirmed / judged
    low, high = binomial(rate, rate * (1 - rate) / judged, judged, _Z)
    return Precision(rate, max(0.0, low), min(1.0, high), judged)


def duplicates(fired: Mapping[str, int], together: Iterable[tuple[str, str, int]]) -> list[Duplicate]:
    """Return pairs of rules that are nearly always found in the same chats, the closest first.

    >>> duplicates({"a": 10, "b": 9, "c": 50}, [("a", "b", 9), ("a", "c", 9)])
    [Duplicate(rule='a', other='b', both=9, share=0.9)]
    """
    found = [
        Duplicate(one, other, both, both / (fired[one] + fired[other] - both))
        for one, other, both in together
        if one in fired and other in fired
    ]
    return sorted((one for one in found if one.share >= DUPLICATE), key=lambda one: (-one.share, one.rule, one.other))
