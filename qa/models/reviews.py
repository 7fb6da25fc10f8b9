"""From what people said to labels: whose answer counts, how much, and which chats a model may learn from.

The policy, in this order (docs/models-learning.md tells it with examples):

1. **Audit never trains.** A chat that was drawn for audit, or reviewed as such, in any revision, gives no training
   label and no say in how far a reviewer is trusted. It is the unbiased test set.
2. **A person's later answer replaces the earlier one**, question by question; a later review that leaves a question
   open leaves the earlier answer standing. Two different answers at the very same instant are none.
3. **Rulings first.** Where somebody answered in calibration or joint review, only those answers decide.
4. **A weighted vote**: each answer counts by how often its reviewer agrees with the others (rule 5), shrunk towards
   ``PRIOR``. Taken as independent with one rate each (Dawid & Skene 1979, one coin a reviewer), the votes make a
   probability for each answer; the best one becomes the label, with that probability as its weight, if it reaches
   ``ENOUGH``. So a tie is no label, and neither is a narrow win. Who agrees less than chance has no say; nobody's
   answer is ever turned into its opposite.
5. **Agreement** is measured on training chats with two reviewers or more: against what most of the others said there.

Nothing depends on the order in which reviews arrive.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from qa.models.opinions import LABELS, Task
from qa.types import Instant

PRIOR = 0.85
"""The agreement of a reviewer of whom nothing is known yet."""
PRIOR_STRENGTH = 10.0
"""How many comparisons the prior is worth."""
ENOUGH = 2 / 3
"""Probability from which the best answer is a label."""
_SURE = 0.99  # no reviewer is taken to be better than this, however many agreements there are

Key = tuple[str, str]
"""Merchant and chat id."""


class Kind(StrEnum):
    """On what occasion a person looked at a chat."""

    QUEUE = "queue"
    AUDIT = "audit"
    CALIBRATION = "calibration"
    IMPORT = "import"


class Word(StrEnum):
    """What a verdict says of a finding, or (missed) of one that the rules did not make."""

    CONFIRM = "confirm"
    OVERTURN = "overturn"
    UNSURE = "unsure"
    MISSED = "missed"


HOLDS, FAILS = "holds", "fails"
"""The two answers to whether a rule's claim is true."""
_CLAIM = {Word.CONFIRM: HOLDS, Word.MISSED: HOLDS, Word.OVERTURN: FAILS}


class Question(NamedTuple):
    """What is asked of a chat: a task of the model's, or whether a rule's claim is true (then with its finding)."""

    name: str
    finding: int | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The possible answers."""
        return LABELS[Task(self.name)] if self.name in set(Task) else (FAILS, HOLDS)


class Verdict(NamedTuple):
    """A person's word on one rule; ``finding`` None: there is none, it was missed."""

    rule: str
    word: Word
    finding: int | None = None


class Said(NamedTuple):
    """One review as far as labels go; ``answers`` holds only what was answered."""

    chat: Key
    reviewer: str
    at: Instant
    kind: Kind
    answers: Mapping[Task, str]
    verdicts: tuple[Verdict, ...] = ()


class Answer(NamedTuple):
    """One person's valid answer to one question about one chat."""

    chat: Key
    question: Question
    reviewer: str
    value: str
    at: Instant
    kind: Kind


class Agreement(NamedTuple):
    """How often a reviewer says what most of the others say. ``rate`` is shrunk, and never None."""

    compared: int
    agreed: int

    @property
    def rate(self) -> float:
        """(agreed + PRIOR · PRIOR_STRENGTH) / (compared + PRIOR_STRENGTH).

        >>> Agreement(0, 0).rate, round(Agreement(30, 3).rate, 4)
        (0.85, 0.2875)
        """
        return (self.agreed + PRIOR * PRIOR_STRENGTH) / (self.compared + PRIOR_STRENGTH)


class Label(NamedTuple):
    """What the reviewers together say. ``sources``: the answers that counted, those that were outvoted included."""

    chat: Key
    question: Question
    value: str
    weight: float
    """Probability that the value is right, given the reviewers' agreement; 0 to 1."""
    sources: tuple[Answer, ...]


class Conflict(NamedTuple):
    """A question on which the reviewers' answers decide nothing; ``best`` is the probability of the best answer."""

    chat: Key
    question: Question
    best: float
    sources: tuple[Answer, ...]


class Decided(NamedTuple):
    """Labels and conflicts, sorted by chat and question; ``agreements`` by reviewer."""

    labels: tuple[Label, ...]
    conflicts: tuple[Conflict, ...]
    agreements: Mapping[str, Agreement]

    def sources(self, name: str) -> Iterator[Answer]:
        """Every answer that counted to questions of this name, those that decided nothing included."""
        for label in self.labels:
            yield from label.sources if label.question.name == name else ()
        for conflict in self.conflicts:
            yield from conflict.sources if conflict.question.name == name else ()


