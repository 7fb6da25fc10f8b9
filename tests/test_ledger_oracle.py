"""The timing ledger against a slow second reading of its definition, and its invariants, on random chats."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.hours import Hours, contains, microseconds_inside, parse_hours
from qa.ledger import LedgerSettings, Wait, build_ledger
from qa.types import Chat, Message, Role

ZONE = ZoneInfo("Asia/Shanghai")
SHOP = parse_hours([("09:00", "23:00")])
PLAIN = LedgerSettings(
    zone=ZONE,
    courtesy=lambda text: text in {"谢谢", "好的", "再见"},
    holding=lambda text: text in {"请稍等", "正在为您查询"},
)

# The second reading: sittings first, then each sitting as a list, figures as fractions

ENDS = {"transfer", "closed"}


def oracle_sittings(chat: Chat, how: LedgerSettings) -> list[list[int]]:
    """Turns of each sitting, in order of time."""
    shown = [
        turn
        for turn, message in enumerate(chat.messages)
        if not message.withdrawn and not message.private and (message.role != "system" or message.kind in ENDS)
    ]
    shown = sorted(shown, key=lambda turn: (chat.messages[turn].at, turn))
    sittings: list[list[int]] = [[]]
    for before, turn in zip([None, *shown], shown, strict=False):
        if before is not None:
            start, end = chat.messages[before].at, chat.messages[turn].at
            gap = end - start
            if how.business_hours:
                gap = microseconds_inside(start, end, how.business_hours, how.zone)
            if gap > how.reopen_after_s * 10**6 or (
                chat.messages[before].role == "system" and chat.messages[before].kind == "closed"
            ):
                sittings.append([])
        sittings[-1].append(turn)
    return sittings


def oracle_waits(chat: Chat, how: LedgerSettings) -> Iterator[tuple[int, int, int | None, int | None]]:
    """(sitting, opened, closed, substantive) turns of every wait."""
    said = chat.messages
    spoke_last = None  # which of bot and agent, over all sittings so far
    for number, sitting in enumerate(oracle_sittings(chat, how)):
        agents = [turn for turn in sitting if said[turn].role == "agent"]
        before = sitting[: sitting.index(agents[0])] if agents else sitting
        bots = [turn for turn in before if said[turn].role == "bot"]
        transfers = [turn for turn in before if said[turn].role == "system" and said[turn].kind == "transfer"]
        asks = [turn for turn in sitting if said[turn].role == "customer" and not how.courtesy(said[turn].text)]
        opened = None
        if transfers and (bots or spoke_last == "bot"):
            opened = transfers[0]
        elif bots and agents:
            later = before[before.index(bots[-1]) :]
            customers = [turn for turn in before if said[turn].role == "customer"]
            opened = next((turn for turn in later if turn in asks), customers[-1] if customers else None)
        elif not bots:
            opened = next((turn for turn in before if turn in asks), None)
        rest = sitting[len(before) :]
        for place, turn in enumerate(rest):
            if said[turn].role == "agent" and opened is not None:
                full = [t for t in rest[place:] if said[t].role == "agent" and not how.holding(said[t].text)]
                yield number, opened, turn, full[0] if full else None
                opened = None
            elif turn in asks and opened is None:
                opened = turn
        if opened is not None:
            yield number, opened, None, None
        if agents:
            spoke_last = "agent"
        elif bots:
            spoke_last = "bot"


def oracle_complete(
    chat: Chat, how: LedgerSettings, waits: list[tuple[int, int, int | None, int | None]]
) -> int | None:
    """The turn that completes the answer to the first wait."""
    number, opened, _, _ = waits[0]
    mine = [wait for wait in waits if wait[0] == number]
    if any(substantive is None for _, _, _, substantive in mine):
        return None
    sitting = oracle_sittings(chat, how)[number]
    place = {turn: index for index, turn in enumerate(sitting)}
    last = max(mine, key=lambda wait: place[wait[1]])
    owed_until = max(place[wait[3]] for wait in mine if wait[3] is not None)
    end = len(sitting)
    for turn in sitting[place[last[1]] + 1 :]:
        if place[turn] > owed_until and chat.messages[turn].role == "customer":
            end = place[turn]
            break
    answers = [turn for turn in sitting[place[opened] : end] if chat.messages[turn].role == "agent"]
    return answers[-1]


def check_against_oracle(chat: Chat, how: LedgerSettings) -> None:
    found = build_ledger(chat, how)
    said = chat.messages
    expected = list(oracle_waits(chat, how))
    got = [(wait.opened_turn, wait.closed_turn, wait.substantive_turn) for wait in found.waits]
    assert got == [wait[1:] for wait in expected]

    def measure(start: int, end: int) -> int:
        first, last = said[start].at, said[end].at
        assert first is not None
        assert last is not None
        return microseconds_inside(first, last, how.business_hours, how.zone) if how.business_hours else last - first

    seen: set[int] = set()
    counted: list[int] = []
    for wait, (number, opened, closed, _) in zip(found.waits, expected, strict=True):
        kind = "first" if wait is found.waits[0] else "next" if number in seen else "reopened"
        seen.add(number)
        assert wait.kind == kind
        if closed is None:
            continue
        micro = measure(opened, closed)
        outside = (
            bool(how.business_hours) and micro == 0 and not contains(said[opened].at, how.business_hours, how.zone)
        )
        assert wait.left_out == ("off hours" if outside else None)
        assert wait.response_s == micro / 10**6
        counted += [] if outside else [micro]
    unanswered = [wait for wait in expected if wait[2] is None]
    assert found.unanswered == len(unanswered)
    total = len(counted) + len(unanswered)
    share = float(Fraction(sum(micro <= 180 * 10**6 for micro in counted), total)) if total else None
    assert found.within_180_rate == share
    assert found.within_rate(180) == share
    talkers = {said[turn].role for sitting in oracle_sittings(chat, how) for turn in sitting}
    if not {"agent", "customer"} <= talkers:
        assert found.not_applicable == "one-sided"
        assert found.average_response_s is found.first_response_s is found.complete_answer_s is None
        return
    assert found.not_applicable is None
    assert found.longest_wait_s == (max(counted) / 10**6 if counted else None)
    if counted:
        assert found.average_response_s == pytest.approx(float(Fraction(sum(counted), len(counted) * 10**6)), rel=1e-12)
    else:
        assert found.average_response_s is None
    done = oracle_complete(chat, how, expected) if expected else None
    if done is None:
        assert found.complete_turn is found.complete_answer_s is None
    elif found.complete_turn is None:
        assert found.waits[0].left_out == "off hours"
        assert measure(expected[0][1], done) == 0
    else:
        assert (found.complete_turn, found.complete_answer_s) == (done, measure(expected[0][1], done) / 10**6)


START = 1_795_132_800_000_000  # 2026-11-20 08:00 in China
WORDS = st.sampled_from(["谢谢", "好的", "请稍等", "正在为您查询", "有货吗", "有货"])
STEPS = st.sampled_from([0, 1, 20, 170, 180, 400, 3_000, 7_200, 7_201, 20_000, 50_000])


@st.composite
def chats(draw: st.DrawFn, bots: bool = True) -> Chat:
    roles = [Role.CUSTOMER, Role.CUSTOMER, Role.AGENT, Role.AGENT, Role.SYSTEM, *([Role.BOT] if bots else [])]
    messages = []
    at = START
    for _ in range(draw(st.integers(0, 14))):
        at += draw(STEPS) * 10**6
        role = draw(st.sampled_from(roles))
        kind = draw(st.sampled_from(["transfer", "closed", "join"])) if role is Role.SYSTEM else "text"
        hidden = draw(st.sampled_from([""] * 8 + ["withdrawn", "private"]))
        messages.append(
            Message(role, draw(WORDS), at=at, kind=kind, withdrawn=hidden == "withdrawn", private=hidden == "private")
        )
    return Chat("c", tuple(draw(st.permutations(messages)) if draw(st.booleans()) else messages))


HOURS = st.sampled_from([None, SHOP, parse_hours([("20:00", "02:00"), ("09:00", "12:00")])])


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(chats(), HOURS)
def test_agrees_with_the_slow_reading(chat: Chat, hours: Hours | None) -> None:
    check_against_oracle(chat, msgspec.structs.replace(PLAIN, business_hours=hours))


@settings(max_examples=300, deadline=None)
@given(chats(bots=False), HOURS)
def test_agrees_with_the_slow_reading_without_bots(chat: Chat, hours: Hours | None) -> None:
    check_against_oracle(chat, msgspec.structs.replace(PLAIN, business_hours=hours))


@settings(deadline=None)
@given(chats(), HOURS)
def test_waits_are_disjoint_ordered_and_consistent(chat: Chat, hours: Hours | None) -> None:
    found = build_ledger(chat, msgspec.structs.replace(PLAIN, business_hours=hours))
    order = {
        turn: place for place, turn in enumerate(sorted(range(len(chat.messages)), key=lambda t: chat.messages[t].at))
    }
    before: Wait | None = None
    for wait in found.waits:
        assert wait.unanswered is (wait.closed_turn is None) is (wait.response_s is None)
        assert wait.counted is (not wait.unanswered and wait.left_out is None)
        if wait.closed_turn is not None:
            assert order[wait.opened_turn] < order[wait.closed_turn]
        if wait.substantive_s is not None:
            assert wait.response_s is not None
            assert wait.response_s <= wait.substantive_s
        if before is not None:
            end = before.closed_turn if before.closed_turn is not None else before.opened_turn
            assert order[end] < order[wait.opened_turn]
        before = wait


@settings(deadline=None)
@given(chats(), st.integers(-(10**15), 10**15))
def test_a_shift_of_all_times_changes_nothing_without_hours(chat: Chat, shift: int) -> None:
    moved = tuple(msgspec.structs.replace(message, at=message.at + shift) for message in chat.messages)
    found = build_ledger(chat, PLAIN)
    again = build_ledger(msgspec.structs.replace(chat, messages=moved), PLAIN)
    back = tuple(msgspec.structs.replace(wait, opened_at=wait.opened_at - shift) for wait in again.waits)
    assert msgspec.structs.replace(again, waits=back) == found


@settings(deadline=None)
@given(chats(), HOURS)
def test_withdrawn_messages_never_matter(chat: Chat, hours: Hours | None) -> None:
    how = msgspec.structs.replace(PLAIN, business_hours=hours)
    kept = [turn for turn, message in enumerate(chat.messages) if not message.withdrawn]
    without = Chat("c", tuple(chat.messages[turn] for turn in kept))
    place = {turn: index for index, turn in enumerate(kept)} | {None: None}
    found = build_ledger(chat, how)
    renumbered = tuple(
        msgspec.structs.replace(
            wait,
            opened_turn=place[wait.opened_turn],
            closed_turn=place[wait.closed_turn],
            substantive_turn=place[wait.substantive_turn],
        )
        for wait in found.waits
    )
    found = msgspec.structs.replace(found, waits=renumbered, complete_turn=place[found.complete_turn])
    assert build_ledger(without, how) == found


@settings(deadline=None)
@given(chats())
def test_the_whole_day_as_hours_is_the_same_as_none(chat: Chat) -> None:
    whole = msgspec.structs.replace(PLAIN, business_hours=parse_hours([("00:00", "24:00")]))
    assert build_ledger(chat, whole) == build_ledger(chat, PLAIN)
