"""``qa models suggest``: which chats a person should label next."""

from __future__ import annotations

import click
import orjson
from rich.table import Table

from qa.cli.common import out, pass_settings, progress
from qa.cli.import_ import DayParam, NameParam
from qa.cli.models.opening import registry
from qa.config import Settings
from qa.learning import Suggested, counted, suggestions
from qa.models.model import Model
from qa.models.suggest import Why
from qa.policy import Policy
from qa.store.migrate import require_ready
from qa.store.session import opened, read_tx


@click.command()
@click.option("--n", "number", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many chats.")
@click.option("--merchant", metavar="M", help="Only this merchant's chats.")
@click.option("--since", type=DayParam(), help="Only chats from this local day on.")
@click.option(
    "--salt", type=NameParam(), metavar="TEXT", help="Draws the random share.  [default: that of the sampling policy]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a chat and line.")
@pass_settings
def suggest(
    settings: Settings, number: int, merchant: str | None, since: str | None, salt: str | None, *, as_json: bool
) -> None:
    """List inspected chats that nobody has reviewed, those first from which a model would learn most.

    Chosen by how uncertain the current model is and how different the chats are from each other; a fifth is drawn at
    random. Audit chats are never among them. The same store, model and salt give the same list.
    """
    model = registry(settings).load(Model.from_files)
    days = None if since is None else (since, "9999-12-31")
    with opened(settings.database_url) as engine, progress() as shown:
        require_ready(engine)
        with read_tx(engine) as connection:
            found = suggestions(
                connection, model.model, number, salt=salt or _salt(settings), merchant=merchant, days=days,
                progress=shown,
            )  # fmt: skip
    if as_json:
        for one in found:
            click.echo(orjson.dumps(_as_json(one)))
        return
    if not found:
        out().print("there is no inspected chat that nobody has reviewed")
        return
    table = Table("merchant", "day", "chat", "why", "uncertainty", "difference", box=None, pad_edge=False)
    for one in found:
        chat, why = one.chat, one.suggestion
        table.add_row(
            chat.merchant, chat.day, chat.chat_id, why.why.value, f"{why.uncertainty:.3f}", f"{why.distance:.3f}"
        )  # fmt: skip
    out().print(table)
    kinds = counted(found)
    out().print(f"{len(found)} chats by {model.version}: {kinds[Why.UNCERTAIN]} uncertain, {kinds[Why.RANDOM]} random")


def _salt(settings: Settings) -> str:
    """The salt of the house's sampling policy, whatever merchants have of their own."""
    return str(settings.policy.get("salt") or Policy().salt)


def _as_json(one: Suggested) -> dict[str, str | float]:
    return {
        "merchant": one.chat.merchant, "day": one.chat.day, "chat": one.chat.chat_id,
        "why": one.suggestion.why.value, "uncertainty": one.suggestion.uncertainty, "distance": one.suggestion.distance,
    }  # fmt: skip
