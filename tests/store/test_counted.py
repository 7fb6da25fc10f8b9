"""Counts of nights say what inspections, findings and reviews say, whatever happened before they were made or after."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from random import Random
from typing import Any

import board_kit
import pytest
import raw_counts
from sqlalchemy import Connection, Engine, insert, select, text, update

from qa.boards import rollup
from qa.boards.rollup import roll_up
from qa.casebook import stars as casebook_stars
from qa.people import Scope
from qa.store import (
    board_waiting,
    counted,
    counted_together,
    dropping,
    night_counts,
    portable,
    reviews,
    rule_counts,
    stars,
)
from qa.store.board_tables import board_nights, counted_nights
from qa.store.counted import Days
from qa.store.inspections import inspection_id
from qa.store.night_counts import WORDS
from qa.store.reviews import Review, Verdict
from qa.store.session import read_tx, write_tx
from qa.store.settled import newest_review, settled_review
from qa.store.tables import chats, findings, frame, inspections, nights, runs, verdicts
from qa.store.tables import reviews as review_rows

MERCHANTS, TEAMS, RULES = ["acme", "other"], ["red", "blue", None], ["a", "b", "c", "d"]
MONTH = "2026-11"
DAYS = ("2026-11-17", "2026-11-18")


@pytest.fixture(autouse=True)
def _in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(night_counts, "_PART", 4)


class Shop:
    """Nights of two merchants on three days, to which something happens."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine, self.random, self.number = engine, Random(seed), 0
        for day in range(3):
            for merchant in MERCHANTS:
                served = tuple(self._spec(f"{merchant}-{day}-{place}") for place in range(9))
                with write_tx(engine) as connection:
                    night = board_kit.night(connection, merchant, served, day)
                    self._scatter(connection, night)

    def _spec(self, name: str) -> dict[str, Any]:
        r = self.random
        return board_kit.spec(
            name, r.choice(["a-1", "a-2"]), r.choice(["red", "blue"]), 9, score=r.choice([None, 0.1, 33.3, 100.0]),
            targeted=r.random() < 0.3, drawn=r.random() < 0.8, broken="x" if r.random() < 0.1 else None,
            failed=tuple(r.sample(RULES, r.randrange(4))),
        )  # fmt: skip

    def _scatter(self, connection: Connection, night: int) -> None:
        """Let chats be of no agent or team, on a channel, praised, with a red line."""
        r = self.random
        for pk in connection.execute(select(frame.c.chat_pk).where(frame.c.night_id == night)).scalars().all():
            places = {"agent_id": r.choice(["a-1", "a-2", "a-3", None]), "team": r.choice(TEAMS)}
            connection.execute(update(chats).where(chats.c.id == pk).values(places))
            connection.execute(update(frame).where(frame.c.chat_pk == pk).values(channel=r.choice(["", "web"])))
        self._colour(connection, night)

    def _colour(self, connection: Connection, night: int) -> None:
        r, i, f = self.random, inspections.c, findings.c
        for key in connection.execute(select(i.id).where(i.night_id == night)).scalars().all():
            connection.execute(update(inspections).where(i.id == key).values(red_line=r.random() < 0.4))
            outcome = r.choice(["failed", "failed", "bonus"])
            connection.execute(update(findings).where(f.inspection_id == key).values(outcome=outcome))

    def review(self, connection: Connection) -> None:
        """Have somebody say something of a chat and its findings, perhaps of one of an earlier inspection."""
        r, f, i = self.random, findings.c, inspections.c
        pk = r.choice(connection.execute(select(chats.c.id).order_by(chats.c.id)).scalars().all())
        of_chat = select(f.id, f.rule).join(inspections, i.id == f.inspection_id).where(i.chat_pk == pk)
        words = [Verdict(row.rule, r.choice(WORDS), row.id) for row in connection.execute(of_chat.order_by(f.id))]
        said = [Verdict("a", "missed"), *r.sample(words, r.randrange(len(words) + 1))]
        self.number += 1
        given = Review(
            f"t-{self.number}", pk, r.choice(["queue", "audit"]), r.choice(["li", "wu"]), r.randrange(50),
            score=r.choice([None, 0.0, 55.5, 90.0]), excellent=r.choice([None, True, False]), verdicts=tuple(said),
        )  # fmt: skip
        reviews.add_review(connection, given)

    def judge_again(self, connection: Connection) -> None:
        """Judge a night's sample again; some of these runs do not end."""
        night = self._night(connection)
        done = self.random.random() < 0.8
        run = self._run(connection, night, "rescore", "done" if done else "inspecting")
        pks = select(inspections.c.chat_pk).where(inspections.c.night_id == night).distinct()
        self._inspect(connection, night, run, sorted(connection.execute(pks).scalars()))

    def extend(self, connection: Connection) -> None:
        """Inspect what was not drawn of a night; half of the time it is not done yet."""
        night = self._night(connection)
        seen = select(inspections.c.chat_pk).where(inspections.c.night_id == night)
        rest = select(frame.c.chat_pk).where(frame.c.night_id == night, frame.c.chat_pk.not_in(seen))
        state = self.random.choice(["done", "inspecting"])
        run = self._run(connection, night, "extend", state)
        self._inspect(connection, night, run, sorted(connection.execute(rest).scalars())[:1])
        values = {"state": state, "finished_at": 10 + run} if state == "done" else {"state": state}
        connection.execute(update(nights).where(nights.c.id == night).values(values))

    def _night(self, connection: Connection) -> int:
        return int(self.random.choice(connection.execute(select(nights.c.id).order_by(nights.c.id)).scalars().all()))

    def _run(self, connection: Connection, night: int, kind: str, state: str) -> int:
        values = {"night_id": night, "kind": kind, "wave": 0, "ruleset": "h", "state": state, "started_at": 1}
        return int(connection.execute(insert(runs).values(values).returning(runs.c.id)).scalar_one())

    def _inspect(self, connection: Connection, night: int, run: int, pks: list[int]) -> None:
        for place, pk in enumerate(pks):
            board_kit._inspect(connection, night, run, pk, inspection_id(run, place), self._spec("again"))
        self._colour(connection, night)


