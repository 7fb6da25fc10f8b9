"""What the product asks of its store, by doing it: pages as browsers get them, and the steps of a night.

Each use runs the program's own functions on a store that ``plan_rows`` made; what writes is taken back.
"""

# ruff: noqa: E501 - tables of uses read better in long lines
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, select

from benchmarks.plan_rows import LAST_DAY, NOW
from qa.config import Settings
from qa.people import Scope, UserRole
from qa.store import (
    board_fill,
    chats,
    counted,
    counted_together,
    dropping,
    frames,
    history,
    inspected,
    inspections,
    nights,
    operation,
    publications,
    queue_fill,
    queue_work,
    reviews,
    rule_counts,
    sessions,
    settled,
)
from qa.store.accounts import insert_user
from qa.store.queue import Looking
from qa.store.queue_filters import Filters, parse_filters
from qa.store.queue_tables import queue_items
from qa.store.reviews import Review, Verdict
from qa.store.session import read_tx, write_tx
from qa.store.tables import inspections as inspection_rows
from qa.store.tables import runs
from qa.web import create_app

MERCHANT, TEAM, AGENT = "m-3", "t-13", "a-305"
TOKEN = "f" * 32
SOME = 200
"""Chats of a batch."""
KEYS = SOME * 50
"""Keys among which about so many of a run are: here merchants take turns."""
_YEAR_US = 365 * 86_400_000_000


class Place(NamedTuple):
    """Objects to ask about: a night of a middling merchant in the last month, an inspection and chats of it."""

    engine: Engine
    clients: Mapping[str, FlaskClient]
    night: int
    run: int
    inspection: int
    item: int
    pks: list[int]
    ids: list[int]
    day: str


Use = Callable[[Place], Any]

QUEUE = {
    "first page": "", "far down": "after=-40.0_0", "a reason": "reason=red_line", "a rule": "rule=rule-7",
    "a rare rule": "rule=rare-1", "severity and merchant": "severity=minor&merchant=m-3", "a merchant": "merchant=m-3",
    "a team": "team=t-13", "an agent": "agent=a-305", "one day": "since=2026-10-07&until=2026-10-07",
    "low scores": "high=5", "sentiment and resolution": "sentiment=negative&resolution=unresolved",
    "nothing passes": "low=99.9&high=99.8", "unclaimed": "state=unclaimed", "mine": "state=mine", "done": "state=done",
    "all": "state=all", "a rare word": "text=rare123", "a common word": "text=w17", "the commonest word": "text=您好",
    "words and days": "text=w17+w18&since=2026-10-07&until=2026-10-09",
}  # fmt: skip
CHATS = {
    "first page": "", "a figure's bad chats": "figure=response&bad=1&since=2026-10-19&until=2026-11-17",
    "a rule": "rule=rule-7&since=2026-10-19&until=2026-11-17", "a merchant": "merchant=m-3", "an agent": "agent=a-305",
    "a team": "team=t-13&since=2026-11-01&until=2026-11-17", "an hour": "weekday=3&hour=11&since=2026-10-19&until=2026-11-17",
    "what was said": "said=excellent", "comments": "said=comment", "far down": "after=2026-01-01.99999999999",
}  # fmt: skip
CASES = {
    "first page": "", "a kind": "kind=typical", "a tag": "tag=tag-7", "a scenario": "scenario=s-3",
    "a merchant": "merchant=m-3", "days": "since=2026-10-01&until=2026-10-31", "a word": "text=v123",
    "a common word": "text=退款", "drafts": "state=draft",
}  # fmt: skip


def uses(place: Place) -> dict[str, Use]:
    """Return everything by name."""
    return {**_pages(place), **_READS, **_WRITES}


