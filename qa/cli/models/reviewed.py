"""What ``qa models train --from-reviews`` and ``qa models promote`` do with people's reviews."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from qa.config import Settings
from qa.errors import ConfigError
from qa.learning import Gathered, Prepared, gate, gather, noted, prepare, rules_noted, with_hits
from qa.models.doubts import Doubt, doubts_of
from qa.models.fit import Candidate, candidate_of, domain_words
from qa.models.fitting import fit_model
from qa.models.gate import WorseThan, worse_by_cards
from qa.models.hits import Judge
from qa.models.labelled import LabelledChat, read_labelled
from qa.models.model import Model
from qa.models.registry import Registry
from qa.progress import Progress
from qa.store.migrate import current_revision, ensure_ready, require_ready
from qa.store.reviews import count_reviews
from qa.store.session import opened, read_tx
from qa.types import Instant


class Learnt(NamedTuple):
    """A candidate from authored and reviewed chats, and what to tell about the reviews."""

    candidate: Candidate
    remarks: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    """Labels that look wrong, of all tasks."""


def learn_from_reviews(
    settings: Settings,
    paths: Sequence[Path],
    by: str,
    at: Instant,
    progress: Progress,
    keep: Collection[str] = (),
) -> Learnt:
    """Return the candidate that labelled files and all reviews make.

    Reviewers whose labels stand out as wrong are left out, unless named in ``keep``.

    Raises:
        ConfigError: there are no reviews that a model may learn from.
        ModelError: a labelled file is wrong, or nothing can be learnt.
    """
    authored, words = with_hits(read_labelled(paths)), domain_words()

    def learn(reviewed: Sequence[LabelledChat]) -> Judge:
        progress.stage("looking for wrong labels", None)
        return fit_model([*authored, *reviewed], words)

    with opened(settings.database_url) as engine:
        if current_revision(engine) is None:
            raise ConfigError("--from-reviews: there are no reviews yet; bring some in by qa reviews import")
        require_ready(engine)
        with read_tx(engine) as connection:
            if not count_reviews(connection):
                raise ConfigError("--from-reviews: there are no reviews yet; bring some in by qa reviews import")
            with threadpool_limits(1):  # as in fit: threads of small matrices only wait for each other
                prepared = prepare(connection, learn, keep)
    if not prepared.gathered.train:
        raise ConfigError("--from-reviews: no review labels a chat that a model may learn from (audit never trains)")
    chats = prepared.gathered.training_set(authored)
    made = noting_rules(candidate_of(chats, (*(path.name for path in paths), "reviews"), by, at, progress))
    card = msgspec.structs.replace(made.card, settings=made.card.settings | {"reviews": noted(prepared)})
    doubts = [doubt for one in prepared.noise for doubt in doubts_of(one.task, one.given, one.chats, one.suspects)]
    return Learnt(Candidate(made.files, card), tuple(_remarks(prepared)), tuple(doubts))


def noting_rules(candidate: Candidate) -> Candidate:
    """Return the candidate with the rules it was told of on its card, where it listens to any."""
    if not candidate.card.settings.get("listens_to"):
        return candidate
    settings = candidate.card.settings | {"told_by": rules_noted()}
    return Candidate(candidate.files, msgspec.structs.replace(candidate.card, settings=settings))


def _remarks(prepared: Prepared) -> Iterator[str]:
    gathered = prepared.gathered
    numbers = f"{len(gathered.train)} to learn from, {len(gathered.frozen)} frozen, {len(gathered.audit)} audit"
    yield f"reviewed chats: {numbers}; {len(gathered.decided.conflicts)} questions undecided between reviewers"
    for noise in prepared.noise:
        for rate in noise.rates:
            if rate.stands_out and rate.others is not None:
                yield (
                    f"{rate.reviewer}: {rate.suspects} of {rate.labels} labels of {noise.task} look wrong"
                    f" ({rate.rate:.0%} [{rate.low:.0%}, {rate.high:.0%}]; all others {rate.others:.0%})"
                )
    if prepared.left_out:
        yield f"left out: {', '.join(prepared.left_out)}"
    if prepared.in_doubt:
        yield f"kept although in doubt: {', '.join(prepared.in_doubt)}; promoting it will need --force and a reason"


def worse_by_reviews(settings: Settings, models: Registry) -> WorseThan:
    """Return the hook for ``Registry.promote``: both models judge the frozen and the audit chats.

    Where there is no database, or too few labels are in it, the cards decide.
    """
    gathered = _gathered(settings)
    if gathered is None:
        return worse_by_cards
    return gate(lambda version: models.load(Model.from_files, version).model, gathered)


def _gathered(settings: Settings) -> Gathered | None:
    with opened(settings.database_url) as engine:
        if current_revision(engine) is None:
            return None
        ensure_ready(engine)
        with read_tx(engine) as connection:
            return gather(connection)
