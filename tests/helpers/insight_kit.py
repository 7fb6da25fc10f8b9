"""What tests of the pages on nights, rules, models and users need: samples for the permission walk, and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import web_kit
from sqlalchemy import Engine, select

from qa.backtest import Backtest, kept
from qa.backtest.result import VERSION, Bin, BrokenRule, Example, Quote, RuleShift, RuleState, ScoreShift, Voided
from qa.rulehealth import hash_of, standard_of
from qa.rules.diff import Side
from qa.store import reviews
from qa.store.reviews import Review, Verdict
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats, findings, inspections, nights
from qa.types import Dimension, Role, Severity
from qa.web.places import BACKTESTS

OWN_NIGHT, FOREIGN_NIGHT = 901, 902
REPORT = "draft.html"
RUN = "20261118T110640Z-draft-2.json"


def samples(sample: Callable[..., Any]) -> Mapping[str, Any]:
    """Samples of the objects that these pages name, for the walk over the permission table."""
    house = standard_of(None, None)
    digest, rule = hash_of(house), house.pack.rules[0].id
    return {
        "night": sample(OWN_NIGHT, FOREIGN_NIGHT, two_nights),
        "ruleset": sample(digest, digest),
        "rule": sample(rule, rule),
        "report": sample(REPORT, REPORT, a_report),
        "run": sample(RUN, RUN, a_result),
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


def example(merchant: str, chat: str, quote: str) -> Example:
    """A chat behind a figure of a backtest."""
    place = Quote(1, 2, 2 + len(quote), Role.AGENT, "这个", quote, "", absent=False)
    return Example(merchant, chat, "2026-11-20", "a-1", 90.0, 80.0, "说了", (place,))


def a_backtest(newly: tuple[Example, ...] = (), broken: tuple[BrokenRule, ...] = ()) -> Backtest:
    """A small result: one rule fires on other chats, as ``newly`` says."""
    score = ScoreShift(None, None, 90, 91.5, 90.0, -1.5, -2.0, -1.0, 3, 12)
    of = msgspec.structs.replace
    none = Voided(0, 0.0, ())
    rule = RuleShift(
        "dont-know", "推说不知道", "Says he does not know", Dimension.PROFESSIONALISM, Severity.MAJOR, False,  # noqa: FBT003 - a field
        RuleState.CHANGED, 5, 5 + len(newly), 5, len(newly), 0, 7.5, 0.0, 0, 0, -0.5, -0.9, newly, (),
    )  # fmt: skip
    same = of(rule, rule="quiet", newly=0, newly_examples=(), points_new=-0.5, state=RuleState.SAME)
    side = Side("house", "1", "0" * 16, 96)
    bins = (Bin(None, -20.0, 1), Bin(-20.0, -0.005, 11), Bin(-0.005, 0.005, 75), Bin(0.005, 1.0, 3), Bin(20.0, None, 0))
    return Backtest(
        VERSION, "2026-11-20", "2026-11-20", "sampled", ("acme", "other"), of(side, pack="draft", version="2"),
        {"acme": side, "other": side}, 90, 300, 0, ("other: no finished night of 2026-11-19",), score,
        (of(score, merchant="acme"), of(score, merchant="other")),
        (of(score, merchant="acme", agent="a-1"), of(score, merchant="other", agent="a-far")),
        bins, 4, 6, 1, 1, none, none, (rule, same), (), broken, 0, len(broken),
    )  # fmt: skip


def a_result(kit: web_kit.Kit, result: Backtest | None = None) -> str:
    """A result that is kept where the application looks; returns its name."""
    return kept.keep(kit.app.extensions["zhijian"].settings.data_dir, result or a_backtest(), web_kit.NOW).name


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
