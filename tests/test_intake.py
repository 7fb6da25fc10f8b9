from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from qa import intake
from qa.errors import QaError, StoreError
from qa.intake import ImportOptions, ImportReport, import_files
from qa.sources import Rejected
from qa.store.chats import BatchCount, iter_chats
from qa.store.migrate import current_revision
from qa.store.session import opened, read_tx, write_tx
from qa.store.tables import chat_bodies, chats
from qa.store.texts import BODY

NOW = 1_795_190_400_000_000
DAY = "2026-11-20"


def line(name: str, words: str = "在吗", **fields) -> str:
    record = {"id": name, "messages": [{"role": "customer", "text": words}]} | fields
    return json.dumps(record, ensure_ascii=False)


def write(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{one}\n" for one in lines), "utf-8")
    return path


def figures(report: ImportReport) -> tuple[int, int, int, int, int]:
    total = report.total
    assert total.read == total.new + total.changed + total.unchanged + total.rejected
    return total.read, total.new, total.changed, total.unchanged, total.rejected


def dump(engine: Engine) -> list[tuple[object, ...]]:
    c = chats.c
    with read_tx(engine) as connection:
        rows = connection.execute(select(c.merchant, c.chat_id, c.revision, c.current, c.source, c.day, BODY))
        return sorted(map(tuple, rows))


@pytest.fixture
def options(tmp_path: Path) -> ImportOptions:
    return ImportOptions(zone=ZoneInfo("Asia/Shanghai"), now=NOW, day=DAY, data_dir=tmp_path / "data")


def but(options: ImportOptions, **changes) -> ImportOptions:
    return intake.replace(options, **changes)


BAD = ["{", line("bad", messages=[{"role": "boss", "text": "x"}]), '{"id": "x", "messages": []}']


def test_every_record_is_accounted_for(store_engine: Engine, options: ImportOptions, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [line("1"), BAD[0], line("1"), line("2"), BAD[1], line("1", "x"), BAD[2]])
    report = import_files([file], store_engine, options)
    assert figures(report) == (7, 2, 1, 1, 3)
    assert report.equation() == "read 7 = new 2 + changed 1 + unchanged 1 + rejected 3"
    rejects = options.data_dir / "rejects" / "a.jsonl.rejects.jsonl"
    assert report.files[0].rejects == rejects
    records = [json.loads(one) for one in rejects.read_text("utf-8").splitlines()]
    assert [one["line"] for one in records] == [2, 5, 7]
    assert [one["original"] for one in records] == BAD
    assert {one["file"] for one in records} == {str(file)}
    assert records[1]["field"] == "messages[0].role"
    assert figures(import_files([file], store_engine, options))[0] == 7
    assert len(rejects.read_text("utf-8").splitlines()) == 3  # a rerun doubles nothing


def test_the_fixed_file_leaves_no_old_rejects(store_engine: Engine, options: ImportOptions, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [line("1"), "{"])
    rejects = import_files([file], store_engine, options).files[0].rejects
    assert rejects is not None
    write(file, [line("1")])
    assert import_files([file], store_engine, options).files[0].rejects is None
    assert not rejects.exists()


def test_inputs_of_one_name_share_a_rejects_file(store_engine: Engine, options: ImportOptions, tmp_path: Path) -> None:
    for folder in ("mon", "tue"):
        (tmp_path / folder).mkdir()
    files = [write(tmp_path / folder / "a.jsonl", ["{", line(folder)]) for folder in ("mon", "tue")]
    report = import_files(files, store_engine, options)
    assert report.files[0].rejects == report.files[1].rejects
    lines = (options.data_dir / "rejects" / "a.jsonl.rejects.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(one)["file"] for one in lines] == [str(file) for file in files]


def test_a_named_rejects_file_takes_all_and_is_there_even_if_empty(
    store_engine: Engine, options: ImportOptions, tmp_path: Path
) -> None:
    named = but(options, rejects=tmp_path / "out" / "r.jsonl")
    files = [write(tmp_path / name, ["{"]) for name in ("a.jsonl", "b.jsonl")]
    import_files(files, store_engine, named)
    assert len((tmp_path / "out" / "r.jsonl").read_bytes().splitlines()) == 2
    import_files([write(tmp_path / "c.jsonl", [line("1")])], store_engine, named)
    assert (tmp_path / "out" / "r.jsonl").read_bytes() == b""
    assert not options.data_dir.exists()


def test_a_rejects_file_overwrites_nothing_else(store_engine: Engine, options: ImportOptions, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [line("1")])
    other = write(tmp_path / "notes.txt", ["precious"])
    with pytest.raises(QaError, match="is to be imported"):
        import_files([file], store_engine, but(options, rejects=file))
    with pytest.raises(QaError, match="not a rejects file"):
        import_files([file], store_engine, but(options, rejects=other))
    with pytest.raises(QaError, match="cannot be written"):
        import_files([file], store_engine, but(options, rejects=other / "below"))
    assert other.read_text() == "precious\n"
    assert dump(store_engine) == []


def test_what_the_database_cannot_hold_is_rejected_with_its_field(
    store_engine: Engine, options: ImportOptions, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.jsonl", [line("1"), line("2", agent={"id": "a" * 300}), line("3")])
    report = import_files([file], store_engine, options)
    assert figures(report) == (3, 2, 0, 0, 1)
    assert (report.rejections[0].field, report.rejections[0].line) == ("agent.id", 2)


def test_an_id_of_another_source_is_rejected(store_engine: Engine, options: ImportOptions, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [line("1")])
    import_files([file], store_engine, but(options, source="crm"))
    more = write(tmp_path / "b.jsonl", [line("0"), "{", line("1", "x"), line("2")])
    report = import_files([more], store_engine, but(options, source="shop"))
    assert figures(report) == (4, 2, 0, 0, 2)
    lines = (options.data_dir / "rejects" / "b.jsonl.rejects.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(one) for one in lines]
    assert [one["line"] for one in records] == [2, 3]
    assert records[1]["reason"] == "belongs to source 'crm'"
    assert json.loads(records[1]["original"])["messages"][0]["text"] == "x"


def test_reasons_that_differ_in_figures_are_one_kind(
    store_engine: Engine, options: ImportOptions, tmp_path: Path
) -> None:
    bad = [line(str(n), messages=[{"role": f"boss{n}", "text": ""}]) for n in range(5)]
    file = write(tmp_path / "a.jsonl", [*bad, line("x"), line("y")])
    report = import_files([file], store_engine, options)
    assert [(one.times, one.line) for one in report.rejections] == [(5, 1)]
    assert [(one.times, one.line) for one in report.notes] == [(2, 6)]


def test_endless_kinds_of_reasons_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAX_KINDS", 3)
    kinds = intake._Kinds()
    for name in "abcdefg":
        kinds.add(Rejected("f", 1, name, "is wrong", ""))
    assert (kinds.kinds()[0].times, kinds.kinds()[0].reason) == (4, "other reasons")
    assert sum(one.times for one in kinds.kinds()) == 7


def test_a_file_that_breaks_off_is_reported_and_the_next_goes_on(
    store_engine: Engine, options: ImportOptions, tmp_path: Path
) -> None:
    good = write(tmp_path / "b.jsonl", [line("1")])
    unknown = tmp_path / "picture.png"
    unknown.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    report = import_files([tmp_path / "missing.jsonl", unknown, good], store_engine, options)
    assert [one.failed is not None for one in report.files] == [True, True, False]
    assert "missing.jsonl" in (report.files[0].failed or "")
    assert figures(report) == (1, 1, 0, 0, 0)


def test_an_original_with_half_a_surrogate_is_still_a_line() -> None:
    record = json.loads(intake.reject_line(Rejected("f", 1, "", "r", "\ud800汉")))
    assert record["original"] == "\ud800汉"


records = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")).map(lambda pair: line(*pair)),
        st.sampled_from(BAD),
    ),
    max_size=12,
)


def emptied(engine: Engine) -> Engine:
    """A store without chats, which is quicker than a new one."""
    with write_tx(engine) as connection:
        for table in (chat_bodies, chats):
            connection.execute(delete(table))
    return engine


@given(before=records, content=records, size=st.integers(1, 4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_dry_run_counts_as_the_real_one_whatever_the_batches(
    module_engine: Engine, tmp_path_factory: pytest.TempPathFactory, before: list[str], content: list[str], size: int
) -> None:
    folder, engine = tmp_path_factory.mktemp("dry"), emptied(module_engine)
    plain = ImportOptions(zone=ZoneInfo("UTC"), now=NOW, day=DAY, data_dir=folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "BATCH_RECORDS", size)
        import_files([write(folder / "before.jsonl", before)], engine, plain)
        stored = dump(engine)
        file = write(folder / "now.jsonl", content)
        dry = import_files([file, file], engine, but(plain, dry_run=True))
        assert dump(engine) == stored
        real = import_files([file, file], engine, plain)
    assert figures(dry) == figures(real)
    assert dry.rejections == real.rejections
    assert figures(real)[0] == 2 * len(content)


def test_a_dry_run_makes_no_database_and_no_files(db_url: str, options: ImportOptions, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [line("1"), line("1"), "{"])
    with opened(db_url) as engine:
        assert figures(import_files([file], engine, but(options, dry_run=True))) == (3, 1, 0, 1, 1)
        assert current_revision(engine) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl"]


def test_a_dry_run_on_both_databases(store_engine: Engine, options: ImportOptions, tmp_path: Path) -> None:
    import_files([write(tmp_path / "a.jsonl", [line("1")])], store_engine, options)
    file = write(tmp_path / "b.jsonl", [line("1"), line("1", "x"), line("2"), line("1", "x")])
    dry, real = (import_files([file], store_engine, but(options, dry_run=dry)) for dry in (True, False))
    assert figures(dry) == figures(real) == (4, 1, 1, 2, 0)


@pytest.mark.parametrize("fatal", [1, 2, 3, 4])
def test_an_import_cut_off_at_any_batch_and_rerun_ends_as_an_undisturbed_one(
    store_engine: Engine, options: ImportOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fatal: int
) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 3)
    file = write(tmp_path / "a.jsonl", [line(f"{n % 7}", str(n // 7)) if n % 5 else "{" for n in range(12)])
    calls = 0
    real = intake.store_chats

    def dying(connection, batch, at) -> BatchCount:
        nonlocal calls
        calls += 1
        result = real(connection, batch, at)
        if calls == fatal:
            raise StoreError("gone")
        return result

    monkeypatch.setattr(intake, "store_chats", dying)
    with pytest.raises(StoreError, match="gone"):
        import_files([file], store_engine, options)
    cut = options.data_dir / "rejects" / "a.jsonl.rejects.jsonl"
    assert not cut.exists() or [json.loads(one) for one in cut.read_bytes().splitlines()]
    monkeypatch.setattr(intake, "store_chats", real)
    import_files([file], store_engine, options)
    with opened(f"sqlite:///{tmp_path}/calm.sqlite3") as calm:
        import_files([file], calm, but(options, data_dir=tmp_path / "calm"))
        bodies = {row[1]: row[-1] for row in dump(calm) if row[3]}
    assert {row[1]: row[-1] for row in dump(store_engine) if row[3]} == bodies
    assert cut.read_bytes() == (tmp_path / "calm" / "rejects" / "a.jsonl.rejects.jsonl").read_bytes()


KILLED_IMPORT = """
import os, signal, sys
from qa import intake
from qa.cli import main

intake.BATCH_RECORDS = 100
store, left = intake.store_chats, int(sys.argv[1])

def killed(*arguments):
    global left
    stored = store(*arguments)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)  # the batch is written, and not yet committed
    return stored

intake.store_chats = killed
main(["import", *sys.argv[2:]])
"""


@pytest.mark.slow
@pytest.mark.faults
def test_a_killed_import_is_finished_by_running_it_again(
    store_engine: Engine, db_url: str, options: ImportOptions, tmp_path: Path, root: Path
) -> None:
    file = write(tmp_path / "a.jsonl", (line(f"c-{n}", "您好" * 90) if n % 100 else "{" for n in range(2_000)))
    environment = os.environ | {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(options.data_dir)}
    for batch, kept in ((4, 297), (12, 1_089)):
        words = [sys.executable, "-c", KILLED_IMPORT, str(batch), str(file), "--date", DAY]
        done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert len(dump(store_engine)) == kept
    assert figures(import_files([file], store_engine, options)) == (2_000, 891, 0, 1_089, 20)
    assert [row[2:4] for row in dump(store_engine)] == [(1, True)] * 1_980
    assert len((options.data_dir / "rejects" / "a.jsonl.rejects.jsonl").read_bytes().splitlines()) == 20


@pytest.mark.slow
def test_the_real_chats_import_as_they_are(store_engine: Engine, options: ImportOptions, shared_dir: Path) -> None:
    file = shared_dir / "data" / "jddc_dev.jsonl.gz"
    assert import_files([file], store_engine, options).equation() == (
        "read 330 = new 330 + changed 0 + unchanged 0 + rejected 0"
    )
    assert import_files([file], store_engine, options).equation() == (
        "read 330 = new 0 + changed 0 + unchanged 330 + rejected 0"
    )
    with read_tx(store_engine) as connection:
        assert {one.day for one in iter_chats(connection)} == {DAY}


def test_a_merchants_day_is_its_own_zones(store_engine: Engine, options: ImportOptions, tmp_path: Path) -> None:
    """20:30 in Shanghai is 12:30 in London; half past midnight in Shanghai is still yesterday there."""
    night = "2026-11-20T00:30:00+08:00"
    file = write(tmp_path / "a.jsonl", [line("c-1", merchant=m, started_at=night) for m in ("home", "abroad")])
    import_files([file], store_engine, but(options, zones={"abroad": ZoneInfo("Europe/London")}))
    with read_tx(store_engine) as connection:
        days = {one.merchant: one.day for one in iter_chats(connection)}
    assert days == {"home": "2026-11-20", "abroad": "2026-11-19"}


def test_a_time_without_offset_is_the_named_merchants(
    store_engine: Engine, options: ImportOptions, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.jsonl", [line("c-1", started_at="2026-11-20T23:30:00")])
    import_files([file], store_engine, but(options, merchant="abroad", zones={"abroad": ZoneInfo("Europe/London")}))
    with read_tx(store_engine) as connection:
        (stored,) = iter_chats(connection)
    assert stored.day == "2026-11-20"
    assert stored.chat.started_at == 1_795_217_400_000_000
