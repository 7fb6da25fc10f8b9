"""``qa sample explain``: print a draw so that an auditor can redo it by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from shlex import quote
from typing import Any

import click
import orjson
from sqlalchemy import Connection

from qa.cli.common import pass_settings
from qa.config import Settings
from qa.errors import NotFoundError
from qa.policy import Policy
from qa.sampling import sample_size
from qa.store import frames, nights
from qa.store.frames import FrameEntry, StratumRow
from qa.store.migrate import ensure_ready
from qa.store.nights import Night, State
from qa.store.session import opened, read_tx


@click.group()
def command() -> None:
    """The draw of a night."""


@command.command()
@click.argument("day", metavar="DATE")
@click.option("--merchant", metavar="M", help="Only this merchant; by default all nights of the day.")
@click.option("--all", "everything", is_flag=True, help="Also list the chats that were not drawn, with their keys.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a night, every chat of the frame with its key.")
@pass_settings
def explain(settings: Settings, day: str, merchant: str | None, everything: bool, as_json: bool) -> None:
    """Print how the sample of DATE was drawn: policy, salt, sizes, allocation, keys.

    docs/sampling.md says how to redo it with b2sum and nothing else.
    """
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        with read_tx(engine) as connection:
            found = [night for night in nights.nights_of_day(connection, day) if merchant in (None, night.merchant)]
            if not found:
                raise NotFoundError(f"no night of {day} has run" + (f" for merchant {merchant!r}" if merchant else ""))
            for night in found:
                if as_json:
                    click.echo(orjson.dumps(_as_json(connection, night)).decode())
                    continue
                for line in _lines(connection, night, everything):
                    click.echo(line)


def _lines(connection: Connection, night: Night, everything: bool) -> Iterator[str]:
    policy = Policy.from_snapshot(night.policy)
    size, targeted = frames.frame_size(connection, night.id)
    yield f"night      {night.merchant} {night.day}" + ("" if night.state is State.DONE else f" ({night.state.value})")
    yield f"salt       {night.salt}"
    yield f"key        BLAKE2b-128 of salt, line feed, chat id:  printf '%s\\n%s' {night.salt} ID | b2sum -l 128"
    strata_by = ", ".join(policy.stratify)
    yield f"policy     rate {policy.rate:g}, at least {policy.per_agent_minimum} a stratum, by {strata_by}"
    yield f"frame      {size} closed chats: {targeted} targeted (probability 1) + {size - targeted} rest"
    strata = frames.strata_of(connection, night.id)
    for wave, rows in groupby(strata, key=lambda row: row.wave):
        yield from _wave(wave, list(rows), policy)
    yield "targeted"
    for entry in frames.iter_frame(connection, night.id, targeted=True):
        yield f"  {_name(entry)}  {', '.join(entry.reasons or ())}"
    yield "drawn, by stratum: the smallest keys" + (" (· not drawn)" if everything else "; --all lists the others too")
    for entry in frames.iter_frame(connection, night.id, targeted=False):
        if entry.probability is not None or everything:
            yield _drawn(entry)


def _wave(wave: int, rows: list[StratumRow], policy: Policy) -> Iterator[str]:
    rest = sum(row.size for row in rows)
    wanted, drawn = sample_size(rest, policy.rate), sum(row.drawn for row in rows)
    minimums = sum(min(row.size, policy.per_agent_minimum) for row in rows)
    yield (
        f"wave {wave + 1}     n = ceil({policy.rate:g} × {rest}) = {wanted}, minimums {minimums}"
        f" → {drawn} drawn (largest remainder in proportion to size)"
    )
    for row in rows:
        yield f"  {_stratum(row.stratum)}  {row.drawn} of {row.size}  probability {row.drawn / row.size:.6f}"


def _drawn(entry: FrameEntry) -> str:
    mark = " " if entry.probability is not None else "·"
    wave = f"  wave {entry.wave + 1}" if entry.wave else ""
    return f"{mark} {_stratum(entry.stratum)}  {entry.draw_key.hex()}  {_name(entry)}{wave}"


def _stratum(stratum: tuple[str, str]) -> str:
    return " / ".join(part for part in stratum if part) or "(unknown)"


def _name(entry: FrameEntry) -> str:
    return quote(entry.chat_id)


def _as_json(connection: Connection, night: Night) -> dict[str, Any]:
    return {
        "merchant": night.merchant,
        "date": night.day,
        "salt": night.salt,
        "policy": {key: value for key, value in night.policy.items() if key != "salt"},
        "strata": [
            {"wave": row.wave, "agent": row.stratum[0], "channel": row.stratum[1], "size": row.size, "drawn": row.drawn}
            for row in frames.strata_of(connection, night.id)
        ],
        "frame": [
            {
                "id": e.chat_id, "wave": e.wave, "agent": e.stratum[0], "channel": e.stratum[1],
                "key": e.draw_key.hex(), "reasons": e.reasons, "probability": e.probability,
            }
            for e in frames.iter_frame(connection, night.id)
        ],
    }  # fmt: skip
