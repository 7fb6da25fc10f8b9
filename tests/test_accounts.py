from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from qa.accounts import LINK_HOURS, NewUser, add_first_admin, add_user, disable_user, list_users, reset_user
from qa.errors import NotFoundError
from qa.people import AccountError, UserRole
from qa.signing_in import LinkSpentError, Ticket, find_session, owner_of_link, use_link
from qa.store import audit
from qa.store.audit import Act
from qa.store.session import read_tx

AT = 1_000_000_000_000
HOUR = 3_600_000_000
ACT = Act("cli:tests", AT)


def log_of(engine: Engine) -> list[tuple[str, str, str]]:
    with read_tx(engine) as connection:
        return [(entry.actor, entry.action, entry.subject) for entry in audit.chain(connection)]


def test_an_account_begins_with_a_link_and_no_password(store_engine: Engine) -> None:
    made, link = add_user(store_engine, ACT, NewUser("Li.Wei", UserRole.LEAD, merchants=("b", "a", "b")), "secret")
    assert (made.name, made.shown_as, made.merchants, made.has_password) == ("li.wei", "li.wei", ("a", "b"), False)
    assert link == ("secret", AT + LINK_HOURS * HOUR)
    assert list_users(store_engine) == [made]
    assert log_of(store_engine) == [("cli:tests", "user.add", f"user:{made.id}")]


def test_a_name_is_taken_once(store_engine: Engine) -> None:
    add_user(store_engine, ACT, NewUser("li", UserRole.LEAD), "one")
    with pytest.raises(AccountError, match="'li' already"):
        add_user(store_engine, ACT, NewUser("ＬＩ", UserRole.ADMIN), "two")
    assert len(log_of(store_engine)) == 1


def test_of_two_first_admins_one_is_made(store_engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: add_first_admin(store_engine, ACT, f"a{n}", f"t{n}"), range(4)))
    assert len([one for one in made if one]) == 1
    assert [user.role for user in list_users(store_engine)] == [UserRole.ADMIN]


def test_disabling_ends_sessions_and_links(store_engine: Engine) -> None:
    add_user(store_engine, ACT, NewUser("root", UserRole.ADMIN), "r")
    add_user(store_engine, ACT, NewUser("li", UserRole.LEAD), "one")
    use_link(store_engine, "one", "hash", Ticket("token", HOUR), AT)
    assert find_session(store_engine, "token", AT, HOUR) is not None
    assert disable_user(store_engine, ACT, "Li") == 1
    assert find_session(store_engine, "token", AT, HOUR) is None
    assert disable_user(store_engine, ACT, "li") == 0
    add_user(store_engine, ACT, NewUser("wu", UserRole.LEAD), "two")
    disable_user(store_engine, ACT, "wu")
    with pytest.raises(LinkSpentError):
        owner_of_link(store_engine, "two", AT)
    assert [action for _, action, _ in log_of(store_engine)].count("user.disable") == 2


def test_the_last_admin_stays(store_engine: Engine) -> None:
    add_user(store_engine, ACT, NewUser("root", UserRole.ADMIN), "r")
    with pytest.raises(AccountError, match="only admin"):
        disable_user(store_engine, ACT, "root")
    add_user(store_engine, ACT, NewUser("root2", UserRole.ADMIN), "r2")
    disable_user(store_engine, ACT, "root")
    with pytest.raises(AccountError, match="only admin"):
        disable_user(store_engine, ACT, "root2")


def test_a_reset_takes_password_and_sessions_and_gives_a_link(store_engine: Engine) -> None:
    add_user(store_engine, ACT, NewUser("li", UserRole.LEAD), "one")
    use_link(store_engine, "one", "hash", Ticket("token", HOUR), AT)
    user, link = reset_user(store_engine, ACT, "li", "again")
    assert not user.has_password
    assert find_session(store_engine, "token", AT, HOUR) is None
    assert owner_of_link(store_engine, "again", AT).name == "li"
    with pytest.raises(LinkSpentError):
        owner_of_link(store_engine, "again", link.until)


def test_a_disabled_account_is_opened_only_on_purpose(store_engine: Engine) -> None:
    add_user(store_engine, ACT, NewUser("li", UserRole.LEAD), "one")
    disable_user(store_engine, ACT, "li")
    with pytest.raises(AccountError, match="--enable"):
        reset_user(store_engine, ACT, "li", "again")
    reset_user(store_engine, ACT, "li", "again", enable=True)
    assert list_users(store_engine)[0].disabled_at is None
    assert owner_of_link(store_engine, "again", AT).name == "li"


def test_who_is_not_there(store_engine: Engine) -> None:
    for act in (disable_user, lambda e, a, n: reset_user(e, a, n, "t")):
        with pytest.raises(NotFoundError, match="no account 'wu'"):
            act(store_engine, ACT, "wu")
