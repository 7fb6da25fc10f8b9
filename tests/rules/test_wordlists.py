"""The shipped word lists: who reads one sees what each group of it is for."""

from __future__ import annotations

from importlib import resources

import pytest

from qa.phrases import load_wordlist

LISTS = {
    file.name: file.read_text(encoding="utf-8")
    for file in resources.files("qa.rules").joinpath("wordlists").iterdir()
    if file.name.endswith(".txt")
}


@pytest.mark.parametrize("name", sorted(LISTS))
def test_every_group_begins_with_a_comment(name: str) -> None:
    groups = [group for group in LISTS[name].strip().split("\n\n") if group.strip()]
    assert [group.split("\n")[0] for group in groups if not group.lstrip().startswith("#")] == []
    assert load_wordlist(LISTS[name])
