from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from qa.errors import ConfigError
from qa.policy import HourRange, Policy, PolicyBook, RiskSignals, risk_reasons
from qa.types import Chat, Customer

DAY = date(2026, 11, 11)
BOOK = """
rate = 0.4
peak_hours = ["09:00-12:00", "19:00-22:00"]
risk.csat_at_most = 3

[merchants.acme]
rate = 0.5
risk.tiers = ["VIP", "gold"]

[[periods]]
name = "double 11"
from = 2026-11-10
to = 2026-11-12
rate = 0.1
joint_review = true

[[periods]]
name = "acme's anniversary"
merchant = "acme"
from = 2026-11-12
to = "2026-11-14"
rate = 0.2
risk.escalated = false
"""


def _chat(**fields):
    return Chat(id="c-1", messages=(), **fields)


def _error(settings) -> str:
    with pytest.raises(ConfigError) as caught:
        PolicyBook.from_mapping(settings, "qa.toml: policy")
    return str(caught.value)


def _book() -> PolicyBook:
    return PolicyBook.from_mapping(tomllib.loads(BOOK))


def test_defaults_are_the_figures_of_the_field():
    policy = Policy()
    assert (policy.rate, policy.per_agent_minimum, policy.stratify) == (0.3, 1, ("agent",))
    assert [str(hours) for hours in policy.peak_hours] == ["09:00-12:00"]
    assert (policy.low_score, policy.excellent_score, policy.audit_rate) == (60, 95, 0.02)
    assert policy.business_hours == ()
    assert policy.risk == RiskSignals(csat_at_most=2, escalated=True, tiers=("vip",), repeat_contact_hours=None)


def test_policy_is_immutable():
    with pytest.raises(ValidationError, match="frozen"):
        Policy().rate = 0.5


def test_snapshot_survives_json():
    policy = _book().resolve("acme", date(2026, 11, 12))
    assert Policy.from_snapshot(json.loads(json.dumps(policy.snapshot()))) == policy


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ()),
        ({"csat": 2}, ("csat",)),
        ({"csat": 2.5}, ()),
        ({"escalated": False}, ()),
        ({"escalated": True}, ("escalated",)),
        ({"customer": Customer(tier=" VIP ")}, ("tier",)),
        ({"customer": Customer(tier="silver")}, ()),
        ({"csat": 1, "escalated": True, "customer": Customer(tier="vip")}, ("csat", "escalated", "tier")),
    ],
)
def test_risk_reasons(fields, expected):
    assert risk_reasons(_chat(**fields), Policy()) == expected


def test_repeat_contact_counts_only_where_the_policy_asks_for_it():
    asking = Policy(risk=RiskSignals(repeat_contact_hours=72))
    assert risk_reasons(_chat(), asking, repeat_contact=True) == ("repeat_contact",)
    assert risk_reasons(_chat(), asking) == ()
    assert risk_reasons(_chat(), Policy(), repeat_contact=True) == ()


def test_signals_can_be_switched_off():
    off = Policy(risk=RiskSignals(csat_at_most=None, escalated=False, tiers=()))
    assert risk_reasons(_chat(csat=1, escalated=True, customer=Customer(tier="vip")), off) == ()


@pytest.mark.parametrize(
    ("merchant", "day", "rate", "joint"),
    [
        ("other", date(2026, 11, 9), 0.4, False),
        ("acme", date(2026, 11, 9), 0.5, False),
        ("other", date(2026, 11, 10), 0.1, True),
        ("acme", date(2026, 11, 11), 0.1, True),
        ("acme", date(2026, 11, 12), 0.2, True),
        ("acme", date(2026, 11, 14), 0.2, False),
        ("acme", date(2026, 11, 15), 0.5, False),
    ],
)
def test_layers_in_order(merchant, day, rate, joint):
    policy = _book().resolve(merchant, day)
    assert (policy.rate, policy.joint_review) == (rate, joint)


def test_risk_is_overridden_field_by_field():
    risk = _book().resolve("acme", date(2026, 11, 13)).risk
    assert risk == RiskSignals(csat_at_most=3, escalated=False, tiers=("VIP", "gold"))


def test_period_names_the_most_specific():
    book = _book()
    names = [p and p.name for p in (book.period("acme", date(2026, 11, d)) for d in (9, 11, 12))]
    assert names == [None, "double 11", "acme's anniversary"]


