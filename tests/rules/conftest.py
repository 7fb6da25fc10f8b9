"""A bench for rules: one condition and one chat in plain notation, judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qa.rules.context import house_context
from qa.rules.engine import Opinion, RuleSet, compile_pack
from qa.rules.pack import Pack, Rule, house_wordlists, load_house, load_pack
from qa.sources.plain import parse_plain
from qa.types import Chat, Evidence, Finding

DAY = "2026-11-20"
NAMES = {"zh": "规则", "en": "Rule"}

PackOf = Callable[..., Pack]
Judge = Callable[..., "Answer"]


class Answer:
    """What one rule says about one chat."""

    def __init__(self, opinion: Opinion, chat: Chat) -> None:
        self.opinion, self.chat = opinion, chat
        for finding in opinion.findings:
            for place in finding.evidence:
                assert chat.messages[place.turn].text[place.start : place.end] == place.quote

    @property
    def finding(self) -> Finding:
        [finding] = self.opinion.findings
        return finding

    @property
    def state(self) -> str:
        if self.opinion.broken:
            return "broken"
        if self.opinion.findings:
            return "hit"
        return "n/a" if self.opinion.not_applicable else "miss"

    @property
    def reason(self) -> str:
        return self.opinion.not_applicable["rule"]

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return self.finding.evidence

    @property
    def quotes(self) -> list[tuple[int, str]]:
        return [(place.turn, place.quote) for place in self.evidence if not place.absent]

    @property
    def searched(self) -> list[int]:
        return [place.turn for place in self.evidence if place.absent]


def make_pack(*rules: dict[str, Any], wordlists: dict[str, tuple[str, ...]] | None = None) -> Pack:
    defaults = {
        "id": "rule", "name": NAMES, "dimension": "process", "severity": "minor", "deduct": 2, "message": NAMES,
    }  # fmt: skip
    return Pack(
        id="test",
        version="1",
        name=NAMES,
        rules=tuple(Rule.model_validate(defaults | rule) for rule in rules),
        wordlists=house_wordlists() | (wordlists or {}),
    )


@pytest.fixture
def pack_of() -> PackOf:
    """A pack of the given rules; what a rule leaves out is filled in."""
    return make_pack


@pytest.fixture
def judge() -> Judge:
    """``judge(condition, chat, let=…, applies=…)``: the answer of a rule with that condition."""

    def judged(
        when: Any, chat: str | Chat, *, wordlists: dict[str, tuple[str, ...]] | None = None, **rule: Any
    ) -> Answer:
        pack = make_pack({"when": when, **rule}, wordlists=wordlists)
        one = parse_plain(chat)[0] if isinstance(chat, str) else chat
        return Answer(compile_pack(pack).judge(one, house_context(pack), DAY), one)

    return judged


@pytest.fixture(scope="session")
def house_rules() -> RuleSet:
    """The house pack, compiled."""
    return compile_pack(load_house())


@pytest.fixture
def pack_file(tmp_path: Path) -> Callable[[str], Path]:
    """Write a pack file and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "pack.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def mistake(pack_file: Callable[[str], Path]) -> Callable[[str], str]:
    """The message about a pack's first mistake, without the folder."""
    from qa.errors import PackError

    def of(text: str) -> str:
        path = pack_file(text)
        with pytest.raises(PackError) as caught:
            compile_pack(load_pack(path))
        return str(caught.value).removeprefix(str(path) + ":")

    return of
