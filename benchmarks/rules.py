"""How long judging a chat takes: the whole house pack, the sweep for red lines, and how both grow with the rules.

    python benchmarks/rules.py --write

Microseconds of processor time, medians of many short rounds, many chats given together as in a night: for chats of 20
messages that break nothing, beside the same rules as a plain loop over rules, messages and phrases (``naive_rules``),
which must find the same in them and in the first chats of the day before any ratio is given.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import naive, tables
from benchmarks.generate import DAY, generate
from benchmarks.naive_rules import NaiveRules
from benchmarks.naive_text import Fold, normalise
from benchmarks.watch import ROOT, FailedError, machine
from qa.nightly.standard import standard_for
from qa.policy import Policy
from qa.rules.context import make_context
from qa.rules.drafts import Opinion
from qa.rules.engine import BATCH, RuleSet, compile_pack, red_lines
from qa.rules.inspector import Standard
from qa.rules.pack import Pack, Rule
from qa.rules.view import Context
from qa.sources.canonical import to_chat
from qa.store.chats import decode_body
from qa.store.readers import few_collections
from qa.types import Chat

ZONE = ZoneInfo("Asia/Shanghai")
DOCUMENT = ROOT / "docs" / "benchmarks.md"
MESSAGES = 20
SMALL, LARGE = (60, 300), (200, 2000)
"""Rules and phrases of the two made packs that are compared."""
_SEED = 7
_NAMES = {"zh": "规则", "en": "Rule"}


@dataclass(frozen=True, slots=True)
class Judging:
    """What was measured; microseconds a chat."""

    rules: int
    red_lines: int
    phrases: int
    chats: int
    compared: int
    """Chats in which the plain loop found the same."""
    judge: float
    plain: float
    tidied: float
    """The plain loop with each text folded once."""
    sweep: float
    plain_sweep: float
    sweep_all: float
    """Over chats of all lengths, whatever happens in them."""
    small: float
    large: float
    judge_alone: float
    """One chat at a time, as at the command line."""
    sweep_alone: float


@dataclass(frozen=True, slots=True)
class Case:
    """A chat as the product has it and as the plain loop reads it."""

    chat: Chat
    plain: naive.Chat


def cases(number: int, seed: int = 1) -> Iterator[Case]:
    """Generated chats."""
    for line in generate(number, seed=seed, messages=MESSAGES):
        data = json.loads(line)
        yield Case(to_chat(data, zone=UTC), naive.chat_of(data))


class Bench:
    """The house standard, compiled for the product and for the plain loop."""

    def __init__(self, standard: Standard) -> None:
        policy = Policy()
        self.pack = standard.pack
        self.context = make_context(self.pack, policy, ZONE)
        self.rules = compile_pack(self.pack)
        self.red_lines = compile_pack(self.pack, only=red_lines(self.pack))
        self.plain = NaiveRules(standard, policy)
        self._standard, self._policy = standard, policy

    def judge(self, chats: Sequence[Chat]) -> list[Opinion]:
        """What all rules say."""
        return self.rules.judge_many([(chat, self.context) for chat in chats], DAY)

    def sweep(self, chats: Sequence[Chat]) -> list[tuple[str, ...]]:
        """The red lines that are crossed."""
        return self.red_lines.fired_many([(chat, self.context) for chat in chats], DAY)

    def tidied(self) -> NaiveRules:
        """The plain loop, remembering every folded text."""
        fold: Fold = lru_cache(maxsize=4096)(normalise)
        return NaiveRules(self._standard, self._policy, fold)

    def same(self, cases: Sequence[Case]) -> None:
        """Check that the plain loop says of every rule what the product says; FailedError where it does not."""
        chats = [case.chat for case in cases]
        for case, opinion, swept in zip(cases, self.judge(chats), self.sweep(chats), strict=True):
            self._same(case, opinion, swept)

    def _same(self, case: Case, opinion: Opinion, red: tuple[str, ...]) -> None:
        hits = {finding.rule: finding.hits for finding in opinion.findings}
        ours = {rule.id: rule.id not in opinion.not_applicable and hits.get(rule.id, 0) for rule in self.pack.active}
        findings, items = self.plain.check(case.plain, DAY)
        per_hit = {name: max(1, len(answer[1])) for name, (rule, answer) in findings.items() if rule.per == "hit"}
        theirs = {rule.id: lost is not None and per_hit.get(rule.id, int(rule.id in findings)) for rule, lost in items}
        ours = {rule.id: ours[rule.id] if rule.per == "hit" else ours[rule.id] and 1 for rule in self.pack.active}
        different = [
            name for name, said in ours.items() if said != theirs[name] or type(said) is not type(theirs[name])
        ]
        swept = set(red) == set(self.plain.red_lines(case.plain, DAY))
        if different or not swept or opinion.broken:
            told = ", ".join(f"{name}: {theirs[name]} but {ours[name]}" for name in different) or opinion.broken
            raise FailedError(f"the plain loop differs on chat {case.chat.id}: {told}")


def clean_cases(bench: Bench, number: int) -> list[Case]:
    """Generated chats of exactly 20 messages that break nothing and earn nothing."""
    long = (case for case in cases(1_000_000, seed=_SEED) if len(case.chat.messages) == MESSAGES)
    return list(islice((case for case in long if not bench.judge([case.chat])[0].findings), number))


def micros(steps: Sequence[Callable[[], object]], chats: int, rounds: int) -> list[float]:
    """Processor microseconds a chat of each step, medians of rounds in which they take turns."""
    spent: list[list[float]] = [[] for _ in steps]
    for _ in range(rounds):
        for step, times in zip(steps, spent, strict=True):
            begun = time.process_time()
            step()
            times.append((time.process_time() - begun) / chats * 1e6)
    return [median(times) for times in spent]


def made_pack(house: Pack, texts: Sequence[str], rules: int, phrases: int) -> Pack:
    """A pack of so many rules and phrases, the same every time, its phrases cut from the middle of real words.

    Most rules look for words as those of the house do: in the agent's turns or the customer's, less ordinary words, two
    words close together, one after another; one in twenty wants something said at the end, and one reads a time.
    """
    rng = random.Random(_SEED)
    characters = [c for text in texts for c in text if "一" <= c <= "鿿"]
    wanted: dict[str, None] = {}
    while len(wanted) < phrases:
        wanted["".join(rng.choices(characters, k=rng.choice((3, 4, 4, 5, 6))))] = None
    each = phrases // rules
    words = [list(wanted)[i * each : (i + 1) * each] for i in range(rules)]
    made = [
        Rule.model_validate(
            {
                "id": f"made-{i}", "name": _NAMES, "dimension": "process", "severity": "minor", "deduct": 1,
                "message": _NAMES, **_condition(i, words[i]),
            }
        )
        for i in range(rules)
    ]  # fmt: skip
    return house.model_copy(update={"id": "made", "rules": tuple(made)})


def _condition(i: int, words: list[str]) -> dict[str, Any]:
    """The conditions of the i-th made rule."""
    kind, half = i % 20, len(words) // 2
    if kind == 0:
        return {"when": {"not": {"keywords": {"none": words, "last": 3, "negated": True}}}}
    if kind == 1:
        return {"when": {"figure": {"figure": "longest_wait", "over": 100_000 + i}}}
    if kind < 4:
        return {"when": {"near": {"a": words[:half], "b": words[half:], "chars": 8}}}
    if kind < 7:
        let = {"said": {"keywords": {"any": words[:half], "role": "customer"}}}
        return {"let": let, "when": {"not": {"keywords": {"any": words[half:], "after": "said", "reach": 3}}}}
    role = "customer" if kind < 12 else "agent"
    return {"when": {"keywords": {"any": words[:-1], "except": words[-1:], "role": role, "negated": kind % 2 == 0}}}


def phrases_of(rules: RuleSet) -> int:
    """How many phrases and expressions a rule set searches for."""
    return sum(len(index.phrases) + len(index.patterns) for index in rules.indexes)


def judge_all(rules: RuleSet, chats: Sequence[Chat], context: Context) -> None:
    """Judge every chat, together as a night does."""
    rules.judge_many([(chat, context) for chat in chats], DAY)


def _stored(chat: Chat) -> Chat:
    """The chat as a night decodes it: with those it is judged with, not scattered among thousands that were made."""
    return decode_body(msgspec.json.encode(chat))


def measure(chats: int, compared: int, rounds: int) -> Judging:
    """Measure everything."""
    bench = Bench(standard_for(None, None))
    day = list(cases(compared))
    clean = clean_cases(bench, chats)
    bench.same([*day, *clean])
    tidied = bench.tidied()
    every = [_stored(case.chat) for case in clean]
    plain = [case.plain for case in clean[: max(1, min(8, chats // 8))]]
    alone = [[chat] for chat in every]
    steps: list[Callable[[], object]] = [
        lambda: bench.judge(every),
        lambda: bench.sweep(every),
        lambda: [bench.judge(c) for c in alone],
        lambda: [bench.sweep(c) for c in alone],
    ]
    ours = micros(steps, chats, rounds)
    theirs = micros(
        [
            lambda: [bench.plain.check(c, DAY) for c in plain],
            lambda: [tidied.check(c, DAY) for c in plain],
            lambda: [bench.plain.red_lines(c, DAY) for c in plain],
        ],
        len(plain),
        max(1, rounds // 20),
    )
    whole = [_stored(case.chat) for case in day]
    (everything,) = micros([lambda: bench.sweep(whole)], compared, rounds)
    texts = [message.text for chat in every for message in chat.messages]
    sets = [compile_pack(made_pack(bench.pack, texts, *size)) for size in (SMALL, LARGE)]
    small, large = micros([partial(judge_all, made, every, bench.context) for made in sets], chats, rounds)
    return Judging(
        len(bench.rules.rules), len(bench.red_lines.rules), phrases_of(bench.rules), chats, len(day) + len(clean),
        ours[0], theirs[0], theirs[1], ours[1], theirs[2], everything, small, large, ours[2], ours[3],
    )  # fmt: skip


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure judging a chat, in µs of processor time.")
    parser.add_argument("--chats", type=int, default=BATCH, help="chats that break nothing")
    parser.add_argument("--compared", type=int, default=400, help="chats of the day in which the findings are compared")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given = parser.parse_args()
    with few_collections():  # as a night does
        measured = measure(given.chats, given.compared, given.rounds)
    table = tables.judging_table(measured, "python benchmarks/rules.py", machine())
    print(table)
    if given.write:
        DOCUMENT.write_text(tables.replaced(DOCUMENT.read_text(encoding="utf-8"), "rules", table), encoding="utf-8")


if __name__ == "__main__":
    main()
