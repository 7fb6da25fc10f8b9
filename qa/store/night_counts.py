"""What one night says of rules and of agents, counted from its rows.

Of rules: how often each fired, how often two fired in one chat, and the latest word that people said of the findings.
Of agents: size, draw and scores of every stratum, as ``qa.estimates`` wants them, and what stands out. Where a chat was
judged again the latest inspection counts; the counts of rules leave re-scorings out, but not what people said of them.
Sums of scores do not depend on the order of the chats (``math.fsum``).
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, select

from qa.store.inspections import FINDING_BITS, RANK_BITS, spread, within_run
from qa.store.nights import RunKind, State
from qa.store.tables import chats, findings, frame, inspections, reviews, runs, verdicts

WORDS = ("confirm", "overturn", "unsure")
"""What people say of a finding, in the order of the counts behind how often its rule fired."""
FIRED = ("failed", "bonus")
_IN_LIST = 500
_PART = 2_000
"""Keys of inspections that are counted at a time."""
_i, _c, _f, _r, _v = inspections.c, chats.c, frame.c, reviews.c, verdicts.c

Place = tuple[str, str]
"""An agent in a team; empty: in none."""
Stratum = tuple[int, str, bool]
"""Wave, channel, targeted."""


class Judged(NamedTuple):
    """One inspection with the place of its chat in the sample; ``wave`` None: in none."""

    id: int
    run: int
    night: int
    chat_pk: int
    chat: tuple[str, int]
    place: Place | None
    wave: int | None
    channel: str | None
    targeted: bool
    broken: bool
    score: float | None
    red_line: bool


class Said(NamedTuple):
    """A review, as far as it changes what is counted."""

    id: int
    chat_pk: int
    reviewer: str
    score: float | None
    excellent: bool


class Word(NamedTuple):
    """What a review says of a finding."""

    at: tuple[int, int]
    finding: int
    rule: str
    verdict: str


class Heard(NamedTuple):
    """What people said of some chats, by chat in the order of the keys, and of their findings."""

    said: Mapping[int, Sequence[Said]]
    words: Sequence[Word]


Part = tuple[Sequence[Judged], Mapping[int, Sequence[str]], set[int]]
"""Inspections, by inspection the rules that fired in it, and the inspections in which something was praised."""


class AgentCounts:
    """One agent in one team and night: strata, and what stands out in the inspected chats that are not broken."""

    __slots__ = ("chat", "deeds", "strata")

    def __init__(self) -> None:
        self.chat: tuple[str, int] | None = None
        """The greatest chat id of them with its revision: it tells the agent's name."""
        self.deeds = [0, 0, 0, 0]
        """Praised by the machine, marked by a person, red lines confirmed, red lines nobody looked at."""
        self.strata: dict[Stratum, list[float]] = {}
        """Size, drawn, n, sum of scores, sum of their squares."""

    def stratum(self, key: Stratum) -> list[float]:
        """Return the numbers of a stratum, to be changed."""
        return self.strata.setdefault(key, [0, 0, 0, 0.0, 0.0])


class Counts(NamedTuple):
    """What a night adds up to. ``rules``: fired and ``WORDS``; ``pairs``: chats in which both fired, names in order."""

    inspected: int
    rules: dict[str, list[int]]
    pairs: Mapping[tuple[str, str], int]
    agents: dict[Place, AgentCounts]


def newest_run(connection: Connection, night_id: int) -> tuple[int | None, set[int]]:
    """Return the newest run of a night, None where one of them is at work, and its runs without re-scorings."""
    c = runs.c
    return newest_of(connection.execute(select(c.id, c.kind, c.state).where(c.night_id == night_id)).all())


def newest_of(rows: Iterable[Any]) -> tuple[int | None, set[int]]:
    """Return the same from the rows of a night's runs: their key, kind and state."""
    rows = list(rows)
    idle = all(row.state == State.DONE.value for row in rows)
    newest = max((row.id for row in rows), default=None) if idle else None
    return newest, {row.id for row in rows if row.kind != RunKind.RESCORE.value}