def _pages(place: Place) -> dict[str, Use]:
    pages = {
        **{f"queue: {name}": ("lead", f"/queue?{query}") for name, query in QUEUE.items()},
        **{f"chats: {name}": ("lead", f"/chats?{query}") for name, query in CHATS.items()},
        **{f"cases: {name}": ("trainer", f"/cases?{query}") for name, query in CASES.items()},
        "queue: of a team": ("specialist", "/queue"), "queue: mine, of a team": ("specialist", "/queue?state=mine"),
        "queue: the team's day": ("lead", "/queue/team"), "chat page": ("lead", f"/chats/{place.item}"),
        "chat page: of a team": ("specialist", f"/chats/{place.item}"), "chats: an agent's own": ("agent", "/chats"),
        "similar cases": ("lead", f"/chats/{place.item}/similar-cases"), "home: lead": ("lead", "/"),
        "home: lead, 90 days": ("lead", "/?days=90"), "home: lead, a merchant": ("lead", "/?merchant=m-3"),
        "home: specialist": ("specialist", "/"), "home: agent": ("agent", "/"), "home: trainer": ("trainer", "/"),
        "home: merchant": ("viewer", "/"), "home: admin": ("admin", "/"), "nights": ("lead", "/nights"),
        "agents": ("lead", "/agents"), "agents: a name": ("lead", "/agents?name=li"),
        "nights: a merchant": ("lead", "/nights?merchant=m-3"), "nights: far down": ("lead", "/nights?before=2025-09-01.1"),
        "nights: of a merchant": ("viewer", "/nights"), "night page": ("lead", f"/nights/{place.night}"),
        "rules": ("lead", "/rules"), "rules: a pack": ("lead", "/rules/h"), "rules: 90 days": ("lead", "/rules/h?days=90"),
        "rules: one rule": ("lead", "/rules/h/rule-7"), "audit": ("admin", "/audit"),
        "audit: a person": ("admin", "/audit?actor=w-3"), "audit: an action": ("admin", "/audit?action=chat.reveal"),
        "audit: a subject": ("admin", f"/audit?subject=inspection:{place.inspection}"),
        "audit: far down": ("admin", "/audit?before=5000"), "cases: one": ("trainer", "/cases/7"),
        "cases: candidates": ("trainer", "/cases/candidates"), "collections": ("trainer", "/collections"),
        "a collection": ("trainer", "/collections/3"), "case from a chat": ("trainer", f"/chats/{place.item}/case"),
        "stars": ("lead", "/service-star"), "stars: of a team": ("viewer", "/service-star"),
        "stars: an agent": ("lead", f"/service-star/chats?merchant=m-3&agent=a-305&month={place.day[:7]}"),
        "models": ("lead", "/models"), "training": ("lead", "/models/training"), "users": ("admin", "/users"),
        "metrics": ("", "/metrics"), "readiness": ("", "/readyz"),
    }  # fmt: skip
    return {name: _get(role, path) for name, (role, path) in pages.items()}


def _get(role: str, path: str) -> Use:
    def get(place: Place) -> None:
        shown = {"Authorization": f"Bearer {TOKEN}"} if path == "/metrics" else {}
        answer = place.clients[role].get(path, headers=shown, buffered=True)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")

    return get


def _reading(do: Callable[[Connection, Place], Any]) -> Use:
    def read(place: Place) -> None:
        with read_tx(place.engine) as connection:
            result = do(connection, place)
            if isinstance(result, Iterator):
                list(islice(result, 2_000))

    return read


