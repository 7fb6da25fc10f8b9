from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from qa.accounts import NewUser, add_user, disable_user
from qa.people import User, UserRole
from qa.signing_in import (
    TRIES_OF_ADDRESS,
    TRIES_OF_NAME,
    TRIES_OF_PAIR,
    WINDOW_MINUTES,
    LinkSpentError,
    LockedOutError,
    Ticket,
    begin,
    change_password,
    fail,
    find_session,
    finish,
    leave,
    use_link,
)
from qa.store import account_tables, audit
from qa.store.audit import Act
from qa.store.session import read_tx

AT = 1_000_000_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE
HERE = "10.0.0.1"


@pytest.fixture
def li(store_engine: Engine) -> User:
    """An account whose password has the hash ``h1``; ``first`` is its session."""
    add_user(store_engine, Act("tests", AT), NewUser("li", UserRole.LEAD), "link")
    return use_link(store_engine, "link", "h1", Ticket("first", 12 * HOUR), AT)


def log_in(engine: Engine, token: str, at: int = AT) -> User | None:
    attempt = begin(engine, "li", HERE, at)
    return finish(engine, attempt, Ticket(token, 12 * HOUR), at)


@pytest.mark.usefixtures("li")
def test_only_the_hash_of_a_token_is_stored(store_engine: Engine) -> None:
    with read_tx(store_engine) as connection:
        stored = [bytes(row.token_hash) for row in connection.execute(select(account_tables.sessions))]
    assert [len(one) for one in stored] == [32]
    assert b"first" not in stored[0]


def test_a_session_is_found_until_it_is_left_alone_or_too_old(store_engine: Engine, li: User) -> None:
    def alive(at: int) -> bool:
        return find_session(store_engine, "first", at, 2 * HOUR) is not None

    assert find_session(store_engine, "first", AT, HOUR).user == li
    assert find_session(store_engine, "fırst", AT, HOUR) is None
    for hours in range(1, 12):  # a click an hour keeps it
        assert alive(AT + hours * HOUR)
    assert not alive(AT + 12 * HOUR)  # and the longest life ends it
    assert log_in(store_engine, "second") is not None
    assert find_session(store_engine, "second", AT + 2 * HOUR, 2 * HOUR) is None


def test_logging_out_ends_the_session_in_the_database(store_engine: Engine, li: User) -> None:
    log_in(store_engine, "second")
    leave(store_engine, li, "first", AT)
    assert find_session(store_engine, "first", AT, HOUR) is None
    assert find_session(store_engine, "second", AT, HOUR) is not None


def test_changing_the_password_ends_all_sessions_but_the_new_one(store_engine: Engine, li: User) -> None:
    log_in(store_engine, "second")
    assert change_password(store_engine, li, "h1", "h2", Ticket("third", HOUR), AT)
    alive = [token for token in ("first", "second", "third") if find_session(store_engine, token, AT, HOUR)]
    assert alive == ["third"]
    assert not change_password(store_engine, li, "h1", "h3", Ticket("fourth", HOUR), AT)
    assert find_session(store_engine, "third", AT, HOUR) is not None


def test_a_password_changed_or_an_account_shut_while_it_was_being_checked(store_engine: Engine, li: User) -> None:
    attempt = begin(store_engine, "li", HERE, AT)
    assert attempt.password == "h1"
    change_password(store_engine, li, "h1", "h2", Ticket("new", HOUR), AT)
    assert finish(store_engine, attempt, Ticket("late", HOUR), AT) is None
    attempt = begin(store_engine, "li", HERE, AT)
    disable_user(store_engine, Act("tests", AT), "li")
    assert finish(store_engine, attempt, Ticket("late", HOUR), AT) is None
    assert find_session(store_engine, "late", AT, HOUR) is None


