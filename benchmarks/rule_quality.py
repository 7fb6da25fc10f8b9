"""How good the house rules are on chats that nobody wrote for them: what fires how often, and what a reader says of it.

    python benchmarks/rule_quality.py [CHATS] [--sample 20 --seed 1] [--write]

Imports the chats, runs a night over every one of them (rate 1) in a temporary data directory, checks that every quote
is the text it claims to be, and prints Markdown. ``--sample`` draws hits to be read and prints them to the terminal
only: the data is not ours to copy, so the document and the verdicts (rule_quality_judged.json) name chat, turn and
offsets, never a sentence. ``--write`` puts the tables between the markers of docs/rule-quality.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rule_opinions import opinions_table, thoughts
from qa.rules.pack import load_house
from qa.types import Severity

HERE = Path(__file__).resolve().parent
CHATS = HERE.parent.parent / "shared" / "data" / "jddc_dev.jsonl.gz"
JUDGED = HERE / "rule_quality_judged.json"
DOCUMENT = HERE.parent / "docs" / "rule-quality.md"
DAY = "2026-01-05"
"""The local day given to chats that carry no time; any day does, no rule on them asks for it."""

_SETTINGS = 'timezone = "Asia/Shanghai"\n[policy]\nrate = 1.0\nsalt = "rule quality"\n'
_FIRED = ("failed", "bonus")
_Z95 = 1.959964
_NEAR = 5
"""A mark counts as caught where its rule cites a turn at most so far from it."""
_GRAVE = (Severity.CRITICAL, Severity.MAJOR)


class Hit(NamedTuple):
    """One finding: a rule that fired in a chat, with the first place it cites."""

    rule: str
    chat: str
    turn: int
    start: int
    end: int


class Verdict(NamedTuple):
    """What one reader says of a hit: whether the rule, as it is described, was truly violated (or earned)."""

    hit: Hit
    true: bool


class Night(NamedTuple):
    """What a night over the chats found. ``skipped``: (rule, reason) → chats; ``quotes``: evidence that was checked.

    ``thought``: chat → the model's probabilities of the worst.
    """

    chats: int
    hits: dict[Hit, list[dict[str, Any]]]
    skipped: Counter[tuple[str, str]]
    quotes: int
    thought: Mapping[str, Mapping[str, float]] = MappingProxyType({})


def read_chats(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Chat id → messages of a canonical JSON Lines file, plain or gzip."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return {chat["id"]: chat["messages"] for chat in map(json.loads, lines)}


def run_night(path: Path, chats: dict[str, list[dict[str, Any]]]) -> Night:
    """Import the file, run the night, and check what it found; exits with a message if a chat was not inspected."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "zhijian.toml").write_text(_SETTINGS, encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("QA_")} | {"QA_DATA_DIR": folder}
        output = Path(folder) / "night.json"
        for command in (
            ["import", str(path.resolve()), "--merchant", "quality", "--date", DAY],
            ["nightly", "--date", DAY, "--json", str(output)],
        ):
            subprocess.run(
                [sys.executable, "-m", "qa", *command],
                check=True,
                env=environment,
                cwd=HERE.parent,
                capture_output=True,
            )
        nights = json.loads(output.read_text(encoding="utf-8"))["merchants"]
    inspections = [one for night in nights for one in night["inspections"]]
    if len(inspections) != len(chats):
        sys.exit(f"{path}: {len(chats)} chats, but {len(inspections)} inspected on {DAY}: do some carry times?")
    return _collect(inspections, chats)


def _collect(inspections: list[dict[str, Any]], chats: dict[str, list[dict[str, Any]]]) -> Night:
    hits: dict[Hit, list[dict[str, Any]]] = {}
    skipped: Counter[tuple[str, str]] = Counter()
    quotes = 0
    for one in inspections:
        for finding in one["findings"]:
            if finding["outcome"] not in _FIRED:
                skipped[finding["rule"], finding["message"]] += 1
                continue
            places = finding["evidence"]
            for place in places:
                text = chats[one["id"]][place["turn"]]["text"]
                if text[place["start"] : place["end"]] != place["quote"]:
                    sys.exit(f"{one['id']}: {finding['rule']}: the quote of turn {place['turn']} is not the text there")
            quotes += len(places)
            hits[Hit(finding["rule"], one["id"], places[0]["turn"], places[0]["start"], places[0]["end"])] = places
    return Night(len(inspections), hits, skipped, quotes, thoughts(inspections))


