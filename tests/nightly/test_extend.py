from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine
from store_dump import Row, dump

from qa.nightly import rescore
from qa.sampling import draw

Tables = dict[str, list[Row]]


def added(before: Tables, after: Tables, table: str) -> list[Row]:
    """The rows that are new; all that were there must still be."""
    gone = Counter(map(repr, before[table])) - Counter(map(repr, after[table]))
    assert not gone, f"{table} has changed"
    new = Counter(map(repr, after[table])) - Counter(map(repr, before[table]))
    return [row for row in after[table] if new[repr(row)]]


@pytest.fixture
def late(store_engine: Engine, day: list[kit.Record], tmp_path: Path) -> list[kit.Record]:
    """A night that ran; then 60 late chats, those that were open and now are closed, and ten that changed."""
    kit.night(store_engine)
    late = kit.day_of_chats(60, prefix="late")
    closed = [one | {"status": "closed"} for one in day if one.get("status") == "open"]
    changed = [one | {"csat": 1, "category": "changed"} for one in day[:30] if one.get("status") != "open"]
    assert closed
    kit.bring_in(store_engine, tmp_path / "late", late + closed + changed)
    return [one for one in late if one.get("status") != "open"] + closed


def test_the_first_wave_stays_as_it_was(store_engine: Engine, late: list[kit.Record]) -> None:
    before = dump(store_engine)
    result = kit.night(store_engine, extend=True)
    assert (result.worked, result.late, result.night.waves) == (True, 0, 2)
    after = dump(store_engine)
    assert len(added(before, after, "frame")) == len(late)
    assert after["chats"] == before["chats"]
    assert after["rulesets"] == before["rulesets"]
    new_runs = added(before, after, "runs")
    assert [(row[2], row[3], row[5]) for row in new_runs] == [("extend", 1, "done")]
    for table in ("strata", "inspections", "findings", "flags"):
        assert added(before, after, table), table


def test_the_new_wave_is_drawn_by_itself(store_engine: Engine, late: list[kit.Record], tmp_path: Path) -> None:
    before = kit.report(store_engine, [kit.night(store_engine)], tmp_path)["merchants"][0]
    found = kit.report(store_engine, [kit.night(store_engine, extend=True)], tmp_path)["merchants"][0]
    assert found["salt"] == before["salt"]
    assert [one for one in found["strata"] if one["wave"] == 0] == before["strata"]
    assert found["random"][: len(before["random"])] == before["random"]
    assert found["inspections"][: len(before["inspections"])] == before["inspections"]
    assert found["frame_size"] == before["frame_size"] + len(late)
    assert found["estimates"] != before["estimates"]
    assert {one["size"] for one in found["estimates"]} == {found["frame_size"]}

    known = {one["id"] for one in before["targeted"]}
    targeted = {one["id"] for one in found["targeted"]} - known
    ids = {one["id"] for one in late}
    assert targeted
    assert targeted < ids
    rest = [(one.get("agent", {}).get("id", ""), one["id"]) for one in late if one["id"] not in targeted]
    drawn = draw(rest, found["salt"], 0.3)
    assert tuple(found["random"][len(before["random"]) :]) == drawn.ids
    wave = [one for one in found["strata"] if one["wave"] == 1]
    assert [(one["agent"], one["size"], one["drawn"]) for one in wave] == [tuple(line) for line in drawn.strata]
    chances = {line.stratum: line.probability for line in drawn.strata}
    for one in found["inspections"]:
        if one["wave"] == 1:
            assert one["probability"] == (1.0 if one["id"] in targeted else chances[one["agent"]])
    weights = math.fsum(1 / one["probability"] for one in found["inspections"])
    assert weights == pytest.approx(found["frame_size"]), "probabilities are true: the weights count the frame"


