from __future__ import annotations

from pathlib import Path

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine
from store_dump import dump

from qa.cli import main
from qa.store import inspections
from qa.store.session import read_tx

NEXT = "2026-11-21"
RANGE = ("--from", kit.DAY, "--to", NEXT)


@pytest.fixture
def run(store_engine: Engine, db_url: str, tmp_path: Path):
    """``qa`` on a store with two nights of acme and one of other."""
    for number, (merchant, day) in enumerate((("acme", kit.DAY), ("acme", NEXT), ("other", kit.DAY))):
        records = kit.day_of_chats(40, merchant=merchant, day=day, prefix=f"x{number}")
        kit.bring_in(store_engine, tmp_path / str(number), records, day)

    def invoke(*arguments: str | Path) -> Result:
        environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path), "COLUMNS": "160"}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment, catch_exceptions=False)

    for day in (kit.DAY, NEXT):
        assert invoke("nightly", "--date", day).exit_code == 0
    return invoke


def test_all_nights_of_a_range(run, store_engine: Engine, tmp_path: Path) -> None:
    pack = kit.pack(tmp_path, "{keywords: {any: [您好], role: agent}}")
    result = run("rescore", *RANGE, "--pack", pack)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    nights = [line.split() for line in lines if line.startswith("2026-11-2")]
    assert [line[:2] for line in nights] == [[kit.DAY, "acme"], [kit.DAY, "other"], [NEXT, "acme"]]
    (total,) = (line.split() for line in lines if line.startswith("in all"))
    assert total[2:4] == ["3", "nights"]
    for column in (-1, -2, -3, -4):
        assert int(total[column]) == sum(int(night[column]) for night in nights)
    (rule,) = (line.split() for line in lines if line.startswith("own-rule"))
    assert rule[1:3] == ["−", "0"]
    assert int(rule[3]) == int(rule[4]) > 0
    before = dump(store_engine)
    again = run("rescore", *RANGE, "--pack", pack)
    assert "3 nights had been re-scored by this standard already" in again.stdout
    assert dump(store_engine) == before
    runs = [row["kind"] for row in kit.rows(store_engine, "runs", "id")]
    assert runs == ["night"] * 3 + ["rescore"] * 3


def test_changes_are_counted_chat_by_chat(run, store_engine: Engine, tmp_path: Path) -> None:
    run(
        "rescore", *RANGE, "--merchant", "other", "--pack", kit.pack(tmp_path, "{keywords: {any: [您好], role: agent}}")
    )
    rows = kit.rows(store_engine, "inspections", "id")
    (new,) = {row["run_id"] for row in rows} - {1, 2, 3}
    scores = {row["chat_pk"]: row["score"] for row in rows if row["run_id"] == new}
    own = {row["chat_pk"]: row["score"] for row in rows if row["chat_pk"] in scores and row["run_id"] != new}
    with read_tx(store_engine) as connection:
        found = inspections.score_changes(connection, [1, 2, 3], new)
        assert inspections.score_changes(connection, [99], new) == (0, 0, 0, 0, 0)
    pairs = [(own[pk], scores[pk]) for pk in scores]
    assert found.chats == len(pairs)
    assert found.worse == sum(b < a for a, b in pairs if None not in (a, b)) > 0
    assert found.better == sum(b > a for a, b in pairs if None not in (a, b))


def test_the_same_standard_changes_nothing(run) -> None:
    result = run("rescore", *RANGE, "--merchant", "acme")
    assert "every rule fires as often as before" in result.stdout
    (total,) = (line.split() for line in result.stdout.splitlines() if line.startswith("in all"))
    assert total[-4:] == ["0", "0", "0", "0"]


def test_an_unfinished_night_is_left_out_and_named(run, store_engine: Engine) -> None:
    from sqlalchemy import text

    from qa.store.session import write_tx

    with write_tx(store_engine) as connection:
        connection.execute(text("UPDATE nights SET state = 'inspecting' WHERE merchant = 'other'"))
    result = run("rescore", *RANGE)
    assert result.exit_code == 0
    assert "left out: the night 2026-11-20 of 'other' is not finished" in result.stderr
    assert "2 nights" in result.stdout
    none = run("rescore", *RANGE, "--merchant", "other")
    assert (none.exit_code, "there is no finished night of merchant 'other'" in none.stderr) == (2, True)


def test_what_was_done_is_told_when_a_night_is_held(run, store_engine: Engine) -> None:
    from sqlalchemy import text

    from qa.store.session import write_tx

    with write_tx(store_engine) as connection:
        held = "UPDATE nights SET lease_owner = 'elsewhere:1:1', lease_until = 9000000000000000 WHERE day = :day"
        connection.execute(text(held), {"day": NEXT})
    result = run("rescore", *RANGE)
    assert result.exit_code == 75
    assert "2 nights" in result.stdout
    assert "is being worked on by elsewhere" in result.stderr


@pytest.mark.parametrize("words", [("--from", kit.DAY), ("--date", kit.DAY, "--to", NEXT), ()])
def test_one_day_or_a_range(run, words: tuple[str, ...]) -> None:
    result = run("rescore", *words)
    assert (result.exit_code, "name one day with --date, or a range with --from and --to" in result.stderr) == (2, True)
