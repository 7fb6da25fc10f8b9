from __future__ import annotations

import pytest

from qa.errors import PackError

HEAD = (
    "# c-1 csat=3 escalated=true category=退换货 channel=web team=售后 tier=vip tags=急,大客户 "
    "resolved=false converted=yes order_amount=199\n客户: 在吗\n客服: 在"
)
BARE = "客户: 在吗\n客服: 在"


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        ({"field": "csat", "at_most": 3}, "hit"),
        ({"field": "csat", "at_most": 2.9}, "miss"),
        ({"field": "csat", "at_least": 3}, "hit"),
        ({"field": "csat", "at_least": 4}, "miss"),
        ({"field": "csat", "is": 3}, "hit"),
        ({"field": "escalated", "is": True}, "hit"),
        ({"field": "escalated", "is": False}, "miss"),
        ({"field": "resolved", "is": False}, "hit"),
        ({"field": "converted", "is": True}, "hit"),
        ({"field": "order_amount", "at_least": 199}, "hit"),
        ({"field": "category", "is": "退换货"}, "hit"),
        ({"field": "channel", "in": ["app", "web"]}, "hit"),
        ({"field": "channel", "in": ["app"]}, "miss"),
        ({"field": "team", "is": "售前"}, "miss"),
        ({"field": "tier", "is": "vip"}, "hit"),
        ({"field": "tags", "has": "急"}, "hit"),
        ({"field": "tags", "has": "慢"}, "miss"),
    ],
)
def test_comparisons(judge, condition: dict, state: str) -> None:
    answer = judge({"field": condition}, HEAD)
    assert answer.state == state
    unknown = judge({"field": condition}, BARE)
    assert (unknown.state, unknown.reason) == ("n/a", f"{condition['field']} unknown")


@pytest.mark.parametrize("field", ["csat", "category", "tags", "resolved"])
def test_whether_a_field_is_given(judge, field: str) -> None:
    told = {
        (head, known): judge({"field": {"field": field, "known": known}}, head).state
        for head in (HEAD, BARE)
        for known in (True, False)
    }
    assert told == {(HEAD, True): "hit", (HEAD, False): "miss", (BARE, True): "miss", (BARE, False): "hit"}


def test_the_finding_shows_the_value_and_the_customers_last_turn(judge) -> None:
    answer = judge({"field": {"field": "csat", "at_most": 3}}, HEAD)
    assert (answer.finding.value, answer.quotes) == (3, [(0, "在吗")])


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"field": "csat"}, "exactly one of"),
        ({"field": "csat", "is": 3, "at_most": 2}, "exactly one of"),
        ({"field": "csat", "is": 3, "known": True}, "exactly one of"),
        ({"field": "csat", "has": "x"}, "csat is compared with is or at_least or at_most, not with 'has'"),
        ({"field": "tags", "at_most": 2}, "tags is compared with has"),
        ({"field": "tags", "is": "x"}, "tags is compared with has"),
        ({"field": "escalated", "is": "yes"}, "compared with a true or false, not with 'yes'"),
        ({"field": "csat", "is": "3"}, "compared with a number"),
        ({"field": "tier", "is": 3}, "compared with a text"),
        ({"field": "channel", "in": []}, "at least 1 item"),
        ({"field": "mood", "is": "x"}, "'mood' is not one of its values (known: csat, escalated, "),
        ({"is": "x"}, "'field' is missing"),
    ],
)
def test_mistakes(judge, condition: dict, reason: str) -> None:
    with pytest.raises(PackError) as caught:
        judge({"field": condition}, HEAD)
    assert reason in str(caught.value)
