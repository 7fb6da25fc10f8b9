"""``qa rules check|test|docs``: read a pack, run its examples, print the reference."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from qa.cli.common import out
from qa.cli.rules.packs import PACK, located_pack
from qa.errors import NotFoundError, SourceError
from qa.rules.advice import dimension_weights, operators_used, warnings
from qa.rules.engine import compile_pack
from qa.rules.examples import branches, check_examples, count_examples
from qa.rules.mistakes import nearest
from qa.rules.pack import Located, load_house
from qa.rules.reference import operator_reference, rule_reference, spliced

DISAPPOINTED = 1
"""Exit code of ``rules test`` when an example did not do what it should."""


@click.command()
@click.argument("pack", metavar="[PACK]", type=PACK, required=False)
def check(pack: Path | None) -> None:
    """Read a pack (the house pack by default), compile it, tell its figures and what looks unintended."""
    located = located_pack(pack)
    content = located.pack
    compile_pack(located, only=[rule.id for rule in content.rules])
    console = out()
    console.print(f"{content.id} {content.version} ({content.name.zh} · {content.name.en})")
    used = operators_used(content.rules)
    console.print(f"rules {len(content.rules)}, operators {len(used)}, examples {count_examples(located)}")
    weights = dimension_weights(content)
    console.print("item points by dimension: " + ", ".join(f"{d.value} {points:g}" for d, points in weights.items()))
    active = content.active
    bonus, red = sum(bool(rule.bonus) for rule in active), sum(rule.red_line for rule in active)
    console.print(f"red lines {red}, bonus rules {bonus}, experimental (off) {len(content.rules) - len(active)}")
    console.print("operators: " + ", ".join(f"{name} × {times}" for name, times in sorted(used.items())))
    for warning in warnings(content, load_house().pack):
        console.print(f"warning: {warning}")


@click.command()
@click.argument("pack", metavar="[PACK]", type=PACK, required=False)
@click.option("--rule", "rule_id", metavar="ID", help="Only this rule.")
@click.option("--untried", is_flag=True, help="List the conditions that no example has hit, or none has missed.")
@click.pass_context
def test(ctx: click.Context, pack: Path | None, rule_id: str | None, untried: bool) -> None:
    """Run the examples of every rule: bad ones must fire, good ones pass, na ones not apply.

    Exit code 1 if one does not, or if a rule has no bad or no good one.
    """
    located = _only(located_pack(pack), rule_id)
    console = out()
    wrong = 0
    for found in check_examples(located):
        wrong += 1
        console.print(f"{found.where}: rule {found.rule}: expected {found.expected}, got {found.got}")
        if found.why:
            console.print(Text(f"    {found.why}"))
    verdict = "all as expected" if not wrong else f"{wrong} not as expected"
    console.print(f"{located.pack.id}: {len(located.pack.rules)} rules, {count_examples(located)} examples, {verdict}")
    tried = branches(located)
    console.print(f"branches {tried.tried} of {tried.total}: conditions that examples have hit, and have not hit")
    for one in tried.untried if untried else ():
        console.print(Text(f"{one.where}: rule {one.rule}: no example has {one.never} {one.what}"))
    if wrong:
        ctx.exit(DISAPPOINTED)


@click.command()
@click.option("--write", metavar="FILE", type=PACK, help="Bring the generated parts of this document up to date.")
def docs(write: Path | None) -> None:
    """Print the reference of operators and house rules in Markdown, from the code itself."""
    parts = {"operators": operator_reference(), "rules": rule_reference(load_house().pack)}
    if write is None:
        click.echo("\n".join(parts.values()))
        return
    try:
        text = write.read_text(encoding="utf-8")
        for what, content in parts.items():
            text = spliced(text, what, content)
        write.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as problem:
        raise SourceError(f"{write}: {problem}") from None


def _only(located: Located, rule_id: str | None) -> Located:
    """The pack, or with only one of its rules; NotFoundError names those there are."""
    if rule_id is None:
        return located
    chosen = tuple(rule for rule in located.pack.rules if rule.id == rule_id)
    if not chosen:
        known = nearest(rule_id, [rule.id for rule in located.pack.rules])
        raise NotFoundError(f"no rule {rule_id!r} in pack {located.pack.id!r}{known}")
    return located.reduced(chosen)
