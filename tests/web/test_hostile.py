"""Hostile values in every argument of every address and every field of every form, and in every field of a chat.

Nothing here names a page. The application tells which arguments and fields it looks at, while it answers; each of
them then gets every hostile value in turn. A new page is tried as soon as it is registered.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, ClassVar, NamedTuple

import case_kit
import chat_kit
import hostile_kit
import insight_kit
import pytest
import web_kit
from flask import Flask, Response, has_request_context, request, url_for
from hostile_kit import HOSTILE, MARKUP, RAW
from werkzeug.datastructures import ImmutableMultiDict

from qa import training
from qa.queueing import fill
from qa.web.permissions import PERMISSIONS

PLAUSIBLE = {
    "role": "trainer", "agreed": "1", "sure": "1", "to": "0", "first": "", "inspection": str(chat_kit.OWN),
    "state": "published", "collection": str(case_kit.OWN), "case": str(case_kit.OWN), "then": "stay",
    "kind": "excellent", "check": "1", "language": "en", "theme": "dark", "user": "1", "figure": "fcr", "bad": "1",
}  # fmt: skip
"""What lets a view read on to its other fields."""
ALONE = ("text", "a large number")
"""What a field gets by itself, beside plausible ones: a field may be looked at only where another one is right."""
SKIPPED = {"static", "account.logout"}
MANY = 80
"""Arguments and fields that the application looks at, at least; more in fact."""


class Route(NamedTuple):
    """An address to try; ``names`` are the arguments or fields that it looks at."""

    endpoint: str
    method: str
    path: str


class Who(NamedTuple):
    """Who asks, and the token of this person's forms."""

    client: web_kit.Client
    token: str


class Recording(ImmutableMultiDict[str, str]):
    """Arguments and fields that note who asks for what."""

    asked: ClassVar[defaultdict[str | None, set[str]]] = defaultdict(set)

    def _note(self, name: Any) -> None:
        if isinstance(name, str) and name != "csrf_token" and has_request_context():
            self.asked[request.endpoint].add(name)

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(key)
        return super().__contains__(key)

    def get(self, key: str, *rest: Any, **more: Any) -> Any:
        self._note(key)
        return super().get(key, *rest, **more)

    def getlist(self, key: str, *rest: Any, **more: Any) -> Any:
        self._note(key)
        return super().getlist(key, *rest, **more)


@pytest.fixture
def hostile(kit: web_kit.Kit, monkeypatch: pytest.MonkeyPatch) -> web_kit.Kit:
    """An application that notes what it looks at, with samples of every object, and a hostile merchant's chats."""
    monkeypatch.setattr(kit.app.request_class, "parameter_storage_class", Recording)
    monkeypatch.setattr(training, "_spawn", lambda *_: None)
    monkeypatch.setattr(Recording, "asked", defaultdict(set))
    chat_kit.prepare(kit)
    case_kit.prepare(kit)
    case_kit.prepare_collections(kit)
    for sample in insight_kit.samples(lambda own, _foreign, prepare=lambda _kit: None: (own, prepare)).values():
        sample[1](kit)
    hostile_kit.put_in(kit)
    fill(kit.engine, kit.clock())
    return kit


def own() -> dict[str, Any]:
    """The objects that addresses name."""
    found = insight_kit.samples(lambda own, *_: own)
    return {**found, "case": case_kit.OWN, "collection": case_kit.OWN, "inspection": chat_kit.OWN, "token": "none"}


