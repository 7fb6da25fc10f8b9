"""Whether a night's chats still look like those the model learnt from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from qa.models.drift import REFERENCE_NAME, Reference, count_night, customer_words, drift
from qa.models.packing import DICTIONARY
from qa.models.stored import restored
from qa.nightly.thinking import ModelRef
from qa.store.chats import decode_body, read_bodies
from qa.store.inspections import stored_opinions
from qa.tokens import cutter

MOST = 2000
"""Chats whose words are counted: the first that the night inspected, which are in no order that means anything."""
_PAGE = 250


def night_drift(connection: Connection, ref: ModelRef | None, run_ids: list[int]) -> list[dict[str, Any]]:
    """Return for each head, and for the words, how far the night is from the training set: PSI, level, moved words.

    [] where no model judged, or its version holds no reference.
    """
    expected = dict(ref.files).get(REFERENCE_NAME) if ref is not None else None
    if ref is None or expected is None:
        return []
    content = (Path(ref.folder) / REFERENCE_NAME).read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        return []  # it was changed since it was checked; the night's own load has refused it, loudly
    reference = msgspec.json.decode(content, type=Reference)
    rows = list(stored_opinions(connection, run_ids))
    if not rows:
        return []
    cut = cutter((Path(ref.folder) / DICTIONARY).read_text("utf-8"))
    words = _words(connection, [pk for pk, _ in rows[:MOST]], cut)
    night = count_night(reference, (restored(opinions) for _, opinions in rows), words)
    return [
        {
            "what": one.what,
            "value": round(one.value, 4),
            "level": one.level.value,
            "words": [word.word for word in one.words],
        }
        for one in drift(reference, night)
    ]


def _words(connection: Connection, pks: list[int], cut: Any) -> Iterator[list[str]]:
    left = iter(pks)
    while page := list(islice(left, _PAGE)):
        for body in read_bodies(connection, page).values():
            try:
                chat = decode_body(body)
            except msgspec.DecodeError:
                continue
            yield customer_words(chat, cut)
