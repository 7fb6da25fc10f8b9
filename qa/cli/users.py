"""``qa users``: who may log in to the workbench. Passwords are never typed here: a one-time link lets people choose."""

from __future__ import annotations

import json
import secrets
from datetime import datetime

import click
from rich.table import Table

from qa.accounts import LINK_HOURS, NewUser, add_user, disable_user, list_users, reset_user
from qa.cli.common import now, out, pass_settings
from qa.cli.owner import user as system_user
from qa.config import Settings
from qa.people import User, UserRole
from qa.store.accounts import Link
from qa.store.audit import Act
from qa.store.migrate import ensure_ready, require_ready
from qa.store.session import opened
from qa.types import MICROSECONDS, Instant
from qa.web.safety import public_address

HOST, PORT = "127.0.0.1", 8765
"""Where the workbench is served unless said otherwise."""


@click.group("users")
def command() -> None:
    """Accounts of the workbench: add, list, disable, reset. Each act lands in the audit log."""


@command.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in UserRole]), required=True)
@click.option("--shown-as", metavar="TEXT", help="The person's name as others see it; default: the login name.")
@click.option("--merchant", "merchants", multiple=True, metavar="M", help="Only this merchant; repeat for more.")
@click.option("--team", metavar="T", help="Only this team's chats.")
@click.option("--agent-id", metavar="ID", help="For the role agent: whose chats are the person's own.")
@pass_settings
def add_command(
    settings: Settings,
    name: str,
    role: str,
    shown_as: str | None,
    merchants: tuple[str, ...],
    team: str | None,
    agent_id: str | None,
) -> None:
    """Make an account and print its one-time link, by which the person chooses a password."""
    new = NewUser(name, UserRole(role), shown_as, merchants or None, team, agent_id)
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        made, link = add_user(engine, _act(), new, _token())
    print_link(settings, made, link)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the accounts as JSON.")
@pass_settings
def list_command(settings: Settings, as_json: bool) -> None:
    """Print the accounts, with what each is limited to."""
    with opened(settings.database_url) as engine:
        require_ready(engine)
        found = list_users(engine)
    if as_json:
        click.echo(json.dumps({"version": 1, "users": [_as_json(one) for one in found]}, ensure_ascii=False, indent=1))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "role", "shown as", "merchants", "team", "agent", "state"):
        table.add_column(heading)
    for one in found:
        merchants = "all" if one.merchants is None else ", ".join(one.merchants)
        table.add_row(
            one.name, one.role.value, one.shown_as, merchants, one.team or "", one.agent_id or "", _state(one, now())
        )
    out().print(table, markup=False, highlight=False)


@command.command("disable")
@click.argument("name")
@pass_settings
def disable_command(settings: Settings, name: str) -> None:
    """Shut an account: whoever is logged in with it is out at the next click."""
    with opened(settings.database_url) as engine:
        require_ready(engine)
        ended = disable_user(engine, _act(), name)
    click.echo(f"{name} is disabled; {ended} sessions ended")


@command.command("reset")
@click.argument("name")
@click.option("--enable", is_flag=True, help="Also open an account that is disabled.")
@pass_settings
def reset_command(settings: Settings, name: str, enable: bool) -> None:
    """Take the password away, end all sessions, print a new one-time link."""
    with opened(settings.database_url) as engine:
        require_ready(engine)
        found, link = reset_user(engine, _act(), name, _token(), enable=enable)
    print_link(settings, found, link)


def print_link(settings: Settings, account: User, link: Link) -> None:
    """Print the one-time link: it is shown once, and stored nowhere in a form that could be used."""
    address = public_address(settings, HOST, PORT)
    click.echo(
        f"{account.role.value} {account.name}: one-time link, good for {LINK_HOURS} hours, to choose a password:"
    )
    click.echo(f"  {address}/link/{link.token}")


def _token() -> str:
    return secrets.token_urlsafe(32)


def _act() -> Act:
    return Act(f"cli:{system_user()}", now())


def _state(one: User, at: Instant) -> str:
    if one.disabled_at is not None:
        return f"disabled {datetime.fromtimestamp(one.disabled_at / MICROSECONDS).astimezone():%Y-%m-%d}"
    if one.has_password:
        return "active"
    return "link sent" if (one.link_until or 0) > at else "link too old: reset"


def _as_json(one: User) -> dict[str, object]:
    return {
        "name": one.name,
        "role": one.role.value,
        "shown_as": one.shown_as,
        "merchants": one.merchants,
        "team": one.team,
        "agent_id": one.agent_id,
        "state": _state(one, now()),
    }
