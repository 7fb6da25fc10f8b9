"""Who may do what where: the one table, and the guard that applies it to every request.

Deny by default: an endpoint or method that is not in the table answers 404, a role without an entry 403, an object
out of reach 404 (so that nobody learns it exists). ``docs/web.md`` says how to add a row; a test walks every route,
method, role and own or foreign object against this table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from flask import abort, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from qa.judging import place_of
from qa.people import Place, Reach, User, UserRole, scope_of, within
from qa.store.session import read_tx
from qa.web.context import engine, scope, visitor
from qa.web.places import RESOLVERS

Row: TypeAlias = "tuple[str, str, Reach | None, Reach | None, Reach | None, Reach | None, Reach | None, Reach | None]"

_COLUMNS = (
    UserRole.SPECIALIST, UserRole.LEAD, UserRole.TRAINER, UserRole.AGENT, UserRole.MERCHANT_VIEWER, UserRole.ADMIN,
)  # fmt: skip

P, A, M, T, S, NO = Reach.PUBLIC, Reach.ALL, Reach.MERCHANT, Reach.TEAM, Reach.SELF, None

# fmt: off
ROWS: tuple[Row, ...] = (
    # endpoint                   methods  specialist, lead, trainer, agent, viewer, admin
    ("static",                   "GET",   P,  P,  P,  P,  P,  P),
    ("operation.healthz",        "GET",   P,  P,  P,  P,  P,  P),
    ("operation.readyz",         "GET",   P,  P,  P,  P,  P,  P),
    ("operation.metrics",        "GET",   P,  P,  P,  P,  P,  P),  # it asks for metrics_token itself
    ("account.login",            "GET",   P,  P,  P,  P,  P,  P),
    ("account.sign_in",          "POST",  P,  P,  P,  P,  P,  P),
    ("account.link",             "GET",   P,  P,  P,  P,  P,  P),
    ("account.use_link",         "POST",  P,  P,  P,  P,  P,  P),
    ("preferences.language",     "POST",  P,  P,  P,  P,  P,  P),
    ("preferences.change_theme", "POST",  P,  P,  P,  P,  P,  P),
    ("account.logout",           "POST",  S,  S,  S,  S,  S,  S),
    ("account.password",         "GET",   S,  S,  S,  S,  S,  S),
    ("account.change_password",  "POST",  S,  S,  S,  S,  S,  S),
    ("home.index",               "GET",   T,  T,  T,  S,  M,  A),
    ("home.agents",              "GET",   T,  T,  T,  NO, M,  A),
    ("about.show",               "GET",   T,  T,  T,  S,  M,  A),
    ("about.settings_in_force",  "GET",   NO, A,  NO, NO, NO, A),
    ("chats.index",              "GET",   T,  T,  T,  S,  M,  A),
    ("chat.page",                "GET",   T,  T,  T,  S,  M,  A),
    ("chat.score",               "GET",   T,  T,  NO, NO, NO, NO),
    ("chat.review",              "POST",  T,  T,  NO, NO, NO, NO),
    ("chat.skip",                "POST",  T,  T,  NO, NO, NO, NO),
    ("chat.hold",                "POST",  T,  T,  NO, NO, NO, NO),
    ("chat.unmask",              "POST",  NO, T,  NO, NO, NO, A),
    ("nights.index",             "GET",   NO, M,  NO, NO, M,  A),
    ("nights.show",              "GET",   NO, M,  NO, NO, M,  A),
    ("rules.index",              "GET",   A,  A,  A,  NO, NO, A),
    ("rules.show",               "GET",   A,  A,  A,  NO, NO, A),
    ("rules.rule",               "GET",   A,  A,  A,  NO, NO, A),
    ("rules.try_out",            "POST",  A,  A,  A,  NO, NO, A),
    ("rules.changes",            "GET",   A,  A,  A,  NO, NO, A),
    ("rules.backtest",           "GET",   NO, A,  NO, NO, NO, NO),
    ("backtests.show",           "GET",   NO, A,  NO, NO, NO, NO),
    ("models.index",             "GET",   NO, A,  NO, NO, NO, A),
    ("models.show",              "GET",   NO, A,  NO, NO, NO, A),
    ("models.comparison",        "GET",   NO, A,  NO, NO, NO, A),
    ("models.promote",           "POST",  NO, A,  NO, NO, NO, NO),
    ("models.rollback",          "POST",  NO, A,  NO, NO, NO, NO),
    ("models.watch",             "GET",   NO, A,  NO, NO, NO, A),
    ("models.train",             "POST",  NO, A,  NO, NO, NO, NO),
    ("queue.index",              "GET",   T,  T,  T,  NO, NO, A),
    ("queue.team",               "GET",   NO, T,  NO, NO, NO, NO),
    ("queue.take_next",          "POST",  T,  T,  NO, NO, NO, NO),
    ("queue.claim",              "POST",  T,  T,  NO, NO, NO, NO),
    ("queue.release",            "POST",  T,  T,  NO, NO, NO, NO),
    ("queue.extend",             "POST",  T,  T,  NO, NO, NO, NO),
    ("queue.assign",             "POST",  NO, T,  NO, NO, NO, NO),
    ("queue.set_quota",          "POST",  NO, T,  NO, NO, NO, NO),
    ("queue.save_filter",        "POST",  T,  T,  T,  NO, NO, NO),
    ("queue.delete_filter",      "POST",  T,  T,  T,  NO, NO, NO),
    ("cases.index",              "GET",   M,  M,  M,  M,  M,  A),
    ("cases.show",               "GET",   M,  M,  M,  M,  M,  A),
    ("cases.propose",            "GET",   NO, T,  T,  NO, NO, NO),
    ("cases.draft",              "GET",   NO, T,  T,  NO, NO, NO),
    ("cases.create",             "POST",  NO, T,  T,  NO, NO, NO),
    ("cases.edit",               "GET",   NO, M,  M,  NO, NO, NO),
    ("cases.change",             "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.set_state",          "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.fold",               "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.nominate",           "POST",  T,  T,  T,  NO, NO, NO),
    ("cases.beside",             "GET",   T,  T,  T,  S,  M,  A),
    ("cases.collections",        "GET",   M,  M,  M,  M,  M,  A),
    ("cases.new_collection",     "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.collection",         "GET",   M,  M,  M,  M,  M,  A),
    ("cases.printed",            "GET",   M,  M,  M,  M,  M,  A),
    ("cases.rename_collection",  "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.drop_collection",    "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.collect",            "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.discard",            "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.move",               "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.export_xlsx",        "POST",  NO, M,  M,  NO, NO, NO),
    ("cases.export_handout",     "POST",  NO, M,  M,  NO, NO, NO),
    ("stars.index",              "GET",   NO, T,  T,  NO, M,  A),
    ("stars.chats",              "GET",   NO, T,  T,  NO, M,  A),
    ("users.index",              "GET",   NO, NO, NO, NO, NO, A),
    ("users.add",                "POST",  NO, NO, NO, NO, NO, A),
    ("users.disable",            "POST",  NO, NO, NO, NO, NO, A),
    ("users.reset",              "POST",  NO, NO, NO, NO, NO, A),
    ("audit.index",              "GET",   NO, A,  NO, NO, NO, A),
)
# fmt: on

UNAUDITED = {
    "preferences.language": "how somebody wants to see the pages concerns nobody else",
    "preferences.change_theme": "the same",
    "chat.skip": "what it claims and gives back is logged; where nothing is waiting it changes nothing",
    "chat.hold": "a claim is logged; a chat that is in no queue, or done, needs none",
    "rules.try_out": "it writes nothing: a POST because a chat is longer than an address may be",
    "queue.take_next": "where no chat is free nothing is written; a claim that is made is logged",
    "queue.extend": "it prolongs a claim that is in the log, every few minutes while somebody reads",
}
"""Writes that may leave no row in the audit log, with the reason; the tests hold every other write to leaving one."""

Resolver = Callable[[Connection, Any], Place | None]
"""Where the object of a URL argument lies; None: there is no such object."""

OBJECTS: dict[str, Resolver] = {
    "inspection": place_of,
    **RESOLVERS,
}
"""By the name of the argument in the URL. An argument that stands neither here nor in ``PLAIN`` is refused."""

PLAIN = {"filename", "token"}
"""Arguments that name no object: a file of ours, the secret of a one-time link."""

Permissions = Mapping[tuple[str, str], Mapping[UserRole, Reach]]


def table(rows: Iterable[Row]) -> Permissions:
    """Return the rows by endpoint and method; two rows for one pair are a mistake."""
    found: dict[tuple[str, str], Mapping[UserRole, Reach]] = {}
    for endpoint, methods, *reaches in rows:
        for method in methods.split():
            if (endpoint, method) in found:
                raise ValueError(f"{endpoint} {method} stands twice in the permission table")
            cells = zip(_COLUMNS, reaches, strict=True)
            found[endpoint, method] = {role: reach for role, reach in cells if reach is not None}
    return found


PERMISSIONS = table(ROWS)


def reaches(endpoint: str, method: str) -> Mapping[UserRole, Reach] | None:
    """Return how far each role reaches there; None: it is in no row."""
    return PERMISSIONS.get((endpoint, "GET" if method == "HEAD" else method))


def is_public(endpoint: str, method: str) -> bool:
    """Whether somebody who is not logged in may do that."""
    return Reach.PUBLIC in (reaches(endpoint, method) or {}).values()


def may(user: User | None, endpoint: str, method: str = "GET") -> bool:
    """Whether a link or button to there makes sense for this user."""
    if is_public(endpoint, method):
        return True
    return user is not None and user.role in (reaches(endpoint, method) or {})


def guard(to_login: Callable[[], ResponseReturnValue]) -> ResponseReturnValue | None:
    """Let the request pass (None), send a stranger to log in, or abort; sets the scope of the view."""
    if request.endpoint is None:
        return None  # no such page: the router says so
    allowed = reaches(request.endpoint, request.method)
    if allowed is None:
        abort(404)
    if is_public(request.endpoint, request.method):
        return None
    user = visitor()
    if user is None:
        return to_login()
    if user.role not in allowed:
        abort(403)
    g.scope = scope_of(user, allowed[user.role])
    _check_objects(request.view_args or {})
    return None


def _check_objects(arguments: Mapping[str, Any]) -> None:
    named = [name for name in arguments if name not in PLAIN]
    if any(name not in OBJECTS for name in named):
        abort(404)
    if named:
        with read_tx(engine()) as connection:
            for name in named:
                require(OBJECTS[name](connection, arguments[name]))


def require(place: Place | None) -> None:
    """Answer 404 unless an object at ``place`` is within reach of this user in this view.

    For objects that are not named by the URL, such as ids in a form.
    """
    if place is None or not within(scope(), place):
        abort(404)
