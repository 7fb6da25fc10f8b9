"""Signing in and out, the one-time link, changing one's password."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from qa import signing_in
from qa.people import User
from qa.web import passwords
from qa.web.context import engine, now, user, visitor
from qa.web.passwords import Weakness
from qa.web.safety import safe_next
from qa.web.sessions import give, new_ticket, take, token

blueprint = Blueprint("account", __name__)

WEAK = {
    Weakness.SHORT: _l("Use at least %(count)s characters.", count=passwords.SHORTEST),
    Weakness.LONG: _l("Use at most %(count)s characters.", count=passwords.LONGEST),
    Weakness.UNIFORM: _l("Use more different characters."),
    Weakness.NAME: _l("Do not build the password around your login name."),
    Weakness.COMMON: _l("This password is among the first that are guessed."),
}
_WRONG = 401
_UNFIT = 422


@blueprint.get("/login")
def login() -> ResponseReturnValue:
    """Show the form; who is logged in already goes on."""
    if visitor() is not None:
        return redirect(_onward(), 303)
    return _login_page()


@blueprint.post("/login")
def sign_in() -> ResponseReturnValue:
    """Check name and password; the answer does not tell which of them was wrong."""
    typed, password = request.form.get("name", ""), request.form.get("password", "")
    try:
        attempt = signing_in.begin(engine(), typed, request.remote_addr or "", now())
    except signing_in.LockedOutError as locked:
        wait = _("Too many attempts. Try again in %(minutes)s minutes.", minutes=-(-locked.seconds // 60))
        return _login_page(wait, typed), locked.status, {"Retry-After": str(locked.seconds)}
    who, ticket = None, new_ticket()
    if passwords.is_right(attempt.password, password) and attempt.password is not None:
        better = passwords.better_hash(attempt.password, password)
        who = signing_in.finish(engine(), attempt, ticket, now(), better)
    else:
        signing_in.fail(engine(), attempt, now())
    if who is None:
        return _login_page(_("Name or password is wrong."), typed), _WRONG
    return give(_redirect(_onward()), ticket)


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """End this session, here and in the database."""
    signing_in.leave(engine(), user(), token() or "", now())
    return take(_redirect(url_for("account.login")))


@blueprint.get("/link/<token>")
def link(token: str) -> ResponseReturnValue:
    """Show the form for a first password; looking does not use the link up."""
    return _link_page(token, signing_in.owner_of_link(engine(), token, now()))


@blueprint.post("/link/<token>")
def use_link(token: str) -> ResponseReturnValue:
    """Set the first password and sign in."""
    owner = signing_in.owner_of_link(engine(), token, now())
    password, problem = _new_password(owner.name)
    if problem is not None:
        return _link_page(token, owner, problem), _UNFIT
    ticket = new_ticket()
    signing_in.use_link(engine(), token, passwords.hash_password(password), ticket, now())
    return give(_redirect(url_for("home.index")), ticket)


@blueprint.get("/password")
def password() -> ResponseReturnValue:
    """Show the form."""
    return render_template("account/password.html", problem=None, shortest=passwords.SHORTEST)


@blueprint.post("/password")
def change_password() -> ResponseReturnValue:
    """Change the password; every other session of this user ends."""
    me, ticket = user(), new_ticket()
    try:
        attempt = signing_in.begin(engine(), me.name, request.remote_addr or "", now())
    except signing_in.LockedOutError as locked:
        wait = _("Too many attempts. Try again in %(minutes)s minutes.", minutes=-(-locked.seconds // 60))
        return _password_page(wait), locked.status, {"Retry-After": str(locked.seconds)}
    if not passwords.is_right(attempt.password, request.form.get("current", "")):
        signing_in.fail(engine(), attempt, now())
        return _password_page(_("The current password is wrong.")), _UNFIT
    new, problem = _new_password(me.name)
    if problem is not None:
        return _password_page(problem), _UNFIT
    if not signing_in.change_password(
        engine(), me, attempt.password or "", passwords.hash_password(new), ticket, now()
    ):
        return _password_page(_("The current password is wrong.")), _UNFIT
    response = give(_redirect(url_for("home.index")), ticket)
    flash(_("Your password is changed. You are signed out everywhere else."), "success")
    return response


def _new_password(login_name: str) -> tuple[str, str | None]:
    """Return the new password of the form, and what is wrong with it."""
    new, again = request.form.get("new", ""), request.form.get("again", "")
    if new != again:
        return new, _("The two passwords differ.")
    weak = passwords.weakness(new, login_name)
    return new, None if weak is None else str(WEAK[weak])


def _login_page(problem: str | None = None, typed: str = "") -> str:
    onward = safe_next(request.values.get("next"))
    return render_template("account/login.html", problem=problem, typed=typed, onward=onward)


def _link_page(token: str, owner: User, problem: str | None = None) -> str:
    return render_template("account/link.html", token=token, owner=owner, problem=problem, shortest=passwords.SHORTEST)


def _password_page(problem: str) -> str:
    return render_template("account/password.html", problem=problem, shortest=passwords.SHORTEST)


def _onward() -> str:
    return safe_next(request.values.get("next")) or url_for("home.index")


def _redirect(address: str) -> Response:
    response = redirect(address, 303)
    assert isinstance(response, Response)
    return response
