from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.people import (
    NOWHERE,
    AccountError,
    Place,
    Reach,
    Scope,
    User,
    UserRole,
    check_account,
    login_name,
    scope_of,
    within,
)


def a_user(**changes) -> User:
    plain = User(
        id=7, name="li", shown_as="Li", role=UserRole.SPECIALIST, merchants=None, team=None, agent_id=None,
        disabled_at=None, has_password=True, link_until=None, language=None, theme=None,
    )  # fmt: skip
    return plain._replace(**changes)


@pytest.mark.parametrize("typed", ["Li.Wei", " li.wei ", "ＬＩ.wei"])
def test_one_person_cannot_be_two(typed: str) -> None:
    assert login_name(typed) == "li.wei"


def test_chinese_login_names() -> None:
    assert login_name("李伟") == "李伟"


@pytest.mark.parametrize("typed", ["", " ", "a b", "a/b", "<b>", "a\0b", ".hidden", "x" * 65, "a\nb", "-rf"])
def test_what_is_no_login_name(typed: str) -> None:
    with pytest.raises(AccountError, match="cannot be a login name"):
        login_name(typed)


@pytest.mark.parametrize(
    ("role", "merchants", "team", "agent_id", "message"),
    [
        (UserRole.AGENT, ("acme",), None, None, "give the agent's id"),
        (UserRole.AGENT, None, None, "a-1", "at least one merchant"),
        (UserRole.LEAD, None, None, "a-1", "is for the role agent"),
        (UserRole.MERCHANT_VIEWER, None, None, None, "needs at least one merchant"),
        (UserRole.ADMIN, ("acme",), None, None, "whole installation"),
        (UserRole.ADMIN, None, "red", None, "whole installation"),
        (UserRole.LEAD, (" ",), None, None, "is empty"),
        (UserRole.LEAD, None, " ", None, "is empty"),
    ],
)
def test_a_role_needs_what_limits_it(role, merchants, team, agent_id, message: str) -> None:
    with pytest.raises(AccountError, match=message):
        check_account(role, merchants, team, agent_id)


@pytest.mark.parametrize("role", UserRole)
def test_each_role_can_be_had(role: UserRole) -> None:
    limited = role in {UserRole.AGENT, UserRole.MERCHANT_VIEWER}
    check_account(role, ("acme",) if limited else None, None, "a-1" if role is UserRole.AGENT else None)


def test_what_reaches_mean() -> None:
    limited = a_user(merchants=("acme",), team="red", agent_id="a-1")
    assert scope_of(limited, Reach.ALL) == Scope()
    assert scope_of(limited, Reach.MERCHANT) == Scope(merchants=("acme",))
    assert scope_of(limited, Reach.TEAM) == Scope(merchants=("acme",), team="red")
    assert scope_of(limited, Reach.SELF) == Scope(merchants=("acme",), agent_id="a-1", user_id=7)
    assert scope_of(limited, Reach.PUBLIC) == NOWHERE


OWN = Place("acme", "red", "a-1")


@pytest.mark.parametrize(
    ("reach", "place", "reached"),
    [
        (Reach.ALL, Place(), True),
        (Reach.MERCHANT, OWN, True),
        (Reach.MERCHANT, Place("acme", "blue", "a-2"), True),
        (Reach.MERCHANT, Place("other", "red", "a-1"), False),
        (Reach.MERCHANT, Place(), False),
        (Reach.TEAM, OWN, True),
        (Reach.TEAM, Place("acme", "blue", "a-1"), False),
        (Reach.TEAM, Place("acme", None, "a-1"), False),
        (Reach.SELF, OWN, True),
        (Reach.SELF, Place("acme", "red", "a-2"), False),
        (Reach.SELF, Place("acme", "red", None), False),
        (Reach.SELF, Place("other", "red", "a-1"), False),
        (Reach.SELF, Place(user_id=7), True),
        (Reach.SELF, Place("acme", "red", "a-1", user_id=8), False),
        (Reach.PUBLIC, OWN, False),
    ],
)
def test_own_and_foreign_objects(reach: Reach, place: Place, reached: bool) -> None:
    scope = scope_of(a_user(merchants=("acme",), team="red", agent_id="a-1"), reach)
    assert within(scope, place) is reached


def test_self_without_an_agents_id_reaches_no_chat() -> None:
    scope = scope_of(a_user(), Reach.SELF)
    assert not within(scope, Place("acme", "red", None))
    assert not within(scope, OWN)


_names = st.none() | st.sampled_from(["a", "b"])


@given(
    st.builds(
        Scope, st.none() | st.lists(st.sampled_from("ab")).map(tuple), _names, _names, st.none() | st.integers(1, 2)
    ),
    st.builds(Place, _names, _names, _names, st.none() | st.integers(1, 2)),
)
def test_a_wider_scope_never_reaches_less(scope: Scope, place: Place) -> None:
    if within(scope, place) and scope.user_id is None:
        assert within(scope._replace(merchants=None), place)
        assert within(scope._replace(team=None), place)
