"""What people said, made ready for models: chats to learn from, to compare on, to test by, and those to ask about next.

The policies are in ``qa.models`` (``reviews``, ``mixing``, ``noise``, ``suggest``); this module brings them the rows of
the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from qa.models.card import Card
from qa.models.compare import worse_than
from qa.models.gate import WorseThan, worse_by_cards
from qa.models.hits import Judge, Listener
from qa.models.labelled import LabelledChat
from qa.models.mixing import Weights, labelled_chats, mixed_training_set, split, text_digest
from qa.models.noise import Given, Learn, Rate, Suspect, by_reviewer, out_of_fold, probabilities_of, suspects
from qa.models.opinions import LABELS, Task
from qa.models.reviews import Decided, Key, Kind, Said, Verdict, Word, decide, decide_audit
from qa.models.rows import is_pretokenized
from qa.models.suggest import Suggestion, Why, hashed, suggest, tf_idf, uncertainty
from qa.progress import Progress, Quiet
from qa.rules.hits import HitFinder
from qa.rules.pack import load_house
from qa.store.reviews import Review, ReviewedChat, Unreviewed, iter_reviewed, iter_unreviewed
from qa.tokens import tokenize
from qa.types import Chat, ChatOpinion, Finding

MOST = 20_000
"""Unreviewed chats that suggestions are chosen from, the newest ones."""
_BATCH = 500


class Gathered(NamedTuple):
    """All that reviews give to models."""

    train: tuple[LabelledChat, ...]
    frozen: tuple[LabelledChat, ...]
    audit: tuple[LabelledChat, ...]
    decided: Decided
    """Labels of ``train`` and ``frozen`` with their sources, the conflicts, and the reviewers' agreement."""
    held_out: frozenset[bytes]
    """Text digests of the frozen and the audit chats, for ``mixed_training_set``."""

    def training_set(self, authored: Sequence[LabelledChat], weights: Weights = Weights()) -> list[LabelledChat]:  # noqa: B008 - immutable
        """What a candidate learns from."""
        return mixed_training_set(authored, self.train, weights, self.held_out)

    def sets(self) -> dict[str, tuple[LabelledChat, ...]]:
        """What candidate and current are compared on."""
        return {"frozen": self.frozen, "audit": self.audit}


class Noise(NamedTuple):
    """Labels of one task that look wrong, the most obvious first, and the reviewers."""

    task: Task
    given: tuple[Given, ...]
    """``Given.chat`` is an index of ``chats``."""
    chats: tuple[LabelledChat, ...]
    suspects: tuple[Suspect, ...]
    rates: tuple[Rate, ...]


class Prepared(NamedTuple):
    """What a candidate may learn from, after the labels were looked through."""

    gathered: Gathered
    noise: tuple[Noise, ...]
    left_out: tuple[str, ...]
    """Reviewers who stand out and whose answers do not count."""
    in_doubt: tuple[str, ...]
    """Reviewers who stand out and count all the same, because somebody said so."""


class Suggested(NamedTuple):
    """A chat to be labelled, and why."""

    chat: Unreviewed
    suggestion: Suggestion


def gather(connection: Connection, merchant: str | None = None, without: Collection[str] = ()) -> Gathered:
    """Read all reviews and decide what they say; ``without``: reviewers whose answers do not count.

    Of a chat that was reviewed in several revisions only the newest of these counts.
    """
    newest: dict[Key, ReviewedChat] = {}
    for one in iter_reviewed(connection, merchant):  # by key, so a later revision comes later
        newest[one.merchant, one.chat_id] = one
    plain = {key: one.chat for key, one in newest.items() if not one.audit}
    audited = {key: one.chat for key, one in newest.items() if one.audit}
    said = [_said(one, review) for key in plain for one in [newest[key]] for review in one.reviews]
    blind = [_said(one, review) for key in audited for one in [newest[key]] for review in one.reviews]
    decided = decide(said, audited, without)
    audit = with_hits(labelled_chats(audited, decide_audit(blind, without).labels))
    digests = frozenset(text_digest(chat) for chat in audited.values())
    parts = split(with_hits(labelled_chats(plain, decided.labels)), digests)
    held_out = digests | {text_digest(one.chat) for one in parts.frozen}
    return Gathered(parts.train, parts.frozen, tuple(audit), decided, held_out)


def with_hits(chats: Sequence[LabelledChat]) -> list[LabelledChat]:
    """Return the chats with what the house rules find in them, for models to learn from and to be measured by."""
    found = hits_of([one.chat for one in chats])
    return [msgspec.structs.replace(one, hits=hits) for one, hits in zip(chats, found, strict=True)]


def hits_of(chats: Sequence[Chat]) -> list[dict[str, Finding] | None]:
    """Return by rule what the house rules find in chats; None for one whose words are ids.

    Rules that read the model's opinion are left out, as in a night.
    """
    readable = [chat for chat in chats if not is_pretokenized(chat)]
    found = iter(_house_rules().find(readable) if readable else ())
    return [None if is_pretokenized(chat) else next(found) for chat in chats]


def rules_noted() -> dict[str, str]:
    """What a card says of the rules whose findings a model was told; under ``settings.told_by``."""
    pack = load_house().pack
    return {"pack": pack.id, "version": pack.version, "hash": pack.hash}


def rule_names() -> dict[str, str]:
    """Return the names of the house rules by their ids."""
    return {rule.id: rule.name.zh for rule in load_house().pack.rules}


