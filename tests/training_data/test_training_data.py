"""What training_data/README.md promises: how much there is, that it is varied, labelled as defined, and our own."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from qa.models.fit import TRAINING_DATA
from qa.models.labelled import LabelledChat, read_labelled
from qa.models.opinions import Task
from qa.text import Level, fold
from qa.tokens import parse_userdict
from qa.types import Role

_BARE = re.compile(r"[\W\d_]+")
SHORTEST = 4
"""Characters of a sentence that counts, punctuation, digits and pictures aside."""
ALIKE = 0.8
"""Sentences of which so much is the same count as one."""


@lru_cache(maxsize=1)
def chats() -> tuple[LabelledChat, ...]:
    return tuple(read_labelled([TRAINING_DATA / "chats"]))


def bare(text: str) -> str:
    return _BARE.sub("", fold(text, Level.FOLD))


def sentences() -> list[str]:
    """Every different thing that a customer says, bare."""
    said = (message.text for chat in chats() for message in chat.chat.messages if message.role is Role.CUSTOMER)
    return sorted({one for one in map(bare, said) if len(one) >= SHORTEST})


def test_how_much_there_is() -> None:
    assert len(chats()) >= 1200
    scenarios = Counter(chat.chat.id.rsplit("-", 1)[0] for chat in chats())
    assert len(scenarios) >= 30
    assert min(scenarios.values()) >= 30
    assert len({chat.chat.id for chat in chats()}) == len(chats())


def test_every_chat_and_every_turn_of_a_customer_is_labelled() -> None:
    for chat in chats():
        assert chat.label(Task.RESOLUTION), chat.chat.id
        assert chat.label(Task.SATISFACTION), chat.chat.id


@pytest.mark.slow
def test_near_duplicates_folded_there_are_three_thousand_sentences() -> None:
    said = sentences()
    kept: list[str] = []
    for length in sorted({len(one) for one in said}):  # only texts of like length can be that much alike
        mine = [one for one in said if len(one) == length]
        near = [one for one in kept if 2 * len(one) >= ALIKE * (len(one) + length)]
        old = cdist(mine, near, scorer=Indel.normalized_similarity, score_cutoff=ALIKE, dtype=np.float32)
        fresh = [one for one, row in zip(mine, old, strict=True) if not row.any()]
        among = cdist(fresh, fresh, scorer=Indel.normalized_similarity, score_cutoff=ALIKE, dtype=np.float32)
        left = np.ones(len(fresh), dtype=bool)
        for index in range(len(fresh)):
            if left[index]:
                left[index + 1 :] &= among[index, index + 1 :] == 0
        kept += [one for one, keep in zip(fresh, left, strict=True) if keep]
    assert len(kept) >= 3000, len(kept)


def test_labels_are_balanced_where_it_matters() -> None:
    for task in (Task.RESOLUTION, Task.SATISFACTION):
        counted = Counter(chat.label(task) for chat in chats())
        assert min(counted.values()) >= 0.2 * len(chats())


def test_the_domain_words_have_frequencies() -> None:
    text = (TRAINING_DATA / "userdict.txt").read_text("utf-8")
    words = parse_userdict(text, "userdict.txt")
    assert len(words) >= 200


def _texts(path: Path) -> set[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        chats_there = [json.loads(line) for line in lines]
    return {bare(message["text"]) for chat in chats_there for message in chat["messages"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jddc_dev", "xs_train", "waimai_train"])
def test_nothing_of_the_evaluation_sets_is_in_it(shared_dir: Path, name: str) -> None:
    theirs = _texts(shared_dir / "data" / f"{name}.jsonl.gz")
    ours = {bare(message.text) for chat in chats() for message in chat.chat.messages}
    same = sorted(one for one in ours & theirs if len(one) > 12)
    assert same == [], "longer than anybody says by chance"