def check(engine: Engine) -> None:
    """Compare the pages' numbers with those from the rows."""
    with read_tx(engine) as connection:
        for merchants in (MERCHANTS, ["other"]):
            found = rule_counts.fired(connection, Days(*DAYS, tuple(merchants)), 1)
            raw = raw_counts.rules(connection, DAYS, merchants)
            said = [
                (rule, word, n) for rule, (_, *of) in found.rules.items() for word, n in zip(WORDS, of, strict=True)
            ]
            assert found.inspected == raw["inspected"]
            assert {rule: numbers[0] for rule, numbers in found.rules.items() if numbers[0]} == raw["fired"]
            assert sorted(one for one in said if one[2]) == raw["said"]
            assert sorted(found.together) == raw["together"]
            assert [pair[2] for pair in found.together] == sorted((pair[2] for pair in found.together), reverse=True)
        for scope in (Scope(), Scope(merchants=("acme",)), Scope(merchants=("acme",), team="red")):
            cells, deeds = stars.cells_and_deeds(connection, scope, MONTH)
            mine = sorted(one._replace(total=round(one.total, 6), squares=round(one.squares, 6)) for one in cells)
            of = list(scope.merchants or MERCHANTS)
            assert (mine, sorted(one[:-1] for one in deeds)) == raw_counts.agents(
                connection, (f"{MONTH}-01", f"{MONTH}-31"), of, scope.team
            )
            agents = {row.id: row.agent_id for row in connection.execute(select(chats.c.id, chats.c.agent_id))}
            assert [agents[one.last_chat] for one in deeds] == [one.agent_id for one in deeds]


