"""``qa rules list``: the packs that are shipped."""

from __future__ import annotations

from typing import Any

import click
import orjson
from rich.table import Table

from qa.cli.common import out
from qa.rules.pack import Pack, load_house, load_shipped, shipped_names


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a pack and line.")
def list_(as_json: bool) -> None:
    """List the shipped packs: id, version, name, rules of their own and inherited, rules that are off, red lines.

    A command wants the id, the settings acme = "preset:finance", a pack of your own extends: finance.
    """
    found = [_figures(load_shipped(name).pack) for name in shipped_names()]
    if as_json:
        for one in found:
            click.echo(orjson.dumps(one))
        return
    table = Table("pack", "version", "name", "rules", "own", "off", "red lines", box=None, pad_edge=False)
    for one in found:
        figures = (one["rules"], one["own_rules"], one["experimental"], one["red_lines"])
        table.add_row(one["pack"], one["version"], f"{one['name']['zh']} · {one['name']['en']}", *map(str, figures))
    out().print(table)


def _figures(pack: Pack) -> dict[str, Any]:
    """Figures of a pack; ``own_rules`` are those the house pack does not have, ``red_lines`` those that judge."""
    house = load_house().pack
    inherited = set() if pack.id == house.id else {rule.id for rule in house.rules}
    return {
        "pack": pack.id,
        "version": pack.version,
        "name": {"zh": pack.name.zh, "en": pack.name.en},
        "rules": len(pack.rules),
        "own_rules": sum(rule.id not in inherited for rule in pack.rules),
        "experimental": len(pack.rules) - len(pack.active),
        "red_lines": sum(rule.red_line for rule in pack.active),
    }
