"""The permission table against the application: every route, method, role, own and foreign object.

A new family of pages needs no test of its own here: its routes are walked as soon as they are registered. What the
walk needs from it is a sample of each object a URL names: ``SAMPLES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import case_kit
import chat_kit
import insight_kit
import pytest
import web_kit
from flask import Blueprint, Flask, url_for
from werkzeug.routing import Rule

from qa.people import Place, Reach, UserRole
from qa.web.permissions import OBJECTS, PERMISSIONS, PLAIN, ROWS, UNAUDITED, table

NO_SUCH_PAGE, FORBIDDEN, TO_LOGIN = 404, 403, 303


class Sample(NamedTuple):
    """Values of a URL argument for the walk: one within reach of the kit's accounts, and one that is foreign to them.

    ``foreign`` is None where nobody is limited. ``prepare`` puts both into the database.
    """

    own: Any
    foreign: Any
    prepare: Callable[[web_kit.Kit], None] = lambda _kit: None


SAMPLES: dict[str, Sample] = {
    **insight_kit.samples(Sample),
    "case": Sample(case_kit.OWN, case_kit.FOREIGN, case_kit.prepare),
    "collection": Sample(case_kit.OWN, case_kit.FOREIGN, case_kit.prepare_collections),
    "inspection": Sample(chat_kit.OWN, chat_kit.FOREIGN, chat_kit.prepare),
}
"""By the name of the argument in the URL, for every name in ``permissions.OBJECTS``."""
PLAIN_SAMPLES = {"filename": "app.css", "token": "no-such-link"}


def rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every route with every method the router takes there."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def walk(kit: web_kit.Kit, samples: dict[str, Sample]) -> list[str]:
    """Try everything; return what does not answer as the table says."""
    kit.app.config["WTF_CSRF_ENABLED"] = False  # who is refused must be refused before a form is looked at
    for sample in samples.values():
        sample.prepare(kit)
    wrong = []
    for role in (None, *UserRole):
        client = kit.client(role)
        for rule, method in rules(kit.app):
            wrong += _try(kit, client, role, rule, method, samples)
    return wrong


def _try(
    kit: web_kit.Kit, client: web_kit.Client, role: UserRole | None, rule: Rule, method: str, samples: dict[str, Sample]
) -> Iterator[str]:
    allowed = PERMISSIONS.get((rule.endpoint, method))
    public = allowed is not None and Reach.PUBLIC in allowed.values()
    arguments = sorted(rule.arguments)
    unknown = [name for name in arguments if name not in samples and name not in PLAIN_SAMPLES]
    if allowed is None:
        yield f"{rule.endpoint} {method} is not in the permission table"
    elif unknown:
        yield f"{rule.endpoint} {method}: no sample for {unknown}"
    else:
        for which in ("own", "foreign"):
            values = {n: getattr(samples[n], which) if n in samples else PLAIN_SAMPLES[n] for n in arguments}
            foreign = which == "foreign" and any(n in samples for n in arguments)
            if which == "foreign" and not foreign:
                continue
            expected = _expected(role, None if public else allowed, foreign=foreign)
            status = _ask(kit, client, role, rule, method, values)
            if (
                status in {NO_SUCH_PAGE, FORBIDDEN, TO_LOGIN} if expected is None else status != expected
            ) and not public:
                yield f"{role} {method} {rule.rule} ({which}): {status}, expected {expected or 'to get in'}"


def _expected(role: UserRole | None, allowed: Any, *, foreign: bool) -> int | None:
    """The answer the table prescribes; None: the view itself answers."""
    if allowed is None:
        return None
    if role is None:
        return TO_LOGIN
    if role not in allowed:
        return FORBIDDEN
    limited = allowed[role] is not Reach.ALL and role in web_kit.SCOPES
    return NO_SUCH_PAGE if foreign and limited else None


def _ask(
    kit: web_kit.Kit, client: web_kit.Client, role: UserRole | None, rule: Rule, method: str, values: dict[str, Any]
) -> int:
    if rule.endpoint == "account.logout" and role is not None:  # it ends what the walk needs
        return 200 if kit.client(role).post("/logout").location == "/login" else 0
    with kit.app.test_request_context():
        path = url_for(rule.endpoint, **values)
    return client.open(path, method=method).status_code


@pytest.mark.parametrize("db_url", ["postgresql"], indirect=True)  # the stricter of the two
def test_every_route_answers_each_role_as_the_table_says(kit: web_kit.Kit) -> None:
    assert walk(kit, SAMPLES) == []


def test_every_row_of_the_table_is_a_route(kit: web_kit.Kit) -> None:
    known = {(rule.endpoint, method) for rule, method in rules(kit.app)}
    assert set(PERMISSIONS) - known == set()
    assert {endpoint for endpoint in UNAUDITED if endpoint not in {e for e, _ in PERMISSIONS}} == set()


def test_every_object_in_a_url_has_a_resolver_and_a_sample(kit: web_kit.Kit) -> None:
    arguments = {name for rule in kit.app.url_map.iter_rules() for name in rule.arguments}
    assert arguments - PLAIN - set(OBJECTS) == set()
    assert set(OBJECTS) - set(SAMPLES) == set()
    assert set(PLAIN_SAMPLES) == PLAIN


def test_a_row_says_public_for_all_or_for_nobody() -> None:
    for endpoint, methods, *reaches in ROWS:
        assert Reach.PUBLIC not in reaches or set(reaches) == {Reach.PUBLIC}, (endpoint, methods)


def test_two_rows_for_one_route_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        table([*ROWS, ROWS[0]])


# --- the guard itself, on routes that only this file has -----------------------------------------------------------


@pytest.fixture
def probed(kit: web_kit.Kit, monkeypatch: pytest.MonkeyPatch) -> web_kit.Kit:
    """The application with a route for an object, one that no table knows, and one with an unknown argument."""
    blueprint = Blueprint("probe", __name__)
    for rule, endpoint in (("/probe/<thing>", "thing"), ("/probe-forgotten", "forgotten"), ("/probe2/<what>", "what")):
        blueprint.add_url_rule(rule, endpoint, lambda **_: "in", methods=["GET", "POST"])
    kit.app._got_first_request = False
    kit.app.register_blueprint(blueprint)
    everybody = [Reach.ALL] * 6
    some = [Reach.TEAM, Reach.TEAM, Reach.TEAM, Reach.SELF, Reach.TEAM, None]
    rows = [("probe.thing", "GET POST", *some), ("probe.what", "GET POST", *everybody)]
    for key, value in table(rows).items():
        monkeypatch.setitem(PERMISSIONS, key, value)
    places = {
        "own": Place("acme", "red", "a-1"),
        "else": Place("other", "blue", "a-2"),
        "team": Place("acme", "blue", "a-1"),
    }
    monkeypatch.setitem(OBJECTS, "thing", lambda _connection, value: places.get(value))
    monkeypatch.setitem(UNAUDITED, "probe.thing", "it writes nothing")
    return kit


def status(client: web_kit.Client, path: str, method: str = "GET") -> int:
    return client.open(path, method=method).status_code


def test_the_walk_notices_what_is_missing(probed: web_kit.Kit) -> None:
    found = walk(probed, {"thing": Sample("own", "else")})
    assert {line for line in found if "not in the permission table" in line} == {
        "probe.forgotten GET is not in the permission table",
        "probe.forgotten POST is not in the permission table",
    }
    assert any("no sample for ['what']" in line for line in found)
    assert not any("/probe/<thing>" in line for line in found)
    lenient = walk(probed, {"thing": Sample("own", "own"), "what": Sample("w", "w")})
    assert any("(foreign): 200, expected 404" in line for line in lenient)
    assert any("/probe2/<what> (own): 404, expected to get in" in line for line in lenient)


def test_what_no_row_names_is_not_there_for_anybody(probed: web_kit.Kit) -> None:
    for role in (None, *UserRole):
        assert status(probed.client(role), "/probe-forgotten") == NO_SUCH_PAGE
        if role is not None:
            assert status(probed.client(role), "/probe2/x") == NO_SUCH_PAGE


def test_own_objects_and_foreign_ones_and_none(probed: web_kit.Kit) -> None:
    assert status(probed.client(), "/probe/own") == TO_LOGIN
    assert status(probed.client("admin"), "/probe/own") == FORBIDDEN
    for role, reached in (("lead", {"own", "else", "team"}), ("specialist", {"own"}), ("agent", {"own", "team"})):
        client = probed.client(role)
        for thing in ("own", "else", "team", "nothing"):
            assert status(client, f"/probe/{thing}") == (200 if thing in reached else NO_SUCH_PAGE), (role, thing)


def test_methods_that_no_row_names(probed: web_kit.Kit) -> None:
    client = probed.client("lead")
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        assert status(client, "/probe/own", method) in {404, 405}
        assert status(client, "/static/app.css", method) in {404, 405}
    assert status(client, "/probe/own", "HEAD") == 200


def test_a_role_that_is_refused_is_refused_before_its_form_is_looked_at(probed: web_kit.Kit) -> None:
    assert status(probed.client("admin"), "/probe/own", "POST") == FORBIDDEN
    assert status(probed.client("lead"), "/probe/own", "POST") == 400  # no token
    assert probed.client("lead").send("/probe/own").status_code == 200
