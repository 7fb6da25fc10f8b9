from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine

from qa.estimates import StratumSummary, estimate_mean, estimate_proportion, summarize
from qa.types import Dimension

DIMENSIONS = {one.value for one in Dimension}


@pytest.fixture
def found(store_engine: Engine, day: list[kit.Record], tmp_path: Path) -> kit.Record:  # noqa: ARG001 - stored
    """The report of a night over the day."""
    (one,) = kit.report(store_engine, [kit.night(store_engine)], tmp_path)["merchants"]
    return one


def test_every_quote_is_cut_from_the_original(found: kit.Record, day: list[kit.Record]) -> None:
    records = {one["id"]: one for one in day}
    quotes = 0
    for inspection in found["inspections"]:
        messages = records[inspection["id"]]["messages"]
        for finding in inspection["findings"]:
            assert finding["evidence"] or finding["outcome"] == "not_applicable", finding
            for place in finding["evidence"]:
                assert messages[place["turn"]]["text"][place["start"] : place["end"]] == place["quote"]
                quotes += 1
    assert quotes > 300


def test_the_points_of_a_chat_add_up_to_its_score(store_engine: Engine, found: kit.Record) -> None:
    cards = {row["id"]: json.loads(row["card"]) for row in kit.rows(store_engine, "inspections", "id")}
    assert len(cards) == len(found["inspections"])
    for card, inspection in zip(cards.values(), found["inspections"], strict=True):
        assert inspection["score"] == pytest.approx(sum(line["points"] for line in card), abs=1e-9)
        assert inspection["dimensions"].keys() == DIMENSIONS
        taken = {one["rule"]: one["points"] for one in inspection["findings"] if one["outcome"] != "not_applicable"}
        lines = {line["rule"]: line["points"] for line in card if "rule" in line}
        assert {rule: points for rule, points in taken.items() if points} == {k: v for k, v in lines.items() if v}
        if inspection["red_line"]:
            assert inspection["score"] == 0
            assert inspection["flags"][0] == "red_line"
        elif card[-1]["kind"] != "cap":
            assert inspection["score"] == pytest.approx(100 + sum(taken.values()), abs=1e-9)


def test_without_times_timeliness_is_not_applicable(found: kit.Record, day: list[kit.Record]) -> None:
    timeless = {one["id"] for one in day if "started_at" not in one}
    seen = [one for one in found["inspections"] if one["id"] in timeless]
    assert len(seen) > 3
    for inspection in seen:
        assert inspection["dimensions"]["timeliness"] is None
        skipped = {one["rule"]: one for one in inspection["findings"] if one["outcome"] == "not_applicable"}
        assert {"first-response-slow", "average-response-slow", "long-gap"} <= skipped.keys()
        assert all(one["message"] and one["points"] == 0 and not one["evidence"] for one in skipped.values())
    assert any(one["dimensions"]["timeliness"] is not None for one in found["inspections"])


def test_clean_chats_are_audited_two_percent_and_at_least_one(found: kit.Record) -> None:
    clean = [one for one in found["inspections"] if one["flags"] in ([], ["audit"])]
    audited = [one for one in clean if one["flags"]]
    assert 1 < len(clean) < 50
    assert len(audited) == 1
    assert not [one for one in found["inspections"] if "audit" in one["flags"] and len(one["flags"]) > 1]


@pytest.mark.parametrize("rate", [0.02, 0.2, 1.0])
@pytest.mark.usefixtures("day")
def test_the_audit_is_the_smallest_keys_of_its_own(rate: float, store_engine: Engine, tmp_path: Path) -> None:
    from hashlib import blake2b

    result = kit.night(store_engine, policy=kit.policy(audit_rate=rate))
    (found,) = kit.report(store_engine, [result], tmp_path)["merchants"]
    clean = [one["id"] for one in found["inspections"] if one["flags"] in ([], ["audit"])]
    clean.sort(key=lambda name: blake2b(f"{found['salt']}:audit\n{name}".encode(), digest_size=16).digest())
    expected = clean[: math.ceil(rate * len(clean))]
    assert {one["id"] for one in found["inspections"] if "audit" in one["flags"]} == set(expected)
    assert expected


def test_flags_name_what_is_wrong(store_engine: Engine, found: kit.Record) -> None:
    for inspection in found["inspections"]:
        failed = [one for one in inspection["findings"] if one["outcome"] == "failed"]
        serious = [one for one in failed if one["severity"] in ("major", "critical")]
        voiding = [one for one in failed if one["rule"].startswith("red-")]
        assert ("red_line" in inspection["flags"]) is bool(voiding) is inspection["red_line"]
        assert ("rule_failed" in inspection["flags"]) is bool([one for one in serious if one not in voiding])
        assert ("low_score" in inspection["flags"]) is (inspection["score"] < 60 and not voiding)
    risks = defaultdict(list)
    for row in kit.rows(store_engine, "flags", "inspection_id"):
        risks[row["inspection_id"]].append(row["risk"])
    assert all(0 < risk <= 100 for some in risks.values() for risk in some)


def weighted(found: kit.Record, value) -> float:
    """The Horvitz-Thompson mean: every inspected chat stands for 1 / probability chats."""
    pairs = [(value(one), 1 / one["probability"]) for one in found["inspections"]]
    return math.fsum(y * w for y, w in pairs if y is not None) / math.fsum(w for y, w in pairs if y is not None)


FIGURES = {
    "mean_score": lambda one: one["score"],
    "failed_rate": lambda one: float(any(f["outcome"] == "failed" for f in one["findings"])),
    "red_line_rate": lambda one: float(one["red_line"]),
    **{f"{name}_score": (lambda one, name=name: one["dimensions"][name]) for name in DIMENSIONS},
}


def cells(found: kit.Record, value) -> list[StratumSummary]:
    """The document's inspections sorted into its strata again."""
    values: dict[tuple[int, str, str], list[float | None]] = defaultdict(list)
    targeted = {one["id"] for one in found["targeted"]}
    certain = [value(one) for one in found["inspections"] if one["id"] in targeted]
    for one in found["inspections"]:
        if one["id"] not in targeted:
            values[one["wave"], one["agent"], one["channel"]].append(value(one))
    strata = [
        summarize(f"{one['wave']} {one['agent']} {one['channel']}", one["size"], values[key])
        for one in found["strata"]
        for key in [(one["wave"], one["agent"], one["channel"])]
    ]
    return [*strata, summarize("targeted", len(certain), certain, certainty=True)]


def test_estimates_can_be_recomputed_from_the_document(found: kit.Record) -> None:
    assert {one["name"] for one in found["estimates"]} == FIGURES.keys()
    for one in found["estimates"]:
        value = FIGURES[one["name"]]
        strata = cells(found, value)
        rate = one["name"].endswith("_rate")
        again = (
            estimate_proportion(one["name"], strata) if rate else estimate_mean(one["name"], strata, bounds=(0, 100))
        )
        assert one["n"] == sum(value(i) is not None for i in found["inspections"])
        assert one["size"] == found["frame_size"]
        assert one["value"] == pytest.approx(again.value)
        assert (one["low"], one["high"]) == (pytest.approx(again.low), pytest.approx(again.high))
        assert one["low"] <= one["value"] <= one["high"]
        if "timeliness" not in one["name"]:  # where every chat has a value, no theory is needed
            assert one["value"] == pytest.approx(weighted(found, value))
    naive = [one["score"] for one in found["inspections"]]
    mean = next(one["value"] for one in found["estimates"] if one["name"] == "mean_score")
    assert mean > sum(naive) / len(naive) + 1, "targeted chats are worse: they must not be mixed in naively"
