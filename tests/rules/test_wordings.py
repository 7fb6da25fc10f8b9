"""Wordings that stand in no list: how much the rules find of the half that may be read, and of the one that may not."""

from __future__ import annotations

import pytest
from wordings import Wording, judged, share, wordings

MENDED = {
    "exposing-colleagues": (0.7, 0.5),
    "vague-promise": (0.7, 0.55),
    "self-service-push": (0.65, 0.45),
    "vague-answer": (0.8, 0.6),
    "human-request-unmet": (0.8, 0.8),
    "rhetorical-question": (0.95, 0.85),
    "begging-for-rating": (0.95, 0.8),
    "stalling": (0.75, 0.85),
    "excellent-turned-round": (0.85, 0.95),
    "repeat-contact-said": (0.95, 0.7),
    "empathy-missing": (0.8, 0.7),
    "flat-refusal": (0.95, 0.85),
    "disparaging-competitor": (0.9, 0.9),
    "over-promising": (0.95, 0.45),
    "perfunctory": (0.8, 0.65),
    "anger-unanswered": (0.95, 0.85),
}
"""Rule → the least share caught of the seen and of the held-out wordings, a little under what was measured."""
ALL = (0.72, 0.6)
INNOCENT = 0.02


@pytest.fixture(scope="module")
def fired() -> dict[Wording, bool]:
    return judged(list(wordings()))


def test_a_rule_has_forty_wordings_and_twenty_innocent_sentences_none_twice() -> None:
    made = list(wordings())
    for rule in {one.rule for one in made}:
        said = [one.text for one in made if one.rule == rule and one.meant]
        innocent = [one.text for one in made if one.rule == rule and not one.meant]
        assert len(set(said)) == len(said) >= 40, rule
        assert len(set(innocent)) == len(innocent) >= 20, rule
        assert set(said).isdisjoint(innocent), rule


@pytest.mark.parametrize("rule", MENDED)
def test_mended_rules_catch_wordings_of_both_halves(fired: dict[Wording, bool], rule: str) -> None:
    for seen, least in zip((True, False), MENDED[rule], strict=True):
        hit, of = share(fired, rule, meant=True, seen=seen)
        assert hit / of >= least, (hit, of)


def test_all_rules_together(fired: dict[Wording, bool]) -> None:
    for seen, least in zip((True, False), ALL, strict=True):
        hit, of = share(fired, meant=True, seen=seen)
        assert hit / of >= least, (hit, of)
        wrong, of = share(fired, meant=False, seen=seen)
        assert wrong / of <= INNOCENT, (wrong, of)
