"""Opinions as a typical engineer would add them to the naive night: scikit-learn's stock pipelines over jieba's words.

One pipeline for the sentiment of each customer turn, one for the satisfaction and one for the resolution of the chat,
fitted on the same authored chats as the product's model. They give no reasons, and are asked chat by chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jieba
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from qa.models.fit import authored_data
from qa.models.labelled import read_labelled
from qa.types import Role


def words(text: str) -> list[str]:
    """Cut a text by jieba itself, HMM off."""
    return list(jieba.lcut(text, HMM=False))


class StockOpinions:
    """The three pipelines, fitted."""

    def __init__(self) -> None:
        """Fit them, which no figure counts."""
        turns: list[tuple[str, str]] = []
        satisfied: list[tuple[str, str]] = []
        resolved: list[tuple[str, str]] = []
        for one in read_labelled(list(authored_data())):
            messages = one.chat.messages
            turns += [
                (message.text, labels.sentiment)
                for message, labels in zip(messages, one.turns, strict=True)
                if message.role is Role.CUSTOMER and labels.sentiment
            ]
            whole = "\n".join(message.text for message in messages)
            satisfied += [(whole, one.satisfaction)] if one.satisfaction else []
            resolved += [(whole, one.resolution)] if one.resolution else []
        self._turns, self._satisfied, self._resolved = map(_fitted, (turns, satisfied, resolved))

    def of(self, messages: Sequence[Any]) -> dict[str, Any]:
        """Return the probabilities of a chat of the naive night."""
        said = [message.text for message in messages if message.role == "customer" and message.kind == "text"]
        whole = ["\n".join(message.text for message in messages)]
        return {
            "turns": self._turns.predict_proba(said).tolist() if said else [],
            "satisfaction": self._satisfied.predict_proba(whole)[0].tolist(),
            "resolution": self._resolved.predict_proba(whole)[0].tolist(),
        }


def _fitted(labelled: Sequence[tuple[str, str]]) -> Any:
    union = make_union(TfidfVectorizer(analyzer=words), TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2))
    texts, labels = zip(*labelled, strict=True)
    return make_pipeline(union, LogisticRegression(max_iter=300)).fit(texts, labels)
