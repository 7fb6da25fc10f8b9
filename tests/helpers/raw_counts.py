"""What pages say of rules and agents, straight from inspections, findings and reviews: slow, and nothing is kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, case, exists, func, select, true

from qa.store.stars import Cell
from qa.store.tables import chats, findings, frame, inspections, nights, reviews, runs, verdicts

FIRED = ("failed", "bonus")
_i, _c, _f, _n, _r, _v = inspections.c, chats.c, frame.c, nights.c, reviews.c, verdicts.c


def rules(connection: Connection, days: tuple[str, str], merchants: list[str]) -> dict[str, Any]:
    """Return inspections, how often each rule fired, pairs that fired together, and the latest words."""
    joined = inspections.join(runs, runs.c.id == _i.run_id).join(nights, _n.id == _i.night_id)
    within = (_n.day.between(*days), _n.merchant.in_(merchants))
    own = runs.c.kind != "rescore"
    f, other = findings.alias("f"), findings.alias("other")
    fired = select(f.c.rule, func.count()).select_from(joined.join(f, f.c.inspection_id == _i.id))
    fired = fired.where(*within, own, f.c.outcome.in_(FIRED)).group_by(f.c.rule)
    both = joined.join(f, f.c.inspection_id == _i.id)
    both = both.join(other, (other.c.inspection_id == _i.id) & (other.c.rule > f.c.rule))
    pairs = select(f.c.rule, other.c.rule, func.count()).select_from(both)
    pairs = pairs.where(*within, own, f.c.outcome.in_(FIRED), other.c.outcome.in_(FIRED))
    order = func.row_number().over(partition_by=_v.finding_id, order_by=(_r.reviewed_at.desc(), _r.id.desc()))
    judged = joined.join(findings, findings.c.inspection_id == _i.id).join(verdicts, _v.finding_id == findings.c.id)
    latest = select(_v.rule, _v.verdict, order.label("place")).select_from(judged.join(reviews, _r.id == _v.review_id))
    last = latest.where(*within).subquery()
    said = select(last.c.rule, last.c.verdict, func.count()).where(last.c.place == 1)
    number = select(func.count()).select_from(joined).where(*within, own)
    return {
        "inspected": connection.execute(number).scalar_one(),
        "fired": dict(map(tuple, connection.execute(fired))),
        "together": sorted(map(tuple, connection.execute(pairs.group_by(f.c.rule, other.c.rule)))),
        "said": sorted(map(tuple, connection.execute(said.group_by(last.c.rule, last.c.verdict)))),
    }


def agents(
    connection: Connection, days: tuple[str, str], merchants: list[str], team: str | None
) -> tuple[list[Cell], list[tuple[Any, ...]]]:
    """Return the cells of the strata and what stands out (merchant, agent, team and four numbers), sorted."""
    limits: list[ColumnElement[bool]] = [_n.day.between(*days), _c.agent_id.is_not(None), _c.merchant.in_(merchants)]
    limits += [] if team is None else [_c.team == team]
    score = case((_i.broken.is_not(None), None), else_=func.coalesce(_reviewed(), _i.score))
    stratum = (_c.merchant, _c.agent_id, _f.night_id, _f.wave, _f.channel, _f.reasons.is_not(None).label("targeted"))
    sums = (func.count(), func.count(_i.id), func.count(score), func.sum(score), func.sum(score * score))
    joined = frame.join(nights, _n.id == _f.night_id).join(chats, _c.id == _f.chat_pk)
    joined = joined.outerjoin(inspections, (_i.chat_pk == _c.id) & (_i.night_id == _f.night_id) & _is_latest())
    cells = [
        Cell(
            r[0], r[1], f"{r[2]}:{r[3]}:{r[4]}:{int(bool(r[5]))}", bool(r[5]), r[6], r[7], r[8],
            round(r[9] or 0.0, 6), round(r[10] or 0.0, 6),
        )
        for r in connection.execute(select(*stratum, *sums).select_from(joined).where(*limits).group_by(*stratum))
    ]  # fmt: skip
    red = _i.red_line == true()
    seen = (_praised(), _marked(), red & (_reviewed() == 0), red & _reviewed().is_(None))
    query = select(_c.merchant, _c.agent_id, func.max(_c.team), *(func.sum(case((one, 1), else_=0)) for one in seen))
    done = inspections.join(chats, _c.id == _i.chat_pk).join(nights, _n.id == _i.night_id)
    query = query.select_from(done).where(*limits, _is_latest(), _i.broken.is_(None))
    return sorted(cells), sorted(map(tuple, connection.execute(query.group_by(_c.merchant, _c.agent_id))))


def _is_latest() -> ColumnElement[bool]:
    later = inspections.alias("later")
    return ~exists().where(later.c.chat_pk == _i.chat_pk, later.c.id > _i.id)


def _reviewed() -> Any:
    said = select(_r.score).where(_r.chat_pk == _i.chat_pk, _r.score.is_not(None))
    return said.order_by(_r.id.desc()).limit(1).correlate(inspections).scalar_subquery()


def _praised() -> ColumnElement[bool]:
    return exists().where(findings.c.inspection_id == _i.id, findings.c.outcome == "bonus")


def _marked() -> ColumnElement[bool]:
    later = reviews.alias("said_later")
    again = exists().where(later.c.chat_pk == _r.chat_pk, later.c.reviewer == _r.reviewer, later.c.id > _r.id)
    return exists().where(_r.chat_pk == _i.chat_pk, _r.excellent == true(), ~again)