def wilson(true: int, n: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a proportion (Wilson 1927, JASA 22:209-212); None without observations.

    >>> low, high = wilson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    if not n:
        return None
    p, zz = true / n, _Z95**2
    middle, half = (p + zz / (2 * n)) / (1 + zz / n), math.sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    return max(0.0, middle - _Z95 * half), min(1.0, middle + _Z95 * half)


def kappa(pairs: Sequence[tuple[bool, bool]]) -> tuple[float, float, float] | None:
    """Cohen's kappa of two readers and its 95 % interval, with the standard error of Cohen 1960 (EPM 20:37-46).

    None where chance alone agrees always, as where nobody says false.

    >>> pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    >>> [round(x, 2) for x in kappa(pairs)]
    [0.4, 0.15, 0.65]
    """
    n = len(pairs)
    one, two = (sum(said) / n for said in zip(*pairs, strict=True))
    alike, chance = sum(a == b for a, b in pairs) / n, one * two + (1 - one) * (1 - two)
    if chance == 1:
        return None
    value, half = (alike - chance) / (1 - chance), _Z95 * math.sqrt(alike * (1 - alike) / n) / (1 - chance)
    return value, max(-1.0, value - half), min(1.0, value + half)


def draw(hits: Iterable[Hit], number: int, seed: int, *, total: bool = False) -> list[Hit]:
    """Draw hits to read: ``number`` of each rule, or of all with one of each red line and major rule first."""
    by_rule: dict[str, list[Hit]] = defaultdict(list)
    for hit in sorted(hits):
        by_rule[hit.rule].append(hit)
    for name, group in by_rule.items():
        random.Random(f"{seed}:{name}").shuffle(group)
    if not total:
        return [hit for name in sorted(by_rule) for hit in by_rule[name][:number]]
    grave = {rule.id for rule in load_house().pack.rules if rule.red_line or rule.severity in _GRAVE}
    first = [group[0] for name, group in sorted(by_rule.items()) if name in grave]
    rest = sorted({hit for group in by_rule.values() for hit in group} - set(first))
    random.Random(seed).shuffle(rest)
    return sorted((first + rest)[: max(number, len(first))])


def show(drawn: Sequence[Hit], night: Night, chats: dict[str, list[dict[str, Any]]], context: int) -> Iterator[str]:
    """Lines for the terminal: each hit with its quotes and so many turns around the first."""
    for hit in drawn:
        yield f"\n{hit.rule}  {hit.chat}"
        for place in night.hits[hit]:
            mark = "not in" if place.get("absent") else "quotes"
            yield f"  turn {place['turn']} [{place['start']}:{place['end']}] {mark}: {place['quote']}"
        for turn in (
            range(max(0, hit.turn - context), min(len(chats[hit.chat]), hit.turn + context + 1)) if context else ()
        ):
            message = chats[hit.chat][turn]
            yield f"    {turn:3d} {message['role']}: {message['text']}"


def read_rounds(judged: dict[str, Any]) -> dict[str, list[Verdict]]:
    """Return the verdicts of every round of reading, as its reader gave them."""
    return {
        one["name"]: [
            Verdict(Hit(hit["rule"], hit["chat"], hit["turn"], hit["start"], hit["end"]), hit["true"])
            for hit in one["hits"]
        ]
        for one in judged["rounds"]
    }


def strict(judged: dict[str, Any]) -> dict[tuple[str, str], bool]:
    """(rule, chat) → whether the hit is true: everybody who read it says so."""
    said = {(v.hit.rule, v.hit.chat): v.true for round_ in read_rounds(judged).values() for v in round_}
    for one in judged["second"]["hits"]:
        said[one["rule"], one["chat"]] &= one["true"]
    return said


def hits_table(night: Night, said: dict[tuple[str, str], bool]) -> Iterator[str]:
    """Yield a table of the rules that fired: how often, and how many of the hits read were true; most firing first."""
    fired: dict[str, list[Hit]] = defaultdict(list)
    for hit in night.hits:
        fired[hit.rule].append(hit)
    yield "| rule | fired | share of chats | read | true | precision | 95 % interval |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for rule, hits in sorted(fired.items(), key=lambda item: (-len(item[1]), item[0])):
        yield _row(rule, len(hits), night.chats, [said[rule, hit.chat] for hit in hits if (rule, hit.chat) in said])
    read = [said[hit.rule, hit.chat] for hit in night.hits if (hit.rule, hit.chat) in said]
    yield _row("**all**", len(night.hits), None, read)
    usual = {rule for rule, hits in fired.items() if len(hits) > night.chats / 2}
    rest = [said[h.rule, h.chat] for h in night.hits if h.rule not in usual and (h.rule, h.chat) in said]
    yield _row("**all but those of most chats**", sum(h.rule not in usual for h in night.hits), None, rest)


def _row(name: str, fired: int, chats: int | None, said: Sequence[bool]) -> str:
    true, n = sum(said), len(said)
    interval = wilson(true, n)
    of_chats = "" if chats is None else f"{fired / chats:.1%}"
    share = "–" if interval is None else f"{true / n:.0%}"
    bounds = "–" if interval is None else f"{interval[0]:.0%} … {interval[1]:.0%}"
    return f"| {name} | {fired} | {of_chats} | {n} | {true} | {share} | {bounds} |"


def silent_table(night: Night) -> Iterator[str]:
    """Yield a table of the rules that did not fire: off, not applicable in every chat with the reason, or passed."""
    fired = {hit.rule for hit in night.hits}
    why: dict[str, Counter[str]] = defaultdict(Counter)
    for (rule, reason), number in night.skipped.items():
        why[rule][reason] += number
    groups: dict[str, list[str]] = defaultdict(list)
    for one in load_house().pack.rules:
        if one.experimental:
            groups["experimental, so off"].append(one.id)
        elif one.id not in fired and why[one.id].total() == night.chats:
            groups["not applicable in any chat: " + "; ".join(sorted(why[one.id]))].append(one.id)
        elif one.id not in fired:
            groups["passed wherever it applied"].append(one.id)
    yield "| why | rules |"
    yield "|---|---|"
    for reason, rules in sorted(groups.items()):
        yield f"| {reason} | {', '.join(rules)} |"


def rounds_table(judged: dict[str, Any], night: Night) -> Iterator[str]:
    """Yield a table of the rounds of reading, and what has become of their hits since."""
    now = {(hit.rule, hit.chat) for hit in night.hits}
    yield "| round | hits read | true | | of the true: lost since | of the false: gone since |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name, verdicts in read_rounds(judged).items():
        of = Counter((v.true, (v.hit.rule, v.hit.chat) in now) for v in verdicts)
        true, false = of[True, True] + of[True, False], of[False, True] + of[False, False]
        share = f"{true / len(verdicts):.0%}"
        yield f"| {name} | {len(verdicts)} | {true} | {share} | {of[True, False]} | {of[False, False]} of {false} |"


def agreement(judged: dict[str, Any]) -> Iterator[str]:
    """Yield what a second reader said of hits that one of the authors had judged."""
    first = {(v.hit.rule, v.hit.chat): v.true for round_ in read_rounds(judged).values() for v in round_}
    second = judged["second"]["hits"]
    pairs = [(first[one["rule"], one["chat"]], one["true"]) for one in second]
    differ = [one for one, (a, b) in zip(second, pairs, strict=True) if a != b]
    begun, parts = 0, []
    for seed, number in judged["second"]["drawn"].items():
        parts.append(f"{sum(a == b for a, b in pairs[begun : begun + number])} of {number} by seed {seed}")
        begun += number
    alike, beyond = len(second) - len(differ), kappa(pairs)
    told = (
        "" if beyond is None else f", Cohen's kappa {beyond[0]:.2f} (95 % interval {beyond[1]:.2f} … {beyond[2]:.2f})"
    )
    yield f"They agree in {alike} of {len(second)} hits ({alike / len(second):.0%}{told}): {', '.join(parts)}."
    yield ""
    yield "Where they differ:"
    yield ""
    yield "| rule | chat | first | second | why |"
    yield "|---|---|---|---|---|"
    for one in differ:
        verdicts = (first[one["rule"], one["chat"]], one["true"])
        named = " | ".join("true" if true else "false" for true in verdicts)
        yield f"| {one['rule']} | {one['chat']} | {named} | {one['reason']} |"


def misses_table(missed: dict[str, Any], night: Night) -> Iterator[str]:
    """Yield what readers of whole chats would have marked and no rule had, by cause, and what is caught now."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for hit, cited in night.hits.items():
        places[hit.rule, hit.chat] += [place["turn"] for place in cited]

    def caught(one: dict[str, Any]) -> bool:
        return any(abs(turn - one["turn"]) <= _NEAR for turn in places[one["rule"], one["chat"]])

    found = sorted(missed["found"], key=lambda one: (one["cause"], one["seed"], one["chat"], one["turn"]))
    yield "| chats read | by seed | with a mark that no rule had made | marks | caught now | |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for seed, read in missed["read"].items():
        of = [caught(one) for one in found if str(one["seed"]) == seed]
        chats = len({one["chat"] for one in found if str(one["seed"]) == seed})
        yield f"| {len(read)} | {seed} | {chats} | {len(of)} | {sum(of)} | {sum(of) / len(of):.0%} |"
    yield ""
    yield "| cause | marks | caught now |"
    yield "|---|---:|---:|"
    for cause in dict.fromkeys(one["cause"] for one in found):
        of = [caught(one) for one in found if one["cause"] == cause]
        yield f"| {cause} | {len(of)} | {sum(of)} |"
    for cause, group in groupby(found, key=lambda one: one["cause"]):
        yield from ("", f"*{cause}*", "", "| chat, turn | what | rule | now |", "|---|---|---|---|")
        for one in group:
            said = "caught" if caught(one) else "–"
            yield f"| {one['chat']} {one['turn']} | {one['what']} | {one['rule'] or '–'} | {said} |"


def report(path: Path, night: Night, judged: dict[str, Any]) -> dict[str, str]:
    """Section name → Markdown, as it stands between the markers of the document."""
    counted = (
        f"`{path.name}`: {night.chats} chats, all inspected; {len(night.hits)} findings that fired, "
        f"{night.quotes} places cited, every quote equal to the text at its offsets.\n"
    )
    return {
        "hits": "\n".join([counted, *hits_table(night, strict(judged))]),
        "silent": "\n".join(silent_table(night)),
        "rounds": "\n".join(rounds_table(judged, night)),
        "opinions": "\n".join(opinions_table(judged["rounds"], night.thought)),
        "second": "\n".join(agreement(judged)),
        "misses": "\n".join(misses_table(judged["misses"], night)),
    }


def spliced(document: str, sections: dict[str, str]) -> str:
    r"""The document with each section between its markers replaced; ValueError if a marker is missing.

    >>> spliced("a\n<!-- begin x -->\nold\n<!-- end x -->\nb", {"x": "new"}).split("\n")[2]
    'new'
    """
    for name, text in sections.items():
        begin, end = f"<!-- begin {name} -->\n", f"\n<!-- end {name} -->"
        head, found, tail = document.partition(begin)
        if not found or end not in tail:
            raise ValueError(f"the document lacks the markers of {name!r}")
        document = head + begin + text + end + tail.partition(end)[2]
    return document


def unread(night: Night, judged: dict[str, Any]) -> list[Hit]:
    """Return the hits that no round has judged yet."""
    known = strict(judged)
    return [hit for hit in night.hits if (hit.rule, hit.chat) not in known]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("chats", nargs="?", type=Path, default=CHATS, help="canonical JSON Lines (default: jddc_dev)")
    parser.add_argument("--sample", type=int, metavar="N", help="draw N hits of each rule and print them for reading")
    parser.add_argument("--total", action="store_true", help="with --sample: N in all, red lines and major rules first")
    parser.add_argument("--fresh", action="store_true", help="with --sample: only hits that were not judged yet")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--context", type=int, default=2, metavar="N", help="turns shown around a drawn hit")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/rule-quality.md")
    asked = parser.parse_args()
    if not asked.chats.is_file():
        sys.exit(f"{asked.chats}: no such file; give a file of chats")
    chats = read_chats(asked.chats)
    night = run_night(asked.chats, chats)
    judged = json.loads(JUDGED.read_text(encoding="utf-8"))
    if asked.sample:
        pool = unread(night, judged) if asked.fresh else night.hits
        print("\n".join(show(draw(pool, asked.sample, asked.seed, total=asked.total), night, chats, asked.context)))
        return
    sections = report(asked.chats, night, judged)
    print("\n\n".join(sections.values()))
    if asked.write:
        DOCUMENT.write_text(spliced(DOCUMENT.read_text(encoding="utf-8"), sections), encoding="utf-8")


if __name__ == "__main__":
    main()
