"""Photograph the workbench for the guides and the READMEs, from a demo, in a real Chromium.

    ./run demo --no-serve --dir DIR
    python assets/pictures.py DIR                 # all pictures, into docs/images/workbench/: three minutes
    python assets/pictures.py DIR board chat      # only those
    python assets/pictures.py DIR --copy COPY     # keep the copy that people have worked in, or use it again

The demo is copied and never touched: what people do before they are photographed (``pictures_life.py``) happens in the
copy. Every picture is taken in both languages, so that each guide shows the interface that its reader has.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import func, select

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers"), str(ROOT / "assets")]

import small_png  # noqa: E402 - after the path is set
import web_kit  # noqa: E402
from pictures_life import CANDIDATE, SHOWN, Life, train  # noqa: E402

from qa.config import load_settings  # noqa: E402
from qa.signing_in import prefer  # noqa: E402
from qa.store import sessions  # noqa: E402
from qa.store.accounts import find_user  # noqa: E402
from qa.store.session import opened, read_tx, write_tx  # noqa: E402
from qa.store.tables import nights  # noqa: E402
from qa.types import MICROSECONDS, Instant  # noqa: E402
from qa.web import create_app  # noqa: E402
from qa.web.keys import make_secret  # noqa: E402

IMAGES = ROOT / "docs" / "images" / "workbench"
SIZE = (1280, 800)
LANGUAGES = {"zh": "zh-CN", "en": "en"}
MOST_EACH, MOST_ALL = 250_000, 3_000_000
_HOUR = 3_600 * MICROSECONDS
_MORNING = time(10, 20)
_TO_THE_TOP = "(one) => scrollTo(0, one.getBoundingClientRect().top + scrollY - 72)"
"""Below the top bar, which stays where it is."""


class Picture(NamedTuple):
    """One picture. ``path`` may name ``{chat}`` (its inspection) and the other things that ``Studio.named`` knows."""

    name: str
    who: str
    path: str
    chat: str = ""
    keys: tuple[str, ...] = ()
    to: str = ""
    """Selector of what is scrolled to the top."""
    dark: bool = False
    height: int = SIZE[1]


PICTURES = (
    Picture("board", "lead", "/?days=14", height=900),
    Picture("agents", "lead", "/?days=30", to="#agents-title"),
    Picture("home", "specialist", "/?days=14"),
    Picture("queue", "specialist", "/queue"),
    Picture("chat", "specialist", "/chats/{chat}", SHOWN, keys=("c", "c")),
    Picture("chat-dark", "specialist", "/chats/{chat}", SHOWN, keys=("c", "x"), dark=True),
    Picture("blind", "specialist", "/chats/{audit}"),
    Picture("rules", "lead", "/rules/{standard}", height=900),
    Picture("comparison", "lead", "/models/{candidate}/comparison"),
    Picture("night", "lead", "/nights/{night}"),
    Picture("cases", "trainer", "/cases"),
    Picture("case", "trainer", "/cases/{case}"),
    Picture("stars", "trainer", "/service-star"),
    Picture("agent", "agent", "/?days=14"),
    Picture("agent-chat", "agent", "/chats/{own}"),
)


class Studio:
    """A copy of the demo, its workbench, and a browser."""

    def __init__(self, copy: Path, browser: Any) -> None:
        """Open the copy; ``browser`` is a running Chromium."""
        self.copy, self.browser = copy, browser
        self.settings = load_settings(copy / "zhijian.toml", {"QA_DATA_DIR": str(copy)})
        make_secret(self.settings)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Serve the workbench of the morning after the demo's newest night."""
        with opened(self.settings.database_url) as self.engine:
            with read_tx(self.engine) as connection:
                newest = connection.execute(select(func.max(nights.c.day))).scalar_one()
            morning = datetime.combine(date.fromisoformat(newest) + timedelta(days=1), _MORNING, self.settings.zone)
            self.at = Instant(int(morning.timestamp()) * MICROSECONDS)
            self.life = Life(self.engine, self.settings, self.at)
            if self.life.is_new():
                self.life.begin()
                train(self.copy)
            with web_kit.served(create_app(self.settings, self.engine, lambda: self.at)) as self.address:
                yield

    def named(self, picture: Picture) -> dict[str, object]:
        """Return what stands for the names in a picture's address."""
        if picture.chat:
            return {"chat": self.life.hold(picture.who, picture.chat)}
        return {
            "audit": self.life.audit(),
            "own": self.life.own(),
            "night": self.life.night(),
            "standard": self.life.standard(),
            "case": self.life.case(),
            "candidate": next(one.name for one in (self.copy / "models").iterdir() if one.name.endswith(CANDIDATE)),
        }

    def take(self, picture: Picture, language: str) -> Path:
        """Take one picture; returns its file."""
        address = picture.path.format(**self.named(picture))
        page = self._page(picture, language)
        answer = page.goto(address, wait_until="networkidle")
        if not answer.ok:
            sys.exit(f"{picture.name}: {address} answers {answer.status}")
        for key in picture.keys:
            page.keyboard.press(key)
        if picture.to:
            page.locator(picture.to).evaluate(_TO_THE_TOP)
        page.wait_for_timeout(300)  # a score that is counted anew, a toast
        file = IMAGES / f"{picture.name}.{language}.png"
        taken = page.screenshot(animations="disabled", caret="hide")
        page.context.close()
        file.write_bytes(small_png.reduced(self.browser, taken))
        return file

    def _page(self, picture: Picture, language: str) -> Any:
        with read_tx(self.engine) as connection:
            user = find_user(connection, picture.who)
        if user is None:
            sys.exit(f"{picture.name}: there is no account {picture.who!r}")
        prefer(self.engine, user, language=LANGUAGES[language], theme="dark" if picture.dark else "light")
        token = f"{picture.name}-{language}-{datetime.now().timestamp()}"  # noqa: DTZ005 - only to be another one
        with write_tx(self.engine) as connection:
            sessions.start(connection, user.id, token, self.at, Instant(self.at + _HOUR))
        context = self.browser.new_context(
            base_url=self.address, viewport={"width": SIZE[0], "height": picture.height}, reduced_motion="reduce",
            timezone_id="Asia/Shanghai", locale=LANGUAGES[language], device_scale_factor=1,
        )  # fmt: skip
        context.add_cookies([{"name": "zhijian", "value": token, "url": self.address}])
        return context.new_page()


