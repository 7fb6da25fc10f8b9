"""``qa show``: one chat, its waits, its findings with quotes, and a score that adds up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qa.cli.common import out, pass_settings
from qa.config import Settings
from qa.hours import iso_local
from qa.ledger import Ledger, Wait
from qa.privacy import REVIEWER, mask_chat, mask_json
from qa.show import Judged, Shown, look_up
from qa.store.migrate import ensure_ready
from qa.store.session import opened, read_tx
from qa.types import MICROSECONDS, Instant, Message

_ROLES = {"customer": "客户", "agent": "客服", "bot": "机器人", "system": "系统"}
_ROLE_STYLES = {"customer": "cyan", "agent": "green", "bot": "blue", "system": "dim"}
_EVIDENCE_STYLES = {"failed": "bold red", "bonus": "bold magenta"}
_LONG_GAP_S = 60.0
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_TURN_LIMIT = 2000
_SIGNS = "-·+"


@click.command()
@click.argument("chat_id", metavar="CHAT")
@click.option("--merchant", metavar="M", help="Needed only where several merchants have a chat of this id.")
@click.option("--run", type=int, metavar="N", help="Show the inspection of this run instead of the latest.")
@click.option("--unmasked", is_flag=True, help="Show personal data as it was written.")
@pass_settings
def command(settings: Settings, chat_id: str, merchant: str | None, run: int | None, unmasked: bool) -> None:
    """Show one chat: who said what when, how long the customer waited, what was found, and how the score adds up.

    Evidence carries the number of its finding; 【 】 marks its characters where there is no colour.
    Phone numbers, addresses and other personal data are shown in part (docs/privacy.md).
    """
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        with read_tx(engine) as connection:
            shown = look_up(connection, chat_id, settings.zone, merchant=merchant, run=run)
    print_chat(out(), shown if unmasked else masked(shown))


def masked(shown: Shown) -> Shown:
    """Return the same as a reviewer sees it: personal data in part, every character in its place."""
    chat, judged = shown.stored.chat, shown.judged
    stored = msgspec.structs.replace(shown.stored, chat=mask_chat(chat, REVIEWER))
    if judged is None:
        return shown._replace(stored=stored)
    told = [{"message": one.message, "evidence": orjson.loads(one.evidence)} for one in judged.findings]
    findings = [
        row._replace(message=one["message"], evidence=orjson.dumps(one["evidence"]))
        for row, one in zip(judged.findings, mask_json(told, policy=REVIEWER, chat=chat), strict=True)
    ]
    opinions = mask_json(judged.opinions, policy=REVIEWER, chat=chat)
    return shown._replace(stored=stored, judged=judged._replace(findings=findings, opinions=opinions))


def print_chat(console: Console, shown: Shown) -> None:
    """Print head, transcript, ledger, findings and scorecard."""
    for line in _head(shown):
        console.print(line)
    console.print()
    for text in _transcript(shown, plain=not console.is_terminal):
        console.print(text)
    console.print()
    _print_ledger(console, shown.ledger)
    if shown.judged is None:
        console.print("\nnot inspected: " + _why_not(shown))
        return
    console.print()
    for line in _opinions(shown.judged):
        console.print(line, markup=False)
    _print_findings(console, shown.judged)
    console.print()
    _print_card(console, shown.judged)
    for other in shown.others:
        score = "broken" if other.score is None else f"{other.score:g}"
        console.print(f"also inspected by run {other.run_id} ({other.kind}, revision {other.revision}): {score}")


def _opinions(judged: Judged) -> Iterator[str]:
    """What the model thinks of the chat, the words behind what it was flagged for, and the course of the turns."""
    if not judged.opinions:
        return
    yield f"model {judged.opinions[0]['model']}"
    for one in judged.opinions:
        if one["turn"] is None:
            unsure = " (abstains)" if one["abstains"] else ""
            yield f"  {one['of']} {one['label']} {one['probability']:.2f}{unsure}"
            words = ", ".join(f"“{why['quote']}” {why['weight']:+.2f} (turn {why['turn']})" for why in one["because"])
            if words:
                yield f"    because of {words}"
    for of in ("sentiment", "satisfaction"):
        course = [one for one in judged.opinions if one["turn"] is not None and one["of"] == of]
        if course:
            yield f"  {of} by turn: " + " ".join(f"{one['turn']}{_SIGNS[_worst_to_best(one)]}" for one in course)
    yield ""


def _worst_to_best(opinion: dict[str, Any]) -> int:
    """0, 1 or 2: the rank of the most probable label."""
    probabilities: list[float] = opinion["probabilities"]
    return probabilities.index(max(probabilities))


def _head(shown: Shown) -> Iterator[str]:
    stored, chat = shown.stored, shown.stored.chat
    who = " ".join(part for part in (chat.agent.id, chat.agent.name, chat.agent.team) if part) or "unknown"
    yield f"chat {stored.chat_id}  merchant {stored.merchant}  day {stored.day}  revision {stored.revision}"
    facts = {
        "channel": chat.channel, "customer": chat.customer.id, "tier": chat.customer.tier, "csat": chat.csat,
        "escalated": "yes" if chat.escalated else None, "category": chat.category, "tags": ", ".join(chat.tags) or None,
    }  # fmt: skip
    yield f"agent {who}  " + "  ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
    if shown.sampling is not None:
        yield "sample: " + _sampling(shown)
    if shown.judged is not None:
        flags = ", ".join(f"{flag.reason} (risk {flag.risk:g})" for flag in shown.judged.flags) or "none: clean"
        yield f"flags: {flags}"


def _sampling(shown: Shown) -> str:
    sampling = shown.sampling
    assert sampling is not None
    if sampling.reasons is not None:
        return f"targeted with certainty: {', '.join(orjson.loads(sampling.reasons))}"
    if sampling.probability is None:
        return f"in the frame of {sampling.day}, not drawn"
    return f"drawn at random with probability {sampling.probability:.4f}"


def _why_not(shown: Shown) -> str:
    if shown.sampling is not None:
        return _sampling(shown)
    if shown.stored.chat.status.value == "open":
        return "the chat is still open"
    return f"no night has run over it; qa nightly --date {shown.stored.day} does"


def _transcript(shown: Shown, *, plain: bool) -> Iterator[Text]:
    marks = _marks(shown.judged)
    before: Instant | None = None
    for turn, message in enumerate(shown.stored.chat.messages):
        clock = "        " if message.at is None else iso_local(message.at, shown.zone)[11:19]
        gap = None if before is None or message.at is None else (message.at - before) / MICROSECONDS
        before = message.at if message.at is not None else before
        waited = f" +{gap:.0f}s" if gap is not None and gap >= _LONG_GAP_S else ""
        text = Text.assemble((f"{turn:>3} {clock} ", "dim"))
        text.append(f"{_speaker(message)}{waited}: ", style=_ROLE_STYLES[message.role.value])
        text.append_text(_marked(message.text[:_TURN_LIMIT], marks.get(turn, []), plain=plain))
        if len(message.text) > _TURN_LIMIT:
            text.append(f" … ({len(message.text):,} characters)", style="dim")
        yield text


def _speaker(message: Message) -> str:
    states = [message.kind] if message.kind != "text" else []
    states += ["撤回"] if message.withdrawn else []
    states += ["私密"] if message.private else []
    return _ROLES[message.role.value] + (f"[{','.join(states)}]" if states else "")


def _marks(judged: Judged | None) -> dict[int, list[tuple[int, int, int, str]]]:
    """Turn → (start, end, number of the finding, style), for evidence that was found (not: searched in vain)."""
    marks: dict[int, list[tuple[int, int, int, str]]] = {}
    for number, finding in enumerate(judged.findings if judged else [], start=1):
        for place in orjson.loads(finding.evidence):
            if not place.get("absent"):
                style = _EVIDENCE_STYLES.get(finding.outcome, "")
                marks.setdefault(place["turn"], []).append((place["start"], place["end"], number, style))
    return marks


def _marked(text: str, marks: list[tuple[int, int, int, str]], *, plain: bool) -> Text:
    """Text with its evidence in colour (between 【 and 】 where there is none) and the finding's number behind it."""
    left, right = ("【", "】") if plain else ("", "")
    inserts = sorted(
        [(end, 0, f"{right}{number}", style) for _, end, number, style in marks]
        + [(start, 1, left, "") for start, _, _, _ in marks]
    )
    found = Text(text)
    for start, end, _, style in marks:
        found.stylize(style, start, end)
    pieces, last = Text(), 0
    for position, _, mark, style in inserts:
        pieces.append_text(found[last:position])
        pieces.append(mark.translate(_SUPERSCRIPTS), style)
        last = position
    return pieces.append_text(found[last:])


