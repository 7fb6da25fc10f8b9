"""The chats behind a figure, a page at a time, and what the rules are called."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import Connection, Engine, select

from qa.boards.quoted import Quoted, quoted
from qa.privacy import MaskPolicy
from qa.store import board, chat_list
from qa.store.board import Window
from qa.store.chat_list import Key, Listed, Only
from qa.store.session import read_tx
from qa.store.tables import rulesets

PAGE = 40


class Behind(NamedTuple):
    """A page of chats. ``number`` one beyond ``chat_list.COUNTED``: more; ``after``: where the next page begins.

    ``quotes``: inspection → what the rule that is asked for found there.
    """

    chats: tuple[Listed, ...]
    quotes: dict[int, Quoted]
    number: int
    after: Key | None
    merchants: tuple[str, ...]


def behind(engine: Engine, window: Window, only: Only, after: Key | None, policy: MaskPolicy) -> Behind:
    """Return a page of the inspected chats of a window, newest first; quotes as this policy lets them be seen."""
    with read_tx(engine) as connection:
        found = chat_list.page(connection, window, only, after, PAGE + 1)
        number = chat_list.count(connection, window, only)
        names = board.merchants(connection, window.scope)
        shown = found[:PAGE]
        seen = [one.inspection_id for one in shown if not one.blind]
        quotes = quoted(connection, seen, only.rule, policy) if only.rule is not None else {}
    onward = Key(shown[-1].day, shown[-1].inspection_id) if len(found) > PAGE else None
    return Behind(tuple(shown), quotes, number, onward, tuple(names))


def rule_names(engine: Engine) -> dict[str, dict[str, str]]:
    """Return rule → its name by language, from the standards that judged; of one name twice the newest standard's."""
    with read_tx(engine) as connection:
        return _names(connection)


def _names(connection: Connection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    known = _known.setdefault(connection.engine, {})
    query = select(rulesets.c.hash).order_by(rulesets.c.published_at, rulesets.c.hash)
    for digest in connection.execute(query).scalars():
        if digest not in known:
            content = connection.execute(select(rulesets.c.content).where(rulesets.c.hash == digest)).scalar_one()
            known[digest] = {rule["id"]: rule["name"] for rule in orjson.loads(content)["pack"]["rules"]}
        found |= known[digest]
    return found


_known: WeakKeyDictionary[Engine, dict[str, dict[str, dict[str, str]]]] = WeakKeyDictionary()
"""By database and hash of the standard, which is its content (but in tests)."""
