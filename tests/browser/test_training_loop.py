"""The loop that feeds training: import → night → reviews → train → compare → promote → the next night uses it."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import night_kit
import pytest
import small_model
import web_kit
from sqlalchemy import select

from qa.models.history import SHIPPED
from qa.models.labelled import LabelledChat
from qa.models.opinions import LABELS, Task
from qa.models.registry import Registry
from qa.models.secret import installation_secret
from qa.models.shipping import SHIPPED_MODEL
from qa.nightly.thinking import RegistryModels
from qa.queueing import fill
from qa.store import nights
from qa.store.session import read_tx
from qa.store.tables import chats, inspections, reviews
from qa.web.models import TRAINING_FILES

FILES = [small_model.ROOT / "training_data" / "chats" / "wuliu-cuifa.txt"]
REVIEWED = 30


def record(one: LabelledChat, number: int, day: str) -> dict[str, Any]:
    """An authored chat as a source would bring it."""
    messages = [
        {"role": message.role.value, "text": message.text, "at": f"{day}T{9 + number % 10:02}:{turn:02}:00+08:00"}
        for turn, message in enumerate(one.chat.messages)
    ]
    at = messages[0]["at"]
    return {"id": f"{day}-{number}", "merchant": "acme", "started_at": at, "messages": messages, "agent": {"id": "a-1"}}


def chats_by_inspection(browser: web_kit.Browser) -> dict[int, str]:
    """What each inspection is of."""
    with read_tx(browser.kit.engine) as connection:
        query = select(inspections.c.id, chats.c.chat_id).join(chats, chats.c.id == inspections.c.chat_pk)
        return {row[0]: row[1] for row in connection.execute(query)}


def review(browser: web_kit.Browser, truth: dict[str, LabelledChat]) -> None:
    """Review chats as a specialist does: from the queue on, by keys alone, with the labels that are true."""
    whose = chats_by_inspection(browser)
    labels = {"s": Task.SENTIMENT, "r": Task.RESOLUTION, "t": Task.SATISFACTION}
    page = browser.page("specialist", merchants=("acme",))
    page.goto("/queue")
    page.keyboard.press("n")
    seen: set[int] = set()
    for _ in range(REVIEWED):
        page.wait_for_url(lambda url, seen=frozenset(seen): opened(url) not in {None, *seen}, wait_until="commit")
        page.wait_for_load_state("domcontentloaded")
        inspection = opened(page.url)
        assert inspection is not None
        seen.add(inspection)
        one = truth[whose[inspection]]
        for key, task in labels.items():
            said = getattr(one, task.value)
            if said is not None:
                page.keyboard.press(key)
                page.keyboard.press(str(LABELS[task].index(said) + 1))
        page.keyboard.press("a" if page.locator("#confirm-all").count() else "Enter")
    page.wait_for_url(lambda url: opened(url) not in seen)
    with read_tx(browser.kit.engine) as connection:
        rows = connection.execute(select(reviews, chats.c.chat_id).join(chats, chats.c.id == reviews.c.chat_pk)).all()
    said = {row.chat_id: tuple(getattr(row, task.value) for task in Task) for row in rows}
    assert said == {whose[one]: tuple(getattr(truth[whose[one]], task.value) for task in Task) for one in seen}


def opened(url: str) -> int | None:
    """The inspection whose page this is."""
    found = re.search(r"/chats/(\d+)", url)
    return int(found[1]) if found else None


@pytest.mark.slow
def test_what_people_say_trains_the_model_of_the_next_night(browser: web_kit.Browser, tmp_path: Path) -> None:
    kit, engine = browser.kit, browser.kit.engine
    kit.app.config[TRAINING_FILES] = FILES
    secret = partial(installation_secret, tmp_path, web_kit.KEY, bytes)
    models = RegistryModels(Registry(tmp_path, secret, SHIPPED_MODEL))
    authored = small_model.authored(60, 5)
    truth: dict[str, LabelledChat] = {}
    for day, part in (("2026-11-19", authored[:40]), ("2026-11-20", authored[40:])):
        records = [record(one, number, day) for number, one in enumerate(part)]
        truth |= {str(told["id"]): one for told, one in zip(records, part, strict=True)}
        night_kit.bring_in(engine, tmp_path / day, records, day)
    all_of_them = night_kit.policy(rate=1.0, audit_rate=0.01)
    first = night_kit.night(engine, day="2026-11-19", models=models, policy=all_of_them).night
    fill(engine, kit.clock())
    review(browser, truth)

    page = browser.page("lead")
    page.goto(f"/nights/{first.id}")
    assert page.locator(".facts").inner_text().count(SHIPPED) == 1
    page.goto("/models/training")
    page.locator("#job + section button.btn-primary").click()
    page.locator("#job progress").wait_for()
    compare = page.locator("#job a.btn-primary")
    compare.wait_for(timeout=600_000)  # htmx asks again and again, nobody reloads
    assert "made" in page.locator("#job .output").inner_text()
    compare.click(timeout=300_000)
    page.locator("#decision").wait_for(timeout=300_000)
    version = page.url.split("/")[-2]
    assert version.endswith("-reviews")
    page.locator("input[name=why]").fill("reads our parcels better")
    if page.locator("input[name=forced]").count():  # a small one learns less than the one that came with the program
        page.locator("input[name=forced]").check()
    page.locator("#decision form button").click()
    page.wait_for_url("**/models", timeout=300_000)
    assert version in page.locator("tr", has=page.locator(".tag-good")).first.inner_text()
    assert "reads our parcels better" in page.locator("main").inner_text()

    second = night_kit.night(engine, day="2026-11-20", models=models, policy=all_of_them).night
    with read_tx(engine) as connection:
        assert [run.model for run in nights.runs_of(connection, second.id)] == [version]
    page.goto("/nights")
    page.locator(f"a[href='/nights/{second.id}']").click()
    page.locator("h1").wait_for()
    page.locator(".facts a", has_text=version).click()
    page.locator("h1", has_text=version).wait_for()
    page.goto("/audit")
    log = page.locator("main").inner_text()
    assert "model.train" in log
    assert "model.promote" in log
