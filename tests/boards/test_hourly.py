"""What the hours of a day add up to, and that adding up takes memory for agents and hours, not for chats."""

from __future__ import annotations

import tracemalloc
from collections import deque
from collections.abc import Callable
from typing import Any

from qa.boards.facts import Fact, shares
from qa.boards.hourly import Begun, Inspected, added_up
from qa.boards.sums import Groups, Seen, Tally

ALL = ("*", "*")


def test_chats_are_counted_and_inspected_ones_weigh_as_much_as_they_stand_for() -> None:
    begun, inspected = Begun(), Inspected()
    for agent, hour in [("a", 9), ("a", 9), ("a", 10), ("b", 9)]:
        begun.add(agent, None, hour)
    inspected.add("s", (ALL, ("", "a")), 9, Fact(waits=2, response_s=90.0, due=3, in_time=1))
    inspected.add("t", (ALL, ("", "b")), 9, Fact(waits=1, response_s=5.0, due=1, in_time=1))
    inspected.add("u", (ALL, ("", "b")), 9, Fact(broken=True))
    by_groups = [((ALL, ("", agent or "")), chats) for agent, _, chats in begun.of_groups()]
    added = added_up(by_groups, inspected, {"s": 2.0, "t": 1.0})
    found = {(group, hour): row for group, hour, row in added}
    assert found[ALL, 9] == {"chats": 3, "inspected": 3, "due": 7.0, "late": 4.0, "waits": 5.0, "response_s": 185.0}
    assert found[("", "a"), 10] == {"chats": 1, "inspected": 0, "due": 0, "late": 0, "waits": 0, "response_s": 0}
    assert found[("", "b"), 9]["inspected"] == 2
    assert set(found) == {(ALL, 9), (ALL, 10), (("", "a"), 9), (("", "a"), 10), (("", "b"), 9)}


def groups_of(number: int) -> Groups:
    """Texts of their own, as rows of a database are."""
    return ALL, (f"team {number % 4}", "*"), (f"team {number % 4}", f"agent {number}")


def kept(make: Callable[[], Any]) -> tuple[int, Any]:
    """Bytes that are still held when it is made, and what it is."""
    tracemalloc.start(1)
    made = make()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size, made


def a_day(chats: int) -> tuple[Tally, Inspected]:
    """20 agents; every agent has been seen in every hour, and with every rule, after 480 chats."""
    tally, hours = Tally(), Inspected()
    fact = Fact(score=80.0, waits=2, response_s=90.0, due=3, in_time=2)
    for number in range(chats):
        groups, hour = groups_of(number % 20), number // 20 % 24
        found = shares(fact) | {f"rule:house.{hour}": shares(fact)["mean_score"]}
        tally.add(Seen((0, f"agent {number % 20}", ""), broken=False, shares=found, groups=groups))
        hours.add((0, f"agent {number % 20}", ""), groups, hour, fact)
    return tally, hours


def test_ten_times_the_chats_take_the_memory_of_one_time() -> None:
    few, _ = kept(lambda: a_day(480))
    many, _ = kept(lambda: a_day(4_800))
    assert many < 1.05 * few


def test_sums_are_made_for_one_group_at_a_time() -> None:
    tally, _ = a_day(960)
    sizes = {(0, f"agent {number}", ""): 100 for number in range(20)}
    every, sums = kept(lambda: list(tally.sums(sizes, frozenset())))
    tracemalloc.start(1)
    deque(tally.sums(sizes, frozenset()), maxlen=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(sums) == (1 + 4 + 20) * 27
    assert peak < every / 4
