"""``qa models explain|data``: why a model thinks so, and what there is to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import orjson
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qa.cli.common import err, now, out, pass_settings
from qa.cli.models.opening import ManyValues, registry
from qa.cli.models.showing import named
from qa.config import Settings
from qa.errors import NotFoundError
from qa.learning import hits_of, rule_names
from qa.models.explain import Contribution, Explanation
from qa.models.explain import explain as explained
from qa.models.fit import authored_data
from qa.models.hits import rule_of
from qa.models.labelled import counts, labels_of, read_labelled
from qa.models.model import Model
from qa.models.opinions import LABELS, Level, Task
from qa.privacy import REVIEWER, mask_chat
from qa.sources import ReadOptions, Rejected, read_chats
from qa.store.chats import get_chat
from qa.store.migrate import require_ready
from qa.store.session import opened, read_tx
from qa.types import Chat

_ENOUGH = 8
"""Words and figures told for each decision, unless asked for more."""


@click.command()
@click.argument("chat", metavar="CHAT")
@click.option("--merchant", metavar="M", help="Whose chat, where several merchants have that id.")
@click.option(
    "--model", "version", default="current", show_default=True, metavar="VERSION", help="The version that judges."
)
@click.option("--id", "chat_id", metavar="ID", help="Only the chat of this id; else every one of the file.")
@click.option("--turn", type=click.IntRange(0), metavar="N", help="Only this turn, numbered from 0.")
@click.option("--task", type=click.Choice([task.value for task in Task]), help="Only this task.")
@click.option("--label", metavar="L", help="What speaks for this label; by default the most probable one.")
@click.option("--most", type=click.IntRange(1), default=_ENOUGH, show_default=True, help="Words and figures to tell.")
@click.option("--json", "as_json", is_flag=True, help="Every contribution, one JSON object a decision and line.")
@pass_settings
def explain(
    settings: Settings,
    chat: str,
    merchant: str | None,
    version: str,
    chat_id: str | None,
    turn: int | None,
    task: str | None,
    label: str | None,
    most: int,
    *,
    as_json: bool,
) -> None:
    """Take the opinions on a chat apart: which words and figures speak for a label, and by how much.

    CHAT is the id of a chat in the store, or a file of chats: anything that qa import reads. All that is told adds up,
    with the intercept, to the decision value; ``--json`` gives every share and its places in the text.
    """
    models = registry(settings)
    model = Model.from_files(models.read(named(models, version)).files)
    told = 0
    for said in _chats(chat, merchant, settings, chat_id):
        hits = hits_of([said])[0] if model.rules else None
        for one in explained(model, said, hits=hits):
            if (turn is not None and one.turn != turn) or (task is not None and one.task != task):
                continue
            if label is not None and label not in LABELS[one.task]:
                continue
            told += 1
            if as_json:
                click.echo(orjson.dumps({"chat": said.id, **as_dict(one)}))
            else:
                _print(out(), mask_chat(said, REVIEWER), one, label, most)
    if not told:
        raise NotFoundError(f"{chat}: no decision on such a chat, turn, task or label")


def as_dict(one: Explanation) -> dict[str, object]:
    """Return an explanation as JSON holds it; a label that the model never saw has ``null``."""
    labels = LABELS[one.task]
    finite = {
        key: [v if abs(v) != float("inf") else None for v in getattr(one, key)] for key in ("decision", "intercept")
    }
    return {
        "level": one.level,
        "task": one.task,
        "turn": one.turn,
        "labels": labels,
        **finite,
        "probabilities": one.probabilities,
        "contributions": [
            {"name": c.name, "slot": c.slot, "turn": c.turn, "places": c.places, "shares": c.shares}
            for c in one.contributions
        ],
    }


def _chats(named: str, merchant: str | None, settings: Settings, chat_id: str | None) -> Iterator[Chat]:
    """Yield the stored chat of that id, or the chats of a file."""
    path = Path(named)
    if not path.is_file():
        with opened(settings.database_url) as engine:
            require_ready(engine)
            with read_tx(engine) as connection:
                yield get_chat(connection, named, merchant).chat
        return
    for item in read_chats(path, ReadOptions(zone=settings.zone, now=now())):
        if isinstance(item, Rejected):
            err().print(f"{path}:{item.line}: rejected: {item.reason}")
        elif chat_id is None or item.chat.id == chat_id:
            yield item.chat


def _print(console: Console, chat: Chat, one: Explanation, label: str | None, most: int) -> None:
    labels = LABELS[one.task]
    wanted = label or labels[max(range(len(labels)), key=one.probabilities.__getitem__)]
    where = "the chat" if one.turn is None else f"turn {one.turn}"
    shares = ", ".join(f"{name} {p:.0%}" for name, p in zip(labels, one.probabilities, strict=True))
    console.print(f"chat {chat.id}, {one.task} of {where}: {shares}; for {wanted}:")
    if one.turn is not None:
        console.print(Text("  " + chat.messages[one.turn].text))
    loud = one.against(wanted)
    for contribution, share in loud[:most]:
        console.print(Text(f"  {share:+.3f}  {in_words(chat, contribution)}"))
    rest = sum(share for _, share in loud[most:])
    if loud[most:]:
        console.print(f"  {rest:+.3f}  {len(loud) - most} others")


def in_words(chat: Chat, contribution: Contribution) -> str:
    """Return what adds to a decision as a person reads it: the words, the rule with its evidence, or the figure."""
    rule = rule_of(contribution.name)
    name = contribution.name if rule is None else f"{contribution.name} {rule_names().get(rule, '')}".rstrip()
    if contribution.turn is None:
        return name if rule is None else f"{name}: found nothing"
    text = chat.messages[contribution.turn].text
    quotes = dict.fromkeys(text[start:end] for start, end in contribution.places)
    if rule is not None:
        return f"{name}: “{' … '.join(quotes)}” (turn {contribution.turn})"
    kind = f" {contribution.name}" if contribution.name.startswith("‹") else ""  # a group, a tone: more than its words
    return f"“{' … '.join(quotes)}”{kind} ({contribution.slot}, turn {contribution.turn})"


@click.command(cls=ManyValues)
@click.option("--data", "paths", type=click.Path(path_type=Path), multiple=True, metavar="FILE…")
@click.option("--json", "as_json", is_flag=True)
def data(paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Count what there is to learn from: chats, scenarios, customer turns, and each label."""
    chats = read_labelled(paths or authored_data())
    turns = sum(label is not None for chat in chats for label in labels_of(chat, Level.TURN, Task.SATISFACTION))
    figures = {"chats": len(chats), "scenarios": len({chat.scenario for chat in chats}), "labelled turns": turns}
    intents: dict[str, int] = {}
    for chat in chats:
        if chat.intent is not None:
            intents[f"{chat.intent} {chat.type}"] = intents.get(f"{chat.intent} {chat.type}", 0) + 1
    labels = counts(chats)
    if as_json:
        click.echo(orjson.dumps({**figures, "labels": labels, "intents": intents}, option=orjson.OPT_INDENT_2))
        return
    console = out()
    console.print(", ".join(f"{count:,} {name}" for name, count in figures.items()))
    table = Table("", "worst", "middle", "best", box=SIMPLE)
    for name, by_label in labels.items():
        if sum(by_label.values()):
            table.add_row(name, *(f"{label} {count:,}" for label, count in by_label.items()))
    console.print(table)
    console.print(", ".join(f"{name} {count}" for name, count in sorted(intents.items())))
