from __future__ import annotations

import json
from datetime import date

from qa.demo.generate import generate
from qa.demo.write import read_truth, truth_of, write_month

START = date(2026, 10, 1)


def test_files_by_merchant_and_day_hold_every_chat_and_the_truth_reads_back(tmp_path):
    files = write_month(tmp_path, seed=5, start=START, days=4, chats=200)
    assert [path.relative_to(tmp_path).as_posix() for path in files][:3] == [
        "qingmu/2026-10-01.jsonl",
        "xingye/2026-10-01.jsonl",
        "luxi/2026-10-01.jsonl",
    ]
    assert len(files) == 12
    rows = [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]
    month = list(generate(5, START, 4, 200))
    assert rows == [planted.chat for planted in month]
    assert list(read_truth(tmp_path / "truth.jsonl")) == [truth_of(planted) for planted in month]


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_month(tmp_path / name, seed=2, start=START, days=2, chats=60)
    for path in (tmp_path / "a").rglob("*.jsonl"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_counts_add_up_for_any_size(tmp_path):
    files = write_month(tmp_path, seed=1, start=START, days=1, chats=7)
    assert sum(len(path.read_bytes().splitlines()) for path in files) == 7
