"""Sharing work out among processes: results in their order, and few of them waiting."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from qa.store import readers
from qa.store.readers import few_collections, shared


def eager(**_options: object) -> Any:
    """A pool that has done everything it can get before anybody takes a result, as quick workers have."""

    def run(tasks: Iterable[Any]) -> Iterator[Any]:
        done = [function(*call) for function, call, _ in tasks]
        return (one for one in done)

    return run


@pytest.mark.parametrize("calls", [0, 1, 16, 17, 100])
def test_no_more_calls_are_given_than_may_wait(monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    given = []

    def every() -> Iterator[tuple[int]]:
        for number in range(calls):
            given.append(number)
            yield (number,)

    monkeypatch.setattr(readers, "Parallel", eager)
    monkeypatch.setattr(readers, "_there", lambda function, *call: function(*call))
    found = []
    for result in shared(lambda number: number * number, every(), 2):
        found.append(result)
        assert len(given) - len(found) < 16
    assert found == [number * number for number in range(calls)]
    assert len(given) == calls


def seldom(told: list[int]) -> None:
    with few_collections():
        told.append(gc.get_threshold()[0])
        raise ZeroDivisionError


def test_dead_objects_are_looked_for_as_before_when_it_is_over() -> None:
    before, told = gc.get_threshold(), list[int]()
    with pytest.raises(ZeroDivisionError):
        seldom(told)
    assert gc.get_threshold() == before
    assert told[0] > before[0]
