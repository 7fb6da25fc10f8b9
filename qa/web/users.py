"""Users: accounts, made and taken back by an administrator. A one-time link is shown once."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from qa import accounts
from qa.accounts import LINK_HOURS, NewUser
from qa.errors import QaError
from qa.people import User, UserRole
from qa.store.accounts import Link
from qa.store.chats import merchants
from qa.store.session import read_tx
from qa.web.context import act, engine, now, settings
from qa.web.paging import asked_name, asked_page, cut, named_like
from qa.web.problems import said

blueprint = Blueprint("users", __name__)

FEW = 10
"""Accounts among which nobody needs to search."""
STATES = {
    "active": (_l("active"), "good"),
    "sent": (_l("link sent"), "accent"),
    "old": (_l("link too old"), "warn"),
    "disabled": (_l("disabled"), "plain"),
}
"""What an account's state is called, and its colour."""
_UNFIT = 422


@blueprint.get("/users")
def index() -> ResponseReturnValue:
    """List the accounts."""
    return _page()


@blueprint.post("/users")
def add() -> ResponseReturnValue:
    """Make an account and show its one-time link."""
    form = request.form
    role = form.get("role", "")
    if role not in set(UserRole):
        return _page(problem=_("Choose a role.")), _UNFIT
    try:
        new = NewUser(
            name=form.get("name", ""),
            role=UserRole(role),
            shown_as=form.get("shown_as", "").strip() or None,
            merchants=_names(form.get("merchants", "")),
            team=form.get("team", "").strip() or None,
            agent_id=form.get("agent_id", "").strip() or None,
        )
        made, link = accounts.add_user(engine(), act(), new, secrets.token_urlsafe(32))
    except QaError as problem:
        return _page(problem=said(problem)), _UNFIT
    return _page(link=(made, link))


@blueprint.post("/users/<account>/disable")
def disable(account: str) -> ResponseReturnValue:
    """Shut an account and end its sessions."""
    _agreed(account)
    try:
        ended = accounts.disable_user(engine(), act(), account)
    except QaError as problem:
        return _page(problem=said(problem)), _UNFIT
    flash(_("%(name)s is disabled; sessions ended: %(count)s.", name=account, count=ended), "success")
    return redirect(_asked().address("users.index"), 303)


@blueprint.post("/users/<account>/reset")
def reset(account: str) -> ResponseReturnValue:
    """Take the password away and show a new one-time link; an account that is disabled is opened again."""
    _agreed(account)
    try:
        made, link = accounts.reset_user(engine(), act(), account, secrets.token_urlsafe(32), enable=True)
    except QaError as problem:
        return _page(problem=said(problem)), _UNFIT
    return _page(link=(made, link))


def _agreed(account: str) -> None:
    """Answer 400 unless the person confirmed what the page asked about this account."""
    if request.form.get("agreed") != account:
        abort(400)


def _names(typed: str) -> tuple[str, ...] | None:
    """Return the merchants of a field, one a line or with commas between; None where it is empty."""
    found = tuple(name.strip() for name in typed.replace("\n", ",").split(",") if name.strip())
    return found or None


class Asked(NamedTuple):
    """Which accounts the address asks for; empty: all of them."""

    name: str
    role: str
    state: str
    page: int | None

    def address(self, endpoint: str, **changes: Any) -> str:
        """Return an address that asks for the same, with some of it changed."""
        return url_for(endpoint, **{name: value or None for name, value in (self._asdict() | changes).items()})

    def wants(self, one: User) -> bool:
        """Whether an account is asked for."""
        if self.role not in {"", one.role.value} or self.state not in {"", _state(one)}:
            return False
        return not self.name or named_like(
            self.name, one.name, one.shown_as, one.team, one.agent_id, *(one.merchants or ())
        )


def _asked() -> Asked:
    role, state = request.args.get("role", ""), request.args.get("state", "")
    return Asked(asked_name(), role if role in set(UserRole) else "", state if state in STATES else "", asked_page())


def _page(problem: str | None = None, link: tuple[User, Link] | None = None) -> str:
    with read_tx(engine()) as connection:
        known = merchants(connection)
    address = (settings().public_url or request.host_url.rstrip("/")) + f"/link/{link[1].token}" if link else None
    asked, everybody = _asked(), accounts.list_users(engine())
    found = [one for one in everybody if asked.wants(one)]
    return render_template(
        "users/index.html", page=cut(found, asked.page), problem=problem, address=address, hours=LINK_HOURS,
        linked=link[0] if link else None, every_role=list(UserRole), known=known, state_of=_state, states=STATES,
        form=request.form, asked=asked, to_page=lambda number: asked.address("users.index", page=number),
        many=len(everybody) > FEW,
    )  # fmt: skip


def _state(one: User) -> str:
    """Return what an account's state is, by its name in ``STATES``."""
    if one.disabled_at is not None:
        return "disabled"
    if one.has_password:
        return "active"
    return "sent" if (one.link_until or 0) > now() else "old"
