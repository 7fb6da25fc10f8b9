from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from qa.cli import main

Run = Callable[..., Result]
AT = "2026-11-20T21:00:00+08:00"


@pytest.fixture
def engine(store_engine: Engine, tmp_path: Path) -> Engine:
    """Forty chats of one day, imported and inspected."""
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(40))
    kit.night(store_engine)
    return store_engine


@pytest.fixture
def run(engine: Engine, db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: ARG001 - makes it
    monkeypatch.setattr("qa.cli.reviews.now", lambda: kit.NOW)

    def invoke(*arguments: str | Path) -> Result:
        environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path / "data")}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment, catch_exceptions=False)

    return invoke


def line(chat: str = "c-1", **fields: Any) -> dict[str, Any]:
    given = {"merchant": "acme", "chat": chat, "reviewer": "li", "at": AT, "sentiment": "neutral"} | fields
    return {name: value for name, value in given.items() if value is not ...}


def write(path: Path, *lines: Any) -> Path:
    text = "".join((one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) + "\n" for one in lines)
    path.write_text(text, "utf-8")
    return path


def canonical(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)


def fired(engine: Engine) -> tuple[str, str, int]:
    """Chat id, rule and finding of something that fired in a chat's only inspection."""
    chats = {row["id"]: row["chat_id"] for row in kit.rows(engine, "chats", "id")}
    inspected = {row["id"]: chats[row["chat_pk"]] for row in kit.rows(engine, "inspections", "id")}
    row = next(row for row in kit.rows(engine, "findings", "id") if row["outcome"] == "failed")
    return inspected[row["inspection_id"]], row["rule"], row["id"]


def test_counts_add_up_and_a_second_import_changes_nothing(run: Run, engine: Engine, tmp_path: Path) -> None:
    chat, rule, finding = fired(engine)
    file = write(
        tmp_path / "day.jsonl",
        line(
            "c-1", kind="queue", score=80, excellent=True, comment="不错", resolution="partly", satisfaction="satisfied"
        ),
        line(chat, reviewer="wang", verdicts=[{"rule": rule, "verdict": "overturn", "reason": "引用"}]),
        line("c-2", sentiment="happy"),
        line("nobody"),
    )
    result = run("reviews", "import", file)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "read 4 = new 2 + unchanged 0 + rejected 2"
    assert run("reviews", "import", file).stdout.splitlines()[-1] == "read 4 = new 0 + unchanged 2 + rejected 2"
    assert run("reviews", "import", file, "--strict").exit_code == 3
    first, second = kit.rows(engine, "reviews", "id")
    assert (first["score"], bool(first["excellent"]), first["resolution"], first["kind"]) == (
        80,
        True,
        "partly",
        "queue",
    )
    assert (second["reviewer"], second["kind"], second["reviewed_at"]) == ("wang", "import", 1_795_179_600_000_000)
    (verdict,) = kit.rows(engine, "verdicts", "id")
    assert (verdict["finding_id"], verdict["verdict"], json.loads(verdict["reason"])) == (finding, "overturn", "引用")


REFUSED: list[tuple[Any, str, str]] = [
    ("{", "", "not JSON"),
    ("[]", "", "a review is a JSON object, this is an array"),
    (line(chat=...), "chat", "is missing"),
    (line(reviewer=""), "reviewer", "is empty"),
    (line(reviewer=["li"]), "reviewer", "must be text, is an array"),
    (line(at=...), "at", "is missing"),
    (line(at="yesterday"), "at", "is not an ISO 8601 time"),
    (line(at="2027-01-01T00:00:00Z"), "at", "lies in the future"),
    (line(kind="guess"), "kind", "'guess' is none of queue, audit, calibration, import"),
    (line(sentiment=["neutral"]), "sentiment", "an array is none of negative, neutral, positive"),
    (line(satisfaction="positive"), "satisfaction", "'positive' is none of dissatisfied, neutral, satisfied"),
    (line(resolution="done"), "resolution", "is none of unresolved, partly, resolved"),
    (line(score=101), "score", "is not between 0 and 100"),
    (line(excellent="yes"), "excellent", "must be true, false or null"),
    (line(comment=5), "comment", "must be text, is a number"),
    (line(comment="x" * 10_001), "comment", "more than 10000"),
    (line(revision=1.5), "revision", "is not a whole number"),
    (line(revision=9), "revision", "there is no chat 'c-1' of merchant 'acme' in revision 9"),
    (line("c-999"), "chat", "there is no chat 'c-999' of merchant 'acme'"),
    (line(merchant="other"), "chat", "of merchant 'other'"),
    (line(sentiment=...), "", "says nothing"),
    (line(sentimant="neutral"), "sentimant", "no such field; did you mean 'sentiment'?"),
    (line(verdicts="r"), "verdicts", "must be an array"),
    (line(verdicts=["r"]), "verdicts[0]", "must be an object, is text"),
    (line(verdicts=[{"verdict": "missed"}]), "verdicts[0].rule", "is missing"),
    (line(verdicts=[{"rule": "r"}]), "verdicts[0].verdict", "is missing"),
    (line(verdicts=[{"rule": "r", "verdict": "no"}]), "verdicts[0].verdict", "confirm, overturn, unsure, missed"),
    (line(verdicts=[{"rule": "r", "verdict": "missed"}] * 2), "verdicts[1].rule", "'r' is judged twice"),
    (line(verdicts=[{"rule": "r", "verdict": "missed", "why": ""}]), "verdicts[0].why", "no such field"),
    (line(verdicts=[{"rule": "r", "verdict": "missed", "reason": 1}]), "verdicts[0].reason", "must be text"),
]


