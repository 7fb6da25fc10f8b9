from __future__ import annotations

import random

import pytest

from qa.demo.grammar import Speech, TemplateError, parse, slots
from qa.demo.templates import dialogue, library, pool


def speech(**pools: str) -> Speech:
    return Speech(
        random.Random(1),
        {name: pool(text) for name, text in pools.items()},
        {"product": "枕头"},
        {"d2": lambda _: "42"},
    )


def test_facts_pools_and_makers_fill_slots():
    assert speech(ask="{product}呢").fill(parse("{ask}{d2}")) == "枕头呢42"


def test_once_slots_say_the_same_twice():
    spoken = speech(q="a\nb\nc\nd\ne\nf").fill(parse("{$q}{$q}{$q}"))
    assert len(set(spoken)) == 1


def test_a_silenced_pool_says_nothing():
    voice = speech(sorry="抱歉，")
    voice.silenced = frozenset({"sorry"})
    assert voice.fill(parse("{sorry}好")) == "好"


@pytest.mark.parametrize("text", ["(a", "a)", "a|b", "{x", "x}", "((a)"])
def test_malformed_templates_are_refused(text):
    with pytest.raises(TemplateError):
        parse(text)


def test_an_unknown_slot_is_refused():
    with pytest.raises(TemplateError, match="nope"):
        speech().fill(parse("{nope}"))


def test_a_line_without_a_speaker_is_refused():
    with pytest.raises(TemplateError, match="not a dialogue line"):
        dialogue("您好")


def test_every_slot_of_the_library_can_be_filled():
    from qa.demo.generate import _MAKERS

    books = library()
    common = {"shop", "agent", "p", "number", *_MAKERS}
    for merchant in books.house.merchant:
        known = common | set(merchant.facts)
        for scenario in books.scenarios:
            inserts = [*books.plants.values(), *books.traps, *books.sides]
            spoken = [*scenario.skeletons, *(d for insert in inserts for d in insert.dialogues)]
            templates = [line.template for lines in spoken for line in lines]
            templates += [variant for variants in scenario.pools.values() for variant in variants]
            wanted = set().union(*map(slots, templates))
            assert wanted <= known | set(scenario.pools), (scenario.id, wanted - known - set(scenario.pools))
