"""What was planted against what was found. Only inspected chats count: what nobody looked at is not missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from qa.demo.write import ChatKey, Truth

UNKNOWN = "–"


@dataclass(slots=True)
class Tally:
    """Counts over chats for one rule, scenario or trap; a rule counts once a chat."""

    chats: int = 0
    planted: int = 0
    found: int = 0
    missed: int = 0
    false: int = 0
    not_inspected: int = 0
    """Planted in chats that were not inspected."""

    @property
    def recall(self) -> float | None:
        """Found of planted; None where nothing was planted.

        >>> Tally(planted=4, found=3).recall, Tally().recall
        (0.75, None)
        """
        return self.found / self.planted if self.planted else None

    @property
    def precision(self) -> float | None:
        """Found of all that fired; None where nothing fired.

        >>> Tally(planted=4, found=3, false=1).precision, Tally(planted=4).precision
        (0.75, None)
        """
        fired = self.found + self.false
        return self.found / fired if fired else None


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule in one chat on which truth and observation disagree."""

    rule: str
    scenario: str
    key: ChatKey
    traps: tuple[str, ...] = ()


@dataclass(slots=True)
class Comparison:
    """The whole comparison; tables in order of name, differences in order of the truths."""

    total: Tally = field(default_factory=Tally)
    rules: dict[str, Tally] = field(default_factory=dict)
    scenarios: dict[str, Tally] = field(default_factory=dict)
    traps: dict[str, Tally] = field(default_factory=dict)
    missed: list[Difference] = field(default_factory=list)
    false: list[Difference] = field(default_factory=list)
    unknown: list[ChatKey] = field(default_factory=list)
    """Inspected chats of which no truth is known; they are in no table."""
    unplanted: dict[str, int] = field(default_factory=dict)
    """Rules that no chat was written to break or to earn, and the chats in which they fired: nobody knows how truly."""


def compare(
    truth: Iterable[Truth],
    observed: Mapping[ChatKey, AbstractSet[str]],
    inspected: AbstractSet[ChatKey],
    rules: Collection[str] | None = None,
) -> Comparison:
    """Return the comparison of planted and observed rules over the ``inspected`` chats.

    ``observed`` holds the ids of the rules that fired, for chats where any did. ``rules``, where given, limits the
    comparison to these ids, and the others that fired are only counted; else every rule planted or observed counts.
    """
    result = Comparison()
    if rules is not None:
        others = Counter(rule for key in inspected for rule in observed.get(key, ()) if rule not in set(rules))
        result.unplanted = dict(sorted(others.items()))
    known: set[ChatKey] = set()
    for item in truth:
        known.add(item.key)
        wanted = item.rules if rules is None else item.rules & set(rules)
        if item.key in inspected:
            fired = observed.get(item.key, frozenset())
            _count(result, item, wanted, fired if rules is None else fired & set(rules))
        else:
            for tally in _tallies(result, item, wanted):
                tally.not_inspected += 1
    result.unknown = sorted(inspected - known)
    for name in ("rules", "scenarios", "traps"):
        setattr(result, name, dict(sorted(getattr(result, name).items())))
    return result


def _tallies(result: Comparison, item: Truth, rules: Iterable[str]) -> Iterator[Tally]:
    """Yield every tally to which each of ``rules`` in this chat belongs."""
    for rule in rules:
        yield result.total
        yield result.rules.setdefault(rule, Tally())
        yield result.scenarios.setdefault(item.scenario, Tally())


