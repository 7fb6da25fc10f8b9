"""``qa`` in a process of its own that can be made to wait in the middle of a night.

It says ``ready`` and waits for a line, then runs the command; where the night begins to draw (and no transaction is
open) it says ``holding`` and waits for another line. Closing its input lets it run on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class HeldNight:
    """The parent's end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def expect(self, word: str) -> None:
        """Wait until it says a word."""
        assert self.process.stdout is not None
        said = []
        while line := self.process.stdout.readline():
            said.append(line)
            if line.strip() == word:
                return
        raise AssertionError(f"it ended without saying {word!r}: {''.join(said)}")

    def go_on(self) -> None:
        """Let it run to where it waits next."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self) -> tuple[int, str]:
        """Let it run to its end; return exit code and what else it said."""
        text, _ = self.process.communicate("\n\n")
        return self.process.returncode, text

    def kill(self) -> None:
        """End it as ``kill -9`` does, and wait until the system has forgotten it."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def held(root: Path, environment: dict[str, str], *arguments: str) -> Iterator[HeldNight]:
    """Start ``qa ARGUMENTS``; it waits before it begins."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    given = inherited | {"PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"} | environment
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen([sys.executable, __file__, *arguments], env=given, text=True, **pipes) as process:
        try:
            night = HeldNight(process)
            night.expect("ready")
            yield night
        finally:
            process.kill()


def wait(word: str) -> None:
    """Say a word and wait for a line."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()
    sys.stdin.readline()


def main() -> None:
    """Be the child."""
    import qa.cli.nightly
    from qa.cli import main as command
    from qa.nightly import night

    assert qa.cli.nightly
    draw = night._draw

    def waiting(*arguments: Any) -> None:
        wait("holding")
        draw(*arguments)

    night._draw = waiting  # type: ignore[assignment]
    wait("ready")
    command(sys.argv[1:])


if __name__ == "__main__":
    main()
