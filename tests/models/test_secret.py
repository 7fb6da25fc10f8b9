from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from qa.models.opinions import ModelError
from qa.models.secret import installation_secret, is_signed, key_name, signature


def never(_count: int) -> bytes:
    raise AssertionError("no new secret is wanted")


def test_the_configured_key_is_the_secret_and_makes_no_file(tmp_path: Path) -> None:
    assert installation_secret(tmp_path, "钥" * 32, never) == ("钥" * 32).encode()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ModelError, match="too short"):
        installation_secret(tmp_path, "k" * 31, never)


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        assert installation_secret(tmp_path / "var", None, lambda n: b"s" * n) == b"s" * 32
    finally:
        os.umask(old)
    file = tmp_path / "var" / "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert installation_secret(tmp_path / "var", None, never) == b"s" * 32
    assert [path.name for path in file.parent.iterdir()] == ["secret"]


def test_many_who_need_it_at_once_get_the_same(tmp_path: Path) -> None:
    everybody = Barrier(8)

    def mine(number: int) -> bytes:
        def dice(count: int) -> bytes:
            everybody.wait()
            return bytes([number]) * count

        return installation_secret(tmp_path, None, dice)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(mine, range(8)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o602])
def test_a_secret_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    installation_secret(tmp_path, None, os.urandom)
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(ModelError, match=rf"secret: others can reach it \(mode {mode:04o}\)"):
        installation_secret(tmp_path, None, never)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_secret_of_another_length_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    (tmp_path / "secret").chmod(0o600)
    with pytest.raises(ModelError, match="is damaged: a secret has 32 bytes"):
        installation_secret(tmp_path, None, never)


def test_a_secret_that_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x" * 32)
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "secret").symlink_to(tmp_path / "real")
    with pytest.raises(ModelError, match="secret: "):
        installation_secret(tmp_path, None, never)
    (tmp_path / "secret").unlink()
    os.mkfifo(tmp_path / "secret", 0o600)
    with pytest.raises(ModelError, match="is no plain file"):
        installation_secret(tmp_path, None, never)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_secret_of_somebody_else_is_refused(tmp_path: Path) -> None:
    installation_secret(tmp_path, None, os.urandom)
    os.chown(tmp_path / "secret", 12_345, -1)
    with pytest.raises(ModelError, match=r"belongs to another user \(uid 12345\)"):
        installation_secret(tmp_path, None, never)


def test_a_place_that_cannot_be_written_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(ModelError, match=r"secret: .*QA_SECRET_KEY"):
        installation_secret(tmp_path / "var", None, os.urandom)


def test_a_signature_is_of_one_content_one_purpose_and_one_secret() -> None:
    key, other = b"k" * 32, b"j" * 32
    mac = signature(key, "act", b"x")
    assert is_signed(key, "act", b"x", mac)
    assert not is_signed(key, "act", b"y", mac)
    assert not is_signed(key, "manifest", b"x", mac)
    assert not is_signed(other, "act", b"x", mac)
    assert not is_signed(key, "act", b"x", "签")
    assert key_name(key) != key_name(other)
