"""Cases put in by hand, for tests of the library."""

from __future__ import annotations

from typing import Any

import web_kit
from sqlalchemy import Engine

from qa.casebook import CaseLine, CaseNote
from qa.casebook.likeness import telling
from qa.store import case_collections, case_words, cases
from qa.store.session import write_tx
from qa.store.words import terms

OWN, FOREIGN = 1, 2
"""Keys of the first case (and collection) of acme, and of another merchant's, where ``prepare`` put them in."""
SAID = ("什么时候能退款", "已经为您登记退款，三天到账")


def well(turn: int, text: str, start: int | None = None, end: int | None = None) -> CaseNote:
    """Return a note that praises."""
    return CaseNote(turn, good=True, text=text, start=start, end=end)


def badly(turn: int, text: str, start: int | None = None, end: int | None = None) -> CaseNote:
    """Return a note that says what went wrong."""
    return CaseNote(turn, good=False, text=text, start=start, end=end)


def add(engine: Engine, said: tuple[str, ...] = SAID, tags: tuple[str, ...] = (), **values: Any) -> int:
    """Put a published case in; returns its key. What is said goes between customer and agent."""
    lines = [CaseLine(turn, ("customer", "agent")[turn % 2], text) for turn, text in enumerate(said)]
    row = {
        "merchant": "acme", "team": "red", "agent_id": "a-1", "chat_id": "c-1", "revision": 1, "inspection_id": None,
        "day": "2026-11-20", "score": 95.0, "kind": "excellent", "title": "退款一次说清", "scenario": "售后",
        "question_type": "退款", "star": {}, "notes": [], "transcript": [one._asdict() for one in lines],
        "state": "published", "version": 1, "created_at": 1, "created_by": "trainer", "changed_at": 1,
        "changed_by": "trainer", "published_at": 1,
    } | values  # fmt: skip
    with write_tx(engine) as connection:
        key = cases.add_case(connection, row, tags)
        words = telling(word for text in said for word in terms(text))
        case_words.set_words(connection, key, [row["title"], *tags, *said], words)
    return key


def prepare(kit: web_kit.Kit) -> None:
    """Put a case of acme and one of another merchant in."""
    assert (add(kit.engine), add(kit.engine, merchant="other")) == (OWN, FOREIGN)


def prepare_collections(kit: web_kit.Kit) -> None:
    """Put a collection of acme and one of another merchant in."""
    with write_tx(kit.engine) as connection:
        made = [case_collections.add_collection(connection, "c", None, one, "t", 1) for one in ("acme", "other")]
    assert made == [OWN, FOREIGN]
