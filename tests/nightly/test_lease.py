from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from held_night import held
from sqlalchemy import Engine
from store_dump import dump

from qa.cli import main
from qa.cli.owner import is_gone, me
from qa.errors import LeaseHeldError
from qa.nightly import night as module
from qa.store import nights
from qa.store.session import write_tx

NIGHTLY = ("nightly", "--date", kit.DAY, "--merchant", "acme")
MICROSECONDS = 1_000_000


@pytest.fixture
def environment(db_url: str, tmp_path: Path) -> dict[str, str]:
    return {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path / "data")}


def qa(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments], env=environment, catch_exceptions=False)


def test_a_second_start_names_the_holder_and_exits_75(
    root: Path, store_engine: Engine, day: list[kit.Record], environment: dict[str, str]
) -> None:
    with held(root, environment, *NIGHTLY) as first:
        first.go_on()
        first.expect("holding")
        before = dump(store_engine)
        for command in (NIGHTLY, (*NIGHTLY, "--extend")):
            second = qa(environment, *command)
            assert second.exit_code == 75
            assert f"{socket.gethostname()}:{first.process.pid}:" in second.stderr
            assert re.search(r"the night 2026-11-20 of 'acme' is being worked on by .* another \d+ s", second.stderr)
        assert dump(store_engine) == before
        code, text = first.finish()
        assert code == 0, text
    done = qa(environment, *NIGHTLY)
    assert done.exit_code == 0
    assert "had run already" in done.stdout


def test_what_was_done_before_the_held_night_is_told(
    root: Path, store_engine: Engine, day: list[kit.Record], environment: dict[str, str], tmp_path: Path
) -> None:
    kit.bring_in(store_engine, tmp_path / "more", kit.day_of_chats(5, merchant="aaa", prefix="a"))
    with held(root, environment, *NIGHTLY) as first:
        first.go_on()
        first.expect("holding")
        second = qa(environment, "nightly", "--date", kit.DAY)
        assert second.exit_code == 75
        assert "── aaa · 2026-11-20 ──" in second.stdout
        assert first.finish()[0] == 0


def test_a_dead_owners_night_is_taken_over_at_once(
    root: Path, store_engine: Engine, day: list[kit.Record], environment: dict[str, str], tmp_path: Path
) -> None:
    with held(root, environment, *NIGHTLY) as first:
        first.go_on()
        first.expect("holding")
        first.kill()
    (row,) = kit.rows(store_engine, "nights", "id")
    assert row["lease_owner"] is not None
    assert row["state"] == "screening"
    assert qa(environment, *NIGHTLY).exit_code == 0
    (row,) = kit.rows(store_engine, "nights", "id")
    assert (row["lease_owner"], row["lease_until"], row["state"]) == (None, None, "done")


def test_of_two_that_start_at_the_same_instant_one_runs(
    root: Path, store_engine: Engine, day: list[kit.Record], environment: dict[str, str]
) -> None:
    with held(root, environment, *NIGHTLY) as one, held(root, environment, *NIGHTLY) as two:
        one.go_on()
        two.go_on()
        one.process.stdin.close()  # the winner does not wait for us, however late the loser is
        two.process.stdin.close()
        texts = [one.process.stdout.read(), two.process.stdout.read()]
        codes = [one.process.wait(), two.process.wait()]
    worked = [text for text in texts if "holding" in text]
    assert len(worked) == 1, texts
    (loser,) = (n for n, text in enumerate(texts) if text not in worked)
    assert codes[1 - loser] == 0
    assert codes[loser] == 75 or (codes[loser] == 0 and "had run already" in texts[loser]), texts
    assert len(kit.rows(store_engine, "runs", "id")) == 1


def test_another_hosts_lease_holds_until_it_ends(store_engine: Engine, day: list[kit.Record], monkeypatch) -> None:
    class Stop(Exception):
        pass

    def stop(*_arguments: object) -> None:
        raise Stop

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(module, "_draw", stop)
        kit.night(store_engine, owner="elsewhere:17:1")
    end = kit.NOW + module.LEASE_SECONDS * MICROSECONDS
    (row,) = kit.rows(store_engine, "nights", "id")
    assert (row["lease_owner"], row["lease_until"]) == ("elsewhere:17:1", end)
    with pytest.raises(LeaseHeldError, match=r"by elsewhere:17:1 .* another 1 s"):
        kit.night(store_engine, clock=lambda: end - MICROSECONDS, is_gone=is_gone)
    assert kit.night(store_engine, clock=lambda: end, is_gone=is_gone).worked


@pytest.mark.parametrize("function", ["_write_frame", "_draw", "_write_inspections", "_finish"])
def test_who_lost_the_lease_writes_nothing_more(
    function: str, store_engine: Engine, day: list[kit.Record], monkeypatch
) -> None:
    real = getattr(module, function)
    states = []

    def overtaken(*arguments: object) -> None:
        """Sleep for longer than the lease; meanwhile another machine does the whole night."""
        with monkeypatch.context() as patch:
            patch.setattr(module, function, real)
            later = kit.NOW + (module.LEASE_SECONDS + 1) * MICROSECONDS
            assert kit.night(store_engine, owner="elsewhere:17:1", clock=lambda: later).worked
        states.append(dump(store_engine))
        real(*arguments)

    monkeypatch.setattr(module, function, overtaken)
    with pytest.raises(LeaseHeldError, match="another process has taken over this night"):
        kit.night(store_engine)
    assert [dump(store_engine)] == states


def test_a_lease_is_renewed_by_every_write(store_engine: Engine, day: list[kit.Record], monkeypatch) -> None:
    monkeypatch.setattr(module, "SCREEN_CHUNK", 20)
    monkeypatch.setattr(module, "WRITE_BATCH", 20)
    ticks = iter(range(kit.NOW, kit.NOW + 10_000 * MICROSECONDS, MICROSECONDS))
    seen = []
    real = nights.renew

    def renew(connection, night_id, lease):
        seen.append(lease.until)
        real(connection, night_id, lease)

    monkeypatch.setattr(nights, "renew", renew)
    kit.night(store_engine, clock=lambda: next(ticks))
    assert len(seen) > 8
    assert seen == sorted(set(seen))


def test_an_owner_is_this_very_process() -> None:
    assert re.fullmatch(rf"{re.escape(socket.gethostname())}:{os.getpid()}:\d+", me())
    assert me() == me()
    assert not is_gone(me())
    host, pid, start = me().rsplit(":", 2)
    assert is_gone(f"{host}:{pid}:{int(start) + 1}"), "the number belongs to another process now"
    assert not is_gone(f"elsewhere:{pid}:{start}")
    assert not is_gone("nonsense")
    with os.popen("echo $$") as pipe:
        gone = int(pipe.read())
    assert is_gone(f"{host}:{gone}:1")
    assert is_gone(f"{host}:1:1") is False or is_gone(f"{host}:1:1") is True


def test_renewing_needs_the_lease(store_engine: Engine) -> None:
    with write_tx(store_engine) as connection:
        night = nights.create_night(connection, "acme", kit.DAY, "salt", {}, 1)
        with pytest.raises(LeaseHeldError):
            nights.renew(connection, night.id, nights.Lease("me:1:1", 5))
