"""What ``qa rules try`` tells of a chat: as lines for people, as a mapping for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from qa.rules.inspector import Inspected
from qa.rules.pack import Pack
from qa.types import Chat


def restricted(inspected: Inspected, rule_id: str | None) -> Inspected:
    """Return what was found by one rule alone, without score and flags; all of it without a rule."""
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


def as_dict(chat: Chat, day: str, inspected: Inspected, passed: Mapping[str, str]) -> dict[str, Any]:
    """Return an inspected chat as plain JSON values; ``passed`` says why the other rules did not fire."""
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
        "passed": passed,
        "broken": inspected.broken,
        "flags": [msgspec.structs.asdict(flag) for flag in inspected.flags],
    }


def print_inspected(
    console: Console,
    chat: Chat,
    day: str,
    inspected: Inspected,
    pack: Pack,
    passed: Mapping[str, str],
    *,
    with_score: bool,
) -> None:
    """Print what was found, what does not apply, why the other rules passed, and how the score adds up."""
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
    for rule, reason in passed.items():
        console.print(Text(f"  passed {rule} {names[rule]}: {reason}"))
    if inspected.broken:
        console.print(Text(f"  BROKEN, no score: {inspected.broken}", "bold red"))
    elif with_score:
        _print_score(console, inspected)


def _print_score(console: Console, inspected: Inspected) -> None:
    card = inspected.score
    assert card is not None
    for line in card.lines:
        console.print(f"  {line.points:>+8.2f}  {line.kind} {line.rule or ''}".rstrip())
    console.print("  nothing applies: no score" if card.total is None else f"  {card.total:>8.2f}  score")
    flags = ", ".join(f"{flag.reason} (risk {flag.risk:g})" for flag in inspected.flags)
    console.print(f"  flags: {flags or 'none'}")
