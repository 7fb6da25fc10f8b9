"""Whether a night's chats still look like those the model learnt from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from qa.models.drift import (
    PAST,
    REFERENCE_NAME,
    Drift,
    Reference,
    added,
    count_night,
    customer_words,
    drift,
    stands_out,
    usual,
)
from qa.models.packing import DICTIONARY
from qa.models.stored import restored
from qa.nightly.thinking import ModelRef
from qa.store.chats import decode_body, read_bodies
from qa.store.inspections import stored_opinions
from qa.store.night_pages import NightLine, up_to
from qa.store.nights import Night
from qa.tokens import cutter

MOST = 2000
"""Chats whose words are counted: the first that the night inspected, which are in no order that means anything."""
_PAGE = 250
_PART = 5_000
"""Opinions counted at a time: a night's are not held together."""


def night_drift(connection: Connection, night: Night, ref: ModelRef | None, run_ids: list[int]) -> list[dict[str, Any]]:
    """Return for each head, and for the words, how far the night is from the training set: PSI, level, moved words.

    And what is usual in this shop, by its nights before that the same model judged. [] where no model judged, or its
    version holds no reference.
    """
    expected = dict(ref.files).get(REFERENCE_NAME) if ref is not None else None
    if ref is None or expected is None:
        return []
    content = (Path(ref.folder) / REFERENCE_NAME).read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        return []  # it was changed since it was checked; the night's own load has refused it, loudly
    reference = msgspec.json.decode(content, type=Reference)
    first = [pk for pk, _ in islice(stored_opinions(connection, run_ids), MOST)]
    if not first:
        return []
    cut = cutter((Path(ref.folder) / DICTIONARY).read_text("utf-8"))
    counted = count_night(reference, (), _words(connection, first, cut))
    opinions = (restored(opinion) for _, opinion in stored_opinions(connection, run_ids))
    while part := list(islice(opinions, _PART)):
        counted = added(counted, count_night(reference, part, ()))
    before = [
        line for line in up_to(connection, night.merchant, night.day, PAST + 1)
        if line.day < night.day and line.model == ref.version
    ]  # fmt: skip
    return [_told(one, before[-PAST:]) for one in drift(reference, counted)]


def _told(one: Drift, before: Sequence[NightLine]) -> dict[str, Any]:
    past = [moved for line in before for moved in (line.summary or {}).get("drift", ()) if moved["what"] == one.what]
    here = usual([float(moved["value"]) for moved in past])
    told = any(moved.get("unusual") for moved in past)
    return {
        "what": one.what,
        "value": round(one.value, 4),
        "level": one.level.value,
        "usual": None if here is None else round(here.median, 4),
        "unusual": stands_out(one.value, one.level, here, told=told),
        "words": [word.word for word in one.words],
        "known": None if one.known is None else round(one.known, 4),
    }


def _words(connection: Connection, pks: list[int], cut: Any) -> Iterator[list[str]]:
    left = iter(pks)
    while page := list(islice(left, _PAGE)):
        for body in read_bodies(connection, page).values():
            try:
                chat = decode_body(body)
            except msgspec.DecodeError:
                continue
            yield customer_words(chat, cut)
