from __future__ import annotations

import pytest

from qa.errors import PackError
from qa.rules.engine import compile_pack


@pytest.mark.parametrize(
    ("of", "label"), [("sentiment", "negative"), ("resolution", "partly"), ("satisfaction", "satisfied")]
)
def test_without_a_model_there_is_no_opinion(judge, of: str, label: str) -> None:
    opinion = {"opinion": {"of": of, "is": label}}
    for condition in (opinion, {"not": opinion}):
        answer = judge(condition, "客户: 在")
        assert (answer.state, answer.reason) == ("n/a", "no model")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"of": "sentiment", "is": "resolved"}, "sentiment is negative, neutral, positive, not 'resolved'"),
        ({"of": "sentiment", "is": "negative", "probability": 0}, "greater than 0"),
        ({"of": "mood", "is": "bad"}, "'sentiment'"),
    ],
)
def test_mistakes(pack_of, body: dict, reason: str) -> None:
    with pytest.raises(PackError) as caught:
        compile_pack(pack_of({"when": {"opinion": body}}))
    assert reason in str(caught.value)
