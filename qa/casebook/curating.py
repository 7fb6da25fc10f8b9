"""Making a case of a chat, changing it, publishing and withdrawing it, folding it into another; all of it audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from qa.casebook.likeness import telling
from qa.casebook.texts import LONGEST_TITLE, CaseError, Problem, line, lines, tags
from qa.casebook.transcript import (
    CaseLine,
    CaseNote,
    checked_notes,
    checked_star,
    freeze,
    lines_of,
    notes_of,
)
from qa.errors import NotFoundError, QaError
from qa.people import Scope
from qa.progress import Progress
from qa.store import audit, case_words, cases, dropping, inspected, inspections
from qa.store.audit import Act
from qa.store.case_filters import CaseKind, CaseState
from qa.store.cases import CaseHead, StoredCase
from qa.store.chats import StoredChat, get_chat
from qa.store.session import read_tx, write_tx
from qa.store.words import terms

_PART = 50
"""Cases whose words are cut in one transaction."""


class CaseDraft(NamedTuple):
    """What a trainer types. ``version`` is that of the case the page showed."""

    title: str = ""
    kind: str = CaseKind.EXCELLENT.value
    tags: str = ""
    scenario: str = ""
    question_type: str = ""
    star: Mapping[str, str] = {}
    notes: tuple[CaseNote, ...] = ()
    version: int = 0


class StaleCaseError(QaError):
    """Somebody changed the case since the page was opened."""

    status = 409

    def __init__(self, by: str, version: int) -> None:
        """Make the error: who changed it, and the version it has now."""
        super().__init__("the case has changed since the page was opened")
        self.by, self.version = by, version


class Origin(NamedTuple):
    """The chat a case is to be made of, as it would be frozen. ``made``: cases of the same chat."""

    inspection_id: int
    stored: StoredChat
    score: float | None
    transcript: list[CaseLine]
    made: list[CaseHead]


def read_origin(engine: Engine, inspection: int) -> Origin:
    """Return what a case of this inspection's chat would hold.

    Raises:
        NotFoundError: there is no such inspection.
        CaseError: the chat's blind review is awaited: nobody may learn of it before.
    """
    with read_tx(engine) as connection:
        return _origin(connection, inspection)


def create(engine: Engine, act: Act, inspection: int, draft: CaseDraft) -> int:
    """Make a case of a chat, as a draft; returns its key. The same sent twice makes one case.

    Raises:
        CaseError: something in it cannot be like that.
        NotFoundError: there is no such inspection.
    """
    with write_tx(engine) as connection:
        where = inspected.where(connection, inspection)
        if where is not None:
            inspected.hold(connection, where.chat_pk)  # sent twice at once, it is still one case
        origin = _origin(connection, inspection)
        values = _values(draft, origin.transcript)
        labels = tags(draft.tags)
        for one in origin.made:
            if (one.created_by, one.title, one.kind) == (act.by, values["title"], values["kind"]):
                audit.append(connection, act, "case.repeat", f"case:{one.id}")
                return one.id
        stored = origin.stored
        key = cases.add_case(
            connection,
            values
            | {
                "merchant": stored.merchant, "team": stored.chat.agent.team, "agent_id": stored.chat.agent.id,
                "chat_id": stored.chat_id, "revision": stored.revision, "inspection_id": inspection,
                "day": stored.day, "score": origin.score, "state": CaseState.DRAFT.value, "version": 1,
                "transcript": [one._asdict() for one in origin.transcript],
                "created_at": act.at, "created_by": act.by, "changed_at": act.at, "changed_by": act.by,
            },
            labels,
        )  # fmt: skip
        _set_words(connection, key, values, labels, origin.transcript)
        audit.append(connection, act, "case.create", f"case:{key}", {"inspection": inspection, "kind": values["kind"]})
        return key


def change(engine: Engine, act: Act, case_id: int, draft: CaseDraft) -> None:
    """Change what people wrote into a case; the transcript stays as it was frozen.

    Raises:
        StaleCaseError: somebody else changed it in between.
        CaseError: something in it cannot be like that.
    """
    with write_tx(engine) as connection:
        stored = _stored(connection, case_id)
        transcript = lines_of(stored.transcript)
        values, labels = _values(draft, transcript), tags(draft.tags)
        stamped = values | {"changed_at": act.at, "changed_by": act.by}
        if not cases.change_case(connection, case_id, draft.version, stamped, labels):
            raise StaleCaseError(stored.head.changed_by, stored.head.version)
        _set_words(connection, case_id, values, labels, transcript)
        audit.append(connection, act, "case.change", f"case:{case_id}", {"version": draft.version + 1})


def set_state(engine: Engine, act: Act, case_id: int, state: CaseState) -> None:
    """Publish a case, or withdraw it.

    Raises:
        StaleCaseError: somebody changed it at the same moment.
    """
    with write_tx(engine) as connection:
        head = _stored(connection, case_id).head
        values: dict[str, Any] = {"state": state.value, "changed_at": act.at, "changed_by": act.by}
        if state is CaseState.PUBLISHED:
            values["published_at"] = head.published_at or act.at
        if not cases.change_case(connection, case_id, head.version, values):
            raise StaleCaseError(head.changed_by, head.version)
        audit.append(connection, act, f"case.{_DONE[state]}", f"case:{case_id}", {"before": head.state})


_DONE = {CaseState.PUBLISHED: "publish", CaseState.WITHDRAWN: "withdraw", CaseState.DRAFT: "redraft"}


def fold(engine: Engine, act: Act, scope: Scope, case_id: int, into: int | None) -> None:
    """Let another case represent this one (None: let it stand for itself again).

    What was folded into this case goes along, so that a case is never folded into a folded one.

    Raises:
        CaseError: the other case is the same one, is not there, or is out of reach or of another merchant.
    """
    with write_tx(engine) as connection:
        head = _stored(connection, case_id).head
        target = None
        if into is not None:
            other = cases.read_case(connection, into)
            reached = other is not None and (scope.merchants is None or other.head.merchant in scope.merchants)
            if other is None or not reached or other.head.merchant != head.merchant:
                raise CaseError(Problem.FOLD, str(into))
            target = other.head.folded_into or other.head.id
            if target == case_id:
                raise CaseError(Problem.FOLD, str(into))
        stamped = {"changed_at": act.at, "changed_by": act.by}
        moved = cases.unfold_from(connection, case_id) if target is not None else []
        for key in (case_id, *moved):
            version = _stored(connection, key).head.version
            if not cases.change_case(connection, key, version, stamped | {"folded_into": target}):
                raise StaleCaseError(head.changed_by, version)
        action = "case.unfold" if target is None else "case.fold"
        audit.append(connection, act, action, f"case:{case_id}", {"into": target, "along": moved})


def nominate(engine: Engine, act: Act, inspection: int, kind: str, note: str | None) -> None:
    """Propose a chat for the library.

    Raises:
        CaseError: it is of no kind, or the note is too long.
        NotFoundError: there is no such inspection.
    """
    if kind not in set(CaseKind):
        raise CaseError(Problem.KIND, kind)
    with write_tx(engine) as connection:
        if inspected.where(connection, inspection) is None:
            raise NotFoundError(f"there is no inspection {inspection}")
        new = cases.nominate(connection, inspection, act.by, kind, lines(note, "note") or None, act.at)
        audit.append(connection, act, "case.nominate", f"inspection:{inspection}", {"kind": kind, "new": new})


def recut(engine: Engine, progress: Progress) -> int:
    """Cut the words of every case again, as the program cuts today; returns how many cases that were.

    A case whose words were taken away gets none. Killed, it can be begun again.
    """
    progress.stage("words of cases")
    done, after = 0, 0
    while True:
        with write_tx(engine) as connection:
            keys = case_words.known_after(connection, after, _PART)
            cases.hold_cases(connection, keys)
            dropping.overwrite(connection)
            there = set(case_words.known_after(connection, after, _PART))
            for head, transcript in (_stored(connection, key) for key in keys if key in there):
                _set_words(connection, head.id, head._asdict(), head.tags, lines_of(transcript))
        if not keys:
            return done
        done, after = done + len(keys), keys[-1]
        progress.advance(len(keys))


def draft_of(head: CaseHead) -> CaseDraft:
    """Return a case as a form shows it."""
    return CaseDraft(
        head.title, head.kind, "，".join(head.tags), head.scenario or "", head.question_type or "", head.star,
        tuple(notes_of(head.notes)), head.version,
    )  # fmt: skip


def _origin(connection: Connection, inspection: int) -> Origin:
    where = inspected.where(connection, inspection)
    if where is None:
        raise NotFoundError(f"there is no inspection {inspection}")
    drawn = inspected.drawn_for_audit(connection, where.merchant, where.chat_id)
    if drawn and not inspected.answered_blind(connection, where.merchant, where.chat_id):
        raise CaseError(Problem.BLIND)
    stored = get_chat(connection, where.chat_id, where.merchant, where.revision)
    every = inspections.inspections_of(connection, where.merchant, where.chat_id)
    score = next((one.score for one in every if one.id == inspection), None)
    made = cases.of_chat(connection, where.merchant, where.chat_id)
    return Origin(inspection, stored, score, freeze(stored.chat), made)


def _stored(connection: Connection, case_id: int) -> StoredCase:
    found = cases.read_case(connection, case_id)
    if found is None:
        raise NotFoundError(f"there is no case {case_id}")
    return found


def _values(draft: CaseDraft, transcript: Sequence[CaseLine]) -> dict[str, Any]:
    title = line(draft.title, "title", LONGEST_TITLE)
    if title is None:
        raise CaseError(Problem.TITLE)
    if draft.kind not in set(CaseKind):
        raise CaseError(Problem.KIND, draft.kind)
    return {
        "title": title,
        "kind": draft.kind,
        "scenario": line(draft.scenario, "scenario"),
        "question_type": line(draft.question_type, "question_type"),
        "star": checked_star(draft.star),
        "notes": [one._asdict() for one in checked_notes(draft.notes, transcript)],
    }


def _set_words(
    connection: Connection, case_id: int, values: Mapping[str, Any], labels: Sequence[str], said: Sequence[CaseLine]
) -> None:
    """Keep the words: everything for the search, those of the chat and its title for likeness."""
    spoken = [one.text for one in said if one.role in {"customer", "agent"}]
    written = [values["title"], *labels, values["scenario"] or "", values["question_type"] or ""]
    written += [*values["star"].values(), *(note["text"] for note in values["notes"])]
    cut = [word for text in (values["title"], *spoken) for word in terms(text)]
    case_words.set_words(connection, case_id, [*written, *spoken], telling(cut))
