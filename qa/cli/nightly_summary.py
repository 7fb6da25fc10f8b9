"""What a person reads when a night is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from qa.models.known import HALF
from qa.nightly import NightResult, Rescored
from qa.rules.inspector import Standard
from qa.store import frames, inspections, nights
from qa.store.nights import RunKind

_AGENTS_SHOWN = 12
_RULES_SHOWN = 12
_LABELS = {
    "mean_score": "mean score",
    "failed_rate": "chats with a failed rule",
    "red_line_rate": "chats with a red line",
    "timeliness_score": "timeliness 时效性",
    "professionalism_score": "professionalism 专业性",
    "satisfaction_score": "satisfaction 客户满意度",
    "process_score": "process 流程",
}
_MARKS = {"failed": "−", "bonus": "+"}


def print_night(console: Console, connection: Connection, result: NightResult, still_open: int) -> None:
    """Print sample, findings, flags, estimates and times of one night."""
    night = result.night
    summary = night.summary or {}
    runs = [run for run in nights.runs_of(connection, night.id) if run.kind is not RunKind.RESCORE]
    ids = [run.id for run in runs]
    standard = Standard.model_validate(nights.ruleset_content(connection, runs[0].ruleset))
    console.print()
    console.print(f"── {night.merchant} · {night.day} ──", style="bold")
    drawn = summary["inspected"] - summary["targeted"]
    console.print(
        f"frame {summary['frame_size']:,} closed chats: {summary['targeted']:,} targeted + {drawn:,} drawn at random"
        f" = {summary['inspected']:,} inspected ({night.waves} wave{'s' if night.waves > 1 else ''});"
        f" {summary['flagged']:,} flagged, {summary['broken']:,} broken"
    )
    console.print(f"standard {standard.pack.id} {standard.pack.version}, {len(standard.pack.rules)} rules")
    model = runs[0].model or "none: rules only"
    console.print(f"model {model}")
    if result.refused is not None:
        console.print(f"THE MODEL WAS REFUSED, rules only: {result.refused}", style="bold red", markup=False)
    for line, style in drift_lines(summary.get("drift", [])):
        console.print(line, style=style, markup=False)
    for remark in _remarks(result, still_open, summary):
        console.print(remark)
    console.print(_estimates(summary["estimates"]))
    names = {rule.id: rule.name.zh for rule in standard.pack.rules}
    console.print(_rules(inspections.rule_counts(connection, ids), names, summary["inspected"]))
    console.print(_flags(inspections.flag_counts(connection, ids)))
    console.print(_agents(frames.strata_of(connection, night.id)))
    if result.seconds:
        times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.seconds.items())
        by = result.crew
        who = "" if by is None else f" ({by.backend}, {by.workers} worker{'s' if by.workers != 1 else ''})"
        console.print(f"time: {times}{who}")


def drift_lines(drift: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    """Yield what is told of how far a night is from what its model learnt from, with the style of each line."""
    for one in drift:
        if one["level"] != "none":
            yield _drift(one), "bold" if one.get("unusual") else None
        known = one.get("known")
        if known is not None and known < HALF:
            told = f"warning: the model knows {known:.0%} of what customers said here"
            yield f"{told}; on chats of which it knows almost nothing it abstains", "bold red"


def _drift(one: dict[str, Any]) -> str:
    here = f"; usual here: {one['usual']:.2f}" if one.get("usual") is not None else ""
    words = f": {', '.join(one['words'][:8])}" if one["words"] else ""
    return f"drift of {one['what']}: {one['level']} (PSI {one['value']:.2f}{here}){words}"


def print_rescored(console: Console, connection: Connection, done: Rescored) -> None:
    """Print how a re-scoring compares with the night's own results."""
    night, summary = done.night, done.run.summary or {}
    console.print()
    console.print(f"── {night.merchant} · {night.day} · re-scored as run {done.run.id} ──", style="bold")
    standard = Standard.model_validate(nights.ruleset_content(connection, done.run.ruleset))
    console.print(f"standard {standard.pack.id} {standard.pack.version}, {len(standard.pack.rules)} rules")
    if not done.worked:
        console.print("the sample had been re-scored by this standard already; that run is shown")
    before = {one["name"]: one for one in (night.summary or {}).get("estimates", [])}
    table = _table("Estimates for all chats of the frame", "figure", "night", "now", "95 % interval", "n")
    for one in summary["estimates"]:
        then = _figures(before[one["name"]])[0] if one["name"] in before else "–"
        table.add_row(_LABELS.get(one["name"], one["name"]), then, *_figures(one), f"{one['n']:,}")
    console.print(table)
    runs = [run.id for run in nights.runs_of(connection, night.id) if run.kind is not RunKind.RESCORE]
    old = {(rule, outcome): n for rule, outcome, n in inspections.rule_counts(connection, runs)}
    new = {(rule, outcome): n for rule, outcome, n in inspections.rule_counts(connection, [done.run.id])}
    moved = _table("Rules that fire differently (chats)", "rule", "", "night", "now")
    for key in sorted(old.keys() | new.keys(), key=lambda k: (-abs(new.get(k, 0) - old.get(k, 0)), k)):
        if old.get(key, 0) != new.get(key, 0):
            moved.add_row(key[0], _MARKS.get(key[1], key[1]), f"{old.get(key, 0):,}", f"{new.get(key, 0):,}")
    console.print(moved if moved.row_count else "every rule fires as often as before")


