from __future__ import annotations

import pytest
from sqlalchemy import Engine

from qa.errors import LeaseHeldError, NotFoundError
from qa.store import nights
from qa.store.nights import Lease, Night, Run, RunKind, State
from qa.store.session import read_tx, write_tx

DAY = "2026-11-20"
SECOND = 1_000_000


def create(engine: Engine, merchant: str = "acme", day: str = DAY, salt: str = "salt") -> Night:
    with write_tx(engine) as connection:
        return nights.create_night(connection, merchant, day, salt, {"rate": 0.3}, 1)


def find(engine: Engine, merchant: str = "acme") -> Night:
    with read_tx(engine) as connection:
        night = nights.find_night(connection, merchant, DAY)
    assert night is not None
    return night


def never_gone(_owner: str) -> bool:
    return False


def test_a_night_is_unique_by_merchant_and_day(store_engine: Engine) -> None:
    first = create(store_engine)
    assert first == Night(first.id, "acme", DAY, State.SCREENING, "salt", {"rate": 0.3}, 1, None, None, None)
    assert create(store_engine, salt="other") == first, "who comes second gets what is there"
    assert create(store_engine, day="2026-11-21").id != first.id
    with read_tx(store_engine) as connection:
        assert nights.find_night(connection, "nobody", DAY) is None


def test_nights_of_a_day_are_by_merchant(store_engine: Engine) -> None:
    for merchant in ("b", "商", "B", "a"):
        create(store_engine, merchant)
    create(store_engine, "z", "2026-11-21")
    with read_tx(store_engine) as connection:
        assert [night.merchant for night in nights.nights_of_day(connection, DAY)] == ["B", "a", "b", "商"]


def test_fields_of_a_night(store_engine: Engine) -> None:
    night = create(store_engine)
    other = create(store_engine, "other")
    with write_tx(store_engine) as connection:
        nights.set_night(connection, night.id, state="done", waves=2, summary={"frame_size": 3, "名": None})
    assert find(store_engine) == night._replace(state=State.DONE, waves=2, summary={"frame_size": 3, "名": None})
    assert find(store_engine, "other") == other


def take(engine: Engine, night: Night, owner: str, now: int, is_gone=never_gone) -> None:
    with write_tx(engine) as connection:
        nights.take_lease(connection, night.id, Lease(owner, now + 10 * SECOND), now, is_gone)


def test_a_lease_is_taken_kept_and_expires(store_engine: Engine) -> None:
    night = create(store_engine)
    take(store_engine, night, "here:1:1", 0)
    take(store_engine, night, "here:1:1", SECOND)
    assert (find(store_engine).lease_owner, find(store_engine).lease_until) == ("here:1:1", 11 * SECOND)
    wanted = r"the night 2026-11-20 of 'acme' is being worked on by here:1:1 \(its lease runs for another 2 s"
    with pytest.raises(LeaseHeldError, match=wanted) as held:
        take(store_engine, night, "there:2:2", 9 * SECOND)
    assert (held.value.exit_code, held.value.status) == (75, 409)
    take(store_engine, night, "there:2:2", 11 * SECOND)
    assert find(store_engine).lease_owner == "there:2:2"


def test_the_lease_of_a_dead_process_is_nobodys(store_engine: Engine) -> None:
    night = create(store_engine)
    take(store_engine, night, "here:1:1", 0)
    asked = []
    take(store_engine, night, "here:2:2", 1, lambda owner: asked.append(owner) or True)
    assert asked == ["here:1:1"]
    assert find(store_engine).lease_owner == "here:2:2"


def test_only_the_holder_renews(store_engine: Engine) -> None:
    night = create(store_engine)
    take(store_engine, night, "here:1:1", 0)
    with write_tx(store_engine) as connection:
        nights.renew(connection, night.id, Lease("here:1:1", 99))
    assert find(store_engine).lease_until == 99

    def written_by_another() -> None:
        with write_tx(store_engine) as connection:
            nights.set_night(connection, night.id, waves=9)
            nights.renew(connection, night.id, Lease("there:2:2", 100))

    with pytest.raises(LeaseHeldError, match="stopping without writing"):
        written_by_another()
    assert find(store_engine).waves == 1


def test_a_standard_is_kept_once_under_its_hash(store_engine: Engine) -> None:
    with write_tx(store_engine) as connection:
        nights.keep_ruleset(connection, "h1", "house", "1", {"rules": ["规则"]}, 5)
        nights.keep_ruleset(connection, "h1", "other", "2", {}, 6)
    with read_tx(store_engine) as connection:
        assert nights.ruleset_content(connection, "h1") == {"rules": ["规则"]}
        with pytest.raises(NotFoundError, match="no rule set 'h2'"):
            nights.ruleset_content(connection, "h2")


def test_runs_are_in_the_order_they_began(store_engine: Engine) -> None:
    night, other = create(store_engine), create(store_engine, "other")
    with write_tx(store_engine) as connection:
        nights.keep_ruleset(connection, "h", "house", "1", {}, 5)
        first = nights.create_run(connection, night.id, RunKind.NIGHT, 0, "h", 1)
        nights.create_run(connection, other.id, RunKind.NIGHT, 0, "h", 1)
        second = nights.create_run(connection, night.id, RunKind.RESCORE, 0, "h", 2)
        nights.set_run(connection, first.id, state="done", summary={"inspected": 1})
    assert first == Run(first.id, night.id, RunKind.NIGHT, 0, "h", State.SCREENING, None)
    assert second.state is State.INSPECTING, "a re-scoring has nothing to screen"
    with read_tx(store_engine) as connection:
        expected = [first._replace(state=State.DONE, summary={"inspected": 1}), second]
        assert nights.runs_of(connection, night.id) == expected
