from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import night_kit as kit
import pytest
from sqlalchemy import Engine
from store_dump import dump

from qa.backtest import Backtest, BacktestOptions, backtest
from qa.backtest.page import page
from qa.backtest.tally import Examples, Judged, Place
from qa.errors import NotFoundError
from qa.policy import Policy
from qa.rules.inspector import Case, Compiled, Inspected, Inspector, Standard
from qa.rules.pack import load_pack
from qa.store import frames, nights
from qa.store.chats import StoredChat, iter_chats
from qa.store.history import Past
from qa.store.session import read_tx, write_tx
from qa.types import Chat

DRAFT = """\
pack: draft
version: "2"
name: {zh: 草案, en: Draft}
extends: house
off: [impatience]
change: {low-csat: {red_line: true, deduct: 0, max_deduct: 0}}
wordlists: {greeting: [在的]}
rules:
  - id: knows-nothing
    name: {zh: 不知道, en: Does not know}
    dimension: process
    severity: major
    deduct: 5
    message: {zh: "“{quote}”", en: "“{quote}”"}
    when: {keywords: {any: [不知道]}}
"""
NEXT = "2026-11-21"


@pytest.fixture
def draft(tmp_path: Path) -> Standard:
    path = tmp_path / "draft.yaml"
    path.write_text(DRAFT, "utf-8")
    return kit.HOUSE.model_copy(update={"pack": load_pack(path).pack})


def remembering(engine: Engine, judge: Inspector, one: StoredChat) -> Inspected:
    """Judge a chat with the past that a night would know."""
    past = Past(engine, one.merchant, one.day, *judge.lookback)
    with read_tx(engine) as connection:
        return judge.inspect(one.chat, one.day, past.of(connection, [one.pk])(one.pk, one.chat.agent.id))


def run(engine: Engine, new: Standard, **changes: Any) -> Backtest:
    given: dict[str, Any] = {
        "new": new, "old": lambda _: kit.HOUSE, "policy": lambda *_: (Policy(), kit.ZONE),
        "first": kit.DAY, "last": NEXT,
    }  # fmt: skip
    return backtest(engine, BacktestOptions(**(given | changes)), kit.Quiet())


@pytest.fixture
def stored(store_engine: Engine, tmp_path: Path) -> Engine:
    """Two merchants and two days; one night of acme has run."""
    kit.bring_in(store_engine, tmp_path / "a", kit.day_of_chats(150))
    kit.bring_in(store_engine, tmp_path / "b", kit.day_of_chats(20, day=NEXT, prefix="d"), NEXT)
    kit.bring_in(store_engine, tmp_path / "c", kit.day_of_chats(30, merchant="other", prefix="o"))
    kit.night(store_engine)
    return store_engine


def test_every_closed_chat_is_judged_by_both_and_nothing_changes(stored: Engine, draft: Standard) -> None:
    before = dump(stored)
    found = run(stored, draft, every=True)
    assert dump(stored) == before
    old, new = (Inspector(standard, Policy(), kit.ZONE) for standard in (kit.HOUSE, draft))
    with read_tx(stored) as connection:
        closed = [one for one in iter_chats(connection) if one.status == "closed"]
    pairs = [(remembering(stored, old, one), remembering(stored, new, one)) for one in closed]
    assert found.chats == found.represented == len(closed)
    assert found.mode == "all"
    assert found.merchants == ("acme", "other")
    scored = [(a.score.total, b.score.total) for a, b in pairs if a.score and b.score]
    both = [(a, b) for a, b in scored if a is not None and b is not None]
    assert found.score.n == len(both)
    assert found.score.shift == pytest.approx(sum(b - a for a, b in both) / len(both), abs=1e-3)
    assert (found.score.low, found.score.high) == (None, None), "a census has no sampling error"
    assert found.score.worse == sum(b < a for a, b in both) == sum(one.worse for one in found.by_agent)
    assert sum(one.chats for one in found.shifts) == len(both)
    assert found.red_new == sum(bool(b.score and b.score.red_line) for _, b in pairs)
    assert found.newly_void.chats - found.no_longer_void.chats == found.red_new - found.red_old
    for shift in found.rules:
        fired = [[shift.rule in {f.rule for f in one.findings} for one in pair] for pair in pairs]
        assert (shift.chats_old, shift.chats_new) == (sum(a for a, _ in fired), sum(b for _, b in fired))
        assert (shift.both, shift.newly) == (sum(a and b for a, b in fired), sum(b and not a for a, b in fired))


