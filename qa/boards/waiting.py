"""What is waiting for a person, by role: each thing with how many there are, and since when."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.people import Scope, User, UserRole
from qa.store import board_waiting, chat_list, queue, queue_work
from qa.store.board import Window
from qa.store.board_waiting import NightState
from qa.store.chat_list import Only
from qa.store.queue import Looking
from qa.store.queue_filters import Filters, State
from qa.store.session import read_tx
from qa.types import MICROSECONDS, FlagReason, Instant

RECENT = 30
"""Days back to which people's words count."""
NIGHTS = 7
"""Days back to which nights are looked at."""
PRECISE = 0.8
"""Share of judged findings that people confirm, below which somebody should look at a rule."""
FEWEST_JUDGED = 5
_DAY = 86_400 * MICROSECONDS


class Waits(StrEnum):
    """The things that can wait."""

    TODAY = "today"
    MINE = "mine"
    OPEN = "open"
    UNCLAIMED = "unclaimed"
    OVERDUE = "overdue"
    UNSURE = "unsure"
    BROKEN = "broken"
    MODEL = "model"
    RULES = "rules"
    CANDIDATES = "candidates"
    EXCELLENT = "excellent"
    INSPECTED = "inspected"
    COMMENTS = "comments"
    LAST_NIGHT = "last_night"
    UNFINISHED = "unfinished"
    INVITED = "invited"
    ACCOUNTS = "accounts"


class Task(NamedTuple):
    """One thing: how many; ``most`` where counting stopped there; ``since``: the oldest's day; ``of``: the quota.

    ``night``: the newest night that it is about.
    """

    what: Waits
    number: int
    since: str | None = None
    of: int | None = None
    most: bool = False
    night: int | None = None


class Asking(NamedTuple):
    """Who asks, what is within reach, and when: ``today`` is the local day, which began at ``began``."""

    user: User
    scope: Scope
    now: Instant
    today: str
    began: Instant

    @property
    def looking(self) -> Looking:
        """For the queue."""
        return Looking(self.scope, self.user.id, self.now)

    def before(self, days: int) -> str:
        """Return the day so many days before today."""
        return (date.fromisoformat(self.today) - timedelta(days=days)).isoformat()

    @property
    def recent(self) -> Window:
        """The last days, for lists of chats."""
        return Window(self.before(RECENT), self.today, self.scope)


def waiting(engine: Engine, asking: Asking) -> list[Task]:
    """Return what waits for this person, the most pressing first."""
    with read_tx(engine) as connection:
        match asking.user.role:
            case UserRole.SPECIALIST:
                return _reviewing(connection, asking)
            case UserRole.LEAD:
                return [*_reviewing(connection, asking), *_leading(connection, asking)]
            case UserRole.TRAINER:
                return _training(connection, asking)
            case UserRole.ADMIN:
                return _running(connection, asking)
            case UserRole.AGENT:
                return _listed(connection, asking, {Waits.COMMENTS: Only(said="comment"), Waits.INSPECTED: Only()})
            case UserRole.MERCHANT_VIEWER:
                return [
                    *_newest(connection, asking),
                    *_nights(connection, asking),
                    *_listed(connection, asking, {Waits.INSPECTED: Only()}),
                ]


def overdue_until(asking: Asking) -> str:
    """Return the last day whose chats are overdue: the night flagged them the morning after, 24 hours have passed."""
    return asking.before(2)


def _queued(connection: Connection, asking: Asking, what: Waits, filters: Filters, since: str | None = None) -> Task:
    number = queue.count_items(connection, asking.looking, filters)
    most = number > queue.COUNTED
    return Task(what, min(number, queue.COUNTED), since if number else None, most=most)


