"""Who looks at a chat, why, and what comes first."""

from __future__ import annotations

import itertools

import pytest

from qa.flagging import Failure, Flag, Thresholds, audit_flag, flag
from qa.types import ChatOpinion, FlagReason, Opinion, Severity

LIMITS = Thresholds(low=60, excellent=95)
RED = Failure("red", Severity.CRITICAL, red_line=True)


def reasons(*args, **kwargs) -> list[FlagReason]:
    return [one.reason for one in flag(*args, **kwargs)]


def test_a_clean_chat_has_no_flag() -> None:
    assert flag(100.0, [], [], None, LIMITS) == ()


def test_a_red_line_comes_first_and_names_its_rules() -> None:
    flags = flag(
        0.0, [Failure("rude", Severity.MAJOR), RED, Failure("red2", Severity.MINOR, red_line=True)], [], None, LIMITS
    )
    assert flags[0] == Flag(FlagReason.RED_LINE, 100, "red,red2")
    assert [one.reason for one in flags] == [FlagReason.RED_LINE, FlagReason.RULE_FAILED]


@pytest.mark.parametrize(
    ("severity", "flagged"),
    [(Severity.CRITICAL, True), (Severity.MAJOR, True), (Severity.MINOR, False), (Severity.INFO, False)],
)
def test_only_serious_failures_are_flagged(severity: Severity, flagged: bool) -> None:
    assert bool(flag(80.0, [Failure("x", severity)], [], None, LIMITS)) is flagged


def test_more_serious_failures_are_riskier_up_to_a_bound() -> None:
    risks = [
        flag(80.0, [Failure(f"r{i}", Severity.MAJOR) for i in range(n)], [], None, LIMITS)[0].risk for n in (1, 2, 99)
    ]
    assert risks == [60, 62, 90]


def test_a_low_score_says_the_score() -> None:
    assert flag(52.0, [], [], None, LIMITS) == (Flag(FlagReason.LOW_SCORE, 52.0, "52"),)
    assert flag(60.0, [], [], None, LIMITS) == ()
    assert reasons(0.0, [RED], [], None, LIMITS) == [FlagReason.RED_LINE]


def test_broken_is_loud() -> None:
    flags = flag(None, [Failure("rude", Severity.MAJOR)], ["care"], "rule x: boom", LIMITS)
    assert flags[0] == Flag(FlagReason.BROKEN, 95, "rule x: boom")
    assert FlagReason.EXCELLENT not in [one.reason for one in flags]


def test_excellent_needs_a_bonus_a_high_score_and_no_serious_failure() -> None:
    assert flag(95.0, [], ["care"], None, LIMITS) == (Flag(FlagReason.EXCELLENT, 10, "care"),)
    assert flag(95.0, [], [], None, LIMITS) == ()
    assert flag(94.99, [], ["care"], None, LIMITS) == ()
    assert flag(None, [], ["care"], None, LIMITS) == ()
    assert reasons(96.0, [Failure("x", Severity.MAJOR)], ["care"], None, LIMITS) == [FlagReason.RULE_FAILED]
    assert reasons(96.0, [Failure("x", Severity.MINOR)], ["care"], None, LIMITS) == [FlagReason.EXCELLENT]


def test_flags_are_in_order_of_risk_whatever_the_order_of_failures() -> None:
    failures = [RED, Failure("a", Severity.MAJOR), Failure("b", Severity.CRITICAL), Failure("c", Severity.MINOR)]
    for order in itertools.permutations(failures):
        flags = flag(0.0, order, ["care"], "boom", LIMITS)
        assert [one.reason for one in flags] == [FlagReason.RED_LINE, FlagReason.BROKEN, FlagReason.RULE_FAILED]
        assert [one.risk for one in flags] == sorted((one.risk for one in flags), reverse=True)


def test_an_audited_chat_is_the_last_in_the_queue() -> None:
    assert audit_flag() == Flag(FlagReason.AUDIT, 5)


def thinks(satisfaction: float, *, abstains: bool = False, resolution: float | None = None) -> ChatOpinion:
    """The model's probability of dissatisfied, and of unresolved."""
    bad = Opinion("dissatisfied", satisfaction, (satisfaction, 1 - satisfaction, 0.0), abstains)
    open_end = None if resolution is None else Opinion("unresolved", resolution, (resolution, 1 - resolution, 0.0))
    return ChatOpinion(satisfaction=bad, resolution=open_end)


def test_what_the_model_is_sure_of_is_a_risk() -> None:
    [one] = flag(90.0, [], [], None, LIMITS, thinks(0.9, resolution=0.85))
    assert one == Flag(FlagReason.MODEL_RISK, 52.5, "satisfaction dissatisfied 0.90, resolution unresolved 0.85")


@pytest.mark.parametrize("thought", [thinks(0.6), thinks(0.95, abstains=True)])
def test_what_the_model_only_suspects_is_named_unsure(thought: ChatOpinion) -> None:
    [one] = flag(90.0, [], [], None, LIMITS, thought)
    assert (one.reason, one.risk) == (FlagReason.MODEL_UNSURE, 15)


def test_a_good_opinion_flags_nothing() -> None:
    good = ChatOpinion(satisfaction=Opinion("satisfied", 0.9, (0.05, 0.05, 0.9)))
    assert flag(90.0, [], [], None, LIMITS, good) == ()
    assert flag(90.0, [], [], None, LIMITS, ChatOpinion()) == ()
