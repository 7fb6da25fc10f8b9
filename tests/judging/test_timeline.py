from __future__ import annotations

from itertools import pairwise
from zoneinfo import ZoneInfo

import ledger_notation as notation

from qa.hours import parse_hours
from qa.judging.timeline import Timeline, course, timeline
from qa.ledger import ledger_of, visible
from qa.rules.view import Context

CONTEXT = Context(
    ledger=notation.PLAIN, peak=parse_hours([("09:00", "12:00")]), zone=ZoneInfo("Asia/Shanghai")
)  # fmt: skip


def line(text: str) -> Timeline:
    rows = visible(notation.parse(text).messages)
    found = timeline(rows, ledger_of(rows, notation.PLAIN), CONTEXT)
    assert found is not None
    return found


def test_waits_are_drawn_to_scale_and_late_ones_are_known() -> None:
    found = line(
        """
        10:00:00 客户: 在吗
        10:00:20 客服: 在的
        10:00:40 客户: 多久到
        10:03:20 客服: 三天
        10:03:20 客户: 太久
        """
    )
    first, second, third = found.bars
    assert found.scale_s == 200
    assert [(bar.x, bar.width) for bar in (first, second)] == [(0, 100), (200, 800)]
    assert [(bar.limit_s, bar.late) for bar in found.bars] == [(15, True), (180, False), (180, True)]
    assert (third.seconds, third.wait.unanswered) == (None, True)
    assert [(tick.x, tick.role) for tick in found.ticks][:2] == [(0, "customer"), (100, "agent")]


def test_off_peak_the_first_answer_has_longer() -> None:
    (bar,) = line("15:00:00 客户: 在吗\n15:00:20 客服: 在的").bars
    assert (bar.limit_s, bar.late) == (30, False)


def test_an_idle_silence_is_cut_and_a_wait_never() -> None:
    found = line(
        """
        10:00:00 客户: 在吗
        10:15:00 客服: 在的
        12:10:00 客服: 还有问题吗
        """
    )
    assert found.scale_s == 945
    assert len(found.cuts) == 1
    assert all(one.x <= other.x for one, other in pairwise(found.ticks))
    assert found.bars[0].width == round(900 / 945 * 1000, 1)


def test_without_times_there_is_no_line_and_one_message_is_a_point() -> None:
    rows = visible(notation.parse("客户: 在吗").messages)
    assert timeline(rows, ledger_of(rows, notation.PLAIN), CONTEXT) is None
    assert line("10:00:00 客户: 在吗").scale_s == 0


def test_the_course_goes_from_turn_to_turn() -> None:
    def of(turn: int | None, bad: float, good: float) -> dict[str, object]:
        both = {"probabilities": [bad, 1 - bad - good, good], "label": "neutral", "probability": 0.5}
        return {"of": "sentiment", "turn": turn} | both

    points = course([of(None, 1, 0), of(4, 0.75, 0), of(0, 0, 0.5), of(2, 0.25, 0.25)])
    assert [(point.turn, point.x, point.y) for point in points] == [(0, 0, 0.5), (2, 500, 0), (4, 1000, -0.75)]
    assert course([of(3, 0, 0)])[0].x == 0
    assert course([]) == ()
