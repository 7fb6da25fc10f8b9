"""Whether a candidate may become current, by the figures on the two cards alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qa.models.card import Card, Figure

HIGHER_IS_BETTER = ("accuracy", "macro_f1", "uar", "kappa", "spearman", "auc", "ap", "coverage", "accuracy_when_sure")
LOWER_IS_BETTER = ("ece",)
DECIDING = ("macro_f1", "auc", "ece")
"""The figures that can stop a promotion: right labels, right order, honest probabilities. More of them, each with a 5 %
interval, would stop good candidates by chance alone."""

WorseThan = Callable[[Card, Card], tuple[str, ...]]
"""From the current card and the candidate's to the reasons against the candidate; none: it may be promoted."""


def worse_by_cards(current: Card, candidate: Card) -> tuple[str, ...]:
    """Return where the candidate lies beyond the worse end of the current version's 95 % interval.

    A candidate that has no head in common with the current version, or lacks one that it has, is not known to be as
    good, and that is a reason too.
    """
    reasons: list[str] = []
    for head, report in current.metrics.items():
        if head not in candidate.metrics:
            reasons.append(f"{head}: the candidate has no figures")
            continue
        figures = candidate.metrics[head].figures
        for name in DECIDING:
            reasons += _worse(head, name, report.figures.get(name), figures.get(name))
    if not current.metrics:
        reasons.append(f"{current.name} has no figures to compare with")
    elif reasons and current.data.fingerprint != candidate.data.fingerprint:
        reasons.append("note: the two were measured on different chats")
    return tuple(reasons)


def shown(figure: Figure) -> str:
    """Return a figure with its interval, to three places.

    >>> shown(Figure(0.61, 0.58, 0.64)), shown(Figure(0.5)), shown(Figure(None))
    ('0.610 [0.580, 0.640]', '0.500', 'unknown')
    """
    if figure.value is None:
        return "unknown"
    interval = "" if figure.low is None or figure.high is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure.value:.3f}{interval}"


def _worse(head: str, name: str, current: Figure | None, candidate: Figure | None) -> Iterator[str]:
    if current is None or current.value is None:
        return
    if candidate is None or candidate.value is None:
        yield f"{head}: the candidate has no {name}"
    elif name in LOWER_IS_BETTER and current.high is not None and candidate.value > current.high:
        yield f"{head}: {name} {candidate.value:.3f} is above {shown(current)}"
    elif name not in LOWER_IS_BETTER and current.low is not None and candidate.value < current.low:
        yield f"{head}: {name} {candidate.value:.3f} is below {shown(current)}"
