"""The authored wordings of tests/rules/data/wordings.yaml, and how the rules of the house pack take them.

Run from the checkout it prints the table of docs/rule-quality.md and, for the rules named, what is misjudged among the
wordings that may be read by whoever mends a rule (the seen half, never the held-out one):

    python tests/helpers/wordings.py [RULE …]
    python tests/helpers/wordings.py --write      # put the table into docs/rule-quality.md
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ruamel.yaml import YAML

from benchmarks.rule_quality import DOCUMENT, spliced
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.rules.pack import load_house
from qa.sources.plain import parse_plain

DATA = Path(__file__).resolve().parents[1] / "rules" / "data" / "wordings.yaml"
SEED = 20261122
DAY = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Wording:
    """One way of saying it (``meant``), or an innocent sentence near it, in the chat of its rule."""

    rule: str
    text: str
    chat: str
    meant: bool
    seen: bool
    """Whether whoever mends the rule may read it; the others are only counted."""


def wordings() -> Iterator[Wording]:
    """All of them, rule by rule; half of each rule's, drawn by ``SEED``, are the seen ones."""
    for rule, said in YAML(typ="safe").load(DATA.read_text(encoding="utf-8")).items():
        for name in ("said", "innocent"):
            texts = said[name].splitlines()
            draw = random.Random(f"{SEED} {rule} {name}")
            seen = set(draw.sample(texts, len(texts) // 2))
            for text in texts:
                yield Wording(rule, text, said["frame"].replace("{}", text), name == "said", text in seen)


def judged(made: list[Wording]) -> dict[Wording, bool]:
    """Whether the rule of each wording fires in its chat."""
    located = load_house()
    context, rules = house_context(located.pack), compile_pack(located)
    chats = [(parse_plain(one.chat, context.zone)[0], context) for one in made]
    opinions = rules.judge_many(chats, DAY)
    return {
        one: any(finding.rule == one.rule for finding in opinion.findings)
        for one, opinion in zip(made, opinions, strict=True)
    }


def share(fired: dict[Wording, bool], rule: str | None = None, *, meant: bool, seen: bool) -> tuple[int, int]:
    """How many fired, and of how many; of one rule or of all."""
    mine = [hit for one, hit in fired.items() if rule in {None, one.rule} and (one.meant, one.seen) == (meant, seen)]
    return sum(mine), len(mine)


def table(fired: dict[Wording, bool]) -> str:
    """The table of the document."""
    lines = ["| rule | seen | held out | innocent, seen | innocent, held out |", "|---|---:|---:|---:|---:|"]
    for rule in [*dict.fromkeys(one.rule for one in fired), None]:
        cells = [share(fired, rule, meant=meant, seen=seen) for meant in (True, False) for seen in (True, False)]
        texts = [f"{hit} of {all_}" + f" ({hit / all_:.0%})" * (rule is None) for hit, all_ in cells]
        lines.append("| " + " | ".join([rule or "**all**", *texts]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, then what is misjudged and may be read."""
    fired = judged(list(wordings()))
    sys.stdout.write(table(fired) + "\n")
    for one, hit in fired.items():
        if one.rule in sys.argv[1:] and one.seen and hit != one.meant:
            sys.stdout.write(f"{'missed' if one.meant else 'wrong'}: {one.rule}: {one.text}\n")
    if "--write" in sys.argv:
        DOCUMENT.write_text(spliced(DOCUMENT.read_text(encoding="utf-8"), {"wordings": table(fired)}), encoding="utf-8")


if __name__ == "__main__":
    main()
