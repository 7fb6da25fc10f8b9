"""``qa rules diff``: what is different between two packs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from qa.cli.common import out
from qa.cli.rules.packs import PACK, named_pack
from qa.rules.diff import FieldChange, PackDiff, diff_packs
from qa.rules.pack import Rule
from qa.rules.reference import points

_WORDS_SHOWN = 20


@click.command()
@click.argument("a", metavar="A", type=PACK)
@click.argument("b", metavar="B", type=PACK)
@click.option("--json", "as_json", is_flag=True, help="One JSON object (docs/rule-changes.md).")
def diff(a: Path, b: Path, as_json: bool) -> None:
    """Say what is different in pack B: rules added, removed, changed field by field, word lists changed.

    Packs are compared as they judge, with all that they inherit. The word house stands for the house pack.
    """
    found = diff_packs(named_pack(a).pack, named_pack(b).pack)
    if as_json:
        click.echo(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2))
        return
    console = out()
    for line in describe(found):
        console.print(line, soft_wrap=True)


def describe(found: PackDiff) -> Iterator[str]:
    """Yield the difference in lines that a person reads."""
    old, new = found.old, found.new
    yield f"{old.pack} {old.version} ({old.rules} rules) → {new.pack} {new.version} ({new.rules} rules)"
    if found.same:
        yield "both judge alike"
        return
    yield from _rules("+", "added", found.added)
    yield from _rules("−", "removed", found.removed)
    for change in found.changed:
        yield f"~ changed {change.rule}"
        yield from (f"    {line}" for one in change.fields for line in _field(one))
    for words in found.wordlists:
        used = f", used by {', '.join(words.rules)}" if words.rules else ", used by no rule"
        yield f"~ word list {words.wordlist}{used}"
        yield from _words("+", words.added)
        yield from _words("−", words.removed)
    if found.reordered:
        yield "~ the rules stand in another order"


def _rules(sign: str, what: str, rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        said = f"{rule.dimension.value}, {rule.severity.value}, {points(rule)}"
        yield f"{sign} {what} {rule.id} {rule.name.zh} · {rule.name.en} ({said})"


def _field(change: FieldChange) -> Iterator[str]:
    """One line where it is short, else one for each side."""
    before, after = _shown(change.old), _shown(change.new)
    if len(before) + len(after) <= 80:  # noqa: PLR2004 - both fit beside the field's name
        yield f"{change.field}: {before} → {after}"
    else:
        yield f"{change.field}:"
        yield f"  − {before}"
        yield f"  + {after}"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _words(sign: str, words: Sequence[str]) -> Iterator[str]:
    if words:
        more = f" … and {len(words) - _WORDS_SHOWN} more" if len(words) > _WORDS_SHOWN else ""
        yield f"    {sign} {len(words)}: {'、'.join(words[:_WORDS_SHOWN])}{more}"
