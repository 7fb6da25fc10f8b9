from __future__ import annotations

import night_kit as kit
import pytest
from sqlalchemy import Engine

from qa.nightly import rescore
from qa.store import inspections as store
from qa.store import nights
from qa.store.inspections import FINDING_BITS, RANK_BITS, Rows, inspection_id
from qa.store.session import read_tx, write_tx


@pytest.fixture
def run_id(store_engine: Engine, tmp_path) -> int:
    """The run of a night over 40 chats."""
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(40))
    result = kit.night(store_engine)
    with read_tx(store_engine) as connection:
        return nights.runs_of(connection, result.night.id)[0].id


def test_ids_are_given_by_rank() -> None:
    assert inspection_id(3, 0) == 3 << RANK_BITS
    assert inspection_id(3, 5) - inspection_id(3, 4) == 1
    assert inspection_id(3, 2**RANK_BITS - 1) < inspection_id(4, 0)
    with pytest.raises(OverflowError, match="16,777,216"):
        inspection_id(3, 2**RANK_BITS)
    assert inspection_id(2**15, 0) << FINDING_BITS < 2**63, "fits into a key for 32,768 runs"


@pytest.mark.usefixtures("run_id")
def test_writing_the_same_rows_again_changes_nothing(store_engine: Engine) -> None:
    tables = ("inspections", "findings", "flags", "quotes")
    before = [kit.rows(store_engine, name, *keys(name)) for name in tables]
    again = Rows(
        *(
            [row | {"broken": "no"} if name == "inspections" else row for row in rows]
            for name, rows in zip(tables, before, strict=True)
        )
    )
    with write_tx(store_engine) as connection:
        store.write(connection, again)
        store.write(connection, Rows([], [], [], []))
        store.add_flags(connection, again.flags)
        store.add_flags(connection, [])
    assert [kit.rows(store_engine, name, *keys(name)) for name in tables] == before


def keys(table: str) -> tuple[str, ...]:
    return {"flags": ("inspection_id", "reason"), "quotes": ("inspection_id",)}.get(table, ("id",))


def test_counts_agree_with_the_rows(store_engine: Engine, run_id: int) -> None:
    flags, findings = kit.rows(store_engine, "flags", "inspection_id"), kit.rows(store_engine, "findings", "id")
    with read_tx(store_engine) as connection:
        number = store.count_inspected(connection, run_id)
        assert number == kit.count(store_engine, "inspections")
        assert store.count_inspected(connection, run_id + 1) == 0
        before = store.before_run(run_id)
        assert list(store.spread(connection, run_id, 10)) == list(range(before, before + number, 10))
        assert list(store.spread(connection, run_id + 1, 10)) == []
        assert store.count_flagged(connection, [run_id]) == len({row["inspection_id"] for row in flags})
        assert store.count_flagged(connection, []) == 0
        counts = store.rule_counts(connection, [run_id])
        assert sum(n for _, _, n in counts) == len(findings)
        assert [n for *_, n in counts] == sorted((n for *_, n in counts), reverse=True)
        assert sum(n for _, n in store.flag_counts(connection, [run_id])) == len(flags)
        assert store.rule_counts(connection, []) == store.flag_counts(connection, []) == []
        clean = dict(store.clean_ids(connection, run_id))
        assert len(clean) == number - store.count_flagged(connection, [run_id])
        assert not {row["inspection_id"] for row in flags} & set(clean.values())


def test_found_is_the_inspection_with_its_place_in_the_frame(store_engine: Engine, run_id: int) -> None:
    frame = {row["chat_pk"]: row for row in kit.rows(store_engine, "frame", "chat_pk")}
    rows = kit.rows(store_engine, "inspections", "id")
    names = {row["id"]: row["chat_id"] for row in kit.rows(store_engine, "chats", "id")}
    with read_tx(store_engine) as connection:
        found = list(store.iter_found(connection, [run_id]))
        assert list(store.iter_found(connection, [])) == []
    assert len(found) == len(rows) > 10
    for one, row in zip(found, rows, strict=True):
        place = frame[row["chat_pk"]]
        assert one == store.Found(
            id=row["id"], chat_id=names[row["chat_pk"]], wave=place["wave"], agent=place["agent"],
            channel=place["channel"], targeted=place["reasons"] is not None, probability=place["probability"],
            score=row["score"], red_line=row["red_line"], failed=row["failed"], broken=row["broken"],
            dimensions=row["dimensions"],
        )  # fmt: skip
        assert type(one.targeted) is type(one.red_line) is bool


@pytest.mark.usefixtures("run_id")
def test_details_are_findings_in_order_and_flags_by_risk(store_engine: Engine) -> None:
    rows = kit.rows(store_engine, "inspections", "id")
    with read_tx(store_engine) as connection:
        details = store.details(connection, [row["id"] for row in rows])
        assert store.details(connection, []) == {}
    assert details.keys() == {row["id"] for row in rows}
    for row in rows:
        findings, flags, skipped, opinions = details[row["id"]]
        assert [finding.id for finding in findings] == [row["id"] << FINDING_BITS | n for n in range(len(findings))]
        assert sum(finding.outcome == "failed" for finding in findings) == row["failed"]
        assert [flag.risk for flag in flags] == sorted((flag.risk for flag in flags), reverse=True)
        assert (skipped, opinions) == (row["not_applicable"], row["opinions"])


def test_the_history_of_a_chat(store_engine: Engine, run_id: int, tmp_path) -> None:
    rescore(store_engine, kit.options().judged_by(kit.standard(tmp_path)), kit.Quiet())
    with read_tx(store_engine) as connection:
        inspected, *_ = store.iter_found(connection, [run_id])
        history = store.inspections_of(connection, "acme", inspected.chat_id)
        assert store.inspections_of(connection, "other", inspected.chat_id) == []
    assert [one.kind for one in history] == ["night", "rescore"]
    assert history[0].id == inspected.id
    assert (history[0].revision, history[0].score, history[0].inspected_at) == (1, inspected.score, kit.NOW)
    assert history[0].ruleset != history[1].ruleset
    assert sum(line["points"] for line in history[0].card) == pytest.approx(history[0].score)
