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
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

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
_GRAVE = (Severity.CRITICAL, Severity.MAJOR)


class Hit(NamedTuple):
    """One finding: a rule that fired in a chat, with the first place it cites."""

    rule: str
    chat: str
    turn: int
    start: int
    end: int


class Verdict(NamedTuple):
    """What a reader says of a hit: whether the rule, as it is described, was truly violated (or earned)."""

    hit: Hit
    true: bool


class Night(NamedTuple):
    """What a night over the chats found. ``skipped``: (rule, reason) → chats; ``quotes``: evidence that was checked."""

    chats: int
    hits: dict[Hit, list[dict[str, Any]]]
    skipped: Counter[tuple[str, str]]
    quotes: int


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
    return Night(len(inspections), hits, skipped, quotes)


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


def read_verdicts(judged: dict[str, Any], name: str) -> list[Verdict]:
    """Return the verdicts of one round (``before`` or ``after`` the word lists were improved)."""
    return [
        Verdict(Hit(one["rule"], one["chat"], one["turn"], one["start"], one["end"]), one["true"])
        for one in judged[name]["hits"]
    ]


def fired_table(night: Night, before: dict[str, int]) -> Iterator[str]:
    """Yield a table of all rules: chats fired in, before and now, and not applicable with the reason."""
    now = Counter(hit.rule for hit in night.hits)
    reasons: dict[str, list[str]] = defaultdict(list)
    for (rule, reason), number in sorted(night.skipped.items()):
        reasons[rule].append(f"{number}: {reason}")
    yield "| rule | fired before | fired now | share now | not applicable (chats: reason) |"
    yield "|---|---:|---:|---:|---|"
    for name in (rule.id for rule in load_house().pack.rules):
        share = f"{now[name] / night.chats:.1%}"
        yield f"| {name} | {before.get(name, 0)} | {now[name]} | {share} | {'; '.join(reasons[name])} |"


def precision_table(verdicts: Sequence[Verdict], fired: dict[str, int]) -> Iterator[str]:
    """Yield a table of precision by rule, pooled, and weighted by how often each rule fires."""
    yield "| rule | fired | read | true | false | precision | 95 % interval |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    by_rule: dict[str, list[bool]] = defaultdict(list)
    for verdict in verdicts:
        by_rule[verdict.hit.rule].append(verdict.true)
    for rule, said in sorted(by_rule.items()):
        yield _precision_row(rule, fired.get(rule, 0), said)
    yield _precision_row("**all that were read**", sum(fired.values()), [v.true for v in verdicts])
    weights = {rule: fired[rule] for rule in by_rule if fired.get(rule)}
    if weights:
        expected = sum(number * sum(by_rule[rule]) / len(by_rule[rule]) for rule, number in weights.items())
        share = f"{expected / sum(weights.values()):.0%}"
        yield f"| **each rule by its weight** | {sum(weights.values())} |  |  |  | {share} | |"


def _precision_row(name: str, fired: int, said: Sequence[bool]) -> str:
    true, n = sum(said), len(said)
    interval = wilson(true, n)
    share = "–" if interval is None else f"{true / n:.0%}"
    bounds = "–" if interval is None else f"{interval[0]:.0%} … {interval[1]:.0%}"
    return f"| {name} | {fired} | {n} | {true} | {n - true} | {share} | {bounds} |"


def kept_table(verdicts: Sequence[Verdict], night: Night) -> Iterator[str]:
    """What became of the hits judged before: which true ones are lost, which false ones are gone."""
    now = {(hit.rule, hit.chat) for hit in night.hits}
    counts: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for hit, true in verdicts:
        counts[hit.rule][true, (hit.rule, hit.chat) in now] += 1
    yield "| rule | true: still fire | true: lost | false: gone | false: still fire |"
    yield "|---|---:|---:|---:|---:|"
    for rule, of in sorted(counts.items()):
        yield f"| {rule} | {of[True, True]} | {of[True, False]} | {of[False, False]} | {of[False, True]} |"


def misses_table(missed: dict[str, Any], night: Night) -> Iterator[str]:
    """Violations found by reading whole chats that no rule had reported, by kind."""
    now = {(hit.rule, hit.chat) for hit in night.hits}
    by_kind: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in missed["found"]:
        by_kind[one["how"], one["kind"], one["rule"] or "no rule"].append(one)
    by_reading = sum(one["how"] == "read" for one in missed["found"])
    yield f"{len(missed['read'])} chats read whole (seed {missed['seed']}): {by_reading} misses. The others: by search."
    yield ""
    yield "| found by | what was missed | rule it belongs to | found | caught now | where (chat, turn) |"
    yield "|---|---|---|---:|---:|---|"
    for (how, kind, rule), found in sorted(by_kind.items()):
        caught = sum((one["rule"], one["chat"]) in now for one in found)
        places = "; ".join(f"{one['chat']} {one['turn']}" for one in found)
        yield f"| {how} | {kind} | {rule} | {len(found)} | {caught} | {places} |"


def report(path: Path, night: Night, judged: dict[str, Any]) -> dict[str, str]:
    """Section name → Markdown, as it stands between the markers of the document."""
    fired = Counter(hit.rule for hit in night.hits)
    before, after = read_verdicts(judged, "before"), read_verdicts(judged, "after")
    firing = {(hit.rule, hit.chat) for hit in night.hits}
    counted = (
        f"`{path.name}`: {night.chats} chats, all inspected; {len(night.hits)} findings that fired, "
        f"{night.quotes} places cited, every quote equal to the text at its offsets.\n"
    )
    return {
        "fired": "\n".join([counted, *fired_table(night, judged["before"]["fired"])]),
        "before": "\n".join(precision_table(before, judged["before"]["fired"])),
        "kept": "\n".join(kept_table(before, night)),
        "after": "\n".join(precision_table(after, fired)),
        "now": "\n".join(precision_table([v for v in (*before, *after) if (v.hit.rule, v.hit.chat) in firing], fired)),
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
    known = {(v.hit.rule, v.hit.chat) for name in ("before", "after") for v in read_verdicts(judged, name)}
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
