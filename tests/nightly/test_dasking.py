"""What is decided about a cluster, without one; with one: tests/cluster."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import msgspec
import night_kit as kit
import orjson
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine
from store_dump import dump

from qa.boards import rollup
from qa.boards.rollup import roll_up
from qa.cli import main
from qa.errors import ClusterError, ConfigError, StoreError
from qa.nightly import claiming, facts, hands, rescore, run_night
from qa.nightly import cluster as cluster_module
from qa.nightly import night as module
from qa.nightly.claiming import NightOptions, assignment
from qa.nightly.cluster import Gone, Heard, connected, strange
from qa.nightly.dasking import DaskPool, packed
from qa.nightly.facts import LIBRARIES, differences, of_night, of_program
from qa.nightly.work import Assignment
from qa.queueing import fill, filling
from qa.store import nights
from qa.store.board_tables import board_nights, counted_nights
from qa.store.session import read_tx, write_tx

PASSWORD = "s3cret"


class Pretended:
    """A cluster in this process; ``fate`` may answer in place of a worker."""

    address = "tcp://127.0.0.1:1"

    def __init__(self, *workers: str) -> None:
        self.there = list(workers)
        self.name = "pretended"
        self.fate: Callable[[str, Any], Any] = lambda _worker, _function: None
        self.answers: list[Heard] = []
        self._tickets = itertools.count()

    def workers(self) -> set[str]:
        return set(self.there)

    def give(self, worker: str, function: Any, *arguments: Any) -> int:
        ticket = next(self._tickets)
        answer = self.fate(worker, function)
        self.answers.append(Heard(ticket, worker, function(*arguments) if answer is None else answer))
        return ticket

    def hear(self, _seconds: float) -> list[Heard]:
        heard, self.answers = self.answers, []
        return heard

    def forget(self, worker: str) -> None:
        self.answers = [one for one in self.answers if one.worker != worker]

    def tell(self, workers: list[str], function: Any, *arguments: Any) -> None:
        for _ in workers:
            function(*arguments)


@pytest.fixture
def day(store_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A day before its night, in small tasks."""
    for name, value in {"SCREEN_CHUNK": 8, "INSPECT_CHUNK": 4, "WRITE_BATCH": 8}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr("qa.nightly.members.LOOK_S", 0.0)
    monkeypatch.setattr(facts, "_program_hash", lambda: facts._LOADED)  # somebody may be writing at this checkout
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(32))
    return store_engine


def night(engine: Engine, cluster: Any, told: list[str] | None = None, patience: float = 60) -> None:
    tell = [] if told is None else told
    run_night(engine, kit.options(pool=DaskPool(cluster, tell.append, patience)), kit.Quiet())


def lease_of(engine: Engine) -> str | None:
    with read_tx(engine) as connection:
        found = nights.find_night(connection, "acme", kit.DAY)
    assert found is not None
    return found.lease_owner


def an_assignment(engine: Engine) -> Assignment:
    kit.night(engine)
    with read_tx(engine) as connection:
        found = nights.find_night(connection, "acme", kit.DAY)
    assert found is not None
    return assignment(engine, found, kit.HOUSE.as_json())


def test_the_pretended_cluster_runs_a_night_and_forgets_it(day: Engine) -> None:
    night(day, Pretended("a", "b"))
    assert kit.count(day, "inspections") > 10
    kit.night(day)
    done = dump(day)
    assert kit.night(day).crew is None
    assert dump(day) == done


