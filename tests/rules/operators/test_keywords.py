from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_bench import make_pack

from qa.rules.bench import Bench
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.rules.operators.keywords import Keywords
from qa.rules.pack import house_wordlists
from qa.text import Level, fold
from qa.types import Chat, Message, Role

LISTS = {"fruit": ("苹果", "梨"), "juice": ("苹果汁",)}


def say(judge, text: str, **keywords):
    return judge({"keywords": keywords}, f"客户: 在吗\n客服: {text}", wordlists=LISTS)


@pytest.mark.parametrize(
    ("keywords", "text", "quotes"),
    [
        ({"any": ["苹果"]}, "有苹果，青苹果", ["苹果", "苹果"]),
        ({"any": ["苹果", "梨"]}, "有梨", ["梨"]),
        ({"any": ["苹果", "青苹果"]}, "青苹果", ["青苹果"]),
        ({"list": ["fruit"]}, "有苹果和梨", ["苹果", "梨"]),
        ({"list": ["fruit"], "any": ["桃"]}, "桃和梨", ["桃", "梨"]),
        ({"any": ["苹果"], "at_least": 2}, "苹果苹果", ["苹果", "苹果"]),
        ({"all": ["苹果", "梨"]}, "梨，苹果", ["梨", "苹果"]),
        ({"list": ["fruit"], "except": ["苹果汁"]}, "苹果汁和梨", ["梨"]),
        ({"list": ["fruit"], "except_list": ["juice"]}, "苹果汁，苹果", ["苹果"]),
        ({"any": ["微信"], "match": "squash"}, "微❤信 Ｗ薇-信", ["微❤信", "薇-信"]),
        ({"any": ["微信"], "negated": True}, "不能加微信", ["微信"]),
        ({"any": ["最好"], "quoted": True}, "您说的“最好”", ["最好"]),
        ({"any": ["VX"]}, "加ｖｘ123", ["ｖｘ"]),
        ({"any": ["请问"]}, "請問", ["請問"]),
        ({"any": ["hi"]}, "hi亲", ["hi"]),
        ({"any": ["kg"]}, "重5㎏", ["㎏"]),
    ],
)
def test_hits_with_exact_quotes(judge, keywords: dict, text: str, quotes: list[str]) -> None:
    answer = say(judge, text, **keywords)
    assert [quote for _, quote in answer.quotes] == quotes


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"any": ["苹果"]}, "有梨"),
        ({"any": ["苹果"], "at_least": 2}, "苹果"),
        ({"all": ["苹果", "梨"]}, "苹果"),
        ({"list": ["fruit"], "except_list": ["juice"]}, "苹果汁"),
        ({"any": ["微信"]}, "微 信"),
        ({"any": ["微信"]}, "不能加微信"),
        ({"any": ["最好"]}, "您说的“最好”"),
        ({"any": ["vx"]}, "支持avx512"),
        ({"any": ["hi"]}, "which"),
        ({"any": ["12"]}, "3125"),
        ({"any": ["vx"], "match": "squash"}, "avx512"),
        ({"none": ["苹果"]}, "苹果"),
        ({"none_list": ["fruit"]}, "梨"),
    ],
)
def test_misses(judge, keywords: dict, text: str) -> None:
    assert say(judge, text, **keywords).state == "miss"


def test_a_latin_word_may_touch_a_number_and_a_han_character(judge) -> None:
    assert say(judge, "加vx123吧", any=["vx"]).state == "hit"


@pytest.mark.parametrize(
    ("keywords", "text", "state"),
    [
        ({"any": ["嗯", "哦", "啊"], "different": 2}, "嗯嗯嗯", "miss"),
        ({"any": ["嗯", "哦", "啊"], "different": 2}, "嗯嗯哦", "hit"),
        ({"any": ["嗯", "哦", "啊"], "different": 2, "at_least": 4}, "嗯嗯哦", "miss"),
        ({"any": ["ok", "yes"], "different": 2}, "OK ok ＯＫ", "miss"),
        ({"list": ["fruit"], "different": 2}, "苹果苹果", "miss"),
    ],
)
def test_different_words(judge, keywords: dict, text: str, state: str) -> None:
    assert say(judge, text, **keywords).state == state


@pytest.mark.parametrize(
    "keywords", [{"none": ["苹果"]}, {"none_list": ["fruit"]}, {"none": ["桃"], "none_list": ["fruit"]}]
)
def test_an_absence_cites_what_was_searched(judge, keywords: dict) -> None:
    answer = judge({"keywords": keywords}, "客户: 在吗\n客服: 您好\n客服: 在的", wordlists=LISTS)
    assert (answer.state, answer.searched, answer.quotes) == ("hit", [1, 2], [])


def test_a_negated_word_is_absent_unless_said_otherwise(judge) -> None:
    assert say(judge, "没有苹果", none=["苹果"]).state == "hit"
    assert say(judge, "没有苹果", none=["苹果"], negated=True).state == "miss"


