"""What tests of the pages on nights, rules, models and users need: samples for the permission walk, and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import web_kit
from sqlalchemy import Engine, select

from qa.rulehealth import hash_of, standard_of
from qa.store import reviews
from qa.store.reviews import Review, Verdict
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats, findings, inspections, nights
from qa.web.places import BACKTESTS

OWN_NIGHT, FOREIGN_NIGHT = 901, 902
REPORT = "draft.html"


def samples(sample: Callable[..., Any]) -> Mapping[str, Any]:
    """Samples of the objects that these pages name, for the walk over the permission table."""
    house = standard_of(None, None)
    digest, rule = hash_of(house), house.pack.rules[0].id
    return {
        "night": sample(OWN_NIGHT, FOREIGN_NIGHT, two_nights),
        "ruleset": sample(digest, digest),
        "rule": sample(rule, rule),
        "report": sample(REPORT, REPORT, a_report),
        "version": sample("shipped", "shipped"),
        "account": sample("walked", "walked", lambda kit: kit.user("trainer", "walked")),
    }


def two_nights(kit: web_kit.Kit) -> None:
    """A night of the kit's merchant, and one of another."""
    with write_tx(kit.engine) as connection:
        for key, merchant in ((OWN_NIGHT, "acme"), (FOREIGN_NIGHT, "other")):
            row = {"id": key, "merchant": merchant, "day": "2025-01-01", "state": "screening", "salt": "s"}
            connection.execute(nights.insert().values(row | {"policy": b"{}", "waves": 1, "started_at": 1}))


def a_report(kit: web_kit.Kit) -> None:
    """The page of a backtest."""
    from qa.web.context import Workbench

    parts = kit.app.extensions["zhijian"]
    assert isinstance(parts, Workbench)
    folder = parts.settings.data_dir / BACKTESTS
    folder.mkdir(exist_ok=True)
    (folder / REPORT).write_text("<!doctype html><title>x</title>", "utf-8")


def found_by(engine: Engine, rule: str) -> list[tuple[int, int, int]]:
    """(chat key, inspection, finding) of every finding of a rule, by key."""
    query = (
        select(inspections.c.chat_pk, inspections.c.id, findings.c.id)
        .join(inspections, inspections.c.id == findings.c.inspection_id)
        .where(findings.c.rule == rule)
        .order_by(findings.c.id)
    )
    with read_tx(engine) as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def all_chats(engine: Engine) -> list[int]:
    """Keys of all chats."""
    with read_tx(engine) as connection:
        return list(connection.execute(select(chats.c.id).order_by(chats.c.id)).scalars())


def say(
    engine: Engine, chat_pk: int, at: int, *verdicts: Verdict, by: str = "li", kind: str = "queue",
    inspection: int | None = None, **labels: Any,
) -> None:  # fmt: skip
    """Store a review."""
    review = Review(
        token=f"{by}:{chat_pk}:{at}", chat_pk=chat_pk, kind=kind, reviewer=by, reviewed_at=at,
        inspection_id=inspection, verdicts=verdicts, **labels,
    )  # fmt: skip
    with write_tx(engine) as connection:
        reviews.add_review(connection, review)
