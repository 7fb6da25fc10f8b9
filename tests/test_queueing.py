"""Claims, assignments, quotas and saved filters, on both databases; the clock is turned by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from queue_kit import EVERYTHING, MINUTE, NOW, Made
from sqlalchemy import Engine

from qa import queueing
from qa.errors import NotFoundError
from qa.people import Scope, UserRole
from qa.privacy import EXPORT, REVIEWER
from qa.queueing import ClaimHeldError, FilterNameError, QuotaError, Today, Worker, filling
from qa.store import audit
from qa.store.accounts import insert_user
from qa.store.audit import Act
from qa.store.dropping import ERASURE, drop
from qa.store.queue_filters import Filters, State
from qa.store.reviews import Review, add_review
from qa.store.session import read_tx, write_tx
from qa.store.words import matching, phrases
from qa.types import FlagReason

TODAY = Today("2026-11-18", NOW - 60 * MINUTE)
LEASE = queueing.LEASE_MINUTES * MINUTE
Hire = Callable[..., Worker]


@pytest.fixture
def made(store_engine: Engine) -> Made:
    return Made(store_engine)


@pytest.fixture
def hire(store_engine: Engine) -> Hire:
    def hired(name: str, role: UserRole = UserRole.SPECIALIST, **scope: object) -> Worker:
        with write_tx(store_engine) as connection:
            made = insert_user(
                connection, name, name.title(), role, scope.get("merchants"), scope.get("team"), None, NOW
            )  # fmt: skip
        return Worker(made, Scope(**scope) if scope else EVERYTHING)

    return hired


def act(worker: Worker, at: int = NOW) -> Act:
    return Act(worker.user.name, at)


def take(made: Made, worker: Worker, at: int = NOW, filters: Filters | None = None) -> int | None:
    claim = queueing.claim_next(made.engine, act(worker, at), worker, filters)
    return None if claim is None else claim.inspection_id


def finish(made: Made, worker: Worker, inspection: int, at: int = NOW) -> None:
    review = Review(f"t-{inspection}", made.chat_of(inspection), "queue", worker.user.name, at, inspection)
    with write_tx(made.engine) as connection:
        add_review(connection, review)


def listed(made: Made, worker: Worker, at: int = NOW, **filters: object) -> list[int]:
    found = queueing.look(made.engine, worker, Filters(**filters), None, at, TODAY, REVIEWER)
    return [row.item.inspection_id for row in found.rows]


# --- claims ----------------------------------------------------------------------------------------------------------


def test_sixteen_who_take_the_next_chat_at_once_never_get_the_same(made: Made, hire: Hire) -> None:
    there = made.many([100.0] * 40 + [50.0] * 40)
    workers = [hire(f"w-{number}") for number in range(16)]
    start, lock = threading.Barrier(16), threading.Lock()
    taken: list[int] = []
    failures: list[Exception] = []

    def work(worker: Worker) -> None:
        try:
            start.wait()
            while (one := take(made, worker)) is not None:
                with lock:
                    taken.append(one)
        except Exception as failure:  # noqa: BLE001 - any that a thread meets is shown by the test
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(taken) == sorted(there)
    with read_tx(made.engine) as connection:
        log = [one for one in audit.latest(connection, 200) if one.action == "queue.claim"]
    assert sorted(int(one.subject.removeprefix("inspection:")) for one in log) == sorted(there)


def test_sixteen_who_want_the_same_chat_one_gets_it(made: Made, hire: Hire) -> None:
    (only,) = made.many([100.0])
    workers = [hire(f"w-{number}") for number in range(16)]
    start = threading.Barrier(16)
    outcome: list[str] = []

    def work(worker: Worker) -> None:
        start.wait()
        try:
            queueing.claim(made.engine, act(worker), worker, only)
            outcome.append("got it")
        except ClaimHeldError as refused:
            outcome.append(refused.holder or "")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcome.count("got it") == 1
    assert len(set(outcome)) == 2  # all others were told the same name


def test_next_is_the_riskiest_free_chat_of_the_filter_and_reach(made: Made, hire: Hire) -> None:
    low, high = made.many([10.0, 90.0])
    other = made.add(made.run("other"), "o", 99.0, team="blue", reasons=("excellent",), text="谢谢")
    made.fill()
    wang = hire("wang", merchants=("acme",))
    assert take(made, wang, filters=Filters(reason=FlagReason.EXCELLENT)) is None
    assert [take(made, wang), take(made, wang), take(made, wang)] == [high, low, None]
    assert take(made, hire("li"), filters=Filters(text="谢谢", state=State.DONE)) == other


def test_a_lease_frees_itself(made: Made, hire: Hire) -> None:
    (one,) = made.many([50.0])
    wang, li = hire("wang"), hire("li")
    assert take(made, wang) == one
    assert take(made, li, NOW + LEASE - 1) is None
    with pytest.raises(ClaimHeldError, match="Wang is working") as refused:
        queueing.claim(made.engine, act(li, NOW + 1), li, one)
    assert (refused.value.holder, refused.value.until) == ("Wang", NOW + LEASE)
    assert take(made, li, NOW + LEASE) == one
    with pytest.raises(ClaimHeldError, match="Li is working"):
        queueing.extend(made.engine, act(wang, NOW + LEASE), wang, one)


def test_a_lease_is_prolonged_and_given_back(made: Made, hire: Hire) -> None:
    (one,) = made.many([50.0])
    wang, li = hire("wang"), hire("li")
    take(made, wang)
    assert queueing.extend(made.engine, act(wang, NOW + LEASE + 5), wang, one).until == NOW + 2 * LEASE + 5
    assert take(made, li, NOW + LEASE + 6) is None
    with pytest.raises(ClaimHeldError, match="Wang is working"):
        queueing.release(made.engine, act(li), li, one)
    queueing.release(made.engine, act(wang), wang, one)
    with pytest.raises(ClaimHeldError, match="your claim of this chat has ended"):
        queueing.extend(made.engine, act(wang), wang, one)
    assert take(made, li) == one
    held = queueing.standing(made.engine, one, NOW)
    assert held is not None
    assert held.holder_name == "Li"


def test_what_is_done_is_given_to_nobody(made: Made, hire: Hire) -> None:
    one, two = made.many([50.0, 40.0])
    wang = hire("wang")
    finish(made, hire("li"), one)
    assert take(made, wang) == two
    with pytest.raises(ClaimHeldError, match="reviewed already"):
        queueing.claim(made.engine, act(wang), wang, one)
    with pytest.raises(NotFoundError):
        queueing.claim(made.engine, act(wang), wang, 5)


# --- assignments -----------------------------------------------------------------------------------------------------


def test_a_lead_assigns_reassigns_and_takes_back(made: Made, hire: Hire) -> None:
    one, two, three = made.many([90.0, 80.0, 70.0])
    lead, wang, li = hire("lead", UserRole.LEAD), hire("wang"), hire("li")
    assert queueing.assign(made.engine, act(lead), lead, [two, three, 5], wang.user.id) == (2, 0, 0)
    assert listed(made, wang, state=State.MINE) == [two, three]
    assert take(made, li) == one  # not the riskier ones of others
    assert take(made, li) is None
    with pytest.raises(ClaimHeldError, match="assigned to Wang"):
        queueing.claim(made.engine, act(li), li, two)
    assert take(made, wang) == two  # his own first
    assert queueing.assign(made.engine, act(lead), lead, [one, two, three], li.user.id) == (2, 0, 1)
    assert listed(made, li, state=State.MINE) == [one, three]
    assert queueing.assign(made.engine, act(lead), lead, [three], None) == (1, 0, 0)
    assert take(made, wang) == three
    with pytest.raises(NotFoundError):
        queueing.assign(made.engine, act(lead), lead, [three], hire("coach", UserRole.TRAINER).user.id)


def test_a_lead_claims_what_is_assigned_to_another(made: Made, hire: Hire) -> None:
    (one,) = made.many([90.0])
    lead, wang = hire("lead", UserRole.LEAD), hire("wang")
    queueing.assign(made.engine, act(lead), lead, [one], wang.user.id)
    assert queueing.claim(made.engine, act(lead), lead, one).until == NOW + LEASE


def test_nobody_is_assigned_what_is_out_of_reach(made: Made, hire: Hire) -> None:
    one, two = made.many([90.0, 80.0])
    other = made.add(made.run("other"), "o", 99.0)
    made.fill()
    lead, wang = hire("lead", UserRole.LEAD), hire("wang", merchants=("acme",))
    assert queueing.assign(made.engine, act(lead), lead, [one, other], wang.user.id) == (1, 1, 0)
    elsewhere = hire("chief", UserRole.LEAD, merchants=("other",))
    assert queueing.assign(made.engine, act(elsewhere), elsewhere, [two, other], elsewhere.user.id) == (1, 0, 0)
    with pytest.raises(NotFoundError):
        queueing.assign(made.engine, act(elsewhere), elsewhere, [other], wang.user.id)


def test_the_first_of_a_filter_are_assigned(made: Made, hire: Hire) -> None:
    there = made.many([float(risk) for risk in range(90, 80, -1)])
    lead, wang = hire("lead", UserRole.LEAD), hire("wang")
    filters = Filters(state=State.UNCLAIMED)
    assert queueing.assign_first(made.engine, act(lead), lead, filters, 3, wang.user.id) == (3, 0, 0)
    assert queueing.assign_first(made.engine, act(lead), lead, filters, 2, lead.user.id) == (2, 0, 0)
    assert listed(made, wang, state=State.MINE) == there[:3]
    assert listed(made, lead, state=State.MINE) == there[3:5]


# --- the day ---------------------------------------------------------------------------------------------------------


def test_quotas_and_the_day(made: Made, hire: Hire) -> None:
    before, today, held, given = made.many([90.0, 80.0, 70.0, 60.0])
    lead, wang = hire("lead", UserRole.LEAD), hire("wang")
    finish(made, wang, before, TODAY.since - 1)
    finish(made, wang, today, TODAY.since)
    queueing.claim(made.engine, act(wang), wang, held)
    queueing.assign(made.engine, act(lead), lead, [given], wang.user.id)
    queueing.set_quota(made.engine, act(lead), lead, wang.user.id, "2026-11-10", 20)
    queueing.set_quota(made.engine, act(lead), lead, wang.user.id, "2026-11-18", 30)
    queueing.set_quota(made.engine, act(lead), lead, wang.user.id, "2026-11-18", 35)
    queueing.set_quota(made.engine, act(lead), lead, wang.user.id, "2026-11-19", 40)
    assert queueing.days_progress(made.engine, wang.user, NOW, TODAY) == (wang.user.id, 1, 35, 1, 1)
    assert queueing.days_progress(made.engine, wang.user, NOW + LEASE, TODAY).holding == 0
    day = queueing.team_day(made.engine, lead, NOW, TODAY)
    assert [(user.name, one.done, one.quota) for user, one in day] == [("lead", 0, None), ("wang", 1, 35)]
    for wrong in (-1, 1_001):
        with pytest.raises(QuotaError):
            queueing.set_quota(made.engine, act(lead), lead, wang.user.id, "2026-11-18", wrong)
    with pytest.raises(NotFoundError):
        queueing.set_quota(made.engine, act(lead), lead, 999, "2026-11-18", 1)


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_evidence_is_masked_and_marked_in_its_place(made: Made, hire: Hire) -> None:
    said = "您好！" * 20 + "我的电话是13800138000，加我微信" + "好的" * 40
    start = said.index("加我微信")
    found = ("off-platform", "critical", [{"turn": 0, "start": start, "end": start + 4, "quote": "加我微信"}])
    made.many([90.0], text=said, found=[found])
    wang = hire("wang")

    def line(policy: object) -> object:
        return queueing.look(made.engine, wang, Filters(), None, NOW, TODAY, policy).rows[0].line  # type: ignore[arg-type]

    shown = line(REVIEWER)
    assert shown is not None
    assert (shown.quote, shown.note) == ("加我微信", "off-platform 不合规")  # type: ignore[attr-defined]
    assert shown.before.startswith("…")  # type: ignore[attr-defined]
    assert shown.before.endswith("电话是138****8000，")  # type: ignore[attr-defined]
    assert shown.after.endswith("…")  # type: ignore[attr-defined]
    assert line(EXPORT).before.endswith("电话是***********，")  # type: ignore[union-attr, attr-defined]


def test_who_reviews_blind_is_told_nothing(made: Made, hire: Hire) -> None:
    found = ("slow", "minor", [])
    (one,) = made.many([5.0], reasons=("audit",), score=97.0, found=[found], text="好")
    wang = hire("wang")
    row = queueing.look(made.engine, wang, Filters(), None, NOW, TODAY, REVIEWER).rows[0]
    assert (row.blind, row.line, row.item.score, row.item.severity) == (True, None, None, None)
    with write_tx(made.engine) as connection:
        add_review(connection, Review("t", made.chat_of(one), "audit", "wang", NOW))
    done = queueing.look(made.engine, wang, Filters(state=State.DONE), None, NOW, TODAY, REVIEWER).rows[0]
    assert (done.blind, done.item.score) == (False, 97.0)


# --- saved filters ---------------------------------------------------------------------------------------------------


def saved(made: Made, worker: Worker) -> list[tuple[str, str]]:
    found = queueing.look(made.engine, worker, Filters(), None, NOW, TODAY, REVIEWER).saved
    return [(one.name, one.query) for one in found]


def test_filters_are_kept_shared_replaced_and_forgotten(made: Made, hire: Hire) -> None:
    wang, li, far = hire("wang"), hire("li"), hire("far", merchants=("other",))
    red = Filters(reason=FlagReason.RED_LINE)
    key = queueing.keep(made.engine, act(wang), wang.user, " 红线\n ", red, shared=False)
    assert queueing.keep(made.engine, act(wang), wang.user, "红线", red, shared=True) == key
    queueing.keep(made.engine, act(wang), wang.user, "自己", Filters(text="退款"), shared=False)
    queueing.keep(made.engine, act(li), li.user, "acme", Filters(merchant="acme"), shared=True)
    assert [name for name, _ in saved(made, wang)] == ["红线", "自己", "acme"]
    assert saved(made, li) == [("acme", "merchant=acme"), ("红线", "reason=red_line")]
    assert saved(made, far) == [("红线", "reason=red_line")]  # the other names a merchant out of reach
    with pytest.raises(NotFoundError):
        queueing.forget(made.engine, act(li), li.user, key)
    assert queueing.forget(made.engine, act(wang), wang.user, key) == "红线"
    assert [name for name, _ in saved(made, li)] == ["acme"]
    for name in ("", " \0 ", "名" * 41):
        with pytest.raises(FilterNameError):
            queueing.keep(made.engine, act(wang), wang.user, name, red, shared=False)


def test_what_was_erased_while_the_queue_was_filled_is_not_found_again(made: Made, monkeypatch) -> None:
    run = made.run()
    inspections = [made.add(run, name, 0.5, text=f"{name} 退款") for name in ("kept", "erased")]
    prepared = filling._parts

    def erasing(*arguments):
        for part in prepared(*arguments):
            with write_tx(made.engine) as connection:
                assert drop(connection, "acme", ["erased"], NOW, "lead", ERASURE).chats == 1
            yield part

    monkeypatch.setattr(filling, "_parts", erasing)
    assert made.fill() == 2
    with read_tx(made.engine) as connection:
        found = list(connection.execute(matching(connection, phrases("退款"))).scalars())
    assert found == [made.chat_of(inspections[0])]
