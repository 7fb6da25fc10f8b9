from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine
from store_dump import dump

from qa.nightly import night as module
from qa.nightly import rescore
from qa.store.migrate import upgrade
from qa.store.session import opened


class StopError(Exception):
    """What stands for a kill: the process does nothing more."""


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SCREEN_CHUNK": 20, "INSPECT_CHUNK": 8, "WRITE_BATCH": 16}.items():
        monkeypatch.setattr(module, name, value)


@contextmanager
def stopped_at(monkeypatch: pytest.MonkeyPatch, function: str, call: int) -> Iterator[None]:
    """The night stops at the n-th call of one of its functions."""
    calls = []
    real = getattr(module, function)

    def counted(*arguments):
        calls.append(1)
        if len(calls) == call:
            raise StopError
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, function, counted)
        with pytest.raises(StopError):
            yield


POINTS = [("_write_frame", 2), ("_draw", 1), ("_write_inspections", 2), ("_finish", 1)]


@pytest.mark.parametrize(("function", "call"), POINTS)
def test_a_night_taken_up_again_keeps_the_pack_and_policy_it_began_with(
    function: str, call: int, store_engine: Engine, day: list[kit.Record], tmp_path: Path, monkeypatch
) -> None:
    with opened(f"sqlite:///{tmp_path / 'undisturbed.sqlite3'}") as engine:
        upgrade(engine)
        others = kit.day_of_chats(12, day="2026-11-19", prefix="before")
        others += kit.day_of_chats(9, merchant="other", prefix="o")
        kit.bring_in(engine, tmp_path / "others", others, day="2026-11-19")
        kit.bring_in(engine, tmp_path / "again", day)
        kit.night(engine)
        expected = dump(engine)
    with stopped_at(monkeypatch, function, call):
        kit.night(store_engine)
    half = dump(store_engine)
    assert half != expected
    changed = {"standard": kit.standard(tmp_path), "policy": kit.policy(rate=0.9, salt="other", audit_rate=1.0)}
    assert kit.night(store_engine, **changed).worked
    assert dump(store_engine) == expected


@pytest.mark.usefixtures("day")
def test_a_done_night_is_left_alone(store_engine: Engine, tmp_path: Path) -> None:
    first = kit.night(store_engine)
    before = dump(store_engine)
    again = kit.night(store_engine, standard=kit.standard(tmp_path), policy=kit.policy(rate=1.0), owner="other:2:2")
    assert not again.worked
    assert again.seconds == {}
    assert again.night == first.night
    assert dump(store_engine) == before
    one, two = (kit.report(store_engine, [result], tmp_path)["merchants"][0] for result in (first, again))
    assert one["seconds"].keys() == {"screen", "draw", "inspect", "finish"}
    assert two.pop("seconds") == {}
    assert (one.pop("backend"), one.pop("workers")) == ("joblib", 1)
    assert (two.pop("backend"), two.pop("workers")) == (None, None)
    del one["seconds"]
    assert one == two


def test_chats_that_arrive_while_a_night_lies_killed(
    store_engine: Engine, day: list[kit.Record], tmp_path: Path, monkeypatch
) -> None:
    """They may join the frame, no chat joins it twice, and none is lost."""
    with stopped_at(monkeypatch, "_write_frame", 3):
        kit.night(store_engine)
    closed = {one["id"] for one in day if one.get("status") != "open"}
    changed = [one | {"csat": 1} for one in day[:60] if one.get("status") != "open"]
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(10, prefix="late") + changed)
    kit.night(store_engine)
    result = kit.night(store_engine, extend=True)
    assert result.late == 0
    names = {row["id"]: row["chat_id"] for row in kit.rows(store_engine, "chats", "id")}
    framed = [names[row["chat_pk"]] for row in kit.rows(store_engine, "frame", "chat_pk")]
    assert len(framed) == len(set(framed))
    assert set(framed) >= closed
    assert len(framed) == len(closed) + sum(one.get("status") != "open" for one in kit.day_of_chats(10, prefix="late"))


