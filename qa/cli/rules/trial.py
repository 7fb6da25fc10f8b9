"""``qa rules try|ledger``: judge the chats of a file, show their waits; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
import orjson
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qa.cli.common import err, now, out, pass_settings
from qa.cli.rules.packs import PACK, located_pack
from qa.config import Settings
from qa.errors import NotFoundError, SourceError
from qa.hours import iso_local
from qa.ledger import Ledger, Wait, build_ledger, ledger_as_dict
from qa.nightly.standard import standard_for
from qa.policy import Policy, PolicyBook
from qa.rules.context import make_context
from qa.rules.engine import compile_pack
from qa.rules.inspector import Inspected, Inspector
from qa.rules.pack import Pack
from qa.sources import ReadOptions, Rejected, read_chats
from qa.store.revisions import local_day
from qa.types import Chat

CHATFILE = click.argument("chatfile", metavar="CHATFILE", type=click.Path(path_type=Path, dir_okay=False))
MERCHANT = click.option("--merchant", metavar="M", help="For chats that name none; its pack and policy are used.")


@click.command("try")
@CHATFILE
@click.option("--pack", metavar="PACK", type=PACK, help="Judge by this pack instead of the merchant's.")
@click.option("--rule", "rule_id", metavar="ID", help="Show only this rule, and no score.")
@MERCHANT
@click.option("--json", "as_json", is_flag=True, help="One JSON object a chat and line.")
@pass_settings
def try_(
    settings: Settings, chatfile: Path, pack: Path | None, rule_id: str | None, merchant: str | None, as_json: bool
) -> None:
    """Judge the chats of a file: findings with quotes, what does not apply, the score and how it adds up.

    Nothing is stored. CHATFILE is anything that qa import reads.
    """
    judges = _Judges(settings, pack, now())
    console = out()
    for chat in _chats(chatfile, settings, merchant):
        day, inspector, content = judges.of(chat)
        if rule_id is not None and rule_id not in {rule.id for rule in content.rules}:
            raise NotFoundError(f"no rule {rule_id!r} in pack {content.id!r}")
        inspected = _restricted(inspector.inspect(chat, day), rule_id)
        if as_json:
            click.echo(orjson.dumps(_as_dict(chat, day, inspected)))
        else:
            _print(console, chat, day, inspected, content, with_score=rule_id is None)


@click.command()
@CHATFILE
@MERCHANT
@click.option("--json", "as_json", is_flag=True, help="One JSON object a chat and line (docs/ledger.md).")
@pass_settings
def ledger(settings: Settings, chatfile: Path, merchant: str | None, as_json: bool) -> None:
    """Print every wait of the chats of a file, and the figures drawn from them (docs/ledger.md)."""
    judges = _Judges(settings, None, now())
    console = out()
    for chat in _chats(chatfile, settings, merchant):
        day, policy, zone = judges.policy(chat)
        context = make_context(judges.pack(chat), policy, zone)
        one = build_ledger(chat, context.ledger)
        if as_json:
            click.echo(orjson.dumps(ledger_as_dict(chat.id, one, zone)))
        else:
            _print_ledger(console, chat, day, one, zone)


class _Judges:
    """The standard and policy for each chat, each compiled once."""

    def __init__(self, settings: Settings, pack: Path | None, today: int) -> None:
        self._settings, self._pack, self._now = settings, pack, today
        self._book = PolicyBook.from_mapping(settings.policy_mapping(), where=str(settings.file or "settings"))
        self._inspectors: dict[tuple[Path | None, Policy], Inspector] = {}
        self._packs: dict[Path | None, Pack] = {}

    def policy(self, chat: Chat) -> tuple[str, Policy, ZoneInfo]:
        """Local day (today where the chat has no times), policy and zone of a chat."""
        times = (m.at for m in chat.messages if m.at is not None)
        start = chat.started_at if chat.started_at is not None else min(times, default=self._now)
        day = local_day(start, self._settings.zone)
        policy = self._book.resolve(chat.merchant, date.fromisoformat(day))
        return day, policy, ZoneInfo(policy.timezone or self._settings.timezone)

    def pack(self, chat: Chat) -> Pack:
        """The pack for a chat: the one asked for, its merchant's, or the house's."""
        path = self._path(chat)
        if path not in self._packs:
            self._packs[path] = located_pack(path).pack
        return self._packs[path]

    def of(self, chat: Chat) -> tuple[str, Inspector, Pack]:
        """Local day, inspector and pack for a chat."""
        day, policy, zone = self.policy(chat)
        pack, path = self.pack(chat), self._path(chat)
        if (path, policy) not in self._inspectors:
            if path is not None:
                compile_pack(located_pack(path))  # a mistake is told with its place in the file
            standard = standard_for(path, self._settings.scorecard)
            self._inspectors[path, policy] = Inspector(standard, policy, zone)
        return day, self._inspectors[path, policy], pack

    def _path(self, chat: Chat) -> Path | None:
        return self._pack or self._settings.packs.get(chat.merchant)


def _chats(path: Path, settings: Settings, merchant: str | None) -> Iterator[Chat]:
    """The chats of a file; rejected records are told on stderr, and a file of nothing else is an error."""
    options = ReadOptions(zone=settings.zone, now=now(), merchant=merchant or "default")
    read = 0
    for item in read_chats(path, options):
        if isinstance(item, Rejected):
            field = f"{item.field}: " if item.field else ""
            err().print(f"{item.file}:{item.line}: rejected: {field}{item.reason}")
            continue
        read += 1
        yield item.chat
    if not read:
        raise SourceError(f"{path}: no chat in it")


def _restricted(inspected: Inspected, rule_id: str | None) -> Inspected:
    if rule_id is None:
        return inspected
    pairs = [(f, s) for f, s in zip(inspected.findings, inspected.severities, strict=True) if f.rule == rule_id]
    return msgspec.structs.replace(
        inspected,
        score=None,
        flags=(),
        findings=tuple(finding for finding, _ in pairs),
        severities=tuple(severity for _, severity in pairs),
        not_applicable={rule: reason for rule, reason in inspected.not_applicable.items() if rule == rule_id},
    )


def _as_dict(chat: Chat, day: str, inspected: Inspected) -> dict[str, Any]:
    card = inspected.score
    return {
        "chat": chat.id,
        "merchant": chat.merchant,
        "day": day,
        "score": card.total if card else None,
        "red_line": card.red_line if card else None,
        "dimensions": card.dimensions if card else None,
        "lines": [msgspec.structs.asdict(line) for line in card.lines] if card else [],
        "findings": [
            {
                "rule": finding.rule,
                "outcome": finding.outcome,
                "points": finding.points,
                "message": finding.message,
                "hits": finding.hits,
                "value": finding.value,
                "evidence": [msgspec.structs.asdict(place) for place in finding.evidence],
            }
            for finding in inspected.findings
        ],
        "not_applicable": inspected.not_applicable,
        "broken": inspected.broken,
        "flags": [msgspec.structs.asdict(flag) for flag in inspected.flags],
    }


def _print(console: Console, chat: Chat, day: str, inspected: Inspected, pack: Pack, *, with_score: bool) -> None:
    names = {rule.id: rule.name.zh for rule in pack.rules}
    console.print(Text(f"chat {chat.id}  merchant {chat.merchant}  day {day}  pack {pack.id} {pack.version}", "bold"))
    for finding in inspected.findings:
        console.print(f"  {finding.outcome} {finding.rule} {names[finding.rule]} {finding.points:+.2f}")
        console.print(f"    {finding.message}")
        for place in finding.evidence:
            what = "searched in vain" if place.absent else f"characters {place.start}–{place.end}"
            console.print(f"    turn {place.turn}, {what}: {place.quote}")
    reasons: dict[str, list[str]] = {}
    for rule, reason in inspected.not_applicable.items():
        reasons.setdefault(reason, []).append(rule)
    for reason, rules in reasons.items():
        console.print(f"  not applicable ({reason}): {', '.join(rules)}")
    if inspected.broken:
        console.print(Text(f"  BROKEN, no score: {inspected.broken}", "bold red"))
    elif with_score:
        _print_score(console, inspected)
    elif not inspected.findings and not inspected.not_applicable:
        console.print("  passes")


def _print_score(console: Console, inspected: Inspected) -> None:
    card = inspected.score
    assert card is not None
    for line in card.lines:
        console.print(f"  {line.points:>+8.2f}  {line.kind} {line.rule or ''}".rstrip())
    console.print("  nothing applies: no score" if card.total is None else f"  {card.total:>8.2f}  score")
    flags = ", ".join(f"{flag.reason} (risk {flag.risk:g})" for flag in inspected.flags)
    console.print(f"  flags: {flags or 'none'}")


def _print_ledger(console: Console, chat: Chat, day: str, one: Ledger, zone: ZoneInfo) -> None:
    console.print(Text(f"chat {chat.id}  merchant {chat.merchant}  day {day}", "bold"))
    if one.waits:
        table = Table("wait", "from turn", "opened", "to turn", "response", "substantive", "remark", box=SIMPLE)
        for column in table.columns:
            column.no_wrap = True
        for wait in one.waits:
            table.add_row(*_row(wait, zone))
        console.print(table)
    if one.not_applicable:
        console.print(f"not applicable: {one.not_applicable}")
    rate = "–" if one.within_180_rate is None else f"{one.within_180_rate:.1%}"
    figures = (
        ("first response", _seconds(one.first_response_s)),
        ("first substantive", _seconds(one.first_substantive_s)),
        ("average response", _seconds(one.average_response_s)),
        ("longest wait", _seconds(one.longest_wait_s)),
        ("complete answer", _seconds(one.complete_answer_s)),
        ("within 180 s", rate),
        ("unanswered", "–" if one.unanswered is None else str(one.unanswered)),
    )
    console.print("  ".join(f"{name} {value}" for name, value in figures))


def _row(wait: Wait, zone: ZoneInfo) -> tuple[str, ...]:
    closed = "–" if wait.closed_turn is None else str(wait.closed_turn)
    substantive = _seconds(wait.substantive_s)
    if wait.substantive_turn is not None and wait.substantive_turn != wait.closed_turn:
        substantive += f" (turn {wait.substantive_turn})"
    remark = "unanswered" if wait.unanswered else wait.left_out or ""
    opened = iso_local(wait.opened_at, zone)[:19].replace("T", " ")
    return (wait.kind.value, str(wait.opened_turn), opened, closed, _seconds(wait.response_s), substantive, remark)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:g} s"
