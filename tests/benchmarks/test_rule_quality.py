"""The verdicts of reading, and the document made of them."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.rule_quality import (
    DOCUMENT,
    JUDGED,
    Hit,
    Night,
    draw,
    precision_table,
    read_chats,
    read_verdicts,
    report,
    run_night,
    spliced,
    wilson,
)
from qa.rules.pack import load_house

_JUDGED = json.loads(JUDGED.read_text(encoding="utf-8"))
_ROUNDS = ("before", "after")
_SHARED = Path(os.environ.get("QA_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def _hits(rule: str, number: int) -> list[Hit]:
    return [Hit(rule, f"c-{i}", 0, 0, 2) for i in range(number)]


def test_wilson_is_unknown_without_observations_and_never_leaves_0_to_1():
    assert wilson(0, 0) is None
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0


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
    assert list(precision_table([], {}))[-1] == "| **all that were read** | 0 | 0 | 0 | 0 | – | – |"


def test_verdicts_name_places_and_quote_nothing():
    fields = {"rule", "chat", "turn", "start", "end", "true", "reason"}
    rules = {rule.id for rule in load_house().pack.rules}
    for name in _ROUNDS:
        for one in _JUDGED[name]["hits"]:
            assert set(one) == fields
            assert one["rule"] in rules
            assert one["reason"].isascii(), "a reason is the reader's own words, in English"


def test_no_hit_is_judged_twice():
    verdicts = [v for name in _ROUNDS for v in read_verdicts(_JUDGED, name)]
    assert max(Counter((v.hit.rule, v.hit.chat) for v in verdicts).values()) == 1


def test_the_document_holds_what_the_verdicts_say():
    text = DOCUMENT.read_text(encoding="utf-8")
    sections = report(Path("none"), Night(1, {}, Counter(), 0), _JUDGED)
    assert sections["before"] in text, "run benchmarks/rule_quality.py --write"


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
