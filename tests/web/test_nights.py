"""Nights as pages: the list, one night, and who sees whose."""

from __future__ import annotations

from pathlib import Path

import night_kit
import pytest
import web_kit

from qa import operating, overview
from qa.overview import Figure, courses, figures
from qa.people import Scope
from qa.store.night_pages import NightLine
from qa.store.nights import State
from qa.store.session import read_tx
from qa.store.tables import inspections, nights


def two_days(kit: web_kit.Kit, folder: Path) -> None:
    """Two nights of acme and one of another merchant."""
    for day, merchant in (("2026-11-19", "acme"), ("2026-11-20", "acme"), ("2026-11-20", "other")):
        records = night_kit.day_of_chats(60, merchant=merchant, day=day, prefix=f"{merchant}-{day}")
        night_kit.bring_in(kit.engine, folder / f"{merchant}-{day}", records, day)
        night_kit.night(kit.engine, merchant, day)


def key_of(kit: web_kit.Kit, merchant: str, day: str) -> int:
    with read_tx(kit.engine) as connection:
        rows = connection.execute(nights.select().where(nights.c.merchant == merchant, nights.c.day == day))
        return int(rows.one().id)


def test_before_the_first_night_the_page_says_how_to_run_one(kit: web_kit.Kit) -> None:
    page = kit.client("lead").get("/nights").get_data(as_text=True)
    assert "qa nightly" in page


@pytest.mark.slow
def test_a_night_tells_its_draw_its_figures_and_the_night_before(kit: web_kit.Kit, tmp_path: Path) -> None:
    two_days(kit, tmp_path)
    listed = kit.client("lead").get("/nights").get_data(as_text=True)
    assert listed.count("2026-11-20") >= 2
    assert "2026-11-19" in listed
    only = kit.client("lead").get("/nights?merchant=other").get_data(as_text=True)
    assert "2026-11-19" not in only
    number = key_of(kit, "acme", "2026-11-20")
    operating.note_stages(kit.engine, number, {"screen": 1.0, "inspect": 75.0})
    with kit.engine.begin() as connection:
        unlucky = connection.execute(inspections.select().where(inspections.c.night_id == number)).first().id
        connection.execute(inspections.update().where(inspections.c.id == unlucky).values(broken="KeyError: x"))
    view = overview.night_view(kit.engine, number)
    assert sum(row.size for row in view.strata) + view.night.summary["targeted"] == view.night.summary["frame_size"]
    mean = view.courses[0]
    assert (mean.figure.name, [one.day for one in mean.nights]) == ("mean_score", ["2026-11-19", "2026-11-20"])
    assert mean.before == mean.nights[0].figure
    page = kit.client("lead").get(f"/nights/{number}").get_data(as_text=True)
    assert f"{mean.figure.value:.1f}" in page
    assert page.count('class="plot"') >= 3
    assert f'<a href="/chats/{unlucky}">' in page
    assert page.index("1m 15s") < page.index("98.7%") < page.index("1.3%")
    assert view.rules[0].name["zh"] in page
    assert "house" in page


@pytest.mark.slow
def test_a_viewer_sees_the_nights_of_his_merchant(kit: web_kit.Kit, tmp_path: Path) -> None:
    two_days(kit, tmp_path)
    viewer = kit.client("merchant_viewer")
    page = viewer.get("/nights").get_data(as_text=True)
    assert "2026-11-19" in page
    assert 'translate="no">other<' not in page
    assert viewer.get(f"/nights/{key_of(kit, 'other', '2026-11-20')}").status_code == 404
    mine = viewer.get(f"/nights/{key_of(kit, 'acme', '2026-11-20')}").get_data(as_text=True)
    assert "/rules/" not in mine  # a link that he could not follow
    assert viewer.get("/nights?merchant=other").status_code == 200
    assert [one.merchant for one in overview.list_nights(kit.engine, Scope(("other",))).nights] == ["other"]


@pytest.mark.slow
def test_a_refused_model_is_told(kit: web_kit.Kit, tmp_path: Path) -> None:
    class Refusing:
        def chosen(self):
            from qa.nightly.thinking import Choice

            return Choice(None, "models/x: was changed")

        again = None

    records = night_kit.day_of_chats(20)
    night_kit.bring_in(kit.engine, tmp_path / "a", records)
    night_kit.night(kit.engine, models=Refusing())
    number = key_of(kit, "acme", night_kit.DAY)
    assert overview.night_view(kit.engine, number).refused == "models/x: was changed"
    assert "models/x: was changed" in kit.client("lead").get(f"/nights/{number}").get_data(as_text=True)
    assert "tag-bad" in kit.client("lead").get("/nights").get_data(as_text=True)


def test_pages_of_nights_go_on_where_the_last_one_ended(kit: web_kit.Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "PAGE", 2)
    with kit.engine.begin() as connection:
        for number in range(5):
            row = {"merchant": "acme", "day": f"2026-11-{10 + number // 2}", "state": "screening", "salt": "s"}
            row |= {"policy": b"{}", "waves": 1, "started_at": 1}
            row["merchant"] = f"m{number % 2}"
            connection.execute(nights.insert().values(row))
    seen: list[tuple[str, str]] = []
    before = None
    while True:
        page = overview.list_nights(kit.engine, Scope(), before=before)
        seen += [(one.day, one.merchant) for one in page.nights]
        before = page.onward
        if before is None:
            break
    assert len(seen) == len(set(seen)) == 5
    assert [day for day, _ in seen] == sorted((day for day, _ in seen), reverse=True)
    assert len(overview.list_nights(kit.engine, Scope(), before="no.such.key").nights) == 2


def line(number: int, day: str, value: float, low: float | None, high: float | None) -> NightLine:
    told = {"name": "mean_score", "value": value, "low": low, "high": high, "n": 3, "size": 9}
    return NightLine(number, "acme", day, State.DONE, 1, 0, 1, {"estimates": [told]}, None, None, None, None)


def test_figures_are_apart_only_where_both_intervals_are_known_and_do_not_touch() -> None:
    first, second = line(1, "2026-11-19", 90, 88, 91), line(2, "2026-11-20", 95, 92, 97)
    (course,) = courses(second, [first, second])
    assert (course.apart, course.before) == (True, figures(first.summary)["mean_score"])
    (alone,) = courses(first, [first])
    assert (alone.apart, alone.before) == (False, None)
    (unknown,) = courses(second, [line(1, "2026-11-19", 90, None, None), second])
    assert not unknown.apart
    assert figures(None) == {}
    assert Figure("failed_rate", 0.1, None, None, 1, 1, 0, ()).is_rate
