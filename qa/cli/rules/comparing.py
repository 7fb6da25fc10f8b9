"""``qa rules diff``: what is different between two packs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click
import orjson

from qa.cli.common import out, pass_settings
from qa.cli.rules.published import any_pack
from qa.config import Settings
from qa.rules.diff import FieldChange, PackDiff, diff_packs
from qa.rules.pack import Rule
from qa.rules.reference import points

_WORDS_SHOWN = 20
_MOST_SHOWN = 400
_NOTHING = "–"


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="One JSON object (docs/rule-changes.md).")
@pass_settings
def diff(settings: Settings, a: str, b: str, as_json: bool) -> None:
    """Say what is different in pack B: rules added, removed, changed field by field, word lists changed.

    Packs are compared as they judge, with all that they inherit. A and B are files, shipped packs (house), or what was
    published: a version (1.3, acme@1.3) or the beginning of a hash.
    """
    found = diff_packs(any_pack(settings, a), any_pack(settings, b))
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
    """A line for each place below the field that differs where it is short, else one for each side."""
    told, within = "", isinstance(change.old, list | dict) and isinstance(change.new, list | dict)
    for place, old, new in change.places:
        before, after = _shown(old), _shown(new)
        came_or_went = within and (old is None or new is None)
        if len(before) + len(after) <= 80 and not came_or_went:  # noqa: PLR2004 - both fit beside the place
            yield f"{place}: {before} → {after}"
            continue
        if place != told:
            yield f"{place}:"
        told = place
        yield from (f"  {sign} {one}" for sign, one in (("−", before), ("+", after)) if one != _NOTHING)


def _shown(value: Any) -> str:
    if value is None:
        return _NOTHING
    text = value.strip().replace("\n", " ⏎ ") if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}… ({len(text):,} characters, see --json)"


def _words(sign: str, words: Sequence[str]) -> Iterator[str]:
    if words:
        more = f" … and {len(words) - _WORDS_SHOWN} more" if len(words) > _WORDS_SHOWN else ""
        yield f"    {sign} {len(words)}: {'、'.join(words[:_WORDS_SHOWN])}{more}"
