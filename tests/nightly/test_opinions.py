"""The model in the night: what it thinks is stored, flagged and explained; without it the night goes on, loudly."""

from __future__ import annotations

from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine
from store_dump import dump

from qa.models.model import Model
from qa.models.opinions import ModelError
from qa.models.registry import Registry
from qa.models.shipping import SHIPPED_MODEL
from qa.models.stored import expanded
from qa.nightly import night as module
from qa.nightly.thinking import Choice, ModelRef, NoModels, RegistryModels, load
from qa.store.inspections import details
from qa.store.session import read_tx
from qa.types import Chat, ChatOpinion


def opinions(engine: Engine) -> dict[int, list[dict]]:
    with read_tx(engine) as connection:
        found = details(connection, [row["id"] for row in kit.rows(engine, "inspections", "id")])
    return {pk: expanded(one.opinions) for pk, one in found.items()}


@pytest.mark.usefixtures("day")
def test_opinions_are_stored_with_their_version_and_flag_chats(store_engine: Engine, tmp_path: Path) -> None:
    result = kit.night(store_engine, models=kit.shipped(tmp_path), policy=kit.policy(model_risk=0.4))
    [run] = kit.rows(store_engine, "runs")
    assert (run["model"], result.refused) == ("shipped", None)
    found = opinions(store_engine)
    assert sum(bool(one) for one in found.values()) > 0.9 * len(found)
    assert {one["model"] for many in found.values() for one in many} == {"shipped"}
    risky = {
        row["inspection_id"]: row["detail"] for row in kit.rows(store_engine, "flags") if row["reason"] == "model_risk"
    }
    assert risky
    for pk, detail in risky.items():
        of_chat = {one["of"]: one for one in found[pk] if one["turn"] is None}
        bad = [of for of in ("satisfaction", "resolution") if f"{of} " in detail]
        assert all(of_chat[of]["probability"] >= 0.39 and not of_chat[of]["abstains"] for of in bad)
        assert any(of_chat[of]["because"] for of in bad)


@pytest.mark.usefixtures("day")
def test_the_words_behind_an_opinion_are_quoted_exactly(
    store_engine: Engine, day: list[kit.Record], tmp_path: Path
) -> None:
    kit.night(store_engine, models=kit.shipped(tmp_path), policy=kit.policy(model_risk=0.4))
    chats = {row["id"]: row["chat_id"] for row in kit.rows(store_engine, "chats")}
    records = {one["id"]: one for one in day}
    of = {row["id"]: records[chats[row["chat_pk"]]] for row in kit.rows(store_engine, "inspections")}
    quoted = 0
    for pk, many in opinions(store_engine).items():
        for one in many:
            for why in one["because"]:
                assert of[pk]["messages"][why["turn"]]["text"][why["start"] : why["end"]] == why["quote"]
                quoted += 1
    assert quoted > 20


@pytest.mark.usefixtures("day")
def test_processes_and_one_process_think_the_same(store_engine: Engine, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "WORTH_A_WORKER", 1)
    kit.night(store_engine, models=kit.shipped(tmp_path), workers=2)
    many = [row["opinions"] for row in kit.rows(store_engine, "inspections", "id")]
    [reference] = {tuple(ref.files) for ref in [kit.shipped(tmp_path).chosen().ref] if ref is not None}
    model = load(ModelRef("shipped", str(SHIPPED_MODEL.folder), reference))  # type: ignore[union-attr]
    assert isinstance(model, Model)
    assert sum(one != b"[]" for one in many) > 0.9 * len(many)


