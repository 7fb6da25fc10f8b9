"""Versions of the model for people: which there are, how a candidate compares, and who puts one in force.

Promotions and rollbacks are the registry's, with a signed history of its own; here each lands in the audit log too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from sqlalchemy import Engine

from qa.errors import QaError
from qa.models.card import Card, Figure
from qa.models.compare import Difference, against, compare
from qa.models.explain import Moved, moved
from qa.models.gate import HIGHER_IS_BETTER, LOWER_IS_BETTER, worse_by_cards
from qa.models.history import Act as Promotion
from qa.models.labelled import LabelledChat
from qa.models.model import Model
from qa.models.opinions import ModelError
from qa.models.registry import By, Registry
from qa.store import audit
from qa.store.audit import Act
from qa.store.session import write_tx

WORDS = 40
"""Words that moved, in a comparison."""
LONGEST_REASON = 500
_KEPT = 16  # comparisons that are remembered

Sets = Mapping[str, Sequence[LabelledChat]]


class MovedOnError(QaError):
    """Another version is current than the one that was looked at."""

    status = 409


class Version(NamedTuple):
    """One line of the list. ``card`` None: the version cannot be trusted, and ``problem`` says why."""

    name: str
    card: Card | None
    problem: str | None
    current: bool


class Versions(NamedTuple):
    """All versions, the newest first, and the acts that made one of them current, the newest first."""

    all: tuple[Version, ...]
    current: str | None
    """None: the record of promotions cannot be trusted."""
    before: str | None
    """What a rollback would make current."""
    acts: tuple[Promotion, ...]
    problem: str | None


class FigureRow(NamedTuple):
    """One figure of one head on two cards; ``mine`` or ``other`` None: that card does not have it."""

    name: str
    mine: Figure | None
    other: Figure | None

    @property
    def gap(self) -> float | None:
        """Mine less the other's."""
        if self.mine is None or self.other is None or self.mine.value is None or self.other.value is None:
            return None
        return self.mine.value - self.other.value


class Comparison(NamedTuple):
    """A candidate against the current version, both on the same chats."""

    current: str
    candidate: str
    chats: dict[str, int]
    """By set, how many chats both judged."""
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...]
    """Why it would not be promoted; empty: it would."""
    moved: tuple[Moved, ...]


def list_versions(registry: Registry) -> Versions:
    """Return every version, checked now."""
    try:
        history = registry.history()
    except ModelError as error:
        current = before = None
        acts: tuple[Promotion, ...] = ()
        problem: str | None = str(error)
    else:
        current, before, acts, problem = history.current, history.before, tuple(reversed(history.acts)), None
    found = [_version(registry, name, current=name == current) for name in reversed(registry.versions())]
    return Versions(tuple(found), current, before, acts, problem)


def _version(registry: Registry, name: str, *, current: bool) -> Version:
    try:
        return Version(name, registry.read(name).card, None, current)
    except ModelError as error:
        return Version(name, None, str(error), current)


def figure_rows(mine: Card, other: Card | None, head: str) -> list[FigureRow]:
    """Return the figures of a head, the usual ones in their usual order, beside those of another card."""
    order = (*HIGHER_IS_BETTER, *LOWER_IS_BETTER)
    ours = mine.metrics[head].figures if head in mine.metrics else {}
    theirs = other.metrics[head].figures if other is not None and head in other.metrics else {}
    names = sorted({*ours, *theirs}, key=lambda name: (order.index(name) if name in order else len(order), name))
    return [FigureRow(name, ours.get(name), theirs.get(name)) for name in names]


_remembered: dict[tuple[object, ...], Comparison] = {}
_remembering = Lock()


def compared(
    registry: Registry, candidate: str, sets: Sets, suspects: Callable[[Card], Collection[str]], key: object
) -> Comparison:
    """Let a candidate and the current version judge the same chats, and say what is different.

    Versions never change, so a comparison is remembered; ``key`` is what else it depends on (the reviews).
    """
    current = registry.current()
    place = (str(registry.folder), current, candidate, key)
    with _remembering:  # of two who ask at once one works
        if place not in _remembered:
            while len(_remembered) >= _KEPT:
                del _remembered[next(iter(_remembered))]
            _remembered[place] = _compare(registry, current, candidate, sets, suspects)
        return _remembered[place]


def _compare(
    registry: Registry, current: str, candidate: str, sets: Sets, suspects: Callable[[Card], Collection[str]]
) -> Comparison:
    one, other = (registry.load(Model.from_files, name) for name in (current, candidate))
    differences = compare(one.model, other.model, sets)
    return Comparison(
        current=current,
        candidate=candidate,
        chats={name: len(chats) for name, chats in sets.items()},
        differences=tuple(differences),
        reasons=against(differences, (one.card, other.card), suspects(other.card), worse_by_cards),
        moved=tuple(moved(one.model, other.model, WORDS)),
    )


def promote(
    engine: Engine, registry: Registry, act: Act, comparison: Comparison, why: str, *, forced: bool = False
) -> Promotion:
    """Make the candidate of a comparison current.

    Raises:
        MovedOnError: another version is current by now than the one it was compared with.
        ModelError: it cannot be trusted, or is worse and not forced.
    """

    def reasons(current: Card, _candidate: Card) -> tuple[str, ...]:
        if current.name != comparison.current:
            raise MovedOnError(f"{current.name} is current by now, not {comparison.current}: compare again")
        return comparison.reasons

    by = By(act.by, act.at, checked_reason(why), forced)
    return _recorded(engine, act, lambda: registry.promote(comparison.candidate, by, reasons))


def rollback(engine: Engine, registry: Registry, act: Act, why: str, current: str) -> Promotion:
    """Make current again what was before ``current``, which must still be in force.

    Raises:
        MovedOnError: it is not.
        ModelError: there is nothing to go back to, or that cannot be trusted.
    """
    if registry.current() != current:
        raise MovedOnError(f"{registry.current()} is current by now, not {current}: look again")
    by = By(act.by, act.at, checked_reason(why))
    return _recorded(engine, act, lambda: registry.rollback(by))


def checked_reason(why: str) -> str:
    """Return a reason, which must be a line of text; QaError says what is wrong with it."""
    why = why.strip()
    if not why or not why.isprintable() or len(why) > LONGEST_REASON:
        raise QaError(f"a reason is needed: one line of text, at most {LONGEST_REASON} characters")
    return why


def _recorded(engine: Engine, act: Act, work: Callable[[], Promotion]) -> Promotion:
    """Do it inside the transaction that logs it: if either fails before the end, neither counts."""
    with write_tx(engine) as connection:
        audit.hold(connection)
        done = work()
        facts: dict[str, Any] = {"before": done.before, "forced": done.forced, "why": done.why}
        audit.append(connection, act, f"model.{done.act}", f"model:{done.version}", facts)
    return done
