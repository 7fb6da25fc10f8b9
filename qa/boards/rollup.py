"""From finished nights to the sums of the boards: each night once, and again when more is known of its chats."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import orjson
from sqlalchemy import Connection, Engine

from qa.boards import hourly
from qa.boards.facts import BACK_HOURS, CHATS, RULE, Fact, Share, points, shares, solved, timing
from qa.boards.sums import Group, Seen, Tally
from qa.ledger import LedgerSettings, ledger_of, visible
from qa.models.stored import restored
from qa.policy import Policy
from qa.progress import Progress, Quiet
from qa.rules.context import make_context
from qa.rules.inspector import Standard
from qa.store import board_fill, counted, counted_together, frames, inspections, nights
from qa.store.board_fill import Drawn, OpenNight
from qa.store.board_tables import ALL
from qa.store.chats import decode_body
from qa.store.counted import Uncounted
from qa.store.readers import Sharing, address, engine_of, shared
from qa.store.session import read_tx, write_tx
from qa.store.settled import settled_review
from qa.types import MICROSECONDS

PART = 300
"""Inspections read at a time."""
_SETTLED = timedelta(days=4)
"""After so many days no chat can follow within 72 hours any more."""
_TARGETED = "targeted"
_SLOT = 15 * 60 * MICROSECONDS
"""Within such a part of an hour, counted in UTC, the hour of the day is the same in every zone."""


class _Place(NamedTuple):
    team: str | None
    agent: str | None
    weekday: int | None
    hour: int | None

    @property
    def groups(self) -> tuple[Group, ...]:
        """All chats, those of the team, those of the agent in it."""
        team, agent = self.team or "", self.agent or ""
        return ((ALL, ALL), (team, ALL), (team, agent))


class _Added:
    """What a night's inspected chats add up to; nothing of it grows with their number."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.targeted: dict[Hashable, int] = {}
        self.hours = hourly.Inspected()

    def add(self, one: Seen, fact: Fact, hour: int | None) -> None:
        """Add one chat."""
        self.tally.add(one)
        if isinstance(one.stratum, tuple) and one.stratum[0] == _TARGETED:
            self.targeted[one.stratum] = self.targeted.get(one.stratum, 0) + 1
        if hour is not None:
            self.hours.add(one.stratum, one.groups, hour, fact)


def roll_up(
    engine: Engine, zone: tzinfo, progress: Progress | None = None, processes: int = 1, share: Sharing | None = None
) -> int:
    """Make the sums of every night that lacks them or of which more is known; returns how many nights that were.

    ``zone`` is where a night's policy names none; ``processes`` read the chats, or those to whom ``share`` gives it,
    which is worth while where they are there, from a night before. It can be killed and repeated at any moment.
    """
    progress = progress or Quiet()
    reviewed = settled_review(engine)  # before anything is read: all that is read knows the reviews up to this one
    with read_tx(engine) as connection:
        newest = board_fill.newest_day(connection)
        if newest is None:
            return 0
        earliest = (date.fromisoformat(newest) - _SETTLED).isoformat()
        stale = board_fill.stale_nights(connection, earliest)
    if stale:
        progress.stage("adding up the figures", len(stale))
    ledgers: dict[tuple[str, bytes], LedgerSettings] = {}
    for night in stale:
        with read_tx(engine) as connection:
            key = (night.ruleset, night.policy)
            if key not in ledgers:
                ledgers[key] = _settings(connection, night, zone)
            # now: what it reads, a part at a time, need not lie beside the sums
            uncounted = Uncounted(night.id, night.merchant, night.day, night.finished_at, reviewed)
            counts = counted.counted_of(connection, uncounted)
        known = {"finished_at": night.finished_at, "review": reviewed, "newest_day": newest}
        added = _read(engine, night, ledgers[key], zone, processes, share)
        with read_tx(engine) as connection:
            sizes = _sizes(connection, night, added)
            begun = _begun(connection, night, ledgers[key].zone)
        with write_tx(engine) as connection:
            board_fill.replace(
                connection, night, known, _sums(night, added, sizes), _hours(night, added, sizes, begun)
            )  # fmt: skip
            counted.put(connection, counts)
        progress.advance()
    with write_tx(engine) as connection:
        board_fill.note_reviews(connection, reviewed)
    count_again(engine, progress)
    return len(stale)


