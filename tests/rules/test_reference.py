"""docs/rules.md cannot drift: its generated parts are what the code says, its examples compile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qa.rules.advice import operators_used
from qa.rules.engine import compile_pack
from qa.rules.pack import load_house, load_pack
from qa.rules.reference import operator_reference, points, rule_reference, spliced
from qa.rules.registry import operators
from qa.rules.yamlfile import parse_yaml


@pytest.fixture(scope="module")
def document(root: Path) -> str:
    return (root / "docs" / "rules.md").read_text(encoding="utf-8")


def test_the_generated_parts_are_current(document: str) -> None:
    assert spliced(document, "operators", operator_reference()) == document, "run: qa rules docs --write docs/rules.md"
    assert spliced(document, "rules", rule_reference(load_house().pack)) == document


@pytest.mark.parametrize("name", operators())
def test_every_operators_example_compiles_and_uses_it(pack_of, name: str) -> None:
    [example] = re.findall(r"Example: ``(.*)``", operators()[name].__doc__ or "")
    let = {"complaint": {"keywords": {"list": ["complaint"], "role": "customer"}}}
    pack = pack_of({"when": parse_yaml(example, "example").value, "let": let})
    compile_pack(pack)
    assert name in operators_used(pack.rules)


def test_every_pack_of_the_document_loads(document: str, tmp_path: Path) -> None:
    packs = [text for text in re.findall(r"```yaml\n(.*?)```", document, re.DOTALL) if text.startswith("pack:")]
    assert len(packs) >= 2
    for number, text in enumerate(packs):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text, encoding="utf-8")
        compile_pack(load_pack(path))


def test_points_in_words() -> None:
    said = {rule.id: points(rule) for rule in load_house().pack.rules}
    assert said["red-insult"] == "score 0"
    assert said["excellent-care"] == "+2 of 100"
    assert said["unanswered"] == "−8"


def test_a_document_without_the_part() -> None:
    with pytest.raises(ValueError, match="no part 'rules'"):
        spliced("text", "rules", "new")
