"""What a person reads when many nights were judged again: one line a night, and what changed in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from qa.nightly import Rescored
from qa.store import inspections, nights
from qa.store.inspections import ScoreChanges
from qa.store.nights import RunKind

_MARKS = {"failed": "−", "bonus": "+"}


def print_range(console: Console, connection: Connection, done: Sequence[Rescored]) -> None:
    """Print a line for each night, the sums, and the rules that fire differently."""
    table = _table(
        "night", "merchant", "standard", "chats", "mean", "now", "worse", "better", "newly void", "no longer"
    )
    total = ScoreChanges(0, 0, 0, 0, 0)
    old: Counter[tuple[str, str]] = Counter()
    new: Counter[tuple[str, str]] = Counter()
    for one in done:
        own = [run.id for run in nights.runs_of(connection, one.night.id) if run.kind is not RunKind.RESCORE]
        changes = inspections.score_changes(connection, own, one.run.id)
        total = ScoreChanges._make(a + b for a, b in zip(total, changes, strict=True))
        old.update({(rule, outcome): n for rule, outcome, n in inspections.rule_counts(connection, own)})
        new.update({(rule, outcome): n for rule, outcome, n in inspections.rule_counts(connection, [one.run.id])})
        means = (_mean(one.night.summary), _mean(one.run.summary))
        table.add_row(one.night.day, one.night.merchant, one.run.ruleset[:12], *_numbers(changes, means))
    table.add_row("in all", f"{len(done):,} nights", "", *_numbers(total, ("", "")))
    console.print(table)
    again = sum(not one.worked for one in done)
    if again:
        console.print(f"{again:,} nights had been re-scored by this standard already; those runs are shown")
    broken = sum((one.run.summary or {}).get("broken", 0) for one in done)
    if broken:
        console.print(f"BROKEN: {broken:,} chats could not be judged; qa show tells why")
    _print_rules(console, old, new)


def _print_rules(console: Console, old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> None:
    moved = _table("rule", "", "nights' own", "now", "change")
    for key in sorted(old.keys() | new.keys(), key=lambda k: (-abs(new[k] - old[k]), k)):
        if old[key] != new[key]:
            change = f"{new[key] - old[key]:+,}"
            moved.add_row(key[0], _MARKS.get(key[1], key[1]), f"{old[key]:,}", f"{new[key]:,}", change)
    console.print(moved if moved.row_count else "every rule fires as often as before")


def _numbers(changes: ScoreChanges, means: tuple[str, str]) -> tuple[str, ...]:
    chats, *rest = (f"{number:,}" for number in changes)
    return chats, *means, *rest


def _mean(summary: dict[str, Any] | None) -> str:
    """The estimated mean score of all chats of the night's frame."""
    estimates = {one["name"]: one["value"] for one in (summary or {}).get("estimates", [])}
    value = estimates.get("mean_score")
    return "–" if value is None else f"{value:.1f}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 or column in {"merchant", "standard"} else "right")
    return table
