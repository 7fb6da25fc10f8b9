"""Chats that would make a case: what speaks for each, and of which kind it would be."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Engine

from qa.casebook.transcript import freeze
from qa.models.stored import restored
from qa.people import Scope
from qa.store import case_candidates
from qa.store.case_candidates import Seen, Source
from qa.store.case_filters import CaseKind
from qa.store.session import read_tx

HIGH = 90.0
"""Score from which a chat is worth a look."""
RATED_WELL = 4.5
SURE = 0.8
"""Probability from which the model's opinion counts."""
PAGE = 20
MOST_LOOKED_AT = 2_000
"""Chats looked at for one page; where few of them qualify, the page says how far it got."""
_ENOUGH_SIGNS = 2


class Sign(StrEnum):
    """What speaks for a chat."""

    MARKED_EXCELLENT = "marked_excellent"
    MARKED_TYPICAL = "marked_typical"
    NOMINATED = "nominated"
    CONFIRMED = "confirmed"
    PRAISE = "praise"
    RATING = "rating"
    RESOLVED = "resolved"
    SATISFIED = "satisfied"
    SCORE = "score"


_CHOSEN = {Sign.MARKED_EXCELLENT, Sign.MARKED_TYPICAL, Sign.NOMINATED}
BY_PEOPLE = (Sign.MARKED_EXCELLENT, Sign.MARKED_TYPICAL, Sign.NOMINATED, Sign.CONFIRMED)


class Candidate(NamedTuple):
    """A chat that would make a case. ``note``: what somebody wrote who nominated it; ``opening``: its first words."""

    seen: Seen
    kind: CaseKind
    signs: tuple[Sign, ...]
    opening: str
    note: str | None


class Candidates(NamedTuple):
    """A page; ``after``: the key behind which to go on, None at the end. ``looked_at``: chats that were weighed."""

    found: list[Candidate]
    after: int | None
    looked_at: int


def signs_of(seen: Seen) -> tuple[Sign, ...]:
    """Return what speaks for a chat, people's words first."""
    kinds = {kind for kind, _ in seen.marked}
    thought = restored(seen.opinions)
    resolved, satisfied = thought.resolution, thought.satisfaction
    csat = seen.chat.csat
    held = {
        Sign.MARKED_EXCELLENT: "excellent" in kinds,
        Sign.MARKED_TYPICAL: "typical" in kinds,
        Sign.NOMINATED: bool(seen.nominated),
        Sign.CONFIRMED: bool(seen.confirmed),
        Sign.PRAISE: bool(seen.praised),
        Sign.RATING: csat is not None and csat >= RATED_WELL,
        Sign.RESOLVED: resolved is not None and resolved.label == "resolved" and resolved.probability >= SURE,
        Sign.SATISFIED: satisfied is not None and satisfied.label == "satisfied" and satisfied.probability >= SURE,
        Sign.SCORE: seen.score is not None and seen.score >= HIGH,
    }
    return tuple(sign for sign in Sign if held[sign])


def kind_of(seen: Seen, signs: Sequence[Sign]) -> CaseKind | None:
    """Return which case a chat would make; None: none.

    What people said decides. A machine's find is excellent with a high score, no red line, and two signs beside it.
    """
    if Sign.MARKED_EXCELLENT in signs:
        return CaseKind.EXCELLENT
    if Sign.MARKED_TYPICAL in signs:
        return CaseKind.TYPICAL
    if Sign.NOMINATED in signs:
        return CaseKind(seen.nominated[-1][0])
    if Sign.CONFIRMED in signs:
        return CaseKind.TYPICAL
    beside = [one for one in signs if one not in BY_PEOPLE and one is not Sign.SCORE]
    if Sign.SCORE in signs and not seen.red_line and (Sign.PRAISE in signs or len(beside) >= _ENOUGH_SIGNS):
        return CaseKind.EXCELLENT
    return None


def look(
    engine: Engine,
    scope: Scope,
    source: Source,
    days: tuple[str, str],
    after: int | None,
    kind: CaseKind | None = None,
) -> Candidates:
    """Return a page of candidates of these local days, the newest first, masked."""
    found: list[Candidate] = []
    looked, last = 0, None
    with read_tx(engine) as connection:
        for seen in case_candidates.newest(connection, scope, source, *days, after, HIGH):
            if len(found) == PAGE or looked == MOST_LOOKED_AT:
                return Candidates(found, last, looked)
            looked, last = looked + 1, seen.inspection_id
            signs = signs_of(seen)
            would_be = kind_of(seen, signs)
            taken_back = source is Source.PEOPLE and not set(signs) & _CHOSEN
            if would_be is not None and kind in (None, would_be) and not taken_back:
                found.append(_candidate(seen, would_be, signs))
    return Candidates(found, None, looked)


def _candidate(seen: Seen, kind: CaseKind, signs: tuple[Sign, ...]) -> Candidate:
    said = [one.text.strip() for one in freeze(seen.chat) if one.role == "customer" and one.kind == "text"]
    opening = next((text for text in said if len(text) > 4), said[0] if said else "")  # noqa: PLR2004 - no mere greeting
    note = next((note for _, _, note in reversed(seen.nominated) if note), None)
    return Candidate(seen, kind, signs, opening[:160], note)
