"""How long the case library takes to answer over 50,000 cases: search, filters, a case with what resembles it.

    python benchmarks/cases.py                      # about two minutes, 300 MB in a temporary folder
    python benchmarks/cases.py --database postgresql://…    # an empty database of yours

The cases are made of words drawn by Zipf's law, as the words of a language are. Times are of ``qa.casebook.look`` (a
page, its count, what there is to filter by), ``open_case`` (with similar cases) and of the whole page as a browser
gets it. No part of continuous integration.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from secrets import token_hex
from typing import Any

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orjson
from sqlalchemy import Engine, insert, text

from qa.casebook import look, open_case
from qa.casebook.likeness import telling
from qa.config import Settings
from qa.people import Scope, UserRole
from qa.store import sessions
from qa.store.accounts import insert_user
from qa.store.case_filters import parse_case_filters
from qa.store.case_tables import case_tags, case_words, cases
from qa.store.migrate import upgrade
from qa.store.session import opened, write_tx
from qa.store.words import written
from qa.web import create_app

NOW = 1_795_000_000_000_000
VIEWS: Mapping[str, str] = {
    "first page": "",
    "one kind": "kind=typical",
    "a tag of one case in forty": "tag=t7",
    "scenario, question type and merchant": "scenario=s3&question_type=q5&merchant=m-2",
    "ten days": "since=2026-10-05&until=2026-10-14",
    "the commonest word": "text=w0",
    "two common words": "text=w1 w3",
    "a rare word": "text=w19000",
    "a rare phrase": "text=w250 w251",
    "words and filters": "text=w2&kind=excellent&tag=t7",
    "no such word": "text=zzz",
}
"""Name → the query of the address."""
_MERCHANTS, _TAGS, _WORDS, _LINES, _LINE = 10, 40, 20_000, 10, 9
_BATCH = 2_000


def main() -> None:
    """Make the cases, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=50_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="measurements of each view")
    parser.add_argument("--database", metavar="URL", help="instead of a SQLite file in a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cases-") as folder:
        url = arguments.database or f"sqlite:///{folder}/cases.sqlite3"
        with opened(url) as engine:
            begun = time.perf_counter()
            make(engine, arguments.cases)
            print(f"{arguments.cases:,} cases made in {time.perf_counter() - begun:.0f} s\n", file=sys.stderr)
            print("| what | p50 ms | p95 ms |\n|---|---|---|")
            for name, times in measured(engine, Path(folder), arguments.cases, arguments.rounds):
                print(f"| {name} | {at(times, 0.5):.1f} | {at(times, 0.95):.1f} |")


def make(engine: Engine, many: int) -> None:
    """Fill an empty database."""
    upgrade(engine)
    rng = random.Random(7)
    weights = list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))
    words = [f"w{rank}" for rank in range(_WORDS)]
    for first in range(1, many + 1, _BATCH):
        with write_tx(engine) as connection:
            _add(connection, rng, words, weights, range(first, min(first + _BATCH, many + 1)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _add(connection: Any, rng: random.Random, words: Sequence[str], weights: Sequence[float], keys: range) -> None:
    rows, tags, telling_rows, search = [], [], [], []
    for key in keys:
        said = [rng.choices(words, cum_weights=weights, k=_LINE) for _ in range(_LINES)]
        rows.append(_row(key, said))
        tags += [{"tag": f"t{(key * step) % _TAGS}", "case_id": key} for step in (1, 7)][: 1 + (key % _TAGS > 0)]
        telling_rows += [{"word": word, "case_id": key} for word in telling(word for line in said for word in line)]
        search.append({"pk": key, "words": written(connection, [" ".join(line) for line in said])})
    connection.execute(insert(cases), rows)
    connection.execute(insert(case_tags), [dict(one) for one in {tuple(tag.items()) for tag in tags}])
    connection.execute(insert(case_words), telling_rows)
    statement = (
        "INSERT INTO case_search (rowid, words) VALUES (:pk, :words)"
        if connection.dialect.name == "sqlite"
        else "INSERT INTO case_search VALUES (:pk, CAST(:words AS tsvector))"
    )
    connection.execute(text(statement), search)


def _row(key: int, said: list[list[str]]) -> dict[str, Any]:
    lines = [
        {"turn": turn, "role": "agent" if turn % 2 else "customer", "text": " ".join(words),
         "after_s": turn * 9.0, "kind": "text"}
        for turn, words in enumerate(said)
    ]  # fmt: skip
    return {
        "id": key, "merchant": f"m-{key % _MERCHANTS}", "team": None, "agent_id": f"a-{key % 400}",
        "chat_id": f"c-{key}", "revision": 1, "inspection_id": key, "day": f"2026-{9 + key % 2:02}-{1 + key % 28:02}",
        "score": 90.0, "kind": "typical" if key % 3 == 0 else "excellent", "title": f"case {key}",
        "scenario": f"s{key % 12}", "question_type": f"q{key % 25}",
        "star": orjson.dumps({"action": "x" * 60}), "notes": b"[]",
        "transcript": orjson.dumps(lines), "state": "published", "version": 1, "created_at": NOW, "created_by": "t",
        "changed_at": NOW, "changed_by": "t", "published_at": NOW,
    }  # fmt: skip


def measured(engine: Engine, folder: Path, many: int, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Yield how long each view takes."""
    for name, query in VIEWS.items():
        filters = parse_case_filters(dict(part.split("=") for part in query.split("&") if part))
        yield name, timed(lambda: look(engine, Scope(), filters, None), rounds)  # noqa: B023 - called at once
    limited = Scope(merchants=("m-3",))
    yield "far down, one merchant", timed(lambda: look(engine, limited, parse_case_filters({}), many // 20), rounds)
    keys = iter(range(1, many, max(1, many // rounds)))
    opening: Callable[[], Any] = lambda: open_case(engine, Scope(), next(keys), curates=False)  # noqa: E731
    yield "a case with similar ones", timed(opening, rounds - 1)
    app = create_app(Settings(data_dir=folder, secret_key=token_hex()), engine, lambda: NOW)
    with write_tx(engine) as connection:
        user = insert_user(connection, "t", "T", UserRole.TRAINER, None, None, None, NOW)
        sessions.start(connection, user.id, "token", NOW, NOW + 10**12)
    client = app.test_client()
    client.set_cookie("zhijian", "token")
    yield "whole page of a search", timed(lambda: _get(client, "/cases?text=w1"), rounds)


def _get(client: Any, path: str) -> None:
    assert client.get(path).status_code == 200


def timed(action: Callable[[], Any], rounds: int) -> list[float]:
    """Return the milliseconds of each round."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        times.append((time.perf_counter() - begun) * 1_000)
    return times


def at(times: Sequence[float], share: float) -> float:
    """Return the value below which that share of the times lies.

    >>> at([4, 1, 3, 2], 0.5)
    2
    """
    ordered = sorted(times)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered)) - 1))]


if __name__ == "__main__":
    main()