def test_a_chat_that_changes_during_the_night_is_judged_as_it_was_sampled(
    store_engine: Engine, day: list[kit.Record], tmp_path: Path, monkeypatch
) -> None:
    with stopped_at(monkeypatch, "_write_inspections", 1):
        kit.night(store_engine)
    kit.bring_in(store_engine, tmp_path, [one | {"tags": ["changed"]} for one in day])
    kit.night(store_engine)
    revisions = {row["id"]: row["revision"] for row in kit.rows(store_engine, "chats", "id")}
    assert {revisions[row["chat_pk"]] for row in kit.rows(store_engine, "inspections", "id")} == {1}


@pytest.mark.usefixtures("day")
def test_a_merchant_without_a_pack_is_judged_by_the_house(store_engine: Engine) -> None:
    kit.night(store_engine, "other")
    assert [row["pack"] for row in kit.rows(store_engine, "rulesets", "hash")] == ["house"]


# --- re-scoring ------------------------------------------------------------------------------------------------------


def again(engine: Engine, standard, **changes):
    return rescore(engine, kit.options(**changes).judged_by(standard), kit.Quiet())


TABLES = ("chats", "nights", "frame", "strata")


@pytest.mark.usefixtures("day")
def test_rescoring_adds_beside_and_touches_nothing(store_engine: Engine, tmp_path: Path) -> None:
    kit.night(store_engine)
    before = dump(store_engine)
    first = again(store_engine, kit.standard(tmp_path, name="one", rule="own-one"))
    after = dump(store_engine)
    assert all(after[table] == before[table] for table in TABLES)
    for table in ("runs", "rulesets", "inspections", "findings", "flags"):
        assert {repr(row) for row in before[table]} < {repr(row) for row in after[table]}, table
    second = again(store_engine, kit.standard(tmp_path, name="two", rule="own-two"))
    assert first.worked
    assert second.worked
    runs = kit.rows(store_engine, "runs", "id")
    assert [row["kind"] for row in runs] == ["night", "rescore", "rescore"]
    judged = kit.rows(store_engine, "inspections", "id")
    by_run = [{row["chat_pk"] for row in judged if row["run_id"] == run["id"]} for run in runs]
    assert by_run[0] == by_run[1] == by_run[2]
    found = kit.rows(store_engine, "findings", "id")
    rules = {row["rule"] for row in found if row["inspection_id"] >> 24 == runs[1]["id"]}
    assert "own-one" in rules
    assert "own-two" not in rules
    result = kit.night(store_engine)
    (document,) = kit.report(store_engine, [result], tmp_path)["merchants"]
    assert len(document["inspections"]) == len(by_run[0]), "the night's report is the night's"


@pytest.mark.usefixtures("day")
def test_the_same_standard_again_is_that_run(store_engine: Engine, tmp_path: Path) -> None:
    kit.night(store_engine)
    standard = kit.standard(tmp_path)
    first = again(store_engine, standard)
    before = dump(store_engine)
    second = again(store_engine, standard)
    assert (second.worked, second.run) == (False, first.run)
    assert dump(store_engine) == before
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(20, prefix="late"))
    kit.night(store_engine, extend=True)
    third = again(store_engine, standard)
    assert third.worked
    assert third.run.summary["inspected"] > first.run.summary["inspected"]


@pytest.mark.usefixtures("day")
def test_a_killed_rescoring_is_finished_before_another(store_engine: Engine, tmp_path: Path, monkeypatch) -> None:
    kit.night(store_engine)
    one, two = (kit.standard(tmp_path, name=name) for name in ("one", "two"))
    with stopped_at(monkeypatch, "_write_inspections", 2):
        again(store_engine, one)
    assert again(store_engine, two).worked
    assert not again(store_engine, one).worked
    assert [row["state"] for row in kit.rows(store_engine, "runs", "id")] == ["done"] * 3
    summaries = [row["summary"] for row in kit.rows(store_engine, "runs", "id")]
    assert summaries[1] == summaries[2], "two packs that say the same"


@pytest.mark.usefixtures("day")
def test_what_cannot_be_rescored(store_engine: Engine, monkeypatch) -> None:
    with pytest.raises(kit.NotFoundError, match="there is no night 2026-11-20 of merchant 'acme'"):
        again(store_engine, kit.HOUSE)
    with stopped_at(monkeypatch, "_draw", 1):
        kit.night(store_engine)
    with pytest.raises(kit.QaError, match="not finished: run qa nightly first"):
        again(store_engine, kit.HOUSE)
