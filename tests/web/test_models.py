"""Models as pages: cards, comparison, promotion and rollback with a reason, training."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import chat_kit
import model_kit
import msgspec
import pytest
import web_kit

from qa import training, versions
from qa.models.card import here
from qa.models.compare import Difference
from qa.models.doubts import Doubt, encode_doubts
from qa.models.explain import Moved
from qa.models.features import Slot
from qa.models.registry import Registry
from qa.store import audit
from qa.store.session import read_tx
from qa.versions import Comparison
from qa.web.models import SLOTS
from qa.web.plots import Point, interval_plot, nice_ticks, reliability_plot

KEY = web_kit.KEY


@pytest.fixture
def models(kit: web_kit.Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of small models, as the application sees it, with one candidate."""
    card = msgspec.structs.replace(model_kit.card(0.69, name="shipped"), environment=here())
    registry = Registry(tmp_path, lambda: model_kit.SECRET, model_kit.shipped(tmp_path / "x", card), here)
    for module in ("places", "models"):
        monkeypatch.setattr(f"qa.web.{module}.registry", lambda: registry)
    registry.add(
        model_kit.FILES, msgspec.structs.replace(model_kit.card(), environment=here()), "reviews", "2026-11-21"
    )
    assert kit
    return registry


CANDIDATE = "2026-11-21-001-reviews"


def told(current: str, candidate: str, *reasons: str) -> Comparison:
    one = Difference("frozen", "chat satisfaction", None, "macro_f1", 80, 0.6, 0.7, 0.1, 0.02, 0.18, -0.01, 0.2)
    few = one._replace(set="audit", n=9, difference=None)
    return Comparison(current, candidate, {"frozen": 80, "audit": 9}, (one, few), reasons, ())


def comparing(monkeypatch: pytest.MonkeyPatch, *reasons: str) -> None:
    monkeypatch.setattr(
        versions, "compared", lambda registry, candidate, *_: told(registry.current(), candidate, *reasons)
    )


def test_versions_and_cards_are_shown(kit: web_kit.Kit, models: Registry) -> None:
    client = kit.client("lead")
    page = client.get("/models").get_data(as_text=True)
    assert page.index(CANDIDATE) < page.index("shipped")
    card = client.get(f"/models/{CANDIDATE}").get_data(as_text=True)
    for said in ("0.700", "0.670", "0.730", "1,260", 'class="plot plot-square"', "wuliu.txt"):
        assert said in card
    assert client.get("/models/2026-11-21-009-none").status_code == 404
    model_kit.put(models.place(CANDIDATE) / "words.txt", b"changed")
    assert "words.txt" in client.get("/models").get_data(as_text=True)
    assert client.get(f"/models/{CANDIDATE}").status_code == 200


