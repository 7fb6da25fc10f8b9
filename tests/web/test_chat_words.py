"""The words of the chat page: why something was found, and what a message is, in the language of the page."""

from __future__ import annotations

from pathlib import Path

import chat_kit
import web_kit
from sqlalchemy import delete, update

from qa.store.session import write_tx
from qa.store.tables import findings, quotes


def test_an_english_page_says_why_in_english_and_kinds_of_messages_are_words(kit: web_kit.Kit, tmp_path: Path) -> None:
    record = chat_kit.record("kinds", chat_kit.TALKS["three"])
    record["messages"][0] |= {"kind": "image"}
    record["messages"][2] |= {"kind": "未知卡"}
    own = chat_kit.inspect(kit.engine, tmp_path, [record])["kinds"]
    lead = kit.client("lead")

    def shown() -> str:
        return str(lead.get(f"/chats/{own}").get_data(as_text=True))

    page = shown()
    assert '<span class="tag">图片</span>' in page
    assert '<span class="tag" translate="no">未知卡</span>' in page
    assert "说了“不知道”" in page
    lead.send("/preferences/language", language="en")
    page = shown()
    assert '<span class="tag">picture</span>' in page
    assert "said “不知道”" in page
    assert "说了" not in page
    with write_tx(kit.engine) as connection:  # a message that this rule's template did not make stays as it is
        connection.execute(update(findings).where(findings.c.rule == "dont-know").values(message="手写的"))
        connection.execute(delete(quotes))
    assert "手写的" in shown()