_READS: dict[str, Use] = {
    name: _reading(do)
    for name, do in {
        "night: find": lambda c, p: (nights.find_night(c, MERCHANT, p.day), nights.nights_of_day(c, p.day)),
        "night: of a week": lambda c, _p: nights.nights_between(c, "2026-11-10", LAST_DAY),
        "night: runs": lambda c, p: nights.runs_of(c, p.night),
        "night: merchants and days": lambda c, p: (chats.merchants_with_chats(c, p.day), chats.days_with_chats(c, MERCHANT)),
        "night: sizes of the day": lambda c, p: (
            frames.count_frame(c, MERCHANT, p.day), chats.count_open(c, MERCHANT, p.day),
            frames.count_late(c, p.night, MERCHANT, p.day),
        ),
        "night: screening ranges": lambda c, p: chats.frame_ranges(c, MERCHANT, p.day, 50),
        "night: screening, a part": lambda c, p: chats.read_frame_chunk(c, MERCHANT, p.day, p.pks[0] - 1, SOME),
        "night: late chats": lambda c, p: frames.read_late_chunk(c, p.night, MERCHANT, p.day, 0, SOME),
        "night: how far screened": lambda c, p: frames.last_screened(c, p.night, 0),
        "night: repeat contacts": lambda c, p: chats.repeat_contacts(c, p.pks, 72),
        "night: earlier chats": lambda c, p: history.earlier_chats(c, p.pks, 72),
        "night: offences of 30 days": lambda c, p: history.offences(c, MERCHANT, p.day, {"rule-7": 30, "rule-9": 30}),
        "night: the rest": lambda c, p: (frames.rest_sizes(c, p.night, 0), list(frames.iter_rest(c, p.night, 0))),
        "night: to inspect": lambda c, p: frames.to_inspect(c, p.night, None, p.run),
        "night: the sample": lambda c, p: (
            frames.sampled(c, p.night, None), frames.strata_of(c, p.night), frames.frame_size(c, p.night),
            frames.read_sample_chunk(c, p.night, 0, SOME),
        ),
        "night: the draw explained": lambda c, p: frames.iter_frame(c, p.night),
        "night: bodies": lambda c, p: chats.read_bodies(c, p.pks),
        "night: clean chats": lambda c, p: inspections.clean_ids(c, p.run),
        "night: report": lambda c, p: (
            list(inspections.iter_found(c, [p.run])), inspections.details(c, p.ids), inspections.rule_counts(c, [p.run]),
            inspections.flag_counts(c, [p.run]), inspections.count_flagged(c, [p.run]),
            inspections.count_inspected(c, p.run), inspections.score_changes(c, [p.run], p.run),
        ),
        "night: opinions of a week": lambda c, p: inspections.stored_opinions(c, list(range(p.run - 6, p.run + 1))),
        "night: texts that are gone": lambda c, p: dropping.refuse_dropped(c, MERCHANT, p.day),
        "import: known chats": lambda c, p: chats.known_chats(c, [(MERCHANT, f"chat-{pk - 1}") for pk in p.pks]),
        "show: one chat": lambda c, p: (
            chats.get_chat(c, f"chat-{p.pks[0] - 1}"), inspections.inspections_of(c, MERCHANT, f"chat-{p.pks[0] - 1}"),
        ),
        "export: a day": lambda c, p: chats.iter_chats(c, MERCHANT, p.day),
        "queue: fill, runs": lambda c, _p: queue_fill.runs_to_queue(c),
        "queue: fill, a part": lambda c, p: queue_fill.inspected_after(c, p.run, p.ids[0] - 1, KEYS),
        "boards: stale nights": lambda c, _p: board_fill.stale_nights(c, "2026-11-10"),
        "boards: a night's chats": lambda c, p: board_fill.drawn_after(c, p.run, p.ids[0] - 1, KEYS),
        "boards: what was found and said": lambda c, p: (
            board_fill.failed_rules(c, p.ids), board_fill.resolutions(c, p.pks), board_fill.came_back(c, p.pks, 72),
            board_fill.kept_times(c, p.pks), board_fill.newest_day(c), settled.newest_review(c),
        ),
        "boards: when chats began": lambda c, p: board_fill.begun(c, p.night),
        "counts: nights without": lambda c, _p: counted.uncounted(c),
        "counts: of a night": lambda c, p: counted.counted_of(c, counted.Uncounted(p.night, MERCHANT, p.day, NOW, 10**9)),
        "counts: of nights": lambda c, p: counted_together.rows_of(
            c, [counted.Uncounted(one, MERCHANT, p.day, NOW, 10**9) for one in range(p.night, p.night - 50, -1)]
        ),
        "reviews: for training": lambda c, _p: islice(reviews.iter_reviewed(c), 400),
        "reviews: for training, a merchant": lambda c, _p: islice(reviews.iter_reviewed(c, MERCHANT), 400),
        "reviews: what to label next": lambda c, _p: islice(reviews.iter_unreviewed(c), 400),
        "reviews: what to label next, a merchant": lambda c, _p: islice(
            reviews.iter_unreviewed(c, MERCHANT, ("2026-11-01", LAST_DAY)), 400
        ),
        "reviews: of chats": lambda c, p: (reviews.reviews_of(c, p.pks), reviews.audit_chats(c, p.pks), reviews.claims_of(c, p.pks[0])),
        "reviews: imported before": lambda c, p: reviews.same_review(
            c, MERCHANT, f"chat-{p.pks[0] - 1}", Review("x", p.pks[0], "queue", "w-3", NOW)
        ),
        "reviews: sent before": lambda c, _p: inspected.sent(c, "t-17"),
        "rules: counts of a month": lambda c, _p: _counted(c, rule_counts.Window("2026-10-19", LAST_DAY)),
        "rules: counts, a merchant": lambda c, _p: _counted(c, rule_counts.Window("2026-10-19", LAST_DAY, (MERCHANT,))),
        "rules: published": lambda c, _p: publications.latest_publication(c, MERCHANT),
        "retention: old chats": lambda c, _p: dropping.old_chats(c, MERCHANT, "2026-01-01", ("", 0), SOME),
        "retention: a customer's chats": lambda c, _p: dropping.chats_of(c, MERCHANT, "u-12345"),
        "health: nights": lambda c, _p: (operation.last_nights(c), operation.unfinished_nights(c)),
        "health: queue": lambda c, _p: operation.waiting(c),
        "health: logins": lambda c, _p: (operation.failed_logins(c), operation.open_attempts(c, NOW - 3_600_000_000)),
    }.items()
}  # fmt: skip


