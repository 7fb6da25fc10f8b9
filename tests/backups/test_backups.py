"""A backup made while others write, restored into either database; and what is refused."""

from __future__ import annotations

import json
import multiprocessing
import stat
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import installation_kit as kit
import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from qa import auditing
from qa.backups import BackupError, Written, checked, restore, write_backup, writing
from qa.backups.manifest import MANIFEST_NAME
from qa.cli import main
from qa.errors import StoreError
from qa.store import migrate
from qa.store.chats import get_chat
from qa.store.session import opened, read_tx

LONG_S = 180
"""Nothing takes so long, however busy the machine is."""
MODEL = {"models/current.json": b"{}\n", "models/history.jsonl": b"{}\n", "models/2026-11-21-001-a/card.json": b"{}"}
BACKTEST = "backtests/20261120T101500Z-draft-2.json"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Written, dict[str, int]]]:
    """A backup of an installation on SQLite with a registry and a secret, and what was in it."""
    folder = tmp_path_factory.mktemp("installation")
    for name, content in {
        **MODEL,
        "models/lock": b"",
        "models/.left/x": b"",
        "secret": b"s" * 32,
        BACKTEST: b"[]",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with opened(f"sqlite:///{folder / 'a.sqlite3'}") as engine:
        migrate.upgrade(engine)
        kit.fill(engine)
        file = folder / "a.backup"
        done = write_backup(engine, file, kit.NOW, data_dir=folder, key="abcd1234", secret=b"s" * 32)
        with pytest.raises(BackupError, match="never overwritten"):
            write_backup(engine, file, kit.NOW, data_dir=folder, key=None)
        yield file, done, kit.counts(engine)


def changed(file: Path, beside: Path, **parts: bytes | None) -> Path:
    """Return a copy of a backup with other parts; None: left out. ``manifest`` stands for its file."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(beside, "w") as new:
        names = {"manifest": MANIFEST_NAME, "chats": "tables/chats.jsonl"}
        wanted = {names.get(name, name): content for name, content in parts.items()}
        for name in {**dict.fromkeys(old.namelist()), **wanted}:
            content = wanted.get(name, old.read(name) if name in old.namelist() else None)
            if content is not None and (name not in wanted or wanted[name] is not None):
                new.writestr(name, content)
    return beside


def test_what_is_restored_is_what_was_there(
    written: tuple[Path, Written, dict[str, int]], db_url: str, tmp_path: Path
) -> None:
    file, done, before = written
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert checked(file) == done.manifest
    data = tmp_path / "data"
    with opened(db_url) as engine:
        restored = restore(engine, file, kit.ACT, data_dir=data)
        assert (restored.models, restored.secret) == (True, True)
        after = kit.counts(engine)
        assert after == before | {"sessions": 0, "audit_log": before["audit_log"] + 1}
        assert auditing.verify(engine).broken is None
        assert kit.found_by(engine, "退款3") == {4}
        with pytest.raises(StoreError, match="not empty"):
            restore(engine, file, kit.ACT, data_dir=data)
        assert kit.counts(engine) == after
    found = {str(p.relative_to(data)): p.read_bytes() for p in data.rglob("*") if p.is_file()}
    assert found == {**MODEL, "secret": b"s" * 32, BACKTEST: b"[]"}
    assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600


def test_what_is_damaged_is_refused_before_anything_is_touched(
    written: tuple[Path, Written, dict[str, int]], tmp_path: Path
) -> None:
    file = written[0]
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read(MANIFEST_NAME))
        rows = archive.read("tables/chats.jsonl")

    def described(**changes: object) -> bytes:
        return json.dumps(manifest | changes).encode()

    cut = tmp_path / "cut"
    cut.write_bytes(file.read_bytes()[:-200])
    cases: list[tuple[Path, str]] = [
        (tmp_path / "no", "no such file"),
        (cut, "cannot be read as a backup"),
        (changed(file, tmp_path / "1", chats=rows.replace(b"c-1", b"c-7", 1)), "tables/chats.jsonl: is damaged"),
        (changed(file, tmp_path / "2", chats=rows.rsplit(b"\n", 2)[0] + b"\n"), "tables/chats.jsonl: is damaged"),
        (changed(file, tmp_path / "3", chats=None), "tables/chats.jsonl: is missing"),
        (changed(file, tmp_path / "4", more=b""), "more: is unlisted"),
        (changed(file, tmp_path / "5", manifest=None), "no manifest.json"),
        (changed(file, tmp_path / "6", manifest=b"[]"), "none of ours"),
        (changed(file, tmp_path / "7", manifest=described(version=2)), "of format 2"),
        (changed(file, tmp_path / "8", manifest=described(schema="9999")), "newer than this program"),
        (changed(file, tmp_path / "9", manifest=described(members={"../x": {"size": 0, "sha256": ""}})), "not listed"),
    ]
    where = tmp_path / "new" / "b.sqlite3"
    with opened(f"sqlite:///{where}") as engine:
        for damaged, told in cases:
            with pytest.raises(BackupError, match=told):
                restore(engine, damaged, kit.ACT, data_dir=tmp_path / "new")
    assert not where.parent.exists()
    outside = manifest["members"] | {"models/../../x": {"size": 0, "sha256": ""}}
    with pytest.raises(BackupError, match="no part"):
        checked(changed(file, tmp_path / "10", manifest=described(members=outside)))


def test_other_models_and_another_secret_are_not_overwritten(
    written: tuple[Path, Written, dict[str, int]], db_url: str, tmp_path: Path
) -> None:
    with opened(db_url) as engine:
        (tmp_path / "secret").write_bytes(b"t" * 32)
        with pytest.raises(BackupError, match="another secret"):
            restore(engine, written[0], kit.ACT, data_dir=tmp_path)
        (tmp_path / "secret").unlink()
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "current.json").write_bytes(b"other")
        with pytest.raises(BackupError, match="other versions"):
            restore(engine, written[0], kit.ACT, data_dir=tmp_path)
        assert migrate.current_revision(engine) is None


def with_bodies(manifest: dict[str, Any], chats: bytes, bodies: bytes) -> bytes:
    """Return the chats with what was said in them, as before schema 0009; the manifest is changed to that."""
    said = {pk: body for _, pk, body in map(json.loads, bodies.splitlines())}
    rows = [json.loads(line) for line in chats.splitlines()]
    lines = b"".join(msgspec.json.encode([*row, said[row[0]]]) + b"\n" for row in rows)
    next(one for one in manifest["tables"] if one["table"] == "chats")["columns"].append(["body", "json"])
    digest = {"size": len(lines), "sha256": sha256(lines).hexdigest()}
    manifest["members"]["tables/chats.jsonl"] |= digest
    return lines


def test_an_older_schema_is_brought_up(store_engine: Engine, another_url: str, tmp_path: Path) -> None:
    """A backup as the program of an earlier schema would have written it."""
    file = tmp_path / "a.backup"
    kit.fill(store_engine, 2)
    write_backup(store_engine, file, kit.NOW, data_dir=tmp_path, key=None)
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read(MANIFEST_NAME))
        chats = with_bodies(manifest, *(archive.read(f"tables/{name}.jsonl") for name in ("chats", "chat_bodies")))
    older = {"users", "audit_log", "chats", "rulesets", "nights", "runs", "inspections", "findings", "flags"}
    tables = [one for one in manifest["tables"] if one["table"] in older]
    kept = {f"tables/{one['table']}.jsonl" for one in tables}
    members = {name: one for name, one in manifest["members"].items() if name in kept}
    gone = dict.fromkeys(manifest["members"].keys() - kept)
    described = json.dumps(manifest | {"tables": tables, "members": members, "schema": "0004"}).encode()
    old = changed(file, tmp_path / "old", manifest=described, chats=chats, **gone)
    with opened(another_url) as engine:
        migrate.upgrade(engine)  # tables without rows are no obstacle
        restore(engine, old, kit.ACT, data_dir=tmp_path / "data")
        assert migrate.current_revision(engine) == migrate.HEAD
        after = kit.counts(engine)
        assert (after["chats"], after["chat_bodies"], after["queue_items"], after["findings"]) == (2, 2, 0, 2)
        with read_tx(engine) as connection:
            assert get_chat(connection, "c-1").chat.messages[0].text.startswith("退款1")
        assert auditing.verify(engine).broken is None


@pytest.mark.slow
def test_a_backup_while_another_process_writes(store_engine: Engine, tmp_path: Path) -> None:
    kit.fill(store_engine, 2)
    context = multiprocessing.get_context("spawn")
    begun, stop = context.Event(), context.Event()
    url = store_engine.url.render_as_string(hide_password=False)
    writer = context.Process(target=kit.keep_writing, args=(url, begun, stop))
    writer.start()
    try:
        assert begun.wait(LONG_S)
        files = [tmp_path / name for name in ("1.backup", "2.backup")]
        manifests = []
        for file in files:
            before = kit.counts(store_engine)["chats"]
            while kit.counts(store_engine)["chats"] == before:  # however slow it is, it writes between two backups
                assert writer.is_alive()
            manifests.append(write_backup(store_engine, file, kit.NOW, data_dir=tmp_path, key=None).manifest)
    finally:
        stop.set()
        writer.join(LONG_S)
    assert writer.exitcode == 0
    rows = [{name: m.members[f"tables/{name}.jsonl"].rows for name in ("chats", "audit_log")} for m in manifests]
    assert rows[0]["chats"] < rows[1]["chats"] <= kit.counts(store_engine)["chats"]
    assert all(one["audit_log"] - kit.LOGGED == one["chats"] - 2 for one in rows)  # the snapshot holds both or neither
    with opened(f"sqlite:///{tmp_path / 'b.sqlite3'}") as engine:
        restore(engine, files[1], kit.ACT, data_dir=tmp_path / "data")
        after = kit.counts(engine)
        assert (after["chats"], after["audit_log"]) == (rows[1]["chats"], rows[1]["audit_log"] + 1)
        assert auditing.verify(engine).broken is None


def test_the_commands(db_url: str, another_url: str, tmp_path: Path) -> None:
    run = CliRunner(env={"QA_DATA_DIR": str(tmp_path / "a"), "QA_DATABASE_URL": db_url}).invoke
    assert "no chats yet" in run(main, ["backup", str(tmp_path / "x")]).stderr
    assert run(main, ["init", "--admin", "root"]).exit_code == 0
    told = run(main, ["backup", str(tmp_path / "x")])
    assert told.exit_code == 0
    assert "sha256 " in told.stdout
    assert "is NOT in it" in told.stderr
    told = run(main, ["backup", "--with-secret", str(tmp_path / "y")])
    assert "the SECRET is in it" in told.stderr
    there = CliRunner(env={"QA_DATA_DIR": str(tmp_path / "b"), "QA_DATABASE_URL": another_url}).invoke
    told = there(main, ["restore", str(tmp_path / "y")])
    assert told.exit_code == 0, told.output
    assert "secret: put back" in told.stderr
    assert "the log holds" in there(main, ["audit", "verify"]).stdout
    assert "not empty" in there(main, ["restore", str(tmp_path / "y")]).stderr
    env = {"QA_SECRET_KEY": "0123456789abcdef" * 2}
    assert "keep it with your settings" in run(main, ["backup", "--with-secret", str(tmp_path / "z")], env=env).stderr


def test_a_writer_that_fails_leaves_no_file(
    store_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(writing, "case_words", fails)  # the last table
    with pytest.raises(StoreError, match="gone"):
        write_backup(store_engine, tmp_path / "b", kit.NOW, data_dir=tmp_path, key=None)
    assert not [path for path in tmp_path.iterdir() if "unfinished" in path.name or path.name == "b"]
