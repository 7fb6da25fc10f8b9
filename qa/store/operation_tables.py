"""Tables of running an installation: chats whose texts are gone, and how long the stages of nights took."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import Mapped, mapped_column

from qa.store.tables import Base, ChatRef, Micros, Name, NameKey, NightRef, Real, chats


class DroppedTextRow(Base):
    """What was said in this revision is no longer stored; every character of it is covered. ``reason``: see docs."""

    __tablename__ = "dropped_texts"

    chat_pk: Mapped[ChatRef] = mapped_column(primary_key=True, autoincrement=False)
    dropped_at: Mapped[Micros]
    reason: Mapped[Name]


class StageTimeRow(Base):
    """How many seconds one stage of a night took, when it was last worked on. No part of any result."""

    __tablename__ = "stage_times"

    night_id: Mapped[NightRef] = mapped_column(primary_key=True, autoincrement=False)
    stage: Mapped[NameKey]
    seconds: Mapped[Real]


stage_times = Base.metadata.tables["stage_times"]
dropped_texts = Base.metadata.tables["dropped_texts"]

TEXT_THERE: ColumnElement[bool] = ~exists().where(dropped_texts.c.chat_pk == chats.c.id)
"""The condition, for a query over chats, that what was said is still there."""
