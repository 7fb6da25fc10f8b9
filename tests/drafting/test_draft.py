from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.drafting import layout as at
from qa.drafting.draft import Draft, draw_up
from qa.drafting.standard import Item, Limit, Script, Standard
from qa.drafting.written import Head, written
from qa.errors import PackError
from qa.rules.engine import compile_pack
from qa.rules.examples import check_examples
from qa.rules.pack import Pack, load_house, load_shipped, resolve
from qa.rules.yamlfile import parse_yaml
from qa.types import Dimension, Severity

HEAD = Head("acme", "1", "某店", "Acme", "sheet.xlsx")
ITEM = Item(
    1,
    3,
    "某项",
    None,
    Dimension.PROCESS,
    Severity.MINOR,
    2,
    red_line=False,
    kind=at.FORBIDDEN,
    said="禁用词",
    words=("老铁",),
)


def timed(figure: str, value: float, **fields: object) -> Item:
    limit = Limit(figure, figure, value, **fields)  # type: ignore[arg-type]
    return replace(ITEM, kind=at.RATING if figure == "csat" else at.TIMING, limit=limit)


def scripted(*points: tuple[str, ...], where: str = at.ANYWHERE) -> Item:
    return replace(ITEM, kind=at.SCRIPT, script=Script("话术", where, points))


def drawn(*items: Item, notes: tuple[str, ...] = ()) -> Draft:
    numbered = tuple(replace(item, number=number) for number, item in enumerate(items, 1))
    return draw_up(Standard(numbered, notes), load_house().pack.rules)


def proved(draft: Draft) -> Pack:
    """The pack as it is read back from its YAML, its own examples as they should be, and nothing lost in writing."""
    located = resolve(parse_yaml(written(draft, HEAD), "acme.yaml"), load_shipped)
    compile_pack(located)
    own = tuple(rule for rule in located.pack.rules if rule.id.startswith("m-item-"))
    assert list(check_examples(located.reduced(own))) == []
    assert [rule.model_dump(mode="json", exclude_unset=True) for rule in own] == [one.rule for one in draft.rules]
    return located.pack


@pytest.mark.parametrize(
    "item",
    [
        ITEM,
        replace(ITEM, words=("您好", "在的", "有货")),
        replace(ITEM, red_line=True, points=None, words=("私聊",)),
        replace(ITEM, exceptions=("老铁路",)),
        replace(ITEM, words=('a"b\\n: #{x}',)),
        scripted(("您好", "你好"), ("请问",), where=at.OPENING),
        scripted(("感谢",), where=at.CLOSING),
        scripted(*((f"第{n}点内容",) for n in range(12))),
        *(
            timed(figure, 30)
            for figure in ("first_response", "first_substantive", "average_response", "longest_wait", "complete_answer")
        ),
        timed("first_response", 15, hours="peak"),
        timed("average_response", 0.5, hours="business"),
        timed("first_response", 0),
        timed(at.WITHIN_RATE, 0.9, window_s=180, hours="off_peak"),
        timed("unanswered", 0),
        timed("followup", 86_400),
        timed("csat", 3),
    ],
)
def test_every_kind_becomes_a_rule_that_proves_itself(item: Item) -> None:
    draft = drawn(item)
    assert draft.left == ()
    proved(draft)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (replace(ITEM, words=()), "no word on sheet 禁用词 is about it"),
        (replace(ITEM, kind=at.SCRIPT), "no script on sheet 话术 is about it"),
        (replace(ITEM, kind=at.TIMING), "no limit on sheet 阈值 is about it"),
        (replace(ITEM, kind=at.FREE), "a free description: a person must judge it"),
        (
            replace(ITEM, kind=None, said="禁用語"),
            "kind '禁用語' is none of 禁用词, 必说话术, 时效, 评分, 自由描述; did you mean '禁用词'?",
        ),
        (replace(ITEM, kind=at.TIMING, limit=Limit(None, "转化率", reason="unknown figure")), "unknown figure"),
        (timed("csat", 0), "no chat was found that breaks it: it would never fire"),
        (timed("unanswered", 3), "no chat was found that breaks it: it would never fire"),
        (
            replace(ITEM, words=("您", "亲", "有", "查", "收", "OK")),
            "no chat was found that keeps it: it would always fire",
        ),
        (timed("first_response", 9_999_999_999), "no chat was found that breaks it: it would never fire"),
    ],
)
def test_what_cannot_be_said_is_left_with_the_reason(item: Item, reason: str) -> None:
    draft = drawn(ITEM, item)
    assert draft.items == 2 == len(draft.rules) + len(draft.left)
    assert [one.reason for one in draft.left] == [reason]
    proved(draft)


def test_the_file_says_what_was_drawn_up_and_what_was_left() -> None:
    free = replace(ITEM, kind=at.FREE, points=None, en="Tone", remarks="听感")
    text = written(drawn(ITEM, free, notes=("sheet 'x': not read",)), HEAD)
    lines = text.splitlines()
    assert lines[0] == "# Drawn up from sheet.xlsx by qa rules new: 2 items = 1 rules + 1 not expressed."
    assert "# Without an English name of their own (the Chinese one stands in): items 1." in lines
    assert lines[-3:] == [
        "# Not expressed, 1 of 2 items:",
        "# item 2 某项 · Tone (process, no points): a free description: a person must judge it | 听感",
        "# Note: sheet 'x': not read",
    ]


def test_all_left_and_nothing_left() -> None:
    none = drawn(replace(ITEM, kind=at.FREE))
    assert "rules: []" in written(none, HEAD)
    proved(none)
    assert written(drawn(ITEM), HEAD).endswith("# Nothing is left: all 1 items are rules.\n")


def test_house_rules_that_measure_the_same_are_named() -> None:
    beside = {
        one.item.limit.figure: one.beside
        for one in drawn(timed("csat", 3), timed("unanswered", 0)).rules
        if one.item.limit
    }
    assert "unanswered" in beside["unanswered"]
    assert beside["csat"]
    assert drawn(ITEM).rules[0].beside == ()


def test_what_the_engine_refuses_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PackError("no")

    monkeypatch.setattr("qa.drafting.draft.compile_pack", refuse)
    assert [one.reason for one in drawn(ITEM).left] == ["cannot be compiled: no"]


def test_ids_are_as_wide_as_the_greatest_number() -> None:
    standard = Standard((replace(ITEM, number=7), replace(ITEM, number=120)), ())
    assert [one.rule["id"] for one in draw_up(standard, ()).rules] == ["m-item-007", "m-item-120"]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=8), min_size=1, max_size=4
    )
)
def test_whatever_the_words_are_the_totals_add_up_and_the_file_reads_back(words: list[str]) -> None:
    cleaned = tuple(word for one in words if (word := " ".join(one.split())))
    item = replace(ITEM, zh=cleaned[0] if cleaned else "某项", words=cleaned, remarks="\u2028".join(cleaned))
    script = scripted(*((word,) for word in cleaned)) if cleaned else ITEM
    draft = drawn(item, script)
    assert len(draft.rules) + len(draft.left) == 2
    proved(draft)
