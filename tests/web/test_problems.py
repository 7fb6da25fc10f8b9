"""What the domain refuses is told in the language of the page: a Chinese user reads Chinese, with the facts in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import web_kit

from qa import training, versions
from qa.accounts import NewUser, add_user, reset_user
from qa.errors import NotFoundError, QaError
from qa.models.opinions import ModelError
from qa.models.registry import By, Registry, check_name
from qa.people import UserRole, check_account
from qa.queueing import QuotaError
from qa.rulehealth import hash_of, standard_of
from qa.store.audit import Act
from qa.web.problems import _FORMS, _KNOWN, said

CHINESE = re.compile(r"[\u4e00-\u9fff]")
HOUSE = standard_of(None, None)
RULE = f"/rules/{hash_of(HOUSE)}/{HOUSE.pack.rules[0].id}/try"
NOTICE = re.compile(r"notice-(?:danger|warning).*?<div[^>]*>(.*?)</div>|<h1>(.*?)</h1>\s*<p>(.*?)</p>", re.DOTALL)


class Slip(NamedTuple):
    """A mistake that somebody makes at the workbench, and a fact that the answer names."""

    role: str
    path: str
    form: dict[str, Any]
    status: int
    fact: str = ""


SLIPS = (
    Slip("admin", "/users", {"name": "x y", "role": "lead"}, 422, "x y"),
    Slip("admin", "/users", {"name": "admin", "role": "lead"}, 422, "admin"),
    Slip("admin", "/users", {"name": "wu", "role": "king"}, 422),
    Slip("admin", "/users", {"name": "wu", "role": "agent"}, 422),
    Slip("admin", "/users", {"name": "wu", "role": "merchant_viewer"}, 422),
    Slip("admin", "/users", {"name": "wu", "role": "admin", "team": "x"}, 422),
    Slip("admin", "/users", {"name": "wu", "role": "lead", "agent_id": "a-1"}, 422),
    Slip("admin", "/users/admin/disable", {"agreed": "admin"}, 422, "admin"),
    Slip("lead", "/models/training", {"name": "No Name"}, 422, "No Name"),
    Slip("lead", "/models/rollback", {"why": "", "current": "shipped"}, 422, "500"),
    Slip("lead", "/models/rollback", {"why": "worse", "current": "gone"}, 409),
    Slip("lead", "/models/rollback", {"why": "worse", "current": "shipped"}, 422, "shipped"),
    Slip("lead", "/models/shipped/promotion", {"why": " ", "current": "shipped"}, 422),
    Slip("specialist", RULE, {"text": ""}, 422),
    Slip("specialist", RULE, {"text": "@ earlier_chats: 2"}, 422),
    Slip("specialist", RULE, {"text": "09:00:05 nobody: hm\n@ what: 3"}, 422),
    Slip("specialist", RULE, {"text": "hello"}, 422, "1"),
    Slip("specialist", RULE, {"text": "x" * 30_000}, 422, "30,000"),
    Slip("specialist", RULE, {"merchant": "acme", "chat": "none"}, 422),
    Slip("specialist", "/queue/filters", {"name": ""}, 422),
    Slip("specialist", "/queue/filters/delete", {"filter": "99"}, 404),
    Slip("lead", "/queue/quota", {"user": "1", "chats": "-3"}, 422),
    Slip("lead", "/queue/assign", {"to": "99", "ticked": "1"}, 404),
    Slip("lead", "/collections", {"name": ""}, 422),
)


def notices(page: str) -> Iterator[str]:
    """What an answer says is wrong."""
    for found in NOTICE.finditer(page):
        yield from (re.sub("<.*?>", "", text) for text in found.groups() if text)


def test_typical_mistakes_are_told_in_chinese_with_their_facts(kit: web_kit.Kit) -> None:
    wrong = []
    for slip in SLIPS:
        answer = kit.client(slip.role).send(slip.path, **slip.form)
        told = list(notices(answer.get_data(as_text=True)))
        chinese = told and all(map(CHINESE.search, told)) and slip.fact in " ".join(told)
        if answer.status_code != slip.status or not chinese:
            wrong.append((slip, answer.status_code, told))
    assert wrong == []
    gone = kit.client().get("/link/no-such-link").get_data(as_text=True)
    assert all(map(CHINESE.search, notices(gone)))
    log = kit.client("lead").get("/audit?check=1&known=x").get_data(as_text=True)
    assert all(map(CHINESE.search, notices(log)))


def raised(kit: web_kit.Kit, folder: Path) -> Iterator[QaError]:
    """What the domain really raises: a text there that changes must be changed in the forms too."""
    act = Act("tests", web_kit.NOW)
    kit.user("admin")
    registry = Registry(folder, lambda: b"0" * 32, None)
    by = By("tests", web_kit.NOW, "why", forced=False)
    trial: tuple[Any, ...] = (
        lambda: check_account(UserRole.LEAD, (" ",), None, None),
        lambda: add_user(kit.engine, act, NewUser("admin", UserRole.LEAD), "t"),
        lambda: reset_user(kit.engine, act, "nobody", "t", enable=True),
        lambda: check_name("A b"),
        lambda: versions.checked_reason(""),
        lambda: registry.rollback(by),
    )
    for attempt in trial:
        with pytest.raises(QaError) as caught:
            attempt()
        yield caught.value


def test_every_text_that_the_domain_raises_has_its_form(kit: web_kit.Kit, tmp_path: Path) -> None:
    for problem in raised(kit, tmp_path):
        found = [text for kind, form, text in _KNOWN if isinstance(problem, kind) and form.fullmatch(str(problem))]
        assert found, str(problem)
    for kind, form, text in _FORMS:  # what a text wants, its form finds
        names = set(re.findall(r"%\((\w+)\)s", text._args[0]))
        assert names <= set(re.compile(form).groupindex), (kind, form)


def test_what_has_no_form_keeps_its_english_behind_words_of_the_page(kit: web_kit.Kit) -> None:
    others = (QaError("odd thing"), ModelError("odd thing"), NotFoundError("odd thing"), QuotaError("odd thing"))
    with kit.app.test_request_context():
        told = [said(one) for one in others]
        assert all(map(CHINESE.search, told))
        assert [text.endswith("odd thing") for text in told] == [True, True, False, True]
        assert said(training.BusyError("a training run is going on: wait for its end")).startswith("有")
    with kit.app.test_request_context(headers={"Cookie": "language=en"}):
        assert said(QaError("odd thing")) == "odd thing"