def test_a_standard_is_compiled_once_for_all_merchants(
    stored: Engine, draft: Standard, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []

    def counted(standard: Standard) -> Compiled:
        compiled.append(standard.pack.id)
        return Compiled(standard)

    monkeypatch.setattr("qa.backtest.run.Compiled", counted)
    policies = {"acme": Policy(), "other": Policy(low_score=50)}
    found = run(stored, draft, every=True, policy=lambda merchant, _: (policies[merchant], kit.ZONE))
    assert found.merchants == ("acme", "other")
    assert compiled == ["draft", "house"]


def test_rules_are_told_by_what_became_of_them(stored: Engine, draft: Standard) -> None:
    rules = {one.rule: one for one in run(stored, draft, every=True).rules}
    names = ("knows-nothing", "impatience", "low-csat", "greeting-missing", "closing-missing")
    assert [rules[name].state.value for name in names] == ["added", "removed", "changed", "words", "same"]
    added = rules["knows-nothing"]
    assert added.newly == added.chats_new > 5
    assert added.points_old == 0
    assert added.points_new is not None
    assert added.points_new < 0
    for example in added.newly_examples:
        assert example.quotes[0].quote == "不知道"
        assert example.quotes[0].role == "agent"
    assert len(added.newly_examples) == 5
    assert rules["greeting-missing"].newly > 0
    assert rules["low-csat"].red_line


def test_the_sample_is_judged_as_its_night_drew_it(stored: Engine, draft: Standard) -> None:
    found = run(stored, draft)
    with read_tx(stored) as connection:
        (night,) = nights.nights_between(connection, kit.DAY, NEXT)
        assert found.chats == frames.sampled(connection, night.id, None)
        assert found.represented == frames.frame_size(connection, night.id)[0]
    assert found.mode == "sampled"
    assert found.skipped == (f"acme: no finished night of {NEXT}", f"other: no finished night of {kit.DAY}")
    assert found.score.low is not None
    assert found.score.shift is not None
    assert found.score.high is not None
    assert found.score.low <= found.score.shift <= found.score.high
    everything = run(stored, draft, every=True, merchant="acme", last=kit.DAY)
    assert everything.score.shift is not None
    assert found.score.low <= everything.score.shift <= found.score.high
    added = next(one for one in found.rules if one.rule == "knows-nothing")
    assert added.newly < added.newly_estimated < found.represented


def test_a_pack_against_itself_changes_nothing(stored: Engine) -> None:
    found = run(stored, kit.HOUSE, every=True)
    assert found.score.shift == 0
    assert (found.score.better, found.score.worse, found.newly_void.chats, found.no_longer_void.chats) == (0, 0, 0, 0)
    assert [one.rule for one in found.rules if one.newly or one.no_longer or one.points_old != one.points_new] == []
    assert found.flagged_old == found.flagged_new


def test_a_rule_that_crashes_is_told(stored: Engine, draft: Standard, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Inspector.inspect_many
    reason = "rule a: ZeroDivisionError: x (f:1); rule b: KeyError: 'y' (g:2)"

    def inspect_many(self: Inspector, cases: Sequence[Case], day: str) -> list[Inspected | Exception]:
        done = judge(self, cases, day)
        if "knows-nothing" not in self._by.rules:
            return done
        long = [len(case.chat.messages) > 4 for case in cases]
        return [
            msgspec.structs.replace(one, broken=reason, score=None) if crashes else one
            for one, crashes in zip(done, long, strict=True)
        ]

    monkeypatch.setattr(Inspector, "inspect_many", inspect_many)
    found = run(stored, draft, every=True)
    assert [(one.reason, one.chats) for one in found.broken_new] == [
        ("rule a: ZeroDivisionError: x (f:1)", found.broken_chats_new),
        ("rule b: KeyError: 'y' (g:2)", found.broken_chats_new),
    ]
    assert 0 < found.broken_chats_new < found.chats
    assert (found.broken_old, found.broken_chats_old) == ((), 0)
    assert found.score.n <= found.chats - found.broken_chats_new
    assert "do not publish" in page(found).lower()


def test_a_chat_that_cannot_be_read_is_counted(stored: Engine, draft: Standard) -> None:
    with write_tx(stored) as connection:
        kit.overwrite(connection, "c-1", b"{")
    whole = run(stored, draft, every=True)
    assert whole.unreadable == 1
    assert "1 stored chats could not be read" in page(whole)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"merchant": "nobody"}, "no chats of merchant 'nobody' are stored .known: acme, other."),
        ({"first": "2025-01-01", "last": "2025-01-02"}, "the store holds 2026-11-20 to 2026-11-21"),
        ({"merchant": "other"}, "no night from 2026-11-20 to 2026-11-21 is finished: run qa nightly, or .* --all"),
    ],
)
def test_nothing_to_judge(stored: Engine, draft: Standard, changes: dict[str, str], told: str) -> None:
    with pytest.raises(NotFoundError, match=told):
        run(stored, draft, **changes)


def test_examples_depend_on_no_order() -> None:
    nothing = Inspected(None, (), (), {}, None, ())
    many = [
        Judged(Place("m", f"c-{i}", kit.DAY, "a", (), 1.0), Chat(id=f"c-{i}", messages=()), nothing, nothing)
        for i in range(200)
    ]
    chosen = []
    for seed in range(3):
        random.Random(seed).shuffle(many)
        examples = Examples("+x", 4)
        for one in many:
            examples.offer(one, None)
        chosen.append(examples.chosen())
    assert len(chosen[0]) == 4
    assert chosen[0] == chosen[1] == chosen[2]
    none = Examples("+x", 0)
    none.offer(many[0], None)
    assert none.chosen() == ()


def test_the_page_needs_nothing_and_trusts_nothing(stored: Engine, draft: Standard, tmp_path: Path) -> None:
    evil = kit.chat("<script>x</script>", 5)
    evil["messages"][1]["text"] = '不知道<img src=x onerror="alert(1)">'
    kit.bring_in(stored, tmp_path / "evil", [evil])
    shown = page(run(stored, draft, every=True, examples=100))
    assert shown.startswith("<!doctype html>")
    assert "&lt;script&gt;x&lt;/script&gt;" in shown
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in shown
    for foreign in ("<script", "<img", "<link", "http:", "https:", "@import", "url("):
        assert foreign not in shown