def test_queue_and_boards_are_prepared_by_members_and_by_us_once_they_are_gone(
    day: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for of in (filling, rollup):
        monkeypatch.setattr(of, "PART", 3)
    cluster, told = Pretended("a", "b"), list[str]()
    pool, asked = DaskPool(cluster, told.append), list[str]()  # type: ignore[arg-type]
    assert pool.share() is None
    run_night(day, kit.options(pool=pool), kit.Quiet())

    def leave(worker: str, _function: Any) -> Any:
        asked.append(worker)
        cluster.there = [] if len(asked) > 3 else ["a", "b", "new"]
        return None

    cluster.fate = leave
    assert fill(day, 5, share=pool.share()).chats > 5
    roll_up(day, kit.ZONE, share=pool.share())
    pool.leave()
    found = dump(day)
    with write_tx(day) as connection:
        for table in (board_nights, counted_nights):
            connection.execute(table.delete())
    roll_up(day, kit.ZONE)
    assert dump(day) == found
    assert "new" not in asked  # it would find the night without its lease
    here = "queue and boards are prepared here: the cluster at tcp://127.0.0.1:1 has no worker of the night any more"
    assert [line for line in told if "are prepared here" in line] == [here]


def test_a_task_over_which_workers_are_lost_is_given_up_in_the_end(day: Engine) -> None:
    cluster, told = Pretended("a", "b"), list[str]()
    cluster.fate = lambda _worker, function: Gone("KilledWorker: dead") if function is hands.do else None
    with pytest.raises(ClusterError, match="5 workers were lost over the same task, the last one: KilledWorker"):
        night(day, cluster, told)
    assert lease_of(day) is None
    assert "worker a is given up: KilledWorker: dead; its tasks go to others" in told
    kit.night(day, owner="another:1:1")
    assert kit.count(day, "inspections") > 10


def test_a_worker_that_cannot_reach_the_database_is_not_given_the_rest(day: Engine) -> None:
    cluster, told = Pretended("bad", "good"), list[str]()

    def once(worker: str, function: Any) -> Any:
        cluster.there = [one for one in cluster.there if one != "bad"] if function is hands.do else cluster.there
        return hands.Answer(None, "database: gone") if worker == "bad" and function is hands.do else None

    cluster.fate = once
    night(day, cluster, told)
    assert told == ["worker bad is given up: database: gone; its tasks go to others"]


def test_nobody_left_is_an_end(day: Engine) -> None:
    cluster = Pretended("a")

    def vanish(_worker: str, function: Any) -> Any:
        if function is hands.do:
            cluster.there = []  # what was given to it is answered all the same
        return None

    cluster.fate = vanish
    with pytest.raises(ClusterError, match="had no worker for 0 s: the night stops here"):
        night(day, cluster, patience=0.45)
    assert lease_of(day) is None


def test_a_newcomer_that_differs_is_told_and_not_let_in(day: Engine) -> None:
    cluster, told, worked = Pretended("a"), list[str](), set[str]()

    def join(worker: str, function: Any) -> Any:
        if function is hands.do:
            worked.add(worker)
            cluster.there = ["a", "new"]
        return ("elsewhere", "0.0.1") if worker == "new" and function is eval else None

    cluster.fate = join
    night(day, cluster, told)
    assert told == ["not let in: worker new (elsewhere): qa version: 0.1.0 here, 0.0.1 there"]
    assert worked == {"a"}


def test_each_difference_is_refused_with_both_values(day: Engine) -> None:
    cluster = Pretended("a")
    found = hands.meet("x", packed(an_assignment(day), cluster.address))
    assert ("machine of the SQLite file" in found) is (day.dialect.name == "sqlite")
    for name in ("standard", "schema", "night", "dictionary", "numpy", *found.keys() & {"machine of the SQLite file"}):
        assert name in found
        cluster.fate = lambda _worker, function, name=name: found | {name: "other"} if function is hands.meet else None
        with pytest.raises(ConfigError, match=f"{name}: .+ here, other there"):
            run_night(day, kit.options(pool=DaskPool(cluster, print), extend=True), kit.Quiet())  # type: ignore[arg-type]


def test_of_a_refused_night_or_run_nothing_stays(day: Engine, tmp_path: Path) -> None:
    cluster = Pretended("a")
    cluster.fate = lambda _worker, function: {"qa version": "0.0.9", "host": "h"} if function is hands.meet else None
    pool = DaskPool(cluster, print)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"qa version: .+ here, 0\.0\.9 there"):
        run_night(day, kit.options(pool=pool), kit.Quiet())
    assert kit.count(day, "nights") == 0
    kit.night(day)
    before = dump(day)
    another = kit.options(pool=pool, standard=kit.standard(tmp_path))
    with pytest.raises(ConfigError, match="qa version"):
        rescore(day, another, kit.Quiet())
    assert (dump(day), lease_of(day)) == (before, None)


