"""Running two packs over stored chats; nothing is written."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Engine

from qa.backtest.result import VERSION, Backtest
from qa.backtest.scores import Cell
from qa.backtest.tally import Judged, Place, Tally
from qa.errors import NotFoundError
from qa.policy import Policy
from qa.progress import Progress
from qa.rules.diff import side
from qa.rules.inspector import Case, Compiled, Inspected, Inspector, Standard
from qa.store import frames
from qa.store.chats import FrameChat, days_with_chats, decode_body, merchants, read_frame_chunk
from qa.store.dropping import without_text
from qa.store.history import Past
from qa.store.nights import Night, State, nights_between
from qa.store.session import read_tx
from qa.types import Chat, History

_Histories = tuple[Callable[[int, str | None], History], ...]
CHUNK = 500
"""Chats in memory at a time."""
_DAYS_TOLD = 5


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What is compared over which chats.

    ``old`` gives a merchant's standard in force; ``policy`` its policy and time zone of a day, for days of which the
    night's own is not known. ``every``: all closed chats instead of those that nights sampled.
    """

    new: Standard
    old: Callable[[str], Standard]
    policy: Callable[[str, str], tuple[Policy, ZoneInfo]]
    first: str
    last: str
    merchant: str | None = None
    every: bool = False
    examples: int = 5


class _Day(NamedTuple):
    """Chats of one merchant and day that are to be judged; ``night`` None: all of them are."""

    merchant: str
    day: str
    night: Night | None
    chats: int


class _Row(NamedTuple):
    place: Place
    body: bytes
    pk: int
    histories: _Histories
    """By the old and the new standard, given the chat's key and agent."""


def backtest(engine: Engine, options: BacktestOptions, progress: Progress) -> Backtest:
    """Judge the chats of the period by both packs and say what is different. Reads only.

    A chat is judged under the policy of its night where it was sampled by one, else under the policy of its day.

    Raises:
        NotFoundError: there is no such chat in the period.
    """
    with read_tx(engine) as connection:
        days, skipped = _plan(connection, options)
    names = tuple(dict.fromkeys(day.merchant for day in days))
    old = {name: options.old(name) for name in names}
    tally = Tally(options.new.pack, {name: standard.pack for name, standard in old.items()}, options.examples)
    judges = _Judges(options, old)
    unreadable = 0
    progress.stage("backtest", sum(day.chats for day in days))
    for day in days:
        judge = judges.of(day)
        pasts = _pasts(engine, day, *judge)
        rows = _rows(engine, day, tally, pasts)
        while batch := list(islice(rows, CHUNK)):
            judged = _judged(judge, day.day, batch)
            for one in judged:
                tally.add(one)
            unreadable += len(batch) - len(judged)
            progress.advance(len(batch))
    return _result(options, tally, old, unreadable, tuple(skipped))


def _judged(judge: Sequence[Inspector], day: str, rows: Sequence[_Row]) -> list[Judged]:
    """What both sides say of these chats; those that cannot be read are left out."""
    readable = [(row, chat) for row in rows if (chat := _chat(row.body)) is not None]
    sides = []
    for which, inspector in enumerate(judge):
        cases = [Case(chat, row.histories[which](row.pk, chat.agent.id)) for row, chat in readable]
        sides.append([_said(done) for done in inspector.inspect_many(cases, day)])
    return [
        Judged(row.place, chat, *said) for (row, chat), said in zip(readable, zip(*sides, strict=True), strict=True)
    ]


def _said(done: Inspected | Exception) -> Inspected:
    if isinstance(done, Exception):
        raise done
    return done


class _Judges:
    """Compiled rules of both sides; a standard that judges several merchants is compiled once."""

    def __init__(self, options: BacktestOptions, old: Mapping[str, Standard]) -> None:
        self._options = options
        self._new = Compiled(options.new)
        self._hashes = {merchant: standard.hash for merchant, standard in old.items()}
        self._standards = {self._hashes[merchant]: standard for merchant, standard in old.items()}
        self._old = lru_cache(maxsize=1)(self._compile)
        self._pair = lru_cache(maxsize=1)(self._make)

    def of(self, day: _Day) -> tuple[Inspector, Inspector]:
        """Return the inspectors by the old and the new standard."""
        if day.night is None:
            return self._pair(self._hashes[day.merchant], *self._options.policy(day.merchant, day.day))
        policy = Policy.from_snapshot(day.night.policy)
        return self._pair(self._hashes[day.merchant], policy, ZoneInfo(day.night.policy["timezone"]))

    def _make(self, old: str, policy: Policy, zone: ZoneInfo) -> tuple[Inspector, Inspector]:
        return Inspector(self._old(old), policy, zone), Inspector(self._new, policy, zone)

    def _compile(self, old: str) -> Compiled:
        gc.collect()  # compiled rules hold each other, and those of the standard before are tens of megabytes
        return Compiled(self._standards[old])


def _plan(connection: Connection, options: BacktestOptions) -> tuple[list[_Day], list[str]]:
    """The days to judge, and what of the period is left out."""
    known = merchants(connection)
    names = [name for name in known if options.merchant in (None, name)]
    if not names:
        raise NotFoundError(
            f"no chats of merchant {options.merchant!r} are stored (known: {', '.join(known) or 'none'})"
        )
    stored = {name: days_with_chats(connection, name) for name in names}
    wanted = {name: [d for d in days if options.first <= d <= options.last] for name, days in stored.items()}
    if not any(wanted.values()):
        every = sorted({d for days in stored.values() for d in days})
        raise NotFoundError(
            f"no chats from {options.first} to {options.last}; the store holds {every[0]} to {every[-1]}"
        )
    if options.every:
        days = (_Day(n, d, None, frames.count_frame(connection, n, d)) for n in names for d in wanted[n])
        return [day for day in days if day.chats], []
    return _sampled(connection, options, wanted)


