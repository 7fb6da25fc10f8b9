"""One rule and one chat, judged; shared by the tests of the rule engine."""

from __future__ import annotations

from typing import Any

from qa.rules.drafts import Opinion
from qa.rules.pack import Pack, Rule, house_wordlists
from qa.types import Chat, Evidence, Finding

DAY = "2026-11-20"
NAMES = {"zh": "规则", "en": "Rule"}


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