def test_the_customers_words_do_not_count_for_the_agent(judge) -> None:
    assert judge({"keywords": {"any": ["微信"]}}, "客户: 加微信吗\n客服: 在").state == "miss"


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({}, "give exactly one of"),
        ({"any": ["甲"], "none": ["乙"]}, "give exactly one of"),
        ({"any": ["甲"], "all": ["乙"]}, "give exactly one of"),
        ({"any": "甲"}, "must be a list"),
        ({"any": [""]}, "at least 1 character"),
        ({"any": ["\u200b"]}, "is empty once folded (fold)"),
        ({"any": ["..."], "match": "squash"}, "is empty once folded (squash)"),
        ({"any": [12315]}, "must be a text"),
        ({"list": ["nowhere"]}, "no word list is named 'nowhere'"),
        ({"any": ["甲"], "at_least": 0}, "greater than or equal to 1"),
        ({"all": ["甲"], "at_least": 2}, "at_least counts the words of any/list"),
        ({"none": ["甲"], "different": 2}, "different counts the words of any/list"),
        ({"any": ["甲"], "match": "exact"}, "'exact' is not one of its values (known: fold, squash)"),
        ({"any": ["甲"], "role": "boss"}, "'boss' is not one of its values (known: customer, agent, "),
        ({"any": ["甲"], "first": 0}, "greater than or equal to 1"),
        ({"any": ["甲"], "excepts": ["乙"]}, "unknown field 'excepts'; did you mean 'except'?"),
    ],
)
def test_mistakes(judge, keywords: dict, reason: str) -> None:
    from qa.errors import PackError

    with pytest.raises(PackError) as caught:
        say(judge, "甲", **keywords)
    assert reason in str(caught.value)


ALPHABET = "微薇信➕加我ＶＸvx㎏…½ﬁ①é\u0301\u200b\ufe0f😀❤謝\n\r\0\u001e\u2028 .-"
WORDS = ("微信", "加我", "vx", "kg", "谢", "1", "fi", "12")


@pytest.mark.slow
@given(st.lists(st.text(st.sampled_from(ALPHABET), max_size=12), min_size=1, max_size=6), st.sampled_from(list(Level)))
def test_every_quote_is_cut_from_the_original_and_means_the_word(texts: list[str], level: Level) -> None:
    pack = make_pack({"when": {"keywords": {"any": WORDS, "match": level.value, "negated": True, "quoted": True}}})
    chat = Chat("c", tuple(Message(Role.AGENT, text) for text in texts))
    opinion = compile_pack(pack).judge(chat, house_context(pack), "2026-11-20")
    assert opinion.broken == ()
    for finding in opinion.findings:
        for place in finding.evidence:
            assert chat.messages[place.turn].text[place.start : place.end] == place.quote
            assert any(fold(word, level) in fold(place.quote, level) for word in WORDS)
    plain = [fold(text, level) for text in texts]
    if any("微信" in text for text in plain):
        assert opinion.findings


def test_words_of_one_slot_are_searched_once() -> None:
    bench = Bench(lambda name: house_wordlists()[name])
    Keywords.model_validate({"any": ["甲", "甲", "Ａ"]}).compile(bench)
    Keywords.model_validate({"any": ["甲", "a"]}).compile(bench)
    [index] = bench.freeze().values()
    assert index.phrases == ("a", "甲")
    assert [len(index.slots[group]) for group in index.group_of] == [2, 2]


def test_ten_thousand_turns_and_ten_thousand_hits(judge) -> None:
    chat = Chat("c", tuple(Message(Role.AGENT, "苹果，苹果汁") for _ in range(10_000)))
    keywords = {"any": ["苹果", "果"], "except": ["苹果汁"]}
    finding = judge({"keywords": keywords}, chat).finding
    assert (finding.hits, len(finding.evidence)) == (10_000, 20)


def test_one_message_of_many_thousand_hits(judge) -> None:
    chat = Chat("c", (Message(Role.AGENT, "您好“苹果汁" * 30_000),))
    assert judge({"keywords": {"any": ["您好", "好", "苹果"], "except": ["苹果汁"]}}, chat).finding.hits == 30_000


SYNONYMS = {"refund": ("退款", "退钱"), "fee": ("运费", "邮费")}


@pytest.mark.parametrize(
    ("question", "text", "state"),
    [
        ({"groups": [["退款", "退钱"], ["运费", "邮费"]]}, "退钱，邮费我出", "hit"),
        ({"groups": [["退款", "退钱"], ["运费", "邮费"]]}, "退钱", "miss"),
        ({"all_list": ["refund", "fee"]}, "退款和运费", "hit"),
        ({"all_list": ["refund", "fee"]}, "运费多少", "miss"),
        ({"all": ["今天"], "all_list": ["refund"], "groups": [["原路", "支付宝"]]}, "今天原路退款", "hit"),
        ({"all": ["今天"], "all_list": ["refund"], "groups": [["原路", "支付宝"]]}, "今天原路退", "miss"),
    ],
)
def test_synonyms(judge, question: dict, text: str, state: str) -> None:
    assert judge({"keywords": question}, f"客户: 在\n客服: {text}", wordlists=SYNONYMS).state == state


@pytest.mark.parametrize("name", ["keywords", "regex"])
def test_questions_and_statements(judge, name: str) -> None:
    body = {"any": ["退款"]} if name == "keywords" else {"pattern": "退款"}
    chat = "客户: 在\n客服: 能退款吗？可以退款。"
    for asked, places in (("count", [(1, 3), (7, 9)]), ("skip", [(7, 9)]), ("only", [(1, 3)])):
        answer = judge({name: {**body, "asked": asked}}, chat)
        assert [(place.start, place.end) for place in answer.evidence] == places
