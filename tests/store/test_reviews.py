from __future__ import annotations

from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from qa.store import reviews as store
from qa.store.reviews import Review, TokenTakenError, Verdict
from qa.store.session import read_tx, write_tx
from qa.types import Evidence


@pytest.fixture
def engine(store_engine: Engine, tmp_path: Path) -> Engine:
    """Sixty chats of one day, imported and inspected."""
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(60))
    kit.night(store_engine)
    return store_engine


def pks(engine: Engine) -> dict[str, int]:
    return {row["chat_id"]: row["id"] for row in kit.rows(engine, "chats", "id") if row["current"]}


def review(pk: int, who: str = "li", at: int = kit.NOW, **said: object) -> Review:
    return Review(token=f"{pk}:{who}:{at}:{sorted(said.items())}", chat_pk=pk, kind="queue", reviewer=who,
                  reviewed_at=at)._replace(**said)  # fmt: skip


def add(engine: Engine, *given: Review) -> list[store.Added]:
    with write_tx(engine) as connection:
        return [store.add_review(connection, one) for one in given]


def test_a_review_comes_back_as_it_went_in(engine: Engine) -> None:
    finding, inspection = next(
        (row["id"], row["inspection_id"]) for row in kit.rows(engine, "findings", "id") if row["outcome"] == "failed"
    )
    pk = next(row["chat_pk"] for row in kit.rows(engine, "inspections", "id") if row["id"] == inspection)
    given = review(
        pk, inspection_id=inspection, sentiment="negative", satisfaction="dissatisfied", resolution="partly",
        score=72.5, excellent=False, comment="客户\0说了两次 😀", verdicts=(
            Verdict("a", "overturn", finding, "引用，不是辱骂"),
            Verdict("b", "missed", None, None, (Evidence(0, 0, 1, "在"),)),
        ),
    )  # fmt: skip
    (added,) = add(engine, given)
    assert added.new
    with read_tx(engine) as connection:
        assert store.history_of(connection, pk) == (given._replace(id=added.id),)
        assert store.reviews_of(connection, [pk, -1]) == {pk: (given._replace(id=added.id),)}
        assert store.history_of(connection, -1) == ()
        assert store.count_reviews(connection) == 1


def test_a_submission_sent_twice_is_one_row(engine: Engine) -> None:
    pk, other, *_ = pks(engine).values()
    given = review(pk, verdicts=(Verdict("a", "missed"),))
    first, second = add(engine, given, given)
    assert (first.new, second.new, first.id == second.id) == (True, False, True)
    assert (kit.count(engine, "reviews"), kit.count(engine, "verdicts")) == (1, 1)
    for wrong in (given._replace(chat_pk=other), given._replace(reviewer="wang")):
        with pytest.raises(TokenTakenError, match="belongs to another review"):
            add(engine, wrong)
    assert kit.count(engine, "reviews") == 1


def test_a_review_of_no_chat_is_refused_by_the_database(engine: Engine) -> None:
    with pytest.raises(IntegrityError):
        add(engine, review(10**9))


def test_the_latest_of_each_reviewer_counts_and_the_history_keeps_all(engine: Engine) -> None:
    pk, other, *_ = pks(engine).values()
    late, early = review(pk, "li", 20, sentiment="neutral"), review(pk, "li", 10, sentiment="negative")
    same = review(pk, "li", 20, sentiment="positive")
    wang = review(pk, "wang", 5)
    add(engine, late, early, wang, same, review(other, "li", 99))
    with read_tx(engine) as connection:
        latest = store.reviews_of(connection, [pk])[pk]
        assert [(one.reviewer, one.sentiment) for one in latest] == [("li", "positive"), ("wang", None)]
        assert [one.reviewed_at for one in store.history_of(connection, pk)] == [20, 10, 5, 20]


def test_pages_hold_every_reviewed_chat_once(engine: Engine) -> None:
    chosen = list(pks(engine).values())[3:14]
    add(engine, *(review(pk, who) for pk in reversed(chosen) for who in ("li", "wang")))
    for page in (1, 2, 5, 11, 100):
        with read_tx(engine) as connection:
            found = list(store.iter_reviewed(connection, page=page))
            assert list(store.iter_reviewed(connection, "nobody", page)) == []
        assert [one.pk for one in found] == chosen
        assert all([review.reviewer for review in one.reviews] == ["li", "wang"] for one in found)
        assert all(one.chat.id == one.chat_id and one.merchant == "acme" for one in found)


