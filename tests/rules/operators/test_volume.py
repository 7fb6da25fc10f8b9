from __future__ import annotations

import pytest

from qa.errors import PackError
from qa.rules.engine import compile_pack

CHAT = "客服: 一二三四五\n客服: 一二，三！😀\n客服: [微笑]#E-s13 一"


@pytest.mark.parametrize(
    ("body", "turns", "value"),
    [
        ({"over": 4}, [0], 5),
        ({"over": 5}, [], None),
        ({"over": 2}, [0, 1], 5),
        ({"under": 4}, [1, 2], 1),
        ({"under": 4, "at_least": 3}, [], None),
        ({"of": "total", "over": 8}, [0, 1, 2], 9),
        ({"of": "total", "over": 9}, [], None),
        ({"of": "average", "under": 4}, [0, 1, 2], 3),
        ({"of": "average", "under": 3}, [], None),
        ({"over": 2, "turns": "any", "last": 2}, [1], 3),
    ],
)
def test_length(judge, body: dict, turns: list[int], value: float | None) -> None:
    answer = judge({"length": body}, CHAT)
    assert answer.state == ("hit" if turns else "miss")
    if turns:
        assert ([turn for turn, _ in answer.quotes], answer.finding.value) == (turns, value)


@pytest.mark.parametrize(
    ("text", "of", "found"),
    [
        ("好😀👍🏽", ["emoji"], ["😀", "👍🏽"]),
        ("👨‍👩‍👧好", ["emoji"], ["👨‍👩‍👧"]),
        ("🇨🇳🇨🇳", ["emoji"], ["🇨🇳", "🇨🇳"]),
        ("❤️❤️", ["emoji"], ["❤", "❤"]),
        ("#E-s13[微笑]😀", ["code"], ["#E-s13", "[微笑]"]),
        ("#E-s13[微笑]😀", ["emoji", "code"], ["#E-s13", "[微笑]", "😀"]),
    ],
)
def test_emoji(judge, text: str, of: list[str], found: list[str]) -> None:
    answer = judge({"emoji": {"of": of, "at_least": 1}}, f"客户: 😀\n客服: {text}")
    assert [quote for _, quote in answer.quotes] == found
    assert answer.finding.value == len(found)
    assert judge({"emoji": {"of": of, "at_least": len(found) + 1}}, f"客服: {text}").state == "miss"
    assert judge({"emoji": {"of": of, "at_most": len(found) - 1}}, f"客服: {text}").state == "miss"


def test_no_emoji(judge) -> None:
    answer = judge({"emoji": {"at_most": 0}}, "客服: 好\n客服: 的")
    assert (answer.searched, answer.finding.value) == ([0, 1], 0)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"length": {}}, "exactly one of over, under"),
        ({"length": {"over": 1, "of": "total", "at_least": 2}}, "at_least belongs to of: turn"),
        ({"emoji": {}}, "give at_least, at_most or both"),
        ({"emoji": {"at_least": 2, "at_most": 1}}, "at_most is less than at_least"),
        ({"emoji": {"at_least": 2, "of": []}}, "at least 1 item"),
    ],
)
def test_mistakes(pack_of, condition: dict, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        compile_pack(pack_of({"when": condition}))
