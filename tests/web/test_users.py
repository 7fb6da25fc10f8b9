"""Accounts as a page: added, reset and shut by an administrator; the link is shown once."""

from __future__ import annotations

import re

import web_kit

from qa.accounts import list_users

LINK = re.compile(r'value="(http://[^"]+)(/link/[^"]+)"')


def test_an_account_is_added_and_its_link_works_once(kit: web_kit.Kit) -> None:
    client = kit.client("admin")
    answer = client.send("/users", name="Wu", role="specialist", merchants="acme, other", team="red", shown_as="吴")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    _, path = LINK.findall(page)[0]
    made = next(one for one in list_users(kit.engine) if one.name == "wu")
    assert (made.merchants, made.team, made.shown_as) == (("acme", "other"), "red", "吴")
    assert "/link/" not in client.get("/users").get_data(as_text=True)
    stranger = kit.client()
    form = {"new": "orange tram stop", "again": "orange tram stop"}
    token = re.findall(r'name="csrf_token" value="([^"]+)"', stranger.get(path).get_data(as_text=True))[0]
    assert stranger.post(path, data={"csrf_token": token, **form}).status_code == 303
    assert stranger.get("/").status_code == 200
    assert kit.client().get(path).status_code == 404


def test_what_is_wrong_is_told_and_what_was_typed_stays(kit: web_kit.Kit) -> None:
    client = kit.client("admin")
    for form in (
        {"name": "x y", "role": "lead"},
        {"name": "wu", "role": "king"},
        {"name": "wu", "role": "agent"},
        {"name": "admin", "role": "lead"},
    ):
        answer = client.send("/users", **form)
        assert answer.status_code == 422
        assert f'value="{form["name"]}"' in answer.get_data(as_text=True)
        assert "data-opened" in answer.get_data(as_text=True)
    assert [one.name for one in list_users(kit.engine)] == ["admin"]


def test_disable_and_reset_end_sessions(kit: web_kit.Kit) -> None:
    client, trainer = kit.client("admin"), kit.client("trainer")
    page = client.get("/users").get_data(as_text=True)
    assert 'name="agreed" value="trainer"' in page.split('action="/users/trainer/disable"')[1].split("</form>")[0]
    for agreed in ({}, {"agreed": "1"}, {"agreed": "admin"}):
        assert client.send("/users/trainer/disable", **agreed).status_code == 400  # not confirmed
        assert client.send("/users/trainer/reset", **agreed).status_code == 400
    assert client.send("/users/trainer/disable", agreed="trainer").status_code == 303
    assert trainer.get("/").status_code == 303
    again = client.send("/users/trainer/reset", agreed="trainer")
    assert LINK.search(again.get_data(as_text=True))
    assert next(one for one in list_users(kit.engine) if one.name == "trainer").disabled_at is None
    assert client.send("/users/admin/disable", agreed="admin").status_code == 422  # the only one
    assert client.send("/users/nobody/reset", agreed="nobody").status_code == 404
