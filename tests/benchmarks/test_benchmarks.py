"""The benchmark is honest: its day is a day, and the naive night finds and scores what the night does."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from benchmarks import generate, naive, night, opinions, rules, tables, watch
from qa.cli import main as cli
from qa.rules.engine import compile_pack
from qa.rules.pack import load_house
from qa.sources import Rejected, read_chats
from qa.sources.base import ReadOptions

CHATS = 150


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("day") / "day.jsonl"
    generate.write(path, CHATS)
    return path


@pytest.mark.slow
def test_the_same_seed_makes_the_same_day_and_a_shorter_day_begins_it(day: Path) -> None:
    lines = day.read_text(encoding="utf-8").splitlines(keepends=True)

    assert list(generate.generate(CHATS)) == lines
    assert list(generate.generate(CHATS - 50)) == lines[:-50]
    assert next(generate.generate(1, seed=2)) != lines[0]


def test_every_generated_chat_is_read_without_a_remark(day: Path) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    now = int(datetime(2026, 12, 1, tzinfo=zone).timestamp() * 1e6)

    read = list(read_chats(day, ReadOptions(zone=zone, now=now)))

    assert len(read) == CHATS
    assert not [one for one in read if isinstance(one, Rejected) or one.notes]


def test_messages_are_about_twenty_a_chat_and_most_are_said_once(day: Path) -> None:
    chats = [json.loads(line) for line in day.read_text(encoding="utf-8").splitlines()]
    texts = Counter(message["text"] for chat in chats for message in chat["messages"])

    assert 17 <= texts.total() / CHATS <= 24
    assert sum(1 for times in texts.values() if times == 1) / texts.total() > 0.5
    assert all(chat["started_at"].startswith(generate.DAY) for chat in chats)


@pytest.mark.slow
@pytest.mark.parametrize("tidy", [False, True])
def test_the_naive_night_finds_and_scores_what_the_night_does(
    day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tidy: bool
) -> None:
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("QA_MODEL", "off")
    report = tmp_path / "night.json"
    for command in (["import", str(day)], ["nightly", "--date", generate.DAY, "--json", str(report)]):
        with pytest.raises(SystemExit) as ended:
            cli(command, prog_name="qa")
        assert not ended.value.code

    with naive.open_session(tmp_path / "naive.sqlite3") as session:
        assert naive.load(day, session, tidy=tidy) == CHATS
        screened, inspected = naive.night(session, "bench", generate.DAY, tidy=tidy)
        found = naive.results(session)
        session.get_bind().dispose()

    assert (screened, inspected) == (CHATS, len(found))
    assert found == night.read_report(report)
    assert sum(1 for _, rules in found.values() if rules) > inspected / 4


def test_a_child_process_is_timed_and_its_failure_is_shown() -> None:
    done = watch.run(["-c", "print('done')"])
    assert done.output == "done\n"
    assert done.seconds > 0

    with pytest.raises(watch.FailedError, match="exit code 3\nno luck"):
        watch.run(["-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"])


def test_a_table_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="no markers <!-- speed:begin -->"):
        tables.replaced("# Benchmarks", "speed", "new")


@pytest.mark.slow
def test_the_plain_loop_finds_what_the_rules_find_and_clean_chats_are_clean() -> None:
    judging = rules.measure(chats=2, compared=40, rounds=1)
    assert judging.compared == 42
    assert judging.rules >= 60
    assert "× " in tables.judging_table(judging, "command", "machine")


def test_a_made_pack_is_the_same_every_time_and_as_large_as_asked() -> None:
    house = load_house().pack
    texts = ["您好，请问有什么可以帮您", "我想退货，什么时候到账"]
    made = rules.made_pack(house, texts, 20, 100)
    assert made == rules.made_pack(house, texts, 20, 100)
    assert len(made.rules) == 20
    assert rules.phrases_of(compile_pack(made)) == 95


def test_the_table_of_opinions_divides_medians() -> None:
    rates = {"rjieba": [(200.0, 400.0), (100.0, 300.0), (90.0, 90.0)], "jieba": [(50.0, 60.0)] * 3}
    found = {name: [opinions.Rates(*one) for one in some] for name, some in rates.items()}
    found |= {"naive": [opinions.Rates(2.0, 3.0)] * 3, "tidied": [opinions.Rates(10.0, 30.0)] * 3}
    told = opinions.table(found, 400, 20).splitlines()
    assert "| Zhijian with rjieba | 100 | **50** | 10 | 300 | 100 | 10 |" in told
    assert "| Zhijian without it, by jieba | 50 | **25** | 5 | 60 | 20 | 2 |" in told


def test_a_command_runs_as_where_rjieba_is_missing() -> None:
    assert "zhijian" in watch.run(["benchmarks/without_rjieba.py", "--version"]).output
    with pytest.raises(watch.FailedError):
        watch.run(["benchmarks/without_rjieba.py", "nothing"])