def _counted(connection: Connection, window: rule_counts.Window) -> tuple[Any, ...]:
    r = rule_counts
    return r.fired(connection, window, 5), r.missed(connection, window), r.audited(connection, window)


class _TakenBackError(Exception):
    """Ends a transaction that is to leave nothing behind."""


def _writing(do: Callable[[Connection, Place], Any]) -> Use:
    def write(place: Place) -> None:
        try:
            with write_tx(place.engine) as connection:
                do(connection, place)
                raise _TakenBackError  # noqa: TRY301 - the way to end a transaction
        except _TakenBackError:
            pass

    return write


def _review(connection: Connection, place: Place) -> None:
    pk = connection.execute(select(inspection_rows.c.chat_pk).where(inspection_rows.c.id == place.item)).scalar_one()
    said = Review(token_hex(8), pk, "queue", "w-3", NOW, place.item, verdicts=(Verdict("rule-7", "missed"),))
    reviews.add_review(connection, said)


def _claim_next(scope: Scope, query: str = "") -> Callable[[Connection, Place], Any]:
    filters = parse_filters(dict([query.split("=")])) if query else Filters()
    return lambda c, _p: queue_work.claim_next(c, Looking(scope, 1, NOW), filters, NOW + 900_000_000)


_LIMITED = Scope(merchants=(MERCHANT,), team=TEAM)
_WRITES: dict[str, Use] = {
    name: _writing(do)
    for name, do in {
        "next chat": _claim_next(Scope()),
        "next chat: of a team": _claim_next(_LIMITED),
        "next chat: a rule": _claim_next(Scope(), "rule=rule-7"),
        "next chat: a common word": _claim_next(Scope(), "text=w17"),
        "claim, extend, release": lambda c, p: (
            queue_work.claim(c, p.item, 1, NOW, NOW + 900_000_000, whoever_is_to=True), queue_work.extend(c, p.item, 1, NOW + 10**9),
            queue_work.release(c, p.item, 1),
        ),
        "assign": lambda c, p: queue_work.assign(c, [p.item], 1, NOW),
        "review": _review,
        "night: what was drawn": lambda c, p: frames.save_draw(c, p.night, 1, [], {}),
        "retention: drop texts": lambda c, p: dropping.drop(
            c, MERCHANT, [f"chat-{pk - 1}" for pk in p.pks[:50]], NOW, "lead", "retention"
        ),
        "boards: a night written anew": lambda c, p: board_fill.replace(
            c, board_fill.OpenNight(p.night, MERCHANT, p.day, b"", "h", None),
            {"finished_at": None, "review": 0, "newest_day": p.day}, [], [],
        ),
    }.items()
}  # fmt: skip