def _sampled(
    connection: Connection, options: BacktestOptions, wanted: Mapping[str, list[str]]
) -> tuple[list[_Day], list[str]]:
    nights = nights_between(connection, options.first, options.last, options.merchant)
    done = [night for night in nights if night.state is State.DONE]
    if not done:
        raise NotFoundError(
            f"no night from {options.first} to {options.last} is finished: run qa nightly, or judge every closed chat"
            " with --all"
        )
    have = {(night.merchant, night.day) for night in done}
    skipped = []
    for name, days in wanted.items():
        missing = [day for day in days if (name, day) not in have]
        if missing:
            more = f" and {len(missing) - _DAYS_TOLD} more" if len(missing) > _DAYS_TOLD else ""
            skipped.append(f"{name}: no finished night of {', '.join(missing[:_DAYS_TOLD])}{more}")
    return [_Day(n.merchant, n.day, n, frames.sampled(connection, n.id, None)) for n in done], skipped


def _rows(engine: Engine, day: _Day, tally: Tally, pasts: Sequence[Past]) -> Iterator[_Row]:
    """The chats of a day, a chunk in memory at a time, their strata made known first."""
    if day.night is None:
        yield from _every(engine, day, tally, pasts)
        return
    with read_tx(engine) as connection:
        for line in frames.strata_of(connection, day.night.id):
            agent, _ = line.stratum
            tally.scores.stratum(_cell(day, line.wave, line.stratum), day.merchant, agent, line.size)
    after = 0
    while True:
        with read_tx(engine) as connection:
            chunk = frames.read_sample_chunk(connection, day.night.id, after, CHUNK)
            histories = _histories(connection, pasts, chunk)
            gone = without_text(connection, [one.pk for one in chunk])
        if not chunk:
            return
        for one in chunk:
            agent, _ = one.stratum
            cell = _whole(day, agent, tally) if one.targeted else _cell(day, one.wave, one.stratum)
            yield _Row(
                Place(day.merchant, one.chat_id, day.day, agent, cell, one.probability),
                b"" if one.pk in gone else one.body,
                one.pk,
                histories,
            )
        after = chunk[-1].pk


def _every(engine: Engine, day: _Day, tally: Tally, pasts: Sequence[Past]) -> Iterator[_Row]:
    after = 0
    while True:
        with read_tx(engine) as connection:
            chunk = read_frame_chunk(connection, day.merchant, day.day, after, CHUNK)
            histories = _histories(connection, pasts, chunk)
            gone = without_text(connection, [one.pk for one in chunk])
        if not chunk:
            return
        for one in chunk:
            agent = one.agent_id or ""
            cell = _whole(day, agent, tally)
            body = b"" if one.pk in gone else one.body  # what has no text counts as unreadable
            yield _Row(Place(day.merchant, one.chat_id, day.day, agent, cell, 1.0), body, one.pk, histories)
        after = chunk[-1].pk


def _pasts(engine: Engine, day: _Day, old: Inspector, new: Inspector) -> tuple[Past, Past]:
    """What each side wants to know of other chats; one and the same where both want the same."""
    past = Past(engine, day.merchant, day.day, *old.lookback)
    same = old.lookback == new.lookback
    return past, past if same else Past(engine, day.merchant, day.day, *new.lookback)


def _histories(
    connection: Connection, pasts: Sequence[Past], chunk: Sequence[frames.SampledChat | FrameChat]
) -> _Histories:
    pks = [one.pk for one in chunk]
    known = {past: past.of(connection, pks) for past in pasts}
    return tuple(known[past] for past in pasts)


def _cell(day: _Day, wave: int, stratum: frames.Stratum) -> Cell:
    return (day.merchant, day.day, str(wave), *stratum)


def _whole(day: _Day, agent: str, tally: Tally) -> Cell:
    """The part of an agent's chats that is judged whole: targeted ones, or all."""
    cell = (day.merchant, "", "", agent, "")
    tally.scores.stratum(cell, day.merchant, agent, None)
    return cell


def _chat(body: bytes) -> Chat | None:
    try:
        return decode_body(body)
    except msgspec.DecodeError:
        return None


def _result(
    options: BacktestOptions, tally: Tally, old: Mapping[str, Standard], unreadable: int, skipped: tuple[str, ...]
) -> Backtest:
    return Backtest(
        version=VERSION,
        first=options.first,
        last=options.last,
        mode="all" if options.every else "sampled",
        merchants=tuple(old),
        new=side(options.new.pack),
        old={name: side(standard.pack) for name, standard in old.items()},
        chats=tally.chats,
        represented=tally.scores.represented(),
        unreadable=unreadable,
        skipped=skipped,
        score=tally.scores.overall(),
        by_merchant=tally.scores.by_merchant(),
        by_agent=tally.scores.by_agent(),
        shifts=tally.bins(),
        flagged_old=tally.flagged_old,
        flagged_new=tally.flagged_new,
        red_old=tally.red_old,
        red_new=tally.red_new,
        newly_void=tally.newly_void.result(),
        no_longer_void=tally.no_longer_void.result(),
        rules=tally.rules(),
        broken_old=tally.broken_old.result(),
        broken_new=tally.broken_new.result(),
        broken_chats_old=tally.broken_old.chats,
        broken_chats_new=tally.broken_new.chats,
    )
