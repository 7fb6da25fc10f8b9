"""The timing ledger: the worked examples of its definition, and visibility."""

from __future__ import annotations

import msgspec
import pytest
from ledger_notation import IN_HOURS, PLAIN, ZONE, ledger, parse, spans

from qa.ledger import Ledger, build_ledger, ledger_as_dict
from qa.types import Chat


def test_example_1_a_tip_is_late_for_nothing() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:20 客服: 在的\n10:05:00 客服: 小贴士\n10:06:00 客户: 谢谢")
    assert spans(found) == [("first", 0, 1, 20.0)]
    assert (found.unanswered, found.within_180_rate, found.average_response_s) == (0, 1.0, 20.0)
    assert (found.complete_answer_s, found.complete_turn) == (300.0, 2)


def test_example_2_a_burst_is_one_wait() -> None:
    found = ledger("10:10:15 客户: 在吗\n10:15:20 客户: 人呢\n10:18:10 客服: 在的")
    assert spans(found) == [("first", 0, 2, 475.0)]
    assert found.within_180_rate == 0.0


def test_example_3_holding() -> None:
    found = ledger("10:00:00 客户: 到哪了\n10:00:10 客服: 请稍等\n10:04:00 客服: 已到杭州")
    assert (found.first_response_s, found.first_substantive_s) == (10.0, 240.0)
    assert (found.waits[0].closed_turn, found.waits[0].substantive_turn) == (1, 2)
    assert found.complete_answer_s == 240.0


def test_example_4_the_bot_is_not_the_person() -> None:
    found = ledger("10:00:00 客户: 退货\n10:00:05 机器人: 请看链接\n10:00:30 客户: 转人工\n10:01:10 客服: 您好")
    assert spans(found) == [("first", 2, 3, 40.0)]


def test_example_5_the_wait_opens_at_the_transfer() -> None:
    found = ledger(
        "10:00:00 客户: 退货\n10:00:05 机器人: 请看链接\n10:00:30 客户: 转人工\n10:00:40 系统(transfer): 转接\n"
        "10:01:10 客服: 您好"
    )
    assert spans(found) == [("first", 3, 4, 30.0)]


def test_example_6_an_unanswered_question() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:30 客服: 在的\n10:02:00 客户: 有货吗")
    assert (found.average_response_s, found.unanswered, found.within_180_rate) == (30.0, 1, 0.5)
    assert spans(found)[1] == ("next", 2, None, None)
    assert found.complete_answer_s is None


def test_example_7_a_reopened_chat() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:30 客服: 在的\n15:00:00 客户: 还有个问题\n15:00:50 客服: 您说")
    assert spans(found) == [("first", 0, 1, 30.0), ("reopened", 2, 3, 50.0)]
    assert (found.first_response_s, found.average_response_s) == (30.0, 40.0)


def test_example_8_the_night_is_not_charged() -> None:
    found = ledger("23:50:00 客户: 在吗\n2026-11-21 09:00:20 客服: 在的", IN_HOURS)
    assert spans(found) == [("first", 0, 1, 20.0)]
    assert (found.unanswered, found.average_response_s) == (0, 20.0)


def test_example_9_equal_times_keep_their_order() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:00 客服: 在的")
    assert spans(found) == [("first", 0, 1, 0.0)]
    found = ledger("10:00:00 客服: 在的\n10:00:00 客户: 在吗")
    assert spans(found) == [("first", 1, None, None)]
    assert found.unanswered == 1


def test_example_10_a_greeting_before_the_question_answers_nothing() -> None:
    found = ledger("09:59:58 客服: 欢迎\n10:00:00 客户: 在吗\n10:00:25 客服: 在的")
    assert spans(found) == [("first", 1, 2, 25.0)]


def test_example_11_a_withdrawn_answer() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:08 客服(withdrawn): 在\n10:00:40 客服: 在的")
    assert spans(found) == [("first", 0, 2, 40.0)]


