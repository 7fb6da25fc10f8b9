"""The backtest as one HTML page that needs nothing besides itself."""

from __future__ import annotations

from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from qa.backtest.result import Backtest, Bin, RuleShift, ScoreShift

AGENTS_SHOWN = 60
"""Agents in the table, those whose scores move most; the JSON file has them all."""


class Parts(NamedTuple):
    """A result in the order in which a page tells it."""

    touched: list[RuleShift]
    """Rules that fire on other chats."""
    weighed: list[RuleShift]
    """Rules that fire as before and count differently."""
    silent: list[RuleShift]
    agents: list[ScoreShift]
    """All of them, those whose scores move most first."""
    most: int
    """Chats of the fullest bin, at least 1."""


def parts(result: Backtest) -> Parts:
    """Return what a page shows first, then, and last."""
    touched = [one for one in result.rules if one.newly or one.no_longer]
    weighed = [one for one in result.rules if one not in touched and moved(one.points_old, one.points_new) != "±0.00"]
    silent = [one for one in result.rules if one not in touched and one not in weighed]
    agents = sorted(result.by_agent, key=lambda one: (-abs(one.shift or 0.0), one.merchant or "", one.agent or ""))
    return Parts(touched, weighed, silent, agents, max((one.chats for one in result.shifts), default=0) or 1)


def page(result: Backtest) -> str:
    """Return the page. It quotes what customers wrote, personal data hidden (docs/privacy.md)."""
    environment = Environment(
        loader=PackageLoader("qa.backtest"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"points": points, "moved": moved, "percent": percent, "span": span}
    told = parts(result)
    return environment.get_template("backtest.html").render(
        r=result, **told._replace(agents=told.agents[:AGENTS_SHOWN])._asdict()
    )


def points(value: float | None) -> str:
    """A score, or a dash where there is none.

    >>> points(87.456), points(None)
    ('87.5', '–')
    """
    return "–" if value is None else f"{value:.1f}"


def moved(old: float | None, new: float | None) -> str:
    """A difference with its sign.

    >>> moved(80.0, 78.5), moved(1.0, 1.001), moved(None, 1.0)
    ('−1.50', '±0.00', '–')
    """
    if old is None or new is None:
        return "–"
    text = f"{abs(new - old):.2f}"
    return f"±{text}" if text == "0.00" else f"{'+' if new > old else '−'}{text}"


def percent(part: float, whole: float) -> str:
    """A share; a dash where there is no whole.

    >>> percent(1, 8), percent(0, 0)
    ('12.5 %', '–')
    """
    return f"{part / whole:.1%}".replace("%", " %") if whole else "–"


def span(one: Bin) -> str:
    """The limits of a bin in words.

    >>> span(Bin(None, -20.0, 0)), span(Bin(-0.005, 0.005, 0)), span(Bin(1.0, 5.0, 0))
    ('−20 or more', 'unchanged', '+1 to +5')
    """
    low, high = (None if x is None else (0.0 if abs(x) < 1 else x) for x in (one.above, one.up_to))
    if one.above is None:
        return f"{_signed(high)} or more"
    if one.up_to is None:
        return f"{_signed(low)} or more"
    return "unchanged" if low == high else f"{_signed(low)} to {_signed(high)}"


def _signed(value: float | None) -> str:
    if not value:
        return "0"
    return f"{'−' if value < 0 else '+'}{abs(value):g}"


def _shown(value: object) -> object:
    return "–" if value is None else value
