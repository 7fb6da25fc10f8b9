"""The verdicts of reading, and the document made of them."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.rule_opinions import DIALS, DRAWN, REST, opinions_table, thoughts
from benchmarks.rule_quality import (
    DOCUMENT,
    JUDGED,
    Hit,
    Night,
    draw,
    hits_table,
    kappa,
    misses_table,
    read_chats,
    read_rounds,
    report,
    run_night,
    spliced,
    strict,
    unread,
    wilson,
)
from qa.rules.pack import load_house

_JUDGED = json.loads(JUDGED.read_text(encoding="utf-8"))
_RULES = {rule.id for rule in load_house().pack.rules}
_SHARED = Path(os.environ.get("QA_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def _hits(rule: str, number: int) -> list[Hit]:
    return [Hit(rule, f"c-{i}", 0, 0, 2) for i in range(number)]


def _night(*hits: Hit) -> Night:
    return Night(10, {hit: [{"turn": hit.turn}] for hit in hits}, Counter(), len(hits))


def test_wilson_is_unknown_without_observations_and_never_leaves_0_to_1():
    assert wilson(0, 0) is None
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0


def test_kappa_is_unknown_where_nobody_says_false_and_1_where_readers_agree():
    assert kappa([(True, True)] * 4) is None
    assert kappa([(True, True), (False, False)]) == (1.0, 1.0, 1.0)
    assert kappa([(True, False), (False, True)])[0] == -1.0


def test_a_draw_takes_so_many_of_each_rule_and_does_not_depend_on_the_order():
    hits = [*_hits("closing-missing", 9), *_hits("impatience", 2)]
    drawn = draw(hits, 3, 1)
    assert Counter(hit.rule for hit in drawn) == {"closing-missing": 3, "impatience": 2}
    assert draw(reversed(hits), 3, 1) == drawn
    assert draw(hits, 3, 2) != drawn


def test_a_draw_in_all_never_leaves_out_a_red_line_or_a_major_rule():
    hits = [*_hits("closing-missing", 200), *_hits("impatience", 1), *_hits("red-insult", 1)]
    drawn = draw(hits, 5, 1, total=True)
    assert len(drawn) == 5
    assert {"impatience", "red-insult"} <= {hit.rule for hit in drawn}


def test_a_document_without_a_marker_is_refused():
    with pytest.raises(ValueError, match="markers of 'x'"):
        spliced("no markers", {"x": "new"})


def test_nothing_read_makes_no_precision():
    assert "| **all** | 0 |  | 0 | 0 | – | – |" in list(hits_table(_night(), {}))


def test_rules_that_fire_on_most_chats_do_not_carry_the_others():
    hits = [*_hits("greeting-missing", 9), *_hits("impatience", 2)]
    said = {(hit.rule, hit.chat): hit.rule == "greeting-missing" for hit in hits}
    lines = list(hits_table(_night(*hits), said))
    assert "| **all** | 11 |  | 11 | 9 | 82% | 52% … 95% |" in lines
    assert lines[-1].startswith("| **all but those of most chats** | 2 |  | 2 | 0 | 0% |")


def test_a_hit_is_true_only_if_everybody_who_read_it_says_so():
    hit = {"rule": "impatience", "chat": "c-1", "turn": 0, "start": 0, "end": 2, "true": True}
    judged = {
        "rounds": [{"name": "one", "hits": [hit, hit | {"chat": "c-2"}]}],
        "second": {"hits": [{"rule": "impatience", "chat": "c-2", "true": False}]},
    }
    assert strict(judged) == {("impatience", "c-1"): True, ("impatience", "c-2"): False}
    assert unread(_night(Hit("impatience", "c-1", 5, 0, 2), Hit("impatience", "c-3", 0, 0, 2)), judged) == [
        Hit("impatience", "c-3", 0, 0, 2)
    ]


def test_a_mark_is_caught_only_where_its_rule_cites_a_turn_nearby():
    mark = {"seed": 1, "chat": "c-1", "turn": 7, "what": "w", "rule": "impatience", "cause": "c"}
    missed = {"read": {"1": ["c-1"]}, "found": [mark, mark | {"turn": 30}, mark | {"rule": ""}]}
    lines = list(misses_table(missed, _night(Hit("impatience", "c-1", 4, 0, 2))))
    assert "| 1 | 1 | 1 | 3 | 1 | 33% |" in lines
    assert "| c-1 7 | w | impatience | caught |" in lines
    assert "| c-1 30 | w | impatience | – |" in lines


def test_verdicts_name_places_and_quote_nothing():
    fields = {"rule", "chat", "turn", "start", "end", "true", "reason"}
    for one in (hit for round_ in _JUDGED["rounds"] for hit in round_["hits"]):
        assert set(one) == fields
        assert one["rule"] in _RULES
        assert one["reason"].isascii(), "a reason is the reader's own words, in English"


def test_no_hit_is_judged_twice_by_the_first_reader():
    verdicts = [v for round_ in read_rounds(_JUDGED).values() for v in round_]
    assert max(Counter((v.hit.rule, v.hit.chat) for v in verdicts).values()) == 1


def test_a_second_reader_read_what_a_first_one_had_and_says_why_they_differ():
    first = {(v.hit.rule, v.hit.chat): v.true for round_ in read_rounds(_JUDGED).values() for v in round_}
    second = _JUDGED["second"]["hits"]
    drawn = _JUDGED["second"]["drawn"]
    assert len({(one["rule"], one["chat"]) for one in second}) == len(second) == sum(drawn.values()) == 90
    assert all(one["reason"].isascii() for one in second)
    assert all(one["reason"] for one in second if first[one["rule"], one["chat"]] != one["true"])


def test_the_opinions_of_a_chat_are_those_on_the_whole_of_it():
    told = [
        {"of": "satisfaction", "turn": None, "probabilities": [0.9, 0.1, 0]},
        {"of": "satisfaction", "turn": 3, "probabilities": [0, 0, 1]},
    ]
    assert thoughts([{"id": "c", "opinions": told}]) == {"c": {"satisfaction": 0.9}}


def test_a_dial_counts_only_the_chats_it_names_in_the_half_they_were_read_in():
    hit = {"rule": "model-dissatisfied", "chat": "c-1", "true": True}
    rounds = [{"name": DRAWN, "hits": [hit]}, {"name": REST, "hits": [hit | {"chat": "c-2", "true": False}]}]
    known = {
        "c-1": {"satisfaction": 0.9, "sentiment": 0.96, "resolution": 0},
        "c-2": {"satisfaction": 0.9, "sentiment": 0.5, "resolution": 0},
    }
    lines = list(opinions_table(rounds, known))
    assert "| dissatisfied from .80 | 1 of 1 | 0 of 1 | 1 of 2 (50%) |" in lines
    assert lines[-1].endswith("| 1 of 1 | 0 of 0 | 1 of 1 (100%) |")


def test_the_last_dial_is_how_the_rule_is_set():
    rule = next(rule for rule in load_house().pack.rules if rule.id == "model-dissatisfied")
    least = {part["opinion"]["of"]: part["opinion"]["probability"] for part in rule.when["all"]}
    assert least == {"satisfaction": 0.8, "sentiment": 0.95}
    assert DIALS[-1].fires(least)
    assert not any(DIALS[-1].fires(least | {of: p - 0.01}) for of, p in least.items())


def test_misses_stand_in_chats_that_were_read():
    missed = _JUDGED["misses"]
    for one in missed["found"]:
        assert one["chat"] in missed["read"][str(one["seed"])]
        assert one["rule"] in _RULES | {""}
        assert (one["what"] + one["cause"]).isascii(), "a mark is described in English, not copied"


def test_the_document_holds_what_the_verdicts_say():
    text = DOCUMENT.read_text(encoding="utf-8")
    sections = report(Path("none"), Night(1, {}, Counter(), 0), _JUDGED)
    assert sections["second"] in text, "run benchmarks/rule_quality.py --write"


@pytest.mark.slow
def test_the_document_is_what_a_night_over_the_chats_finds_and_quotes_none_of_them():
    path = _SHARED / "data" / "jddc_dev.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    chats = read_chats(path)
    text = DOCUMENT.read_text(encoding="utf-8")
    assert spliced(text, report(path, run_night(path, chats), _JUDGED)) == text, (
        "run benchmarks/rule_quality.py --write"
    )
    ours = text + JUDGED.read_text(encoding="utf-8")
    assert not [m["text"] for messages in chats.values() for m in messages if len(m["text"]) > 6 and m["text"] in ours]