def test_a_worker_with_a_copy_of_the_database_leaves_nothing_behind(day: Engine, tmp_path: Path) -> None:
    cluster, own = Pretended("a"), kit.standard(tmp_path)
    pool = DaskPool(cluster, print)  # type: ignore[arg-type]

    def refuse(act: Callable[..., Any], options: NightOptions, copied: dict[str, str]) -> None:
        """The worker says what its copy of the database says, which is the same until the night is claimed."""
        cluster.fate = lambda _worker, function: copied if function is hands.meet else None
        with pytest.raises(ConfigError, match=r"^worker .+: night: .+ here, .+ there$"):
            act(day, options, kit.Quiet())

    before = dump(day)
    options = kit.options(pool=pool, standard=own)
    new = assignment(day, claiming._new(options), own.as_json())
    refuse(run_night, options, hands.meet("x", packed(new, cluster.address)))
    assert dump(day) == before
    kit.night(day)  # by the standard of today: the refused night has left none
    before = dump(day)
    with read_tx(day) as connection:
        known = nights.find_night(connection, "acme", kit.DAY)
    assert known is not None
    of_run = assignment(day, known, own.as_json())
    refuse(rescore, options, hands.meet("x", packed(of_run, cluster.address)))
    assert (dump(day), lease_of(day)) == (before, None)


def test_a_worker_that_cannot_read_the_database_is_refused_with_the_reason(day: Engine, tmp_path: Path) -> None:
    elsewhere = an_assignment(day)._replace(url=f"sqlite:///{tmp_path / 'none.sqlite3'}")
    told = hands.meet("x", msgspec.json.encode(elsewhere))
    assert told["problem"] == f"no database at {tmp_path / 'none.sqlite3'}"
    assert hands.do("never met", "screen", b"[]").problem is not None


DOWN = {"host": "h", "problem": "database (postgresql qa at db): refused", hands.UNREACHED: "database"}


def test_a_database_that_is_down_at_a_worker_is_tried_again(day: Engine, tmp_path: Path) -> None:
    elsewhere = an_assignment(day)._replace(url=f"sqlite:///{tmp_path / 'none.sqlite3'}")
    assert hands.meet("x", msgspec.json.encode(elsewhere)).keys() == DOWN.keys()
    cluster, before = Pretended("a", "b"), dump(day)
    answers: dict[str, Any] = {"b": DOWN}
    cluster.fate = lambda worker, function: answers.get(worker) if function is hands.meet else None
    again = kit.options(pool=DaskPool(cluster, print), standard=kit.standard(tmp_path))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=r"^worker b \(h\): database \(postgresql qa at db\): refused$") as refused:
        rescore(day, again, kit.Quiet())
    assert refused.value.exit_code == 5
    assert (dump(day), lease_of(day)) == (before, None)
    answers["a"] = {"host": "h", "problem": "another program"}
    with pytest.raises(ConfigError, match="another program"):  # time does not mend that
        rescore(day, again, kit.Quiet())


