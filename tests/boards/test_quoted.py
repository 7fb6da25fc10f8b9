"""What a rule found, in the list of the chats in which it fired."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import night_kit as kit
import pytest
from sqlalchemy import Engine, delete, select

from qa.boards.behind import Behind, behind
from qa.boards.rollup import roll_up
from qa.people import Scope, UserRole
from qa.privacy import POLICY, MaskPolicy
from qa.store.board import Window
from qa.store.chat_list import Only
from qa.store.session import read_tx, write_tx
from qa.store.tables import chat_bodies, chats

ZONE = ZoneInfo("Asia/Shanghai")


def chat(name: str, said: str) -> kit.Record:
    told = [("customer", "在吗"), ("agent", said), ("customer", "好的"), ("agent", "再见")]
    times = [f"2026-11-20T10:00:{5 * at:02}+08:00" for at in range(len(told))]
    messages = [{"role": role, "text": text, "at": at} for (role, text), at in zip(told, times, strict=True)]
    return {"id": name, "merchant": "acme", "agent": {"id": "a-1"}, "csat": 1, "messages": messages,
            "started_at": times[0], "ended_at": times[-1]}  # fmt: skip


def listed(engine: Engine, rule: str, policy: MaskPolicy = POLICY[UserRole.LEAD]) -> Behind:
    return behind(engine, Window("0", "9", Scope()), Only(rule=rule), None, policy)


@pytest.fixture
def inspected(store_engine: Engine, tmp_path: Path) -> Engine:
    texts = {"c-1": "你傻吗，王先生电话13800138000", "c-2": "您稍等"}
    kit.bring_in(store_engine, tmp_path, [chat(name, said) for name, said in texts.items()])
    kit.night(store_engine, policy=kit.policy(rate=1.0))
    roll_up(store_engine, ZONE)
    return store_engine


def test_words_are_quoted_as_the_reader_may_see_them(inspected: Engine) -> None:
    found = listed(inspected, "red-insult")
    assert [one.chat_id for one in found.chats] == ["c-1"]
    [told] = found.quotes.values()
    assert told.repeated
    assert told.excerpt is not None
    assert "傻" in told.excerpt.quote
    assert "13800138000" not in "".join(told.excerpt)
    assert told.excerpt.after.startswith("，王先生电话")


def test_a_figure_is_told_with_the_turn_that_it_is_anchored_in(inspected: Engine) -> None:
    found = listed(inspected, "low-csat")
    assert {one.chat_id for one in found.chats} == {"c-1", "c-2"}
    for told in found.quotes.values():
        assert not told.repeated
        assert "1" in told.message
        assert told.excerpt is not None
        assert told.excerpt.quote == "好的"


def test_an_absence_and_a_text_that_is_gone_have_no_place(inspected: Engine) -> None:
    assert all(one.excerpt is None for one in listed(inspected, "greeting-missing").quotes.values())
    with write_tx(inspected) as connection:
        connection.execute(delete(chat_bodies))
    [told] = listed(inspected, "red-insult").quotes.values()
    assert told.excerpt is None
    with read_tx(inspected) as connection:
        assert connection.execute(select(chats.c.chat_id)).scalars().all()


def test_without_a_rule_nothing_is_quoted(inspected: Engine) -> None:
    assert behind(inspected, Window("0", "9", Scope()), Only(), None, MaskPolicy()).quotes == {}