def photograph(copy: Path, wanted: list[str]) -> int:
    """Take the pictures that are wanted (none named: all); returns 1 where one is too large."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    chosen = [one for one in PICTURES if not wanted or one.name in wanted]
    unknown = set(wanted) - {one.name for one in PICTURES}
    if unknown:
        sys.exit(f"there are no such pictures: {', '.join(sorted(unknown))}")
    with web_kit.started_chromium() as browser:
        studio = Studio(copy, browser)
        with studio.open():
            files = [studio.take(one, language) for one in chosen for language in LANGUAGES]
    large = [file for file in files if file.stat().st_size > MOST_EACH]
    total = sum(file.stat().st_size for file in IMAGES.glob("*.png"))
    for file in files:
        print(f"{file.name:<24}{file.stat().st_size / 1000:>7.0f} kB")
    print(f"{'all':<24}{total / 1000:>7.0f} kB")
    return int(bool(large) or total > MOST_ALL)


def main() -> int:
    """Copy the demo, let its people work, photograph them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="a folder made by ./run demo --no-serve --dir")
    parser.add_argument("pictures", nargs="*", help="names of pictures; none: all")
    parser.add_argument("--copy", type=Path, help="where the copy is kept; one that exists is used again")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = chosen.copy or Path(folder) / "demo"
        if not copy.exists():
            shutil.copytree(chosen.demo, copy)
        return photograph(copy, chosen.pictures)


if __name__ == "__main__":
    sys.exit(main())