def _remarks(result: NightResult, still_open: int, summary: dict[str, Any]) -> list[str]:
    day, merchant = result.night.day, result.night.merchant
    remarks = []
    if not result.worked:
        remarks.append("this night had run already; it is shown as it was")
    if result.late:
        command = f"qa nightly --date {day} --merchant {merchant} --extend"
        remarks.append(f"{result.late:,} closed chats arrived since: {command} inspects them too")
    if still_open:
        remarks.append(f"{still_open:,} chats of the day are still open and in no frame")
    if summary["broken"]:
        remarks.append(f"BROKEN: {summary['broken']:,} chats could not be judged; qa nightly --json lists them")
    return remarks


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _estimates(estimates: list[dict[str, Any]]) -> Table:
    table = _table("Estimates for all chats of the frame", "figure", "value", "95 % interval", "n")
    for one in estimates:
        table.add_row(_LABELS.get(one["name"], one["name"]), *_figures(one), f"{one['n']:,}")
    return table


def _figures(one: dict[str, Any]) -> tuple[str, str]:
    """Value and interval, rates in percent; a dash where nothing is known."""
    rate = one["name"].endswith("_rate")

    def shown(value: float) -> str:
        return f"{value:.1%}" if rate else f"{value:.1f}"

    value = "–" if one["value"] is None else shown(one["value"])
    interval = "–" if one["low"] is None else f"{shown(one['low'])} … {shown(one['high'])}"
    return value, interval


def _rules(counts: list[tuple[str, str, int]], names: dict[str, str], inspected: int) -> Table:
    table = _table("What fired (chats)", "rule", "name", "", "chats", "of inspected")
    table.columns[1].justify = "left"
    for rule, outcome, number in counts[:_RULES_SHOWN]:
        share = f"{number / inspected:.0%}" if inspected else "–"
        table.add_row(rule, names.get(rule, ""), _MARKS.get(outcome, outcome), f"{number:,}", share)
    if len(counts) > _RULES_SHOWN:
        table.add_row(f"… and {len(counts) - _RULES_SHOWN} more", "", "", "", "")
    return table


def _flags(counts: list[tuple[str, int]]) -> Table:
    table = _table("Flagged for review", "reason", "chats")
    for reason, number in counts:
        table.add_row(reason, f"{number:,}")
    if not counts:
        table.add_row("nothing", "0")
    return table


def _agents(strata: list[frames.StratumRow]) -> Table:
    table = _table("Sample by agent", "agent", "chats", "drawn", "probability")
    for row in sorted(strata, key=lambda row: -row.size)[:_AGENTS_SHOWN]:
        name = " / ".join(part for part in row.stratum if part) or "(unknown)"
        wave = f" (wave {row.wave + 1})" if row.wave else ""
        table.add_row(f"{name}{wave}", f"{row.size:,}", f"{row.drawn:,}", f"{row.drawn / row.size:.3f}")
    if len(strata) > _AGENTS_SHOWN:
        rest = sorted(strata, key=lambda row: -row.size)[_AGENTS_SHOWN:]
        table.add_row(
            f"… and {len(rest)} more", f"{sum(r.size for r in rest):,}", f"{sum(r.drawn for r in rest):,}", ""
        )
    return table
