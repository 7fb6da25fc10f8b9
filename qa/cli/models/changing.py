"""``qa models promote|rollback|history``: which version judges, and who decided that."""

from __future__ import annotations

import click
import msgspec
import orjson
from rich.table import Table

from qa.cli.common import now, out, pass_settings
from qa.cli.models.opening import registry
from qa.cli.models.reviewed import worse_by_reviews
from qa.cli.owner import user
from qa.config import Settings
from qa.errors import ConfigError
from qa.hours import iso_local
from qa.models.registry import By


@click.command()
@click.argument("version", metavar="V")
@click.option("--force", is_flag=True, help="Even if it is worse; needs --reason.")
@click.option("--reason", metavar="TEXT", help="Why; kept in the history.")
@pass_settings
def promote(settings: Settings, version: str, *, force: bool, reason: str | None) -> None:
    """Make version V the one that judges from the next night on.

    Both judge the frozen and the audit chats that people have reviewed; where those are too few, the cards' figures are
    compared. Refused when it is worse beyond the interval, unless forced with a reason.
    Opinions already given stay, with the version that gave them.
    """
    if force and reason is None:
        raise ConfigError("--force: needs --reason TEXT, which is kept in the history")
    models = registry(settings)
    act = models.promote(version, By(user(), now(), _line(reason), force), worse_by_reviews(settings, models))
    forced = ", forced although it is worse" if act.forced else ""
    out().print(f"{act.version} is current{forced}; before: {act.before}")


@click.command()
@click.option("--reason", metavar="TEXT", help="Why; kept in the history.")
@pass_settings
def rollback(settings: Settings, reason: str | None) -> None:
    """Undo the last promotion: the version before it judges again."""
    act = registry(settings).rollback(By(user(), now(), _line(reason)))
    out().print(f"{act.version} is current again; before: {act.before}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object an act and line.")
@pass_settings
def history(settings: Settings, *, as_json: bool) -> None:
    """List promotions and rollbacks, the latest last."""
    acts = registry(settings).history().acts
    if as_json:
        for act in acts:
            click.echo(orjson.dumps(msgspec.structs.asdict(act) | {"at": iso_local(act.at, settings.zone)}))
        return
    if not acts:
        out().print("nothing has been promoted")
        return
    table = Table("when", "what", "version", "before", "by", "why", box=None, pad_edge=False)
    for act in acts:
        when = iso_local(act.at, settings.zone)[:16].replace("T", " ")
        what = f"{act.act}, forced" if act.forced else act.act
        table.add_row(when, what, act.version, act.before, act.by, act.why or "")
    out().print(table)


def _line(text: str | None) -> str | None:
    """Return a reason, which must be a line of text."""
    if text is not None and not (text.isprintable() and text.strip()):
        raise ConfigError("--reason: must be a line of text")
    return text
