"""The audit log as pages."""

from __future__ import annotations

import pytest
import web_kit

from qa import auditing
from qa.store import audit
from qa.store.audit import Act
from qa.store.session import write_tx


def test_the_log_is_read_filtered_and_checked(kit: web_kit.Kit) -> None:
    client = kit.client("admin")
    with write_tx(kit.engine) as connection:
        audit.append(connection, Act("wang", kit.clock()), "case.add", "case:7", {"title": "<b>x</b>", "none": None})
        claimed = {"until": kit.clock(), "next": True}
        audit.append(connection, Act("wang", kit.clock()), "queue.claim", "inspection:17", claimed)
    page = client.get("/audit").get_data(as_text=True)
    assert "case.add" in page
    assert "&lt;b&gt;x" in page
    assert '<span class="muted">until</span> 2026-11-18 19:06<' in page
    assert 'href="/chats/17"' in page
    assert "<b>x" not in page
    assert "user.add" not in client.get("/audit?actor=wang").get_data(as_text=True)
    assert "case.add" not in client.get("/audit?action=login").get_data(as_text=True)
    assert "case:7" in client.get("/audit?subject=case:7").get_data(as_text=True)
    head = auditing.verify(kit.engine).head
    assert head is not None
    checked = client.get("/audit", query_string={"check": 1, "known": head}).get_data(as_text=True)
    assert head in checked
    assert "notice-success" in checked
    assert client.get("/audit?check=1&known=nonsense").status_code == 422
    cut = client.get("/audit", query_string={"check": 1, "known": f"99:{head.split(':')[1]}"}).get_data(as_text=True)
    assert "notice-danger" in cut


def test_pages_of_the_log(kit: web_kit.Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "PAGE", 3)
    with write_tx(kit.engine) as connection:
        for number in range(7):
            audit.append(connection, Act("wang", number), "x", f"y:{number}")
    first = auditing.read_page(kit.engine)
    second = auditing.read_page(kit.engine, before=first.onward)
    last = auditing.read_page(kit.engine, before=second.onward)
    assert [len(one.entries) for one in (first, second, last)] == [3, 3, 1]
    assert last.onward is None
