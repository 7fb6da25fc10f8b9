"""Tables of accounts, their sessions, attempts to log in, and the audit log; docs/store.md explains them."""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from qa.store.tables import AutoId, Base, Json, Micros, Name, OwnId

Hash32 = Annotated[bytes, mapped_column(LargeBinary(32))]
"""A SHA-256."""
UserRef = Annotated[int, mapped_column(BigInteger, ForeignKey("users.id"))]


class UserRow(Base):
    """One account."""

    __tablename__ = "users"

    id: Mapped[AutoId]
    name: Mapped[Name] = mapped_column(unique=True)
    shown_as: Mapped[Json]
    role: Mapped[Name]
    merchants: Mapped[Json | None]
    team: Mapped[Name | None]
    agent_id: Mapped[Name | None]
    password: Mapped[Name | None]
    link_hash: Mapped[Hash32 | None] = mapped_column(unique=True)
    link_until: Mapped[Micros | None]
    language: Mapped[Name | None]
    theme: Mapped[Name | None]
    created_at: Mapped[Micros]
    disabled_at: Mapped[Micros | None]


class SessionRow(Base):
    """Somebody is logged in. Only the SHA-256 of the token is here: who reads this table is not logged in by it."""

    __tablename__ = "sessions"

    token_hash: Mapped[Hash32] = mapped_column(primary_key=True)
    user_id: Mapped[UserRef] = mapped_column(index=True)
    created_at: Mapped[Micros]
    seen_at: Mapped[Micros]
    expires_at: Mapped[Micros]


class LoginAttemptRow(Base):
    """One try to log in, until the throttle has forgotten it. Names are hashed: passwords get typed there."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("ix_login_attempts_name", "name_hash", "at"),
        Index("ix_login_attempts_address", "address", "at"),
    )

    id: Mapped[AutoId]
    at: Mapped[Micros]
    name_hash: Mapped[Hash32]
    address: Mapped[Name]


class AuditRow(Base):
    """One act, chained to the one before. Triggers refuse to change or remove a row."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_actor", "actor", "id"),
        Index("ix_audit_log_action", "action", "id"),
        Index("ix_audit_log_subject", "subject", "id"),
    )

    id: Mapped[OwnId]
    at: Mapped[Micros]
    actor: Mapped[Name]
    action: Mapped[Name]
    subject: Mapped[Name]
    details: Mapped[Json]
    previous: Mapped[Hash32]
    hash: Mapped[Hash32]


users = Base.metadata.tables["users"]
sessions = Base.metadata.tables["sessions"]
login_attempts = Base.metadata.tables["login_attempts"]
audit_log = Base.metadata.tables["audit_log"]