@pytest.mark.usefixtures("late")
def test_a_changed_chat_does_not_come_in_twice(store_engine: Engine, day: list[kit.Record], tmp_path: Path) -> None:
    result = kit.night(store_engine, extend=True)
    found = kit.report(store_engine, [result], tmp_path)["merchants"][0]
    assert max(Counter(one["id"] for one in found["inspections"]).values()) == 1
    changed = {one["id"] for one in day[:30] if one.get("status") != "open"}
    assert not [one for one in found["inspections"] if one["wave"] == 1 and one["id"] in changed]
    revisions = {row["id"]: row["revision"] for row in kit.rows(store_engine, "chats", "id")}
    assert {revisions[row["chat_pk"]] for row in kit.rows(store_engine, "frame", "chat_pk") if row["wave"] == 0} == {1}


@pytest.mark.usefixtures("late")
def test_an_extension_of_nothing_changes_nothing(store_engine: Engine) -> None:
    kit.night(store_engine, extend=True)
    before = dump(store_engine)
    again = kit.night(store_engine, extend=True)
    assert (again.worked, again.late, again.night.lease_owner) == (False, 0, None)
    assert dump(store_engine) == before


@pytest.mark.usefixtures("late")
def test_waves_follow_each_other(store_engine: Engine, tmp_path: Path) -> None:
    kit.night(store_engine, extend=True)
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(20, prefix="later"))
    assert kit.night(store_engine).late == 19, "one is open; without --extend they are only counted"
    result = kit.night(store_engine, extend=True)
    assert result.night.waves == 3
    assert [row["wave"] for row in kit.rows(store_engine, "runs", "id")] == [0, 1, 2]
    assert sum(row["size"] for row in kit.rows(store_engine, "strata", "wave") if row["wave"] == 2) < 19


@pytest.mark.usefixtures("late")
def test_an_extension_is_by_the_standard_and_policy_of_the_night(store_engine: Engine, tmp_path: Path) -> None:
    other = kit.standard(tmp_path)
    rescore(store_engine, kit.options().judged_by(other), kit.Quiet())
    kit.night(store_engine, extend=True, standard=other, policy=kit.policy(rate=1.0, salt="other"))
    night, again, extension = kit.rows(store_engine, "runs", "id")
    assert (again["kind"], extension["kind"]) == ("rescore", "extend")
    assert extension["ruleset"] == night["ruleset"] != again["ruleset"]
    judged = {row["ruleset"] for row in kit.rows(store_engine, "inspections", "id") if row["run_id"] == extension["id"]}
    assert judged == {night["ruleset"]}
    own = [row["inspection_id"] >> 24 for row in kit.rows(store_engine, "findings", "id") if row["rule"] == "own-rule"]
    assert set(own) == {again["id"]}
    wave = [row for row in kit.rows(store_engine, "strata", "agent") if row["wave"] == 1]
    assert sum(row["drawn"] for row in wave) < sum(row["size"] for row in wave)


@pytest.mark.usefixtures("late")
def test_one_call_takes_up_a_killed_extension_and_all_that_came_since(
    store_engine: Engine, tmp_path: Path, monkeypatch
) -> None:
    def stop(*_arguments: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("qa.nightly.night._finish", stop)
        with pytest.raises(ZeroDivisionError):
            kit.night(store_engine, extend=True)
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(5, prefix="later"))
    result = kit.night(store_engine, extend=True)
    assert (result.late, result.night.waves) == (0, 3)


@pytest.mark.usefixtures("day")
def test_extend_on_a_day_that_never_ran_runs_it(store_engine: Engine) -> None:
    result = kit.night(store_engine, extend=True)
    assert (result.worked, result.night.waves) == (True, 1)
    assert [row["kind"] for row in kit.rows(store_engine, "runs", "id")] == ["night"]


@pytest.mark.usefixtures("day")
def test_an_extension_with_targeted_chats_only_has_no_strata(store_engine: Engine, tmp_path: Path) -> None:
    kit.night(store_engine)
    kit.bring_in(store_engine, tmp_path, [one | {"csat": 1} for one in kit.day_of_chats(3, prefix="late")])
    result = kit.night(store_engine, extend=True)
    found = kit.report(store_engine, [result], tmp_path)["merchants"][0]
    assert {one["wave"] for one in found["strata"]} == {0}
    assert [one["probability"] for one in found["inspections"] if one["wave"] == 1] == [1.0, 1.0, 1.0]