def test_an_empty_book_is_the_house_default():
    assert PolicyBook.from_mapping({}).resolve("any", DAY) == Policy() == PolicyBook().resolve("any", DAY)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rat": 0.5}, "policy.rat: unknown key; did you mean 'rate'?"),
        ({"zzz": 0.5}, "policy.zzz: unknown key"),
        ({"merchant": {}}, "policy.merchant: unknown key; did you mean 'merchants'?"),
        ({"rate": "0.3"}, "policy.rate: must be a valid number, not '0.3'"),
        ({"rate": True}, "policy.rate: must be a valid number, not True"),
        ({"rate": 0}, "policy.rate: must be greater than 0, not 0"),
        ({"rate": 1.5}, "policy.rate: must be less than or equal to 1, not 1.5"),
        ({"rate": float("nan")}, "policy.rate: must be a finite number"),
        ({"joint_review": "no"}, "policy.joint_review: must be a valid boolean, not 'no'"),
        ({"risk": 3}, "policy.risk: must be a table, not 3"),
        ({"risk": {"tier": ["x"]}}, "policy.risk.tier: unknown key; did you mean 'tiers'?"),
        ({"risk": {"tiers": "vip"}}, "policy.risk.tiers: must be a list, not 'vip'"),
        ({"peak_hours": ["9-12"]}, "policy.peak_hours[0]: '9-12' is not a range of hours"),
        ({"peak_hours": ["09:00-09:00"]}, "is not a range of hours within one day"),
        ({"stratify": ["channel"]}, 'policy.stratify: must be ["agent"] or ["agent", "channel"]'),
        ({"stratify": ["agent", "team"]}, "policy.stratify[1]: must be 'agent' or 'channel', not 'team'"),
        ({"timezone": "Asia/Shanghia"}, "policy.timezone: 'Asia/Shanghia' is not a time zone"),
        ({"timezone": "../../etc/passwd"}, "is not a time zone"),
        ({"salt": "a:b"}, "policy.salt: must be printable and hold no colon"),
        ({"salt": "a\nb"}, "policy.salt: must be printable and hold no colon"),
        ({"low_score": 96}, "policy (house): excellent_score (95) must be above low_score (96)"),
        ({"merchants": []}, "policy.merchants: must be a table of merchants, not []"),
        ({"merchants": {"acme": 1}}, "policy.merchants.acme: must be a table of policy fields, not 1"),
        ({"merchants": {"acme": {"rtae": 1}}}, "policy.merchants.acme.rtae: unknown key; did you mean 'rate'?"),
        ({"merchants": {"acme": {"low_score": 96}}}, "policy (merchants.acme): excellent_score (95)"),
        ({"periods": {}}, "policy.periods: must be a list of periods"),
        ({"periods": [1]}, "policy.periods[0]: must be a table, not 1"),
        ({"periods": [{"from": DAY, "to": DAY}]}, "policy.periods[0].name: every period needs a name"),
        ({"periods": [{"name": "x", "to": DAY}]}, "policy.periods[0].from: must be a day such as 2026-11-11, not None"),
        ({"periods": [{"name": "x", "from": "soon", "to": DAY}]}, "policy.periods[0].from: must be a day"),
        ({"periods": [{"name": "x", "from": DAY, "to": date(2026, 11, 1)}]}, "periods[0].to: 2026-11-01 lies before"),
        ({"periods": [{"name": "x", "from": DAY, "to": DAY, "merchant": 3}]}, "periods[0].merchant: must be"),
        ({"periods": [{"name": "x", "from": DAY, "to": DAY, "form": 3}]}, "periods[0].form: unknown key; did you mean"),
    ],
)  # fmt: skip
def test_mistakes_are_named(settings, said):
    assert said in _error(settings)
    assert all(line.startswith("qa.toml: policy") for line in _error(settings).splitlines())


def test_every_mistake_is_reported_at_once():
    text = _error({"rate": 2, "merchants": {"acme": {"rtae": 1}}, "periods": [{"name": "x", "from": DAY, "to": 1}]})
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize("merchant", [None, "acme"])
def test_overlapping_periods_of_one_level_are_refused(merchant):
    owner = {"merchant": merchant} if merchant else {}
    days = {"p": (1, 5), "q": (5, 9)}
    periods = [{"name": n, "from": date(2026, 11, a), "to": date(2026, 11, b), **owner} for n, (a, b) in days.items()]
    text = _error({"periods": periods})
    assert "'p' (2026-11-01 to 2026-11-05)" in text
    assert "'q' (2026-11-05 to 2026-11-09) overlap" in text


def test_periods_of_different_merchants_may_overlap():
    periods = [{"name": n, "from": DAY, "to": DAY, "merchant": n, "rate": r} for n, r in (("a", 0.1), ("b", 0.2))]
    book = PolicyBook.from_mapping({"periods": periods})
    assert [book.resolve(m, DAY).rate for m in ("a", "b", "c")] == [0.1, 0.2, 0.3]


def test_layers_that_contradict_only_together_are_refused():
    text = _error({
        "merchants": {"acme": {"excellent_score": 85}},
        "periods": [{"name": "sale", "from": DAY, "to": date.max, "low_score": 90}],
    })  # fmt: skip
    assert text == (
        "qa.toml: policy (merchants.acme + period 'sale'): excellent_score (85) must be above low_score (90)"
    )


def test_hour_ranges_read_and_write_themselves():
    for text in ("09:00-12:00", "22:00-02:00", "00:00-24:00", "18:30-24:00"):
        assert str(HourRange.parse(text)) == text
    assert str(HourRange.parse("09:00–12:00")) == "09:00-12:00"


def test_a_range_past_midnight_has_two_spans():
    assert HourRange.parse("22:00-00:00").spans() == ((79200, 86400),)
    assert HourRange.parse("22:00-01:00").spans() == ((79200, 86400), (0, 3600))


def test_the_manual_shows_the_defaults():
    manual = (Path(__file__).parents[1] / "docs" / "sampling.md").read_text("utf-8").split("## 6. The policy")[1]
    toml = "\n".join(line.removeprefix("    ") for line in manual.splitlines() if line.startswith("    "))
    book = PolicyBook.from_mapping(tomllib.loads(toml)["policy"])
    assert book.resolve("any", date(2026, 1, 1)) == Policy()
    assert book.resolve("acme", DAY).rate == 0.1
    assert book.resolve("acme", date(2026, 11, 13)).rate == 0.5
