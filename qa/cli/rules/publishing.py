"""``qa rules publish|history``: record a standard, and what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table

from qa.cli.common import now, out, pass_settings
from qa.cli.owner import user
from qa.cli.rules.packs import PACK, judging_standard, named_pack
from qa.config import Settings
from qa.errors import ConfigError
from qa.hours import iso_local
from qa.publishing import Act, Published
from qa.publishing import publish as publish_pack
from qa.rules.inspector import load_scorecard
from qa.store.chats import merchants
from qa.store.migrate import ensure_ready, require_ready
from qa.store.publications import Publication, publications_of
from qa.store.session import opened, read_tx

_EVERYBODY = "all without their own"
_HASH_SHOWN = 12


@click.command()
@click.argument("pack", metavar="PACK", type=PACK)
@click.option("--merchant", metavar="M", help="For this merchant; by default for all without a pack of their own.")
@click.option("--note", metavar="TEXT", help="Why, or who agreed to it.")
@pass_settings
def publish(settings: Settings, pack: Path, merchant: str | None, note: str | None) -> None:
    """Record PACK, with all that it inherits, and the scorecard as the standard from now on.

    Examples must do what they should, and changed content needs a new version. Old scores stay as they are. Nights
    judge by the packs that the settings name: publishing says where these differ from what is published.
    """
    for option, text in (("--merchant", merchant), ("--note", note)):
        if text is not None and not (text.isprintable() and text.strip()):
            raise ConfigError(f"{option}: must be a line of text")
    located = named_pack(pack)
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        done = publish_pack(engine, located, load_scorecard(settings.scorecard), Act(user(), now(), merchant, note))
        with read_tx(engine) as connection:
            unknown = merchant is not None and merchant not in merchants(connection)
    one, console = done.publication, out()
    what = f"{one.pack} {one.version} ({one.ruleset[:_HASH_SHOWN]}) for {one.merchant or _EVERYBODY}"
    if done.recorded:
        console.print(f"published {what}, by {one.published_by}")
    else:
        when = iso_local(one.published_at, settings.zone)[:16].replace("T", " ")
        console.print(f"nothing to record: {what} is the last one published, {when} by {one.published_by}")
    if unknown:
        console.print(f"no chats of merchant {merchant!r} are stored yet")
    for line in _elsewhere(settings, done):
        console.print(line)


def _elsewhere(settings: Settings, done: Published) -> list[str]:
    """Which nights judge by something else, by the settings of today."""
    merchant = done.publication.merchant
    if merchant is None and done.standard.pack != judging_standard(None, settings.scorecard).pack:
        return ["note: nights of merchants without a pack in the settings judge by the house pack, not by this one"]
    file = None if merchant is None else settings.packs.get(merchant)
    if merchant is None or judging_standard(file, settings.scorecard).hash == done.standard.hash:
        return []
    named = f"{file}, whose content is another" if file else "the house pack: the settings name none for it"
    return [f"note: nights of {merchant} judge by {named}; set [packs] {merchant} to the published file"]


@click.command()
@click.option("--merchant", metavar="M", help="Only what was published for this merchant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a publication and line.")
@pass_settings
def history(settings: Settings, merchant: str | None, as_json: bool) -> None:
    """List what was published, for whom, when, by whom; the latest last."""
    with opened(settings.database_url) as engine:
        require_ready(engine)
        with read_tx(engine) as connection:
            found = publications_of(connection, merchant)
    if as_json:
        for one in found:
            click.echo(orjson.dumps(_as_dict(one, settings)))
        return
    if not found:
        out().print("nothing has been published")
        return
    table = Table("published", "pack", "version", "for", "by", "rule set", "note", box=None, pad_edge=False)
    for one in found:
        when = iso_local(one.published_at, settings.zone)[:16].replace("T", " ")
        whom, digest = one.merchant or _EVERYBODY, one.ruleset[:_HASH_SHOWN]
        table.add_row(when, one.pack, one.version, whom, one.published_by, digest, one.note or "")
    out().print(table)


def _as_dict(one: Publication, settings: Settings) -> dict[str, Any]:
    return one._asdict() | {"published_at": iso_local(one.published_at, settings.zone)}
