"""``qa rules new``: a merchant's own standard, from its intake sheet to a rule pack that extends the house pack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from qa.cli.common import err, out
from qa.cli.rules.packs import PACK
from qa.drafting.draft import Draft, draw_up
from qa.drafting.standard import Standard, read_standard
from qa.drafting.workbook import read_workbook
from qa.drafting.written import Head, left_line, totals, written
from qa.errors import PackError, SourceError
from qa.rules.engine import compile_pack
from qa.rules.examples import check_examples
from qa.rules.pack import load_house, load_shipped, resolve, shipped_names
from qa.rules.yamlfile import parse_yaml

_PACK_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")


@click.command()
@click.option("--merchant", metavar="M", help="Whose standard it is; the pack is called by it.")
@click.option("--from", "sheet", metavar="SHEET.xlsx", type=PACK, help="The filled intake sheet.")
@click.option("--out", "target", metavar="FILE", type=PACK, help="Where to write the pack; without it, to stdout.")
@click.option("--id", "pack_id", metavar="ID", help="The pack's id, where the merchant's own is none (a-z 0-9 _ -).")
@click.option("--version", default="1", show_default=True, metavar="V", help="The pack's version.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--template", "blank", metavar="FILE", type=PACK, help="Write the intake sheet to fill in, nothing else.")
def new(
    merchant: str | None,
    sheet: Path | None,
    target: Path | None,
    pack_id: str | None,
    version: str,
    force: bool,
    blank: Path | None,
) -> None:
    """Draw up a merchant's pack, which extends house, from its intake sheet.

    Every item becomes a rule with a bad and a good example, or is listed with the reason why it could not.
    qa rules new --template sheet.xlsx writes the sheet to fill in. docs/rules.md has an example.
    """
    if blank is not None:
        if merchant is not None or sheet is not None or target is not None:
            raise click.UsageError("--template stands alone")
        _write_template(blank, force)
        return
    if merchant is None or sheet is None:
        raise click.UsageError("give --merchant and --from, or --template")
    _refuse_existing(target, force)
    draft = draw_up(_standard(sheet), load_house().pack.rules)
    head = Head(_id(pack_id, merchant), _version(version), f"{merchant} 质检标准", f"{merchant} standard", sheet.name)
    text = written(draft, head)
    _prove(text, str(target or "draft"))
    if target is None:
        click.echo(text, nl=False)
    else:
        _save(target, text.encode())
    _report(err() if target is None else out(), draft, target)


def _standard(sheet: Path) -> Standard:
    """The standard of a file; SourceError tells all its mistakes, one a line."""
    standard, mistakes = read_standard(read_workbook(sheet))
    if mistakes:
        told = "".join(f"\n{mistake.told(str(sheet))}" for mistake in mistakes)
        raise SourceError(f"{len(mistakes)} mistake(s) in the intake sheet, nothing is written:{told}")
    return standard


def _prove(text: str, file: str) -> None:
    """Read the pack as anybody will: with the house pack under it, compiled, every one of its own examples run."""
    located = resolve(parse_yaml(text, file), load_shipped)
    compile_pack(located)
    house = {rule.id for rule in load_house().pack.rules}
    own = located.reduced(tuple(rule for rule in located.pack.rules if rule.id not in house))
    for wrong in check_examples(own):
        raise PackError(f"{wrong.where}: rule {wrong.rule}: expected {wrong.expected}, got {wrong.got}")


def _id(given: str | None, merchant: str) -> str:
    name = given if given is not None else merchant.lower()
    if not _PACK_ID.fullmatch(name):
        raise PackError(f"{name!r} cannot be a pack's id (a-z, 0-9, _ and -): give one with --id")
    if name in shipped_names():
        raise PackError(f"{name!r} is the id of a shipped pack: give another one with --id")
    return name


def _version(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise PackError("--version: must not be empty")
    return text


def _refuse_existing(target: Path | None, force: bool) -> None:
    if target is not None and target.exists() and not force:
        raise PackError(f"{target}: is there already; --force writes over it")


def _write_template(target: Path, force: bool) -> None:
    from qa.drafting.template import template  # noqa: PLC0415 - openpyxl costs a quarter of a second

    _refuse_existing(target, force)
    _save(target, template())
    out().print(f"{target}: fill it in, then qa rules new --merchant M --from {target}")


def _save(target: Path, content: bytes) -> None:
    try:
        target.write_bytes(content)
    except OSError as problem:
        raise PackError(f"{target}: cannot be written: {problem.strerror or problem}") from None


def _report(console: Console, draft: Draft, target: Path | None) -> None:
    for line in _told(draft, target):
        console.print(line, soft_wrap=True)


def _told(draft: Draft, target: Path | None) -> Iterator[str]:
    yield totals(draft)
    yield from (f"not expressed: {left_line(one)}" for one in draft.left)
    if draft.untranslated:
        yield f"no English name, the Chinese one stands in: items {', '.join(map(str, draft.untranslated))}"
    for one in draft.rules:
        if one.beside:
            yield f"item {one.item.number} is measured by the house too, both take points: {', '.join(one.beside)}"
    yield from (f"note: {note}" for note in draft.notes)
    if target is not None:
        yield f"{target}: now qa rules check, test and backtest it"