def test_a_newcomer_that_cannot_reach_the_database_is_asked_again(day: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.nightly.members.AGAIN_S", 0.0)
    monkeypatch.setattr(module, "SCREEN_CHUNK", 2)  # tasks enough for all these questions
    cluster, told, worked = Pretended("a"), list[str](), set[str]()
    down = [DOWN]

    def join(worker: str, function: Any) -> Any:
        if function is hands.do:
            worked.add(worker)
            cluster.there = ["a", "new"]
        return down.pop() if down and (worker, function) == ("new", hands.meet) else None

    cluster.fate = join
    night(day, cluster, told)
    assert told == ["not let in: worker new (h): database (postgresql qa at db): refused"]
    assert worked == {"a", "new"}


def test_a_worker_prefers_its_own_database(day: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours = day.url.render_as_string(hide_password=False)
    sent = msgspec.json.encode(an_assignment(day)._replace(url=f"sqlite:///{tmp_path / 'none.sqlite3'}"))
    monkeypatch.setenv("QA_DATABASE_URL", ours)
    assert "problem" not in hands.meet("own", sent)
    hands.leave("own")
    assert hands.do("own", "screen", b"[0, 1, false]").problem is not None


def test_facts_name_every_library_and_the_night(day: Engine) -> None:
    task = an_assignment(day)
    assert set(LIBRARIES) < of_program().keys()
    assert of_night(task, day)["night"].endswith(f"of acme {kit.DAY}, held by None")
    assert of_night(task._replace(day="2020-01-01"), day)["night"] == "not in the database"


def test_a_process_under_which_the_program_was_changed_is_like_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    before = of_program()
    monkeypatch.setattr(facts, "_LOADED", "older")
    (told,) = differences(before, of_program())
    assert told.startswith("program files: ")
    assert "start it anew there" in told


@pytest.mark.parametrize(("address", "kept"), [("tcp://h:1", False), ("tls://h:1", True)])
def test_a_password_is_sent_only_where_nobody_can_listen(address: str, kept: bool) -> None:
    url = f"postgresql+psycopg://qa:{PASSWORD}@db/qa?host=h&password={PASSWORD}"
    task = Assignment(url, 1, "acme", kit.DAY, "salt", "{}", "{}", "Asia/Shanghai")
    assert (PASSWORD in orjson.loads(packed(task, address))[0]) is kept


def test_no_dask_no_scheduler_and_wrong_options_are_said(
    day: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = {"QA_DATABASE_URL": day.url.render_as_string(hide_password=False), "QA_DATA_DIR": str(tmp_path)}

    def said(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["nightly", "--date", kit.DAY, *words], env=environment)
        return done.exit_code, done.stderr

    dask = ("--backend", "dask")
    assert said(*dask)[0] == 2
    assert "--backend dask needs --scheduler tcp://HOST:PORT" in said(*dask)[1]
    assert said("--scheduler", "tcp://h:1") == (2, "error: --scheduler is about --backend dask\n")
    assert "--workers is about processes" in said(*dask, "--scheduler", "tcp://h:1", "--workers", "2")[1]
    assert "write tcp://HOST:PORT" in said(*dask, "--scheduler", "h:1")[1]
    monkeypatch.setattr(cluster_module, "ANSWER_S", 0.3)
    code, text = said(*dask, "--scheduler", "tcp://127.0.0.1:1")
    assert code == 69
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in text
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"install zhijian\[dask\]"), connected("tcp://127.0.0.1:1"):
        pass
    assert strange(("h", None)) is not None


@pytest.mark.parametrize(
    ("address", "set_to", "said"),
    [
        ("tls://127.0.0.1:1", {}, "tls needs certificates"),
        (
            "tls://127.0.0.1:1",
            {"tls.ca-file": "/nowhere", "tls.client.cert": "/nowhere"},
            "certificates of Dask's settings cannot be used",
        ),
        ("tcp://127.0.0.1:1", {"require-encryption": True}, "write tls://HOST:PORT"),
    ],
)
def test_certificates_that_do_not_fit_the_address_are_said_at_once(
    address: str, set_to: dict[str, Any], said: str
) -> None:
    given = {f"distributed.comm.{name}": value for name, value in set_to.items()}
    with dask.config.set(given), pytest.raises(ConfigError, match=said), connected(address):
        pass
