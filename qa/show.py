"""Everything the store knows about one chat: what was said, how long the customer waited, what was found and why."""

from __future__ import annotations

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from qa.errors import NotFoundError
from qa.ledger import Ledger, build_ledger
from qa.models.stored import expanded
from qa.policy import Policy
from qa.rules.context import make_context
from qa.rules.inspector import Standard
from qa.rules.pack import Pack, load_house
from qa.store import inspections, nights
from qa.store.chats import StoredChat, get_chat
from qa.store.inspections import History
from qa.store.tables import frame
from qa.store.tables import nights as night_table


class Sampling(NamedTuple):
    """Why a chat was inspected, or not. ``probability`` None: in the frame, not drawn."""

    day: str
    wave: int
    reasons: bytes | None
    probability: float | None


class Judged(NamedTuple):
    """One inspection with everything found."""

    history: History
    pack: Pack
    findings: list[Any]
    flags: list[Any]
    opinions: list[dict[str, Any]]
    """What the model thinks, one by one; [] where none gave an opinion."""


class Shown(NamedTuple):
    """A chat as ``qa show`` tells it. ``judged``: the latest inspection, or the run asked for; None: there is none."""

    stored: StoredChat
    zone: ZoneInfo
    ledger: Ledger
    sampling: Sampling | None
    judged: Judged | None
    others: list[History]


def look_up(
    connection: Connection, chat_id: str, zone: ZoneInfo, *, merchant: str | None = None, run: int | None = None
) -> Shown:
    """Return what is known of a chat, in the revision that the shown inspection judged.

    Raises:
        NotFoundError: no such chat, or the run did not inspect it.
        QaError: several merchants have a chat of this id.
    """
    stored = get_chat(connection, chat_id, merchant)
    history = inspections.inspections_of(connection, stored.merchant, chat_id)
    chosen = history[-1] if history else None
    if run is not None:
        chosen = next((one for one in history if one.run_id == run), None)
        if chosen is None:
            runs = ", ".join(str(one.run_id) for one in history) or "none"
            raise NotFoundError(f"run {run} did not inspect chat {chat_id!r} (runs that did: {runs})")
    judged, policy, pack = None, Policy(), load_house().pack
    if chosen is not None:
        stored = get_chat(connection, chat_id, stored.merchant, chosen.revision)
        judged = _judged(connection, chosen)
        pack = judged.pack
    night = nights.find_night(connection, stored.merchant, stored.day)
    if night is not None:
        policy, zone = Policy.from_snapshot(night.policy), ZoneInfo(night.policy["timezone"])
    ledger = build_ledger(stored.chat, make_context(pack, policy, zone).ledger)
    others = [one for one in history if chosen is None or one.id != chosen.id]
    return Shown(stored, zone, ledger, _sampling(connection, stored.pk), judged, others)


def _judged(connection: Connection, history: History) -> Judged:
    standard = Standard.model_validate(nights.ruleset_content(connection, history.ruleset))
    findings, flags, _, opinions = inspections.details(connection, [history.id])[history.id]
    return Judged(history, standard.pack, findings, flags, expanded(opinions))


def _sampling(connection: Connection, chat_pk: int) -> Sampling | None:
    query = select(night_table.c.day, frame.c.wave, frame.c.reasons, frame.c.probability)
    query = query.join(night_table, night_table.c.id == frame.c.night_id).where(frame.c.chat_pk == chat_pk)
    row = connection.execute(query).first()
    return None if row is None else Sampling(*row)
