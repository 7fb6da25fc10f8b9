"""A merchant's standard as its intake sheet tells it: items, each with its words, its script or its limit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from qa.drafting import layout as at
from qa.drafting.lines import Line, Mistake, lines
from qa.drafting.values import alternatives, choice, item_number, number, points, rate_seconds, seconds, share, unknown
from qa.drafting.workbook import Row
from qa.text import Level, fold
from qa.types import Dimension, Severity

_COMMA = re.compile("[，,]")


@dataclass(frozen=True, slots=True)
class Script:
    """What must be said: each point by one of its wordings; ``where`` is opening, closing or anywhere."""

    name: str
    where: str
    points: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure's limit: seconds, a share, or a number. ``figure`` None: not one we measure, with the reason."""

    figure: str | None
    said: str
    value: float = 0
    window_s: float = 0
    """Of a share of replies: within how many seconds."""
    hours: str = "all"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the standard. ``kind`` None: a kind we do not know; ``said`` is then how it was written."""

    number: int
    row: int
    zh: str
    en: str | None
    dimension: Dimension
    severity: Severity
    points: float | None
    red_line: bool
    kind: str | None
    said: str
    remarks: str = ""
    words: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    script: Script | None = None
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Standard:
    """All items by number, and what was passed over in the sheet."""

    items: tuple[Item, ...]
    notes: tuple[str, ...]


class _Book:
    """The standard in the making."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.notes: list[str] = []
        self.items: dict[int, Item] = {}
        self.rows: dict[int, int] = {}
        """Row of every item number, of those with mistakes too."""
        self.any_item = False
        """Whether the sheet of items had a line that could be read, rightly filled in or not."""

    def about(self, line: Line, kinds: tuple[str, ...]) -> int | None:
        """Return the number of the item that a line is about, if it is there and of one of these kinds."""
        number_ = line.read(at.NUMBER.zh, item_number)
        if number_ is None:
            return None
        if number_ not in self.rows:
            if self.any_item:  # else the sheet of items is empty or has no titles, which is told
                line.fail(at.NUMBER.zh, f"no item {number_} on sheet {at.ITEMS.title}")
            return None
        item = self.items.get(number_)
        if item is not None and item.kind is not None and item.kind not in kinds:
            line.fail(at.NUMBER.zh, f"item {number_} is of kind {item.kind}, not {' or '.join(kinds)}")
            return None
        return number_

    def change(self, number_: int | None, **fields: object) -> None:
        """Add what a line says to its item, where there is one without mistakes."""
        if number_ is not None and number_ in self.items:
            self.items[number_] = replace(self.items[number_], **fields)  # type: ignore[arg-type]


def read_standard(tables: Mapping[str, Sequence[Row]]) -> tuple[Standard, list[Mistake]]:
    """Return the standard of a workbook's tables, and every mistake in them."""
    book = _Book()
    titles = {sheet.title: next((title for title in tables if sheet.called(title)), None) for sheet in at.READ}
    book.notes += [f"sheet {t!r}: not read" for t in tables if t.strip() != at.GUIDE and t not in titles.values()]
    if titles[at.ITEMS.title] is None:
        there = ", ".join(tables) or "none"
        return Standard((), ()), [Mistake(at.ITEMS.title, 0, "", f"there is no such sheet (there: {there})")]
    readers = {at.ITEMS: _item, at.WORDS: _words, at.SCRIPTS: _script, at.LIMITS: _limit}
    for sheet, reader in readers.items():
        title = titles[sheet.title]
        if title is not None:
            for line in lines(sheet, tables[title], book.mistakes, book.notes):
                reader(line, book)
    if not book.any_item and not any(mistake.sheet == at.ITEMS.title for mistake in book.mistakes):
        book.mistakes.append(Mistake(at.ITEMS.title, 0, "", "holds no item"))
    items = tuple(book.items[key] for key in sorted(book.items))
    return Standard(items, tuple(book.notes)), book.mistakes


def _item(line: Line, book: _Book) -> None:
    book.any_item = True
    number_, zh = line.read(at.NUMBER.zh, item_number), line.needed("项目名称")
    dimension, severity = line.pick("维度", at.DIMENSIONS), line.pick("严重程度", at.SEVERITIES)
    red, said = line.pick("红线", at.YES_NO), line.needed("类型")
    kind = choice(said, at.KINDS) if said else None
    weight = line.read("扣分", points) if line.text("扣分") else None
    if weight is None and red == "no" and kind not in (None, at.FREE):
        line.fail("扣分", "is empty: an item takes points or is a red line")
    if number_ in book.rows:
        line.fail(at.NUMBER.zh, f"item {number_} is there already, in row {book.rows[number_]}")
        return
    if number_ is not None:
        book.rows[number_] = line.number
        if zh and dimension and severity and red and said:
            book.items[number_] = Item(
                number=number_, row=line.number, zh=zh, en=line.text("英文名称") or None, dimension=dimension,
                severity=severity, points=weight, red_line=red == "yes", kind=kind, said=said,
                remarks=line.text("说明"),
            )  # fmt: skip