def count_again(engine: Engine, progress: Progress) -> None:
    """Count the nights whose counts do not hold: judged again since, or added up before there were counts."""
    with read_tx(engine) as connection:
        lacking = counted.uncounted(connection)
        lots = list(counted_together.lots(connection, lacking))
    if lacking:
        progress.stage("counting rules and agents", len(lacking))
    for some in lots:
        with read_tx(engine) as connection:
            rows = counted_together.rows_of(connection, some)
        with write_tx(engine) as connection:
            counted_together.put_unless_newer(connection, rows, some)
        progress.advance(len(some))


def _settings(connection: Connection, night: OpenNight, zone: tzinfo) -> LedgerSettings:
    """Return how this night counts time: by its own policy and the word lists of its standard."""
    policy = Policy.from_snapshot(orjson.loads(night.policy))
    standard = Standard.model_validate(nights.ruleset_content(connection, night.ruleset))
    own = ZoneInfo(policy.timezone) if policy.timezone else zone
    return make_context(standard.pack, policy, own).ledger  # type: ignore[arg-type]


class _Said(NamedTuple):
    """What one inspected chat says, with the rules that failed in it; ``one`` without what was said."""

    one: Drawn
    fact: Fact
    rules: set[str]


def _read(
    engine: Engine, night: OpenNight, settings: LedgerSettings, zone: tzinfo, processes: int, share: Sharing | None
) -> _Added:
    """Write what every inspected chat of a night says, a part at a time, and return what it adds up to."""
    added = _Added()
    with read_tx(engine) as connection:
        last = {run: inspections.last_inspected(connection, run) for run in board_fill.own_runs(connection, night.id)}
    ranges = (
        (run, after, PART) for run, end in last.items() for after in range(inspections.before_run(run), end, PART)
    )  # fmt: skip
    parts: Iterator[list[_Said]]
    if share is not None:
        parts = share(_part_there, ((night, zone, *one) for one in ranges))
    elif processes == 1:
        parts = (_part(engine, settings, *one) for one in ranges)
    else:
        url = address(engine)
        parts = shared(_part_there, ((url, night, zone, *one) for one in ranges), processes)
    for part in parts:
        _keep(engine, night, settings.zone, added, part)
    return added


def _keep(engine: Engine, night: OpenNight, zone: tzinfo, added: _Added, part: list[_Said]) -> None:
    rows = [_row(night, said, _place_of(said.one, zone), added) for said in part]
    with write_tx(engine) as connection:
        board_fill.put_facts(connection, night.id, rows)


def _part_there(url: str, night: OpenNight, zone: tzinfo, run_id: int, after: int, keys: int) -> list[_Said]:
    return _part(engine_of(url), _settings_there(url, night, zone), run_id, after, keys)


@lru_cache(maxsize=1)
def _settings_there(url: str, night: OpenNight, zone: tzinfo) -> LedgerSettings:
    with read_tx(engine_of(url)) as connection:
        return _settings(connection, night, zone)


def _part(engine: Engine, settings: LedgerSettings, run_id: int, after: int, keys: int) -> list[_Said]:
    """Return what the inspected chats say of a range of keys."""
    with read_tx(engine) as connection:
        part = board_fill.drawn_after(connection, run_id, after, keys)
        pks = [one.chat_pk for one in part]
        rules = board_fill.failed_rules(connection, [one.inspection_id for one in part])
        said = board_fill.resolutions(connection, pks)
        back = board_fill.came_back(connection, pks, BACK_HOURS)
        times = board_fill.kept_times(connection, pks)
    return [
        _Said(
            one._replace(opinions=b"", body=b""),
            _fact(one, settings, said.get(one.chat_pk), one.chat_pk in back, times.get(one.inspection_id)),
            rules.get(one.inspection_id, set()),
        )
        for one in part
    ]


