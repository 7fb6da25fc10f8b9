"""Where the night's time goes: processor time of each step for one chat, and of each rule.

python benchmarks/parts.py --chats 2000 [--rules]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.generate import DAY, generate
from qa.ledger import build_ledger
from qa.nightly.standard import standard_for
from qa.policy import Policy
from qa.rules.context import make_context
from qa.rules.engine import compile_pack
from qa.rules.inspector import Case, Inspector
from qa.sources.canonical import to_chat
from qa.store.chats import decode_body
from qa.text import Level, Originals
from qa.types import Chat

ZONE = ZoneInfo("Asia/Shanghai")
ROUNDS = 5


def micros(step: Callable[[], object], chats: int) -> float:
    """Processor microseconds a chat, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        step()
        best = min(best, time.process_time() - begun)
    return best / chats * 1e6


def steps(chats: Sequence[Chat]) -> Iterable[tuple[str, float]]:
    """Name and microseconds a chat of every step of the night that needs no database."""
    standard, policy = standard_for(None, None), Policy()
    begun = time.process_time()
    inspector = Inspector(standard, policy, ZONE)
    yield "compiling the rules, once a process", (time.process_time() - begun) * 1e6
    context = make_context(standard.pack, policy, ZONE)
    rules = compile_pack(standard.pack)
    bodies = [msgspec.json.encode(chat) for chat in chats]
    texts = [[message.text for message in chat.messages if message.kind == "text"] for chat in chats]
    todo: dict[str, Callable[[], object]] = {
        "decoding the stored chat": lambda: [decode_body(body) for body in bodies],
        "screening: red lines and risk signals": lambda: inspector.targeted_many([(c, False) for c in chats], DAY),
        "inspecting: judge, score, flag": lambda: inspector.inspect_many([Case(chat) for chat in chats], DAY),
        "  of it judging": lambda: rules.judge_many([(chat, context) for chat in chats], DAY),
        "    of it folding, first level": lambda: Originals(texts).fold(Level.FOLD),
        "    of it folding, second level": lambda: Originals(texts).fold(Level.SQUASH),
        "    folding and searching, a chat at a time": lambda: [rules.view(c, context).occurring for c in chats],
        "    of it the timing ledger": lambda: [build_ledger(chat, context.ledger) for chat in chats],
    }
    for name, step in todo.items():
        yield name, micros(step, len(chats))


def by_rule(chats: Sequence[Chat]) -> Iterable[tuple[str, float]]:
    """Rule and microseconds a chat, the dearest first; a rule that asks first pays for what the next ones share.

    Chats are folded and searched before, and every rule is asked, even where the night knows its answer unasked.
    """
    standard = standard_for(None, None)
    context = make_context(standard.pack, Policy(), ZONE)
    rules = compile_pack(standard.pack)
    spent: dict[str, float] = {}
    for _ in range(ROUNDS):
        views = [rules.view(chat, context) for chat in chats]
        for view in views:
            assert view.occurring >= 0
        for compiled in rules.rules:
            begun = time.process_time()
            for view in views:
                compiled.judge(view)
            seconds = time.process_time() - begun
            spent[compiled.rule.id] = min(seconds, spent.get(compiled.rule.id, seconds))
    return [(rule, spent[rule] / len(chats) * 1e6) for rule in sorted(spent, key=lambda rule: -spent[rule])]


def main() -> None:
    """Print one line a step."""
    parser = argparse.ArgumentParser(description="Measure the steps of the night, in µs of processor time a chat.")
    parser.add_argument("--chats", type=int, default=2000)
    parser.add_argument("--rules", action="store_true", help="each rule instead")
    given = parser.parse_args()
    chats = [to_chat(json.loads(line), zone=UTC) for line in generate(given.chats)]
    for name, spent in (by_rule if given.rules else steps)(chats):
        print(f"{spent:12,.1f}  {name}")


if __name__ == "__main__":
    main()
