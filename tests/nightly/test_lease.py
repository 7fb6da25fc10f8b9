from __future__ import annotations

import os
import re
import socket
import time
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


@pytest.mark.usefixtures("day")
def test_a_second_start_names_the_holder_and_exits_75(
    root: Path, store_engine: Engine, environment: dict[str, str]
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


@pytest.mark.usefixtures("day")
def test_what_was_done_before_the_held_night_is_told(
    root: Path, store_engine: Engine, environment: dict[str, str], tmp_path: Path
) -> None:
    kit.bring_in(store_engine, tmp_path / "more", kit.day_of_chats(5, merchant="aaa", prefix="a"))
    with held(root, environment, *NIGHTLY) as first:
        first.go_on()
        first.expect("holding")
        second = qa(environment, "nightly", "--date", kit.DAY)
        assert second.exit_code == 75
        assert "── aaa · 2026-11-20 ──" in second.stdout
        assert first.finish()[0] == 0


@pytest.mark.usefixtures("day")
def test_a_dead_owners_night_is_taken_over_at_once(
    root: Path, store_engine: Engine, environment: dict[str, str]
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


@pytest.mark.usefixtures("day")
def test_of_two_that_start_at_the_same_instant_one_runs(
    root: Path, store_engine: Engine, environment: dict[str, str]
) -> None:
    with held(root, environment, *NIGHTLY) as one, held(root, environment, *NIGHTLY) as two:
        one.go_on()
        two.go_on()
        while one.process.poll() is None and two.process.poll() is None:
            time.sleep(0.01)  # the winner waits for us where it begins to draw, so it is the loser that ends
        winner, loser = (two, one) if one.process.poll() is not None else (one, two)
        assert loser.process.returncode == 75
        code, text = loser.finish()
        assert f":{winner.process.pid}:" in text
        code, text = winner.finish()
        assert code == 0, text
    assert [row["state"] for row in kit.rows(store_engine, "runs", "id")] == ["done"]


@pytest.mark.usefixtures("day")
def test_another_hosts_lease_holds_until_it_ends(store_engine: Engine, monkeypatch) -> None:
    def stop(*_arguments: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(module, "_draw", stop)
        with pytest.raises(ZeroDivisionError):
            kit.night(store_engine, owner="elsewhere:17:1")
    end = kit.NOW + module.LEASE_SECONDS * MICROSECONDS
    (row,) = kit.rows(store_engine, "nights", "id")
    assert (row["lease_owner"], row["lease_until"]) == ("elsewhere:17:1", end)
    with pytest.raises(LeaseHeldError, match=r"by elsewhere:17:1 .* another 1 s"):
        kit.night(store_engine, clock=lambda: end - MICROSECONDS, is_gone=is_gone)
    assert kit.night(store_engine, clock=lambda: end, is_gone=is_gone).worked


@pytest.mark.parametrize("function", ["_write_frame", "_draw", "_write_inspections", "_finish"])
@pytest.mark.usefixtures("day")
def test_who_lost_the_lease_writes_nothing_more(function: str, store_engine: Engine, monkeypatch) -> None:
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


@pytest.mark.usefixtures("day")
def test_a_lease_is_renewed_by_every_write(store_engine: Engine, monkeypatch) -> None:
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
    assert len(seen) >= 6
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


def test_renewing_needs_the_lease(store_engine: Engine) -> None:
    with write_tx(store_engine) as connection:
        night = nights.create_night(connection, "acme", kit.DAY, "salt", {}, 1)
    with pytest.raises(LeaseHeldError), write_tx(store_engine) as connection:
        nights.renew(connection, night.id, nights.Lease("me:1:1", 5))