def _print_ledger(console: Console, ledger: Ledger) -> None:
    if ledger.not_applicable:
        console.print(f"waits: not applicable ({ledger.not_applicable})")
        return
    table = _table("waits", "opened at turn", "answered at", "response", "substantive", "")
    for wait in ledger.waits:
        table.add_row(wait.kind.value, str(wait.opened_turn), *_answers(wait), _remark(wait))
    console.print(table)
    figures = {
        "first response": ledger.first_response_s, "first substantive": ledger.first_substantive_s,
        "average": ledger.average_response_s, "longest": ledger.longest_wait_s,
        "complete answer": ledger.complete_answer_s,
    }  # fmt: skip
    console.print("  ".join(f"{name} {_seconds(value)}" for name, value in figures.items()))


def _answers(wait: Wait) -> tuple[str, str, str]:
    turn = "–" if wait.closed_turn is None else str(wait.closed_turn)
    return turn, _seconds(wait.response_s), _seconds(wait.substantive_s)


def _remark(wait: Wait) -> str:
    return "UNANSWERED" if wait.unanswered else (wait.left_out or "")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:g} s"


def _print_findings(console: Console, judged: Judged) -> None:
    names = {rule.id: rule.name.zh for rule in judged.pack.rules}
    console.print("findings", style="bold")
    for number, finding in enumerate(judged.findings, start=1):
        style = _EVIDENCE_STYLES.get(finding.outcome, "")
        console.print(
            Text(f"{number:>3} {names[finding.rule]} ({finding.rule}) {finding.points:+g}  ", style=style), end=""
        )
        console.print(finding.message)
        for place in orjson.loads(finding.evidence):
            searched = "searched in vain" if place.get("absent") else f"characters {place['start']}–{place['end']}"
            console.print(Text(f"      turn {place['turn']}, {searched}: {place['quote']}", style="dim"))
    if not judged.findings:
        console.print("  none")
    skipped = judged.history.not_applicable
    if skipped:
        reasons: dict[str, list[str]] = {}
        for rule, reason in skipped.items():
            reasons.setdefault(reason, []).append(rule)
        console.print("not applicable", style="bold")
        for reason, rules in reasons.items():
            console.print(f"  {reason}: {', '.join(rules)}")


