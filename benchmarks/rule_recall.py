"""What the rules find of the wordings that the demo month was written with, beside what its menders had seen.

    python benchmarks/rule_recall.py             # the table of docs/rule-quality.md, printed
    python benchmarks/rule_recall.py --write     # … and put between the markers of the document
    python benchmarks/rule_recall.py --missed RULE [RULE …]   # visible exchanges that are missed (never the others)

Every fault of the demo is an authored exchange with several variants. Of each rule the odd-numbered exchanges may be
read by whoever mends it (*visible*), the even-numbered ones are only measured (*held out*). All chats of the month are
judged, inspected or not. What was found first, before anything was mended, is kept in ``rule_recall_first.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rule_quality import spliced
from qa.demo import compose
from qa.demo.generate import Planted, generate
from qa.demo.run import CHATS, DAYS, SEED, START
from qa.demo.templates import Library, ScriptLine, library
from qa.policy import Policy
from qa.rules.context import make_context
from qa.rules.engine import BATCH, RuleSet, compile_pack, red_lines
from qa.rules.pack import load_house
from qa.sources.canonical import to_chat
from qa.types import Chat

HERE = Path(__file__).resolve().parent
FIRST = HERE / "rule_recall_first.json"
"""Rule → what the pack found at its first sight of the month: found, of so many."""
DOCUMENT = HERE.parent / "docs" / "rule-quality.md"
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(slots=True)
class Row:
    """Chats of one rule; ``seen`` and ``held`` are found and planted."""

    seen: list[int] = field(default_factory=lambda: [0, 0])
    held: list[int] = field(default_factory=lambda: [0, 0])
    false: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A chat of the month with the exchange (1 is the first) that shows each rule planted by words."""

    planted: Planted
    chat: Chat
    numbers: dict[str, int]

    @property
    def rules(self) -> set[str]:
        """The rules that must be found."""
        return {item.rule for item in self.planted.planted}


def month(chats: int = CHATS, seed: int = SEED) -> Iterator[Told]:
    """The chats of the demo month, each with the numbers of the exchanges that were put into it."""
    numbers = numbered(library())
    heard: dict[str, int] = {}
    spoken, composed = compose._spoken, compose.compose  # noqa: SLF001 - the demo does not tell what it drew

    def listening(stage: compose.Stage, script: ScriptLine, rule: str) -> list[compose.Line]:
        for one in filter(None, (rule, *script.also)):
            heard.setdefault(one, numbers[id(script)])
        return spoken(stage, script, rule)

    def afresh(*given: object) -> list[compose.Line]:
        heard.clear()
        return composed(*given)  # type: ignore[arg-type]

    with patch.object(compose, "_spoken", listening), patch("qa.demo.generate.compose", afresh):
        for planted in generate(seed, START, DAYS, chats):
            yield Told(planted, to_chat(planted.chat, zone=ZONE), dict(heard))


def numbered(books: Library) -> dict[int, int]:
    """The number of the exchange that each authored line stands in, by the line's identity."""
    inserts = chain(books.plants.values(), books.traps, books.sides)
    groups = chain((one.dialogues for one in inserts), (one.skeletons for one in books.scenarios))
    return {id(line): n for dialogues in groups for n, lines in enumerate(dialogues, 1) for line in lines}


def judged(told: Iterable[Told], rules: RuleSet) -> Iterator[tuple[Told, frozenset[str]]]:
    """Each chat with the rules that fired in it."""
    context = make_context(load_house().pack, Policy(), ZONE)
    waiting = iter(told)
    while batch := list(islice(waiting, BATCH)):
        opinions = rules.judge_many([(one.chat, context) for one in batch], START.isoformat())
        for one, opinion in zip(batch, opinions, strict=True):
            yield one, frozenset(finding.rule for finding in opinion.findings)


def rows(results: Iterable[tuple[Told, frozenset[str]]]) -> dict[str, Row]:
    """The figures of every rule that an exchange shows."""
    table: dict[str, Row] = defaultdict(Row)
    false: Counter[str] = Counter()
    for told, fired in results:
        for rule in told.rules & told.numbers.keys():
            cell = table[rule].seen if told.numbers[rule] % 2 else table[rule].held
            cell[0] += rule in fired
            cell[1] += 1
        false.update(fired - told.rules)
    for rule, row in table.items():
        row.false = false[rule]
    return dict(table)


def tables(found: dict[str, Row], first: dict[str, list[int]], red: Sequence[str]) -> str:
    """The table of the document, in the order of ``first``."""
    lines = ["| rule | first found | visible, after | held out, after | false, after |", "|---|---:|---:|---:|---:|"]
    total, was = Row(), [0, 0]
    for rule, before in first.items():
        row = found[rule]
        seen = ", seen" * (rule in red)
        lines.append(f"| {rule} | {_of(before)} | {_of(row.seen)} | {_of(row.held)}{seen} | {row.false} |")
        if rule not in red:
            for cell, more in ((total.seen, row.seen), (total.held, row.held), (was, before)):
                cell[:] = [a + b for a, b in zip(cell, more, strict=True)]
            total.false += row.false
    cells = [f"{_of(cell)} ({cell[0] / cell[1]:.0%})" for cell in (was, total.seen, total.held)]
    lines.append(f"| **all but the red lines** | {cells[0]} | {cells[1]} | **{cells[2]}** | {total.false} |")
    return "\n".join(lines)


def _of(cell: Sequence[int]) -> str:
    return f"{cell[0]} of {cell[1]}"


def missed(results: Iterable[tuple[Told, frozenset[str]]], rules: Sequence[str]) -> Iterator[str]:
    """The turns of visible exchanges that were missed; of held-out ones nothing is told."""
    for told, fired in results:
        for item in told.planted.planted:
            if item.rule in rules and item.rule not in fired and told.numbers.get(item.rule, 0) % 2:
                texts = [told.planted.chat["messages"][turn]["text"] for turn in item.turns]
                yield f"{item.rule} {told.numbers[item.rule]}: " + " / ".join(texts)


def main() -> None:
    """Judge the month, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missed", nargs="+", metavar="RULE", help="print visible exchanges that are missed")
    parser.add_argument("--write", action="store_true", help="put the table into docs/rule-quality.md")
    parser.add_argument("--seed", type=int, default=SEED, help="another month (default %(default)s)")
    options = parser.parse_args()
    results = judged(month(seed=options.seed), compile_pack(load_house()))
    if options.missed:
        sys.stdout.write("".join(line + "\n" for line in sorted(set(missed(results, options.missed)))))
        return
    first = json.loads(FIRST.read_text(encoding="utf-8"))
    table = tables(rows(results), first, red_lines(load_house().pack))
    sys.stdout.write(table + "\n")
    if options.write:
        DOCUMENT.write_text(spliced(DOCUMENT.read_text(encoding="utf-8"), {"halves": table}), encoding="utf-8")


if __name__ == "__main__":
    main()
