"""``qa rules try|ledger``: judge the chats of a file, show their waits; nothing is stored."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import orjson
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qa.cli.common import err, now, out, pass_settings
from qa.cli.rules.packs import PACK, named_pack
from qa.cli.rules.told import as_dict, print_inspected, restricted
from qa.config import Settings
from qa.errors import NotFoundError, SourceError
from qa.hours import iso_local
from qa.ledger import Ledger, Wait, build_ledger, ledger_as_dict
from qa.policy import Policy, PolicyBook
from qa.rules.context import make_context
from qa.rules.inspector import Compiled, Inspected, Inspector, Standard, load_scorecard
from qa.rules.mistakes import nearest
from qa.rules.nearly import ON_THE_SPOT
from qa.rules.pack import Pack, Rule, load_house
from qa.rules.view import Context
from qa.rules.why import Why, decided, told
from qa.sources import ReadOptions, Rejected, read_chats
from qa.store.revisions import local_day
from qa.types import Chat

STDIN = Path("-")
CHATFILE = click.argument("chatfile", metavar="CHATFILE", type=click.Path(path_type=Path, dir_okay=False))
FORMAT = click.option(
    "--format", "file_format", metavar="NAME", help="Format of the file.  [default: by name and content]"
)
MERCHANT = click.option("--merchant", metavar="M", help="For chats that name none; its pack and policy are used.")


@click.command("try")
@click.argument("files", metavar="[PACK] CHATFILE", nargs=-1, required=True, type=PACK)
@click.option("--rule", "rule_id", metavar="ID", help="Show only this rule, every condition of it, and no score.")
@MERCHANT
@FORMAT
@click.option("--json", "as_json", is_flag=True, help="One JSON object a chat and line.")
@pass_settings
def try_(
    settings: Settings,
    files: tuple[Path, ...],
    rule_id: str | None,
    merchant: str | None,
    file_format: str | None,
    as_json: bool,
) -> None:
    """Judge the chats of a file: findings with quotes, the score and how it adds up, and why the other rules passed.

    CHATFILE is anything that qa import reads, or - for standard input. PACK is a file or the word house; without one
    the merchant's pack judges. Nothing is stored.
    """
    if len(files) > 2:  # noqa: PLR2004 - a pack and a chat file
        raise click.UsageError("expects [PACK] CHATFILE: one pack and one file of chats")
    pack = files[0] if len(files) == 2 else None  # noqa: PLR2004
    chatfile = files[-1]
    judges = _Judges(settings, pack, now())
    console = out()
    for chat in _chats(chatfile, settings, merchant, file_format):
        day, inspector, content = judges.of(chat)
        if rule_id is not None and rule_id not in {rule.id for rule in content.rules}:
            known = nearest(rule_id, [rule.id for rule in content.rules])
            raise NotFoundError(f"no rule {rule_id!r} in pack {content.id!r}{known}")
        inspected = restricted(inspector.inspect(chat, day), rule_id)
        passed = judges.passed(chat, inspected, rule_id)
        if as_json:
            click.echo(orjson.dumps(as_dict(chat, day, inspected, passed)))
        else:
            print_inspected(console, chat, day, inspected, content, passed, with_score=rule_id is None)
            for line in judges.every_condition(chat, rule_id):
                console.print(Text(line))


@click.command()
@CHATFILE
@MERCHANT
@FORMAT
@click.option("--json", "as_json", is_flag=True, help="One JSON object a chat and line (docs/ledger.md).")
@pass_settings
def ledger(settings: Settings, chatfile: Path, merchant: str | None, file_format: str | None, as_json: bool) -> None:
    """Print every wait of the chats of a file, and the figures drawn from them (docs/ledger.md)."""
    judges = _Judges(settings, None, now())
    console = out()
    for chat in _chats(chatfile, settings, merchant, file_format):
        day, policy, zone = judges.policy(chat)
        context = make_context(judges.pack(chat), policy, zone)
        one = build_ledger(chat, context.ledger)
        if as_json:
            click.echo(orjson.dumps(ledger_as_dict(chat.id, one, zone)))
        else:
            _print_ledger(console, chat, day, one, zone)


class _Judges:
    """The standard and policy for each chat, each standard compiled once."""

    def __init__(self, settings: Settings, pack: Path | None, today: int) -> None:
        self._settings, self._pack, self._now = settings, pack, today
        self._book = PolicyBook.from_mapping(settings.policy_mapping(), where=str(settings.file or "settings"))
        self._compiled: dict[Path | None, Compiled] = {}
        self._packs: dict[Path | None, Pack] = {}
        self._whys: dict[tuple[str, str], Why] = {}

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
            located = load_house() if path is None else named_pack(path)
            self._packs[path] = located.pack
        return self._packs[path]

    def of(self, chat: Chat) -> tuple[str, Inspector, Pack]:
        """Local day, inspector and pack for a chat."""
        day, policy, zone = self.policy(chat)
        pack, path = self.pack(chat), self._path(chat)
        if path not in self._compiled:
            self._compiled[path] = Compiled(Standard(pack=pack, scorecard=load_scorecard(self._settings.scorecard)))
        return day, Inspector(self._compiled[path], policy, zone), pack

    def passed(self, chat: Chat, inspected: Inspected, rule_id: str | None) -> dict[str, str]:
        """Rule → why it passed, for all that judged the chat and found nothing."""
        if inspected.broken:
            return {}
        silent = inspected.not_applicable.keys() | {finding.rule for finding in inspected.findings}
        pack, context = self.pack(chat), self._context(chat)
        return {
            rule.id: self._decided(pack, rule, chat, context)
            for rule in pack.active
            if rule.id not in silent and rule_id in (None, rule.id)
        }

    def every_condition(self, chat: Chat, rule_id: str | None) -> Iterator[str]:
        """Every condition of one rule with its answer, indented as it stands in the pack; nothing without a rule."""
        pack, context = self.pack(chat), self._context(chat)
        for rule in pack.rules:
            if rule.id == rule_id:
                why = self._why(pack, rule)
                for answer in why.of(chat, context):
                    part = answer.part
                    top = f"{'.'.join(map(str, part.path[:-1]))}: " if not part.depth else ""
                    yield f"    {'  ' * part.depth}{top}{told(answer, chat, why.nearly(answer, chat, context))}"

    def _decided(self, pack: Pack, rule: Rule, chat: Chat, context: Context) -> str:
        """Why a rule passed; what its own words were passed over for counts, what somebody else said does not."""
        why = self._why(pack, rule)
        return decided(why.of(chat, context), chat, lambda answer: why.nearly(answer, chat, context, ON_THE_SPOT))

    def _context(self, chat: Chat) -> Context:
        _, policy, zone = self.policy(chat)
        return make_context(self.pack(chat), policy, zone)

    def _why(self, pack: Pack, rule: Rule) -> Why:
        if (pack.id, rule.id) not in self._whys:
            self._whys[pack.id, rule.id] = Why(pack, rule)
        return self._whys[pack.id, rule.id]

    def _path(self, chat: Chat) -> Path | None:
        return self._pack or self._settings.packs.get(chat.merchant)


def _chats(path: Path, settings: Settings, merchant: str | None, file_format: str | None) -> Iterator[Chat]:
    """The chats of a file or of standard input; rejected records are told on stderr.

    A file of nothing else is an error.
    """
    if path != STDIN:
        yield from _chats_of(path, str(path), settings, merchant, file_format)
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "chats"
        with kept.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if not kept.stat().st_size:
            raise SourceError("standard input: is empty: chats are expected, in plain notation, JSON Lines or a table")
        try:
            yield from _chats_of(kept, "standard input", settings, merchant, file_format)
        except SourceError as problem:
            raise SourceError(str(problem).replace(str(kept), "standard input")) from None


def _chats_of(
    path: Path, name: str, settings: Settings, merchant: str | None, file_format: str | None
) -> Iterator[Chat]:
    options = ReadOptions(zone=settings.zone, now=now(), merchant=merchant or "default")
    read = 0
    for item in read_chats(path, options, file_format):
        if isinstance(item, Rejected):
            field = f"{item.field}: " if item.field else ""
            err().print(f"{name}:{item.line}: rejected: {field}{item.reason}")
            continue
        read += 1
        yield item.chat
    if not read:
        raise SourceError(f"{name}: no chat in it")


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