def _print_card(console: Console, judged: Judged) -> None:
    history = judged.history
    if history.broken is not None:
        console.print(Text(f"BROKEN, no score: {history.broken}", style="bold red"))
        return
    names = {rule.id: rule.name.zh for rule in judged.pack.rules}
    table = _table("scorecard", "", "points")
    for line in history.card:
        table.add_row(*_card_line(line, names))
    total = "nothing applied: no score" if history.score is None else f"{history.score:.2f}"
    table.add_row(Text("total", style="bold"), "", Text(total, style="bold"))
    console.print(table)
    shares = (f"{name} {'n/a' if value is None else f'{value:g} %'}" for name, value in history.dimensions.items())
    console.print("dimensions: " + "  ".join(shares))
    console.print(f"judged by {judged.pack.id} {judged.pack.version} ({history.ruleset}), run {history.run_id}")


def _card_line(line: dict[str, Any], names: dict[str, str]) -> tuple[str, str, str]:
    rule = line.get("rule")
    what = names.get(rule, rule) if rule else {"base": "full marks", "cap": "no more than 100"}.get(line["kind"], "")
    return line["kind"], f"{what} ({line['dimension']})" if line.get("dimension") else what, f"{line['points']:+.2f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right" if column in {"points", "response", "substantive"} else "left")
    return table
