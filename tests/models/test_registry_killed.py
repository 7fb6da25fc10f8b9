"""Processes that die while they write, and several that write at once."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import model_kit as kit
import pytest

from qa.models.registry import Registry
from qa.models.secret import installation_secret

pytestmark = pytest.mark.faults

KILLED, FAILED = 77, 78
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "fcntl.flock"}
SECRET = bytes(range(32))


def start(work: Callable[[], object]) -> int:
    """Run ``work`` in a process of its own; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001 - told by the exit code
        traceback.print_exc()
        os._exit(FAILED)
    os._exit(0)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Run ``work`` in a process that dies just before its ``step``-th change of the disk; whether it came that far."""

    def dying() -> None:
        left = step

        def count(event: str, _arguments: object = None) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if not left:
                    os._exit(KILLED)

        sys.addaudithook(count)
        sync = os.fsync
        os.fsync = lambda handle: (count("open"), sync(handle))  # type: ignore[assignment,func-returns-value]
        work()

    code = ended(start(dying))
    assert code in (0, KILLED)
    return code == KILLED


def names(models: Registry) -> list[str]:
    return sorted(path.name for path in models.folder.iterdir()) if models.folder.exists() else []


def test_a_trainer_killed_anywhere_leaves_nothing_or_a_whole_version(tmp_path: Path) -> None:
    step = 0
    seen = set()
    while True:
        step += 1
        models = kit.registry(tmp_path / f"var{step}")
        first = models.add(kit.FILES, kit.card(), "first", kit.DAY).version

        def train(folder: Path = tmp_path / f"var{step}") -> None:
            kit.registry(folder).add(kit.FILES, kit.card(), "second", kit.DAY)

        killed = killed_at(step, train)
        assert models.verify() == []
        versions = [name for name in models.versions() if name != "shipped"]
        assert versions in ([first], [first, "2026-11-21-002-second"])
        seen.add(len(versions))
        after = models.add(kit.FILES, kit.card(), "third", kit.DAY).version
        assert after == f"2026-11-21-{len(versions) + 1:03d}-third"
        assert names(models) == [*versions, after, "lock"], "what was left is swept"
        if not killed:
            break
    assert seen == {1, 2}
    assert step > 15


def test_a_promotion_killed_anywhere_happened_or_did_not(tmp_path: Path) -> None:
    step = 0
    seen = set()
    while True:
        step += 1
        models = kit.registry(tmp_path / f"var{step}")
        for name in "abc":
            models.add(kit.FILES, kit.card(), name, kit.DAY)
        first, second, third = models.versions()[1:]
        models.promote(first, kit.LEAD)

        def promote(folder: Path = tmp_path / f"var{step}", version: str = second) -> None:
            kit.registry(folder).promote(version, kit.LEAD)

        killed = killed_at(step, promote)
        current = kit.registry(tmp_path / f"var{step}").current()
        seen.add(current)
        assert current in (first, second)
        assert models.verify() == []
        assert kit.registry(tmp_path / f"var{step}").promote(third, kit.LEAD).before == current
        acts = models.history().acts
        assert [act.version for act in acts] == ([first, third] if current == first else [first, second, third])
        assert models.verify() == []
        if not killed:
            break
    assert seen == {first, second}


def test_a_secret_whose_maker_is_killed_is_there_or_not(tmp_path: Path) -> None:
    step = 0
    while True:
        step += 1
        folder = tmp_path / f"var{step}"
        killed = killed_at(step, lambda folder=folder: installation_secret(folder, None, lambda n: b"a" * n))
        assert installation_secret(folder, None, lambda n: b"b" * n) in (b"a" * 32, b"b" * 32)
        if not killed:
            break


def test_trainers_at_once_make_different_versions(tmp_path: Path) -> None:
    def train(number: int) -> None:
        for turn in range(4):
            files = kit.FILES | {"words.txt": f"{number} {turn}".encode()}
            kit.registry(tmp_path / "var").add(files, kit.card(), f"by-{number}", kit.DAY)

    models = kit.registry(tmp_path / "var")
    children = [start(lambda number=number: train(number)) for number in range(4)]
    for child in children:
        while not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            assert models.verify() == []  # readers meanwhile see whole versions only
    assert [ended(child) for child in children] == [0] * 4
    versions = models.versions()[1:]
    assert [int(version.split("-")[3]) for version in versions] == [*range(1, 17)]
    contents = {models.read(version).files["words.txt"] for version in versions}
    assert contents == {f"{number} {turn}".encode() for number in range(4) for turn in range(4)}


def test_promoters_at_once_are_kept_one_after_the_other(tmp_path: Path) -> None:
    models = kit.registry(tmp_path / "var")
    for name in "abcd":
        models.add(kit.FILES, kit.card(), name, kit.DAY)
    versions = models.versions()[1:]
    children = [
        start(lambda version=version: kit.registry(tmp_path / "var").promote(version, kit.LEAD)) for version in versions
    ]
    assert [ended(child) for child in children] == [0] * 4
    assert sorted(act.version for act in models.history().acts) == versions
    assert models.verify() == []
