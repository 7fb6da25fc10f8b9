from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import night_kit as kit
import pytest
from store_dump import dump

from qa.store.session import opened

pytestmark = [pytest.mark.faults, pytest.mark.slow]

SCRIPT = """\
import os, signal, sys
from pathlib import Path
import night_kit as kit
from qa.nightly import night
from qa.store.session import opened

for name, value in {"WORTH_A_WORKER": 10, "SCREEN_CHUNK": 16, "INSPECT_CHUNK": 4, "WRITE_BATCH": 8}.items():
    setattr(night, name, value)
write, calls = night._write_inspections, []

def killed(*arguments):
    calls.append(1)
    if len(calls) == 2:
        pid = os.getpid()
        print(Path(f"/proc/{pid}/task/{pid}/children").read_text(), flush=True)
        os.kill(pid, signal.SIGKILL)
    write(*arguments)

night._write_inspections = killed
with opened(sys.argv[1]) as engine:
    kit.night(engine, workers=2)
"""


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux which processes there are")
def test_the_workers_of_a_killed_night_end_with_it(root: Path, make_origin, tmp_path: Path) -> None:
    origin = make_origin(lambda engine: kit.bring_in(engine, tmp_path, kit.day_of_chats(150)))
    with opened(origin.again()) as engine:
        kit.night(engine)
        expected = dump(engine)
    url = origin.again()
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'tests' / 'helpers'}"}
    command = [sys.executable, "-c", SCRIPT, url]
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE) as night:
        assert night.stdout is not None
        children = [int(word) for word in night.stdout.readline().split()]
        assert night.wait() == -9
    assert len(children) >= 2
    deadline = time.monotonic() + 180
    while any(map(runs, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [pid for pid in children if runs(pid)] == []
    with opened(url) as engine:
        kit.night(engine, is_gone=lambda _owner: True, owner="here:2:2")
        assert dump(engine) == expected