def _row(night: OpenNight, said: _Said, place: _Place, added: _Added) -> dict[str, Any]:
    """Add what a chat says, and return it as it is stored."""
    one, fact, rules = said
    added.add(_seen(one, fact, place, rules), fact, place.hour)
    return {
        "inspection_id": one.inspection_id, "chat_pk": one.chat_pk, "merchant": night.merchant, "day": night.day,
        "weekday": place.weekday, "hour": place.hour, "team": one.team, "agent_id": one.agent_id, **fact._asdict(),
    }  # fmt: skip


def _fact(one: Drawn, settings: LedgerSettings, said: str | None, came_back: bool, kept: dict[str, Any] | None) -> Fact:
    """Return what a chat says; ``kept``: its waits, where its text is gone and cannot tell courtesies any more."""
    try:
        chat = decode_body(one.body)
    except msgspec.MsgspecError:
        return Fact(broken=True)
    if one.broken:
        return Fact(broken=True)
    resolution = restored(one.opinions).resolution
    thought = None if resolution is None or resolution.abstains else resolution.label
    times: dict[str, Any] = kept or timing(ledger_of(visible(chat.messages), settings))
    return Fact(
        score=one.score,
        red_line=one.red_line,
        solved=solved(said=said, source=chat.outcome.resolved, model=thought, came_back=came_back),
        satisfaction=points(chat.csat),
        escalated=None if chat.escalated is None else int(chat.escalated),
        **times,
    )


def _seen(one: Drawn, fact: Fact, place: _Place, rules: set[str]) -> Seen:
    found = shares(fact)
    if not fact.broken:
        # what a rule's share is divided by are all chats, which stand in a figure of their own
        found |= {RULE + rule: Share(1.0, 0.0, bad=True) for rule in rules}
        found[CHATS] = Share(0.0, 1.0, bad=False)
    stratum: Hashable = (_TARGETED, *one.stratum) if one.targeted else (one.wave, *one.stratum)
    return Seen(stratum, fact.broken, found, place.groups)


def _place_of(one: Drawn, zone: tzinfo) -> _Place:
    if one.started_at is None:
        return _Place(one.team, one.agent_id, None, None)
    local = datetime.fromtimestamp(one.started_at / MICROSECONDS, zone)
    return _Place(one.team, one.agent_id, local.weekday(), local.hour)


def _sizes(connection: Connection, night: OpenNight, added: _Added) -> dict[Hashable, int]:
    """Return chats by stratum; of the targeted ones all are inspected."""
    drawn: dict[Hashable, int] = {(row.wave, *row.stratum): row.size for row in frames.strata_of(connection, night.id)}
    return drawn | added.targeted


def _sums(night: OpenNight, added: _Added, sizes: Mapping[Hashable, int]) -> Iterator[dict[str, Any]]:
    for ((team, agent), figure), sums in added.tally.sums(sizes, frozenset(added.targeted)):
        own = {"team": team, "agent": agent, "merchant": night.merchant, "day": night.day, "figure": str(figure)}
        yield own | sums._asdict()


def _begun(connection: Connection, night: OpenNight, zone: tzinfo) -> hourly.Begun:
    begun = hourly.Begun()
    hour_of: dict[int, int] = {}
    for agent, team, started_at in board_fill.begun(connection, night.id):
        if started_at is not None:
            slot = started_at // _SLOT
            if slot not in hour_of:
                hour_of[slot] = datetime.fromtimestamp(started_at / MICROSECONDS, zone).hour
            begun.add(agent, team, hour_of[slot])
    return begun


def _hours(
    night: OpenNight, added: _Added, sizes: Mapping[Hashable, int], begun: hourly.Begun
) -> Iterator[dict[str, Any]]:
    """Yield what each hour of the day adds up to: all chats counted, inspected ones by their weight."""
    by_groups = ((_Place(team, agent, None, None).groups, chats) for agent, team, chats in begun.of_groups())
    weights = {stratum: sizes.get(stratum, n) / n for stratum, n in added.tally.observed.items()}
    for (team, agent), hour, row in hourly.added_up(by_groups, added.hours, weights):
        yield {"team": team, "agent": agent, "merchant": night.merchant, "day": night.day, "hour": hour} | row
