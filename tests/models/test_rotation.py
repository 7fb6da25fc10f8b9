"""A new secret: the registry verifies with it and with no other, wherever the change was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import model_kit as kit
import pytest
from click.testing import CliRunner

from qa.cli import main
from qa.models import rotation
from qa.models.opinions import ModelError
from qa.models.rotation import resign, rotate_file
from qa.models.secret import key_name

NEW = kit.OTHER_SECRET


def installation(folder: Path) -> Path:
    """A registry with two versions, a promotion and a rollback, signed with the secret in the file."""
    models = kit.registry(folder)
    for name in ("first", "second"):
        models.add(kit.FILES, kit.card(0.8), name, kit.DAY)
    models.promote("2026-11-21-001-first", kit.LEAD)
    models.promote("2026-11-21-002-second", kit.LEAD)
    models.rollback(kit.LEAD)
    (folder / "secret").write_bytes(kit.SECRET)
    (folder / "secret").chmod(0o600)
    return folder


def holds(folder: Path, secret: bytes) -> None:
    models = kit.registry(folder, secret=secret)
    assert models.verify() == []
    assert models.current() == "2026-11-21-001-first"
    assert models.load(kit.FakeModel.from_files).model.kept == kit.FILES
    assert [(act.act, act.version, act.by) for act in models.history().acts] == [
        ("promote", "2026-11-21-001-first", "lead"),
        ("promote", "2026-11-21-002-second", "lead"),
        ("rollback", "2026-11-21-001-first", "lead"),
    ]


def test_everything_verifies_with_the_new_secret_and_not_with_the_old(tmp_path: Path) -> None:
    folder = installation(tmp_path)
    done = rotate_file(folder, lambda _n: NEW)
    assert (done.old, done.new, done.versions, done.acts) == (key_name(kit.SECRET), key_name(NEW), 2, 3)
    assert (folder / "secret").read_bytes() == NEW
    assert (folder / "secret").stat().st_mode & 0o777 == 0o600
    holds(folder, NEW)
    assert kit.registry(folder, secret=kit.SECRET).verify("2026-11-21-001-first")
    assert done.before == folder / f"models.before-{key_name(NEW)}"
    assert {path.name for path in folder.iterdir()} >= {"models", "secret", done.before.name}
    assert not (folder / "secret.new").exists()


@pytest.mark.parametrize("at", range(4))
def test_a_kill_anywhere_is_made_good_by_doing_it_again(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = installation(tmp_path)
    whole: Callable[[Path], None] = rotation._sync
    left = at

    def dies(place: Path) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        whole(place)

    with monkeypatch.context() as killed:
        killed.setattr(rotation, "_sync", dies)
        with pytest.raises(KeyboardInterrupt):
            rotate_file(folder, lambda _n: NEW)
    if (folder / "secret").read_bytes() == kit.SECRET:
        rotate_file(folder, lambda _n: bytes(32))
    holds(folder, NEW)
    assert not (folder / "secret.new").exists()
    assert not (folder / "models.rotating").exists()


def test_killed_between_the_two_renames(tmp_path: Path) -> None:
    folder = installation(tmp_path)
    resign(folder, kit.SECRET, NEW)
    (folder / "models").rename(folder / "models.rotating")
    assert resign(folder, kit.SECRET, NEW).versions == 2
    holds(folder, NEW)


def test_what_does_not_verify_is_not_signed(tmp_path: Path) -> None:
    folder = installation(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ModelError, match="does not match its signature"):
        resign(folder, NEW, bytes(32))
    with pytest.raises(ModelError, match="are the same"):
        resign(folder, NEW, NEW)
    kit.put(folder / "models" / "2026-11-21-001-first" / "words.txt", b"x")
    with pytest.raises(ModelError, match=r"words\.txt"):
        resign(folder, kit.SECRET, NEW)
    assert {p for p in folder.rglob("*") if p.is_file() and "rotating" not in str(p)} == set(before)
    assert resign(tmp_path / "empty", kit.SECRET, NEW).before is None
    with pytest.raises(ModelError, match="no secret file"):
        rotate_file(tmp_path / "empty", lambda _n: NEW)


def test_the_command(db_url: str, tmp_path: Path) -> None:
    run = CliRunner(env={"QA_DATA_DIR": str(tmp_path), "QA_DATABASE_URL": db_url}).invoke
    assert run(main, ["init", "--admin", "root"]).exit_code == 0
    first = (tmp_path / "secret").read_bytes()
    told = run(main, ["secret", "rotate"])
    assert told.exit_code == 0, told.output
    assert "signed anew: 0 versions" in told.stdout
    assert (tmp_path / "secret").read_bytes() != first
    (tmp_path / "old").write_bytes((tmp_path / "secret").read_bytes())
    env = {"QA_SECRET_KEY": "0123456789abcdef" * 2}
    assert "--old-key-file" in run(main, ["secret", "rotate"], env=env).stderr
    told = run(main, ["secret", "rotate", "--old-key-file", str(tmp_path / "old")], env=env)
    assert told.exit_code == 0, told.output
    assert "the log holds" in run(main, ["audit", "verify"]).stdout