def count(connection: Connection, night_id: int, own: set[int], upto: int | None = None) -> Counts:
    """Count a night. ``own``: its runs without re-scorings; ``upto``: no review behind that key is looked at.

    One statement reads the whole frame, which is what it costs: the database counts the chats of each stratum.
    """
    every = set(connection.execute(select(runs.c.id).where(runs.c.night_id == night_id)).scalars())
    of_night = select(_i.chat_pk).where(_i.night_id == night_id)
    heard = heard_of(connection, _r.chat_pk.in_(of_night), every)
    parts = ((judged, *fired_in(connection, judged)) for judged in _parts(connection, night_id, every, own))
    return added_up(own, parts, heard, connection.execute(SIZES.where(_f.night_id == night_id)), upto)


def added_up(own: set[int], parts: Iterable[Part], heard: Heard, sizes: Iterable[Any], upto: int | None) -> Counts:
    """Return what a night adds up to. ``parts``: its inspections with what fired; ``sizes``: its rows of ``SIZES``."""
    rules: dict[str, list[int]] = {}
    pairs: Counter[tuple[str, str]] = Counter()
    adding, inspected = Agents(heard, upto), 0
    for judged, fired, praised in parts:
        mine = {one.id for one in judged if one.run in own}
        inspected += len(mine)
        _add_rules(rules, pairs, (names for key, names in fired.items() if key in mine))
        adding.add(judged, praised)
    _add_words(rules, heard, upto)
    agents = adding.done()
    for row in sizes:
        if row[0] is not None:
            agents.setdefault((row[0], row[1] or ""), AgentCounts()).stratum((row[2], row[3], bool(row[4])))[0] = row[5]
    return Counts(inspected, rules, pairs, agents)


def _parts(connection: Connection, night_id: int, every: set[int], own: set[int]) -> Iterator[list[Judged]]:
    """Yield the inspections of a night, some at a time; at once where chats were judged again."""
    if every != own:
        yield list(judged_of(connection, _i.night_id == night_id))
        return
    for run in sorted(own):
        for after in spread(connection, run, _PART):
            yield list(judged_of(connection, *within_run(run, after, _PART)))


_TARGETED = _f.reasons.is_not(None).label("targeted")
SIZES = (
    select(_c.agent_id, _c.team, _f.wave, _f.channel, _TARGETED, func.count())
    .select_from(frame.join(chats, _c.id == _f.chat_pk))
    .group_by(_c.agent_id, _c.team, _f.wave, _f.channel, _TARGETED)
)
_JUDGED = (
    select(
        _i.id, _i.run_id, _i.night_id, _i.chat_pk, _c.chat_id, _c.revision, _c.agent_id, _c.team, _f.wave, _f.channel,
        _TARGETED, _i.broken.is_not(None), _i.score, _i.red_line,
    )
    .select_from(
        inspections.join(chats, _c.id == _i.chat_pk)
        .outerjoin(frame, and_(_f.night_id == _i.night_id, _f.chat_pk == _i.chat_pk))
    )
    .order_by(_i.id)
)  # fmt: skip


def judged_of(connection: Connection, *where: ColumnElement[bool]) -> Iterator[Judged]:
    """Yield inspections in the order of their keys."""
    for row in connection.execute(_JUDGED.where(*where)):
        place = None if row[6] is None else (row[6], row[7] or "")
        yield Judged(
            row[0], row[1], row[2], row[3], (row[4], row[5]), place, row[8], row[9], bool(row[10]), bool(row[11]),
            row[12], bool(row[13]),
        )  # fmt: skip


def heard_of(connection: Connection, where: ColumnElement[bool], of_runs: set[int]) -> Heard:
    """Return what people said of chats, and of findings of these runs."""
    query = select(_r.id, _r.chat_pk, _r.reviewer, _r.score, _r.excellent).where(where).order_by(_r.id)
    said: defaultdict[int, list[Said]] = defaultdict(list)
    for row in connection.execute(query):
        said[row[1]].append(Said(row[0], row[1], row[2], row[3], bool(row[4])))
    if not said:
        return Heard(said, ())
    of_findings = select(_r.reviewed_at, _r.id, _v.finding_id, _v.rule, _v.verdict).join(reviews, _r.id == _v.review_id)
    rows = connection.execute(of_findings.where(where, _v.finding_id.is_not(None)))
    run_bits = FINDING_BITS + RANK_BITS
    words = [Word((row[0], row[1]), row[2], row[3], row[4]) for row in rows if row[2] >> run_bits in of_runs]
    return Heard(said, words)


