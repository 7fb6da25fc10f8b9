"""Words of chats for full-text search: cut by jieba, kept by FTS5 or as a ``tsvector``.

Neither database cuts Chinese, so both are given words that are cut already and nothing else: letters and digits,
folded (full width, case, traditional characters). What is typed is cut the same way; words that stood together must
stand together in the chat, what a blank separates may stand apart. The words that went in are kept, and go with the
row: what the program would cut today may be others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Dialect,
    MetaData,
    Select,
    Table,
    cast,
    column,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from qa.store.bulk import insert_new
from qa.text import BREAK, Level, join
from qa.tokens import tokenize
from qa.types import Chat, Role

LONGEST_QUERY = 100
"""Characters of a search that are looked at."""
MOST_WORDS = 15_000
"""Words of a chat that are kept: a ``tsvector`` has no places beyond 16,383, and no more than 1 MB."""

_LONGEST_WORD = 100
_WORD = re.compile(r"[^\W_]+")
_LEXEME = re.compile(r"'((?:[^']|'')*)':([0-9,]+)")
_GAP = "\ue000"
"""Stands between two messages and takes up a place, so that no phrase reaches across; no text has it as a word."""

words_table = table("queue_words", column("rowid"), column("chat_pk"), column("words"), column("queue_words"))

_VECTORS = Table("queue_words", MetaData(), Column("chat_pk", BigInteger), Column("words", TSVECTOR))
"""The same on PostgreSQL, to be written to; what makes it is in ``qa.store.queue_tables``."""


class Speaking(Protocol):
    """A connection, or whatever else knows which database it is about."""

    @property
    def dialect(self) -> Dialect:
        """What the database speaks."""


def terms(said: str) -> list[str]:
    """Return the words of a text as they are indexed.

    >>> terms("我要退ＫＵＡＮ，Ok？")
    ['我', '要', '退', 'kuan', 'ok']
    """
    return [word for word in _cut([said]) if word != _GAP]


def phrases(typed: str) -> list[list[str]]:
    """Return what is searched for: phrases, each a list of words that stand together; [] where no word was typed.

    >>> phrases("  退款 多久到账？ ！")
    [['退款'], ['多久', '到', '账']]
    """
    cut = (terms(part) for part in typed[:LONGEST_QUERY].split())
    return [words for words in cut if words]


def add_words(connection: Connection, texts: Mapping[int, Iterable[str]]) -> None:
    """Keep the words of chats by key; of a chat whose words are there already nothing is done."""
    there = searched(connection, list(texts))
    _add(connection, {pk: written(connection, said) for pk, said in texts.items() if pk not in there})


def add_kept(connection: Connection, words: Mapping[int, str]) -> None:
    """Keep what ``written`` gave for chats by key; of a chat whose words are there already nothing is done."""
    there = searched(connection, list(words))
    _add(connection, {pk: one for pk, one in words.items() if pk not in there})


def searched(connection: Connection, chats: Sequence[int]) -> set[int]:
    """Return which of these chats have their words there."""
    known = words_key(connection)
    return set(connection.execute(select(known).where(known.in_(chats))).scalars())


def _add(connection: Connection, words: Mapping[int, str]) -> None:
    rows = [{"chat_pk": pk, "words": one} for pk, one in words.items()]
    if rows and _is_sqlite(connection):
        connection.execute(text("INSERT INTO queue_words (rowid, words) VALUES (:chat_pk, :words)"), rows)
    elif rows:
        insert_new(connection, _VECTORS, rows)


def matching(connection: Speaking, wanted: Sequence[Sequence[str]]) -> Select[Any]:
    """Return a query of the chats (column ``chat_pk``) that hold every phrase."""
    w = words_table.c
    if _is_sqlite(connection):
        return select(w.rowid.label("chat_pk")).where(w.queue_words.op("MATCH")(asked(connection, wanted)))
    return select(w.chat_pk).where(w.words.op("@@")(asked(connection, wanted)))


def asked(connection: Speaking, wanted: Sequence[Sequence[str]]) -> Any:
    """Return what this database compares its words with, so that every phrase must be there."""
    if _is_sqlite(connection):
        return " AND ".join('"' + " ".join(words) + '"' for words in wanted)
    return cast(" & ".join("(" + " <-> ".join(map(_quoted, words)) + ")" for words in wanted), TSQUERY)


def written(connection: Speaking, said: Iterable[str]) -> str:
    """Return the words of texts as this database keeps them; PostgreSQL takes it for a ``tsvector``."""
    return kept(connection, _words_of(said))


def spoken(chat: Chat) -> list[str]:
    """Return what people and bots said in a chat: the texts by which it is found."""
    return [one.text for one in chat.messages if one.role is not Role.SYSTEM]


def kept(connection: Speaking, words: Sequence[str]) -> str:
    """Return words, cut already, as this database keeps them."""
    return " ".join(words if _is_sqlite(connection) else _placed(words))


def words_of_kept(connection: Speaking, stored: str) -> list[str]:
    """Return the words of what ``kept`` made, in their order and with the gaps between messages."""
    if _is_sqlite(connection):
        return stored.split(" ") if stored else []
    placed = {
        int(place): lexeme.replace("''", "'").replace("\\\\", "\\")
        for lexeme, places in _LEXEME.findall(stored)
        for place in places.split(",")
    }
    return [placed.get(place, _GAP) for place in range(1, max(placed, default=0) + 1)]


def holds(connection: Speaking, wanted: Sequence[Sequence[str]], chat_pk: Any) -> Any:
    """Return the condition that one chat, given by a column of the query around it, holds every phrase."""
    return matching(connection, wanted).where(words_key(connection) == chat_pk).exists()


def words_key(connection: Speaking) -> Any:
    """Return the column of ``words_table`` that says whose words a row holds."""
    return words_table.c.rowid if _is_sqlite(connection) else words_table.c.chat_pk


def _words_of(said: Iterable[str]) -> list[str]:
    texts = list(said)
    return [*_cut(texts), _GAP][:MOST_WORDS] if texts else []


def _cut(texts: Sequence[str]) -> Iterator[str]:
    """Yield the words of texts, a gap between one text and the next; folded and cut together, for that is cheaper.

    Each text is one line of what is folded, and the dictionary cuts no word across a line's end.
    """
    readable = [one.encode("utf-8", "replace").decode() for one in texts]  # a lone surrogate is no text
    for token in tokenize(join(readable, Level.FOLD).text):
        if token.isalnum():  # nearly every token that has a word in it is one
            yield token[:_LONGEST_WORD]
        elif BREAK in token:
            yield _GAP
        elif len(token) > 1:
            yield from (word[:_LONGEST_WORD] for word in _WORD.findall(token))


def _placed(words: Sequence[str]) -> Iterator[str]:
    """Yield the text form of a ``tsvector``: no parser of the database's looks at it."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words, 1):
        if word != _GAP:
            places.setdefault(word, []).append(place)
    for word, where in places.items():
        yield f"{_quoted(word)}:{','.join(map(str, where[:255]))}"


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _is_sqlite(connection: Speaking) -> bool:
    return connection.dialect.name == "sqlite"