def _words(line: Line, book: _Book) -> None:
    about = book.about(line, (at.FORBIDDEN,))
    words = alternatives(line.lines("词语"), words=True) if line.needed("词语") else ()
    exceptions = alternatives(line.lines("例外"), words=True)
    if not words or not all(_spoken(line, "词语", word) for word in words):
        return
    book.notes += [
        f"sheet {line.sheet}, row {line.number}: {word!r} is taken for one phrase; | stands between several"
        for word in words
        if _COMMA.search(word)
    ]
    for exception in exceptions:
        longer = _key(exception)
        if not any(_key(word) in longer and _key(word) != longer for word in words):
            line.fail("例外", f"{exception!r} is not a longer phrase that holds {' or '.join(words)}")
    item = book.items.get(about or 0)
    if item is not None:
        both = (tuple(dict.fromkeys((*item.words, *words))), tuple(dict.fromkeys((*item.exceptions, *exceptions))))
        book.change(about, words=both[0], exceptions=both[1])


def _script(line: Line, book: _Book) -> None:
    about = book.about(line, (at.SCRIPT,))
    name, where = line.needed("话术名称"), line.pick("位置", at.WHERES)
    line.needed("要点1")
    titles = line.titled(at.SCRIPTS.many)
    wordings = [alternatives(line.lines(title)) for title in titles]
    spoken = [_spoken(line, title, word) for title, words in zip(titles, wordings, strict=True) for word in words]
    item = book.items.get(about or 0)
    if item is not None and item.script is not None:
        line.fail(at.NUMBER.zh, f"item {item.number} has a script already: give this one an item of its own")
    elif name and where and all(spoken):
        book.change(about, script=Script(name, where, tuple(words for words in wordings if words)))


def _limit(line: Line, book: _Book) -> None:
    about = book.about(line, (at.TIMING, at.RATING))
    said, hours = line.needed("指标"), line.pick("时段", at.HOURS)
    line.needed("限值")
    if said is None or hours is None:
        return
    limit = _measured(line, said, hours)
    item = book.items.get(about or 0)
    if item is None or limit is None:
        return
    if item.limit is not None:
        line.fail(at.NUMBER.zh, f"item {item.number} has a limit already: give this one an item of its own")
    elif limit.figure and item.kind and (limit.figure == "csat") != (item.kind == at.RATING):
        line.fail("指标", f"{said} does not suit item {item.number}, which is of kind {item.kind}")
    else:
        book.change(about, limit=limit)


def _measured(line: Line, said: str, hours: str) -> Limit | None:
    """Return the limit of a line; None with a mistake in its cell."""
    window = rate_seconds(said)
    figure = at.WITHIN_RATE if window else choice(said, at.FIGURES)
    if figure is None:
        known = {**at.FIGURES, at.WITHIN_RATE: ("3分钟回复率",)}
        return Limit(None, said, reason=f"figure {unknown(said, known)}")
    if figure in ("csat", "followup") and hours != "all":
        line.fail("时段", f"{said} knows no hours")
    if figure == "followup":
        value = line.read("限值", _with_unit)
    else:
        readers = {at.WITHIN_RATE: share, "csat": number, "unanswered": _whole}
        value = line.read("限值", readers.get(figure, seconds))
    return None if value is None else Limit(figure, said, value, window or 0, hours)


def _with_unit(text: str) -> float:
    try:
        number(text)
    except ValueError:
        return seconds(text)
    raise ValueError(f"{text!r} has no unit: write 24小时")


def _whole(text: str) -> float:
    value = number(text)
    if not value.is_integer():
        raise ValueError(f"{text!r} is no whole number")
    return value


def _spoken(line: Line, title: str, word: str) -> bool:
    """Whether a wording has a letter or digit: nothing else can be looked for."""
    if not _key(word):
        line.fail(title, f"{word!r} has neither letter nor digit")
    return bool(_key(word))


def _key(text: str) -> str:
    return fold(text, Level.SQUASH)