def fired_in(connection: Connection, judged: Sequence[Judged]) -> tuple[dict[int, list[str]], set[int]]:
    """Return inspection → rules that fired in it, and the inspections in which something was praised."""
    fired: defaultdict[int, list[str]] = defaultdict(list)
    praised: set[int] = set()
    query = select(findings.c.inspection_id, findings.c.rule, findings.c.outcome).where(findings.c.outcome.in_(FIRED))
    for of_these in _spans(judged):
        for key, rule, outcome in connection.execute(query.where(of_these)):
            fired[key].append(rule)
            if outcome == "bonus":
                praised.add(key)
    return fired, praised


def _spans(judged: Sequence[Judged]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that together find the findings: many of a run lie together, a few are named."""
    key = findings.c.inspection_id
    by_run: defaultdict[int, list[int]] = defaultdict(list)
    for one in judged:
        by_run[one.run].append(one.id)
    named: list[int] = []
    for keys in by_run.values():
        if len(keys) > _IN_LIST:
            yield and_(key >= min(keys), key <= max(keys))
        else:
            named += keys
    for start in range(0, len(named), _IN_LIST):
        yield key.in_(named[start : start + _IN_LIST])


def _add_rules(rules: dict[str, list[int]], pairs: Counter[tuple[str, str]], fired: Iterable[Sequence[str]]) -> None:
    """Add how often each rule fired, with room for what was said of it, and how often two of them in one chat."""
    for names in fired:
        for name in names:
            if name not in rules:
                rules[name] = [0] * (1 + len(WORDS))
            rules[name][0] += 1
        if len(names) > 1:
            pairs.update(pair for pair in combinations(sorted(names), 2) if pair[0] != pair[1])


def _add_words(rules: dict[str, list[int]], heard: Heard, upto: int | None) -> None:
    for (rule, word), number in words_of(heard.words, upto).items():
        if word in WORDS:
            rules.setdefault(rule, [0] * (1 + len(WORDS)))[1 + WORDS.index(word)] += number


def words_of(words: Iterable[Word], upto: int | None) -> Counter[tuple[str, str]]:
    """Return (rule, word) → findings; of a finding that was judged more than once the latest word counts.

    >>> words = [Word((5, 1), 7, "a", "confirm"), Word((9, 2), 7, "a", "overturn"), Word((6, 3), 7, "a", "unsure")]
    >>> dict(words_of(words, None)), dict(words_of(words, 1))
    ({('a', 'overturn'): 1}, {('a', 'confirm'): 1})
    """
    latest: dict[int, Word] = {}
    for one in words:
        known = latest.get(one.finding)
        if (upto is None or one.at[1] <= upto) and (known is None or one.at > known.at):
            latest[one.finding] = one
    return Counter((one.rule, one.verdict) for one in latest.values())


class Agents:
    """What inspections say of each agent, added up; sizes of strata are left 0."""

    def __init__(self, heard: Heard, upto: int | None) -> None:
        """``upto``: no review behind that key is looked at."""
        self._heard, self._upto = heard, upto
        self._found: dict[Place, AgentCounts] = {}
        self._scores: defaultdict[tuple[Place, Stratum], array[float]] = defaultdict(lambda: array("d"))

    def add(self, judged: Sequence[Judged], praised: set[int]) -> None:
        """Add inspections, all of a chat at once, in the order of their keys."""
        latest = {one.chat_pk: one for one in judged}
        for one in latest.values():
            if one.place is not None:
                self._add(one, one.place, praised=one.id in praised)

    def _add(self, one: Judged, place: Place, *, praised: bool) -> None:
        mine = self._found.setdefault(place, AgentCounts())
        said = [
            each for each in self._heard.said.get(one.chat_pk, ()) if self._upto is None or each.id <= self._upto
        ]  # fmt: skip
        given = _given(said)
        if not one.broken:
            _add_deeds(mine, one, given, praised=praised, said=said)
        if one.wave is None:
            return
        key = (one.wave, one.channel or "", one.targeted)
        mine.stratum(key)[1] += 1
        score = None if one.broken else one.score if given is None else given
        if score is not None:
            self._scores[place, key].append(score)

    def done(self) -> dict[Place, AgentCounts]:
        """Return what they add up to."""
        for (place, key), every in self._scores.items():
            numbers = self._found[place].stratum(key)
            numbers[2:] = len(every), math.fsum(every), math.fsum(one * one for one in every)
        return self._found


def agents_of(
    judged: Sequence[Judged], praised: set[int], heard: Heard, upto: int | None
) -> dict[Place, AgentCounts]:  # fmt: skip
    """Return what these inspections say of each agent; sizes of strata are left 0."""
    adding = Agents(heard, upto)
    adding.add(judged, praised)
    return adding.done()


def _given(said: Sequence[Said]) -> float | None:
    """Return the score of the last review that gave one."""
    return next((one.score for one in reversed(said) if one.score is not None), None)


def _add_deeds(mine: AgentCounts, one: Judged, given: float | None, *, praised: bool, said: Sequence[Said]) -> None:
    last = {each.reviewer: each.excellent for each in said}  # whoever says something else later takes the mark back
    seen = (praised, any(last.values()), one.red_line and given == 0, one.red_line and given is None)
    for place, there in enumerate(seen):
        mine.deeds[place] += there
    mine.chat = one.chat if mine.chat is None else max(mine.chat, one.chat)


# --- what newer reviews change ---------------------------------------------------------------------------------------


class News(NamedTuple):
    """Inspections of chats of one night that were reviewed since it was counted, and what was found and said."""

    judged: Sequence[Judged]
    praised: set[int]
    heard: Heard
    known: int
    """The newest review that the counts know."""


def news_of(connection: Connection, reviewed: Mapping[int, tuple[Sequence[int], int]]) -> dict[int, News]:
    """Return night → news; ``reviewed``: night → chats of it that were reviewed since, and up to where it knows."""
    pks = sorted({pk for of_night, _known in reviewed.values() for pk in of_night})
    by_night: defaultdict[int, list[Judged]] = defaultdict(list)
    said: dict[int, Sequence[Said]] = {}
    words: defaultdict[int, list[Word]] = defaultdict(list)
    praised: set[int] = set()
    for start in range(0, len(pks), _IN_LIST):
        part = pks[start : start + _IN_LIST]
        judged = list(judged_of(connection, _i.chat_pk.in_(part)))
        heard = heard_of(connection, _r.chat_pk.in_(part), {one.run for one in judged})
        nights = {one.id: one.night for one in judged}
        for one in judged:
            by_night[one.night].append(one)
        for word in heard.words:
            words[nights[word.finding >> FINDING_BITS]].append(word)
        said |= heard.said
        praised |= fired_in(connection, judged)[1]
    return {
        night: News(by_night[night], praised, Heard(said, words[night]), known)
        for night, (_pks, known) in reviewed.items()
    }


def add_words(rules: dict[str, list[int]], news: News) -> None:
    """Add what newer reviews say of findings to how often each rule fired and what was said of it."""
    now, then = words_of(news.heard.words, None), words_of(news.heard.words, news.known)
    for rule, word in now.keys() | then.keys():
        if word in WORDS:
            numbers = rules.setdefault(rule, [0] * (1 + len(WORDS)))
            numbers[1 + WORDS.index(word)] += now[rule, word] - then[rule, word]


def add_scores(agents: dict[Place, AgentCounts], news: News) -> None:
    """Add what newer reviews say of chats to what is counted of agents."""
    _add_agents(agents, agents_of(news.judged, news.praised, news.heard, None), 1)
    _add_agents(agents, agents_of(news.judged, news.praised, news.heard, news.known), -1)


def _add_agents(to: dict[Place, AgentCounts], more: Mapping[Place, AgentCounts], sign: int) -> None:
    for place, one in more.items():
        mine = to.setdefault(place, AgentCounts())
        mine.deeds = [a + sign * b for a, b in zip(mine.deeds, one.deeds, strict=True)]
        for key, numbers in one.strata.items():
            known = mine.stratum(key)
            known[:] = [a + sign * b for a, b in zip(known, numbers, strict=True)]
