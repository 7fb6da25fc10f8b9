from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from sqlalchemy import Engine
from store_dump import dump

from qa.cli import main
from qa.cli import nightly as module

Run = Callable[..., Result]


@pytest.fixture
def run(store_engine: Engine, db_url: str, tmp_path: Path) -> Run:
    """``qa`` with the given arguments, on a store with 80 chats of acme and 10 of other."""
    kit.bring_in(store_engine, tmp_path / "acme", kit.day_of_chats(80))
    kit.bring_in(store_engine, tmp_path / "other", kit.day_of_chats(10, merchant="other", prefix="o"))
    kit.bring_in(store_engine, tmp_path / "before", kit.day_of_chats(2, day="2026-11-18", prefix="b"), "2026-11-18")

    def invoke(*arguments: str | Path, config: str = "") -> Result:
        settings = tmp_path / "zhijian.toml"
        settings.write_text(config, "utf-8")
        environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path / "data"), "QA_CONFIG": str(settings)}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment, catch_exceptions=False)

    return invoke


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function that sets the command's clock to so many hours after midnight of the day."""

    def set_clock(hours: int) -> None:
        instant = kit.NOW + (hours - 24) * 3600 * 1_000_000
        monkeypatch.setattr(module, "now", lambda: instant)

    return set_clock


def test_the_summary_says_what_a_person_wants_to_know(run: Run) -> None:
    result = run("nightly", "--date", kit.DAY)
    assert result.exit_code == 0
    acme, other = re.split(r"(?=── other)", result.stdout)
    assert "── acme · 2026-11-20 ──" in acme
    frame = re.search(
        r"frame (\d+) closed chats: (\d+) targeted \+ (\d+) drawn at random = (\d+) inspected \(1 wave\);"
        r" \d+ flagged, 0 broken",
        acme,
    )
    assert frame is not None, acme
    size, targeted, drawn, inspected = map(int, frame.groups())
    assert size == 76
    assert targeted + drawn == inspected
    assert "4 chats of the day are still open and in no frame" in acme
    assert re.search(r"standard house \S+, \d+ rules", acme)
    for title in (
        "Estimates for all chats of the frame",
        "What fired (chats)",
        "Flagged for review",
        "Sample by agent",
    ):
        assert title in acme
    assert re.search(rf"mean score +\d+\.\d +\d+\.\d … \d+\.\d +{inspected}", acme)
    assert re.search(rf"chats with a failed rule +\d+\.\d% +\d+\.\d% … \d+\.\d% +{inspected}", acme)
    assert re.search(r"closing-missing +\S+ +− +\d+ +\d+%", acme)
    assert re.search(r"red_line +\d+", acme)
    rows = re.findall(r"^(a-\d|\(unknown\)) +(\d+) +(\d+) +0\.\d{3}", acme, re.MULTILINE)
    assert sum(int(row[2]) for row in rows) == drawn
    assert sum(int(row[1]) for row in rows) == size - targeted
    assert re.search(r"time: screen \d+\.\d s, draw \d+\.\d s, inspect \d+\.\d s, finish \d+\.\d s", acme)
    assert "── other · 2026-11-20 ──" in other
    assert "acme 2026-11-20 screen: 76 of 76" in result.stderr


def test_a_done_night_is_shown_as_it_was(run: Run, store_engine: Engine) -> None:
    first = run("nightly", "--date", kit.DAY, "--merchant", "acme")
    before = dump(store_engine)
    again = run("nightly", "--date", kit.DAY, "--merchant", "acme", config="[policy]\nrate = 0.9\n")
    assert again.exit_code == 0
    assert dump(store_engine) == before
    lines = [line for line in again.stdout.splitlines() if "had run already" not in line]
    assert lines == [line for line in first.stdout.splitlines() if not line.startswith("time:")]
    assert len(lines) == len(again.stdout.splitlines()) - 1


def test_late_chats_are_told_and_extend_inspects_them(run: Run, store_engine: Engine, tmp_path: Path) -> None:
    run("nightly", "--date", kit.DAY, "--merchant", "acme")
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(6, prefix="late"))
    told = run("nightly", "--date", kit.DAY, "--merchant", "acme")
    command = "qa nightly --date 2026-11-20 --merchant acme --extend"
    assert f"6 closed chats arrived since: {command} inspects them too" in told.stdout
    extended = run(*command.split()[1:])
    assert extended.exit_code == 0
    assert "(2 waves)" in extended.stdout
    assert "(wave 2)" in extended.stdout
    assert "arrived since" not in extended.stdout
    assert "frame 82 closed chats" in extended.stdout
    again = run(*command.split()[1:])
    assert "had run already" in again.stdout