def test_example_12_across_midnight() -> None:
    found = ledger("23:59:50 客户: 在吗\n2026-11-21 00:00:05 客服: 在的")
    assert spans(found) == [("first", 0, 1, 15.0)]
    assert ledger_as_dict("c-1", found, ZONE)["waits"][0]["opened_at"] == "2026-11-20T23:59:50+08:00"


# What exists


@pytest.mark.parametrize(
    "line", ["客户: 在吗", "客服: 在的", "机器人: 您好", "系统(transfer): 转接", "系统(closed): 结束"]
)
def test_a_visible_message_without_time_makes_the_chat_not_applicable(line: str) -> None:
    found = ledger(f"10:00:00 客户: 在吗\n10:00:20 客服: 在的\n{line}")
    assert found == Ledger(not_applicable="no times")
    assert found.unanswered is None
    assert found.within_rate(60) is None


@pytest.mark.parametrize("line", ["客服(withdrawn): 在", "客服(private): 内部", "系统: 客户进入", "系统(rating): 5"])
def test_an_invisible_message_without_time_is_nothing(line: str) -> None:
    assert spans(ledger(f"10:00:00 客户: 在吗\n{line}\n10:00:20 客服: 在的")) == [("first", 0, 2, 20.0)]


def test_out_of_order_messages_keep_their_turns() -> None:
    found = ledger("10:00:20 客服: 在的\n10:01:00 客户: 有货吗\n10:00:00 客户: 在吗\n10:01:30 客服: 有")
    assert spans(found) == [("first", 2, 0, 20.0), ("next", 1, 3, 30.0)]


def test_a_withdrawn_event_is_invisible_too() -> None:
    chat = parse("10:00:00 客户: 在吗\n10:00:10 系统(closed): 结束\n10:00:20 客服: 在的")
    gone = msgspec.structs.replace(chat.messages[1], withdrawn=True)
    chat = msgspec.structs.replace(chat, messages=(chat.messages[0], gone, chat.messages[2]))
    assert spans(build_ledger(chat, PLAIN)) == [("first", 0, 2, 20.0)]


def test_only_the_customer_speaks() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:01:00 客户: 人呢")
    assert (found.not_applicable, found.unanswered, found.within_180_rate) == ("one-sided", 1, 0.0)
    assert found.first_response_s is found.average_response_s is found.longest_wait_s is found.complete_answer_s is None


@pytest.mark.parametrize(
    "text", ["10:00:00 客服: 您好", "10:00:00 客服(withdrawn): 您好", "10:00:00 系统(closed): 结束"]
)
def test_the_customer_never_speaks(text: str) -> None:
    assert ledger(text) == Ledger(unanswered=0, not_applicable="one-sided")


def test_no_message_at_all_is_one_sided() -> None:
    assert build_ledger(Chat("c", ()), PLAIN) == Ledger(unanswered=0, not_applicable="one-sided")


# Courtesies


def test_only_courtesies_open_nothing() -> None:
    found = ledger("10:00:00 客户: 谢谢\n10:00:20 客服: 不客气\n10:00:30 客户: 再见")
    assert found == Ledger(unanswered=0)


def test_a_courtesy_inside_a_burst_changes_nothing() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:05 客户: 谢谢\n10:00:20 客服: 在的")
    assert spans(found) == [("first", 0, 2, 20.0)]
    assert found.complete_answer_s == 20.0


def test_a_courtesy_before_the_question_does_not_open_the_wait() -> None:
    assert spans(ledger("10:00:00 客户: 好的\n10:00:05 客户: 有货吗\n10:00:20 客服: 有")) == [("first", 1, 2, 15.0)]


def test_a_sticker_by_its_kind_is_a_courtesy_and_a_picture_is_not() -> None:
    assert spans(ledger("10:00:00 客户(sticker): x\n10:00:20 客服: 您好")) == []
    assert spans(ledger("10:00:00 客户(image): x\n10:00:20 客服: 您好")) == [("first", 0, 1, 20.0)]


# Hand-over
