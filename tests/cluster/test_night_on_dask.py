"""Nights on real Dask processes: the same results as anywhere, whatever happens to workers and scheduler."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import dask_kit
import night_kit as kit
import pg_server
import psycopg
import pytest
from click.testing import CliRunner
from dask_kit import At, DaskProcesses
from sqlalchemy import Engine
from store_dump import Row, dump

from qa.boards import rollup
from qa.boards.rollup import roll_up
from qa.cli import main
from qa.errors import ClusterError, ConfigError
from qa.nightly import NightResult, run_night
from qa.nightly import night as module
from qa.nightly.dasking import DaskPool, dask_pool
from qa.nightly.pools import Crew
from qa.progress import Progress, Quiet
from qa.queueing import fill, filling
from qa.store.migrate import upgrade
from qa.store.session import opened

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.postgres]

ZONE = ZoneInfo("Asia/Shanghai")
_numbers = itertools.count()


class Reference(NamedTuple):
    """A day that was imported, as a file, and what the night over it leaves, done by one process on SQLite."""

    origin: Path
    dumped: dict[str, list[Row]]
    prepared: dict[str, list[Row]]
    """With queue and boards."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    processes = DaskProcesses(tmp_path_factory.mktemp("dask"))
    yield processes
    processes.close()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp("reference")
    with opened(f"sqlite:///{folder / 'zhijian.sqlite3'}") as engine:
        upgrade(engine)
        kit.bring_in(engine, folder, kit.day_of_chats(150))
    shutil.copyfile(folder / "zhijian.sqlite3", folder / "origin.sqlite3")
    with opened(f"sqlite:///{folder / 'zhijian.sqlite3'}") as engine:
        kit.night(engine, models=kit.shipped(folder))
        dumped = dump(engine)
        fill(engine, 5)
        roll_up(engine, ZONE)
        return Reference(folder / "origin.sqlite3", dumped, dump(engine))


