"""Tables of the boards: what each inspected chat adds to the figures, and sums over them by day, team and agent.

The sums are made from the facts, and both from what the night stored: they can be dropped and made again
(``qa.boards.rollup``). In the sums ``*`` stands for all teams or all agents; an empty name for chats without one.
"""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from qa.store.tables import Base, ChatRef, Day, InspectionRef, Micros, Name, NameKey, NightRef, Real

ALL = "*"
"""Team or agent of a row that is about all of them."""


class ChatFactRow(Base):
    """What one inspected chat says for the figures; NULL is unknown. Docs: ``qa.boards.facts``."""

    __tablename__ = "chat_facts"
    __table_args__ = (
        Index("ix_chat_facts_merchant_day_inspection_id", "merchant", "day", "inspection_id"),
        Index("ix_chat_facts_day_inspection_id", "day", "inspection_id"),
        Index("ix_chat_facts_agent_id_day", "agent_id", "day"),
    )

    inspection_id: Mapped[InspectionRef] = mapped_column(primary_key=True, autoincrement=False)
    night_id: Mapped[NightRef] = mapped_column(index=True)
    chat_pk: Mapped[ChatRef] = mapped_column(index=True)
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
        Index("ix_board_sums_figure", "figure", "day", "merchant", "agent"),
        Index("ix_board_sums_day", "agent", "team", "day", "figure"),
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


chat_facts = Base.metadata.tables["chat_facts"]
board_sums = Base.metadata.tables["board_sums"]
board_hours = Base.metadata.tables["board_hours"]
board_nights = Base.metadata.tables["board_nights"]
