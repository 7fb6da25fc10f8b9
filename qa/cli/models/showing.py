"""``qa models list|show|verify``: what versions there are, what is known about one, whether they can be trusted."""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple

import click
import msgspec
import orjson
from rich.console import Console
from rich.table import Table

from qa.cli.common import out, pass_settings
from qa.cli.models.opening import registry
from qa.config import Settings
from qa.hours import iso_local
from qa.models.card import Bin, Card
from qa.models.gate import HIGHER_IS_BETTER, LOWER_IS_BETTER, shown
from qa.models.opinions import ModelError
from qa.models.registry import Registry
from qa.types import Instant

_OTHERS_FIRST = (*HIGHER_IS_BETTER, *LOWER_IS_BETTER)


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a version and line.")
@pass_settings
def list_(settings: Settings, *, as_json: bool) -> None:
    """List the versions, the oldest first; * marks the current one.

    Every version is checked; what is wrong with one stands in its line.
    """
    models = registry(settings)
    try:
        current: str | None = models.current()
    except ModelError as error:
        current = None
        click.echo(f"nothing is known to be current: {error}", err=True)
    rows = [_row(models, version, settings.zone, current=version == current) for version in models.versions()]
    if as_json:
        for row in rows:
            click.echo(orjson.dumps(row._asdict()))
        return
    if not rows:
        out().print("there is no model; qa models train makes one")
        return
    table = Table("", "version", "made", "by", "from", "chats", "state", box=None, pad_edge=False)
    for row in rows:
        made = (row.created_at or "")[:16].replace("T", " ")
        chats = "" if row.chats is None else f"{row.chats:,}"
        mark = "*" if row.current else ""
        table.add_row(mark, row.version, made, row.created_by, row.parent, chats, row.problem or "sound")
    out().print(table)


@click.command()
@click.argument("version", metavar="V")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
@pass_settings
def show(settings: Settings, version: str, *, as_json: bool) -> None:
    """Show the card of version V (or of current, or shipped): data, settings, figures, reliability, libraries."""
    models = registry(settings)
    card = models.read(named(models, version)).card
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(card), indent=1))
        return
    _print_card(out(), card, settings.zone)


@click.command()
@click.argument("version", metavar="[V]", required=False)
@pass_settings
@click.pass_context
def verify(ctx: click.Context, settings: Settings, version: str | None) -> None:
    """Check version V, or all of them with the history of promotions; exit code 1 when anything is wrong.

    Checked are signatures, names, sizes and hashes of all files, cards, libraries and the dictionary.
    """
    models = registry(settings)
    problems = models.verify(None if version is None else named(models, version))
    for problem in problems:
        click.echo(str(problem))
    if problems:
        ctx.exit(1)
    checked = [version] if version else models.versions()
    click.echo(f"sound: {', '.join(checked)}")


def named(models: Registry, version: str) -> str:
    """Return the version that was named, which may be called ``current``."""
    return models.current() if version == "current" else version


def head_order(name: str) -> tuple[int, str]:
    """Sort figures: the usual ones in their usual order, then the others.

    >>> sorted(["ece", "other", "macro_f1"], key=head_order)
    ['macro_f1', 'ece', 'other']
    """
    return (_OTHERS_FIRST.index(name) if name in _OTHERS_FIRST else len(_OTHERS_FIRST), name)


class _Row(NamedTuple):
    """One line of the list; only the problem is known of a version that cannot be trusted."""

    version: str
    current: bool
    created_at: str | None = None
    created_by: str | None = None
    parent: str | None = None
    chats: int | None = None
    problem: str | None = None


def _row(models: Registry, version: str, zone: tzinfo, *, current: bool) -> _Row:
    try:
        card = models.read(version).card
    except ModelError as error:
        return _Row(version, current, problem=str(error))
    return _Row(version, current, iso_local(card.created_at, zone), card.created_by, card.parent, card.data.chats)


def _print_card(console: Console, card: Card, zone: tzinfo) -> None:
    console.print(f"model {card.name}", style="bold")
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_row("made", f"{_minute(card.created_at, zone)} by {card.created_by}, zhijian {card.environment.qa}")
    facts.add_row("parent", card.parent or "none")
    facts.add_row("data", f"{card.data.chats:,} chats of {', '.join(card.data.sources) or 'unknown files'}")
    facts.add_row("fingerprint", card.data.fingerprint)
    libraries = sorted(card.environment.libraries.items())
    facts.add_row("libraries", ", ".join(f"{name} {number}" for name, number in libraries))
    facts.add_row("dictionary", card.environment.dictionary)
    facts.add_row("format", card.format)
    for name, value in sorted(card.settings.items()):
        facts.add_row(f"set {name}", value if isinstance(value, str) else orjson.dumps(value).decode())
    console.print(facts)
    console.print("\nlabels", style="bold")
    labels = Table(box=None, pad_edge=False, show_header=False)
    for head, counts in card.data.labels.items():
        labels.add_row(head, ", ".join(f"{label} {count:,}" for label, count in counts.items()))
    console.print(labels)
    console.print("\nfigures", style="bold", end="")
    console.print(f" with 95 % intervals; {card.measured}")
    heads = [f"{head}\nn {report.n:,}" for head, report in card.metrics.items()]
    figures = Table("", *heads, box=None, pad_edge=False)
    reports = card.metrics.values()
    for name in sorted({name for report in reports for name in report.figures}, key=head_order):
        figures.add_row(name, *(shown(report.figures[name]) if name in report.figures else "" for report in reports))
    console.print(figures)
    _print_reliability(console, card)


def _print_reliability(console: Console, card: Card) -> None:
    tables = [{(one.low, one.high): one for one in report.reliability} for report in card.metrics.values()]
    bins = sorted({key for table in tables for key in table})
    if not bins:
        return
    console.print("\nreliability", style="bold", end="")
    console.print(": of n opinions, the mean probability claimed → the share that was right")
    shows = Table("probability", *card.metrics, box=None, pad_edge=False)
    for low, high in bins:
        shows.add_row(f"{low:.2f}–{high:.2f}", *(_reliable(table.get((low, high))) for table in tables))
    console.print(shows)


def _reliable(one: Bin | None) -> str:
    if one is None or one.predicted is None or one.observed is None:
        return ""
    return f"{one.predicted:.2f} → {one.observed:.2f}, n {one.n:,}"


def _minute(instant: Instant, zone: tzinfo) -> str:
    return iso_local(instant, zone)[:16].replace("T", " ")
