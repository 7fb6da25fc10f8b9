"""Tables of the boards: what each inspected chat adds to the figures, and sums over them by day, team and agent.

The sums are made from the facts, and both from what the night stored: they can be dropped and made again
(``qa.boards.rollup``). In the sums ``*`` stands for all teams or all agents; an empty name for chats without one.
"""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from qa.store.tables import (
    Base,
    ChatRef,
    Day,
    InspectionRef,
    Json,
    Micros,
    Name,
    NameKey,
    NightRef,
    Real,
    RunRef,
    _where,
)

ALL = "*"
"""Team or agent of a row that is about all of them."""
OF_AGENTS = "figure = 'mean_score' AND agent NOT IN ('*', '')"
"""The sums by which agents are compared: their index holds all of a row, for thousands of agents have one every day."""
OF_ALL = "agent = '*' AND team = '*'"
"""The sums over all chats of a merchant: their index, too, as a board adds up every rule and day of all merchants."""
_NUMBERS = ("chats", "bad", "freedom", "y", "x", "v_yy", "v_xy", "v_xx", "noise", "y_known", "x_known")
_SCORES = ("day", "merchant", "agent", "team", *_NUMBERS)
_WHOLE = ("agent", "team", "figure", "day", "merchant", *_NUMBERS)  # SQLite chooses it by how many conditions it meets


class ChatFactRow(Base):
    """What one inspected chat says for the figures; NULL is unknown. Docs: ``qa.boards.facts``."""

    __tablename__ = "chat_facts"
    __table_args__ = (
        Index("ix_chat_facts_merchant_day_inspection_id", "merchant", "day", "inspection_id"),
        Index("ix_chat_facts_day_inspection_id", "day", "inspection_id"),
        Index("ix_chat_facts_agent_id_day", "agent_id", "day"),
        Index("ix_chat_facts_chat_pk_day_merchant", "chat_pk", "day", "merchant"),
    )

    inspection_id: Mapped[InspectionRef] = mapped_column(primary_key=True, autoincrement=False)
    night_id: Mapped[NightRef] = mapped_column(index=True)
    chat_pk: Mapped[ChatRef]
    merchant: Mapped[Name]
    day: Mapped[Day]
    weekday: Mapped[int | None]
    hour: Mapped[int | None]
    team: Mapped[Name | None]
    agent_id: Mapped[Name | None]
    score: Mapped[Real | None]
    red_line: Mapped[bool]
    broken: Mapped[bool]
    waits: Mapped[int]
    response_s: Mapped[Real]
    due: Mapped[int]
    in_time: Mapped[int]
    solved: Mapped[int | None]
    satisfaction: Mapped[Real | None]
    escalated: Mapped[int | None]


class BoardSumRow(Base):
    """Expanded totals of one figure over one day's chats, with the parts of their variance (``qa.boards.sums``)."""

    __tablename__ = "board_sums"
    __table_args__ = (
        Index("ix_board_sums_day", "agent", "team", "day", "figure"),
        Index("ix_board_sums_scores", *_SCORES, **_where(OF_AGENTS, OF_AGENTS)),  # type: ignore[arg-type]
        Index("ix_board_sums_whole", *_WHOLE, **_where(OF_ALL, OF_ALL)),  # type: ignore[arg-type]
        {"sqlite_with_rowid": False},
    )

    agent: Mapped[NameKey]
    team: Mapped[NameKey]
    merchant: Mapped[NameKey]
    day: Mapped[Day] = mapped_column(primary_key=True)
    figure: Mapped[NameKey]
    night_id: Mapped[NightRef] = mapped_column(index=True)
    chats: Mapped[int]
    bad: Mapped[int]
    freedom: Mapped[int]
    y: Mapped[Real]
    x: Mapped[Real]
    v_yy: Mapped[Real]
    v_xy: Mapped[Real]
    v_xx: Mapped[Real]
    noise: Mapped[Real]
    y_known: Mapped[Real]
    x_known: Mapped[Real]


class BoardHourRow(Base):
    """One hour of one day: chats of the frame that began in it, and what the inspected ones of them add up to."""

    __tablename__ = "board_hours"
    __table_args__ = (Index("ix_board_hours_day", "agent", "team", "day"), {"sqlite_with_rowid": False})

    agent: Mapped[NameKey]
    team: Mapped[NameKey]
    merchant: Mapped[NameKey]
    day: Mapped[Day] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    night_id: Mapped[NightRef] = mapped_column(index=True)
    chats: Mapped[int]
    inspected: Mapped[int]
    due: Mapped[Real]
    late: Mapped[Real]
    waits: Mapped[Real]
    response_s: Mapped[Real]


class BoardNightRow(Base):
    """A night whose sums are made, and what was known then: its end, the newest review, the newest day."""

    __tablename__ = "board_nights"

    night_id: Mapped[NightRef] = mapped_column(primary_key=True, autoincrement=False)
    finished_at: Mapped[Micros | None]
    review: Mapped[int]
    newest_day: Mapped[Day]


class CountedNightRow(Base):
    """What one night says of rules and of agents, packed as ``qa.store.night_counts`` does, with what was known then.

    ``run``: the newest run of the night, NULL where one of them was still at work; the reviews that are in it are those
    up to ``board_nights.review``.
    """

    __tablename__ = "counted_nights"
    __table_args__ = (Index("ix_counted_nights_day_merchant", "day", "merchant"),)

    night_id: Mapped[NightRef] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[Day]
    merchant: Mapped[Name]
    finished_at: Mapped[Micros | None]
    run: Mapped[RunRef | None]
    inspected: Mapped[int]
    rules: Mapped[Json]
    pairs: Mapped[Json]
    agents: Mapped[Json]


chat_facts = Base.metadata.tables["chat_facts"]
board_sums = Base.metadata.tables["board_sums"]
board_hours = Base.metadata.tables["board_hours"]
board_nights = Base.metadata.tables["board_nights"]
counted_nights = Base.metadata.tables["counted_nights"]
