"""Languages, and how instants, durations and figures are written.

Texts in code and templates are English and marked for gettext; the catalog for zh-CN is complete (a test), and is what
people see unless they chose English.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from flask import Flask, g, request
from flask_babel import Babel, Domain, format_timedelta
from markupsafe import Markup

from qa.people import User
from qa.types import MICROSECONDS, Instant
from qa.web.context import now, settings, visitor

LANGUAGES = {"zh_Hans_CN": "简体中文", "en": "English"}
"""By locale, each in its own words."""
DEFAULT = "zh_Hans_CN"
TAGS = {"zh_Hans_CN": "zh-CN", "en": "en"}
"""By locale, what ``lang`` of the page says."""
LANGUAGE_COOKIE = "language"

UNKNOWN = "–"
"""What stands where a figure is not known."""

_MINUTE, _HOUR = 60, 3600


class _Catalogs(Domain):  # type: ignore[misc]
    """Texts of the request's language; found once a request, where Flask-Babel looks for each text anew."""

    def get_translations(self) -> Any:
        """Return the catalog."""
        if not g:  # outside of a request texts stay English
            return super().get_translations()
        found = g.get("catalog")
        if found is None:
            found = g.catalog = super().get_translations()
        return found


def speak(app: Flask) -> None:
    """Choose the language of each request, and give templates the filters of this module."""
    Babel(app, default_locale=DEFAULT, default_translation_directories="translations", locale_selector=language)
    app.extensions["babel"].instance.domain_instance = _CATALOGS
    # newstyle: a text of a template is safe, what is put into it is escaped
    app.jinja_env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals["_"] = text
    app.jinja_env.filters.update(instant=instant, clock=clock_time, age=age, duration=duration, figure=figure)
    app.context_processor(lambda: {"languages": LANGUAGES, "language_tags": TAGS, "lang": TAGS[language()]})


def text(english: str, /, **given: Any) -> Markup:
    """Translate a text of a template, as Jinja's own ``_`` does in thrice the time; pages have a hundred of them."""
    catalog = _CATALOGS.get_translations()
    if given:
        return Markup(catalog.gettext(english)) % given  # noqa: S704 - written by us; what is given is escaped
    key = (id(catalog), english)
    found = _plain.get(key)
    if found is None:
        found = _plain[key] = Markup(catalog.gettext(english)) % {}  # noqa: S704 - as above
    return found


_CATALOGS = _Catalogs()
_plain: dict[tuple[int, str], Markup] = {}


def _gettext(english: str) -> str:
    found: str = _CATALOGS.get_translations().gettext(english)
    return found


def _ngettext(one: str, many: str, count: int) -> str:
    found: str = _CATALOGS.get_translations().ngettext(one, many, count)
    return found


def language() -> str:
    """Return the locale: what the user chose, else this browser, else the default."""
    who: User | None = visitor()
    chosen = (who.language if who else None) or request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else DEFAULT


def instant(at: Instant | None) -> str:
    """Write an instant as local date and minute: ``2026-11-20 14:05``."""
    return UNKNOWN if at is None else _local(at).strftime("%Y-%m-%d %H:%M")


def clock_time(at: Instant | None) -> str:
    """Write an instant as local time with seconds: ``14:05:09``."""
    return UNKNOWN if at is None else _local(at).strftime("%H:%M:%S")


def age(at: Instant | None) -> str:
    """Write how long ago that was, in words of the language."""
    if at is None:
        return UNKNOWN
    seconds = (at - now()) // MICROSECONDS
    if abs(seconds) > _HOUR:
        seconds -= seconds % _MINUTE  # so that the same words are found again
    return _ago(seconds, language())


@lru_cache(maxsize=8_192)
def _ago(seconds: int, _locale: str) -> str:
    return str(format_timedelta(timedelta(seconds=seconds), add_direction=True))


def duration(seconds: float | None) -> str:
    """Write a duration, the same in every language.

    >>> duration(8), duration(75), duration(3_725), duration(None)
    ('8s', '1m 15s', '1h 02m', '–')
    """
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"


def figure(value: float | None, digits: int = 0) -> str:
    """Write a number with thousands set apart.

    >>> figure(12_345.678, 1), figure(None)
    ('12,345.7', '–')
    """
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def _local(at: Instant) -> datetime:
    return datetime.fromtimestamp(at / MICROSECONDS, settings().zone)
