"""The measurements as the Markdown tables of docs/benchmarks.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.night import Night, Speed
    from benchmarks.rules import Judging


def speed_table(speed: Speed, figures: Mapping[str, float], command: str, machine: str) -> str:
    """The comparison: chats a second, × naive, × tokenising; then the stages and the memory."""
    f = figures
    night, part = speed.one[0], speed.naive[0]
    tokens = [name for name in f if name.startswith("tokens_")]
    said = (
        f"{night.chats:,} chats ({night.inspected:,} inspected), the naive night on the first {part.chats:,} of them"
        f" ({part.inspected:,} inspected); medians of {len(speed.one)} alternating rounds. Findings and scores equal on"
        f" all {speed.compared:,} chats compared. {machine}."
    )
    two = (
        f"With `--workers 2` the night does {_rate(f['clock_night_two'])} chats/s by the clock,"
        f" {f['clock_night_two'] / f['clock_night']:.1f} × one worker."
    )
    lines = [
        said,
        "",
        f"    {command}",
        "",
        "| chats a second of processor time | Zhijian | naive | tidied | × naive | × tidied | by the clock |",
        "|---|--:|--:|--:|--:|--:|--:|",
        _row("whole: read and night", "whole", f),
        _row("reading: `qa import`", "import", f),
        _row("night: `qa nightly --workers 1`", "night", f),
        "",
        two,
        "",
        "| inspected chats a second of processor time | chats/s | × tokenising with jieba alone |",
        "|---|--:|--:|",
        _inspected("whole night, with the screening of all chats", f["inspected"], f),
        _inspected("naive night", f["naive_inspected"], f),
        _inspected("tidied naive night", f["tidy_inspected"], f),
        *(_inspected(f"tokenising alone: {name.removeprefix('tokens_')}, HMM off", f[name], f) for name in tokens),
        "",
        f"Stages of the night with one worker, µs a chat by the clock: {_stages(speed.one)}.",
        _memory(speed),
    ]
    return "\n".join(lines)


def _memory(speed: Speed) -> str:
    one, two = speed.one, speed.two
    return (
        f"Peak memory: import {_peak(n.importing.peak_mb for n in one)}, night with one process"
        f" {_peak(n.nightly.peak_mb for n in one)}, with two: parent {_peak(n.nightly.peak_mb for n in two)},"
        f" worker {_peak(n.nightly.workers_mb for n in two)}."
    )


def _row(label: str, name: str, figures: Mapping[str, float]) -> str:
    ours, naive, tidy = (figures[key] for key in (name, f"naive_{name}", f"tidy_{name}"))
    return (
        f"| {label} | {_rate(ours)} | {_rate(naive)} | {_rate(tidy)} | **{ours / naive:.0f}** | {ours / tidy:.0f}"
        f" | {_rate(figures[f'clock_{name}'])} |"
    )


def _inspected(name: str, rate: float, figures: Mapping[str, float]) -> str:
    return f"| {name} | {_rate(rate)} | {rate / figures['tokens_jieba']:.2f} |"


def _rate(value: float) -> str:
    """Three significant digits, as the noise allows.

    >>> _rate(4876.3), _rate(128.4)
    ('4,880', '128')
    """
    return f"{float(f'{value:.3g}'):,.0f}"


def _stages(nights: Sequence[Night]) -> str:
    """Microseconds by stage: screening for each chat of the frame, inspecting for each inspected one."""
    shown = []
    for stage in nights[0].stages:
        each = [night.inspected if stage == "inspect" else night.chats for night in nights]
        micros = median(night.stages[stage] / number * 1e6 for night, number in zip(nights, each, strict=True))
        shown.append(f"{stage} {micros:.0f}{' (each inspected)' if stage == 'inspect' else ''}")
    start = median(night.nightly.seconds - sum(night.stages.values()) for night in nights)
    return f"{', '.join(shown)}; start and summary {start:.1f} s a night"


def _peak(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.0f} MB" if known else "unknown"


def growth_table(nights: Sequence[Night], workers: int, command: str, machine: str) -> str:
    """Time, memory and disk by the size of the day."""
    lines = [
        f"One run each, `--workers {workers}`. {machine}.",
        "",
        f"    {command}",
        "",
        "| chats | inspected | import s | chats/s | night s | chats/s | peak MB: import | night | worker | stored MB |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for night in nights:
        n, importing, nightly = night.chats, night.importing, night.nightly
        lines.append(
            f"| {n:,} | {night.inspected:,} | {importing.seconds:.1f} | {_rate(n / importing.seconds)}"
            f" | {nightly.seconds:.1f} | {_rate(n / nightly.seconds)} | {_mb(importing.peak_mb)}"
            f" | {_mb(nightly.peak_mb)} | {_mb(nightly.workers_mb)} | {night.database_mb:,.0f} |"
        )
    return "\n".join(lines)


def judging_table(judging: Judging, command: str, machine: str) -> str:
    """Judging a chat: the house pack and its red lines, and two made packs of different size."""
    j = judging
    said = (
        f"Medians over {j.chats} generated chats of 20 messages that break nothing; {j.rules} rules,"
        f" {j.phrases:,} phrases and expressions. Same findings on all {j.compared:,} chats compared. {machine}."
    )
    head = "| µs of processor time a chat | Zhijian | plain loop | × | folding each text once | × |"
    whole = (
        f"| the whole house pack, {j.rules} rules | {j.judge:.0f} | {j.plain:,.0f} | **{j.plain / j.judge:.0f}**"
        f" | {j.tidied:,.0f} | {j.tidied / j.judge:.0f} |"
    )
    swept = f"{j.sweep:.0f} | {j.plain_sweep:,.0f} | **{j.plain_sweep / j.sweep:.0f}** | | |"
    alone = " | | | | |"
    each = (
        f"A rule of the house costs {j.judge / j.rules:.1f} µs. From the small made pack to the large one:"
        f" × {j.large / j.small:.2f}."
    )
    lines = [said, "", f"    {command}", "", head, "|---|--:|--:|--:|--:|--:|", whole]
    lines.append(f"| the sweep for red lines, {j.red_lines} rules | {swept}")
    lines.append(f"| all rules, a chat at a time | {j.judge_alone:.0f}{alone}")
    lines.append(f"| the sweep, a chat at a time | {j.sweep_alone:.0f}{alone}")
    lines.append(f"| the sweep over all chats of a day | {j.sweep_all:.0f}{alone}")
    lines.append(f"| a made pack of 60 rules and 300 phrases | {j.small:.0f}{alone}")
    lines.append(f"| a made pack of 200 rules and 2,000 phrases | {j.large:.0f}{alone}")
    return "\n".join([*lines, "", each])


def _mb(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def replaced(text: str, section: str, table: str) -> str:
    r"""The document with what stands between the markers of a section replaced.

    >>> replaced("a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb", "x", "new")
    'a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb'
    """
    begin, end = f"<!-- {section}:begin -->", f"<!-- {section}:end -->"
    found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", text, re.DOTALL)
    if found is None:
        raise ValueError(f"the document has no markers {begin} … {end}")
    return f"{text[: found.start()]}{begin}\n{table}\n{end}{text[found.end() :]}"
