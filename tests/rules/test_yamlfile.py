"""Strict YAML: what is refused, and where."""

from __future__ import annotations

import pytest

from qa.errors import PackError
from qa.rules.yamlfile import parse_yaml


def test_values_and_positions() -> None:
    document = parse_yaml('a: 1\nb:\n  - x\n  - {c: 1.5, d: true, e: ~, f: 2026-11-20, g: 1:30, h: "5"}\n', "f.yaml")
    assert document.value == {
        "a": 1, "b": ["x", {"c": 1.5, "d": True, "e": None, "f": "2026-11-20", "g": "1:30", "h": "5"}],
    }  # fmt: skip
    assert document.where(("b", 1, "d")) == "f.yaml:4:14"
    assert document.where(("b", 0)) == "f.yaml:3:5"
    assert document.where(("b", 1, "zzz", 4)) == "f.yaml:4:5"
    assert document.where(("zzz",)) == "f.yaml:1:1"
    assert str(document.error(("b", 1), "is wrong")) == "f.yaml:4:5: b.1: is wrong"
    assert str(document.error((), "is wrong")) == "f.yaml:1:1: is wrong"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: the file is empty"),
        ("# nothing", "1:1: the file is empty"),
        ("a: 1\nb: 2\na: 3", "3:1: 'a' is given twice"),
        ("a: {b: 1, b: 2}", "1:11: 'b' is given twice"),
        ("a: &x 1", "1:4: anchors and aliases are not allowed"),
        ("a: &x [1]\nb: *x", "1:4: anchors and aliases are not allowed"),
        ("&x a: 1", "1:1: a key must be a plain word"),
        ("? [a]\n: 1", "1:3: a key must be a plain word"),
        ('"a\\0": 1', "1:1: a key must be a plain word"),
        ("a: !x 1", "1:4: cannot read '1' as !x"),
        ("a: !x {b: 1}", "1:4: tags (!x) are not allowed"),
        ("a: !!set {b}", "1:4: tags (tag:yaml.org,2002:set) are not allowed"),
        ("a: !!python/object:os.system x", "1:4: cannot read"),
        ("a: .inf", "1:4: cannot read '.inf' as float"),
        ("a: .nan", "1:4: cannot read '.nan' as float"),
        ("a: 0o17", "1:4: cannot read '0o17' as int"),
        ("a: 99999999999999999999", "1:4: cannot read '99999999999999999999' as int"),
        ('a: "x\\0y"', "1:4: holds '\\x00', which is no character of a text"),
        ('a: "\\ud800"', "1:4: holds '\\ud800', which is no character of a text"),
        ("a: 1\nb: \0", "2:4: character '\\x00' is not allowed"),
        ("a: [1", "1:6: expected"),
        ("a: b: c", "1:5"),
        ("a: 1\n---\nb: 2", "2:1"),
        ("\ta: 1", "1:1"),
        ("[" * 60 + "]" * 60, "1:42: nested too deeply"),
        ("[" * 1500, "1:1: nested too deeply"),
        ("a: *x", "1:4: anchors and aliases are not allowed"),
        ("a:\n\tb: 1", "2:1: a tab: lines are indented with blanks"),
        ("a：1\nb: 2", "2:2: mapping values are not allowed here; in line 1 the colon is full-width"),
        (
            "a:\n  b:1\n  c: 2",
            "3:4: mapping values are not allowed here; in line 2 a blank is missing behind the colon",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(PackError) as caught:
        parse_yaml(text, "f.yaml")
    assert str(caught.value).startswith(f"f.yaml:{message}")