@pytest.mark.usefixtures("day")
def test_a_night_taken_up_again_keeps_the_model_it_began_with(store_engine: Engine, tmp_path: Path) -> None:
    kit.night(store_engine, models=kit.shipped(tmp_path))
    expected = [row["opinions"] for row in kit.rows(store_engine, "inspections", "id")]
    with store_engine.begin() as connection:
        for table in ("flags", "findings", "inspections"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql("UPDATE runs SET state = 'inspecting'")
        connection.exec_driver_sql("UPDATE nights SET state = 'inspecting'")
    asked = []

    class Promoted(RegistryModels):
        def chosen(self) -> Choice:
            return Choice(ModelRef("newer", str(tmp_path), ()))

        def again(self, version: str) -> Choice:
            asked.append(version)
            return super().again(version)

    models = Promoted(Registry(tmp_path, lambda: b"k" * 32, SHIPPED_MODEL))
    kit.night(store_engine, models=models)
    assert asked == ["shipped"]
    assert [row["opinions"] for row in kit.rows(store_engine, "inspections", "id")] == expected


@pytest.mark.usefixtures("day")
def test_a_refused_model_leaves_the_night_to_the_rules_and_is_told(store_engine: Engine, tmp_path: Path) -> None:
    models = RegistryModels(Registry(tmp_path, lambda: b"k" * 32, SHIPPED_MODEL), "2026-11-21-001-gone")
    result = kit.night(store_engine, models=models)
    assert result.refused is not None
    assert "there is no such version" in result.refused
    assert [row["model"] for row in kit.rows(store_engine, "runs")] == [None]
    assert not any(opinions(store_engine).values())
    [report] = kit.report(store_engine, [result], tmp_path)["merchants"]
    assert (report["model"], report["model_refused"], report["drift"]) == (None, result.refused, [])


@pytest.mark.usefixtures("day")
def test_a_chat_that_the_model_cannot_judge_is_broken_and_the_others_are_not(
    store_engine: Engine, tmp_path: Path, monkeypatch
) -> None:
    judge = Model.judge

    def fails(self: Model, chats: list[Chat]) -> list[ChatOpinion]:
        if any(chat.id == "c-5" for chat in chats):
            raise FloatingPointError("no")
        return judge(self, chats)

    monkeypatch.setattr(Model, "judge", fails)
    kit.night(store_engine, models=kit.shipped(tmp_path), policy=kit.policy(rate=1.0))
    broken = [row["broken"] for row in kit.rows(store_engine, "inspections") if row["broken"]]
    assert broken == ["the chat cannot be judged: FloatingPointError: no"]


@pytest.mark.usefixtures("day")
def test_the_summary_tells_how_far_the_night_is_from_the_training_set(store_engine: Engine, tmp_path: Path) -> None:
    result = kit.night(store_engine, models=kit.shipped(tmp_path))
    told = (result.night.summary or {})["drift"]
    assert [one["what"] for one in told] == ["resolution", "satisfaction", "sentiment", "words"]
    words = told[-1]
    assert words["value"] > 0
    assert [(one["usual"], one["unusual"]) for one in told] == [(None, one["level"] == "large") for one in told]
    before = dump(store_engine)
    kit.night(store_engine, models=kit.shipped(tmp_path))
    assert dump(store_engine) == before


def test_files_that_changed_after_they_were_checked_are_refused(tmp_path: Path) -> None:
    ref = kit.shipped(tmp_path).chosen().ref
    assert ref is not None
    (name, _), *rest = ref.files
    with pytest.raises(ModelError, match="was changed while the night ran"):
        load(ref._replace(files=((name, "0" * 64), *rest)))
    assert NoModels().again("v").refused == "v: models are switched off"


@pytest.mark.usefixtures("day")
def test_a_model_that_listens_to_rules_is_told_what_they_found(
    store_engine: Engine, tmp_path: Path, monkeypatch
) -> None:
    models = kit.shipped(tmp_path)
    ref = models.chosen().ref
    assert ref is not None
    judge, told = Model.judge, {}

    def listens(self: Model, chats: list[Chat], hits=None) -> list[ChatOpinion]:
        told.update(zip((chat.id for chat in chats), hits, strict=True))
        return judge(self, chats, hits)

    monkeypatch.setattr(load(ref), "rules", frozenset({"closing-missing"}))
    monkeypatch.setattr(Model, "judge", listens)
    kit.night(store_engine, models=models)
    chats = {row["id"]: row["chat_id"] for row in kit.rows(store_engine, "chats")}
    of = {row["id"]: chats[row["chat_pk"]] for row in kit.rows(store_engine, "inspections")}
    stored: dict[str, set[str]] = {chat: set() for chat in of.values()}
    for row in kit.rows(store_engine, "findings"):
        if not row["rule"].startswith("model-"):
            stored[of[row["inspection_id"]]].add(row["rule"])
    assert any(stored.values())
    assert {chat: set(one) for chat, one in told.items()} == stored
