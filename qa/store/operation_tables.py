"""Tables of running an installation: chats whose texts are gone, and how long the stages of nights took."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from qa.store.tables import Base, ChatRef, Json, Micros, Name, NameKey, NightRef, Real


class DroppedTextRow(Base):
    """What was said in this revision is no longer stored, or is just being dropped. ``reason``: see docs.

    ``body``: the chat with every character covered, kept where an inspection or a review points at it.
    """

    __tablename__ = "dropped_texts"

    chat_pk: Mapped[ChatRef] = mapped_column(primary_key=True, autoincrement=False)
    dropped_at: Mapped[Micros]
    reason: Mapped[Name]
    body: Mapped[Json | None]


class StageTimeRow(Base):
    """How many seconds one stage of a night took, when it was last worked on. No part of any result."""

    __tablename__ = "stage_times"

    night_id: Mapped[NightRef] = mapped_column(primary_key=True, autoincrement=False)
    stage: Mapped[NameKey]
    seconds: Mapped[Real]


stage_times = Base.metadata.tables["stage_times"]
dropped_texts = Base.metadata.tables["dropped_texts"]
