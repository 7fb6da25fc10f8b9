"""Health, readiness, figures: who is told what, and that nobody is told more."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import installation_kit
import pytest
import web_kit
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from qa import operating
from qa.cli.jsonlog import JsonLines
from qa.store.nights import set_night
from qa.store.session import write_tx
from qa.web.measures import SHARED

TOKEN = "t" * 32
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
DRIFT = {"what": "sentiment", "value": 0.31, "level": "large", "unusual": True, "words": ["退款"]}


@pytest.fixture
def watched(store_engine: Engine, tmp_path: Path) -> Iterator[web_kit.Kit]:
    """An application whose figures are given for a token, with a night in it; its log is JSON."""
    installation_kit.fill(store_engine)
    with write_tx(store_engine) as connection:
        summary = {"inspected": 6, "flagged": 6, "broken": 0, "model_refused": None, "drift": [DRIFT]}
        set_night(connection, 1, summary=summary, finished_at=web_kit.NOW + 90_000_000)
        connection.execute(
            text("INSERT INTO nights (merchant, day, state, salt, policy, waves, started_at) "
                 "SELECT merchant, '2026-11-18', 'screening', salt, policy, waves, started_at FROM nights")
        )  # fmt: skip
    operating.note_stages(store_engine, 1, {"screen": 9.0})
    operating.note_stages(store_engine, 1, {"screen": 2.5, "inspect": 4.0})
    with web_kit.kit_on(store_engine, tmp_path, metrics_token=TOKEN, log_json=True) as made:
        yield made


def figures(client: web_kit.Client) -> dict[str, float]:
    answer = client.get("/metrics", headers=SHOWN)
    assert answer.status_code == 200
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def test_what_is_watched(watched: web_kit.Kit) -> None:
    watched.clock.forward(hours=1)
    client = watched.client()
    client.get("/login?name=13800138000")
    client.get("/chats/1")
    client.open("/nowhere/13800138000", method="BREW")
    for _ in range(2):
        client.send("/login", name="li", password="wrong")
    found = figures(client)
    told = {name: found[name] for name in found if "request" not in name and not name.endswith("_created")}
    assert told == {
        "zhijian_database_up": 1,
        "zhijian_night_age_seconds acme": 3600 - 90,
        "zhijian_night_duration_seconds acme": 90,
        "zhijian_night_stage_seconds acme screen": 2.5,
        "zhijian_night_stage_seconds acme inspect": 4.0,
        "zhijian_night_inspected_chats acme": 6,
        "zhijian_night_flagged_chats acme": 6,
        "zhijian_night_broken_chats acme": 0,
        "zhijian_night_model_refused acme": 0,
        "zhijian_nights_unfinished acme": 1,
        "zhijian_queue_open acme": 5,
        "zhijian_queue_oldest_seconds acme": 44 * 3600 + 6 * 60 + 40,
        "zhijian_model_drift_psi acme sentiment": 0.31,
        "zhijian_model_drift_unusual acme sentiment": 1,
        "zhijian_login_failures_total": 2,
        "zhijian_login_attempts_open": 2,
    }
    asked = {name: value for name, value in found.items() if name.startswith("zhijian_request_seconds_count")}
    assert asked["zhijian_request_seconds_count account.login GET 2xx"] == 3
    assert asked["zhijian_request_seconds_count none any 4xx"] >= 1
    assert not any("13800138000" in name or "BREW" in name for name in found)


@pytest.mark.parametrize("shown", [{}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN}])
def test_figures_are_for_the_token(kit: web_kit.Kit, shown: dict[str, str]) -> None:
    assert kit.client().get("/metrics", headers=shown).status_code == 404  # and no token is set here


def test_health_and_readiness(store_engine: Engine, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    engine = store_engine
    with web_kit.kit_on(engine, tmp_path, metrics_token=TOKEN) as kit:
        client = kit.client()
        assert client.get("/metrics").status_code == 404
        assert (client.get("/readyz").status_code, client.get("/readyz").get_data()) == (200, b"ready\n")
        with write_tx(engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        assert (client.get("/readyz").status_code, client.get("/readyz").get_data()) == (503, b"not ready\n")
        engine.dispose()
        if engine.dialect.name == "sqlite":
            for path in tmp_path.glob("zhijian.sqlite3*"):
                path.unlink()
        else:
            request.getfixturevalue("postgres_admin").execute(f"DROP DATABASE {engine.url.database} WITH (FORCE)")
        assert client.get("/readyz").status_code == 503
        assert (client.get("/healthz").status_code, client.get("/healthz").get_data()) == (200, b"ok\n")
        assert figures(client)["zhijian_database_up"] == 0


def test_processes_count_together(store_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prometheus_client import values

    monkeypatch.setenv(SHARED, str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    with web_kit.kit_on(store_engine, tmp_path, metrics_token=TOKEN) as kit:
        kit.client().get("/healthz")
        assert figures(kit.client())["zhijian_request_seconds_count operation.healthz GET 2xx"] == 1
    assert [*tmp_path.glob("histogram_*.db")]


def test_the_log_names_nobody(watched: web_kit.Kit, caplog: pytest.LogCaptureFixture) -> None:
    client = watched.client("lead")
    monkey = watched.app.view_functions["about.show"]
    watched.app.view_functions["about.show"] = lambda: int("13800138000x")
    with caplog.at_level(logging.INFO, "qa"):
        client.get("/about?q=secret")
    watched.app.view_functions["about.show"] = monkey
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    asked = next(one for one in lines if one["event"] == "request")
    assert asked.keys() == {"at", "level", "logger", "event", "id", "endpoint", "method", "status", "ms", "role"}
    assert (asked["endpoint"], asked["status"], asked["role"]) == ("about.show", 500, "lead")
    failed = next(one for one in lines if one["level"] == "error")
    assert failed["error"] == "ValueError"
    assert any(" <lambda>" in place for place in failed["trace"])
    assert not any(word in json.dumps(lines) for word in ("13800138000", "secret", "q="))