def test_every_refusal_names_line_field_and_reason(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "bad.jsonl", *(record for record, _, _ in REFUSED), line())
    result = run("reviews", "import", file)
    assert result.stdout.splitlines()[-1] == f"read {len(REFUSED) + 1} = new 1 + unchanged 0 + rejected {len(REFUSED)}"
    rejects = tmp_path / "data" / "rejects" / "bad.jsonl.rejects.jsonl"
    assert f"rejected lines are in {rejects}" in result.stdout
    told = [json.loads(one) for one in rejects.read_text("utf-8").splitlines()]
    assert [one["line"] for one in told] == list(range(1, len(REFUSED) + 1))
    for one, (record, field, reason) in zip(told, REFUSED, strict=True):
        assert one["field"] == field, record
        assert reason in one["reason"], record
        assert one["file"] == str(file)
    assert json.loads(told[5]["original"]) == REFUSED[5][0]


def test_verdicts_need_the_finding_they_judge(run: Run, engine: Engine, tmp_path: Path) -> None:
    chat, rule, _ = fired(engine)
    inspected = {row["chat_pk"] for row in kit.rows(engine, "inspections", "id")}
    unseen = next(row["chat_id"] for row in kit.rows(engine, "chats", "id") if row["id"] not in inspected)
    file = write(
        tmp_path / "v.jsonl",
        line(chat, verdicts=[{"rule": "no-such", "verdict": "confirm"}]),
        line(chat, verdicts=[{"rule": rule, "verdict": "missed"}]),
        line(unseen, verdicts=[{"rule": rule, "verdict": "confirm"}]),
        line(unseen, verdicts=[{"rule": rule, "verdict": "missed"}]),
    )
    result = run("reviews", "import", file)
    assert result.stdout.splitlines()[-1] == "read 4 = new 1 + unchanged 0 + rejected 3"
    assert "'no-such' found nothing in this chat" in result.stdout
    assert "was not missed: it fired" in result.stdout
    assert "the chat was not inspected yet" in result.stdout


def test_a_correction_is_a_later_review_and_nothing_is_overwritten(run: Run, engine: Engine, tmp_path: Path) -> None:
    later = "2026-11-20T22:00:00+08:00"
    file = write(tmp_path / "c.jsonl", line(), line(sentiment="negative"), line(sentiment="negative", at=later), line())
    result = run("reviews", "import", file)
    assert result.stdout.splitlines()[-1] == "read 4 = new 2 + unchanged 1 + rejected 1"
    assert "is stored with other content; a correction is a later review" in result.stdout
    assert [row["sentiment"] for row in kit.rows(engine, "reviews", "id")] == ["neutral", "negative"]


def test_what_is_exported_imports_as_the_same(run: Run, engine: Engine, tmp_path: Path) -> None:
    chat, rule, _ = fired(engine)
    given = [
        line("c-1", kind="audit", comment="好\0 😀", score=59.5, excellent=False),
        line(chat, at="2026-11-20T21:00:00.000001+08:00", verdicts=[
            {"rule": rule, "verdict": "unsure", "reason": "听不清"}, {"rule": "new", "verdict": "missed"},
        ]),
        line("c-1", reviewer="wang", sentiment=..., resolution="resolved"),
    ]  # fmt: skip
    run("reviews", "import", write(tmp_path / "a.jsonl", *given), "--strict")
    out = tmp_path / "out.jsonl"
    result = run("reviews", "export", "--out", out)
    assert "exported 3 reviews" in result.stderr
    assert run("reviews", "import", out).stdout.splitlines()[-1] == "read 3 = new 0 + unchanged 3 + rejected 0"
    exported = [json.loads(one) for one in out.read_text("utf-8").splitlines()]
    wanted = [{"kind": "import"} | one | {"revision": 1} for one in given]
    assert sorted(map(canonical, exported)) == sorted(map(canonical, wanted))
    assert run("reviews", "export", "--merchant", "other").stdout == ""


def test_a_review_stays_with_the_revision_it_was_given_for(run: Run, engine: Engine, tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", line())
    run("reviews", "import", file)
    changed = [one | {"csat": 1.5} for one in kit.day_of_chats(40) if one["id"] == "c-1"]
    kit.bring_in(engine, tmp_path, changed)
    assert run("reviews", "import", file).stdout.splitlines()[-1] == "read 1 = new 0 + unchanged 1 + rejected 0"
    run("reviews", "import", write(tmp_path / "s.jsonl", line(reviewer="wang")))
    assert [json.loads(one)["revision"] for one in run("reviews", "export").stdout.splitlines()] == [1, 2]


def test_times_without_offset_are_the_merchants(run: Run, engine: Engine, tmp_path: Path) -> None:
    file = write(tmp_path / "t.jsonl", line(merchant=..., at="2026-11-20 21:00:00"))
    assert "new 1" in run("reviews", "import", file, "--merchant", "acme").stdout
    assert kit.rows(engine, "reviews", "id")[0]["reviewed_at"] == 1_795_179_600_000_000


def test_a_broken_file_is_a_message(run: Run, tmp_path: Path) -> None:
    missing = run("reviews", "import", tmp_path / "none.jsonl")
    assert missing.exit_code == 2
    assert "none.jsonl" in missing.stderr
    assert (
        run("reviews", "import", write(tmp_path / "empty.jsonl")).stdout
        == "read 0 = new 0 + unchanged 0 + rejected 0\n"
    )