@contextmanager
def placed(engine: Engine, folder: Path) -> Iterator[Place]:
    """Give the objects to ask about, with people who are logged in."""
    app = create_app(Settings(data_dir=folder, secret_key=token_hex(), metrics_token=TOKEN), engine, lambda: NOW)
    people: dict[str, tuple[UserRole, Any, str | None, str | None]] = {
        "lead": (UserRole.LEAD, None, None, None), "trainer": (UserRole.TRAINER, None, None, None),
        "admin": (UserRole.ADMIN, None, None, None), "specialist": (UserRole.SPECIALIST, (MERCHANT,), TEAM, None),
        "agent": (UserRole.AGENT, (MERCHANT,), None, AGENT), "viewer": (UserRole.MERCHANT_VIEWER, (MERCHANT,), None, None),
    }  # fmt: skip
    clients = {"": app.test_client()}
    with write_tx(engine) as connection:
        for name, (role, merchants, team, agent) in people.items():
            user = insert_user(connection, f"{name}-{token_hex(4)}", name, role, merchants, team, agent, NOW)
            sessions.start(connection, user.id, f"token-{user.id}", NOW, NOW + _YEAR_US)
            clients[name] = app.test_client()
            clients[name].set_cookie("zhijian", f"token-{user.id}")
    for name in people:
        clients[name].get("/about")  # templates are made; the first request notes that the session lives
    yield _place(engine, clients)


def _place(engine: Engine, clients: Mapping[str, FlaskClient]) -> Place:
    i = inspection_rows.c
    with read_tx(engine) as connection:
        query = select(queue_items.c.inspection_id, queue_items.c.day).where(
            queue_items.c.merchant == MERCHANT, queue_items.c.team == TEAM, queue_items.c.done_at.is_(None)
        )
        item, day = connection.execute(query.order_by(queue_items.c.day.desc()).limit(1)).one()
        night = connection.execute(select(i.night_id).where(i.id == item)).scalar_one()
        run = connection.execute(select(runs.c.id).where(runs.c.night_id == night)).scalar_one()
        rows = connection.execute(select(i.id, i.chat_pk).where(i.run_id == run).order_by(i.id).limit(SOME)).all()
    return Place(
        engine, clients, night, run, rows[0].id, item, [row.chat_pk for row in rows], [row.id for row in rows], day
    )


_OF_NIGHTS = "one row a merchant and day: 27,400 in 18 months, some milliseconds"
_LIBRARY = "the library is small beside the chats: 20,000 cases"
WHOLE: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(
        ("metrics", "health: nights", "queue: fill, runs", "boards: stale nights", "counts: nights", "rules", "stars"),
        dict.fromkeys(("nights", "runs", "board_nights", "queue_runs"), _OF_NIGHTS),
    ),
    "queue: the commonest word": {"queue_words": "the word is in every chat of the queue", "queue_items": "the same"},
    "cases": dict.fromkeys(("cases", "case_tags", "case_search", "case_nominations"), _LIBRARY),
    "training": {"reviews": "one count of all reviews, from an index"},
}
"""By the beginning of a use's name: large tables it may read from end to end, and why."""


def reason_of(use: str) -> dict[str, str]:
    """Return which large tables a use may read from end to end, with the reasons."""
    return {table: why for name, tables in WHOLE.items() if use.startswith(name) for table, why in tables.items()}