def decide(said: Iterable[Said], audit: Collection[Key] = (), without: Collection[str] = ()) -> Decided:
    """Return the labels that models may learn from.

    ``audit``: chats drawn for audit; chats of which a review says so are left out in any case. ``without``: reviewers
    whose answers do not count, such as those whom ``qa.models.noise`` found.

    >>> said = [Said(("m", "c"), who, 1, Kind.QUEUE, {Task.SENTIMENT: "neutral"}) for who in "ab"]
    >>> [(label.value, round(label.weight, 4)) for label in decide(said).labels]
    [('neutral', 0.9877)]
    """
    every = [one for one in said if one.reviewer not in without]
    kept_out = {*audit, *(one.chat for one in every if one.kind is Kind.AUDIT)}
    return _decided([one for one in every if one.chat not in kept_out])


def decide_audit(said: Iterable[Said], without: Collection[str] = ()) -> Decided:
    """Return the labels of audit chats, to test by: only what was said blind, in audit or calibration, counts.

    A reviewer of the queue has seen the model's opinion, which would favour that model. The reviews given are those of
    audit chats; how far a reviewer is trusted is measured on them alone.
    """
    blind = (Kind.AUDIT, Kind.CALIBRATION)
    return _decided([one for one in said if one.kind in blind and one.reviewer not in without])


def _decided(said: Sequence[Said]) -> Decided:
    groups: defaultdict[tuple[Key, Question], list[Answer]] = defaultdict(list)
    for answer in valid_answers(said):
        groups[answer.chat, answer.question].append(answer)
    counting = {place: sorted(_highest(answers)) for place, answers in groups.items()}
    agreements = measure(counting.values())
    labels: list[Label] = []
    conflicts: list[Conflict] = []
    for (chat, question), answers in sorted(counting.items(), key=lambda item: _order(*item[0])):
        value, weight = _vote(answers, question, agreements)
        if weight >= ENOUGH:
            labels.append(Label(chat, question, value, weight, tuple(answers)))
        else:
            conflicts.append(Conflict(chat, question, weight, tuple(answers)))
    return Decided(tuple(labels), tuple(conflicts), agreements)


def _order(chat: Key, question: Question) -> tuple[Key, str, int]:
    return chat, question.name, question.finding or 0


def valid_answers(said: Iterable[Said]) -> Iterator[Answer]:
    """Return what each person says last, by chat, question and rank; two different answers at one instant are none."""
    last: dict[tuple[Key, Question, str, bool], set[Answer]] = {}
    for answer in _answers(said):
        place = (answer.chat, answer.question, answer.reviewer, answer.kind is Kind.CALIBRATION)
        held = last.get(place, set())
        latest = max((one.at for one in held), default=answer.at)
        if answer.at >= latest:
            last[place] = {one for one in held if one.at == answer.at} | {answer}
    for held in last.values():
        if len({one.value for one in held}) == 1:
            yield min(held)  # one answer given twice at one instant, in two kinds of review: either is as good


def _answers(said: Iterable[Said]) -> Iterator[Answer]:
    for one in said:
        given = [(Question(task.value), value) for task, value in one.answers.items()]
        given += [
            (Question(f"rule:{verdict.rule}", verdict.finding), _CLAIM[verdict.word])
            for verdict in one.verdicts
            if verdict.word in _CLAIM
        ]
        for question, value in given:
            yield Answer(one.chat, question, one.reviewer, value, one.at, one.kind)


def _highest(answers: Sequence[Answer]) -> list[Answer]:
    """The rulings, where there are any; else all."""
    return [one for one in answers if one.kind is Kind.CALIBRATION] or list(answers)


def measure(groups: Iterable[Sequence[Answer]]) -> dict[str, Agreement]:
    """Return each reviewer's agreement with what most of the others said; where these are split, nothing is compared.

    ``groups``: the answers to one question about one chat, one a reviewer.
    """
    compared: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    names: set[str] = set()
    for answers in groups:
        votes = Counter(one.value for one in answers)
        for one in answers:
            names.add(one.reviewer)
            (first, most), *rest = (votes - Counter([one.value])).most_common(2) or [("", 0)]
            if most and not (rest and rest[0][1] == most):
                compared[one.reviewer] += 1
                agreed[one.reviewer] += first == one.value
    return {name: Agreement(compared[name], agreed[name]) for name in sorted(names)}


def _vote(answers: Sequence[Answer], question: Question, agreements: Mapping[str, Agreement]) -> tuple[str, float]:
    """The best answer and its probability; ``fsum`` makes it the same whatever the order."""
    labels = question.labels
    chance = 1 / len(labels)
    scores = []
    for label in labels:
        terms = []
        for one in answers:
            rate = max(chance, min(_SURE, agreements[one.reviewer].rate))
            terms.append(math.log(rate if one.value == label else (1 - rate) / (len(labels) - 1)))
        scores.append(math.fsum(terms))
    top = max(scores)
    shares = [math.exp(score - top) for score in scores]
    best = max(range(len(labels)), key=scores.__getitem__)
    return labels[best], shares[best] / math.fsum(shares)