@pytest.fixture(scope="module")
def on_postgres(
    postgres_admin: psycopg.Connection[Any],
    postgres_template: str,
    postgres_server: pg_server.Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The same day, as a PostgreSQL database to be copied."""
    postgres_admin.execute(f"CREATE DATABASE dask_origin TEMPLATE {postgres_template}")
    with opened(postgres_server.url("dask_origin")) as engine:
        kit.bring_in(engine, tmp_path_factory.mktemp("day"), kit.day_of_chats(150))
    return "dask_origin"


@pytest.fixture(autouse=True)
def _small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SCREEN_CHUNK": 16, "INSPECT_CHUNK": 4, "WRITE_BATCH": 12}.items():
        monkeypatch.setattr(module, name, value)
    for of in (filling, rollup):
        monkeypatch.setattr(of, "PART", 8)


@pytest.fixture
def day(
    on_postgres: str, postgres_admin: psycopg.Connection[Any], postgres_server: pg_server.Server
) -> Iterator[Engine]:
    """The day before its night, on PostgreSQL: that is where clusters are used."""
    name = f"dask{next(_numbers)}"
    postgres_admin.execute(f"CREATE DATABASE {name} TEMPLATE {on_postgres}")
    with opened(postgres_server.url(name)) as engine:
        yield engine
    postgres_admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def night(engine: Engine, pool: DaskPool, folder: Path, progress: Progress | None = None) -> NightResult:
    return run_night(engine, kit.options(pool=pool, models=kit.shipped(folder)), progress or Quiet())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_same_as_in_one_process(
    kind: str, cluster: DaskProcesses, reference: Reference, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    cluster.ready(2)
    if kind == "postgresql":
        assert on_dask(request.getfixturevalue("day"), cluster, reference, tmp_path) == []
        return
    shutil.copyfile(reference.origin, tmp_path / "day.sqlite3")
    with opened(f"sqlite:///{tmp_path / 'day.sqlite3'}") as engine:
        assert on_dask(engine, cluster, reference, tmp_path) == []


def on_dask(
    engine: Engine, cluster: DaskProcesses, reference: Reference, folder: Path, progress: Progress | None = None
) -> list[str]:
    """Run the night and compare; return what was told of the cluster."""
    told: list[str] = []
    with dask_pool(cluster.address, told.append, dask_kit.LONG_S) as pool:
        result = night(engine, pool, folder, progress)
        assert dump(engine) == reference.dumped
        prepare(engine, pool)
    assert dump(engine) == reference.prepared
    assert result.crew is not None
    assert result.crew.backend == "dask"
    if not told and progress is None:
        assert result.crew == Crew("dask", 2)
    return told


def prepare(engine: Engine, pool: DaskPool) -> None:
    """Make queue and boards as the command does; the workers read, and nobody here."""
    with pytest.MonkeyPatch.context() as patched:
        for of in (filling, rollup):
            patched.delattr(of, "_part")
        fill(engine, 5, share=pool.share())
        roll_up(engine, ZONE, share=pool.share())


def test_a_worker_that_is_killed_changes_nothing(
    cluster: DaskProcesses, day: Engine, reference: Reference, tmp_path: Path
) -> None:
    victim = cluster.ready(2)[0]
    fault = At("inspect", 8, lambda: cluster.end(victim))
    (told,) = on_dask(day, cluster, reference, tmp_path, fault)
    assert "is given up" in told


def test_a_worker_that_joins_is_asked_and_works(
    cluster: DaskProcesses, day: Engine, reference: Reference, tmp_path: Path
) -> None:
    (only,) = cluster.ready(1)

    def replace() -> None:
        cluster.start_worker()
        cluster.end(only)

    assert len(on_dask(day, cluster, reference, tmp_path, At("screen", 20, replace))) == 1


def test_a_worker_that_hangs_loses_its_tasks_and_may_come_back(
    cluster: DaskProcesses, day: Engine, reference: Reference, tmp_path: Path
) -> None:
    victim = cluster.ready(2)[0]
    told: list[str] = []
    with dask_pool(cluster.address, told.append, dask_kit.LONG_S) as pool:

        def hang() -> None:
            dask_kit.pause(victim)
            assert pool._members is not None
            roster = pool._members.roster
            roster._patience, silent = 2.0, roster.silent

            def alone(now: float) -> list[str]:
                """Only who is the last with tasks: the other one may be slow as well, where the machine is busy."""
                return silent(now) if sum(bool(roster.tasks(one)) for one in roster.workers) == 1 else []

            roster.silent = alone  # type: ignore[method-assign]

        fault = At("inspect", 8, hang)
        try:
            night(day, pool, tmp_path, fault)
        finally:
            dask_kit.go_on(victim)
    assert fault.happened
    assert dump(day) == reference.dumped
    assert any("no answer for" in line for line in told)


def test_another_version_is_refused_and_the_night_is_free(
    cluster: DaskProcesses, day: Engine, reference: Reference, tmp_path: Path
) -> None:
    cluster.ready(1)
    others = [cluster.start_worker(preload="import qa; qa.__version__ = '0.0.9'"), cluster.start_worker(stranger=True)]
    refusals = {"0.0.9": r"qa version: 0\.1\.0 here, 0\.0\.9 there", "none": "cannot import qa: install the same"}
    with dask_pool(cluster.address, print) as pool:
        dask_kit.wait_for(lambda: len(pool._cluster.workers()) == 3, "three workers")
        with pytest.raises(ConfigError, match="|".join(refusals.values())) as refused:
            night(day, pool, tmp_path)
    assert refused.value.exit_code == 2
    assert kit.count(day, "nights") == 0
    for one in others:
        cluster.end(one)
    assert kit.night(day, owner="another:1:1", models=kit.shipped(tmp_path)).worked
    assert dump(day) == reference.dumped


def test_a_scheduler_that_is_lost_stops_the_night_and_a_rerun_ends_it(
    tmp_path: Path, day: Engine, reference: Reference
) -> None:
    processes = DaskProcesses(tmp_path / "lost")
    try:
        with pytest.raises(ClusterError, match="has no worker: start some"), dask_pool(processes.address, print):
            pass
        processes.ready(1)
        with dask_pool(processes.address, print) as pool:
            fault = At("inspect", 16, lambda: processes.end(processes.scheduler))
            with pytest.raises(ClusterError, match="is lost") as lost:
                night(day, pool, tmp_path, fault)
        assert lost.value.exit_code == 69
    finally:
        processes.close()
    assert 0 < kit.count(day, "inspections") < len(reference.dumped["inspections"])
    assert kit.night(day, owner="another:1:1", models=kit.shipped(tmp_path)).worked
    assert dump(day) == reference.dumped


def test_the_command(cluster: DaskProcesses, day: Engine, reference: Reference, tmp_path: Path) -> None:
    cluster.ready(2)
    file = tmp_path / "night.json"
    words = ["nightly", "--date", kit.DAY, "--json", str(file), "--backend", "dask"]
    environment = {
        "QA_DATABASE_URL": day.url.render_as_string(hide_password=False),
        "QA_DATA_DIR": str(tmp_path),
        "QA_DASK_SCHEDULER": cluster.address,
    }
    done = CliRunner().invoke(main, words, env=environment)
    assert file.exists(), done.output
    (merchant,) = json.loads(file.read_bytes())["merchants"]
    assert merchant["broken"] == []
    assert done.exit_code == 0, done.output
    assert "(dask, 2 workers)" in done.stdout
    assert (merchant["backend"], merchant["workers"]) == ("dask", 2)
    assert len(merchant["inspections"]) == len(reference.dumped["inspections"])


def test_a_scheduler_without_the_program_is_refused(tmp_path: Path) -> None:
    processes = DaskProcesses(tmp_path / "strange", strangers=True)
    try:
        with (
            pytest.raises(ConfigError, match="cannot import qa: install the same"),
            dask_pool(processes.address, print),
        ):
            pass
    finally:
        processes.close()