def test_the_json_document(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "night.json"
    result = run("nightly", "--date", kit.DAY, "--json", file)
    assert result.exit_code == 0
    assert f"wrote {file}" in result.stderr.replace("\n", "")
    document = json.loads(file.read_bytes())
    assert [one["merchant"] for one in document["merchants"]] == ["acme", "other"]
    assert list(tmp_path.glob("night.json.*")) == []
    run("nightly", "--date", kit.DAY, "--json", file)
    again = json.loads(file.read_bytes())
    for one in (*document["merchants"], *again["merchants"]):
        for key in ("seconds", "backend", "workers"):
            one.pop(key)
    assert again == document
    refused = run("nightly", "--date", kit.DAY, "--json", tmp_path / "none" / "x.json")
    assert refused.exit_code == 2
    assert "cannot be written: No such file or directory" in refused.stderr


def test_a_reader_who_leaves_early_does_not_cost_the_document(run: Run, tmp_path: Path) -> None:
    """``qa nightly --json FILE | head -1``: the summary has nobody to read it, the file is written all the same."""

    class Gone(Console):
        def print(self, *_: object, **__: object) -> None:
            raise BrokenPipeError

    file = tmp_path / "night.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "out", Gone)
        with pytest.raises(BrokenPipeError):
            run("nightly", "--date", kit.DAY, "--json", file)
    assert len(json.loads(file.read_bytes())["merchants"]) == 2


@pytest.mark.parametrize(
    ("word", "hours", "day"),
    [
        ("auto", 26, kit.DAY),
        ("auto", 20, kit.DAY),
        ("yesterday", 24, kit.DAY),
        ("yesterday", 47, kit.DAY),
        ("today", 0, kit.DAY),
        ("today", 23, kit.DAY),
        ("20261120", 99, kit.DAY),
        ("auto", -20, "2026-11-18"),
    ],
)
def test_words_for_a_day(word: str, hours: int, day: str, run: Run, at: Callable[[int], None]) -> None:
    at(hours)
    result = run("nightly", "--date", word)
    assert result.exit_code == 0, result.stderr
    assert f"── acme · {day} ──" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--date", "2026-11-21"), "error: no chats on 2026-11-21; the store holds 2026-11-18 to 2026-11-20"),
        (("--date", "yesterday"), "error: no chats on 2026-11-19; the store holds"),
        (("--merchant", "nobody"), "no chats of merchant 'nobody' are stored (known: acme, other)"),
        (("--date", "2026-11-18", "--merchant", "other"), "no chats on 2026-11-18; the store holds 2026-11-20 to"),
        (("--date", "2026-02-30"), "--date '2026-02-30': write YYYY-MM-DD, yesterday, today or auto"),
        (("--date", "morgen"), "--date 'morgen': write YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_run(arguments: tuple[str, ...], message: str, run: Run, at: Callable[[int], None]) -> None:
    at(12)
    result = run("nightly", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_an_empty_store(db_url: str, tmp_path: Path) -> None:
    environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path)}
    result = CliRunner().invoke(main, ["nightly"], env=environment, catch_exceptions=False)
    assert result.exit_code == 2
    assert "the store is empty: qa import comes first" in result.stderr


def test_packs_and_policies_by_merchant(run: Run, tmp_path: Path) -> None:
    pack = kit.pack(tmp_path, "{keywords: {any: [您好], role: agent}}")
    config = f'[packs]\nacme = "{pack.name}"\n[merchants.acme]\nrate = 1.0\nsalt = "s"\n'
    file = tmp_path / "night.json"
    result = run("nightly", "--date", kit.DAY, "--json", file, config=config)
    acme, other = json.loads(file.read_bytes())["merchants"]
    assert "standard own 1" in result.stdout
    assert "standard house" in result.stdout
    assert (acme["policy"]["rate"], other["policy"]["rate"]) == (1.0, 0.3)
    assert len(acme["random"]) + len(acme["targeted"]) == acme["frame_size"]
    own = [one["id"] for one in acme["inspections"] if any(f["rule"] == "own-rule" for f in one["findings"])]
    assert own
    assert not [f for one in other["inspections"] for f in one["findings"] if f["rule"] == "own-rule"]
    pack.write_text("pack: own\nrules: 3\n", "utf-8")
    broken = run("nightly", "--date", kit.DAY, config=config)
    assert broken.exit_code == 2
    assert f"{pack.name}:" in broken.stderr
