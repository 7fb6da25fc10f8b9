from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import PackError
from qa.rules.engine import compile_pack
from qa.rules.entities import luhn, resident_id, split_numbers

ID = "11010519491231002X"
CARD = "6222021234567890128"


def said(judge, kind: str, text: str) -> list[str]:
    answer = judge({"entity": {"kinds": [kind]}}, f"客户: 在\n客服: {text}")
    return [quote for _, quote in answer.quotes] if answer.state == "hit" else []


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("phone", "打13800138000吧", ["13800138000"]),
        ("phone", "+86 138 0013 8000", ["86 138 0013 8000"]),
        ("phone", "+8613800138000", ["8613800138000"]),
        ("phone", "１３８❤００１３❤８０００", ["１３８❤００１３❤８０００"]),
        ("phone", "1 3 8-0 0 1 3.8 0 0 0 谢谢", ["1 3 8-0 0 1 3.8 0 0 0"]),
        ("phone", "13800138000 13900139000", ["13800138000", "13900139000"]),
        ("phone", "单 1312 13800138000", ["13800138000"]),
        ("phone", "13800138000xyz", ["13800138000"]),
        ("phone", "13800138000 x", ["13800138000"]),
        ("phone", "138001380001", []),
        ("phone", "12800138000", []),
        ("phone", "订单138元，00138000", []),
        ("phone", "11-13 12:34:56.789", []),
        ("resident_id", f"我的{ID}。", [ID]),
        ("resident_id", "110105 19491231 002x", ["110105 19491231 002x"]),
        ("resident_id", "110105194912310029", []),
        ("resident_id", "11010519491231002xyz", []),
        ("resident_id", "99010519491231002X", []),
        ("bank_card", "卡号6222 0212 3456 7890 128", ["6222 0212 3456 7890 128"]),
        ("bank_card", CARD, [CARD]),
        ("bank_card", CARD[:-1] + "3", []),
        ("bank_card", "4111-1111-1111-1111", ["4111-1111-1111-1111"]),
        ("bank_card", "1111111111111117", []),
        ("mail", "发到 A.b-c@Example.com.cn。", ["A.b-c@Example.com.cn"]),
        ("mail", "a@b", []),
        ("url", "看http://t.cn/Abc?x=1。", ["http://t.cn/Abc?x=1"]),
        ("url", "看 shop.example.com/a.", ["shop.example.com/a"]),
        ("url", "www.example.org, 好", ["www.example.org"]),
        ("url", "3.5折", []),
        ("url", "a@example.com", []),
        ("amount", "¥9.90 和 ￥1,200", ["¥9.90", "￥1,200"]),
        ("amount", "退您5元，2.5万元", ["5元", "2.5万元"]),
        ("amount", "三百块钱", ["三百块钱"]),
        ("amount", "5个", []),
        ("date", "2026-11-20 10:00 到", ["2026-11-20"]),
        ("date", "2026年2月28日，２月２９号", ["2026年2月28日", "２月２９号"]),
        ("date", "2026/2/30", []),
        ("date", "13月1日", []),
        ("order_number", "订单号：1234567890", ["1234567890"]),
        ("order_number", "1234567890", []),
        ("order_number", "没有单号", []),
        ("order_number", "123456789012", ["123456789012"]),
        ("order_number", "订单13800138000", []),
        ("order_number", ID + " " + CARD, []),
        ("order_number", "1234567890123456789012345", []),
    ],
)
def test_entities(judge, kind: str, text: str, found: list[str]) -> None:
    assert said(judge, kind, text) == found


def test_several_kinds_counted_together(judge) -> None:
    body = {"entity": {"kinds": ["phone", "mail"], "at_least": 2}}
    assert judge(body, "客服: 13800138000").state == "miss"
    answer = judge(body, "客服: 13800138000 a@b.cn\n客户: 13900139000")
    assert (answer.quotes, answer.finding.value) == ([(0, "13800138000"), (0, "a@b.cn")], 2)


def test_what_the_customer_wrote_before_is_the_customers_own(judge) -> None:
    body = {"entity": {"kinds": ["phone"], "unless_said_by": "customer"}}
    chat = "客户: 13800138000\n客服: +86 138 0013 8000对吗\n客服: 13900139000\n客户: 13900139000"
    assert judge(body, chat).quotes == [(2, "13900139000")]
    assert judge(body, "\n".join(chat.split("\n")[:2])).state == "miss"


@given(st.text(alphabet="0123456789", min_size=1, max_size=20))
def test_luhn_finds_every_changed_digit(number: str) -> None:
    whole = next(number + check for check in "0123456789" if luhn(number + check))
    for i, digit in enumerate(whole):
        assert not luhn(whole[:i] + str((int(digit) + 1) % 10) + whole[i + 1 :])


@given(st.integers(0, 999), st.dates())
def test_a_resident_number_has_one_check_digit(serial: int, day) -> None:
    number = f"440301{day.year:04}{day.month:02}{day.day:02}{serial:03}"
    assert sum(resident_id(number + check) for check in "0123456789x") == 1


@given(st.text(alphabet="013568x -❤:abc", max_size=60))
def test_split_numbers_are_whole_and_apart(text: str) -> None:
    reached = 0
    for start, end, number in split_numbers(text, 0, len(text), "phone"):
        assert start >= reached
        assert "".join(c for c in text[start:end] if c.isdigit()) == number
        assert not (start and text[start - 1].isdigit())
        assert not text[end : end + 1].isdigit()
        reached = end


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"kinds": []}, "at least 1 item"),
        ({"kinds": ["fax"]}, "'fax' is not one of its values (known: phone, mail, "),
        ({"kinds": ["url"], "unless_said_by": "x"}, "'x' is not one of its values (known: customer, agent, bot)"),
    ],
)
def test_mistakes(pack_of, body: dict, reason: str) -> None:
    with pytest.raises(PackError) as caught:
        compile_pack(pack_of({"when": {"entity": body}}))
    assert reason in str(caught.value)
