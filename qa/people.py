"""Who uses the workbench, and which chats are within a person's reach.

A person has one role. What the role may do where is a table of the web (``qa.web.permissions``); which objects it may
do it to is decided here, as values: a ``Scope`` (what the person's rows are limited to) and a ``Place`` (where an
object lies).
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import NamedTuple

from qa.errors import QaError
from qa.types import Instant


class UserRole(StrEnum):
    """What a person is here for; ``qa.types.Role`` is the author of a message."""

    SPECIALIST = "specialist"
    LEAD = "lead"
    TRAINER = "trainer"
    AGENT = "agent"
    MERCHANT_VIEWER = "merchant_viewer"
    ADMIN = "admin"


class Reach(StrEnum):
    """How far a permission goes."""

    PUBLIC = "public"
    """Nobody needs to be logged in."""
    ALL = "all"
    """Every object."""
    MERCHANT = "merchant"
    """Objects of the user's merchants (a user without any is for all)."""
    TEAM = "team"
    """As MERCHANT, and for a user with a team only that team's."""
    SELF = "self"
    """What belongs to the user: his own account, or the chats he served as an agent."""


class AccountError(QaError):
    """An account cannot be made or changed like that."""


class User(NamedTuple):
    """One account. ``merchants`` None: all of them; ``team`` None: not limited to one."""

    id: int
    name: str
    shown_as: str
    role: UserRole
    merchants: tuple[str, ...] | None
    team: str | None
    agent_id: str | None
    disabled_at: Instant | None
    has_password: bool
    link_until: Instant | None
    language: str | None
    theme: str | None


class Scope(NamedTuple):
    """What is within reach: None does not limit. ``user_id`` and ``agent_id`` are set together, for SELF."""

    merchants: tuple[str, ...] | None = None
    team: str | None = None
    agent_id: str | None = None
    user_id: int | None = None


class Place(NamedTuple):
    """Where an object lies; None: it has no such thing, and is out of reach for whoever is limited by it."""

    merchant: str | None = None
    team: str | None = None
    agent_id: str | None = None
    user_id: int | None = None


NOWHERE = Scope(merchants=())
"""Reaches nothing."""

LONGEST_NAME = 64
_NAME = re.compile(r"[\w][\w.@+-]*")


def login_name(typed: str) -> str:
    """The name under which an account is kept: folded, so that one person cannot be two.

    Raises ``AccountError`` where it holds anything but letters, digits and ``. @ + - _``, or is too long.

    >>> login_name(" Ｌi.Wei ")
    'li.wei'
    """
    name = folded(typed)
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise AccountError(
            f"{typed[:LONGEST_NAME]!r} cannot be a login name: letters, digits and . @ + - _, at most {LONGEST_NAME}"
        )
    return name


def folded(typed: str) -> str:
    """What was typed as a login name, in the form in which names are compared."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def check_account(role: UserRole, merchants: tuple[str, ...] | None, team: str | None, agent_id: str | None) -> None:
    """Raise ``AccountError`` where a role lacks what limits it, or has what means nothing for it."""
    if role is UserRole.AGENT and (agent_id is None or not merchants):
        raise AccountError("an agent sees the own chats: give the agent's id and at least one merchant")
    if role is not UserRole.AGENT and agent_id is not None:
        raise AccountError(f"an agent's id is for the role agent, not for {role.value}")
    if role is UserRole.MERCHANT_VIEWER and not merchants:
        raise AccountError("a merchant's viewer needs at least one merchant")
    if role is UserRole.ADMIN and (merchants or team):
        raise AccountError("an admin is for the whole installation: no merchants and no team")
    if any(not value.strip() for value in (*(merchants or ()), team or "-", agent_id or "-")):
        raise AccountError("a merchant, team or agent's id is empty")


def scope_of(user: User, reach: Reach) -> Scope:
    """What ``reach`` means for this user.

    SELF is limited to the user's merchants too: ids of agents are those of each merchant's own system.
    """
    match reach:
        case Reach.ALL:
            return Scope()
        case Reach.MERCHANT:
            return Scope(merchants=user.merchants)
        case Reach.TEAM:
            return Scope(merchants=user.merchants, team=user.team)
        case Reach.SELF:
            return Scope(merchants=user.merchants, agent_id=user.agent_id, user_id=user.id)
        case Reach.PUBLIC:
            return NOWHERE


def within(scope: Scope, place: Place) -> bool:
    """Whether an object at ``place`` is within reach.

    >>> within(Scope(merchants=("acme",)), Place(merchant="acme")), within(Scope(merchants=("acme",)), Place())
    (True, False)
    """
    if scope.user_id is not None:
        if place.user_id is not None:
            return place.user_id == scope.user_id
        if scope.agent_id is None or place.agent_id != scope.agent_id:
            return False
    in_merchant = scope.merchants is None or place.merchant in scope.merchants
    return in_merchant and (scope.team is None or place.team == scope.team)
