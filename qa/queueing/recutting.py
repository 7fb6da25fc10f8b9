"""Cutting the words of the queue's search anew, after a change of jieba, its dictionary or the folding of text."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine

from qa.progress import Progress
from qa.store import dropping, recutting
from qa.store.session import read_tx, write_tx

PART = 300
"""Chats cut at a time; each lot that differs is a transaction."""


class Recut(NamedTuple):
    """What became of it: chats looked at, and those whose words are others now."""

    chats: int
    changed: int


def recut(engine: Engine, progress: Progress) -> Recut:
    """Cut every chat of the search again and keep the words where they are others; killed, it can be begun again."""
    with read_tx(engine) as connection:
        total = recutting.count_words(connection)
    if total:
        progress.stage("words of the queue's search", total)
    looked, changed, after = 0, 0, 0
    while True:
        with read_tx(engine) as connection:
            pks = recutting.known_after(connection, after, PART)
            found = recutting.cut_otherwise(connection, pks)
        if not pks:
            return Recut(looked, changed)
        if found:
            with write_tx(engine) as connection:
                dropping.overwrite(connection)  # what was kept before must not outlive the chat
                recutting.replace_words(connection, found)
        looked, changed, after = looked + len(pks), changed + len(found), pks[-1]
        progress.advance(len(pks))
