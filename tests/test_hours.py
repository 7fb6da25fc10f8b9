"""Hours: parsing, exact seconds inside, summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.errors import ConfigError
from qa.hours import DAY, Hours, contains, iso_local, offset_us, parse_hours, seconds_inside

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
SHOP = parse_hours([("09:00", "23:00")])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(text: str, zone: ZoneInfo = SHANGHAI, fold: int = 0) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
    return (moment - EPOCH) // timedelta(microseconds=1)


def inside(start: str, end: str, hours: Hours = SHOP, zone: ZoneInfo = SHANGHAI) -> float:
    return seconds_inside(at(start, zone), at(end, zone), hours, zone)


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2026-11-20 10:00", "2026-11-20 10:00:20", 20),
        ("2026-11-20 23:50", "2026-11-21 09:00:20", 20),
        ("2026-11-20 22:50", "2026-11-21 09:00", 600),
        ("2026-11-20 22:59:59.999999", "2026-11-20 23:30", 0.000001),
        ("2026-11-20 08:00", "2026-11-20 09:00", 0),
        ("2026-11-20 23:00", "2026-11-21 08:59:59", 0),
        ("2026-11-20 09:00", "2026-11-23 09:00", 3 * 14 * 3600),
        ("2026-11-20 10:00", "2026-11-20 09:30", 0),
        ("2024-02-28 00:00", "2024-03-01 00:00", 2 * 14 * 3600),
        ("2026-01-01 00:00", "2027-01-01 00:00", 365 * 14 * 3600),
    ],
)
def test_seconds_inside(start: str, end: str, seconds: float) -> None:
    assert inside(start, end) == seconds


def test_hours_across_midnight_and_several_ranges() -> None:
    night = parse_hours([("22:00", "02:00"), ("13:00", "14:00")])
    assert inside("2026-11-20 12:00", "2026-11-21 12:00", night) == 5 * 3600
    assert contains(at("2026-11-20 01:59:59"), night, SHANGHAI)
    assert not contains(at("2026-11-20 02:00"), night, SHANGHAI)
    assert contains(at("2026-11-20 22:00"), night, SHANGHAI)


def test_a_zone_is_what_decides() -> None:
    instant = at("2026-11-20 09:30")
    peak = parse_hours([("09:00", "12:00")])
    assert contains(instant, peak, SHANGHAI)
    assert not contains(instant, peak, UTC)


def test_before_the_epoch() -> None:
    assert inside("1969-12-31 22:00", "1970-01-01 10:00") == 2 * 3600


def test_summer_time_night_is_an_hour_shorter_and_autumn_an_hour_longer() -> None:
    night = parse_hours([("22:00", "06:00")])
    assert inside("2026-03-28 12:00", "2026-03-29 12:00", night, BERLIN) == 7 * 3600
    assert inside("2026-10-24 12:00", "2026-10-25 12:00", night, BERLIN) == 9 * 3600
    assert inside("2026-01-01 00:00", "2027-01-01 00:00", night, BERLIN) == 365 * 8 * 3600


def test_a_range_in_the_missing_hour_and_in_the_doubled_hour() -> None:
    half_past_two = parse_hours([("02:30", "02:45")])
    assert inside("2026-03-29 00:00", "2026-03-29 12:00", half_past_two, BERLIN) == 0
    assert inside("2026-10-25 00:00", "2026-10-25 12:00", half_past_two, BERLIN) == 2 * 15 * 60
    assert contains(at("2026-10-25 02:40", BERLIN, fold=0), half_past_two, BERLIN)
    assert contains(at("2026-10-25 02:40", BERLIN, fold=1), half_past_two, BERLIN)


def test_the_change_of_offset_is_found_to_the_second() -> None:
    change = at("2026-03-29 01:00", ZoneInfo("UTC"))
    assert offset_us(change - 1, BERLIN) == 3600 * 10**6
    assert offset_us(change, BERLIN) == 2 * 3600 * 10**6


def test_ranges_are_merged() -> None:
    assert parse_hours([("10:00", "12:00"), ("09:00", "10:00"), ("11:00", "13:00")]).ranges == (
        (9 * 3600 * 10**6, 13 * 3600 * 10**6),
    )
    assert parse_hours([("00:00", "24:00")]).daily_us() == DAY
    assert parse_hours([("22:00", "00:00")]).ranges == ((22 * 3600 * 10**6, DAY),)


@pytest.mark.parametrize(
    ("pairs", "part"),
    [
        ([], "no range"),
        ([("9:00", "23:00")], "'9:00' is not a time of day"),
        ([("09:00", "25:00")], "25:00"),
        ([("09:00", "24:30")], "24:30"),
        ([("09:00", "09:00")], "empty"),
        ([("24:00", "09:00")], "empty"),
        ([("09:00",)], "not a range"),
        (["09:00-23:00"], "not a range"),
        ([(540, "23:00")], "540"),
        ([("０９:00", "23:00")], "time of day"),
    ],
)
def test_bad_hours_are_named(pairs: list[tuple[str, str]], part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        parse_hours(pairs)


def test_iso_local_is_exact() -> None:
    assert iso_local(at("2026-11-20 09:00:05"), SHANGHAI) == "2026-11-20T09:00:05+08:00"
    assert iso_local(at("2026-11-20 09:00:05") + 1, SHANGHAI) == "2026-11-20T09:00:05.000001+08:00"


MINUTES = st.integers(0, 1439)
ZONES = st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Africa/Casablanca"), UTC])


@settings(deadline=None)
@given(
    st.integers(at("2025-01-01"), at("2027-01-01")),
    st.integers(0, 40 * 24 * 60),
    st.lists(st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=3),
    ZONES,
)
def test_agrees_with_the_clock_on_the_wall_minute_by_minute(
    start: int, minutes: int, pairs: list[tuple[int, int]], zone: ZoneInfo
) -> None:
    hours = parse_hours([tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in pair) for pair in pairs])
    start -= start % 60_000_000
    moments = [EPOCH + timedelta(microseconds=start, minutes=minute) for minute in range(0, minutes, 7)]
    walls = [moment.astimezone(zone) for moment in moments]
    for wall in walls[:200]:
        clock = (wall.hour * 60 + wall.minute) * 60_000_000
        instant = (wall - EPOCH) // timedelta(microseconds=1)
        expected = any(low <= clock < high for low, high in hours.ranges)
        assert contains(instant, hours, zone) is expected
        assert seconds_inside(instant, instant + 60_000_000, hours, zone) == (60 if expected else 0)


@settings(deadline=None)
@given(st.integers(at("2025-01-01"), at("2027-01-01")), st.integers(0, 60 * DAY), st.integers(0, 60 * DAY), ZONES)
def test_spans_add_up_and_never_exceed_the_clock(start: int, first: int, second: int, zone: ZoneInfo) -> None:
    middle, end = start + first, start + first + second
    hours = parse_hours([("21:00", "02:30"), ("09:00", "12:00")])
    micro = [
        round(seconds_inside(*span, hours, zone) * 10**6) for span in ((start, middle), (middle, end), (start, end))
    ]
    assert micro[0] + micro[1] == micro[2]
    assert 0 <= micro[2] <= end - start


@settings(deadline=None)
@given(st.integers(at("2025-01-01"), at("2027-01-01")), st.integers(0, 30 * DAY))
def test_a_fixed_offset_is_the_same_as_china(start: int, length: int) -> None:
    fixed = timezone(timedelta(hours=8))
    assert seconds_inside(start, start + length, SHOP, fixed) == seconds_inside(start, start + length, SHOP, SHANGHAI)
