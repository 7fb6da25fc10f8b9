"""``qa rules backtest``: a draft pack and the one in force over past chats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from qa.backtest import Backtest, BacktestOptions, backtest
from qa.backtest.kept import keep
from qa.backtest.page import moved, page, percent, points
from qa.backtest.result import RuleState, ScoreShift
from qa.cli.common import err, now, out, pass_settings, progress
from qa.cli.outfile import OutFile, write_whole
from qa.cli.rules.packs import is_at_hand, judging_standard
from qa.cli.rules.published import any_standard
from qa.config import Settings
from qa.errors import ConfigError
from qa.policy import Policy, PolicyBook
from qa.rules.inspector import Standard
from qa.store.migrate import require_ready
from qa.store.session import opened

BROKEN = 3
"""Exit code when the draft could not judge some chat."""
_ROWS = 15
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("backtest")
@click.argument("new", metavar="NEW")
@click.option("--against", metavar="OLD", help="Compare with this pack; default: each merchant's in force.")
@click.option("--from", "first", required=True, type=_DAY, metavar="DATE", help="First day, YYYY-MM-DD.")
@click.option("--to", "last", required=True, type=_DAY, metavar="DATE", help="Last day.")
@click.option("--merchant", metavar="M", help="Only this merchant's chats.")
@click.option(
    "--sampled/--all", "sampled", default=True, help="Chats that nights sampled (default), or all closed ones."
)
@click.option("--json", "json_file", type=OutFile(), metavar="FILE", help="Write everything (docs/rule-changes.md).")
@click.option("--html", "html_file", type=OutFile(), metavar="FILE", help="Write a page for people, with quotes.")
@click.option(
    "--examples", default=5, show_default=True, type=click.IntRange(0, 100), metavar="N", help="Chats a change."
)
@click.option(
    "--keep/--no-keep", "kept", default=True, help="Keep the result in the data folder, for the workbench (default)."
)
@click.pass_context
@pass_settings
def backtest_(
    settings: Settings, ctx: click.Context, new: str, against: str | None, first: object, last: object,
    merchant: str | None, sampled: bool, json_file: Path | None, html_file: Path | None, examples: int,
    kept: bool,
) -> None:  # fmt: skip
    """Judge past chats by pack NEW and by the pack in force, and say what is different. Nothing stored changes.

    NEW and OLD are files, shipped packs (house), or what was published: a version (1.3, acme@1.3) or the beginning of
    a hash. Exit code 3: NEW could not judge some chat.
    """
    days = tuple(str(day)[:10] for day in (first, last))
    if days[1] < days[0]:
        raise ConfigError(f"--to {days[1]} lies before --from {days[0]}")
    at_hand = {  # a mistake in a file is told before the store is opened
        pack: judging_standard(Path(pack), settings.scorecard)
        for pack in dict.fromkeys((new, against))
        if pack is not None and is_at_hand(pack)
    }
    with opened(settings.database_url) as engine:
        require_ready(engine)
        asked = {pack: at_hand.get(pack) or any_standard(engine, settings, pack) for pack in (new, against) if pack}
        options = BacktestOptions(
            new=asked[new],
            old=_standards(settings, asked.get(against or "")),
            policy=_policies(settings),
            first=days[0],
            last=days[1],
            merchant=merchant,
            every=not sampled,
            examples=examples,
        )
        with progress() as shown:
            result = backtest(engine, options, shown)
    _print(out(), result)
    if json_file is not None:
        _write(json_file, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    if html_file is not None:
        _write(html_file, page(result).encode("utf-8", "backslashreplace"))
    if kept:
        err().print(f"kept for the workbench: {keep(settings.data_dir, result, now())}")
    if result.broken_chats_new:
        ctx.exit(BROKEN)


def _standards(settings: Settings, against: Standard | None) -> Callable[[str], Standard]:
    """The standard in force by merchant, each read once; or the one to compare with."""

    @cache
    def read(pack: Path | None) -> Standard:
        return judging_standard(pack, settings.scorecard)

    return lambda merchant: against or read(settings.packs.get(merchant))


def _policies(settings: Settings) -> Callable[[str, str], tuple[Policy, ZoneInfo]]:
    book = PolicyBook.from_mapping(settings.policy_mapping(), where=str(settings.file or "settings"))

    def of(merchant: str, day: str) -> tuple[Policy, ZoneInfo]:
        policy = book.resolve(merchant, date.fromisoformat(day))
        return policy, ZoneInfo(policy.timezone or settings.timezone)

    return of


def _write(path: Path, content: bytes) -> None:
    write_whole(path, content)
    err().print(f"wrote {path}")


def _print(console: Console, result: Backtest) -> None:
    old = "; ".join(f"{merchant}: {pack.pack} {pack.version}" for merchant, pack in result.old.items())
    console.print(f"── {result.new.pack} {result.new.version} against {old} ──", style="bold")
    stands = f", standing for {result.represented:,}" if result.represented != result.chats else ""
    console.print(
        f"{result.first} to {result.last}: {result.chats:,} chats judged by both{stands}; nothing was changed"
    )
    for line in result.skipped:
        console.print(f"not looked at: {line}")
    if result.unreadable:
        console.print(f"{result.unreadable:,} stored chats could not be read")
    for which, broken in (("NEW", result.broken_new), ("OLD", result.broken_old)):
        for one in broken:
            console.print(
                f"BROKEN under {which}: {one.reason}: {one.chats:,} chats, such as {one.chat} of {one.merchant}"
            )
    score = result.score
    console.print(
        f"mean score {points(score.old)} → {points(score.new)} ({moved(score.old, score.new)}); of {score.n:,} scored"
        f" {score.worse:,} worse, {score.better:,} better"
    )
    shares = [percent(flagged, result.chats) for flagged in (result.flagged_old, result.flagged_new)]
    console.print(f"flagged {result.flagged_old:,} → {result.flagged_new:,} ({shares[0]} → {shares[1]})")
    console.print(
        f"voided by a red line {result.red_old:,} → {result.red_new:,}: {result.newly_void.chats:,} newly,"
        f" {result.no_longer_void.chats:,} no longer"
    )
    _print_rules(console, result)
    _print_scores(console, "merchant", result.by_merchant)
    by_move = sorted(result.by_agent, key=lambda one: (-abs(one.shift or 0), one.merchant or "", one.agent or ""))
    _print_scores(console, "agent", [one for one in by_move if one.worse or one.better])


def _print_rules(console: Console, result: Backtest) -> None:
    """Rules that fire or count differently, then one chat for each direction."""
    changed = [r for r in result.rules if r.newly or r.no_longer or moved(r.points_old, r.points_new) != "±0.00"]
    if not changed:
        console.print("every rule fires on the same chats and counts the same")
        return
    table = _table("rule", "now", "draft", "newly", "no longer", "points a chat")
    for one in changed[:_ROWS]:
        name = one.rule if one.state == RuleState.SAME else f"{one.rule} ({one.state})"
        numbers = [f"{number:,}" for number in (one.chats_old, one.chats_new, one.newly, one.no_longer)]
        table.add_row(name, *numbers, moved(one.points_old, one.points_new))
    console.print(table)
    if len(changed) > _ROWS:
        console.print(f"… and {len(changed) - _ROWS} more rules (--json, --html)")
    for one in changed[:_ROWS]:
        for sign, examples in (("+", one.newly_examples), ("−", one.no_longer_examples)):
            for example in examples[:1]:
                quotes = "".join(f" “{q.quote}”" for q in example.quotes[:1] if not q.absent)
                console.print(f"{sign} {one.rule}: {example.chat} of {example.merchant}{quotes}")


def _print_scores(console: Console, what: str, shifts: Sequence[ScoreShift]) -> None:
    if not shifts:
        return
    table = _table(what, "n", "now", "draft", "shift", "95 % interval", "worse", "better")
    for one in shifts[:_ROWS]:
        name = one.merchant if one.agent is None else f"{one.merchant} / {one.agent or '(unknown)'}"
        interval = "–" if one.low is None or one.high is None else f"{one.low:+.2f} … {one.high:+.2f}"
        means = (points(one.old), points(one.new), moved(one.old, one.new))
        table.add_row(name or "", f"{one.n:,}", *means, interval, f"{one.worse:,}", f"{one.better:,}")
    console.print(table)
    if len(shifts) > _ROWS:
        console.print(f"… and {len(shifts) - _ROWS} more (--json, --html)")


def _table(first: str, *columns: str) -> Table:
    table = Table(first, box=SIMPLE, pad_edge=False, padding=(0, 1))
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
