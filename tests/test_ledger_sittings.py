"""The timing ledger: hand-overs, sittings, hours, complete answers."""

from __future__ import annotations

import msgspec
from ledger_notation import IN_HOURS, PLAIN, ZONE, ledger, spans

from qa.ledger import Ledger, ledger_as_dict


def test_a_sitting_that_only_a_bot_served_has_no_waits() -> None:
    found = ledger("10:00:00 客户: 退货\n10:00:05 机器人: 请看链接\n10:00:30 客户: 看不懂")
    assert (found.waits, found.unanswered, found.not_applicable) == ((), 0, "one-sided")


def test_handed_over_to_nobody_is_unanswered() -> None:
    found = ledger("10:00:00 客户: 退货\n10:00:05 机器人: 请看\n10:00:30 客户: 转人工\n10:00:31 系统(transfer): 转接")
    assert spans(found) == [("first", 3, None, None)]
    assert found.unanswered == 1


def test_the_last_customer_turn_before_the_agent_when_none_follows_the_bot() -> None:
    found = ledger("10:00:00 客户: 退货\n10:00:10 客户: 快\n10:00:15 机器人: 请看链接\n10:01:10 客服: 您好")
    assert spans(found) == [("first", 1, 3, 60.0)]
    found = ledger("10:00:00 客户: 退货\n10:00:15 机器人: 请看链接\n10:00:30 客户: 谢谢\n10:01:10 客服: 您好")
    assert spans(found) == [("first", 2, 3, 40.0)]


def test_the_first_real_turn_after_the_last_bot_turn() -> None:
    found = ledger(
        "10:00:00 客户: 退货\n10:00:05 机器人: 好\n10:00:10 客户: 转人工\n10:00:15 机器人: 排队中\n"
        "10:00:20 客户: 好的\n"
        "10:00:25 客户: 快点\n10:00:30 客户: 人呢\n10:01:00 客服: 您好"
    )
    assert spans(found) == [("first", 5, 7, 35.0)]


def test_a_bot_greeting_without_a_customer_turn_opens_nothing() -> None:
    found = ledger("10:00:00 机器人: 欢迎\n10:00:10 客服: 您好\n10:00:20 客户: 在吗\n10:00:25 客服: 在")
    assert spans(found) == [("first", 2, 3, 5.0)]


def test_the_first_transfer_counts_and_bot_turns_after_it_do_not_matter() -> None:
    found = ledger(
        "10:00:00 客户: 转人工\n10:00:05 系统(transfer): 转接\n10:00:06 机器人: 正在接入\n10:00:20 客户: 快\n"
        "10:00:30 系统(transfer): 再转\n10:00:40 客服: 您好"
    )
    assert spans(found) == [("first", 1, 5, 35.0)]


def test_a_transfer_between_people_changes_nothing() -> None:
    found = ledger(
        "10:00:00 客户: 在吗\n10:00:10 客服: 在\n10:01:00 客户: 要主管\n10:01:10 系统(transfer): 转主管\n"
        "10:02:00 客服: 我是主管"
    )
    assert spans(found) == [("first", 0, 1, 10.0), ("next", 2, 4, 60.0)]


def test_a_transfer_in_a_chat_without_a_bot_changes_nothing() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:30 系统(transfer): 分配\n10:00:50 客服: 在")
    assert spans(found) == [("first", 0, 2, 50.0)]


def test_a_survey_bot_at_the_end_changes_nothing() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:30 系统(transfer): 分配\n10:00:50 客服: 在\n10:01:00 机器人: 请评价")
    assert spans(found) == [("first", 0, 2, 50.0)]


def test_a_bot_in_the_middle_answers_nobody() -> None:
    found = ledger(
        "10:00:00 客户: 在吗\n10:00:10 客服: 在\n10:01:00 客户: 有货吗\n10:01:01 机器人: 猜你想问\n10:01:40 客服: 有"
    )
    assert spans(found)[1] == ("next", 2, 4, 40.0)


def test_a_later_sitting_that_a_bot_served_first() -> None:
    found = ledger(
        "10:00:00 客户: 在吗\n10:00:10 客服: 在\n15:00:00 客户: 退货\n15:00:01 机器人: 请看\n"
        "15:00:20 客户: 转人工\n15:01:00 客服: 您好"
    )
    assert spans(found) == [("first", 0, 1, 10.0), ("reopened", 4, 5, 40.0)]


def test_after_a_sitting_of_the_bot_a_transfer_is_still_the_hand_over() -> None:
    text = (
        "10:00:00 客户: 退货\n10:00:05 机器人: 请看\n15:00:00 客户: 转人工\n15:00:20 系统(transfer): 转接\n"
        "15:01:00 客服: 您好"
    )
    assert spans(ledger(text)) == [("first", 3, 4, 40.0)]


# Sittings


def test_two_hours_exactly_end_nothing_and_a_second_more_does() -> None:
    assert spans(ledger("10:00:00 客户: 在吗\n12:00:00 客服: 在")) == [("first", 0, 1, 7200.0)]
    assert spans(ledger("10:00:00 客户: 在吗\n12:00:01 客服: 在")) == [("first", 0, None, None)]


def test_the_silence_is_configurable() -> None:
    short = msgspec.structs.replace(PLAIN, reopen_after_s=60)
    assert spans(ledger("10:00:00 客户: 在吗\n10:01:01 客服: 在", short)) == [("first", 0, None, None)]


def test_a_visible_bot_message_breaks_the_silence_and_an_invisible_one_does_not() -> None:
    text = "10:00:00 客服: 您好\n10:00:10 客户: 在吗\n11:30:00 {}\n13:00:00 客服: 在"
    assert spans(ledger(text.format("机器人: 排队中"))) == [("first", 1, 3, 10790.0)]
    assert ledger(text.format("客服(private): 内部")).unanswered == 1