def test_audit_follows_the_chat_through_flags_reviews_and_revisions(engine: Engine, tmp_path: Path) -> None:
    ids = pks(engine)
    inspected = {row["id"]: row["chat_pk"] for row in kit.rows(engine, "inspections", "id")}
    flagged_rows = kit.rows(engine, "flags", "inspection_id")
    drawn = {inspected[row["inspection_id"]] for row in flagged_rows if row["reason"] == "audit"}
    assert drawn
    plain, blind = [pk for pk in ids.values() if pk not in drawn][:2]
    flagged = min(drawn)
    add(engine, review(plain), review(blind, kind="audit"), review(flagged))
    with read_tx(engine) as connection:
        assert store.audit_chats(connection, [plain, blind, flagged]) == {blind, flagged}
        found = {one.pk: one.audit for one in store.iter_reviewed(connection)}
    assert found == {plain: False, blind: True, flagged: True}
    names = {pk: name for name, pk in ids.items()}
    changed = [one | {"csat": 4.5} for one in kit.day_of_chats(60) if one["id"] in (names[blind], names[flagged])]
    kit.bring_in(engine, tmp_path, changed)
    newer = [pk for name, pk in pks(engine).items() if name in (names[blind], names[flagged])]
    assert not set(newer) & {blind, flagged}
    with read_tx(engine) as connection:
        assert store.audit_chats(connection, newer) == set(newer)


def test_unreviewed_are_inspected_and_no_audit_newest_first(engine: Engine) -> None:
    inspected = {row["id"]: row["chat_pk"] for row in kit.rows(engine, "inspections", "id")}
    with read_tx(engine) as connection:
        audit = store.audit_chats(connection, list(inspected.values()))
    wanted = sorted(set(inspected.values()) - audit, reverse=True)
    add(engine, review(wanted[4]))
    left = [pk for pk in wanted if pk != wanted[4]]
    for page in (1, 3, 100):
        with read_tx(engine) as connection:
            assert [one.pk for one in store.iter_unreviewed(connection, page=page)] == left
    with read_tx(engine) as connection:
        assert len(list(store.iter_unreviewed(connection, "acme", (kit.DAY, kit.DAY)))) == len(left)
        assert list(store.iter_unreviewed(connection, "acme", ("2026-11-21", "2026-11-30"))) == []
        assert list(store.iter_unreviewed(connection, "other")) == []


def test_a_changed_chat_whose_earlier_revision_was_reviewed_is_not_unreviewed(engine: Engine, tmp_path: Path) -> None:
    with read_tx(engine) as connection:
        first = next(store.iter_unreviewed(connection))
    add(engine, review(first.pk))
    changed = [one | {"csat": 1.5} for one in kit.day_of_chats(60) if one["id"] == first.chat_id]
    kit.bring_in(engine, tmp_path, changed)
    with read_tx(engine) as connection:
        assert first.chat_id not in {one.chat_id for one in store.iter_unreviewed(connection)}


def test_claims_are_what_fired_in_the_latest_inspection(engine: Engine) -> None:
    fired = [row for row in kit.rows(engine, "findings", "id") if row["outcome"] in ("failed", "bonus")]
    inspected = {row["id"]: row["chat_pk"] for row in kit.rows(engine, "inspections", "id")}
    pk = inspected[fired[0]["inspection_id"]]
    with read_tx(engine) as connection:
        claims = store.claims_of(connection, pk)
        assert store.claims_of(connection, -1) is None
    assert claims is not None
    expected = {row["rule"]: row["id"] for row in fired if row["inspection_id"] == claims.inspection_id}
    assert claims.findings == expected
    assert expected


def test_the_same_review_is_known_by_person_time_and_kind(engine: Engine) -> None:
    name, pk = next(iter(pks(engine).items()))
    given = review(pk, verdicts=(Verdict("a", "missed"),))
    (added,) = add(engine, given)
    with read_tx(engine) as connection:
        assert store.same_review(connection, "acme", name, given._replace(token="")) == given._replace(id=added.id)
        for other in (given._replace(reviewer="x"), given._replace(reviewed_at=1), given._replace(kind="audit")):
            assert store.same_review(connection, "acme", name, other) is None
        assert store.same_review(connection, "other", name, given) is None
