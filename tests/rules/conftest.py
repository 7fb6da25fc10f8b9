"""A bench for rules: one condition and one chat in plain notation, judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rule_bench import DAY, Answer, make_pack

from qa.rules.context import house_context
from qa.rules.engine import RuleSet, compile_pack
from qa.rules.pack import Pack, load_house, load_pack
from qa.sources.plain import parse_plain
from qa.types import Chat

PackOf = Callable[..., Pack]
Judge = Callable[..., Answer]


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
        context = house_context(pack)
        one = parse_plain(chat, context.zone)[0] if isinstance(chat, str) else chat
        return Answer(compile_pack(pack).judge(one, context, DAY), one)

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
