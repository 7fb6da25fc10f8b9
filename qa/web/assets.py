"""Files that pages load: addresses that change with the content, and icons drawn into the page."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from flask import Flask
from markupsafe import Markup

STATIC = Path(__file__).resolve().parent / "static"
SPRITE = STATIC / "vendor" / "bootstrap-icons" / "icons.svg"
_SYMBOL = re.compile(r'<symbol id="([a-z0-9-]+)" viewBox="0 0 16 16">(.*)</symbol>')


def provide(app: Flask) -> None:
    """Give templates ``asset`` and ``icon``."""
    app.jinja_env.globals.update(asset=asset, icon=icon)


@cache
def asset(name: str) -> str:
    """Return the address of a file below ``static``; browsers keep it for a year, for a change makes another one."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@cache
def icon(name: str, extra: str = "") -> Markup:
    """Return an icon of ``assets/icons.txt`` as inline SVG in the colour of the text, hidden from screen readers."""
    return Markup('<svg class="icon {}" viewBox="0 0 16 16" aria-hidden="true" focusable="false">{}</svg>').format(
        extra, Markup(_icons()[name])  # noqa: S704 - the vendored sprite, whose hash a test checks
    )  # fmt: skip


@cache
def _icons() -> dict[str, str]:
    return dict(_SYMBOL.findall(SPRITE.read_text("utf-8")))