def _count(result: Comparison, item: Truth, wanted: AbstractSet[str], fired: AbstractSet[str]) -> None:
    result.total.chats += 1
    result.scenarios.setdefault(item.scenario, Tally()).chats += 1
    for rule in wanted | fired:
        result.rules.setdefault(rule, Tally()).chats += 1
    for tally in _tallies(result, item, wanted):
        tally.planted += 1
    for tally in _tallies(result, item, wanted & fired):
        tally.found += 1
    for tally in _tallies(result, item, wanted - fired):
        tally.missed += 1
    for tally in _tallies(result, item, fired - wanted):
        tally.false += 1
    for trap in item.traps:
        tally = result.traps.setdefault(trap, Tally())
        tally.chats += 1
        tally.false += bool(fired - wanted)
    result.missed += [Difference(rule, item.scenario, item.key, item.traps) for rule in sorted(wanted - fired)]
    result.false += [Difference(rule, item.scenario, item.key, item.traps) for rule in sorted(fired - wanted)]


def percent(rate: float | None) -> str:
    """Return a rate for people; no data is a dash, and only all is 100 %.

    >>> percent(None), percent(1.0), percent(0.9996)
    ('–', '100 %', '99.9 %')
    """
    if rate is None:
        return UNKNOWN
    if rate in (0.0, 1.0):
        return f"{rate * 100:.0f} %"
    return f"{min(max(rate * 100, 0.1), 99.9):.1f} %"


def summary(result: Comparison) -> str:
    """Return one line for the end of a run."""
    total = result.total
    return (
        f"{total.chats} chats inspected: {total.found} of {total.planted} planted items found "
        f"({percent(total.recall)}), {total.missed} missed, {total.false} false (precision {percent(total.precision)})"
    )


def markdown(result: Comparison, titles: Mapping[str, str] | None = None) -> str:
    """Return the comparison as Markdown: by rule, by scenario, by trap, and every difference with its chat.

    ``titles`` are names of scenarios to show beside their ids.
    """
    named = {f"{key} {(titles or {}).get(key, '')}".strip(): tally for key, tally in result.scenarios.items()}
    parts = [
        f"{summary(result)}.",
        "## By rule\n\n" + _table("rule", result.rules),
        "## By scenario\n\n" + _table("scenario", named, chats=True),
        "## Traps: innocent look-alikes\n\n" + _trap_table(result.traps),
        "## Fired, but nothing was planted for them\n\n" + _unplanted(result.unplanted),
        "## Missed\n\n" + _differences(result.missed),
        "## False\n\n" + _differences(result.false),
    ]
    if result.unknown:
        parts.append(f"{len(result.unknown)} inspected chats are not in the truth and were left out.")
    return "\n\n".join(parts) + "\n"


def _table(what: str, rows: Mapping[str, Tally], *, chats: bool = False) -> str:
    heads = [what, *(["chats"] if chats else []), "planted", "found", "missed", "false"]
    heads += ["recall", "precision", "not inspected"]
    lines = [_row(heads), _row(["---"] + ["---:"] * (len(heads) - 1))]
    for name, tally in rows.items():
        counts = [tally.planted, tally.found, tally.missed, tally.false]
        shown = [name, *([tally.chats] if chats else []), *counts, percent(tally.recall), percent(tally.precision)]
        lines.append(_row([*shown, tally.not_inspected]))
    return "\n".join(lines)


def _trap_table(rows: Mapping[str, Tally]) -> str:
    lines = [_row(["trap", "chats", "with a false finding"]), _row(["---", "---:", "---:"])]
    lines += [_row([name, tally.chats, tally.false]) for name, tally in rows.items()]
    return "\n".join(lines)


def _unplanted(rules: Mapping[str, int]) -> str:
    if not rules:
        return "None."
    return "\n".join([_row(["rule", "chats"]), _row(["---", "---:"]), *(_row([*item]) for item in rules.items())])


def _differences(items: Sequence[Difference]) -> str:
    if not items:
        return "None."
    grouped: dict[tuple[str, str], list[str]] = {}
    for item in items:
        grouped.setdefault((item.rule, item.scenario), []).append(item.key[1])
    lines = [_row(["rule", "scenario", "chats"]), _row(["---", "---", "---"])]
    lines += [_row([rule, scenario, " ".join(ids)]) for (rule, scenario), ids in sorted(grouped.items())]
    return "\n".join(lines)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
