"""``qa models compare``: two versions side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec
import orjson
from rich.console import Console
from rich.table import Table

from qa.cli.common import out, pass_settings
from qa.cli.models.opening import registry
from qa.cli.models.showing import head_order, named
from qa.config import Settings
from qa.models.card import Card, Figure
from qa.models.explain import Moved, moved
from qa.models.gate import shown
from qa.models.model import Model
from qa.models.registry import Stored


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--words", type=click.IntRange(0, 10_000), default=20, show_default=True, help="How many words that moved."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@pass_settings
def compare(settings: Settings, a: str, b: str, words: int, *, as_json: bool) -> None:
    """Compare versions A and B: figures side by side, what else differs, and which words moved.

    Intervals are those of each version alone; promote asks whether B is beyond those of A. Weights are compared as they
    act on the probabilities, less their mean over the labels.
    """
    models = registry(settings)
    first, second = (models.read(named(models, version)) for version in (a, b))
    found: dict[str, Any] = {
        "a": first.version,
        "b": second.version,
        "same_data": first.card.data.fingerprint == second.card.data.fingerprint,
        "figures": [*_figures(first.card, second.card)],
        "differences": {what: list(pair) for what, pair in _differences(first.card, second.card)},
        "moved": [msgspec.structs.asdict(one) for one in moved_words(first, second, words)],
    }
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    _print(out(), found)


def moved_words(a: Stored, b: Stored, limit: int) -> list[Moved]:
    """Return the words and character runs whose weight changed most from one version to the other."""
    if not limit:
        return []
    before, after = (Model.from_files(stored.files) for stored in (a, b))
    return moved(before, after, limit)


def _figures(a: Card, b: Card) -> Iterator[dict[str, Any]]:
    for head in dict.fromkeys([*a.metrics, *b.metrics]):
        ours, theirs = (card.metrics[head].figures if head in card.metrics else {} for card in (a, b))
        for name in sorted({*ours, *theirs}, key=head_order):
            left, right = (figures.get(name, Figure(None)) for figures in (ours, theirs))
            yield {
                "head": head,
                "figure": name,
                "a": _triple(left),
                "b": _triple(right),
                "difference": None if left.value is None or right.value is None else right.value - left.value,
            }


def _triple(figure: Figure) -> list[float | None]:
    return [figure.value, figure.low, figure.high]


def _differences(a: Card, b: Card) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """What is not the same on the two cards, besides names, times and figures."""
    pairs: dict[str, tuple[Any, Any]] = {"chats": (a.data.chats, b.data.chats)}
    for head in dict.fromkeys([*a.data.labels, *b.data.labels]):
        pairs[f"labels of {head}"] = (a.data.labels.get(head), b.data.labels.get(head))
    for name in sorted({*a.settings, *b.settings}):
        pairs[f"setting {name}"] = (a.settings.get(name), b.settings.get(name))
    for name in sorted({*a.environment.libraries, *b.environment.libraries}):
        pairs[name] = (a.environment.libraries.get(name), b.environment.libraries.get(name))
    pairs["zhijian"] = (a.environment.qa, b.environment.qa)
    yield from ((what, pair) for what, pair in pairs.items() if pair[0] != pair[1])


def _print(console: Console, found: dict[str, Any]) -> None:
    table = Table("head", "figure", found["a"], found["b"], "difference", box=None, pad_edge=False)
    for row in found["figures"]:
        gap = "" if row["difference"] is None else f"{row['difference']:+.3f}"
        table.add_row(row["head"], row["figure"], shown(Figure(*row["a"])), shown(Figure(*row["b"])), gap)
    console.print(table)
    if not found["same_data"]:
        console.print("note: the two were fitted and measured on different chats")
    if found["differences"]:
        other = Table("differs", found["a"], found["b"], box=None, pad_edge=False)
        for what, pair in found["differences"].items():
            other.add_row(what, *(v if isinstance(v, str) else orjson.dumps(v).decode() for v in pair))
        console.print()
        console.print(other)
    if found["moved"]:
        words = Table("head", "where", "word", "label", found["a"], found["b"], box=None, pad_edge=False)
        for one in found["moved"]:
            weights = ("unknown" if weight is None else f"{weight:+.3f}" for weight in (one["before"], one["after"]))
            words.add_row(one["head"], one["slot"], one["name"], one["label"], *weights)
        console.print("\nwords that moved most, by their weight for the label named")
        console.print(words)
