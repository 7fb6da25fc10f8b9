"""Reviews in and out as JSON Lines: for spreadsheets of today, and for tests; the workbench adds reviews by itself.

A line is one review: ``{merchant?, chat, revision?, reviewer, at, kind?, sentiment?, satisfaction?, resolution?,
score?, excellent?, comment?, verdicts?: [{rule, verdict, reason?}]}``. ``read = new + unchanged + rejected`` holds for
every import. A review is known by chat, reviewer, time and kind: importing it again changes nothing, and one that says
something else is refused, because what a person said is never overwritten; a correction is a later review.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Engine

from qa.errors import NotFoundError, QaError
from qa.models.opinions import LABELS, Task
from qa.models.reviews import Kind, Word
from qa.progress import Progress, Quiet
from qa.sources.base import Raw, ReadOptions, Rejected
from qa.sources.fields import Report, flag, instant, items, kind_of, label, number, required_label
from qa.sources.jsonl import JsonLines
from qa.sources.times import to_iso
from qa.store import reviews as store
from qa.store.chats import get_chat
from qa.store.reviews import Review, Verdict
from qa.store.session import write_tx
from qa.types import MICROSECONDS, Instant

BATCH = 500
LONGEST_TEXT = 10_000
FIELDS = (
    "merchant", "chat", "revision", "reviewer", "at", "kind", *(task.value for task in Task), "score", "excellent",
    "comment", "verdicts",
)  # fmt: skip
VERDICT_FIELDS = ("rule", "verdict", "reason")
_SLACK = 86_400 * MICROSECONDS  # clocks of other machines may be ahead; a review of next year would stay the last word
_LAST_REVISION = 1_000_000
_A_CHAT, _A_REVIEW = "a chat is a JSON object", "a review is a JSON object"


class Options(NamedTuple):
    """What the importer needs besides the files."""

    zone: Callable[[str], tzinfo]
    """By merchant: what a time without offset means."""
    now: Instant
    data_dir: Path
    merchant: str = "default"
    """For lines that name none."""


class Reasons(NamedTuple):
    """One reason for rejections: how often, and where first."""

    times: int
    field: str
    reason: str
    file: str
    line: int


class Account(NamedTuple):
    """What became of the lines; ``rejects``: the files that hold the rejected ones."""

    read: int
    new: int
    unchanged: int
    rejections: tuple[Reasons, ...]
    rejects: tuple[Path, ...]

    @property
    def rejected(self) -> int:
        """How many lines were refused."""
        return sum(one.times for one in self.rejections)

    def equation(self) -> str:
        """``read = new + unchanged + rejected`` in figures."""
        return f"read {self.read} = new {self.new} + unchanged {self.unchanged} + rejected {self.rejected}"


class _Parsed(NamedTuple):
    """A line whose fields are right; what it names in the store is not looked up yet."""

    merchant: str
    chat: str
    revision: int | None
    review: Review


def import_reviews(
    paths: Sequence[Path], engine: Engine, options: Options, progress: Progress | None = None
) -> Account:
    """Import files of reviews, a transaction for every 500 lines.

    Raises:
        SourceError: a file cannot be read.
        StoreError: the database cannot be used.
        QaError: a rejects file cannot be written.
    """
    shown = progress or Quiet()
    new = unchanged = read = 0
    rejected: list[Rejected] = []
    files: list[Path] = []
    for path in paths:
        shown.stage(f"{path.name}, bytes", path.stat().st_size if path.exists() else None)
        mine: list[Rejected] = []
        lines = _lines(path, options, shown.advance)
        while batch := list(islice(lines, BATCH)):
            read += len(batch)
            mine += [item for item in batch if isinstance(item, Rejected)]
            with write_tx(engine) as connection:
                for item in batch:
                    if isinstance(item, Raw):
                        done = _take(connection, item, path, options)
                        new += done is True
                        unchanged += done is False
                        mine += [done] if isinstance(done, Rejected) else []
        mine.sort(key=lambda one: one.line)
        files += _write_rejects(options.data_dir / "rejects" / f"{path.name}.rejects.jsonl", mine, files)
        rejected += mine
    return Account(read, new, unchanged, _reasons(rejected), tuple(files))


def _lines(path: Path, options: Options, on_bytes: Callable[[int], None]) -> Iterator[Raw | Rejected]:
    reading = ReadOptions(zone=ZoneInfo("UTC"), now=options.now, on_bytes=on_bytes)
    for item in JsonLines().read(path, reading):
        if isinstance(item, Rejected) and item.reason.startswith(_A_CHAT):
            yield replace(item, reason=_A_REVIEW + item.reason.removeprefix(_A_CHAT))
        else:
            yield item


def _take(connection: Connection, raw: Raw, path: Path, options: Options) -> bool | Rejected:
    """Whether the line is new; or why it is refused."""
    report = Report()
    parsed = parse(raw.data, options, report)
    done = None if report.problems else _store(connection, parsed, report)
    if done is not None:
        return done
    first, *more = report.problems
    reason = first.reason + (f" (and {len(more)} more)" if more else "")
    return Rejected(str(path), raw.line, first.field, reason, raw.original)


def _store(connection: Connection, parsed: _Parsed, report: Report) -> bool | None:
    """Add the review, or find it there; None after reporting why neither."""
    known = store.same_review(connection, parsed.merchant, parsed.chat, parsed.review)
    if known is not None:
        if _content(known) == _content(parsed.review):
            return False
        report.reject("", "is stored with other content; a correction is a later review, with a time of its own")
        return None
    try:
        chat = get_chat(connection, parsed.chat, parsed.merchant, parsed.revision)
    except NotFoundError as error:
        report.reject("revision" if parsed.revision else "chat", str(error))
        return None
    claims = store.claims_of(connection, chat.pk)
    verdicts = tuple(
        one._replace(finding_id=_finding(one, claims, f"verdicts[{place}]", report))
        for place, one in enumerate(parsed.review.verdicts)
    )
    if report.problems:
        return None
    blind = parsed.review.kind in (Kind.AUDIT, Kind.CALIBRATION) or claims is None
    review = parsed.review._replace(
        token=_token(parsed), chat_pk=chat.pk, inspection_id=None if blind or claims is None else claims.inspection_id,
        verdicts=verdicts,
    )  # fmt: skip
    return store.add_review(connection, review).new


def _finding(verdict: Verdict, claims: store.Claims | None, path: str, report: Report) -> int | None:
    fired = None if claims is None else claims.findings.get(verdict.rule)
    if verdict.verdict == Word.MISSED:
        if fired is not None:
            report.reject(f"{path}.verdict", f"{verdict.rule!r} was not missed: it fired; confirm or overturn it")
        return None
    if claims is None:
        report.reject(f"{path}.rule", "the chat was not inspected yet, so there is no finding to judge")
    elif fired is None:
        report.reject(f"{path}.rule", f"{verdict.rule!r} found nothing in this chat; only missed can be said of it")
    return fired


def _token(parsed: _Parsed) -> str:
    review = parsed.review
    name = msgspec.json.encode([parsed.merchant, parsed.chat, review.reviewer, review.reviewed_at, review.kind])
    return f"import:{blake2b(name, digest_size=16).hexdigest()}"


def _content(review: Review) -> tuple[Any, ...]:
    """What was said, without the keys of the store."""
    given = sorted((one.rule, one.verdict, one.reason or "") for one in review.verdicts)
    labels = (review.sentiment, review.satisfaction, review.resolution)
    return (*labels, review.score, review.excellent, review.comment, given)


# --- one line --------------------------------------------------------------------------------------------------------


def parse(data: Mapping[str, Any], options: Options, report: Report) -> _Parsed:
    """Check the fields of one line; what is wrong goes into the report."""
    line = dict(data)
    _unknown(line, FIELDS, "", report)
    merchant = label(line.get("merchant"), "merchant", report) or options.merchant
    chat, reviewer = required_label(line, "chat", report), required_label(line, "reviewer", report)
    kind = _one_of(line.get("kind"), [one.value for one in Kind], "kind", report) or Kind.IMPORT.value
    review = Review(
        token="",
        chat_pk=0,
        kind=kind,
        reviewer=reviewer,
        reviewed_at=_at(line, options.zone(merchant), options.now, report),
        sentiment=_label(line, Task.SENTIMENT, report),
        satisfaction=_label(line, Task.SATISFACTION, report),
        resolution=_label(line, Task.RESOLUTION, report),
        score=number(line.get("score"), "score", report, 0, 100),
        excellent=flag(line.get("excellent"), "excellent", report),
        comment=_text(line.get("comment"), "comment", report),
        verdicts=tuple(_verdicts(line, report)),
    )
    said = (*(getattr(review, task) for task in Task), review.score, review.excellent, review.comment)
    if not report.problems and not review.verdicts and all(one is None for one in said):
        report.reject("", "says nothing: no label, score, comment or verdict")
    return _Parsed(merchant, chat, _revision(line.get("revision"), report), review)


def _unknown(data: Mapping[str, Any], known: Sequence[str], path: str, report: Report) -> None:
    for name in data:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            report.reject(f"{path}{name}", "no such field" + (f"; did you mean {close[0]!r}?" if close else ""))


def _at(line: dict[str, Any], zone: tzinfo, now: Instant, report: Report) -> Instant:
    at = instant(line.get("at"), "at", zone, report)
    if line.get("at") is None:
        report.reject("at", "is missing" if "at" not in line else "is empty")
    elif at is not None and at > now + _SLACK:
        report.reject("at", "lies in the future")
    return at or 0


def _label(line: dict[str, Any], task: Task, report: Report) -> str | None:
    return _one_of(line.get(task.value), LABELS[task], task.value, report)


def _one_of(value: Any, allowed: Sequence[str], path: str, report: Report) -> str | None:
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    shown = repr(value) if isinstance(value, str) else kind_of(value)
    report.reject(path, f"{shown} is none of {', '.join(allowed)}")
    return None


def _text(value: Any, path: str, report: Report) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        report.reject(path, f"must be text, is {kind_of(value)}")
    elif len(value) > LONGEST_TEXT:
        report.reject(path, f"has {len(value)} characters, more than {LONGEST_TEXT}")
    else:
        return value if value.strip() else None
    return None


def _revision(value: Any, report: Report) -> int | None:
    found = number(value, "revision", report, 1, _LAST_REVISION)
    if found is not None and not found.is_integer():
        report.reject("revision", f"{value!r} is not a whole number")
    return None if found is None else int(found)


def _verdicts(line: dict[str, Any], report: Report) -> Iterator[Verdict]:
    seen: set[str] = set()
    for place, one in enumerate(items(line, "verdicts", report)):
        path = f"verdicts[{place}]"
        if not isinstance(one, dict):
            report.reject(path, f"must be an object, is {kind_of(one)}")
            continue
        _unknown(one, VERDICT_FIELDS, f"{path}.", report)
        inner = Report()
        rule = required_label(one, "rule", inner)
        word = _one_of(one.get("verdict"), [word.value for word in Word], "verdict", inner)
        if one.get("verdict") is None:
            inner.reject("verdict", "is missing")
        if rule in seen:
            inner.reject("rule", f"{rule!r} is judged twice")
        seen.add(rule)
        reason = _text(one.get("reason"), "reason", inner)
        for field, why in inner.problems:
            report.reject(f"{path}.{field}", why)
        yield Verdict(rule, word or "", reason=reason)


# --- account ---------------------------------------------------------------------------------------------------------


def _reasons(rejected: Sequence[Rejected]) -> tuple[Reasons, ...]:
    times = Counter((one.field, one.reason) for one in rejected)
    first = {(one.field, one.reason): one for one in reversed(rejected)}
    return tuple(
        Reasons(number, *key, first[key].file, first[key].line)
        for key, number in sorted(times.items(), key=lambda item: -item[1])
    )  # fmt: skip


def _write_rejects(path: Path, rejected: Sequence[Rejected], earlier: Sequence[Path]) -> list[Path]:
    """Begin the rejects file of an input anew (inputs of one name share it); returns it if it was made."""
    try:
        if path not in earlier:
            path.unlink(missing_ok=True)
        if not rejected:
            return []
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for one in rejected:
                file.write(msgspec.json.encode(one) + b"\n")
    except OSError as error:
        raise QaError(f"{path}: the rejects file cannot be written: {error.strerror}") from error
    return [] if path in earlier else [path]


# --- out -------------------------------------------------------------------------------------------------------------


def export_reviews(
    connection: Connection, zone: Callable[[str], tzinfo], merchant: str | None = None
) -> Iterator[bytes]:
    """Every review as a line that imports again as the same review: by chat, then in the order they were added."""
    for chat in store.iter_reviewed(connection, merchant):
        for review in chat.reviews:
            line: dict[str, Any] = {
                "merchant": chat.merchant, "chat": chat.chat_id, "revision": chat.revision,
                "reviewer": review.reviewer, "at": to_iso(review.reviewed_at, zone(chat.merchant)),
                "kind": review.kind,
            }  # fmt: skip
            names = (*(task.value for task in Task), "score", "excellent", "comment")
            line |= {name: getattr(review, name) for name in names if getattr(review, name) is not None}
            if review.verdicts:
                line["verdicts"] = [_verdict(one) for one in review.verdicts]
            yield msgspec.json.encode(line) + b"\n"


def _verdict(verdict: Verdict) -> dict[str, str]:
    line = {"rule": verdict.rule, "verdict": verdict.verdict}
    return line if verdict.reason is None else line | {"reason": verdict.reason}