@pytest.mark.usefixtures("li")
def test_a_weak_hash_is_replaced_by_the_way(store_engine: Engine) -> None:
    assert finish(store_engine, begin(store_engine, "li", HERE, AT), Ticket("t", HOUR), AT, "h1-better") is not None
    assert begin(store_engine, "li", HERE, AT).password == "h1-better"


@pytest.mark.usefixtures("li")
def test_nobody_and_the_disabled_have_nothing_to_compare_with(store_engine: Engine) -> None:
    disable_user(store_engine, Act("tests", AT), "li")
    for name in ("li", "wu", "", "\0", "a\0b", "x" * 5000, "' OR 1=1 --"):
        attempt = begin(store_engine, name, HERE + name[:3].replace("\0", "0"), AT)
        assert (attempt.user_id, attempt.password) == (None, None)
        assert finish(store_engine, attempt, Ticket("t", HOUR), AT) is None


@pytest.mark.usefixtures("li")
def test_the_sixth_try_of_a_pair_waits_for_the_window(store_engine: Engine) -> None:
    for second in range(TRIES_OF_PAIR):
        begin(store_engine, "li", HERE, AT + second * 1_000_000)
    with pytest.raises(LockedOutError) as locked:
        begin(store_engine, "LI", HERE, AT + MINUTE)
    assert locked.value.seconds == (WINDOW_MINUTES - 1) * 60 + 1
    begin(store_engine, "li", "10.0.0.2", AT + MINUTE)  # from elsewhere the owner still gets in
    begin(store_engine, "li", HERE, AT + WINDOW_MINUTES * MINUTE + 1)  # the oldest is forgotten


@pytest.mark.usefixtures("li")
def test_a_right_password_clears_the_count(store_engine: Engine) -> None:
    for round_number in range(3):
        for _ in range(TRIES_OF_PAIR - 1):
            begin(store_engine, "li", HERE, AT)
        assert log_in(store_engine, f"t{round_number}") is not None


def test_many_addresses_against_one_name_and_many_names_from_one_address(store_engine: Engine) -> None:
    for n in range(TRIES_OF_NAME):
        begin(store_engine, "li", f"10.0.1.{n}", AT)
    with pytest.raises(LockedOutError):
        begin(store_engine, "li", "10.0.2.1", AT)
    for n in range(TRIES_OF_ADDRESS):
        begin(store_engine, f"name{n}", HERE, AT)
    with pytest.raises(LockedOutError):
        begin(store_engine, "another", HERE, AT)


@pytest.mark.slow
@pytest.mark.usefixtures("li")
def test_sixteen_guesses_at_once_are_sixteen(store_engine: Engine) -> None:
    def guess(_number: int) -> bool:
        try:
            begin(store_engine, "li", HERE, AT)
        except LockedOutError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(guess, range(16))) == TRIES_OF_PAIR


def test_of_two_who_use_a_link_one_gets_the_account(store_engine: Engine) -> None:
    add_user(store_engine, Act("tests", AT), NewUser("wu", UserRole.LEAD), "link")

    def use(number: int) -> bool:
        try:
            use_link(store_engine, "link", f"h{number}", Ticket(f"t{number}", HOUR), AT)
        except LinkSpentError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(8))) == 1
    assert sum(find_session(store_engine, f"t{n}", AT, HOUR) is not None for n in range(8)) == 1


def test_what_the_log_tells(store_engine: Engine, li: User) -> None:
    log_in(store_engine, "second")
    fail(store_engine, begin(store_engine, "li", HERE, AT), AT)
    fail(store_engine, begin(store_engine, "my password by mistake", HERE, AT), AT)
    leave(store_engine, li, "second", AT)
    with read_tx(store_engine) as connection:
        told = [(entry.actor, entry.action) for entry in audit.chain(connection)]
        everything = b"".join(entry.details for entry in audit.chain(connection))
    assert told == [
        ("tests", "user.add"),
        ("li", "login.link"),
        ("li", "login"),
        (f"address:{HERE}", "login.fail"),
        ("li", "logout"),
    ]
    assert b"mistake" not in everything