def _reviewing(connection: Connection, asking: Asking) -> list[Task]:
    day = queue_work.days_of(
        connection, {asking.user.id: asking.user.name}, asking.today, asking.began, asking.now
    )[0]  # fmt: skip
    held = board_waiting.oldest_day(connection, asking.scope, asking.user.id)
    oldest = board_waiting.oldest_day(connection, asking.scope)
    return [
        Task(Waits.TODAY, day.done, of=day.quota),
        _queued(connection, asking, Waits.MINE, Filters(state=State.MINE), held),
        _queued(connection, asking, Waits.OPEN, Filters(), oldest),
    ]


def _leading(connection: Connection, asking: Asking) -> list[Task]:
    judged = board_waiting.judged_rules(connection, asking.scope, asking.now - RECENT * _DAY)
    doubtful = [rule for rule, said in judged.items() if is_doubtful(*said)]
    return [
        _queued(connection, asking, Waits.UNCLAIMED, Filters(state=State.UNCLAIMED)),
        _queued(connection, asking, Waits.OVERDUE, Filters(until=overdue_until(asking))),
        *_listed(connection, asking, {Waits.UNSURE: Only(said="unsure")}),
        _queued(connection, asking, Waits.BROKEN, Filters(reason=FlagReason.BROKEN)),
        Task(Waits.RULES, len(doubtful)),
        *_nights(connection, asking),
    ]


def is_doubtful(confirmed: int, overturned: int) -> bool:
    """Whether people overturn so much of a rule that somebody should look at it.

    >>> is_doubtful(3, 2), is_doubtful(8, 2), is_doubtful(0, 4)
    (True, False, False)
    """
    judged = confirmed + overturned
    return judged >= FEWEST_JUDGED and confirmed / judged < PRECISE


def _training(connection: Connection, asking: Asking) -> list[Task]:
    candidates = _queued(
        connection, asking, Waits.CANDIDATES, Filters(state=State.ALL, reason=FlagReason.EXCELLENT)
    )  # fmt: skip
    return [candidates, *_listed(connection, asking, {Waits.EXCELLENT: Only(said="excellent")})]


def _running(connection: Connection, asking: Asking) -> list[Task]:
    people = board_waiting.accounts(connection)
    return [
        *_nights(connection, asking),
        _queued(connection, asking, Waits.OPEN, Filters(), board_waiting.oldest_day(connection, asking.scope)),
        Task(Waits.INVITED, people.invited),
        Task(Waits.ACCOUNTS, people.active),
    ]


def _nights(connection: Connection, asking: Asking) -> list[Task]:
    """Return the nights that did not end, and those in which the model was refused or finds other chats than it knows.

    They are looked for in the days up to the newest night.
    """
    last = board_waiting.last_night(connection, asking.scope)
    if last is None:
        return []
    since = (date.fromisoformat(last) - timedelta(days=NIGHTS - 1)).isoformat()
    nights = board_waiting.newest_nights(connection, asking.scope, since, asking.now)
    found = [_of(Waits.UNFINISHED, [one for one in nights if not one.done and not one.held])]
    if asking.user.role is not UserRole.MERCHANT_VIEWER:
        found.append(_of(Waits.MODEL, [one for one in nights if one.refused or one.drifted]))
    return found


def _newest(connection: Connection, asking: Asking) -> list[Task]:
    """Return what the newest night inspected."""
    last = board_waiting.last_night(connection, asking.scope)
    nights = [] if last is None else board_waiting.newest_nights(connection, asking.scope, last, asking.now)
    inspected = sum(one.inspected or 0 for one in nights)
    return [Task(Waits.LAST_NIGHT, inspected, last, night=nights[0].id)] if nights else []


def _of(what: Waits, nights: list[NightState]) -> Task:
    return Task(
        what, len(nights), min((one.day for one in nights), default=None), night=nights[0].id if nights else None
    )


def _listed(connection: Connection, asking: Asking, wanted: dict[Waits, Only]) -> list[Task]:
    found = []
    for what, only in wanted.items():
        number = chat_list.count(connection, asking.recent, only)
        found.append(Task(what, min(number, chat_list.COUNTED), most=number > chat_list.COUNTED))
    return found