def check_judged(engine: Engine, since: int) -> None:
    """Compare the latest words of some days, by rule, with all words one after the other."""
    with read_tx(engine) as connection:
        query = select(verdicts).join(review_rows, review_rows.c.id == verdicts.c.review_id).order_by(verdicts.c.id)
        query = query.where(review_rows.c.reviewed_at >= since, verdicts.c.finding_id.is_not(None))
        last = {row.finding_id: (row.rule, row.verdict) for row in connection.execute(query)}
        said = Counter(last.values())
        rules = {rule: (said[rule, "confirm"], said[rule, "overturn"]) for rule, _word in said}
        assert board_waiting.judged_rules(connection, Scope(), since) == rules


def stored(engine: Engine) -> list[tuple[Any, ...]]:
    with read_tx(engine) as connection:
        return list(map(tuple, connection.execute(select(counted_nights).order_by(counted_nights.c.night_id))))


def test_pages_say_what_the_rows_say_whatever_happens(module_engine: Engine) -> None:
    shop = Shop(module_engine, 7)
    check(module_engine)  # nothing is counted yet
    roll_up(module_engine, board_kit.ZONE)
    assert len(stored(module_engine)) == 6
    check(module_engine)
    for step in range(12):
        with write_tx(module_engine) as connection:
            for _ in range(6):
                shop.review(connection)
            happens = shop.random.choice([shop.review, shop.judge_again, shop.extend])
            happens(connection)
        check(module_engine)
        check_judged(module_engine, 10 * step)
        if step % 3 == 2:
            roll_up(module_engine, board_kit.ZONE)
            check(module_engine)


def test_counting_again_from_nothing_gives_the_same_rows(module_engine: Engine) -> None:
    with write_tx(module_engine) as connection:  # what was left unfinished ends
        connection.execute(update(runs).values(state="done"))
        connection.execute(update(nights).values(state="done"))
    roll_up(module_engine, board_kit.ZONE)
    before = stored(module_engine)
    assert len(before) == 6
    for table in (counted_nights, board_nights):  # as after an upgrade; as after all sums were dropped
        with write_tx(module_engine) as connection:
            connection.execute(table.delete())
        roll_up(module_engine, board_kit.ZONE)
        assert stored(module_engine) == before
    assert roll_up(module_engine, board_kit.ZONE) == 0
    assert stored(module_engine) == before


def test_what_was_added_up_meanwhile_is_not_overwritten(module_engine: Engine) -> None:
    with write_tx(module_engine) as connection:
        connection.execute(counted_nights.delete())
    with read_tx(module_engine) as connection:
        first, second = counted.uncounted(connection)[:2]
        rows = counted_together.rows_of(connection, [first, second])
    with write_tx(module_engine) as connection:
        older = [first._replace(review=first.review - 1), second]
        counted_together.put_unless_newer(connection, rows, older)
        assert connection.execute(select(counted_nights.c.night_id)).scalars().all() == [second.id]
        counted_together.put_unless_newer(connection, rows, [first, second])
        found = connection.execute(select(counted_nights.c.night_id).order_by(counted_nights.c.night_id))
        assert found.scalars().all() == [first.id, second.id]


def test_small_nights_are_counted_together_and_large_ones_alone(
    module_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with write_tx(module_engine) as connection:
        connection.execute(counted_nights.delete())
    with read_tx(module_engine) as connection:
        every = counted.uncounted(connection)
        assert list(counted_together.lots(connection, every)) == [every]
        assert counted_together.rows_of(connection, every) == [counted.counted_of(connection, one) for one in every]
        monkeypatch.setattr(counted_together, "MOST", 1)
        assert list(counted_together.lots(connection, every)) == [[one] for one in every]
        assert list(counted_together.lots(connection, [])) == []


def test_counts_are_carried_by_copies_and_backups(module_engine: Engine) -> None:
    roll_up(module_engine, board_kit.ZONE)
    shape = next(one for one in portable.shapes() if one.table == "counted_nights")
    line, row = portable.writer(shape), portable.reader(shape)
    with read_tx(module_engine) as connection:
        rows = [one for part in portable.read(connection, shape) for one in part]
    assert rows == stored(module_engine)
    assert [row(line(one)) for one in rows] == rows


@pytest.mark.parametrize("reason", [dropping.RETENTION, dropping.ERASURE])
def test_texts_that_go_change_no_count(module_engine: Engine, reason: str) -> None:
    roll_up(module_engine, board_kit.ZONE)
    before = stored(module_engine)
    with write_tx(module_engine) as connection:
        names = connection.execute(select(chats.c.chat_id).where(chats.c.merchant == "acme")).scalars().all()
        dropping.drop(connection, "acme", names, 5, "lead", reason)
    check(module_engine)
    with write_tx(module_engine) as connection:
        connection.execute(counted_nights.delete())
    roll_up(module_engine, board_kit.ZONE)
    assert stored(module_engine) == before


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.postgres)])
def db_url(request: pytest.FixtureRequest) -> str:
    """On SQLite nobody writes while somebody else does."""
    return str(request.getfixturevalue("postgres_url"))