def routes(app: Flask, method: str) -> list[Route]:
    """Every address with that method."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if method in (rule.methods or set()) and rule.endpoint not in SKIPPED:
                values = {name: own()[name] for name in rule.arguments}
                found.append(Route(rule.endpoint, method, url_for(rule.endpoint, **values)))
    return found


def ask(who: Who, route: Route, values: dict[str, Any]) -> list[str]:
    """Send it; return what is wrong with the answer."""
    where = f"{route.endpoint} {[f'{name}={value[:20]!r}' for name, value in values.items()]}"
    if route.method == "GET":
        return wrong(who.client.get(route.path, query_string=values), where)
    return wrong(who.client.post(route.path, data={**values, "csrf_token": who.token}), where)


def wrong(answer: Any, where: str) -> list[str]:
    """Return what an answer must not be: a failure of ours, hostile markup as markup, a way out."""
    text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
    found = [f"{where}: {answer.status_code}"] if answer.status_code >= 500 else []
    found += [f"{where}: markup"] * (MARKUP in text.lower()) + [f"{where}: traceback"] * ("Traceback" in text)
    leaves = not re.match(r"/(?![/\\])[^\s\\]*$", answer.location or "/")
    return found + [f"{where}: leads to {answer.location!r}"] * leaves


def clients(kit: web_kit.Kit) -> dict[str, Who]:
    """A lead and an admin: one of them may do whatever there is; what is for everybody is asked as a stranger."""
    found = {"lead": kit.client("lead"), "admin": kit.client("admin"), "": kit.client()}
    return {name: Who(client, client.token()) for name, client in found.items()}


def whose(route: Route, known: dict[str, Who]) -> Who:
    """Return who asks for it."""
    may = {role.value for role in PERMISSIONS[route.endpoint, route.method]}
    if route.endpoint.startswith("account.") and route.endpoint not in {"account.password", "account.change_password"}:
        return known[""]
    return known["lead" if "lead" in may else "admin"]


def learn(known: dict[str, Who], all_of_them: list[Route]) -> list[str]:
    """Ask everything until no argument or field is new; return what went wrong."""
    found = []
    for value in ("", HOSTILE["text"]):
        for route in all_of_them:
            names = Recording.asked[route.endpoint]
            found += ask(whose(route, known), route, {name: PLAUSIBLE.get(name, value) for name in names})
    return found


@pytest.mark.parametrize("db_url", ["postgresql"], indirect=True)  # the stricter of the two
def test_no_value_in_any_argument_or_field_breaks_a_page(hostile: web_kit.Kit) -> None:
    known = clients(hostile)
    found = learn(known, [*routes(hostile.app, "GET"), *routes(hostile.app, "POST")])
    assert len(set().union(*Recording.asked.values())) > MANY
    for method in ("POST", "GET"):  # what the forms leave behind is then shown
        for route in routes(hostile.app, method):
            found += try_out(whose(route, known), route, sorted(Recording.asked[route.endpoint]))
    assert found == []


def try_out(who: Who, route: Route, names: list[str]) -> list[str]:
    """Send all hostile values to all arguments or fields at once, and to each beside plausible ones."""
    found = ask(who, route, {})
    for value in HOSTILE.values() if names else ():
        found += ask(who, route, dict.fromkeys(names, value))
    if route.method == "GET" and names:
        path = f"{route.path}?{'&'.join(f'{name}={RAW}' for name in names)}"
        found += wrong(who.client.get(path), path)
    plausible = {name: PLAUSIBLE[name] for name in names if name in PLAUSIBLE}
    for name in names if plausible else ():
        for which in ALONE:
            found += ask(who, route, plausible | {name: HOSTILE[which]})
    return found


def test_the_walk_sees_what_is_wrong(kit: web_kit.Kit) -> None:
    assert wrong(Response(f"<p>{MARKUP} x>", mimetype="text/html"), "here") == ["here: markup"]
    assert wrong(Response("Traceback (most", 500, mimetype="text/html"), "here") == ["here: 500", "here: traceback"]
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\nb"):
        answer = Response(mimetype="text/html")
        answer.headers._list.append(("Location", target))
        assert wrong(answer, "here") == [f"here: leads to {target!r}"]
    with kit.app.test_request_context("/about?a=1"):
        assert Recording([("a", "1")]).get("a") == "1"
        assert Recording.asked["about.show"] == {"a"}


@pytest.mark.parametrize("path", ["/rules/%00", "/rules/h/%00", "/models/%00", "/users/%00/disable", "/link/%00"])
def test_nul_in_an_address_names_nothing(kit: web_kit.Kit, path: str) -> None:
    assert kit.client("admin").get(path).status_code in {404, 405}