def test_a_lead_promotes_and_rolls_back_with_a_reason(
    kit: web_kit.Kit, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparing(monkeypatch)
    client, path = kit.client("lead"), f"/models/{CANDIDATE}/promotion"
    assert "0.700" in client.get(f"/models/{CANDIDATE}/comparison").get_data(as_text=True)
    assert client.send(path, current="shipped", why=" ").status_code == 422
    assert client.send(path, current="shipped", why="two\nlines").status_code == 422
    assert client.send(path, current="another", why="better").status_code == 409
    assert models.current() == "shipped"
    assert client.send(path, current="shipped", why="better <b>").status_code == 303
    assert models.current() == CANDIDATE
    page = client.get("/models").get_data(as_text=True)
    assert "better &lt;b&gt;" in page
    assert client.send("/models/rollback", current="shipped", why="no").status_code == 409
    assert client.send("/models/rollback", current=CANDIDATE, why="").status_code == 422
    assert client.send("/models/rollback", current=CANDIDATE, why="no").status_code == 303
    assert models.current() == "shipped"
    with read_tx(kit.engine) as connection:
        acts = [(one.action, one.subject, one.facts) for one in audit.latest(connection, 2)]
    assert acts == [
        ("model.rollback", "model:shipped", {"before": CANDIDATE, "forced": False, "why": "no"}),
        ("model.promote", f"model:{CANDIDATE}", {"before": "shipped", "forced": False, "why": "better <b>"}),
    ]
    assert kit.client("admin").send(path, current="shipped", why="x").status_code == 403


def test_a_worse_one_needs_somebody_to_take_it_on(
    kit: web_kit.Kit, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparing(monkeypatch, "worse: frozen, chat satisfaction")
    client, path = kit.client("lead"), f"/models/{CANDIDATE}/promotion"
    refused = client.send(path, current="shipped", why="new season")
    assert refused.status_code == 422
    assert 'value="new season"' in refused.get_data(as_text=True)
    assert models.current() == "shipped"
    assert client.send(path, current="shipped", why="new season", forced="1").status_code == 303
    assert models.history().acts[-1].forced


def test_a_comparison_says_what_it_cannot_tell_and_where_words_stand(
    kit: web_kit.Kit, models: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = told(models.current(), CANDIDATE)
    words = (Moved("chat satisfaction", Slot.CUSTOMER, "word 太慢", "dissatisfied", None, 0.5),)
    for differences, kind in ((found.differences, "success"), (found.differences[1:], "info"), ((), "info")):
        shown = found._replace(differences=differences, moved=words)
        monkeypatch.setattr(versions, "compared", lambda *_, shown=shown: shown)
        page = kit.client("lead").get(f"/models/{CANDIDATE}/comparison").get_data(as_text=True)
        assert re.findall(r'class="notice notice-(\w+)"', page) == [kind]
        assert '<span translate="no">太慢</span> <span class="muted small">词 · 客户所说</span>' in page
    assert set(SLOTS) == {slot.value for slot in Slot}


def test_a_comparison_is_remembered(models: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def compare(*arguments: object) -> Comparison:
        asked.append(arguments)
        return told("shipped", CANDIDATE)

    monkeypatch.setattr(versions, "_compare", compare)
    for key in (1, 1, 2):
        versions.compared(models, CANDIDATE, {}, lambda _card: (), key)
    assert len(asked) == 2


def watched(client: web_kit.Client, wanted: Callable[[str], bool]) -> str:
    """Ask for the page of the training run again and again until it is as wanted, or for three minutes."""
    deadline = time.monotonic() + 180
    while not wanted(page := client.get("/models/training").get_data(as_text=True)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return page


def test_a_training_run_is_started_watched_and_alone(kit: web_kit.Kit, tmp_path: Path, monkeypatch) -> None:
    go = tmp_path / "go"
    waiting = f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(.02)"
    code = f"import pathlib, time; print('begun <b>', flush=True)\n{waiting}"
    monkeypatch.setattr(training, "_command", lambda *_: (sys.executable, "-c", code))
    client = kit.client("lead")
    assert client.send("/models/training", name="Bad Name").status_code == 422
    assert client.send("/models/training", name="reviews").status_code == 303
    assert client.send("/models/training", name="reviews").status_code == 409
    page = watched(client, lambda page: "begun" in page)
    assert "begun &lt;b&gt;" in page
    assert 'hx-trigger="every 2s"' in page
    go.touch()
    assert "hx-trigger" not in watched(client, lambda page: "hx-trigger" not in page)
    assert kit.client("admin").send("/models/training", name="reviews").status_code == 403


def test_doubtful_labels_lead_to_their_chats(kit: web_kit.Kit, tmp_path: Path) -> None:
    chats = chat_kit.put_in(kit.engine, tmp_path)
    job = tmp_path / "jobs" / "1"
    job.mkdir(parents=True)
    asked = training.Asked("lead", web_kit.NOW, "reviews", ("true",))
    (job / "job.json").write_bytes(msgspec.json.encode(asked))
    told = [
        Doubt(m, c, "satisfaction", "satisfied", "neutral", -0.5, "li") for m, c in (("acme", "three"), ("x", "no"))
    ]
    (job / "doubts").write_bytes(
        encode_doubts([*told, msgspec.structs.replace(told[0], merchant="other", chat="foreign")])
    )
    page = kit.client("lead").get("/models/training").get_data(as_text=True)
    links = re.findall(r'href="/chats/(\d+)">(\w+)<', page)
    assert sorted(links) == sorted([(str(chats.three), "three"), (str(chats.foreign), "foreign")])
    near = kit.client("lead", "near", merchants=("acme",)).get("/models/training").get_data(as_text=True)
    assert re.findall(r'href="/chats/(\d+)">', near) == [str(chats.three)]


def test_plots_leave_out_what_is_unknown() -> None:
    assert interval_plot([Point("2026-11-20", 90.0, None, None)]) is None
    plot = interval_plot([Point("a", 90.0, 80.0, 95.0), Point("b", None, None, None), Point("c", 91.0, None, None)])
    assert plot is not None
    assert [mark.point.label for mark in plot.marks] == ["a", "c"]
    assert plot.marks[0].low > plot.marks[0].y > plot.marks[0].high  # type: ignore[operator]
    assert all(0 <= mark.x <= plot.width and 0 <= mark.y <= plot.bottom for mark in plot.marks)
    same = interval_plot([Point("a", 0.0, 0.0, 0.0), Point("b", 0.0, 0.0, 0.0)])
    assert same is not None
    assert len({mark.y for mark in same.marks}) == 1
    assert nice_ticks(0, 0.13)[0] == 0.0
    assert reliability_plot(()) is None
    drawn = reliability_plot(model_kit.report().reliability)
    assert drawn is not None
    assert len(drawn.pips) == 1