@lru_cache(maxsize=1)
def _house_rules() -> HitFinder:
    return HitFinder(load_house().pack)


def _said(chat: ReviewedChat, review: Review) -> Said:
    answers = {task: getattr(review, task.value) for task in Task if getattr(review, task.value) is not None}
    verdicts = tuple(Verdict(one.rule, Word(one.verdict), one.finding_id) for one in review.verdicts)
    return Said(
        (chat.merchant, chat.chat_id), review.reviewer, review.reviewed_at, Kind(review.kind), answers, verdicts
    )  # fmt: skip


def find_noise(gathered: Gathered, learn: Learn) -> list[Noise]:
    """Let models judge labels they have not seen: by task, which are probably wrong, and whose.

    Each reviewer is held to their own answer, also where the others outvoted it.
    """
    chats = (*gathered.train, *gathered.frozen)
    place = {(one.chat.merchant, one.chat.id): i for i, one in enumerate(chats)}
    opinions = out_of_fold(chats, learn)
    found = []
    for task in Task:
        sources = [one for one in gathered.decided.sources(task.value) if one.chat in place]
        given = tuple(Given(place[one.chat], LABELS[task].index(one.value), one.reviewer) for one in sources)
        if given:
            doubted = tuple(suspects(given, probabilities_of(opinions, task)))
            found.append(Noise(task, given, chats, doubted, tuple(by_reviewer(given, doubted))))
    return found


def prepare(connection: Connection, learn: Learn, keep: Collection[str] = ()) -> Prepared:
    """Gather what may be learnt, without the reviewers whose labels stand out as wrong; ``keep``: these all the same.

    ``learn`` fits a model on authored chats and those it is given. A reviewer who is kept is ``in_doubt``: then
    ``gate`` refuses the candidate, so that only a person can put it in force, with a reason.
    """
    every = gather(connection)
    noise = find_noise(every, learn) if every.train or every.frozen else []
    names = set(standing_out(noise))
    left_out = tuple(sorted(names - set(keep)))
    gathered = gather(connection, without=left_out) if left_out else every
    return Prepared(gathered, tuple(noise), left_out, tuple(sorted(names & set(keep))))


def standing_out(noise: Iterable[Noise]) -> tuple[str, ...]:
    """Reviewers whose labels look wrong more often than the others', in any task."""
    return tuple(dict.fromkeys(rate.reviewer for one in noise for rate in one.rates if rate.stands_out))


def gate(load: Callable[[str], Judge], gathered: Gathered) -> WorseThan:
    """The hook of ``Registry.promote``: why a candidate may not follow the current model, by frozen and audit chats.

    While these hold too few labels, the cards decide. A candidate whose card names reviewers in doubt is refused.
    """
    return worse_than(load, gathered.sets(), in_doubt, worse_by_cards)


def noted(prepared: Prepared) -> dict[str, Any]:
    """What a candidate's card says of the reviews it learnt from, as JSON can hold it; under ``settings.reviews``."""
    gathered = prepared.gathered
    return {
        "chats": len(gathered.train),
        "frozen": len(gathered.frozen),
        "audit": len(gathered.audit),
        "conflicts": len(gathered.decided.conflicts),
        "left_out": list(prepared.left_out),
        "in_doubt": list(prepared.in_doubt),
    }


def in_doubt(card: Card) -> tuple[str, ...]:
    """The reviewers in doubt whom a card names (``noted``)."""
    return tuple(card.settings.get("reviews", {}).get("in_doubt", ()))


def suggestions(
    connection: Connection,
    model: Judge,
    n: int,
    *,
    salt: str,
    merchant: str | None = None,
    days: tuple[str, str] | None = None,
    progress: Progress | None = None,
) -> list[Suggested]:
    """Return up to ``n`` inspected chats that a person should label next, never audit chats."""
    shown = progress or Quiet()
    shown.stage("judging unreviewed chats")
    chats: list[Unreviewed] = []
    uncertain: list[float] = []
    words: list[list[str]] = []
    source = islice(iter_unreviewed(connection, merchant, days), MOST)
    while batch := list(islice(source, _BATCH)):
        opinions = opinions_of(model, [one.chat for one in batch])
        for one, opinion in zip(batch, opinions, strict=True):
            chats.append(Unreviewed(one.pk, one.merchant, one.chat_id, one.day, _NO_TEXT))
            uncertain.append(uncertainty(opinion))
            words.append([word for text in _texts(one.chat) for word in tokenize(text)])
        shown.advance(len(batch))
    keys = [f"{one.merchant}\0{one.chat_id}" for one in chats]
    if not chats:
        return []
    found = suggest(keys, uncertain, tf_idf(hashed(words)), n, salt=salt)
    return [Suggested(chats[one.candidate], one) for one in found]


def opinions_of(model: Judge, chats: Sequence[Chat]) -> Sequence[ChatOpinion]:
    """Return one opinion a chat, by what the house rules find as well where the model listens to rules."""
    if isinstance(model, Listener) and model.rules:
        return model.judge(chats, hits_of(chats))
    return model.judge(chats)


_NO_TEXT = Chat(id="", messages=())


def _texts(chat: Chat) -> Iterator[str]:
    for message in chat.messages:
        if message.kind == "text" and not message.withdrawn and not message.private:
            yield message.text


def counted(found: Sequence[Suggested]) -> Mapping[Why, int]:
    """How many were chosen for which reason."""
    return {why: sum(one.suggestion.why is why for one in found) for why in Why}
