"""The log as one JSON object a line, for those who collect logs: no personal data, no addresses with their queries."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime

import click
import orjson

from qa.cli.common import JSON_LOG
from qa.config import Settings
from qa.nightly import NightResult

log = logging.getLogger("qa.night")
_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """Writes a record as JSON. Of an exception it keeps kind and places, not the text, which may quote a chat."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            places = traceback.extract_tb(error.__traceback__)
            said |= {"error": type(error).__name__, "trace": [f"{p.filename}:{p.lineno} {p.name}" for p in places]}
        return orjson.dumps(said, default=str).decode()


def set_up(settings: Settings) -> None:
    """Let the program log to stderr, as JSON where the settings say so."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_json else logging.Formatter(_PLAIN))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)  # else its plugins greet whoever starts with an older schema
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[JSON_LOG] = settings.log_json


def set_up_json(settings: Settings) -> None:
    """As ``set_up`` for commands that log nothing unless it is asked for."""
    if settings.log_json:
        set_up(settings)


def tell_night(settings: Settings, result: NightResult) -> None:
    """Log a night and each of its stages, where the settings say so."""
    if not settings.log_json:
        return
    night = result.night
    of = {"merchant": night.merchant, "day": night.day}
    for stage, seconds in result.seconds.items():
        log.info("night.stage", extra={"facts": of | {"stage": stage, "seconds": round(seconds, 3)}})
    summary = night.summary or {}
    counts = {name: summary.get(name) for name in ("inspected", "flagged", "broken")}
    log.info("night", extra={"facts": of | {"state": night.state.value, "worked": result.worked} | counts})