def test_a_review_that_is_committed_late_is_counted(store_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(store_engine, 11)
    for _ in range(3):
        with write_tx(store_engine) as connection:
            shop.review(connection)
    roll_up(store_engine, board_kit.ZONE)
    monkeypatch.setattr(rollup, "settled_review", partial(settled_review, tries=1))
    for adding_up in (True, False):  # while a transaction is open; and once it is gone
        with read_tx(store_engine) as connection:
            known = newest_review(connection)
        with write_tx(store_engine) as late:
            for _ in range(9):
                shop.review(late)
            with write_tx(store_engine) as overtaking:
                for _ in range(3):
                    shop.review(overtaking)
            assert settled_review(store_engine, tries=1) == known
            if adding_up:
                roll_up(store_engine, board_kit.ZONE)
            check(store_engine)
        check(store_engine)
        roll_up(store_engine, board_kit.ZONE)
        check(store_engine)
        assert roll_up(store_engine, board_kit.ZONE) == 0


def test_a_key_is_noted_when_those_before_it_are_there(store_engine: Engine) -> None:
    shop, found, gone = Shop(store_engine, 12), list[tuple[int, bool]](), threading.Event()
    with write_tx(store_engine) as late:
        shop.review(late)
        with write_tx(store_engine) as overtaking:
            shop.review(overtaking)
        noting = threading.Thread(target=lambda: found.append((settled_review(store_engine), gone.is_set())))
        noting.start()
        resting = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = :name")
        while noting.is_alive() and not late.execute(resting, {"name": store_engine.url.database}).scalar_one():
            late.execute(text("SELECT pg_stat_clear_snapshot()"))
        with write_tx(store_engine) as later:  # one that begins meanwhile is not waited for, and waits for nobody
            shop.review(later)
            gone.set()
            late.commit()
            noting.join()
    assert found == [(2, True)]


def test_the_star_is_listed_anew_when_something_has_changed(
    store_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, listed = Shop(store_engine, 13), list[int]()
    ask = stars.cells_and_deeds
    monkeypatch.setattr(stars, "cells_and_deeds", lambda *of: (listed.append(1), ask(*of))[1])

    def look() -> int:
        """How often the database was asked; what is kept is what a fresh look says."""
        listed.clear()
        kept = casebook_stars.month_of(store_engine, Scope(), MONTH)
        asked = len(listed)
        casebook_stars._kept.clear()
        assert casebook_stars.month_of(store_engine, Scope(), MONTH) == kept
        return asked

    assert (look(), look()) == (1, 1)  # the nights are not added up: nothing is kept
    roll_up(store_engine, board_kit.ZONE)
    assert (look(), look()) == (1, 0)
    assert casebook_stars.month_of(store_engine, Scope(merchants=("acme",)), MONTH) != casebook_stars.month_of(
        store_engine, Scope(), MONTH
    )
    for happens in (shop.review, shop.judge_again, shop.extend):
        with write_tx(store_engine) as connection:
            happens(connection)
        assert look() == 1
    with write_tx(store_engine) as late:
        shop.review(late)
        with write_tx(store_engine) as overtaking:
            shop.review(overtaking)
        look()
    assert look() == 1
