from __future__ import annotations

from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine

from qa.store import inspected
from qa.store.inspected import State
from qa.store.reviews import Review, add_review
from qa.store.session import read_tx, write_tx


@pytest.fixture
def engine(store_engine: Engine, tmp_path: Path) -> Engine:
    """Sixty chats of one day, imported and inspected."""
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(60))
    kit.night(store_engine)
    return store_engine


def test_an_inspection_is_found_by_its_key_and_nothing_else_is(engine: Engine) -> None:
    row = kit.rows(engine, "inspections", "id")[0]
    chat = next(one for one in kit.rows(engine, "chats", "id") if one["id"] == row["chat_pk"])
    with read_tx(engine) as connection:
        found = inspected.where(connection, row["id"])
        assert found is not None
        assert (found.merchant, found.chat_id, found.chat_pk) == (chat["merchant"], chat["chat_id"], chat["id"])
        assert (found.team, found.agent_id, found.revision) == (chat["team"], chat["agent_id"], 1)
        assert [inspected.where(connection, key) for key in (0, 7, -1, 1 << 63, 1 << 80)] == [None] * 5
        assert inspected.model_of(connection, row["run_id"]) is None


def test_why_a_chat_was_drawn(engine: Engine) -> None:
    frame = {one["chat_pk"]: one for one in kit.rows(engine, "frame", "chat_pk")}
    with read_tx(engine) as connection:
        for row in kit.rows(engine, "inspections", "id"):
            found = inspected.sampled(connection, row["id"])
            drawn = frame[row["chat_pk"]]
            assert found is not None
            assert (found.night_id, found.day, found.probability) == (row["night_id"], kit.DAY, drawn["probability"])
            assert found.reasons == drawn["reasons"]
        assert inspected.sampled(connection, 7) is None


def test_the_state_changes_with_each_review(engine: Engine) -> None:
    row = kit.rows(engine, "inspections", "id")[0]
    pk, chat = row["chat_pk"], next(c for c in kit.rows(engine, "chats", "id") if c["id"] == row["chat_pk"])["chat_id"]
    keys = []
    for who, kind in (("li", "queue"), ("wu", "audit")):
        with write_tx(engine) as connection:
            inspected.hold(connection, pk)
            keys.append(add_review(connection, Review(f"token-{who}", pk, kind, who, kit.NOW)).id)
    with read_tx(engine) as connection:
        assert inspected.state(connection, "acme", chat) == State(row["id"], 1, keys[1])
        assert inspected.state(connection, "acme", chat, "li") == State(row["id"], 1, keys[0])
        assert inspected.state(connection, "acme", "no such chat") == State(0, 0, 0)
        answered = [inspected.answered_blind(connection, "acme", chat, who) for who in (None, "wu", "li")]
        assert answered == [True, True, False]
        assert inspected.sent(connection, "token-li") == (keys[0], pk, "li")
        assert inspected.sent(connection, "token") is None


def test_audit_chats_are_known(engine: Engine) -> None:
    drawn = {row["inspection_id"] for row in kit.rows(engine, "flags") if row["reason"] == "audit"}
    assert drawn
    with read_tx(engine) as connection:
        for row in kit.rows(engine, "inspections", "id"):
            found = inspected.where(connection, row["id"])
            assert found is not None
            assert inspected.drawn_for_audit(connection, found.merchant, found.chat_id) == (row["id"] in drawn)
