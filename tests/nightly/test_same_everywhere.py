from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine, delete
from store_dump import Row, dump

from qa.boards import rollup
from qa.nightly import night as module
from qa.queueing import filling
from qa.store import readers
from qa.store.board_tables import board_nights
from qa.store.migrate import upgrade
from qa.store.queue_tables import queue_items, queue_marks, queue_runs
from qa.store.session import opened, write_tx

Night = tuple[dict[str, list[Row]], kit.Record]


def told(engine: Engine, folder: Path, **changes) -> Night:
    result = kit.night(engine, **changes)
    document = kit.report(engine, [result], folder)
    for key in ("seconds", "backend", "workers"):
        assert document["merchants"][0].pop(key)
    return dump(engine), document


def afterwards(engine: Engine, processes: int) -> dict[str, list[Row]]:
    """Fill queue and boards; returns what the database holds then."""
    assert filling.fill(engine, kit.NOW, None, processes).runs == 1
    assert rollup.roll_up(engine, kit.ZONE, None, processes) == 1
    return dump(engine)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """The night of 150 chats on SQLite, in one process."""
    folder = tmp_path_factory.mktemp("reference")
    with opened(f"sqlite:///{folder / 'zhijian.sqlite3'}") as engine:
        upgrade(engine)
        kit.bring_in(engine, folder, kit.day_of_chats(150))
        return told(engine, folder)


def test_both_databases_say_the_same(store_engine: Engine, reference: Night, tmp_path: Path) -> None:
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(150))
    assert told(store_engine, tmp_path) == reference


@pytest.mark.slow
def test_worker_processes_say_the_same(store_engine: Engine, reference: Night, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "WORTH_A_WORKER", 10)
    monkeypatch.setattr(module, "SCREEN_CHUNK", 16)
    monkeypatch.setattr(module, "INSPECT_CHUNK", 7)
    monkeypatch.setattr(module, "WRITE_BATCH", 30)
    used = []
    real = readers.Parallel

    def counted(**arguments):
        used.append(arguments["n_jobs"])
        return real(**arguments)

    monkeypatch.setattr(readers, "Parallel", counted)
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(150))
    assert told(store_engine, tmp_path, workers=2) == reference
    assert used == [2, 2]
    monkeypatch.setattr(filling, "PART", 9)
    monkeypatch.setattr(rollup, "PART", 9)
    shared = afterwards(store_engine, 2)
    assert used == [2] * 4
    assert shared["queue_items"]
    assert shared["board_sums"]
    with write_tx(store_engine) as connection:
        for table in (queue_marks, queue_items, queue_runs, board_nights):
            connection.execute(delete(table))
    assert afterwards(store_engine, 1) == shared, "the words of the search aside, which are there already"


@pytest.mark.parametrize(("screen", "inspect", "write"), [(1, 1, 1), (7, 3, 5), (64, 200, 10)])
def test_batches_make_no_difference(
    screen: int, inspect: int, write: int, store_engine: Engine, reference: Night, tmp_path: Path, monkeypatch
) -> None:
    for name, value in {"SCREEN_CHUNK": screen, "INSPECT_CHUNK": inspect, "WRITE_BATCH": write}.items():
        monkeypatch.setattr(module, name, value)
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(150))
    assert told(store_engine, tmp_path) == reference


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_import_makes_no_difference(
    seed: int, store_engine: Engine, reference: Night, tmp_path: Path
) -> None:
    records = kit.day_of_chats(150)
    random.Random(seed).shuffle(records)
    kit.bring_in(store_engine, tmp_path / "some", records[:40])
    kit.bring_in(store_engine, tmp_path / "rest", records[30:])
    tables, document = told(store_engine, tmp_path)
    expected, expected_document = reference
    without_ranks = {"inspections": _without_rank(expected["inspections"])}
    assert {**tables, "inspections": _without_rank(tables["inspections"])} == expected | without_ranks
    assert _by_id(document) == _by_id(expected_document)


def _by_id(document: kit.Record) -> kit.Record:
    (merchant,) = document["merchants"]
    return merchant | {"inspections": sorted(merchant["inspections"], key=lambda one: one["id"])}


def _without_rank(rows: list[Row]) -> list[Row]:
    return sorted((row[1:] for row in rows), key=repr)


SCRIPT = """\
import json, sys
from pathlib import Path
import night_kit as kit
from qa.store.board_tables import board_nights
from qa.store.migrate import upgrade
from qa.store.queue_tables import queue_items, queue_marks, queue_runs
from qa.store import readers
from qa.store.session import opened, write_tx
from store_dump import dump

folder = Path(sys.argv[1])
with opened(f"sqlite:///{folder / 'zhijian.sqlite3'}") as engine:
    upgrade(engine)
    kit.bring_in(engine, folder, kit.day_of_chats(150))
    document = kit.report(engine, [kit.night(engine)], folder)
    for key in ("seconds", "backend", "workers"):
        document["merchants"][0].pop(key)
    print(json.dumps([repr(dump(engine)), document]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "4242"])
def test_the_hash_seed_makes_no_difference(seed: str, root: Path, reference: Night, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    environment |= {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests' / 'helpers'}"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], env=environment, capture_output=True, text=True, check=True
    )
    tables, document = json.loads(done.stdout)
    assert tables == repr(reference[0])
    assert document == reference[1]
