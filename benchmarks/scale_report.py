"""The measurements of benchmarks/scale.py as the tables and plots of docs/scale.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.cost_model import Costs, Line, fit, saturation, seconds, workers_needed
from benchmarks.watch import Run

PACKS = ((60, 600), (60, 6000), (300, 600), (300, 6000))
"""Rules and phrases of the made packs: phrases × 10, rules × 5, both."""
DAYS = (1_000_000, 5_000_000)
"""Chats a day of the houses this is for: an ordinary day, a day of promotion."""
WINDOWS_H = (1, 2, 4)
"""Hours that a night may have."""
MONTH = 30
_STAGES = ("screen", "draw", "inspect", "finish")


class Measured(NamedTuple):
    """One night: how many chats and workers, the two commands, seconds by stage, bytes by table (SQLite: one sum)."""

    database: str
    chats: int
    inspected: int
    workers: int
    importing: Run
    nightly: Run
    stages: dict[str, float]
    stored: dict[str, int]

    @property
    def started(self) -> int:
        """How many workers there were: a small night does without, whatever it may have."""
        return self.workers if self.nightly.workers_mb else 1

    @property
    def rest(self) -> float:
        """Seconds outside the stages: start, queue, boards, summary."""
        return self.nightly.seconds - sum(self.stages.values())


class Writing(NamedTuple):
    """What the one writer does for a day of so many chats: seconds of transactions, and of moving rows to it."""

    database: str
    chats: int
    write: float
    move: float


class Scale(NamedTuple):
    """Everything that was measured. ``capacity``: what two busy processes do, in the work of one alone."""

    machine: str
    capacity: float
    fitted: tuple[int, ...]
    nights: tuple[Measured, ...]
    writings: tuple[Writing, ...]
    judged: dict[tuple[int, int], float]
    characters: float

    def of(self, database: str, workers: int) -> list[Measured]:
        """Return the nights that may be fitted: of a database, with so many workers, and of the sizes to fit."""
        return [
            one
            for one in self.nights
            if (one.database, one.workers) == (database, workers) and one.chats in self.fitted
        ]

    @property
    def databases(self) -> list[str]:
        """The databases that were measured."""
        return list(dict.fromkeys(one.database for one in self.nights))


def _line(nights: Iterable[Measured], of: str) -> Line:
    def value(one: Measured) -> float:
        if of == "import":
            return one.importing.seconds
        return one.nightly.seconds if of == "night" else one.rest if of == "rest" else one.stages[of]

    return fit([(one.chats, max(value(one), 1e-3)) for one in nights])


def costs(scale: Scale, database: str) -> Costs:
    """Return the costs of a night: the lines of the nights with one worker, the writer's share as it was timed.

    Workers share what is neither the writer's nor of one process alone: screening, inspecting, and preparing what goes
    into the queue and the boards.
    """
    nights = scale.of(database, 1)
    whole = _line(nights, "night")
    alone = sum(_line(nights, part).each for part in ("draw", "finish"))
    (writing,) = (one for one in scale.writings if one.database == database)
    write, move = writing.write / writing.chats, writing.move / writing.chats
    return Costs(whole.start, alone, write + move / 2, whole.each - alone - write + move / 2)


def tables(scale: Scale) -> dict[str, str]:
    """Return the generated sections of the document."""
    return {
        "nights": _nights(scale),
        "stages": _stages(scale),
        "check": _check(scale),
        "rules": _rules(scale),
        "bytes": _bytes(scale),
        "beyond": _beyond(scale),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> list[str]:
    """Lines of a Markdown table whose first columns hold words, the others numbers."""
    rule = ["---"] * words + ["--:"] * (len(head) - words)
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def _nights(scale: Scale) -> str:
    first = {(one.database, one.chats): one for one in scale.nights if one.workers == 1}
    rows = []
    for one in scale.nights:
        alone = first[one.database, one.chats]
        ratio = alone.nightly.seconds / one.nightly.seconds
        gain = "" if one.workers == 1 else f"{ratio:.2f} × ({ratio / scale.capacity:.0%})"
        rows.append(
            [
                one.database, f"{one.chats:,}", f"{one.inspected:,}", f"{one.importing.seconds:.1f}", f"{one.workers}",
                f"{one.nightly.seconds:.1f}", f"{one.chats / one.nightly.seconds:,.0f}", gain, _mb(one.nightly.peak_mb),
                _mb(one.nightly.workers_mb if one.workers > 1 else None), f"{sum(one.stored.values()) / 1e6:,.0f}",
            ]
        )  # fmt: skip
    head = [
        "database", "chats", "inspected", "import s", "workers", "night s", "chats/s", "gain (of capacity)",
        "peak MB", "of a worker", "stored MB",
    ]  # fmt: skip
    said = (
        f"{scale.machine}. Chats of {scale.characters:.0f} characters. Two busy processes do {scale.capacity:.2f} × the"
        " work of one on this machine: that is the capacity which the gain is compared with."
    )
    return "\n".join([said, "", f"    {_command(scale)}", "", *_table(head, rows)])


def _command(scale: Scale) -> str:
    """The command that measured this."""
    checked = sorted({one.chats for one in scale.nights if one.database == "SQLite"} - set(scale.fitted))
    postgres = sorted({one.chats for one in scale.nights if one.database == "PostgreSQL"})
    options = [
        f" {option} {','.join(map(str, sizes)) or repr('')}"
        for option, sizes, usual in (("--check", checked, [1_000_000]), ("--sizes-postgres", postgres, [*scale.fitted]))
        if sizes != usual
    ]
    return "".join(["python benchmarks/scale.py", *options])


def _mb(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _stages(scale: Scale) -> str:
    rows = []
    for database in scale.databases:
        nights = scale.of(database, 1)
        parts = [_line(nights, part).each * 1e6 for part in ("import", *_STAGES, "rest", "night")]
        rows.append([database, *(f"{part:.1f}" for part in parts), f"{_line(nights, 'night').start:.1f}"])
    head = ["µs a chat of the day", "import", *_STAGES, "queue, boards", "whole night", "start of a night, s"]
    lines = _table(head, rows)
    lines += [""]
    rows = []
    for database in scale.databases:
        found = costs(scale, database)
        each = [f"{part * 1e6:.1f}" for part in found[1:]]
        rows.append([database, *each, f"{saturation(found):.0f}", f"{1 / (found.alone + found.writer):,.0f}"])
    head = [
        "µs a chat of the day", "one process alone", "the one writer", "shared by workers",
        "workers that saturate the writer", "chats/s then",
    ]  # fmt: skip
    return "\n".join([*lines, *_table(head, rows)])


def _check(scale: Scale) -> str:
    rows = []
    for one in scale.nights:
        if one.chats in scale.fitted and one.workers == 1:
            continue
        found = costs(scale, one.database)
        told = seconds(found, one.chats, one.started, scale.capacity)
        rows.append(_compared(one, f"night, workers: {one.workers}", told, one.nightly.seconds))
        if one.workers == 1:
            told = _line(scale.of(one.database, 1), "import").at(one.chats)
            rows.append(_compared(one, "import", told, one.importing.seconds))
            told = _stored(scale, one.database) * one.chats / 1e6
            rows.append(_compared(one, "stored MB", told, sum(one.stored.values()) / 1e6))
    fitted = ", ".join(f"{size:,}" for size in scale.fitted)
    said = f"Fitted: one worker, {fitted} chats. Not used for fitting, but measured:"
    return "\n".join([said, "", *_table(["database", "what", "chats", "told", "measured", "off by"], rows, 2)])


def _compared(one: Measured, what: str, told: float, found: float) -> list[str]:
    return [one.database, what, f"{one.chats:,}", f"{told:,.1f}", f"{found:,.1f}", f"{told / found - 1:+.0%}"]


def _rules(scale: Scale) -> str:
    base = scale.judged[PACKS[0]]
    rows = [
        [f"{r} rules, {p:,} phrases", f"{micros:.0f}", f"{micros / base:.2f}"]
        for (r, p), micros in scale.judged.items()
    ]
    return "\n".join(_table(["made pack", "µs to judge a chat", "×"], rows))


def _stored(scale: Scale, database: str) -> float:
    """Bytes a chat of the day adds: the slope between the smallest and the largest size that is fitted."""
    small, *_, large = sorted(scale.of(database, 1), key=lambda one: one.chats)
    return (sum(large.stored.values()) - sum(small.stored.values())) / (large.chats - small.chats)


def _bytes(scale: Scale) -> str:
    rows = []
    for database in scale.databases:
        each = _stored(scale, database)
        grown = [f"{each * day * MONTH / 1e9:,.0f} GB" for day in DAYS]
        rows.append([database, f"{each:,.0f}", *grown])
    head = ["database", "bytes a chat", *(f"a month of {day / 1e6:.0f} M a day" for day in DAYS)]
    lines = _table(head, rows)
    large = max((one for one in scale.nights if len(one.stored) > 1), key=lambda one: one.chats, default=None)
    if large is None:
        return "\n".join(lines)
    by_size = sorted(large.stored.items(), key=lambda item: -item[1])[:8]
    parts = [
        [f"`{table}`", f"{size / large.chats:,.0f}", f"{size / sum(large.stored.values()):.0%}"]
        for table, size in by_size
    ]
    return "\n".join(
        [*lines, "", *_table([f"{large.database}, table with its indexes", "bytes a chat", "share"], parts)]
    )


def _beyond(scale: Scale) -> str:
    rows = []
    for database in scale.databases:
        found, importing = costs(scale, database), _line(scale.of(database, 1), "import")
        for day in DAYS:
            needed = [workers_needed(found, day, hours * 3600) for hours in WINDOWS_H]
            shown = ["not reached" if number is None else f"{number}" for number in needed]
            best = seconds(found, day, int(saturation(found)) + 1)
            one = seconds(found, day, 1)
            rows.append([database, f"{day / 1e6:.0f} M", _hours(importing.at(day)), _hours(one), *shown, _hours(best)])
    head = [
        "database", "chats a day", "import, one process", "night, one process",
        *(f"workers for {hours} h" for hours in WINDOWS_H), "night with the writer saturated",
    ]  # fmt: skip
    return "\n".join(_table(head, rows, 2))


def _hours(value: float) -> str:
    """Hours and minutes.

    >>> _hours(5_000), _hours(95)
    ('1 h 23 min', '2 min')
    """
    hours, minutes = divmod(round(value / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def plot(scale: Scale, path: Path) -> None:
    """Draw measured nights over the model's lines, and the time of a large day by the number of workers."""
    import matplotlib as mpl  # noqa: PLC0415 - only needed to draw

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    colours = dict(zip(scale.databases, ("#2463a8", "#d98a2b"), strict=False))
    sizes = [10**4 * 1.6**step for step in range(14)]
    for database, colour in colours.items():
        found = costs(scale, database)
        for workers, style in ((1, "-"), (2, "--")):
            told = [seconds(found, size, workers, scale.capacity) for size in sizes]
            left.plot(sizes, told, style, color=colour, lw=1, label=f"{database}, model, {workers} workers")
            for one in scale.nights:
                if (one.database, one.workers) == (database, workers):
                    filled = colour if one.chats in scale.fitted and workers == 1 else "white"
                    left.plot(one.chats, one.nightly.seconds, "o", color=colour, markerfacecolor=filled)
        numbers = range(1, 41)
        for day, style in zip(DAYS, ("-", "--"), strict=True):
            hours = [seconds(found, day, number) / 3600 for number in numbers]
            right.plot(numbers, hours, style, color=colour, lw=1.2, label=f"{database}, {day / 1e6:.0f} M chats")
    left.set(xscale="log", yscale="log", xlabel="chats of the day", ylabel="seconds of a night")
    left.set_title("measured (filled: fitted) and told")
    right.set(yscale="log", xlabel="workers, a core each", ylabel="hours of a night", title="what the model tells")
    for axis in (left, right):
        axis.grid(alpha=0.25)
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
