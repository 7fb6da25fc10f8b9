from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import night_kit as kit
import pytest
from fault_server import KILLED, FaultServer
from sqlalchemy import Engine
from store_dump import Row, dump

from qa.nightly import rescore
from qa.store.session import opened

pytestmark = [pytest.mark.faults, pytest.mark.slow]

NIGHTLY = ("nightly", "--date", kit.DAY)
EXTEND = (*NIGHTLY, "--extend")
MAX_KILLS = 40
"""Of one night, one after the other; it then is let live."""


def dumped(url: str) -> dict[str, list[Row]]:
    with opened(url) as engine:
        return dump(engine)


def fresh_day(folder: Path) -> Callable[[Engine], None]:
    return lambda engine: kit.bring_in(engine, folder, kit.day_of_chats(110))


def day_with_late_chats(folder: Path) -> Callable[[Engine], None]:
    """A night that ran, then late chats, an open one that closed, and chats of the frame that changed."""

    def prepare(engine: Engine) -> None:
        day = kit.day_of_chats(60)
        kit.bring_in(engine, folder, day)
        kit.night(engine)
        closed = [one | {"status": "closed"} for one in day if one.get("status") == "open"]
        changed = [one | {"csat": 1, "category": "changed"} for one in day[10:20]]
        assert closed
        kit.bring_in(engine, folder, kit.day_of_chats(70, prefix="late") + closed + changed)

    return prepare


def finished_night(folder: Path) -> Callable[[Engine], None]:
    """A night that ran, was extended, and re-scored by another standard already."""

    def prepare(engine: Engine) -> None:
        kit.bring_in(engine, folder, kit.day_of_chats(90))
        kit.night(engine)
        kit.bring_in(engine, folder, kit.day_of_chats(30, prefix="late"))
        kit.night(engine, extend=True)
        rescore(engine, kit.options().judged_by(kit.standard(folder, name="first")), kit.Quiet())

    return prepare


def command_of(what: str, folder: Path) -> tuple[tuple[str, ...], Callable[[Engine], None]]:
    if what == "nightly":
        return NIGHTLY, fresh_day(folder)
    if what == "extend":
        return EXTEND, day_with_late_chats(folder)
    return ("rescore", "--date", kit.DAY, "--pack", str(kit.pack(folder, name="second"))), finished_night(folder)


@pytest.mark.parametrize("what", ["nightly", "extend", "rescore"])
def test_killed_at_every_commit_and_rerun(what: str, make_origin, faults: FaultServer, tmp_path: Path) -> None:
    command, prepare = command_of(what, tmp_path)
    origin = make_origin(prepare)
    assert faults.warm(origin.again(), *command).code == 0
    url = origin.again()
    before = dumped(url)
    undisturbed = faults.run(url, *command)
    assert undisturbed.code == 0, undisturbed.text
    expected = dumped(url)
    assert expected != before
    commits = undisturbed.commits or 0
    assert commits >= 7
    kills = [(moment, number) for number in range(1, commits + 1) for moment in ("before", "after")]
    if url.startswith("postgresql"):  # before one commit is after the last one, but for what was rolled back: in turn
        kills = kills[::4] + kills[3::4]
    states = 0
    for moment, number in kills:
        url = origin.again()
        assert faults.run(url, *command, **{moment: number}).code == KILLED
        states += dumped(url) not in (before, expected)
        again = faults.run(url, *command)
        assert again.code == 0, again.text
        assert dumped(url) == expected, f"killed {moment} commit {number} of {commits}"
    assert states > len(kills) / 2, "most kills leave something half done"
    assert faults.run(url, *command).code == 0
    assert dumped(url) == expected, "run once more, it changes nothing"


@pytest.mark.parametrize("what", ["nightly", "extend", "rescore"])
def test_killed_at_random_moments_until_done(what: str, make_origin, faults: FaultServer, tmp_path: Path) -> None:
    command, prepare = command_of(what, tmp_path)
    origin = make_origin(prepare)
    assert faults.warm(origin.again(), *command).code == 0
    undisturbed = faults.run(url := origin.again(), *command)
    assert undisturbed.code == 0, undisturbed.text
    expected, length = dumped(url), undisturbed.seconds
    rng = random.Random(what)
    kills = 0
    while kills < (16 if what == "nightly" else 8):
        url = origin.again()
        for _ in range(rng.choice((1, 1, 2, 4, MAX_KILLS))):
            ended = faults.run(url, *command, seconds=rng.random() * length)
            assert ended.code in (0, KILLED), ended.text
            if ended.code == 0:
                break
            kills += 1
        again = faults.run(url, *command)
        assert again.code == 0, again.text
        assert dumped(url) == expected
