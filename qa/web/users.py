"""Users: accounts, made and taken back by an administrator. A one-time link is shown once."""

from __future__ import annotations

import secrets

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from qa import accounts
from qa.accounts import LINK_HOURS, NewUser
from qa.errors import QaError
from qa.people import User, UserRole
from qa.store.accounts import Link
from qa.store.chats import merchants
from qa.store.session import read_tx
from qa.web.context import act, engine, now, settings
from qa.web.problems import said

blueprint = Blueprint("users", __name__)

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
    return redirect(url_for("users.index"), 303)


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


def _page(problem: str | None = None, link: tuple[User, Link] | None = None) -> str:
    with read_tx(engine()) as connection:
        known = merchants(connection)
    address = (settings().public_url or request.host_url.rstrip("/")) + f"/link/{link[1].token}" if link else None
    return render_template(
        "users/index.html", users=accounts.list_users(engine()), problem=problem, address=address, hours=LINK_HOURS,
        linked=link[0] if link else None, every_role=list(UserRole), known=known, states=_states(), form=request.form,
    )  # fmt: skip


def _states() -> dict[str, tuple[str, str]]:
    """Return by login name what an account's state is, and its colour."""
    return {one.name: _state(one) for one in accounts.list_users(engine())}


def _state(one: User) -> tuple[str, str]:
    if one.disabled_at is not None:
        return _("disabled"), "plain"
    if one.has_password:
        return _("active"), "good"
    return (_("link sent"), "accent") if (one.link_until or 0) > now() else (_("link too old"), "warn")
