"""Who may log in to the demo's workbench: one account for each role, each with a one-time link and no password."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Engine

from qa.accounts import NewUser, add_user, list_users, reset_user
from qa.people import UserRole
from qa.store.audit import Act


class Login(NamedTuple):
    """How to log in as one role; ``token`` None: with the password that was chosen."""

    role: UserRole
    name: str
    token: str | None


def people(merchant: str, agent_id: str | None) -> tuple[NewUser, ...]:
    """Return the demo's accounts; the agent is ``agent_id`` of ``merchant``, which the viewer sees too."""
    whole = (UserRole.SPECIALIST, UserRole.LEAD, UserRole.TRAINER, UserRole.ADMIN)
    agent = [] if agent_id is None else [NewUser("agent", UserRole.AGENT, None, (merchant,), None, agent_id)]
    return (
        *(NewUser(role.value, role) for role in whole),
        *agent,
        NewUser("viewer", UserRole.MERCHANT_VIEWER, None, (merchant,)),
    )


def logins(engine: Engine, act: Act, wanted: tuple[NewUser, ...]) -> Iterator[Login]:
    """Make the accounts that are absent, and yield how to log in to each.

    An account that nobody has chosen a password for gets a new link: the one before may be too old.
    """
    known = {user.name: user for user in list_users(engine)}
    for one in wanted:
        user = known.get(one.name)
        if user is None:
            _, link = add_user(engine, act, one, secrets.token_urlsafe(32))
        elif user.has_password or user.disabled_at is not None:
            yield Login(one.role, one.name, None)
            continue
        else:
            _, link = reset_user(engine, act, one.name, secrets.token_urlsafe(32))
        yield Login(one.role, one.name, link.token)