def test_closed_ends_the_sitting() -> None:
    found = ledger(
        "10:00:00 客户: 在吗\n10:00:30 系统(closed): 结束\n10:00:40 客服: 在\n10:01:00 客户: 有货吗\n10:01:05 客服: 有"
    )
    assert spans(found) == [("first", 0, None, None), ("reopened", 3, 4, 5.0)]
    assert (found.first_response_s, found.unanswered, found.within_180_rate) == (None, 1, 0.5)
    assert found.complete_answer_s is None


def test_the_first_wait_is_first_even_when_an_earlier_sitting_had_none() -> None:
    found = ledger(
        "08:00:00 客服: 活动通知\n10:10:00 客户: 在吗\n10:10:05 客服: 在\n10:11:00 客户: 有货吗\n10:11:09 客服: 有"
    )
    assert spans(found) == [("first", 1, 2, 5.0), ("next", 3, 4, 9.0)]


# Hours


def test_a_night_with_its_silence_outside_hours_is_one_sitting() -> None:
    found = ledger(
        "22:30:00 客户: 在吗\n22:31:00 客服: 在\n2026-11-21 10:00:00 客户: 有货吗\n10:00:30 客服: 有", IN_HOURS
    )
    assert [wait.kind for wait in found.waits] == ["first", "next"]


def test_a_wait_wholly_outside_is_left_out_of_every_figure() -> None:
    found = ledger("23:30:00 客户: 在吗\n23:31:00 客服: 在", IN_HOURS)
    assert (found.waits[0].response_s, found.waits[0].counted, found.waits[0].left_out) == (0.0, False, "off hours")
    assert found == Ledger(waits=found.waits, unanswered=0)


def test_a_zero_second_wait_inside_hours_is_counted() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:00 客服: 在", IN_HOURS)
    assert (found.first_response_s, found.waits[0].counted) == (0.0, True)


def test_a_question_at_night_that_nobody_ever_answered_is_unanswered() -> None:
    found = ledger("23:30:00 客户: 在吗\n23:31:00 客服: 在\n23:32:00 客户: 有货吗", IN_HOURS)
    assert (found.unanswered, found.within_180_rate, found.waits[1].left_out) == (1, 0.0, None)


def test_held_at_night_and_answered_in_the_morning() -> None:
    found = ledger("23:30:00 客户: 在吗\n23:31:00 客服: 请稍等\n2026-11-21 09:00:20 客服: 有", IN_HOURS)
    assert (found.first_response_s, found.first_substantive_s, found.complete_answer_s) == (None, 20.0, 20.0)


# Holding and the complete answer


def test_holding_then_silence_is_answered_but_never_substantively() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:10 客服: 请稍等\n13:00:00 客服: 有货")
    assert spans(found) == [("first", 0, 1, 10.0)]
    assert (found.waits[0].substantive_turn, found.first_substantive_s, found.complete_answer_s) == (None, None, None)
    assert found.unanswered == 0


def test_one_answer_can_end_two_holdings() -> None:
    found = ledger(
        "10:00:00 客户: 在吗\n10:00:10 客服: 请稍等\n10:01:00 客户: 好了吗\n10:01:05 客服: 正在为您查询\n"
        "10:02:00 客服: 有货"
    )
    assert [(wait.response_s, wait.substantive_s) for wait in found.waits] == [(10.0, 120.0), (5.0, 60.0)]


def test_a_courtesy_while_an_answer_is_owed_does_not_complete_it() -> None:
    found = ledger(
        "10:00:00 客户: 在吗\n10:00:10 客服: 请稍等\n10:00:15 客户: 好的\n10:04:00 客服: 有货\n"
        "10:05:00 客户: 谢谢\n10:05:10 客服: 再见"
    )
    assert (found.complete_answer_s, found.complete_turn) == (240.0, 3)


def test_a_courtesy_followed_by_a_question_does_not_end_the_answer() -> None:
    found = ledger(
        "10:00:00 客户: 在吗\n10:00:10 客服: 在\n10:00:15 客户: 好的\n10:00:20 客户: 有货吗\n"
        "10:01:00 客服: 有\n10:01:10 客户: 谢谢"
    )
    assert (found.complete_answer_s, found.complete_turn) == (60.0, 4)


def test_the_complete_answer_stays_in_the_first_sitting() -> None:
    found = ledger("10:00:00 客户: 在吗\n10:00:10 客服: 在\n15:00:00 客户: 有货吗\n15:00:10 客服: 有")
    assert found.complete_answer_s == 10.0


# The printed form


def test_the_printed_form_has_exactly_the_documented_keys() -> None:
    shown = ledger_as_dict("c-1", ledger("10:00:00 客户: 在吗\n10:00:20 客服: 在的"), ZONE)
    assert shown == {
        "chat": "c-1",
        "waits": [
            {
                "kind": "first",
                "opened_turn": 0,
                "opened_at": "2026-11-20T10:00:00+08:00",
                "closed_turn": 1,
                "response_s": 20.0,
                "substantive_turn": 1,
                "substantive_s": 20.0,
                "counted": True,
                "left_out": None,
                "unanswered": False,
            }
        ],
        "first_response_s": 20.0,
        "first_substantive_s": 20.0,
        "average_response_s": 20.0,
        "longest_wait_s": 20.0,
        "within_180_rate": 1.0,
        "unanswered": 0,
        "complete_answer_s": 20.0,
        "not_applicable": None,
    }
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown
